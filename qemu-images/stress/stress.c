// SPDX-License-Identifier: GPL-2.0
/*
 * Takes pages from the stock of uncached pages, as a driver does, and gives them
 * back, and looks whether they are what they should be: zeroed, of their type in
 * the linear map, and nobody else's. Each process that calls STRESS_IOC_RUN is
 * one owner. A process, since pages of a kernel thread are charged to nobody.
 */
#include <linux/atomic.h>
#include <linux/kasan-checks.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uncached_pages.h>
#include <linux/vmalloc.h>

#include "stress.h"

/* Of each owner at once. Eight of them leave the most of 1 GiB alone. */
#define STRESS_HELD		16
#define STRESS_HELD_PAGES	((unsigned int)(SZ_4M >> PAGE_SHIFT))
#define STRESS_MAX_PAGES	((unsigned int)(SZ_2M >> PAGE_SHIFT))

#define STRESS_WORDS		(PAGE_SIZE / sizeof(u64))

/* Lines for what is wrong. The first ones say it all. */
#define STRESS_REPORTS		20

static ullong limit = U64_MAX;
module_param(limit, ullong, 0444);
MODULE_PARM_DESC(limit, "The highest physical address for those allocations that have a limit");

static ulong matches;
module_param(matches, ulong, 0444);
MODULE_PARM_DESC(matches, "Address of pages_match_pgprot(), which is not for modules");

struct stress_held {
	struct page *page;
	unsigned int nr;
	enum page_memtype type;
	/* In every word of them. */
	u64 stamp;
};

struct stress_owner {
	struct rnd_state rnd;
	u64 seed;
	u32 serial;
	unsigned int nr_held;
	unsigned int nr_pages;
	struct stress_held held[STRESS_HELD];
};

static struct {
	atomic64_t allocations;
	atomic64_t pages;
	atomic64_t uncached;
	atomic64_t refused;
	atomic64_t mapped;
	atomic64_t live;
	atomic64_t foreign;
	atomic64_t lost;
	atomic64_t mistyped;
	atomic64_t misplaced;
	atomic64_t unknown;
	atomic64_t blocks;
	atomic_t reports;
} stress;

#define stress_report(format, ...) do {					\
	if (atomic_inc_return(&stress.reports) <= STRESS_REPORTS)	\
		pr_err("stress: " format "\n", ##__VA_ARGS__);		\
} while (0)

static pgprot_t stress_pgprot(enum page_memtype type)
{
	/* There Normal Non-cacheable is both; uncached would be Device. */
	if (IS_ENABLED(CONFIG_ARCH_UNCACHED_IS_WC) || type == PAGE_MEMTYPE_WC)
		return pgprot_writecombine(PAGE_KERNEL);
	return pgprot_noncached(PAGE_KERNEL);
}

static bool stress_match(struct page *page, unsigned int nr, enum page_memtype type)
{
	bool (*match)(struct page *, unsigned long, pgprot_t) = (void *)matches;

	return match(page, nr, stress_pgprot(type));
}

/* KASAN looks once at each page, not at each of its words: this is most of it all. */
static __no_sanitize_address int stress_find_other(const volatile u64 *words, u64 value)
{
	unsigned int i;

	for (i = 0; i < STRESS_WORDS; i++) {
		if (words[i] != value)
			return i;
	}
	return -1;
}

/* How many of the pages have a word that is not @value? */
static unsigned int stress_check(struct stress_held *held, u64 value, const char *when)
{
	unsigned int i, wrong = 0;
	u64 *words;
	int at;

	for (i = 0; i < held->nr; i++) {
		words = page_address(held->page + i);
		kasan_check_read(words, PAGE_SIZE);
		at = stress_find_other(words, value);
		if (at < 0)
			continue;
		wrong++;
		stress_report("%s: pfn %#lx, page %u of %u: word %d is %#llx, expected: %#llx",
			      when, page_to_pfn(held->page) + i, i, held->nr,
			      at, words[at], value);
	}
	return wrong;
}

static void stress_stamp(struct stress_held *held, void *addr)
{
	kasan_check_write(addr, held->nr * PAGE_SIZE);
	memset64(addr, held->stamp, held->nr * STRESS_WORDS);
	/*
	 * What is in a buffer that combines writes must be gone before the pages
	 * are read by another mapping, on another CPU, or freed.
	 */
	wmb();
}

