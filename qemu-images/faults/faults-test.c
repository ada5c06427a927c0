// SPDX-License-Identifier: GPL-2.0
/*
 * Lets every allocation within a call fail, one after the other, and looks at what is
 * left: an error for the caller, no page lost, the linear map as before, and the same
 * call works right after. Prints KTAP.
 *
 * The kernel counts: /proc/self/fail-nth says which allocation of this process, of
 * slabs or of pages, is the next to fail. The call is made again, with a later one to
 * fail each time, until it succeeds with none of them hit; and in between without any
 * fault, but where that would split all leaves of the linear map at once. It is done
 *
 *   once: only that one fails, so that what is tried instead works;
 *   on:   all after it fail as well, so that nothing is to be had for the way back;
 *   free: none fails in the call, and all of them while it is undone.
 *
 * Calls that take pages are made with nothing in the stock of uncached pages, not even
 * a block that it remembers, with what the call itself has left there, and with
 * nothing there and no whole blocks to be had, so that it is filled with pieces.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <drm/drm.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/map_benchmark.h>
#include <sound/asound.h>

#include "../guest.h"
#include "../pcm_params.h"
#include "../say.h"
#include "faults.h"

#ifndef GRND_INSECURE
#define GRND_INSECURE	4
#endif

#define RW		(PROT_READ | PROT_WRITE)

/* Where nothing else is mapped: page tables of all levels are needed. */
#define FAR_AWAY	((void *)0x300000000000UL)

/* No call has so many allocations. */
#define MOST		5000

/* What is said of one call, and how many stacks there may be of pages. */
#define MOST_SAID	5
#define MOST_STACKS	20000

/* The stock's worker has a second for the blocks that are empty. */
#define FORGET_MS	1300

#define HEAP		"/dev/dma_heap/system_uncached"
#define CARD		"/dev/dri/card0"
#define PLAYBACK	"/dev/snd/pcmC0D0p"
#define BENCHMARK	DEBUG "dma_map_benchmark"
#define DUMB_SIZE	(64UL << 10)
#define PCM_SIZE	(64UL << 10)

#define KMEMLEAK	DEBUG "kmemleak"
#define STACKS		DEBUG "page_owner_stacks/show_stacks"

/* Above the last level, in the dump of the page tables. */
#ifdef __aarch64__
static const char * const large_leaves[] = { " PMD ", " PUD " };
#else
static const char * const large_leaves[] = { " pmd", " pud" };
#endif

#define fail(format, ...) do {						\
	failed = 1;							\
	if (said++ < MOST_SAID)						\
		say("    # line %d: " format, __LINE__, ##__VA_ARGS__);	\
} while (0)

static unsigned int said;
static int fail_nth, make_it_fail;
static int load_error;
static struct faults_device device;

/* ---- files of the kernel ---- */

/* What all stocks have, how much of it is used, what they gave so far, what they leaked. */
struct stock {
	unsigned long owned, used, hits, leaked;
};

static struct stock get_stock(void)
{
	struct stock stock = { 0 };
	unsigned long owned, left, hits;
	char line[256];
	FILE *f = fopen(STOCK, "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d %*s %lu %lu %lu", &owned, &left, &hits) == 3) {
			stock.owned += owned;
			stock.used += owned - left;
			stock.hits += hits;
		}
		sscanf(line, "leaked %lu", &stock.leaked);
	}
	if (f)
		fclose(f);
	return stock;
}

static int any(const char *text, const char * const *names, size_t n)
{
	while (n--) {
		if (strstr(text, names[n]))
			return 1;
	}
	return 0;
}

struct linear_map {
	unsigned long long mapped, uncached, large;
};

static struct linear_map get_linear_map(void)
{
	struct linear_map map = { 0 };
	unsigned long long from, to;
	char line[256];
	int inside = 0;
	FILE *f = fopen(TABLES, "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "---[", 4)) {
			/* The rest is of no interest. */
			if (inside)
				break;
			inside = strstr(line, LINEAR_MAP) != NULL;
			continue;
		}
		/* What is not mapped has no permissions. */
		if (!inside || !(strstr(line, " RW ") || strstr(line, " ro ")) ||
		    sscanf(line, "0x%llx-0x%llx", &from, &to) != 2)
			continue;
		map.mapped += to - from;
		if (any(line, large_leaves, ARRAY_SIZE(large_leaves)))
			map.large += to - from;
		if (any(line, other_types, ARRAY_SIZE(other_types)))
			map.uncached += to - from;
	}
	if (f)
		fclose(f);
	return map;
}

/* Lets the stock give back all that nobody uses, and forget that it was there. */
static void empty_stock(void)
{
	struct stock stock;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		/* Slabs, and with them all that has a shrinker. */
		set("/proc/sys/vm/drop_caches", "2");
		stock = get_stock();
		if (stock.owned == stock.used)
			break;
		pause_ms(200);
	}
	pause_ms(FORGET_MS);
}

/* ---- pages that are not free, by the stack of who allocated them ---- */

struct stack {
	unsigned long long hash;
	long pages;
};

static struct stack stacks_before[MOST_STACKS];
static size_t nr_stacks_before;

