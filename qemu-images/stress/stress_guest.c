// SPDX-License-Identifier: GPL-2.0
/*
 * Comes and goes while pages change their memory type: what of a module must not
 * be written is read-only in the linear map as well, and what must not be
 * executed is not. That is the same code as theirs.
 */
#include <linux/mm.h>
#include <linux/module.h>

/* More than a page each: none is read-only for another reason. */
static const char constants[2 * PAGE_SIZE] = { 1 };
static char variables[2 * PAGE_SIZE];

static int __init stress_guest_init(void)
{
	memcpy(variables, constants, sizeof(variables));
	return variables[0] == 1 ? 0 : -EIO;
}
module_init(stress_guest_init);

static void __exit stress_guest_exit(void)
{
}
module_exit(stress_guest_exit);

MODULE_DESCRIPTION("A module to load and unload");
MODULE_LICENSE("GPL");
