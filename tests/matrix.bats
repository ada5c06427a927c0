#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The other configurations: bad data files, what a later line replaces, and what
# is expected of a boot. Nothing is built.

# shellcheck disable=SC2030,SC2031,SC2154
# Each test has a shell of its own, and bats sets $stderr.

load common

# machine LINE...: a copy of the scripts in $COPY with one more machine, "new".
machine() {
	COPY=$BATS_TEST_TMPDIR/copy
	mkdir -p "$COPY"
	cp -r "$ROOT/scripts" "$ROOT/kunit-configs" "$ROOT/qemu-images" "$COPY/"
	printf '%s\n' "$@" >"$COPY/qemu-images/matrix/new.machine"
}

# refused LINE: what the main job says of the machine, before it does anything.
refused() {
	run -2 --separate-stderr "$COPY/scripts/matrix"
	one_line "matrix: $1"
}

@test "a configuration of an unknown architecture" {
	machine '# one' 'arch mips'
	refused "qemu-images/matrix/new.machine:2: unknown architecture 'mips'; known: x86_64 arm64"
}

@test "a configuration with an unknown build" {
	machine 'arch x86_64' 'build common'
	refused "qemu-images/matrix/new.machine:2: unknown build 'common'; known: 64k bench coverage debug device faults life off stress users witness"
}

@test "a configuration with an unknown field, or none" {
	machine 'arch x86_64' 'skipp x'
	refused "qemu-images/matrix/new.machine:2: unknown key 'skipp'"
	machine 'arch x86_64' 'arg'
	refused "qemu-images/matrix/new.machine:2: 'arg' has no value"
	machine 'arch x86_64' 'arch arm64'
	refused "qemu-images/matrix/new.machine:2: 'arch' stands once, in a variant"
	machine '# one' 'append nopat' 'arch x86_64'
	refused "qemu-images/matrix/new.machine:1: the first key must be 'arch'"
}

@test "a configuration with an unknown module, or a number that is none" {
	machine 'arch x86_64' 'module none'
	refused "qemu-images/matrix/new.machine:2: no module in qemu-images/none/"
	machine 'arch x86_64' 'moved 1k'
	refused "qemu-images/matrix/new.machine:2: '1k' is no number"
}

@test "a configuration with a module has what the module needs" {
	machine 'arch arm64' 'module edu' 'append edu_dma.mask=40'
	run -0 machine_of new
	[[ $output = *' -icount '*'| '*' kunit.enable=0 '*' edu_dma.mask=40 ' ]]
	# shellcheck disable=SC2016
	run -0 bash -c '. "$0/scripts/lib.sh"; read_machine new; read_fragments none; printf "%s\n" "$M_folder" "${M_fragments[@]##*/}"' "$COPY"
	[ "$output" = "$COPY/build/o/arm64-device"$'\ncommon.config\narm64.config\ndevice.config\ndevice.arm64.config' ]
}

