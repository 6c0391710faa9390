/* SPDX-License-Identifier: MIT */
/*
** A result set kept in memory, for renderers that must have seen all of it before they write.
*/
#ifndef FLOWREPORT_GRID_H
#define FLOWREPORT_GRID_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "render.h"

struct cell {
    char *text;    /* NULL is SQL's */
    double number; /* of an INTEGER or REAL */
    bool numeric;
};

struct grid {
    char *title, *chart;
    size_t columns, rows;
    char **names;
    struct cell *cells; /* row by row */
};

void grid_begin(struct grid *grid, const struct result_set *set);
void grid_row(struct grid *grid, sqlite3_stmt *row);
void grid_free(struct grid *grid);

/* The table of it, as render_table() has it (render_table.c); with bars for what the column of this number
** has, unless it has no such column. */
void table_write(FILE *out, const struct grid *grid, size_t bars);

/* The column whose amounts a top list is about: bytes, or else the first that counts something; as many
** as there are columns when none does. */
size_t grid_amounts(const struct grid *grid);

/* Octets as SQL writes them, X'00ff'; to free. */
char *blob_text(sqlite3_stmt *row, int column);

const struct cell *grid_cell(const struct grid *grid, size_t row, size_t column);

/* All that there is in the column are numbers, or are written as one with a unit: 4.2 M. */
bool grid_is_numeric(const struct grid *grid, size_t column);
bool grid_reads_as_number(const struct grid *grid, size_t column);

#endif
