// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model.h"

/* A cache may hold the line. */
#define VALID	1
/* What the line holds is newer than the memory. */
#define DIRTY	2
/* The memory was written since the line was filled, or may have been filled. */
#define STALE	4

struct line {
	uint64_t writer;
	uint64_t memory_writer;
	uint64_t op_pc;
	uint8_t flags;
	uint8_t op;
};

struct page {
	uint32_t uncached_maps;
	uint8_t type;
	/* Types that a TLB may still hold, one bit each: what the entry was before. */
	uint8_t in_tlb;
};

/* Numbers of pages, and how many mappings there are of them: 0 is a free slot. */
struct mapping {
	uint64_t virt;
	uint64_t phys;
	uint32_t count;
};

#define MAPPINGS	(1u << 22)
/* Reports that are told apart, and the slots that they are found in. */
#define PLACES		(1u << 12)
#define PLACE_SLOTS	(4 * PLACES)

struct cw_model {
	struct cw_options o;
	struct line *lines;
	struct page *pages;
	struct mapping *mappings;
	cw_report_fn report;
	void *arg;
	struct cw_report places[PLACES];
	unsigned int nr_places;
	/* The number of a place, and one; 0 is a free slot. */
	uint16_t place_slots[PLACE_SLOTS];
	uint64_t counts[CW_KINDS];
	uint64_t uncached_accesses;
	uint64_t dropped;
};

