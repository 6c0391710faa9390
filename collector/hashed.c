/* SPDX-License-Identifier: MIT */
/*
** Chains of places in buckets, as many buckets as there is room for entries.
*/
#include "hashed.h"

#include <stdlib.h>

#include "schema/format.h"

enum { FIRST_CAPACITY = 4 };

uint64_t hashed_mix(uint64_t h, const void *octets, size_t n) {
    const uint64_t parts[2] = {h, fvt_hash(octets, n)};
    return fvt_hash(parts, sizeof parts);
}

static uint32_t *bucket_of(const struct hashed *h, uint32_t hash) {
    return &h->bucket[hash & (h->capacity - 1)];
}

/* From place on, the first one with that hash. */
static uint32_t with_hash(const struct hashed *h, uint32_t place, uint32_t hash) {
    while (place && h->link[place - 1].hash != hash)
        place = h->link[place - 1].next;
    return place;
}

uint32_t hashed_first(const struct hashed *h, uint32_t hash) {
    return h->capacity ? with_hash(h, *bucket_of(h, hash), hash) : 0;
}

uint32_t hashed_next(const struct hashed *h, uint32_t place) {
    const struct hashed_link *l = &h->link[place - 1];
    return with_hash(h, l->next, l->hash);
}

static void link_place(struct hashed *h, uint32_t place) {
    struct hashed_link *l = &h->link[place - 1];
    uint32_t *bucket = bucket_of(h, l->hash);
    l->next = *bucket;
    *bucket = place;
}

static void unlink_place(struct hashed *h, uint32_t place) {
    uint32_t *at = bucket_of(h, h->link[place - 1].hash);
    while (*at != place)
        at = &h->link[*at - 1].next;
    *at = h->link[place - 1].next;
}

void *hashed_room(struct hashed *h, void *entries, size_t size, uint32_t max) {
    if (h->count < h->capacity || h->count >= max)
        return entries;
    uint32_t n = h->capacity ? h->capacity * 2 : FIRST_CAPACITY;
    struct hashed_link *link = realloc(h->link, n * sizeof *link);
    if (!link)
        return NULL;
    h->link = link;
    uint32_t *bucket = calloc(n, sizeof *bucket);
    void *grown = bucket ? realloc(entries, n * size) : NULL;
    if (!grown) {
        free(bucket);
        return NULL;
    }
    free(h->bucket);
    h->bucket = bucket;
    h->capacity = n;
    for (uint32_t place = 1; place <= h->count; place++)
        link_place(h, place);
    return grown;
}

void hashed_move(struct hashed *h, uint32_t place, uint32_t hash) {
    unlink_place(h, place);
    h->link[place - 1].hash = hash;
    link_place(h, place);
}

uint32_t hashed_take(struct hashed *h, uint32_t max, uint32_t hash) {
    if (h->count >= max) {
        uint32_t oldest = h->replace++ % h->count + 1;
        hashed_move(h, oldest, hash);
        return oldest;
    }
    uint32_t place = ++h->count;
    h->link[place - 1].hash = hash;
    link_place(h, place);
    return place;
}

size_t hashed_octets(const struct hashed *h) {
    return h->capacity * (sizeof *h->bucket + sizeof *h->link);
}

void hashed_free(struct hashed *h) {
    free(h->bucket);
    free(h->link);
    *h = (struct hashed){0};
}
