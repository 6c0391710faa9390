/* SPDX-License-Identifier: MIT */
/*
** Pieces as they are, and LZ4 where it makes them smaller.
*/
#include "piece.h"

#include <lz4.h>
#include <lz4hc.h>

enum {
    HC_LEVEL = 6,
    /* Candidates are compared by what becomes of so many slices of so many octets. */
    SLICES = 8,
    SLICE = 16 << 10,
};

void piece_free(struct piece *p) {
    free(p->bytes.p);
    memset(p, 0, sizeof *p);
}

void piece_bitmap(struct fvt_buffer *out, const uint64_t *present, uint32_t n) {
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

void piece_guess(struct piece *p, enum group_effort effort, struct fvt_buffer *scratch) {
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

void piece_compress(struct piece *p, struct group *g) {
    p->raw = (uint32_t)p->bytes.n;
    if (g->effort == GROUP_QUICK || p->bytes.failed || p->bytes.n < PIECE_TRIAL || p->dense ||
        p->bytes.n > LZ4_MAX_INPUT_SIZE)
        return;
    size_t n = lz4_size(p->bytes.p, p->bytes.n, g->effort, &g->packed);
    if (n < p->bytes.n - p->bytes.n / 16) {
        memcpy(p->bytes.p, g->packed.p, n);
        p->bytes.n = n;
        p->flags |= FVT_LZ4;
    }
}

struct piece piece_make_from(const struct fvt_values *from, const uint64_t *present, uint32_t rows,
                             uint8_t flags, enum group_effort effort) {
    struct piece p = {.count = from->n, .flags = flags, .parent = FVT_NO_COLUMN};
    if (present) {
        p.flags |= FVT_NULLS;
        piece_bitmap(&p.bytes, present, rows);
    }
    size_t at = p.bytes.n;
    fvt_stream_encode_from(&p.bytes, from, effort != GROUP_QUICK);
    if (!p.bytes.failed)
        p.encoding = p.bytes.p[at];
    p.raw = (uint32_t)p.bytes.n;
    return p;
}

struct piece piece_make(const int64_t *v, uint32_t count, const uint64_t *present, uint32_t rows,
                        uint8_t flags, enum group_effort effort) {
    const struct fvt_values from = fvt_values_array(v, count);
    return piece_make_from(&from, present, rows, flags, effort);
}

static const int64_t *get_column(const struct fvt_values *from, uint32_t at, uint32_t n,
                                 int64_t *room) {
    column_read(from->of, at, n, room);
    return room;
}

static struct fvt_look look_at_column(const struct fvt_values *from) {
    const struct group_column *c = from->of;
    return (struct fvt_look){c->min, c->max, column_runs(c, 0, c->count)};
}

struct piece piece_plain(struct group *g, int field) {
    const struct group_column *c = &g->column[field];
    const struct fvt_values from = {
        .n = c->count,
        .same = c->octets == 0,
        .get = get_column,
        .of = c,
        .look = c->bounded == c->count ? look_at_column : NULL,
    };
    return piece_make_from(&from, c->count < g->rows ? c->present : NULL, g->rows, 0, g->effort);
}
