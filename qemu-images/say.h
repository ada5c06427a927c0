/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For programs in the guest that print KTAP: what the test that runs has to say.
 */
#ifndef SAY_H
#define SAY_H

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static int log_fd;

/* Of the test that runs. */
static int failed;
static char skipped[80];

/* A line of the kernel's log: nothing that the kernel prints tears it. */
static void say(const char *format, ...)
{
	char line[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	if (write(log_fd, line, n) != n)
		_exit(1);
}

#define skip(...)	snprintf(skipped, sizeof(skipped), __VA_ARGS__)

/* The test goes on, to say all that is wrong. */
#define check(condition) do {						\
	if (!(condition))						\
		fail("not so: %s", #condition);				\
} while (0)

#endif
