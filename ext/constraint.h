/* SPDX-License-Identifier: MIT */
/*
** Tests out of constraints, as the words of a plan have them (query.h): a column, an operator, a value.
*/
#ifndef FLOWVT_CONSTRAINT_H
#define FLOWVT_CONSTRAINT_H

#include <sqlite3ext.h>

#include "columns.h"
#include "predicate.h"

/* The test of scan column `column`, which c is made of. op: n octets. NULL when memory is out, or with *message from
** sqlite3_mprintf() when the value is none that can stand there. The caller frees it. */
struct predicate *constraint_test(const struct sql_column *c, int column, const char *op, size_t n,
                                  sqlite3_value *value, char **message);

/* Buckets of totals that can be so start from *first to *last, both included, which it narrows, and in the ranges of *starts,
** which is set unless it is already, and is the caller's to free: c is time or time_ms. What is no time of the column's type
** leaves them, and SQLite looks at the rows. False without memory. */
bool constraint_starts(const struct sql_column *c, const char *op, size_t n, sqlite3_value *value,
                       int64_t *first, int64_t *last, struct predicate **starts);

#endif
