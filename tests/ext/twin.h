/* SPDX-License-Identifier: MIT */
/*
** A store, and an ordinary SQLite table "plain" of the same rows in the same connection: statements on
** the tables of the one and on the other must agree. Views of plain: "ordered" has a and e, the earlier
** and the later time of each flow; "small" has s and e, those that totals count it by.
*/
#ifndef FLOWVT_TEST_TWIN_H
#define FLOWVT_TEST_TWIN_H

#include <sqlite3.h>
#include <stddef.h>

enum { TWIN_ROWS = 3000, TWIN_COLUMNS = 32 };

extern sqlite3 *db;
extern char twin_dir[]; /* the store: a closed file of one group, one of several, and a live one */

/* For cmocka. */
int twin_setup(void **state);
int twin_teardown(void **state);

/* One statement on flows and on plain; %s stands for the table. Fails the test where they differ;
** returns the number of rows. Rows may come in any order unless it says ORDER BY. */
size_t twin_agree(const char *format);

/* What statements are generated of: columns; a value to compare a column with, one that occurs, or one
** that tests affinity and order; a condition. The texts are the caller's to sqlite3_free(). */
extern const char *const twin_columns[TWIN_COLUMNS];
char *twin_value(const char *column);
char *twin_where(void);

#endif
