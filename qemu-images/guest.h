/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For programs in the guest that look at the kernel, and change what it does.
 */
#ifndef GUEST_H
#define GUEST_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096UL

#define DEBUG		"/sys/kernel/debug/"
#define STOCK		DEBUG "uncached_pages"
#define MAX_PERCENT	"/sys/module/uncached_pages/parameters/max_percent"

/* The kernel's dump of its page tables, and how it calls the linear map and other types. */
#ifdef __aarch64__
#define TABLES		DEBUG "kernel_page_tables"
#define LINEAR_MAP	"Linear Mapping start"
static const char * const other_types[] = { "MEM/NORMAL-NC", "DEVICE/" };
#else
#define TABLES		DEBUG "page_tables/kernel"
#define LINEAR_MAP	"Low Kernel Mapping"
static const char * const other_types[] = { " PWT ", " PCD ", " PAT " };
#endif

static inline void mount_all(void)
{
	mount("proc", "/proc", "proc", 0, NULL);
	mkdir("/sys", 0755);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("debugfs", DEBUG, "debugfs", 0, NULL);
}

static inline double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static inline void pause_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

/* Writes to a file of the kernel: 0, or -1 with errno. */
static inline int set(const char *file, const char *value)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC), ret, saved;

	if (fd < 0)
		return -1;
	ret = write(fd, value, strlen(value)) == (ssize_t)strlen(value) ? 0 : -1;
	saved = errno;
	close(fd);
	errno = saved;
	return ret;
}

#endif
