// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the pages that edu_dma.c allocates: that a device, the kernel and a
 * user program see the same bytes in them, and what a program can do with its
 * mapping of them. Each test has a buffer of its own, and is done for each kind
 * of buffer. Prints KTAP, and how many bytes were moved and compared.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../say.h"
#include "edu_dma.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096UL
#define HUGE		(2UL << 20)
#define RW		(PROT_READ | PROT_WRITE)

static const struct kind {
	const char *name;
	unsigned int flags;
} kinds[] = {
	{ "coherent", EDU_COHERENT },
	{ "uncached", EDU_UNCACHED },
	{ "wc", EDU_UNCACHED | EDU_WRITE_COMBINE },
	{ "sg-coherent", EDU_NONCONTIGUOUS | EDU_COHERENT },
	{ "sg-uncached", EDU_NONCONTIGUOUS | EDU_UNCACHED },
	{ "sg-wc", EDU_NONCONTIGUOUS | EDU_UNCACHED | EDU_WRITE_COMBINE },
	{ "sg-single", EDU_NONCONTIGUOUS | EDU_UNCACHED | EDU_SINGLE_PAGES },
	{ "chunks", EDU_CHUNKS | EDU_UNCACHED | EDU_WRITE_COMBINE },
};

struct buffer {
	int fd;
	size_t size;
	unsigned char *map;
	size_t mapped;
	struct edu_alloc info;
};

static const struct kind *kind;
/* Of the buffers of the test: mapped as what was allocated, or as an array. */
static unsigned int as_array;
static struct edu_device device;
static int load_error;
static unsigned long long compared;
static unsigned int seed;

#define fail_at(line, format, ...) do {					\
	failed = 1;							\
	say("    # line %d%s: " format, line,				\
	    as_array ? ", as an array" : "", ##__VA_ARGS__);		\
} while (0)

#define fail(...)	fail_at(__LINE__, __VA_ARGS__)

/* A call fails with this error, or (0) does not. */
#define check_errno(call, error) do {					\
	int got_, want_ = (error);					\
									\
	errno = 0;							\
	got_ = (long)(call) == -1 ? errno : 0;				\
	if (got_ != want_)						\
		fail("%s: %s, expected: %s", #call, strerror(got_),	\
		     strerror(want_));					\
} while (0)

static void random_bytes(unsigned char *to, size_t n)
{
	while (n--) {
		seed = seed * 1103515245 + 12345;
		*to++ = seed >> 16;
	}
}

static void compare_at(int line, const char *where, const unsigned char *got,
		       const unsigned char *want, size_t n)
{
	size_t i, wrong = 0, first = 0;

	for (i = 0; i < n; i++) {
		if (got[i] == want[i])
			continue;
		if (!wrong++)
			first = i;
	}
	compared += n;
	if (wrong)
		fail_at(line, "%s: %zu of %zu bytes wrong, the first at %zu: %#x, expected: %#x",
			where, wrong, n, first, got[first], want[first]);
}

#define compare(...)	compare_at(__LINE__, __VA_ARGS__)

/* -1 with errno where there is no such buffer */
static int try_buffer(struct buffer *b, size_t size)
{
	int saved;

	memset(b, 0, sizeof(*b));
	b->size = size;
	b->info.size = size;
	b->info.flags = kind->flags | as_array;
	b->fd = open("/dev/edu", O_RDWR | O_CLOEXEC);
	if (b->fd < 0)
		return -1;
	if (!ioctl(b->fd, EDU_IOC_ALLOC, &b->info))
		return 0;
	saved = errno;
	close(b->fd);
	errno = saved;
	return -1;
}

static int map_buffer(struct buffer *b)
{
	b->mapped = (b->size + PAGE - 1) & -PAGE;
	b->map = mmap(NULL, b->mapped, RW, MAP_SHARED, b->fd, 0);
	if (b->map != MAP_FAILED)
		return 0;
	fail("mmap: %s", strerror(errno));
	b->map = NULL;
	return -1;
}

static void free_buffer(struct buffer *b)
{
	if (b->map)
		munmap(b->map, b->mapped);
	close(b->fd);
}

