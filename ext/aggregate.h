/* SPDX-License-Identifier: MIT */
/*
** One thread's half of a totals query: reads blocks of a scan and adds them up by key.
**
** Within a row group keys are dictionary codes and small integers packed into a few words, so
** adding a flow costs a look into one table; each distinct key is translated to values, and added
** to the groups that all threads share, once a row group.
*/
#ifndef FLOWVT_AGGREGATE_H
#define FLOWVT_AGGREGATE_H

#include <pthread.h>

#include "../schema/dict.h"
#include "groups.h"
#include "scan.h"

/* More than any table has; a key has a bit in its NULL marks for each. */
enum { MAX_DIMENSIONS = 127, NULL_WORDS = 2 };

struct dimension {
    int side[2]; /* scan column for the sender's side and the receiver's */
    enum flow_class class;
};

/* Addresses and texts of all keys, numbered; shared by the threads. */
struct interner {
    pthread_mutex_t lock;
    struct dict_builder ips, texts;
};
enum { KEY_DIMS = NULL_WORDS }; /* where the dimensions begin in a key */

/* What is asked, the same for all threads. */
struct aggregate_spec {
    struct dimension dim[MAX_DIMENSIONS];
    int ndims;
    bool buckets;   /* time is part of the key */
    int64_t bucket; /* ms */
    struct window window;
    int mask4, mask6;
    int sides;                   /* 2: endpoints */
    int counter[GROUP_COUNTERS]; /* scan columns; flows is the first */
    int ncounters;               /* of one side */
    bool times;                  /* first and last are asked for */
};

/* The integers of a key: NULL marks (the last bit: no bucket), dimensions, bucket in ms. */
static inline int aggregate_width(const struct aggregate_spec *s) {
    return KEY_DIMS + s->ndims + s->buckets;
}
static inline bool key_null(const int64_t *key, int dim) {
    return (uint64_t)key[dim / 64] >> (dim & 63) & 1;
}
static inline void key_set_null(int64_t *key, int dim) {
    key[dim / 64] |= (int64_t)(UINT64_C(1) << (dim & 63));
}
enum { KEY_NO_BUCKET = NULL_WORDS * 64 - 1 };

struct aggregate;

/* All is borrowed. */
struct aggregate *aggregate_new(const struct aggregate_spec *spec, struct groups *groups,
                                struct interner *interner);
void aggregate_free(struct aggregate *a);

/* Read scan to its end. FVT_OK or FVT_*; the message is the scan's. side: the parts of the scan's
** own predicate that each side must pass; not looked at when there is one side. */
int aggregate_run(struct aggregate *a, struct scan *scan, struct predicate *const side[2]);

/* Scan columns that aggregate_run() will ask for. */
void aggregate_columns(const struct aggregate_spec *spec, bool used[SCAN_NCOLUMNS]);

#endif
