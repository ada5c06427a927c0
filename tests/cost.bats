#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Which patches claim to change nothing, and how a run is counted. Nothing is
# built or booted.

load common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export BUILD_LOCK_HELD=1
	unset LINUX TARBALL
}

# of_cost FUNCTION ARG...: one function of the script, alone.
of_cost() {
	# shellcheck disable=SC2016
	bash -c '. "$ROOT/scripts/lib.sh"
		source <(sed "/^main \"/d; /^\. /d" "$ROOT/scripts/cost")
		M_suite=one; "$@"' "$ROOT/scripts/cost" "$@"
}

@test "a patch that says that it is no functional change is one to measure" {
	a_series
	sed -i '0,/^$/s//\nMoves a function. No intended\nFunctional Change./' "$S/patches/0002-dma-An-unused-variable.patch"
	run -0 "$ROOT/scripts/apply"
	run -0 of_cost claims
	[ "$output" = 2 ]
	PATCHES=1 run -0 of_cost claims
	[ "$output" = 1 ]
	PATCHES=3 run -2 of_cost claims
	[ "$output" = "cost: PATCHES: '3' is not one of 1..2" ]
}

@test "the time of a suite goes from its first line to its last" {
	printf '[    0.%s\r\n' '100000] 1..2' '200000]     # Subtest: one' '200500]     ok 1 x' '201234] ok 1 one' \
		'300000]     # Subtest: one_more' '400000] ok 2 one_more' >log
	of_cost suite_lines log >suite
	[ "$(wc -l <suite)" -eq 3 ]
	[ "$(of_cost thousands <suite)" = 1234 ]
	[ "$(of_cost thousands </dev/null)" = null ]
}

@test "instructions in a trace: blocks as long as they were listed last, as often as they were run" {
	cat >trace <<-'END'
	Trace 0: 0x7f3d00f95300 [0000000000000000/ffffffff81000000/0040c2b0/ff020200] 
	----------------
	IN: 
	0xffffffff810f8010:  80 3d ae a4 5f 00 00     cmpb     $0, 0x5fa4ae(%rip)
	0xffffffff810f8017:  48 b8 88 77 66 55 44 33  movabsq  $0x1122334455667788, %rax
	0xffffffff810f801f:  22 11
	0xffffffff810f8021:  0f 85 be 00 00 00        jne      0xffffffff810f80db

	Trace 0: 0x7f3d00f95380 [0000000000000000/ffffffff810f8010/0040c2b0/ff020200] 
	Trace 0: 0x7f3d00f95380 [0000000000000000/ffffffff810f8010/0040c2b0/ff020200] f
	----------------
	IN: 
	0xffff8000800d72e4:  d503233f  paciasp

	Trace 0: 0x7f0636f77280 [0000000000007001/ffff8000800d72e4/00000021/ff020201] 
	----------------
	IN: 
	0xffffffff810f8010:  80 3d ae a4 5f 00 00     cmpb     $0, 0x5fa4ae(%rip)

	Trace 0: 0x7f3d00f95380 [0000000000000000/ffffffff810f8010/0040c2b0/ff020201] 
	Trace 0: 0x7f3d00f95400 [0000000000000000/ffffffff82000000/0040c2b0/ff020200] 
	Trace 0: 0x7f3d00f95380 [0000000000000000/ffffffff810f8010/0040c2b0/ff020201] 
	END
	[ "$(of_cost executed trace ffffffff81000000 ffffffff82000000)" = 8 ]
	[ "$(of_cost executed trace ffffffff82000000 0)" = 1 ]
}
