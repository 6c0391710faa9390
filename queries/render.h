/* SPDX-License-Identifier: MIT */
/*
** What a report's result sets are made into. A renderer is told of the report, of each result set, and
** of its rows one by one; it writes to `out` when it pleases, all of it by the end.
*/
#ifndef FLOWREPORT_RENDER_H
#define FLOWREPORT_RENDER_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>

#include "report_file.h"
#include "settings.h"

struct result_set {
    const char *title; /* "" when it has none */
    const char *chart; /* the words after "-- Chart:", or "" */
    const char *key;   /* those after "-- Key:", or "" */
    int column_count;
    const char *const *columns; /* their names, no two the same */
};

struct renderer {
    FILE *out;
    bool one_set;       /* its form has room for one result set only */
    const char *column; /* the one to draw where one is drawn; NULL: the first */
    void (*begin)(struct renderer *, const struct report *, const struct settings *);
    void (*set)(struct renderer *, const struct result_set *);
    void (*row)(struct renderer *, sqlite3_stmt *);
    void (*set_end)(struct renderer *);
    int (*end)(struct renderer *);   /* not 0: it was said what is wrong */
    void (*free)(struct renderer *); /* also when end was never called */
    /* Instead of end, when it is not NULL: there is no more, since this is wrong, and what was written says so. */
    void (*fail)(struct renderer *, const char *message);
};

/* A format's name, what it is, and what makes one. */
struct format {
    const char *name, *meaning;
    struct renderer *(*make)(FILE *out);
};
/* The one of that name; NULL: there is none, which was said. */
const struct format *format_find(const char *name);

struct renderer *render_table(FILE *out); /* boxes when out is a terminal */
struct renderer *render_chart(FILE *out);
struct renderer *render_csv(FILE *out);
struct renderer *render_json(FILE *out);
struct renderer *render_markdown(FILE *out);
struct renderer *render_html(FILE *out);
struct renderer *render_svg(FILE *out); /* one chart */

#endif