/* A buffer that is mapped; where this fails, so has the test. */
static int get_buffer(struct buffer *b, size_t size)
{
	if (try_buffer(b, size)) {
		fail("%zu bytes: %s", size, strerror(errno));
		return -1;
	}
	if (!map_buffer(b))
		return 0;
	free_buffer(b);
	return -1;
}

/* The same, with random bytes in it, which the mapping wrote. */
static int get_filled_buffer(struct buffer *b, unsigned char *bytes, size_t size)
{
	if (get_buffer(b, size))
		return -1;
	random_bytes(bytes, size);
	memcpy(b->map, bytes, size);
	return 0;
}

static void kernel_access(struct buffer *b, enum edu_path path, int write,
			  size_t offset, void *memory, size_t n)
{
	struct edu_access access = {
		.offset = offset,
		.length = n,
		.memory = (unsigned long)memory,
		.path = path,
		.write = write,
	};

	check_errno(ioctl(b->fd, EDU_IOC_ACCESS, &access), 0);
}

static void transfer(struct buffer *b, int to_buffer, size_t offset, size_t n)
{
	struct edu_transfer transfer = {
		.offset = offset,
		.length = n,
		.to_buffer = to_buffer,
	};

	check_errno(ioctl(b->fd, EDU_IOC_TRANSFER, &transfer), 0);
}

/* All of the buffer, as the kernel and the program see it. */
static void compare_all_at(int line, struct buffer *b,
			   const unsigned char *want)
{
	unsigned char *got = malloc(b->size);

	kernel_access(b, EDU_LINEAR, 0, 0, got, b->size);
	compare_at(line, "linear map", got, want, b->size);
	kernel_access(b, EDU_VMAP, 0, 0, got, b->size);
	compare_at(line, "vmap", got, want, b->size);
	free(got);
	compare_at(line, "mmap", b->map, want, b->size);
}

#define compare_all(...)	compare_all_at(__LINE__, __VA_ARGS__)

/* arm64 has one type for both: Normal, not cacheable. */
static unsigned int expected_memtype(void)
{
	if ((kind->flags & EDU_COHERENT) && device.coherent)
		return EDU_TYPE_CACHED;
#ifdef __x86_64__
	if (!(kind->flags & EDU_WRITE_COMBINE))
		return EDU_TYPE_UC;
#endif
	return EDU_TYPE_WC;
}

static void check_memtype(struct buffer *b, void *address)
{
	struct edu_lookup found = { .address = (unsigned long)address };

	if (ioctl(b->fd, EDU_IOC_LOOKUP, &found))
		fail("no entry for %p: %s", address, strerror(errno));
	else if (found.type != expected_memtype())
		fail("%p is of type %u, expected: %u", address, found.type,
		     expected_memtype());
}

static sigjmp_buf after_signal;

static void on_signal(int number)
{
	siglongjmp(after_signal, number);
}

/* The signal that an access ends in, or 0. */
static int touch(unsigned char *address, int write)
{
	int number = sigsetjmp(after_signal, 1);

	if (number)
		return number;
	asm volatile("" : : "r" (*address) : "memory");
	if (write)
		*address += 1;
	asm volatile("" : : : "memory");
	return 0;
}

/* Exit status of what a child does, or what it was killed by. */
static int child(void (*does)(struct buffer *), struct buffer *b)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		does(b);
		_exit(failed);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

/* ---- The device ---- */

static void test_loaded(void)
{
	if (load_error)
		fail("edu.ko: %s", strerror(load_error));
	else
		say("    # mask error %d, coherent %u, translated %u, uncached pages %u",
		    device.mask_error, device.coherent, device.translated,
		    device.can_uncached);
}

static void test_mask(void)
{
	if (device.mask_error)
		skip("the DMA mask is refused");
}

static void test_mask_refused(void)
{
	if (!device.mask_error)
		skip("the DMA mask is not refused");
	else
		check(device.mask_error == -EIO);
}

/* The module has asked the IOMMU where each page of each buffer is. */
static void test_translated(void)
{
	struct buffer b;

	if (!device.translated) {
		skip("no IOMMU translates");
		return;
	}
	kind = &kinds[0];
	if (get_buffer(&b, PAGE))
		return;
	say("    # dma %#llx, physical %#llx", b.info.dma, b.info.phys);
	check(b.info.dma != b.info.phys);
	free_buffer(&b);
}

