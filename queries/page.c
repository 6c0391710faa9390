/* SPDX-License-Identifier: MIT */
/*
** The order of a page: what it is about; tiles; series, one or in tabs, and tables; beside them the top
** lists; below them notes, as of losses. page_series.c writes a series, page_table.c a table.
*/
#include <stdlib.h>
#include <string.h>

#include "assets.h"
#include "memory.h"
#include "page.h"
#include "page_part.h"
#include "scale.h"

enum { BESIDE = 3 }; /* so many top lists are as high as the charts; the others stand below these */

/* ---- what is on it ------------------------------------------------------------------------- */

static int64_t time_or(const char *text, int64_t otherwise) {
    int64_t time;
    return text && scale_parse(text, &time) ? time : otherwise;
}

size_t grid_events(const struct grid *g, struct event **events) {
    size_t n = 0;
    for (size_t i = 0; g->columns >= 3 && i < g->rows; i++) {
        const struct cell *row = grid_cell(g, i, 0);
        int64_t time = time_or(row[0].text, 0);
        if (!time)
            continue;
        *events = grow(*events, n + 1, sizeof **events);
        int64_t until = time_or(row[1].text, time);
        (*events)[n++] =
            (struct event){time, until < time ? time : until, copy(row[2].text ? row[2].text : "")};
    }
    return n;
}

static void tiles(FILE *out, const struct grid *g) {
    fputs("<section class=\"tiles\">\n", out);
    for (size_t i = 0; g->rows > 0 && i < g->columns; i++) {
        fprintf(out, "<div%s><span>", grid_cell(g, 0, i)->numeric ? "" : " class=\"text\"");
        markup_text(out, g->names[i]);
        fputs("</span>", out);
        page_value(out, g, 0, i);
        fputs("</div>\n", out);
    }
    fputs("</section>\n", out);
}

static void events_list(FILE *out, const struct event *events, size_t count) {
    if (count == 0)
        return;
    fputs("<ol class=\"events\">", out);
    for (size_t i = 0; i < count; i++) {
        char when[40];
        scale_moment(events[i].time, 300, when);
        fprintf(out, "<li><time>%s", when);
        if (events[i].until > events[i].time) {
            scale_moment(events[i].until, 300, when);
            fprintf(out, " to %s", when);
        }
        fputs("</time>", out);
        markup_text(out, events[i].text);
        fputs("</li>\n", out);
    }
    fputs("</ol>\n", out);
}

struct shapes {
    const struct grid *grids;
    enum shape *of;
    size_t count;
};

static size_t how_many(const struct shapes *s, enum shape shape) {
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        n += s->of[i] == shape;
    return n;
}

/* One of the series that lie behind each other: those that say so and have something. */
static bool in_tab(const struct shapes *s, size_t i) {
    return s->of[i] == SHAPE_SERIES && s->grids[i].rows > 0 && grid_says(&s->grids[i], "tab");
}

static void tabs(FILE *out, const struct shapes *s, const struct event *events,
                 size_t event_count) {
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        n += in_tab(s, i);
    if (n == 0)
        return;
    fputs("<section class=\"tabs\" role=\"group\" aria-label=\"How long a time\">\n", out);
    n = 0;
    for (size_t i = 0; i < s->count; i++)
        if (in_tab(s, i)) {
            fprintf(out,
                    "<input type=\"radio\" name=\"tab\" id=\"tab%zu\"%s><label for=\"tab%zu\">", i,
                    n++ ? "" : " checked", i);
            markup_text(out, s->grids[i].title);
            fputs("</label>\n", out);
        }
    for (size_t i = 0; i < s->count; i++)
        if (in_tab(s, i)) {
            fputs("<div class=\"panel series\">\n", out);
            page_series(out, &s->grids[i], events, event_count);
            fputs("</div>\n", out);
        }
    events_list(out, events, event_count);
    fputs("</section>\n", out);
}

static void heading(FILE *out, const struct grid *g) {
    if (!*g->title)
        return;
    fputs("<h2>", out);
    markup_text(out, g->title);
    fputs("</h2>\n", out);
}

