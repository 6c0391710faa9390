/* SPDX-License-Identifier: MIT */
/*
** The totals that SQL asks for, made of the counters of a group.
*/
#ifndef FLOWVT_MEASURES_H
#define FLOWVT_MEASURES_H

#include "aggregate.h"
#include "columns.h"

/* Put into spec, which has its sides, the counters and times that the measures need: wanted has a bit for each. */
void measures_need(struct aggregate_spec *spec, uint32_t wanted);

/* The counter of spec that a side's flows add to a measure that is a count; -1: they add nothing. */
int measure_counter(const struct aggregate_spec *spec, enum measure m, int side);

/* A count, at most INT64_MAX as SQL shows it. sums: what is behind the key in a group's row. */
uint64_t measure_count(const struct aggregate_spec *spec, const uint64_t *sums, enum measure m);

/* First and last; false when no flow of the group has a time. */
static inline bool measure_span(const struct aggregate_spec *spec, const uint64_t *sums,
                                int64_t *first, int64_t *last) {
    const uint64_t *times = sums + spec->ncounters * spec->sets + spec->counts;
    *first = (int64_t)times[0];
    *last = (int64_t)times[1];
    return *first <= *last;
}

#endif
