#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The judge of the order of steps: traces as QEMU writes them, of one change, right
# and wrong. Nothing is booted.

# shellcheck disable=SC2317
# The steps are called by name.

load common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	grep -v ^least "$ROOT/qemu-images/order.txt" >wanted
	printf 'least allocated 1\n' >>wanted
	cat >functions <<-'END'
	406296f0 1000 __cpu_setup
	ffff800080026c70 1f0 set_memtype
	ffff800080026710 d0 memtype_flush_tlb
	ffff800080026924 a4 pageattr_pte_entry
	ffff800080025b80 ec update_split_range_prot.isra.0
	ffff800080021540 48 dcache_clean_inval_poc
	ffff8000800d57b8 264 dma_direct_alloc_pages_attrs
	ffff8000802f0648 1c memset
	END
}

# ran ADDRESS TEXT [REGISTER=VALUE...]: an instruction as it stands in a trace, with
# 0 in the registers that are not named.
ran() {
	local address=$1 text=$2 i x0=0 x1=0 x2=0 x3=0 x17=0 x30=0
	shift 2
	[ $# -eq 0 ] || local "$@"
	printf -- '----------------\nIN: \n0x%s:  d503201f  %s\n\n' "$address" "$text"
	printf 'Trace 0: 0x7f7b37ff5780 [0000000000005001/%s/00000021/ff000201] \n' "$address"
	printf ' PC=%s X00=%016x X01=%016x\nX02=%016x X03=%016x X17=%016x\n' \
		"$address" "0x$x0" "0x$x1" "0x$x2" "0x$x3" "0x$x17"
	printf 'X29=ffff8000812bba80 X30=%016x  SP=ffff8000812bba80\nPSTATE=80000005 N--- EL1h\n' "0x$x30"
}

memory_types() {
	ran 00000000406296f8 'msr      mair_el1, x17' x17=000000040044ffff
}

zero() {
	ran ffff8000802f0648 'nop      ' x0=ffff000002236000 x2=1000 x30=ffff8000800d5880
}

# The entry that maps page 42236000, with the type's number in its bits 2 to 4.
break_entry() {
	ran ffff800080026948 'str      x1, [x0]' x0=ffff00001ffff1b0 x1="${1:-68000042236f0a}"
	ran ffff800080025c24 'dsb      ishst'
}

flush() {
	ran ffff800080026768 'tlbi     vaale1is, x0' x0=00000ff000002236
}

barriers() {
	ran ffff800080026778 'dsb      ish'
	ran ffff80008002677c 'isb      '
}

make_entry() {
	ran ffff800080026948 'str      x1, [x0]' x0=ffff00001ffff1b0 x1="${1:-68000042236f0b}"
	ran ffff800080025c24 'dsb      ishst'
	ran ffff800080025c28 'isb      '
}

# clean [LINES]: of the page.
clean() {
	local i
	for ((i = 0; i < ${1:-64}; i++)); do
		ran ffff800080021564 'dc       civac, x0' x0="$(printf 'ffff000002236%03x' $((i * 64)))"
	done
	ran ffff800080021578 'dsb      sy'
}

begin() {
	memory_types
	ran ffff8000800d57b8 'stp      x29, x30, [sp, #-0x60]!'
	zero
	ran ffff800080026c70 'stp      x29, x30, [sp, #-0x60]!'
}

end() {
	ran ffff800080026dfc 'ret      '
	ran ffff8000800d5910 'ret      ' x0=fffffdffc0088d80
}

# follow STEP...: a trace of these, and what the judge says.
follow() {
	local step
	for step; do
		$step
	done >trace
	"$ROOT/scripts/follow" wanted functions trace
}

@test "order: a right one" {
	run -0 follow begin break_entry flush barriers make_entry clean end
	[ "${lines[0]}" = 'ok     allocated, 1 times' ]
	[ "${lines[1]}" = '       zero, break, dsb.ishst, tlbi, dsb.ish, isb, make, dsb.ishst, isb, clean x64, dsb.sy, return' ]
	[ "${lines[2]}" = '1 changes, 0 requests without one: all in the right order' ]
}

@test "order: the caches are cleaned before the entries are made" {
	run -1 follow begin break_entry flush barriers clean make_entry end
	[ "${lines[2]}" = '       WRONG: after isb: clean, and it must be make' ]
}

@test "order: the TLB is not invalidated, or for another page, or on this processor only" {
	run -1 follow begin break_entry barriers make_entry clean end
	[ "${lines[2]}" = '       WRONG: after dsb.ishst: dsb.ish, and it must be tlbi' ]
	[ "${lines[3]}" = '       WRONG: 1 pages are not invalidated in the TLB, one is 0x42236000' ]
	other() { flush | sed 's/2236 /2237 /'; }
	run -1 follow begin break_entry other barriers make_entry clean end
	[ "${lines[2]}" = '       WRONG: 1 pages are not invalidated in the TLB, one is 0x42236000' ]
	local_flush() { flush | sed s/vaale1is/vaale1/; }
	run -1 follow begin break_entry local_flush barriers make_entry clean end
	[ "${lines[2]}" = '       WRONG: tlbi vaale1: not one that is known to reach all processors' ]
}

@test "order: no break, or not of the same entry, or no make" {
	run -1 follow begin flush barriers make_entry clean end
	[ "${lines[2]}" = '       WRONG: after zero: tlbi, and it must be break' ]
	other() { break_entry 68000042237f0a; }
	run -1 follow begin other flush barriers make_entry clean end
	[[ ${lines[2]} = *'WRONG: the entries that became invalid are not those that became valid, or not of the new type' ]]
	run -1 follow begin break_entry flush barriers clean end
	[[ ${lines[2]} = *'WRONG: the entries that became valid are of no one type, or there are none' ]]
}

@test "order: a weak barrier, and none" {
	weak() { barriers | sed s/ish$/ishst/; }
	run -1 follow begin break_entry flush weak make_entry clean end
	[ "${lines[2]}" = '       WRONG: after tlbi: dsb.ishst, and it must be dsb.ish' ]
	strong() { barriers | sed s/ish$/sy/; }
	run -0 follow begin break_entry flush strong make_entry clean end
	run -1 follow begin break_entry flush make_entry clean end
	[ "${lines[2]}" = '       WRONG: after tlbi: make, and it must be dsb.ish' ]
}

@test "order: a cache line is left out" {
	run -1 follow begin break_entry flush barriers make_entry 'clean 63' end
	[ "${lines[2]}" = '       WRONG: 64 cache lines to clean, 63 of them were, and 0 others' ]
}

@test "order: memory is not cleared, or too late, or by somebody else" {
	begin_dirty() { begin | sed s/ffff8000802f0648/ffff8000802f0000/; }
	run -1 follow begin_dirty break_entry flush barriers make_entry clean end
	[ "${lines[2]}" = '       WRONG: first: break, and it must be zero' ]
	run -1 follow begin_dirty break_entry flush barriers make_entry zero clean end
	[ "${lines[2]}" = '       WRONG: first: break, and it must be zero' ]
	somebody() { begin | sed s/X30=ffff8000800d5880/X30=ffff8000800d0000/; }
	run -1 follow somebody break_entry flush barriers make_entry clean end
	[ "${lines[2]}" = '       WRONG: first: break, and it must be zero' ]
}

@test "order: an instruction that an interrupt stops is run once" {
	twice() { flush; flush; }
	run -0 follow begin break_entry twice barriers make_entry clean end
	[[ ${lines[1]} = *', tlbi, '* ]]
}

@test "order: success without a change, failure, and traces that are none" {
	run -1 follow begin end
	[[ ${lines[2]} = *'WRONG: the entries that became valid are of no one type, or there are none' ]]
	failed() { end | sed 's/X00=fffffdffc0088d80/X00=0000000000000000/'; }
	run -1 follow begin failed
	[ "${lines[0]}" = 'WRONG  allocated: 0 changes were seen, and it must be 1 at least' ]
	[ "${lines[1]}" = '0 changes, 1 requests without one: NOT in the right order' ]
	# A call of set_memtype() by itself, and what it returns.
	returned() {
		ran ffff800080026c70 'stp      x29, x30, [sp, #-0x60]!'
		ran ffff800080026e14 'ret      ' "x0=$1"
	}
	run -1 follow 'returned fffffff0'
	[ "${lines[1]}" = '0 changes, 1 requests without one: NOT in the right order' ]
	run -1 follow 'returned 0'
	[ "${lines[0]}" = 'WRONG  unknown, 1 times' ]
	run -2 follow
	[ "$output" = 'the trace lists no instruction: does this QEMU have a disassembler?' ]
	run -2 follow begin break_entry
	[ "$output" = 'dma_direct_alloc_pages_attrs did not return: is the trace whole?' ]
	without() { begin | sed s/mair_el1/tcr_el1/; }
	run -2 follow without break_entry flush barriers make_entry clean end
	[ "$output" = 'no write of MAIR_EL1 in the trace: where does the image run before it has page tables?' ]
}

@test "order: a kernel without a function that is to be traced" {
	echo 'void set_memtype(void) {}' | aarch64-linux-gnu-gcc -c -x c -o vmlinux -
	touch Image
	run -2 env OUT="$PWD/out" IMAGES="$PWD" BUILD_LOCK_HELD=1 "$ROOT/scripts/order"
	[ "$output" = 'order: vmlinux has no function memtype_break, which qemu-images/order.txt names: renamed, or inlined?' ]
}
