/* SPDX-License-Identifier: MIT */
/*
** A row group into bytes: for each column the candidates that FORMAT.md allows (plain, as a
** difference to another column, as a property of an address), the smallest of which is kept.
*/
#include "arrange.h"
#include "early.h"
#include "kernel.h"
#include "stream.h"

#include <lz4.h>
#include <lz4hc.h>

enum {
    HC_LEVEL = 6,
    TRIAL = 64, /* octets of a chunk that make looking for a smaller one worth the time */
    /* Candidates are compared by what becomes of so many slices of so many octets. */
    SLICES = 8,
    SLICE = 16 << 10,
    /* The form of a column of a large group is chosen by runs of rows from all over it, about so many rows
    ** in all. */
    SAMPLE_ROWS = 1 << 15,
    SAMPLE_RUN = 1 << 11,
};

/* Columns worth coding against another one of the same row. RELATIVE: close to it in value;
** DERIVED: mostly a function of it. Tried in closed files only; what does not pay is not kept. */
static const struct {
    int field, parent;
    enum fvt_chunk_flag how;
} relations[] = {
    {FLOW_tend, FLOW_trecv, FVT_RELATIVE},     {FLOW_tstart, FLOW_tend, FVT_RELATIVE},
    {FLOW_srcas, FLOW_srcip, FVT_DERIVED},     {FLOW_dstas, FLOW_dstip, FVT_DERIVED},
    {FLOW_srcmask, FLOW_srcip, FVT_DERIVED},   {FLOW_dstmask, FLOW_dstip, FVT_DERIVED},
    {FLOW_next, FLOW_dstip, FVT_DERIVED},      {FLOW_bgpnext, FLOW_dstip, FVT_DERIVED},
    {FLOW_nextas, FLOW_dstip, FVT_DERIVED},    {FLOW_prevas, FLOW_srcip, FVT_DERIVED},
    {FLOW_insrcmac, FLOW_srcip, FVT_DERIVED},  {FLOW_indstmac, FLOW_dstip, FVT_DERIVED},
    {FLOW_outsrcmac, FLOW_srcip, FVT_DERIVED}, {FLOW_outdstmac, FLOW_dstip, FVT_DERIVED},
    {FLOW_inif, FLOW_srcip, FVT_DERIVED},      {FLOW_outif, FLOW_dstip, FVT_DERIVED},
    {FLOW_srcvlan, FLOW_srcip, FVT_DERIVED},   {FLOW_dstvlan, FLOW_dstip, FVT_DERIVED},
    {FLOW_ipversion, FLOW_srcip, FVT_DERIVED}, {FLOW_ethertype, FLOW_srcip, FVT_DERIVED},
    {FLOW_natsrcip, FLOW_srcip, FVT_DERIVED},  {FLOW_natdstip, FLOW_dstip, FVT_DERIVED},
    {FLOW_appname, FLOW_appid, FVT_DERIVED},   {FLOW_username, FLOW_srcip, FVT_DERIVED},
};

/* Columns of one end of a flow and of the other. */
static const int twins[][2] = {
    {FLOW_srcip, FLOW_dstip},        {FLOW_srcport, FLOW_dstport},
    {FLOW_inif, FLOW_outif},         {FLOW_srcas, FLOW_dstas},
    {FLOW_prevas, FLOW_nextas},      {FLOW_srcmask, FLOW_dstmask},
    {FLOW_srcvlan, FLOW_dstvlan},    {FLOW_insrcmac, FLOW_outdstmac},
    {FLOW_indstmac, FLOW_outsrcmac}, {FLOW_inphysif, FLOW_outphysif},
    {FLOW_ivrf, FLOW_evrf},
};

/* One chunk or dictionary, encoded, before it has a place. */
struct piece {
    struct fvt_buffer bytes;
    uint32_t raw;   /* octets before LZ4 */
    uint32_t count; /* values in the stream, entries of a dictionary */
    uint8_t flags, encoding;
    uint32_t parent;
    size_t guess; /* octets after LZ4, about, of all the group's rows */
    bool trial;   /* the bytes are those of a sample */
    bool dense;   /* by a guess LZ4 makes them no smaller */
};

static void piece_free(struct piece *p) {
    free(p->bytes.p);
    memset(p, 0, sizeof *p);
}

static void put_bitmap(struct fvt_buffer *out, const uint64_t *present, uint32_t n) {
    for (size_t w = 0; w < ((size_t)n + 63) / 64; w++)
        fvt_put_int(out, present[w], 8);
}

