// SPDX-License-Identifier: GPL-2.0
/*
 * model-test CASE: does to the model of tools/cache-witness what the case says, and
 * prints the kinds of the reports, each with the number of the line it is of.
 * tests/cache-witness.bats knows what there must be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/cache-witness/model.h"

#define BASE	0x40000000ull
#define LINEAR	0xffff000000000000ull
#define ALIAS	0xffff800080000000ull
#define OTHER	0xffff800090000000ull
#define PAGE	CW_PAGE

/* Instructions: each place has one. */
enum { ZERO = 0x1000, READ, WRITE, USER_READ, USER_WRITE, FLUSH, DMA, CHANGE, OLD };

static const char *const names[CW_KINDS] = {
	"stale-read", "overwrite", "device-stale", "alias", "restore", "stale-line",
	"two-types", "lost",
};

static struct cw_model *m;
static struct cw_options options = {
	.base = BASE,
	.size = 16 * PAGE,
	.linear_virt = LINEAR,
	.linear_phys = BASE,
	.speculate = true,
	.evict = true,
	.break_first = true,
};

/* With all that a report has. */
static bool whole;

static void on_report(const struct cw_report *r, void *arg)
{
	(void)arg;
	printf("%s %lld", names[r->kind], (long long)((r->phys - BASE) / CW_LINE));
	if (whole)
		printf(" %llx %llx %llx %llx %d %llx", (unsigned long long)r->virt,
		       (unsigned long long)r->pc, (unsigned long long)r->writer,
		       (unsigned long long)r->memory_writer, r->op, (unsigned long long)r->op_pc);
	printf("\n");
}

static void start(void)
{
	m = cw_new(&options, on_report, NULL);
	if (!m)
		exit(2);
}

static void zero(uint64_t at, uint64_t size)
{
	uint64_t i;

	for (i = at; i < at + size; i += 16)
		cw_access(m, BASE + i, 16, true, LINEAR + i, ZERO);
}

static void load(uint64_t at)
{
	cw_access(m, BASE + at, 8, false, LINEAR + at, READ);
}

static void store(uint64_t at)
{
	cw_access(m, BASE + at, 8, true, LINEAR + at, WRITE);
}

static void alias_load(uint64_t at)
{
	cw_access(m, BASE + at, 8, false, ALIAS + at, USER_READ);
}

static void alias_store(uint64_t at)
{
	cw_access(m, BASE + at, 8, true, ALIAS + at, USER_WRITE);
}

static void flush(uint64_t at, uint64_t size, enum cw_op op)
{
	uint64_t i;

	for (i = at; i < at + size; i += CW_LINE)
		cw_cache_op(m, BASE + i, op, FLUSH);
}

static void type(enum cw_type type)
{
	cw_set_type(m, BASE, PAGE, type, CHANGE);
}

static void flush_tlb(void)
{
	cw_flush_tlb(m, LINEAR, PAGE);
}

/* A change as the architecture wants it, and @op where its cache maintenance is. */
static void uncached(uint64_t size, enum cw_op op)
{
	type(CW_UNMAPPED);
	flush_tlb();
	type(CW_UNCACHED);
	if (op)
		flush(0, size, op);
}

static void write_back(void)
{
	type(CW_UNMAPPED);
	flush_tlb();
	type(CW_WB);
}

static void device(bool write)
{
	cw_device(m, BASE, PAGE, write, false, DMA);
}

/* ---- What is right ---- */

static void right(void)
{
	zero(0, PAGE);
	uncached(PAGE, CW_CLEAN_INVALIDATE);
	load(0);
	store(0);
	device(true);
	device(false);
	load(PAGE - 8);
	write_back();
	load(0);
	store(0);
}

/* As on x86, where an entry is changed as it is, and flushed from the TLBs then. */
static void right_x86(void)
{
	options.break_first = false;
	m = cw_new(&options, on_report, NULL);
	zero(0, PAGE);
	type(CW_UNCACHED);
	flush_tlb();
	flush(0, PAGE, CW_CLEAN_INVALIDATE);
	load(0);
	store(0);
	type(CW_WB);
	cw_flush_tlb_all(m);
	load(0);
}

/* No type is made that a TLB could hold another one of. */
static void right_unmapped(void)
{
	type(CW_UNMAPPED);
	type(CW_WB);
	cw_flush_tlb(m, ALIAS, 1ull << 40);
	cw_flush_tlb(m, LINEAR + PAGE, 15 * PAGE);
}

static void right_without_speculation(void)
{
	options.speculate = false;
	m = cw_new(&options, on_report, NULL);
	right();
}

