/* SPDX-License-Identifier: MIT */
/*
** A totals query: what to count, the threads that do it, the passes, and the groups one by one.
*/
#include "totals.h"
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>

/* Rows that one thread reads in less time than it takes to start another. */
enum { THREAD_ROWS = 50000 };

/* What a measure is made of: counters of the flow, at the sender's side or the receiver's. */
static const struct {
    enum measure measure;
    int counter;
    bool out, in; /* endpoints: of which side */
} measures[] = {
    {MEASURE_flows, FLOW_flows, true, true},
    {MEASURE_packets, FLOW_packets, true, true},
    {MEASURE_bytes, FLOW_bytes, true, true},
    {MEASURE_outpackets, FLOW_outpackets, true, false},
    {MEASURE_outbytes, FLOW_outbytes, true, false},
    {MEASURE_flows_out, FLOW_flows, true, false},
    {MEASURE_packets_out, FLOW_packets, true, false},
    {MEASURE_bytes_out, FLOW_bytes, true, false},
    {MEASURE_flows_in, FLOW_flows, false, true},
    {MEASURE_packets_in, FLOW_packets, false, true},
    {MEASURE_bytes_in, FLOW_bytes, false, true},
};
enum { MEASURES = sizeof measures / sizeof measures[0] };

struct totals {
    const struct query *query;
    struct snapshot *snapshot;
    struct aggregate_spec spec;
    bool used[SCAN_NCOLUMNS];
    struct groups *groups;
    struct interner interner;
    bool started;
    struct group_cursor at;
    const int64_t *key; /* of the current group */
    const struct group_sum *sum;
    struct fvt_error error;
};

/* The place of a counter among those that are added up, put there if it is new. */
static int counter_at(struct aggregate_spec *spec, int column) {
    for (int c = 0; c < spec->ncounters; c++)
        if (spec->counter[c] == column)
            return c;
    spec->counter[spec->ncounters] = column;
    return spec->ncounters++;
}

struct totals *totals_new(const struct sql_table *t, const struct query *query,
                          struct snapshot *snapshot, const struct dimension *dims, int ndims,
                          uint32_t wanted, bool buckets) {
    struct totals *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    struct aggregate_spec *spec = &s->spec;
    s->query = query;
    s->snapshot = snapshot;
    memcpy(spec->dim, dims, (size_t)ndims * sizeof *dims);
    spec->ndims = ndims;
    spec->buckets = buckets;
    spec->bucket = query->bucket * 1000;
    spec->window = query->window;
    spec->mask4 = query->mask4;
    spec->mask6 = query->mask6;
    spec->sides = t->kind == TABLE_ENDPOINTS ? 2 : 1;
    for (int m = 0; m < MEASURES; m++)
        if (wanted >> measures[m].measure & 1)
            counter_at(spec, measures[m].counter);
    spec->times = wanted >> MEASURE_first != 0;
    aggregate_columns(spec, s->used);
    dict_builder_init(&s->interner.ips, FLOW_IP);
    dict_builder_init(&s->interner.texts, FLOW_TEXT);
    pthread_mutex_init(&s->interner.lock, NULL);
    s->groups = groups_new(aggregate_width(spec), spec->ncounters * spec->sides, limits_memory());
    if (s->groups)
        return s;
    totals_free(s);
    return NULL;
}

void totals_free(struct totals *t) {
    if (!t)
        return;
    groups_free(t->groups);
    dict_builder_free(&t->interner.ips);
    dict_builder_free(&t->interner.texts);
    pthread_mutex_destroy(&t->interner.lock);
    free(t);
}

const char *totals_message(const struct totals *t) {
    return t->error.text;
}

/* ---- a pass -----------------------------------------------------------------------------
 */

struct thread {
    struct totals *totals;
    struct scan_source *source;
    pthread_t id;
    int rc;
    struct fvt_error error;
};

/* One thread's share of the row groups, with a predicate of its own. */
static void *work(void *arg) {
    struct thread *w = arg;
    struct totals *t = w->totals;
    struct predicate *p = predicate_clone(t->query->predicate);
    struct scan *scan = p ? scan_new(w->source, p, &t->query->window, t->used) : NULL;
    struct aggregate *a = aggregate_new(&t->spec, t->groups, &t->interner);
    w->rc = FVT_NOMEM;
    if (scan && a)
        w->rc = aggregate_run(a, scan, p->child);
    snprintf(w->error.text, sizeof w->error.text, "%s",
             w->rc == FVT_NOMEM ? "out of memory"
             : scan             ? scan_message(scan)
                                : "");
    aggregate_free(a);
    scan_free(scan);
    predicate_free(p);
    return NULL;
}

