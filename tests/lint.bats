#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The project's own files: style, and what must not stand in them.

# shellcheck disable=SC2030,SC2031
# Each test has a shell of its own.

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

# bad PATCH: the line of scripts/style for that patch of tests/bad/lint, and its findings.
bad() {
	sed -n "/^style [A-Zok]* *$1-/,/^style/p" <<<"$output" | sed '2,$ { /^style/d }'
}

@test "each known-bad patch has the findings that its mail gives rise to" {
	export SERIES=$ROOT/tests/bad/lint/series OUT=$BATS_TEST_TMPDIR/out
	run -1 --separate-stderr "$ROOT/scripts/style"
	while IFS=$'\t' read -r n check part; do
		case $check in
		checkpatch|subject|changelog|exports)
			bad "$(printf %04d "$n")" | grep -F "    $check: " | grep -qF -- "$part" ;;
		esac
	done <"$ROOT/tests/bad/lint/expect"
	[ "$(grep -c '^style BAD' <<<"$output")" = 6 ]
	[[ $(bad 0002) = 'style ok '* ]]
}

@test "an entry of lint.allow without a reason" {
	cp -r "$ROOT/scripts" "$BATS_TEST_TMPDIR/scripts"
	printf 'subject .*\n' >>"$BATS_TEST_TMPDIR/scripts/lint.allow"
	a_series
	run -2 "$BATS_TEST_TMPDIR/scripts/style"
	[[ ${lines[-1]} = 'style: scripts/lint.allow:'*': no reason; write it behind " # "' ]]
}
