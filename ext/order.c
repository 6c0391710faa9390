/* SPDX-License-Identifier: MIT */
/*
** Sorting groups: distributed by the first bits of their first word, each of these ranges sorted by
** one thread. Of a few first ones a heap is enough.
*/
#include "order.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
    RANGE_BITS = 10,
    RANGES = 1 << RANGE_BITS,
    LARGE_PAGE = 1 << 21,
    COUNT_BITS = 63,
    TIME_BITS = 50, /* ms of the calendar, and NULL */
};

static unsigned bits_for(uint64_t largest) {
    return largest ? 64 - (unsigned)__builtin_clzll(largest) : 1;
}

static void add_field(struct order *o, const struct order_term *term, unsigned bits,
                      const uint32_t *rank, unsigned *used) {
    if (o->nfields == 0 || *used + bits > 64) {
        o->words++;
        *used = 0;
    }
    *used += bits;
    o->field[o->nfields++] = (struct order_field){*term, (uint8_t)(o->words - 1),
                                                  (uint8_t)(64 - *used), (uint8_t)bits, rank};
}

static bool add_term(struct order *o, const struct order_term *t, struct interner *interner,
                     const struct sort_stop *stop, unsigned *used) {
    unsigned bits;
    const uint32_t *rank = NULL;
    if (t->kind == ORDER_DIMENSION) {
        enum flow_class class = o->spec->dim[t->id].class;
        bits = o->keys->slot[t->id].bits;
        if (interner && (class == FLOW_IP || class == FLOW_TEXT)) {
            if (!interner_rank(interner, class, stop))
                return false;
            rank = interner_list(interner, class)->rank;
            bits = bits_for(interner_list(interner, class)->entries.n);
        }
    } else if (t->kind == ORDER_BUCKET) {
        bits = o->keys->slot[o->spec->ndims].bits;
    } else {
        bits = t->id < MEASURE_first ? COUNT_BITS : TIME_BITS;
    }
    add_field(o, t, bits, rank, used);
    return true;
}

static bool has_term(const struct order *o, enum order_kind kind, int id) {
    for (int i = 0; i < o->nfields; i++)
        if (o->field[i].term.kind == kind && (kind == ORDER_BUCKET || o->field[i].term.id == id))
            return true;
    return false;
}

bool order_make(struct order *o, const struct aggregate_spec *spec, const struct key_layout *keys,
                struct interner *interner, const struct sort_stop *stop,
                const struct order_term *terms, int nterms) {
    unsigned used = 0;
    *o = (struct order){.spec = spec, .keys = keys};
    bool ok = true;
    for (int i = 0; ok && i < nterms; i++)
        if (!has_term(o, terms[i].kind, terms[i].id))
            ok = add_term(o, &terms[i], interner, stop, &used);
    for (int d = 0; ok && d <= spec->ndims; d++) {
        struct order_term t = {d < spec->ndims ? ORDER_DIMENSION : ORDER_BUCKET, d, false};
        if ((d < spec->ndims || spec->buckets) && !has_term(o, t.kind, d))
            ok = add_term(o, &t, interner, stop, &used);
    }
    return ok;
}

uint64_t order_value(const struct order *o, const struct order_field *f, const uint64_t *row) {
    const uint64_t *sums = row + o->keys->words;
    uint64_t v;
    int64_t first, last;
    switch (f->term.kind) {
    case ORDER_DIMENSION:
        v = key_get(&o->keys->slot[f->term.id], row);
        return f->rank ? f->rank[v] : v;
    case ORDER_BUCKET:
        return key_get(&o->keys->slot[o->spec->ndims], row);
    default:
        break;
    }
    if (f->term.id < MEASURE_first)
        return measure_count(o->spec, sums, (enum measure)f->term.id);
    if (!measure_span(o->spec, sums, &first, &last))
        return 0;
    bool is_first = f->term.id == MEASURE_first || f->term.id == MEASURE_first_ms;
    return (uint64_t)((is_first ? first : last) - FLOW_MS_MIN) + 1;
}

static uint64_t word_of(const void *arg, uint64_t at, unsigned w) {
    const struct order *o = arg;
    const uint64_t *row = (const uint64_t *)(uintptr_t)at;
    uint64_t word = 0;
    for (int i = 0; i < o->nfields; i++) {
        const struct order_field *f = &o->field[i];
        if (f->word != w)
            continue;
        uint64_t v = order_value(o, f, row);
        if (f->term.desc)
            v = (f->bits == 64 ? UINT64_MAX : (UINT64_C(1) << f->bits) - 1) - v;
        word |= v << f->shift;
    }
    return word;
}

