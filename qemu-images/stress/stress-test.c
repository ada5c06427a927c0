// SPDX-License-Identifier: GPL-2.0
/*
 * Eight processes let stress.c take uncached and write-combined pages and give
 * them back, while others make all the noise that there can be: memory is short,
 * caches are dropped, page tables are dumped, modules, a processor, memory and the
 * size of the stock come and go. Nobody may see the bytes of another, and at the end all
 * is as it was. Prints KTAP.
 *
 * Done twice: without modules first. What of a module is read-only splits large
 * pages of the linear map that nothing makes whole again, but all others are the
 * stock's. It also leaves whatever is allocated once and for all.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../guest.h"
#include "../say.h"
#include "stress.h"

#define MB		(1UL << 20)

#define WORKERS		8
#define STEPS		500

/*
 * Of both runs; with STRESS_HANDOUTS=N on the kernel's command line N, for a look at
 * a kernel that is wrong. Then how many seconds
 * a run may take: half as long is enough where nothing else runs.
 */
#define HANDOUTS	1000000ULL
#define RUN_MAX		240

/* Seconds after which a process that was told to end never will. */
#define STUCK		30

/*
 * Where memory stops being used up: what kswapd keeps free is not counted as
 * available, nor is half of what the stock has free. So kswapd has work to do, and
 * who allocates next, but nobody has to be killed.
 */
#define LEAST_AVAILABLE	(6 * MB)

/*
 * What may be missing at the end: page tables of the linear map that modules split,
 * and what KASAN keeps for each new stack trace. A leak is one of all blocks, of
 * 2 MiB, that the stock ever had.
 */
#define MEMORY_BOUND	(8 * MB)

/*
 * What may be charged before one is refused, beyond what the workers have; and what
 * may be left: 64 pages in each processor's cache, and what of the workers KASAN has
 * in quarantine. Charges that are not given back end at the limit.
 */
#define CHARGE_LIMIT	(4 * MB)
#define CHARGE_BOUND	(2 * MB)

#define CPU1		"/sys/devices/system/cpu/cpu1/online"
#define CGROUP		"/cgroup"
#define GROUP		CGROUP "/stress"

/* With the processes that are forked. */
static struct shared {
	volatile int stop;
	volatile int ready;
	volatile unsigned long seeds;
	volatile unsigned long rounds[8];
	/* A block of memory that comes and goes, or 0. */
	unsigned int block;
	/* Who uses up memory now, or moves it. */
	volatile int movable;
} *shared;

/* What the linear map is made of. */
struct linear_map {
	unsigned long long mapped;
	unsigned long long uncached;
	unsigned long entries;
};

/* How the machine was before, and after. */
static struct linear_map map_before, map_after;
static unsigned long large_before, large_after;
static long memory_before, memory_after;
static unsigned long free_before, free_after;
static unsigned long reclaim_before[3], reclaim_after[3];
static unsigned long limit_hit, charge_left;
static unsigned int bad_processes, stuck;
static struct stress_state state;

static unsigned long long handouts = HANDOUTS;
static int load_error;

#define fail(format, ...) do {						\
	failed = 1;							\
	say("    # line %d: " format, __LINE__, ##__VA_ARGS__);		\
} while (0)

/* ---- files of the kernel ---- */

static int set_number(const char *file, unsigned long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", value);
	return set(file, text);
}

/* The number behind @name in @file, or the first one; 0 if there is none. */
static unsigned long get(const char *file, const char *name)
{
	size_t n = name ? strlen(name) : 0;
	unsigned long value = 0;
	char line[256];
	FILE *f = fopen(file, "re");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (n && (strncmp(line, name, n) || isalnum(line[n]) ||
			  line[n] == '_' || line[n] == '('))
			continue;
		value = strtoul(line + n + strspn(line + n, ": \t"), NULL, 10);
		break;
	}
	fclose(f);
	return value;
}

static unsigned long meminfo(const char *name)
{
	return get("/proc/meminfo", name) * 1024;
}

/*
 * Pages of the page allocator that no count of the kernel knows of. Unlike what is
 * free it does not move with what KASAN has in quarantine, which are slabs.
 */
