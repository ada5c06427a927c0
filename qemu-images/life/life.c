// SPDX-License-Identifier: GPL-2.0
/*
 * Has buffers of each kind while the machine around them goes through something:
 * those of the stock, and pages that their owner has changed himself. Each word of
 * them says where it is.
 */
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uncached_pages.h>
#include <linux/vmalloc.h>

#include "life.h"

#define LIFE_MAX	64
#define LIFE_MAX_PAGES	512

enum life_form { LIFE_STOCK, LIFE_RANGE, LIFE_ARRAY };

static const struct life_kind {
	enum life_form form;
	enum life_type type;
	unsigned int pages;
} life_kinds[] = {
	{ LIFE_STOCK, LIFE_WC, 512 },
	{ LIFE_STOCK, LIFE_WC, 3 },
	{ LIFE_STOCK, LIFE_WC, 1 },
	{ LIFE_STOCK, LIFE_UC, 5 },
	{ LIFE_STOCK, LIFE_UC, 100 },
	{ LIFE_RANGE, LIFE_WC, 16 },
	{ LIFE_RANGE, LIFE_WC, 512 },
	{ LIFE_ARRAY, LIFE_WC, 40 },
	{ LIFE_ARRAY, LIFE_UC, 30 },
	/* To compare with. */
	{ LIFE_RANGE, LIFE_WB, 16 },
};

static struct life_held {
	struct life_kind kind;
	struct page **pages;
	void *vmap;
} life_held[LIFE_MAX];

static unsigned int nr_held;
static DEFINE_MUTEX(life_lock);

static enum page_memtype life_memtype(enum life_type type)
{
	return type == LIFE_UC ? PAGE_MEMTYPE_UC : PAGE_MEMTYPE_WC;
}

static pgprot_t life_prot(enum life_type type)
{
	if (type == LIFE_WB)
		return PAGE_KERNEL;
	/* There Normal Non-cacheable is both; uncached would be Device. */
	if (IS_ENABLED(CONFIG_ARCH_UNCACHED_IS_WC) || type == LIFE_WC)
		return pgprot_writecombine(PAGE_KERNEL);
	return pgprot_noncached(PAGE_KERNEL);
}

static int life_change(struct life_held *held)
{
	const struct life_kind *kind = &held->kind;

	if (kind->type == LIFE_WB || kind->form == LIFE_STOCK)
		return 0;
	/* A range is write-combined: arm64 exports set_pages_uc() to no module. */
	if (kind->form == LIFE_RANGE)
		return set_pages_wc(held->pages[0], kind->pages);
	return kind->type == LIFE_UC ? set_pages_array_uc(held->pages, kind->pages) :
				       set_pages_array_wc(held->pages, kind->pages);
}

static int life_restore(struct life_held *held)
{
	const struct life_kind *kind = &held->kind;

	if (kind->type == LIFE_WB)
		return 0;
	return kind->form == LIFE_ARRAY ? set_pages_array_wb(held->pages, kind->pages) :
					  set_pages_wb(held->pages[0], kind->pages);
}

static struct page *life_get(const struct life_kind *kind)
{
	struct page *page;

	switch (kind->form) {
	case LIFE_STOCK:
		return alloc_pages_memtype(NUMA_NO_NODE, GFP_KERNEL, kind->pages,
					   life_memtype(kind->type), ~(phys_addr_t)0);
	case LIFE_RANGE:
		page = alloc_pages(GFP_KERNEL, get_order(kind->pages * PAGE_SIZE));
		if (page)
			split_page(page, get_order(kind->pages * PAGE_SIZE));
		return page;
	default:
		return alloc_page(GFP_KERNEL);
	}
}

static void life_free(struct life_held *held)
{
	const struct life_kind *kind = &held->kind;
	unsigned int i;

	if (held->vmap)
		vunmap(held->vmap);
	if (kind->form == LIFE_STOCK) {
		if (!free_pages_memtype(held->pages[0], kind->pages,
					life_memtype(kind->type)))
			pr_err("life: the stock does not know its pages\n");
	} else if (life_restore(held)) {
		pr_err("life: pages cannot be restored\n");
	} else {
		for (i = 0; i < kind->pages; i++)
			__free_page(held->pages[i]);
	}
	kvfree(held->pages);
	memset(held, 0, sizeof(*held));
}

