/* SPDX-License-Identifier: MIT */
/*
** A small table of announced sampling rates; routers announce a handful.
*/
#include "sampler.h"

#include <stdlib.h>

static struct sampler *find(const struct sampler_table *t, enum sampler_kind kind, uint64_t id) {
    for (uint32_t i = 0; i < t->count; i++)
        if (t->entry[i].kind == kind && t->entry[i].id == id)
            return &t->entry[i];
    return NULL;
}

static struct sampler *new_slot(struct sampler_table *t) {
    if (t->count == SAMPLER_MAX)
        return &t->entry[t->replace++ % SAMPLER_MAX];
    if (t->count == t->capacity) {
        uint32_t capacity = t->capacity ? t->capacity * 2 : 4;
        struct sampler *more = realloc(t->entry, capacity * sizeof *more);
        if (!more)
            return NULL;
        t->entry = more;
        t->capacity = capacity;
    }
    return &t->entry[t->count++];
}

void sampler_set(struct sampler_table *t, enum sampler_kind kind, uint64_t id, uint64_t rate) {
    if (rate == 0)
        return;
    struct sampler *s = find(t, kind, id);
    if (!s)
        s = new_slot(t);
    if (s)
        *s = (struct sampler){kind, id, rate};
}

uint64_t sampler_rate(const struct sampler_table *t, const uint64_t *id, const uint64_t *ifindex) {
    const struct sampler *s = NULL;
    if (id)
        s = find(t, SAMPLER_ID, *id);
    if (!s && ifindex)
        s = find(t, SAMPLER_INTERFACE, *ifindex);
    if (!s)
        s = find(t, SAMPLER_ALL, 0);
    if (!s && !id && t->count == 1)
        s = t->entry;
    return s ? s->rate : 0;
}

void sampler_free(struct sampler_table *t) {
    free(t->entry);
    *t = (struct sampler_table){0};
}
