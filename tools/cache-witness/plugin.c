// SPDX-License-Identifier: GPL-2.0
/*
 * A TCG plugin of QEMU that hands what the guest does to the model: where it loads
 * and stores, which cache lines it cleans and invalidates, and what a kernel with
 * kernel.patch says of its mappings and of devices. Reports go to a file, one a line,
 * with addresses; scripts/reports puts names to them.
 *
 * Options:
 *   out=FILE
 *   base=ADDR,size=BYTES          the memory, which must be in one piece
 *   linear=ADDR,linear_phys=ADDR  the linear map: an address in it, and of what
 *   start=ADDR,window=ADDR        cache_witness_start and cache_witness_window
 *   speculate=0|1,evict=0|1       the options of the model
 *
 * Runs with -icount: there is one thread for all processors, and no lock here.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "qemu-plugin-v1.h"

#define EXPORT	__attribute__((visibility("default")))
#define CPUS	16

/* Of kernel.patch. */
enum { HELLO = 1, TYPE, MAP, UNMAP, DEVICE, FLUSH_TLB, WORDS };
#define WRITES	1
#define SNOOPS	2
#define DIGITS	6
#define ARGS	4
#define DIGIT_BITS 12

EXPORT int qemu_plugin_version = 1;

static struct cw_model *model;
static struct cw_options options;
static uint64_t window, start;
static FILE *out;
static bool is_arm64;

static struct cpu {
	/* An operation whose line the next load will tell. */
	enum cw_op op;
	uint64_t op_pc;
	/* What the kernel is saying. */
	unsigned int word;
	unsigned int digits;
	uint64_t args[ARGS];
} cpus[CPUS];

static uint64_t words[WORDS], ops[CW_CLEAN_INVALIDATE + 1], loads, stores, all_ops, unseen;
static uint64_t broken_words;

/* Before the first word, these pages are zeroed as all others are. */
static void broken(void)
{
	if (words[HELLO])
		broken_words++;
}

static const char *const kinds[CW_KINDS] = {
	[CW_STALE_READ]		= "stale-read",
	[CW_OVERWRITE]		= "overwrite",
	[CW_DEVICE_STALE]	= "device-stale",
	[CW_ALIAS]		= "alias",
	[CW_RESTORE]		= "restore",
	[CW_STALE_LINE]		= "stale-line",
	[CW_TWO_TYPES]		= "two-types",
	[CW_LOST]		= "lost",
};

static const char *const op_names[] = {
	[CW_NO_OP]		= "-",
	[CW_CLEAN]		= "clean",
	[CW_INVALIDATE]		= "invalidate",
	[CW_CLEAN_INVALIDATE]	= "clean+invalidate",
};

static void on_report(const struct cw_report *r, void *arg)
{
	(void)arg;
	/* Before the first word the MMU may be off, and nothing cacheable. */
	if (!words[HELLO])
		return;
	fprintf(out, "report\t%s\t%llx\t%llx\t%llx\t%llx\t%llx\t%s\t%llx\n", kinds[r->kind],
		(unsigned long long)r->phys, (unsigned long long)r->virt,
		(unsigned long long)r->pc, (unsigned long long)r->writer,
		(unsigned long long)r->memory_writer, op_names[r->op],
		(unsigned long long)r->op_pc);
	/* A guest may be killed. */
	fflush(out);
}

static void hear(struct cpu *cpu)
{
	const uint64_t *a = cpu->args;

	words[cpu->word]++;
	switch (cpu->word) {
	case TYPE:
		cw_set_type(model, a[0], a[1], a[2], a[3]);
		break;
	case MAP:
		cw_map(model, a[0] & -(uint64_t)CW_PAGE, a[1], a[2]);
		break;
	case UNMAP:
		cw_unmap(model, a[0] & -(uint64_t)CW_PAGE, a[1], a[2]);
		break;
	case DEVICE:
		cw_device(model, a[0], a[1], a[2] & WRITES, a[2] & SNOOPS, a[3]);
		break;
	case FLUSH_TLB:
		if (a[1])
			cw_flush_tlb(model, a[0], a[1]);
		else
			cw_flush_tlb_all(model);
		break;
	}
}

static void on_word(struct cpu *cpu, uint64_t virt, uint64_t phys)
{
	unsigned int arg = cpu->digits / DIGITS;

	if (virt - start < CW_PAGE) {
		if (cpu->digits != DIGITS * ARGS && cpu->word)
			broken();
		cpu->word = virt - start;
		if (!cpu->word || cpu->word >= WORDS)
			broken();
		cpu->digits = 0;
		memset(cpu->args, 0, sizeof(cpu->args));
		return;
	}
	if (arg == ARGS || !cpu->word || cpu->word >= WORDS) {
		broken();
		return;
	}
	cpu->args[arg] |= (virt - window) << (cpu->digits++ % DIGITS * DIGIT_BITS);
	if (cpu->digits < DIGITS * ARGS)
		return;
	/* The two must mean the same by a physical address. */
	if (cpu->word == HELLO && cpu->args[0] != (phys & -(uint64_t)CW_PAGE)) {
		fprintf(out, "error\tthe window is at %llx for QEMU, and at %llx for the kernel\n",
			(unsigned long long)phys, (unsigned long long)cpu->args[0]);
		fflush(out);
		exit(1);
	}
	hear(cpu);
}