static long unknown_memory(void)
{
	static const char * const known[] = {
		"MemFree", "Active", "Inactive", "Unevictable", "Slab",
		"KernelStack", "PageTables", "VmallocUsed", "Percpu",
	};
	long left = meminfo("MemTotal");
	unsigned long pages;
	char line[256];
	unsigned int i;
	FILE *f;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		left -= meminfo(known[i]);
	/* Free pages in the lists of the processors, which are not in MemFree. */
	f = fopen("/proc/zoneinfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " count: %lu", &pages) == 1)
			left -= pages * 4096;
	}
	if (f)
		fclose(f);
	return left;
}

static void get_reclaim(unsigned long *counts)
{
	counts[0] = get("/proc/vmstat", "pageoutrun");
	counts[1] = get("/proc/vmstat", "allocstall_normal") +
		    get("/proc/vmstat", "allocstall_dma") +
		    get("/proc/vmstat", "allocstall_dma32") +
		    get("/proc/vmstat", "allocstall_movable");
	counts[2] = get("/proc/vmstat", "slabs_scanned");
}

/* The sum of a column of the stock's file, and the number of stocks. */
static unsigned long stock(unsigned long *owned, unsigned long *free_pages)
{
	unsigned long n = 0, o, f;
	char line[256];
	FILE *file = fopen(STOCK, "re");

	*owned = 0;
	*free_pages = 0;
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*d %*s %lu %lu", &o, &f) != 2)
			continue;
		n++;
		*owned += o;
		*free_pages += f;
	}
	fclose(file);
	return n;
}

/* Says what is not write-back; and with @small what no large page maps. */
static void get_linear_map(struct linear_map *map, int small)
{
	unsigned long long from, to;
	char line[256];
	unsigned int i, said = 0;
	int inside = 0;
	FILE *f = fopen(TABLES, "re");

	memset(map, 0, sizeof(*map));
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "---[", 4)) {
			inside = strstr(line, LINEAR_MAP) != NULL;
			continue;
		}
		/* What is not mapped has no permissions. */
		if (!inside || !(strstr(line, " RW ") || strstr(line, " ro ")) ||
		    sscanf(line, "0x%llx-0x%llx", &from, &to) != 2)
			continue;
		map->entries++;
		map->mapped += to - from;
		line[strcspn(line, "\n")] = 0;
		if (small && strstr(line, " pte") && said++ < 30)
			say("    # %s", line);
		for (i = 0; i < ARRAY_SIZE(other_types); i++) {
			if (!strstr(line, other_types[i]))
				continue;
			map->uncached += to - from;
			/* The first ones say it all. */
			if (said++ < 10)
				say("    # %s", line);
			break;
		}
	}
	fclose(f);
}

/* ---- noise: each is a process, and does one round at a time ---- */

/*
 * Pages that move to make room for themselves: offline_pages() waits for ever then,
 * for those that it has isolated itself. That is as it was before the series.
 */
static int get_movable(void)
{
	while (__sync_lock_test_and_set(&shared->movable, 1)) {
		if (shared->stop)
			return -1;
		pause_ms(20);
	}
	return 0;
}

static void put_movable(void)
{
	__sync_lock_release(&shared->movable);
}

static void noise_pressure(void)
{
	size_t size = meminfo("MemTotal"), at;
	char *memory, *page;

	if (get_movable())
		return;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		_exit(1);
	for (at = 0; at + MB <= size && !shared->stop; at += MB) {
		if (meminfo("MemAvailable") < LEAST_AVAILABLE)
			break;
		for (page = memory + at; page < memory + at + MB; page += 4096)
			*(volatile char *)page = 1;
	}
	/* As far as it goes, for a while. */
	if (!shared->stop) {
		pause_ms(300);
		shared->rounds[0]++;
	}
	munmap(memory, size);
	put_movable();
}

static void noise_caches(void)
{
	/* Slabs, and with them all that has a shrinker. */
	if (!set("/proc/sys/vm/drop_caches", "2"))
		shared->rounds[1]++;
}

