/* SPDX-License-Identifier: MIT */
/*
** The table that one roll-up grows in, and its way into blocks. Private to schema/.
*/
#ifndef FLOWVT_ROLLUP_TABLE_H
#define FLOWVT_ROLLUP_TABLE_H

#include "dict.h"
#include "rollup.h"

/* What flows come to. first > last: none of them has a time. */
struct rollup_sum {
    uint64_t flows, packets, bytes;
    int64_t first, last;
};

/* A key: the bucket's number and NULL marks of the columns in one word, then a word for each column;
** addresses are numbers of the builder's dictionary. */
enum { ROLLUP_WORDS = 1 + FVT_ROLLUP_COLUMNS, ROLLUP_MARKS = 16 };
#define ROLLUP_NO_BUCKET (-(INT64_C(1) << 40)) /* of flows without a time */

static inline uint64_t rollup_word(int64_t bucket, unsigned nulls) {
    return (uint64_t)bucket << ROLLUP_MARKS | nulls;
}

struct rollup_table {
    const struct rollup_set *set;
    uint32_t seconds;           /* of a bucket */
    struct rollup_table *daily; /* gets what this one holds when it is emptied; NULL for none */
    uint64_t limit;             /* rows it may have at most */
    bool kept;                  /* false: it does not pay, or a total is out of range */
    int words;
    uint32_t n, cap, nslots;
    uint32_t *slots; /* row + 1, 0: free */
    uint64_t *key;   /* words a row */
    struct rollup_sum *sum;
    /* What was emptied already: */
    uint64_t rows;
    struct fvt_buffer blocks;
    uint64_t *block; /* where each begins in blocks */
    uint32_t nblocks;
};

void rollup_table_init(struct rollup_table *t, const struct rollup_set *set, uint32_t seconds,
                       uint64_t limit);
void rollup_table_free(struct rollup_table *t);

/* Leave it out, and free its blocks. */
void rollup_table_give_up(struct rollup_table *t);
/* Is there a use for what it counts? */
bool rollup_table_live(const struct rollup_table *t);
/* Octets that its rows take. */
size_t rollup_table_size(const struct rollup_table *t);

/* Returns false without memory. */
bool rollup_table_add(struct rollup_table *t, const uint64_t *key, const struct rollup_sum *sum);

/* Turn the rows into blocks, hand them to the daily table, and free their memory. rank: place of each
** address of ips in sorted order. Returns false without memory. */
bool rollup_table_empty(struct rollup_table *t, const struct dict_builder *ips,
                        const uint32_t *rank);

#endif
