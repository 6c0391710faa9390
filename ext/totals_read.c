/* SPDX-License-Identifier: MIT */
/*
** The threads that read and count. When memory is used up they pause, and what they have is merged; where that does not
** help it goes to disk (totals_disk.c), and they go on with nothing.
*/
#include "totals_parts.h"

#include <stdlib.h>

enum {
    /* Rows that one thread reads in less time than it takes to start another. */
    THREAD_ROWS = 50000,
    SORT_OCTETS = 32, /* of a group when groups are sorted, beside a copy of it */
    /* Octets of groups, and of names, from which on to read twice is less than to keep them; where most rows are of a new
    ** group, from fewer on. */
    SIFT_AT = 64 << 20,
    SIFT_NEW_AT = 8 << 20,
};

void totals_stop_reading(struct totals *t) {
    for (int i = 0; i < t->threads; i++) {
        struct reader *r = &t->reader[i];
        if (r->aggregate)
            aggregate_total(r->aggregate, t->total);
        aggregate_free(r->aggregate);
        scan_free(r->scan);
        predicate_free(r->predicate);
        *r = (struct reader){0};
    }
    t->threads = 0;
    atomic_store(&t->reading, 0);
    scan_source_free(t->source);
    t->source = NULL;
    interrupt_watch(&t->interrupt, NULL);
}

/* One thread when the store is a single file with little in it. */
static int threads_for(const struct totals *t) {
    struct fvt_file *file = NULL;
    struct fvt_error err;
    if (t->snapshot->n > 1)
        return limits_threads();
    if (t->snapshot->n == 0 || snapshot_open(t->snapshot, 0, &file, &err) != FVT_OK || !file)
        return 1;
    bool small = file->rows < (file->ngroups < 2 ? 4 * THREAD_ROWS : THREAD_ROWS);
    snapshot_release(t->snapshot, 0);
    return small ? 1 : limits_threads();
}

/* Which buckets are asked for, where not all are. False without memory. */
static bool want_buckets(struct totals *t) {
    enum { MANY = 1 << 20 };
    const struct filter_values *v = t->query->times ? &t->query->times->values : NULL;
    uint64_t last = t->spec.buckets ? key_largest(&t->keys.slot[t->spec.ndims]) : 0;
    free(t->wanted);
    t->spec.wanted = t->wanted = NULL;
    if (!v || last == 0 || last > MANY)
        return true; /* SQLite looks again */
    if (!(t->wanted = calloc((size_t)last + 1, 1)))
        return false;
    t->spec.wanted = t->wanted;
    uint32_t i = 0;
    for (uint64_t number = 1; number <= last; number++) {
        int64_t ms = key_bucket_ms(&t->keys, number);
        while (i < v->nrange && v->range[i].hi < ms)
            i++;
        t->wanted[number] = i < v->nrange && v->range[i].lo <= ms;
    }
    return true;
}

/* Read from the begin, what t->sketch looks for if there is one. */
bool totals_start_readers(struct totals *t) {
    const struct aggregate_spec *spec = &t->spec;
    bool used[SCAN_NCOLUMNS] = {false};
    totals_stop_reading(t);
    atomic_store(&t->counted, 0);
    aggregate_columns(spec, used);
    t->source = scan_source_new(t->snapshot);
    interrupt_watch(&t->interrupt, t->source);
    bool ok = t->source != NULL;
    if (ok && t->rollups)
        scan_source_ask(t->source, &t->rollup);
    for (t->threads = 0; ok && t->threads < threads_for(t); t->threads++) {
        struct reader *r = &t->reader[t->threads];
        r->result = AGGREGATE_PAUSED;
        r->predicate = predicate_clone(t->query->predicate);
        r->scan = r->predicate ? scan_new(t->source, r->predicate, &spec->window, used) : NULL;
        r->aggregate = aggregate_new(spec, &t->keys, t->groups, t->values, &t->interner);
        ok = r->scan && r->aggregate &&
             (!t->sketch || aggregate_sketch(r->aggregate, t->sketch, t->threads, true));
    }
    return ok;
}

static struct groups *new_groups(struct totals *t, const struct group_shape *shape) {
    return groups_new(shape, t->budget.limit / (group_width(shape) * sizeof(uint64_t)), &t->budget);
}

bool totals_make_groups(struct totals *t) {
    int counters = t->spec.ncounters * t->spec.sets + t->spec.counts;
    const struct group_shape shape = {t->keys.words, counters, t->spec.times};
    const struct group_shape value = {t->keys.counted_words, 0, false};
    totals_stop_reading(t);
    groups_free(t->groups);
    groups_free(t->values);
    t->values = NULL;
    t->groups = new_groups(t, &shape);
    return t->groups && (!t->spec.counts || (t->values = new_groups(t, &value)));
}

int totals_start_reading(struct totals *t) {
    const struct aggregate_spec *spec = &t->spec;
    key_layout_make(&t->keys, spec->dim, spec->ndims, spec->counts,
                    spec->buckets ? spec->bucket : 0, &spec->window);
    return want_buckets(t) && totals_make_groups(t) && totals_start_readers(t) ? FVT_OK : FVT_NOMEM;
}

struct pause {
    struct totals *totals;
    struct reader *reader;
    int worker;
};

static bool must_stop(void *arg) {
    struct pause *p = arg;
    return worker_stopped(&p->totals->interrupt, p->worker);
}

/* Of a group, and of one that is sorted with others, in all. */
static size_t group_octets(const struct totals *t) {
    return group_width(groups_shape(t->groups)) * sizeof(uint64_t);
}
size_t totals_sorted_octets(const struct totals *t) {
    return 2 * group_octets(t) + SORT_OCTETS;
}