/* An alias that is uncached, of pages that were cleaned: the linear map is left alone. */
static void right_remap(void)
{
	zero(0, PAGE);
	flush(0, PAGE, CW_CLEAN);
	cw_map(m, ALIAS, BASE, PAGE);
	alias_load(0);
	alias_store(0);
	device(false);
	device(true);
	alias_load(64);
	cw_unmap(m, ALIAS, BASE, PAGE);
	/* Whoever has the page next writes before he reads. */
	store(0);
	load(0);
}

static void right_streaming(void)
{
	store(0);
	flush(0, PAGE, CW_CLEAN);
	device(false);
	device(true);
	flush(0, PAGE, CW_INVALIDATE);
	load(0);
}

static void right_snooping(void)
{
	store(0);
	cw_device(m, BASE, PAGE, false, true, DMA);
	cw_device(m, BASE, PAGE, true, true, DMA);
	load(0);
}

/* ---- Mistakes ---- */

static void no_flush(void)
{
	zero(0, PAGE);
	uncached(PAGE, CW_NO_OP);
	load(0);
}

static void no_flush_store(void)
{
	zero(0, PAGE);
	uncached(PAGE, CW_NO_OP);
	store(64);
}

static void no_flush_device_reads(void)
{
	zero(0, PAGE);
	uncached(PAGE, CW_NO_OP);
	device(false);
}

static void no_flush_device_writes(void)
{
	zero(0, 64);
	uncached(PAGE, CW_NO_OP);
	device(true);
}

static void clean_only(void)
{
	zero(0, PAGE);
	uncached(PAGE, CW_CLEAN);
	store(128);
	load(128);
	write_back();
}

/* As long as nothing is written, the lines that are left do no harm. */
static void clean_only_unwritten(void)
{
	zero(0, PAGE);
	uncached(PAGE, CW_CLEAN);
	load(128);
	write_back();
}

static void flush_early(void)
{
	zero(0, PAGE);
	flush(0, PAGE, CW_CLEAN_INVALIDATE);
	uncached(PAGE, CW_NO_OP);
	store(0);
	write_back();
}

static void flush_early_without_speculation(void)
{
	options.speculate = false;
	m = cw_new(&options, on_report, NULL);
	flush_early();
}

/* The entry is another one, and a TLB still has what it was. */
static void flush_before_tlb(void)
{
	options.break_first = false;
	m = cw_new(&options, on_report, NULL);
	zero(0, PAGE);
	type(CW_UNCACHED);
	flush(0, PAGE, CW_CLEAN_INVALIDATE);
	flush_tlb();
	store(0);
	type(CW_WB);
}

static void no_tlb_flush(void)
{
	type(CW_UNMAPPED);
	type(CW_UNCACHED);
}

static void tlb_flush_too_late(void)
{
	type(CW_UNMAPPED);
	type(CW_UNCACHED);
	flush_tlb();
}

static void tlb_flush_of_others(void)
{
	type(CW_UNMAPPED);
	cw_flush_tlb(m, LINEAR + PAGE, PAGE);
	cw_flush_tlb(m, ALIAS, PAGE);
	type(CW_UNCACHED);
}

static void no_break(void)
{
	type(CW_UNCACHED);
}

static void restore_without_tlb(void)
{
	zero(0, PAGE);
	uncached(PAGE, CW_CLEAN_INVALIDATE);
	type(CW_UNMAPPED);
	type(CW_WB);
}

static void one_line_short(void)
{
	zero(0, PAGE);
	uncached(PAGE - CW_LINE, CW_CLEAN_INVALIDATE);
	load(0);
	load(PAGE - 8);
}

static void cacheable_alias(void)
{
	zero(0, PAGE);
	uncached(PAGE, CW_CLEAN_INVALIDATE);
	alias_store(0);
	load(0);
}

/* Another page, or the same one elsewhere, has an uncached mapping. */
static void uncached_alias_of_uncached(void)
{
	zero(0, PAGE);
	uncached(PAGE, CW_CLEAN_INVALIDATE);
	cw_map(m, ALIAS, BASE, PAGE);
	alias_store(0);
	alias_load(0);
	load(0);
	cw_unmap(m, ALIAS, BASE, PAGE);
	cw_map(m, OTHER, BASE, PAGE);
	alias_load(0);
}

/* The kernel's own mapping stays cacheable, and is used while there is another. */
static void cacheable_linear(void)
{
	cw_map(m, ALIAS, BASE, PAGE);
	load(0);
}