static void on_access(unsigned int n, qemu_plugin_meminfo_t info, uint64_t virt, void *arg)
{
	struct qemu_plugin_hwaddr *hwaddr = qemu_plugin_get_hwaddr(info, virt);
	bool store = qemu_plugin_mem_is_store(info);
	uint64_t phys;

	if (!hwaddr || qemu_plugin_hwaddr_is_io(hwaddr))
		return;
	phys = qemu_plugin_hwaddr_phys_addr(hwaddr);
	if (store) {
		stores++;
		if (virt - start < CW_PAGE || virt - window < CW_PAGE) {
			on_word(&cpus[n % CPUS], virt, phys);
			return;
		}
	} else {
		loads++;
	}
	cw_access(model, phys, 1u << qemu_plugin_mem_size_shift(info), store, virt, (uint64_t)arg);
}

/* What neither this nor the kernel knows to be seen in memory: where, the first times. */
static void miss(uint64_t pc)
{
	if (unseen++ < 8)
		fprintf(out, "at\t%llx\n", (unsigned long long)pc);
}

/* The load behind an operation is no access: it says which line that was of. */
static void on_marked(unsigned int n, qemu_plugin_meminfo_t info, uint64_t virt, void *arg)
{
	struct qemu_plugin_hwaddr *hwaddr = qemu_plugin_get_hwaddr(info, virt);
	struct cpu *cpu = &cpus[n % CPUS];

	if (!cpu->op) {
		on_access(n, info, virt, arg);
		return;
	}
	if (hwaddr && !qemu_plugin_hwaddr_is_io(hwaddr)) {
		ops[cpu->op]++;
		cw_cache_op(model, qemu_plugin_hwaddr_phys_addr(hwaddr), cpu->op, cpu->op_pc);
	}
	cpu->op = CW_NO_OP;
}

static void begin_op(unsigned int n, enum cw_op op, void *arg)
{
	/* The load of the one before was not seen. */
	if (cpus[n % CPUS].op)
		miss(cpus[n % CPUS].op_pc);
	cpus[n % CPUS].op = op;
	cpus[n % CPUS].op_pc = (uint64_t)arg;
}

static void on_clean(unsigned int n, void *arg)
{
	begin_op(n, CW_CLEAN, arg);
}

static void on_invalidate(unsigned int n, void *arg)
{
	begin_op(n, CW_INVALIDATE, arg);
}

static void on_clean_invalidate(unsigned int n, void *arg)
{
	begin_op(n, CW_CLEAN_INVALIDATE, arg);
}

static void on_all(unsigned int n, void *arg)
{
	(void)n;
	all_ops++;
	cw_cache_op_all(model, CW_CLEAN_INVALIDATE, (uint64_t)arg);
}

static void on_all_clean(unsigned int n, void *arg)
{
	(void)n;
	all_ops++;
	cw_cache_op_all(model, CW_CLEAN, (uint64_t)arg);
}

static void on_unseen(unsigned int n, void *arg)
{
	(void)n;
	miss((uint64_t)arg);
}

static qemu_plugin_insn_fn arm64_insn(const struct qemu_plugin_insn *insn, bool *marks)
{
	uint32_t code;

	memcpy(&code, qemu_plugin_insn_data(insn), sizeof(code));
	/* ldrb wzr, [xN] */
	*marks = (code & 0xfffffc1f) == 0x3940001f;
	switch (code & 0xffffffe0) {
	case 0xd50b7a20:	/* dc cvac */
	case 0xd50b7c20:	/* dc cvap */
	case 0xd50b7d20:	/* dc cvadp */
		return on_clean;
	case 0xd5087620:	/* dc ivac */
		return on_invalidate;
	case 0xd50b7e20:	/* dc civac */
		return on_clean_invalidate;
	case 0xd50b7420:	/* dc zva */
	case 0xd50b7460:	/* dc gva */
	case 0xd50b7480:	/* dc gzva */
	case 0xd50b7a60:	/* dc cgvac */
	case 0xd50b7aa0:	/* dc cgdvac */
	case 0xd50b7e60:	/* dc cigvac */
	case 0xd50b7ea0:	/* dc cigdvac */
	case 0xd5087640:	/* dc isw */
	case 0xd5087a40:	/* dc csw */
	case 0xd5087e40:	/* dc cisw */
		return on_unseen;
	}
	return NULL;
}

