/* SPDX-License-Identifier: MIT */
/*
** How the dimensions of a totals query, and its time bucket, are packed into the words of a key.
** A dimension that is 0 in the key is NULL; a number v is there as v + 1, an address or text as its
** number of interner.h, a bucket by its place in the window.
*/
#ifndef FLOWVT_KEYS_H
#define FLOWVT_KEYS_H

#include "../schema/field.h"
#include "labels.h"
#include "window.h"

/* More than any table has. */
enum { MAX_DIMENSIONS = 127, MAX_KEY_WORDS = MAX_DIMENSIONS + 1 };

struct dimension {
    int side[2]; /* scan column for the sender's side and the receiver's */
    enum flow_class class;
    enum label label; /* LABEL_NONE: the value itself */
};
/* A text out of a site's tables. */
static inline bool dimension_is_told(const struct dimension *d) {
    return d->label == LABEL_ZONE || d->label == LABEL_APPLICATION;
}
/* The scan column of the mask that a network is made by. */
static inline int dimension_mask(const struct dimension *d, int side) {
    return d->side[side] == FLOW_srcip ? FLOW_srcmask : FLOW_dstmask;
}
/* What is made of both ports of a flow. */
static inline bool dimension_has_ports(const struct dimension *d) {
    return d->label == LABEL_APPLICATION || d->label == LABEL_LOWPORT;
}

struct key_slot {
    uint8_t word, shift, bits;
};

struct key_layout {
    int ndims;
    int place[MAX_DIMENSIONS];                /* dimensions in the order of their slots */
    bool wide[MAX_DIMENSIONS];                /* has values that its field should not have */
    struct key_slot slot[MAX_DIMENSIONS + 1]; /* the last one: bucket */
    int words;
    /* Of the dimension that is counted, which is none of the key: its values lie behind those of the key, in the last word if there
    ** is room for them. */
    struct key_slot counted;
    int counted_words;
    /* Buckets are counted from base, the begin of the first one that can occur. */
    int64_t base, step; /* ms; step 0: no buckets */
    double per_step;    /* 1 / step */
};

/* bucket: ms, 0 for none. counts: behind the ndims dimensions there is one that is counted. wide is read, the rest is set. The
** dimension that has most values is in the low bits of the
** first word, so that keys of one word lie together where the others have few. */
void key_layout_make(struct key_layout *k, const struct dimension *dims, int ndims, bool counts,
                     int64_t bucket, const struct window *window);

/* Of a dimension, or of the one that is counted. */
static inline const struct key_slot *key_slot_of(const struct key_layout *k, int dim) {
    return dim < k->ndims ? &k->slot[dim] : &k->counted;
}

/* The largest value of a slot, as packed. */
static inline uint64_t key_largest(const struct key_slot *s) {
    return s->bits == 64 ? UINT64_MAX : (UINT64_C(1) << s->bits) - 1;
}
static inline uint64_t key_get(const struct key_slot *s, const uint64_t *key) {
    return key[s->word] >> s->shift & key_largest(s);
}

/* Bucket of a time within window and calendar: its number, from 1 on; and the other way round. */
static inline uint64_t key_bucket(const struct key_layout *k, int64_t ms) {
    int64_t x = ms - k->base, q = (int64_t)((double)x * k->per_step), rest = x - q * k->step;
    q += rest < 0 ? -1 : rest >= k->step;
    return (uint64_t)q + 1;
}
static inline int64_t key_bucket_ms(const struct key_layout *k, uint64_t number) {
    return k->base + (int64_t)(number - 1) * k->step;
}

#endif
