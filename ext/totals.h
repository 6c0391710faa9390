/* SPDX-License-Identifier: MIT */
/*
** Totals of flows by a key: what traffic and endpoints are made of.
**
** The part of a flow before time t is floor(counter * (t - start) / (end - start + 1)), so the
** differences between the ends of adjacent buckets, or windows, add up to exactly the counter. A
** flow is counted as one flow where it starts.
**
** Several threads read the store, as many as there are processors, or as FLOWVT_THREADS in the
** environment says. When the groups outgrow the memory budget (FLOWVT_MEMORY in the environment,
** octets with k, M, G behind it, default 1G) the work is done in several passes over the store,
** each for a part of the keys.
*/
#ifndef FLOWVT_TOTALS_H
#define FLOWVT_TOTALS_H

#include "aggregate.h"
#include "query.h"

struct totals;

/* query and snapshot are borrowed. measures: those that are asked for, a bit each. buckets: time is
** part of the key. */
struct totals *totals_new(const struct sql_table *t, const struct query *query,
                          struct snapshot *snapshot, const struct dimension *dims, int ndims,
                          uint32_t measures, bool buckets);
void totals_free(struct totals *t);

/* Go to the next group. 1, 0 at the end, or negative FVT_* with totals_message(). */
int totals_next(struct totals *t);
const char *totals_message(const struct totals *t);

/* Of the current group. */
bool totals_null(const struct totals *t, int dim);
int64_t totals_integer(const struct totals *t, int dim);          /* UINT, MAC */
const struct flow_ip *totals_ip(const struct totals *t, int dim); /* masked */
const char *totals_text(const struct totals *t, int dim, size_t *n);
bool totals_bucket(const struct totals *t, int64_t *ms); /* false: a flow without a time */
uint64_t totals_measure(const struct totals *t, enum measure m);
/* false when no flow of the group has a time */
bool totals_span(const struct totals *t, int64_t *first, int64_t *last);
/* A function of the key and the parameters alone. */
int64_t totals_rowid(const struct totals *t);

#endif
