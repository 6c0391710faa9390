/* SPDX-License-Identifier: MIT */
/*
** SQL functions for what a report is given: numbers within bounds, lists, and filters that are put together. What is
** wrong is an error that names the parameter and says what would be right.
**
**   bounded(value, name, least, most)
**                        the value, as a number, when it is from least to most; a whole one unless one of these is
**                        REAL. NULL is NULL: not given
**   filter_in(what, list, name)
**                        a filter, as "src net in [10/8 192.0.2.1]" of what 'src net' and that list: numbers or
**                        addresses with blanks or commas between. NULL when the list is
**   filter_and(filter, more)
**                        a filter that passes what both pass, of a filter that somebody wrote and one with neither "or"
**                        outside of parentheses nor comments; the other one where one of them is NULL. A filter
**                        whose parentheses do not match is returned as it is, for the tables to say where
**
** All are deterministic and innocuous.
*/
#ifndef FLOWVT_PARAMETERS_H
#define FLOWVT_PARAMETERS_H

#include <sqlite3ext.h>

/* Returns SQLITE_OK or an SQLite error code. */
int parameters_register(sqlite3 *db);

#endif
