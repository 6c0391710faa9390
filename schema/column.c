/* SPDX-License-Identifier: MIT */
/*
** Columns in memory, as narrow as their values: widened when one does not fit, read in 64 bits.
*/
#include "column.h"
#include "kernel.h"

#include <string.h>

enum {
    STEP = 1024, /* values that are converted at a time: they stay in the nearest cache */
    /* Rows of a whole group: that it is full is found out some rows later. */
    WHOLE_GROUP = FVT_GROUP_ROWS + 1024,
};

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

static size_t octets_for(uint32_t count, unsigned octets) {
    return (size_t)count * octets + KERNEL_SLACK;
}

/* Octets of memory for count values: a column that has grown to some size has room for a whole group at once,
** since memory that is touched for the first time costs more than what is done with it. */
static size_t room_for(const struct group_column *c, uint32_t count, unsigned octets,
                       uint32_t expected) {
    const size_t small = 512 << 10, need = octets_for(count, octets);
    size_t room = c->room > 2048 ? c->room : 2048;
    if (need > small && expected < WHOLE_GROUP)
        expected = WHOLE_GROUP;
    if (room < octets_for(expected, octets))
        room = octets_for(expected, octets);
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

bool column_append_narrow(struct group_column *c, const uint8_t *v, uint32_t n, unsigned octets,
                          uint32_t expected) {
    const struct kernels *k = kernels();
    uint64_t min, max = 0;
    if (c->octets < octets) { /* or they fit, whatever they are */
        k->extent(v, n, octets, &min, &max);
        if (c->octets == 0 && min == max)
            return column_append_same(c, (int64_t)max, n, 0, expected);
    }
    if ((c->octets == 0 || column_octets(max) > c->octets ||
         octets_for(c->count + n, c->octets) > c->room) &&
        !widen(c, max, n, 0, expected))
        return false;
    k->recode(c->v + (size_t)c->count * c->octets, c->octets, v, octets, n);
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

/* Do values ascend with what is stored of them, if that has 4 octets at most? */
static bool ascends(const struct group_column *c) {
    return c->base <= (uint64_t)INT64_MAX - UINT32_MAX;
}

void column_extent(const struct group_column *c, uint32_t first, uint32_t n, int64_t *least,
                   int64_t *most) {
    *least = INT64_MAX;
    *most = INT64_MIN;
    if (n == 0)
        return;
    if (c->octets && c->octets <= 4 && ascends(c)) {
        uint64_t min, max;
        kernels()->extent(c->v + (size_t)first * c->octets, n, c->octets, &min, &max);
        *least = (int64_t)(c->base + min);
        *most = (int64_t)(c->base + max);
        return;
    }
    if (c->octets == 0)
        *least = *most = (int64_t)c->base;
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
    column_extent(c, first, c->count - first, &least, &most);
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

#define PICK(type)                                        \
    do {                                                  \
        const type *v = (const type *)(const void *)c->v; \
        for (uint32_t i = 0; i < n; i++)                  \
            out[i] = (int64_t)(c->base + v[place[i]]);    \
    } while (0)

void column_pick(const struct group_column *c, const uint32_t *place, uint32_t n, int64_t *out) {
    switch (c->octets) {
    case 0:
        for (uint32_t i = 0; i < n; i++)
            out[i] = (int64_t)c->base;
        break;
    case 1:
        PICK(uint8_t);
        break;
    case 2:
        PICK(uint16_t);
        break;
    case 4:
        PICK(uint32_t);
        break;
    default:
        PICK(uint64_t);
        break;
    }
}

void column_read_32(const struct group_column *c, uint32_t first, uint32_t n, uint32_t *out) {
    const uint8_t *from = c->octets ? c->v + (size_t)first * c->octets : NULL;
    kernels()->widen_32(out, from, n, c->octets, c->base);
}

void column_below(const struct group_column *c, int64_t limit, uint8_t *pass) {
    const uint64_t less = limit > (int64_t)c->base ? (uint64_t)limit - c->base : 0;
    if (c->octets && c->octets <= 4 && ascends(c) && less <= UINT32_MAX) {
        kernels()->below(pass, c->v, c->count, c->octets, (uint32_t)less);
        return;
    }
    for (uint32_t at = 0; at < c->count; at += STEP) {
        int64_t v[STEP];
        uint32_t n = c->count - at < STEP ? c->count - at : STEP;
        column_read(c, at, n, v);
        for (uint32_t i = 0; i < n; i++)
            pass[at + i] = v[i] < limit;
    }
}

uint32_t column_runs(const struct group_column *c, uint32_t first, uint32_t n) {
    if (n == 0 || c->octets == 0)
        return n > 0;
    return 1 + kernels()->turns(c->v + (size_t)first * c->octets, n, c->octets);
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
    uint64_t least = UINT64_MAX, most = 0, min, max;
    for (uint32_t at = 0; at < c->count; at += STEP) {
        uint32_t v[STEP];
        uint32_t n = c->count - at < STEP ? c->count - at : STEP;
        column_read_32(c, at, n, v);
        for (uint32_t i = 0; i < n; i++)
            v[i] = htole32(map[v[i]]);
        kernels()->extent((const uint8_t *)v, n, sizeof *v, &min, &max);
        kernels()->recode(c->v + (size_t)at * c->octets, c->octets, (const uint8_t *)v, sizeof *v,
                          n);
        least = min < least ? min : least;
        most = max > most ? max : most;
    }
    if (c->count) {
        c->min = (int64_t)least;
        c->max = (int64_t)most;
    }
    return true;
}

void column_spare_free(struct column_spare *spare) {
    for (int i = 0; i < 4; i++)
        large_free(spare->of[i].p, spare->of[i].room);
    *spare = (struct column_spare){0};
}

/* Change places with spare memory for count values of as many octets. */
static bool take_spare(struct group_column *c, uint32_t count, struct column_spare *spare) {
    const int i = c->octets == 8 ? 3 : (int)c->octets / 2;
    uint8_t *p = spare->of[i].p;
    size_t room = spare->of[i].room;
    if (room < octets_for(count, c->octets)) {
        large_free(p, room);
        room = c->room > octets_for(count, c->octets) ? c->room : octets_for(count, c->octets);
        p = large_alloc(room);
        spare->of[i].p = NULL;
        spare->of[i].room = 0;
    }
    if (!p)
        return false;
    spare->of[i].p = c->v;
    spare->of[i].room = c->room;
    c->v = p;
    c->room = room;
    return true;
}

#define GATHER(type)                                        \
    do {                                                    \
        const type *v = (const type *)(const void *)before; \
        type *to = (type *)(void *)c->v;                    \
        for (uint32_t i = 0; i < n; i++)                    \
            to[i] = v[from[i]];                             \
    } while (0)

/* The values at n places, into spare memory, which becomes the column's. */
static bool gather(struct group_column *c, const uint32_t *from, uint32_t n,
                   struct column_spare *spare) {
    const uint8_t *before = c->v;
    if (c->octets == 0)
        return true;
    if (!take_spare(c, n, spare))
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
