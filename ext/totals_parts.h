/* SPDX-License-Identifier: MIT */
/*
** What the files of totals share; nothing for others. Results are FVT_*, TOTALS_INTERRUPTED and TOTALS_UNFIT, and what
** their function says.
*/
#ifndef FLOWVT_TOTALS_PARTS_H
#define FLOWVT_TOTALS_PARTS_H

#include "sketch.h"
#include "spill.h"
#include "totals.h"

/* One thread's share of a scan. */
struct reader {
    struct predicate *predicate;
    struct scan *scan;
    struct aggregate *aggregate;
    enum aggregate_result result;
    bool wide[MAX_DIMENSIONS];
    int rc;
    size_t octets; /* of its columns, as counted in totals */
};

struct totals {
    struct totals_request request;
    const struct query *query;
    struct snapshot *snapshot;
    struct aggregate_spec spec;
    struct key_layout keys;
    uint8_t *wanted, *applications; /* of spec */
    bool rollups;                   /* may one do? */
    struct rollup_request rollup;
    struct budget budget;
    struct interner interner;
    struct groups *groups;
    struct groups *values; /* with spec.counts (counted.h) */
    bool apart;            /* what is counted is a dimension of groups that go to disk */
    struct interrupt interrupt;
    struct sort_stop stop; /* the same, for who does not know it */
    struct scan_source *source;
    struct reader reader[MAX_THREADS];
    int threads;
    atomic_int next; /* of the readers, or of the partitions */
    atomic_bool failed;
    uint64_t total[2 * GROUP_COUNTERS]; /* of all groups, as the counters of one */
    bool started;
    struct order order;
    uint64_t *rows; /* in order; NULL: as the partitions have them */
    size_t nrows, at;
    bool unordered; /* rows are the first ones only, groups has all of them */
    unsigned part;
    const uint64_t *row;   /* of the current group */
    atomic_size_t counted; /* rows that were read */
    atomic_size_t reading; /* octets of the columns that the readers are at */
    bool siftable;         /* only the first groups are asked for, and not yet looked for alone */
    bool sifted;           /* groups has no others */
    bool whole;            /* more than the first ones are asked for after all */
    struct sketch *sketch; /* that tells which they are */
    struct spill *spill;   /* NULL: all is in memory */
    struct order on_disk;  /* of spill */
    uint64_t spilled_row[MAX_KEY_WORDS + GROUP_COUNTERS + 2];
    struct name spilled_name[MAX_DIMENSIONS];
    struct fvt_buffer texts, record;
    struct fvt_error error;
};

/* Keep a message for totals_message(); returns rc. */
int totals_fail(struct totals *t, int rc, const char *text);

/* ---- totals_read.c ---- */

/* Begin with all: the layout of keys, groups, readers. */
int totals_start_reading(struct totals *t);
void totals_stop_reading(struct totals *t);
/* Its parts. Readers read from the begin, what t->sketch looks for if there is one. False without memory. */
bool totals_make_groups(struct totals *t);
bool totals_start_readers(struct totals *t);
/* Read all that is left. TOTALS_NARROW: the layout was too narrow, begin anew; TOTALS_MANY: there are more groups than are to
** be kept while only the first ones are looked for; TOTALS_LARGE: with spec.counts, there is more than memory has room for. */
enum { TOTALS_NARROW = 1, TOTALS_MANY = 2, TOTALS_LARGE = 3 };
int totals_read_all(struct totals *t);
/* Begin with these many dimensions: all of the request, what is counted one of them with t->apart. */
void totals_set_dimensions(struct totals *t);
/* What all threads have flushed, into one group for each key. */
int totals_merge(struct totals *t);

/* Octets that a group takes while it is sorted with others. */
size_t totals_sorted_octets(const struct totals *t);
/* Memory for groups beside columns of so many octets that are being read. */
size_t totals_room(const struct totals *t, size_t reading);
/* Octets of the budget at which to make room for more groups. */
size_t totals_full_at(struct totals *t);
/* Is it certain, but for tests that SQLite may have of its own, that only a few groups in order are asked for? */
bool totals_asks_few(const struct totals *t);

/* ---- totals_disk.c ---- */

/* While all readers pause: merge, and spill where that is not enough. */
int totals_make_room(struct totals *t);
/* What is in memory still is the last to go to disk, which then is in order. */
int totals_finish_spill(struct totals *t);
/* Has the current group at least what is asked for? */
bool totals_has_least(const void *totals, const uint64_t *row);
/* The next record of from as the current group: 1, 0 at the end, or negative. */
int totals_next_on_disk(struct totals *t, struct spill *from, const struct order *o);
const struct name *totals_name_in_memory(const void *totals, int dim, const uint64_t *row);
const struct name *totals_name_on_disk(const void *totals, int dim, const uint64_t *row);

/* ---- totals_first.c ---- */

/* Are only some first groups asked for, as far as SQLite tells? How many, and by what. */
bool totals_asks_first(const struct totals *t, enum measure *by, size_t *n);
/* After TOTALS_MANY, while all readers pause: find out which groups cannot be the first ones, and read the others; where that
** is no use, all. Results as of totals_read_all(). */
int totals_sift(struct totals *t);

#endif