static void test_untranslated(void)
{
	if (device.translated)
		skip("an IOMMU translates");
}

/* Refused, and as well what is asked for is not there after all. */
static void test_refused(void)
{
	struct buffer b;

	if (!try_buffer(&b, PAGE)) {
		free_buffer(&b);
		skip("can be allocated");
		return;
	}
	check(errno == ENOMEM);
	if (kind->flags & EDU_UNCACHED)
		check(!device.can_uncached || device.mask_error);
	check_errno(try_buffer(&b, 1), ENOMEM);
	check_errno(try_buffer(&b, HUGE), ENOMEM);
}

/* ---- What the device moves ---- */

/* Whoever had the pages before: nothing is seen of it. */
static void test_zeroed(void)
{
	const size_t size = 9 * PAGE;
	unsigned char *bytes = malloc(size), *zero = calloc(1, size);
	struct buffer b;
	int round;

	for (round = 0; round < 3; round++) {
		if (get_buffer(&b, size))
			break;
		compare_all(&b, zero);
		random_bytes(bytes, size);
		memcpy(b.map, bytes, size);
		compare_all(&b, bytes);
		free_buffer(&b);
	}
	free(bytes);
	free(zero);
}

/* Not even the device's own memory can pretend that it has moved a byte. */
static void test_byte(void)
{
	unsigned char byte[] = { 0x5a, 0xa5 };
	struct buffer b;

	if (get_buffer(&b, 1))
		return;
	kernel_access(&b, EDU_LINEAR, 1, 0, &byte[0], 1);
	transfer(&b, 0, 0, 1);
	b.map[0] = byte[1];
	compare_all(&b, &byte[1]);
	transfer(&b, 1, 0, 1);
	compare_all(&b, &byte[0]);
	free_buffer(&b);
}

static const struct {
	size_t from, to, length;
} copies[] = {
	{ 0, 1, 1 },
	{ 4095, 8190, 3 },
	{ 61, 4096, 63 },
	{ 3, 12289, 64 },
	{ 4093, 9001, 1021 },
	{ 2048, 6144, 2048 },
	{ 1, 10240, 4096 },
	{ 8191, 7, 2 * 4096 + 13 },
	{ 16383, 3001, 5 * 4096 + 1 - 16383 },
};

enum writer { WRITE_LINEAR, WRITE_VMAP, WRITE_MMAP };

/* The device copies within the buffer; WANT is what must be there then. */
static void dma(enum writer writer)
{
	const size_t size = 5 * PAGE + 1;
	unsigned char *want = malloc(size);
	size_t i, done, n;
	struct buffer b;

	if (get_buffer(&b, size)) {
		free(want);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(copies) && !failed; i++) {
		random_bytes(want, size);
		if (writer == WRITE_LINEAR)
			kernel_access(&b, EDU_LINEAR, 1, 0, want, size);
		else if (writer == WRITE_VMAP)
			kernel_access(&b, EDU_VMAP, 1, 0, want, size);
		else
			memcpy(b.map, want, size);
		for (done = 0; done < copies[i].length; done += n) {
			size_t from = copies[i].from + done;
			size_t to = copies[i].to + done;

			n = copies[i].length - done;
			if (n > EDU_TRANSFER_MAX)
				n = EDU_TRANSFER_MAX;
			transfer(&b, 0, from, n);
			transfer(&b, 1, to, n);
			memmove(want + to, want + from, n);
		}
		compare_all(&b, want);
	}
	free_buffer(&b);
	free(want);
}

static void test_dma_linear(void)
{
	dma(WRITE_LINEAR);
}

static void test_dma_vmap(void)
{
	dma(WRITE_VMAP);
}

static void test_dma_mmap(void)
{
	dma(WRITE_MMAP);
}

/* ---- What a program can do with the mapping ---- */

static void test_memtype(void)
{
	struct buffer b;
	size_t at;

	if (get_buffer(&b, 4 * PAGE))
		return;
	/* All is mapped, though nothing was touched. */
	for (at = 0; at < b.mapped; at += PAGE)
		check_memtype(&b, b.map + at);
	free_buffer(&b);
}

