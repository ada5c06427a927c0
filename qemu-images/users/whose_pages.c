// SPDX-License-Identifier: GPL-2.0
/*
 * Says which page a mapping has: one in user space that is VM_PFNMAP, of which
 * /proc/self/pagemap says nothing, and one in vmalloc space, where the dump of
 * the page tables has addresses only.
 */
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "whose_pages.h"

/* What does not change a protection has it already. */
static u32 whose_type(pgprot_t prot, bool huge)
{
#ifdef CONFIG_X86
	/* The bit that tells of a large page is one of the type in a small one. */
	if (huge)
		prot = pgprot_large_2_4k(prot);
#endif
	if (pgprot_val(pgprot_noncached(prot)) == pgprot_val(prot))
		return WHOSE_UC;
	if (pgprot_val(pgprot_writecombine(prot)) == pgprot_val(prot))
		return WHOSE_WC;
	return WHOSE_CACHED;
}

static int whose_user(struct whose_lookup *arg)
{
	struct follow_pfnmap_args found = { .address = arg->address };
	struct mm_struct *mm = current->mm;
	int ret = -EFAULT;

	mmap_read_lock(mm);
	found.vma = vma_lookup(mm, arg->address);
	if (found.vma)
		ret = follow_pfnmap_start(&found);
	if (!ret) {
		arg->phys = PFN_PHYS(found.pfn);
		arg->type = whose_type(found.pgprot,
				       found.addr_mask != PAGE_MASK);
		follow_pfnmap_end(&found);
	}
	mmap_read_unlock(mm);
	return ret;
}

static int whose_vmalloc(struct whose_lookup *arg)
{
	void *address = (void *)(unsigned long)arg->address;
	struct page *page;

	if (!is_vmalloc_addr(address))
		return -EINVAL;
	page = vmalloc_to_page(address);
	if (!page)
		return -ENOENT;
	arg->phys = page_to_phys(page);
	return 0;
}

static long whose_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct whose_lookup lookup;
	int ret;

	if (cmd != WHOSE_IOC_USER && cmd != WHOSE_IOC_VMALLOC)
		return -ENOTTY;
	if (copy_from_user(&lookup, (void __user *)arg, sizeof(lookup)))
		return -EFAULT;
	ret = cmd == WHOSE_IOC_USER ? whose_user(&lookup) :
				      whose_vmalloc(&lookup);
	if (ret)
		return ret;
	lookup.linear = (unsigned long)__va(lookup.phys);
	if (copy_to_user((void __user *)arg, &lookup, sizeof(lookup)))
		return -EFAULT;
	return 0;
}

static const struct file_operations whose_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = whose_ioctl,
};

static struct miscdevice whose_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "whose_pages",
	.fops = &whose_fops,
};
module_misc_device(whose_misc);

MODULE_DESCRIPTION("The pages of mappings, for users-test.c");
MODULE_LICENSE("GPL");
