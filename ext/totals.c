/* SPDX-License-Identifier: MIT */
/*
** A totals query: the threads that count, merge and sort, and the groups one by one.
**
** When memory is used up the threads pause. What they have is merged; where that does not help it
** goes to disk, with the interner, and they go on with nothing. In the end the groups come from the
** runs on disk as they would from memory.
**
** Where only the first groups by a total are asked for and there are many, they are not kept: a sketch of all tells
** which can be among the first, and these are read in another pass.
*/
#include "totals.h"
#include "record.h"
#include "select.h"
#include "sketch.h"
#include "spill.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    /* Rows that one thread reads in less time than it takes to start another. */
    THREAD_ROWS = 50000,
    AHEAD = 12,       /* groups whose memory is asked for before they are delivered */
    SORT_OCTETS = 32, /* of a group when groups are sorted, beside a copy of it */
    FIRST_FEW = 1000, /* groups that are mostly enough of those in order of a total */
    /* Octets of groups, and of names, from which on to read twice is less than to keep them. */
    SIFT_AT = 8 << 20,
};

/* One thread's share of a scan. */
struct reader {
    struct predicate *predicate;
    struct scan *scan;
    struct aggregate *aggregate;
    enum aggregate_result result;
    bool wide[MAX_DIMENSIONS];
    int rc;
    size_t octets; /* of its columns, as counted in totals */
};

struct totals {
    struct totals_request request;
    const struct query *query;
    struct snapshot *snapshot;
    struct aggregate_spec spec;
    struct key_layout keys;
    uint8_t *wanted, *applications; /* of spec */
    bool rollups;                   /* may one do? */
    struct rollup_request rollup;
    struct budget budget;
    struct interner interner;
    struct groups *groups;
    struct interrupt interrupt;
    struct sort_stop stop; /* the same, for who does not know it */
    struct scan_source *source;
    struct reader reader[MAX_THREADS];
    int threads;
    atomic_int next; /* of the readers, or of the partitions */
    atomic_bool failed;
    bool started;
    struct order order;
    uint64_t *rows; /* in order; NULL: as the partitions have them */
    size_t nrows, at;
    bool unordered; /* rows are the first ones only, groups has all of them */
    unsigned part;
    const uint64_t *row;   /* of the current group */
    atomic_size_t reading; /* octets of the columns that the readers are at */
    bool siftable;         /* only the first groups are asked for, and not yet looked for alone */
    bool sifted;           /* groups has no others */
    bool whole;            /* more than the first ones are asked for after all */
    struct sketch *sketch; /* that tells which they are */
    struct spill *spill;   /* NULL: all is in memory */
    struct order on_disk;  /* of spill */
    uint64_t spilled_row[MAX_KEY_WORDS + GROUP_COUNTERS + 2];
    struct name spilled_name[MAX_DIMENSIONS];
    struct fvt_buffer texts, record;
    struct fvt_error error;
};

static void need_dimension(const struct dimension *d, int side, bool need[SCAN_NCOLUMNS]) {
    need[d->side[side]] = true;
    if (dimension_has_ports(d))
        need[FLOW_srcport] = need[FLOW_dstport] = true;
}

/* What is asked of a roll-up; false when none has it. */
static bool ask_rollups(const struct totals *t, struct rollup_request *out) {
    const struct aggregate_spec *spec = &t->spec;
    out->sides = spec->sides;
    out->bucket = spec->buckets ? spec->bucket : 0;
    out->window = spec->window;
    out->totals[FLOW_tstart] = out->totals[FLOW_tend] = spec->times;
    for (int c = 0; c < spec->ncounters; c++) {
        int f = spec->counter[c];
        if (f != FLOW_flows && f != FLOW_packets && f != FLOW_bytes)
            return false;
        out->totals[f] = true;
    }
    for (int side = 0; side < spec->sides; side++) {
        bool need[SCAN_NCOLUMNS] = {false};
        if (predicate_counts(t->query->side[side]))
            return false;
        predicate_columns(t->query->side[side], need);
        for (int d = 0; d < spec->ndims; d++)
            need_dimension(&spec->dim[d], side, need);
        if (spec->applications)
            need[FLOW_proto] = need[FLOW_srcport] = need[FLOW_dstport] = true;
        for (int c = FLOW_NFIELDS; c < SCAN_NCOLUMNS; c++)
            if (need[c])
                return false;
        memcpy(out->need[side], need, sizeof out->need[side]);
    }
    return true;
}

