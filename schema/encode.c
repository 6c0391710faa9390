/* SPDX-License-Identifier: MIT */
/*
** A row group into bytes: for each column the candidates that FORMAT.md allows (plain, as a
** difference to another column, as a property of an address), the smallest of which is kept.
*/
#include "arrange.h"
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
static void guess_piece(struct piece *p, enum group_effort effort) {
    struct fvt_buffer scratch = {0};
    size_t n = p->bytes.n, step = n / SLICES, size = 0;
    p->guess = n;
    if (n <= SLICES * SLICE) {
        size = lz4_size(p->bytes.p, n, effort, &scratch);
    } else {
        for (int i = 0; i < SLICES; i++)
            size += lz4_size(p->bytes.p + step * (size_t)i, SLICE, effort, &scratch);
        size = (size_t)((double)size * (double)n / (SLICES * SLICE));
    }
    if (size < n - n / 16)
        p->guess = size;
    free(scratch.p);
}

/* Replace the bytes by their LZ4 block when that saves a sixteenth, unless it is to be quick. */
static void compress_piece(struct piece *p, enum group_effort effort) {
    p->raw = (uint32_t)p->bytes.n;
    if (effort == GROUP_QUICK || p->bytes.failed || p->bytes.n < TRIAL ||
        p->bytes.n > LZ4_MAX_INPUT_SIZE)
        return;
    struct fvt_buffer out = {0};
    size_t n = lz4_size(p->bytes.p, p->bytes.n, effort, &out);
    if (n < p->bytes.n - p->bytes.n / 16) {
        memcpy(p->bytes.p, out.p, n);
        p->bytes.n = n;
        p->flags |= FVT_LZ4;
    }
    free(out.p);
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
    return make_piece(c->v, c->count, c->count < g->rows ? c->present : NULL, g->rows, 0,
                      g->effort);
}

static bool bit(const uint64_t *bits, uint32_t i) {
    return bits[i / 64] >> (i & 63) & 1;
}

/* A column by row, and the one it may be coded against. */
struct rows_view {
    const int64_t *v, *base; /* base: NULL for none */
    int64_t *memory[2];
};