/* A private mapping that can be written is one that copies. */
static void test_private(void)
{
	struct buffer b;
	int fd;

	if (get_buffer(&b, 2 * PAGE))
		return;
	check_errno(mmap(NULL, b.size, RW, MAP_PRIVATE, b.fd, 0), EINVAL);
	/* mprotect() could make it writable. */
	check_errno(mmap(NULL, b.size, PROT_READ, MAP_PRIVATE, b.fd, 0), EINVAL);
	/* A file that is open for reading has no buffer. */
	fd = open("/dev/edu", O_RDONLY);
	check_errno(mmap(NULL, b.size, PROT_READ, MAP_SHARED, fd, 0), EINVAL);
	close(fd);
	free_buffer(&b);
}

static void *map_at(struct buffer *b, size_t length, unsigned long offset)
{
	return mmap(NULL, length, RW, MAP_SHARED, b->fd, offset);
}

static void test_range(void)
{
	unsigned char bytes[3 * PAGE - 5], *part;
	struct buffer b;

	if (get_buffer(&b, sizeof(bytes)))
		return;
	check_errno(map_at(&b, PAGE, 3 * PAGE), ENXIO);
	check_errno(map_at(&b, 4 * PAGE, 0), ENXIO);
	check_errno(map_at(&b, 2 * PAGE, 2 * PAGE), ENXIO);
	check_errno(map_at(&b, PAGE, 1UL << 62), ENXIO);
	/* The last that the core lets a driver see, and what it does not. */
	check_errno(map_at(&b, PAGE, -2 * PAGE), ENXIO);
	check_errno(map_at(&b, PAGE, -PAGE), EOVERFLOW);
	check_errno(map_at(&b, 2 * PAGE, -PAGE), EOVERFLOW);

	random_bytes(bytes, sizeof(bytes));
	kernel_access(&b, EDU_LINEAR, 1, 0, bytes, sizeof(bytes));
	part = map_at(&b, 2 * PAGE, PAGE);
	check(part != MAP_FAILED);
	if (part != MAP_FAILED) {
		compare("part", part, bytes + PAGE, 2 * PAGE - 5);
		munmap(part, 2 * PAGE);
	}
	free_buffer(&b);
}

/*
 * The disk is a block device, which needs the pages of a buffer. They must not
 * be had: check_vma_flags() refuses VM_PFNMAP, for all of get_user_pages().
 */
static void test_direct_io(void)
{
	void *ordinary = aligned_alloc(PAGE, PAGE);
	int fd = open("/dev/ram0", O_RDWR | O_DIRECT);
	struct buffer b;

	check(fd >= 0);
	memset(ordinary, 0, PAGE);
	check_errno(pwrite(fd, ordinary, PAGE, 0), 0);
	check_errno(pread(fd, ordinary, PAGE, 0), 0);
	if (!get_buffer(&b, 2 * PAGE)) {
		check_errno(pread(fd, b.map, PAGE, 0), EFAULT);
		check_errno(pwrite(fd, b.map, PAGE, 0), EFAULT);
		free_buffer(&b);
	}
	close(fd);
	free(ordinary);
}

static void test_vmsplice(void)
{
	char ordinary[16] = "";
	struct iovec iov = { ordinary, sizeof(ordinary) };
	struct buffer b;
	int fds[2];

	if (pipe(fds)) {
		fail("pipe: %s", strerror(errno));
		return;
	}
	check_errno(vmsplice(fds[1], &iov, 1, 0), 0);
	if (!get_buffer(&b, PAGE)) {
		iov.iov_base = b.map;
		check_errno(vmsplice(fds[1], &iov, 1, 0), EFAULT);
		/* A copy of the bytes is allowed. */
		check_errno(write(fds[1], b.map, sizeof(ordinary)), 0);
		free_buffer(&b);
	}
	close(fds[0]);
	close(fds[1]);
}

