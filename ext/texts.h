/* SPDX-License-Identifier: MIT */
/*
** Texts of a table that is kept in memory: each one once if it is the same as the one before, all freed together.
*/
#ifndef FLOWVT_TEXTS_H
#define FLOWVT_TEXTS_H

#include <sqlite3ext.h>
#include <stdbool.h>
#include <stddef.h>

struct texts_block;

struct texts {
    struct texts_block *block;
};

/* A copy that ends with a NUL, NULL when memory is out. */
const char *texts_add(struct texts *t, const char *text, size_t n);
/* A column's text: *out is NULL when it is NULL or empty. last: the value of the row before, or NULL. False when memory is
** out. */
bool texts_column(struct texts *t, sqlite3_stmt *stmt, int column, const char *last,
                  const char **out);
void texts_free(struct texts *t);

#endif