static int life_alloc(const struct life_kind *kind)
{
	struct life_held *held = &life_held[nr_held];
	unsigned int i, word;
	struct page *page = NULL;

	if (nr_held == LIFE_MAX)
		return -ENOSPC;
	held->kind = *kind;
	held->pages = kvcalloc(kind->pages, sizeof(*held->pages), GFP_KERNEL);
	if (!held->pages)
		return -ENOMEM;
	for (i = 0; i < kind->pages; i++) {
		page = i && kind->form != LIFE_ARRAY ? page + 1 : life_get(kind);
		if (!page)
			return -ENOMEM;
		held->pages[i] = page;
	}
	if (life_change(held))
		return -EIO;
	held->vmap = vmap(held->pages, kind->pages, VM_MAP, life_prot(kind->type));
	if (!held->vmap)
		return -ENOMEM;
	for (i = 0; i < kind->pages; i++) {
		u64 *words = held->vmap + i * PAGE_SIZE;

		for (word = 0; word < PAGE_SIZE / sizeof(*words); word++)
			words[word] = LIFE_WORD(page_to_phys(held->pages[i]), word);
	}
	/* Write-combining buffers are no caches. */
	wmb();
	nr_held++;
	return 0;
}

static u64 life_wrong(const u64 *words, phys_addr_t phys)
{
	unsigned int word;
	u64 wrong = 0;

	for (word = 0; word < PAGE_SIZE / sizeof(*words); word++)
		wrong += READ_ONCE(words[word]) != LIFE_WORD(phys, word);
	return wrong;
}

static int life_look(struct life_buffer *arg)
{
	struct life_held *held;
	unsigned int i;

	if (arg->number >= nr_held)
		return -ENOENT;
	held = &life_held[arg->number];
	arg->type = held->kind.type;
	arg->pages = held->kind.pages;
	arg->from_stock = held->kind.form == LIFE_STOCK;
	arg->wrong = 0;
	arg->wrong_vmap = 0;
	for (i = 0; i < arg->pages; i++) {
		phys_addr_t phys = page_to_phys(held->pages[i]);

		arg->wrong += life_wrong(page_address(held->pages[i]), phys);
		arg->wrong_vmap += life_wrong(held->vmap + i * PAGE_SIZE, phys);
	}
	return 0;
}

static int life_page(struct life_page *arg)
{
	struct page *page;

	if (arg->number >= nr_held || arg->page >= life_held[arg->number].kind.pages)
		return -ENOENT;
	page = life_held[arg->number].pages[arg->page];
	arg->phys = page_to_phys(page);
	arg->linear = (unsigned long)page_address(page);
	return 0;
}

/*
 * By the linear map, of whatever type it is. What the kernel has taken for itself
 * may not be mapped there.
 */
static int life_find(struct life_found *arg)
{
	phys_addr_t phys = arg->phys;
	u64 word;

	arg->found = 0;
	for (; phys < arg->phys + arg->pages * PAGE_SIZE; phys += PAGE_SIZE) {
		if (!pfn_valid(PHYS_PFN(phys)))
			return -ENXIO;
		if (copy_from_kernel_nofault(&word, __va(phys), sizeof(word)))
			continue;
		arg->found += !life_wrong(__va(phys), phys);
	}
	return 0;
}

static void life_free_all(void)
{
	while (nr_held)
		life_free(&life_held[--nr_held]);
}

static int life_alloc_all(unsigned int blocks)
{
	static const struct life_kind block = { LIFE_STOCK, LIFE_WC, LIFE_MAX_PAGES };
	unsigned int i;
	int ret = 0;

	for (i = 0; i < (blocks ?: ARRAY_SIZE(life_kinds)) && !ret; i++)
		ret = life_alloc(blocks ? &block : &life_kinds[i]);
	return ret;
}

static long life_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	union {
		struct life_buffer buffer;
		struct life_page page;
		struct life_found found;
	} u;
	int ret;

	guard(mutex)(&life_lock);
	switch (cmd) {
	case LIFE_IOC_ALLOC:
		return life_alloc_all(0);
	case LIFE_IOC_BLOCKS:
		return life_alloc_all(arg);
	case LIFE_IOC_FREE:
		life_free_all();
		return 0;
	}
	if (_IOC_SIZE(cmd) > sizeof(u) ||
	    copy_from_user(&u, (void __user *)arg, _IOC_SIZE(cmd)))
		return -EFAULT;
	switch (cmd) {
	case LIFE_IOC_LOOK:
		ret = life_look(&u.buffer);
		break;
	case LIFE_IOC_PAGE:
		ret = life_page(&u.page);
		break;
	case LIFE_IOC_FIND:
		ret = life_find(&u.found);
		break;
	default:
		return -ENOTTY;
	}
	if (!ret && copy_to_user((void __user *)arg, &u, _IOC_SIZE(cmd)))
		ret = -EFAULT;
	return ret;
}

static const struct file_operations life_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = life_ioctl,
};

static struct miscdevice life_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "life",
	.fops = &life_fops,
};
module_misc_device(life_misc);

MODULE_DESCRIPTION("Uncached buffers that live on, for life-test.c");
MODULE_LICENSE("GPL");
