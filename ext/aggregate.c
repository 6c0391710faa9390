/* SPDX-License-Identifier: MIT */
/*
** Adding up blocks. Rows that count whole go on as they are; others become contributions: a row,
** its bucket, and what of its counters lies there.
*/
#include "aggregate.h"
#include "../schema/kernel.h"
#include "../schema/portion.h"
#include "bucket_sums.h"
#include "row_keys.h"
#include "sketch.h"

#include <stdlib.h>
#include <string.h>

/* Rows of a side, with counters and times of their own. */
struct batch {
    uint32_t n;
    uint16_t row[GROUP_BATCH];
    uint64_t bucket[GROUP_BATCH];
    int64_t value[GROUP_COUNTERS][GROUP_BATCH];
    int64_t first[GROUP_BATCH], last[GROUP_BATCH];
};

/* Of a batch, the rows that a sketch has a use for. */
struct found {
    uint16_t place[GROUP_BATCH], row[GROUP_BATCH];
    uint64_t bucket[GROUP_BATCH];
    int64_t value[GROUP_COUNTERS][GROUP_BATCH];
    int64_t first[GROUP_BATCH], last[GROUP_BATCH];
};

struct aggregate {
    const struct aggregate_spec *spec;
    const struct key_layout *keys;
    struct row_keys *row_keys;
    struct group_table *table, *values; /* values: NULL, or with spec->counts */
    uint64_t most;                      /* that a sum can be, with spec->whole */
    bool *wide;                         /* of aggregate_run(): see there */
    bool narrow;                        /* a value did not fit, and wide says of which dimension */
    struct scan *scan;
    bool in_group;
    struct aggregate_rows rows;
    struct batch batch;
    bool plain;                         /* by time alone */
    struct bucket_sums *sums;           /* with plain, of one side: of long flows */
    bool ports;                         /* a dimension is made of them */
    uint64_t total[2 * GROUP_COUNTERS]; /* with spec->total, of all rows */
    size_t counted;                     /* rows */
    struct sketch *sketch;              /* NULL: all goes to the table */
    int share;
    bool finding;        /* what it looks for goes to the table, or else all to its cells */
    struct found *found; /* there with a sketch */
};

/* Bits of the page of an array that a key lies in: 0 for keys that are too far apart for one. Numbers of one address are
** dense, and so are ports; those of two are not. */
static unsigned page_bits(const struct aggregate_spec *spec, const struct key_layout *keys) {
    enum { FEW_BITS = 10 }; /* of a dimension with few values */
    unsigned bits = 0, used = 0;
    for (int i = 0; i < spec->ndims; i++) {
        int d = keys->place[i];
        const struct key_slot *s = &keys->slot[d];
        if (i > 0 && !dimension_is_told(&spec->dim[d]) && s->bits > FEW_BITS)
            return 0;
        used += s->bits;
        bits = used <= GROUP_PAGE_BITS || i == 0 ? used : bits;
    }
    return bits == 0 || bits > GROUP_PAGE_BITS ? GROUP_PAGE_BITS : bits;
}

struct aggregate *aggregate_new(const struct aggregate_spec *spec, const struct key_layout *keys,
                                struct groups *groups, struct groups *values,
                                struct interner *interner) {
    struct aggregate *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->spec = spec;
    a->keys = keys;
    for (int d = 0; d < aggregate_dims(spec); d++)
        a->ports |= dimension_has_ports(&spec->dim[d]);
    a->plain = spec->buckets && aggregate_dims(spec) == 0 && !spec->times && spec->ncounters > 0;
    bool sums = a->plain && spec->sides == 1;
    a->sums = sums ? bucket_sums_new(keys, spec->counter, spec->ncounters) : NULL;
    a->row_keys = row_keys_new(spec, keys, interner);
    a->table = group_table_new(groups, page_bits(spec, keys));
    a->values = values ? group_table_new(values, 0) : NULL;
    if (a->row_keys && a->table && (a->values || !values) && (a->sums || !sums))
        return a;
    aggregate_free(a);
    return NULL;
}

void aggregate_free(struct aggregate *a) {
    if (!a)
        return;
    row_keys_free(a->row_keys);
    bucket_sums_free(a->sums);
    free(a->found);
    free(a);
}