static bool view_rows(const struct group *g, int field, uint32_t parent, struct rows_view *r) {
    memset(r, 0, sizeof *r);
    r->v = column_rows(g, field, &r->memory[0]);
    if (r->v && parent != FVT_NO_COLUMN)
        r->base = column_rows(g, (int)parent, &r->memory[1]);
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

static bool make_relative(struct group *g, int field, uint32_t parent, struct piece *out) {
    const struct group_column *c = &g->column[field];
    struct rows_view r;
    int64_t *v = NULL;
    bool ok = view_rows(g, field, parent, &r) &&
              (v = pool_get(g->pool, ((size_t)g->rows + 1) * sizeof *v));
    if (ok) {
        uint32_t count = 0;
        for (uint32_t row = 0; row < g->rows; row++)
            if (c->count == g->rows || column_has(c, row))
                v[count++] = view_at(&r, row);
        *out = make_piece(v, count, count < g->rows ? c->present : NULL, g->rows, FVT_RELATIVE,
                          g->effort);
    }
    pool_put(g->pool, v);
    view_free(g, &r);
    return ok;
}

/* collect_entries() where every row has a value and a parent's. */
static bool collect_all(const int64_t *v, const int64_t *code, uint32_t rows, int64_t *entry,
                        uint64_t *present, uint64_t *seen) {
    for (uint32_t row = 0; row < rows; row++) {
        uint64_t *word = &seen[code[row] / 64], one = UINT64_C(1) << (code[row] & 63);
        if (*word & one) {
            if (entry[code[row]] != v[row])
                return false;
        } else {
            *word |= one;
            present[code[row] / 64] |= one;
            entry[code[row]] = v[row];
        }
    }
    return true;
}

/* The value that goes with each entry of the parent's dictionary. Returns false when the column
** is no function of its parent. entry has room for n values, present for n bits. */
static bool collect_entries(const struct group *g, int field, const struct group_column *pc,
                            int64_t *entry, uint64_t *present, uint64_t *seen) {
    const struct group_column *c = &g->column[field];
    if (c->count == g->rows && pc->count == g->rows)
        return collect_all(c->v, pc->v, g->rows, entry, present, seen);
    for (uint32_t row = 0, i = 0, k = 0; row < g->rows; row++) {
        bool has = bit(c->present, row), has_parent = row / 64 < pc->words && bit(pc->present, row);
        if (has && !has_parent)
            return false;
        if (!has_parent)
            continue;
        uint32_t code = (uint32_t)pc->v[k++];
        int64_t v = has ? c->v[i++] : 0;
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
    bool is = collect_entries(g, field, &g->column[parent], entry, present, seen);
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
        for (uint32_t i = 0; i < n - h; i++) {
            uint32_t row = i < h ? i : i + h;
            if (!bits || column_has(c, row))
                own[p.count++] = view_at(&r, row);
        }
        size_t at = p.bytes.n;
        fvt_stream_encode(&p.bytes, own, p.count, true);
        for (uint32_t i = 0; i < h; i++)
            own[i] = (int64_t)((uint64_t)view_at(&r, h + i) -
                               (uint64_t)(twin == field ? view_at(&r, i) : t.v[i]));
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

/* Values of the column before a row. */
static uint32_t count_before(const struct group_column *c, uint32_t row) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < row / 64; w++)
        count += (uint32_t)__builtin_popcountll(c->present[w]);
    for (uint32_t i = row & ~UINT32_C(63); i < row; i++)
        count += column_has(c, i);
    return count;
}

/* Add n rows of g from first on to the sample. */
static bool sample_rows(struct group *s, const struct group *g, uint32_t first, uint32_t n) {
    bool ok = true;
    for (int f = 0; ok && f < FLOW_NFIELDS; f++) {
        const struct group_column *c = &g->column[f];
        if (c->count == g->rows) {
            ok = group_put_rows(s, f, s->rows, c->v + first, n);
        } else if (c->count > 0) {
            uint32_t at = count_before(c, first);
            for (uint32_t i = 0; ok && i < n; i++)
                if (column_has(c, first + i))
                    ok = group_put(s, f, s->rows + i, c->v[at++]);
        }
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
    struct group *s = group_new();
    uint32_t every = g->rows / SAMPLE_ROWS, h = g->mirrored;
    bool ok = s && sample_part(s, g, 0, h, every);
    if (ok) {
        s->effort = g->effort;
        s->mirrored = s->rows;
        ok = sample_part(s, g, h, h, every) && sample_part(s, g, 2 * h, g->rows - 2 * h, every) &&
             group_cover(s);
    }
    if (ok)
        return s;
    group_free(s);
    return NULL;
}

/* What is guessed of a piece that was made of the sample goes for the whole group. */
static void guess_whole(struct piece *p, const struct group *g, const struct group *sample) {
    p->trial = sample != g;
    if (!p->bytes.failed)
        guess_piece(p, g->effort);
    if (p->trial)
        p->guess = (size_t)((double)p->guess * g->rows / sample->rows);
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
        if (derived ? make_derived(of, field, parent, &p)
                    : make_relative(of, field, (uint32_t)parent, &p)) {
            p.parent = (uint32_t)parent;
            guess_whole(&p, g, of);
            keep_smaller(&best, &p);
        }
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

/* Put a column of the whole group into the form that was found for it in a sample; as it is where that
** form is not for all rows. */
static void make_whole(struct group *g, int field, struct piece *p) {
    struct piece whole = {0};
    uint32_t parent = p->parent;
    bool relative = p->flags & FVT_RELATIVE, made = false;
    if (p->flags & FVT_MIRROR)
        made = make_mirror(g, field, relative || parent == FVT_NO_COLUMN ? field : (int)parent,
                           relative ? parent : FVT_NO_COLUMN, &whole);
    else if (relative)
        made = make_relative(g, field, parent, &whole);
    if (made)
        whole.parent = parent;
    else
        whole = plain_piece(g, field);
    piece_free(p);
    *p = whole;
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
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (of[f] && of[f]->trial)
            make_whole(g, f, of[f]);
    if (s != g)
        group_free(s);
    return true;
}

static void put_entry(struct fvt_buffer *dir, uint16_t column, uint16_t dict, const struct piece *p,
                      uint32_t nulls, int64_t min, int64_t max, bool zone) {
    fvt_put_int(dir, FVT_ENTRY + (zone ? FVT_IP_ZONE : 0), 2);
    fvt_put_int(dir, column, 2);
    fvt_put_int(dir, p->encoding, 1);
    fvt_put_int(dir, p->flags, 1);
    fvt_put_int(dir, dict, 2);
    fvt_put_int(dir, 0, 4); /* offset, known when the directory is complete */
    fvt_put_int(dir, p->bytes.n, 4);
    fvt_put_int(dir, p->raw, 4);
    fvt_put_int(dir, p->parent, 4);
    fvt_put_int(dir, nulls, 4);
    fvt_put_int(dir, p->count, 4);
    fvt_put_int(dir, p->bytes.n ? fvt_checksum(p->bytes.p, p->bytes.n) : fvt_checksum("", 0), 8);
    fvt_put_int(dir, (uint64_t)min, 8);
    fvt_put_int(dir, (uint64_t)max, 8);
}

/* Entry numbers of a column to codes in sorted order. */
static void renumber(struct group_column *c, const uint32_t *code) {
    for (uint32_t i = 0; i < c->count; i++)
        c->v[i] = code[c->v[i]];
}

static void put_totals(struct fvt_buffer *dir, const struct fvt_totals *t) {
    for (int p = 0; p < FVT_NPROTO; p++) {
        fvt_put_int(dir, t->flows[p], 8);
        fvt_put_int(dir, t->packets[p], 8);
        fvt_put_int(dir, t->bytes[p], 8);
    }
    fvt_put_int(dir, (uint64_t)t->first, 8);
    fvt_put_int(dir, (uint64_t)t->last, 8);
}

/* The directory and, in the same order, the pieces it speaks of. */
struct layout {
    struct fvt_buffer dir;
    struct piece piece[FLOW_NFIELDS + GROUP_DICTS];
    unsigned npieces;
};

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
        compress_piece(p, g->effort);
        put_entry(&l->dir, (uint16_t)b->class, FVT_NO_DICT, p, 0, 0, 0, false);
        place[d] = used++;
    }
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (g->dict_of[f] >= 0 && g->column[f].count)
            renumber(&g->column[f], sorted[g->dict_of[f]]);
    fvt_set_int(&l->dir, 6, used, 2);
    return true;
}

static void put_zone(struct layout *l, const struct dict_builder *b, const uint32_t *code,
                     int64_t min, int64_t max) {
    struct flow_ip first = {0, {0}}, last = first;
    for (uint32_t i = 0; i < b->n; i++) {
        if (code[i] == min)
            first = b->ip[i];
        if (code[i] == max)
            last = b->ip[i];
    }
    fvt_put_ip(&l->dir, &first);
    fvt_put_ip(&l->dir, &last);
    fvt_put_zeros(&l->dir, FVT_IP_ZONE - 34);
}

/* The entry of a column whose piece is made. */
static void put_column(struct group *g, struct layout *l, int field, const struct piece *p,
                       const uint16_t *place, uint32_t *const *sorted) {
    const struct group_column *c = &g->column[field];
    int64_t min = c->v[0], max = c->v[0];
    kernels()->bounds(c->v, c->count, &min, &max);
    int d = g->dict_of[field];
    bool zone = flow_fields[field].class == FLOW_IP;
    put_entry(&l->dir, (uint16_t)field, d < 0 ? FVT_NO_DICT : place[d], p, g->rows - c->count, min,
              max, zone);
    if (zone)
        put_zone(l, &g->dict[d], sorted[d], min, max);
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
            compress_piece(of[f], g->effort);
            put_column(g, l, f, of[f], place, sorted);
        }
    fvt_set_int(&l->dir, 4, used, 2);
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

size_t group_encode(struct fvt_buffer *out, struct group *g, enum group_effort effort) {
    g->effort = effort;
    struct layout *l = group_cover(g) ? calloc(1, sizeof *l) : NULL;
    if (!l)
        return 0;
    uint16_t place[GROUP_DICTS] = {0};
    uint32_t *sorted[GROUP_DICTS] = {NULL};
    fvt_put_int(&l->dir, g->rows, 4);
    fvt_put_int(&l->dir, 0, 4); /* numbers of chunks and dictionaries */
    put_totals(&l->dir, &g->totals);
    size_t dirlen = 0;
    if (layout_dicts(g, l, place, sorted) && (effort == GROUP_QUICK || group_arrange(g))) {
        if (layout_columns(g, l, place, sorted) && !l->dir.failed) {
            put_block(out, l, g->rows);
            dirlen = out->failed ? 0 : l->dir.n;
        }
    }
    for (unsigned i = 0; i < l->npieces; i++)
        piece_free(&l->piece[i]);
    for (int d = 0; d < GROUP_DICTS; d++)
        free(sorted[d]);
    free(l->dir.p);
    free(l);
    return dirlen;
}

void block_seal(struct fvt_buffer *out, size_t at, enum fvt_block_type type, size_t dirlen,
                uint32_t rows) {
    fvt_align(out);
    size_t payload = at + FVT_BLOCK_HEADER;
    fvt_set_int(out, at, FVT_BLOCK_MAGIC, 4);
    fvt_set_int(out, at + 4, type, 2);
    fvt_set_int(out, at + 6, 0, 2);
    fvt_set_int(out, at + 8, out->n - payload, 8);
    fvt_set_int(out, at + 16, dirlen, 4);
    fvt_set_int(out, at + 20, rows, 4);
    if (out->failed)
        return;
    fvt_set_int(out, at + 24, fvt_checksum(out->p + payload, dirlen), 8);
    fvt_set_int(out, at + 32, fvt_checksum(out->p + at, 32), 8);
}