/* Does the text pass a test of the column application? */
static bool application_passes(const struct predicate *p, const char *text) {
    size_t n = strlen(text);
    bool passes = p->op == PREDICATE_AND || p->op == PREDICATE_NOTNULL;
    for (uint32_t i = 0; p->op == PREDICATE_AND && i < p->n; i++)
        passes &= application_passes(p->child[i], text);
    for (uint32_t i = 0; p->op == PREDICATE_TEXT && i < p->values.ntext; i++)
        passes |= p->values.text[i].n == n && memcmp(p->values.text[i].p, text, n) == 0;
    return passes;
}

/* False without memory. */
static bool want_applications(struct totals *t) {
    const struct labels *labels = t->request.labels;
    if (!t->query->applications)
        return true;
    uint32_t last = labels_applications(labels);
    if (!(t->applications = calloc((size_t)last + 1, 1)))
        return false;
    for (uint32_t i = 0; i <= last; i++)
        t->applications[i] =
            application_passes(t->query->applications, labels_application_text(labels, i));
    t->spec.applications = t->applications;
    return true;
}

struct totals *totals_new(const struct totals_request *request, const struct query *query,
                          struct snapshot *snapshot) {
    struct totals *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    struct aggregate_spec *spec = &t->spec;
    t->request = *request;
    t->query = query;
    t->snapshot = snapshot;
    t->budget.limit = limits_memory();
    memcpy(spec->dim, request->dim, sizeof spec->dim);
    spec->ndims = request->ndims;
    spec->labels = request->labels;
    spec->buckets = request->buckets;
    spec->bucket = query->bucket * 1000;
    spec->window = query->window;
    spec->sides = request->table->kind == TABLE_ENDPOINTS ? 2 : 1;
    spec->whole = request->table->kind == TABLE_FLOWS;
    spec->records = request->rows;
    if (!want_applications(t)) {
        free(t);
        return NULL;
    }
    measures_need(spec, request->measures);
    t->rollups = limits_rollups() && !spec->whole && ask_rollups(t, &t->rollup);
    interner_init(&t->interner, query->mask4, query->mask6, &t->budget);
    t->interner.bare = request->bare;
    t->stop = (struct sort_stop){interrupt_asked, &t->interrupt};
    return t;
}

