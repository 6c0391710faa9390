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
    *(x->newer ? &x->newer->older : &t->newest) = x->older;
    *(x->older ? &x->older->newer : &t->oldest) = x->newer;
}

static void link_newest(struct template_table *t, struct template *x) {
    x->newer = NULL;
    x->older = t->newest;
    *(t->newest ? &t->newest->newer : &t->oldest) = x;
    t->newest = x;
}

static void touch(struct template_table *t, struct template *x) {
    if (t->newest == x)
        return;
    unlink_age(t, x);
    link_newest(t, x);
}

static void drop(struct template_table *t, struct template *x) {
    struct template **at = bucket_of(t, x->id);
    while (*at != x)
        at = &(*at)->next_in_bucket;
    *at = x->next_in_bucket;
    unlink_age(t, x);
    t->count--;
    t->octets -= x->octets;
    if (t->last == x)
        t->last = NULL;
    plan_free(x->plan);
    free(x);
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

static bool same(const struct template *x, bool options, uint16_t scopes,
                 const struct template_field *fields, uint16_t nfields) {
    return x->options == options && x->scopes == scopes && x->nfields == nfields &&
           memcmp(x->fields, fields, nfields * sizeof *fields) == 0;
}

/* A record must have octets, and fit in a set. */
static bool useful(const struct template_field *fields, uint16_t nfields) {
    size_t minimum = 0;
    for (unsigned i = 0; i < nfields; i++)
        minimum += fields[i].length == TEMPLATE_VARIABLE ? 1 : fields[i].length;
    return minimum > 0 && minimum < 65536;
}

enum template_change template_learn(struct template_table *t, const struct element_map *map,
                                    uint16_t id, bool options, uint16_t scopes,
                                    const struct template_field *fields, uint16_t nfields,
                                    size_t max) {
    struct template *old = template_find(t, id);
    if (old && same(old, options, scopes, fields, nfields))
        return TEMPLATE_SAME;
    if (old)
        drop(t, old);
    if (!useful(fields, nfields))
        return TEMPLATE_USELESS;
    if (t->count >= t->nbuckets && !grow(t) && !t->nbuckets)
        return TEMPLATE_NOMEM;

    size_t octets, size = sizeof(struct template) + nfields * sizeof *fields;
    struct template *x = malloc(size);
    struct plan *plan = x ? plan_compile(map, fields, nfields, &octets) : NULL;
    if (!plan) {
        free(x);
        return TEMPLATE_NOMEM;
    }
    *x = (struct template){
        .id = id,
        .options = options,
        .scopes = scopes,
        .nfields = nfields,
        .fields = (struct template_field *)(x + 1),
        .plan = plan,
        .octets = size + octets,
    };
    memcpy(x->fields, fields, nfields * sizeof *fields);
    x->next_in_bucket = *bucket_of(t, id);
    *bucket_of(t, id) = x;
    link_newest(t, x);
    t->count++;
    t->octets += x->octets;
    while (t->octets > max && t->oldest != x)
        drop(t, t->oldest);
    return TEMPLATE_NEW;
}

void template_withdraw(struct template_table *t, uint16_t id, bool options) {
    struct template *older;
    for (struct template *x = t->newest; x; x = older) {
        older = x->older;
        if (id ? x->id == id : x->options == options)
            drop(t, x);
    }
}

bool template_drop_oldest(struct template_table *t) {
    if (!t->oldest)
        return false;
    drop(t, t->oldest);
    return true;
}

void template_free_all(struct template_table *t) {
    while (template_drop_oldest(t))
        ;
    free(t->bucket);
    *t = (struct template_table){0};
}
