/* SPDX-License-Identifier: MIT */
/*
** Pictures need all of a report: it is kept, and drawn at its end. HTML is page.c's; SVG is one chart, of
** the first result set that goes over time.
*/
#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "kept.h"
#include "memory.h"
#include "page.h"
#include "page_part.h"
#include "render.h"

static int end_html(struct renderer *r) {
    struct kept *p = (struct kept *)r;
    kept_add_events(p);
    page_write(r->out, p->report, p->settings, p->grids, p->count);
    return 0;
}

/* "bytes: the question". */
static char *chart_title(const struct kept *p, const struct grid *g, const struct series *s,
                         size_t value) {
    const char *title = *g->title ? g->title : p->report->question;
    return format("%s: %s", s->values[value], title);
}

static int end_svg(struct renderer *r) {
    struct kept *p = (struct kept *)r;
    struct event *events = NULL;
    size_t event_count = 0;
    kept_add_events(p);
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

static struct renderer *make(FILE *out, int (*end)(struct renderer *)) {
    struct kept *k = grow(NULL, 1, sizeof *k);
    kept_init(&k->base, out, end, kept_free);
    return &k->base;
}

struct renderer *render_html(FILE *out) {
    return make(out, end_html);
}

struct renderer *render_svg(FILE *out) {
    return make(out, end_svg);
}
