/* SPDX-License-Identifier: MIT */
/*
** Sampling rates that a site corrects afterwards. When the connection has a table sampling_overrides, in any of its
** databases (that of the flows' own table, then the first one by site_table.h; no view), flows are scaled by what it says instead of by
** the rates that they were stored with:
**
**   CREATE TABLE sampling_overrides(exporter TEXT, since TEXT, until TEXT, rate INTEGER NOT NULL CHECK (rate > 0));
**   INSERT INTO sampling_overrides VALUES ('192.0.2.1', '2026-11-23 10:00', '2026-11-24', 1000);
**
**   exporter   an address or a network; NULL is all exporters
**   since      (or "from") and until: when the flow begins, since <= t < until, written as for the parameters of
**              flows (window.h); NULL is open
**   rate       one packet in so many; 1: they were not sampled
**
** Other columns are the site's own. Of several rows for a flow the one with the longest prefix counts, of equal ones
** the last in the table. A row that cannot be understood is an error. `sampling` shows the rate that is used,
** raw_sampling the stored one.
**
** The table is read when a cursor first runs; it takes some tens of microseconds, and nothing where there is none.
*/
#ifndef FLOWVT_OVERRIDES_H
#define FLOWVT_OVERRIDES_H

#include <sqlite3ext.h>

#include "../schema/fvt.h"

struct override {
    struct flow_ip first, last; /* exporters; of family 0 both: all, those without an address too */
    int64_t since, until;       /* ms */
    int64_t rate;
    int length;     /* of the prefix, in bits; -1: all exporters */
    uint32_t place; /* in the table, from 1 on */
};

/* By precedence, the first one that fits is used. */
struct overrides {
    struct override *row;
    uint32_t n;
    int64_t smallest, largest; /* rates */
};

/* Read the table of the connection, of the database near first; *out is NULL when there is none, or nothing in it. An SQLite result code, and a
** sentence in *message when the table has a mistake, or several databases have one. */
int overrides_read(sqlite3 *db, const char *near, int64_t now, struct overrides **out,
                   char **message);
void overrides_free(struct overrides *o);

/* May a flow of the row group be concerned? Of the file: of one of its groups? o may be NULL. */
bool overrides_touch_group(const struct overrides *o, const struct fvt_group *g);
bool overrides_touch_file(const struct overrides *o, const struct fvt_file *file);

/* What concerns the exporters of one row group: of each entry of its dictionary, and of flows without an exporter
** behind the last, the rows in question. */
struct group_overrides;
/* exporters: NULL when no flow of the group has one. NULL without memory. */
struct group_overrides *group_overrides_new(const struct overrides *o,
                                            const struct fvt_dict *exporters);
void group_overrides_free(struct group_overrides *g);
/* The rate for a flow of the exporter with that code (-1: none) that begins then; dated false: it has no time, and
** only rows without since and until are for it. 0: what it was stored with. */
int64_t group_overrides_rate(const struct group_overrides *g, int64_t code, bool dated,
                             int64_t start);

#endif
