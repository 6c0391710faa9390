/* SPDX-License-Identifier: MIT */
/*
** Integer streams. Encoding looks at the values once and estimates the size of each candidate;
** decoding gives any range without touching what is before it.
*/
#include "stream.h"
#include "kernel.h"

#include <lz4.h>

enum {
    STREAM_HEADER = 16, /* encoding, width, 2 zero octets, n, base */
    MAX_NESTING = 4,
    /* More distinct values than this are not worth a dictionary of integers. */
    MAX_VALUES = 1 << 15,
    /* Values looked at when a candidate is compressed on trial. */
    SAMPLE = 1 << 14,
};

static void put_header(struct fvt_buffer *out, enum fvt_encoding e, unsigned width, uint32_t n,
                       uint64_t base) {
    fvt_put_int(out, e, 1);
    fvt_put_int(out, width, 1);
    fvt_put_int(out, 0, 2);
    fvt_put_int(out, n, 4);
    fvt_put_int(out, base, 8);
}

static size_t packed_size(uint32_t n, unsigned width) {
    return ((uint64_t)n * width + 63) / 64 * 8;
}

/* Eight octets, little-endian. */
static inline void put_word(uint8_t *to, uint64_t word) {
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(word >> 8 * i);
}

/* ---- sources ---------------------------------------------------------------------------- */

enum { STEP = FVT_VALUES_STEP };

static const int64_t *get_array(const struct fvt_values *from, uint32_t at, uint32_t some,
                                int64_t *room) {
    (void)some, (void)room;
    return (const int64_t *)from->of + at;
}

struct fvt_values fvt_values_array(const int64_t *v, uint32_t n) {
    return (struct fvt_values){.n = n, .get = get_array, .of = v};
}

/* How many come next. */
static inline uint32_t step_at(const struct fvt_values *from, uint32_t at) {
    return from->n - at < STEP ? from->n - at : STEP;
}

/* ---- encodings -------------------------------------------------------------------------- */

/* Pack (v - base), width bits each, lowest bit first: as many as fit into a word are put together
** first. */
static void pack(uint8_t *to, const int64_t *v, uint32_t n, uint64_t base, unsigned width) {
    unsigned some = width ? 64 / width : 0;
    uint64_t word = 0;
    unsigned used = 0;
    for (uint32_t i = 0; width && i < n; i += some) {
        some = some < n - i ? some : n - i;
        uint64_t x = (uint64_t)v[i] - base;
        for (unsigned k = 1; k < some; k++)
            x |= ((uint64_t)v[i + k] - base) << k * width;
        unsigned bits = some * width;
        word |= x << used;
        used += bits;
        if (used >= 64) {
            put_word(to, word);
            to += 8;
            used -= 64;
            word = used ? x >> (bits - used) : 0;
        }
    }
    if (used)
        put_word(to, word);
}

/* Each step ends at the end of a word. */
static void put_packed(struct fvt_buffer *out, const struct fvt_values *from, uint64_t base,
                       unsigned width) {
    put_header(out, FVT_PACKED, width, from->n, base);
    size_t size = packed_size(from->n, width);
    if (!fvt_buffer_reserve(out, size))
        return;
    uint8_t *to = out->p + out->n;
    out->n += size;
    bool whole = width >= 8 && (width & (width - 1)) == 0;
    if (whole && size)
        memset(out->p + out->n - 8, 0, 8);
    for (uint32_t at = 0, n; at < from->n; at += n) {
        int64_t room[STEP];
        n = step_at(from, at);
        const int64_t *v = from->get(from, at, n, room);
        uint8_t *there = to + (uint64_t)at * width / 8;
        if (whole)
            kernels()->narrow(there, v, n, width / 8, base);
        else
            pack(there, v, n, base, width);
    }
}

