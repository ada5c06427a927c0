// SPDX-License-Identifier: GPL-2.0
/*
 * Takes uncached buffers of each kind through what life=WHAT on the kernel's command
 * line says, and looks at them before, then, and afterwards. Prints KTAP, where there
 * is an afterwards: in the second boot, or in the second kernel.
 *
 *   hibernate  the machine hibernates to its disk; scripts/life starts it again
 *   kexec      the kernel starts itself again, and looks at the memory as any other
 *   crash      the kernel panics, and the one for that reads the buffers in the dump
 *   offline    the blocks of memory that they are in are to be taken away
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../guest.h"
#include "../say.h"
#include "life.h"

#define DISK		"/dev/vda"
/* Behind the swap area: that the machine has hibernated already. */
#define MARK		"hibernated"
#define BLOCK_BYTES	"/sys/devices/system/memory/block_size_bytes"

#define KEXEC_FILE_ON_CRASH	2
#define LINUX_REBOOT_KEXEC	0x45584543

#define fail(format, ...) do {						\
	failed = 1;							\
	say("    # line %d: " format, __LINE__, ##__VA_ARGS__);		\
} while (0)

/* So many bytes stand in front of what scripts/life has put on the disk: */
struct payload {
	char magic[16];
	char kernel_size[16];
	char initramfs_size[16];
};

static const char * const type_names[] = { "write-back", "uncached", "write-combined" };

static char cmdline[4096];
static int life_fd = -1;

/* What could not be done, where nothing can go on without it. */
static void give_up(const char *what)
{
	say("# %s: %s", what, strerror(errno));
	exit(1);
}

/* ---- the linear map, by the kernel's own dump ---- */

static struct entry {
	unsigned long long from, to;
	enum life_type type;
} *entries;
static size_t nr_entries, max_entries;
static unsigned long long uncached_bytes, mapped_bytes;

static enum life_type line_type(const char *line)
{
#ifdef __aarch64__
	return strstr(line, "MEM/NORMAL-NC") ? LIFE_WC : strstr(line, "DEVICE/") ? LIFE_UC : LIFE_WB;
#else
	/* The kernel's PAT has it so; PAT alone is write-through, which is no more. */
	if (strstr(line, " PCD ") || strstr(line, " PAT "))
		return LIFE_UC;
	return strstr(line, " PWT ") ? LIFE_WC : LIFE_WB;
#endif
}

static int say_uncached;

static void read_tables(void)
{
	char line[256];
	struct entry *e;
	int inside = 0;
	FILE *f = fopen(TABLES, "re");

	nr_entries = 0;
	uncached_bytes = 0;
	mapped_bytes = 0;
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "---[", 4)) {
			inside = strstr(line, LINEAR_MAP) != NULL;
			continue;
		}
		/* What is not mapped has no permissions. */
		if (!inside || !(strstr(line, " RW ") || strstr(line, " ro ")))
			continue;
		if (nr_entries == max_entries) {
			max_entries = max_entries * 2 + 1000;
			entries = realloc(entries, max_entries * sizeof(*entries));
			if (!entries)
				give_up("memory");
		}
		e = &entries[nr_entries];
		if (sscanf(line, "0x%llx-0x%llx", &e->from, &e->to) != 2)
			continue;
		e->type = line_type(line);
		mapped_bytes += e->to - e->from;
		if (e->type != LIFE_WB) {
			uncached_bytes += e->to - e->from;
			if (say_uncached)
				say("    # not write-back: %#llx-%#llx", e->from, e->to);
		}
		nr_entries++;
	}
	if (f)
		fclose(f);
	if (!nr_entries)
		fail("there is no dump");
}

/* -1 where nothing is mapped */
static int type_at(unsigned long long address)
{
	size_t i;

	for (i = 0; i < nr_entries; i++) {
		if (address >= entries[i].from && address < entries[i].to)
			return (int)entries[i].type;
	}
	return -1;
}

/* On arm64 Normal Non-cacheable is both. */
static int wanted_type(unsigned int type)
{
#ifdef __aarch64__
	return type == LIFE_UC ? LIFE_WC : (int)type;
#else
	return (int)type;
#endif
}

/* ---- buffers ---- */

