/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pages of a buffer, and of what memory type each mapping of them is: by the
 * kernel's own dump of its page tables, for the linear map and for vmalloc space,
 * and by whose_pages.c for user space, and for which page is where.
 */
#ifndef PAGES_H
#define PAGES_H

static const char * const type_names[] = { "cached", "wc", "uc" };

#define NR_TYPES	ARRAY_SIZE(type_names)

struct pages {
	size_t nr;
	__u64 *linear;
	/* The same, but sorted. */
	__u64 *sorted;
	/* How many of them user space has mapped as what. */
	unsigned int user[NR_TYPES];
};

/* What the kernel maps, in order of the addresses; what is not is not here. */
static struct entry {
	__u64 from, to;
	enum whose_type type;
} *entries;
static size_t nr_entries, max_entries;

/* Bytes of the linear map that are not write-back. */
static __u64 uncached_bytes;

static int whose_fd = -1;

/* The type that a line of the dump says. */
static enum whose_type line_type(const char *line)
{
#ifdef __aarch64__
	if (strstr(line, "MEM/NORMAL-NC"))
		return WHOSE_WC;
	return strstr(line, "DEVICE/") ? WHOSE_UC : WHOSE_CACHED;
#else
	/* The kernel's PAT has it so; PAT alone is write-through, which is no more. */
	if (strstr(line, " PCD ") || strstr(line, " PAT "))
		return WHOSE_UC;
	return strstr(line, " PWT ") ? WHOSE_WC : WHOSE_CACHED;
#endif
}

/* 0, or -1 where there is no dump. */
static int read_tables(void)
{
	char line[256], *end;
	int inside = 0;
	FILE *f = fopen(TABLES, "re");
	struct entry *e;

	nr_entries = 0;
	uncached_bytes = 0;
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "---[", 4)) {
			inside = strstr(line, LINEAR_MAP) != NULL;
			continue;
		}
		/* What is not mapped has no permissions. */
		if (!(strstr(line, " RW ") || strstr(line, " ro ")))
			continue;
		if (nr_entries == max_entries) {
			max_entries = max_entries * 2 + 1000;
			entries = realloc(entries, max_entries * sizeof(*entries));
		}
		e = &entries[nr_entries];
		e->from = strtoull(line, &end, 16);
		if (*end != '-')
			continue;
		e->to = strtoull(end + 1, NULL, 16);
		e->type = line_type(line);
		if (inside && e->type != WHOSE_CACHED)
			uncached_bytes += e->to - e->from;
		nr_entries++;
	}
	fclose(f);
	return nr_entries ? 0 : -1;
}

/* Of a kernel address, as the dump that was read last has it; NULL: not mapped. */
static const struct entry *find_entry(__u64 address)
{
	size_t low = 0, high = nr_entries, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (entries[middle].to <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == nr_entries || entries[low].from > address)
		return NULL;
	return &entries[low];
}

static int compare_addresses(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static void put_pages(struct pages *pages)
{
	free(pages->linear);
	free(pages->sorted);
	memset(pages, 0, sizeof(*pages));
}

/* The pages of a mapping; they are touched. Where this fails, so has the test. */
static int get_pages(struct pages *pages, void *map, size_t size)
{
	struct whose_lookup lookup;
	size_t i;

	memset(pages, 0, sizeof(*pages));
	pages->nr = (size + PAGE - 1) / PAGE;
	pages->linear = calloc(pages->nr, sizeof(__u64));
	pages->sorted = calloc(pages->nr, sizeof(__u64));
	for (i = 0; i < pages->nr; i++) {
		lookup = (struct whose_lookup) {
			.address = (unsigned long)map + i * PAGE,
		};
		(void)*(volatile char *)(unsigned long)lookup.address;
		if (ioctl(whose_fd, WHOSE_IOC_USER, &lookup)) {
			fail("page %zu of the mapping: %s", i, strerror(errno));
			put_pages(pages);
			return -1;
		}
		pages->linear[i] = lookup.linear;
		pages->user[lookup.type]++;
	}
	memcpy(pages->sorted, pages->linear, pages->nr * sizeof(__u64));
	qsort(pages->sorted, pages->nr, sizeof(__u64), compare_addresses);
	for (i = 1; i < pages->nr; i++)
		check(pages->sorted[i - 1] != pages->sorted[i]);
	return 0;
}

/*
 * Of what type the mappings of the pages in vmalloc space are. The dump says it for
 * an address, whose_pages.c which page is there, and vmallocinfo where to look.
 */
static void count_vmaps(struct pages *pages, unsigned int *counts)
{
	unsigned long long from, to;
	const struct entry *entry;
	struct whose_lookup lookup;
	char line[256];
	FILE *f = fopen("/proc/vmallocinfo", "re");

	memset(counts, 0, NR_TYPES * sizeof(*counts));
	if (!f) {
		fail("vmallocinfo: %s", strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "0x%llx-0x%llx", &from, &to) != 2) {
			fail("vmallocinfo: %.60s", line);
			break;
		}
		/* No memory. */
		if (strstr(line, " ioremap"))
			continue;
		for (; from < to; from += PAGE) {
			entry = find_entry(from);
			lookup = (struct whose_lookup) { .address = from };
			if (!entry || ioctl(whose_fd, WHOSE_IOC_VMALLOC, &lookup))
				continue;
			if (bsearch(&lookup.linear, pages->sorted, pages->nr,
				    sizeof(__u64), compare_addresses))
				counts[entry->type]++;
		}
	}
	fclose(f);
}

