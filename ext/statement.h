/* SPDX-License-Identifier: MIT */
/*
** Statements that only add up, known by their text: what xBestIndex is not told of GROUP BY.
**
**   SELECT item, ... FROM [main.]table [[AS] alias] [WHERE test AND ...] GROUP BY column, ...
**   ORDER BY sum(measure) [ASC|DESC] [, column ...] LIMIT n [OFFSET m]
**
** where ip_net(column, length ...) may be in the place of a column, and count(DISTINCT column) in
** that of sum(measure). Of flows it may also be count(*); HAVING may test totals and columns of GROUP BY, and
** ORDER BY and LIMIT may be others or missing: all groups are needed then.
**
** The reader is strict: what it does not know in whole it does not take, and the statement is
** answered as any other. Of flows it takes sum() of what traffic has as totals, and GROUP BY of what are
** dimensions there. It says what the text means, not whether the table is what it seems.
*/
#ifndef FLOWVT_STATEMENT_H
#define FLOWVT_STATEMENT_H

#include "columns.h"

enum { ROWS_RANK = MAX_COLUMNS };

struct top_list {
    bool group[MAX_COLUMNS];   /* columns of GROUP BY */
    bool measure[MAX_COLUMNS]; /* columns in sum() */
    bool tested[MAX_COLUMNS];  /* columns in WHERE */
    int net;                   /* the column of ip_net() that GROUP BY has, or -1; */
    int mask4, mask6;          /* its lengths */
    int counted;               /* the column of count(DISTINCT), or -1 */
    bool rows;                 /* there is count(*) */
    /* Only so many first groups are needed, LIMIT and OFFSET together, or -1: all are. */
    int64_t first;
    /* With first >= 0: the column whose sum() or, if it is counted, whose count the first term of ORDER BY is;
    ** ROWS_RANK if it is count(*). */
    int rank;
    bool desc;
    int tests; /* terms of WHERE; BETWEEN is two */
};

/* sql: a whole statement, its parameters expanded. name: of the table that FROM must name. False when
** it is anything but a top list of t. Any text is safe. */
bool statement_top_list(const char *sql, const struct sql_table *t, const char *name,
                        struct top_list *out);

#endif
