// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that allocates uncached pages in each way that there is, maps them and
 * gives them back, one step an ioctl, so that faults-test.c can let each allocation
 * within a step fail. It binds to QEMU's edu device, which makes no DMA here: that
 * is a PCI device, with an IOMMU or without.
 */
#include <linux/dma-buf.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "faults.h"

/* What a large leaf of the linear map maps. */
#define FAULTS_BLOCK_ORDER	PMD_ORDER
#define FAULTS_BLOCK_PAGES	(1U << FAULTS_BLOCK_ORDER)

struct faults_file {
	struct mutex lock;
	struct faults_alloc what;
	unsigned long attrs;
	size_t size;
	bool changed;
	struct sg_table *sgt;
	void *vaddr;
	unsigned int nr_pages;
	unsigned int nr_chunks;
	dma_addr_t dma[FAULTS_MAX_PAGES / FAULTS_CHUNK_PAGES + 1];
	struct page *pages[FAULTS_MAX_PAGES];

	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attachment;
	struct sg_table *mapped;
};

static struct device *faults_dev;

/* What the next owner of pages of the stock must never see. */
#define FAULTS_DIRT	0x5a

static void faults_add(struct faults_file *f, struct page *page, unsigned int nr)
{
	while (nr--)
		f->pages[f->nr_pages++] = page++;
}

static int faults_alloc_sg(struct faults_file *f)
{
	unsigned long attrs = f->attrs;
	struct scatterlist *sg;
	int i;

	if (f->what.form == FAULTS_SG_SINGLE)
		attrs |= DMA_ATTR_ALLOC_SINGLE_PAGES;
	f->sgt = dma_alloc_noncontiguous(faults_dev, f->size, DMA_BIDIRECTIONAL,
					 GFP_KERNEL | __GFP_NOWARN, attrs);
	if (!f->sgt)
		return -ENOMEM;
	for_each_sgtable_sg(f->sgt, sg, i)
		faults_add(f, sg_page(sg), min(PFN_UP(sg->length),
					       f->what.pages - f->nr_pages));
	return 0;
}

static unsigned int faults_chunk_pages(struct faults_file *f, unsigned int i)
{
	if (f->what.form == FAULTS_PAGES)
		return f->what.pages;
	return min(FAULTS_CHUNK_PAGES, f->what.pages - i * FAULTS_CHUNK_PAGES);
}

static void faults_free_chunks(struct faults_file *f)
{
	unsigned int at = 0, i, n;

	for (i = 0; i < f->nr_chunks; i++) {
		n = faults_chunk_pages(f, i);
		dma_free_pages_attrs(faults_dev, n * PAGE_SIZE, f->pages[at],
				     f->dma[i], DMA_BIDIRECTIONAL, f->attrs);
		at += n;
	}
	f->nr_chunks = 0;
}

static int faults_alloc_chunks(struct faults_file *f)
{
	struct page *page;
	unsigned int n;

	while (f->nr_pages < f->what.pages) {
		n = faults_chunk_pages(f, f->nr_chunks);
		page = dma_alloc_pages_attrs(faults_dev, n * PAGE_SIZE,
					     &f->dma[f->nr_chunks],
					     DMA_BIDIRECTIONAL,
					     GFP_KERNEL | __GFP_NOWARN, f->attrs);
		if (!page) {
			faults_free_chunks(f);
			return -ENOMEM;
		}
		faults_add(f, page, n);
		f->nr_chunks++;
	}
	return 0;
}

static int faults_change(struct faults_file *f)
{
	bool wc = f->what.type == FAULTS_WC;
	int ret;

	if (f->what.form == FAULTS_ARRAY)
		ret = wc ? set_pages_array_wc(f->pages, f->nr_pages) :
			   set_pages_array_uc(f->pages, f->nr_pages);
	else
		/* Not set_pages_uc(): arm64 has no module that needs it, and exports it to none. */
		ret = wc ? set_pages_wc(f->pages[0], f->nr_pages) : -EINVAL;
	f->changed = !ret;
	return ret;
}

static int faults_restore(struct faults_file *f)
{
	int ret;

	if (f->what.form == FAULTS_ARRAY)
		ret = set_pages_array_wb(f->pages, f->nr_pages);
	else
		ret = set_pages_wb(f->pages[0], f->nr_pages);
	if (!ret)
		f->changed = false;
	return ret;
}

/* So many blocks have been somebody's, and their leaves are split. */
static unsigned int faults_nr_split;

/*
 * Pages of whole blocks, which large leaves of the linear map may map, but never all
 * of a block: they have to be split. What the allocator would give again, since it
 * was given back last, is taken first, and then not used.
 */