/* ---- all of them ------------------------------------------------------------------------ */

struct share {
    size_t at[RANGES]; /* rows of each range, then where the next one goes */
    struct sort_item *heap;
    size_t n;
    struct sort_item *scratch;
    size_t nscratch;
};

struct job {
    const struct order *order;
    const struct groups *groups;
    struct interrupt *interrupt;
    struct budget *budget;
    int nshares;
    struct share *share;
    atomic_int next;
    struct sort_item *items;
    uint64_t *rows; /* copies, in order */
    size_t width;
    size_t end[RANGES];
    size_t limit; /* of a heap */
    atomic_bool failed;
};

/* Shares are taken from a common heap, so that it does not matter how many threads there are. */
static struct share *take_share(struct job *j, int *which) {
    *which = atomic_fetch_add(&j->next, 1);
    return *which < j->nshares ? &j->share[*which] : NULL;
}

/* Call visit for every row of the share's partitions. */
static void each_row(struct job *j, int worker,
                     void (*visit)(struct job *j, struct share *s, const uint64_t *row)) {
    struct share *s;
    for (int which; (s = take_share(j, &which));)
        for (unsigned p = (unsigned)which; p < groups_parts(j->groups); p += (unsigned)j->nshares) {
            size_t n;
            const uint64_t *row = groups_rows(j->groups, p, &n);
            for (size_t i = 0; i < n; i++, row += j->width) {
                visit(j, s, row);
                if (i % STOP_SLOW == 0 && worker_stopped(j->interrupt, worker))
                    return;
            }
        }
}

static void count_row(struct job *j, struct share *s, const uint64_t *row) {
    s->at[word_of(j->order, (uintptr_t)row, 0) >> (64 - RANGE_BITS)]++;
}

static void put_row(struct job *j, struct share *s, const uint64_t *row) {
    uint64_t key = word_of(j->order, (uintptr_t)row, 0);
    j->items[s->at[key >> (64 - RANGE_BITS)]++] = (struct sort_item){key, (uintptr_t)row};
}

static void count_rows(void *arg, int worker) {
    each_row(arg, worker, count_row);
}

static void put_rows(void *arg, int worker) {
    each_row(arg, worker, put_row);
}

/* Delivery is one after the other: what lies together is read together. */
static void copy_rows(struct job *j, size_t from, size_t n, const struct sort_stop *stop) {
    uint64_t *to = j->rows + from * j->width;
    for (size_t i = from; i < from + n && !sort_stopped(stop, i); i++, to += j->width) {
        const uint64_t *row = (const uint64_t *)(uintptr_t)j->items[i].at;
        for (size_t w = 0; w < j->width; w++)
            to[w] = row[w];
    }
}

static void sort_ranges(void *arg, int worker) {
    struct job *j = arg;
    struct share *own = &j->share[worker];
    struct worker self = {j->interrupt, worker};
    const struct sort_stop stop = {worker_must_stop, &self};
    for (int r;
         (r = atomic_fetch_add(&j->next, 1)) < RANGES && !worker_stopped(j->interrupt, worker);) {
        size_t from = r ? j->end[r - 1] : 0, n = j->end[r] - from;
        if (n > own->nscratch) {
            free(own->scratch);
            budget_add(j->budget, (n - own->nscratch) * sizeof *own->scratch);
            own->scratch = malloc(n * sizeof *own->scratch);
            own->nscratch = n;
        }
        if (n && !own->scratch) {
            atomic_store(&j->failed, true);
            return;
        }
        sort_items(j->items + from, n, own->scratch, j->order->words, word_of, j->order, &stop);
        if (!worker_must_stop(&self))
            copy_rows(j, from, n, &stop);
    }
}

static void run(struct job *j, void (*work)(void *arg, int worker)) {
    atomic_store(&j->next, 0);
    workers_run(j->nshares, work, j, j->interrupt);
}

/* Memory that is written in no order does with few large pages much better. */
static void *large_array(size_t size) {
    void *p = NULL;
    if (size < LARGE_PAGE)
        return malloc(size + 1);
    if (posix_memalign(&p, LARGE_PAGE, size) != 0)
        return NULL;
    madvise(p, size, MADV_HUGEPAGE);
    return p;
}

