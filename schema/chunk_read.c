/* SPDX-License-Identifier: MIT */
/*
** Values of a chunk by row: those that it stores, answers that it makes of a twin's, and what it says of a parent's.
*/
#include "chunk.h"
#include "kernel.h"

/* Values before entry i. */
static uint32_t rank_of(const struct fvt_chunk *c, uint32_t i) {
    if (i >= c->entries)
        return c->stream->n;
    uint32_t sum = c->rank[i / CHUNK_RANK], from = i / CHUNK_RANK * CHUNK_RANK;
    for (; from + 64 <= i; from += 64)
        sum += (uint32_t)__builtin_popcountll(chunk_present_word(c, from));
    uint64_t below = (UINT64_C(1) << (i & 63)) - 1;
    return sum + (uint32_t)__builtin_popcountll(chunk_present_word(c, from) & below);
}

/* Values to n places, 64 at most: those whose bit is set take one each, which may be behind the places in the same
** memory. Returns how many that are. */
static uint32_t spread(uint64_t bits, uint32_t n, const int64_t *dense, int64_t *out,
                       uint8_t *nulls) {
    uint64_t all = n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
    uint32_t count = (uint32_t)__builtin_popcountll(bits &= all), k = 0;
    int64_t value[64];
    bool few = count < n / 2; /* then most are NULL */
    if (nulls)
        memset(nulls, few, n);
    if (bits == all) {
        memmove(out, dense, n * sizeof *out);
        return n;
    }
    memcpy(value, dense, count * sizeof *value);
    memset(out, 0, n * sizeof *out);
    for (uint64_t b = bits; b; b &= b - 1)
        out[__builtin_ctzll(b)] = value[k++];
    for (uint64_t b = few ? bits : all & ~bits; nulls && b; b &= b - 1)
        nulls[__builtin_ctzll(b)] = !few;
    return count;
}

void chunk_entries(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out, uint8_t *nulls) {
    if (!c->present) {
        fvt_stream_read(c->stream, first, n, out);
        if (nulls)
            memset(nulls, 0, n);
        return;
    }
    uint32_t from = rank_of(c, first), count = rank_of(c, first + n) - from;
    /* Read the dense values to the end of out and spread them from the front: the place written
    ** never overtakes the place read. */
    int64_t *dense = out + (n - count);
    fvt_stream_read(c->stream, from, count, dense);
    for (uint32_t i = 0, some; i < n; i += some) {
        uint32_t at = first + i, shift = at & 63;
        some = 64 - shift < n - i ? 64 - shift : n - i;
        dense += spread(chunk_present_word(c, at - shift) >> shift, some, dense, out + i,
                        nulls ? nulls + i : NULL);
    }
}

/* Values of rows [h + first, h + first + n), which answer the first h. */
static void read_answers(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                         uint8_t *nulls) {
    struct fvt_chunk *twin = c->twin ? c->twin : c;
    chunk_entries(twin, first, n, out, nulls);
    if (c->answer->encoding == FVT_CONST && c->answer->base == 0)
        return;
    for (uint32_t at = 0; at < n; at += CHUNK_STEP) {
        uint32_t some = n - at < CHUNK_STEP ? n - at : CHUNK_STEP;
        fvt_stream_read(c->answer, first + at, some, c->scratch);
        for (uint32_t i = 0; twin->present && i < some; i++)
            if (!chunk_present(twin->present, first + at + i))
                c->scratch[i] = 0;
        kernels()->add(out + at, c->scratch, some);
    }
}

/* What the chunk stores of rows [first, first + n), before a parent's values are added. */
static void read_stored(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                        uint8_t *nulls) {
    const uint32_t h = c->mirrored, end[] = {h, 2 * h, c->rows};
    for (int part = 0; part < 3; part++) {
        uint32_t some = first < end[part] ? end[part] - first : 0;
        some = some < n ? some : n;
        if (some == 0)
            continue;
        if (part == 1)
            read_answers(c, first - h, some, out, nulls);
        else
            chunk_entries(c, part == 0 ? first : first - h, some, out, nulls);
        first += some;
        n -= some;
        out += some;
        nulls = nulls ? nulls + some : NULL;
    }
}

