/* SPDX-License-Identifier: MIT */
/*
** Groups that go to disk when memory is used up, with what names them, and come from there in order as they would from
** memory.
*/
#include "record.h"
#include "totals_parts.h"

#include <string.h>

const struct name *totals_name_in_memory(const void *arg, int dim, const uint64_t *row) {
    const struct totals *t = arg;
    return interner_get(&t->interner, t->spec.dim[dim].class, key_get(&t->keys.slot[dim], row));
}

const struct name *totals_name_on_disk(const void *arg, int dim, const uint64_t *row) {
    (void)row;
    return &((const struct totals *)arg)->spilled_name[dim];
}

static int spill_row(struct totals *t, struct spill *to, const struct order *o, const uint64_t *row,
                     record_name *name) {
    t->record.n = 0;
    record_encode(o, row, name, t, &t->record);
    if (t->record.failed)
        return FVT_NOMEM;
    int rc = spill_add(to, t->record.p, t->record.n, row + t->keys.words);
    return rc == FVT_IO ? totals_fail(t, rc, spill_message(to)) : rc;
}

static bool orders_by_measure(const struct totals *t) {
    for (int i = 0; i < t->request.norder; i++)
        if (t->request.order[i].kind == ORDER_MEASURE)
            return true;
    return false;
}

/* The order in which groups are spilled: that of the statement, unless it needs their totals. */
static int open_spill(struct totals *t, const struct group_shape *shape) {
    if (t->spill)
        return FVT_OK;
    t->spill = spill_new(shape, t->budget.limit / 8, &t->stop);
    int n = orders_by_measure(t) ? 0 : t->request.norder;
    return t->spill && order_make(&t->on_disk, &t->spec, &t->keys, NULL, NULL, t->request.order, n)
               ? FVT_OK
               : FVT_NOMEM;
}

/* All merged groups to disk, and the numbers of their addresses forgotten. */
static int spill_groups(struct totals *t) {
    size_t width = group_width(groups_shape(t->groups));
    int rc = open_spill(t, groups_shape(t->groups));
    if (rc == FVT_OK && !interner_name(&t->interner, &t->stop))
        rc = FVT_NOMEM;
    if (interrupt_poll(&t->interrupt))
        return TOTALS_INTERRUPTED;
    for (unsigned p = 0; rc == FVT_OK && p < groups_parts(t->groups); p++) {
        size_t n;
        const uint64_t *row = groups_rows(t->groups, p, &n);
        for (size_t i = 0; rc == FVT_OK && i < n && !sort_stopped(&t->stop, i); i++, row += width)
            rc = spill_row(t, t->spill, &t->on_disk, row, totals_name_in_memory);
        groups_drop(t->groups, p);
        if (interrupt_poll(&t->interrupt))
            return TOTALS_INTERRUPTED;
    }
    interner_clear(&t->interner);
    return rc;
}

/* The next record of from as the current group: 1, 0 at the end, or negative. */
int totals_next_on_disk(struct totals *t, struct spill *from, const struct order *o) {
    struct spill_record r;
    int rc = spill_next(from, &r);
    if (rc != 1)
        return rc == FVT_IO ? totals_fail(t, rc, spill_message(from)) : rc;
    const struct group_shape *shape = groups_shape(t->groups);
    if (!record_decode(o, r.key, r.n, t->spilled_row, t->spilled_name, &t->texts))
        return FVT_NOMEM;
    memcpy(t->spilled_row + shape->words, r.sums,
           (group_width(shape) - (size_t)shape->words) * sizeof *r.sums);
    t->row = t->spilled_row;
    return 1;
}

/* An order by totals: sort once more, by it. */
static int sort_again(struct totals *t) {
    struct order by_measure;
    struct spill *again = spill_new(groups_shape(t->groups), t->budget.limit / 8, &t->stop);
    int rc = again && order_make(&by_measure, &t->spec, &t->keys, NULL, NULL, t->request.order,
                                 t->request.norder)
                 ? FVT_OK
                 : FVT_NOMEM;
    while (rc == FVT_OK && (rc = totals_next_on_disk(t, t->spill, &t->on_disk)) == 1) {
        rc = spill_row(t, again, &by_measure, t->row, totals_name_on_disk);
        if (rc == FVT_OK && interrupt_poll(&t->interrupt))
            rc = TOTALS_INTERRUPTED;
    }
    spill_free(t->spill);
    t->spill = again;
    t->on_disk = by_measure;
    if (rc == FVT_OK)
        rc = spill_sort(again);
    return rc == FVT_IO ? totals_fail(t, rc, spill_message(again)) : rc;
}

