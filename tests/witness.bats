#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# What scripts/reports makes of the plugin's file, and what kernel.patch changes.
# Nothing is booted.

load common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	cat >data <<-'END'
	memory arm64 40000000 20000000
	least arm64-* type 2
	known arm64-k* alias memcpy clear_* - - it is a test that does this
	END
	cat >symbols <<-'END'
	ffff800080010000 T memcpy
	ffff800080020000 t clear_page
	ffff800080030000 T dcache_clean_poc
	ffff800080900000 B not_code
	END
}

# seen [REPORT...]: a file of the plugin, each report given as its words.
seen() {
	local report
	for report; do
		printf 'report %s\n' "$report" | tr ' ' '\t'
	done
	printf '%s\n' 'uncached 5' 'clean 6' 'clean+invalidate 7' 'type 2' 'device 0' 'unseen 0' 'broken 0' | tr ' ' '\t'
	echo end
}

reports() {
	"$ROOT/scripts/reports" data arm64-kunit symbols file "$@"
}

STALE='stale-read 40001040 ffff000000001040 ffff800080010008 ffff800080020010 0 clean ffff800080030004'
ALIAS='alias 40001040 ffff000000001040 ffff800080010008 ffff800080020010 0 - 0'

@test "witness: silent" {
	seen >file
	run -0 reports
	[ "$output" = '0 reports, 0 known; 2 changes of type, 5 uncached accesses, 6 cleans, 7 cleans with invalidation, 0 accesses by devices' ]
}

@test "witness: a report has names" {
	seen "$STALE" >file
	run -1 reports out.json
	[ "${lines[0]}" = 'stale-read: uncached read of what is still dirty in a cache' ]
	[ "${lines[1]}" = '    physical 40001040, virtual ffff000000001040' ]
	[ "${lines[2]}" = '    by             memcpy+0x8' ]
	[ "${lines[3]}" = '    line written   clear_page+0x10' ]
	[ "${lines[4]}" = '    memory written -' ]
	[ "${lines[5]}" = '    last operation clean dcache_clean_poc+0x4' ]
	[[ ${lines[6]} = '1 reports, 0 known; '* ]]
	[ "$(jq -r '.reports[0].kind' out.json)" = stale-read ]
}

@test "witness: what differs by the instruction only is one report" {
	seen "$STALE" "${STALE/ffff800080010008/ffff80008001000c}" >file
	run -1 reports
	[ "${lines[6]}" = '    and at 1 more places in the same functions' ]
	[[ ${lines[7]} = '1 reports, 0 known; '* ]]
}

@test "witness: user space and modules have no symbols" {
	seen "${STALE/ffff800080010008/400123}" "${STALE/ffff800080010008/ffff80007b000000}" >file
	run -1 reports
	[[ $output = *'by             user space'* ]]
	[[ $output = *'by             a module (ffff80007b000000)'* ]]
}

@test "witness: what is known is counted, and nothing else is known" {
	seen "$ALIAS" >file
	run -0 reports
	[[ $output = '0 reports, 1 known; '* ]]
	seen "${ALIAS/alias/stale-read}" >file
	run -1 reports
	seen "${ALIAS/ffff800080010008/ffff800080030000}" >file
	run -1 reports
}

@test "witness: silence means nothing when too little was seen" {
	seen | sed 's/^type.*/type\t1/' >file
	run -3 reports
	[ "${lines[0]}" = 'type: 1, and it must be 2 at least' ]
	seen | sed 's/^unseen.*/unseen\t3/' >file
	run -3 reports
	[ "${lines[0]}" = 'unseen: 3, and it must be 0' ]
	{ printf 'at\tffff800080010004\n'; cat file; } >other
	mv other file
	run -3 reports
	[ "${lines[1]}" = '    at memcpy+0x4' ]
}

@test "witness: what is no file of the plugin, or is cut off" {
	seen | sed '$d' >file
	run -2 reports
	[ "$output" = 'file: has no end' ]
	printf 'report\tstale-read\tzz\n' >file
	run -2 reports
	[[ $output = 'file:1: not a line of the plugin: '* ]]
	printf 'error\tthe window is elsewhere\n' >file
	run -2 reports
	[ "$output" = 'the window is elsewhere' ]
	seen >file
	echo 'lest arm64-* type 2' >>data
	run -2 reports
	[[ $output = 'data:4: not a line of this file: '* ]]
}