/* Those of a shape from one number on up to another. */
static void sections(FILE *out, const struct shapes *s, enum shape shape, const char *class,
                     size_t from, size_t to, const struct event *events, size_t event_count) {
    for (size_t i = 0, number = 0; i < s->count; i++) {
        const struct grid *g = &s->grids[i];
        if (s->of[i] != shape || (shape == SHAPE_SERIES && grid_says(g, "tab")))
            continue;
        if (number++ < from || number > to)
            continue;
        fprintf(out, "<section class=\"%s\">\n", class);
        heading(out, g);
        if (shape == SHAPE_SERIES) {
            page_series(out, g, events, event_count);
            events_list(out, events, event_count);
        } else if (shape == SHAPE_NOTE && g->rows == 1 && g->columns == 1) {
            fputs("<p>", out);
            page_value(out, g, 0, 0);
            fputs("</p>\n", out);
        } else {
            page_table(out, g, shape == SHAPE_LIST);
        }
        fputs("</section>\n", out);
    }
}

static void body(FILE *out, const struct shapes *s) {
    struct event *events = NULL;
    size_t event_count = 0;
    for (size_t i = 0; i < s->count && event_count == 0; i++)
        if (s->of[i] == SHAPE_EVENTS)
            event_count = grid_events(&s->grids[i], &events);
    size_t lists = how_many(s, SHAPE_LIST);
    bool beside = lists && how_many(s, SHAPE_SERIES);
    fprintf(out, "<main%s>\n", beside ? " class=\"beside\"" : "");
    for (size_t i = 0; i < s->count; i++)
        if (s->of[i] == SHAPE_TILES)
            tiles(out, &s->grids[i]);
    fputs("<div class=\"column\">\n", out);
    tabs(out, s, events, event_count);
    sections(out, s, SHAPE_SERIES, "series", 0, SIZE_MAX, events, event_count);
    if (beside && lists > BESIDE) {
        fputs("<div class=\"lists\">\n", out);
        sections(out, s, SHAPE_LIST, "list", BESIDE, SIZE_MAX, NULL, 0);
        fputs("</div>\n", out);
    }
    sections(out, s, SHAPE_TABLE, "table", 0, SIZE_MAX, NULL, 0);
    fputs("</div>\n", out);
    if (lists) {
        fputs("<div class=\"column\">\n", out);
        sections(out, s, SHAPE_LIST, "list", 0, beside ? BESIDE : SIZE_MAX, NULL, 0);
        fputs("</div>\n", out);
    }
    if (how_many(s, SHAPE_NOTE)) {
        fputs("<div class=\"column whole\">\n", out);
        sections(out, s, SHAPE_NOTE, "note", 0, SIZE_MAX, NULL, 0);
        fputs("</div>\n", out);
    }
    fputs("</main>\n", out);
    for (size_t i = 0; i < event_count; i++)
        free(events[i].text);
    free(events);
}

/* ---- around it ----------------------------------------------------------------------------- */

/* The command that makes the same again. */
static void command_line(FILE *out, const struct report *report, const struct settings *settings) {
    fputs("<code>flowreport ", out);
    markup_text(out, report->name);
    for (size_t i = 0; i < settings->count; i++) {
        const char *value = settings->all[i].value;
        bool quoted = value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789-+_./:@%,")] != '\0' ||
                      !*value;
        fputs(" --", out);
        markup_text(out, settings->all[i].name);
        fputc(' ', out);
        if (quoted)
            fputs("&#39;", out);
        markup_text(out, value);
        if (quoted)
            fputs("&#39;", out);
    }
    fputs("</code>", out);
}

void page_write(FILE *out, const struct report *report, const struct settings *settings,
                const struct grid *grids, size_t count) {
    const char *title = *report->question ? report->question : report->name;
    struct shapes shapes = {grids, grow(NULL, count, sizeof *shapes.of), count};
    for (size_t i = 0; i < count; i++)
        shapes.of[i] = grid_shape(&grids[i], true);
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>",
          out);
    markup_text(out, title);
    fprintf(out, "</title>\n<style>\n%s%s</style>\n</head>\n<body%s>\n<header>\n<h1>",
            asset_chart_css, asset_page_css,
            how_many(&shapes, SHAPE_LIST) && how_many(&shapes, SHAPE_SERIES) ? ""
                                                                             : " class=\"one\"");
    markup_text(out, title);
    fputs("</h1>\n<p class=\"said\">", out);
    command_line(out, report, settings);
    fputs("</p>\n</header>\n", out);
    body(out, &shapes);
    const char *zone = getenv("TZ") ? getenv("TZ") : "UTC";
    fputs("<footer>Times are ", out);
    markup_text(out, zone);
    fprintf(out, "%s. Sizes are decimal: 1 kB is 1000 octets.</footer>\n",
            strcmp(zone, "UTC") == 0 ? "" : ", in tables of figures UTC");
    fprintf(out,
            "<div id=\"tip\" role=\"status\"></div>\n<script>\n%s</script>\n</body>\n</html>\n",
            asset_page_js);
    free(shapes.of);
}