/* The key without the dimension that is counted, which is the last one; the bucket is behind all. */
static void put_key(const struct totals *t, const struct key_layout *from, const uint64_t *row,
                    uint64_t *to) {
    memset(to, 0, (size_t)t->keys.words * sizeof *to);
    for (int d = 0; d < t->spec.ndims + t->spec.buckets; d++) {
        const struct key_slot *s = &t->keys.slot[d];
        to[s->word] |= key_get(&from->slot[d < t->spec.ndims ? d : d + 1], row) << s->shift;
    }
}

/* Of groups by the key and the dimension that is counted, in an order that does not matter, those by the key: what is on disk
** adds up by itself. */
static int count_on_disk(struct totals *t) {
    const struct aggregate_spec fine = t->spec;
    const struct key_layout fine_keys = t->keys;
    struct order from = t->on_disk;
    struct spill *values = t->spill;
    uint64_t row[MAX_KEY_WORDS + GROUP_COUNTERS + 2];
    int counters = fine.ncounters * fine.sets, rc = 1;
    from.spec = &fine;
    from.keys = &fine_keys;
    t->spill = NULL;
    t->spec.ndims--;
    t->spec.counts = true;
    key_layout_make(&t->keys, t->spec.dim, t->spec.ndims, true,
                    t->spec.buckets ? t->spec.bucket : 0, &t->spec.window);
    const struct group_shape shape = {t->keys.words, counters + 1, t->spec.times};
    if (open_spill(t, &shape) != FVT_OK)
        rc = FVT_NOMEM;
    while (rc == 1 && (rc = totals_next_on_disk(t, values, &from)) == 1) {
        const uint64_t *sums = t->row + fine_keys.words;
        uint64_t *to = row + t->keys.words;
        put_key(t, &fine_keys, t->row, row);
        memcpy(to, sums, (size_t)counters * sizeof *to);
        to[counters] = key_get(&fine_keys.slot[t->spec.ndims], t->row) != 0;
        memcpy(to + counters + 1, sums + counters, t->spec.times ? 2 * sizeof *to : 0);
        int failed = spill_row(t, t->spill, &t->on_disk, row, totals_name_on_disk);
        rc = failed ? failed : interrupt_poll(&t->interrupt) ? TOTALS_INTERRUPTED : 1;
    }
    spill_free(values);
    if (rc == FVT_OK && !totals_make_groups(t))
        rc = FVT_NOMEM;
    return rc;
}

static int sort_spilled(struct totals *t) {
    int rc = spill_sort(t->spill);
    return rc == FVT_IO ? totals_fail(t, rc, spill_message(t->spill)) : rc;
}

/* What is in memory still is the last to go to disk. */
int totals_finish_spill(struct totals *t) {
    int rc = spill_groups(t);
    if (rc == FVT_OK)
        rc = sort_spilled(t);
    if (rc == FVT_OK && t->request.counts && (rc = count_on_disk(t)) == FVT_OK)
        rc = sort_spilled(t);
    return rc == FVT_OK && orders_by_measure(t) ? sort_again(t) : rc;
}

/* All readers pause. */
int totals_make_room(struct totals *t) {
    int rc = FVT_OK;
    for (int i = 0; i < t->threads; i++)
        if (!aggregate_flush(t->reader[i].aggregate))
            rc = FVT_NOMEM;
    if (rc == FVT_OK)
        rc = totals_merge(t);
    if (rc != FVT_OK || interrupt_stopped(&t->interrupt) ||
        budget_used(&t->budget) < totals_full_at(t) / 2)
        return rc;
    if (t->spec.counts)
        return TOTALS_LARGE;
    rc = spill_groups(t);
    for (int i = 0; i < t->threads; i++)
        aggregate_forget(t->reader[i].aggregate);
    return rc;
}
