/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What edu_dma.c offers to edu-test.c: /dev/edu, where each open file can have
 * one buffer. mmap() maps it.
 */
#ifndef EDU_DMA_H
#define EDU_DMA_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* What is asked for: DMA_ATTR_REQUIRE_COHERENT, _UNCACHED, _WRITE_COMBINE */
#define EDU_COHERENT		0x01
#define EDU_UNCACHED		0x02
#define EDU_WRITE_COMBINE	0x04
/* dma_alloc_noncontiguous() instead of dma_alloc_pages_attrs() */
#define EDU_NONCONTIGUOUS	0x08
/* DMA_ATTR_ALLOC_SINGLE_PAGES */
#define EDU_SINGLE_PAGES	0x10
/* Several allocations, of EDU_CHUNK_PAGES each, with one vmap */
#define EDU_CHUNKS		0x20
/* mmap() takes the pages as an array, which can be of several allocations. */
#define EDU_AS_ARRAY		0x40

#define EDU_CHUNK_PAGES		3

/* The device has 4096 bytes of its own, and takes less than all at once. */
#define EDU_TRANSFER_MAX	2048

struct edu_device {
	__u64 moved;		/* bytes, to and from the device */
	__s32 mask_error;	/* of dma_set_mask_and_coherent() */
	__u8 coherent;		/* dev_is_dma_coherent() */
	__u8 translated;	/* behind an IOMMU that translates */
	__u8 can_uncached;	/* dma_can_alloc_uncached() */
	__u8 pad;
};

struct edu_alloc {
	__u64 size;
	__u64 flags;
	__u64 dma;		/* result: where the device sees it */
	__u64 phys;		/* result: where it is */
};

enum edu_path { EDU_LINEAR, EDU_VMAP };

/* The CPU copies between the buffer and memory of the program. */
struct edu_access {
	__u64 offset;
	__u64 length;
	__u64 memory;
	__u32 path;
	__u32 write;
};

/* The device copies between the buffer and its own memory. */
struct edu_transfer {
	__u64 offset;
	__u32 length;
	__u32 to_buffer;
};

enum edu_memtype { EDU_TYPE_CACHED, EDU_TYPE_WC, EDU_TYPE_UC };

/* What the page tables of the program have for an address. */
struct edu_lookup {
	__u64 address;
	__u32 type;
	__u32 pad;
};

#define EDU_IOC_DEVICE		_IOR('e', 0, struct edu_device)
#define EDU_IOC_ALLOC		_IOWR('e', 1, struct edu_alloc)
#define EDU_IOC_ACCESS		_IOW('e', 2, struct edu_access)
#define EDU_IOC_TRANSFER	_IOW('e', 3, struct edu_transfer)
#define EDU_IOC_LOOKUP		_IOWR('e', 4, struct edu_lookup)

#endif
