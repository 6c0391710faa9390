/* SPDX-License-Identifier: MIT */
/*
** Columns in memory, as narrow as their values: widened when one does not fit, read in 64 bits.
*/
#include "column.h"
#include "kernel.h"

#include <string.h>

enum { STEP = 1024 }; /* values that are converted at a time: they stay in the nearest cache */

void column_free(struct group_column *c) {
    large_free(c->v, c->room);
    free(c->present);
    memset(c, 0, sizeof *c);
}

void column_clear(struct group_column *c) {
    if (c->count > c->dense)
        memset(c->present, 0, c->words * sizeof *c->present);
    c->count = c->dense = c->sealed = c->bounded = 0;
    c->octets = 0;
}

/* Set the bits of n rows. */
static void set_bits(struct group_column *c, uint32_t row, uint32_t n) {
    for (uint32_t end = row + n, some; row < end; row += some) {
        some = 64 - (row & 63);
        some = some < end - row ? some : end - row;
        c->present[row / 64] |= UINT64_MAX >> (64 - some) << (row & 63);
    }
}

static bool make_bits(struct group_column *c, size_t need) {
    if (need <= c->words)
        return true;
    size_t words = c->words ? c->words * 2 : 16;
    while (words < need)
        words *= 2;
    uint64_t *present = realloc(c->present, words * sizeof *present);
    if (!present)
        return false;
    memset(present + c->words, 0, (words - c->words) * sizeof *present);
    c->present = present;
    c->words = words;
    return true;
}

bool column_cover(struct group_column *c, uint32_t row) {
    const uint32_t last = c->dense > row ? c->dense - 1 : row;
    if (!make_bits(c, (size_t)last / 64 + 1))
        return false;
    set_bits(c, 0, c->dense);
    c->dense = 0;
    return true;
}

unsigned column_octets(uint64_t v) {
    return v <= UINT8_MAX ? 1 : v <= UINT16_MAX ? 2 : v <= UINT32_MAX ? 4 : 8;
}

static unsigned larger(unsigned a, unsigned b) {
    return a > b ? a : b;
}

/* Octets of memory for count values: a column that has grown to some size has room for a whole group at once,
** since memory that is touched for the first time costs more than what is done with it. */
static size_t room_for(const struct group_column *c, uint32_t count, unsigned octets,
                       uint32_t expected) {
    const size_t small = 512 << 10, need = (size_t)count * octets + KERNEL_SLACK;
    size_t room = c->room > 2048 ? c->room : 2048;
    if (need > small && expected < FVT_GROUP_ROWS)
        expected = FVT_GROUP_ROWS;
    if (room < (size_t)expected * octets + KERNEL_SLACK)
        room = (size_t)expected * octets + KERNEL_SLACK;
    while (room < need)
        room *= 2;
    return room;
}

/* Room for count values of so many octets less base, in which the ones that are there are stored. */
static bool make_room(struct group_column *c, uint32_t count, unsigned octets, uint64_t base,
                      uint32_t expected) {
    const bool fits = (size_t)count * octets + KERNEL_SLACK <= c->room;
    if (fits && octets == c->octets && base == c->base)
        return true;
    const size_t room = fits ? c->room : room_for(c, count, octets, expected);
    uint8_t *v = fits ? c->v : large_alloc(room);
    if (!v)
        return false;
    /* From the last ones on: where they have their place, they get a wider one. */
    for (uint32_t end = c->count, n; end > 0; end -= n) {
        int64_t some[STEP];
        n = (end - 1) % STEP + 1;
        column_read(c, end - n, n, some);
        kernels()->narrow(v + (size_t)(end - n) * octets, some, n, octets, base);
    }
    if (!fits)
        large_free(c->v, c->room);
    c->v = v;
    c->room = room;
    c->octets = octets;
    c->base = base;
    return true;
}

/* Make more values ones that can be stored behind those that are there: n of them, which less the base have these bits.
** The base of a column that is stored does not change. */
static bool widen(struct group_column *c, uint64_t bits, uint32_t n, uint64_t base,
                  uint32_t expected) {
    unsigned octets = larger(c->octets, column_octets(bits));
    if (c->octets == 0 && c->count)
        octets = larger(octets, column_octets(c->base - base));
    return make_room(c, c->count + n, octets, base, expected);
}

/* Some tens of values, as a datagram has them, are stored together with copies of the first up to a whole number of
** vectors: what is behind the last is free. */
enum { FEW = 8, WHOLE = 32, MANY = 64 };

