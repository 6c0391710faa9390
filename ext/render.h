/* SPDX-License-Identifier: MIT */
/*
** Flows as lines of CSV (RFC 4180, lines end with LF) or of JSON (RFC 8259, an object a line).
**
** NULL is an empty field, or null; an empty text is "". CSV quotes texts that hold a comma, a quote
** or a line break, and ends a text at a NUL. Numbers are numbers, written as SQLite writes them.
*/
#ifndef FLOWVT_RENDER_H
#define FLOWVT_RENDER_H

#include "cells.h"
#include "own.h"
#include "vtab.h"

struct render_column {
    const struct sql_column *column;
    enum cell_kind kind;
    const struct own_column *own; /* of the site's, in a column that is TEXT (extra); or NULL */
};

/* Text that grows. */
struct render_text {
    char *p;
    size_t n, cap;
};

struct render;
/* columns is borrowed. NULL without memory. */
struct render *render_new(enum export_format format, const struct render_column *columns, int n);
void render_free(struct render *r);
/* The line of column names of CSV, without its end. False without memory. */
bool render_header(struct render *r, struct render_text *out);
/* The scan has entered another row group. False without memory. */
bool render_enter_group(struct render *r, struct scan *scan);
/* Append the rows of the scan's block, each line with its end. False without memory. */
bool render_block(struct render *r, struct scan *scan, struct render_text *out);

#endif
