// SPDX-License-Identifier: GPL-2.0
/*
 * A driver for QEMU's edu device, a PCI device that copies between memory and
 * 4096 bytes of its own, see docs/specs/edu.rst of QEMU. It allocates buffers,
 * accesses them by the linear map and by a vmap, maps them into user space and
 * lets the device access them. What is right is for edu-test.c to say.
 */
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iopoll.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "edu_dma.h"

/* Of the kernel that scripts/witness boots, whose plugin sees no device. */
#if __has_include(<linux/cache_witness.h>)
#include <linux/cache_witness.h>
#else
#define CACHE_WITNESS_WRITES	1
#define CACHE_WITNESS_SNOOPS	2
static void cache_witness_device(phys_addr_t phys, size_t size, int flags)
{
}
#endif

#define EDU_REG_SRC		0x80
#define EDU_REG_DST		0x88
#define EDU_REG_COUNT		0x90
#define EDU_REG_CMD		0x98
#define EDU_CMD_START		BIT(0)
#define EDU_CMD_TO_RAM		BIT(1)
/* Where its own memory is, as it names addresses. */
#define EDU_MEMORY		0x40000

static unsigned int mask = 28;
module_param(mask, uint, 0444);
MODULE_PARM_DESC(mask, "Bits of an address that the device has (as QEMU's dma_mask says)");

static bool noncoherent;
module_param(noncoherent, bool, 0444);
MODULE_PARM_DESC(noncoherent, "TEST ONLY: call the device non-coherent, whatever the firmware says");

struct edu_chunk {
	struct page *page;
	size_t offset;
	size_t size;
	dma_addr_t dma;
};

struct edu_buffer {
	/* Of the ioctls; mmap() finds a buffer that is complete. */
	struct mutex lock;
	size_t size;
	u64 flags;
	unsigned long attrs;
	struct sg_table *sgt;
	struct edu_chunk *chunks;
	unsigned int nr_chunks;
	struct page **pages;
	unsigned int nr_pages;
	void *vaddr;
};

static struct edu {
	/* There is one device, and it does one transfer at a time. */
	struct mutex lock;
	struct device *dev;
	void __iomem *regs;
	int mask_error;
	u64 moved;
} edu = {
	.lock = __MUTEX_INITIALIZER(edu.lock),
};

static struct edu_chunk *edu_find(struct edu_buffer *buf, size_t offset)
{
	struct edu_chunk *chunk = buf->chunks;

	while (offset - chunk->offset >= chunk->size)
		chunk++;
	return chunk;
}

static void edu_free(struct edu_buffer *buf)
{
	unsigned int i;

	if (buf->vaddr && buf->sgt)
		dma_vunmap_noncontiguous(edu.dev, buf->vaddr);
	else if (buf->vaddr)
		vunmap(buf->vaddr);
	if (buf->sgt)
		dma_free_noncontiguous(edu.dev, buf->size, buf->sgt,
				       DMA_BIDIRECTIONAL);
	for (i = 0; i < buf->nr_chunks && !buf->sgt; i++)
		dma_free_pages_attrs(edu.dev, buf->chunks[i].size,
				     buf->chunks[i].page, buf->chunks[i].dma,
				     DMA_BIDIRECTIONAL, buf->attrs);
	kvfree(buf->chunks);
	kvfree(buf->pages);
	buf->vaddr = NULL;
	buf->sgt = NULL;
	buf->chunks = NULL;
	buf->pages = NULL;
	buf->nr_chunks = 0;
	buf->size = 0;
}

static int edu_alloc_noncontiguous(struct edu_buffer *buf)
{
	unsigned long attrs = buf->attrs;
	struct scatterlist *sg;
	size_t offset = 0;
	int i;

	if (buf->flags & EDU_SINGLE_PAGES)
		attrs |= DMA_ATTR_ALLOC_SINGLE_PAGES;
	buf->sgt = dma_alloc_noncontiguous(edu.dev, buf->size,
					   DMA_BIDIRECTIONAL, GFP_KERNEL, attrs);
	if (!buf->sgt)
		return -ENOMEM;

	buf->chunks = kvcalloc(buf->sgt->orig_nents, sizeof(*buf->chunks),
			       GFP_KERNEL);
	if (!buf->chunks)
		return -ENOMEM;
	/* The device sees one piece, whatever the pages are. */
	for_each_sgtable_sg(buf->sgt, sg, i) {
		buf->chunks[i].page = sg_page(sg);
		buf->chunks[i].offset = offset;
		buf->chunks[i].size = sg->length;
		buf->chunks[i].dma = sg_dma_address(buf->sgt->sgl) + offset;
		offset += sg->length;
	}
	buf->nr_chunks = i;
	return 0;
}

