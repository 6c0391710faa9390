/* SPDX-License-Identifier: MIT */
/*
** Counting what is distinct: how many values of a dimension the groups have, without a row for each of them.
**
** While flows are read, the keys that occur with each value are kept apart from the groups (aggregate.h), without counters. In the
** end each of these adds one to the counter of its group that lies behind all others (measures.h). NULL is no value.
*/
#ifndef FLOWVT_COUNTED_H
#define FLOWVT_COUNTED_H

#include "aggregate.h"
#include "workers.h"

/* Both are flushed and at rest; values is empty afterwards, and groups still to be merged. FVT_OK or FVT_NOMEM; after an interrupt
** neither are of use. */
int counted_add(const struct aggregate_spec *spec, const struct key_layout *keys,
                struct groups *values, struct groups *groups, int threads,
                struct interrupt *interrupt);

#endif