/* Memory for groups beside columns of so many octets that are being read. An eighth of the statement's
** is for spilling. */
size_t totals_room(const struct totals *t, size_t reading) {
    return budget_beside(t->budget.limit, reading) - t->budget.limit / 8;
}

/* Is it certain, but for tests that SQLite may have of its own, that only a few groups in order are asked for? */
bool totals_asks_few(const struct totals *t) {
    return !t->whole && t->query->limit >= 0 && t->query->limit <= ORDER_FEW;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Octets of groups, at most so many, at which to look for the first ones alone. Numbers that are no names do not tell new
** groups: an array has room for all that there can be. */
static size_t sift_at(struct totals *t, size_t most) {
    bool named = false;
    for (int d = 0; d < t->spec.ndims; d++)
        named |= t->spec.dim[d].class == FLOW_IP || t->spec.dim[d].class == FLOW_TEXT;
    most = least(most, SIFT_AT);
    size_t new = atomic_load_explicit(&t->counted, memory_order_relaxed) * group_octets(t);
    return !named ? most : least(most, new > SIFT_NEW_AT ? new : SIFT_NEW_AT);
}

/* Octets of the budget at which to make room for more groups: all may have to be sorted, unless most
** are left out before. */
size_t totals_full_at(struct totals *t) {
    size_t room = totals_room(t, atomic_load_explicit(&t->reading, memory_order_relaxed));
    if (t->siftable)
        return sift_at(t, room / 16);
    bool sorted = t->request.norder > 0 && t->request.first < 0 && !totals_asks_few(t);
    return sorted ? room / totals_sorted_octets(t) * group_octets(t) : room;
}

static bool must_pause(void *arg) {
    struct pause *p = arg;
    struct reader *r = p->reader;
    size_t octets = scan_octets(r->scan);
    if (octets != r->octets) {
        atomic_fetch_add(&p->totals->reading, octets - r->octets);
        r->octets = octets;
    }
    atomic_fetch_add_explicit(&p->totals->counted, aggregate_counted(r->aggregate),
                              memory_order_relaxed);
    return worker_stopped(&p->totals->interrupt, p->worker) ||
           budget_used(&p->totals->budget) > totals_full_at(p->totals);
}

/* Go on with readers that are not done; there may be fewer threads than readers. */
static void read_some(void *arg, int worker) {
    struct totals *t = arg;
    for (int i; (i = atomic_fetch_add(&t->next, 1)) < t->threads;) {
        struct reader *r = &t->reader[i];
        struct pause pause = {t, r, worker};
        scan_set_poll(r->scan, must_stop, &pause);
        if (r->result == AGGREGATE_PAUSED)
            r->result = aggregate_run(r->aggregate, r->scan, r->predicate->child, must_pause,
                                      &pause, r->wide, &r->rc);
        if (r->result != AGGREGATE_DONE && r->result != AGGREGATE_PAUSED)
            interrupt_stop(&t->interrupt); /* what the others do is of no use */
    }
}

static void merge_some(void *arg, int worker) {
    struct totals *t = arg;
    unsigned parts = groups_parts(t->groups), values = t->values ? groups_parts(t->values) : 0;
    for (unsigned p; (p = (unsigned)atomic_fetch_add(&t->next, 1)) < parts + values;) {
        if (worker_stopped(&t->interrupt, worker))
            return;
        if (p < parts ? !groups_merge(t->groups, p) : !groups_merge(t->values, p - parts))
            atomic_store(&t->failed, true);
    }
}

int totals_merge(struct totals *t) {
    atomic_store(&t->next, 0);
    workers_run(t->threads, merge_some, t, &t->interrupt);
    return atomic_load(&t->failed) ? FVT_NOMEM : FVT_OK;
}

/* With spec.whole: may a sum be larger than SQL's integers? */
static bool too_large(const struct totals *t) {
    uint64_t most = 0;
    for (int i = 0; i < t->threads; i++)
        if (__builtin_add_overflow(most, aggregate_most(t->reader[i].aggregate), &most))
            return true;
    return most > INT64_MAX;
}

/* Read all. FVT_OK, a failure, TOTALS_NARROW: the layout was too narrow, begin anew, or TOTALS_MANY: there are more groups than are to be
** kept while only the first ones are looked for. */
int totals_read_all(struct totals *t) {
    bool more = true, narrow = false, unfit = false;
    while (more) {
        atomic_store(&t->next, 0);
        workers_run(t->threads, read_some, t, &t->interrupt);
        more = false;
        for (int i = 0; i < t->threads; i++) {
            struct reader *r = &t->reader[i];
            if (r->result == AGGREGATE_FAILED)
                return totals_fail(t, r->rc, scan_message(r->scan));
            narrow |= r->result == AGGREGATE_WIDE;
            unfit |= r->result == AGGREGATE_UNFIT;
            more |= r->result == AGGREGATE_PAUSED;
            for (int d = 0; d < aggregate_dims(&t->spec); d++)
                t->keys.wide[d] |= r->wide[d];
        }
        if (unfit || too_large(t))
            return TOTALS_UNFIT;
        if (narrow)
            return TOTALS_NARROW;
        if (interrupt_stopped(&t->interrupt))
            return TOTALS_INTERRUPTED;
        if (more && (t->siftable || t->sketch))
            return TOTALS_MANY;
        int rc = more ? totals_make_room(t) : FVT_OK;
        if (rc != FVT_OK)
            return rc;
    }
    return FVT_OK;
}
