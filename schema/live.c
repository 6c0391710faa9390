/* SPDX-License-Identifier: MIT */
/*
** The rows of a group since group_seal() as a block of a live file, at little cost: it is read for some
** minutes, until the file is closed. Columns are copied as they lie in memory, in streams that have whole
** octets; only IP and TEXT columns are coded anew, by dictionaries of what is in these rows, and runs are told as such.
*/
#include "group.h"
#include "kernel.h"
#include "stream.h"

enum { STEP = 1024 };

struct live {
    struct fvt_buffer *out;
    struct fvt_buffer dir;
    size_t payload;       /* where offsets count from in out */
    uint32_t first, rows; /* of the group */
};

/* The entries of one dictionary that are in these rows, in order; the builder's place[] has where each is, plus
** 1. */
struct part {
    struct dict_builder *b;
    uint32_t *entry;
    uint32_t n;
    uint16_t dict; /* its number in the directory */
};

static uint32_t fresh(const struct group_column *c) {
    return c->count - c->sealed;
}

static void put_stream_header(struct fvt_buffer *out, enum fvt_encoding encoding, unsigned width,
                              uint32_t n, uint64_t base) {
    fvt_put_int(out, encoding, 1);
    fvt_put_int(out, width, 1);
    fvt_put_int(out, 0, 2);
    fvt_put_int(out, n, 4);
    fvt_put_int(out, base, 8);
}

/* The bits of the rows from first on, brought to the begin of a word. */
static void put_bitmap(struct fvt_buffer *out, const struct group_column *c, uint32_t first,
                       uint32_t rows) {
    unsigned shift = first & 63;
    for (uint32_t at = 0; at < rows; at += 64) {
        size_t w = (first + at) / 64;
        uint64_t bits = w < c->words ? c->present[w] >> shift : 0;
        if (shift && w + 1 < c->words)
            bits |= c->present[w + 1] << (64 - shift);
        if (rows - at < 64)
            bits &= (UINT64_C(1) << (rows - at)) - 1;
        fvt_put_int(out, bits, 8);
    }
}

/* The codes of the rows, as few octets each as the number of entries takes. */
static void put_codes(struct fvt_buffer *out, const struct group_column *c, const struct part *p,
                      int64_t *min, int64_t *max) {
    uint32_t n = fresh(c);
    unsigned octets = column_octets(p->n - 1);
    size_t size = (size_t)n * octets;
    put_stream_header(out, FVT_PACKED, octets * 8, n, 0);
    if (!fvt_buffer_reserve(out, size))
        return;
    *min = INT64_MAX;
    *max = INT64_MIN;
    const uint32_t *place = p->b->place;
    for (uint32_t at = 0; at < n; at += STEP) {
        uint32_t v[STEP];
        uint64_t least, most;
        uint32_t some = n - at < STEP ? n - at : STEP;
        column_read_32(c, c->sealed + at, some, v);
        for (uint32_t i = 0; i < some; i++)
            v[i] = htole32(place[v[i]] - 1);
        kernels()->extent((const uint8_t *)v, some, sizeof *v, &least, &most);
        kernels()->recode(out->p + out->n + (size_t)at * octets, octets, (const uint8_t *)v,
                          sizeof *v, some);
        *min = (int64_t)least < *min ? (int64_t)least : *min;
        *max = (int64_t)most > *max ? (int64_t)most : *max;
    }
    out->n += size;
    fvt_align(out);
}

static const int64_t *get_fresh(const struct fvt_values *from, uint32_t at, uint32_t n,
                                int64_t *room) {
    const struct group_column *c = from->of;
    column_read(c, c->sealed + at, n, room);
    return room;
}

static struct fvt_look look_at_fresh(const struct fvt_values *from) {
    const struct group_column *c = from->of;
    return (struct fvt_look){c->least, c->most, column_runs(c, c->sealed, from->n)};
}

/* Has a column long runs, as of what the rows of a datagram share? By the first of the values. */
static bool has_runs(const struct group_column *c) {
    enum { LONG = 16 };
    const uint32_t n = fresh(c) < STEP ? fresh(c) : STEP;
    return column_runs(c, c->sealed, n) < n / LONG;
}

static void put_values(struct fvt_buffer *out, const struct group_column *c) {
    if (has_runs(c)) {
        const struct fvt_values from = {
            .n = fresh(c), .get = get_fresh, .of = c, .look = look_at_fresh};
        fvt_stream_encode_from(out, &from, false);
        return;
    }
    put_stream_header(out, FVT_PACKED, c->octets * 8, fresh(c), c->base);
    fvt_put(out, c->v + (size_t)c->sealed * c->octets, (size_t)fresh(c) * c->octets);
    fvt_align(out);
}

/* One chunk and its entry. p: NULL for columns without a dictionary. */
static void put_chunk(struct live *l, struct group *g, int field, const struct part *p) {
    struct group_column *c = &g->column[field];
    struct directory_entry e = {.column = (uint16_t)field,
                                .dict = p ? p->dict : FVT_NO_DICT,
                                .encoding = FVT_PACKED,
                                .parent = FVT_NO_COLUMN,
                                .nulls = l->rows - fresh(c),
                                .count = fresh(c),
                                .min = c->least,
                                .max = c->most};
    size_t at = l->out->n;
    if (e.nulls) {
        e.flags |= FVT_NULLS;
        put_bitmap(l->out, c, l->first, l->rows);
    }
    if (c->least == c->most) {
        e.encoding = FVT_CONST;
        if (p)
            e.min = e.max = (int64_t)p->b->place[c->least] - 1;
        put_stream_header(l->out, FVT_CONST, 0, fresh(c), (uint64_t)e.min);
    } else if (p) {
        put_codes(l->out, c, p, &e.min, &e.max);
    } else {
        const size_t stream = l->out->n;
        put_values(l->out, c);
        e.encoding = l->out->failed ? FVT_PACKED : l->out->p[stream];
    }
    if (l->out->failed)
        return;
    if (flow_fields[field].class == FLOW_IP) {
        e.zone = true;
        e.first = p->b->ip[p->entry[e.min]];
        e.last = p->b->ip[p->entry[e.max]];
    }
    e.offset = (uint32_t)(at - l->payload);
    e.raw = (uint32_t)(l->out->n - at);
    directory_put(&l->dir, &e, l->out->p + at, l->out->n - at);
}

