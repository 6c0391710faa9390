/* SPDX-License-Identifier: MIT */
/*
** Packet sampling, RFC 5475: one packet in n, either every n-th (5.1, systematic count-based) or a random one of each
** n (5.2.1, n-out-of-N with n = 1). Both take exactly one of each n packets.
*/
#ifndef FLOWVT_SAMPLING_H
#define FLOWVT_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SAMPLING_SELECTOR = 1, /* selectorId, samplerId */
    SAMPLING_MAX = 1 << 24,
    SAMPLING_MAX_V5 = 0x3fff, /* what a NetFlow v5 header has room for */
};

struct sampling_method {
    uint32_t n; /* 0 or 1: all packets */
    bool random;
};

struct sampling {
    struct sampling_method method;
    uint32_t at, chosen; /* in the n at hand; which of them is taken */
    uint64_t seed;
};

void sampling_init(struct sampling *s, struct sampling_method method);

/* Choose the packet of the next n. */
void sampling_choose(struct sampling *s);

/* Is the next packet taken? Only where n is more than 1. */
static inline bool sampling_takes(struct sampling *s) {
    if (s->at == 0)
        sampling_choose(s);
    bool taken = s->at == s->chosen;
    s->at = s->at + 1 == s->method.n ? 0 : s->at + 1;
    return taken;
}

#endif