/* Octets that n octets take as an LZ4 block; n when it is not to be had. */
static size_t lz4_size(const uint8_t *p, size_t n, enum group_effort effort,
                       struct fvt_buffer *scratch) {
    int bound = LZ4_compressBound((int)n);
    scratch->n = 0;
    if (!fvt_buffer_reserve(scratch, (size_t)bound))
        return n;
    const char *from = (const char *)p;
    char *to = (char *)scratch->p;
    int size = effort == GROUP_SMALLEST ? LZ4_compress_HC(from, to, (int)n, bound, HC_LEVEL)
                                        : LZ4_compress_default(from, to, (int)n, bound);
    return size > 0 ? (size_t)size : n;
}

/* About how many octets are left of a piece by compress_piece(), from slices all over it. */
static void guess_piece(struct piece *p, enum group_effort effort, struct fvt_buffer *scratch) {
    size_t n = p->bytes.n, step = n / SLICES, size = 0;
    p->guess = n;
    if (n <= SLICES * SLICE) {
        size = lz4_size(p->bytes.p, n, effort, scratch);
    } else {
        for (int i = 0; i < SLICES; i++)
            size += lz4_size(p->bytes.p + step * (size_t)i, SLICE, effort, scratch);
        size = (size_t)((double)size * (double)n / (SLICES * SLICE));
    }
    p->dense = size >= n - n / 16;
    if (!p->dense)
        p->guess = size;
}

/* Replace the bytes by their LZ4 block when that saves a sixteenth, unless it is to be quick. */
static void compress_piece(struct piece *p, struct group *g) {
    p->raw = (uint32_t)p->bytes.n;
    if (g->effort == GROUP_QUICK || p->bytes.failed || p->bytes.n < TRIAL || p->dense ||
        p->bytes.n > LZ4_MAX_INPUT_SIZE)
        return;
    size_t n = lz4_size(p->bytes.p, p->bytes.n, g->effort, &g->packed);
    if (n < p->bytes.n - p->bytes.n / 16) {
        memcpy(p->bytes.p, g->packed.p, n);
        p->bytes.n = n;
        p->flags |= FVT_LZ4;
    }
}

/* present: NULL when every one of rows has a value. */
static struct piece make_piece(const int64_t *v, uint32_t count, const uint64_t *present,
                               uint32_t rows, uint8_t flags, enum group_effort effort) {
    struct piece p = {.count = count, .flags = flags, .parent = FVT_NO_COLUMN};
    if (present) {
        p.flags |= FVT_NULLS;
        put_bitmap(&p.bytes, present, rows);
    }
    size_t at = p.bytes.n;
    fvt_stream_encode(&p.bytes, v, count, effort != GROUP_QUICK);
    if (!p.bytes.failed)
        p.encoding = p.bytes.p[at];
    p.raw = (uint32_t)p.bytes.n;
    return p;
}

static struct piece plain_piece(struct group *g, int field) {
    const struct group_column *c = &g->column[field];
    const int64_t *v = group_values(g, field);
    if (!v)
        return (struct piece){.bytes.failed = true};
    return make_piece(v, c->count, c->count < g->rows ? c->present : NULL, g->rows, 0, g->effort);
}