static qemu_plugin_insn_fn x86_insn(const struct qemu_plugin_insn *insn, bool *marks)
{
	const uint8_t *code = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn), i = 0;
	bool is_66 = false, is_f3 = false;

	/* Prefixes: of the segment, of the size, of 64 bits. */
	for (; i < size; i++) {
		if (code[i] == 0x66)
			is_66 = true;
		else if (code[i] == 0xf3)
			is_f3 = true;
		else if (code[i] != 0x3e && code[i] != 0x2e && (code[i] & 0xf0) != 0x40)
			break;
	}
	/* testb $0, (memory) */
	*marks = size - i >= 3 && code[i] == 0xf6 && (code[i + 1] & 0x38) == 0 &&
		 code[i + 1] < 0xc0 && code[size - 1] == 0;
	if (size - i < 2 || code[i] != 0x0f)
		return NULL;
	if (code[i + 1] == 0x09)	/* wbinvd; wbnoinvd leaves the lines */
		return is_f3 ? on_all_clean : on_all;
	if (code[i + 1] == 0x08)	/* invd */
		return on_unseen;
	if (size - i < 3 || code[i + 1] != 0xae || code[i + 2] >= 0xc0 || is_f3)
		return NULL;
	switch (code[i + 2] & 0x38) {
	case 0x38:	/* clflush, clflushopt */
		return on_clean_invalidate;
	case 0x30:	/* clwb; without the prefix, xsaveopt */
		return is_66 ? on_clean : NULL;
	}
	return NULL;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		void *pc = (void *)qemu_plugin_insn_vaddr(insn);
		qemu_plugin_insn_fn fn;
		bool marks;

		fn = is_arm64 ? arm64_insn(insn, &marks) : x86_insn(insn, &marks);
		if (fn)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, fn, QEMU_PLUGIN_CB_NO_REGS, pc);
		qemu_plugin_register_vcpu_mem_cb(insn, marks ? on_marked : on_access,
						 QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, pc);
	}
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void *arg)
{
	int i;

	(void)id;
	(void)arg;
	for (i = 0; i < CPUS; i++)
		if (cpus[i].op)
			miss(cpus[i].op_pc);
	fprintf(out, "loads\t%llu\nstores\t%llu\nuncached\t%llu\n", (unsigned long long)loads,
		(unsigned long long)stores, (unsigned long long)cw_uncached_accesses(model));
	for (i = CW_CLEAN; i <= CW_CLEAN_INVALIDATE; i++)
		fprintf(out, "%s\t%llu\n", op_names[i], (unsigned long long)ops[i]);
	fprintf(out, "all-lines\t%llu\nhello\t%llu\ntype\t%llu\nmap\t%llu\nunmap\t%llu\ndevice\t%llu\ntlb\t%llu\n",
		(unsigned long long)all_ops, (unsigned long long)words[HELLO],
		(unsigned long long)words[TYPE], (unsigned long long)words[MAP],
		(unsigned long long)words[UNMAP], (unsigned long long)words[DEVICE],
		(unsigned long long)words[FLUSH_TLB]);
	for (i = 0; i < CW_KINDS; i++)
		fprintf(out, "seen\t%s\t%llu\n", kinds[i], (unsigned long long)cw_count(model, i));
	fprintf(out, "unseen\t%llu\nbroken\t%llu\ndropped\t%llu\nend\n", (unsigned long long)unseen,
		(unsigned long long)broken_words, (unsigned long long)cw_dropped(model));
	fclose(out);
}

static int refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("cache-witness: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return -1;
}

static int set_option(const char *option)
{
	static const struct {
		const char *name;
		uint64_t *number;
		bool *flag;
	} known[] = {
		{ "base=", &options.base, NULL },
		{ "size=", &options.size, NULL },
		{ "linear=", &options.linear_virt, NULL },
		{ "linear_phys=", &options.linear_phys, NULL },
		{ "start=", &start, NULL },
		{ "window=", &window, NULL },
		{ "speculate=", NULL, &options.speculate },
		{ "evict=", NULL, &options.evict },
	};
	unsigned long long number;
	unsigned int i;
	char *end;

	if (!strncmp(option, "out=", 4)) {
		out = fopen(option + 4, "w");
		return out ? 0 : refuse("%s: cannot be written", option + 4);
	}
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t length = strlen(known[i].name);

		if (strncmp(option, known[i].name, length))
			continue;
		number = strtoull(option + length, &end, 0);
		if (end == option + length || *end)
			break;
		if (known[i].number)
			*known[i].number = number;
		else
			*known[i].flag = number;
		return 0;
	}
	return refuse("unknown option '%s'", option);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv);

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++)
		if (set_option(argv[i]))
			return -1;
	if (!out || !options.size || !start || !window || !options.linear_virt)
		return refuse("out, size, linear, start and window are needed");
	if (!info->system_emulation || info->system.max_vcpus > CPUS)
		return refuse("made for a machine of %d processors at most", CPUS);
	is_arm64 = !strcmp(info->target_name, "aarch64");
	if (!is_arm64 && strcmp(info->target_name, "x86_64"))
		return refuse("does not know the instructions of %s", info->target_name);
	options.break_first = is_arm64;
	model = cw_new(&options, on_report, NULL);
	if (!model)
		return refuse("not enough memory");
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
	return 0;
}
