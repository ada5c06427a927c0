/* SPDX-License-Identifier: GPL-2.0 */
/* What stress.c offers to stress-test.c: /dev/stress. */
#ifndef STRESS_H
#define STRESS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* A worker: so many steps with what @seed leads to, then all is freed. */
struct stress_run {
	__u64 seed;
	__u32 steps;
	__u32 pad;
};

/* Of all workers so far. */
struct stress_state {
	__u64 allocations;
	__u64 pages;		/* of these: the hand-outs */
	__u64 uncached;		/* of these, not write-combined */
	__u64 refused;		/* allocations that failed, as they may */
	__u64 mapped;		/* pages written by another mapping */
	__u64 live;		/* pages that somebody has now */
	/* What must not be: */
	__u64 foreign;		/* pages with bytes of somebody else when handed out */
	__u64 lost;		/* pages with bytes of somebody else when freed */
	__u64 mistyped;		/* allocations with another type in the linear map */
	__u64 misplaced;	/* allocations that are not where they should be */
	__u64 unknown;		/* allocations that are not taken back */
	/* Where pages were: a bit for each 128 MiB of physical addresses. */
	__u64 blocks;
};

#define STRESS_BLOCK_SHIFT	27

#define STRESS_IOC_RUN		_IOW('s', 0, struct stress_run)
#define STRESS_IOC_STATE	_IOR('s', 1, struct stress_state)

#endif
