/* SPDX-License-Identifier: MIT */
/*
** Each thread has cells of its own, which are added up afterwards.
*/
#include "sketch.h"
#include "../schema/format.h"
#include "limits.h"
#include "select.h"

#include <stdlib.h>

/* As many as lie in a second-level cache, or fewer. */
enum { MOST_BITS = 18, LEAST_BITS = 8 };

enum { LOOK_AFTER = 1 << 16 }; /* rows */

struct sketch {
    enum measure measure;
    size_t n;       /* groups that are looked for */
    bool alone;     /* by nothing but measure */
    unsigned shift; /* of a hash */
    size_t cells;
    uint64_t seed; /* so that nobody outside can choose keys that fall into one cell */
    int shares;
    uint64_t *cell[MAX_THREADS]; /* the first has all of them in the end */
    uint8_t *wanted;
    uint64_t least; /* of the cells that are wanted */
    /* By a time, of each share: what the n-th of its cells has, and rows added since that was looked up. */
    uint64_t floor[MAX_THREADS];
    size_t added[MAX_THREADS];
};

static bool is_first(enum measure m) {
    return m == MEASURE_first || m == MEASURE_first_ms;
}

bool sketch_able(enum measure m, bool greatest) {
    return greatest != is_first(m);
}

struct sketch *sketch_new(enum measure m, size_t n, bool alone, int shares, size_t octets) {
    struct sketch *s = calloc(1, sizeof *s);
    bool ok = s != NULL;
    if (!s)
        return NULL;
    s->measure = m;
    s->n = n;
    s->alone = alone;
    s->shares = shares;
    s->shift = 64 - LEAST_BITS;
    for (s->cells = (size_t)1 << LEAST_BITS; s->shift > 64 - MOST_BITS; s->cells *= 2, s->shift--)
        if (2 * s->cells * (size_t)shares * sizeof *s->cell[0] > octets)
            break;
    s->seed = fvt_hash("", 0);
    for (int i = 0; ok && i < shares; i++)
        ok = (s->cell[i] = calloc(s->cells, sizeof *s->cell[i])) != NULL;
    ok = ok && (s->wanted = malloc(s->cells));
    if (ok)
        return s;
    sketch_free(s);
    return NULL;
}

void sketch_free(struct sketch *s) {
    if (!s)
        return;
    for (int i = 0; i < s->shares; i++)
        free(s->cell[i]);
    free(s->wanted);
    free(s);
}

size_t sketch_octets(const struct sketch *s) {
    return s->cells * ((size_t)s->shares * sizeof *s->cell[0] + 1);
}

size_t sketch_cells(const struct sketch *s) {
    return s->cells;
}

/* Who has no time comes before all others by the first one, and behind them by the last one. */
static uint64_t value_of_time(enum measure m, int64_t first, int64_t last) {
    bool known = first <= last;
    if (is_first(m))
        return known ? (uint64_t)INT64_MAX - (uint64_t)first : UINT64_MAX;
    return known ? (uint64_t)last + (UINT64_C(1) << 63) : 0;
}

uint64_t sketch_value(const struct sketch *s, const struct aggregate_spec *spec,
                      const uint64_t *sums) {
    int64_t first = INT64_MAX, last = INT64_MIN;
    if (s->measure < MEASURE_first)
        return measure_count(spec, sums, s->measure);
    measure_span(spec, sums, &first, &last);
    return value_of_time(s->measure, first, last);
}

/* ---- cells -------------------------------------------------------------------------------- */

static uint32_t cell_of(const struct sketch *s, uint64_t h) {
    return (uint32_t)(group_hash_end(h) >> s->shift);
}

static void find_cells(const struct sketch *s, int words, const struct group_batch *b,
                       uint32_t cell[GROUP_BATCH]) {
    for (uint32_t i = 0; words == 1 && i < b->n; i++)
        cell[i] = cell_of(s, group_hash_word(s->seed, b->key[0][i]));
    for (uint32_t i = 0; words > 1 && i < b->n; i++) {
        uint64_t h = s->seed;
        for (int w = 0; w < words; w++)
            h = group_hash_word(h, b->key[w][i]);
        cell[i] = cell_of(s, h);
    }
}

/* What the n-th greatest of a share's cells has. 0 without memory. */
static uint64_t nth_cell(const struct sketch *s, int share, size_t n) {
    struct select_heap best = {malloc(n * sizeof *best.value), 0};
    for (size_t i = 0; best.value && i < s->cells; i++)
        select_heap_add(&best, n, s->cell[share][i]);
    uint64_t v = best.value && best.n == n ? best.value[0] : 0;
    free(best.value);
    return v;
}

