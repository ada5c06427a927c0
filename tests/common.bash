# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the bats files share.

bats_require_minimum_version 1.5.0

ROOT=$(cd "$BATS_TEST_DIRNAME" && git rev-parse --show-toplevel)
export ROOT

# kunit_dir: kunit.py's parser, taken from the base as scripts/step takes it.
kunit_dir() {
	local base repo=${XDG_CACHE_HOME:-$HOME/.cache}/dma-uncached-pages/linux.git
	base=$("$ROOT/scripts/base")
	mkdir -p "$BATS_FILE_TMPDIR/kunit"
	git --git-dir="$repo" archive "$base" tools/testing/kunit | tar -x -C "$BATS_FILE_TMPDIR/kunit"
	printf '%s\n' "$BATS_FILE_TMPDIR/kunit/tools/testing/kunit"
}

# a_series: a series of two small patches in $S, to be spoilt.
a_series() {
	S=$BATS_TEST_TMPDIR/s
	mkdir -p "$S/patches"
	cp "$ROOT"/tests/bad/apply/patches/0001* "$S/patches/"
	cp "$ROOT"/tests/bad/warning/patches/0001* "$S/patches/0002-dma-An-unused-variable.patch"
	printf '%s\n' 0001-README-Harmless-change-1.patch 0002-dma-An-unused-variable.patch >"$S/series"
	export SERIES=$S/series OUT=$BATS_TEST_TMPDIR/out
}

# one_line EXPECTED [LINES]: that is all that was said (LINES, of $stderr), and nothing
# was printed.
one_line() {
	# bats sets both.
	# shellcheck disable=SC2154
	[ -z "$output" ]
	# shellcheck disable=SC2154
	[ "${2-$stderr}" = "$1" ] || {
		printf 'got:      %s\nexpected: %s\n' "${2-$stderr}" "$1"
		return 1
	}
}

# record N TESTS [CHANGE]: writes N.record, what scripts/step would measure of
# step N with these tests, changed by jq.
record() {
	jq -n --argjson n "$1" --argjson tests "$2" '{n: $n, arch: "x86_64", file: "one.patch", subject: "x: S",
		commit: "c\($n)", tree: "t\($n)", apply: "ok", early_verdict: "", detail: "", build: "ok",
		warnings: [], base_warnings: [], image: "i\($n)", cached: false, reproduce: "again \($n)",
		boot: {verdict: "ok", detail: "", tests: $tests}, seconds: {config: 1, build: 2, boot: 3}}' |
		jq "${3:-.}" >"$1.record"
}
