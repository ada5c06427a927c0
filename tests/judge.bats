#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Golden logs: tests/logs/NAME has a guest's boot.log, the status that
# scripts/boot printed, and what the judge must say of them.

load common

setup_file() {
	# kunit.py's parser, from the base.
	KUNIT_DIR=$(kunit_dir)
	export KUNIT_DIR
}

judge() {
	"$ROOT/scripts/judge" "$1" "$2" "$KUNIT_DIR"
}

@test "each golden log gets its verdict" {
	local dir verdict detail wrong=0
	for dir in "$ROOT"/tests/logs/*; do
		IFS=$'\t' read -r verdict detail <"$dir/expect"
		run judge "$dir/boot.log" "$(cat "$dir/status")"
		if [ "$(jq -r .verdict <<<"$output")" != "$verdict" ] ||
		   ! jq -r .detail <<<"$output" | grep -qF -- "$detail" ||
		   [ "$status" != "$([ "$verdict" = ok ] && echo 0 || echo 1)" ]; then
			echo "${dir##*/}: exit $status, $output; expected: $verdict, $detail"
			wrong=$((wrong + 1))
		fi
	done
	[ "$wrong" -eq 0 ]
}

@test "there is a golden log for each verdict of the judge" {
	cut -f1 "$ROOT"/tests/logs/*/expect | sort -u >"$BATS_TEST_TMPDIR/have"
	grep -oP "result\('\K[^']*" "$ROOT/scripts/judge" | sort -u >"$BATS_TEST_TMPDIR/want"
	diff "$BATS_TEST_TMPDIR/want" "$BATS_TEST_TMPDIR/have"
	[ "$(find "$ROOT/tests/logs" -name expect | wc -l)" -ge 20 ]
}

@test "the tests of a log are named by suite, case and parameter" {
	run judge "$ROOT/tests/logs/ok/boot.log" 0
	[ "$(jq -r '.tests["example.example_simple_test"]' <<<"$output")" = ok ]
	[ "$(jq -r '.tests["example.example_params_test.example value 3"]' <<<"$output")" = skipped ]
	# Two parameters of one name do not hide each other.
	[ "$(jq -r '.tests["example.example_params_test_with_init_dynamic_arr.fibonacci param: 1#2"]' <<<"$output")" = ok ]
}

@test "a log that cannot be read is no pass" {
	run -2 judge "$BATS_TEST_TMPDIR/none" 0
	[[ $output = "judge: $BATS_TEST_TMPDIR/none: No such file or directory" ]]
}

# with_lists: a copy of the scripts whose lists a test may spoil.
with_lists() {
	mkdir -p "$BATS_TEST_TMPDIR/scripts"
	cp "$ROOT"/scripts/{judge,splats.deny,splats.allow,splats.qemu} "$BATS_TEST_TMPDIR/scripts/"
}

@test "a scan that cannot run is no pass" {
	with_lists
	rm "$BATS_TEST_TMPDIR/scripts/splats.deny"
	run -2 "$BATS_TEST_TMPDIR/scripts/judge" "$ROOT/tests/logs/ok/boot.log" 0 "$KUNIT_DIR"
	[[ $output = *splats.deny*'cannot be scanned has not passed'* ]]

	printf '# nothing\n' >"$BATS_TEST_TMPDIR/scripts/splats.deny"
	run -2 "$BATS_TEST_TMPDIR/scripts/judge" "$ROOT/tests/logs/ok/boot.log" 0 "$KUNIT_DIR"
	[[ $output = *empty* ]]

	printf '^(\n' >"$BATS_TEST_TMPDIR/scripts/splats.deny"
	run -2 "$BATS_TEST_TMPDIR/scripts/judge" "$ROOT/tests/logs/ok/boot.log" 0 "$KUNIT_DIR"
	[[ $output = 'judge: scripts/splats.deny:1: not an expression'* ]]
}

@test "what a device moved is in the verdict, and QEMU's word on where is heard" {
	cp "$ROOT"/tests/logs/device-error/boot.log "$BATS_TEST_TMPDIR/boot.log"
	run -1 judge "$BATS_TEST_TMPDIR/boot.log" 0
	[ "$(jq -c '[.verdict, .bytes]' <<<"$output")" = '["test failed",{"moved":16820,"compared":3972790}]' ]
	# The command, in the first line, is not a message.
	printf '%s\n' 'EDU: clamping DMA' >"$BATS_TEST_TMPDIR/boot.log.qemu"
	run -1 judge "$BATS_TEST_TMPDIR/boot.log" 0
	[ "$(jq -r .verdict <<<"$output")" = 'test failed' ]
	printf '%s\n' 'vtd_iommu_translate: detected translation failure (dev=00:03:00, iova=0x0)' \
		>>"$BATS_TEST_TMPDIR/boot.log.qemu"
	run -1 judge "$BATS_TEST_TMPDIR/boot.log" 0
	[ "$(jq -r .verdict <<<"$output")" = 'device error' ]

	with_lists
	rm "$BATS_TEST_TMPDIR/scripts/splats.qemu"
	run -2 "$BATS_TEST_TMPDIR/scripts/judge" "$ROOT/tests/logs/ok/boot.log" 0 "$KUNIT_DIR"
	[[ $output = *splats.qemu*'cannot be scanned has not passed'* ]]
}

@test "a splat is allowed with a reason only" {
	with_lists
	printf '^WARNING: mm/page_alloc.c:5340    # known, see the issue\ncut here|end trace    # its frame\n' \
		>>"$BATS_TEST_TMPDIR/scripts/splats.allow"
	run -0 "$BATS_TEST_TMPDIR/scripts/judge" "$ROOT/tests/logs/splat-warn/boot.log" 0 "$KUNIT_DIR"

	printf '^WARNING: x\n' >"$BATS_TEST_TMPDIR/scripts/splats.allow"
	run -2 "$BATS_TEST_TMPDIR/scripts/judge" "$ROOT/tests/logs/splat-warn/boot.log" 0 "$KUNIT_DIR"
	[[ $output = 'judge: scripts/splats.allow:1: no reason'* ]]
}

@test "the log of a good boot is a splat without the allow list" {
	with_lists
	: >"$BATS_TEST_TMPDIR/scripts/splats.allow"
	run -1 "$BATS_TEST_TMPDIR/scripts/judge" "$ROOT/tests/logs/ok/boot.log" 0 "$KUNIT_DIR"
	[ "$(jq -r .verdict <<<"$output")" = splat ]
}