/* Of the values [first, first + n). */
static void put_planes(struct fvt_buffer *out, const struct fvt_values *from, uint32_t first,
                       uint32_t n, uint64_t base, unsigned octets) {
    put_header(out, FVT_PLANES, octets, n, base);
    size_t size = (size_t)n * octets;
    if (!fvt_buffer_reserve(out, size + FVT_ALIGN))
        return;
    for (uint32_t at = 0, some; at < n; at += some) {
        int64_t room[STEP];
        some = n - at < STEP ? n - at : STEP;
        const int64_t *v = from->get(from, first + at, some, room);
        kernels()->split(out->p + out->n + at, n, v, some, octets, base);
    }
    out->n += size;
    fvt_put_zeros(out, -size % FVT_ALIGN);
}

static struct fvt_look look_at(const struct fvt_values *from) {
    if (from->look)
        return from->look(from);
    struct fvt_look l = {INT64_MAX, INT64_MIN, 0};
    int64_t last = 0;
    for (uint32_t at = 0, n; at < from->n && !(at && from->same); at += n) {
        int64_t room[STEP];
        n = step_at(from, at);
        const int64_t *v = from->get(from, at, n, room);
        kernels()->bounds(v, n, &l.min, &l.max);
        l.runs += kernels()->changes(v, n) + (at == 0 || v[0] != last);
        last = v[n - 1];
    }
    return l;
}

