/* SPDX-License-Identifier: MIT */
/*
** Pieces that are coded against another column of the same row: as differences to it, as a property of an
** address, as answers to the flows that they answer.
*/
#include "kernel.h"
#include "piece.h"
#include "stream.h"

static bool bit(const uint64_t *bits, uint32_t i) {
    return bits[i / 64] >> (i & 63) & 1;
}

/* Sums of up to four columns, some with their sign turned, each from a value of its own on. Columns where all rows have
** a value are read in this way, some rows at a time, others by row from views, below. */
struct sum {
    struct {
        const struct group_column *c;
        uint32_t first;
        bool minus;
    } term[4];
    unsigned n;
    uint32_t until, gap; /* values from the one at until on are that much further behind */
};

static void sum_add(struct sum *sum, const struct group_column *c, uint32_t first, bool minus) {
    sum->term[sum->n].c = c;
    sum->term[sum->n].first = first;
    sum->term[sum->n++].minus = minus;
}

static void sum_read(const struct sum *sum, uint32_t at, uint32_t n, int64_t *out) {
    column_read(sum->term[0].c, sum->term[0].first + at, n, out);
    for (unsigned t = 1; t < sum->n; t++) {
        int64_t v[FVT_VALUES_STEP];
        column_read(sum->term[t].c, sum->term[t].first + at, n, v);
        if (sum->term[t].minus)
            kernels()->minus(out, out, v, n);
        else
            kernels()->plus(out, out, v, n);
    }
}

static const int64_t *get_sum(const struct fvt_values *from, uint32_t at, uint32_t n,
                              int64_t *room) {
    const struct sum *sum = from->of;
    uint32_t before = at >= sum->until ? 0 : sum->until - at < n ? sum->until - at : n;
    if (before)
        sum_read(sum, at, before, room);
    if (before < n)
        sum_read(sum, at + before + sum->gap, n - before, room + before);
    return room;
}

/* Of a sum of one column, as that lies in memory. */
static struct fvt_look look_at_sum(const struct fvt_values *from) {
    const struct sum *sum = from->of;
    const struct group_column *c = sum->term[0].c;
    const uint32_t first = sum->term[0].first, n = sum->until < from->n ? sum->until : from->n,
                   next = first + n + sum->gap, more = from->n - n;
    struct fvt_look l;
    int64_t least, most, v[2];
    column_extent(c, first, n, &l.min, &l.max);
    column_extent(c, next, more, &least, &most);
    l.min = least < l.min ? least : l.min;
    l.max = most > l.max ? most : l.max;
    l.runs = column_runs(c, first, n) + column_runs(c, next, more);
    if (n && more) {
        column_read(c, first + n - 1, 1, &v[0]);
        column_read(c, next, 1, &v[1]);
        l.runs -= v[0] == v[1];
    }
    return l;
}

static struct fvt_values sum_values(const struct sum *sum, uint32_t n) {
    struct fvt_values from = {.n = n, .get = get_sum, .of = sum};
    if (sum->n == 1 && !sum->term[0].minus)
        from.look = look_at_sum;
    return from;
}

/* Has every row a value? */
static bool is_full(const struct group *g, int field) {
    return g->column[field].count == g->rows;
}

/* A column by row, and the one it may be coded against. */
struct rows_view {
    const int64_t *v, *base; /* base: NULL for none */
    int64_t *memory[2];
};

static bool view_rows(struct group *g, int field, uint32_t parent, struct rows_view *r) {
    memset(r, 0, sizeof *r);
    r->v = group_by_row(g, field, &r->memory[0]);
    if (r->v && parent != FVT_NO_COLUMN)
        r->base = group_by_row(g, (int)parent, &r->memory[1]);
    return r->v && (r->base || parent == FVT_NO_COLUMN);
}

static void view_free(const struct group *g, struct rows_view *r) {
    pool_put(g->pool, r->memory[0]);
    pool_put(g->pool, r->memory[1]);
}

/* The value of a row, less its parent's. */
static inline int64_t view_at(const struct rows_view *r, uint32_t row) {
    return r->base ? (int64_t)((uint64_t)r->v[row] - (uint64_t)r->base[row]) : r->v[row];
}

