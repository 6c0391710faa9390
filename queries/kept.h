/* SPDX-License-Identifier: MIT */
/*
** What renderers have in common that must have seen all of a report before they write: it is kept here
** until the end.
*/
#ifndef FLOWREPORT_KEPT_H
#define FLOWREPORT_KEPT_H

#include "grid.h"
#include "render.h"

struct kept {
    struct renderer base;
    const struct report *report;
    const struct settings *settings;
    sqlite3 *db; /* NULL before the first row */
    struct grid *grids;
    size_t count;
};

/* The renderer is the first member of a struct kept, or of one that begins with it, which malloc made. */
void kept_init(struct renderer *renderer, FILE *out, int (*end)(struct renderer *),
               void (*free)(struct renderer *));

/* Adds a set of what happened in the time that is drawn, by the site's table events, to a report that has none itself. */
void kept_add_events(struct kept *kept);

/* Frees it and what is kept. */
void kept_free(struct renderer *renderer);

#endif