void aggregate_columns(const struct aggregate_spec *spec, bool used[SCAN_NCOLUMNS]) {
    for (int c = 0; c < spec->ncounters; c++)
        used[spec->counter[c]] = true;
    for (int d = 0; d < aggregate_dims(spec); d++) {
        used[spec->dim[d].side[0]] = used[spec->dim[d].side[1]] = true;
        if (spec->dim[d].label == LABEL_NET)
            for (int side = 0; side < 2; side++)
                used[dimension_mask(&spec->dim[d], side)] = true;
        if (dimension_has_ports(&spec->dim[d]))
            used[FLOW_srcport] = used[FLOW_dstport] = true;
    }
    if (spec->applications)
        used[FLOW_proto] = used[FLOW_srcport] = used[FLOW_dstport] = true;
    if (spec->buckets || spec->times)
        used[FLOW_tstart] = used[FLOW_tend] = used[FLOW_trecv] = true;
}

void aggregate_new_dicts(struct aggregate *a) {
    row_keys_new_dicts(a->row_keys);
}

void aggregate_forget(struct aggregate *a) {
    row_keys_forget(a->row_keys);
}

bool aggregate_sketch(struct aggregate *a, struct sketch *sketch, int share, bool found) {
    a->sketch = sketch;
    a->share = share;
    a->finding = found;
    return a->found || (a->found = malloc(sizeof *a->found)) != NULL;
}

bool aggregate_flush(struct aggregate *a) {
    return group_table_flush(a->table) && (!a->values || group_table_flush(a->values));
}

/* ---- rows ------------------------------------------------------------------------------- */

/* Of the rows those at n places of found, which ascend. */
static void keep_places(struct aggregate *a, struct aggregate_rows *in, uint32_t n) {
    struct found *f = a->found;
    if (n == in->n)
        return;
    for (uint32_t i = 0; i < n; i++) {
        uint16_t at = f->place[i];
        f->row[i] = in->row ? in->row[at] : at;
        f->bucket[i] = a->spec->buckets ? in->bucket[at] : 0;
    }
    for (uint32_t i = 0; a->spec->times && i < n; i++) {
        f->first[i] = in->first[f->place[i]];
        f->last[i] = in->last[f->place[i]];
    }
    for (int c = 0; c < a->spec->ncounters; c++) {
        for (uint32_t i = 0; i < n; i++)
            f->value[c][i] = in->value[c][f->place[i]];
        in->value[c] = f->value[c];
    }
    in->n = n;
    in->row = f->row;
    in->bucket = f->bucket;
    in->first = f->first;
    in->last = f->last;
}

static bool pack(struct aggregate *a, int side, const struct aggregate_rows *in, bool marked,
                 struct group_batch *b) {
    enum row_keys_result packed = row_keys_pack(a->row_keys, in, marked, a->wide);
    a->narrow |= packed == ROW_KEYS_WIDE;
    *b = (struct group_batch){
        .n = in->n, .key = row_keys_words(a->row_keys), .first = in->first, .last = in->last};
    b->at = a->spec->sets == 2 ? side * a->spec->ncounters : 0;
    b->nvalues = a->spec->ncounters;
    memcpy(b->value, in->value, sizeof b->value);
    return packed == ROW_KEYS_OK;
}

static bool is_one_group(const struct group_batch *b, int words) {
    uint64_t differ = 0;
    for (int w = 0; w < words; w++)
        for (uint32_t i = 0; i < b->n; i++)
            differ |= b->key[w][i] ^ b->key[w][0];
    return differ == 0;
}

/* A batch of one group, as of a column that was not exported, is added up before it is added. */
static bool add_to_table(struct aggregate *a, const struct group_batch *b) {
    int64_t sum[GROUP_COUNTERS], first = INT64_MAX, last = INT64_MIN;
    if (!is_one_group(b, a->keys->words))
        return group_table_add(a->table, b);
    for (int c = 0; c < b->nvalues; c++) {
        unsigned __int128 all = 0;
        for (uint32_t i = 0; i < b->n; i++)
            all += (uint64_t)b->value[c][i];
        if (all > INT64_MAX)
            return group_table_add(a->table, b);
        sum[c] = (int64_t)all;
    }
    for (uint32_t i = 0; a->spec->times && i < b->n; i++) {
        first = b->first[i] < first ? b->first[i] : first;
        last = b->last[i] > last ? b->last[i] : last;
    }
    struct group_batch one = *b;
    for (int c = 0; c < b->nvalues; c++)
        one.value[c] = &sum[c];
    one.first = &first;
    one.last = &last;
    one.n = 1;
    return group_table_add(a->table, &one);
}