static int sort_all(struct job *j, size_t total) {
    run(j, count_rows);
    size_t at = 0;
    for (int r = 0; r < RANGES; r++) {
        for (int s = 0; s < j->nshares; s++) {
            size_t n = j->share[s].at[r];
            j->share[s].at[r] = at;
            at += n;
        }
        j->end[r] = at;
    }
    j->items = large_array(total * sizeof *j->items);
    j->rows = large_array(total * j->width * sizeof *j->rows);
    if (!j->items || !j->rows)
        return FVT_NOMEM;
    if (interrupt_stopped(j->interrupt))
        return FVT_OK;
    run(j, put_rows);
    if (!interrupt_stopped(j->interrupt))
        run(j, sort_ranges);
    return atomic_load(&j->failed) ? FVT_NOMEM : FVT_OK;
}

/* ---- the first few ---------------------------------------------------------------------- */

static bool is_less(const struct order *o, const struct sort_item *a, const struct sort_item *b) {
    uint64_t x = a->key, y = b->key;
    for (unsigned w = 1; x == y && w < o->words; w++) {
        x = word_of(o, a->at, w);
        y = word_of(o, b->at, w);
    }
    return x < y;
}

/* The greatest of the heap is on top; what is not less than it is passed over. */
static void keep_row(struct job *j, struct share *s, const uint64_t *row) {
    const struct order *o = j->order;
    struct sort_item x = {word_of(o, (uintptr_t)row, 0), (uintptr_t)row}, *h = s->heap;
    size_t i;
    if (s->n < j->limit) {
        for (i = s->n++; i > 0 && is_less(o, &h[(i - 1) / 2], &x); i = (i - 1) / 2)
            h[i] = h[(i - 1) / 2];
        h[i] = x;
        return;
    }
    if (s->n == 0 || x.key > h->key || !is_less(o, &x, h))
        return;
    for (i = 0; 2 * i + 1 < s->n;) {
        size_t child = 2 * i + 1;
        child += child + 1 < s->n && is_less(o, &h[child], &h[child + 1]);
        if (!is_less(o, &x, &h[child]))
            break;
        h[i] = h[child];
        i = child;
    }
    h[i] = x;
}

static void keep_rows(void *arg, int worker) {
    each_row(arg, worker, keep_row);
}

static int sort_few(struct job *j, size_t *n) {
    for (int s = 0; s < j->nshares; s++)
        if (!(j->share[s].heap = malloc((j->limit + 1) * sizeof *j->items)))
            return FVT_NOMEM;
    run(j, keep_rows);
    size_t total = 0, limit = j->limit;
    j->items = malloc((2 * limit * (size_t)j->nshares + 1) * sizeof *j->items);
    if (!j->items)
        return FVT_NOMEM;
    for (int s = 0; s < j->nshares; s++) {
        memcpy(j->items + total, j->share[s].heap, j->share[s].n * sizeof *j->items);
        total += j->share[s].n;
    }
    sort_items(j->items, total, j->items + total, j->order->words, word_of, j->order, NULL);
    *n = total < limit ? total : limit;
    j->rows = malloc(*n * j->width * sizeof *j->rows + 1);
    if (j->rows)
        copy_rows(j, 0, *n, NULL);
    return j->rows ? FVT_OK : FVT_NOMEM;
}

int order_groups(const struct order *o, struct groups *groups, int64_t first, int threads,
                 struct interrupt *interrupt, struct budget *budget, uint64_t **rows, size_t *n) {
    struct job j = {.order = o, .groups = groups, .interrupt = interrupt, .budget = budget};
    size_t total = 0;
    j.width = group_width(groups_shape(groups));
    for (unsigned p = 0; p < groups_parts(groups); p++) {
        size_t some;
        groups_rows(groups, p, &some);
        total += some;
    }
    j.nshares = total < ORDER_FEW ? 1 : threads;
    j.share = calloc((size_t)j.nshares, sizeof *j.share);
    int rc = FVT_NOMEM;
    budget_add(budget, total * sizeof *j.items);
    *n = total;
    bool few = first >= 0 && first <= ORDER_FEW && (size_t)first < total;
    if (j.share && few) {
        j.limit = (size_t)first;
        rc = sort_few(&j, n);
    } else if (j.share) {
        rc = sort_all(&j, total);
    }
    for (int s = 0; j.share && s < j.nshares; s++) {
        budget_sub(budget, j.share[s].nscratch * sizeof *j.items);
        free(j.share[s].heap);
        free(j.share[s].scratch);
    }
    for (unsigned p = 0; !few && p < groups_parts(groups); p++)
        groups_drop(groups, p);
    budget_sub(budget, total * sizeof *j.items);
    budget_add(budget, *n * j.width * sizeof **rows);
    free(j.items);
    free(j.share);
    *rows = j.rows;
    return rc;
}