static int edu_alloc_chunks(struct edu_buffer *buf)
{
	size_t max = buf->size, offset;

	if (buf->flags & EDU_CHUNKS)
		max = EDU_CHUNK_PAGES * PAGE_SIZE;
	buf->chunks = kvcalloc(DIV_ROUND_UP(buf->size, max),
			       sizeof(*buf->chunks), GFP_KERNEL);
	if (!buf->chunks)
		return -ENOMEM;

	for (offset = 0; offset < buf->size; offset += max) {
		struct edu_chunk *chunk = &buf->chunks[buf->nr_chunks];

		chunk->offset = offset;
		chunk->size = min(max, buf->size - offset);
		chunk->page = dma_alloc_pages_attrs(edu.dev, chunk->size,
						    &chunk->dma,
						    DMA_BIDIRECTIONAL,
						    GFP_KERNEL | __GFP_NOWARN,
						    buf->attrs);
		if (!chunk->page)
			return -ENOMEM;
		buf->nr_chunks++;
	}
	return 0;
}

/* Tells the physical address, and that an IOMMU translates to it, if any. */
static int edu_where(struct edu_buffer *buf, struct edu_alloc *arg)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(edu.dev);
	unsigned int i;

	arg->dma = buf->chunks[0].dma;
	arg->phys = page_to_phys(buf->chunks[0].page);
	for (i = 0; i < buf->nr_chunks; i++) {
		phys_addr_t phys = buf->chunks[i].dma;

		if (domain)
			phys = iommu_iova_to_phys(domain, phys);
		if (phys != page_to_phys(buf->chunks[i].page))
			return -EXDEV;
	}
	return 0;
}

static int edu_alloc(struct edu_buffer *buf, struct edu_alloc *arg)
{
	unsigned int i, page = 0;
	size_t at;
	int ret;

	if (buf->size)
		return -EBUSY;
	if (!arg->size || arg->size > SZ_16M)
		return -EINVAL;
	buf->size = arg->size;
	buf->flags = arg->flags;
	buf->attrs = 0;
	if (buf->flags & EDU_COHERENT)
		buf->attrs |= DMA_ATTR_REQUIRE_COHERENT;
	if (buf->flags & EDU_UNCACHED)
		buf->attrs |= DMA_ATTR_UNCACHED;
	if (buf->flags & EDU_WRITE_COMBINE)
		buf->attrs |= DMA_ATTR_WRITE_COMBINE;

	if (buf->flags & EDU_NONCONTIGUOUS)
		ret = edu_alloc_noncontiguous(buf);
	else
		ret = edu_alloc_chunks(buf);
	if (ret)
		goto err;

	ret = edu_where(buf, arg);
	if (ret)
		goto err;

	ret = -ENOMEM;
	buf->nr_pages = PFN_UP(buf->size);
	buf->pages = kvcalloc(buf->nr_pages, sizeof(*buf->pages), GFP_KERNEL);
	if (!buf->pages)
		goto err;
	for (i = 0; i < buf->nr_chunks; i++)
		for (at = 0; at < buf->chunks[i].size && page < buf->nr_pages;
		     at += PAGE_SIZE)
			buf->pages[page++] = buf->chunks[i].page +
					     (at >> PAGE_SHIFT);

	if (buf->sgt)
		buf->vaddr = dma_vmap_noncontiguous(edu.dev, buf->size,
						    buf->sgt);
	else
		buf->vaddr = dma_vmap_pages(edu.dev, buf->pages, buf->nr_pages,
					    buf->attrs);
	if (!buf->vaddr) {
		dev_err(edu.dev, "no vmap\n");
		goto err;
	}
	return 0;
err:
	edu_free(buf);
	return ret;
}

