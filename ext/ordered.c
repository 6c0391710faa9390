/* SPDX-License-Identifier: MIT */
/*
** Spans, passes, threads: how rows come to be in order.
*/
#include "ordered.h"
#include "budget.h"
#include "limits.h"
#include "row_bound.h"
#include "scan.h"
#include "workers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FIRST_SPAN_ROWS = 32768, /* aimed at; each span is twice the one before */
    SPAN_ROW_BYTES = 1024,   /* of the budget, for the first span to be smaller */
    MAX_SPANS = 256,
    SPAN_POINTS = 1 << 16, /* at which the times of all row groups are looked at */
    MIN_CUT_ROWS = 256,    /* a set of fewer rows is not cut for its size */
    MAX_TOP_ROWS = 100000, /* a LIMIT up to which no more rows are kept than it wants */
    RING = 4,              /* batches made ready */
};

/* Part of the rows by the integer that the order begins with. */
struct span {
    bool nulls;     /* those without, or: */
    int64_t lo, hi; /* both inclusive */
};

/* Batches in the making, by a thread of their own while SQLite takes the one before. */
struct ring {
    bool running, stop, failed;
    pthread_t id;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    uint64_t made,
        taken; /* batches; batch i is in slot i % RING. taken: of which the last is in use */
};

struct ordered {
    const struct query *query;
    struct snapshot *snapshot;
    struct interrupt *interrupt;
    struct row_spec spec;
    struct row_terms terms;
    bool used[SCAN_NCOLUMNS];
    size_t budget; /* of a thread's set */
    int nspans, span;
    struct span spans[MAX_SPANS];
    bool spanned; /* spans are those of a column; otherwise there is one of everything */
    /* the pass */
    struct scan_source *source;
    struct predicate *predicate;
    int nsets;
    struct rowset *set[MAX_THREADS];
    int rc[MAX_THREADS];
    atomic_int next_set;        /* whose work nobody has begun */
    struct row_bound low, high; /* high: of all threads so far */
    pthread_mutex_t lock;       /* of high and error */
    struct row_order *order;
    struct row_batch batch[RING];
    struct ring ring;
    bool more; /* rows behind high are left */
    struct fvt_error error;
};

static int fail(struct ordered *o, int rc, const char *text) {
    pthread_mutex_lock(&o->lock);
    snprintf(o->error.text, sizeof o->error.text, "%s", text);
    pthread_mutex_unlock(&o->lock);
    return rc;
}

static int no_memory(struct ordered *o) {
    return fail(o, FVT_NOMEM, "out of memory");
}

static int no_memory_or_stopped(struct ordered *o) {
    return interrupt_stopped(o->interrupt) ? SCAN_STOPPED : no_memory(o);
}

/* ---- spans ------------------------------------------------------------------------------ */

static const struct sql_column *leading(const struct ordered *o) {
    const struct sql_column *c = o->terms.n ? o->spec.column[o->terms.term[0].column] : NULL;
    bool timed = c && (c->kind == COLUMN_VALUE || c->kind == COLUMN_MS) &&
                 flow_fields[scan_field(c->id)].class == FLOW_TIME;
    return timed ? c : NULL;
}

struct point {
    int64_t at;
    double rows;
};

struct points {
    struct point *p;
    size_t n, cap;
    uint64_t rows;
};

