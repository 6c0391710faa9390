/* SPDX-License-Identifier: MIT */
/*
** The groups of a totals query: keys of integers with their counters, in an open hash table cut
** into parts by hash, so that threads add to different parts at once and a part can be put off.
**
** When the table outgrows its budget, half of the parts still kept are given up; a later pass over
** the store adds to those alone. A part that was not given up is complete.
*/
#ifndef FLOWVT_GROUPS_H
#define FLOWVT_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GROUP_PARTS = 256, GROUP_COUNTERS = 6 };

struct groups;

/* width: integers of a key. ncounters: at most GROUP_COUNTERS. budget: octets. */
struct groups *groups_new(int width, int ncounters, size_t budget);
void groups_free(struct groups *g);

/* What is added to one group. first > last: no time. */
struct group_sum {
    uint64_t counter[GROUP_COUNTERS];
    int64_t first, last;
};

/* Hashes are made of the values of a key, one after the other, beginning with 0. */
static inline uint64_t groups_mix(uint64_t h, uint64_t value) {
    h = (h ^ value) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ h >> 32;
}
/* The part of a hash, below GROUP_PARTS. */
static inline unsigned groups_part(uint64_t hash) {
    return (unsigned)(hash >> 56);
}

/* Add n sums to their groups, all in one part: key[i * width], hash[i]. Safe from several threads.
** Returns false without memory. Sums for a part that was given up are dropped. */
bool groups_add(struct groups *g, unsigned part, const int64_t *key, const uint64_t *hash,
                const struct group_sum *sum, size_t n);

/* After a pass: forget it and make ready for the parts that were given up. False when none were. */
bool groups_next_pass(struct groups *g);

/* Walk the groups of the pass: start with at = -1; false at the end. */
struct group_cursor {
    int64_t at;
    unsigned part;
};
bool groups_step(const struct groups *g, struct group_cursor *c);
const int64_t *groups_key(const struct groups *g, const struct group_cursor *c);
const struct group_sum *groups_sum(const struct groups *g, const struct group_cursor *c);

#endif