/* As a driver does that has no mapping of the pages but its own. */
static bool stress_stamp_mapped(struct stress_held *held)
{
	struct page **pages;
	unsigned int i;
	void *addr;

	pages = kvmalloc_array(held->nr, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return false;
	for (i = 0; i < held->nr; i++)
		pages[i] = held->page + i;
	addr = vmap(pages, held->nr, VM_MAP, stress_pgprot(held->type));
	kvfree(pages);
	if (!addr)
		return false;
	stress_stamp(held, addr);
	vunmap(addr);
	atomic64_add(held->nr, &stress.mapped);
	return true;
}

static bool stress_placed(struct stress_held *held, u64 highest)
{
	unsigned int i;

	if (page_to_pfn(held->page) % roundup_pow_of_two(held->nr) ||
	    page_to_phys(held->page) + held->nr * PAGE_SIZE - 1 > highest)
		return false;
	for (i = 0; i < held->nr; i++) {
		if (page_ref_count(held->page + i) != 1)
			return false;
	}
	return true;
}

/* Mostly what a driver asks for at a time, at times all that it can. */
static unsigned int stress_size(struct stress_owner *owner)
{
	u32 r = prandom_u32_state(&owner->rnd);

	if (r % 128 == 0)
		return STRESS_MAX_PAGES;
	if (r % 8 == 0)
		return min((r >> 8) % 64 + 1, STRESS_MAX_PAGES);
	return (r >> 8) % 4 + 1;
}

static void stress_alloc(struct stress_owner *owner)
{
	struct stress_held *held = &owner->held[owner->nr_held];
	u32 r = prandom_u32_state(&owner->rnd);
	/* That there are none under pressure is no news. */
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	u64 highest = U64_MAX;

	held->nr = stress_size(owner);
	if (owner->nr_pages + held->nr > STRESS_HELD_PAGES)
		return;
	held->type = r & 1 ? PAGE_MEMTYPE_WC : PAGE_MEMTYPE_UC;
	/* A charge that does not fit in is refused then, and kills nobody. */
	if (!(r & 6))
		gfp |= __GFP_ACCOUNT | __GFP_NORETRY;
	else if (!(r & 8))
		gfp |= __GFP_NORETRY;
	if (!(r & 0x70))
		highest = limit;

	held->page = alloc_pages_memtype(NUMA_NO_NODE, gfp, held->nr, held->type,
					 highest);
	if (!held->page) {
		atomic64_inc(&stress.refused);
		return;
	}
	owner->nr_held++;
	owner->nr_pages += held->nr;
	atomic64_inc(&stress.allocations);
	atomic64_add(held->nr, &stress.pages);
	if (held->type == PAGE_MEMTYPE_UC)
		atomic64_add(held->nr, &stress.uncached);
	atomic64_add(held->nr, &stress.live);
	atomic64_or(BIT_ULL(page_to_phys(held->page) >> STRESS_BLOCK_SHIFT & 63),
		    &stress.blocks);

	if (!stress_placed(held, highest)) {
		atomic64_inc(&stress.misplaced);
		stress_report("misplaced: pfn %#lx, %u pages, limit %#llx, %d references",
			      page_to_pfn(held->page), held->nr, highest,
			      page_ref_count(held->page));
	}
	if (!stress_match(held->page, held->nr, held->type)) {
		atomic64_inc(&stress.mistyped);
		stress_report("mistyped: pfn %#lx, %u pages, type %d",
			      page_to_pfn(held->page), held->nr, held->type);
	}
	atomic64_add(stress_check(held, 0, "foreign"), &stress.foreign);

	/* Never 0, and no two owners ever have the same. */
	held->stamp = owner->seed << 32 | ++owner->serial;
	if (r & 0x180 || !stress_stamp_mapped(held))
		stress_stamp(held, page_address(held->page));
}

static void stress_free(struct stress_owner *owner, unsigned int i)
{
	struct stress_held *held = &owner->held[i];

	atomic64_add(stress_check(held, held->stamp, "lost"), &stress.lost);
	if (!stress_match(held->page, held->nr, held->type)) {
		atomic64_inc(&stress.mistyped);
		stress_report("mistyped when freed: pfn %#lx, %u pages, type %d",
			      page_to_pfn(held->page), held->nr, held->type);
	}
	atomic64_sub(held->nr, &stress.live);
	owner->nr_pages -= held->nr;
	/* The stamp stays there, for the next owner to find. */
	if (!free_pages_memtype(held->page, held->nr, held->type)) {
		atomic64_inc(&stress.unknown);
		stress_report("unknown: pfn %#lx, %u pages, type %d",
			      page_to_pfn(held->page), held->nr, held->type);
	}
	*held = owner->held[--owner->nr_held];
}

static int stress_run(struct stress_run *run)
{
	struct stress_owner *owner;

	owner = kzalloc_obj(*owner, GFP_KERNEL);
	if (!owner)
		return -ENOMEM;
	owner->seed = run->seed;
	prandom_seed_state(&owner->rnd, run->seed);

	while (run->steps-- && !signal_pending(current)) {
		if (owner->nr_held == STRESS_HELD ||
		    (owner->nr_held && prandom_u32_state(&owner->rnd) % 8 < 3))
			stress_free(owner, prandom_u32_state(&owner->rnd) % owner->nr_held);
		else
			stress_alloc(owner);
		cond_resched();
	}
	while (owner->nr_held)
		stress_free(owner, 0);
	kfree(owner);
	return 0;
}

static void stress_get_state(struct stress_state *state)
{
	memset(state, 0, sizeof(*state));
	state->allocations = atomic64_read(&stress.allocations);
	state->pages = atomic64_read(&stress.pages);
	state->uncached = atomic64_read(&stress.uncached);
	state->refused = atomic64_read(&stress.refused);
	state->mapped = atomic64_read(&stress.mapped);
	state->live = atomic64_read(&stress.live);
	state->foreign = atomic64_read(&stress.foreign);
	state->lost = atomic64_read(&stress.lost);
	state->mistyped = atomic64_read(&stress.mistyped);
	state->misplaced = atomic64_read(&stress.misplaced);
	state->unknown = atomic64_read(&stress.unknown);
	state->blocks = atomic64_read(&stress.blocks);
}

static long stress_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct stress_state state;
	struct stress_run run;

	switch (cmd) {
	case STRESS_IOC_RUN:
		if (copy_from_user(&run, user, sizeof(run)))
			return -EFAULT;
		return stress_run(&run);
	case STRESS_IOC_STATE:
		stress_get_state(&state);
		return copy_to_user(user, &state, sizeof(state)) ? -EFAULT : 0;
	default:
		return -ENOTTY;
	}
}

static const struct file_operations stress_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = stress_ioctl,
};

static struct miscdevice stress_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "stress",
	.fops = &stress_fops,
};

static int __init stress_init(void)
{
	return matches ? misc_register(&stress_misc) : -EINVAL;
}
module_init(stress_init);

static void __exit stress_exit(void)
{
	misc_deregister(&stress_misc);
}
module_exit(stress_exit);

MODULE_DESCRIPTION("Stress test of the stock of uncached pages");
MODULE_LICENSE("GPL");
