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
    size_t guess; /* octets after LZ4, about */
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
    if (effort != GROUP_QUICK && !p.bytes.failed)
        guess_piece(&p, effort);
    return p;
}

static bool bit(const uint64_t *bits, uint32_t i) {
    return bits[i / 64] >> (i & 63) & 1;
}

/* The values of a column by row, less those of its parent unless that is FVT_NO_COLUMN. To be freed;
** NULL without memory. */
static int64_t *rows_relative(const struct group *g, int field, uint32_t parent) {
    int64_t *v = column_rows(&g->column[field], g->rows);
    int64_t *base = v && parent != FVT_NO_COLUMN ? column_rows(&g->column[parent], g->rows) : NULL;
    for (uint32_t row = 0; base && row < g->rows; row++)
        v[row] = (int64_t)((uint64_t)v[row] - (uint64_t)base[row]);
    if (!base && parent != FVT_NO_COLUMN) {
        free(v);
        return NULL;
    }
    free(base);
    return v;
}

/* Leave out of v what is of rows where the column is NULL; returns how many are left. */
static uint32_t squeeze(int64_t *v, const struct group_column *c, uint32_t rows) {
    uint32_t n = 0;
    for (uint32_t row = 0; row < rows; row++)
        if (column_has(c, row))
            v[n++] = v[row];
    return n;
}

static bool make_relative(struct group *g, int field, int parent, struct piece *out) {
    const struct group_column *c = &g->column[field];
    int64_t *v = rows_relative(g, field, (uint32_t)parent);
    if (!v)
        return false;
    uint32_t count = squeeze(v, c, g->rows);
    *out =
        make_piece(v, count, count < g->rows ? c->present : NULL, g->rows, FVT_RELATIVE, g->effort);
    free(v);
    return true;
}

/* The value that goes with each entry of the parent's dictionary. Returns false when the column
** is no function of its parent. entry has room for n values, present for n bits. */
static bool collect_entries(const struct group *g, int field, const struct group_column *pc,
                            int64_t *entry, uint64_t *present, uint64_t *seen) {
    const struct group_column *c = &g->column[field];
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
    int64_t *v = rows_relative(g, field, parent);
    int64_t *t = twin != field ? column_rows(&g->column[twin], n) : NULL;
    uint64_t *bits = own_bitmap(c, n, h);
    const int64_t *asked = twin != field ? t : v;
    bool ok = v && asked && (bits || c->count == n);
    if (ok) {
        struct piece p = {.flags = FVT_MIRROR, .parent = FVT_NO_COLUMN};
        fvt_put_int(&p.bytes, h, 4);
        fvt_put_int(&p.bytes, 0, 4);
        if (bits) {
            p.flags |= FVT_NULLS;
            put_bitmap(&p.bytes, bits, n - h);
        }
        for (uint32_t i = 0; i < h; i++)
            v[h + i] = (int64_t)((uint64_t)v[h + i] - (uint64_t)asked[i]);
        int64_t *own = malloc(((size_t)n + 1) * sizeof *own);
        for (uint32_t row = 0; own && row < n; row++)
            if ((row < h || row >= 2 * h) && column_has(c, row))
                own[p.count++] = v[row];
        size_t at = p.bytes.n;
        p.bytes.failed |= own == NULL;
        if (own)
            fvt_stream_encode(&p.bytes, own, p.count, true);
        fvt_stream_encode(&p.bytes, v + h, h, true);
        if (!p.bytes.failed)
            p.encoding = p.bytes.p[at];
        if (parent != FVT_NO_COLUMN)
            p.flags |= FVT_RELATIVE;
        p.raw = (uint32_t)p.bytes.n;
        if (!p.bytes.failed)
            guess_piece(&p, g->effort);
        free(own);
        *out = p;
    }
    free(v);
    free(t);
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

static struct piece encode_column(struct group *g, int field) {
    bool small = g->effort != GROUP_QUICK;
    struct group_column *c = &g->column[field];
    struct piece p = {0}, best = make_piece(c->v, c->count, c->count < g->rows ? c->present : NULL,
                                            g->rows, 0, g->effort);
    if (small && g->mirrored && best.guess > TRIAL &&
        make_mirror(g, field, field, FVT_NO_COLUMN, &p))
        keep_smaller(&best, &p);
    for (size_t i = 0; small && i < sizeof relations / sizeof relations[0]; i++) {
        int parent = relations[i].parent;
        if (relations[i].field != field || g->column[parent].count == 0 || best.guess <= TRIAL)
            continue;
        bool made = relations[i].how == FVT_RELATIVE ? make_relative(g, field, parent, &p)
                                                     : make_derived(g, field, parent, &p);
        if (made) {
            p.parent = (uint32_t)parent;
            keep_smaller(&best, &p);
        }
        if (relations[i].how == FVT_RELATIVE && g->mirrored &&
            make_mirror(g, field, field, (uint32_t)parent, &p)) {
            p.parent = (uint32_t)parent;
            keep_smaller(&best, &p);
        }
    }
    return best;
}

/* Code two columns, one for each end of a flow, against each other when both together are smaller
** than as they are in own[]. */
static void mirror_twins(struct group *g, const int *field, struct piece **own) {
    struct piece p[2];
    memset(p, 0, sizeof p);
    if (own[0]->guess + own[1]->guess > 2 * TRIAL &&
        make_mirror(g, field[0], field[1], FVT_NO_COLUMN, &p[0]) &&
        make_mirror(g, field[1], field[0], FVT_NO_COLUMN, &p[1]) &&
        p[0].guess + p[1].guess < own[0]->guess + own[1]->guess)
        for (int i = 0; i < 2; i++) {
            struct piece swap = *own[i];
            *own[i] = p[i];
            own[i]->parent = (uint32_t)field[1 - i];
            p[i] = swap;
        }
    piece_free(&p[0]);
    piece_free(&p[1]);
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

static void layout_columns(struct group *g, struct layout *l, const uint16_t *place,
                           uint32_t *const *sorted) {
    struct piece *of[FLOW_NFIELDS] = {NULL};
    uint16_t used = 0;
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (g->column[f].count) {
            of[f] = &l->piece[l->npieces++];
            *of[f] = encode_column(g, f);
            used++;
        }
    for (size_t i = 0; g->mirrored && i < sizeof twins / sizeof twins[0]; i++) {
        struct piece *own[] = {of[twins[i][0]], of[twins[i][1]]};
        if (own[0] && own[1])
            mirror_twins(g, twins[i], own);
    }
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (of[f]) {
            compress_piece(of[f], g->effort);
            put_column(g, l, f, of[f], place, sorted);
        }
    fvt_set_int(&l->dir, 4, used, 2);
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
        layout_columns(g, l, place, sorted);
        if (!l->dir.failed) {
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
