/* SPDX-License-Identifier: MIT */
/*
** Where only the first groups by a total are asked for and there are many, they are not kept: a sketch of all tells which
** can be among the first, and these are read in another pass.
*/
#include "select.h"
#include "totals_parts.h"

#include <stdlib.h>

/* Are only some first groups asked for, as far as SQLite tells? How many, and by what. */
bool totals_asks_first(const struct totals *t, enum measure *by, size_t *n) {
    const struct totals_request *r = &t->request;
    const struct order_term *term = &r->order[0];
    bool listed = r->first >= 0, greatest = listed ? r->greatest : term->desc;
    if (t->whole || r->counts || t->query->any_least ||
        (listed ? r->counted >= 0 || r->first > ORDER_FEW
                : !totals_asks_few(t) || r->norder == 0 || term->kind != ORDER_MEASURE))
        return false;
    *by = listed ? r->first_by : (enum measure)term->id;
    *n = (size_t)(listed ? r->first : t->query->limit);
    return *n > 0 && sketch_able(*by, greatest);
}

struct reaching {
    const struct totals *totals;
    uint64_t least;
};

static bool reaches(const void *arg, const uint64_t *row) {
    const struct reaching *r = arg;
    const struct totals *t = r->totals;
    return sketch_value(t->sketch, &t->spec, row + t->keys.words) >= r->least;
}

/* The value of the n-th group, and no groups that have less; 0 when there are not so many. False without memory. */
static bool keep_first(struct totals *t, size_t n, uint64_t *least) {
    size_t rows, width = group_width(groups_shape(t->groups));
    struct select_heap best = {malloc(n * sizeof *best.value), 0};
    for (unsigned p = 0; best.value && p < groups_parts(t->groups); p++) {
        const uint64_t *row = groups_rows(t->groups, p, &rows);
        for (size_t i = 0; i < rows; i++, row += width)
            select_heap_add(&best, n, sketch_value(t->sketch, &t->spec, row + t->keys.words));
    }
    *least = best.value && best.n == n ? best.value[0] : 0;
    const struct reaching reaching = {t, *least};
    for (unsigned p = 0; *least && p < groups_parts(t->groups); p++)
        groups_keep(t->groups, p, reaches, &reaching);
    free(best.value);
    return best.value != NULL;
}

/* Read the groups that fall into the largest cells, then those that may be among the first ones still. Results as of
** totals_read_all(); TOTALS_MANY also when these are too many to be worth it. */
static int read_first(struct totals *t, size_t n) {
    uint64_t least = sketch_guess(t->sketch), most = UINT64_MAX, reached = 0;
    do {
        if (least == 0 || sketch_count(t->sketch, least, most) > sketch_cells(t->sketch) / 8)
            return TOTALS_MANY;
        sketch_look_for(t->sketch, least, most);
        if (!totals_start_readers(t))
            return FVT_NOMEM;
        int rc = totals_read_all(t);
        if (rc == FVT_OK)
            rc = totals_merge(t);
        if (rc != FVT_OK || interrupt_stopped(&t->interrupt))
            return rc;
        if (!keep_first(t, n, &reached))
            return FVT_NOMEM;
        most = least - 1;
        least = reached;
    } while (reached <= most);
    return FVT_OK;
}

/* A group's row as sketch_add_group() wants it: with marks of its addresses. */
static void mark_row(const struct totals *t, const uint64_t *row, uint64_t *to) {
    memcpy(to, row, group_width(groups_shape(t->groups)) * sizeof *to);
    for (int d = 0; d < t->spec.ndims; d++) {
        const struct key_slot *s = &t->keys.slot[d];
        uint64_t number = key_get(s, row);
        if (t->spec.dim[d].class == FLOW_IP && number)
            to[s->word] ^= (number ^ interner_marked(&t->interner, number)) << s->shift;
    }
}

/* What there is of groups goes to the cells, and all that is still to be read. */
static int read_cells(struct totals *t) {
    size_t n, width = group_width(groups_shape(t->groups));
    uint64_t marked[MAX_KEY_WORDS + GROUP_COUNTERS + 2];
    int rc = FVT_OK;
    for (int i = 0; i < t->threads; i++)
        if (!aggregate_flush(t->reader[i].aggregate) ||
            !aggregate_sketch(t->reader[i].aggregate, t->sketch, i, false))
            rc = FVT_NOMEM;
    if (rc == FVT_OK)
        rc = totals_merge(t);
    if (rc != FVT_OK)
        return rc;
    for (unsigned p = 0; p < groups_parts(t->groups); p++) {
        const uint64_t *row = groups_rows(t->groups, p, &n);
        for (size_t i = 0; i < n; i++, row += width) {
            mark_row(t, row, marked);
            sketch_add_group(t->sketch, &t->spec, t->keys.words, marked);
        }
        groups_drop(t->groups, p);
    }
    return totals_read_all(t);
}

/* All readers pause, for there are many groups: find out which cannot be the first ones, and read the others. Where that is
** no use, all. */
int totals_sift(struct totals *t) {
    enum measure by;
    size_t n, octets;
    t->siftable = false;
    if (!totals_asks_first(t, &by, &n) ||
        !(t->sketch = sketch_new(by, n, t->request.measures == UINT32_C(1) << by, t->threads,
                                 t->budget.limit / 8)))
        return FVT_NOMEM;
    octets = sketch_octets(t->sketch);
    budget_add(&t->budget, octets);
    int rc = read_cells(t);
    if (rc == FVT_OK)
        rc = read_first(t, n);
    budget_sub(&t->budget, octets);
    t->sifted = rc == FVT_OK;
    if (rc == TOTALS_MANY) {
        sketch_free(t->sketch);
        t->sketch = NULL;
        totals_stop_reading(t);
        memset(t->total, 0, sizeof t->total);
        rc = totals_make_groups(t) && totals_start_readers(t) ? totals_read_all(t) : FVT_NOMEM;
    }
    return rc;
}
