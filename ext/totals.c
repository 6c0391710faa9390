/* SPDX-License-Identifier: MIT */
/*
** A totals query: what is asked, and the groups one by one. The threads that count are in totals_read.c.
*/
#include "counted.h"
#include "select.h"
#include "totals_parts.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    AHEAD = 12,       /* groups whose memory is asked for before they are delivered */
    FIRST_FEW = 1000, /* groups that are mostly enough of those in order of a total */
};

static void need_dimension(const struct dimension *d, int side, bool need[SCAN_NCOLUMNS]) {
    need[d->side[side]] = true;
    if (d->label == LABEL_NET)
        need[dimension_mask(d, side)] = true;
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
        for (int d = 0; d < aggregate_dims(spec); d++)
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
    totals_set_dimensions(t);
    spec->labels = request->labels;
    spec->buckets = request->buckets;
    spec->bucket = query->bucket * 1000;
    spec->window = query->window;
    spec->sides = request->table->kind == TABLE_ENDPOINTS ? 2 : 1;
    spec->whole = request->table->kind == TABLE_FLOWS;
    spec->records = request->rows;
    spec->total = request->total;
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

void totals_free(struct totals *t) {
    if (!t)
        return;
    totals_stop_reading(t);
    free(t->rows);
    free(t->wanted);
    free(t->applications);
    sketch_free(t->sketch);
    spill_free(t->spill);
    free(t->texts.p);
    free(t->record.p);
    groups_free(t->groups);
    groups_free(t->values);
    interner_free(&t->interner);
    free(t);
}

const char *totals_message(const struct totals *t) {
    return t->error.text;
}

int totals_fail(struct totals *t, int rc, const char *text) {
    snprintf(t->error.text, sizeof t->error.text, "%s", rc == FVT_NOMEM ? "out of memory" : text);
    return rc;
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

bool totals_has_least(const void *totals, const uint64_t *row) {
    const struct totals *t = totals;
    for (int m = 0; t->query->any_least && m < MEASURE_first; m++)
        if (t->query->least[m] > 0 &&
            measure_count(&t->spec, row + t->keys.words, (enum measure)m) < t->query->least[m])
            return false;
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

/* Where a few groups in order of a counter are asked for, no others need be named, ranked and put in order. */
static int keep_likely(struct totals *t) {
    const struct order_term *by = &t->request.order[0];
    if (t->sifted || !totals_asks_few(t) || t->request.norder == 0 || by->kind != ORDER_MEASURE ||
        by->id >= MEASURE_first)
        return FVT_OK;
    size_t all = count_groups(t);
    int rc = select_groups(t->groups, &t->spec, (enum measure)by->id, by->desc, t->query->limit,
                           t->threads, &t->interrupt);
    t->sifted = count_groups(t) < all;
    return rc;
}

/* Is there memory to sort the groups? Reading has left it, unless most were to be left out and were
** not. */
static bool sortable(const struct totals *t) {
    return count_groups(t) <= totals_room(t, 0) / totals_sorted_octets(t);
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
    bool some = t->spec.counts || t->query->any_least;
    for (unsigned p = 0; t->query->any_least && p < groups_parts(t->groups); p++)
        groups_keep(t->groups, p, totals_has_least, t);
    int rc = t->request.first >= 0 ? leave_out(t) : keep_likely(t);
    if (rc == FVT_OK && (t->sifted || some) && !want_names(t))
        rc = FVT_NOMEM;
    if (rc != FVT_OK)
        return rc;
    if (t->request.norder > 0 && !interrupt_stopped(&t->interrupt) && !totals_asks_few(t) &&
        !sortable(t))
        return totals_finish_spill(t);
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

/* What is counted is an own group for each value when it is only the disk that has room. */
void totals_set_dimensions(struct totals *t) {
    bool counts = t->request.counts;
    t->spec.ndims = t->request.ndims + (counts && t->apart);
    t->spec.counts = counts && !t->apart;
}

/* One group for each key, with what is counted of it. */
static int merge_all(struct totals *t) {
    int rc = FVT_OK;
    if (t->spec.counts)
        rc = counted_add(&t->spec, &t->keys, t->values, t->groups, t->threads, &t->interrupt);
    return rc == FVT_OK && !interrupt_stopped(&t->interrupt) ? totals_merge(t) : rc;
}

static int count_all(struct totals *t) {
    enum measure by;
    size_t n;
    int rc;
    do {
        totals_stop_reading(t);
        spill_free(t->spill);
        t->spill = NULL;
        groups_free(t->groups);
        groups_free(t->values);
        t->groups = t->values = NULL;
        sketch_free(t->sketch);
        t->sketch = NULL;
        interner_clear(&t->interner);
        memset(t->total, 0, sizeof t->total);
        atomic_store(&t->interrupt.stop, false);
        t->siftable = totals_asks_first(t, &by, &n);
        t->sifted = false;
        totals_set_dimensions(t);
        rc = totals_start_reading(t);
        if (rc == FVT_OK)
            rc = totals_read_all(t);
        if (rc == TOTALS_MANY)
            rc = totals_sift(t);
        t->apart |= rc == TOTALS_LARGE;
    } while (rc == TOTALS_NARROW || rc == TOTALS_LARGE);
    if (rc == FVT_OK)
        rc = merge_all(t);
    if (rc == FVT_OK && !interrupt_stopped(&t->interrupt))
        rc = t->spill || (t->request.counts && t->apart) ? totals_finish_spill(t)
                                                         : sort_in_memory(t);
    if (rc == FVT_OK && interrupt_stopped(&t->interrupt))
        rc = TOTALS_INTERRUPTED;
    totals_stop_reading(t);
    return rc == FVT_NOMEM ? totals_fail(t, rc, "") : rc;
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
        rc = totals_next_on_disk(t, t->spill, &t->on_disk);
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
    return rc == FVT_NOMEM ? totals_fail(t, rc, "") : rc;
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
    do
        rc = totals_next_on_disk(t, t->spill, &t->on_disk);
    while (rc == 1 && !totals_has_least(t, t->row));
    return rc == FVT_NOMEM ? totals_fail(t, rc, "") : rc;
}

bool totals_null(const struct totals *t, int dim) {
    return key_get(&t->keys.slot[dim], t->row) == 0;
}

int64_t totals_integer(const struct totals *t, int dim) {
    return (int64_t)(key_get(&t->keys.slot[dim], t->row) - 1);
}

const char *totals_text(const struct totals *t, int dim, uint32_t *n) {
    const struct name *name =
        t->spill ? totals_name_on_disk(t, dim, t->row) : totals_name_in_memory(t, dim, t->row);
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

uint64_t totals_total(const struct totals *t, enum measure m) {
    return measure_count(&t->spec, t->total, m);
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
