#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The judge of the page tables: what "info tlb" showed of a guest, as it was
# recorded, and changed to be wrong. Nothing is booted.

load common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	sed '/^least/d' "$ROOT/qemu-images/pagetables.txt" >expected
	printf 'least uc 1\nleast wb 1\n' >>expected
}

# tlb FLAGS: the page tables around a page, which has these flags, in a large page,
# in the kernel's own mapping, and of two devices.
tlb() {
	cat <<-END
	ffff888000800000: 0000000000800000 XGPDA---W
	ffff888002bb2000: 0000000002bb2000 XG-DA---W
	ffff888002bb3000: 0000000002bb3000 XG-DA---W
	ffff888002bb4000: 0000000002bb4000 XG-DA---W
	ffff888002bb5000: 0000000002bb5000 XG-DA$1-W
	ffff888002bb6000: 0000000002bb6000 XG-DA---W
	ffffffff81000000: 0000000001000000 -GPDA----
	ffffffff81200000: 0000000001200000 XG-DA----
	ffffffffff7fc000: 00000000fec00000 XG-DACT-W
	ffffffffff7fd000: 00000000fee00000 XG-DACT-W
	END
}

# record: there and back. Page ffffea00000aed40 is that at 2bb5000.
record() {
	printf '== enter set_pages_uc 1 ffffea00000aed40\n'
	tlb --
	printf '== leave set_pages_uc 0\n'
	tlb C-
	printf '== enter set_pages_wb 1 ffffea00000aed40\n'
	tlb C-
	printf '== leave set_pages_wb 0\n'
	tlb --
	printf '== end\n'
}

compare() {
	"$ROOT/scripts/compare" expected stops
}

@test "page tables: there and back" {
	record >stops
	run -0 compare
	[ "${lines[0]}" = 'ok     set_pages_uc           1 pages from  2bb5000  uc' ]
	[ "${lines[1]}" = 'ok     set_pages_wb           1 pages from  2bb5000  wb' ]
	[ "${lines[2]}" = '1 to uc, 1 to wb; 0 calls that change nothing; page tables looked at 4 times: all as they must be' ]
}

@test "page tables: the type is not the one that was asked for" {
	record | sed 's/set_pages_uc/set_pages_wc/' >stops
	run -1 compare
	[ "${lines[0]}" = 'WRONG  set_pages_wc           1 pages from  2bb5000  wc' ]
	[ "${lines[1]}" = '       ffff888002bb5000, of page 2bb5000, is uc, and must be wc' ]
}

@test "page tables: the type does not change, or not back" {
	record | sed 's/C--W/---W/' >stops
	run -1 compare
	[[ $output = *'ffff888002bb5000, of page 2bb5000, is wb, and must be uc'* ]]
	record | sed '/leave set_pages_wb/,$s/5000 XG-DA---W/5000 XG-DAC--W/' >stops
	run -1 compare
	[[ $output = *'ffff888002bb5000, of page 2bb5000, is uc, and must be wb'* ]]
}

@test "page tables: a neighbour, or any other page, changes as well" {
	record | sed '/leave set_pages_uc/,/enter/s/6000 XG-DA---W/6000 XG-DAC--W/' >stops
	run -1 compare
	[ "${lines[1]}" = '       ffff888002bb6000, of page 2bb6000, is uc, and must be wb' ]
	record | sed '/leave set_pages_uc/,/enter/s/800000 XGPDA---W/800000 XGPDAC--W/' >stops
	run -1 compare
	[ "${lines[1]}" = '       ffff888000800000, of page 800000, is uc in a large page, and must be wb' ]
	[ "${lines[4]}" = '       and 509 more' ]
}

@test "page tables: another mapping of the page stays write-back" {
	record | sed 's/: 0000000001200000 /: 0000000002bb5000 /' >stops
	run -1 compare
	[ "${lines[1]}" = '       ffffffff81200000, of page 2bb5000, is wb, and must be uc' ]
}

@test "page tables: a page, or its neighbour, is not mapped" {
	record | sed '/leave set_pages_uc/,/enter/{/2bb6000/d}' >stops
	run -1 compare
	[ "${lines[1]}" = '       page 2bb6000 is not in the linear map' ]
}

@test "page tables: a call that fails changes nothing" {
	record | sed 's/leave set_pages_uc 0/leave set_pages_uc -16/; s/C--W/---W/' >stops
	run -1 compare
	[[ $output = *'no changes; 2 calls that change nothing; '* ]]
	[[ $output = *'WRONG  0 changes to uc were seen, and it must be 1 at least'* ]]
	record | sed 's/leave set_pages_uc 0/leave set_pages_uc -16/' >stops
	run -1 compare
	[ "${lines[1]}" = '       ffff888002bb5000, of page 2bb5000, is uc, and must be wb' ]
}

@test "page tables: pages that stay uncached" {
	record | sed '/enter set_pages_wb/,$d' >stops
	echo '== end' >>stops
	run -1 compare
	[[ $output = *'WRONG  1 pages are not write-back at the end, one is 2bb5000'* ]]
}

@test "page tables: an array, in no order" {
	record | sed 's/_pages_\(..\) 1 .*/_pages_array_\1 2 ffffea00000aed40 ffffea00000aecc0/; s/leave set_pages/&_array/
		/leave set_pages_array_uc/,/leave set_pages_array_wb/s/3000 XG-DA---W/3000 XG-DAC--W/' >stops
	run -0 compare
	[ "${lines[0]}" = 'ok     set_pages_array_uc     2 pages from  2bb3000  uc' ]
}

@test "page tables: what is no record" {
	record | sed '$d' >stops
	run -2 compare
	[[ $output = *'the record has no end' ]]
	printf '== enter set_pages_uc 1 ffffea00000aed40\nunknown command: info tlb\n== end\n' >stops
	run -2 compare
	[ "$output" = "not a line of \"info tlb\": 'unknown command: info tlb'" ]
	printf '== enter set_pages_uc 1 ffffea00000aed40\n== end\n' >stops
	run -1 compare
	[ "${lines[1]}" = '       no mapping of the memory at all' ]
}

@test "page tables: a kernel without a function to stop at, and an unknown machine" {
	echo 'void set_pages_uc(void) {}' | gcc -c -x c -o vmlinux -
	touch bzImage
	run -2 env OUT="$PWD/out" IMAGES="$PWD" BUILD_LOCK_HELD=1 "$ROOT/scripts/pagetables"
	[ "$output" = 'pagetables: vmlinux has no function set_pages_wc, which qemu-images/pagetables.txt names' ]
	run -2 env PAGETABLES=none "$ROOT/scripts/pagetables"
	[ "$output" = "pagetables: PAGETABLES: unknown machine 'none'; known: x86_64-dma-uncached x86_64-set-pages" ]
}
