/* SPDX-License-Identifier: GPL-2.0 */
/* What life.c offers to life-test.c: /dev/life. */
#ifndef LIFE_H
#define LIFE_H

#include <linux/ioctl.h>
#include <linux/types.h>

enum life_type { LIFE_WB, LIFE_UC, LIFE_WC };

/* A buffer, by its number; -ENOENT where there is none. */
struct life_buffer {
	__u32 number;
	__u32 type;		/* that it must have */
	__u32 pages;
	__u32 from_stock;
	/* Results of a look at all of its words, through each of its mappings */
	__u64 wrong;
	__u64 wrong_vmap;
};

/* Of a page of a buffer, by its number */
struct life_page {
	__u32 number;
	__u32 page;
	__u64 phys;
	__u64 linear;
};

/* Memory of another kernel, or of nobody: the pages that have what a buffer had */
struct life_found {
	__u64 phys;
	__u32 pages;
	__u32 found;
};

#define LIFE_IOC_ALLOC	_IO('l', 0)
/* So many buffers of a block of the stock, in place of the others */
#define LIFE_IOC_BLOCKS	_IO('l', 1)
#define LIFE_IOC_FREE	_IO('l', 2)
#define LIFE_IOC_LOOK	_IOWR('l', 3, struct life_buffer)
#define LIFE_IOC_PAGE	_IOWR('l', 4, struct life_page)
#define LIFE_IOC_FIND	_IOWR('l', 5, struct life_found)

/* What each word of a page has. */
#define LIFE_WORD(phys, word)	(((phys) + 8 * (word) + 1) * 0x9e3779b97f4a7c15ULL)

#endif
