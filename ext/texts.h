/* SPDX-License-Identifier: MIT */
/*
** Texts of a table that is kept in memory: each one once, so that equal ones are the same pointer, all freed together.
*/
#ifndef FLOWVT_TEXTS_H
#define FLOWVT_TEXTS_H

#include <sqlite3ext.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct texts_block;

/* Zeroed: none yet. */
struct texts {
    struct texts_block *block;
    const char **slot; /* by hash; room is a power of two, NULL is not in use */
    uint32_t n, room;
};

/* A column's text: *out is NULL when it is NULL or empty. False when memory is out. */
bool texts_column(struct texts *t, sqlite3_stmt *stmt, int column, const char **out);
void texts_free(struct texts *t);

#endif