/* Rows that the sketch has a use for. Their addresses have numbers only where groups are made of them. */
static bool add_sketched(struct aggregate *a, int side, struct aggregate_rows *in) {
    struct group_batch b;
    keep_places(a, in,
                sketch_useful(a->sketch, a->share, a->finding, in->first, in->last, in->n,
                              a->found->place));
    if (in->n == 0)
        return true;
    if (!pack(a, side, in, true, &b))
        return false;
    if (!a->finding) {
        sketch_add(a->sketch, a->share, a->spec, side, a->keys->words, &b);
        return true;
    }
    keep_places(a, in, sketch_find(a->sketch, a->keys->words, &b, a->found->place));
    return in->n == 0 || (pack(a, side, in, false, &b) && add_to_table(a, &b));
}

static void add_to_total(struct aggregate *a, int side, const struct aggregate_rows *in) {
    uint64_t *total = a->total + (a->spec->sets == 2 ? side * a->spec->ncounters : 0);
    for (int c = 0; c < a->spec->ncounters; c++) {
        unsigned __int128 sum = total[c];
        for (uint32_t i = 0; i < in->n; i++)
            sum += (uint64_t)in->value[c][i];
        total[c] = sum < UINT64_MAX ? (uint64_t)sum : UINT64_MAX;
    }
}

void aggregate_total(const struct aggregate *a, uint64_t *total) {
    for (int i = 0; i < a->spec->sets * a->spec->ncounters; i++)
        total[i] = group_sum(total[i], a->total[i]);
}

/* The key of the rows once more, and with it the value of the dimension that is counted. */
static bool add_values(struct aggregate *a, const struct aggregate_rows *in) {
    enum row_keys_result packed = row_keys_pack_counted(a->row_keys, in, a->wide);
    struct group_batch b = {.n = in->n, .key = row_keys_words(a->row_keys)};
    a->narrow |= packed == ROW_KEYS_WIDE;
    return packed == ROW_KEYS_OK && group_table_add(a->values, &b);
}

bool aggregate_add(struct aggregate *a, int side, const struct aggregate_rows *rows) {
    struct aggregate_rows some = *rows;
    struct group_batch b;
    if (a->spec->total && !a->finding)
        add_to_total(a, side, rows);
    a->counted += rows->n;
    if (rows->n == 0)
        return true;
    if (a->sketch)
        return add_sketched(a, side, &some);
    return pack(a, side, rows, false, &b) && add_to_table(a, &b) &&
           (!a->values || add_values(a, rows));
}

/* ---- blocks of flows -------------------------------------------------------------------- */

/* What a block has of the columns that are not dimensions. */
struct block {
    const int64_t *counter[GROUP_COUNTERS];
    const uint8_t *null[GROUP_COUNTERS];
    const struct scan_spans *spans; /* NULL when rows count whole, or are totals */
};

/* Drop the contributions to buckets that nobody asks for. */
static void drop_unwanted(struct aggregate *a) {
    struct batch *b = &a->batch;
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        b->row[n] = b->row[i];
        b->bucket[n] = b->bucket[i];
        b->first[n] = b->first[i];
        b->last[n] = b->last[i];
        for (int c = 0; c < a->spec->ncounters; c++)
            b->value[c][n] = b->value[c][i];
        n += a->spec->wanted[b->bucket[i]];
    }
    b->n = n;
}

static bool flush_batch(struct aggregate *a, int side) {
    struct batch *b = &a->batch;
    struct aggregate_rows *in = &a->rows;
    if (a->spec->wanted)
        drop_unwanted(a);
    in->n = b->n;
    in->row = b->row;
    in->bucket = b->bucket;
    in->first = b->first;
    in->last = b->last;
    for (int c = 0; c < a->spec->ncounters; c++)
        in->value[c] = b->value[c];
    b->n = 0;
    return aggregate_add(a, side, in);
}

/* Rows of which all counts. */
static bool add_whole(struct aggregate *a, int side, const struct block *in, const uint16_t *rows,
                      uint32_t n) {
    struct aggregate_rows *out = &a->rows;
    struct batch *b = &a->batch;
    if (n == 0)
        return true;
    bool all = n == (uint32_t)rows[n - 1] + 1; /* rows ascend */
    out->n = n;
    out->row = all ? NULL : rows;
    for (int c = 0; c < a->spec->ncounters; c++) {
        const int64_t *v = in->counter[c]; /* 0 where it is NULL */
        out->value[c] = all ? v : b->value[c];
        for (uint32_t i = 0; !all && i < n; i++)
            b->value[c][i] = v[rows[i]];
    }
    if (a->spec->times) {
        const int64_t *first = in->spans->start, *last = in->spans->end;
        out->first = all ? first : b->first;
        out->last = all ? last : b->last;
        for (uint32_t i = 0; !all && i < n; i++) {
            b->first[i] = first[rows[i]];
            b->last[i] = last[rows[i]];
        }
    }
    return aggregate_add(a, side, out);
}