static int faults_own_blocks(struct faults_file *f)
{
	struct page *page, *next;
	LIST_HEAD(split);
	unsigned int i, n;

	for (i = 0; i < faults_nr_split; i++) {
		page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, FAULTS_BLOCK_ORDER);
		if (page)
			list_add(&page->lru, &split);
	}
	while (f->nr_pages < f->what.pages) {
		page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, FAULTS_BLOCK_ORDER);
		if (!page)
			break;
		faults_nr_split++;
		split_page(page, FAULTS_BLOCK_ORDER);
		n = min(FAULTS_BLOCK_PAGES - 1, f->what.pages - f->nr_pages);
		faults_add(f, page, n);
		for (i = n; i < FAULTS_BLOCK_PAGES; i++)
			__free_page(page + i);
	}
	list_for_each_entry_safe(page, next, &split, lru)
		__free_pages(page, FAULTS_BLOCK_ORDER);
	return f->nr_pages < f->what.pages ? -ENOMEM : 0;
}

/* Each page is an allocation of its own. */
static int faults_own_pages(struct faults_file *f)
{
	struct page *page;

	while (f->nr_pages < f->what.pages) {
		page = alloc_page(GFP_KERNEL | __GFP_NOWARN);
		if (!page)
			return -ENOMEM;
		faults_add(f, page, 1);
	}
	return 0;
}

static int faults_free(struct faults_file *f)
{
	int ret = 0;

	if (f->changed)
		ret = faults_restore(f);
	/* They must not go back then. */
	if (ret)
		return ret;
	if (f->sgt)
		dma_free_noncontiguous(faults_dev, f->size, f->sgt,
				       DMA_BIDIRECTIONAL);
	else if (f->nr_chunks)
		faults_free_chunks(f);
	else
		while (f->nr_pages)
			__free_page(f->pages[--f->nr_pages]);
	f->sgt = NULL;
	f->nr_pages = 0;
	f->size = 0;
	return 0;
}

/* What dma_alloc_*() gives is zero, whatever else has failed, and dirty when it goes back. */
static int faults_soil(struct faults_file *f)
{
	unsigned int i;

	if (!f->sgt && !f->nr_chunks)
		return 0;
	for (i = 0; i < f->nr_pages; i++) {
		if (memchr_inv(page_address(f->pages[i]), 0, PAGE_SIZE))
			return -EBADMSG;
		memset(page_address(f->pages[i]), FAULTS_DIRT, PAGE_SIZE);
	}
	return 0;
}

static int faults_alloc(struct faults_file *f, unsigned int cmd)
{
	int ret;

	if (f->size)
		return -EBUSY;
	if (!f->what.pages || f->what.pages > FAULTS_MAX_PAGES ||
	    f->what.form >= FAULTS_NR_FORMS)
		return -EINVAL;
	f->size = f->what.pages * PAGE_SIZE;
	f->attrs = f->what.type == FAULTS_COHERENT ? DMA_ATTR_REQUIRE_COHERENT :
						     DMA_ATTR_UNCACHED;
	if (f->what.type == FAULTS_WC)
		f->attrs |= DMA_ATTR_WRITE_COMBINE;

	switch (f->what.form) {
	case FAULTS_PAGES:
	case FAULTS_CHUNKS:
		ret = faults_alloc_chunks(f);
		break;
	case FAULTS_SG:
	case FAULTS_SG_SINGLE:
		ret = faults_alloc_sg(f);
		break;
	default:
		if (cmd == FAULTS_IOC_OWN)
			ret = faults_own_blocks(f);
		else
			ret = faults_own_pages(f) ?: faults_change(f);
		if (ret)
			faults_free(f);
	}
	if (ret) {
		f->nr_pages = 0;
		f->size = 0;
		return ret;
	}
	ret = faults_soil(f);
	if (ret)
		faults_free(f);
	return ret;
}

static int faults_vmap(struct faults_file *f)
{
	if (f->sgt)
		f->vaddr = dma_vmap_noncontiguous(faults_dev, f->size, f->sgt);
	else
		f->vaddr = dma_vmap_pages(faults_dev, f->pages, f->nr_pages, f->attrs);
	return f->vaddr ? 0 : -ENOMEM;
}

static void faults_vunmap(struct faults_file *f)
{
	if (f->vaddr && f->sgt)
		dma_vunmap_noncontiguous(faults_dev, f->vaddr);
	else if (f->vaddr)
		vunmap(f->vaddr);
	f->vaddr = NULL;
}