static void noise_tables(void)
{
	char bytes[4096];
	size_t size = 0;
	ssize_t n;
	int fd = open(TABLES, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		size += n;
	close(fd);
	if (size > 1000)
		shared->rounds[2]++;
}

static void noise_percent(void)
{
	static const char * const values[] = { "0", "1", "5" };

	if (!set(MAX_PERCENT, values[shared->rounds[3] % ARRAY_SIZE(values)]))
		shared->rounds[3]++;
}

static void noise_cpu(void)
{
	if (set(CPU1, "0"))
		return;
	pause_ms(100);
	if (!set(CPU1, "1"))
		shared->rounds[4]++;
}

static void noise_modules(void)
{
	int fd = open("/stress_guest.ko", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (!syscall(SYS_finit_module, fd, "", 0) &&
	    !syscall(SYS_delete_module, "stress_guest", O_NONBLOCK))
		shared->rounds[6]++;
	close(fd);
}

static void on_alarm(int number)
{
	(void)number;
}

static int set_block(unsigned int block, const char *state)
{
	char file[80];
	int ret;

	snprintf(file, sizeof(file), "/sys/devices/system/memory/memory%u/state", block);
	/* It does not give up by itself. */
	alarm(5);
	ret = set(file, state);
	alarm(0);
	return ret;
}

/* Memory for user space only: the stock has none of it, but waits for its lock. */
static void noise_memory(void)
{
	int offline = 0, i;

	if (!shared->block || get_movable())
		return;
	if (!set_block(shared->block, "online_movable")) {
		pause_ms(200);
		for (i = 0; i < 5 && !offline; i++)
			offline = !set_block(shared->block, "offline");
		if (offline)
			shared->rounds[5]++;
		else
			/* The memory before and after must be the same. */
			_exit(1);
	}
	put_movable();
}

/* What nobody has a page of yet can be taken away. */
static void find_block(void)
{
	unsigned int block;

	for (block = 63; block && !shared->block; block--) {
		if (!set_block(block, "offline"))
			shared->block = block;
	}
	say("    # block of memory that comes and goes: %u", shared->block);
}

/* At least so many rounds in each run. */
static const struct noise {
	const char *name;
	void (*round)(void);
	unsigned int pause;
	unsigned long at_least;
} noises[] = {
	{ "pressure", noise_pressure, 700, 2 },
	{ "caches", noise_caches, 300, 10 },
	{ "tables", noise_tables, 500, 10 },
	{ "percent", noise_percent, 700, 6 },
	{ "cpu", noise_cpu, 2000, 3 },
	{ "memory", noise_memory, 2000, 2 },
	/* In the second run only. */
	{ "modules", noise_modules, 50, 20 },
};

#define NOISE_MEMORY	5
#define NOISE_MODULES	6

static unsigned long least_rounds(unsigned int i, unsigned int runs)
{
	if (i == NOISE_MEMORY && !shared->block)
		return 0;
	return (handouts < HANDOUTS ? 1 : noises[i].at_least) *
	       (i == NOISE_MODULES ? runs - 1 : runs);
}

static void make_noise(const struct noise *noise)
{
	/* It has much to do, and the workers never sleep. */
	if (noise->round == noise_pressure)
		setpriority(PRIO_PROCESS, 0, -10);
	/* Should memory run out after all, it is this one's fault. */
	set("/proc/self/oom_score_adj", noise->round == noise_pressure ? "1000" : "0");
	while (!shared->stop) {
		noise->round();
		pause_ms(noise->pause);
	}
	_exit(0);
}

/* ---- those who take pages ---- */

static void work(void)
{
	struct stress_run run = { .steps = STEPS };
	int fd = open("/dev/stress", O_RDWR | O_CLOEXEC);

	/* It must not need a page of its own once there is a limit. */
	if (fd < 0 || set(GROUP "/cgroup.procs", "0") ||
	    mlockall(MCL_CURRENT | MCL_FUTURE))
		_exit(1);
	__sync_fetch_and_add(&shared->ready, 1);
	while (!shared->stop) {
		run.seed = __sync_add_and_fetch(&shared->seeds, 1);
		if (ioctl(fd, STRESS_IOC_RUN, &run))
			_exit(1);
	}
	_exit(0);
}

static void get_state(void)
{
	int fd = open("/dev/stress", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, STRESS_IOC_STATE, &state))
		bad_processes++;
	close(fd);
}

static int done(unsigned int n, unsigned int runs)
{
	unsigned int i;

	get_state();
	if (state.pages < handouts / 2 * runs)
		return 0;
	for (i = 0; i < n; i++) {
		if (shared->rounds[i] < least_rounds(i, runs))
			return 0;
	}
	return 1;
}

/* Who waits where: of all that do not just sleep, and of those that should be gone. */
static void say_stacks(void)
{
	char file[300], line[256], state;
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	int pid, parent;
	FILE *f;

	while (dir && (entry = readdir(dir))) {
		pid = atoi(entry->d_name);
		snprintf(file, sizeof(file), "/proc/%d/stat", pid);
		f = pid ? fopen(file, "re") : NULL;
		if (!f)
			continue;
		if (fscanf(f, "%*d (%255[^)]) %c %d", line, &state, &parent) != 3)
			parent = 0;
		fclose(f);
		if (!parent || (parent != getpid() && state != 'D'))
			continue;
		say("    # %d %s %c", pid, line, state);
		snprintf(file, sizeof(file), "/proc/%d/stack", pid);
		f = fopen(file, "re");
		while (f && fgets(line, sizeof(line), f)) {
			line[strcspn(line, "\n")] = 0;
			say("    #     %s", line);
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
}

/* Waits for all processes. Those that do not end are no reason for a hang. */
static void wait_for_all(void)
{
	double start = now();
	int status;
	pid_t pid;

	while (now() - start < STUCK) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid < 0)
			return;
		if (!pid)
			pause_ms(50);
		else if (!WIFEXITED(status) || WEXITSTATUS(status))
			bad_processes++;
	}
	stuck++;
	say_stacks();
}

/* One run, with the first @n noises. It is the @runs-th. */
static void run_all(unsigned int n, unsigned int runs)
{
	double start = now();
	unsigned int i;

	shared->stop = 0;
	shared->ready = 0;
	shared->movable = 0;
	for (i = 0; i < WORKERS; i++) {
		if (!fork())
			work();
	}
	while (shared->ready < WORKERS && now() - start < 10)
		pause_ms(50);
	/* One allocation of all that can be had is too much, and so are many. */
	set_number(GROUP "/memory.max",
		   get(GROUP "/memory.current", NULL) + CHARGE_LIMIT);
	for (i = 0; i < n; i++) {
		if (!fork())
			make_noise(&noises[i]);
	}
	while (!done(n, runs) && now() - start < RUN_MAX)
		pause_ms(200);
	shared->stop = 1;
	wait_for_all();
	for (i = 0; i < n; i++)
		say("    # %s: %lu times", noises[i].name, shared->rounds[i]);
	say("    # run %u: %.0f s, %llu pages in %llu allocations so far, %llu refused",
	    runs, now() - start, state.pages, state.allocations, state.refused);
}

/* All is given back then; the stock's worker has a second for what is left. */
static void settle(void)
{
	unsigned long owned, free_pages;
	unsigned int i;

	set(CPU1, "1");
	set(MAX_PERCENT, "5");
	set(GROUP "/memory.max", "max");
	for (i = 0; i < 10; i++) {
		set("/proc/sys/vm/drop_caches", "2");
		pause_ms(1500);
		stock(&owned, &free_pages);
		if (!owned)
			break;
	}
	/* Large pages are made whole after the blocks are forgotten. */
	pause_ms(2000);
}

static int load(void)
{
	unsigned long long from, to, limit = 0;
	unsigned long matches = 0, address;
	char line[256], symbol[128];
	FILE *f;
	int fd;

	f = fopen("/proc/kallsyms", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx %*c %127s", &address, symbol) == 2 &&
		    !strcmp(symbol, "pages_match_pgprot"))
			matches = address;
	}
	if (f)
		fclose(f);
	/* Three quarters of the memory have lower addresses. */
	f = fopen("/proc/iomem", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx-%llx : System RAM", &from, &to) == 2 &&
		    strstr(line, "System RAM") && to - from > 64 * MB)
			limit = from + (to - from) / 4 * 3 / 4096 * 4096 - 1;
	}
	if (f)
		fclose(f);
	snprintf(line, sizeof(line), "matches=%#lx limit=%#llx", matches, limit);
	fd = open("/stress.ko", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, line, 0))
		return errno;
	close(fd);
	say("    # %s", line);
	/* What it had for its start only goes away later, and splits large pages. */
	pause_ms(2000);
	return 0;
}

