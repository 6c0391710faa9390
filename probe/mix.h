/* SPDX-License-Identifier: MIT */
/* The hash that tables of packets' properties share. It is keyed with what the caller mixes in. */
#ifndef FLOWVT_MIX_H
#define FLOWVT_MIX_H

#include <stdint.h>

static inline uint64_t mix(uint64_t a, uint64_t b) {
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif
