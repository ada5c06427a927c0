#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The project's own files: style, and what must not stand in them.

load common

@test "shellcheck is clean" {
	cd "$ROOT"
	local f scripts=(.ci/run)
	for f in scripts/*; do
		! head -n 1 "$f" | grep -q bash || scripts+=("$f")
	done
	shellcheck -x scripts/lib.sh "${scripts[@]}" tests/common.bash tests/*.bats tests/slow/*.bats
}

@test "every option of kunit-configs is one that the tip knows" {
	local tip repo=${XDG_CACHE_HOME:-$HOME/.cache}/dma-uncached-pages/linux.git
	OUT=$BATS_TEST_TMPDIR/out "$ROOT/scripts/apply"
	tip=$(tail -n 1 "$BATS_TEST_TMPDIR/out/steps.tsv" | cut -f2)
	git --git-dir="$repo" grep -hE '^[[:space:]]*(menu)?config [A-Z0-9_]+$' "$tip" -- '*Kconfig*' |
		awk '{ print "CONFIG_" $2 }' | sort -u >"$BATS_TEST_TMPDIR/known"
	grep -hoE '^(# )?CONFIG_[A-Z0-9_]+' "$ROOT"/kunit-configs/* | sed 's/^# //' | sort -u >"$BATS_TEST_TMPDIR/asked"
	run -0 comm -13 "$BATS_TEST_TMPDIR/known" "$BATS_TEST_TMPDIR/asked"
	[ -z "$output" ]
}

@test "the patches are what git am takes and carry no invented tag" {
	cd "$ROOT"
	run ! grep -nE '^(Signed-off-by|Reviewed-by|Acked-by|Tested-by|Reported-by):' patches/*.patch
	for f in patches/*.patch; do
		run -0 git mailinfo /dev/null /dev/null <"$f"
		[[ $output = *'Author: '*'Email: '*@*'Subject: '* ]]
	done
}

@test "no path of one machine and no mirror in any file" {
	cd "$ROOT"
	# The address of this machine's mirror, if it has one, and where this clone is.
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null |
		sed -n 's|^[a-z]*://\([^/]*\).*|\1|p' >"$BATS_TEST_TMPDIR/places"
	printf '%s/\n/home/\n' "$(dirname "$ROOT")" | grep -v '^/*$' >>"$BATS_TEST_TMPDIR/places"
	run -1 git grep -nIF -f "$BATS_TEST_TMPDIR/places" -- . ':!tests/lint.bats'
}

@test "checkpatch finds what is not style" {
	a_series
	sed -i 's/^+\* known-bad 1$/+* known-bad 1  /' "$S"/patches/0001*
	run -1 --separate-stderr "$ROOT/scripts/style"
	[[ $output = *'style BAD      0001-README-Harmless-change-1.patch'*'trailing whitespace'* ]]
}
