#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The benchmark's pure parts: what is read from a guest's log, bad targets, and when
# one is met. Nothing is built or booted.

load common

COLUMNS_OF_ALL=machine,run,kind,pages,case,threads,loops,held,alloc_ns,free_ns,wall_ns,zero_ns,instructions,write_ns,read_ns,flushes,changes,splits,collapses,direct_2m_kb_before,direct_2m_kb_after,free_kb_before,free_kb_after

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export BUILD_LOCK_HELD=1
	unset LINUX TARBALL
	# 10 operations each: 300 instructions with 100 that zero, and 4,100 with them.
	cat >csv <<-END
	$COLUMNS_OF_ALL
	pc,matrix,wc,1,hit,1,10,1,2000,1000,3000,100,n/a,n/a,n/a,0,0,0,0,2048,2048,900,1000
	pc,matrix,by-hand-wc,1,hit,1,10,1,20000,21000,41000,100,n/a,n/a,n/a,30,10,1,0,2048,0,1000,500
	board,matrix,wc,1,hit,1,10,1,2000,1000,3000,100,n/a,n/a,n/a,0,0,n/a,n/a,n/a,n/a,900,1000
	END
}

# of_bench FUNCTION ARG...: one function of the script, alone.
of_bench() {
	# shellcheck disable=SC2016
	bash -c '. "$ROOT/scripts/lib.sh"
		source <(sed "/^main \"/d; /^\. /d" "$ROOT/scripts/bench")
		"$@"' "$ROOT/scripts/bench" "$@"
}

# judged STATUS TARGET...: what scripts/figures says of these targets.
judged() {
	local status=$1
	shift
	printf '%s\n' "# one" '' "$@" >targets
	run "-$status" --separate-stderr "$ROOT/scripts/figures" targets csv json pc board
}

# refused MESSAGE TARGET: one line, with the file and the line in it.
refused() {
	judged 2 "$2"
	one_line "figures: targets:3: $1"
}

@test "a target that is met, and one that is missed" {
	judged 0 'pc matrix wc,1,hit,1 net <= 1/20 of by-hand-wc,1,hit,1'
	[[ $output = *'met     pc '*'measured: 0.050, 200.0 of 4000.0; with zeroing 0.073, 300.0 of 4100.0'* ]]
	judged 1 'pc matrix wc,1,hit,1 net <= 1/21 of by-hand-wc,1,hit,1'
	[[ $output = *'MISSED  pc '* ]]
	[ "$(jq -c '.targets | map([.machine, .met])' json)" = '[["pc",false]]' ]
	[ "$(jq '.rows[1] == (.rows[1] + {net: 4000, gross: 4100})' json)" = true ]
}

@test "one target that is missed is enough" {
	judged 1 'pc matrix wc,1,hit,1 flushes = 0' 'pc matrix by-hand-wc,1,hit,1 flushes = 0'
	[[ $output = *'met     pc '*'MISSED  pc '*'measured: 30'* ]]
}

@test "memory that must be there again" {
	judged 0 'pc matrix wc,1,hit,1 lost_2m_kb = 0' 'pc matrix by-hand-wc,1,hit,1 lost_2m_kb > 0'
	judged 0 'pc matrix by-hand-wc,1,hit,1 free_kb >= 500 below wc,1,hit,1'
	judged 1 'pc matrix by-hand-wc,1,hit,1 free_kb >= 499 below wc,1,hit,1'
	[[ $output = *'measured: 500, 500 below 1000'* ]]
}

@test "what was not counted or not measured is no target met" {
	judged 1 'board matrix wc,1,hit,1 lost_2m_kb = 0'
	[[ $output = *'measured: n/a'* ]]
	judged 1 'board matrix by-hand-wc,1,hit,1 flushes > 0'
	[[ $output = *'measured: no such row was measured'* ]]
	judged 1 'board matrix wc,1,hit,1 net <= 1 of by-hand-wc,1,hit,1'
	[[ $output = *'measured: 200.0, and nothing to compare it with'* ]]
}

@test "a target for all machines is one for each, and none for a machine that was not run" {
	judged 0 '* matrix wc,1,hit,1 flushes = 0'
	[ "$(jq -c '.targets | map(.machine)' json)" = '["pc","board"]' ]
	sed -i '/^board/d' csv
	judged 0 'board matrix wc,1,hit,1 flushes = 1'
	[ "$(jq -c .targets json)" = '[]' ]
}

@test "a bad target" {
	refused "'pc matrix wc,1,hit,1 net < 3' is no target; write MACHINE RUN ROW FIGURE OP LIMIT [of ROW | below ROW]" \
		'pc  matrix  wc,1,hit,1  net < 3'
	refused "'pc matrix wc,1,hit,1 net <= 1/0' is no target; write MACHINE RUN ROW FIGURE OP LIMIT [of ROW | below ROW]" \
		'pc matrix wc,1,hit,1 net <= 1/0'
	refused "unknown figure 'speed'; known: net gross flushes changes lost_2m_kb free_kb" \
		'pc matrix wc,1,hit,1 speed > 3'
	refused "'wc,1' is no row; write KIND,PAGES,CASE,THREADS" 'pc matrix wc,1,hit,1 net <= 2 of wc,1'
	refused "no machine is called 'mac'; known: pc board" 'mac matrix wc,1,hit,1 net <= 2'
}

@test "a CSV file that is none" {
	sed -i '3s/,41000,/,x,/' csv
	printf '* matrix wc,1,hit,1 flushes = 0\n' >targets
	run -2 --separate-stderr "$ROOT/scripts/figures" targets csv json pc board
	# shellcheck disable=SC2154
	[ "$stderr" = "figures: csv:3: no row of the benchmark (invalid literal for int() with base 10: 'x'); run it again" ]
}

@test "rows of a log, with machine and run" {
	printf '%s\r\n' 'init: user space reached' 'csv one,kind,pages' '[ 1.0] x' 'csv one,wc,1' 'csv two,kind,pages' \
		'csv two,uc,2' 'bench: end' >log
	[ "$(of_bench rows pc log)" = $'machine,run,kind,pages\npc,one,wc,1\nmachine,run,kind,pages\npc,two,uc,2' ]
	run -0 of_bench check_log log
}

@test "a guest that did not do all that it was asked to" {
	printf 'csv one,wc,1\r\n' >log
	run -2 of_bench check_log log
	[[ $output = "bench: the benchmark did not end, see "*log ]]
	printf 'bench: one ended with status 100\r\nbench: end\r\n' >log
	run -2 of_bench check_log log
	[[ $output = "bench: bench: one ended with status 100; see "*log ]]
	printf '[ 1.0] WARNING: mm/x.c:1\r\nbench: end\r\n' >log
	run -2 of_bench check_log log
	[[ $output = "bench: the guest says '[ 1.0] WARNING: mm/x.c:1', see "*log ]]
}

@test "every target of the project can be read" {
	local known
	known=$(of_bench machines)
	# shellcheck disable=SC2086
	run -0 --separate-stderr "$ROOT/scripts/figures" "$ROOT/qemu-images/bench/targets.txt" \
		<(printf '%s\n' "$COLUMNS_OF_ALL") json $known
	[ "$(wc -w <<<"$known")" -ge 2 ]
}
