/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What whose_pages.c offers to users-test.c: /dev/whose_pages.
 */
#ifndef WHOSE_PAGES_H
#define WHOSE_PAGES_H

#include <linux/ioctl.h>
#include <linux/types.h>

enum whose_type {
	WHOSE_CACHED,
	WHOSE_WC,
	WHOSE_UC,
};

struct whose_lookup {
	__u64 address;
	/* Its page, and where the linear map has that. */
	__u64 phys;
	__u64 linear;
	/* Of a mapping in user space only. */
	__u32 type;
	__u32 unused;
};

/* An address of the process in a mapping that is VM_PFNMAP; EINVAL if it is not. */
#define WHOSE_IOC_USER		_IOWR('w', 1, struct whose_lookup)
/* An address in vmalloc space; ENOENT where nothing is mapped. */
#define WHOSE_IOC_VMALLOC	_IOWR('w', 2, struct whose_lookup)

#endif
