/* SPDX-License-Identifier: MIT */
/*
** Sums by bucket of what flows that last for many buckets have in each, for totals without other dimensions: a flow is
** added to an array, by the rule of portion.h, and only the sums of many flows become contributions.
*/
#ifndef FLOWVT_BUCKET_SUMS_H
#define FLOWVT_BUCKET_SUMS_H

#include <stdbool.h>
#include <stdint.h>

#include "../schema/portion.h"
#include "keys.h"

struct bucket_sums;

/* counter: the columns that are added up; FLOW_flows is counted where a flow starts. NULL without memory. */
struct bucket_sums *bucket_sums_new(const struct key_layout *keys, const int *counter,
                                    int ncounters);
void bucket_sums_free(struct bucket_sums *s);

/* Add what lies in [from, to) of a flow with these counters, which is not empty and within the flow. False, and nothing is added,
** when it does not go in: those before have to be taken out first, or it is too long or too large for sums. */
bool bucket_sums_add(struct bucket_sums *s, const struct flow_span *f, const int64_t *value,
                     int64_t from, int64_t to);

/* Take out the sums of a bucket, of any that has some: its number by keys.h. False when there is none left. */
bool bucket_sums_take(struct bucket_sums *s, uint64_t *bucket, int64_t *value);

#endif