/* Do rows of the block count whole, and in no bucket of their own? */
static bool counts_whole(const struct aggregate *a, const struct block *in) {
    const struct aggregate_spec *spec = a->spec;
    if (spec->whole || spec->buckets)
        return spec->whole;
    if (spec->times)
        return !scan_totals(a->scan) && scan_inside_window(a->scan) && in->spans->dated;
    return scan_totals(a->scan) || scan_inside_window(a->scan);
}

/* One contribution: what of the row lies in [from, to). */
static void contribute(struct aggregate *a, const struct block *in, uint16_t row,
                       const struct flow_span *f, uint64_t bucket, int64_t from, int64_t to) {
    struct batch *b = &a->batch;
    uint32_t i = b->n++;
    b->row[i] = row;
    b->bucket[i] = bucket;
    b->first[i] = f->known ? f->start : INT64_MAX;
    b->last[i] = f->known ? f->end : INT64_MIN;
    bool whole = !f->known || (from <= f->start && to > f->end);
    for (int c = 0; c < a->spec->ncounters; c++) {
        int64_t v = in->counter[c][row];
        if (a->spec->counter[c] == FLOW_flows)
            v = whole || (f->start >= from && f->start < to) ? v : 0;
        else if (!whole)
            v = flow_portion_before(f, v, to) - flow_portion_before(f, v, from);
        b->value[c][i] = v;
    }
}

/* Does the last contribution add nothing to any total that was asked for? */
static bool is_nothing(const struct aggregate *a) {
    const struct batch *b = &a->batch;
    bool nothing = !a->spec->times && a->spec->ncounters > 0;
    for (int c = 0; c < a->spec->ncounters; c++)
        nothing &= b->value[c][b->n - 1] == 0;
    return nothing;
}

/* The first time after t, at most to, before which more of a counter lies than before t. */
static int64_t next_change(const struct aggregate *a, const struct block *in, uint16_t row,
                           const struct flow_span *f, int64_t t, int64_t to) {
    uint64_t length = (uint64_t)f->end - (uint64_t)f->start + 1;
    for (int c = 0; c < a->spec->ncounters; c++) {
        int64_t v = in->counter[c][row];
        if (v == 0 || a->spec->counter[c] == FLOW_flows)
            continue; /* as a flow it counts where it starts */
        uint64_t more = (uint64_t)flow_portion_before(f, v, t) + 1;
        if (more > (uint64_t)v)
            continue;
        /* smallest x with floor(v * x / length) >= more */
        unsigned __int128 x = ((unsigned __int128)more * length + (uint64_t)v - 1) / (uint64_t)v;
        int64_t at = f->start + (int64_t)(uint64_t)x;
        to = at < to ? at : to;
    }
    return to;
}

/* The same of n whole buckets behind the first one of a flow. */
static void contribute_buckets(struct aggregate *a, uint16_t row, const struct flow_span *f,
                               uint64_t bucket, struct flow_share *share, uint32_t n) {
    struct batch *b = &a->batch;
    const uint32_t at = b->n;
    for (uint32_t i = 0; i < n; i++) {
        b->row[at + i] = row;
        b->bucket[at + i] = bucket + i;
    }
    for (uint32_t i = 0; a->spec->times && i < n; i++) {
        b->first[at + i] = f->start;
        b->last[at + i] = f->end;
    }
    for (int c = 0; c < a->spec->ncounters; c++) {
        int64_t *value = b->value[c] + at;
        struct flow_share s = share[c];
        if (a->spec->counter[c] == FLOW_flows)
            memset(value, 0, n * sizeof *value);
        else
            for (uint32_t i = 0; i < n; i++)
                value[i] = flow_share_next(&s);
        share[c] = s;
    }
    b->n += n;
}

/* How many whole buckets from lo on may be contributed at once: one, where some may have nothing. */
static uint32_t at_once(const struct aggregate *a, const struct flow_share *share, int64_t lo,
                        int64_t to) {
    bool all = a->spec->times || a->spec->ncounters == 0;
    for (int c = 0; c < a->spec->ncounters; c++)
        all |= a->spec->counter[c] != FLOW_flows && share[c].whole > 0;
    const int64_t n = (to - lo) / a->spec->bucket, room = GROUP_BATCH - (int64_t)a->batch.n;
    return !all ? 1 : (uint32_t)(n < room ? n : room);
}

