#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The model of tools/cache-witness, without QEMU: each kind of report where it must
# be made, and where it must not. What is compared is the kind and the line.

load common

setup_file() {
	MODEL=$BATS_FILE_TMPDIR/model-test
	export MODEL
	gcc -Wall -Wextra -Werror -g -fsanitize=address,undefined -o "$MODEL" \
		"$ROOT/tests/cache-witness/model-test.c" "$ROOT/tools/cache-witness/model.c"
}

# model CASE REPORTS: the case must make these reports and no other. (It ends
# without giving back its memory, which is no leak here.)
model() {
	run -0 env ASAN_OPTIONS=detect_leaks=0 "$MODEL" "$1"
	[ "$output" = "$2" ]
}

@test "cache witness: silent about what is right" {
	model right ''
	model right_without_speculation ''
	model right_x86 ''
	model right_unmapped ''
	model right_remap ''
	model right_streaming ''
	model right_snooping ''
	model out_of_range 'device-stale 1023'
}

@test "cache witness: lines that are still dirty when the page is uncached" {
	model no_flush 'stale-read 0'
	model no_flush_store 'overwrite 1'
	model no_flush_device_reads 'device-stale 0'
	model no_flush_device_writes 'overwrite 0'
	model one_line_short 'stale-read 63'
	model zero_behind_the_remap 'stale-read 0'
	model two_lines 'stale-read 1'
	model all_lines ''
}

@test "cache witness: a line that is written back too late, without evictions" {
	model late_clean 'overwrite 0'
	model cleaned_after_overwritten ''
}

@test "cache witness: a line that was not invalidated is old when the page is write-back again" {
	model clean_only 'restore 2'
	model clean_only_unwritten ''
}

@test "cache witness: a line that speculation fills between the flush and the change" {
	model flush_early 'restore 0'
	model flush_early_without_speculation ''
	model flush_before_tlb 'restore 0'
}

@test "cache witness: another type, while a TLB may still hold the one before" {
	model no_tlb_flush 'two-types 0'
	model tlb_flush_too_late 'two-types 0'
	model tlb_flush_of_others 'two-types 0'
	model no_break 'two-types 0'
	model restore_without_tlb 'two-types 0'
}

@test "cache witness: a cacheable access to an uncached page" {
	model cacheable_alias $'alias 0\nstale-read 0'
	model uncached_alias_of_uncached 'alias 0'
	model cacheable_linear 'alias 0'
	model mapped_twice 'alias 0'
	model only_elsewhere ''
}

@test "cache witness: no invalidation after a device has written" {
	model no_invalidate_after_device 'stale-line 0'
	model overwritten_after_device ''
}

@test "cache witness: each page of a range, each line of an access, and no other" {
	model pages $'stale-read 832\noverwrite 960\nstale-read 64\nalias 0'
	model all_tlbs ''
	model two_pages 'stale-read 64'
	model unmap_of_unknown 'alias 0'
}

@test "cache witness: what an operation and a device that snoops leave in a cache" {
	model invalidate_only 'lost 0'
	model snooped_write 'stale-read 0'
	model snooped_read 'stale-read 0'
	model clean_of_stale 'stale-line 0'
	model clean_of_dirty 'restore 1'
	model loaded 'restore 0'
}

@test "cache witness: a report has who wrote, and the last operation" {
	model whole_report $'overwrite 0 ffff000000000008 1002 1008 1002 1 1005\nstale-read 0 ffff000000000000 1001 1008 1002 1 1005'
}

@test "cache witness: what there is no room for is counted" {
	run -0 env ASAN_OPTIONS=detect_leaks=0 "$MODEL" no_room
	[ "${lines[-1]}" = 'dropped 904' ]
}

@test "cache witness: a place is reported once, and counted each time" {
	model once $'stale-read 0\nstale-read 0\nseen 5'
}

@test "cache witness: no such case" {
	run -2 "$MODEL" none
	[ "$output" = 'model-test: no such case' ]
}