/* process_vm_rw_single_vec() makes EFAULT of all that pinning pages says. */
static void test_process_vm(void)
{
	char ordinary[16] = "", other[16] = "";
	struct iovec local = { other, sizeof(other) };
	struct iovec remote = { ordinary, sizeof(ordinary) };
	struct buffer b;

	check_errno(process_vm_readv(getpid(), &local, 1, &remote, 1, 0), 0);
	if (get_buffer(&b, PAGE))
		return;
	remote.iov_base = b.map;
	check_errno(process_vm_readv(getpid(), &local, 1, &remote, 1, 0),
		    EFAULT);
	check_errno(process_vm_writev(getpid(), &local, 1, &remote, 1, 0),
		    EFAULT);
	free_buffer(&b);
}

/* What a debugger does; it has no ->access() of the driver to ask. */
static void test_proc_mem(void)
{
	char ordinary[16], other[16] = "";
	int fd = open("/proc/self/mem", O_RDWR);
	struct buffer b;

	check_errno(pread(fd, ordinary, 16, (unsigned long)other), 0);
	if (!get_buffer(&b, PAGE)) {
		check_errno(pread(fd, ordinary, 16, (unsigned long)b.map), EIO);
		check_errno(pwrite(fd, ordinary, 16, (unsigned long)b.map), EIO);
		free_buffer(&b);
	}
	close(fd);
}

/* What is true of the mapping is in VM_PFNMAP, and VM_SPECIAL has it. */
static void test_madvise(void)
{
	unsigned char bytes[3 * PAGE];
	struct buffer b;

	if (get_filled_buffer(&b, bytes, sizeof(bytes)))
		return;
	/* madvise_dontneed_free_valid_vma() */
	check_errno(madvise(b.map, b.mapped, MADV_DONTNEED), EINVAL);
	check_errno(madvise(b.map, b.mapped, MADV_FREE), EINVAL);
	/* faultin_page_range() makes EINVAL of what check_vma_flags() says. */
	check_errno(madvise(b.map, b.mapped, MADV_POPULATE_READ), EINVAL);
	check_errno(madvise(b.map, b.mapped, MADV_POPULATE_WRITE), EINVAL);
	/* Sets a flag; khugepaged heeds VM_NO_KHUGEPAGED, which VM_SPECIAL is. */
	check_errno(madvise(b.map, b.mapped, MADV_HUGEPAGE), 0);
	/* What the driver's mmap() has set stays. */
	check_errno(madvise(b.map, b.mapped, MADV_DOFORK), EINVAL);
	check_errno(madvise(b.map, b.mapped, MADV_DODUMP), EINVAL);
	compare_all(&b, bytes);
	check_memtype(&b, b.map);
	free_buffer(&b);
}

static long locked_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/*
 * mlock_fixup() leaves alone what vma_supports_mlock() refuses, and
 * __mm_populate() skips VM_PFNMAP: success, and nothing is locked.
 */
static void test_mlock(void)
{
	struct buffer b;
	void *ordinary = aligned_alloc(PAGE, 2 * PAGE);
	long before = locked_kb();

	check(before >= 0);
	check_errno(mlock(ordinary, 2 * PAGE), 0);
	check(locked_kb() == before + 8);
	check_errno(munlock(ordinary, 2 * PAGE), 0);
	free(ordinary);
	if (get_buffer(&b, 2 * PAGE))
		return;
	check_errno(mlock(b.map, b.mapped), 0);
	check(locked_kb() == before);
	check_errno(munlock(b.map, b.mapped), 0);
	check(!touch(b.map, 1));
	free_buffer(&b);
}

static void test_two_maps(void)
{
	unsigned char bytes[2 * PAGE], *other;
	struct buffer b;

	if (get_buffer(&b, sizeof(bytes)))
		return;
	other = map_at(&b, b.mapped, 0);
	check(other != MAP_FAILED && other != b.map);
	if (other != MAP_FAILED) {
		random_bytes(bytes, sizeof(bytes));
		memcpy(b.map, bytes, sizeof(bytes));
		compare("other map", other, bytes, sizeof(bytes));
		random_bytes(bytes, sizeof(bytes));
		memcpy(other, bytes, sizeof(bytes));
		compare_all(&b, bytes);
		munmap(other, b.mapped);
	}
	compare_all(&b, bytes);
	free_buffer(&b);
}

