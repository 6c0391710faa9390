/* SPDX-License-Identifier: MIT */
/*
** Totals by key, in three steps.
**
** Each thread adds batches of rows to a table of its own that fits the cache: an array of a few pages where keys
** are numbers that lie together, a hash table where not. When the table is full its groups go to partitions by
** hash; where keys hardly repeat, rows go there right away. In the end each partition is merged by
** one thread, again in the cache, and then has every group once.
**
** A group is a row of 64-bit words: its key, its counters, and the first and last time when those
** are asked for (first > last: none). Counters stop at UINT64_MAX.
*/
#ifndef FLOWVT_GROUPS_H
#define FLOWVT_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget.h"

enum {
    GROUP_COUNTERS = 7,
    GROUP_BATCH = 4096, /* rows added at once, at most */
    GROUP_PAGE_BITS = 18,
};

struct group_shape {
    int words; /* of the key */
    int counters;
    bool times;
};
static inline size_t group_width(const struct group_shape *s) {
    return (size_t)s->words + (size_t)s->counters + (s->times ? 2 : 0);
}

/* Totals stop at UINT64_MAX. */
static inline uint64_t group_sum(uint64_t a, uint64_t b) {
    uint64_t sum = a + b;
    return sum | -(uint64_t)(sum < a);
}

/* The hash of a key, word by word from a seed on. The low bits of a product know only the low bits of what was multiplied: who
** needs few bits takes the high ones. */
#define GROUP_MIX UINT64_C(0x9e3779b97f4a7c15)
static inline uint64_t group_hash_word(uint64_t h, uint64_t word) {
    h = (h ^ word) * GROUP_MIX;
    return h ^ h >> 32;
}
static inline uint64_t group_hash_end(uint64_t h) {
    return h * GROUP_MIX;
}

struct groups;
struct group_table;

/* rows: about how many will be added. budget is borrowed. NULL without memory. */
struct groups *groups_new(const struct group_shape *shape, uint64_t rows, struct budget *budget);
void groups_free(struct groups *g);
unsigned groups_parts(const struct groups *g);
const struct group_shape *groups_shape(const struct groups *g);

/* A thread's table; it is freed with groups. page_bits: keys are a single word, and likely to differ in few but so many low
** bits (at most GROUP_PAGE_BITS); 0: they are not. Not to be called by two threads at once. */
struct group_table *group_table_new(struct groups *g, unsigned page_bits);

/* What is added: key[w][i], value[c][i] to counter at + c, first[i] and last[i] with times. Values
** are not negative. */
struct group_batch {
    uint32_t n;
    uint64_t *const *key;
    const int64_t *value[GROUP_COUNTERS];
    int at, nvalues;
    const int64_t *first, *last;
};
/* Both return false without memory. */
bool group_table_add(struct group_table *t, const struct group_batch *b);
bool group_table_flush(struct group_table *t);

/* Make every group of the partition one row. All tables are flushed and at rest; different
** partitions may be merged by different threads. More may be added afterwards. */
bool groups_merge(struct groups *g, unsigned part);
/* The rows of a merged partition, n of them, group_width() words each. */
const uint64_t *groups_rows(const struct groups *g, unsigned part, size_t *n);
/* Forget those rows of a merged partition that keep() does not want. */
void groups_keep(struct groups *g, unsigned part,
                 bool (*keep)(const void *arg, const uint64_t *row), const void *arg);
/* Forget the partition's rows. */
void groups_drop(struct groups *g, unsigned part);

#endif