static int load(void)
{
	int fd = open("/life.ko", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
		return -1;
	close(fd);
	life_fd = open("/dev/life", O_RDWR | O_CLOEXEC);
	return life_fd < 0 ? -1 : 0;
}

static void check_contents(void)
{
	struct life_buffer buffer = { 0 };
	unsigned long long pages = 0;

	for (; !ioctl(life_fd, LIFE_IOC_LOOK, &buffer); buffer.number++) {
		pages += buffer.pages;
		if (buffer.wrong || buffer.wrong_vmap)
			fail("buffer %u, %u pages %s: %llu words are wrong, and %llu by the vmap",
			     buffer.number, buffer.pages, type_names[buffer.type],
			     buffer.wrong, buffer.wrong_vmap);
	}
	say("    # %llu pages in %u buffers", pages, buffer.number);
	if (!buffer.number)
		fail("there are no buffers");
}

static void check_types(void)
{
	struct life_buffer buffer = { 0 };
	unsigned int wrong, seen[3] = { 0 };
	int type;

	read_tables();
	for (; !ioctl(life_fd, LIFE_IOC_LOOK, &buffer); buffer.number++) {
		struct life_page page = { .number = buffer.number };

		wrong = 0;
		for (; page.page < buffer.pages; page.page++) {
			if (ioctl(life_fd, LIFE_IOC_PAGE, &page))
				break;
			type = type_at(page.linear);
			wrong += type != wanted_type(buffer.type);
			if (type >= 0)
				seen[type]++;
		}
		if (wrong)
			fail("buffer %u: %u of %u pages are not %s in the linear map",
			     buffer.number, wrong, buffer.pages, type_names[buffer.type]);
	}
	say("    # in the linear map %u pages are write-back, %u uncached, %u write-combined; %llu KiB in all are not write-back",
	    seen[LIFE_WB], seen[LIFE_UC], seen[LIFE_WC], uncached_bytes >> 10);
	if (!seen[LIFE_WC])
		fail("none is write-combined");
}

static unsigned long stock_owned(unsigned long *used, unsigned long *leaked)
{
	unsigned long owned = 0, o, left;
	char line[256];
	FILE *f = fopen(STOCK, "re");

	*used = 0;
	*leaked = 0;
	if (!f)
		fail("there is no stock");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d %*s %lu %lu", &o, &left) == 2) {
			owned += o;
			*used += o - left;
		}
		sscanf(line, "leaked %lu", leaked);
	}
	if (f)
		fclose(f);
	return owned;
}

static void check_freed(void)
{
	unsigned long owned, used, leaked;
	unsigned int i;

	if (ioctl(life_fd, LIFE_IOC_FREE))
		fail("free: %s", strerror(errno));
	for (i = 0; i < 20; i++) {
		set("/proc/sys/vm/drop_caches", "2");
		owned = stock_owned(&used, &leaked);
		if (!owned)
			break;
		pause_ms(200);
	}
	if (owned || used || leaked)
		fail("the stock has %lu pages, %lu used, %lu leaked", owned, used, leaked);
	read_tables();
	if (uncached_bytes)
		fail("%llu KiB are not write-back", uncached_bytes >> 10);
}

/* Once more, all of it. */
static void check_again(void)
{
	if (ioctl(life_fd, LIFE_IOC_ALLOC)) {
		fail("%s", strerror(errno));
		return;
	}
	check_contents();
	check_types();
}

/* ---- what is on the disk ---- */

static unsigned long long disk_size(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);

	return size < 0 ? 0 : size;
}

/* A swap area on all of it but the last page. */
static void make_swap(int fd, unsigned long long size)
{
	static char page[PAGE];
	/* version, last page, bad pages: behind 1024 bytes for others */
	unsigned int *info = (unsigned int *)(page + 1024);

	info[0] = 1;
	info[1] = size / PAGE - 2;
	memcpy(page + PAGE - 10, "SWAPSPACE2", 10);
	if (pwrite(fd, page, PAGE, 0) != (ssize_t)PAGE)
		give_up("swap area");
}

static int copy_to_memfd(int disk, off_t at, size_t size)
{
	int fd = memfd_create("payload", 0);
	char *bytes = malloc(1 << 20);
	ssize_t n;

	if (fd < 0 || !bytes)
		give_up("memfd");
	while (size) {
		n = pread(disk, bytes, size < (1 << 20) ? size : 1 << 20, at);
		if (n <= 0 || write(fd, bytes, n) != n)
			give_up("payload");
		at += n;
		size -= n;
	}
	free(bytes);
	return fd;
}

/* Of the pages of a buffer, those that follow one another from the first one on. */
static unsigned int first_page(unsigned int number, unsigned long long *phys)
{
	struct life_page page = { .number = number };

	if (ioctl(life_fd, LIFE_IOC_PAGE, &page))
		give_up("page");
	*phys = page.phys;
	do
		page.page++;
	while (!ioctl(life_fd, LIFE_IOC_PAGE, &page) && page.phys == *phys + page.page * PAGE);
	return page.page;
}