static void test_munmap_middle(void)
{
	unsigned char bytes[3 * PAGE];
	struct buffer b;

	if (get_filled_buffer(&b, bytes, sizeof(bytes)))
		return;
	check_errno(munmap(b.map + PAGE, PAGE), 0);
	check(touch(b.map + PAGE, 0) == SIGSEGV);
	compare("before", b.map, bytes, PAGE);
	compare("behind", b.map + 2 * PAGE, bytes + 2 * PAGE, PAGE);
	check(!touch(b.map, 1) && !touch(b.map + 2 * PAGE, 1));
	check_memtype(&b, b.map + 2 * PAGE);
	free_buffer(&b);
}

static void test_mprotect(void)
{
	unsigned char bytes[3 * PAGE];
	struct buffer b;

	if (get_filled_buffer(&b, bytes, sizeof(bytes)))
		return;
	check_errno(mprotect(b.map + PAGE, PAGE, PROT_READ), 0);
	check(touch(b.map + PAGE, 1) == SIGSEGV);
	check(!touch(b.map + PAGE, 0));
	check_memtype(&b, b.map + PAGE);
	check_errno(mprotect(b.map, b.mapped, PROT_NONE), 0);
	check(touch(b.map, 0) == SIGSEGV);
	check_errno(mprotect(b.map, b.mapped, RW), 0);
	compare_all(&b, bytes);
	check_memtype(&b, b.map + PAGE);
	check(!touch(b.map + PAGE, 1));
	free_buffer(&b);
}

