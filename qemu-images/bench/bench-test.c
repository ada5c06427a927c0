// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the kernel's own benchmark, which lies here as /tool, once for each line of
 * /runs: a label and arguments. What it says goes to the console, and its CSV file
 * as lines that begin with "csv LABEL".
 *
 * The device that it allocates for is BUS/NAME in BENCH_DEVICE, which the kernel
 * hands over from its command line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void fail(const char *what)
{
	printf("bench: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	tcdrain(1);
	exit(1);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(path);
	close(fd);
}

static void bind_device(const char *device)
{
	const char *name = device ? strchr(device, '/') : NULL;
	char path[256];

	errno = EINVAL;
	if (!name++)
		fail("BENCH_DEVICE");
	snprintf(path, sizeof(path), "/sys/bus/%.*s/devices/%s/driver_override",
		 (int)(name - 1 - device), device, name);
	put(path, "dma_map_benchmark");
	snprintf(path, sizeof(path), "/sys/bus/%.*s/drivers_probe",
		 (int)(name - 1 - device), device);
	put(path, name);
}

static void copy_csv(const char *label)
{
	FILE *csv = fopen("/csv", "r");
	char line[1024];

	if (!csv)
		fail("/csv");
	while (fgets(line, sizeof(line), csv))
		printf("csv %s,%s", label, line);
	fclose(csv);
}

static void run(char *line)
{
	char *argv[32] = { "/tool", "-c", "/csv" }, *label, *word;
	int argc = 3, status;

	label = strtok(line, " \n");
	while (argc < 31 && (word = strtok(NULL, " \n")))
		argv[argc++] = word;
	fflush(stdout);
	if (fork() == 0) {
		execv(argv[0], argv);
		fail(argv[0]);
	}
	wait(&status);
	if (status) {
		printf("bench: %s ended with status %x\n", label, status);
		return;
	}
	copy_csv(label);
}

int main(void)
{
	int console = open("/dev/console", O_WRONLY);
	char line[256];
	FILE *runs;

	if (console < 0)
		return 1;
	dup2(console, 1);
	dup2(console, 2);
	mount("proc", "/proc", "proc", 0, NULL);
	mkdir("/sys", 0755);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	bind_device(getenv("BENCH_DEVICE"));
	runs = fopen("/runs", "r");
	if (!runs)
		fail("/runs");
	while (fgets(line, sizeof(line), runs)) {
		if (line[0] != '#' && line[0] != '\n')
			run(line);
	}
	printf("bench: end\n");
	fflush(stdout);
	tcdrain(1);
	return 0;
}