static void stop_reading(struct totals *t) {
    for (int i = 0; i < t->threads; i++) {
        struct reader *r = &t->reader[i];
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

void totals_free(struct totals *t) {
    if (!t)
        return;
    stop_reading(t);
    free(t->rows);
    free(t->wanted);
    free(t->applications);
    sketch_free(t->sketch);
    spill_free(t->spill);
    free(t->texts.p);
    free(t->record.p);
    groups_free(t->groups);
    interner_free(&t->interner);
    free(t);
}

const char *totals_message(const struct totals *t) {
    return t->error.text;
}

static int fail(struct totals *t, int rc, const char *text) {
    snprintf(t->error.text, sizeof t->error.text, "%s", rc == FVT_NOMEM ? "out of memory" : text);
    return rc;
}

/* ---- reading ---------------------------------------------------------------------------- */

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
static bool start_readers(struct totals *t) {
    const struct aggregate_spec *spec = &t->spec;
    bool used[SCAN_NCOLUMNS] = {false};
    stop_reading(t);
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
        r->aggregate = aggregate_new(spec, &t->keys, t->groups, &t->interner);
        ok = r->scan && r->aggregate &&
             (!t->sketch || aggregate_sketch(r->aggregate, t->sketch, t->threads, true));
    }
    return ok;
}

static bool make_groups(struct totals *t) {
    struct group_shape shape = {t->keys.words, t->spec.ncounters * t->spec.sets, t->spec.times};
    stop_reading(t);
    groups_free(t->groups);
    t->groups =
        groups_new(&shape, t->budget.limit / (group_width(&shape) * sizeof(uint64_t)), &t->budget);
    return t->groups != NULL;
}

static int start_reading(struct totals *t) {
    const struct aggregate_spec *spec = &t->spec;
    key_layout_make(&t->keys, spec->dim, spec->ndims, spec->buckets ? spec->bucket : 0,
                    &spec->window);
    return want_buckets(t) && make_groups(t) && start_readers(t) ? FVT_OK : FVT_NOMEM;
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
static size_t sorted_octets(const struct totals *t) {
    return 2 * group_octets(t) + SORT_OCTETS;
}

/* Memory for groups beside columns of so many octets that are being read. An eighth of the statement's
** is for spilling. */
static size_t room_for_groups(const struct totals *t, size_t reading) {
    return budget_beside(t->budget.limit, reading) - t->budget.limit / 8;
}

/* Is it certain, but for tests that SQLite may have of its own, that only a few groups in order are asked for? */
static bool asks_few(const struct totals *t) {
    return !t->whole && t->query->limit >= 0 && t->query->limit <= ORDER_FEW;
}

/* Octets of the budget at which to make room for more groups: all may have to be sorted, unless most
** are left out before. */
static size_t full_at(struct totals *t) {
    size_t room = room_for_groups(t, atomic_load_explicit(&t->reading, memory_order_relaxed));
    if (t->siftable)
        return SIFT_AT < room / 16 ? SIFT_AT : room / 16;
    bool sorted = t->request.norder > 0 && t->request.first < 0 && !asks_few(t);
    return sorted ? room / sorted_octets(t) * group_octets(t) : room;
}

static bool must_pause(void *arg) {
    struct pause *p = arg;
    struct reader *r = p->reader;
    size_t octets = scan_octets(r->scan);
    if (octets != r->octets) {
        atomic_fetch_add(&p->totals->reading, octets - r->octets);
        r->octets = octets;
    }
    return worker_stopped(&p->totals->interrupt, p->worker) ||
           budget_used(&p->totals->budget) > full_at(p->totals);
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
    for (unsigned p; (p = (unsigned)atomic_fetch_add(&t->next, 1)) < groups_parts(t->groups);) {
        if (worker_stopped(&t->interrupt, worker))
            return;
        if (!groups_merge(t->groups, p))
            atomic_store(&t->failed, true);
    }
}

static int merge(struct totals *t) {
    atomic_store(&t->next, 0);
    workers_run(t->threads, merge_some, t, &t->interrupt);
    return atomic_load(&t->failed) ? FVT_NOMEM : FVT_OK;
}

/* ---- on disk ---------------------------------------------------------------------------- */

static const struct name *name_in_memory(const void *arg, int dim, const uint64_t *row) {
    const struct totals *t = arg;
    return interner_get(&t->interner, t->spec.dim[dim].class, key_get(&t->keys.slot[dim], row));
}

static const struct name *name_on_disk(const void *arg, int dim, const uint64_t *row) {
    (void)row;
    return &((const struct totals *)arg)->spilled_name[dim];
}

static int spill_row(struct totals *t, struct spill *to, const struct order *o, const uint64_t *row,
                     record_name *name) {
    t->record.n = 0;
    record_encode(o, row, name, t, &t->record);
    if (t->record.failed)
        return FVT_NOMEM;
    int rc = spill_add(to, t->record.p, t->record.n, row + t->keys.words);
    return rc == FVT_IO ? fail(t, rc, spill_message(to)) : rc;
}

static bool orders_by_measure(const struct totals *t) {
    for (int i = 0; i < t->request.norder; i++)
        if (t->request.order[i].kind == ORDER_MEASURE)
            return true;
    return false;
}

/* The order in which groups are spilled: that of the statement, unless it needs their totals. */
static int open_spill(struct totals *t) {
    if (t->spill)
        return FVT_OK;
    t->spill = spill_new(groups_shape(t->groups), t->budget.limit / 8, &t->stop);
    int n = orders_by_measure(t) ? 0 : t->request.norder;
    return t->spill && order_make(&t->on_disk, &t->spec, &t->keys, NULL, NULL, t->request.order, n)
               ? FVT_OK
               : FVT_NOMEM;
}

/* All merged groups to disk, and the numbers of their addresses forgotten. */
static int spill_groups(struct totals *t) {
    size_t width = group_width(groups_shape(t->groups));
    int rc = open_spill(t);
    if (rc == FVT_OK && !interner_name(&t->interner, &t->stop))
        rc = FVT_NOMEM;
    if (interrupt_poll(&t->interrupt))
        return TOTALS_INTERRUPTED;
    for (unsigned p = 0; rc == FVT_OK && p < groups_parts(t->groups); p++) {
        size_t n;
        const uint64_t *row = groups_rows(t->groups, p, &n);
        for (size_t i = 0; rc == FVT_OK && i < n && !sort_stopped(&t->stop, i); i++, row += width)
            rc = spill_row(t, t->spill, &t->on_disk, row, name_in_memory);
        groups_drop(t->groups, p);
        if (interrupt_poll(&t->interrupt))
            return TOTALS_INTERRUPTED;
    }
    interner_clear(&t->interner);
    return rc;
}

/* The next record of from as the current group: 1, 0 at the end, or negative. */
static int next_on_disk(struct totals *t, struct spill *from, const struct order *o) {
    struct spill_record r;
    int rc = spill_next(from, &r);
    if (rc != 1)
        return rc == FVT_IO ? fail(t, rc, spill_message(from)) : rc;
    const struct group_shape *shape = groups_shape(t->groups);
    if (!record_decode(o, r.key, r.n, t->spilled_row, t->spilled_name, &t->texts))
        return FVT_NOMEM;
    memcpy(t->spilled_row + shape->words, r.sums,
           (group_width(shape) - (size_t)shape->words) * sizeof *r.sums);
    t->row = t->spilled_row;
    return 1;
}

/* An order by totals: sort once more, by it. */
static int sort_again(struct totals *t) {
    struct order by_measure;
    struct spill *again = spill_new(groups_shape(t->groups), t->budget.limit / 8, &t->stop);
    int rc = again && order_make(&by_measure, &t->spec, &t->keys, NULL, NULL, t->request.order,
                                 t->request.norder)
                 ? FVT_OK
                 : FVT_NOMEM;
    while (rc == FVT_OK && (rc = next_on_disk(t, t->spill, &t->on_disk)) == 1) {
        rc = spill_row(t, again, &by_measure, t->row, name_on_disk);
        if (rc == FVT_OK && interrupt_poll(&t->interrupt))
            rc = TOTALS_INTERRUPTED;
    }
    spill_free(t->spill);
    t->spill = again;
    t->on_disk = by_measure;
    if (rc == FVT_OK)
        rc = spill_sort(again);
    return rc == FVT_IO ? fail(t, rc, spill_message(again)) : rc;
}

/* What is in memory still is the last to go to disk. */
static int finish_spill(struct totals *t) {
    int rc = spill_groups(t);
    if (rc == FVT_OK) {
        rc = spill_sort(t->spill);
        if (rc == FVT_IO)
            fail(t, rc, spill_message(t->spill));
    }
    return rc == FVT_OK && orders_by_measure(t) ? sort_again(t) : rc;
}

/* All readers pause. */
static int make_room(struct totals *t) {
    int rc = FVT_OK;
    for (int i = 0; i < t->threads; i++)
        if (!aggregate_flush(t->reader[i].aggregate))
            rc = FVT_NOMEM;
    if (rc == FVT_OK)
        rc = merge(t);
    if (rc != FVT_OK || interrupt_stopped(&t->interrupt) ||
        budget_used(&t->budget) < full_at(t) / 2)
        return rc;
    rc = spill_groups(t);
    for (int i = 0; i < t->threads; i++)
        aggregate_forget(t->reader[i].aggregate);
    return rc;
}

/* ---- all of it --------------------------------------------------------------------------- */

/* With spec.whole: may a sum be larger than SQL's integers? */
static bool too_large(const struct totals *t) {
    uint64_t most = 0;
    for (int i = 0; i < t->threads; i++)
        if (__builtin_add_overflow(most, aggregate_most(t->reader[i].aggregate), &most))
            return true;
    return most > INT64_MAX;
}

/* Read all. FVT_OK, a failure, NARROW: the layout was too narrow, begin anew, or MANY: there are more groups than are to be
** kept while only the first ones are looked for. */
enum { NARROW = 1, MANY = 2 };
static int read_all(struct totals *t) {
    bool more = true, narrow = false, unfit = false;
    while (more) {
        atomic_store(&t->next, 0);
        workers_run(t->threads, read_some, t, &t->interrupt);
        more = false;
        for (int i = 0; i < t->threads; i++) {
            struct reader *r = &t->reader[i];
            if (r->result == AGGREGATE_FAILED)
                return fail(t, r->rc, scan_message(r->scan));
            narrow |= r->result == AGGREGATE_WIDE;
            unfit |= r->result == AGGREGATE_UNFIT;
            more |= r->result == AGGREGATE_PAUSED;
            for (int d = 0; d < t->spec.ndims; d++)
                t->keys.wide[d] |= r->wide[d];
        }
        if (unfit || too_large(t))
            return TOTALS_UNFIT;
        if (narrow)
            return NARROW;
        if (interrupt_stopped(&t->interrupt))
            return TOTALS_INTERRUPTED;
        if (more && (t->siftable || t->sketch))
            return MANY;
        int rc = more ? make_room(t) : FVT_OK;
        if (rc != FVT_OK)
            return rc;
    }
    return FVT_OK;
}

/* ---- groups one by one ------------------------------------------------------------------ */

static size_t count_groups(const struct totals *t) {
    size_t n, all = 0;
    for (unsigned p = 0; p < groups_parts(t->groups); p++) {
        groups_rows(t->groups, p, &n);
        all += n;
    }
    return all;
}

/* Order groups that are in memory, or only the first ones when so many are asked for as far as is
** known. */
static int order_in_memory(struct totals *t, int threads, int64_t first) {
    int rc = order_groups(&t->order, t->groups, first, threads, &t->interrupt, &t->budget, &t->rows,
                          &t->nrows);
    t->unordered = rc == FVT_OK && ((t->sifted && t->request.first < 0) || count_groups(t) > 0);
    return rc;
}

/* Only addresses and texts of the groups that are left need their names. */
static bool want_names(struct totals *t) {
    size_t n, width = group_width(groups_shape(t->groups));
    for (unsigned p = 0; p < groups_parts(t->groups); p++) {
        const uint64_t *row = groups_rows(t->groups, p, &n);
        for (size_t i = 0; i < n; i++, row += width)
            for (int d = 0; d < t->spec.ndims; d++) {
                enum flow_class class = t->spec.dim[d].class;
                if ((class == FLOW_IP || class == FLOW_TEXT) &&
                    !interner_want(&t->interner, class, key_get(&t->keys.slot[d], row)))
                    return false;
            }
    }
    return true;
}

static int leave_out(struct totals *t) {
    const struct totals_request *r = &t->request;
    int rc;
    if (r->counted >= 0) {
        enum flow_class class = t->spec.dim[r->counted_by].class;
        const struct key_slot *by = &t->keys.slot[r->counted_by];
        bool named = class == FLOW_IP || class == FLOW_TEXT;
        uint64_t most = named ? interner_list(&t->interner, class)->entries.n : key_largest(by);
        rc = select_counted(t->groups, by, most, &t->keys.slot[r->counted], r->greatest, r->first,
                            &t->interrupt);
    } else {
        rc = select_groups(t->groups, &t->spec, r->first_by, r->greatest, r->first, t->threads,
                           &t->interrupt);
    }
    return rc == FVT_OK && !want_names(t) ? FVT_NOMEM : rc;
}

/* Is there memory to sort the groups? Reading has left it, unless most were to be left out and were
** not. */
static bool sortable(const struct totals *t) {
    return count_groups(t) <= room_for_groups(t, 0) / sorted_octets(t);
}

/* SQLite does not tell LIMIT with every statement. Who asks for an order by totals wants the first ones, as a rule; to find
** them is little beside sorting all, which is left until more are asked for. */
static int64_t likely_first(const struct totals *t) {
    if (t->whole)
        return -1;
    if (t->query->limit >= 0 || t->request.order[0].kind != ORDER_MEASURE)
        return t->query->limit;
    return FIRST_FEW;
}

static int sort_in_memory(struct totals *t) {
    int rc = t->request.first >= 0 ? leave_out(t) : FVT_OK;
    if (rc == FVT_OK && t->sifted && !want_names(t))
        rc = FVT_NOMEM;
    if (rc != FVT_OK)
        return rc;
    if (t->request.norder > 0 && !interrupt_stopped(&t->interrupt) && !asks_few(t) && !sortable(t))
        return finish_spill(t);
    if (!interner_name(&t->interner, &t->stop))
        return FVT_NOMEM;
    if (t->request.norder == 0 || interrupt_stopped(&t->interrupt))
        return FVT_OK;
    if (!order_make(&t->order, &t->spec, &t->keys, &t->interner, &t->stop, t->request.order,
                    t->request.norder))
        return FVT_NOMEM;
    if (interrupt_stopped(&t->interrupt))
        return FVT_OK;
    return order_in_memory(t, t->threads, likely_first(t));
}

/* ---- the first ones alone ---------------------------------------------------------------- */

/* Are only some first groups asked for, as far as SQLite tells? How many, and by what. */
static bool asks_first(const struct totals *t, enum measure *by, size_t *n) {
    const struct totals_request *r = &t->request;
    const struct order_term *term = &r->order[0];
    bool listed = r->first >= 0, greatest = listed ? r->greatest : term->desc;
    if (t->whole || (listed ? r->counted >= 0 || r->first > ORDER_FEW
                            : !asks_few(t) || r->norder == 0 || term->kind != ORDER_MEASURE))
        return false;
    *by = listed ? r->first_by : (enum measure)term->id;
    *n = (size_t)(listed ? r->first : t->query->limit);
    return *n > 0 && sketch_able(*by, greatest);
}

struct reaching {
    const struct totals *totals;
    uint64_t least;
};

static bool reaches(const void *arg, const uint64_t *row) {
    const struct reaching *r = arg;
    const struct totals *t = r->totals;
    return sketch_value(t->sketch, &t->spec, row + t->keys.words) >= r->least;
}

/* The value of the n-th group, and no groups that have less; 0 when there are not so many. False without memory. */
static bool keep_first(struct totals *t, size_t n, uint64_t *least) {
    size_t rows, width = group_width(groups_shape(t->groups));
    struct select_heap best = {malloc(n * sizeof *best.value), 0};
    for (unsigned p = 0; best.value && p < groups_parts(t->groups); p++) {
        const uint64_t *row = groups_rows(t->groups, p, &rows);
        for (size_t i = 0; i < rows; i++, row += width)
            select_heap_add(&best, n, sketch_value(t->sketch, &t->spec, row + t->keys.words));
    }
    *least = best.value && best.n == n ? best.value[0] : 0;
    const struct reaching reaching = {t, *least};
    for (unsigned p = 0; *least && p < groups_parts(t->groups); p++)
        groups_keep(t->groups, p, reaches, &reaching);
    free(best.value);
    return best.value != NULL;
}

/* Read the groups that fall into the largest cells, then those that may be among the first ones still. Results as of
** read_all(); MANY also when these are too many to be worth it. */
static int read_first(struct totals *t, size_t n) {
    uint64_t least = sketch_guess(t->sketch), most = UINT64_MAX, reached = 0;
    do {
        if (least == 0 || sketch_count(t->sketch, least, most) > sketch_cells(t->sketch) / 8)
            return MANY;
        sketch_look_for(t->sketch, least, most);
        if (!start_readers(t))
            return FVT_NOMEM;
        int rc = read_all(t);
        if (rc == FVT_OK)
            rc = merge(t);
        if (rc != FVT_OK || interrupt_stopped(&t->interrupt))
            return rc;
        if (!keep_first(t, n, &reached))
            return FVT_NOMEM;
        most = least - 1;
        least = reached;
    } while (reached <= most);
    return FVT_OK;
}

/* What there is of groups goes to the cells, and all that is still to be read. */
static int read_cells(struct totals *t) {
    size_t n, width = group_width(groups_shape(t->groups));
    int rc = FVT_OK;
    for (int i = 0; i < t->threads; i++)
        if (!aggregate_flush(t->reader[i].aggregate) ||
            !aggregate_sketch(t->reader[i].aggregate, t->sketch, i, false))
            rc = FVT_NOMEM;
    if (rc == FVT_OK)
        rc = merge(t);
    if (rc != FVT_OK)
        return rc;
    for (unsigned p = 0; p < groups_parts(t->groups); p++) {
        const uint64_t *row = groups_rows(t->groups, p, &n);
        for (size_t i = 0; i < n; i++, row += width)
            sketch_add_group(t->sketch, &t->spec, t->keys.words, row);
        groups_drop(t->groups, p);
    }
    return read_all(t);
}

/* All readers pause, for there are many groups: find out which cannot be the first ones, and read the others. Where that is
** no use, all. */
static int sift(struct totals *t) {
    enum measure by;
    size_t n, octets;
    t->siftable = false;
    if (!asks_first(t, &by, &n) ||
        !(t->sketch = sketch_new(by, n, t->request.measures == UINT32_C(1) << by, t->threads,
                                 t->budget.limit / 8)))
        return FVT_NOMEM;
    octets = sketch_octets(t->sketch);
    budget_add(&t->budget, octets);
    int rc = read_cells(t);
    if (rc == FVT_OK)
        rc = read_first(t, n);
    budget_sub(&t->budget, octets);
    t->sifted = rc == FVT_OK;
    if (rc == MANY) {
        sketch_free(t->sketch);
        t->sketch = NULL;
        rc = make_groups(t) && start_readers(t) ? read_all(t) : FVT_NOMEM;
    }
    return rc;
}

static int count_all(struct totals *t) {
    enum measure by;
    size_t n;
    int rc;
    do {
        stop_reading(t);
        spill_free(t->spill);
        t->spill = NULL;
        groups_free(t->groups);
        t->groups = NULL;
        sketch_free(t->sketch);
        t->sketch = NULL;
        interner_clear(&t->interner);
        atomic_store(&t->interrupt.stop, false);
        t->siftable = asks_first(t, &by, &n);
        t->sifted = false;
        rc = start_reading(t);
        if (rc == FVT_OK)
            rc = read_all(t);
        if (rc == MANY)
            rc = sift(t);
    } while (rc == NARROW);
    if (rc == FVT_OK)
        rc = merge(t);
    if (rc == FVT_OK && !interrupt_stopped(&t->interrupt))
        rc = t->spill ? finish_spill(t) : sort_in_memory(t);
    if (rc == FVT_OK && interrupt_stopped(&t->interrupt))
        rc = TOTALS_INTERRUPTED;
    stop_reading(t);
    return rc == FVT_NOMEM ? fail(t, rc, "") : rc;
}

static int start(struct totals *t) {
    t->started = true;
    interrupt_begin(&t->interrupt, t->request.db);
    int rc = count_all(t);
    interrupt_end(&t->interrupt);
    return rc;
}

/* Names are all over the memory: ask for those that come next. */
static void fetch_names(const struct totals *t, const uint64_t *row) {
    for (int d = 0; d < t->spec.ndims; d++) {
        enum flow_class class = t->spec.dim[d].class;
        uint64_t number = key_get(&t->keys.slot[d], row);
        if (number && (class == FLOW_IP || class == FLOW_TEXT))
            __builtin_prefetch(interner_get(&t->interner, class, number));
    }
}

/* Only the first groups were kept: count again, all. Those that were delivered come first again. */
static int count_rest(struct totals *t, size_t delivered) {
    t->whole = true;
    int rc = count_all(t);
    for (t->at = 0; rc == FVT_OK && t->spill && delivered > 0; delivered--) {
        rc = next_on_disk(t, t->spill, &t->on_disk);
        rc = rc == 1 ? FVT_OK : rc;
    }
    return rc;
}

/* More is asked for than the limit said: the order decides of any two groups, so those after the first
** ones are the same when all are ordered. */
static int order_rest(struct totals *t) {
    size_t delivered = t->at;
    budget_sub(&t->budget, t->nrows * group_width(groups_shape(t->groups)) * sizeof *t->rows);
    free(t->rows);
    t->rows = NULL;
    interrupt_begin(&t->interrupt, t->request.db);
    int rc = FVT_OK;
    if (t->sifted)
        rc = count_rest(t, delivered);
    else
        rc = order_in_memory(t, limits_threads(), -1);
    if (rc == FVT_OK && interrupt_stopped(&t->interrupt))
        rc = TOTALS_INTERRUPTED;
    interrupt_end(&t->interrupt);
    t->at = delivered;
    return rc == FVT_NOMEM ? fail(t, rc, "") : rc;
}

static bool next_in_memory(struct totals *t) {
    size_t n, width = group_width(groups_shape(t->groups));
    if (t->rows) {
        if (t->at >= t->nrows)
            return false;
        t->row = t->rows + t->at++ * width;
        if (t->at + AHEAD < t->nrows)
            fetch_names(t, t->row + AHEAD * width);
        return true;
    }
    for (; t->part < groups_parts(t->groups); t->part++, t->at = 0) {
        const uint64_t *rows = groups_rows(t->groups, t->part, &n);
        if (t->at >= n)
            continue;
        t->row = rows + t->at++ * width;
        return true;
    }
    return false;
}

int totals_next(struct totals *t) {
    int rc = t->started ? FVT_OK : start(t);
    if (rc != FVT_OK)
        return rc;
    if (!t->spill) {
        if (t->unordered && t->at >= t->nrows)
            rc = order_rest(t);
        return rc == FVT_OK ? next_in_memory(t) : rc;
    }
    rc = next_on_disk(t, t->spill, &t->on_disk);
    return rc == FVT_NOMEM ? fail(t, rc, "") : rc;
}

bool totals_null(const struct totals *t, int dim) {
    return key_get(&t->keys.slot[dim], t->row) == 0;
}

int64_t totals_integer(const struct totals *t, int dim) {
    return (int64_t)(key_get(&t->keys.slot[dim], t->row) - 1);
}

const char *totals_text(const struct totals *t, int dim, uint32_t *n) {
    const struct name *name =
        t->spill ? name_on_disk(t, dim, t->row) : name_in_memory(t, dim, t->row);
    *n = name->n;
    return name_text(name);
}

bool totals_bucket(const struct totals *t, int64_t *ms) {
    uint64_t number = key_get(&t->keys.slot[t->spec.ndims], t->row);
    *ms = number ? key_bucket_ms(&t->keys, number) : 0;
    return number != 0;
}

uint64_t totals_measure(const struct totals *t, enum measure m) {
    return measure_count(&t->spec, t->row + t->keys.words, m);
}

bool totals_span(const struct totals *t, int64_t *first, int64_t *last) {
    return measure_span(&t->spec, t->row + t->keys.words, first, last);
}

int64_t totals_rowid(const struct totals *t) {
    struct fvt_buffer b = {0};
    int64_t ms;
    fvt_put_int(&b, t->query->params, 8);
    for (int d = 0; d < t->spec.ndims; d++) {
        enum flow_class class = t->spec.dim[d].class;
        bool null = totals_null(t, d);
        uint32_t n;
        fvt_put_int(&b, null, 1);
        if (null)
            continue;
        if (class == FLOW_IP || class == FLOW_TEXT) {
            const char *text = totals_text(t, d, &n);
            fvt_put_int(&b, n, 4);
            fvt_put(&b, text, n);
        } else {
            fvt_put_int(&b, (uint64_t)totals_integer(t, d), 8);
        }
    }
    if (t->spec.buckets) {
        fvt_put_int(&b, totals_bucket(t, &ms), 1);
        fvt_put_int(&b, (uint64_t)ms, 8);
    }
    uint64_t h = b.failed ? 0 : fvt_checksum(b.p, b.n);
    free(b.p);
    return (int64_t)(h >> 1);
}
