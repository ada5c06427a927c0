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
