/* SPDX-License-Identifier: MIT */
/*
** Columns in memory, as narrow as their values: widened when one does not fit, read in 64 bits.
*/
#include "column.h"
#include "kernel.h"

#include <string.h>

enum { STEP = 1024 }; /* values that are converted at a time: they stay in the nearest cache */

void column_free(struct group_column *c) {
    free(c->v);
    free(c->present);
    memset(c, 0, sizeof *c);
}

void column_clear(struct group_column *c) {
    if (c->count && c->present)
        memset(c->present, 0, c->words * sizeof *c->present);
    c->count = c->sealed = 0;
    c->octets = 0;
}

bool column_cover(struct group_column *c, uint32_t row) {
    size_t need = (size_t)row / 64 + 1;
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

unsigned column_octets(uint64_t v) {
    return v <= UINT8_MAX ? 1 : v <= UINT16_MAX ? 2 : v <= UINT32_MAX ? 4 : 8;
}

/* Octets that c's values take when those from least to most are among them. */
static unsigned octets_with(const struct group_column *c, int64_t least, int64_t most) {
    unsigned low = column_octets((uint64_t)least - c->base),
             high = column_octets((uint64_t)most - c->base);
    unsigned most_octets = low > high ? low : high;
    return most_octets > c->octets ? most_octets : c->octets;
}

/* Room for count values of so many octets, in which the ones that are there are stored. */
static bool make_room(struct group_column *c, uint32_t count, unsigned octets, uint32_t expected) {
    size_t need = (size_t)count * octets + KERNEL_SLACK;
    if (octets == c->octets && need <= c->room)
        return true;
    if (c->count == 0 && need <= c->room) {
        c->octets = octets;
        return true;
    }
    size_t room = c->room > 2048 ? c->room : 2048;
    if (room < (size_t)expected * octets + KERNEL_SLACK)
        room = (size_t)expected * octets + KERNEL_SLACK;
    while (room < need)
        room *= 2;
    uint8_t *v = malloc_large(room);
    if (!v)
        return false;
    for (uint32_t at = 0; at < c->count; at += STEP) {
        int64_t some[STEP];
        uint32_t n = c->count - at < STEP ? c->count - at : STEP;
        column_read(c, at, n, some);
        kernels()->narrow(v + (size_t)at * octets, some, n, octets, c->base);
    }
    free(c->v);
    c->v = v;
    c->room = room;
    c->octets = octets;
    return true;
}

bool column_append(struct group_column *c, const int64_t *v, uint32_t n, uint64_t base,
                   uint32_t expected) {
    int64_t least = v[0], most = v[0];
    kernels()->bounds(v, n, &least, &most);
    if (c->count == 0)
        c->base = base;
    unsigned octets = octets_with(c, least, most);
    if ((octets != c->octets || (size_t)(c->count + n) * octets + KERNEL_SLACK > c->room) &&
        !make_room(c, c->count + n, octets, expected))
        return false;
    kernels()->narrow(c->v + (size_t)c->count * octets, v, n, octets, c->base);
    c->min = c->count && c->min < least ? c->min : least;
    c->max = c->count && c->max > most ? c->max : most;
    c->least = c->count > c->sealed && c->least < least ? c->least : least;
    c->most = c->count > c->sealed && c->most > most ? c->most : most;
    c->count += n;
    return true;
}

void column_seal(struct group_column *c) {
    c->sealed = c->count;
}

bool column_mark(struct group_column *c, uint32_t row, uint32_t n) {
    if (!column_cover(c, row + n - 1))
        return false;
    for (uint32_t end = row + n, some; row < end; row += some) {
        some = 64 - (row & 63);
        some = some < end - row ? some : end - row;
        c->present[row / 64] |= UINT64_MAX >> (64 - some) << (row & 63);
    }
    return true;
}

void column_cut(struct group_column *c, uint32_t row) {
    for (size_t w = row / 64; w < c->words; w++) {
        uint64_t kept = w == row / 64 ? (UINT64_C(1) << (row & 63)) - 1 : 0;
        c->present[w] &= kept;
    }
    uint32_t count = 0;
    for (size_t w = 0; w < c->words; w++)
        count += (uint32_t)__builtin_popcountll(c->present[w]);
    c->count = count;
}

void column_read(const struct group_column *c, uint32_t first, uint32_t n, int64_t *out) {
    kernels()->unpack(out, c->v, first, n, c->octets * 8, c->base);
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
    uint32_t count = 0;
    size_t end = row / 64 < c->words ? row / 64 : c->words;
    for (size_t w = 0; w < end; w++)
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
    if (octets > c->octets && !make_room(c, c->count, octets, 0))
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
    size_t need = (size_t)n * c->octets + KERNEL_SLACK;
    if (spare->room < need) {
        free(spare->p);
        spare->p = malloc_large(need);
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
    uint32_t *place = malloc(((size_t)rows + 1) * 2 * sizeof *place), *of = place + rows;
    uint64_t *present = calloc(c->words, sizeof *present);
    bool ok = place && present;
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

/* The bounds of what is left. */
static void find_bounds(struct group_column *c) {
    for (uint32_t at = 0; at < c->count; at += STEP) {
        int64_t v[STEP];
        uint32_t n = c->count - at < STEP ? c->count - at : STEP;
        column_read(c, at, n, v);
        if (at == 0)
            c->min = c->max = v[0];
        kernels()->bounds(v, n, &c->min, &c->max);
    }
}

bool column_permute(struct group_column *c, const uint32_t *from, uint32_t n, uint32_t rows,
                    struct column_spare *spare) {
    bool ok = c->count < rows ? permute_some(c, from, n, rows, spare)
                              : c->min == c->max || gather(c, from, n, spare);
    if (ok && n < rows) {
        column_cut(c, n);
        find_bounds(c);
    }
    return ok;
}