/* VM_DONTEXPAND: check_prep_vma() does not let it grow, nor be doubled. */
static void test_mremap(void)
{
	unsigned char bytes[3 * PAGE], *place, *moved;
	struct buffer b;

	if (get_filled_buffer(&b, bytes, sizeof(bytes)))
		return;
	check_errno(mremap(b.map, b.mapped, b.mapped + PAGE, MREMAP_MAYMOVE),
		    EFAULT);
	check_errno(mremap(b.map, 0, b.mapped, MREMAP_MAYMOVE), EFAULT);

	place = mmap(NULL, b.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	check_errno(mremap(b.map, b.mapped, b.mapped,
			   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
			   place), EINVAL);
	moved = mremap(b.map, b.mapped, b.mapped, MREMAP_MAYMOVE | MREMAP_FIXED,
		       place);
	check(moved == place);
	if (moved == place) {
		check(touch(b.map, 0) == SIGSEGV);
		b.map = moved;
		compare_all(&b, bytes);
		check_memtype(&b, b.map);
		check_errno(mremap(b.map, b.mapped, PAGE, 0), 0);
		compare("shrunk", b.map, bytes, PAGE);
		check(touch(b.map + PAGE, 0) == SIGSEGV);
		check_errno(mremap(b.map, PAGE, 2 * PAGE, MREMAP_MAYMOVE),
			    EFAULT);
	}
	free_buffer(&b);
}

static unsigned char fork_bytes[3 * PAGE];

static void child_writes(struct buffer *b)
{
	compare("parent's", b->map, fork_bytes, b->size);
	check_memtype(b, b->map);
	random_bytes(fork_bytes, b->size);
	memcpy(b->map, fork_bytes, b->size);
	transfer(b, 0, 0, 100);
	transfer(b, 1, 200, 100);
}

static void test_fork(void)
{
	unsigned int saved;
	struct buffer b;

	if (get_buffer(&b, sizeof(fork_bytes)))
		return;
	random_bytes(fork_bytes, b.size);
	memcpy(b.map, fork_bytes, b.size);
	saved = seed;
	check(child(child_writes, &b) == 0);
	seed = saved;
	random_bytes(fork_bytes, b.size);
	memcpy(fork_bytes + 200, fork_bytes, 100);
	compare_all(&b, fork_bytes);
	free_buffer(&b);
}

static void child_exits(struct buffer *b)
{
	struct buffer own;

	if (get_buffer(&own, 3 * PAGE))
		return;
	close(own.fd);
	check(!touch(own.map, 1));
	check(!touch(b->map, 1));
	check(map_at(b, b->mapped, 0) != MAP_FAILED);
}

static void child_dies(struct buffer *b)
{
	child_exits(b);
	if (!failed)
		raise(SIGKILL);
}

/* The last reference to a buffer is a mapping; the parent's lives on. */
static void test_exit_mapped(void)
{
	struct buffer b;

	if (get_buffer(&b, 3 * PAGE))
		return;
	check(child(child_exits, &b) == 0);
	check(child(child_dies, &b) == SIGKILL);
	check(b.map[0] == 2);
	free_buffer(&b);
}

static void test_closed(void)
{
	unsigned char bytes[2 * PAGE];
	struct buffer b, other;

	if (get_buffer(&b, sizeof(bytes)))
		return;
	close(b.fd);
	random_bytes(bytes, sizeof(bytes));
	memcpy(b.map, bytes, sizeof(bytes));
	/* Were the pages free, it would get them. */
	if (!get_buffer(&other, 16 * PAGE)) {
		memset(other.map, 0xff, other.mapped);
		free_buffer(&other);
	}
	compare("mmap", b.map, bytes, sizeof(bytes));
	munmap(b.map, b.mapped);
}

/* MAP is where page 0 is, or would be. Each begins with its number. */
static void check_pages(struct buffer *b, unsigned char *map, size_t first,
			size_t end)
{
	size_t page;

	for (page = first; page < end && !failed; page++) {
		compare("page", map + page * PAGE, (unsigned char *)&page,
			sizeof(page));
		check_memtype(b, map + page * PAGE);
	}
}

/*
 * The window starts and ends within an allocation of EDU_CHUNKS; the hole in it
 * is the last page of one and the first of the next.
 */
static void window_with_hole(struct buffer *b, size_t end)
{
	const size_t hole = 20 * EDU_CHUNK_PAGES - 1;
	const size_t before = (hole - 2) * PAGE - 1000;
	const size_t behind = (hole + 4) * PAGE - 1000;
	unsigned char *window, *map, bytes[2000];

	window = map_at(b, (end - 1) * PAGE, PAGE);
	check(window != MAP_FAILED);
	if (window == MAP_FAILED)
		return;
	map = window - PAGE;
	check_pages(b, map, 1, end);
	check_errno(munmap(map + hole * PAGE, 2 * PAGE), 0);
	check(touch(map + hole * PAGE, 0) == SIGSEGV);
	check(touch(map + (hole + 2) * PAGE - 1, 0) == SIGSEGV);
	check_pages(b, map, 1, hole);
	check_pages(b, map, hole + 2, end);

	random_bytes(bytes, sizeof(bytes));
	memcpy(map + behind, bytes, sizeof(bytes));
	transfer(b, 0, behind, sizeof(bytes));
	transfer(b, 1, before, sizeof(bytes));
	compare("before the hole", map + before, bytes, sizeof(bytes));
	compare("behind the hole", map + behind, bytes, sizeof(bytes));
	munmap(window, (end - 1) * PAGE);
}

static void test_window(void)
{
	const size_t pages = HUGE / PAGE;
	struct buffer b;
	size_t page;

	if (get_buffer(&b, HUGE))
		return;
	for (page = 0; page < pages; page++)
		kernel_access(&b, EDU_LINEAR, 1, page * PAGE, &page,
			      sizeof(page));
	check_pages(&b, b.map, 0, pages);
	window_with_hole(&b, pages - 1);
	free_buffer(&b);
}

static void test_unload(void)
{
	if (load_error)
		skip("not loaded");
	else
		check_errno(syscall(SYS_delete_module, "edu_dma", O_NONBLOCK),
			    0);
}

/* ---- KTAP ---- */

struct test {
	const char *name;
	void (*run)(void);
};

static const struct test device_tests[] = {
	{ "loaded", test_loaded },
	{ "mask", test_mask },
	{ "mask-refused", test_mask_refused },
	{ "translated", test_translated },
	{ "untranslated", test_untranslated },
};

static const struct test kind_tests[] = {
	{ "zeroed", test_zeroed },
	{ "byte", test_byte },
	{ "dma-linear", test_dma_linear },
	{ "dma-vmap", test_dma_vmap },
	{ "dma-mmap", test_dma_mmap },
	{ "memtype", test_memtype },
	{ "private", test_private },
	{ "range", test_range },
	{ "direct-io", test_direct_io },
	{ "vmsplice", test_vmsplice },
	{ "process-vm", test_process_vm },
	{ "proc-mem", test_proc_mem },
	{ "madvise", test_madvise },
	{ "mlock", test_mlock },
	{ "two-maps", test_two_maps },
	{ "munmap-middle", test_munmap_middle },
	{ "mprotect", test_mprotect },
	{ "mremap", test_mremap },
	{ "fork", test_fork },
	{ "exit-mapped", test_exit_mapped },
	{ "closed", test_closed },
	{ "window", test_window },
};

static const struct test end_tests[] = {
	{ "unload", test_unload },
};

static int number, suite_failed, suites;

static void begin(const char *suite, size_t n)
{
	say("    KTAP version 1");
	say("    # Subtest: edu-%s", suite);
	say("    1..%zu", n);
	number = 0;
	suite_failed = 0;
}

static void run(const char *name, void (*test)(void))
{
	failed = 0;
	if (load_error && test != test_loaded)
		skip("no device");
	else
		test();
	suite_failed |= failed;
	say("    %sok %d %s%s%s", failed ? "not " : "", ++number, name,
	    *skipped ? " # SKIP " : "", skipped);
	*skipped = 0;
}

static void end(const char *suite)
{
	say("%sok %d edu-%s", suite_failed ? "not " : "", ++suites, suite);
}

static void (*both_test)(void);

/* Mapped as what was allocated, if it is one allocation, and as an array. */
static void both(void)
{
	as_array = 0;
	if (!(kind->flags & EDU_CHUNKS))
		both_test();
	as_array = EDU_AS_ARRAY;
	both_test();
	as_array = 0;
}

static int can_allocate(void)
{
	struct buffer b;

	if (try_buffer(&b, 1))
		return 0;
	free_buffer(&b);
	return 1;
}

static void run_all(void)
{
	size_t i, k;

	say("KTAP version 1");
	say("1..%zu", ARRAY_SIZE(kinds) + 3);
	begin("device", ARRAY_SIZE(device_tests));
	for (i = 0; i < ARRAY_SIZE(device_tests); i++)
		run(device_tests[i].name, device_tests[i].run);
	end("device");

	begin("refused", ARRAY_SIZE(kinds));
	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		kind = &kinds[k];
		run(kind->name, test_refused);
	}
	end("refused");

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		kind = &kinds[k];
		if (!can_allocate()) {
			say("ok %d edu-%s # SKIP refused", ++suites, kind->name);
			continue;
		}
		begin(kind->name, ARRAY_SIZE(kind_tests));
		for (i = 0; i < ARRAY_SIZE(kind_tests); i++) {
			both_test = kind_tests[i].run;
			run(kind_tests[i].name, both);
		}
		end(kind->name);
	}
}

