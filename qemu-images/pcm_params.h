/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For programs in the guest that set up a PCM of ALSA, without its library.
 */
#ifndef PCM_PARAMS_H
#define PCM_PARAMS_H

#include <string.h>
#include <sound/asound.h>

#define RATE		48000

static void set_mask(struct snd_pcm_hw_params *p, int param, unsigned int bit)
{
	struct snd_mask *mask = &p->masks[param - SNDRV_PCM_HW_PARAM_FIRST_MASK];

	memset(mask, 0, sizeof(*mask));
	mask->bits[bit / 32] = 1U << (bit % 32);
}

static void set_interval(struct snd_pcm_hw_params *p, int param, unsigned int n)
{
	struct snd_interval *i = &p->intervals[param - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL];

	i->min = n;
	i->max = n;
	i->integer = 1;
}

/* Two channels of 16 bits, in a buffer of @size bytes that is mapped. */
static void set_pcm_params(struct snd_pcm_hw_params *p, size_t size, size_t period)
{
	unsigned int i;

	memset(p, 0, sizeof(*p));
	memset(p->masks, 0xff, sizeof(p->masks));
	for (i = 0; i < sizeof(p->intervals) / sizeof(p->intervals[0]); i++)
		p->intervals[i].max = -1U;
	p->rmask = -1U;
	set_mask(p, SNDRV_PCM_HW_PARAM_ACCESS, SNDRV_PCM_ACCESS_MMAP_INTERLEAVED);
	set_mask(p, SNDRV_PCM_HW_PARAM_FORMAT, SNDRV_PCM_FORMAT_S16_LE);
	set_interval(p, SNDRV_PCM_HW_PARAM_CHANNELS, 2);
	set_interval(p, SNDRV_PCM_HW_PARAM_RATE, RATE);
	set_interval(p, SNDRV_PCM_HW_PARAM_BUFFER_BYTES, size);
	set_interval(p, SNDRV_PCM_HW_PARAM_PERIOD_BYTES, period);
}

#endif
