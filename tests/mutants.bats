#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The mutants: each applies to the tip and is named where it must be caught, or as one
# that is not; those that were asked for are there; and each patch of the series has
# one, or a reason. Nothing is built.

# shellcheck disable=SC2154
# bats sets $output and $stderr.

load common

setup_file() {
	local out=$BATS_FILE_TMPDIR/out
	(unset LINUX TARBALL; BUILD_LOCK_HELD=1 OUT=$out "$ROOT/scripts/apply") >&2
	export REPO=${XDG_CACHE_HOME:-$HOME/.cache}/dma-uncached-pages/linux.git
	export STEPS=$out/steps.tsv
}

# tip, base: the commits.
tip() {
	tail -n 1 "$STEPS" | cut -f2
}

base() {
	head -n 1 "$STEPS" | cut -f2
}

# lines FILE: without comments.
lines() {
	grep -v -e '^#' -e '^$' "$ROOT/tests/$1"
}

# none LINES: prints what is left, and fails if that is anything.
none() {
	[ -z "$1" ] || {
		printf '%s\n' "$1"
		return 1
	}
}

mutants() {
	printf '%s\n' "$ROOT"/tests/mutants/*.patch | sed 's|.*/||' | sort
}

# named: the mutants that the lists name.
named() {
	lines proofs.txt | sed -n 's|^mutants/\([^ ]*\) .*|\1|p'
	lines witness-proofs.txt | cut -d' ' -f1
	lines survivors.txt | cut -d' ' -f1
}

@test "every mutant is named with the test that catches it, or as a survivor; and no other" {
	none "$(comm -3 <(mutants) <(named | sort -u))"
}

@test "no survivor is named with a test as well" {
	none "$(comm -12 <(lines survivors.txt | cut -d' ' -f1 | sort) \
		<({ lines proofs.txt | sed -n 's|^mutants/\([^ ]*\) .*|\1|p'; lines witness-proofs.txt | cut -d' ' -f1; } | sort -u))"
}

@test "every survivor, and every patch that is not tested, has a reason" {
	none "$(lines survivors.txt | awk 'NF < 4'; lines untested.txt | awk 'NF < 2')"
}

@test "there are enough mutants, and few survivors" {
	[ "$(mutants | wc -l)" -ge 60 ]
	[ $((100 * $(lines survivors.txt | wc -l))) -le $((5 * $(mutants | wc -l))) ]
}

@test "the mistakes that were asked for are there" {
	none "$(lines required.txt | cut -d' ' -f1 | tr ',' '\n' | sed 's/$/.patch/' | sort -u | comm -23 - <(mutants))"
}

@test "every mutant says its mistake, and makes one change of the kernel" {
	local file
	for file in "$ROOT"/tests/mutants/*.patch; do
		grep -q '^Subject: \[PATCH\] ..*' "$file"
		grep -q '^--- a/' "$file"
	done
}

@test "every mutant applies to the tip" {
	local file wrong=''
	export GIT_INDEX_FILE=$BATS_TEST_TMPDIR/index
	# The files that they touch are enough, and quicker.
	cat "$ROOT"/tests/mutants/*.patch | sed -n 's|^--- a/||p' | sort -u |
		xargs git --git-dir="$REPO" ls-tree -r "$(tip)" -- | git --git-dir="$REPO" update-index --index-info
	for file in "$ROOT"/tests/mutants/*.patch; do
		git --git-dir="$REPO" apply --cached --check --whitespace=nowarn "$file" || wrong+=${file##*/}$'\n'
	done
	none "$wrong"
}

