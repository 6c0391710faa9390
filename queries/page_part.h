/* SPDX-License-Identifier: MIT */
/*
** Parts of a page, HTML each.
*/
#ifndef FLOWREPORT_PAGE_PART_H
#define FLOWREPORT_PAGE_PART_H

#include <stdio.h>

#include "chart.h"
#include "grid.h"

/* A value, short: <data value="9280061">9.28 MB</data>, by the name of its column. */
void page_value(FILE *out, const struct grid *grid, size_t row, size_t column);

/* What page_value shows of a cell, as text to free. */
char *grid_short(const struct grid *grid, size_t row, size_t column);

/* A table; a top list has short numbers, and bars for its greatest column. */
void page_table(FILE *out, const struct grid *grid, bool list);

/* The charts of a series, what they come to, and their figures. */
void page_series(FILE *out, const struct grid *grid, const struct event *events,
                 size_t event_count);

/* The rows of a set with the columns time, until, text, in *events, which grows from NULL; returns how
** many. The array and each text are to be freed. */
size_t grid_events(const struct grid *grid, struct event **events);

#endif
