/* SPDX-License-Identifier: MIT */
/*
** What alerts there were the last time, so that one that goes on is told of once: a file with a line for each row of
** each report, of its name and what the row is about.
**
** What a row is about is in the columns that `-- Key: A B` before the statement names; without such a comment in all that
** are text and no time.
*/
#ifndef FLOWREPORT_KNOWN_H
#define FLOWREPORT_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "render.h"

struct known {
    char **before, **now; /* lines; those of before in ascending order */
    size_t before_count, now_count;
};

/* Reads the file; one that is not there has nothing. -1: it was said what is wrong, and there is nothing to free. */
int known_read(struct known *known, const char *path);

/* Lets through to `inner`, which it frees, the rows that were not there the last time; *rows counts them. */
struct renderer *known_filter(struct known *known, const char *report, struct renderer *inner,
                              long long *rows);

/* The report could not be run, and nothing of it was told: what was there of it the last time is taken to be there still. */
void known_keep(struct known *known, const char *report);

/* Puts what is there now in place of the file. -1: it was said what is wrong. */
int known_write(struct known *known, const char *path);

/* As JSON, a list of what was there the last time and is no more. */
void known_over(FILE *out, struct known *known);

void known_free(struct known *known);

#endif