/* The kernel's image, which the linear map does not have. */
static void only_elsewhere(void)
{
	type(CW_UNMAPPED);
	alias_store(0);
	alias_load(0);
}

/* Two mappings of one page, as after a fork: one that goes is not all. */
static void mapped_twice(void)
{
	cw_map(m, ALIAS, BASE, PAGE);
	cw_map(m, ALIAS, BASE, PAGE);
	cw_unmap(m, ALIAS, BASE, PAGE);
	alias_load(0);
	load(0);
	cw_unmap(m, ALIAS, BASE, PAGE);
	alias_load(0);
	load(64);
}

static void zero_behind_the_remap(void)
{
	flush(0, PAGE, CW_CLEAN);
	zero(0, 64);
	cw_map(m, ALIAS, BASE, PAGE);
	alias_load(0);
}

static void no_invalidate_after_device(void)
{
	device(true);
	load(0);
}

static void overwritten_after_device(void)
{
	device(true);
	store(0);
	load(0);
}

/* What was dirty is written back where the driver cleans, and not before. */
static void late_clean(void)
{
	options.evict = false;
	m = cw_new(&options, on_report, NULL);
	zero(0, 64);
	uncached(PAGE, CW_NO_OP);
	store(0);
	flush(0, 64, CW_CLEAN_INVALIDATE);
}

/* What the line has is the newest, whatever the device did before. */
static void cleaned_after_overwritten(void)
{
	options.evict = false;
	m = cw_new(&options, on_report, NULL);
	device(true);
	store(0);
	flush(0, 64, CW_CLEAN);
	load(0);
}

/* One place is said once, another kind or another place again. */
static void once(void)
{
	int i;

	zero(0, PAGE);
	uncached(PAGE, CW_NO_OP);
	for (i = 0; i < 4; i++)
		load(i * CW_LINE);
	cw_access(m, BASE, 8, false, LINEAR, OLD);
	printf("seen %llu\n", (unsigned long long)cw_count(m, CW_STALE_READ));
}

static void two_lines(void)
{
	zero(64, 64);
	uncached(PAGE, CW_NO_OP);
	cw_access(m, BASE + 60, 8, false, LINEAR + 60, READ);
}

static void out_of_range(void)
{
	options.break_first = false;
	m = cw_new(&options, on_report, NULL);
	cw_access(m, BASE - 8, 8, true, LINEAR - 8, WRITE);
	cw_access(m, BASE + 16 * PAGE, 8, true, LINEAR + 16 * PAGE, WRITE);
	cw_access(m, BASE + 16 * PAGE - 4, 8, true, LINEAR + 16 * PAGE - 4, WRITE);
	cw_set_type(m, BASE - PAGE, 18 * PAGE, CW_UNCACHED, CHANGE);
	cw_device(m, BASE - PAGE, 18 * PAGE, false, false, DMA);
	cw_map(m, ALIAS, BASE - PAGE, 18 * PAGE);
	cw_cache_op(m, BASE - PAGE, CW_CLEAN, FLUSH);
}

/* Each of the last three pages, and no other one. */
static void pages(void)
{
	zero(0, 16 * PAGE);
	cw_set_type(m, BASE + 13 * PAGE, 3 * PAGE, CW_UNMAPPED, CHANGE);
	cw_flush_tlb(m, LINEAR + 13 * PAGE, 3 * PAGE);
	cw_set_type(m, BASE + 13 * PAGE, 3 * PAGE, CW_UNCACHED, CHANGE);
	cw_access(m, BASE + 12 * PAGE, 8, false, LINEAR + 12 * PAGE, READ);
	cw_access(m, BASE + 13 * PAGE, 8, false, LINEAR + 13 * PAGE, READ);
	cw_access(m, BASE + 15 * PAGE, 8, true, LINEAR + 15 * PAGE, WRITE);
	cw_map(m, ALIAS, BASE, 2 * PAGE);
	cw_access(m, BASE + PAGE, 8, false, ALIAS + PAGE, USER_READ);
	/* Another page there is not the one that was mapped. */
	cw_access(m, BASE, 8, false, ALIAS + PAGE, OLD);
}

static void all_tlbs(void)
{
	cw_set_type(m, BASE, 16 * PAGE, CW_UNMAPPED, CHANGE);
	cw_flush_tlb_all(m);
	cw_set_type(m, BASE, 16 * PAGE, CW_UNCACHED, CHANGE);
}

