#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# What scripts/life does without a guest: what it is asked for, the disk's first page,
# and what of a log is judged after a panic that was asked for.

load common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export BUILD_LOCK_HELD=1
	unset LINUX TARBALL
}

# of_life FUNCTION ARG...: one function of the script, alone.
of_life() {
	# shellcheck disable=SC2016
	bash -c '. "$ROOT/scripts/lib.sh"
		source <(sed "/^main \"/d; /^\. /d" "$ROOT/scripts/life")
		"$@"' "$ROOT/scripts/life" "$@"
}

# happens_to LINE...: what a machine with these lines goes through.
happens_to() {
	printf '%s\n' 'arch arm64' 'module life' "$@" >row.machine
	# shellcheck disable=SC2016
	of_life eval 'read_machine_file row.machine; happens'
}

@test "a machine that there is not, and none that is left" {
	LIFE=none run -2 --separate-stderr "$ROOT/scripts/life"
	# shellcheck disable=SC2154
	[[ $stderr = "life: LIFE: unknown machine 'none'; known: arm64-crash "* ]]
	LIFE=x86_64-kexec ARCHS=arm64 run -2 --separate-stderr "$ROOT/scripts/life"
	one_line 'life: LIFE and ARCHS together leave no machine'
}

@test "what a machine goes through is said, and known" {
	run -0 happens_to 'append life=kexec'
	[ "$output" = kexec ]
	run -2 --separate-stderr happens_to 'append life=sleep'
	one_line "life: row.machine: 'life=sleep' is not known; life-test.c says what is"
	run -2 --separate-stderr happens_to 'append resume=/dev/vda'
	one_line "life: row.machine: no 'append life=WHAT'"
}

@test "the first page has fields of 16 bytes" {
	of_life field 4711 >got
	[ "$(stat -c %s got)" = 16 ]
	[ "$(tr -d '\0' <got)" = 4711 ]
}

@test "of a panic that was asked for nothing is judged, of any other all" {
	cat >log <<-'END'
	[    0.000000] Linux version 7.3.0
	[    1.000000] WARNING: before
	[    2.000000] sysrq: Trigger a crash
	[    2.000001] Kernel panic - not syncing: sysrq triggered crash
	[    0.000000] Linux version 7.3.0
	[    1.000000] Kernel panic - not syncing: of the next kernel
	END
	of_life without_crash <log >judged
	[ "$(wc -l <judged)" = 4 ]
	grep -q 'WARNING: before' judged
	[ "$(grep -c 'Kernel panic' judged)" = 1 ]
	grep -q 'of the next kernel' judged
}

@test "pages that were cleaned on the way back, one that was not, and one too late" {
	{
		printf 'Trace 0: 0x7f7b37ff5780 [0000000000005001/ffff800080021540/00000021/ff000201] \n'
		printf ' PC=ffff800080021540 X00=ffff000002236000 X01=ffff000002237000\n'
		printf ' PC=ffff800080021540 X00=ffff000002238000 X01=ffff00000223a000\n'
		printf ' PC=ffff8000800c1230 X00=0000000000000000 X01=0000000000000000\n'
		printf ' PC=ffff800080021540 X00=ffff00000223a000 X01=ffff00000223b000\n'
	} >trace
	printf '[    1.000000]     # not write-back: 0xffff000002238000-0xffff00000223a000\r\n' >log
	run -0 of_life not_cleaned trace log ffff8000800c1230
	[ -z "$output" ]
	printf '[    1.000000]     # not write-back: 0xffff000002236000-0xffff000002239000\n' >>log
	run -0 of_life not_cleaned trace log ffff8000800c1230
	[ "$output" = ffff000002237000 ]
	printf '[    1.000000]     # not write-back: 0xffff00000223a000-0xffff00000223b000\n' >log
	run -0 of_life not_cleaned trace log ffff8000800c1230
	[ "$output" = ffff00000223a000 ]
}