/* A row that lies in several buckets. */
static bool spread(struct aggregate *a, int side, const struct block *in, uint16_t row,
                   const struct flow_span *f, int64_t from, int64_t to) {
    int64_t step = a->spec->bucket, known = from; /* what share goes on from */
    struct flow_share share[GROUP_COUNTERS];
    for (int64_t bucket = flow_bucket_of(from, step); bucket < to;) {
        int64_t lo = bucket > from ? bucket : from;
        int64_t hi = bucket + step < to ? bucket + step : to;
        if (lo > from && hi - lo == step) {
            for (int c = 0; c < a->spec->ncounters && known != lo; c++)
                share[c] = flow_share_at(f, in->counter[c][row], lo, step);
            uint32_t n = at_once(a, share, lo, to);
            contribute_buckets(a, row, f, key_bucket(a->keys, bucket), share, n);
            bucket += (n - 1) * step;
            known = bucket + step;
            hi = known;
        } else {
            contribute(a, in, row, f, key_bucket(a->keys, bucket), lo, hi);
        }
        bucket += step;
        if (is_nothing(a)) {
            a->batch.n--;
            /* A long flow of few packets has most buckets without any: go where there is more. */
            int64_t change = hi < to ? next_change(a, in, row, f, hi, to) : to;
            int64_t next = flow_bucket_of(change - 1, step);
            bucket = next > bucket ? next : bucket;
        }
        if (a->batch.n == GROUP_BATCH) {
            if (!flush_batch(a, side))
                return false;
            /* There may be millions, and who is to stop has no use for the rest. */
            if (scan_must_stop(a->scan))
                break;
        }
    }
    return true;
}

/* Drop the contributions that add nothing to any total that was asked for. */
static void drop_nothings(struct aggregate *a) {
    struct batch *b = &a->batch;
    uint32_t n = 0;
    if (a->spec->times || a->spec->ncounters == 0)
        return;
    for (uint32_t i = 0; i < b->n; i++) {
        int64_t any = 0;
        b->row[n] = b->row[i];
        b->bucket[n] = b->bucket[i];
        for (int c = 0; c < a->spec->ncounters; c++) {
            any |= b->value[c][i];
            b->value[c][n] = b->value[c][i];
        }
        n += any != 0;
    }
    b->n = n;
}

/* Divide rows: those that lie in the window, and those that are to be cut; returns how many the first
** are. */
static uint32_t divide(const struct aggregate *a, const struct scan_spans *spans,
                       const uint16_t *rows, uint32_t n, uint16_t *uncut, uint16_t *cut) {
    const struct window *w = scan_window(a->scan);
    uint8_t inside[SCAN_BLOCK];
    uint32_t m = 0, ncut = 0;
    kernels()->inside(inside, spans->start, spans->end, spans->n, w->since, w->until);
    if (!spans->dated)
        kernels()->but_not(inside, spans->undated, spans->n);
    for (uint32_t i = 0; i < n; i++) {
        uncut[m] = cut[ncut] = rows[i];
        m += inside[rows[i]];
        ncut += !inside[rows[i]];
    }
    return m;
}

/* Rows that count whole in one bucket, or in the window without buckets; the others, which are to be
** cut, go to cut. Returns how many those are. */
static uint32_t batch_uncut(struct aggregate *a, const struct block *in, const uint16_t *rows,
                            uint32_t n, uint16_t *cut) {
    const struct aggregate_spec *spec = a->spec;
    const struct window *w = scan_window(a->scan);
    struct batch *b = &a->batch;
    const int64_t *start = in->spans->start, *end = in->spans->end;
    uint32_t ncut = 0, m = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint16_t row = rows[i];
        bool whole = !in->spans->undated[row] & (start[row] >= w->since) & (end[row] < w->until);
        uint64_t bucket = 0;
        if (spec->buckets && whole) {
            bucket = key_bucket(a->keys, start[row]);
            whole = end[row] < key_bucket_ms(a->keys, bucket) + a->keys->step;
        }
        b->row[m] = row;
        b->bucket[m] = bucket;
        cut[ncut] = row;
        m += whole;
        ncut += !whole;
    }
    for (uint32_t i = 0; spec->times && i < m; i++) {
        b->first[i] = start[b->row[i]];
        b->last[i] = end[b->row[i]];
    }
    for (int c = 0; c < spec->ncounters; c++)
        for (uint32_t i = 0; i < m; i++)
            b->value[c][i] = in->counter[c][b->row[i]];
    b->n = m;
    if (spec->buckets)
        drop_nothings(a);
    return ncut;
}

