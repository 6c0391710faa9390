/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "memory.h"

void grid_begin(struct grid *g, const struct result_set *set) {
    *g = (struct grid){
        .title = copy(set->title), .chart = copy(set->chart), .columns = (size_t)set->column_count};
    g->names = grow(NULL, g->columns, sizeof *g->names);
    for (size_t i = 0; i < g->columns; i++)
        g->names[i] = copy(set->columns[i]);
}

/* Octets are written as SQL does, X'00ff'. */
char *blob_text(sqlite3_stmt *row, int column) {
    const unsigned char *octets = sqlite3_column_blob(row, column);
    int n = sqlite3_column_bytes(row, column);
    char *text = grow(NULL, (size_t)n * 2 + 4, 1), *at = text;
    static const char digits[] = "0123456789abcdef";
    *at++ = 'X', *at++ = '\'';
    for (int i = 0; i < n; i++) {
        *at++ = digits[octets[i] >> 4];
        *at++ = digits[octets[i] & 15];
    }
    *at++ = '\'', *at = '\0';
    return text;
}

void grid_row(struct grid *g, sqlite3_stmt *row) {
    for (size_t i = 0; i < g->columns; i++) {
        size_t count = g->rows * g->columns + i;
        g->cells = grow(g->cells, count + 1, sizeof *g->cells);
        struct cell *cell = &g->cells[count];
        *cell = (struct cell){NULL, 0, false};
        int type = sqlite3_column_type(row, (int)i);
        if (type == SQLITE_BLOB)
            cell->text = blob_text(row, (int)i);
        else if (type != SQLITE_NULL)
            cell->text = copy((const char *)sqlite3_column_text(row, (int)i));
        cell->numeric = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
        if (cell->numeric)
            cell->number = sqlite3_column_double(row, (int)i);
    }
    g->rows++;
}

void grid_free(struct grid *g) {
    for (size_t i = 0; i < g->columns; i++)
        free(g->names[i]);
    for (size_t i = 0; i < g->rows * g->columns; i++)
        free(g->cells[i].text);
    free(g->names);
    free(g->cells);
    free(g->title);
    free(g->chart);
    *g = (struct grid){0};
}

const struct cell *grid_cell(const struct grid *g, size_t row, size_t column) {
    return &g->cells[row * g->columns + column];
}

static bool written_number(const char *text) {
    text += *text == '-';
    size_t n = strspn(text, "0123456789");
    if (n == 0)
        return false;
    text += n;
    if (*text == '.')
        text += 1 + strspn(text + 1, "0123456789");
    text += *text == ' ';
    if (*text && strchr("kMGTPE%", *text))
        text++;
    return *text == '\0';
}

static bool all(const struct grid *g, size_t column, bool written) {
    bool any = false;
    for (size_t i = 0; i < g->rows; i++) {
        const struct cell *cell = grid_cell(g, i, column);
        if (!cell->text)
            continue;
        any = true;
        if (!cell->numeric && !(written && written_number(cell->text)))
            return false;
    }
    return any;
}

bool grid_is_numeric(const struct grid *g, size_t column) {
    return all(g, column, false);
}

bool grid_reads_as_number(const struct grid *g, size_t column) {
    return all(g, column, true);
}
