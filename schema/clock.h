/* SPDX-License-Identifier: MIT */
/*
** The two clocks, in milliseconds.
*/
#ifndef FLOWVT_CLOCK_H
#define FLOWVT_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ms(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Since 1970 in UTC; somebody may set it. */
static inline int64_t now_ms(void) {
    return clock_ms(CLOCK_REALTIME);
}

/* Since some moment; it never goes back. */
static inline int64_t monotonic_ms(void) {
    return clock_ms(CLOCK_MONOTONIC);
}

#endif