static int by_place(const void *a, const void *b) {
    const struct point *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

/* Rows of a group, as if they lay evenly between its smallest and largest value. */
static bool add_points(struct points *t, int64_t min, int64_t max, uint32_t rows, uint32_t count) {
    if (t->n + count > t->cap) {
        size_t cap = t->cap ? t->cap * 2 + count : 1024 + count;
        struct point *p = realloc(t->p, cap * sizeof *p);
        if (!p)
            return false;
        t->p = p;
        t->cap = cap;
    }
    for (uint32_t i = 0; i < count; i++) {
        double part = ((double)i + 0.5) / count;
        t->p[t->n++] = (struct point){(int64_t)((double)min + ((double)max - (double)min) * part),
                                      (double)rows / count};
    }
    t->rows += rows;
    return true;
}

/* The zone maps of all groups in the window. */
static int collect_points(struct ordered *o, int column, struct points *t) {
    struct scan_source *source = scan_source_new(o->snapshot);
    struct predicate *all = predicate_new(PREDICATE_AND, 0);
    bool used[SCAN_NCOLUMNS] = {false};
    struct scan *scan = source && all ? scan_new(source, all, &o->query->window, used) : NULL;
    int rc = scan ? 1 : no_memory(o);
    uint32_t count = o->snapshot->n > SPAN_POINTS / 64 ? 4 : 64;
    while (rc == 1 && (rc = scan_next_group(scan)) == 1) {
        int64_t min, max;
        if (scan_zone(scan, column, &min, &max) &&
            !add_points(t, cell_time(min), cell_time(max), scan_group_rows(scan), count))
            rc = no_memory(o);
    }
    if (rc < 0 && scan && rc != FVT_NOMEM)
        fail(o, rc, scan_message(scan));
    scan_free(scan);
    predicate_free(all);
    scan_source_free(source);
    return rc;
}

static double first_span_rows(void) {
    size_t fit = limits_memory() / SPAN_ROW_BYTES;
    return fit < FIRST_SPAN_ROWS ? (double)fit : FIRST_SPAN_ROWS;
}

/* Cut where the rows of a span are those aimed at. Times beyond the calendar are shown as its ends
** and so stay with them. */
static void cut_spans(struct ordered *o, const struct points *t) {
    bool desc = o->terms.term[0].desc;
    double rows = 0, aim = first_span_rows();
    int64_t from = desc ? INT64_MAX : INT64_MIN;
    for (size_t i = 0; i < t->n && o->nspans < MAX_SPANS - 2; i++) {
        const struct point *p = &t->p[desc ? t->n - 1 - i : i];
        rows += p->rows;
        bool inside =
            p->at > FLOW_MS_MIN && p->at < FLOW_MS_MAX && (desc ? p->at < from : p->at > from);
        if (rows < aim || !inside)
            continue;
        o->spans[o->nspans++] =
            desc ? (struct span){false, p->at, from} : (struct span){false, from, p->at};
        from = desc ? p->at - 1 : p->at + 1;
        rows = 0;
        aim *= 2;
    }
    o->spans[o->nspans++] =
        desc ? (struct span){false, INT64_MIN, from} : (struct span){false, from, INT64_MAX};
}

static int plan_spans(struct ordered *o) {
    const struct sql_column *c = leading(o);
    struct points t = {0};
    int rc = c ? collect_points(o, c->id, &t) : 0;
    o->spanned = rc == 0 && c && (double)t.rows > 2 * first_span_rows();
    if (rc == 0 && o->spanned) {
        qsort(t.p, t.n, sizeof *t.p, by_place);
        bool desc = o->terms.term[0].desc;
        if (!desc)
            o->spans[o->nspans++].nulls = true;
        cut_spans(o, &t);
        if (desc)
            o->spans[o->nspans++].nulls = true;
    } else {
        o->nspans = 1;
    }
    free(t.p);
    return rc;
}

/* What the statement asks for, in the span alone. */
static struct predicate *span_predicate(const struct ordered *o) {
    if (!o->spanned)
        return predicate_clone(o->query->predicate);
    const struct span *s = &o->spans[o->span];
    struct predicate *all = predicate_new(PREDICATE_AND, 0);
    struct predicate *part =
        predicate_new(s->nulls ? PREDICATE_NULL : PREDICATE_RANGES, leading(o)->id);
    bool ok = all && part && (s->nulls || filter_values_range(&part->values, s->lo, s->hi) == 0);
    if (!ok) {
        predicate_free(part);
    } else {
        filter_values_normalize(&part->values);
        if (predicate_adopt(all, part) &&
            predicate_adopt(all, predicate_clone(o->query->predicate)))
            return all;
    }
    predicate_free(all);
    return NULL;
}

/* ---- a pass ----------------------------------------------------------------------------- */

/* Keep what comes before the bound alone. */
static bool cut_set(struct ordered *o, int i, int worker, const struct row_bound *bound) {
    struct worker self = {o->interrupt, worker};
    const struct sort_stop stop = {worker_must_stop, &self};
    struct rowset *old = o->set[i], *new = rowset_new(&o->spec);
    uint8_t *keep = malloc(old->rows + 1);
    bool ok = new &&keep;
    if (ok) {
        row_bound_mark(old, &o->terms, bound, &stop, keep);
        ok = rowset_append_set(new, old, keep, &stop);
    }
    free(keep);
    if (!ok) {
        rowset_free(new);
        return false;
    }
    /* Numbers in the new set are its own. */
    memcpy(new->memo, old->memo, sizeof new->memo);
    memset(old->memo, 0, sizeof old->memo);
    rowset_free(old);
    o->set[i] = new;
    return true;
}

/* Lower the bound of all to the thread's, or the thread's to that of all. */
static bool share_bound(struct ordered *o, struct row_bound *mine) {
    pthread_mutex_lock(&o->lock);
    bool ok = true;
    if (mine->set && (!o->high.set || row_bound_compare(mine, &o->high, &o->spec, &o->terms) < 0))
        ok = row_bound_copy(&o->high, mine);
    else if (o->high.set)
        ok = row_bound_copy(mine, &o->high);
    pthread_mutex_unlock(&o->lock);
    return ok;
}

static int64_t top_rows(const struct ordered *o) {
    int64_t limit = o->query->limit;
    return limit >= 0 && limit <= MAX_TOP_ROWS ? limit : -1;
}

static bool too_many(const struct ordered *o, const struct rowset *s, const struct scan *scan) {
    int64_t top = top_rows(o);
    if (top >= 0 && s->rows > 2 * (uint64_t)top + 4 * MIN_CUT_ROWS)
        return true;
    size_t order =
        s->rows * ROW_ORDER_BYTES + (s->ips.n + s->texts.n) * (size_t)ROW_ORDER_NAME_BYTES;
    return s->rows >= MIN_CUT_ROWS &&
           s->bytes + order > budget_beside(o->budget, scan_octets(scan));
}

/* Make room: find a bound, tell the others, drop what is behind it. */
static bool make_room(struct ordered *o, int i, int worker, struct row_bound *mine,
                      struct scan *scan) {
    struct worker self = {o->interrupt, worker};
    const struct sort_stop stop = {worker_must_stop, &self};
    struct row_bound bound = {0};
    bool ok = row_bound_split(o->set[i], &o->terms, top_rows(o), &stop, &bound) &&
              share_bound(o, &bound) && row_bound_copy(mine, &bound) &&
              cut_set(o, i, worker, &bound) && rowset_enter_group(o->set[i], scan);
    row_bound_clear(&bound);
    return ok;
}

static bool add_block(struct ordered *o, int i, int worker, struct scan *scan,
                      struct row_bound *mine) {
    uint32_t n;
    const uint16_t *rows = scan_rows(scan, &n);
    uint16_t inside[SCAN_BLOCK];
    if (mine->set || o->low.set) {
        n = row_bound_select(scan, &o->spec, &o->terms, &o->low, mine, rows, n, inside);
        if (n == UINT32_MAX)
            return false;
        rows = inside;
    }
    if (n && !rowset_append(o->set[i], scan, rows, n))
        return false;
    return !too_many(o, o->set[i], scan) || make_room(o, i, worker, mine, scan);
}

static int fill_set(struct ordered *o, int i, int worker, struct scan *scan,
                    struct row_bound *mine) {
    int rc;
    while ((rc = scan_next_group(scan)) == 1) {
        if (!share_bound(o, mine) || !rowset_enter_group(o->set[i], scan))
            return no_memory_or_stopped(o);
        while (scan_next_block(scan))
            if (!add_block(o, i, worker, scan, mine))
                return no_memory_or_stopped(o);
    }
    return rc < 0 ? fail(o, rc, scan_message(scan)) : FVT_OK;
}

static void fill(struct ordered *o, int i, int worker) {
    struct worker self = {o->interrupt, worker};
    struct row_bound mine = {0};
    struct predicate *p = predicate_clone(o->predicate);
    struct scan *scan = p ? scan_new(o->source, p, &o->query->window, o->used) : NULL;
    if (scan)
        scan_set_poll(scan, worker_must_stop, &self);
    o->set[i] = scan ? rowset_new(&o->spec) : NULL;
    o->rc[i] = o->set[i] ? fill_set(o, i, worker, scan, &mine) : no_memory(o);
    row_bound_clear(&mine);
    scan_free(scan);
    predicate_free(p);
}

static void fill_some(void *arg, int worker) {
    struct ordered *o = arg;
    for (int i; (i = atomic_fetch_add(&o->next_set, 1)) < o->nsets;)
        fill(o, i, worker);
}

static void cut_some(void *arg, int worker) {
    struct ordered *o = arg;
    for (int i; (i = atomic_fetch_add(&o->next_set, 1)) < o->nsets;)
        if (!cut_set(o, i, worker, &o->high))
            o->rc[i] = no_memory(o);
}

static int run_all(struct ordered *o, void (*work)(void *arg, int worker)) {
    atomic_store(&o->next_set, 0);
    workers_run(o->nsets, work, o, o->interrupt);
    for (int i = 0; i < o->nsets; i++)
        if (o->rc[i] != FVT_OK)
            return o->rc[i];
    return interrupt_stopped(o->interrupt) ? SCAN_STOPPED : FVT_OK;
}

static void *make_batches(void *arg);

/* Read the store once for the rows from low on. */
static int run_pass(struct ordered *o) {
    row_bound_clear(&o->high);
    o->source = scan_source_new(o->snapshot);
    o->predicate = span_predicate(o);
    interrupt_watch(o->interrupt, o->source);
    int rc = o->source && o->predicate ? run_all(o, fill_some) : no_memory(o);
    interrupt_watch(o->interrupt, NULL);
    scan_source_free(o->source);
    predicate_free(o->predicate);
    o->source = NULL;
    o->predicate = NULL;
    o->more = o->high.set;
    if (rc == FVT_OK && o->high.set)
        rc = run_all(o, cut_some);
    if (rc != FVT_OK)
        return rc;
    o->order = row_order_new(o->set, o->nsets, &o->terms, o->interrupt);
    if (!o->order)
        return no_memory_or_stopped(o);
    o->ring.made = o->ring.taken = 0;
    o->ring.stop = o->ring.failed = false;
    uint64_t rows = 0;
    for (int i = 0; i < o->nsets; i++)
        rows += o->set[i]->rows;
    o->ring.running = limits_threads() > 1 && rows > (uint64_t)RING * BATCH_ROWS &&
                      pthread_create(&o->ring.id, NULL, make_batches, o) == 0;
    return FVT_OK;
}

static void end_pass(struct ordered *o) {
    if (o->ring.running) {
        pthread_mutex_lock(&o->ring.lock);
        o->ring.stop = true;
        pthread_cond_signal(&o->ring.moved);
        pthread_mutex_unlock(&o->ring.lock);
        pthread_join(o->ring.id, NULL);
        o->ring.running = false;
    }
    row_order_free(o->order);
    o->order = NULL;
    for (int i = 0; i < o->nsets; i++) {
        rowset_free(o->set[i]);
        o->set[i] = NULL;
        o->rc[i] = FVT_OK;
    }
}

/* On to the next pass or span: 1, 0 when that was all, or negative. */
static int next_pass(struct ordered *o) {
    if (o->nspans == 0) {
        int rc = plan_spans(o);
        if (rc < 0)
            return rc;
    } else {
        end_pass(o);
        row_bound_clear(&o->low);
        if (!o->more)
            o->span++;
        else if (!row_bound_copy(&o->low, &o->high))
            return no_memory(o);
    }
    if (o->span >= o->nspans)
        return 0;
    int rc = run_pass(o);
    return rc == FVT_OK ? 1 : rc;
}

/* ---- batches ---------------------------------------------------------------------------- */

static void *make_batches(void *arg) {
    struct ordered *o = arg;
    struct ring *r = &o->ring;
    struct worker self = {o->interrupt, 1}; /* SQLite is asked by its own thread */
    const struct sort_stop leave_off = {worker_must_stop, &self};
    for (bool end = false; !end;) {
        pthread_mutex_lock(&r->lock);
        while (!r->stop && r->made - r->taken >= RING - 1)
            pthread_cond_wait(&r->moved, &r->lock);
        bool stop = r->stop;
        pthread_mutex_unlock(&r->lock);
        if (stop)
            break;
        struct row_batch *b = &o->batch[r->made % RING];
        bool ok = row_order_next(o->order, &leave_off, b);
        end = !ok || b->n == 0;
        pthread_mutex_lock(&r->lock);
        r->failed |= !ok;
        r->made++;
        pthread_cond_signal(&r->moved);
        pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

/* The next batch of the pass, empty at its end. NULL without memory, or when it is to stop. */
static const struct row_batch *take_batch(struct ordered *o) {
    struct ring *r = &o->ring;
    if (!r->running) {
        struct worker self = {o->interrupt, 0};
        const struct sort_stop stop = {worker_must_stop, &self};
        struct row_batch *b = &o->batch[0];
        return row_order_next(o->order, &stop, b) ? b : NULL;
    }
    pthread_mutex_lock(&r->lock);
    while (r->made == r->taken)
        interrupt_wait(o->interrupt, &r->moved, &r->lock);
    struct row_batch *b = &o->batch[r->taken++ % RING];
    bool failed = r->failed;
    pthread_cond_signal(&r->moved);
    pthread_mutex_unlock(&r->lock);
    return failed ? NULL : b;
}

int ordered_next(struct ordered *o, const struct row_batch **out) {
    for (;;) {
        if (o->order) {
            *out = take_batch(o);
            if (!*out)
                return no_memory_or_stopped(o);
            if ((*out)->n)
                return 1;
        }
        int rc = next_pass(o);
        if (rc != 1)
            return rc;
    }
}

/* ---- all together ----------------------------------------------------------------------- */

const char *ordered_message(const struct ordered *o) {
    return o->error.text;
}

const char *ordered_text(const struct ordered *o, enum cell_kind kind, int64_t v, size_t *n) {
    return row_order_text(o->order, kind, v, n);
}

struct ordered *ordered_new(const struct query *query, struct snapshot *snapshot,
                            const struct row_spec *spec, const struct row_terms *terms,
                            struct interrupt *interrupt) {
    struct ordered *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->query = query;
    o->snapshot = snapshot;
    o->interrupt = interrupt;
    o->spec = *spec;
    o->terms = *terms;
    o->nsets = limits_threads();
    o->budget = limits_memory() / (size_t)o->nsets;
    pthread_mutex_init(&o->lock, NULL);
    pthread_mutex_init(&o->ring.lock, NULL);
    pthread_cond_init(&o->ring.moved, NULL);
    bool ok = true;
    for (int c = 0; c < spec->n; c++)
        sql_column_needs(spec->column[c], o->used);
    for (int i = 0; i < RING; i++)
        ok = row_batch_init(&o->batch[i], &o->spec) && ok;
    if (ok)
        return o;
    ordered_free(o);
    return NULL;
}

void ordered_free(struct ordered *o) {
    if (!o)
        return;
    end_pass(o);
    for (int i = 0; i < RING; i++)
        row_batch_free(&o->batch[i]);
    row_bound_clear(&o->low);
    row_bound_clear(&o->high);
    pthread_mutex_destroy(&o->lock);
    pthread_mutex_destroy(&o->ring.lock);
    pthread_cond_destroy(&o->ring.moved);
    free(o);
}