/* The next kernel is told where each buffer is. */
static void load_kernel(unsigned long flags)
{
	struct life_buffer buffer = { 0 };
	struct payload payload;
	char text[4096];
	unsigned long long phys;
	unsigned int pages;
	size_t kernel_size, initramfs_size;
	int disk = open(DISK, O_RDONLY | O_CLOEXEC), n;

	if (disk < 0 || pread(disk, &payload, sizeof(payload), 0) != sizeof(payload) ||
	    strcmp(payload.magic, "life"))
		give_up(DISK);
	kernel_size = strtoul(payload.kernel_size, NULL, 10);
	initramfs_size = strtoul(payload.initramfs_size, NULL, 10);
	/* Of the processors, the one that has crashed need not be the first. */
	n = snprintf(text, sizeof(text), "%s%s life.second life.pages=", cmdline,
		     flags & KEXEC_FILE_ON_CRASH ? " nr_cpus=1" : "");
	for (; !ioctl(life_fd, LIFE_IOC_LOOK, &buffer); buffer.number++) {
		pages = first_page(buffer.number, &phys);
		n += snprintf(text + n, sizeof(text) - n, "%s%#llx:%u", buffer.number ? "," : "",
			      phys, pages);
	}
	if (syscall(SYS_kexec_file_load, copy_to_memfd(disk, PAGE, kernel_size),
		    copy_to_memfd(disk, PAGE + (kernel_size + PAGE - 1) / PAGE * PAGE,
				  initramfs_size),
		    strlen(text) + 1, text, flags))
		give_up("kexec_file_load");
}

/* ---- hibernation ---- */

static int resumed;

static void test_resumed(void)
{
	if (!resumed)
		fail("this is a fresh start");
}

/* scripts/life looks whether all of them were cleaned. */
static void test_resumed_types(void)
{
	say_uncached = 1;
	check_types();
	say_uncached = 0;
}

static const struct test {
	const char *name;
	void (*run)(void);
} hibernate_tests[] = {
	{ "resumed", test_resumed },
	{ "contents", check_contents },
	{ "types", test_resumed_types },
	{ "freed", check_freed },
	{ "again", check_again },
	{ "freed-again", check_freed },
};

static void hibernate(void)
{
	int disk = open(DISK, O_RDWR | O_CLOEXEC | O_SYNC);
	char mark[PAGE] = "";
	unsigned long long size;

	if (disk < 0)
		give_up(DISK);
	size = disk_size(disk);
	if (size < 4 * PAGE || pread(disk, mark, PAGE, size - PAGE) != (ssize_t)PAGE)
		give_up(DISK);
	if (!strcmp(mark, MARK))
		return;
	strcpy(mark, MARK);
	make_swap(disk, size);
	if (pwrite(disk, mark, PAGE, size - PAGE) != (ssize_t)PAGE || fsync(disk) || close(disk))
		give_up(DISK);
	if (swapon(DISK, 0))
		give_up("swapon");
	/* What is there when it comes back was there before. */
	if (ioctl(life_fd, LIFE_IOC_ALLOC))
		give_up("buffers");
	check_contents();
	check_types();
	if (failed)
		exit(1);
	if (set("/sys/power/disk", "reboot"))
		give_up("/sys/power/disk");
	say("# hibernating");
	if (set("/sys/power/state", "disk"))
		say("# /sys/power/state: %s", strerror(errno));
	else
		resumed = 1;
}

/* ---- the next kernel ---- */

struct found {
	unsigned long long phys;
	unsigned int pages;
};

static struct found *next_found(void)
{
	static struct found found;
	static const char *at;
	int n;

	if (!at) {
		at = strstr(cmdline, "life.pages=");
		at = at ? at + strlen("life.pages=") : "";
	}
	if (sscanf(at, "%llx:%u%n", &found.phys, &found.pages, &n) != 2) {
		at = NULL;
		return NULL;
	}
	at += n;
	at += *at == ',';
	return &found;
}

static void test_next_types(void)
{
	struct life_found look;
	struct found *found;

	read_tables();
	if (uncached_bytes)
		fail("%llu KiB are not write-back", uncached_bytes >> 10);
	while ((found = next_found())) {
		look = (struct life_found) { .phys = found->phys, .pages = found->pages };
		if (ioctl(life_fd, LIFE_IOC_FIND, &look))
			fail("%#llx: %s", found->phys, strerror(errno));
	}
}

