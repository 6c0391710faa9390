/* SPDX-License-Identifier: MIT */
/*
** What a row must fulfil: the constraints of the statement and the filter parameter, as one tree
** of tests on scan columns. It is asked three ways: of a group's zone maps, of a group's
** dictionaries, and of a block of rows.
**
** Scan columns are the fields of the catalogue as SQL shows them (bytes and packets scaled by the
** sampling rate, flows never NULL; sampling as corrected afterwards, see overrides.h), then the counters and
** the sampling rate as they were stored.
*/
#ifndef FLOWVT_PREDICATE_H
#define FLOWVT_PREDICATE_H

#include "../schema/fvt.h"
#include "filter_tree.h"
#include "labels.h"

enum scan_column {
    SCAN_raw_packets = FLOW_NFIELDS,
    SCAN_raw_bytes,
    SCAN_raw_outpackets,
    SCAN_raw_outbytes,
    SCAN_raw_sampling,
    SCAN_NCOLUMNS
};

/* The field that scan column c is stored in, and whether it is scaled on read. */
int scan_field(int column);
bool scan_scaled(int column);

enum predicate_op {
    PREDICATE_AND, /* without children: true */
    PREDICATE_OR,
    PREDICATE_NOT,
    /* Tests of a column. NULL fails all but the first. */
    PREDICATE_NULL,
    PREDICATE_NOTNULL,
    PREDICATE_RANGES, /* integer in values.range */
    PREDICATE_NETS,   /* address in values.net */
    PREDICATE_MASK,   /* (integer & mask) == value */
    PREDICATE_TEXT, /* the column's text compares so with the first of values.text, or is one of them */
    PREDICATE_ZONE, /* the text of the address's zone, likewise */
    PREDICATE_OWN,  /* a column of the site's, out of the text of extra, in values */
    PREDICATE_MPLS, /* what value (enum filter_label) says of MPLS labels, in values.range */
    /* Tests of no one column. */
    PREDICATE_COMPUTED, /* a number computed from several columns, none NULL, in values.real */
    PREDICATE_COUNT,    /* the flow's number among those of the store, in values.real */
};

/* No row of a group passes, every row does, or it takes a look. */
enum predicate_zone { ZONE_NONE, ZONE_SOME, ZONE_ALL };

/* LIKE and GLOB are SQLite's; of addresses, values.net is where they may be, when it is given. */
enum text_op {
    TEXT_EQ,
    TEXT_NE,
    TEXT_LT,
    TEXT_LE,
    TEXT_GT,
    TEXT_GE,
    TEXT_IN,
    TEXT_LIKE,
    TEXT_GLOB
};

enum {
    PREDICATE_FEW = 8, /* ranges that are faster compared with each than looked up */
    PREDICATE_LOW = 1 << 16,
};

struct predicate {
    enum predicate_op op;
    uint32_t n;
    struct predicate **child;
    int column; /* of tests of one */
    enum computed computed;
    const struct own_column *own; /* borrowed */
    struct filter_values values;  /* normalized before the first predicate_bind() */
    int64_t mask, value;
    /* Of many ranges, as a list of ports is: a bit for each of the numbers below PREDICATE_LOW; NULL: none. */
    uint64_t *low;
    enum text_op text_op;
    struct labels *labels; /* of ZONE, borrowed: predicate_set_labels() */
    /* What holds in the group that the tree is bound to. */
    bool bound;
    enum predicate_zone zone;
    double share;              /* of the rows that pass, by guess */
    uint32_t code_lo, code_hi; /* coded: codes from the one to before the other pass, */
    uint8_t *codes;            /* or, when they are no such range, those with a 1 here */
};

/* All return NULL when memory is out; predicate_free(NULL) is fine. A node owns its children. */
struct predicate *predicate_new(enum predicate_op op, int column);
void predicate_free(struct predicate *p);
/* Makes child one of parent's; frees it and returns false when it cannot. */
bool predicate_adopt(struct predicate *parent, struct predicate *child);
/* The same test as a filter's tree, which is copied. */
struct predicate *predicate_from_filter(const struct filter_node *node);
/* A copy that shares nothing, bound to no group. */
struct predicate *predicate_clone(const struct predicate *p);

/* Ask zone maps, then look the tests on coded columns up in a group's dictionaries, as far as it
** takes to know that no row passes, or that every one does. dict() gives the dictionary of a column,
** *out NULL when the column is all NULL in this group; what it returns but FVT_OK is returned. *zone
** is what is known then. A second call for the same group is answered from memory. */
struct predicate_group {
    const struct fvt_group *group;
    int (*dict)(void *arg, int column, const struct fvt_dict **out);
    void *arg;
    bool resampled;  /* sampling rates are not those of the zone maps */
    uint64_t before; /* flows of the store before the group; 0 unless predicate_counts() */
};
int predicate_bind(struct predicate *p, const struct predicate_group *g, enum predicate_zone *zone);
/* Before the first predicate_bind() of a group. */
void predicate_unbind(struct predicate *p);

/* Pass[i] = 1 when row i of n passes, else 0; p must be bound. values() gives the block's values
** (codes for IP and TEXT) and its NULL marks. Tests are made in the order in which they are likely
** to be the fewest, and columns that no row is left for are not asked for. Returns false when
** values() has given NULL. */
struct predicate_block {
    const int64_t *(*values)(void *arg, int column, const uint8_t **nulls);
    void *arg;
    uint32_t n;
    uint64_t before; /* flows of the store before the block; 0 unless predicate_counts() */
};
enum { PREDICATE_BLOCK = 2048 }; /* n is at most this */
bool predicate_test(const struct predicate *p, const struct predicate_block *b, uint8_t *pass);

/* Does the tree ask for the numbers of flows (PREDICATE_COUNT)? */
bool predicate_counts(const struct predicate *p);

/* For tests of zones, which is to be said before the first predicate_bind(). Is there one? labels may be NULL to ask. */
bool predicate_set_labels(struct predicate *p, struct labels *labels);
/* The bounds, both included, that the tree certainly sets to the values of a column of integers. */
void predicate_bounds(const struct predicate *p, int column, int64_t *lo, int64_t *hi);

/* Every scan column that the tree asks about, as column[...] = true. */
void predicate_columns(const struct predicate *p, bool column[SCAN_NCOLUMNS]);

#endif
