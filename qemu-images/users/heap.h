/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The dma-buf heap of uncached pages. Where the linear map cannot be changed there
 * is none.
 */
#ifndef HEAP_H
#define HEAP_H

#define HEAP		"/dev/dma_heap/system_uncached"
#define HEAP_ROUNDS	100

/* -1 with errno where it has no such buffer, else its file. */
static int try_heap(size_t size, __u64 flags)
{
	struct dma_heap_allocation_data arg = {
		.len = size,
		.fd_flags = O_RDWR | O_CLOEXEC,
		.heap_flags = flags,
	};
	int heap = open(HEAP, O_RDONLY | O_CLOEXEC), ret, saved;

	if (heap < 0)
		return -1;
	ret = ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &arg);
	saved = errno;
	close(heap);
	errno = saved;
	return ret ? -1 : (int)arg.fd;
}

/* A buffer that is mapped. Where this fails, so has the test. */
static int get_heap(size_t size, unsigned char **map)
{
	int fd = try_heap(size, 0);

	if (fd < 0) {
		fail("%zu bytes: %s", size, strerror(errno));
		return -1;
	}
	*map = mmap(NULL, size, RW, MAP_SHARED, fd, 0);
	if (*map != MAP_FAILED)
		return fd;
	fail("mmap of %zu bytes: %s", size, strerror(errno));
	close(fd);
	return -1;
}

static void put_heap(int fd, unsigned char *map, size_t size)
{
	munmap(map, size);
	close(fd);
}

static void test_heap_there(void)
{
	if (can_change())
		check_errno(access(HEAP, F_OK), 0);
}

static void test_heap_absent(void)
{
	if (cannot_change())
		check_errno(access(HEAP, F_OK), ENOENT);
}

static void test_heap_refused(void)
{
	unsigned char *map;
	int fd;

	if (!can_change())
		return;
	check_errno(try_heap(0, 0), EINVAL);
	check_errno(try_heap(PAGE, 1), EINVAL);
	/* More than there is. */
	check_errno(try_heap(1UL << 40, 0), ENOMEM);
	check_errno(try_heap(-1UL, 0), EINVAL);
	fd = get_heap(4 * PAGE, &map);
	if (fd < 0)
		return;
	/* A private mapping that can be written is one that copies. */
	check_errno(mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0), EINVAL);
	check_errno(mmap(NULL, 5 * PAGE, RW, MAP_SHARED, fd, 0), EINVAL);
	check_errno(mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, PAGE), EINVAL);
	put_heap(fd, map, 4 * PAGE);
}

static const size_t heap_sizes[] = { 4096, 5 * 4096, 1UL << 20, (9UL << 20) + 4096 };

/* Whoever had the pages before: nothing is seen of it. */
static void test_heap_zeroed(void)
{
	unsigned char *map;
	unsigned int i;
	int fd;

	for (i = 0; can_change() && i < 3 * ARRAY_SIZE(heap_sizes); i++) {
		size_t size = heap_sizes[i % ARRAY_SIZE(heap_sizes)];

		fd = get_heap(size, &map);
		if (fd < 0)
			return;
		write_and_read(map, size);
		put_heap(fd, map, size);
	}
}

static void test_heap_memtype(void)
{
	struct pages pages;
	unsigned char *map;
	unsigned int i;
	int fd, bad;

	for (i = 0; can_change() && i < ARRAY_SIZE(heap_sizes); i++) {
		fd = get_heap(heap_sizes[i], &map);
		if (fd < 0)
			return;
		bad = get_pages(&pages, map, heap_sizes[i]);
		if (!bad)
			check_live(&pages);
		put_heap(fd, map, heap_sizes[i]);
		if (!bad)
			check_freed(&pages);
	}
}

static void test_heap_stock(void)
{
	unsigned long before = stock_used();
	unsigned char *map;
	int fd;

	if (!can_change())
		return;
	fd = get_heap(DUMB_SIZE, &map);
	if (fd < 0)
		return;
	check(stock_used() >= before + DUMB_SIZE / PAGE);
	put_heap(fd, map, DUMB_SIZE);
	check(stock_used() == before);
}

