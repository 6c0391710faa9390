/* SPDX-License-Identifier: MIT */
/*
** Pictures for a terminal: series as columns of block elements, each key below as a line of them with its
** sums; top lists with bars. What is no picture is left to render_table.c.
*/
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "chart.h"
#include "kept.h"
#include "memory.h"
#include "page_part.h"
#include "render.h"
#include "scale.h"
#include "shown.h"
#include "utf8.h"

enum { HEIGHT = 8, AXIS = 9, LEAST = 20, MOST = 160 };

/* What pictures are made of: an eighth to eight eighths of a character, the axis at its foot, at a number and elsewhere, and
** what stands before a key. */
static const struct signs {
    const char *blocks[9], *foot, *tick, *axis, *key;
} blocks = {{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, "┴", "┤", "│", "■"},
  ascii = {{" ", ".", ".", ":", ":", "+", "+", "#", "#"}, "+", "+", "|", "*"};

struct pictures {
    union {
        struct renderer base;
        struct kept kept;
    };
    int width; /* of the terminal, in columns */
    bool colours;
    const struct signs *signs;
    int sets;
    struct event *events;
    size_t event_count;
};

/* As chart.css has them, of the 256 that terminals have; on a dark ground and on a light one. */
static const int palette[] = {33, 208, 63, 71, 160, 37, 170};

static const char *colour(const struct pictures *p, const struct series *s, size_t key,
                          char text[16]) {
    if (!p->colours || s->key_count == 1)
        return "";
    snprintf(text, 16, "\033[38;5;%dm", key == s->other ? 245 : palette[key % 7]);
    return text;
}

static const char *plain(const struct pictures *p) {
    return p->colours ? "\033[0m" : "";
}

static void heading(const struct pictures *p, const struct grid *g) {
    if (!*g->title)
        return;
    char *title = shown(g->title);
    fprintf(p->base.out, "%s%s%s\n", p->colours ? "\033[1m" : "", title, plain(p));
    free(title);
}

/* ---- points to columns of the terminal ----------------------------------------------------- */

/* The mean, over a column of the terminal, of what keys up to `keys` come to. */
static double at_column(const struct series *s, size_t value, size_t from_key, size_t keys,
                        int column, int columns) {
    double from = (double)column * (double)s->points / columns;
    double to = (double)(column + 1) * (double)s->points / columns, sum = 0;
    for (size_t i = (size_t)from; i < s->points && (double)i < to; i++) {
        double part = fmin(to, (double)i + 1) - fmax(from, (double)i);
        for (size_t k = from_key; k < keys; k++)
            sum += part * series_at(s, value, k, i);
    }
    return sum / (to - from);
}

static void block(const struct pictures *p, int eighths) {
    fputs(p->signs->blocks[eighths < 0 ? 0 : eighths > 8 ? 8 : eighths], p->base.out);
}

/* Which key lies at a height. */
static size_t key_at(const struct series *s, size_t value, int column, int columns, double height) {
    double sum = 0;
    for (size_t k = 0; k < s->key_count; k++) {
        sum += at_column(s, value, k, k + 1, column, columns);
        if (height < sum)
            return k;
    }
    return s->key_count - 1;
}

/* The greatest of all columns, which are means where there are fewer of them than points. */
static double top_column(const struct series *s, size_t value, int columns) {
    double top = 0;
    for (int c = 0; c < columns; c++)
        top = fmax(top, at_column(s, value, 0, s->key_count, c, columns));
    return top;
}

static void columns_of(struct pictures *p, const struct series *s, size_t value, int columns) {
    FILE *out = p->base.out;
    double factor = s->units[value].factor;
    double top = top_column(s, value, columns) * factor, step = scale_step(top, 4);
    double max = (top > 0 ? ceil(top / step - 1e-9) * step : step);
    char text[16], name[32];
    scale_number(max, text);
    snprintf(name, sizeof name, "%s%s%s", s->values[value], *s->units[value].name ? ", " : "",
             s->units[value].name);
    fprintf(out, "%s\n", name);
    for (int line = HEIGHT; line-- > 0;) {
        if ((line + 1) % (HEIGHT / 4) == 0 || line == 0)
            scale_number(max * (line == 0 ? 0 : line + 1) / HEIGHT, text);
        else
            text[0] = '\0';
        fprintf(out, "%*s %s", AXIS - 2, text,
                line == 0 ? p->signs->foot
                : *text   ? p->signs->tick
                          : p->signs->axis);
        size_t last = s->key_count;
        for (int c = 0; c < columns; c++) {
            double sum = at_column(s, value, 0, s->key_count, c, columns) * factor;
            int eighths = (int)lround(sum / max * HEIGHT * 8) - line * 8;
            if (line == 0 && sum > 0 && eighths < 1)
                eighths = 1; /* little is not nothing */
            if (eighths > 0) {
                char code[16];
                double middle = max * (line + fmin(eighths, 8) / 16.0) / HEIGHT / factor;
                size_t key = key_at(s, value, c, columns, middle);
                if (key != last)
                    fputs(colour(p, s, key, code), out);
                last = key;
            }
            block(p, eighths);
        }
        fprintf(out, "%s\n", plain(p));
    }
}

static void time_axis(FILE *out, const struct series *s, int columns) {
    struct tick ticks[TICKS];
    int64_t from = s->times[0], until = series_end(s, s->points - 1);
    int n = scale_times(from, until, s->step, columns / 12 + 1, ticks), at = 0;
    fprintf(out, "%*s", AXIS, "");
    for (int i = 0; i < n; i++) {
        int x = (int)((double)(ticks[i].time - from) / (double)(until - from) * columns);
        int length = (int)strlen(ticks[i].label);
        if (x < at + (at > 0) || x + length > columns)
            continue;
        fprintf(out, "%*s%s", x - at, "", ticks[i].label);
        at = x + length;
    }
    fputs("\n", out);
}

static void spark(struct pictures *p, const struct series *s, size_t value, size_t key,
                  int columns) {
    double top = 0;
    for (int c = 0; c < columns; c++)
        top = fmax(top, at_column(s, value, key, key + 1, c, columns));
    for (int c = 0; c < columns; c++) {
        double sum = at_column(s, value, key, key + 1, c, columns);
        int eighths = top > 0 ? (int)lround(sum / top * 8) : 0;
        block(p, sum > 0 && eighths == 0 ? 1 : eighths);
    }
}

static void keys(struct pictures *p, const struct series *s) {
    FILE *out = p->base.out;
    int widest = 0;
    char **names = grow(NULL, s->key_count, sizeof *names);
    for (size_t k = 0; k < s->key_count; k++) {
        names[k] = shown(s->keys[k]);
        int width = utf8_columns(names[k]);
        widest = width > widest ? width : widest;
    }
    int columns = p->width - widest - 6 - 13 * (int)s->value_count;
    columns = columns < 8 ? 8 : columns > 60 ? 60 : columns;
    fprintf(out, "%*s", widest + 4 + columns, "");
    for (size_t v = 0; v < s->value_count; v++)
        fprintf(out, " %12s", s->values[v]);
    fputs("\n", out);
    for (size_t k = 0; k < s->key_count; k++) {
        char code[16];
        fprintf(out, "%s%s%s %s%*s  %s", colour(p, s, k, code), p->signs->key, plain(p), names[k],
                widest - utf8_columns(names[k]), "", colour(p, s, k, code));
        spark(p, s, 0, k, columns);
        fputs(plain(p), out);
        for (size_t v = 0; v < s->value_count; v++) {
            char text[32];
            if (s->units[v].totals)
                chart_total(&s->units[v], series_sum(s, v, k), text);
            else
                chart_rate(&s->units[v], series_peak(s, v, k), text);
            fprintf(out, " %12s", text);
        }
        fputs("\n", out);
        free(names[k]);
    }
    free(names);
}

/* Where something happened, by its number. */
static void marks(FILE *out, const struct series *s, const struct pictures *p, int columns) {
    int64_t from = s->times[0], until = series_end(s, s->points - 1);
    int at = 0;
    for (size_t i = 0; i < p->event_count; i++) {
        if (p->events[i].time < from || p->events[i].time >= until)
            continue;
        int x = (int)((double)(p->events[i].time - from) / (double)(until - from) * columns);
        if (at == 0)
            fprintf(out, "%*s", AXIS, "");
        if (x >= at)
            at = x + fprintf(out, "%*s%zu", x - at, "", i + 1) - (x - at);
    }
    if (at)
        fputs("\n", out);
}

static void draw(struct pictures *p, const struct grid *g) {
    struct series s;
    if (!series_of(&s, g))
        return;
    int columns = p->width - AXIS - 1;
    heading(p, g);
    for (size_t v = 0; v < s.value_count; v++) {
        columns_of(p, &s, v, columns);
        time_axis(p->base.out, &s, columns);
        marks(p->base.out, &s, p, columns);
    }
    if (s.key_count > 1 || s.keys[0][0])
        keys(p, &s);
    series_free(&s);
}

/* ---- the others ---------------------------------------------------------------------------- */

static void tiles(struct pictures *p, const struct grid *g) {
    for (size_t i = 0; g->rows > 0 && i < g->columns; i++) {
        char *name = shown(g->names[i]), *text = grid_short(g, 0, i), *clean = shown(text);
        fprintf(p->base.out, "%s%s %s", i ? "   " : "", name, clean);
        free(name);
        free(text);
        free(clean);
    }
    fputs("\n", p->base.out);
}

static void notes(struct pictures *p, const struct grid *g) {
    if (g->rows != 1 || g->columns != 1) {
        table_write(p->base.out, g, g->columns);
        return;
    }
    const char *text = grid_cell(g, 0, 0)->text;
    char *clean = shown(text ? text : "");
    heading(p, g);
    fprintf(p->base.out, "%s\n", clean);
    free(clean);
}

static void write_set(struct pictures *p, const struct grid *g, enum shape shape) {
    if (g->rows == 0 && (shape == SHAPE_SERIES || shape == SHAPE_EVENTS || shape == SHAPE_TILES))
        return;
    if (p->sets++)
        fputs("\n", p->base.out);
    switch (shape) {
    case SHAPE_SERIES:
        draw(p, g);
        break;
    case SHAPE_TILES:
        tiles(p, g);
        break;
    case SHAPE_NOTE:
        notes(p, g);
        break;
    case SHAPE_LIST:
        table_write(p->base.out, g, grid_amounts(g));
        break;
    case SHAPE_EVENTS:
    case SHAPE_TABLE:
        table_write(p->base.out, g, g->columns);
        break;
    }
}

static int end(struct renderer *r) {
    struct pictures *p = (struct pictures *)r;
    kept_add_events(&p->kept);
    for (size_t i = 0; i < p->kept.count && p->event_count == 0; i++)
        if (grid_shape(&p->kept.grids[i], true) == SHAPE_EVENTS)
            p->event_count = grid_events(&p->kept.grids[i], &p->events);
    for (size_t i = 0; i < p->kept.count; i++)
        write_set(p, &p->kept.grids[i], grid_shape(&p->kept.grids[i], true));
    return 0;
}

static void free_pictures(struct renderer *r) {
    struct pictures *p = (struct pictures *)r;
    for (size_t i = 0; i < p->event_count; i++)
        free(p->events[i].text);
    free(p->events);
    kept_free(r);
}

/* The terminal's width; elsewhere that of a page of text. */
static int width_of(FILE *out) {
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    int width = columns ? atoi(columns) : 0;
    if (width <= 0)
        width = ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
    return width < LEAST + AXIS ? LEAST + AXIS : width > MOST ? MOST : width;
}

/* no-color.org: what is in it does not matter, unless nothing is. */
static bool no_colour(void) {
    const char *given = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return (given && *given) || (terminal && strcmp(terminal, "dumb") == 0);
}

struct renderer *render_chart(FILE *out) {
    struct pictures *p = grow(NULL, 1, sizeof *p);
    setlocale(LC_CTYPE, "");
    *p = (struct pictures){.width = width_of(out),
                           .colours = isatty(fileno(out)) && !no_colour(),
                           .signs = utf8_printable() ? &blocks : &ascii};
    kept_init(&p->base, out, end, free_pictures);
    return &p->base;
}
