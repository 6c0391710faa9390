/* SPDX-License-Identifier: MIT */
/*
** An index by hash over an array of entries that its owner keeps. Up to a bound of the owner's the array grows; then
** one more takes the place of the oldest.
*/
#ifndef FLOWVT_HASHED_H
#define FLOWVT_HASHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty index. Entries are referred to by their place: index + 1, 0 is none. */
struct hashed {
    uint32_t *bucket; /* capacity of them: a place */
    struct hashed_link {
        uint32_t hash;
        uint32_t next;        /* in its bucket: a place */
    } * link;                 /* one for each entry */
    uint32_t count, capacity; /* of entries; a power of two */
    uint32_t replace;         /* index that is reused next when full */
};

/* The hash of a key in parts: begin with any number, go on with what was returned, cut at the end. It has the secret of
** fvt_hash(): whoever sends the keys cannot choose such as fall into one bucket. */
uint64_t hashed_mix(uint64_t h, const void *octets, size_t n);
static inline uint32_t hashed_cut(uint64_t h) {
    return (uint32_t)(h ^ h >> 32);
}

/* The first place that may have the key, and the next one behind it; 0: none. */
uint32_t hashed_first(const struct hashed *h, uint32_t hash);
uint32_t hashed_next(const struct hashed *h, uint32_t place);

/* Make room in entries (of size octets each, malloc()'s or NULL) for one more, unless there are max already. Returns
** the array, which may have moved; NULL without memory, and then all is as it was. */
void *hashed_room(struct hashed *h, void *entries, size_t size, uint32_t max);
/* Take a place, with room made; max is not 0. When there are max entries it is the oldest one's, whose contents are still
** there; else it has none yet. */
uint32_t hashed_take(struct hashed *h, uint32_t max, uint32_t hash);

/* Give a place that is taken to another key. */
void hashed_move(struct hashed *h, uint32_t place, uint32_t hash);

/* Memory it takes, octets, without the entries. */
size_t hashed_octets(const struct hashed *h);
/* Empty it; the entries are the owner's to free. */
void hashed_free(struct hashed *h);

#endif