static int edu_access(struct edu_buffer *buf, const struct edu_access *arg)
{
	void __user *memory = u64_to_user_ptr(arg->memory);
	size_t done, n;
	void *vaddr;

	if (arg->length > buf->size || arg->offset > buf->size - arg->length)
		return -EINVAL;
	for (done = 0; done < arg->length; done += n) {
		size_t offset = arg->offset + done;

		n = min(arg->length - done, PAGE_SIZE - offset_in_page(offset));
		if (arg->path == EDU_VMAP)
			vaddr = buf->vaddr + offset;
		else
			vaddr = page_address(buf->pages[offset >> PAGE_SHIFT]) +
				offset_in_page(offset);
		if (arg->write && copy_from_user(vaddr, memory + done, n))
			return -EFAULT;
		if (!arg->write && copy_to_user(memory + done, vaddr, n))
			return -EFAULT;
	}
	return 0;
}

static int edu_run(u64 src, u64 dst, u32 length, u64 cmd)
{
	/* A timer of QEMU starts the transfer after 100 ms. */
	writeq(src, edu.regs + EDU_REG_SRC);
	writeq(dst, edu.regs + EDU_REG_DST);
	writeq(length, edu.regs + EDU_REG_COUNT);
	writeq(cmd | EDU_CMD_START, edu.regs + EDU_REG_CMD);
	return readq_poll_timeout(edu.regs + EDU_REG_CMD, cmd,
				  !(cmd & EDU_CMD_START), 10 * USEC_PER_MSEC,
				  10 * USEC_PER_SEC);
}

static int edu_transfer(struct edu_buffer *buf, const struct edu_transfer *arg)
{
	int ret, flags = arg->to_buffer ? CACHE_WITNESS_WRITES : 0;
	size_t done, n;

	/* What is asked for by the type is for masters that do not snoop. */
	if (dev_is_dma_coherent(edu.dev) && !(buf->flags & EDU_UNCACHED))
		flags |= CACHE_WITNESS_SNOOPS;
	if (!arg->length || arg->length > EDU_TRANSFER_MAX ||
	    arg->length > buf->size || arg->offset > buf->size - arg->length)
		return -EINVAL;

	guard(mutex)(&edu.lock);
	for (done = 0; done < arg->length; done += n) {
		struct edu_chunk *chunk = edu_find(buf, arg->offset + done);
		size_t at = arg->offset + done - chunk->offset;

		n = min(arg->length - done, chunk->size - at);
		cache_witness_device(page_to_phys(chunk->page) + at, n, flags);
		if (arg->to_buffer)
			ret = edu_run(EDU_MEMORY + done, chunk->dma + at, n,
				      EDU_CMD_TO_RAM);
		else
			ret = edu_run(chunk->dma + at, EDU_MEMORY + done, n, 0);
		if (ret)
			return ret;
		edu.moved += n;
	}
	return 0;
}

/* What does not change a protection has it already. */
static u32 edu_memtype(pgprot_t prot)
{
	if (pgprot_val(pgprot_noncached(prot)) == pgprot_val(prot))
		return EDU_TYPE_UC;
	if (pgprot_val(pgprot_writecombine(prot)) == pgprot_val(prot))
		return EDU_TYPE_WC;
	return EDU_TYPE_CACHED;
}

static int edu_lookup(struct edu_lookup *arg)
{
	struct follow_pfnmap_args found = { .address = arg->address };
	struct mm_struct *mm = current->mm;
	int ret = -EFAULT;

	mmap_read_lock(mm);
	found.vma = vma_lookup(mm, arg->address);
	if (found.vma)
		ret = follow_pfnmap_start(&found);
	if (!ret) {
		arg->type = edu_memtype(found.pgprot);
		follow_pfnmap_end(&found);
	}
	mmap_read_unlock(mm);
	return ret;
}

