/* SPDX-License-Identifier: MIT */
/*
** One thread's share of a totals query: reads blocks of a scan, cuts flows at the ends of the
** window and of buckets, packs keys, and adds all up in a table of groups.h.
**
** What is added need not be flows: aggregate_add() takes rows of any origin, as columns.
*/
#ifndef FLOWVT_AGGREGATE_H
#define FLOWVT_AGGREGATE_H

#include "groups.h"
#include "interner.h"
#include "keys.h"
#include "scan.h"

struct sketch;

/* What is asked, the same for all threads. */
struct aggregate_spec {
    struct dimension dim[MAX_DIMENSIONS];
    int ndims;
    bool counts;    /* dim[ndims] is no part of the key, but its values are counted (counted.h) */
    bool buckets;   /* time is part of the key */
    int64_t bucket; /* ms */
    /* By the bucket's number, and by the application's: is it asked for? NULL: all are. */
    const uint8_t *wanted, *applications;
    struct window window;
    struct labels *labels;       /* borrowed; NULL when no dimension is one */
    int sides;                   /* 2: endpoints */
    int sets;                    /* of counters: 2 when those of each side are asked for apart */
    int counter[GROUP_COUNTERS]; /* scan columns; flows is the first */
    int ncounters;               /* of a set */
    bool total;                  /* of all groups is asked for */
    bool times;                  /* first and last are asked for */
    /* Flows that lie in the window count whole, and counters as SQL's sum() takes them: where one is NULL,
    ** or sums may be too large for it, reading ends with AGGREGATE_UNFIT. */
    bool whole;
    bool records; /* the same where a record stands for more flows than one */
};

/* Dimensions, and the one that is counted. */
static inline int aggregate_dims(const struct aggregate_spec *spec) {
    return spec->ndims + spec->counts;
}

struct aggregate;

/* All is borrowed; keys is of spec. values: with spec->counts, groups by the key and the value of the dimension that is
** counted, without counters. NULL without memory. */
struct aggregate *aggregate_new(const struct aggregate_spec *spec, const struct key_layout *keys,
                                struct groups *groups, struct groups *values,
                                struct interner *interner);
void aggregate_free(struct aggregate *a);

enum aggregate_result {
    AGGREGATE_DONE,   /* the scan is at its end */
    AGGREGATE_PAUSED, /* pause() said so; aggregate_run() goes on */
    AGGREGATE_WIDE,   /* a group has values beyond the layout: wide[] says of which dimensions */
    AGGREGATE_UNFIT,  /* see aggregate_spec.whole */
    AGGREGATE_FAILED, /* the scan's code in *rc, or FVT_NOMEM */
};

/* Read scan to its end, or until pause(arg) is true, which is asked after every block. What was
** added is in groups only after a flush: this does it in the end. side: the parts of the scan's own
** predicate that each side must pass; not looked at when there is one side. */
enum aggregate_result aggregate_run(struct aggregate *a, struct scan *scan,
                                    struct predicate *const side[2], bool (*pause)(void *arg),
                                    void *arg, bool wide[MAX_DIMENSIONS], int *rc);
/* Rows that were added since it was asked last. */
size_t aggregate_counted(struct aggregate *a);
/* With spec.whole: no sum of what was read is larger. */
uint64_t aggregate_most(const struct aggregate *a);
/* With spec.total: add the counters of all that was counted, once however often it is read for a sketch, to total as if it were
** one group's. */
void aggregate_total(const struct aggregate *a, uint64_t *total);
/* From now on what is read is only added to the cells of sketch, or if found is true, what falls into the cells that are
** looked for goes to groups. share: this thread's. sketch is borrowed. False without memory. */
bool aggregate_sketch(struct aggregate *a, struct sketch *sketch, int share, bool found);
/* While paused: hand all to groups; false without memory. The interner was cleared: forget it. */
bool aggregate_flush(struct aggregate *a);
void aggregate_forget(struct aggregate *a);

/* A column of rows: integers, or codes of dict for IP and TEXT. */
struct aggregate_column {
    const int64_t *v;
    const uint8_t *null; /* NULL: none is */
    const struct fvt_dict *dict;
};

/* A value that is not negative; -1: NULL. */
static inline int64_t aggregate_value(const struct aggregate_column *c, uint32_t at) {
    return c->null && c->null[at] ? -1 : c->v[at];
}

/* n rows (at most GROUP_BATCH) for one side. row: their places in the columns of dim; NULL: the
** first n. bucket: their buckets by key_bucket(), 0 for none. value, first and last are those of the
** rows alone. */
struct aggregate_rows {
    uint32_t n;
    const uint16_t *row;
    struct aggregate_column dim[MAX_DIMENSIONS];
    struct aggregate_column mask[MAX_DIMENSIONS]; /* of a network */
    struct aggregate_column port[2]; /* source and destination, when a dimension is made of them */
    const uint64_t *bucket;
    const int64_t *value[GROUP_COUNTERS];
    const int64_t *first, *last;
};
/* False without memory, or when labels do not fit their slots. Dictionaries are told apart by their address, so aggregate_new_dicts() must
** be called when one seen before may have gone. */
bool aggregate_add(struct aggregate *a, int side, const struct aggregate_rows *rows);
void aggregate_new_dicts(struct aggregate *a);

/* Scan columns that aggregate_run() will ask for. */
void aggregate_columns(const struct aggregate_spec *spec, bool used[SCAN_NCOLUMNS]);

#endif