bool piece_relative(struct group *g, int field, uint32_t parent, struct piece *out) {
    const struct group_column *c = &g->column[field];
    if (is_full(g, field) && is_full(g, (int)parent)) {
        struct sum sum = {.until = UINT32_MAX};
        sum_add(&sum, c, 0, false);
        sum_add(&sum, &g->column[parent], 0, true);
        const struct fvt_values from = sum_values(&sum, c->count);
        *out = piece_make_from(&from, NULL, g->rows, FVT_RELATIVE, g->effort);
        return !out->bytes.failed;
    }
    struct rows_view r;
    int64_t *v = NULL;
    bool ok = view_rows(g, field, parent, &r) &&
              (v = pool_get(g->pool, ((size_t)g->rows + 1) * sizeof *v));
    if (ok) {
        uint32_t count = c->count;
        for (uint32_t row = 0, i = 0; row < g->rows; row++)
            if (column_has(c, row))
                v[i++] = view_at(&r, row);
        *out = piece_make(v, count, count < g->rows ? c->present : NULL, g->rows, FVT_RELATIVE,
                          g->effort);
    }
    pool_put(g->pool, v);
    view_free(g, &r);
    return ok;
}

/* Of some rows the value becomes that of entry[] of their code, which is none until one was met. false: it has
** another. */
#define MEET(name, type)                                                                        \
    static bool name(type *entry, type none, const uint32_t *code, const type *v, uint32_t n) { \
        for (uint32_t i = 0; i < n; i++) {                                                      \
            type *e = &entry[code[i]];                                                          \
            if (*e == v[i])                                                                     \
                continue;                                                                       \
            if (*e != none)                                                                     \
                return false;                                                                   \
            *e = v[i];                                                                          \
        }                                                                                       \
        return true;                                                                            \
    }
MEET(meet, int64_t)
MEET(meet_32, uint32_t)

enum { MEET_STEP = 1024 };

/* Entries are met all over the memory: four octets each where that tells all values apart, and none of them. */
static bool collect_32(const struct group_column *c, const struct group_column *pc,
                       int64_t *entry) {
    const uint32_t n = (uint32_t)pc->max + 1, none = (uint32_t)c->min - 1;
    uint32_t *met = malloc((size_t)n * sizeof *met);
    bool is = met != NULL;
    for (uint32_t i = 0; is && i < n; i++)
        met[i] = none;
    for (uint32_t at = 0; is && at < c->count; at += MEET_STEP) {
        uint32_t v[MEET_STEP], code[MEET_STEP];
        uint32_t some = c->count - at < MEET_STEP ? c->count - at : MEET_STEP;
        column_read_32(c, at, some, v);
        column_read_32(pc, at, some, code);
        is = meet_32(met, none, code, v, some);
    }
    for (uint32_t i = 0; is && i < n; i++)
        entry[i] = met[i] == none ? c->min - 1 : c->min + (uint32_t)(met[i] - (uint32_t)c->min);
    free(met);
    return is;
}

static bool collect_64(const struct group_column *c, const struct group_column *pc,
                       int64_t *entry) {
    bool is = true;
    for (uint32_t i = 0; i <= (uint32_t)pc->max; i++)
        entry[i] = c->min - 1;
    for (uint32_t at = 0; is && at < c->count; at += MEET_STEP) {
        int64_t v[MEET_STEP];
        uint32_t code[MEET_STEP];
        uint32_t some = c->count - at < MEET_STEP ? c->count - at : MEET_STEP;
        column_read(c, at, some, v);
        column_read_32(pc, at, some, code);
        is = meet(entry, c->min - 1, code, v, some);
    }
    return is;
}

/* collect_entries() where every row has a value, which is not the least of all numbers, and a parent's. */
static bool collect_all(const struct group_column *c, const struct group_column *pc, int64_t *entry,
                        uint64_t *present) {
    const bool few = (uint64_t)c->max - (uint64_t)c->min < UINT32_MAX;
    if (!(few ? collect_32(c, pc, entry) : collect_64(c, pc, entry)))
        return false;
    for (uint32_t i = 0; i <= (uint32_t)pc->max; i++)
        present[i / 64] |= (uint64_t)(entry[i] >= c->min) << (i & 63);
    return true;
}

/* The value that goes with each entry of the parent's dictionary. Returns false when the column
** is no function of its parent. entry has room for n values, present for n bits. */
static bool collect_entries(struct group *g, int field, int parent, int64_t *entry,
                            uint64_t *present, uint64_t *seen) {
    const struct group_column *c = &g->column[field], *pc = &g->column[parent];
    if (c->count == g->rows && pc->count == g->rows && c->min > INT64_MIN) {
        bool is = collect_all(c, pc, entry, present);
        memcpy(seen, present, ((size_t)pc->max / 64 + 1) * sizeof *seen);
        return is;
    }
    const int64_t *values = group_values(g, field), *codes = group_values(g, parent);
    if (!values || !codes)
        return false;
    for (uint32_t row = 0, i = 0, k = 0; row < g->rows; row++) {
        bool has = column_has(c, row), has_parent = column_has(pc, row);
        if (has && !has_parent)
            return false;
        if (!has_parent)
            continue;
        uint32_t code = (uint32_t)codes[k++];
        int64_t v = has ? values[i++] : 0;
        if (bit(seen, code)) {
            if (bit(present, code) != has || (has && entry[code] != v))
                return false;
            continue;
        }
        seen[code / 64] |= UINT64_C(1) << (code & 63);
        if (has)
            present[code / 64] |= UINT64_C(1) << (code & 63);
        entry[code] = v;
    }
    return true;
}