/*
 * vgem has it as a device does. It lets nobody map what it has imported, but gives
 * it on: as the heap's own dma-buf.
 */
static void test_heap_import(void)
{
	unsigned char *map, *again;
	struct pages pages;
	int fd, card, other, bad = -1;
	__u32 handle;

	if (!can_change())
		return;
	fd = get_heap(DUMB_SIZE, &map);
	if (fd < 0)
		return;
	write_and_read(map, DUMB_SIZE);
	card = open_card();
	if (card < 0 || import(card, fd, &handle)) {
		put_heap(fd, map, DUMB_SIZE);
		close(card);
		return;
	}
	other = export(card, handle);
	again = mmap(NULL, DUMB_SIZE, RW, MAP_SHARED, other, 0);
	check(again != MAP_FAILED);
	if (again != MAP_FAILED) {
		check(!memcmp(again, map, DUMB_SIZE));
		again[4711] ^= 0xff;
		check(map[4711] == again[4711]);
		check_same(map, again, DUMB_SIZE);
		munmap(again, DUMB_SIZE);
	}
	close(other);
	bad = get_pages(&pages, map, DUMB_SIZE);
	put_heap(fd, map, DUMB_SIZE);
	/* The importer still has it. */
	if (!bad)
		check_live(&pages);
	close_handle(card, handle);
	close(card);
	if (!bad)
		check_freed(&pages);
}

static int forked_fd;

/* By a mapping of its own: the parent's need not be there. */
static void fork_child(void)
{
	unsigned char *map = mmap(NULL, DUMB_SIZE, RW, MAP_SHARED, forked_fd, 0);

	check(map != MAP_FAILED);
	if (map == MAP_FAILED)
		return;
	check(map[0] == 0x11 && map[DUMB_SIZE - 1] == 0x22);
	map[0] = 0x33;
	map[DUMB_SIZE - 1] = 0x44;
}

static void test_heap_fork(void)
{
	unsigned char *map;

	if (!can_change())
		return;
	forked_fd = get_heap(DUMB_SIZE, &map);
	if (forked_fd < 0)
		return;
	map[0] = 0x11;
	map[DUMB_SIZE - 1] = 0x22;
	check(child(fork_child) == 0);
	check(map[0] == 0x33 && map[DUMB_SIZE - 1] == 0x44);
	put_heap(forked_fd, map, DUMB_SIZE);
}

static void test_heap_again(void)
{
	struct state before;
	unsigned char *map;
	unsigned int i;
	int fd;

	if (!can_change())
		return;
	get_state(&before);
	for (i = 0; i < HEAP_ROUNDS && !failed; i++) {
		fd = get_heap(DUMB_SIZE, &map);
		if (fd < 0)
			break;
		write_and_read(map, 16 * PAGE);
		put_heap(fd, map, DUMB_SIZE);
	}
	say("    # %u times", i);
	check_state(&before);
}

/* It ends without a word, with buffers that are mapped and one that is imported. */
static void heap_child(void)
{
	unsigned char *map;
	unsigned int i;
	__u32 handle;
	int fd = -1;

	for (i = 0; i < 8; i++) {
		fd = get_heap(DUMB_SIZE, &map);
		if (fd < 0)
			return;
		memset(map, 0x55, DUMB_SIZE);
	}
	import(open_card(), fd, &handle);
}

static void test_heap_exit(void)
{
	struct state before;

	if (!can_change())
		return;
	get_state(&before);
	check(child(heap_child) == 0);
	check_state(&before);
}

static const struct test heap_tests[] = {
	{ "there", test_heap_there },
	{ "absent", test_heap_absent },
	{ "refused", test_heap_refused },
	{ "zeroed", test_heap_zeroed },
	{ "memtype", test_heap_memtype },
	{ "stock", test_heap_stock },
	{ "import", test_heap_import },
	{ "fork", test_heap_fork },
	{ "hundred-times", test_heap_again },
	{ "exit", test_heap_exit },
};

#endif