/* ---- tests: what came of it ---- */

static void test_ended(void)
{
	check(!stuck);
	/* Workers do not end well when stress.c refuses them. */
	check(!bad_processes);
}

static void test_loaded(void)
{
	if (load_error)
		fail("%s", strerror(load_error));
}

static void test_handouts(void)
{
	say("    # %llu pages in %llu allocations, %llu of them uncached; %llu pages mapped; %llu allocations refused",
	    state.pages, state.allocations, state.uncached, state.mapped, state.refused);
	check(state.pages >= handouts);
	check(state.uncached >= handouts / 4);
	check(state.pages - state.uncached >= handouts / 4);
	check(state.mapped >= handouts / 20);
	check(state.refused < state.allocations);
}

static void test_no_foreign_bytes(void)
{
	if (state.foreign)
		fail("%llu pages were handed out with bytes in them", state.foreign);
}

static void test_nothing_lost(void)
{
	if (state.lost)
		fail("%llu pages did not have their owner's bytes any more", state.lost);
}

static void test_types(void)
{
	if (state.mistyped)
		fail("%llu allocations of the wrong type", state.mistyped);
}

static void test_places(void)
{
	if (state.misplaced)
		fail("%llu allocations at the wrong place", state.misplaced);
}

static void test_all_freed(void)
{
	check(!state.live);
	if (state.unknown)
		fail("%llu allocations were not taken back", state.unknown);
}

