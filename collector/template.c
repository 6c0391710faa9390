/* SPDX-License-Identifier: MIT */
/*
** The template cache: a hash table by id that grows, and a list by age for the bound of memory.
*/
#include "template.h"

#include <stdlib.h>

static struct template **bucket_of(const struct template_table *t, uint16_t id) {
    return &t->bucket[id & (t->nbuckets - 1)];
}

static void unlink_age(struct template_table *t, struct template *x) {
    if (t->newest == x)
        t->newest = x->older;
    else
        x->newer->older = x->older;
    if (t->oldest == x)
        t->oldest = x->newer;
    else
        x->older->newer = x->newer;
}

static void link_newest(struct template_table *t, struct template *x) {
    x->newer = NULL;
    x->older = t->newest;
    if (t->newest)
        t->newest->newer = x;
    else
        t->oldest = x;
    t->newest = x;
}

static void touch(struct template_table *t, struct template *x) {
    if (t->newest == x)
        return;
    unlink_age(t, x);
    link_newest(t, x);
}

static void destroy(struct template *x) {
    if (x)
        plan_free(x->plan);
    free(x);
}

/* Out of the table, its memory still there. */
static void take_out(struct template_table *t, struct template *x) {
    struct template **at = bucket_of(t, x->id);
    while (*at != x)
        at = &(*at)->next_in_bucket;
    *at = x->next_in_bucket;
    unlink_age(t, x);
    t->count--;
    t->octets -= x->octets;
    if (t->last == x)
        t->last = NULL;
}

static void forget_before(struct template_table *t, struct template *x) {
    if (!x->before)
        return;
    t->octets -= x->before->octets;
    x->octets -= x->before->octets;
    destroy(x->before);
    x->before = NULL;
}

void template_drop(struct template_table *t, struct template *x) {
    forget_before(t, x);
    take_out(t, x);
    destroy(x);
}

static bool grow(struct template_table *t) {
    uint32_t n = t->nbuckets ? t->nbuckets * 2 : 16;
    struct template **bucket = calloc(n, sizeof *bucket);
    if (!bucket)
        return false;
    free(t->bucket);
    t->bucket = bucket;
    t->nbuckets = n;
    for (struct template *x = t->newest; x; x = x->older) {
        x->next_in_bucket = *bucket_of(t, x->id);
        *bucket_of(t, x->id) = x;
    }
    return true;
}

struct template *template_find(struct template_table *t, uint16_t id) {
    if (t->last && t->last->id == id)
        return t->last;
    if (!t->count)
        return NULL;
    struct template *x = *bucket_of(t, id);
    while (x && x->id != id)
        x = x->next_in_bucket;
    if (!x)
        return NULL;
    touch(t, x);
    return t->last = x;
}

bool template_is(const struct template *x, const struct template_definition *d) {
    return x->options == d->options && x->scopes == d->scopes && x->nfields == d->nfields &&
           memcmp(x->fields, d->fields, d->nfields * sizeof *d->fields) == 0;
}

/* A record must have octets, and fit in a set. Elements without octets say nothing: of thousands of them, records of an
** octet each would take a second of a datagram. */
static bool useful(const struct template_definition *d) {
    enum { MOST_EMPTY = 256 };
    size_t minimum = 0;
    unsigned empty = 0;
    for (unsigned i = 0; i < d->nfields; i++) {
        minimum += d->fields[i].length == TEMPLATE_VARIABLE ? 1 : d->fields[i].length;
        empty += d->fields[i].length == 0;
    }
    return minimum > 0 && minimum < 65536 && empty <= MOST_EMPTY;
}

static struct template *create(const struct element_map *map, const struct template_definition *d) {
    size_t octets, size = sizeof(struct template) + d->nfields * sizeof *d->fields;
    struct template *x = malloc(size);
    struct plan *plan = x ? plan_compile(map, d->fields, d->nfields, &octets) : NULL;
    if (!plan) {
        free(x);
        return NULL;
    }
    *x = (struct template){
        .id = d->id,
        .options = d->options,
        .scopes = d->scopes,
        .nfields = d->nfields,
        .fields = (struct template_field *)(x + 1),
        .plan = plan,
        .octets = size + octets,
    };
    memcpy(x->fields, d->fields, d->nfields * sizeof *d->fields);
    return x;
}

enum template_change template_learn(struct template_table *t, const struct element_map *map,
                                    const struct template_definition *d,
                                    const struct template_moment *when, int64_t now, size_t max,
                                    uint64_t *dropped) {
    struct template *old = template_find(t, d->id);
    if (old && template_is(old, d)) {
        old->announced = now;
        return TEMPLATE_SAME;
    }
    if (!useful(d)) {
        if (old)
            template_drop(t, old);
        return TEMPLATE_USELESS;
    }
    struct template *x = create(map, d);
    if (!x || (t->count >= t->nbuckets && !grow(t) && !t->nbuckets)) {
        destroy(x);
        if (old) /* what the id meant before is not what it means now */
            template_drop(t, old);
        return TEMPLATE_NOMEM;
    }
    if (old) {
        forget_before(t, old);
        take_out(t, old);
        x->before = old;
        x->octets += old->octets;
    }
    x->announced = x->learned = now;
    x->since = *when;
    x->next_in_bucket = *bucket_of(t, x->id);
    *bucket_of(t, x->id) = x;
    link_newest(t, x);
    t->count++;
    t->octets += x->octets;
    if (t->octets > max)
        forget_before(t, x);
    for (; t->octets > max && t->oldest != x; ++*dropped)
        template_drop(t, t->oldest);
    return TEMPLATE_NEW;
}

const struct template *template_as_of(struct template_table *table, struct template *t,
                                      const struct template_moment *when, int64_t now) {
    /* Longer than datagrams are under way. */
    enum { UNDER_WAY_MS = 10000 };
    if (!t->before)
        return t;
    if (now - t->learned > UNDER_WAY_MS) {
        forget_before(table, t);
        return t;
    }
    bool earlier = when->exported != t->since.exported
                       ? when->exported < t->since.exported
                       : (int32_t)(when->sequence - t->since.sequence) < 0;
    return earlier ? t->before : t;
}

void template_withdraw(struct template_table *t, uint16_t id, bool options) {
    struct template *older;
    for (struct template *x = t->newest; x; x = older) {
        older = x->older;
        if (x->options == options && (id == 0 || x->id == id))
            template_drop(t, x);
    }
}

bool template_drop_oldest(struct template_table *t) {
    if (!t->oldest)
        return false;
    template_drop(t, t->oldest);
    return true;
}

void template_free_all(struct template_table *t) {
    while (template_drop_oldest(t))
        ;
    free(t->bucket);
    *t = (struct template_table){0};
}
