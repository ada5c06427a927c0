// SPDX-License-Identifier: GPL-2.0
/*
 * The first program of a guest whose kernel counts what it runs (CONFIG_GCOV_KERNEL):
 * runs /init as it is, but without the right to reset the machine, and when that has
 * ended, gives the host all that is in debugfs below gcov, as a cpio archive in the
 * memory of QEMU's ivshmem device. Then it resets the machine.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GCOV	"/sys/kernel/debug/gcov"
#define PCI	"/sys/bus/pci/devices"

static char *archive;
static size_t used, room;

static void fail(const char *what)
{
	int log = open("/dev/kmsg", O_WRONLY);

	dprintf(log, "coverage: %s: %s\n", what, strerror(errno));
	reboot(RB_AUTOBOOT);
	_exit(1);
}

static char *more(size_t size)
{
	if (used + size > room) {
		room = 2 * (used + size);
		archive = realloc(archive, room);
		if (!archive)
			fail("memory");
	}
	return archive + used;
}

static void add(const void *data, size_t size)
{
	memcpy(more(size + 4), data, size);
	used += size;
	while (used % 4)
		archive[used++] = 0;
}

static void add_member(const char *name, const void *data, size_t size)
{
	char header[4096];
	int n;

	n = snprintf(header, sizeof(header), "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s",
		     0, 0100644, 0, 0, 1, 0, (unsigned int)size, 0, 0, 0, 0,
		     (unsigned int)strlen(name) + 1, 0, name);
	add(header, n + 1);
	add(data, size);
}

/* A file of debugfs has no size before it is read. */
static int add_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static char data[4 << 20];
	size_t size = 0;
	ssize_t n;
	int fd;

	(void)st, (void)ftw;
	if (type != FTW_F || strlen(path) < 5 || strcmp(path + strlen(path) - 5, ".gcda"))
		return 0;
	fd = open(path, O_RDONLY);
	if (fd < 0)
		fail(path);
	while ((n = read(fd, data + size, sizeof(data) - size)) > 0)
		size += n;
	if (n < 0 || size == sizeof(data))
		fail(path);
	close(fd);
	add_member(path + strlen(GCOV) + 1, data, size);
	return 0;
}

static int is(const char *device, const char *file, const char *value)
{
	char path[512], text[16] = "";
	int fd;

	snprintf(path, sizeof(path), PCI "/%s/%s", device, file);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		fail(path);
	close(fd);
	return !strncmp(text, value, strlen(value));
}

static void copy_out(const char *device)
{
	volatile uint64_t *to;
	char path[512];
	struct stat st;
	size_t i;
	int fd;

	snprintf(path, sizeof(path), PCI "/%s/enable", device);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "1", 1) != 1)
		fail(path);
	snprintf(path, sizeof(path), PCI "/%s/resource2", device);
	fd = open(path, O_RDWR);
	if (fd < 0 || fstat(fd, &st))
		fail(path);
	errno = ENOSPC;
	if (used + 8 > (size_t)st.st_size)
		fail(path);
	to = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (to == MAP_FAILED)
		fail(path);
	more(8);
	/* Device memory: whole words only. */
	for (i = 0; i < (used + 7) / 8; i++)
		to[i] = ((uint64_t *)archive)[i];
}

int main(void)
{
	struct dirent *entry;
	pid_t init;
	DIR *dir;

	init = fork();
	if (init == 0) {
		prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT);
		execl("/init", "/init", NULL);
		_exit(1);
	}
	while (wait(NULL) != init)
		;
	mkdir("/sys", 0755);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	/* Before the window is mapped, which is no part of the tests. */
	if (nftw(GCOV, add_file, 16, FTW_PHYS))
		fail(GCOV);
	add_member("TRAILER!!!", NULL, 0);
	dir = opendir(PCI);
	if (!dir)
		fail(PCI);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && is(entry->d_name, "vendor", "0x1af4") &&
		    is(entry->d_name, "device", "0x1110")) {
			copy_out(entry->d_name);
			sync();
			reboot(RB_AUTOBOOT);
		}
	}
	errno = ENODEV;
	fail("ivshmem");
}