/* Of totals by time alone: sums become contributions. */
static bool flush_sums(struct aggregate *a, int side) {
    struct batch *b = &a->batch;
    int64_t value[GROUP_COUNTERS];
    uint64_t bucket;
    bool ok = true;
    while (ok && a->sums && bucket_sums_take(a->sums, &bucket, value)) {
        b->row[b->n] = 0;
        b->bucket[b->n] = bucket;
        for (int c = 0; c < a->spec->ncounters; c++)
            b->value[c][b->n] = value[c];
        if (++b->n == GROUP_BATCH)
            ok = flush_batch(a, side);
    }
    return ok && (b->n == 0 || flush_batch(a, side));
}

/* Does the row go into sums of its buckets? */
static bool add_sums(struct aggregate *a, int side, const struct block *in, uint16_t row,
                     const struct flow_span *f, int64_t from, int64_t to, bool *ok) {
    int64_t value[GROUP_COUNTERS];
    for (int c = 0; c < a->spec->ncounters; c++)
        value[c] = in->counter[c][row];
    if (bucket_sums_add(a->sums, f, value, from, to))
        return true;
    *ok = flush_sums(a, side);
    return *ok && bucket_sums_add(a->sums, f, value, from, to);
}

/* A row of which only a part is asked for, that lies in several buckets, or has no time. */
static bool add_cut(struct aggregate *a, int side, const struct block *in, uint16_t row) {
    const struct window *w = scan_window(a->scan);
    struct flow_span f = {!in->spans->undated[row], in->spans->start[row], in->spans->end[row]};
    bool ok = true;
    const int64_t from = w->since > f.start ? w->since : f.start;
    const int64_t to = w->until <= f.end ? w->until : f.end + 1;
    if (!a->spec->buckets || !f.known)
        contribute(a, in, row, &f, 0, w->since, w->until);
    else if (!a->sums || from >= to || !add_sums(a, side, in, row, &f, from, to, &ok))
        ok = ok && spread(a, side, in, row, &f, from, to);
    return ok && (a->batch.n < GROUP_BATCH || flush_batch(a, side));
}

/* Without dimensions a block has a few totals, one for each of its buckets: the rows that lie in one are
** added up there. What lies in several goes to cut, *ncut rows. False, and nothing is done, when there are
** many buckets, or values so large that their sum might not fit. */
static bool batch_sums(struct aggregate *a, const struct block *in, const uint16_t *rows,
                       uint32_t n, uint16_t *cut, uint32_t *ncut) {
    enum { MOST_BUCKETS = 16, SUM_BITS = 52 };
    const struct aggregate_spec *spec = a->spec;
    const struct scan_spans *spans = in->spans;
    const struct window *w = scan_window(a->scan);
    struct batch *b = &a->batch;
    uint8_t left[SCAN_BLOCK] = {0}, inside[SCAN_BLOCK];
    /* By their ends, for a long flow begins early and most files are by when flows ended. */
    int64_t first = spans->end[rows[0]], last = first;
    kernels()->bounds(spans->end, spans->n, &first, &last);
    first = first > w->since ? first : w->since;
    last = last < w->until ? last : w->until - 1;
    if (!spans->dated || (last > first && last - first > MOST_BUCKETS * a->keys->step))
        return false;
    for (uint32_t i = 0; i < n; i++)
        left[rows[i]] = 1;
    uint64_t bits = 0;
    b->n = 0;
    for (uint64_t bucket = key_bucket(a->keys, first);
         first <= last && key_bucket_ms(a->keys, bucket) <= last; bucket++) {
        int64_t since = key_bucket_ms(a->keys, bucket), until = since + a->keys->step;
        kernels()->inside(inside, spans->start, spans->end, spans->n,
                          since > w->since ? since : w->since, until < w->until ? until : w->until);
        kernels()->both(inside, left, spans->n);
        kernels()->but_not(left, inside, spans->n);
        uint64_t any = 0;
        for (int c = 0; c < spec->ncounters; c++) {
            uint64_t sum = kernels()->sum_where(in->counter[c], inside, spans->n, &bits);
            b->value[c][b->n] = (int64_t)sum;
            any |= sum;
        }
        b->row[b->n] = 0;
        b->bucket[b->n] = bucket;
        b->n += any != 0;
    }
    *ncut = kernels()->places(cut, left, spans->n);
    return bits >> SUM_BITS == 0;
}