static void count_linear(struct pages *pages, unsigned int *counts)
{
	const struct entry *entry;
	size_t i;

	memset(counts, 0, NR_TYPES * sizeof(*counts));
	for (i = 0; i < pages->nr; i++) {
		entry = find_entry(pages->linear[i]);
		if (entry)
			counts[entry->type]++;
		else
			fail("page %zu is not in the linear map", i);
	}
}

/*
 * While a buffer lives: each page is of type @linear in the linear map, of @other in
 * every mapping elsewhere in the kernel, and in user space.
 */
static void check_types_at(int line, struct pages *pages, enum whose_type linear,
			   enum whose_type other)
{
	unsigned int in_linear[NR_TYPES], in_vmaps[NR_TYPES], i;

	if (read_tables()) {
		fail_at(line, "%s: no dump", TABLES);
		return;
	}
	count_linear(pages, in_linear);
	count_vmaps(pages, in_vmaps);
	for (i = 0; i < NR_TYPES; i++) {
		if (in_linear[i] || in_vmaps[i] || pages->user[i])
			say("    # of %zu pages %s: %u in the linear map, %u in vmalloc space, %u in user space",
			    pages->nr, type_names[i], in_linear[i], in_vmaps[i],
			    pages->user[i]);
		if (i != linear && in_linear[i])
			fail_at(line, "%u pages are %s in the linear map",
				in_linear[i], type_names[i]);
		if (i != other && in_vmaps[i])
			fail_at(line, "%u pages are %s in vmalloc space",
				in_vmaps[i], type_names[i]);
		if (i != other && pages->user[i])
			fail_at(line, "%u pages are %s in user space",
				pages->user[i], type_names[i]);
	}
}

/* Where the linear map cannot be changed it is cached there, as ever. */
#define check_live(pages)						\
	check_types_at(__LINE__, pages, noalias ? WHOSE_CACHED : WHOSE_WC, WHOSE_WC)

/* The sum of the pages that the stocks have, and of those that somebody uses. */
static unsigned long stock(unsigned long *used)
{
	unsigned long owned = 0, o, f;
	char line[256];
	FILE *file = fopen(STOCK, "re");

	*used = 0;
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*d %*s %lu %lu", &o, &f) != 2)
			continue;
		owned += o;
		*used += o - f;
	}
	fclose(file);
	return owned;
}

static unsigned long stock_used(void)
{
	unsigned long used;

	stock(&used);
	return used;
}

/* Lets the stock give back all that nobody uses. */
static void empty_stock(void)
{
	unsigned long used;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		/* Slabs, and with them all that has a shrinker. */
		must_set("/proc/sys/vm/drop_caches", "2");
		if (stock(&used) == used)
			break;
		pause_ms(200);
	}
}

/*
 * After the end of a buffer: what it had is write-back wherever it is mapped. Forgets
 * the pages.
 */
static void check_freed_at(int line, struct pages *pages)
{
	unsigned int in_linear[NR_TYPES], in_vmaps[NR_TYPES], i;

	empty_stock();
	if (read_tables()) {
		fail_at(line, "%s: no dump", TABLES);
		return;
	}
	count_linear(pages, in_linear);
	count_vmaps(pages, in_vmaps);
	for (i = 0; i < NR_TYPES; i++) {
		if (i != WHOSE_CACHED && (in_linear[i] || in_vmaps[i]))
			fail_at(line, "%u and %u pages are still %s in the linear map and vmalloc space",
				in_linear[i], in_vmaps[i], type_names[i]);
	}
	put_pages(pages);
}

#define check_freed(pages)	check_freed_at(__LINE__, pages)

/* All of a buffer is zero at first, and has then what was written. */
static void write_and_read(unsigned char *map, size_t size)
{
	unsigned int *words = (unsigned int *)map;
	size_t i, n = size / sizeof(*words), bad = 0;

	for (i = 0; i < n; i++)
		bad += words[i] != 0;
	if (bad)
		fail("%zu of %zu words are not zero", bad, n);
	seed++;
	for (i = 0; i < n; i++)
		words[i] = (i ^ seed) * 2654435761U;
	for (bad = 0, i = 0; i < n; i++)
		bad += words[i] != (unsigned int)((i ^ seed) * 2654435761U);
	if (bad)
		fail("%zu of %zu words are not as written", bad, n);
}

/* How the machine is when there is no buffer. */
struct state {
	__u64 uncached;
	unsigned long used;
	unsigned long free;
};

/*
 * What may be missing: caches, and page tables of large pages that were split. 5 MiB
 * were seen, in both directions; the leak of each of a hundred buffers is more.
 */
#define MEMORY_BOUND	(6UL << 20)

static void get_state(struct state *state)
{
	empty_stock();
	read_tables();
	state->uncached = uncached_bytes;
	state->used = stock_used();
	state->free = meminfo("MemFree");
}

static void check_state_at(int line, struct state *before)
{
	struct state now;

	get_state(&now);
	say("    # before and after: %llu and %llu bytes not cached, %lu and %lu pages of the stock used, %lu and %lu bytes free",
	    (unsigned long long)before->uncached, (unsigned long long)now.uncached,
	    before->used, now.used, before->free, now.free);
	if (now.uncached != before->uncached || now.used != before->used)
		fail_at(line, "pages are left that are not cached");
	if (now.free + MEMORY_BOUND < before->free)
		fail_at(line, "memory was lost");
}

#define check_state(before)	check_state_at(__LINE__, before)

#endif