static bool bit(const uint64_t *bits, uint32_t i) {
    return bits[i / 64] >> (i & 63) & 1;
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

/* Those of n rows. */
static void view_some(const struct rows_view *r, uint32_t row, uint32_t n, int64_t *out) {
    if (r->base)
        kernels()->minus(out, r->v + row, r->base + row, n);
    else
        memcpy(out, r->v + row, n * sizeof *out);
}

static bool make_relative(struct group *g, int field, uint32_t parent, struct piece *out) {
    const struct group_column *c = &g->column[field];
    struct rows_view r;
    int64_t *v = NULL;
    bool ok = view_rows(g, field, parent, &r) &&
              (v = pool_get(g->pool, ((size_t)g->rows + 1) * sizeof *v));
    if (ok) {
        uint32_t count = c->count;
        if (count == g->rows)
            view_some(&r, 0, count, v);
        for (uint32_t row = 0, i = 0; count < g->rows && row < g->rows; row++)
            if (column_has(c, row))
                v[i++] = view_at(&r, row);
        *out = make_piece(v, count, count < g->rows ? c->present : NULL, g->rows, FVT_RELATIVE,
                          g->effort);
    }
    pool_put(g->pool, v);
    view_free(g, &r);
    return ok;
}

/* collect_entries() where every row has a value and a parent's. */
static bool collect_all(const struct group_column *c, const struct group_column *pc, int64_t *entry,
                        uint64_t *present, uint64_t *seen) {
    enum { STEP = 1024 };
    for (uint32_t at = 0; at < c->count; at += STEP) {
        int64_t v[STEP], code[STEP];
        uint32_t n = c->count - at < STEP ? c->count - at : STEP;
        column_read(c, at, n, v);
        column_read(pc, at, n, code);
        for (uint32_t i = 0; i < n; i++) {
            uint64_t *word = &seen[code[i] / 64], one = UINT64_C(1) << (code[i] & 63);
            if (*word & one) {
                if (entry[code[i]] != v[i])
                    return false;
            } else {
                *word |= one;
                entry[code[i]] = v[i];
            }
        }
    }
    memcpy(present, seen, ((size_t)pc->max / 64 + 1) * sizeof *present);
    return true;
}

/* The value that goes with each entry of the parent's dictionary. Returns false when the column
** is no function of its parent. entry has room for n values, present for n bits. */
static bool collect_entries(struct group *g, int field, int parent, int64_t *entry,
                            uint64_t *present, uint64_t *seen) {
    const struct group_column *c = &g->column[field], *pc = &g->column[parent];
    if (c->count == g->rows && pc->count == g->rows)
        return collect_all(c, pc, entry, present, seen);
    const int64_t *values = group_values(g, field), *codes = group_values(g, parent);
    if (!values || !codes)
        return false;
    for (uint32_t row = 0, i = 0, k = 0; row < g->rows; row++) {
        bool has = bit(c->present, row), has_parent = row / 64 < pc->words && bit(pc->present, row);
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

static bool make_derived(struct group *g, int field, int parent, struct piece *out) {
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
        *out = make_piece(v, count, count < n ? present : NULL, n, FVT_DERIVED, g->effort);
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

/* Mostly a function of the parent, whose dictionary has n entries: the usual value of each entry, and what rows are
** more. Of a sample, where s is not the group, only the latter. */
static bool make_excepted(struct group *s, int field, int parent, uint32_t n, bool sample,
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
        *out = make_piece(more, count, count < s->rows ? c->present : NULL, s->rows,
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

/* Answers coded against what they answer: against the column itself, whose values may be relative
** to a parent's, or against its twin at the other end of the flow. */
static bool make_mirror(struct group *g, int field, int twin, uint32_t parent, struct piece *out) {
    const struct group_column *c = &g->column[field];
    uint32_t h = g->mirrored, n = g->rows;
    if (!nulls_mirrored(g, field, twin))
        return false;
    struct rows_view r, t = {0};
    int64_t *own = NULL;
    uint64_t *bits = own_bitmap(c, n, h);
    bool ok = view_rows(g, field, parent, &r) && (bits || c->count == n) &&
              (twin == field || view_rows(g, twin, FVT_NO_COLUMN, &t)) &&
              (own = pool_get(g->pool, ((size_t)n + 1) * sizeof *own));
    if (ok) {
        struct piece p = {.flags = FVT_MIRROR, .parent = FVT_NO_COLUMN};
        fvt_put_int(&p.bytes, h, 4);
        fvt_put_int(&p.bytes, 0, 4);
        if (bits) {
            p.flags |= FVT_NULLS;
            put_bitmap(&p.bytes, bits, n - h);
        }
        if (bits) {
            for (uint32_t i = 0; i < n - h; i++)
                if (column_has(c, i < h ? i : i + h))
                    own[p.count++] = view_at(&r, i < h ? i : i + h);
        } else {
            view_some(&r, 0, h, own);
            view_some(&r, 2 * h, n - 2 * h, own + h);
            p.count = n - h;
        }
        size_t at = p.bytes.n;
        fvt_stream_encode(&p.bytes, own, p.count, true);
        view_some(&r, h, h, own);
        if (twin != field) {
            kernels()->minus(own, own, t.v, h);
        } else {
            kernels()->minus(own, own, r.v, h);
            if (r.base)
                kernels()->plus(own, own, r.base, h);
        }
        fvt_stream_encode(&p.bytes, own, h, true);
        if (!p.bytes.failed)
            p.encoding = p.bytes.p[at];
        if (parent != FVT_NO_COLUMN)
            p.flags |= FVT_RELATIVE;
        p.raw = (uint32_t)p.bytes.n;
        *out = p;
    }
    pool_put(g->pool, own);
    view_free(g, &r);
    view_free(g, &t);
    free(bits);
    return ok;
}

/* Keep the smaller of the two in *best. */
static void keep_smaller(struct piece *best, struct piece *p) {
    if (p->bytes.failed || p->guess < best->guess) {
        struct piece swap = *best;
        *best = *p;
        *p = swap;
    }
    piece_free(p);
}

/* Add n rows of g from first on to the sample, SAMPLE_RUN at most. */
static bool sample_rows(struct group *s, const struct group *g, uint32_t first, uint32_t n) {
    bool ok = true;
    for (int f = 0; ok && f < FLOW_NFIELDS; f++) {
        const struct group_column *c = &g->column[f];
        if (c->count == 0)
            continue;
        int64_t v[SAMPLE_RUN];
        uint8_t nulls[SAMPLE_RUN];
        uint32_t before = c->count < g->rows ? column_before(c, first) : first;
        column_read_rows(c, g->rows, first, before, n, v, nulls);
        ok = group_put_rows(s, f, s->rows, v, nulls, n);
    }
    s->rows += n;
    return ok;
}

/* Add runs of the rows [first, first + n) of g to the sample, a part of one in every. */
static bool sample_part(struct group *s, const struct group *g, uint32_t first, uint32_t n,
                        uint32_t every) {
    bool ok = true;
    for (uint32_t at = 0; ok && at < n; at += SAMPLE_RUN * every) {
        uint32_t some = n - at < SAMPLE_RUN ? n - at : SAMPLE_RUN;
        ok = sample_rows(s, g, first + at, some);
    }
    return ok;
}

/* A group to try forms on: g itself when it is small, else some runs of its rows, of its answers just those
** that belong to the others. NULL without memory. */
static struct group *take_sample(struct group *g) {
    if (g->rows < 4 * SAMPLE_ROWS)
        return g;
    struct group *s = g->sample ? g->sample : (g->sample = group_new());
    uint32_t every = g->rows / SAMPLE_ROWS, h = g->mirrored;
    if (!s)
        return NULL;
    group_clear(s);
    s->pool = g->pool;
    bool ok = sample_part(s, g, 0, h, every);
    if (ok) {
        s->effort = g->effort;
        s->mirrored = s->rows;
        ok = sample_part(s, g, h, h, every) && sample_part(s, g, 2 * h, g->rows - 2 * h, every) &&
             group_cover(s);
    }
    return ok ? s : NULL;
}

/* What is guessed of a piece that was made of the sample goes for the whole group. */
static void guess_whole(struct piece *p, struct group *g, const struct group *sample) {
    p->trial = sample != g;
    if (!p->bytes.failed)
        guess_piece(p, g->effort, &g->packed);
    if (p->trial)
        p->guess = (size_t)((double)p->guess * g->rows / sample->rows);
}

/* A column that is derived from a parent, with exceptions where there are any. These are tried on the sample s first,
** in which there are too few of them rather than too many. */
static bool try_derived(struct group *g, struct group *s, int field, int parent, size_t below,
                        struct piece *out) {
    if (make_derived(g, field, parent, out))
        return true;
    uint32_t n = g->dict[g->dict_of[parent]].n;
    if (s != g) {
        if (!make_excepted(s, field, parent, n, true, out))
            return false;
        guess_whole(out, g, s);
        bool good = !out->bytes.failed && out->guess < below;
        piece_free(out);
        if (!good)
            return false;
    }
    return make_excepted(g, field, parent, n, false, out);
}

/* The smallest form of a column: tried on the sample s, but for DERIVED, whose size has nothing to do with
** the number of rows. */
static struct piece try_column(struct group *g, struct group *s, int field) {
    struct piece p = {0}, best = plain_piece(s, field);
    guess_whole(&best, g, s);
    if (s->mirrored && best.guess > TRIAL && make_mirror(s, field, field, FVT_NO_COLUMN, &p)) {
        guess_whole(&p, g, s);
        keep_smaller(&best, &p);
    }
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++) {
        int parent = relations[i].parent;
        bool derived = relations[i].how == FVT_DERIVED;
        struct group *of = derived ? g : s;
        if (relations[i].field != field || of->column[parent].count == 0 || best.guess <= TRIAL)
            continue;
        if (derived ? try_derived(g, s, field, parent, best.guess, &p)
                    : make_relative(of, field, (uint32_t)parent, &p)) {
            p.parent = (uint32_t)parent;
            guess_whole(&p, g, of);
            keep_smaller(&best, &p);
        }
        if (derived && s != g)
            group_forget(g, field);
        if (!derived && s->mirrored && make_mirror(s, field, field, (uint32_t)parent, &p)) {
            p.parent = (uint32_t)parent;
            guess_whole(&p, g, s);
            keep_smaller(&best, &p);
        }
    }
    return best;
}

/* Code two columns, one for each end of a flow, against each other when both together are smaller
** than as they are in own[]. */
static void try_twins(struct group *g, struct group *s, const int *field, struct piece **own) {
    struct piece p[2];
    memset(p, 0, sizeof p);
    if (own[0]->guess + own[1]->guess > 2 * TRIAL &&
        make_mirror(s, field[0], field[1], FVT_NO_COLUMN, &p[0]) &&
        make_mirror(s, field[1], field[0], FVT_NO_COLUMN, &p[1])) {
        guess_whole(&p[0], g, s);
        guess_whole(&p[1], g, s);
        if (p[0].guess + p[1].guess < own[0]->guess + own[1]->guess)
            for (int i = 0; i < 2; i++) {
                struct piece swap = *own[i];
                *own[i] = p[i];
                own[i]->parent = (uint32_t)field[1 - i];
                p[i] = swap;
            }
    }
    piece_free(&p[0]);
    piece_free(&p[1]);
}

/* Is another column coded against it? */
static bool is_parent(int field) {
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++)
        if (relations[i].parent == field)
            return true;
    return false;
}

/* Put a column of the whole group into the form that was found for it in a sample; as it is where that
** form is not for all rows. */
static void make_whole(struct group *g, int field, struct piece *p) {
    struct piece whole = {0};
    uint32_t parent = p->parent;
    bool dense = p->dense;
    bool relative = p->flags & FVT_RELATIVE, made = false;
    if (p->flags & FVT_MIRROR)
        made = make_mirror(g, field, relative || parent == FVT_NO_COLUMN ? field : (int)parent,
                           relative ? parent : FVT_NO_COLUMN, &whole);
    else if (relative)
        made = make_relative(g, field, parent, &whole);
    if (!made)
        whole = plain_piece(g, field);
    else
        whole.parent = parent;
    /* Only what is far from being smaller in the sample is not tried, if it is long: a sample does not show what comes
    ** again after many rows. */
    whole.dense = made && dense && whole.bytes.n > g->rows / 2;
    /* What others need again stays. */
    if (!is_parent(field))
        group_forget(g, field);
    if (made && !relative && parent != FVT_NO_COLUMN && !is_parent((int)parent))
        group_forget(g, (int)parent);
    piece_free(p);
    *p = whole;
}

static void forget_all(struct group *g) {
    for (int f = 0; f < FLOW_NFIELDS; f++)
        group_forget(g, f);
}

/* The pieces of the columns that have values, each in its smallest form. */
static bool choose_forms(struct group *g, struct piece **of) {
    struct group *s = take_sample(g);
    if (!s)
        return false;
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (of[f] && s->column[f].count)
            *of[f] = try_column(g, s, f);
        else if (of[f])
            *of[f] = plain_piece(g, f);
    for (size_t i = 0; s->mirrored && i < sizeof twins / sizeof twins[0]; i++) {
        struct piece *own[] = {of[twins[i][0]], of[twins[i][1]]};
        if (own[0] && own[1])
            try_twins(g, s, twins[i], own);
    }
    if (s != g)
        forget_all(s);
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (of[f] && of[f]->trial)
            make_whole(g, f, of[f]);
    return true;
}

/* The directory and, in the same order, the pieces it speaks of. */
struct layout {
    struct fvt_buffer dir;
    struct piece piece[FLOW_NFIELDS + GROUP_DICTS];
    unsigned npieces;
    uint16_t dicts;
};

static void put_entry(struct layout *l, const struct piece *p, struct directory_entry *e) {
    e->encoding = p->encoding;
    e->flags = p->flags;
    e->raw = p->raw;
    e->parent = p->parent;
    e->count = p->count;
    directory_put(&l->dir, e, p->bytes.p, p->bytes.n);
}

/* Sorts the dictionaries in use, codes the columns by them and lays them out. place[d] becomes
** the number of builder d's dictionary in the directory. */
static bool layout_dicts(struct group *g, struct layout *l, uint16_t *place, uint32_t **sorted) {
    uint16_t used = 0;
    for (int d = 0; d < GROUP_DICTS; d++) {
        const struct dict_builder *b = &g->dict[d];
        if (b->n == 0)
            continue;
        sorted[d] = malloc((size_t)b->n * sizeof *sorted[d]);
        if (!sorted[d] || !dict_builder_sort(b, sorted[d]))
            return false;
        struct piece *p = &l->piece[l->npieces++];
        memset(p, 0, sizeof *p);
        dict_encode(&p->bytes, b, sorted[d]);
        p->count = b->n;
        p->parent = FVT_NO_COLUMN;
        compress_piece(p, g);
        struct directory_entry e = {.column = (uint16_t)b->class, .dict = FVT_NO_DICT};
        put_entry(l, p, &e);
        place[d] = used++;
    }
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        int d = g->dict_of[f];
        if (d >= 0 && g->column[f].count && !column_map(&g->column[f], sorted[d], g->dict[d].n - 1))
            return false;
    }
    l->dicts = used;
    return true;
}

/* The entry of a column whose piece is made. */
static void put_column(struct group *g, struct layout *l, int field, const struct piece *p,
                       const uint16_t *place, uint32_t *const *sorted) {
    const struct group_column *c = &g->column[field];
    int d = g->dict_of[field];
    struct directory_entry e = {.column = (uint16_t)field,
                                .dict = d < 0 ? FVT_NO_DICT : place[d],
                                .nulls = g->rows - c->count,
                                .min = c->min,
                                .max = c->max,
                                .zone = flow_fields[field].class == FLOW_IP};
    for (uint32_t i = 0; e.zone && i < g->dict[d].n; i++) {
        if (sorted[d][i] == e.min)
            e.first = g->dict[d].ip[i];
        if (sorted[d][i] == e.max)
            e.last = g->dict[d].ip[i];
    }
    put_entry(l, p, &e);
}

static bool layout_columns(struct group *g, struct layout *l, const uint16_t *place,
                           uint32_t *const *sorted) {
    struct piece *of[FLOW_NFIELDS] = {NULL};
    uint16_t used = 0;
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (g->column[f].count) {
            of[f] = &l->piece[l->npieces++];
            used++;
        }
    if (g->effort == GROUP_QUICK) {
        for (int f = 0; f < FLOW_NFIELDS; f++)
            if (of[f])
                *of[f] = plain_piece(g, f);
    } else if (!choose_forms(g, of)) {
        return false;
    }
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (of[f]) {
            compress_piece(of[f], g);
            put_column(g, l, f, of[f], place, sorted);
        }
    directory_counts(&l->dir, used, l->dicts);
    return true;
}

/* Put header, directory and pieces at the end of out, offsets filled in. */
static void put_block(struct fvt_buffer *out, struct layout *l, uint32_t rows) {
    size_t at = out->n, payload = at + FVT_BLOCK_HEADER;
    fvt_put_zeros(out, FVT_BLOCK_HEADER);
    fvt_put(out, l->dir.p, l->dir.n);
    size_t entry = payload + FVT_GROUP_HEADER;
    for (unsigned i = 0; i < l->npieces && !out->failed; i++) {
        out->failed |= l->piece[i].bytes.failed;
        fvt_set_int(out, entry + 8, out->n - payload, 4);
        entry += (size_t)out->p[entry] | (size_t)out->p[entry + 1] << 8;
        fvt_put(out, l->piece[i].bytes.p, l->piece[i].bytes.n);
        fvt_align(out);
    }
    block_seal(out, at, FVT_GROUP, l->dir.n, rows);
}

size_t group_encode(struct fvt_buffer *out, struct group *g, enum group_effort effort,
                    struct group *early) {
    g->effort = effort;
    if (!group_settle(g) || !group_cover(g))
        return 0;
    group_seal(g);
    bool ready = effort == GROUP_QUICK || group_arrange(g);
    struct layout *l =
        ready && (!early || group_part_early(g, early)) ? calloc(1, sizeof *l) : NULL;
    if (!l)
        return 0;
    uint16_t place[GROUP_DICTS] = {0};
    uint32_t *sorted[GROUP_DICTS] = {NULL};
    directory_begin(&l->dir, g->rows, &g->totals);
    size_t dirlen = 0;
    if (layout_dicts(g, l, place, sorted) && layout_columns(g, l, place, sorted) &&
        !l->dir.failed) {
        put_block(out, l, g->rows);
        dirlen = out->failed ? 0 : l->dir.n;
    }
    forget_all(g);
    for (unsigned i = 0; i < l->npieces; i++)
        piece_free(&l->piece[i]);
    for (int d = 0; d < GROUP_DICTS; d++)
        free(sorted[d]);
    free(l->dir.p);
    free(l);
    return dirlen;
}