/* Who allocates in what the calls here do ... */
static const char * const ours[] = {
	" faults_", " dma_heap_ioctl", " snd_pcm_", " drm_ioctl", " drm_gem_",
	" alloc_pages_memtype", " dma_alloc_pages_attrs", " dma_alloc_noncontiguous",
};

/*
 * ... and what stays when it was undone: slabs, page tables of what is shared by all,
 * and what debugging remembers.
 */
static const char * const stays[] = {
	" allocate_slab", " new_slab", " stack_depot_", " cpa_alloc", " split_large_page",
	" split_kernel_leaf_mapping",
	" __change_page_attr", " __pte_alloc_kernel", " vmap_", " __vmap_", " kasan_", " __kasan_",
	" iommu_alloc_pages",
};

static long pages_before(unsigned long long hash)
{
	size_t i;

	for (i = 0; i < nr_stacks_before; i++) {
		if (stacks_before[i].hash == hash)
			return stacks_before[i].pages;
	}
	return 0;
}

/* With @compare says who has more than before; returns how many pages that are. */
static long look_at_stacks(int compare)
{
	static char stack[8192];
	unsigned long long hash = 14695981039346656037ULL;
	char line[256], *at;
	size_t n = 0;
	long pages, more = 0;
	FILE *f = fopen(STACKS, "re");

	if (!f)
		return -1;
	*stack = 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "nr_base_pages: %ld", &pages) != 1) {
			if (*line != ' ' || n + strlen(line) >= sizeof(stack))
				continue;
			strcpy(stack + n, line);
			n += strlen(line);
			for (at = line; *at; at++)
				hash = (hash ^ (unsigned char)*at) * 1099511628211ULL;
			continue;
		}
		/* Off by one, as it counts the stack itself as long as there is a page. */
		if (!compare && nr_stacks_before < MOST_STACKS)
			stacks_before[nr_stacks_before++] = (struct stack) { hash, pages };
		pages -= pages_before(hash);
		if (compare && pages > 0 && any(stack, ours, ARRAY_SIZE(ours)) &&
		    !any(stack, stays, ARRAY_SIZE(stays))) {
			more += pages;
			if (said++ < MOST_SAID) {
				say("    # %ld pages of:", pages);
				for (at = strtok(stack, "\n"); at; at = strtok(NULL, "\n"))
					say("    #   %s", at);
			}
		}
		*stack = 0;
		n = 0;
		hash = 14695981039346656037ULL;
	}
	fclose(f);
	return more;
}

/* ---- faults ---- */

enum mode { ONCE, ON, FREE };

static const char * const mode_names[] = { "once", "on", "free" };

static void put(int fd, const char *text)
{
	if (pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text)) {
		say("# fault injection: %s", strerror(errno));
		_exit(1);
	}
}

/* The @n-th allocation from now on fails. */
static void arm(unsigned int n, enum mode mode)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	put(fail_nth, text);
	if (mode != ONCE)
		put(make_it_fail, "1");
}

/* 0: it was hit. Else how many more it would have taken. */
static unsigned int disarm(enum mode mode)
{
	char text[16] = "";

	if (mode != ONCE)
		put(make_it_fail, "0");
	if (pread(fail_nth, text, sizeof(text) - 1, 0) <= 0)
		_exit(1);
	put(fail_nth, "0");
	return strtoul(text, NULL, 10);
}

/* ---- the calls ---- */

struct call {
	const char *name;
	/* Once, before and after all: what the call needs. */
	int (*prepare)(const struct call *call);
	void (*finish)(const struct call *call);
	/* 0, or a negative error code */
	int (*run)(const struct call *call);
	int (*undo)(const struct call *call);
	struct faults_alloc what;
	size_t size;
	/* It takes pages from the stock. */
	int takes;
	/* What it allocates stays: tables, where large leaves of the linear map are split. */
	int splits;
	/* Without an IOMMU the buffer has the mapping, or the addresses, that it needs. */
	int only_translated;
	/* What undoes it is munmap(), which takes memory of its own. */
	int mapping;
	/* How it says that there was no memory, 0: ENOMEM; and how it may as well */
	int error, other_error;
};

/* What the calls of one kind share. */
static int faults_fd = -1, heap_fd = -1, card_fd = -1, pcm_fd = -1, buffer_fd = -1;
static int bench_fd = -1;
static __u32 handle;
static void *map = MAP_FAILED;

static int do_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

static int do_open(int *fd, const char *file, int flags)
{
	*fd = open(file, flags | O_CLOEXEC);
	return *fd < 0 ? -errno : 0;
}

static int do_close(int *fd)
{
	int ret = close(*fd) ? -errno : 0;

	*fd = -1;
	return ret;
}

static int do_mmap(int fd, size_t size, off_t offset)
{
	map = mmap(FAR_AWAY, size, RW, MAP_SHARED, fd, offset);
	return map == MAP_FAILED ? -errno : 0;
}

static int do_munmap(size_t size)
{
	return munmap(map, size) ? -errno : 0;
}

/* of /dev/faults */

static int open_faults(const struct call *call)
{
	(void)call;
	return do_open(&faults_fd, "/dev/faults", O_RDWR);
}

static void close_faults(const struct call *call)
{
	(void)call;
	do_close(&faults_fd);
}

static int alloc(const struct call *call)
{
	return do_ioctl(faults_fd, FAULTS_IOC_ALLOC, (void *)&call->what);
}