/* Loads the module with what the kernel's command line has for it. */
static int load(void)
{
	char line[4096] = "", options[4096] = "", *word;
	struct buffer b;
	FILE *f;
	int fd;

	f = fopen("/proc/cmdline", "r");
	if (!f || !fgets(line, sizeof(line), f))
		return errno;
	fclose(f);
	line[strcspn(line, "\n")] = 0;
	for (word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		if (strncmp(word, "edu_dma.", 8))
			continue;
		strcat(options, word + 8);
		strcat(options, " ");
	}
	fd = open("/edu_dma.ko", O_RDONLY);
	if (fd < 0 || syscall(SYS_finit_module, fd, options, 0))
		return errno;
	close(fd);
	b.fd = open("/dev/edu", O_RDWR);
	if (b.fd < 0 || ioctl(b.fd, EDU_IOC_DEVICE, &device))
		return errno;
	close(b.fd);
	return 0;
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	int fd;

	log_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (log_fd < 0)
		return 1;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	mount("proc", "/proc", "proc", 0, NULL);

	load_error = load();
	run_all();
	fd = open("/dev/edu", O_RDWR);
	if (fd >= 0)
		ioctl(fd, EDU_IOC_DEVICE, &device);
	close(fd);
	begin("end", ARRAY_SIZE(end_tests));
	run(end_tests[0].name, end_tests[0].run);
	end("end");
	/* scripts/judge reads this line. */
	say("device: %llu bytes moved, %llu compared",
	    (unsigned long long)device.moved, compared);
	return 0;
}