# It must not change what the kernel does: it adds lines that tell the plugin, and
# takes away those three that would zero memory unseen.
@test "witness: kernel.patch leaves the logic alone" {
	local patch=$ROOT/tools/cache-witness/kernel.patch
	run -0 sed -n 's/^-\([^-]\)/\1/p' "$patch"
	[ "${#lines[@]}" = 3 ]
	[[ ${lines[0]} = *SCTLR_EL1_DZE* && ${lines[1]} = *DC\ ZVA* && ${lines[2]} = *tbnz* ]]
	# Of the files that there were: what is added, but for comments, and lines that call
	# the plugin and do nothing else. The rest is in functions and conditions for that.
	awk '/^diff/ { is_new = 0 } /^new file/ { is_new = 1 }
		/^\+[^+]/ && !is_new {
			sub(/^\+[ \t]*/, ""); sub(/[ \t]*(\/\*.*\*\/|\/\/.*)$/, "")
			if (/^(cache_witness(_[a-z]+)?\([^=+-]*\);|#include <linux\/cache_witness.h>)?$/) next
			print
		}' "$patch" | LC_ALL=C sort >added
	diff added - <<-'END'
	# For tests only.
	(u64)(next - addr));
	.endif
	.ifnc	\op, cvau
	0 /* The witness does not see DC ZVA */ | SCTLR_EL1_UCT    | SCTLR_EL1_nTWE  | \
	addr += PAGE_SIZE;
	addr += pgsize;
	asm volatile("ldrb wzr, [%0]" : : "r" (cur));
	asm volatile("testb $0, %0" : : "m" (*(volatile char __force *)__p));
	asm volatile("testb $0, %0" : : "m" (*(volatile char __force *)__p));
	asm volatile("testb $0, %0" : : "m" (*(volatile char __force *)__p));
	b	.Lnot_short
	b	2f
	cache_witness_linear(val, set_pageattr_masks(val, walk),
	cache_witness_tlb(info.start, info.end == TLB_FLUSH_ALL ? 0 : info.end - info.start);
	cache_witness_tlb(start, end - start);
	cache_witness_type(pte_val(old)) != cache_witness_type(pte_val(new)))
	for (i = 0; i < cpa->numpages; i++)
	if (ALIGN_DOWN(address, size) == (unsigned long)__va(phys) &&
	if (__is_lm_address(addr))
	if (dir != DMA_FROM_DEVICE)
	if (dir != DMA_FROM_DEVICE)
	if (dir != DMA_TO_DEVICE)
	ldrb	wzr, [\start]
	ldrb	wzr, [x0]
	ldrb	wzr, [x0]
	ldrb	wzr, [x1]
	obj-y += cache_witness.o
	static void cache_witness_cpa(unsigned long address, pte_t old, pte_t new,
	static void cache_witness_walk(ptval_t val, unsigned long addr,
	unsigned long next, struct mm_walk *walk)
	unsigned long phys = ALIGN_DOWN(PFN_PHYS(pte_pfn(new)), size);
	unsigned long size)
	{
	{
	}
	}
	END
}

@test "witness: an unknown machine" {
	run -2 env WITNESS=none "$ROOT/scripts/witness"
	[[ $output = "witness: WITNESS: unknown machine 'none'; known: arm64-witness-boot "* ]]
}

@test "witness: a mistake with a kind that there is not, and without a file" {
	cp -r "$ROOT/scripts" "$ROOT/qemu-images" "$ROOT/tests" "$ROOT/kunit-configs" .
	echo 'arm64-no-clean.patch arm64-witness-kunit stale' >tests/witness-proofs.txt
	run -2 scripts/witness
	[[ $output = "witness: tests/witness-proofs.txt:1: unknown kind of report 'stale'; known: boot "* ]]
	echo 'none.patch arm64-witness-kunit lost' >tests/witness-proofs.txt
	run -2 scripts/witness
	[ "$output" = 'witness: tests/witness-proofs.txt:1: no file tests/mutants/none.patch' ]
	PROOFS=all run -2 "$ROOT/scripts/witness"
	[ "$output" = "witness: PROOFS: unknown value 'all'; known: none" ]
}

@test "witness: what had no room, and a symbol file that is none" {
	seen | sed 's/^broken.*/&\ndropped\t1/' >file
	run -3 reports
	[ "${lines[0]}" = 'dropped: 1, and it must be 0' ]
	printf 'zz T memcpy\n' >symbols
	run -2 reports
}