/* Zeroed, and only what is touched takes memory. */
static void *sparse(uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

struct cw_model *cw_new(const struct cw_options *options, cw_report_fn report, void *arg)
{
	struct cw_model *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->o = *options;
	m->report = report;
	m->arg = arg;
	m->lines = sparse(m->o.size / CW_LINE * sizeof(*m->lines));
	m->pages = sparse(m->o.size / CW_PAGE * sizeof(*m->pages));
	m->mappings = sparse(MAPPINGS * sizeof(*m->mappings));
	if (m->lines && m->pages && m->mappings)
		return m;
	cw_free(m);
	return NULL;
}

void cw_free(struct cw_model *m)
{
	if (m->lines)
		munmap(m->lines, m->o.size / CW_LINE * sizeof(*m->lines));
	if (m->pages)
		munmap(m->pages, m->o.size / CW_PAGE * sizeof(*m->pages));
	if (m->mappings)
		munmap(m->mappings, MAPPINGS * sizeof(*m->mappings));
	free(m);
}

static bool has(const struct cw_model *m, uint64_t phys)
{
	return phys - m->o.base < m->o.size;
}

static struct line *line_of(struct cw_model *m, uint64_t phys)
{
	return m->lines + (phys - m->o.base) / CW_LINE;
}

static struct page *page_of(struct cw_model *m, uint64_t phys)
{
	return m->pages + (phys - m->o.base) / CW_PAGE;
}

static bool same_place(const struct cw_report *a, const struct cw_report *b)
{
	return a->kind == b->kind && a->pc == b->pc && a->writer == b->writer &&
	       a->memory_writer == b->memory_writer && a->op_pc == b->op_pc;
}

/* Is it the first of its place, and is there room for it? */
static bool is_new_place(struct cw_model *m, const struct cw_report *r)
{
	uint64_t hash = r->kind + r->pc * 0x9e3779b97f4a7c15ull +
			r->writer * 0xc2b2ae3d27d4eb4full +
			r->memory_writer * 0x165667b19e3779f9ull + r->op_pc * 0x27d4eb2f165667c5ull;
	unsigned int at = hash >> 48;
	uint16_t *slot;

	for (;; at++) {
		slot = &m->place_slots[at % PLACE_SLOTS];
		if (!*slot)
			break;
		if (same_place(&m->places[*slot - 1], r))
			return false;
	}
	if (m->nr_places == PLACES) {
		m->dropped++;
		return false;
	}
	m->places[m->nr_places] = *r;
	*slot = ++m->nr_places;
	return true;
}

static void tell(struct cw_model *m, enum cw_kind kind, uint64_t phys, uint64_t virt, uint64_t pc)
{
	const struct line *line = line_of(m, phys);
	struct cw_report r = {
		.kind = kind,
		.phys = phys,
		.virt = virt,
		.pc = pc,
		.writer = line->writer,
		.memory_writer = line->memory_writer,
		.op = line->op,
		.op_pc = line->op_pc,
	};

	m->counts[kind]++;
	if (is_new_place(m, &r))
		m->report(&r, m->arg);
}

/* The slot of this mapping, or the free one where it would be; NULL in a full table. */
static struct mapping *find_mapping(struct cw_model *m, uint64_t virt, uint64_t phys)
{
	uint64_t hash = (virt / CW_PAGE * 0x9e3779b97f4a7c15ull) ^ (phys / CW_PAGE * 0xc2b2ae3d27d4eb4full);
	unsigned int i, at = hash >> 40;

	for (i = 0; i < MAPPINGS; i++) {
		struct mapping *map = &m->mappings[(at + i) % MAPPINGS];

		/* One that went keeps its slot: others may lie behind it. */
		if ((!map->virt && !map->phys) ||
		    (map->virt == virt / CW_PAGE && map->phys == phys / CW_PAGE))
			return map;
	}
	return NULL;
}

static bool is_linear(const struct cw_model *m, uint64_t virt, uint64_t phys)
{
	return virt - m->o.linear_virt == phys - m->o.linear_phys;
}

static bool is_cacheable(struct cw_model *m, const struct page *page, uint64_t virt, uint64_t phys)
{
	const struct mapping *map;

	if (is_linear(m, virt, phys))
		return page->type == CW_WB;
	if (!page->uncached_maps)
		return true;
	map = find_mapping(m, virt, phys);
	return !map || !map->count;
}

/* Can a line of the page be filled without an access to it? */
static bool is_speculated(const struct cw_model *m, const struct page *page)
{
	return m->o.speculate && (page->type == CW_WB || (page->in_tlb & 1 << CW_WB));
}

/* The memory behind the line changes, and the line does not. */
static void write_memory(struct cw_model *m, uint64_t phys, uint64_t virt, uint64_t pc)
{
	struct line *line = line_of(m, phys);

	line->memory_writer = pc;
	if ((line->flags & DIRTY) && m->o.evict)
		tell(m, CW_OVERWRITE, phys, virt, pc);
	if ((line->flags & VALID) || is_speculated(m, page_of(m, phys)))
		line->flags |= STALE;
}

static void access_line(struct cw_model *m, uint64_t phys, bool write, uint64_t virt, uint64_t pc)
{
	struct line *line = line_of(m, phys);
	struct page *page = page_of(m, phys);

	if (page->type != CW_WB || page->uncached_maps) {
		if (!is_cacheable(m, page, virt, phys)) {
			m->uncached_accesses++;
			if (write)
				write_memory(m, phys, virt, pc);
			else if (line->flags & DIRTY)
				tell(m, CW_STALE_READ, phys, virt, pc);
			return;
		}
		/* What the linear map has not at all, as the kernel's image, is no alias of it. */
		if (page->type == CW_UNCACHED || page->uncached_maps)
			tell(m, CW_ALIAS, phys, virt, pc);
	}

	if (write) {
		line->writer = pc;
		/* What was stale in it is overwritten; the rest of the line is not looked at. */
		line->flags = VALID | DIRTY;
		return;
	}
	if ((line->flags & (STALE | DIRTY)) == STALE)
		tell(m, CW_STALE_LINE, phys, virt, pc);
	line->flags |= VALID;
}

void cw_access(struct cw_model *m, uint64_t phys, unsigned int size, bool write,
	       uint64_t virt, uint64_t pc)
{
	uint64_t at, end = phys + size;
	uint64_t page_end = (phys | (CW_PAGE - 1)) + 1;

	if (!has(m, phys))
		return;
	/* Where the next page lies, nobody has said, but for the linear map. */
	if (end > page_end && !is_linear(m, virt, phys))
		end = page_end;
	for (at = phys; at < end && has(m, at); at = (at | (CW_LINE - 1)) + 1)
		access_line(m, at, write, virt + (at - phys), pc);
}

void cw_cache_op(struct cw_model *m, uint64_t phys, enum cw_op op, uint64_t pc)
{
	struct line *line;

	if (!has(m, phys))
		return;
	line = line_of(m, phys);
	if (op == CW_CLEAN || op == CW_CLEAN_INVALIDATE) {
		/* Said before, if a dirty line is written back at the worst moment. */
		if ((line->flags & (DIRTY | STALE)) == (DIRTY | STALE) && !m->o.evict)
			tell(m, CW_OVERWRITE, phys, 0, pc);
		/* What is written back is what the line holds. */
		if (line->flags & DIRTY)
			line->flags &= ~(DIRTY | STALE);
	}
	if (op == CW_INVALIDATE && (line->flags & DIRTY))
		tell(m, CW_LOST, phys, 0, pc);
	if (op == CW_INVALIDATE || op == CW_CLEAN_INVALIDATE)
		line->flags = 0;
	line->op = op;
	line->op_pc = pc;
}

void cw_cache_op_all(struct cw_model *m, enum cw_op op, uint64_t pc)
{
	uint64_t i;

	/* A line that nothing holds is not touched: it may be of memory that is not there. */
	for (i = 0; i < m->o.size / CW_LINE; i++)
		if (m->lines[i].flags)
			cw_cache_op(m, m->o.base + i * CW_LINE, op, pc);
}

static void set_page_type(struct cw_model *m, uint64_t phys, enum cw_type type, uint64_t pc)
{
	struct page *page = page_of(m, phys);
	struct line *line = line_of(m, phys);
	unsigned int i;

	if (page->type == type)
		return;
	if (page->type != CW_UNMAPPED)
		page->in_tlb |= 1 << page->type;
	page->type = type;
	if (type != CW_UNMAPPED && m->o.break_first && (page->in_tlb & ~(1 << type)))
		tell(m, CW_TWO_TYPES, phys, 0, pc);
	for (i = 0; type == CW_WB && i < CW_PAGE / CW_LINE; i++, line++)
		if (line->flags & STALE)
			tell(m, CW_RESTORE, phys + i * CW_LINE, 0, pc);
}

static void flush_page_tlb(struct cw_model *m, struct page *page)
{
	struct line *line = m->lines + (page - m->pages) * (CW_PAGE / CW_LINE);
	unsigned int i;

	if (!page->in_tlb)
		return;
	/* Until this moment, and the lines stay when the mapping goes. */
	for (i = 0; is_speculated(m, page) && i < CW_PAGE / CW_LINE; i++)
		line[i].flags |= VALID;
	page->in_tlb = 0;
}

void cw_flush_tlb(struct cw_model *m, uint64_t virt, uint64_t size)
{
	uint64_t phys = virt - m->o.linear_virt + m->o.linear_phys;
	uint64_t at;

	/* Most are not of the linear map, and none is longer than the memory. */
	for (at = phys; at - phys < size && has(m, at); at += CW_PAGE)
		flush_page_tlb(m, page_of(m, at));
}

void cw_flush_tlb_all(struct cw_model *m)
{
	uint64_t i;

	for (i = 0; i < m->o.size / CW_PAGE; i++)
		flush_page_tlb(m, m->pages + i);
}

void cw_set_type(struct cw_model *m, uint64_t phys, uint64_t size, enum cw_type type,
		 uint64_t pc)
{
	uint64_t at;

	for (at = phys; at < phys + size; at += CW_PAGE)
		if (has(m, at))
			set_page_type(m, at, type, pc);
}

static void count_mapping(struct cw_model *m, uint64_t virt, uint64_t phys, int change)
{
	struct mapping *map = find_mapping(m, virt, phys);

	if (!map) {
		m->dropped++;
		return;
	}
	/* What was mapped before the first word is not known. */
	if (change < 0 && !map->count)
		return;
	map->virt = virt / CW_PAGE;
	map->phys = phys / CW_PAGE;
	map->count += change;
	page_of(m, phys)->uncached_maps += change;
}

void cw_map(struct cw_model *m, uint64_t virt, uint64_t phys, uint64_t size)
{
	uint64_t at;

	for (at = 0; at < size; at += CW_PAGE)
		if (has(m, phys + at))
			count_mapping(m, virt + at, phys + at, 1);
}

void cw_unmap(struct cw_model *m, uint64_t virt, uint64_t phys, uint64_t size)
{
	uint64_t at;

	for (at = 0; at < size; at += CW_PAGE)
		if (has(m, phys + at))
			count_mapping(m, virt + at, phys + at, -1);
}

void cw_device(struct cw_model *m, uint64_t phys, uint64_t size, bool write, bool snoops,
	       uint64_t pc)
{
	uint64_t at;

	for (at = phys; at < phys + size; at = (at | (CW_LINE - 1)) + 1) {
		if (!has(m, at))
			continue;
		if (snoops) {
			/* Reads what the caches hold, and what it writes may stay there. */
			if (write) {
				line_of(m, at)->flags = VALID | DIRTY;
				line_of(m, at)->writer = pc;
			}
		} else if (write) {
			write_memory(m, at, 0, pc);
		} else if (line_of(m, at)->flags & DIRTY) {
			tell(m, CW_DEVICE_STALE, at, 0, pc);
		}
	}
}

uint64_t cw_count(const struct cw_model *m, enum cw_kind kind)
{
	return m->counts[kind];
}

uint64_t cw_uncached_accesses(const struct cw_model *m)
{
	return m->uncached_accesses;
}

uint64_t cw_dropped(const struct cw_model *m)
{
	return m->dropped;
}