static void read_limited(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                         uint8_t *nulls);

/* Values of n rows, CHUNK_STEP at most. */
static const int64_t *read_kept(struct fvt_chunk *c, uint32_t first, uint32_t n,
                                const uint8_t **nulls) {
    if (c->kept_first != first || c->kept_n != n) {
        read_limited(c, first, n, c->kept, c->kept_null);
        c->kept_first = first;
        c->kept_n = n;
    }
    *nulls = c->kept_null;
    return c->kept;
}

/* The stream's values and the parent's, or with EXCEPT those of the parent's entries. What is stored is 0 where it
** is NULL, and stays so. */
static void read_relative(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                          uint8_t *nulls) {
    const uint8_t *ignored;
    nulls = nulls ? nulls : c->scratch_null;
    read_stored(c, first, n, out, nulls);
    const int64_t *parent = read_kept(c->parent, first, n, &ignored);
    if (c->usual) {
        for (uint32_t i = 0; i < n; i++)
            c->scratch[i] = c->entry[parent[i]];
        parent = c->scratch;
    }
    if (!memchr(nulls, 1, n)) {
        kernels()->add(out, parent, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        if (!nulls[i])
            out[i] = (int64_t)((uint64_t)out[i] + (uint64_t)parent[i]);
}

static void read_derived(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                         uint8_t *nulls) {
    const uint8_t *none;
    const int64_t *code = read_kept(c->parent, first, n, &none);
    for (uint32_t i = 0; i < n; i++) {
        bool null = none[i] || c->entry_null[code[i]];
        out[i] = null ? 0 : c->entry[code[i]];
        if (nulls)
            nulls[i] = null;
    }
}

static void read_step(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                      uint8_t *nulls) {
    if (c->flags & FVT_DERIVED && !c->usual)
        read_derived(c, first, n, out, nulls);
    else
        read_relative(c, first, n, out, nulls);
}

/* As fvt_chunk_read(), but codes may be behind the dictionary. */
static void chunk_rows(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                       uint8_t *nulls) {
    if (!c->parent)
        read_stored(c, first, n, out, nulls);
    for (uint32_t at = 0; c->parent && at < n; at += CHUNK_STEP)
        read_step(c, first + at, n - at < CHUNK_STEP ? n - at : CHUNK_STEP, out + at,
                  nulls ? nulls + at : NULL);
}

static void read_limited(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                         uint8_t *nulls) {
    chunk_rows(c, first, n, out, nulls);
    /* A forged file may hold codes behind its dictionary; they become the last entry. */
    if (c->coded)
        kernels()->limit(out, n, c->last_code);
}

void fvt_chunk_read(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out, uint8_t *nulls) {
    const uint8_t *null;
    if (!c->kept || n > CHUNK_STEP) {
        read_limited(c, first, n, out, nulls);
        return;
    }
    memcpy(out, read_kept(c, first, n, &null), n * sizeof *out);
    if (nulls)
        memcpy(nulls, null, n);
}

bool fvt_chunk_fits(struct fvt_chunk *c) {
    bool fits = fvt_stream_fits(c->stream) && (!c->answer || fvt_stream_fits(c->answer)) &&
                (!c->usual || fvt_stream_fits(c->usual));
    for (uint32_t at = 0; c->coded && fits && at < c->rows; at += CHUNK_STEP) {
        int64_t v[CHUNK_STEP], min = 0, max = 0;
        uint8_t nulls[CHUNK_STEP];
        uint32_t n = c->rows - at < CHUNK_STEP ? c->rows - at : CHUNK_STEP;
        chunk_rows(c, at, n, v, nulls);
        for (uint32_t i = 0; i < n; i++)
            v[i] = nulls[i] ? 0 : v[i];
        kernels()->bounds(v, n, &min, &max);
        fits = min >= 0 && max <= (int64_t)c->last_code;
    }
    return fits;
}