bool column_append(struct group_column *c, const int64_t *v, uint32_t n, uint64_t base,
                   uint32_t expected) {
    const struct kernels *k = kernels();
    int64_t some[MANY];
    uint32_t wide = n;
    if (c->octets == 0 && k->any(v, n, (uint64_t)v[0]) == 0)
        return column_append_same(c, v[0], n, base, expected);
    if (n > FEW && n < MANY) {
        wide = (n + WHOLE - 1) / WHOLE * WHOLE;
        memcpy(some, v, n * sizeof *v);
        for (uint32_t i = n; i < wide; i++)
            some[i] = v[0];
        v = some;
    }
    base = c->octets ? c->base : base;
    if (c->octets == 0 && !widen(c, k->any(v, n, base), wide, base, expected))
        return false;
    if ((size_t)(c->count + wide) * c->octets + KERNEL_SLACK > c->room &&
        !widen(c, 0, wide, base, expected))
        return false;
    uint64_t bits = k->narrow(c->v + (size_t)c->count * c->octets, v, wide, c->octets, base);
    if (column_octets(bits) > c->octets) {
        if (!widen(c, bits, wide, base, expected))
            return false;
        k->narrow(c->v + (size_t)c->count * c->octets, v, wide, c->octets, base);
    }
    c->count += n;
    return true;
}

bool column_append_same(struct group_column *c, int64_t v, uint32_t n, uint64_t base,
                        uint32_t expected) {
    if (c->count == 0 && c->octets == 0)
        c->base = (uint64_t)v;
    if (c->octets || (uint64_t)v != c->base) {
        int64_t some[STEP];
        base = c->octets ? c->base : base;
        if (!widen(c, (uint64_t)v - base, n, base, expected))
            return false;
        for (uint32_t i = 0; i < n && i < STEP; i++)
            some[i] = v;
        for (uint32_t at = 0; at < n; at += STEP)
            kernels()->narrow(c->v + (size_t)(c->count + at) * c->octets, some,
                              n - at < STEP ? n - at : STEP, c->octets, c->base);
    }
    c->count += n;
    return true;
}

/* The least and the greatest of values [first, first + n). */
static void find_bounds(const struct group_column *c, uint32_t first, uint32_t n, int64_t *least,
                        int64_t *most) {
    const bool ascends = c->base <= (uint64_t)INT64_MAX - UINT32_MAX; /* with what is stored */
    if (c->octets && c->octets <= 4 && ascends) {
        uint64_t min, max;
        kernels()->extent(c->v + (size_t)first * c->octets, n, c->octets, &min, &max);
        *least = (int64_t)(c->base + min);
        *most = (int64_t)(c->base + max);
        return;
    }
    *least = c->octets ? INT64_MAX : (int64_t)c->base;
    *most = c->octets ? INT64_MIN : (int64_t)c->base;
    for (uint32_t at = 0; c->octets && at < n; at += STEP) {
        int64_t some[STEP];
        uint32_t count = n - at < STEP ? n - at : STEP;
        column_read(c, first + at, count, some);
        kernels()->bounds(some, count, least, most);
    }
}

void column_bounds(struct group_column *c) {
    const uint32_t first = c->bounded;
    if (first >= c->count)
        return;
    int64_t least, most;
    find_bounds(c, first, c->count - first, &least, &most);
    c->min = first && c->min < least ? c->min : least;
    c->max = first && c->max > most ? c->max : most;
    c->least = first > c->sealed && c->least < least ? c->least : least;
    c->most = first > c->sealed && c->most > most ? c->most : most;
    c->bounded = c->count;
}

void column_seal(struct group_column *c) {
    c->sealed = c->count;
}

bool column_mark(struct group_column *c, uint32_t row, uint32_t n) {
    if (row == c->dense) {
        c->dense += n;
        return true;
    }
    if (!column_cover(c, row + n - 1))
        return false;
    set_bits(c, row, n);
    return true;
}

void column_cut(struct group_column *c, uint32_t row) {
    for (size_t w = row / 64; w < c->words; w++) {
        uint64_t kept = w == row / 64 ? (UINT64_C(1) << (row & 63)) - 1 : 0;
        c->present[w] &= kept;
    }
    c->dense = c->dense < row ? c->dense : row;
    uint32_t count = c->dense;
    for (size_t w = c->dense / 64; w < c->words; w++)
        count += (uint32_t)__builtin_popcountll(c->present[w]);
    c->count = count;
    c->bounded = c->bounded < count ? c->bounded : count;
}

void column_read(const struct group_column *c, uint32_t first, uint32_t n, int64_t *out) {
    const uint8_t *from = c->octets ? c->v + (size_t)first * c->octets : NULL;
    kernels()->widen(out, from, n, c->octets, c->base);
}

uint32_t column_runs(const struct group_column *c) {
    return c->count == 0 ? 0 : c->octets ? 1 + kernels()->turns(c->v, c->count, c->octets) : 1;
}

