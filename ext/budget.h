/* SPDX-License-Identifier: MIT */
/*
** Octets of what grows with the data, counted by all threads of a query.
*/
#ifndef FLOWVT_BUDGET_H
#define FLOWVT_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct budget {
    size_t limit;
    atomic_size_t used;
};

static inline void budget_add(struct budget *b, size_t n) {
    atomic_fetch_add_explicit(&b->used, n, memory_order_relaxed);
}
static inline void budget_sub(struct budget *b, size_t n) {
    atomic_fetch_sub_explicit(&b->used, n, memory_order_relaxed);
}
static inline size_t budget_used(struct budget *b) {
    return atomic_load_explicit(&b->used, memory_order_relaxed);
}

/* What of the limit is left for what grows beside columns of so many octets that are being read: these
** take what they need, up to half of it. */
static inline size_t budget_beside(size_t limit, size_t reading) {
    return limit - (reading < limit / 2 ? reading : limit / 2);
}

#endif
