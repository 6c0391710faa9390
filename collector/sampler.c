/* SPDX-License-Identifier: MIT */
/*
** Sampling rates of a record's elements; announced ones in a hash table with chains, its entries in a
** list by age.
*/
#include "sampler.h"

#include <stdlib.h>

/* ---- elements --------------------------------------------------------------------------- */

/* a of b, rounded to the nearest. */
static struct sampling_rate ratio(uint64_t a, uint64_t b) {
    uint64_t n = a / b, rest = a % b;
    n += rest >= b - rest;
    return (struct sampling_rate){n ? n : 1, rest != 0};
}

static struct sampling_rate one_in(double n) {
    if (n >= 0x1p63)
        return (struct sampling_rate){0};
    uint64_t whole = (uint64_t)(n + 0.5);
    /* 1 / 0.01 is not 100 to the last bit, of a float32 even less. */
    double off = n - (double)whole;
    return (struct sampling_rate){whole, off > n * 1e-6 || off < -n * 1e-6};
}

struct sampling_rate sampling_rate_of(const struct sampling_elements *s) {
    if (s->size && s->population >= s->size)
        return ratio(s->population, s->size);
    if (s->probability > 0 && s->probability <= 1)
        return one_in(1 / s->probability);
    if (s->interval)
        return (struct sampling_rate){.n = s->interval};
    uint64_t all;
    if (s->packet_interval && s->space &&
        !__builtin_add_overflow(s->packet_interval, s->space, &all))
        return ratio(all, s->packet_interval);
    return (struct sampling_rate){.n = s->packet_interval};
}

/* ---- announcements ---------------------------------------------------------------------- */

static uint16_t *bucket_of(const struct sampler_table *t, enum sampler_kind kind, uint64_t id) {
    uint64_t h = (id * SAMPLER_KINDS + kind) * UINT64_C(0x9e3779b97f4a7c15);
    return &t->bucket[h >> 32 & (t->capacity - 1)];
}

/* Index + 1 of the entry, 0 when there is none. The table is not empty. */
static uint16_t find(const struct sampler_table *t, enum sampler_kind kind, uint64_t id) {
    uint16_t at = *bucket_of(t, kind, id);
    while (at && (t->entry[at - 1].kind != kind || t->entry[at - 1].id != id))
        at = t->entry[at - 1].next;
    return at;
}

static void link_newest(struct sampler_table *t, uint16_t at) {
    struct sampler *s = &t->entry[at - 1];
    s->newer = 0;
    s->older = t->newest;
    *(t->newest ? &t->entry[t->newest - 1].newer : &t->oldest) = at;
    t->newest = at;
}

static void unlink_age(struct sampler_table *t, uint16_t at) {
    const struct sampler *s = &t->entry[at - 1];
    *(s->newer ? &t->entry[s->newer - 1].older : &t->newest) = s->older;
    *(s->older ? &t->entry[s->older - 1].newer : &t->oldest) = s->newer;
}

static void link_bucket(struct sampler_table *t, uint16_t at) {
    struct sampler *s = &t->entry[at - 1];
    uint16_t *bucket = bucket_of(t, s->kind, s->id);
    s->next = *bucket;
    *bucket = at;
}

static void unlink_bucket(struct sampler_table *t, uint16_t at) {
    const struct sampler *s = &t->entry[at - 1];
    uint16_t *from = bucket_of(t, s->kind, s->id);
    while (*from != at)
        from = &t->entry[*from - 1].next;
    *from = s->next;
}

static bool grow(struct sampler_table *t) {
    uint32_t capacity = t->capacity ? t->capacity * 2 : 8;
    struct sampler *entry = realloc(t->entry, capacity * sizeof *entry);
    if (!entry)
        return false;
    t->entry = entry;
    uint16_t *bucket = calloc(capacity, sizeof *bucket);
    if (!bucket)
        return false;
    free(t->bucket);
    t->bucket = bucket;
    t->capacity = capacity;
    for (uint32_t i = 1; i <= t->count; i++)
        link_bucket(t, (uint16_t)i);
    return true;
}

/* A place for one more, linked nowhere; 0 without memory. */
static uint16_t place(struct sampler_table *t) {
    if (t->count == SAMPLER_MAX) {
        uint16_t at = t->oldest;
        unlink_age(t, at);
        unlink_bucket(t, at);
        return at;
    }
    if (t->count == t->capacity && !grow(t))
        return 0;
    return (uint16_t)++t->count;
}

bool sampler_set(struct sampler_table *t, enum sampler_kind kind, uint64_t id,
                 struct sampling_rate rate) {
    bool news = true;
    if (rate.n == 0)
        return false;
    uint16_t at = t->count ? find(t, kind, id) : 0;
    if (at) {
        news = t->entry[at - 1].rate.n != rate.n;
        t->entry[at - 1].rate = rate;
        unlink_age(t, at);
    } else {
        at = place(t);
        if (!at)
            return false;
        t->entry[at - 1] = (struct sampler){.kind = kind, .id = id, .rate = rate};
        link_bucket(t, at);
    }
    link_newest(t, at);
    return news;
}

struct sampling_rate sampler_rate(const struct sampler_table *t, const uint64_t *id,
                                  const uint64_t *ifindex) {
    uint16_t at = 0;
    if (t->count == 0)
        return (struct sampling_rate){0};
    if (id)
        at = find(t, SAMPLER_ID, *id);
    if (!at && ifindex)
        at = find(t, SAMPLER_INTERFACE, *ifindex);
    if (!at)
        at = find(t, SAMPLER_ALL, 0);
    if (!at && !id && t->count == 1 && t->entry[0].kind == SAMPLER_ID)
        at = 1;
    return at ? t->entry[at - 1].rate : (struct sampling_rate){0};
}

size_t sampler_octets(const struct sampler_table *t) {
    return t->capacity * (sizeof *t->entry + sizeof *t->bucket);
}

void sampler_free(struct sampler_table *t) {
    free(t->entry);
    free(t->bucket);
    *t = (struct sampler_table){0};
}