uint32_t column_read_rows(const struct group_column *c, uint32_t rows, uint32_t first,
                          uint32_t before, uint32_t n, int64_t *v, uint8_t *nulls) {
    memset(nulls, 0, n);
    if (c->count == rows) {
        column_read(c, first, n, v);
        return n;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += !(nulls[i] = !column_has(c, first + i));
    column_read(c, before, count, v);
    /* From the last on, since values are behind the rows that they are of. */
    for (uint32_t i = n, k = count; i-- > 0;)
        v[i] = nulls[i] ? 0 : v[--k];
    return count;
}

uint32_t column_before(const struct group_column *c, uint32_t row) {
    if (row <= c->dense)
        return row;
    uint32_t count = c->dense;
    size_t end = row / 64 < c->words ? row / 64 : c->words;
    for (size_t w = c->dense / 64; w < end; w++)
        count += (uint32_t)__builtin_popcountll(c->present[w]);
    if (row / 64 < c->words)
        count += (uint32_t)__builtin_popcountll(c->present[row / 64] &
                                                ((UINT64_C(1) << (row & 63)) - 1));
    return count;
}

const int64_t *column_values(struct group_column *c, struct fvt_pool *pool) {
    if (!c->wide) {
        c->wide = pool_get(pool, ((size_t)c->count + 1) * sizeof *c->wide);
        if (c->wide && c->count)
            column_read(c, 0, c->count, c->wide);
    }
    return c->wide;
}

void column_forget(struct group_column *c, struct fvt_pool *pool) {
    pool_put(pool, c->wide);
    c->wide = NULL;
}

bool column_map(struct group_column *c, const uint32_t *map, uint32_t largest) {
    unsigned octets = column_octets(largest);
    if (c->octets == 0) {
        c->base = map[c->base];
        c->min = c->max = (int64_t)c->base;
        return true;
    }
    if (octets > c->octets && !make_room(c, c->count, octets, c->base, 0))
        return false;
    for (uint32_t at = 0; at < c->count; at += STEP) {
        int64_t v[STEP];
        uint32_t n = c->count - at < STEP ? c->count - at : STEP;
        column_read(c, at, n, v);
        for (uint32_t i = 0; i < n; i++)
            v[i] = map[v[i]];
        if (at == 0)
            c->min = c->max = v[0];
        kernels()->bounds(v, n, &c->min, &c->max);
        kernels()->narrow(c->v + (size_t)at * c->octets, v, n, c->octets, c->base);
    }
    return true;
}

void column_spare_free(struct column_spare *spare) {
    large_free(spare->p, spare->room);
    *spare = (struct column_spare){0};
}

#define GATHER(type)                                      \
    do {                                                  \
        const type *v = (const type *)(const void *)c->v; \
        type *to = (type *)(void *)spare->p;              \
        for (uint32_t i = 0; i < n; i++)                  \
            to[i] = v[from[i]];                           \
    } while (0)

/* The values at n places, into the spare memory, which becomes the column's. */
static bool gather(struct group_column *c, const uint32_t *from, uint32_t n,
                   struct column_spare *spare) {
    if (c->octets == 0)
        return true;
    size_t need = (size_t)n * c->octets + KERNEL_SLACK;
    if (spare->room < need) {
        column_spare_free(spare);
        spare->p = large_alloc(need);
        spare->room = spare->p ? need : 0;
    }
    if (!spare->p)
        return false;
    switch (c->octets) {
    case 1:
        GATHER(uint8_t);
        break;
    case 2:
        GATHER(uint16_t);
        break;
    case 4:
        GATHER(uint32_t);
        break;
    default:
        GATHER(uint64_t);
        break;
    }
    struct column_spare old = {c->v, c->room};
    c->v = spare->p;
    c->room = spare->room;
    *spare = old;
    return true;
}

/* The places of the values of a column that is NULL in some rows, and its bitmap, in the new order. */
static bool permute_some(struct group_column *c, const uint32_t *from, uint32_t n, uint32_t rows,
                         struct column_spare *spare) {
    bool ok = column_cover(c, rows - 1);
    uint32_t *place = malloc(((size_t)rows + 1) * 2 * sizeof *place), *of = place + rows;
    uint64_t *present = calloc(c->words, sizeof *present);
    ok = ok && place && present;
    uint32_t count = 0;
    for (uint32_t row = 0; ok && row < rows; row++)
        if (column_has(c, row))
            of[row] = count++;
    count = 0;
    for (uint32_t row = 0; ok && row < n; row++)
        if (column_has(c, from[row])) {
            place[count++] = of[from[row]];
            present[row / 64] |= UINT64_C(1) << (row & 63);
        }
    ok = ok && gather(c, place, count, spare);
    free(place);
    if (ok) {
        free(c->present);
        c->present = present;
        c->count = count;
    } else {
        free(present);
    }
    return ok;
}

bool column_permute(struct group_column *c, const uint32_t *from, uint32_t n, uint32_t rows,
                    struct column_spare *spare) {
    bool ok = c->count < rows ? permute_some(c, from, n, rows, spare) : gather(c, from, n, spare);
    if (ok && n < rows) {
        column_cut(c, n);
        c->bounded = 0;
        column_bounds(c);
    }
    return ok;
}
