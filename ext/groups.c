/* SPDX-License-Identifier: MIT */
/*
** The partitioned hash table. Each part has arrays of its own and a lock.
*/
#include "groups.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16 };

enum part_state { PART_KEPT, PART_GIVEN_UP, PART_DONE };

struct part {
    pthread_mutex_t lock;
    enum part_state state;
    uint32_t n, cap, nslots;
    uint32_t *slots; /* group + 1 */
    uint64_t *hash;
    int64_t *key;
    struct group_sum *sum;
};

struct groups {
    int width, ncounters;
    size_t budget;
    atomic_size_t size; /* octets of all parts */
    pthread_mutex_t give_up;
    struct part part[GROUP_PARTS];
};

struct groups *groups_new(int width, int ncounters, size_t budget) {
    struct groups *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->width = width;
    g->ncounters = ncounters;
    g->budget = budget;
    pthread_mutex_init(&g->give_up, NULL);
    for (int i = 0; i < GROUP_PARTS; i++)
        pthread_mutex_init(&g->part[i].lock, NULL);
    return g;
}

static size_t entry_size(const struct groups *g) {
    return sizeof(uint64_t) + (size_t)g->width * sizeof(int64_t) + sizeof(struct group_sum) +
           2 * sizeof(uint32_t);
}

static void empty(struct groups *g, struct part *p) {
    atomic_fetch_sub(&g->size, p->cap * entry_size(g));
    free(p->slots);
    free(p->hash);
    free(p->key);
    free(p->sum);
    p->slots = NULL;
    p->hash = NULL;
    p->key = NULL;
    p->sum = NULL;
    p->n = p->cap = p->nslots = 0;
}

void groups_free(struct groups *g) {
    if (!g)
        return;
    for (int i = 0; i < GROUP_PARTS; i++) {
        empty(g, &g->part[i]);
        pthread_mutex_destroy(&g->part[i].lock);
    }
    pthread_mutex_destroy(&g->give_up);
    free(g);
}

static bool grow_array(void *array, size_t size) {
    void **p = array, *grown = realloc(*p, size);
    if (grown)
        *p = grown;
    return grown != NULL;
}

static void rebuild_slots(struct part *p) {
    memset(p->slots, 0, p->nslots * sizeof *p->slots);
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t h = (uint32_t)p->hash[i] & (p->nslots - 1);
        while (p->slots[h])
            h = (h + 1) & (p->nslots - 1);
        p->slots[h] = i + 1;
    }
}

static bool grow(struct groups *g, struct part *p) {
    size_t cap = p->cap ? (size_t)p->cap * 2 : FIRST_CAP;
    if (cap > UINT32_MAX / 4 || !grow_array(&p->hash, cap * sizeof *p->hash) ||
        !grow_array(&p->key, cap * (size_t)g->width * sizeof *p->key) ||
        !grow_array(&p->sum, cap * sizeof *p->sum) ||
        !grow_array(&p->slots, cap * 2 * sizeof *p->slots))
        return false;
    atomic_fetch_add(&g->size, (cap - p->cap) * entry_size(g));
    p->cap = (uint32_t)cap;
    p->nslots = (uint32_t)cap * 2;
    rebuild_slots(p);
    return true;
}

static void add_sum(struct group_sum *to, const struct group_sum *more, int ncounters) {
    for (int c = 0; c < ncounters; c++)
        if (__builtin_add_overflow(to->counter[c], more->counter[c], &to->counter[c]))
            to->counter[c] = UINT64_MAX;
    if (more->first < to->first)
        to->first = more->first;
    if (more->last > to->last)
        to->last = more->last;
}

static bool add_one(struct groups *g, struct part *p, const int64_t *key, uint64_t hash,
                    const struct group_sum *sum) {
    size_t octets = (size_t)g->width * sizeof *key;
    if (p->n == p->cap && !grow(g, p))
        return false;
    uint32_t h = (uint32_t)hash & (p->nslots - 1);
    for (; p->slots[h]; h = (h + 1) & (p->nslots - 1)) {
        uint32_t i = p->slots[h] - 1;
        if (p->hash[i] == hash && memcmp(p->key + (size_t)i * (size_t)g->width, key, octets) == 0) {
            add_sum(&p->sum[i], sum, g->ncounters);
            return true;
        }
    }
    memcpy(p->key + (size_t)p->n * (size_t)g->width, key, octets);
    p->hash[p->n] = hash;
    p->sum[p->n] = *sum;
    p->slots[h] = ++p->n;
    return true;
}

/* Give up every second of the parts still kept; the last one stays, whatever it takes. */
static void shrink(struct groups *g) {
    pthread_mutex_lock(&g->give_up);
    int kept = 0, seen = 0;
    for (int i = 0; i < GROUP_PARTS; i++)
        kept += g->part[i].state == PART_KEPT;
    for (int i = 0; kept > 1 && atomic_load(&g->size) > g->budget && i < GROUP_PARTS; i++) {
        struct part *p = &g->part[i];
        if (p->state != PART_KEPT || seen++ % 2 == 0)
            continue;
        pthread_mutex_lock(&p->lock);
        p->state = PART_GIVEN_UP;
        empty(g, p);
        pthread_mutex_unlock(&p->lock);
    }
    pthread_mutex_unlock(&g->give_up);
}

bool groups_add(struct groups *g, unsigned part, const int64_t *key, const uint64_t *hash,
                const struct group_sum *sum, size_t n) {
    struct part *p = &g->part[part];
    bool ok = true;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; ok && p->state == PART_KEPT && i < n; i++)
        ok = add_one(g, p, key + i * (size_t)g->width, hash[i], &sum[i]);
    pthread_mutex_unlock(&p->lock);
    if (ok && atomic_load(&g->size) > g->budget)
        shrink(g);
    return ok;
}

bool groups_next_pass(struct groups *g) {
    bool more = false;
    for (int i = 0; i < GROUP_PARTS; i++) {
        struct part *p = &g->part[i];
        empty(g, p);
        more |= p->state == PART_GIVEN_UP;
        p->state = p->state == PART_GIVEN_UP ? PART_KEPT : PART_DONE;
    }
    return more;
}

bool groups_step(const struct groups *g, struct group_cursor *c) {
    for (c->at++; c->part < GROUP_PARTS; c->part++, c->at = 0)
        if (c->at < (int64_t)g->part[c->part].n)
            return true;
    return false;
}

const int64_t *groups_key(const struct groups *g, const struct group_cursor *c) {
    return g->part[c->part].key + (size_t)c->at * (size_t)g->width;
}

const struct group_sum *groups_sum(const struct groups *g, const struct group_cursor *c) {
    return &g->part[c->part].sum[c->at];
}