static void test_stock_empty(void)
{
	unsigned long owned, free_pages, stocks = stock(&owned, &free_pages);

	check(stocks > 0);
	if (owned || free_pages)
		fail("%lu pages are the stock's, %lu of them free", owned, free_pages);
}

static void test_not_leaked(void)
{
	unsigned long leaked = get(STOCK, "leaked");

	if (leaked)
		fail("%lu pages", leaked);
}

static void test_linear_map(void)
{
	say("    # %llu MiB in %lu entries, before: %llu MiB in %lu",
	    map_after.mapped >> 20, map_after.entries, map_before.mapped >> 20,
	    map_before.entries);
	check(map_before.entries > 0);
	check(map_before.uncached == 0);
	if (map_after.uncached)
		fail("%llu KiB are not write-back", map_after.uncached >> 10);
	if (map_after.mapped != map_before.mapped)
		fail("%lld KiB more are mapped than before",
		     (long long)(map_after.mapped - map_before.mapped) / 1024);
}

static void test_large_pages(void)
{
	if (!large_before) {
		skip("there are none");
		return;
	}
	if (large_after != large_before)
		fail("%lu kB by large pages, before: %lu kB", large_after >> 10,
		     large_before >> 10);
}

static void test_memory(void)
{
	long lost = memory_after - memory_before;

	say("    # %ld KiB that nobody knows of, before: %ld KiB; free: %lu KiB, before: %lu KiB",
	    memory_after >> 10, memory_before >> 10, free_after >> 10, free_before >> 10);
	if (lost > (long)MEMORY_BOUND)
		fail("%ld KiB are missing", lost >> 10);
}

static void test_charges(void)
{
	say("    # the limit was hit %lu times, %lu KiB left", limit_hit, charge_left >> 10);
	check(limit_hit > 0);
	check(charge_left <= CHARGE_BOUND);
	check(!rmdir(GROUP));
}

static void test_nobody_killed(void)
{
	check(get("/proc/vmstat", "oom_kill") == 0);
}