static void edu_describe(struct edu_device *arg)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(edu.dev);

	memset(arg, 0, sizeof(*arg));
	arg->moved = edu.moved;
	arg->mask_error = edu.mask_error;
	arg->coherent = dev_is_dma_coherent(edu.dev);
	arg->translated = domain && (domain->type & __IOMMU_DOMAIN_PAGING);
	arg->can_uncached = dma_can_alloc_uncached(edu.dev);
}

static long edu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct edu_buffer *buf = file->private_data;
	union {
		struct edu_device device;
		struct edu_alloc alloc;
		struct edu_access access;
		struct edu_transfer transfer;
		struct edu_lookup lookup;
	} u;
	int ret = 0;

	if (_IOC_SIZE(cmd) > sizeof(u))
		return -ENOTTY;
	if ((_IOC_DIR(cmd) & _IOC_WRITE) &&
	    copy_from_user(&u, (void __user *)arg, _IOC_SIZE(cmd)))
		return -EFAULT;

	guard(mutex)(&buf->lock);
	switch (cmd) {
	case EDU_IOC_DEVICE:
		edu_describe(&u.device);
		break;
	case EDU_IOC_ALLOC:
		ret = edu_alloc(buf, &u.alloc);
		break;
	case EDU_IOC_ACCESS:
		ret = edu_access(buf, &u.access);
		break;
	case EDU_IOC_TRANSFER:
		ret = edu_transfer(buf, &u.transfer);
		break;
	case EDU_IOC_LOOKUP:
		ret = edu_lookup(&u.lookup);
		break;
	default:
		return -ENOTTY;
	}
	if (!ret && (_IOC_DIR(cmd) & _IOC_READ) &&
	    copy_to_user((void __user *)arg, &u, _IOC_SIZE(cmd)))
		ret = -EFAULT;
	return ret;
}

static int edu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct edu_buffer *buf = file->private_data;

	if (!buf->vaddr)
		return -EINVAL;
	if (buf->flags & EDU_AS_ARRAY)
		return dma_mmap_page_array(edu.dev, vma, buf->size, buf->pages,
					   buf->attrs);
	if (buf->sgt)
		return dma_mmap_noncontiguous(edu.dev, vma, buf->size,
					      buf->sgt);
	if (buf->nr_chunks > 1)
		return -EOPNOTSUPP;
	return dma_mmap_pages_attrs(edu.dev, vma, buf->size,
				    buf->chunks[0].page, buf->attrs);
}

static int edu_open(struct inode *inode, struct file *file)
{
	struct edu_buffer *buf = kzalloc_obj(*buf);

	if (!buf)
		return -ENOMEM;
	mutex_init(&buf->lock);
	file->private_data = buf;
	return 0;
}

static int edu_release(struct inode *inode, struct file *file)
{
	struct edu_buffer *buf = file->private_data;

	edu_free(buf);
	kfree(buf);
	return 0;
}

static const struct file_operations edu_fops = {
	.owner = THIS_MODULE,
	.open = edu_open,
	.release = edu_release,
	.unlocked_ioctl = edu_ioctl,
	.mmap = edu_mmap,
};

static struct miscdevice edu_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "edu",
	.fops = &edu_fops,
};

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	int ret;

	if (edu.dev)
		return -EBUSY;
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	edu.regs = pcim_iomap_region(pdev, 0, "edu");
	if (IS_ERR(edu.regs))
		return PTR_ERR(edu.regs);
	pci_set_master(pdev);
	dma_set_max_seg_size(dev, UINT_MAX);

	if (noncoherent)
		dev_assign_dma_coherent(dev, false);
	edu.mask_error = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(mask));
	/*
	 * TEST ONLY: a driver would give up. Here the allocator has to see for
	 * itself that it has no memory for such a device.
	 */
	if (edu.mask_error)
		dev->coherent_dma_mask = DMA_BIT_MASK(mask);

	edu.dev = dev;
	ret = misc_register(&edu_misc);
	if (ret)
		edu.dev = NULL;
	return ret;
}

static void edu_remove(struct pci_dev *pdev)
{
	misc_deregister(&edu_misc);
	edu.dev = NULL;
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "edu",
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("DMA of QEMU's edu device");
MODULE_LICENSE("GPL");
