/* SPDX-License-Identifier: MIT */
/*
** Each thread keeps the best values of its partitions in a heap; the n-th of all of these is the one
** that a group must reach.
*/
#include "select.h"
#include "../schema/fvt.h"

#include <stdlib.h>

struct job {
    struct groups *groups;
    const struct aggregate_spec *spec;
    enum measure measure;
    uint64_t flip; /* all bits where the least come first */
    size_t limit;
    struct interrupt *interrupt;
    struct select_heap heap[MAX_THREADS];
    atomic_int next;
    uint64_t last; /* value to reach */
};

/* The greater the better. */
static uint64_t value_of(const struct job *j, const uint64_t *row) {
    return measure_count(j->spec, row + groups_shape(j->groups)->words, j->measure) ^ j->flip;
}

static void sink(struct select_heap *h, size_t i, uint64_t v) {
    for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
        child += child + 1 < h->n && h->value[child + 1] < h->value[child];
        if (h->value[child] >= v)
            break;
        h->value[i] = h->value[child];
    }
    h->value[i] = v;
}

void select_heap_add(struct select_heap *h, size_t limit, uint64_t v) {
    if (h->n < limit) {
        h->value[h->n++] = v;
        for (size_t i = h->n == limit ? limit / 2 : 0; i-- > 0;)
            sink(h, i, h->value[i]);
    } else if (v > h->value[0]) {
        sink(h, 0, v);
    }
}

static void find_values(void *arg, int worker) {
    struct job *j = arg;
    size_t n, width = group_width(groups_shape(j->groups));
    for (unsigned p; (p = (unsigned)atomic_fetch_add(&j->next, 1)) < groups_parts(j->groups);) {
        const uint64_t *row = groups_rows(j->groups, p, &n);
        for (size_t i = 0; i < n; i++, row += width)
            select_heap_add(&j->heap[worker], j->limit, value_of(j, row));
        if (worker_stopped(j->interrupt, worker))
            return;
    }
}

static bool reaches(const void *arg, const uint64_t *row) {
    const struct job *j = arg;
    return j->limit > 0 && value_of(j, row) >= j->last;
}

static void keep_groups(void *arg, int worker) {
    struct job *j = arg;
    for (unsigned p; (p = (unsigned)atomic_fetch_add(&j->next, 1)) < groups_parts(j->groups);) {
        groups_keep(j->groups, p, reaches, j);
        if (worker_stopped(j->interrupt, worker))
            return;
    }
}

/* The worst of the best of all threads: 0 when there are not so many groups. */
static uint64_t last_value(struct job *j, int threads) {
    struct select_heap *all = &j->heap[0];
    for (int i = 1; i < threads; i++)
        for (size_t k = 0; k < j->heap[i].n; k++)
            select_heap_add(all, j->limit, j->heap[i].value[k]);
    return all->n == j->limit ? all->value[0] : 0;
}

/* Fewer groups are looked through before another thread has begun. */
enum { MANY_GROUPS = 1 << 16 };

static bool are_many(const struct groups *groups) {
    size_t all = 0, n;
    for (unsigned p = 0; p < groups_parts(groups); p++) {
        groups_rows(groups, p, &n);
        all += n;
    }
    return all >= MANY_GROUPS;
}

int select_groups(struct groups *groups, const struct aggregate_spec *spec, enum measure m,
                  bool greatest, int64_t n, int threads, struct interrupt *interrupt) {
    struct job *j = calloc(1, sizeof *j);
    bool ok = j;
    threads = are_many(groups) ? threads : 1;
    for (int i = 0; ok && i < threads; i++)
        ok = (j->heap[i].value = malloc(((size_t)n + 1) * sizeof *j->heap[i].value));
    if (ok) {
        j->groups = groups;
        j->spec = spec;
        j->measure = m;
        j->flip = greatest ? 0 : UINT64_MAX;
        j->limit = (size_t)n;
        j->interrupt = interrupt;
        if (n > 0)
            workers_run(threads, find_values, j, interrupt);
        if (n > 0 && !interrupt_stopped(interrupt))
            j->last = last_value(j, threads);
        atomic_store(&j->next, 0);
        if (!interrupt_stopped(interrupt))
            workers_run(threads, keep_groups, j, interrupt);
    }
    for (int i = 0; j && i < threads; i++)
        free(j->heap[i].value);
    free(j);
    return ok ? FVT_OK : FVT_NOMEM;
}

/* ---- by count ---------------------------------------------------------------------------- */

enum { MOST_COUNTED = 1 << 24 };

/* count: of each value, from 1 on where it has groups at all. */
struct counting {
    const struct key_slot *by;
    const uint32_t *count;
    uint32_t flip, last;
};

static bool count_reaches(const void *arg, const uint64_t *row) {
    const struct counting *c = arg;
    return (c->count[key_get(c->by, row)] ^ c->flip) >= c->last;
}

static void count_groups(struct groups *groups, const struct key_slot *by,
                         const struct key_slot *counted, uint32_t *count,
                         struct interrupt *interrupt) {
    size_t n, width = group_width(groups_shape(groups));
    for (unsigned p = 0; p < groups_parts(groups) && !interrupt_poll(interrupt); p++) {
        const uint64_t *row = groups_rows(groups, p, &n);
        for (size_t i = 0; i < n; i++, row += width) {
            uint32_t *value = &count[key_get(by, row)];
            *value += (*value == 0) + (key_get(counted, row) != 0);
        }
    }
}

int select_counted(struct groups *groups, const struct key_slot *by, uint64_t most,
                   const struct key_slot *counted, bool greatest, int64_t n,
                   struct interrupt *interrupt) {
    if (most >= MOST_COUNTED || n <= 0)
        return FVT_OK;
    uint32_t *count = calloc((size_t)most + 1, sizeof *count);
    struct select_heap best = {malloc((size_t)n * sizeof *best.value), 0};
    bool ok = count && best.value;
    if (ok) {
        struct counting c = {by, count, greatest ? 0 : UINT32_MAX, 0};
        count_groups(groups, by, counted, count, interrupt);
        for (uint64_t v = 0; v <= most; v++)
            if (count[v])
                select_heap_add(&best, (size_t)n, count[v] ^ c.flip);
        c.last = best.n == (size_t)n ? (uint32_t)best.value[0] : 0;
        for (unsigned p = 0; p < groups_parts(groups) && !interrupt_poll(interrupt); p++)
            groups_keep(groups, p, count_reaches, &c);
    }
    free(count);
    free(best.value);
    return ok ? FVT_OK : FVT_NOMEM;
}