static void add_times(struct sketch *s, uint64_t *to, const uint32_t *cell,
                      const struct group_batch *b) {
    for (uint32_t i = 0; i < b->n; i++) {
        uint64_t v = value_of_time(s->measure, b->first[i], b->last[i]);
        if (v > to[cell[i]])
            to[cell[i]] = v;
    }
}

void sketch_add(struct sketch *s, int share, const struct aggregate_spec *spec, int side, int words,
                const struct group_batch *b) {
    uint32_t cell[GROUP_BATCH];
    uint64_t *to = s->cell[share];
    find_cells(s, words, b, cell);
    if (s->measure >= MEASURE_first) {
        add_times(s, to, cell, b);
        if ((s->added[share] += b->n) >= LOOK_AFTER) {
            s->floor[share] = nth_cell(s, share, s->n);
            s->added[share] = 0;
        }
        return;
    }
    int c = measure_counter(spec, s->measure, side);
    for (uint32_t i = 0; c >= 0 && i < b->n; i++)
        to[cell[i]] = group_sum(to[cell[i]], (uint64_t)b->value[c][i]);
}

/* n groups at least come before what is below the n-th cell. */
uint32_t sketch_useful(const struct sketch *s, int share, bool found, const int64_t *first,
                       const int64_t *last, uint32_t n, uint16_t *place) {
    if (s->measure < MEASURE_first || (found && !s->alone))
        return n;
    uint64_t floor = found ? s->least : s->floor[share];
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        place[m] = (uint16_t)i;
        m += value_of_time(s->measure, first[i], last[i]) >= floor;
    }
    return m;
}

void sketch_add_group(struct sketch *s, const struct aggregate_spec *spec, int words,
                      const uint64_t *row) {
    uint64_t h = s->seed, v = sketch_value(s, spec, row + words);
    for (int w = 0; w < words; w++)
        h = group_hash_word(h, row[w]);
    uint64_t *to = &s->cell[0][cell_of(s, h)];
    *to = s->measure < MEASURE_first ? group_sum(*to, v) : v > *to ? v : *to;
}

static void add_shares(struct sketch *s) {
    uint64_t *all = s->cell[0];
    for (int k = 1; k < s->shares; k++) {
        const uint64_t *cell = s->cell[k];
        for (size_t i = 0; i < s->cells; i++)
            all[i] = s->measure < MEASURE_first ? group_sum(all[i], cell[i])
                     : cell[i] > all[i]         ? cell[i]
                                                : all[i];
        free(s->cell[k]);
        s->cell[k] = NULL;
    }
    s->shares = 1;
}

/* What a cell has on average. */
static uint64_t average_cell(const struct sketch *s) {
    double all = 0;
    for (size_t i = 0; i < s->cells; i++)
        all += (double)s->cell[0][i];
    return (uint64_t)(all / (double)s->cells);
}

/* The n-th cell by time is that of the n-th group. A cell far larger than others is mostly one group. Where none are, to look
** for more of them is cheaper than to read once more. */
uint64_t sketch_guess(struct sketch *s) {
    enum { FAR = 64, SOME = 32 };
    add_shares(s);
    uint64_t last = nth_cell(s, 0, s->n), likely = last / 4 * 3;
    if (s->measure >= MEASURE_first)
        return last;
    if (last == 0 || last / FAR > average_cell(s) || s->n > s->cells / SOME)
        return likely;
    uint64_t more = nth_cell(s, 0, s->cells / SOME);
    return more < likely ? more : likely;
}

size_t sketch_count(const struct sketch *s, uint64_t least, uint64_t most) {
    size_t n = 0;
    for (size_t i = 0; i < s->cells; i++)
        n += s->cell[0][i] >= least && s->cell[0][i] <= most;
    return n;
}

void sketch_look_for(struct sketch *s, uint64_t least, uint64_t most) {
    s->least = least;
    for (size_t i = 0; i < s->cells; i++)
        s->wanted[i] = s->cell[0][i] >= least && s->cell[0][i] <= most;
}

uint32_t sketch_find(const struct sketch *s, int words, const struct group_batch *b,
                     uint16_t *place) {
    uint32_t cell[GROUP_BATCH], n = 0;
    find_cells(s, words, b, cell);
    for (uint32_t i = 0; i < b->n; i++) {
        place[n] = (uint16_t)i;
        n += s->wanted[cell[i]];
    }
    return n;
}
