/* SPDX-License-Identifier: MIT */
/*
** Announced sampling rates: a hash table with open addressing, never more than half full.
*/
#include "sampler.h"

#include <stdlib.h>

/* The entry of that key, or the free one where it belongs (rate 0). */
static struct sampler *slot(const struct sampler_table *t, enum sampler_kind kind, uint64_t id) {
    uint64_t h = (id * SAMPLER_KINDS + kind) * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t i = (uint32_t)(h >> 32);; i++) {
        struct sampler *s = &t->entry[i & (t->capacity - 1)];
        if (s->rate == 0 || (s->kind == kind && s->id == id))
            return s;
    }
}

static bool grow(struct sampler_table *t) {
    struct sampler_table more = {.capacity = t->capacity ? t->capacity * 2 : 8, .count = t->count};
    more.entry = calloc(more.capacity, sizeof *more.entry);
    if (!more.entry)
        return false;
    for (uint32_t i = 0; i < t->capacity; i++)
        if (t->entry[i].rate)
            *slot(&more, t->entry[i].kind, t->entry[i].id) = t->entry[i];
    free(t->entry);
    *t = more;
    return true;
}

void sampler_set(struct sampler_table *t, enum sampler_kind kind, uint64_t id, uint64_t rate) {
    if (rate == 0)
        return;
    if (t->count == SAMPLER_MAX)
        sampler_free(t);
    if (t->count * 2 >= t->capacity && !grow(t))
        return;
    struct sampler *s = slot(t, kind, id);
    t->count += s->rate == 0;
    *s = (struct sampler){kind, id, rate};
}

/* The only one there is. */
static uint64_t lone_rate(const struct sampler_table *t) {
    uint32_t i = 0;
    while (t->entry[i].rate == 0)
        i++;
    return t->entry[i].rate;
}

uint64_t sampler_rate(const struct sampler_table *t, const uint64_t *id, const uint64_t *ifindex) {
    uint64_t rate = 0;
    if (t->count == 0)
        return 0;
    if (id)
        rate = slot(t, SAMPLER_ID, *id)->rate;
    if (!rate && ifindex)
        rate = slot(t, SAMPLER_INTERFACE, *ifindex)->rate;
    if (!rate)
        rate = slot(t, SAMPLER_ALL, 0)->rate;
    if (!rate && !id && t->count == 1)
        rate = lone_rate(t);
    return rate;
}

void sampler_free(struct sampler_table *t) {
    free(t->entry);
    *t = (struct sampler_table){0};
}