static void test_reclaim(void)
{
	say("    # kswapd ran %lu times, allocations reclaimed %lu times, shrinkers looked at %lu objects",
	    reclaim_after[0] - reclaim_before[0], reclaim_after[1] - reclaim_before[1],
	    reclaim_after[2] - reclaim_before[2]);
	check(reclaim_after[0] > reclaim_before[0]);
	check(reclaim_after[1] > reclaim_before[1]);
	check(reclaim_after[2] > reclaim_before[2]);
}

static void test_noise(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(noises); i++) {
		say("    # %s: %lu times", noises[i].name, shared->rounds[i]);
		if (shared->rounds[i] < least_rounds(i, 2))
			fail("%s: %lu times only", noises[i].name, shared->rounds[i]);
	}
}

static void test_memory_noise(void)
{
	if (!shared->block)
		skip("no memory can be taken away");
	else
		check(shared->rounds[NOISE_MEMORY] >= least_rounds(NOISE_MEMORY, 2));
}

static void test_unload(void)
{
	check(!syscall(SYS_delete_module, "stress", O_NONBLOCK));
}

static const struct test {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "loaded", test_loaded },
	{ "all-ended", test_ended },
	{ "handouts", test_handouts },
	{ "no-foreign-bytes", test_no_foreign_bytes },
	{ "nothing-lost", test_nothing_lost },
	{ "types", test_types },
	{ "places", test_places },
	{ "all-freed", test_all_freed },
	{ "stock-empty", test_stock_empty },
	{ "not-leaked", test_not_leaked },
	{ "linear-map", test_linear_map },
	{ "large-pages", test_large_pages },
	{ "memory", test_memory },
	{ "charges", test_charges },
	{ "nobody-killed", test_nobody_killed },
	{ "reclaim", test_reclaim },
	{ "noise", test_noise },
	{ "memory-noise", test_memory_noise },
	{ "unload", test_unload },
};

static void stress(void)
{
	/*
	 * Whoever takes a block of another kind of pages raises for a while what has
	 * to be free, to three times as much. Nobody can tell then what is available.
	 */
	set("/proc/sys/vm/watermark_boost_factor", "0");
	/* From now on without a line in the log each time. */
	set("/proc/sys/vm/drop_caches", "4");
	find_block();
	get_linear_map(&map_before, 0);
	large_before = meminfo("DirectMap2M");
	get_reclaim(reclaim_before);

	run_all(NOISE_MODULES, 1);
	settle();
	large_after = meminfo("DirectMap2M");
	if (large_after != large_before)
		get_linear_map(&map_after, 1);
	memory_before = unknown_memory();
	free_before = meminfo("MemFree");

	run_all(ARRAY_SIZE(noises), 2);
	settle();
	memory_after = unknown_memory();
	free_after = meminfo("MemFree");
	get_reclaim(reclaim_after);
	get_linear_map(&map_after, 0);
	limit_hit = get(GROUP "/memory.events", "max");
	charge_left = get(GROUP "/memory.current", NULL);
	get_state();
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	unsigned int i, suite_failed = 0;

	log_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (log_fd < 0)
		return 1;
	mount_all();
	mkdir(CGROUP, 0755);
	mount("cgroup2", CGROUP, "cgroup2", 0, NULL);
	set(CGROUP "/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;

	if (getenv("STRESS_HANDOUTS"))
		handouts = strtoull(getenv("STRESS_HANDOUTS"), NULL, 10);

	/* A system call that takes too long ends with EINTR. */
	sigaction(SIGALRM, &action, NULL);

	say("KTAP version 1");
	say("1..1");
	say("    KTAP version 1");
	say("    # Subtest: stress");
	say("    1..%zu", ARRAY_SIZE(tests));
	load_error = load();
	if (!load_error)
		stress();
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		failed = 0;
		if (load_error && i)
			skip("not loaded");
		else
			tests[i].run();
		suite_failed |= failed;
		say("    %sok %u %s%s%s", failed ? "not " : "", i + 1, tests[i].name,
		    *skipped ? " # SKIP " : "", skipped);
		*skipped = 0;
	}
	say("%sok 1 stress", suite_failed ? "not " : "");
	return 0;
}
