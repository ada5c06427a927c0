// SPDX-License-Identifier: GPL-2.0
/*
 * What a program sees of the users of uncached pages: a PCM of a sound card that
 * does not snoop, a dumb buffer of vgem, and a buffer of the dma-buf heap. They do
 * what they are for, while they live all their pages are write-combined wherever they
 * are mapped, afterwards none is, and nothing is lost. Prints KTAP, and in it what
 * the kernel's own test of the heaps prints.
 *
 * On a platform that cannot change its linear map there is no such heap, and the
 * others are as they were without that.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <drm/drm.h>
#include <linux/dma-heap.h>
#include <sound/asound.h>

#include "../guest.h"
#include "../pcm_params.h"
#include "../say.h"
#include "whose_pages.h"

#define RW		(PROT_READ | PROT_WRITE)

struct test {
	const char *name;
	void (*run)(void);
};

/* The linear map cannot be changed: the kernel's command line says so. */
static int noalias;
static unsigned int seed;

#define fail_at(line, format, ...) do {					\
	failed = 1;							\
	say("    # line %d: " format, line, ##__VA_ARGS__);		\
} while (0)

#define fail(...)	fail_at(__LINE__, __VA_ARGS__)

#define must_set(file, value) do {					\
	if (set(file, value))						\
		fail("%s: %s", file, strerror(errno));			\
} while (0)

/* A call fails with this error, or (0) does not. */
#define check_errno(call, error) do {					\
	int got_, want_ = (error);					\
									\
	errno = 0;							\
	got_ = (long)(call) == -1 ? errno : 0;				\
	if (got_ != want_)						\
		fail("%s: %s, expected: %s", #call, strerror(got_),	\
		     strerror(want_));					\
} while (0)

static unsigned long meminfo(const char *name)
{
	unsigned long value, found = 0;
	char line[256], key[64];
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63[^:]: %lu", key, &value) == 2 &&
		    !strcmp(key, name))
			found = value * 1024;
	}
	if (f)
		fclose(f);
	return found;
}

/* Exit status of what a child does, or what it was killed by. */
static int child(void (*does)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		does();
		_exit(failed);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

/* Else the test is skipped. */
static int can_change(void)
{
	if (noalias)
		skip("the linear map cannot be changed");
	return !noalias;
}

static int cannot_change(void)
{
	if (!noalias)
		skip("the linear map can be changed");
	return noalias;
}

#include "pages.h"
#include "pcm.h"
#include "vgem.h"
#include "heap.h"

static const struct suite {
	const char *name;
	const struct test *tests;
	size_t nr;
} suites[] = {
	{ "pcm", pcm_tests, ARRAY_SIZE(pcm_tests) },
	{ "vgem", vgem_tests, ARRAY_SIZE(vgem_tests) },
	{ "heap", heap_tests, ARRAY_SIZE(heap_tests) },
};

static void run_suite(unsigned int number, const struct suite *suite)
{
	unsigned int i, suite_failed = 0;

	say("    KTAP version 1");
	say("    # Subtest: %s", suite->name);
	say("    1..%zu", suite->nr);
	for (i = 0; i < suite->nr; i++) {
		double start = now();

		failed = 0;
		suite->tests[i].run();
		suite_failed |= failed;
		say("    # %s: %.1f s", suite->tests[i].name, now() - start);
		say("    %sok %u %s%s%s", failed ? "not " : "", i + 1,
		    suite->tests[i].name, *skipped ? " # SKIP " : "", skipped);
		*skipped = 0;
	}
	say("%sok %u %s", suite_failed ? "not " : "", number, suite->name);
}

/* What the kernel's own test says, which is KTAP as well: one level deeper. */
static void run_tool(unsigned int number, const char *name)
{
	static const char skip_mark[] = " # SKIP ";
	char line[200], *skip_at;
	int fds[2], status = -1;
	pid_t pid;
	FILE *f;

	if (pipe(fds))
		return;
	pid = fork();
	if (!pid) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execl("/tool", "/tool", NULL);
		_exit(1);
	}
	close(fds[1]);
	f = fdopen(fds[0], "r");
	say("    KTAP version 1");
	say("    # Subtest: %s", name);
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "TAP version", 11))
			continue;
		/* "ok 1 # SKIP why", where KTAP has the name first. */
		skip_at = strstr(line, skip_mark);
		if (skip_at && skip_at - line < 10)
			say("    %.*s %s%s", (int)(skip_at - line), line,
			    skip_at + strlen(skip_mark), " # SKIP");
		else
			say("    %s", line);
	}
	if (f)
		fclose(f);
	waitpid(pid, &status, 0);
	say("%sok %u %s", status ? "not " : "", number, name);
}

static int load(void)
{
	int fd = open("/whose_pages.ko", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		return errno;
	close(fd);
	whose_fd = open("/dev/whose_pages", O_RDWR | O_CLOEXEC);
	return whose_fd < 0 ? errno : 0;
}

static void get_noalias(void)
{
	char line[1024] = "";
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

	if (read(fd, line, sizeof(line) - 1) > 0)
		noalias = strstr(line, "rodata=noalias") != NULL;
	close(fd);
}

int main(void)
{
	unsigned int i;
	int error;

	log_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (log_fd < 0)
		return 1;
	mount_all();
	/* Addresses in vmallocinfo, for root. */
	must_set("/proc/sys/kernel/kptr_restrict", "1");
	/* The kernel says no more that caches are dropped. */
	must_set("/proc/sys/vm/drop_caches", "4");
	get_noalias();
	error = load();
	/* No result is none that passed. */
	if (error) {
		say("# whose_pages.ko: %s", strerror(error));
		return 1;
	}

	say("KTAP version 1");
	say("1..%zu", ARRAY_SIZE(suites) + 1);
	for (i = 0; i < ARRAY_SIZE(suites); i++)
		run_suite(i + 1, &suites[i]);
	run_tool(i + 1, "dmabuf-heap");
	return 0;
}
