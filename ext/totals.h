/* SPDX-License-Identifier: MIT */
/*
** Totals of flows by a key: what traffic and endpoints are made of.
**
** How flows are cut at the ends of windows and buckets is in schema/portion.h. Several threads read
** the store and keep what they count in memory as limits.h allows; an sqlite3_interrupt() stops
** them.
*/
#ifndef FLOWVT_TOTALS_H
#define FLOWVT_TOTALS_H

#include "order.h"
#include "query.h"

struct totals;

/* What is asked beyond the query. measures: a bit for each enum measure. */
struct totals_request {
    const struct sql_table *table;
    sqlite3 *db;
    struct dimension dim[MAX_DIMENSIONS];
    int ndims;
    struct labels *labels; /* borrowed; there when a dimension is one */
    uint32_t measures;
    bool buckets; /* time is part of the key */
    struct order_term order[MAX_ORDER];
    int norder; /* 0: any order */
    /* Nobody looks at groups but the first ones by this measure, and those equal to the last of these;
    ** or, with counted >= 0, at those but of the first values of dimension counted_by, by the number of
    ** values of dimension counted that they have. In memory the others are left out. -1: all are looked
    ** at. */
    int64_t first;
    enum measure first_by;
    int counted, counted_by;
    bool total; /* of all groups is asked for, too */
    bool
        counts; /* dim[ndims] is none of the key: how many values of it a group has is MEASURE_counted */
    bool rows;     /* SQLite counts rows: MEASURE_flows is to be the number of records */
    bool bare;     /* the networks that addresses become are shown as their first addresses */
    bool greatest; /* the first are the greatest, or else the least */
};

/* query and snapshot are borrowed, request is copied. */
struct totals *totals_new(const struct totals_request *request, const struct query *query,
                          struct snapshot *snapshot);
void totals_free(struct totals *t);

/* Go to the next group. 1, 0 at the end, or negative: FVT_* with totals_message(), or
** TOTALS_INTERRUPTED, or of flows TOTALS_UNFIT instead of the first group: let SQLite add up. */
enum { TOTALS_INTERRUPTED = -100, TOTALS_UNFIT = -101 };
int totals_next(struct totals *t);
const char *totals_message(const struct totals *t);

/* Of the current group. */
bool totals_null(const struct totals *t, int dim);
int64_t totals_integer(const struct totals *t, int dim);               /* UINT, MAC */
const char *totals_text(const struct totals *t, int dim, uint32_t *n); /* IP, TEXT */
bool totals_bucket(const struct totals *t, int64_t *ms); /* false: a flow without a time */
uint64_t totals_measure(const struct totals *t, enum measure m);
/* false when no flow of the group has a time */
bool totals_span(const struct totals *t, int64_t *first, int64_t *last);
/* Of all groups, for a measure that is a count; with totals_request.total. */
uint64_t totals_total(const struct totals *t, enum measure m);
/* A function of the key and the parameters alone. */
int64_t totals_rowid(const struct totals *t);

#endif