static int faults_import(struct faults_file *f, unsigned int cmd, unsigned long arg)
{
	void *found;

	if (cmd == FAULTS_IOC_IMPORT) {
		found = dma_buf_get(arg);
		if (IS_ERR(found))
			return PTR_ERR(found);
		f->dmabuf = found;
		return 0;
	}
	if (!f->dmabuf)
		return -EINVAL;
	switch (cmd) {
	case FAULTS_IOC_ATTACH:
		found = dma_buf_attach(f->dmabuf, faults_dev);
		if (IS_ERR(found))
			return PTR_ERR(found);
		f->attachment = found;
		return 0;
	case FAULTS_IOC_DETACH:
		dma_buf_detach(f->dmabuf, f->attachment);
		f->attachment = NULL;
		return 0;
	case FAULTS_IOC_MAP:
		found = dma_buf_map_attachment_unlocked(f->attachment,
							DMA_BIDIRECTIONAL);
		if (IS_ERR(found))
			return PTR_ERR(found);
		f->mapped = found;
		return 0;
	case FAULTS_IOC_UNMAP:
		dma_buf_unmap_attachment_unlocked(f->attachment, f->mapped,
						  DMA_BIDIRECTIONAL);
		return 0;
	default:
		return -ENOTTY;
	}
}

static int faults_describe(void __user *arg)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(faults_dev);
	struct faults_device device = {
		.coherent = dev_is_dma_coherent(faults_dev),
		.translated = domain && (domain->type & __IOMMU_DOMAIN_PAGING),
		.can_uncached = dma_can_alloc_uncached(faults_dev),
	};

	return copy_to_user(arg, &device, sizeof(device)) ? -EFAULT : 0;
}

static long faults_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct faults_file *f = file->private_data;

	guard(mutex)(&f->lock);
	switch (cmd) {
	case FAULTS_IOC_DEVICE:
		return faults_describe((void __user *)arg);
	case FAULTS_IOC_ALLOC:
	case FAULTS_IOC_OWN:
		if (f->size)
			return -EBUSY;
		if (copy_from_user(&f->what, (void __user *)arg, sizeof(f->what)))
			return -EFAULT;
		return faults_alloc(f, cmd);
	case FAULTS_IOC_FREE:
		return faults_free(f);
	case FAULTS_IOC_CHANGE:
		return faults_change(f);
	case FAULTS_IOC_RESTORE:
		return faults_restore(f);
	case FAULTS_IOC_VMAP:
		return faults_vmap(f);
	case FAULTS_IOC_VUNMAP:
		faults_vunmap(f);
		return 0;
	default:
		return faults_import(f, cmd, arg);
	}
}

static int faults_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct faults_file *f = file->private_data;

	switch (f->what.form) {
	case FAULTS_PAGES:
		return dma_mmap_pages_attrs(faults_dev, vma, f->size, f->pages[0],
					    f->attrs);
	case FAULTS_CHUNKS:
		return dma_mmap_page_array(faults_dev, vma, f->size, f->pages,
					   f->attrs);
	case FAULTS_SG:
	case FAULTS_SG_SINGLE:
		return dma_mmap_noncontiguous(faults_dev, vma, f->size, f->sgt);
	default:
		return -EINVAL;
	}
}

static int faults_open(struct inode *inode, struct file *file)
{
	struct faults_file *f = kvzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	mutex_init(&f->lock);
	file->private_data = f;
	return 0;
}

static int faults_release(struct inode *inode, struct file *file)
{
	struct faults_file *f = file->private_data;

	faults_vunmap(f);
	if (f->dmabuf)
		dma_buf_put(f->dmabuf);
	if (faults_free(f))
		dev_err(faults_dev, "pages cannot be restored\n");
	kvfree(f);
	return 0;
}

static const struct file_operations faults_fops = {
	.owner = THIS_MODULE,
	.open = faults_open,
	.release = faults_release,
	.unlocked_ioctl = faults_ioctl,
	.mmap = faults_mmap,
};

static struct miscdevice faults_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "faults",
	.fops = &faults_fops,
};

static int faults_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	int ret;

	if (faults_dev)
		return -EBUSY;
	dma_set_max_seg_size(dev, UINT_MAX);
	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(32));
	if (ret)
		return ret;
	faults_dev = dev;
	ret = misc_register(&faults_misc);
	if (ret)
		faults_dev = NULL;
	return ret;
}

static void faults_remove(struct pci_dev *pdev)
{
	misc_deregister(&faults_misc);
	faults_dev = NULL;
}

static const struct pci_device_id faults_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, faults_ids);

static struct pci_driver faults_driver = {
	.name = "faults",
	.id_table = faults_ids,
	.probe = faults_probe,
	.remove = faults_remove,
};
module_pci_driver(faults_driver);

MODULE_DESCRIPTION("Allocations that fail, for faults-test.c");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