static bool add_timed(struct aggregate *a, int side, const struct block *in, const uint16_t *rows,
                      uint32_t n) {
    uint16_t uncut[SCAN_BLOCK], cut[SCAN_BLOCK];
    uint32_t ncut;
    if (a->plain && batch_sums(a, in, rows, n, cut, &ncut)) {
        ; /* one row for each bucket */
    } else if (a->spec->buckets || a->spec->times) {
        ncut = batch_uncut(a, in, rows, n, cut);
    } else {
        uint32_t whole = divide(a, in->spans, rows, n, uncut, cut);
        ncut = n - whole;
        a->batch.n = 0;
        if (!add_whole(a, side, in, uncut, whole))
            return false;
    }
    for (uint32_t i = 0; i < ncut; i++)
        if (!add_cut(a, side, in, cut[i]))
            return false;
    return flush_batch(a, side);
}

/* Rows of a roll-up, which are of whole buckets: they are what their flows would be there. */
static bool add_totals(struct aggregate *a, int side, const struct block *in, const uint16_t *rows,
                       uint32_t n) {
    const struct aggregate_spec *spec = a->spec;
    struct batch *b = &a->batch;
    const uint8_t *never, *undated = NULL;
    const int64_t *bucket = scan_values(a->scan, FLOW_trecv, &never);
    const int64_t *first = spec->times ? scan_values(a->scan, FLOW_tstart, &undated) : NULL;
    const int64_t *last = spec->times ? scan_values(a->scan, FLOW_tend, &undated) : NULL;
    b->n = 0;
    for (uint32_t k = 0; k < n; k++) {
        uint16_t row = rows[k];
        uint32_t i = b->n++;
        bool bucketed = spec->buckets && !never[row];
        b->row[i] = row;
        b->bucket[i] = bucketed ? key_bucket(a->keys, bucket[row]) : 0;
        b->first[i] = first && !undated[row] ? first[row] : INT64_MAX;
        b->last[i] = last && !undated[row] ? last[row] : INT64_MIN;
        for (int c = 0; c < spec->ncounters; c++)
            b->value[c][i] = in->counter[c][row];
        b->n -= bucketed && is_nothing(a);
    }
    return flush_batch(a, side);
}

static void set_column(struct aggregate *a, struct aggregate_column *c, int column, bool coded) {
    c->v = scan_values(a->scan, column, &c->null);
    if (!memchr(c->null, 1, scan_block_rows(a->scan)))
        c->null = NULL;
    c->dict = coded ? scan_dict(a->scan, column) : NULL;
}

/* Those of the rows whose application is asked for. */
static uint32_t choose_applications(struct aggregate *a, const uint16_t *rows, uint32_t n,
                                    uint16_t *some) {
    struct aggregate_column c[3];
    uint32_t m = 0;
    set_column(a, &c[0], FLOW_proto, false);
    set_column(a, &c[1], FLOW_srcport, false);
    set_column(a, &c[2], FLOW_dstport, false);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = rows[i];
        some[m] = rows[i];
        m += a->spec->applications[labels_application(a->spec->labels, aggregate_value(&c[0], at),
                                                      aggregate_value(&c[1], at),
                                                      aggregate_value(&c[2], at))];
    }
    return m;
}

static bool add_side(struct aggregate *a, int side, const struct block *in, const uint16_t *rows,
                     uint32_t n) {
    const struct aggregate_spec *spec = a->spec;
    uint16_t some[SCAN_BLOCK];
    if (spec->applications) {
        n = choose_applications(a, rows, n, some);
        rows = some;
    }
    if (a->ports) {
        set_column(a, &a->rows.port[0], FLOW_srcport, false);
        set_column(a, &a->rows.port[1], FLOW_dstport, false);
    }
    for (int d = 0; d < aggregate_dims(spec); d++) {
        bool coded = spec->dim[d].class == FLOW_IP || spec->dim[d].class == FLOW_TEXT;
        set_column(a, &a->rows.dim[d], spec->dim[d].side[side],
                   coded && spec->dim[d].label != LABEL_APPLICATION);
        if (spec->dim[d].label == LABEL_NET)
            set_column(a, &a->rows.mask[d], dimension_mask(&spec->dim[d], side), false);
    }
    if (n == 0)
        return true;
    if (counts_whole(a, in))
        return add_whole(a, side, in, rows, n);
    if (scan_totals(a->scan))
        return add_totals(a, side, in, rows, n);
    return add_timed(a, side, in, rows, n);
}