static void put_runs(struct fvt_buffer *out, const struct fvt_values *from, uint32_t runs,
                     bool small) {
    int64_t *ends = malloc((size_t)runs * 2 * sizeof *ends);
    if (!ends) {
        out->failed = true;
        return;
    }
    int64_t *values = ends + runs;
    uint32_t r = 0;
    for (uint32_t at = 0, n; at < from->n; at += n) {
        int64_t room[STEP];
        n = step_at(from, at);
        const int64_t *v = from->get(from, at, n, room);
        for (uint32_t i = 0; i < n; i++) {
            if (at + i > 0 && v[i] != values[r])
                r++;
            ends[r] = (int64_t)at + i + 1;
            values[r] = v[i];
        }
    }
    put_header(out, FVT_RUNS, 0, from->n, 0);
    const struct fvt_values all = fvt_values_array(ends, runs);
    struct fvt_look l = look_at(&all);
    put_packed(out, &all, (uint64_t)l.min, fvt_bits((uint64_t)l.max - (uint64_t)l.min));
    /* Runs of runs do not exist, so the nesting ends here. */
    fvt_stream_encode(out, values, runs, small);
    free(ends);
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The distinct values of a stream: an open hash table of numbers from 1 on, in the order in which
** they are met. */
struct distinct {
    uint16_t slot[MAX_VALUES * 2];
    int64_t value[MAX_VALUES];
    uint32_t n;
};

/* The slot of v, or the free one where it belongs. */
static uint16_t *find_slot(struct distinct *d, int64_t v) {
    enum { SLOTS = sizeof d->slot / sizeof *d->slot };
    uint32_t h = (uint32_t)(((uint64_t)v * UINT64_C(0x9e3779b97f4a7c15)) >> 40) & (SLOTS - 1);
    while (d->slot[h] && d->value[d->slot[h] - 1] != v)
        h = (h + 1) & (SLOTS - 1);
    return &d->slot[h];
}

/* How many distinct values n values may have for a dictionary of them to take less than limit octets. */
static uint32_t most_distinct(uint32_t n, size_t limit) {
    uint32_t most = 0;
    for (unsigned width = 0; width <= 15; width++) {
        size_t codes = packed_size(n, width);
        size_t values = codes < limit ? (limit - codes) / 8 : 0;
        uint32_t count = values < (size_t)1 << width ? (uint32_t)values : UINT32_C(1) << width;
        most = count > most ? count : most;
    }
    return most < MAX_VALUES ? most : MAX_VALUES;
}

/* codes: of each value its number in d->value. False when there are more than most. */
static bool find_distinct(struct distinct *d, const struct fvt_values *from, uint32_t most,
                          int64_t *codes) {
    d->n = 0;
    memset(d->slot, 0, sizeof d->slot);
    for (uint32_t at = 0, n; at < from->n; at += n) {
        int64_t room[STEP];
        n = step_at(from, at);
        const int64_t *v = from->get(from, at, n, room);
        for (uint32_t i = 0; i < n; i++) {
            uint16_t *slot = find_slot(d, v[i]);
            if (!*slot) {
                if (d->n == most)
                    return false;
                d->value[d->n++] = v[i];
                *slot = (uint16_t)d->n;
            }
            codes[at + i] = *slot - 1;
        }
    }
    return true;
}

/* Sort the values; slots get their places, from 1 on, and rank those of what was value i. met: room for
** them. */
static void sort_distinct(struct distinct *d, int64_t *rank, int64_t *met) {
    memcpy(met, d->value, d->n * sizeof *met);
    qsort(d->value, d->n, sizeof *d->value, by_value);
    memset(d->slot, 0, sizeof d->slot);
    for (uint32_t i = 0; i < d->n; i++)
        *find_slot(d, d->value[i]) = (uint16_t)(i + 1);
    for (uint32_t i = 0; i < d->n; i++)
        rank[i] = *find_slot(d, met[i]) - 1;
}

/* Try a dictionary of the distinct values: returns false, with nothing put, unless its size is
** less than limit octets. */
static bool put_values(struct fvt_buffer *out, const struct fvt_values *from, size_t limit) {
    const uint32_t n = from->n;
    struct distinct *d = malloc(sizeof *d);
    int64_t *codes = d ? malloc(((size_t)n + 2 * MAX_VALUES) * sizeof *codes) : NULL;
    bool fits = codes && find_distinct(d, from, most_distinct(n, limit), codes) && d->n > 1 &&
                packed_size(n, fvt_bits(d->n - 1)) + packed_size(d->n, 64) < limit;
    if (fits) {
        int64_t *rank = codes + n;
        sort_distinct(d, rank, rank + MAX_VALUES);
        kernels()->look_up(codes, n, rank, d->n - 1);
        uint64_t least = (uint64_t)d->value[0];
        put_header(out, FVT_VALUES, 0, n, 0);
        const struct fvt_values values = fvt_values_array(d->value, d->n),
                                places = fvt_values_array(codes, n);
        put_packed(out, &values, least, fvt_bits((uint64_t)d->value[d->n - 1] - least));
        put_packed(out, &places, 0, fvt_bits(d->n - 1));
    }
    free(codes);
    free(d);
    return fits;
}

/* Octets that LZ4 makes of the planes of a sample, scaled up to all values. */
static size_t planes_guess(const struct fvt_values *from, uint64_t base, unsigned octets) {
    uint32_t take = from->n < SAMPLE ? from->n : SAMPLE;
    struct fvt_buffer b = {0};
    put_planes(&b, from, (from->n - take) / 2, take, base, octets);
    size_t guess = SIZE_MAX;
    char *lz4 = b.failed ? NULL : malloc((size_t)LZ4_compressBound((int)b.n));
    if (lz4) {
        int size =
            LZ4_compress_default((const char *)b.p, lz4, (int)b.n, LZ4_compressBound((int)b.n));
        guess = (size_t)((double)size * from->n / take);
    }
    free(lz4);
    free(b.p);
    return guess;
}

/* A width that is packed without shifting. */
static unsigned quick_width(unsigned width) {
    return width <= 8 ? 8 : width <= 16 ? 16 : width <= 32 ? 32 : 64;
}

void fvt_stream_encode_from(struct fvt_buffer *out, const struct fvt_values *from, bool small) {
    const uint32_t n = from->n;
    if (n == 0) {
        put_header(out, FVT_CONST, 0, 0, 0);
        return;
    }
    struct fvt_look l = look_at(from);
    uint64_t span = (uint64_t)l.max - (uint64_t)l.min;
    if (span == 0) {
        put_header(out, FVT_CONST, 0, n, (uint64_t)l.min);
        return;
    }
    unsigned width = small ? fvt_bits(span) : quick_width(fvt_bits(span));
    size_t packed = packed_size(n, width);
    size_t runs = packed_size(l.runs, width) + packed_size(l.runs, fvt_bits(n));
    if (runs < packed && l.runs < n / 4) {
        put_runs(out, from, l.runs, small);
        return;
    }
    unsigned octets = (width + 7) / 8;
    size_t planes = small && width > 4 ? planes_guess(from, (uint64_t)l.min, octets) : SIZE_MAX;
    size_t best = planes < packed - packed / 16 ? planes : packed;
    /* A dictionary must save an eighth: its codes cost a look-up more to read. */
    if (small && width > 8 && n >= 64 && put_values(out, from, best - best / 8))
        return;
    if (best < packed)
        put_planes(out, from, 0, n, (uint64_t)l.min, octets);
    else
        put_packed(out, from, (uint64_t)l.min, width);
}

void fvt_stream_encode(struct fvt_buffer *out, const int64_t *v, uint32_t n, bool small) {
    const struct fvt_values from = fvt_values_array(v, n);
    fvt_stream_encode_from(out, &from, small);
}

/* ---- decoding --------------------------------------------------------------------------- */

static int open_nested(struct fvt_cursor *c, struct fvt_pool *pool, unsigned depth,
                       struct fvt_stream **out);

/* A nested stream that is wanted whole: its values in memory of their own. */
static int read_nested(struct fvt_cursor *c, struct fvt_pool *pool, unsigned depth,
                       int64_t **values, uint32_t *n) {
    struct fvt_stream *s = NULL;
    int rc = open_nested(c, pool, depth, &s);
    if (rc != FVT_OK)
        return rc;
    if (!fvt_stream_fits(s)) {
        fvt_stream_free(s);
        return FVT_DAMAGED;
    }
    *n = s->n;
    *values = pool_get(pool, ((size_t)s->n + 1) * sizeof **values);
    if (*values)
        fvt_stream_read(s, 0, s->n, *values);
    fvt_stream_free(s);
    return *values ? FVT_OK : FVT_NOMEM;
}

static int open_runs(struct fvt_stream *s, struct fvt_cursor *c, unsigned depth) {
    uint32_t nvalues = 0;
    int rc = read_nested(c, s->pool, depth, &s->ends, &s->count);
    if (rc == FVT_OK)
        rc = read_nested(c, s->pool, depth, &s->values, &nvalues);
    if (rc != FVT_OK)
        return rc;
    if (nvalues != s->count || s->count == 0 || s->ends[s->count - 1] != (int64_t)s->n)
        return FVT_DAMAGED;
    for (uint32_t i = 1; i < s->count; i++)
        if (s->ends[i] <= s->ends[i - 1])
            return FVT_DAMAGED;
    return s->ends[0] > 0 ? FVT_OK : FVT_DAMAGED;
}

static int open_values(struct fvt_stream *s, struct fvt_cursor *c, unsigned depth) {
    int rc = read_nested(c, s->pool, depth, &s->values, &s->count);
    if (rc == FVT_OK)
        rc = open_nested(c, s->pool, depth, &s->codes);
    if (rc == FVT_OK && (s->count == 0 || s->codes->n != s->n))
        rc = FVT_DAMAGED;
    return rc;
}

static int open_body(struct fvt_stream *s, struct fvt_cursor *c, unsigned depth) {
    size_t size = (size_t)s->n * s->width;
    switch (s->encoding) {
    case FVT_CONST:
        return FVT_OK;
    case FVT_PACKED:
        s->data = fvt_get(c, packed_size(s->n, s->width));
        return s->data ? FVT_OK : FVT_DAMAGED;
    case FVT_PLANES:
        s->data = s->width <= 8 ? fvt_get(c, size + -size % FVT_ALIGN) : NULL;
        return s->data ? FVT_OK : FVT_DAMAGED;
    case FVT_RUNS:
        return open_runs(s, c, depth);
    case FVT_VALUES:
        return open_values(s, c, depth);
    }
    return FVT_UNKNOWN;
}

static int open_nested(struct fvt_cursor *c, struct fvt_pool *pool, unsigned depth,
                       struct fvt_stream **out) {
    uint64_t encoding = fvt_get_int(c, 1), width = fvt_get_int(c, 1);
    fvt_get_int(c, 2);
    uint64_t n = fvt_get_int(c, 4), base = fvt_get_int(c, 8);
    if (c->bad || n > FVT_MAX_ROWS || width > 64 || depth == 0)
        return FVT_DAMAGED;
    if (encoding > FVT_VALUES)
        return FVT_UNKNOWN;
    struct fvt_stream *s = calloc(1, sizeof *s);
    if (!s)
        return FVT_NOMEM;
    s->encoding = (enum fvt_encoding)encoding;
    s->width = (unsigned)width;
    s->n = (uint32_t)n;
    s->base = base;
    s->pool = pool;
    int rc = open_body(s, c, depth - 1);
    if (rc != FVT_OK) {
        fvt_stream_free(s);
        return rc;
    }
    *out = s;
    return FVT_OK;
}

int fvt_stream_open(struct fvt_cursor *c, struct fvt_pool *pool, struct fvt_stream **out) {
    return open_nested(c, pool, MAX_NESTING, out);
}

bool fvt_stream_fits(const struct fvt_stream *s) {
    bool fits = s->encoding != FVT_VALUES || fvt_stream_fits(s->codes);
    for (uint32_t at = 0; s->encoding == FVT_VALUES && fits && at < s->n; at += STEP) {
        int64_t place[STEP], min = 0, max = 0;
        uint32_t n = s->n - at < STEP ? s->n - at : STEP;
        fvt_stream_read(s->codes, at, n, place);
        kernels()->bounds(place, n, &min, &max);
        fits = min >= 0 && max < (int64_t)s->count;
    }
    return fits;
}

void fvt_stream_free(struct fvt_stream *s) {
    if (!s)
        return;
    fvt_stream_free(s->codes);
    pool_put(s->pool, s->ends);
    pool_put(s->pool, s->values);
    free(s);
}

/* open_runs() has made sure that ends ascend up to the number of rows. */
static void read_runs(const struct fvt_stream *s, uint32_t first, uint32_t n, int64_t *out) {
    uint32_t lo = 0, hi = s->count - 1;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (s->ends[mid] > (int64_t)first)
            hi = mid;
        else
            lo = mid + 1;
    }
    for (uint32_t i = 0; i < n; lo++) {
        int64_t end = s->ends[lo] - (int64_t)first;
        uint32_t stop = end < (int64_t)n ? (uint32_t)end : n;
        for (; i < stop; i++)
            out[i] = s->values[lo];
    }
}

void fvt_stream_read(const struct fvt_stream *s, uint32_t first, uint32_t n, int64_t *out) {
    switch (s->encoding) {
    case FVT_CONST:
        for (uint32_t i = 0; i < n; i++)
            out[i] = (int64_t)s->base;
        break;
    case FVT_PACKED:
        kernels()->unpack(out, s->data, first, n, s->width, s->base);
        break;
    case FVT_RUNS:
        read_runs(s, first, n, out);
        break;
    case FVT_PLANES:
        kernels()->join(out, s->data + first, s->n, n, s->width, s->base);
        break;
    case FVT_VALUES:
        fvt_stream_read(s->codes, first, n, out);
        kernels()->look_up(out, n, s->values, s->count - 1);
        break;
    }
}
