/* SPDX-License-Identifier: MIT */
/*
** Finding the early flows of a group, and moving them to another one: their values are copied, with entries of
** the other group's dictionaries, and what stays closes up.
*/
#include "early.h"
#include "arrange.h"
#include "count.h"
#include "kernel.h"

enum {
    STEP = 1024,
    /* Another group takes some 5000 octets for its directories and some for addresses that are in both: not
    ** of a smaller group. */
    MIN_ROWS = 1 << 16,
    MAX_SHARE = 4, /* early flows are one in so many at most */
};

/* How long before the first arrival a flow must have begun, ms: the first of these by which few enough are
** early. Where a group is full within seconds most began before it. */
static const int64_t before[] = {0, 60 * 1000, 5 * 60 * 1000, 30 * 60 * 1000};

/* The rows of a group. */
struct parts {
    uint8_t *early; /* of each row 1 or 0 */
    uint32_t nearly;
    uint32_t *rows;       /* the early ones, ascending */
    uint32_t pairs;       /* of them are flows and their answers */
    uint32_t *rest;       /* the others, in their order */
    const uint32_t *from; /* of all rows; NULL: as they are */
};

/* Mark the rows that began before a time; those without one did not. */
static void mark_early(struct parts *p, const struct group *g, int64_t time) {
    const struct group_column *c = &g->column[FLOW_tstart];
    column_below(c, time, p->early);
    /* From the last on, since values are behind the rows that they are of. */
    for (uint32_t row = g->rows, k = c->count; k < row; row--)
        p->early[row - 1] = column_has(c, row - 1) ? p->early[--k] : 0;
    /* A flow and its answer stay together. */
    p->pairs = 0;
    for (uint32_t i = 0, h = g->mirrored; i < h; i++) {
        uint8_t *flow = &p->early[p->from[i]], *answer = &p->early[p->from[h + i]];
        *flow = *answer = *flow | *answer;
        p->pairs += *flow;
    }
    p->nearly = 0;
    for (uint32_t i = 0; i < g->rows; i++)
        p->nearly += p->early[i];
}

static bool find_early(struct parts *p, const struct group *g) {
    const struct group_column *arrival = &g->column[FLOW_trecv], *start = &g->column[FLOW_tstart];
    if (g->rows < MIN_ROWS || arrival->count == 0 || start->count == 0)
        return false;
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        int64_t time = (int64_t)((uint64_t)arrival->min - (uint64_t)before[i]);
        if (time > arrival->min || start->min >= time)
            break;
        mark_early(p, g, time);
        if (p->nearly <= g->rows / MAX_SHARE)
            return p->nearly > 0;
    }
    return false;
}

/* Numbers in the dictionary of early by those in that of g, -1: not met yet. */
static bool move_codes(const struct dict_builder *from, struct dict_builder *to, int64_t **number,
                       int64_t *v, const uint8_t *nulls, uint32_t n) {
    if (!*number) {
        *number = malloc(((size_t)from->n + 1) * sizeof **number);
        for (uint32_t i = 0; *number && i < from->n; i++)
            (*number)[i] = -1;
    }
    for (uint32_t i = 0; *number && i < n; i++) {
        if (nulls[i])
            continue;
        int64_t *e = &(*number)[v[i]];
        if (*e < 0)
            *e = dict_builder_copy(to, from, (uint32_t)v[i]);
        if (*e < 0)
            return false;
        v[i] = *e;
    }
    return *number != NULL;
}

/* Of the next n early rows where their values are among those of a column, *values of which are of rows before *row;
** nulls[i] is 1 where there is none. */
static void find_places(const uint32_t *rows, uint32_t n, const struct group_column *c,
                        uint32_t *row, uint32_t *values, uint32_t *place, uint8_t *nulls) {
    for (uint32_t i = 0; i < n; i++) {
        for (; *row < rows[i]; ++*row)
            *values += column_has(c, *row);
        nulls[i] = !column_has(c, rows[i]);
        place[i] = nulls[i] ? 0 : *values;
    }
}

/* The early rows of a column to the rows of early from its rows on. */
static bool copy_early(const struct parts *p, const struct group *g, struct group *early, int field,
                       int64_t **number) {
    const struct group_column *c = &g->column[field];
    const bool all = c->count == g->rows;
    int d = g->dict_of[field];
    uint32_t row = 0, values = 0;
    for (uint32_t at = 0; at < p->nearly; at += STEP) {
        int64_t v[STEP];
        uint32_t place[STEP];
        uint8_t nulls[STEP] = {0};
        uint32_t n = p->nearly - at < STEP ? p->nearly - at : STEP;
        if (!all)
            find_places(p->rows + at, n, c, &row, &values, place, nulls);
        column_pick(c, all ? p->rows + at : place, n, v);
        if (d >= 0 && !move_codes(&g->dict[d], &early->dict[d], &number[d], v, nulls, n))
            return false;
        if (!group_put_rows(early, field, early->rows + at, v, nulls, n))
            return false;
    }
    return true;
}

/* The last n rows of early were rows of g. */
static void count_moved(struct group *g, struct group *early, uint32_t n) {
    const struct group_column *start = &g->column[FLOW_tstart], *end = &g->column[FLOW_tend];
    struct fvt_totals moved;
    fvt_totals_init(&moved);
    group_count_from(early, early->rows - n, &moved);
    fvt_totals_add(&early->totals, &moved);
    if (!count_less(&g->totals, &moved)) {
        group_count(g);
        return;
    }
    g->totals.first = start->count ? start->min : INT64_MAX;
    g->totals.last = end->count ? end->max : INT64_MIN;
}

static bool move_early(const struct parts *p, struct group *g, struct group *early) {
    int64_t *number[GROUP_DICTS] = {NULL};
    uint32_t rest = g->rows - p->nearly;
    bool ok = true;
    for (int f = 0; ok && f < FLOW_NFIELDS; f++)
        if (g->column[f].count)
            ok = copy_early(p, g, early, f, number);
    ok = ok && group_reorder(g, p->rest, rest);
    for (int d = 0; d < GROUP_DICTS; d++)
        free(number[d]);
    if (!ok)
        return false;
    early->rows += p->nearly;
    g->mirrored -= p->pairs;
    count_moved(g, early, p->nearly);
    return true;
}

bool group_part_early(struct group *g, struct group *early, const uint32_t *from) {
    struct parts p = {.early = pool_get(g->pool, (size_t)g->rows + 1), .from = from};
    bool ok = p.early != NULL;
    if (ok && find_early(&p, g)) {
        p.rest = pool_get(g->pool, (size_t)g->rows * sizeof *p.rest);
        p.rows = pool_get(g->pool, (size_t)p.nearly * sizeof *p.rows);
        ok = p.rest && p.rows;
        for (uint32_t i = 0, n = 0, k = 0; ok && i < g->rows; i++) {
            uint32_t row = from ? from[i] : i;
            if (!p.early[row])
                p.rest[n++] = row;
            if (p.early[i])
                p.rows[k++] = i;
        }
        ok = ok && move_early(&p, g, early);
    } else if (ok && from) {
        ok = group_reorder(g, from, g->rows);
    }
    pool_put(g->pool, p.early);
    pool_put(g->pool, p.rest);
    pool_put(g->pool, p.rows);
    return ok;
}
