/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ALSA: a PCM of QEMU's intel-hda, as alsa-lib uses it, by mmap.
 */
#ifndef PCM_H
#define PCM_H

#define PLAYBACK	"/dev/snd/pcmC0D0p"
#define CAPTURE		"/dev/snd/pcmC0D0c"

/* 16 bits, two channels */
#define FRAME		4UL
#define PCM_ROUNDS	100

/* What hw_params has room for, and the most that the driver has: two blocks of the stock. */
#define BUFFER		(64UL << 10)
#define BUFFER_HUGE	(4UL << 20)
#define PERIOD		2048UL

struct pcm {
	int fd;
	unsigned char *map;
	size_t size, period;
};

/* -1 with errno where it cannot have such a buffer. */
static int try_pcm(struct pcm *pcm, const char *node, size_t size, size_t period)
{
	struct snd_pcm_hw_params hw;
	/* It goes on, whatever the program has written. */
	struct snd_pcm_sw_params sw = {
		.period_step = 1,
		.avail_min = 1,
		.start_threshold = -1UL,
		.stop_threshold = -1UL,
	};
	int saved;

	set_pcm_params(&hw, size, period);
	memset(pcm, 0, sizeof(*pcm));
	pcm->size = size;
	pcm->period = period;
	pcm->fd = open(node, O_RDWR | O_CLOEXEC);
	if (pcm->fd < 0)
		return -1;
	if (!ioctl(pcm->fd, SNDRV_PCM_IOCTL_HW_PARAMS, &hw) &&
	    !ioctl(pcm->fd, SNDRV_PCM_IOCTL_SW_PARAMS, &sw) &&
	    !ioctl(pcm->fd, SNDRV_PCM_IOCTL_PREPARE)) {
		pcm->map = mmap(NULL, size, RW, MAP_SHARED, pcm->fd,
				SNDRV_PCM_MMAP_OFFSET_DATA);
		if (pcm->map != MAP_FAILED)
			return 0;
	}
	saved = errno;
	close(pcm->fd);
	errno = saved;
	return -1;
}

/* Where this fails, so has the test. */
static int get_pcm(struct pcm *pcm, const char *node, size_t size, size_t period)
{
	if (!try_pcm(pcm, node, size, period))
		return 0;
	fail("%s, %zu bytes: %s", node, size, strerror(errno));
	return -1;
}

static void put_pcm(struct pcm *pcm)
{
	munmap(pcm->map, pcm->size);
	close(pcm->fd);
}

/* Starts it, waits until it is so many frames further, and stops it. */
static void run_pcm(struct pcm *pcm, unsigned long frames)
{
	struct snd_pcm_status status = { 0 };
	double start = now();

	check_errno(ioctl(pcm->fd, SNDRV_PCM_IOCTL_START), 0);
	while (status.hw_ptr < frames) {
		if (now() - start > 10) {
			fail("at frame %lu after 10 s, expected: %lu",
			     status.hw_ptr, frames);
			break;
		}
		pause_ms(2);
		memset(&status, 0, sizeof(status));
		if (ioctl(pcm->fd, SNDRV_PCM_IOCTL_STATUS, &status)) {
			fail("status: %s", strerror(errno));
			break;
		}
		if (status.state != SNDRV_PCM_STATE_RUNNING) {
			fail("state %d", status.state);
			break;
		}
	}
	check_errno(ioctl(pcm->fd, SNDRV_PCM_IOCTL_DROP), 0);
}

static void test_pcm_play(void)
{
	struct pcm pcm;

	if (get_pcm(&pcm, PLAYBACK, BUFFER, PERIOD))
		return;
	write_and_read(pcm.map, pcm.size);
	run_pcm(&pcm, 8 * PERIOD / FRAME);
	put_pcm(&pcm);
}

/* The device is silent, and writes that. */
static void test_pcm_capture(void)
{
	struct pcm pcm;
	size_t i, bad = 0;

	if (get_pcm(&pcm, CAPTURE, BUFFER, PERIOD))
		return;
	memset(pcm.map, 0xa5, pcm.size);
	run_pcm(&pcm, 4 * PERIOD / FRAME);
	for (i = 0; i < 4 * PERIOD; i++)
		bad += pcm.map[i] != 0;
	if (bad)
		fail("%zu of %lu bytes are not the device's", bad, 4 * PERIOD);
	/* It has not gone round. */
	check(pcm.map[pcm.size - 1] == 0xa5);
	put_pcm(&pcm);
}

/* While it plays, and afterwards. */
static void pcm_types(size_t size)
{
	struct pages pages;
	struct pcm pcm;
	int bad;

	if (get_pcm(&pcm, PLAYBACK, size, size / 32))
		return;
	bad = get_pages(&pages, pcm.map, size);
	if (!bad) {
		check_errno(ioctl(pcm.fd, SNDRV_PCM_IOCTL_START), 0);
		check_live(&pages);
		check_errno(ioctl(pcm.fd, SNDRV_PCM_IOCTL_DROP), 0);
	}
	put_pcm(&pcm);
	if (!bad)
		check_freed(&pages);
}

static void test_pcm_memtype(void)
{
	if (can_change())
		pcm_types(BUFFER);
}

static void test_pcm_memtype_huge(void)
{
	if (can_change())
		pcm_types(BUFFER_HUGE);
}

static void test_pcm_unchanged(void)
{
	if (cannot_change())
		pcm_types(BUFFER);
}

/* All have what they need from the one stock. */
static void test_pcm_stock(void)
{
	unsigned long before = stock_used();
	struct pcm pcm;

	if (!can_change() || get_pcm(&pcm, PLAYBACK, BUFFER, PERIOD))
		return;
	check(stock_used() >= before + BUFFER / PAGE);
	put_pcm(&pcm);
	check(stock_used() == before);
}

static void test_pcm_again(void)
{
	struct state before;
	unsigned int i;
	struct pcm pcm;

	get_state(&before);
	for (i = 0; i < PCM_ROUNDS && !failed; i++) {
		if (get_pcm(&pcm, PLAYBACK, BUFFER >> (i % 3), PERIOD))
			break;
		write_and_read(pcm.map, pcm.size);
		run_pcm(&pcm, 4 * PERIOD / FRAME);
		put_pcm(&pcm);
	}
	say("    # %u times", i);
	check_state(&before);
}

/* It ends without a word. */
static void pcm_child(void)
{
	struct pcm pcm;

	if (get_pcm(&pcm, PLAYBACK, BUFFER, PERIOD))
		return;
	check_errno(ioctl(pcm.fd, SNDRV_PCM_IOCTL_START), 0);
}

static void test_pcm_exit(void)
{
	struct state before;

	get_state(&before);
	check(child(pcm_child) == 0);
	check_state(&before);
}

static const struct test pcm_tests[] = {
	{ "play", test_pcm_play },
	{ "capture", test_pcm_capture },
	{ "memtype", test_pcm_memtype },
	{ "memtype-huge", test_pcm_memtype_huge },
	{ "unchanged", test_pcm_unchanged },
	{ "stock", test_pcm_stock },
	{ "hundred-times", test_pcm_again },
	{ "exit", test_pcm_exit },
};

#endif
