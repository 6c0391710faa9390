/* SPDX-License-Identifier: MIT */
/*
** Is the statement that runs a top list? xBestIndex is not told of the ORDER BY and LIMIT behind a
** GROUP BY; the statement's text, sqlite3_sql(), tells.
*/
#ifndef FLOWVT_TOP_LIST_H
#define FLOWVT_TOP_LIST_H

#include <sqlite3ext.h>

#include "statement.h"

/* To be asked in xFilter. name: of the virtual table, as CREATE or the module has it. False also when
** another statement of the connection runs, or a view may be what the name stands for. */
bool top_list_running(sqlite3 *db, const struct sql_table *t, const char *name,
                      struct top_list *out);

#endif