static int free_it(const struct call *call)
{
	(void)call;
	return do_ioctl(faults_fd, FAULTS_IOC_FREE, NULL);
}

static int with_buffer(const struct call *call)
{
	return open_faults(call) ?: alloc(call);
}

static int map_buffer(const struct call *call)
{
	return do_mmap(faults_fd, call->what.pages * PAGE, 0);
}

static int unmap_buffer(const struct call *call)
{
	return do_munmap(call->what.pages * PAGE);
}

static int vmap_buffer(const struct call *call)
{
	(void)call;
	return do_ioctl(faults_fd, FAULTS_IOC_VMAP, NULL);
}

static int vunmap_buffer(const struct call *call)
{
	(void)call;
	return do_ioctl(faults_fd, FAULTS_IOC_VUNMAP, NULL);
}

static int with_pages(const struct call *call)
{
	return open_faults(call) ?:
	       do_ioctl(faults_fd, FAULTS_IOC_OWN, (void *)&call->what);
}

static int change(const struct call *call)
{
	(void)call;
	return do_ioctl(faults_fd, FAULTS_IOC_CHANGE, NULL);
}

static int restore(const struct call *call)
{
	(void)call;
	return do_ioctl(faults_fd, FAULTS_IOC_RESTORE, NULL);
}

/* of the dma-buf heap */

static int open_heap(const struct call *call)
{
	(void)call;
	return do_open(&heap_fd, HEAP, O_RDONLY);
}

static void close_heap(const struct call *call)
{
	(void)call;
	do_close(&heap_fd);
}

