/* SPDX-License-Identifier: MIT */
/* Which packets are sampled. */
#include "sampling.h"

#include <sys/random.h>
#include <time.h>

void sampling_init(struct sampling *s, struct sampling_method method) {
    *s = (struct sampling){.method = method};
    if (method.random && getrandom(&s->seed, sizeof s->seed, 0) != (ssize_t)sizeof s->seed)
        s->seed = (uint64_t)time(NULL);
}

/* SplitMix64; the high bits of a product are uniform enough over n. */
void sampling_choose(struct sampling *s) {
    s->chosen = s->method.n - 1;
    if (!s->method.random)
        return;
    uint64_t z = s->seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    s->chosen = (uint32_t)((z >> 32) * s->method.n >> 32);
}
