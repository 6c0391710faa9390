/* SPDX-License-Identifier: MIT */
/*
** A result set that goes over time, made ready to be drawn: its first column is a time, numbers beside
** it are what is drawn, a text beside it says whose they are, and is stacked.
**
** What a comment before the statement says about that, `-- Chart: WORD...`:
**
**   stack=COLUMN     whose the numbers are; without: the first column of text after the time
**   values=A,B       what is drawn, one chart each; without: all numbers but those that say the same
**                    again (bps beside bytes), bytes before packets before flows
**   step=300         seconds from one time to the next, or step=:bucket, as the parameter says; without: what the
**                    times are multiples of
**   parts=A,B        the columns bytes_A and bytes_B (or A_bytes) are stacked, for each of values=
**   top=7            so many at most are drawn in colours of their own, the others together
**   tab              of several of these one is shown at a time, by its title
**   table            is a table, and drawn only where pictures are asked for, or the format of all is one
**   none             is not drawn
**   tiles            one row whose values are shown large
**   list             a top list: stands beside the charts
**   events           time, until, text: marked in all charts of the report
**   note             shown small, as losses and sampling are
**
** A set without the comment is drawn when its first column is named time, hour, day, week or month and
** all that is in it are times, and is a note when it is nothing but losses; only formats that are pictures do so.
*/
#ifndef FLOWREPORT_SERIES_H
#define FLOWREPORT_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grid.h"

struct unit {
    const char *name;   /* of what is drawn: "bit/s" */
    double factor;      /* what a value is multiplied with for that */
    const char *totals; /* of sums: "B", "" for what the name says; NULL: sums have no meaning */
};

struct series {
    int64_t *times; /* ascending */
    int64_t step;   /* seconds from one to the next; when they differ, the usual one */
    bool even;      /* they are all alike */
    bool whole;     /* they are written as days or months, without an hour */
    size_t points;
    char **keys; /* the greatest first; "" when nothing is stacked */
    size_t key_count;
    size_t other;  /* the key of all others together; key_count when there is none */
    char **values; /* names of the columns that are drawn */
    struct unit *units;
    size_t value_count;
    double *numbers; /* of value, key, point */
};

/* What is to be done with a result set. */
enum shape { SHAPE_TABLE, SHAPE_SERIES, SHAPE_TILES, SHAPE_LIST, SHAPE_EVENTS, SHAPE_NOTE };

/* What it is, by its comment; without one by its columns when `guess` is set. */
enum shape grid_shape(const struct grid *grid, bool guess);

/* Is this one of the words of its comment? */
bool grid_says(const struct grid *grid, const char *word);

/* False: it is no series; nothing to free. */
bool series_of(struct series *series, const struct grid *grid);
void series_free(struct series *series);

double series_at(const struct series *series, size_t value, size_t key, size_t point);

/* Where a point ends: where the next begins. */
int64_t series_end(const struct series *series, size_t point);

/* Of one key over all points, and the greatest of all keys together at a point. */
double series_sum(const struct series *series, size_t value, size_t key);
double series_peak(const struct series *series, size_t value, size_t key);
double series_top(const struct series *series, size_t value);

#endif