bool piece_derived(struct group *g, int field, int parent, struct piece *out) {
    uint32_t n = g->dict[g->dict_of[parent]].n;
    if (n == 0 || n > FVT_MAX_ROWS)
        return false;
    size_t words = ((size_t)n + 63) / 64;
    int64_t *entry = calloc((size_t)n * 2 + words * 2, sizeof *entry);
    if (!entry)
        return false;
    int64_t *v = entry + n;
    uint64_t *present = (uint64_t *)(v + n), *seen = present + words;
    bool is = collect_entries(g, field, parent, entry, present, seen);
    if (is) {
        /* Entries that no row of the parent uses (of a shared dictionary) repeat the one before. */
        uint32_t count = 0;
        int64_t last = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (!bit(seen, i))
                present[i / 64] |= UINT64_C(1) << (i & 63);
            if (bit(present, i))
                v[count++] = last = bit(seen, i) ? entry[i] : last;
        }
        *out = piece_make(v, count, count < n ? present : NULL, n, FVT_DERIVED, g->effort);
    }
    free(entry);
    return is;
}

/* For each of n codes the value that most rows with it have, or one of them when none has so many: a code of each
** row is in r->base, 0 where that is NULL. votes has room for n numbers, all 0. */
static void find_usual(const struct rows_view *r, const struct group_column *c, uint32_t rows,
                       int64_t *usual, uint32_t *votes, uint32_t n) {
    for (uint32_t row = 0; row < rows; row++) {
        int64_t code = r->base[row];
        if (c->count < rows && !column_has(c, row))
            continue;
        if (votes[code] == 0)
            usual[code] = r->v[row];
        votes[code] += usual[code] == r->v[row] ? 1 : UINT32_MAX;
    }
    /* Entries that no row uses repeat the one before. */
    for (uint32_t i = 1; i < n; i++)
        if (votes[i] == 0 && usual[i] == 0)
            usual[i] = usual[i - 1];
}

bool piece_excepted(struct group *s, int field, int parent, uint32_t n, bool sample,
                    struct piece *out) {
    if (n == 0 || n > FVT_MAX_ROWS)
        return false;
    const struct group_column *c = &s->column[field];
    struct rows_view r = {0};
    int64_t *usual = calloc(n, sizeof *usual), *more = NULL;
    uint32_t *votes = calloc(n, sizeof *votes);
    bool ok = usual && votes && view_rows(s, field, (uint32_t)parent, &r) &&
              (more = pool_get(s->pool, ((size_t)s->rows + 1) * sizeof *more));
    if (ok) {
        uint32_t count = 0;
        find_usual(&r, c, s->rows, usual, votes, n);
        for (uint32_t row = 0; row < s->rows; row++)
            if (c->count == s->rows || column_has(c, row))
                more[count++] = (int64_t)((uint64_t)r.v[row] - (uint64_t)usual[r.base[row]]);
        *out = piece_make(more, count, count < s->rows ? c->present : NULL, s->rows,
                          FVT_DERIVED | FVT_EXCEPT, s->effort);
        if (!sample)
            fvt_stream_encode(&out->bytes, usual, n, true);
        out->raw = (uint32_t)out->bytes.n;
    }
    free(usual);
    free(votes);
    pool_put(s->pool, more);
    view_free(s, &r);
    return ok;
}

/* Are the same rows NULL in the answers' half of a column as in the other half of its twin? */
static bool nulls_mirrored(const struct group *g, int field, int twin) {
    const struct group_column *c = &g->column[field], *t = &g->column[twin];
    if (c->count == g->rows && t->count == g->rows)
        return true;
    for (uint32_t i = 0; i < g->mirrored; i++)
        if (column_has(c, g->mirrored + i) != column_has(t, i))
            return false;
    return true;
}