/* Eight bytes, four of them in a page that is uncached. */
static void two_pages(void)
{
	zero(0, 64);
	cw_access(m, BASE + PAGE - 4, 8, true, LINEAR + PAGE - 4, WRITE);
	cw_set_type(m, BASE + PAGE, PAGE, CW_UNMAPPED, CHANGE);
	cw_flush_tlb_all(m);
	cw_set_type(m, BASE + PAGE, PAGE, CW_UNCACHED, CHANGE);
	cw_access(m, BASE + PAGE, 8, false, LINEAR + PAGE, READ);
}

static void invalidate_only(void)
{
	zero(0, 64);
	uncached(64, CW_INVALIDATE);
	load(0);
	store(0);
}

/* What a device that snoops has written may be in a cache, and not in memory. */
static void snooped_write(void)
{
	cw_device(m, BASE, 4, true, true, DMA);
	uncached(PAGE, CW_NO_OP);
	load(0);
}

/* It reads what is in a cache, and that stays there. */
static void snooped_read(void)
{
	store(0);
	cw_device(m, BASE, PAGE, false, true, DMA);
	uncached(PAGE, CW_NO_OP);
	load(0);
}

/* A clean leaves a line that was older than the memory as it was. */
static void clean_of_stale(void)
{
	device(true);
	flush(0, 64, CW_CLEAN);
	load(0);
}

/* A clean of a dirty line makes the memory what the line is. */
static void clean_of_dirty(void)
{
	options.evict = false;
	m = cw_new(&options, on_report, NULL);
	device(true);
	store(0);
	flush(0, 64, CW_CLEAN);
	uncached(PAGE, CW_NO_OP);
	load(0);
	write_back();
}

/* A line that was read is there, with no speculation. */
static void loaded(void)
{
	options.speculate = false;
	m = cw_new(&options, on_report, NULL);
	load(0);
	uncached(PAGE, CW_NO_OP);
	store(0);
	store(64);
	write_back();
}

static void unmap_of_unknown(void)
{
	cw_unmap(m, ALIAS, BASE, PAGE);
	cw_map(m, ALIAS, BASE, PAGE);
	alias_load(0);
	load(0);
}

static void whole_report(void)
{
	whole = true;
	zero(0, 64);
	flush(0, 64, CW_CLEAN);
	cw_access(m, BASE, 8, true, LINEAR, OLD);
	uncached(PAGE, CW_NO_OP);
	store(8);
	cw_access(m, BASE, 8, false, LINEAR, READ);
}

/* More places than are told apart, and one that then is not told: it is counted. */
static void no_room(void)
{
	int i;

	zero(0, 64);
	uncached(PAGE, CW_NO_OP);
	for (i = 0; i < 5000; i++)
		cw_access(m, BASE, 8, false, LINEAR, 0x10000 + i);
	printf("dropped %llu\n", (unsigned long long)cw_dropped(m));
}

static void all_lines(void)
{
	zero(0, PAGE);
	uncached(PAGE, CW_NO_OP);
	cw_cache_op_all(m, CW_CLEAN_INVALIDATE, FLUSH);
	load(0);
	store(0);
	write_back();
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
#define CASE(name) { #name, name }
	CASE(right), CASE(right_without_speculation), CASE(right_remap), CASE(right_streaming),
	CASE(right_x86), CASE(right_unmapped), CASE(flush_before_tlb), CASE(no_tlb_flush),
	CASE(tlb_flush_too_late), CASE(tlb_flush_of_others), CASE(no_break), CASE(restore_without_tlb),
	CASE(right_snooping), CASE(no_flush), CASE(no_flush_store), CASE(no_flush_device_reads),
	CASE(no_flush_device_writes), CASE(clean_only), CASE(clean_only_unwritten),
	CASE(flush_early), CASE(flush_early_without_speculation), CASE(one_line_short),
	CASE(cacheable_alias), CASE(uncached_alias_of_uncached), CASE(cacheable_linear),
	CASE(only_elsewhere), CASE(mapped_twice), CASE(zero_behind_the_remap), CASE(no_invalidate_after_device),
	CASE(overwritten_after_device), CASE(late_clean),
	CASE(cleaned_after_overwritten), CASE(once), CASE(two_lines),
	CASE(out_of_range), CASE(all_lines), CASE(pages), CASE(all_tlbs), CASE(two_pages),
	CASE(invalidate_only), CASE(snooped_write), CASE(snooped_read), CASE(clean_of_stale),
	CASE(clean_of_dirty), CASE(loaded), CASE(unmap_of_unknown), CASE(whole_report), CASE(no_room),
};

int main(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(cases[i].name, argv[1]))
			continue;
		start();
		cases[i].run();
		return 0;
	}
	fprintf(stderr, "model-test: no such case\n");
	return 2;
}
