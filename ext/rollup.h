/* SPDX-License-Identifier: MIT */
/*
** Which roll-ups of a file a totals query is answered from, and what is left for the flows.
**
** A roll-up will do when it has all columns that rows are grouped by and tested on, and counts by hour or day
** where the query's buckets are made of whole hours or days. It then stands for the whole hours (days)
** of the window: [since, first whole hour) and [last whole hour, until) are read from the flows. Of
** several the one with the fewest rows is taken, by day where whole days are in the window and by hour at
** their ends. Files that have none, those not merged yet among them, are read as ever.
**
** What comes out is the same to the octet, since roll-ups are made by the rule that queries cut flows by
** (schema/portion.h), and hold a row also for what is there without counting anything.
*/
#ifndef FLOWVT_EXT_ROLLUP_H
#define FLOWVT_EXT_ROLLUP_H

#include "../schema/fvt.h"
#include "window.h"

/* Whose part of an endpoints query; of traffic there is only the sender's. */
enum { SIDE_SENDER = 1, SIDE_RECEIVER = 2, SIDE_BOTH = 3 };

/* Can a roll-up have this scan column among its columns? */
bool rollup_able(int column);

/* What a query asks of a roll-up. */
struct rollup_request {
    int sides;                  /* 2: endpoints */
    bool need[2][FLOW_NFIELDS]; /* of each side: columns of its keys and tests */
    bool totals[FLOW_NFIELDS];  /* what is added up: counters, and times where they are asked for */
    int64_t bucket;             /* ms, 0: none */
    struct window window;
};

/* Row groups of a file to be read one after the other: flows, or a roll-up's totals. */
struct rollup_part {
    const struct fvt_group *groups;
    uint32_t n;
    struct window window;
    unsigned sides;
    bool totals;
};
enum { ROLLUP_PARTS = 16 }; /* 8, and the flows for each of them */
struct rollup_parts {
    struct rollup_part part[ROLLUP_PARTS];
    int n;
    struct fvt_group *opened[ROLLUP_PARTS]; /* of roll-ups; owned */
    uint32_t nopened[ROLLUP_PARTS];
    int nrollups;
};

/* How a file answers the request: from what is whole of its roll-ups (a damaged one is no use, which the log
** says), else from the flows alone. request NULL: all flows. file must stay. */
void rollup_parts_make(const struct rollup_request *request, const struct fvt_file *file,
                       struct rollup_parts *out);
/* The one row group of a part cannot be read: the flows answer in its place. */
void rollup_parts_reject(struct rollup_parts *parts, const struct fvt_file *file,
                         const struct window *window, unsigned sides);
void rollup_parts_free(struct rollup_parts *parts);

#endif
