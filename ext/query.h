/* SPDX-License-Identifier: MIT */
/*
** The plan handed from xBestIndex to xFilter, for flows, traffic and endpoints.
**
** idxNum is not used. idxStr is a list of words with blanks between, and is what EXPLAIN QUERY
** PLAN shows. First one word for each argument of xFilter, in order:
**
**   since=  until=  filter=  store=  bucket=  mask4=  mask6=  endnet=  peernet=  billing=
**   count_of=                                                     a parameter
**   COL=  COL<>  COL<  COL<=  COL>  COL>=                         a comparison with the argument
**   COL==  COL!==                                                IS and IS NOT, NULL included
**   COL[]                                                        IN, all values in one scan
**   COL~                                                         ip_in(COL, argument)
**   COL~*  COL~%                                                 GLOB, LIKE without ESCAPE
**   COL~,                                                        MATCH: in one of the networks listed
**   COL=NULL  COL<>NULL                                          IS NULL, IS NOT NULL
**   limit
**   time>= time_ms[] ...                                         of totals: the window is narrower
**   bytes>= counted> ...                                         of totals: groups with less are left out
**
** then words without an argument:
**
**   @HEX           columns the statement names, sqlite3_index_info.colUsed
**   grouped        rows come as DISTINCT wants them, without a sorter
**   order:COL,-COL rows come sorted so, - for descending
**   exact          SQLite has none of the constraints that it tells of left to check
**   rollup:COL,COL totals may come from roll-ups: in the whole hours or days of the window, and in files that
**                  have one with these columns and those of the filter (flow_files.rollups); `any` for no columns
**
** Constraints that are certain to compare as SQLite would, column affinity included, are omitted
** from its own checks. The rest is taken for what it saves, and checked again. An address or a time
** is text to SQL: srcip = '2001:DB8::1' finds nothing, since that is not how it is shown. ip_in()
** takes every spelling.
*/
#ifndef FLOWVT_QUERY_H
#define FLOWVT_QUERY_H

#include <sqlite3ext.h>

#include "columns.h"
#include "window.h"

/* Operator of the ip_in() constraint, from SQLITE_INDEX_CONSTRAINT_FUNCTION (150) on. */
enum { QUERY_IP_IN = 150 };

/* xBestIndex. An SQLite result code; a message in vtab->zErrMsg when it is SQLITE_ERROR. */
int query_best_index(const struct sql_table *t, sqlite3_vtab *vtab, sqlite3_index_info *info);

/* What xFilter was asked for. */
struct query {
    char *store; /* NULL: not given */
    struct window window;
    /* What the scan looks for. In endpoints a flow has two sides and each passes for itself:
     ** side[0]
     ** asks the sender's, side[1] the receiver's, and predicate is either of them. In the other
     ** tables side[0] is predicate and side[1] NULL. */
    struct predicate *predicate, *side[2];
    int64_t bucket;          /* seconds */
    struct predicate *times; /* in its ranges, ascending, buckets start, in ms; NULL: anywhere */
    struct predicate *applications; /* of totals: the tests of the column application, NULL: none */
    int count_of; /* of totals: the column whose values MEASURE_counted counts; -1: none */
    /* Of totals: what a group must have at least of a measure, and of any; UINT64_MAX: more than there can be. */
    uint64_t least[MEASURE_first];
    bool any_least;
    int mask4, mask6;
    int64_t limit; /* rows; -1: none */
    uint64_t used; /* colUsed */
    int ntests;    /* constraints taken, parameters among them */
    bool exact;    /* with them no row needs another look */
    struct {
        int column;
        bool desc;
    } order[MAX_COLUMNS]; /* norder 0: any */
    int norder;
    uint64_t params; /* hash of the parameters, for rowids of totals */
};

/* Read idxStr and the arguments. now_ms: the statement's time. SQLITE_OK, SQLITE_NOMEM, or
** SQLITE_ERROR with *message from sqlite3_mprintf(). query_free() it in any case. */
int query_read(const struct sql_table *t, const char *idxstr, int argc, sqlite3_value **argv,
               int64_t now_ms, struct query *out, char **message);
/* The window alone. now_ms and the results as above. */
int query_read_window(sqlite3_value *since, sqlite3_value *until, int64_t now_ms,
                      struct window *out, char **message);
void query_free(struct query *p);
/* The value of the parameter store, if that is the column; of the others, NULL. */
void query_show_store(const struct query *q, const struct sql_column *c, sqlite3_context *ctx);

#endif
