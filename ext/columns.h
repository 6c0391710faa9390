/* SPDX-License-Identifier: MIT */
/*
** The columns of flows, traffic and endpoints, derived from the field catalogue.
**
** The parameters come first, so that they are the arguments of the table-valued function and their
** bits in sqlite3_index_info.colUsed are their own (bit 63 stands for all columns from 63 on). For the same reason
** appname follows as app, and in traffic and endpoints the totals, before the dimensions.
*/
#ifndef FLOWVT_COLUMNS_H
#define FLOWVT_COLUMNS_H

#include "computed.h"
#include "labels.h"
#include "predicate.h"

enum table_kind { TABLE_FLOWS, TABLE_TRAFFIC, TABLE_ENDPOINTS };

enum param {
    PARAM_since,
    PARAM_until,
    PARAM_filter,
    PARAM_store,
    PARAM_bucket, /* traffic and endpoints */
    PARAM_mask4,
    PARAM_mask6,
    PARAM_endnet, /* endpoints */
    PARAM_peernet,
    PARAM_billing,
    PARAM_count_of, /* traffic and endpoints */
    PARAM_COUNT
};

enum column_kind {
    COLUMN_PARAM,    /* id: enum param */
    COLUMN_VALUE,    /* id: scan column, shown by the field's class; totals: a dimension, side[] */
    COLUMN_MS,       /* id: TIME field as integer milliseconds */
    COLUMN_COMPUTED, /* id: enum computed */
    COLUMN_MEASURE,  /* id: enum measure */
    COLUMN_TOTAL,    /* id: enum measure, flows, packets or bytes: the sum of all rows */
    COLUMN_BUCKET,   /* start of the bucket, text */
    COLUMN_BUCKET_MS,
    COLUMN_LABEL, /* id: enum label; of totals, hidden; side[] is the field it is of */
    COLUMN_EXTRA, /* id: number in the site's registry; read out of the column extra */
};

/* What totals add up. In traffic the first five, of endpoints what left and what reached the ip. */
enum measure {
    MEASURE_flows,
    MEASURE_packets,
    MEASURE_bytes,
    MEASURE_outpackets,
    MEASURE_outbytes,
    MEASURE_flows_out,
    MEASURE_packets_out,
    MEASURE_bytes_out,
    MEASURE_flows_in,
    MEASURE_packets_in,
    MEASURE_bytes_in,
    MEASURE_counted, /* values of the dimension that count_of names */
    MEASURE_first,   /* the earliest start, text */
    MEASURE_last,
    MEASURE_first_ms,
    MEASURE_last_ms,
};

struct sql_column {
    const char *name;
    const char *type; /* declared */
    bool hidden;
    enum column_kind kind;
    int id;
    int side[2]; /* of a dimension: scan column for the sender, for the receiver */
};

enum { MAX_COLUMNS = 128 };

struct registry;
struct sqlite3;

struct sql_table {
    enum table_kind kind;
    const char *store;          /* that the table was made for, borrowed; NULL: none */
    const struct registry *own; /* columns of the site's, which filters may name; NULL: none */
    /* Why there are none, said where a filter is not understood; NULL: no mistake in the file. */
    const char *own_mistake;
    struct sqlite3 *db;   /* whose table settings says what filters go by; NULL: none */
    const char *database; /* of db, that has the table, borrowed */
    int n;
    struct sql_column column[MAX_COLUMNS];
};

void sql_table_init(struct sql_table *t, enum table_kind kind);
/* The CREATE TABLE for sqlite3_declare_vtab(); sqlite3_free() it. */
char *sql_table_declaration(const struct sql_table *t);
/* A column by its name of n octets, or -1. */
int sql_table_find(const struct sql_table *t, const char *name, size_t n);

/* Is the column's value text in SQL, of the class given; UINT for everything else. */
enum flow_class sql_column_class(const struct sql_column *c);

/* Is it the network of a route, a text that is made of an address and a mask? */
bool sql_column_is_net(const struct sql_column *c);
bool sql_column_is_text(const struct sql_column *c);

/* The measure that a column of totals shows, or that sum() of a column of flows is: an enum measure,
** -1 for others. */
int sql_column_measure(const struct sql_table *t, const struct sql_column *c);
/* May groups be told apart by it? Of totals it is a dimension or the time, of flows what traffic has as
** a dimension. */
bool sql_column_is_key(const struct sql_table *t, const struct sql_column *c);

/* The scan columns that column c of flows is made of. */
void sql_column_needs(const struct sql_column *c, bool used[SCAN_NCOLUMNS]);

#endif
