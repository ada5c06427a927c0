/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What faults.c offers to faults-test.c: /dev/faults. Each open file has one buffer,
 * mmap() maps it. All that the driver needs of its own is allocated by open(), so
 * that what an ioctl allocates is what the kernel's own functions do.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* How the buffer is had, and in how many pages at a time. */
enum faults_form {
	FAULTS_PAGES,		/* dma_alloc_pages_attrs(), once */
	FAULTS_CHUNKS,		/* the same, for FAULTS_CHUNK_PAGES each */
	FAULTS_SG,		/* dma_alloc_noncontiguous() */
	FAULTS_SG_SINGLE,	/* the same, with DMA_ATTR_ALLOC_SINGLE_PAGES */
	FAULTS_RANGE,		/* alloc_pages() and set_pages_*(), by the driver itself */
	FAULTS_ARRAY,		/* alloc_pages() and set_pages_array_*() */
	FAULTS_NR_FORMS
};

#define FAULTS_CHUNK_PAGES	3
#define FAULTS_MAX_PAGES	2048

enum faults_type { FAULTS_COHERENT, FAULTS_UC, FAULTS_WC };

struct faults_alloc {
	__u32 form;
	__u32 type;
	__u32 pages;
	__u32 pad;
};

struct faults_device {
	__u8 coherent;		/* dev_is_dma_coherent() */
	__u8 translated;	/* behind an IOMMU that translates */
	__u8 can_uncached;	/* dma_can_alloc_uncached() */
	__u8 pad;
};

#define FAULTS_IOC_DEVICE	_IOR('f', 0, struct faults_device)
#define FAULTS_IOC_ALLOC	_IOW('f', 1, struct faults_alloc)
#define FAULTS_IOC_FREE		_IO('f', 2)
#define FAULTS_IOC_VMAP		_IO('f', 3)
#define FAULTS_IOC_VUNMAP	_IO('f', 4)
/* The pages alone, and then the change alone: for FAULTS_RANGE and _ARRAY */
#define FAULTS_IOC_OWN		_IOW('f', 5, struct faults_alloc)
#define FAULTS_IOC_CHANGE	_IO('f', 6)
#define FAULTS_IOC_RESTORE	_IO('f', 7)

/* The device as an importer of a dma-buf, of the file that is the argument */
#define FAULTS_IOC_IMPORT	_IO('f', 10)
#define FAULTS_IOC_ATTACH	_IO('f', 11)
#define FAULTS_IOC_DETACH	_IO('f', 12)
#define FAULTS_IOC_MAP		_IO('f', 13)
#define FAULTS_IOC_UNMAP	_IO('f', 14)

#endif