/* What the kernel needs for itself is lost, which is less than half of them. */
static void test_next_contents(void)
{
	unsigned int pages = 0, seen = 0;
	struct life_found look;
	struct found *found;

	while ((found = next_found())) {
		look = (struct life_found) { .phys = found->phys, .pages = found->pages };
		if (ioctl(life_fd, LIFE_IOC_FIND, &look))
			continue;
		pages += found->pages;
		seen += look.found;
		say("    # at %#llx: %u of %u pages have what the last kernel wrote",
		    found->phys, look.found, found->pages);
	}
	if (seen * 2 < pages || !pages)
		fail("%u of %u pages", seen, pages);
}

static const struct test kexec_tests[] = {
	{ "types", test_next_types },
	{ "contents", test_next_contents },
	{ "again", check_again },
	{ "freed", check_freed },
};

static unsigned int pages_in_dump(int dump, const Elf64_Phdr *headers, unsigned int nr,
				  const struct found *found)
{
	unsigned long long words[PAGE / 8], phys;
	unsigned int i, word, right, pages = 0;

	for (phys = found->phys; phys < found->phys + found->pages * PAGE; phys += PAGE) {
		for (i = 0; i < nr; i++) {
			if (headers[i].p_type == PT_LOAD && phys >= headers[i].p_paddr &&
			    phys + PAGE <= headers[i].p_paddr + headers[i].p_memsz)
				break;
		}
		if (i == nr || pread(dump, words, PAGE, headers[i].p_offset + phys -
				     headers[i].p_paddr) != (ssize_t)PAGE)
			continue;
		for (right = 0, word = 0; word < PAGE / 8; word++)
			right += words[word] == LIFE_WORD(phys, word);
		pages += right == PAGE / 8;
	}
	return pages;
}

static void test_dump(void)
{
	static Elf64_Phdr headers[256];
	unsigned int pages;
	struct found *found;
	Elf64_Ehdr header;
	int dump = open("/proc/vmcore", O_RDONLY | O_CLOEXEC);

	if (dump < 0 || pread(dump, &header, sizeof(header), 0) != sizeof(header) ||
	    header.e_phnum > ARRAY_SIZE(headers) ||
	    pread(dump, headers, header.e_phnum * sizeof(*headers), header.e_phoff) !=
	    (ssize_t)(header.e_phnum * sizeof(*headers))) {
		fail("/proc/vmcore: %s", strerror(errno));
		return;
	}
	if (!strstr(cmdline, "life.pages=0x"))
		fail("no buffers");
	while ((found = next_found())) {
		pages = pages_in_dump(dump, headers, header.e_phnum, found);
		say("    # at %#llx: %u of %u pages are in the dump", found->phys, pages,
		    found->pages);
		if (pages != found->pages)
			fail("%u pages are missing", found->pages - pages);
	}
	close(dump);
}

static const struct test crash_tests[] = {
	{ "dump", test_dump },
	{ "again", check_again },
	{ "freed", check_freed },
};

/* ---- memory that goes away ---- */

#define MOST_BLOCKS	64

static unsigned long long block_size;
static unsigned char in_block[MOST_BLOCKS];

static void on_alarm(int number)
{
	(void)number;
}

static int set_block(unsigned int block, const char *state)
{
	char file[80];
	int ret, saved;

	snprintf(file, sizeof(file), "/sys/devices/system/memory/memory%u/state", block);
	/* It does not give up by itself. */
	alarm(20);
	ret = set(file, state);
	saved = errno;
	alarm(0);
	errno = saved;
	return ret;
}

static void find_blocks(void)
{
	struct life_page page = { 0 };
	char line[32] = "";
	int fd = open(BLOCK_BYTES, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, line, sizeof(line) - 1) <= 0)
		give_up(BLOCK_BYTES);
	close(fd);
	block_size = strtoull(line, NULL, 16);
	memset(in_block, 0, sizeof(in_block));
	for (; page.number < 64; page.number++) {
		for (page.page = 0; !ioctl(life_fd, LIFE_IOC_PAGE, &page); page.page++) {
			if (page.phys / block_size < MOST_BLOCKS)
				in_block[page.phys / block_size] = 1;
		}
	}
}