/* One thread when the store is a single file with little in it. */
static int threads_for(const struct totals *t) {
    struct fvt_file *file = NULL;
    struct fvt_error err;
    if (t->snapshot->n > 1)
        return limits_threads();
    if (t->snapshot->n == 0 || snapshot_open(t->snapshot, 0, &file, &err) != FVT_OK || !file)
        return 1;
    bool small = file->ngroups < 2 || file->rows < THREAD_ROWS;
    snapshot_release(t->snapshot, 0);
    return small ? 1 : limits_threads();
}

static int run_pass(struct totals *t) {
    struct scan_source *source = scan_source_new(t->snapshot);
    if (!source) {
        strcpy(t->error.text, "out of memory");
        return FVT_NOMEM;
    }
    dict_builder_clear(&t->interner.ips);
    dict_builder_clear(&t->interner.texts);
    struct thread thread[MAX_THREADS] = {{0}};
    int n = threads_for(t), started = 1;
    for (int i = 0; i < n; i++) {
        thread[i].totals = t;
        thread[i].source = source;
    }
    while (started < n && pthread_create(&thread[started].id, NULL, work, &thread[started]) == 0)
        started++;
    work(&thread[0]);
    int rc = FVT_OK;
    for (int i = 0; i < started; i++) {
        if (i > 0)
            pthread_join(thread[i].id, NULL);
        if (thread[i].rc != FVT_OK) {
            rc = thread[i].rc;
            t->error = thread[i].error;
        }
    }
    scan_source_free(source);
    return rc;
}

int totals_next(struct totals *t) {
    while (!t->started || !groups_step(t->groups, &t->at)) {
        if (t->started && !groups_next_pass(t->groups))
            return 0;
        t->started = true;
        t->at = (struct group_cursor){-1, 0};
        int rc = run_pass(t);
        if (rc != FVT_OK)
            return rc;
    }
    t->key = groups_key(t->groups, &t->at);
    t->sum = groups_sum(t->groups, &t->at);
    return 1;
}

/* ---- the current group ------------------------------------------------------------------ */

bool totals_null(const struct totals *t, int dim) {
    return key_null(t->key, dim);
}

int64_t totals_integer(const struct totals *t, int dim) {
    return t->key[KEY_DIMS + dim];
}

const struct flow_ip *totals_ip(const struct totals *t, int dim) {
    return &t->interner.ips.ip[t->key[KEY_DIMS + dim]];
}

const char *totals_text(const struct totals *t, int dim, size_t *n) {
    const struct dict_builder *d = &t->interner.texts;
    int64_t i = t->key[KEY_DIMS + dim];
    size_t start = i ? d->end[i - 1] : 0;
    *n = d->end[i] - start;
    return *n ? (const char *)d->text.p + start : "";
}

bool totals_bucket(const struct totals *t, int64_t *ms) {
    *ms = t->key[KEY_DIMS + t->spec.ndims];
    return !key_null(t->key, KEY_NO_BUCKET);
}

uint64_t totals_measure(const struct totals *t, enum measure m) {
    const struct aggregate_spec *spec = &t->spec;
    uint64_t v = 0;
    for (int i = 0; i < MEASURES; i++) {
        if (measures[i].measure != m)
            continue;
        int c = 0;
        while (spec->counter[c] != measures[i].counter)
            c++;
        if (measures[i].out)
            v = t->sum->counter[c];
        if (measures[i].in && spec->sides == 2 &&
            __builtin_add_overflow(v, t->sum->counter[spec->ncounters + c], &v))
            v = UINT64_MAX;
    }
    return v > INT64_MAX ? INT64_MAX : v;
}

bool totals_span(const struct totals *t, int64_t *first, int64_t *last) {
    *first = t->sum->first;
    *last = t->sum->last;
    return *first <= *last;
}

int64_t totals_rowid(const struct totals *t) {
    const int64_t *key = t->key;
    struct fvt_buffer b = {0};
    fvt_put_int(&b, t->query->params, 8);
    for (int w = 0; w < NULL_WORDS; w++)
        fvt_put_int(&b, (uint64_t)key[w], 8);
    for (int d = 0; d < t->spec.ndims; d++) {
        size_t n;
        const char *text;
        if (totals_null(t, d))
            continue;
        switch (t->spec.dim[d].class) {
        case FLOW_IP:
            fvt_put_ip(&b, totals_ip(t, d));
            break;
        case FLOW_TEXT:
            text = totals_text(t, d, &n);
            fvt_put_int(&b, n, 8);
            fvt_put(&b, text, n);
            break;
        default:
            fvt_put_int(&b, (uint64_t)key[KEY_DIMS + d], 8);
            break;
        }
    }
    if (t->spec.buckets)
        fvt_put_int(&b, (uint64_t)key[KEY_DIMS + t->spec.ndims], 8);
    uint64_t h = b.failed ? 0 : fvt_checksum(b.p, b.n);
    free(b.p);
    return (int64_t)(h >> 1);
}