@test "every patch has a mutant that changes its lines, or a reason why not" {
	cd "$BATS_TEST_TMPDIR"
	python3 "$ROOT/tests/mutants.py" "$REPO" "$(base)" "$(tip)" "$ROOT"/tests/mutants/*.patch >owned
	# The name without its number, and the subject.
	awk -F'\t' 'NR > 1 { sub(/^[0-9]+-/, "", $4); print $4 "\t" $6 }' "$STEPS" >patches
	awk -F'\t' 'NR == FNR { has[$2] = 1; next } $2 in has { print $1 }' owned patches | sort >with
	lines untested.txt | cut -d' ' -f1 | sort >reasons
	none "$(comm -23 <(cut -f1 patches | sort) <(sort -u with reasons))"
	none "$(comm -23 reasons <(cut -f1 patches | sort))"
}

@test "MUTANTS takes those that it names, and says when there are none" {
	run -2 --separate-stderr env MUTANTS='none' BUILD_LOCK_HELD=1 OUT="$BATS_FILE_TMPDIR/out" \
		RUN_STARTED=1 "$ROOT/scripts/prove"
	one_line 'prove: MUTANTS: no proof of these, for the machines that are asked for'
}

# counted N: a copy with N mutants that nothing was run for; scripts/prove counts them.
counted() {
	local n copy=$BATS_TEST_TMPDIR/copy out=$BATS_TEST_TMPDIR/counts
	mkdir -p "$copy/tests/mutants" "$out/matrix" "$out/witness"
	cp -r "$ROOT/scripts" "$ROOT/qemu-images" "$ROOT/kunit-configs" "$copy/"
	for ((n = 1; n <= $1; n++)); do
		: >"$copy/tests/mutants/$n.patch"
	done
	printf '# none\n' >"$copy/tests/proofs.txt"
	[ -f "$copy/tests/survivors.txt" ] || printf '# none\n' >"$copy/tests/survivors.txt"
	cp "$STEPS" "$out/"
	run "-$2" --separate-stderr env ALL=1 BUILD_LOCK_HELD=1 RUN_STARTED=1 OUT="$out" "$copy/scripts/prove"
	counts=$out/mutants.txt
}

@test "what a row or the witness has caught counts, a survivor does not, and 95 of 100 are needed" {
	mkdir -p "$BATS_TEST_TMPDIR"/{counts/matrix,counts/witness,copy/tests}
	for n in {1..18}; do
		printf 'failed/ok\tmutants/%s.patch\trow\ttest\n' "$n"
	done >"$BATS_TEST_TMPDIR/counts/matrix/proofs.tsv"
	tail -n 1 "$STEPS" | cut -f3 >"$BATS_TEST_TMPDIR/counts/matrix/proofs.tree"
	jq -n --arg tree "$(tail -n 1 "$STEPS" | cut -f3)" '{tree: $tree, mistakes: [{mistake: "19.patch", machine: "m", kind: "alias", found: "alias restore"},
		{mistake: "20.patch", machine: "m", kind: "alias", found: "restore"}]}' >"$BATS_TEST_TMPDIR/counts/witness/results.json"
	counted 20 1
	[ "$output" = '19 of 20 mutants are caught: 95 in 100, 95 have to be' ]
	grep -q '^caught    19.patch  *m: alias$' "$counts"
	grep -q '^NOT       20.patch ' "$counts"

	echo '20.patch  QEMU has no caches.' >"$BATS_TEST_TMPDIR/copy/tests/survivors.txt"
	counted 20 0
	grep -q '^survivor  20.patch  *QEMU has no caches.$' "$counts"

	# One more that passed with the mistake.
	sed -i 's/^failed\(.*18.patch\)/ok\1/' "$BATS_TEST_TMPDIR/counts/matrix/proofs.tsv"
	echo '18.patch  Nor this.' >>"$BATS_TEST_TMPDIR/copy/tests/survivors.txt"
	counted 20 1
	[ "$output" = '18 of 20 mutants are caught: 90 in 100, 95 have to be' ]

	# What was found of another tree does not count.
	echo another >"$BATS_TEST_TMPDIR/counts/matrix/proofs.tree"
	counted 20 1
	[ "$output" = '1 of 20 mutants are caught: 5 in 100, 95 have to be' ]
}