/* The bitmap of the rows that are no answers; NULL when all have a value, or without memory. */
static uint64_t *own_bitmap(const struct group_column *c, uint32_t rows, uint32_t h) {
    uint64_t *bits = c->count < rows ? calloc(((size_t)rows + 63) / 64, sizeof *bits) : NULL;
    for (uint32_t i = 0; bits && i < rows - h; i++)
        if (column_has(c, i < h ? i : i + h))
            bits[i / 64] |= UINT64_C(1) << (i & 63);
    return bits;
}

/* Are the answers what they answer, as it lies in memory? */
static bool repeats(const struct group_column *c, const struct group_column *t, uint32_t h) {
    return c->octets == t->octets && c->base == t->base &&
           (c->octets == 0 ||
            memcmp(c->v + (size_t)h * c->octets, t->v, (size_t)h * c->octets) == 0);
}

/* The rows that are no answers, and the answers less what they answer, put behind each other. */
static void put_mirrored(struct group *g, int field, int twin, uint32_t parent, struct piece *p) {
    const struct group_column *c = &g->column[field], *t = &g->column[twin],
                              *base = parent == FVT_NO_COLUMN ? NULL : &g->column[parent];
    const uint32_t h = g->mirrored;
    struct sum own = {.until = h, .gap = h}, answers = {.until = UINT32_MAX};
    sum_add(&own, c, 0, false);
    sum_add(&answers, c, h, false);
    sum_add(&answers, t, 0, true);
    if (base) {
        sum_add(&own, base, 0, true);
        sum_add(&answers, base, h, true);
        if (twin == field)
            sum_add(&answers, base, 0, false);
    }
    const struct fvt_values first = sum_values(&own, g->rows - h);
    struct fvt_values second = sum_values(&answers, h);
    second.same = !base && repeats(c, t, h);
    p->count = first.n;
    fvt_stream_encode_from(&p->bytes, &first, true);
    fvt_stream_encode_from(&p->bytes, &second, true);
}

/* The same where some rows have no value. False without memory. */
static bool put_mirrored_some(struct group *g, int field, int twin, uint32_t parent,
                              struct piece *p) {
    const struct group_column *c = &g->column[field];
    const uint32_t h = g->mirrored, n = g->rows;
    struct rows_view r, t = {0};
    int64_t *own = NULL;
    bool ok = view_rows(g, field, parent, &r) &&
              (twin == field || view_rows(g, twin, FVT_NO_COLUMN, &t)) &&
              (own = pool_get(g->pool, ((size_t)n + 1) * sizeof *own));
    if (ok) {
        for (uint32_t i = 0; i < n - h; i++)
            if (column_has(c, i < h ? i : i + h))
                own[p->count++] = view_at(&r, i < h ? i : i + h);
        fvt_stream_encode(&p->bytes, own, p->count, true);
        for (uint32_t i = 0; i < h; i++) {
            uint64_t asked = twin == field ? (uint64_t)view_at(&r, i) : (uint64_t)t.v[i];
            own[i] = (int64_t)((uint64_t)view_at(&r, h + i) - asked);
        }
        fvt_stream_encode(&p->bytes, own, h, true);
    }
    pool_put(g->pool, own);
    view_free(g, &r);
    view_free(g, &t);
    return ok;
}

bool piece_mirror(struct group *g, int field, int twin, uint32_t parent, struct piece *out) {
    const struct group_column *c = &g->column[field];
    const uint32_t h = g->mirrored, n = g->rows;
    if (!nulls_mirrored(g, field, twin))
        return false;
    uint64_t *bits = own_bitmap(c, n, h);
    struct piece p = {.flags = FVT_MIRROR, .parent = FVT_NO_COLUMN};
    fvt_put_int(&p.bytes, h, 4);
    fvt_put_int(&p.bytes, 0, 4);
    if (bits) {
        p.flags |= FVT_NULLS;
        piece_bitmap(&p.bytes, bits, n - h);
    }
    size_t at = p.bytes.n;
    bool ok = bits || c->count == n;
    if (ok && is_full(g, field) && is_full(g, twin) &&
        (parent == FVT_NO_COLUMN || is_full(g, (int)parent)))
        put_mirrored(g, field, twin, parent, &p);
    else if (ok)
        ok = put_mirrored_some(g, field, twin, parent, &p);
    free(bits);
    if (!ok) {
        piece_free(&p);
        return false;
    }
    if (!p.bytes.failed)
        p.encoding = p.bytes.p[at];
    if (parent != FVT_NO_COLUMN)
        p.flags |= FVT_RELATIVE;
    p.raw = (uint32_t)p.bytes.n;
    *out = p;
    return true;
}
