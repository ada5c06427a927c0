/* SPDX-License-Identifier: GPL-2.0 */
/*
 * drm_gem_shmem: a dumb buffer of vgem, which wants write-combined mappings.
 */
#ifndef VGEM_H
#define VGEM_H

#define CARD		"/dev/dri/card0"
#define DUMB_SIZE	(1UL << 20)
#define VGEM_ROUNDS	100

struct dumb {
	int fd;
	__u32 handle;
	unsigned char *map;
};

static int open_card(void)
{
	char name[8] = "";
	struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };
	int fd = open(CARD, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		fail("%s: %s", CARD, strerror(errno));
		return -1;
	}
	if (!ioctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, "vgem"))
		return fd;
	fail("%s is %s, not vgem", CARD, name);
	close(fd);
	return -1;
}

static void close_handle(int fd, __u32 handle)
{
	struct drm_gem_close arg = { .handle = handle };

	check_errno(ioctl(fd, DRM_IOCTL_GEM_CLOSE, &arg), 0);
}

/* NULL, and the test has failed, or the mapping of DUMB_SIZE bytes. */
static unsigned char *map_handle(int fd, __u32 handle)
{
	struct drm_mode_map_dumb arg = { .handle = handle };
	void *map = MAP_FAILED;

	if (!ioctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &arg))
		map = mmap(NULL, DUMB_SIZE, RW, MAP_SHARED, fd, arg.offset);
	if (map != MAP_FAILED)
		return map;
	fail("mapping of a handle: %s", strerror(errno));
	return NULL;
}

/* Of its own open file. Where this fails, so has the test. */
static int get_dumb(struct dumb *dumb)
{
	struct drm_mode_create_dumb create = { .width = 512, .height = 512, .bpp = 32 };

	dumb->fd = open_card();
	if (dumb->fd < 0)
		return -1;
	if (ioctl(dumb->fd, DRM_IOCTL_MODE_CREATE_DUMB, &create)) {
		fail("a dumb buffer: %s", strerror(errno));
		goto error;
	}
	check(create.size == DUMB_SIZE);
	dumb->handle = create.handle;
	dumb->map = map_handle(dumb->fd, create.handle);
	if (dumb->map)
		return 0;
error:
	close(dumb->fd);
	return -1;
}

static void put_dumb(struct dumb *dumb)
{
	struct drm_mode_destroy_dumb destroy = { .handle = dumb->handle };

	munmap(dumb->map, DUMB_SIZE);
	check_errno(ioctl(dumb->fd, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy), 0);
	close(dumb->fd);
}

/* A file for the handle, or -1, and the test has failed. */
static int export(int fd, __u32 handle)
{
	struct drm_prime_handle arg = {
		.handle = handle,
		.flags = DRM_CLOEXEC | DRM_RDWR,
	};

	if (!ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg))
		return arg.fd;
	fail("export: %s", strerror(errno));
	return -1;
}

static int import(int fd, int dmabuf, __u32 *handle)
{
	struct drm_prime_handle arg = { .fd = dmabuf };

	if (!ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg)) {
		*handle = arg.handle;
		return 0;
	}
	fail("import: %s", strerror(errno));
	return -1;
}

static void test_vgem_dumb(void)
{
	struct dumb dumb;

	if (get_dumb(&dumb))
		return;
	write_and_read(dumb.map, DUMB_SIZE);
	put_dumb(&dumb);
}

static void vgem_types(void)
{
	struct pages pages;
	struct dumb dumb;
	int bad;

	if (get_dumb(&dumb))
		return;
	bad = get_pages(&pages, dumb.map, DUMB_SIZE);
	if (!bad)
		check_live(&pages);
	put_dumb(&dumb);
	if (!bad)
		check_freed(&pages);
}

static void test_vgem_memtype(void)
{
	if (can_change())
		vgem_types();
}

static void test_vgem_unchanged(void)
{
	if (cannot_change())
		vgem_types();
}

/* Two mappings of one buffer are of the same pages, of the same type. */
static void check_same(unsigned char *one, unsigned char *other, size_t size)
{
	struct pages pages, others;

	if (get_pages(&pages, one, size))
		return;
	if (!get_pages(&others, other, size)) {
		check(!memcmp(pages.linear, others.linear,
			      pages.nr * sizeof(*pages.linear)));
		check(others.user[WHOSE_WC] == others.nr);
		put_pages(&others);
	}
	check(pages.user[WHOSE_WC] == pages.nr);
	put_pages(&pages);
}

/* In a second open file; and a mapping of the dma-buf itself. */
static void test_vgem_prime(void)
{
	unsigned char *imported, *direct;
	struct pages pages;
	struct dumb dumb;
	int dmabuf, other, bad = -1;
	__u32 handle;

	if (get_dumb(&dumb))
		return;
	write_and_read(dumb.map, DUMB_SIZE);
	other = open_card();
	dmabuf = export(dumb.fd, dumb.handle);
	if (other >= 0 && dmabuf >= 0 && !import(other, dmabuf, &handle)) {
		imported = map_handle(other, handle);
		direct = mmap(NULL, DUMB_SIZE, RW, MAP_SHARED, dmabuf, 0);
		check(direct != MAP_FAILED);
		if (imported && direct != MAP_FAILED) {
			check(!memcmp(imported, dumb.map, DUMB_SIZE));
			check(!memcmp(direct, dumb.map, DUMB_SIZE));
			imported[4711] ^= 0xff;
			check(dumb.map[4711] == imported[4711]);
			direct[4711] ^= 0x55;
			check(dumb.map[4711] == direct[4711]);
			check_same(dumb.map, imported, DUMB_SIZE);
			check_same(dumb.map, direct, DUMB_SIZE);
		}
		/* The importer still has it, and the dma-buf, when it is destroyed. */
		bad = get_pages(&pages, dumb.map, DUMB_SIZE);
		put_dumb(&dumb);
		if (!bad && imported)
			check(imported[4711] == direct[4711]);
		if (!bad)
			check_live(&pages);
		if (direct != MAP_FAILED)
			munmap(direct, DUMB_SIZE);
		if (imported)
			munmap(imported, DUMB_SIZE);
		close_handle(other, handle);
	} else {
		put_dumb(&dumb);
	}
	close(dmabuf);
	close(other);
	if (!bad)
		check_freed(&pages);
}

static void test_vgem_again(void)
{
	struct state before;
	struct dumb dumb;
	unsigned int i;

	get_state(&before);
	for (i = 0; i < VGEM_ROUNDS && !failed; i++) {
		if (get_dumb(&dumb))
			break;
		write_and_read(dumb.map, 16 * PAGE);
		put_dumb(&dumb);
	}
	say("    # %u times", i);
	check_state(&before);
}

/* It ends without a word, with a buffer and a file of it. */
static void vgem_child(void)
{
	struct dumb dumb;

	if (get_dumb(&dumb))
		return;
	write_and_read(dumb.map, DUMB_SIZE);
	export(dumb.fd, dumb.handle);
}

static void test_vgem_exit(void)
{
	struct state before;

	get_state(&before);
	check(child(vgem_child) == 0);
	check_state(&before);
}

static const struct test vgem_tests[] = {
	{ "dumb", test_vgem_dumb },
	{ "memtype", test_vgem_memtype },
	{ "unchanged", test_vgem_unchanged },
	{ "prime", test_vgem_prime },
	{ "hundred-times", test_vgem_again },
	{ "exit", test_vgem_exit },
};

#endif