/* Which of the blocks go away. They come back. */
static unsigned int take_away(const char *when)
{
	unsigned int block, gone = 0, tried = 0;

	/* The first one has holes, and stays whoever has its pages. */
	for (block = 1; block < MOST_BLOCKS; block++) {
		if (!in_block[block])
			continue;
		tried++;
		errno = 0;
		if (set_block(block, "offline")) {
			say("    # %s: block %u: %s", when, block, strerror(errno));
			/* Interrupted: by the alarm. */
			if (errno != EBUSY && errno != EINTR)
				fail("block %u: %s", block, strerror(errno));
			continue;
		}
		say("    # %s: block %u went away", when, block);
		gone++;
		read_tables();
		if (set_block(block, "online"))
			fail("block %u does not come back: %s", block, strerror(errno));
	}
	if (!tried)
		fail("no buffer is in a block");
	return gone;
}

static void test_offline_used(void)
{
	if (ioctl(life_fd, LIFE_IOC_ALLOC) || ioctl(life_fd, LIFE_IOC_BLOCKS, 40)) {
		fail("buffers: %s", strerror(errno));
		return;
	}
	find_blocks();
	if (take_away("in use"))
		fail("a block with a buffer went away");
	check_contents();
	check_types();
}

/* Their pages are free, but not the page allocator's. */
static void test_offline_stock(void)
{
	unsigned long used, leaked, owned;
	unsigned long long before;

	if (ioctl(life_fd, LIFE_IOC_FREE))
		fail("free: %s", strerror(errno));
	owned = stock_owned(&used, &leaked);
	say("    # %lu pages are in the stock", owned);
	if (!owned || used)
		fail("%lu pages are used", used);
	read_tables();
	before = mapped_bytes;
	take_away("in the stock");
	read_tables();
	if (mapped_bytes != before)
		fail("%llu KiB are mapped, before: %llu KiB", mapped_bytes >> 10, before >> 10);
	owned = stock_owned(&used, &leaked);
	if (uncached_bytes != owned * PAGE)
		fail("%llu KiB are not write-back, and the stock has %lu KiB",
		     uncached_bytes >> 10, owned * PAGE >> 10);
}

static void test_offline_freed(void)
{
	check_freed();
	if (!take_away("given back"))
		fail("no block goes away");
	read_tables();
	if (uncached_bytes)
		fail("%llu KiB are not write-back", uncached_bytes >> 10);
}

static const struct test offline_tests[] = {
	{ "used", test_offline_used },
	{ "in-stock", test_offline_stock },
	{ "given-back", test_offline_freed },
	{ "again", check_again },
	{ "freed", check_freed },
};

static void run(const struct test *tests, size_t nr)
{
	unsigned int i, suite_failed = 0;

	say("KTAP version 1");
	say("1..1");
	say("    KTAP version 1");
	say("    # Subtest: life");
	say("    1..%zu", nr);
	for (i = 0; i < nr; i++) {
		failed = 0;
		tests[i].run();
		suite_failed |= failed;
		say("    %sok %u %s%s%s", failed ? "not " : "", i + 1, tests[i].name,
		    *skipped ? " # SKIP " : "", skipped);
	}
	say("%sok 1 life", suite_failed ? "not " : "");
}

#define RUN(tests)	run(tests, ARRAY_SIZE(tests))

static int asked(const char *what)
{
	return strstr(cmdline, what) != NULL;
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	int fd;

	log_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (log_fd < 0)
		return 1;
	mount_all();
	fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, cmdline, sizeof(cmdline) - 1) <= 0)
		return 1;
	close(fd);
	cmdline[strcspn(cmdline, "\n")] = 0;
	/* The kernel says no more that caches are dropped. */
	set("/proc/sys/vm/drop_caches", "4");
	if (load())
		give_up("life.ko");

	if (asked("life=hibernate")) {
		hibernate();
		RUN(hibernate_tests);
	} else if (asked("life=offline")) {
		sigaction(SIGALRM, &action, NULL);
		RUN(offline_tests);
	} else if (asked("life.second")) {
		if (asked("life=crash"))
			RUN(crash_tests);
		else
			RUN(kexec_tests);
	} else {
		if (ioctl(life_fd, LIFE_IOC_ALLOC))
			give_up("buffers");
		check_contents();
		check_types();
		if (failed)
			return 1;
		load_kernel(asked("life=crash") ? KEXEC_FILE_ON_CRASH : 0);
		say("# to the next kernel");
		if (asked("life=crash"))
			set("/proc/sysrq-trigger", "c");
		else
			reboot(LINUX_REBOOT_KEXEC);
		give_up("the next kernel");
	}
	return 0;
}
