/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a write-back cache may do to the lines of memory, and which accesses would
 * see or make stale data by it. README.md has the rules and the limits.
 *
 * Nothing here knows of QEMU. Addresses are the guest's physical ones, in a range
 * that is given at the start; others are ignored.
 */
#ifndef CACHE_WITNESS_MODEL_H
#define CACHE_WITNESS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define CW_LINE	64
#define CW_PAGE	4096

/* How the linear map has a page. The kernel says these numbers. */
enum cw_type {
	CW_WB,
	CW_UNCACHED,
	CW_UNMAPPED,
};

enum cw_op {
	CW_NO_OP,
	CW_CLEAN,
	CW_INVALIDATE,
	CW_CLEAN_INVALIDATE,
};

enum cw_kind {
	/* an uncached read, while what was written last is in a cache */
	CW_STALE_READ,
	/* a dirty line, which would be written over a later uncached or device write */
	CW_OVERWRITE,
	/* a device reads, while what was written last is in a cache */
	CW_DEVICE_STALE,
	/* a cacheable access to a page that is, or is mapped, uncached */
	CW_ALIAS,
	/* write-back again, with lines that are older than the memory */
	CW_RESTORE,
	/* a cacheable read of a line that may be older than the memory */
	CW_STALE_LINE,
	/* mapped again with another type, and a TLB may still hold the one before */
	CW_TWO_TYPES,
	/* a dirty line is invalidated: what was written is nowhere */
	CW_LOST,
	CW_KINDS
};

struct cw_options {
	/* The range of physical addresses, of whole pages. */
	uint64_t base;
	uint64_t size;
	/* The linear map: where it has the physical address linear_phys. */
	uint64_t linear_virt;
	uint64_t linear_phys;
	/* A line that can be filled is filled: all of the linear map that is write-back. */
	bool speculate;
	/* A dirty line is written back at the worst moment. */
	bool evict;
	/* A mapping must leave the TLBs before another type is made: Arm, not x86. */
	bool break_first;
};

struct cw_report {
	enum cw_kind kind;
	uint64_t phys;
	/* The access: where to, and the instruction; 0 if it was none. */
	uint64_t virt;
	uint64_t pc;
	/* Instructions that did it last to this line, or 0. */
	uint64_t writer;
	uint64_t memory_writer;
	enum cw_op op;
	uint64_t op_pc;
};

struct cw_model;
typedef void (*cw_report_fn)(const struct cw_report *report, void *arg);

/* NULL where there is not enough memory. Each report is made once a place. */
struct cw_model *cw_new(const struct cw_options *options, cw_report_fn report, void *arg);
void cw_free(struct cw_model *m);

void cw_access(struct cw_model *m, uint64_t phys, unsigned int size, bool write,
	       uint64_t virt, uint64_t pc);
void cw_cache_op(struct cw_model *m, uint64_t phys, enum cw_op op, uint64_t pc);
/* Of all lines. */
void cw_cache_op_all(struct cw_model *m, enum cw_op op, uint64_t pc);
void cw_set_type(struct cw_model *m, uint64_t phys, uint64_t size, enum cw_type type,
		 uint64_t pc);
/* The TLBs hold nothing of the linear map for these addresses any more; or at all. */
void cw_flush_tlb(struct cw_model *m, uint64_t virt, uint64_t size);
void cw_flush_tlb_all(struct cw_model *m);
/* An uncached mapping that is not in the linear map comes, or goes. */
void cw_map(struct cw_model *m, uint64_t virt, uint64_t phys, uint64_t size);
void cw_unmap(struct cw_model *m, uint64_t virt, uint64_t phys, uint64_t size);
void cw_device(struct cw_model *m, uint64_t phys, uint64_t size, bool write, bool snoops,
	       uint64_t pc);

/* How often each kind was seen, at all places. */
uint64_t cw_count(const struct cw_model *m, enum cw_kind kind);
/* Lines of uncached pages that were accessed uncached: what was there to be seen. */
uint64_t cw_uncached_accesses(const struct cw_model *m);
/* What there was no room for: reports of new places, and mappings. Silence then says nothing. */
uint64_t cw_dropped(const struct cw_model *m);

#endif