@test "a name that no configuration has" {
	run -2 --separate-stderr env MATRIX='x86_64-1cpu none' "$ROOT/scripts/matrix"
	[[ $stderr = "matrix: MATRIX: no configuration is called 'none'; there are: "*' x86_64-2cpu '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

# machine_of NAME: what scripts/boot would hand to QEMU.
machine_of() {
	# shellcheck disable=SC2016
	bash -c '. "$0/scripts/lib.sh"; read_machine "$1"; printf "%s " "${M_args[@]}" "|" "${M_append[@]}"' "$COPY" "$1"
}

@test "a configuration replaces what QEMU takes one of, and adds the rest" {
	machine 'arch arm64' 'arg -smp 1' 'arg -cpu max,mte=on' 'arg -device x' 'append nopat'
	run -0 machine_of new
	[[ $output != *cortex* && $output != *sockets* ]]
	[[ $output = *'-device pvpanic-pci '*'-M virt,dtb-randomness=off '*'-smp 1 -cpu max,mte=on -device x '* ]]
	[[ $output = *'| '*' console=ttyAMA0 nopat ' ]]
	run -0 machine_of arm64
	[[ $output = *' -smp 2,sockets=2 '*' -cpu cortex-a57 '* ]]
}

# booted TESTS SKIPS: a judged boot in $BATS_TEST_TMPDIR/boot.json, and its log.
booted() {
	jq -n --argjson tests "$1" --argjson skips "${2:-{\}}" '{verdict: "ok", tests: $tests, skips: $skips}' \
		>"$BATS_TEST_TMPDIR/boot.json"
	printf '[    0.1] smp: Brought up 1 node, 1 CPU\n' >"$BATS_TEST_TMPDIR/log"
}

expect() {
	"$COPY/scripts/expect" new "$BATS_TEST_TMPDIR/boot.json" "$BATS_TEST_TMPDIR/log"
}

@test "a test that is skipped and may not be" {
	machine 'arch x86_64' 'mayskip b.*'
	booted '{"example.x": "skipped", "a.one": "ok", "b.two": "skipped", "a.test one": "skipped"}' '{"a.test one": "no PAT"}'
	run -1 expect
	[ "$output" = 'a.test one: skipped, and must not be (no PAT)' ]
	machine 'arch x86_64' 'mayskip b.*' 'mayskip a.test one'
	run -0 expect
	[ -z "$output" ]
}

@test "a test that must be skipped and is not, or is not there" {
	machine 'arch x86_64' 'skip a.*'
	booted '{"a.one": "ok", "a.two": "skipped", "b.one": "ok"}'
	run -1 expect
	[ "$output" = 'a.one: ok, and must be skipped' ]
	booted '{"b.one": "ok"}'
	run -1 expect
	[ "$output" = "no test matches 'a.*'" ]
}

@test "a test that must pass and does not, or is not there" {
	machine 'arch x86_64' 'mayskip *' 'ok a.*'
	booted '{"a.one": "ok", "b.one": "skipped"}'
	run -0 expect
	machine 'arch x86_64' 'ok a.*' 'ok c.*'
	booted '{"a.one": "skipped"}'
	run -1 expect
	[ "$output" = "a.one: skipped, and must not be"$'\n'"no test matches 'c.*'" ]
}

@test "a log that does not show that the machine was set up as asked" {
	machine 'arch x86_64' 'log smp: Brought up 1 node, 2 CPUs'
	booted '{"a.one": "ok"}'
	run -1 expect
	[ "$output" = "no line in the log has 'smp: Brought up 1 node, 2 CPUs'" ]
}

@test "a device that moved less than it should, or nobody knows where" {
	machine 'arch x86_64' 'moved 100'
	booted '{"a.one": "ok"}'
	run -2 expect
	printf 'qemu\n' >"$BATS_TEST_TMPDIR/log.qemu"
	run -1 expect
	[ "$output" = 'no line says what the device moved' ]
	jq '.bytes = {moved: 100, compared: 99}' "$BATS_TEST_TMPDIR/boot.json" >"$BATS_TEST_TMPDIR/counted"
	mv "$BATS_TEST_TMPDIR/counted" "$BATS_TEST_TMPDIR/boot.json"
	run -1 expect
	[ "$output" = 'the device moved 100 bytes, and 99 were compared: at least 100 must be' ]
	sed -i 's/99/100/' "$BATS_TEST_TMPDIR/boot.json"
	run -0 expect
}

@test "what a device moved is in the row" {
	local row='{"verdict": "ok", "name": "n", "config": "device", "tests": {"passed": 1, "failed": 0, "skipped": 0},
		"seconds": {"build": 1, "boot": 2}, "differs": "x", "cached": false, "bytes": {"moved": 12, "compared": 34}}'
	# shellcheck disable=SC2016
	run -0 bash -c '. <(sed "/^main /d" "$0"); print_row' "$ROOT/scripts/matrix" <<<"$row"
	[[ $output = *'[12 bytes moved, 34 compared]' ]]
}

@test "a boot without tests is a set-up error, not as expected" {
	machine 'arch x86_64'
	booted '{}'
	run -2 expect
}

@test "the reason of a skipped test is known by the test's name" {
	run "$ROOT/scripts/judge" "$ROOT/tests/logs/ok/boot.log" 0 "$(kunit_dir)"
	[ "$(jq -r '.skips["example.example_params_test.example value 0"]' <<<"$output")" = 'unsupported param value 0' ]
	[ "$(jq -r '.skips["example_skip_suite"]' <<<"$output")" = 'Test suite expected to be skipped' ]
	[ "$(jq '.skips | length' <<<"$output")" = "$(jq '[.tests[] | select(. == "skipped")] | length' <<<"$output")" ]
}