static bool add_block(struct aggregate *a, struct predicate *const side[2]) {
    const struct aggregate_spec *spec = a->spec;
    struct block in = {0};
    for (int c = 0; c < spec->ncounters; c++)
        in.counter[c] = scan_values(a->scan, spec->counter[c], &in.null[c]);
    if (!spec->whole && !scan_totals(a->scan) &&
        (spec->buckets || spec->times || !scan_inside_window(a->scan)) &&
        !(in.spans = scan_spans(a->scan)))
        return false;
    uint32_t n;
    const uint16_t *rows = scan_rows(a->scan, &n);
    for (int s = 0; s < spec->sides; s++) {
        if (!(scan_sides(a->scan) >> s & 1))
            continue;
        uint8_t pass[SCAN_BLOCK];
        uint16_t some[SCAN_BLOCK];
        uint32_t nsome = 0;
        if (spec->sides == 1)
            return add_side(a, s, &in, rows, n);
        if (!scan_test(a->scan, side[s], pass))
            return false;
        for (uint32_t i = 0; i < n; i++) {
            some[nsome] = rows[i];
            nsome += pass[rows[i]];
        }
        if (!add_side(a, s, &in, some, nsome))
            return false;
    }
    return true;
}

/* Do the values of the row group fit the keys? Those that do not are marked. */
static bool fits(struct aggregate *a, bool wide[MAX_DIMENSIONS]) {
    bool ok = true;
    for (int d = 0; d < aggregate_dims(a->spec); d++) {
        const struct dimension *dim = &a->spec->dim[d];
        uint64_t largest = key_largest(key_slot_of(a->keys, d));
        for (int s = 0; dim->class != FLOW_IP && dim->class != FLOW_TEXT && s < a->spec->sides;
             s++) {
            int64_t min, max;
            if (largest == UINT64_MAX || !scan_zone(a->scan, dim->side[s], &min, &max) ||
                (min >= 0 && (uint64_t)max < largest))
                continue;
            wide[d] = true;
            ok = false;
        }
    }
    return ok;
}

/* With spec->whole: are the counters of the row group as sum() wants them? */
static bool addable(struct aggregate *a) {
    uint64_t rate = scan_largest(a->scan, FLOW_sampling), most = 1;
    for (int c = 0; c < a->spec->ncounters; c++) {
        int column = a->spec->counter[c];
        uint64_t largest = scan_largest(a->scan, column);
        if (column != FLOW_flows && scan_nulls(a->scan, column) > 0)
            return false;
        most = largest > most ? largest : most;
    }
    return !__builtin_mul_overflow(most, rate > 1 ? rate : 1, &most) &&
           !__builtin_mul_overflow(most, scan_group_rows(a->scan), &most) &&
           !__builtin_add_overflow(a->most, most, &a->most);
}

/* Is every record of the row group one flow? */
static bool counts_one(const struct aggregate *a) {
    int64_t min, max;
    return !scan_zone(a->scan, FLOW_flows, &min, &max) || (min == 1 && max == 1);
}

size_t aggregate_counted(struct aggregate *a) {
    size_t n = a->counted;
    a->counted = 0;
    return n;
}

uint64_t aggregate_most(const struct aggregate *a) {
    return a->most;
}

enum aggregate_result aggregate_run(struct aggregate *a, struct scan *scan,
                                    struct predicate *const side[2], bool (*pause)(void *arg),
                                    void *arg, bool wide[MAX_DIMENSIONS], int *rc) {
    a->scan = scan;
    a->wide = wide;
    for (;;) {
        while (a->in_group && scan_next_block(scan)) {
            if (!add_block(a, side)) {
                if (a->narrow)
                    return AGGREGATE_WIDE;
                *rc = FVT_NOMEM;
                return AGGREGATE_FAILED;
            }
            if (pause(arg))
                return AGGREGATE_PAUSED;
        }
        a->in_group = false;
        if (!flush_sums(a, 0)) {
            *rc = FVT_NOMEM;
            return AGGREGATE_FAILED;
        }
        int found = scan_next_group(scan);
        if (found == SCAN_STOPPED)
            return AGGREGATE_PAUSED;
        if (found < 0) {
            *rc = found;
            return AGGREGATE_FAILED;
        }
        if (found == 0)
            break;
        aggregate_new_dicts(a);
        if (!fits(a, wide))
            return AGGREGATE_WIDE;
        if ((a->spec->whole && !addable(a)) || (a->spec->records && !counts_one(a)))
            return AGGREGATE_UNFIT;
        a->in_group = true;
    }
    *rc = FVT_NOMEM;
    return aggregate_flush(a) ? AGGREGATE_DONE : AGGREGATE_FAILED;
}
