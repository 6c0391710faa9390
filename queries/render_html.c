/* SPDX-License-Identifier: MIT */
/*
** Pictures need all of a report: it is kept, and drawn at its end. HTML is page.c's; SVG is one chart, of
** the first result set that goes over time.
*/
#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "memory.h"
#include "page.h"
#include "page_part.h"
#include "render.h"

struct picture {
    struct renderer base;
    const struct report *report;
    const struct settings *settings;
    struct grid *grids;
    size_t count;
};

static void begin(struct renderer *r, const struct report *report, const struct settings *s) {
    struct picture *p = (struct picture *)r;
    p->report = report;
    p->settings = s;
}

static void set(struct renderer *r, const struct result_set *head) {
    struct picture *p = (struct picture *)r;
    p->grids = grow(p->grids, p->count + 1, sizeof *p->grids);
    grid_begin(&p->grids[p->count++], head);
}

static void row(struct renderer *r, sqlite3_stmt *statement) {
    struct picture *p = (struct picture *)r;
    grid_row(&p->grids[p->count - 1], statement);
}

static void set_end(struct renderer *r) {
    (void)r;
}

static int end_html(struct renderer *r) {
    struct picture *p = (struct picture *)r;
    page_write(r->out, p->report, p->settings, p->grids, p->count);
    return 0;
}

/* "Bytes by proto: title". */
static char *chart_title(const struct picture *p, const struct grid *g, const struct series *s,
                         size_t value) {
    const char *title = *g->title ? g->title : p->report->question;
    return format("%s: %s", title, s->values[value]);
}

static int end_svg(struct renderer *r) {
    struct picture *p = (struct picture *)r;
    struct event *events = NULL;
    size_t event_count = 0;
    for (size_t i = 0; i < p->count && event_count == 0; i++)
        if (grid_shape(&p->grids[i], true) == SHAPE_EVENTS)
            event_count = grid_events(&p->grids[i], &events);
    int rc = -1;
    for (size_t i = 0; i < p->count && rc != 0; i++) {
        struct series s;
        if (grid_shape(&p->grids[i], true) != SHAPE_SERIES || !series_of(&s, &p->grids[i]))
            continue;
        size_t value = 0;
        while (r->column && value < s.value_count && strcmp(s.values[value], r->column) != 0)
            value++;
        if (value < s.value_count) {
            char *title = chart_title(p, &p->grids[i], &s, value);
            struct chart chart = {&s, value, title, events, event_count};
            chart_file(r->out, &chart);
            free(title);
            rc = 0;
        }
        series_free(&s);
    }
    if (rc != 0 && r->column)
        fprintf(stderr, "flowreport: %s: --column %s: nothing over time has such numbers\n",
                p->report->name, r->column);
    else if (rc != 0)
        fprintf(stderr,
                "flowreport: %s: nothing over time to draw: it has no rows, or is no such report\n",
                p->report->name);
    for (size_t i = 0; i < event_count; i++)
        free(events[i].text);
    free(events);
    return rc;
}

static void free_picture(struct renderer *r) {
    struct picture *p = (struct picture *)r;
    for (size_t i = 0; i < p->count; i++)
        grid_free(&p->grids[i]);
    free(p->grids);
    free(p);
}

static struct renderer *make(FILE *out, int (*end)(struct renderer *)) {
    struct picture *p = grow(NULL, 1, sizeof *p);
    *p = (struct picture){.base = {.out = out,
                                   .begin = begin,
                                   .set = set,
                                   .row = row,
                                   .set_end = set_end,
                                   .end = end,
                                   .free = free_picture}};
    return &p->base;
}

struct renderer *render_html(FILE *out) {
    return make(out, end_html);
}

struct renderer *render_svg(FILE *out) {
    return make(out, end_svg);
}