static int heap_alloc(const struct call *call)
{
	struct dma_heap_allocation_data arg = {
		.len = call->size,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int ret = do_ioctl(heap_fd, DMA_HEAP_IOCTL_ALLOC, &arg);

	buffer_fd = ret ? -1 : (int)arg.fd;
	return ret;
}

static int heap_free(const struct call *call)
{
	(void)call;
	return do_close(&buffer_fd);
}

static int with_dmabuf(const struct call *call)
{
	return open_heap(call) ?: heap_alloc(call) ?: open_faults(call) ?:
	       do_ioctl(faults_fd, FAULTS_IOC_IMPORT, (void *)(long)buffer_fd);
}

static int attach(const struct call *call)
{
	(void)call;
	return do_ioctl(faults_fd, FAULTS_IOC_ATTACH, NULL);
}

static int detach(const struct call *call)
{
	(void)call;
	return do_ioctl(faults_fd, FAULTS_IOC_DETACH, NULL);
}

static int with_attachment(const struct call *call)
{
	return with_dmabuf(call) ?: attach(call);
}

static void put_dmabuf(const struct call *call)
{
	close_faults(call);
	heap_free(call);
	close_heap(call);
}

static void put_attachment(const struct call *call)
{
	detach(call);
	put_dmabuf(call);
}

static int dmabuf_map(const struct call *call)
{
	(void)call;
	return do_ioctl(faults_fd, FAULTS_IOC_MAP, NULL);
}

static int dmabuf_unmap(const struct call *call)
{
	(void)call;
	return do_ioctl(faults_fd, FAULTS_IOC_UNMAP, NULL);
}

static int dmabuf_mmap(const struct call *call)
{
	return do_mmap(buffer_fd, call->size, 0);
}

static int dmabuf_munmap(const struct call *call)
{
	return do_munmap(call->size);
}

/* of vgem */

static int open_card(const struct call *call)
{
	(void)call;
	return do_open(&card_fd, CARD, O_RDWR);
}

static void close_card(const struct call *call)
{
	(void)call;
	do_close(&card_fd);
}

static int dumb_create(const struct call *call)
{
	struct drm_mode_create_dumb arg = { .width = 128, .height = 128, .bpp = 32 };
	int ret = do_ioctl(card_fd, DRM_IOCTL_MODE_CREATE_DUMB, &arg);

	(void)call;
	handle = arg.handle;
	return ret;
}

static int dumb_destroy(const struct call *call)
{
	struct drm_mode_destroy_dumb arg = { .handle = handle };

	(void)call;
	return do_ioctl(card_fd, DRM_IOCTL_MODE_DESTROY_DUMB, &arg);
}

static int with_dumb(const struct call *call)
{
	return open_card(call) ?: dumb_create(call);
}

static void put_dumb(const struct call *call)
{
	dumb_destroy(call);
	close_card(call);
}

static int dumb_mmap(const struct call *call)
{
	struct drm_mode_map_dumb arg = { .handle = handle };

	return do_ioctl(card_fd, DRM_IOCTL_MODE_MAP_DUMB, &arg) ?:
	       do_mmap(card_fd, call->size, arg.offset);
}

static int dumb_munmap(const struct call *call)
{
	return do_munmap(call->size);
}

static int with_dumb_mapping(const struct call *call)
{
	return with_dumb(call) ?: dumb_mmap(call);
}

static void put_dumb_mapping(const struct call *call)
{
	dumb_munmap(call);
	put_dumb(call);
}

/* The kernel touches it: a program would be sent back to try again. */
static int dumb_touch(const struct call *call)
{
	(void)call;
	return getrandom(map, 1, GRND_INSECURE) == 1 ? 0 : -errno;
}

static int dumb_map_again(const struct call *call)
{
	return dumb_munmap(call) ?: dumb_mmap(call);
}

static int dumb_export(const struct call *call)
{
	struct drm_prime_handle arg = { .handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR };
	int ret = do_ioctl(card_fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg);

	(void)call;
	buffer_fd = ret ? -1 : arg.fd;
	return ret;
}

/* As long as there is the buffer, another export has the first one's. */
static int dumb_create_exported(const struct call *call)
{
	int ret = dumb_create(call);

	if (ret)
		return ret;
	ret = dumb_export(call);
	if (ret)
		dumb_destroy(call);
	return ret;
}

static int dumb_destroy_exported(const struct call *call)
{
	return heap_free(call) ?: dumb_destroy(call);
}

/* A buffer of the heap, whose importer vgem is. */
static int with_heap_and_card(const struct call *call)
{
	return open_heap(call) ?: heap_alloc(call) ?: open_card(call);
}

static void put_heap_and_card(const struct call *call)
{
	close_card(call);
	heap_free(call);
	close_heap(call);
}

static int card_import(const struct call *call)
{
	struct drm_prime_handle arg = { .fd = buffer_fd };
	int ret = do_ioctl(card_fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);

	(void)call;
	handle = arg.handle;
	return ret;
}

static int card_forget(const struct call *call)
{
	struct drm_gem_close arg = { .handle = handle };

	(void)call;
	return do_ioctl(card_fd, DRM_IOCTL_GEM_CLOSE, &arg);
}

/* of ALSA */

static int open_pcm(const struct call *call)
{
	(void)call;
	return do_open(&pcm_fd, PLAYBACK, O_RDWR);
}

static void close_pcm(const struct call *call)
{
	(void)call;
	do_close(&pcm_fd);
}

static int pcm_hw_params(const struct call *call)
{
	static struct snd_pcm_hw_params hw;

	set_pcm_params(&hw, call->size, call->size / 32);
	return do_ioctl(pcm_fd, SNDRV_PCM_IOCTL_HW_PARAMS, &hw);
}

static int pcm_hw_free(const struct call *call)
{
	(void)call;
	return do_ioctl(pcm_fd, SNDRV_PCM_IOCTL_HW_FREE, NULL);
}

static int with_pcm(const struct call *call)
{
	return open_pcm(call) ?: pcm_hw_params(call);
}

static int pcm_mmap(const struct call *call)
{
	return do_mmap(pcm_fd, call->size, SNDRV_PCM_MMAP_OFFSET_DATA);
}

static int pcm_munmap(const struct call *call)
{
	return do_munmap(call->size);
}

/* of the kernel's benchmark, whose threads allocate without faults */

static int open_bench(const struct call *call)
{
	(void)call;
	return do_open(&bench_fd, BENCHMARK, O_RDWR);
}

static void close_bench(const struct call *call)
{
	(void)call;
	do_close(&bench_fd);
}

static struct dma_alloc_benchmark benchmark(unsigned int kind)
{
	return (struct dma_alloc_benchmark) {
		.kind = kind, .threads = 2, .node = -1, .dma_bits = 32, .granule = 4,
		.loops = 4, .held = 2,
	};
}

static int run_bench(const struct call *call)
{
	struct dma_alloc_benchmark arg = benchmark(call->what.type);

	return do_ioctl(bench_fd, DMA_ALLOC_BENCHMARK, &arg);
}

static int nothing(const struct call *call)
{
	(void)call;
	return 0;
}

#define ALLOC(name_, form_, type_, pages_, ...)				\
	{ .name = name_, .prepare = open_faults, .finish = close_faults, \
	  .run = alloc, .undo = free_it, .takes = 1, ##__VA_ARGS__,	\
	  .what = { .form = form_, .type = type_, .pages = pages_ } }

#define LIVE(name_, run_, undo_, form_, type_, pages_)			\
	{ .name = name_, .prepare = with_buffer, .finish = close_faults, \
	  .run = run_, .undo = undo_, .mapping = undo_ == unmap_buffer,	\
	  .what = { .form = form_, .type = type_, .pages = pages_ } }

#define CHANGE(name_, form_, type_, pages_)				\
	{ .name = name_, .prepare = with_pages, .finish = close_faults,	\
	  .run = change, .undo = restore, .splits = 1,			\
	  .what = { .form = form_, .type = type_, .pages = pages_ } }

/*
 * A block of the stock has 512 pages: for more there is none. For more than 512
 * chunks kvmalloc() would try vmalloc(), which says with a stack that it has no memory.
 */
static const struct call dma_calls[] = {
	ALLOC("coherent", FAULTS_PAGES, FAULTS_COHERENT, 1),
	ALLOC("uncached", FAULTS_PAGES, FAULTS_UC, 1),
	ALLOC("wc", FAULTS_PAGES, FAULTS_WC, 1),
	ALLOC("uncached-5", FAULTS_PAGES, FAULTS_UC, 5),
	ALLOC("wc-32", FAULTS_PAGES, FAULTS_WC, 32),
	ALLOC("wc-512", FAULTS_PAGES, FAULTS_WC, 512),
	ALLOC("uncached-513", FAULTS_PAGES, FAULTS_UC, 513, .splits = 1),
	ALLOC("wc-513", FAULTS_PAGES, FAULTS_WC, 513),
	ALLOC("chunks", FAULTS_CHUNKS, FAULTS_WC, 10),
	ALLOC("sg-coherent", FAULTS_SG, FAULTS_COHERENT, 5),
	ALLOC("sg-uncached", FAULTS_SG, FAULTS_UC, 20),
	ALLOC("sg-wc", FAULTS_SG, FAULTS_WC, 500),
	ALLOC("sg-single", FAULTS_SG_SINGLE, FAULTS_WC, 20),
};

static const struct call set_pages_calls[] = {
	CHANGE("wc", FAULTS_RANGE, FAULTS_WC, 1),
	CHANGE("wc-8", FAULTS_RANGE, FAULTS_WC, 8),
	CHANGE("wc-511", FAULTS_RANGE, FAULTS_WC, 511),
	CHANGE("array-uc", FAULTS_ARRAY, FAULTS_UC, 1500),
	CHANGE("array-wc", FAULTS_ARRAY, FAULTS_WC, 1500),
	ALLOC("alloc-array-wc", FAULTS_ARRAY, FAULTS_WC, 16),
};

static const struct call map_calls[] = {
	LIVE("mmap", map_buffer, unmap_buffer, FAULTS_PAGES, FAULTS_UC, 5),
	LIVE("mmap-array", map_buffer, unmap_buffer, FAULTS_CHUNKS, FAULTS_WC, 10),
	LIVE("mmap-sg", map_buffer, unmap_buffer, FAULTS_SG, FAULTS_WC, 500),
	LIVE("vmap", vmap_buffer, vunmap_buffer, FAULTS_CHUNKS, FAULTS_UC, 10),
	{ .name = "vmap-sg", .prepare = with_buffer, .finish = close_faults,
	  .run = vmap_buffer, .undo = vunmap_buffer, .only_translated = 1,
	  .what = { .form = FAULTS_SG, .type = FAULTS_WC, .pages = 500 } },
};

/* Not vmap: vmalloc(), which it calls, says with a stack that it has no memory. */
static const struct call heap_calls[] = {
	{ "alloc", open_heap, close_heap, heap_alloc, heap_free, .size = 4 * PAGE, .takes = 1 },
	{ "alloc-large", open_heap, close_heap, heap_alloc, heap_free,
	  .size = 532 * PAGE, .takes = 1 },
	{ "attach", with_dmabuf, put_dmabuf, attach, detach, .size = 532 * PAGE },
	{ "map", with_attachment, put_attachment, dmabuf_map, dmabuf_unmap, .size = 532 * PAGE,
	  .only_translated = 1 },
	{ "mmap", with_dmabuf, put_dmabuf, dmabuf_mmap, dmabuf_munmap, .size = 532 * PAGE,
	  .mapping = 1 },
	{ "import", with_heap_and_card, put_heap_and_card, card_import, card_forget,
	  .size = 20 * PAGE },
};

static const struct call pcm_calls[] = {
	{ "hw-params", open_pcm, close_pcm, pcm_hw_params, pcm_hw_free, .size = PCM_SIZE,
	  .takes = 1 },
	{ "mmap", with_pcm, close_pcm, pcm_mmap, pcm_munmap, .size = PCM_SIZE, .mapping = 1 },
};

static const struct call vgem_calls[] = {
	{ "create", open_card, close_card, dumb_create, dumb_destroy, .size = DUMB_SIZE,
	  .other_error = ENOSPC },
	{ "mmap", with_dumb, put_dumb, dumb_mmap, dumb_munmap, .size = DUMB_SIZE,
	  .mapping = 1 },
	{ "touch", with_dumb_mapping, put_dumb_mapping, dumb_touch, dumb_map_again,
	  .size = DUMB_SIZE, .error = EFAULT },
	{ "export", open_card, close_card, dumb_create_exported, dumb_destroy_exported,
	  .size = DUMB_SIZE, .other_error = ENOSPC },
};

static const struct call bench_calls[] = {
	{ "wc", open_bench, close_bench, run_bench, nothing,
	  .what.type = DMA_ALLOC_BENCH_WC },
	{ "by-hand-wc", open_bench, close_bench, run_bench, nothing,
	  .what.type = DMA_ALLOC_BENCH_BY_HAND_WC },
};

static const struct suite {
	const char *name;
	const struct call *calls;
	size_t nr;
} suites[] = {
	{ "dma", dma_calls, ARRAY_SIZE(dma_calls) },
	{ "set-pages", set_pages_calls, ARRAY_SIZE(set_pages_calls) },
	{ "map", map_calls, ARRAY_SIZE(map_calls) },
	{ "heap", heap_calls, ARRAY_SIZE(heap_calls) },
	{ "pcm", pcm_calls, ARRAY_SIZE(pcm_calls) },
	{ "vgem", vgem_calls, ARRAY_SIZE(vgem_calls) },
	{ "bench", bench_calls, ARRAY_SIZE(bench_calls) },
};

/* ---- all faults of a call ---- */

struct around {
	struct stock stock;
	struct linear_map map;
};

static struct linear_map map_before;
static struct stock stock_before;

static struct around look_around(void)
{
	return (struct around) { get_stock(), get_linear_map() };
}

static long long kept_since(const struct around *before, const struct around *now)
{
	return ((long long)now->stock.owned - (long long)before->stock.owned) * (long long)PAGE;
}

/* As before, but for what the stock has kept: of its pages all are uncached. */
static void check_around(const struct around *before, const char *when, unsigned int n)
{
	struct around now = look_around();
	long long kept = kept_since(before, &now);
	unsigned int i;

	/* Its worker may have been in between. */
	for (i = 0; i < 3 && (long long)(now.map.uncached - before->map.uncached) != kept; i++) {
		pause_ms(100);
		now = look_around();
		kept = kept_since(before, &now);
	}
	if (now.stock.used != before->stock.used)
		fail("%s, fault %u: %lu pages of the stock are used, before: %lu", when, n,
		     now.stock.used, before->stock.used);
	if (now.stock.leaked != before->stock.leaked)
		fail("%s, fault %u: %lu pages leaked", when, n,
		     now.stock.leaked - before->stock.leaked);
	if (now.map.mapped != before->map.mapped)
		fail("%s, fault %u: %lld KiB more in the linear map", when, n,
		     (long long)(now.map.mapped - before->map.mapped) / 1024);
	if ((long long)(now.map.uncached - before->map.uncached) != kept)
		fail("%s, fault %u: %lld KiB more are uncached, and the stock has %lld KiB more",
		     when, n, (long long)(now.map.uncached - before->map.uncached) / 1024,
		     kept / 1024);
}

/* What a call that did without has: as many pages that are not write-back. */
static void check_held(const struct call *call, const struct around *before,
		       const char *when, unsigned int n)
{
	unsigned long pages = call->what.pages ?: call->size / PAGE;
	long long changed, used;
	struct around now;

	if (!(call->takes || call->splits))
		return;
	if (call->what.pages && call->what.type == FAULTS_COHERENT && device.coherent)
		return;
	now = look_around();
	changed = (long long)(now.map.uncached - before->map.uncached) -
		  kept_since(before, &now);
	used = (long long)now.stock.used - (long long)before->stock.used;
	if (changed < 0 || changed / (long long)PAGE + used < (long long)pages)
		fail("%s, fault %u: of %lu pages %lld are the stock's and %lld KiB changed",
		     when, n, pages, used, changed / 1024);
}

static void expect_success(const struct call *call, const char *when, unsigned int n)
{
	int ret = call->run(call);

	if (ret) {
		fail("%s, fault %u: without a fault: %s", when, n, strerror(-ret));
		return;
	}
	ret = call->undo(call);
	if (ret)
		fail("%s, fault %u: undone without a fault: %s", when, n, strerror(-ret));
}

/* What the stock has. */
enum state { EMPTY, PIECES, FILLED, NR_STATES };

static const char * const state_names[] = { "empty, ", "pieces, ", "filled, " };

static void make_ready(const struct call *call, enum state state)
{
	struct stock stock;

	if (!call->takes)
		return;
	if (state == FILLED) {
		expect_success(call, "before", 0);
		return;
	}
	empty_stock();
	stock = get_stock();
	if (stock.owned != stock.used)
		fail("%lu pages stay in the stock", stock.owned - stock.used);
}

/* Must there be an allocation that can fail? */
static int must_fail(const struct call *call, enum state state, enum mode mode)
{
	if (call->takes && state == FILLED)
		return 0;
	if (call->only_translated && !device.translated)
		return 0;
	/* The first mode has split what there was. */
	return !call->splits || call->takes || (map_before.large && mode == ON);
}

static void all_faults(const struct call *call, enum state state, enum mode mode)
{
	unsigned int n, left = 0, refused = 0, survived = 0;
	int ret = 0, error = call->error ?: ENOMEM;
	struct around before;
	char when[40];

	snprintf(when, sizeof(when), "%s%s", call->takes ? state_names[state] : "",
		 mode_names[mode]);
	/* What is free beyond that is given back, so a block is not worth it. */
	set(MAX_PERCENT, state == PIECES ? "0" : "5");
	make_ready(call, state);
	before = look_around();
	for (n = 1; n < MOST && !left; n++) {
		if (n > 1)
			make_ready(call, state);
		arm(n, mode);
		ret = call->run(call);
		left = disarm(mode);
		if (!ret)
			check_held(call, &before, when, n);
		if (!ret && call->undo(call))
			fail("%s, fault %u: cannot be undone", when, n);
		if (!left) {
			refused += !!ret;
			survived += !ret;
			check_around(&before, when, n);
		}
		if (ret && ret != -error && ret != -call->other_error)
			fail("%s, fault %u: %s", when, n, strerror(-ret));
		/* What has to be split then would be split for good. */
		if (ret && !left && !call->splits)
			expect_success(call, when, n);
	}
	say("    # %s: %s: %u faults, %u refused, %u survived", call->name, when,
	    refused + survived, refused, survived);
	if (!left)
		fail("%s: no end", when);
	else if (ret)
		fail("%s: fails without a fault", when);
	if (!(refused + survived) && must_fail(call, state, mode))
		fail("%s: nothing has failed", when);
	set(MAX_PERCENT, "5");
}

/* All that is allocated to give it back fails: it must not need any of it. */
static void all_while_freed(const struct call *call)
{
	struct around before;
	int ret;

	make_ready(call, EMPTY);
	before = look_around();
	ret = call->run(call);
	if (ret) {
		fail("free: %s", strerror(-ret));
		return;
	}
	check_held(call, &before, "free", 0);
	arm(1, FREE);
	ret = call->undo(call);
	say("    # %s: free: %s", call->name, disarm(FREE) ? "no fault" : "with faults");
	if (ret == -ENOMEM && call->mapping)
		ret = call->undo(call);
	if (ret)
		fail("free: %s", strerror(-ret));
	check_around(&before, "free", 1);
}

static void test_call(const struct call *call)
{
	enum state state;
	enum mode mode;
	int i, ret;

	if (!device.can_uncached) {
		skip("no uncached pages for the device");
		return;
	}
	ret = call->prepare(call);
	if (ret) {
		fail("%s", strerror(-ret));
		return;
	}
	/* What is allocated for good at the first time, where that is not what is to fail. */
	if (!call->splits)
		expect_success(call, "first", 0);
	/* With the one that lets no leaf be split behind the first that is not. */
	for (i = ONCE; i <= ON; i++) {
		mode = call->splits ? (enum mode)(ON - i) : (enum mode)i;
		for (state = EMPTY; state < (call->takes ? NR_STATES : 1); state++)
			all_faults(call, state, mode);
	}
	if (call->error != EFAULT)
		all_while_freed(call);
	call->finish(call);
}

/* ---- what is refused ---- */

static void expect_bench(int line, int error, void *arg)
{
	int ret = do_ioctl(bench_fd, DMA_ALLOC_BENCHMARK, arg);

	if (ret != -error) {
		failed = 1;
		say("    # line %d: %s", line, strerror(-ret));
	}
}

static void test_refused_benchmark(void)
{
	struct dma_alloc_benchmark arg, *read_only;

	if (open_bench(NULL)) {
		fail("%s", strerror(errno));
		return;
	}
	expect_bench(__LINE__, EFAULT, NULL);
	arg = benchmark(DMA_ALLOC_BENCH_KIND_MAX);
	expect_bench(__LINE__, EINVAL, &arg);
	arg = benchmark(DMA_ALLOC_BENCH_WC);
	arg.threads = 0;
	expect_bench(__LINE__, EINVAL, &arg);
	if (!device.translated) {
		/* So little memory cannot be had: one bit is not enough for a page. */
		arg = benchmark(DMA_ALLOC_BENCH_WC);
		arg.dma_bits = 1;
		expect_bench(__LINE__, EINVAL, &arg);
	}

	/* What was measured has nowhere to go. */
	read_only = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (read_only == MAP_FAILED) {
		fail("%s", strerror(errno));
	} else {
		*read_only = benchmark(DMA_ALLOC_BENCH_WC);
		mprotect(read_only, PAGE, PROT_READ);
		expect_bench(__LINE__, EFAULT, read_only);
		munmap(read_only, PAGE);
	}
	close_bench(NULL);
}

/* ---- what is taken from the stock ---- */

/* As few chunks as the size has bits: each is mapped for itself. */
static void test_chunks(void)
{
	const struct call call = ALLOC("chunks", FAULTS_SG, FAULTS_WC, 500);
	unsigned long before, hits;

	if (open_faults(&call)) {
		fail("%s", strerror(errno));
		return;
	}
	make_ready(&call, EMPTY);
	/* So that a whole block is there. */
	make_ready(&call, FILLED);
	before = get_stock().hits;
	expect_success(&call, "filled", 0);
	hits = get_stock().hits - before;
	say("    # %lu pages in %lu chunks", (unsigned long)call.what.pages, hits);
	if (!hits || hits > (unsigned long)__builtin_popcount(call.what.pages))
		fail("%lu chunks", hits);
	close_faults(&call);
}

/* ---- at the end ---- */

static void test_loaded(void)
{
	if (load_error)
		fail("%s", strerror(load_error));
	say("    # the device: %scoherent, %s, %s uncached pages", device.coherent ? "" : "not ",
	    device.translated ? "behind an IOMMU" : "without an IOMMU",
	    device.can_uncached ? "has" : "has no");
}

static void test_stock_empty(void)
{
	struct stock stock = get_stock();

	/* The sound card's driver has some from the start on. */
	if (stock.owned != stock_before.used || stock.used != stock_before.used)
		fail("%lu pages are the stock's, %lu of them used, before: %lu used", stock.owned,
		     stock.used, stock_before.used);
}

static void test_not_leaked(void)
{
	unsigned long leaked = get_stock().leaked;

	if (leaked)
		fail("%lu pages", leaked);
}

static void test_linear_map(void)
{
	struct linear_map now = get_linear_map();

	if (!map_before.mapped)
		fail("there is no dump");
	if (now.mapped != map_before.mapped)
		fail("%llu KiB, before: %llu KiB", now.mapped >> 10, map_before.mapped >> 10);
	if (now.uncached != map_before.uncached)
		fail("%llu KiB are not write-back, before: %llu KiB", now.uncached >> 10,
		     map_before.uncached >> 10);
}

static void test_page_owner(void)
{
	long pages = look_at_stacks(1);

	if (pages < 0 && errno == ENOENT)
		skip("no page_owner");
	else if (pages < 0)
		fail("%s", strerror(errno));
	else if (pages)
		fail("%ld pages have not come back", pages);
}

static void test_kmemleak(void)
{
	unsigned int i, objects = 0;
	char line[256];
	FILE *f;

	if (access(KMEMLEAK, F_OK)) {
		skip("no kmemleak");
		return;
	}
	/* What is young is no leak yet, and may be seen in a register once. */
	for (i = 0; i < 2; i++) {
		pause_ms(6000);
		if (set(KMEMLEAK, "scan"))
			fail("no scan: %s", strerror(errno));
	}
	f = fopen(KMEMLEAK, "re");
	if (!f)
		fail("%s", strerror(errno));
	while (f && fgets(line, sizeof(line), f)) {
		objects += !strncmp(line, "unreferenced", 12);
		line[strcspn(line, "\n")] = 0;
		if (objects <= 3)
			say("    # %s", line);
	}
	if (f)
		fclose(f);
	if (objects)
		fail("%u objects", objects);
}

static const struct test {
	const char *name;
	void (*run)(void);
} refused_tests[] = {
	{ "benchmark", test_refused_benchmark },
}, stock_tests[] = {
	{ "chunks", test_chunks },
}, end_tests[] = {
	{ "loaded", test_loaded },
	{ "stock-empty", test_stock_empty },
	{ "not-leaked", test_not_leaked },
	{ "linear-map", test_linear_map },
	{ "page-owner", test_page_owner },
	{ "kmemleak", test_kmemleak },
};

static void run_suite(unsigned int number, const char *name, const struct call *calls,
		      const struct test *tests, size_t nr)
{
	unsigned int i, suite_failed = 0;

	say("    KTAP version 1");
	say("    # Subtest: %s", name);
	say("    1..%zu", nr);
	for (i = 0; i < nr; i++) {
		double start = now();

		failed = 0;
		said = 0;
		if (calls)
			test_call(&calls[i]);
		else
			tests[i].run();
		suite_failed |= failed;
		say("    # %.1f s", now() - start);
		say("    %sok %u %s%s%s", failed ? "not " : "", i + 1,
		    calls ? calls[i].name : tests[i].name, *skipped ? " # SKIP " : "", skipped);
		*skipped = 0;
	}
	say("%sok %u %s", suite_failed ? "not " : "", number, name);
}

/* Binds the device that the kernel's command line names to the benchmark. */
static int bind_benchmark(void)
{
	const char *name = getenv("BENCH_DEVICE");
	char override[80];

	if (!name) {
		errno = EINVAL;
		return -1;
	}
	snprintf(override, sizeof(override), "/sys/bus/pci/devices/%s/driver_override", name);
	return set(override, "dma_map_benchmark") ?: set("/sys/bus/pci/drivers_probe", name);
}

static int load(void)
{
	int fd = open("/faults.ko", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		return errno;
	close(fd);
	fd = open("/dev/faults", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, FAULTS_IOC_DEVICE, &device))
		return errno;
	close(fd);
	return bind_benchmark() ? errno : 0;
}

/* Faults are for this process only, when it asks for them, and without a word. */
static void set_up_faults(void)
{
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };
	static const char * const values[][2] = {
		{ "verbose", "0" }, { "task-filter", "Y" }, { "probability", "100" },
		{ "interval", "1" }, { "times", "-1" }, { "space", "0" },
		{ "ignore-gfp-wait", "N" },
	};
	char file[80];
	size_t i, j;
	int bad = 0;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (j = 0; j < ARRAY_SIZE(values); j++) {
			snprintf(file, sizeof(file), DEBUG "%s/%s", kinds[i], values[j][0]);
			bad |= set(file, values[j][1]);
		}
	}
	bad |= set(DEBUG "fail_page_alloc/ignore-gfp-highmem", "N");
	bad |= set(DEBUG "fail_page_alloc/min-order", "0");
	fail_nth = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	make_it_fail = open("/proc/self/make-it-fail", O_RDWR | O_CLOEXEC);
	if (bad || fail_nth < 0 || make_it_fail < 0) {
		say("# no fault injection: %s", strerror(errno));
		_exit(1);
	}
}

int main(void)
{
	unsigned int i;

	log_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (log_fd < 0)
		return 1;
	mount_all();
	/* The kernel says no more that caches are dropped. */
	set("/proc/sys/vm/drop_caches", "4");
	/* Nothing of its own has to be brought in while allocations fail. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return 1;
	set_up_faults();
	load_error = load();
	empty_stock();
	map_before = get_linear_map();
	stock_before = get_stock();
	look_at_stacks(0);
	/* What the kernel's start has lost is not of the calls. */
	pause_ms(6000);
	set(KMEMLEAK, "scan");
	set(KMEMLEAK, "clear");

	say("KTAP version 1");
	say("1..%zu", ARRAY_SIZE(suites) + 3);
	for (i = 0; i < ARRAY_SIZE(suites); i++)
		run_suite(i + 1, suites[i].name, suites[i].calls, NULL, suites[i].nr);
	run_suite(++i, "refused", NULL, refused_tests, ARRAY_SIZE(refused_tests));
	run_suite(++i, "stock", NULL, stock_tests, ARRAY_SIZE(stock_tests));
	empty_stock();
	run_suite(++i, "end", NULL, end_tests, ARRAY_SIZE(end_tests));
	return 0;
}