static bool uses(const struct group *g, int field, const struct dict_builder *b) {
    return g->dict_of[field] >= 0 && &g->dict[g->dict_of[field]] == b &&
           fresh(&g->column[field]) > 0;
}

static void note_entry(struct part *p, int64_t entry) {
    if (p->b->place[entry])
        return;
    p->b->place[entry] = 1;
    p->entry[p->n++] = (uint32_t)entry;
}

static void note_column(struct part *p, const struct group_column *c) {
    if (c->least == c->most) {
        note_entry(p, c->least);
        return;
    }
    for (uint32_t at = c->sealed; at < c->count; at += STEP) {
        uint32_t v[STEP];
        uint32_t n = c->count - at < STEP ? c->count - at : STEP;
        column_read_32(c, at, n, v);
        for (uint32_t i = 0; i < n; i++)
            note_entry(p, v[i]);
    }
}

/* Find the entries of a dictionary that are used, and put them. Returns false without memory. */
static bool put_dict(struct live *l, struct group *g, struct part *p) {
    uint64_t values = 0;
    for (int f = 0; f < FLOW_NFIELDS; f++)
        values += uses(g, f, p->b) ? fresh(&g->column[f]) : 0;
    if (values == 0)
        return true;
    if (values > p->b->n)
        values = p->b->n;
    p->entry = malloc(values * sizeof *p->entry);
    if (!p->entry || !dict_builder_places(p->b))
        return false;
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (uses(g, f, p->b))
            note_column(p, &g->column[f]);
    bool ok = dict_builder_order(p->b, p->entry, p->n);
    for (uint32_t i = 0; i < p->n; i++)
        p->b->place[p->entry[i]] = i + 1;
    size_t at = l->out->n;
    dict_encode_some(l->out, p->b, p->entry, p->n);
    struct directory_entry e = {.column = (uint16_t)p->b->class,
                                .dict = FVT_NO_DICT,
                                .parent = FVT_NO_COLUMN,
                                .count = p->n,
                                .offset = (uint32_t)(at - l->payload),
                                .raw = (uint32_t)(l->out->n - at)};
    if (ok && !l->out->failed)
        directory_put(&l->dir, &e, l->out->p + at, l->out->n - at);
    fvt_align(l->out);
    return ok;
}

static void part_free(struct part *p) {
    for (uint32_t i = 0; i < p->n; i++)
        p->b->place[p->entry[i]] = 0;
    free(p->entry);
}

/* Octets of the directory: what comes behind it is put before it is complete. */
static size_t directory_size(const struct group *g, uint16_t *chunks, uint16_t *dicts) {
    bool used[GROUP_DICTS] = {false};
    size_t size = FVT_GROUP_HEADER;
    *chunks = *dicts = 0;
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        if (fresh(&g->column[f]) == 0)
            continue;
        size += FVT_ENTRY + (flow_fields[f].class == FLOW_IP ? FVT_IP_ZONE : 0);
        ++*chunks;
        if (g->dict_of[f] >= 0 && !used[g->dict_of[f]]) {
            used[g->dict_of[f]] = true;
            size += FVT_ENTRY;
            ++*dicts;
        }
    }
    return size;
}

/* All of the block behind its header. */
static bool put_payload(struct live *l, struct group *g, struct part *part) {
    uint16_t chunks, dicts, next = 0;
    size_t size = directory_size(g, &chunks, &dicts);
    l->payload = l->out->n;
    fvt_put_zeros(l->out, size);
    directory_begin(&l->dir, l->rows, &g->fresh);
    directory_counts(&l->dir, chunks, dicts);
    for (int d = 0; d < GROUP_DICTS; d++) {
        part[d].b = &g->dict[d];
        if (!put_dict(l, g, &part[d]))
            return false;
        part[d].dict = part[d].n ? next++ : FVT_NO_DICT;
    }
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (fresh(&g->column[f]))
            put_chunk(l, g, f, g->dict_of[f] < 0 ? NULL : &part[g->dict_of[f]]);
    if (l->out->failed || l->dir.failed)
        return false;
    memcpy(l->out->p + l->payload, l->dir.p, size);
    return true;
}

bool group_encode_live(struct fvt_buffer *out, struct group *g) {
    if (!group_settle(g) || g->rows == g->sealed)
        return g->rows == g->sealed;
    struct live l = {.out = out, .first = g->sealed, .rows = g->rows - g->sealed};
    struct part part[GROUP_DICTS] = {{0}};
    size_t at = out->n;
    fvt_put_zeros(out, FVT_BLOCK_HEADER);
    bool ok = put_payload(&l, g, part);
    if (ok)
        block_seal(out, at, FVT_GROUP, l.dir.n, l.rows);
    for (int d = 0; d < GROUP_DICTS; d++)
        part_free(&part[d]);
    free(l.dir.p);
    return ok && !out->failed;
}
