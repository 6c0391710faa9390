/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "assets.h"
#include "chart.h"
#include "scale.h"
#include "utf8.h"

enum {
    BARS = 64, /* so many points and less stand apart */
    EDGED = 2  /* so wide, or wider, a point leaves room for a line between what is stacked */
};

/* Where what is drawn lies, and what it is of. */
struct area {
    double left, right, top, bottom;
    int64_t from, until;
    double max;
};

void markup_text(FILE *out, const char *text) {
    while (*text) {
        uint32_t c = utf8_next(&text);
        char octets[4] = "";
        if ((c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0) || c == 0xfffe ||
            c == 0xffff)
            c = 0xfffd;
        if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
            fprintf(out, "&#%u;", (unsigned)c);
        else
            fwrite(octets, 1, (size_t)utf8_put(c, octets), out);
    }
}

void chart_class(const struct series *s, size_t key, char text[8]) {
    if (key == s->other)
        strcpy(text, "ko");
    else
        snprintf(text, 8, "k%u", (unsigned)(key % 10));
}

/* A number, a blank and the unit, with the number's prefix at the unit. */
static void with_unit(double value, const char *unit, char text[32]) {
    char number[16];
    scale_number(value, number);
    snprintf(text, 32, "%s%s%s", number, *unit && !strchr(number, ' ') ? " " : "", unit);
}

void chart_total(const struct unit *unit, double sum, char text[32]) {
    with_unit(sum, unit->totals ? unit->totals : "", text);
}

void chart_rate(const struct unit *unit, double value, char text[32]) {
    with_unit(value * unit->factor, unit->name, text);
}

/* A coordinate, to a tenth, without more digits than needed. */
static void coordinate(FILE *out, double value) {
    long tenths = lround(value * 10);
    if (tenths % 10)
        fprintf(out, "%s%ld.%ld", tenths < 0 ? "-" : "", labs(tenths) / 10, labs(tenths) % 10);
    else
        fprintf(out, "%ld", tenths / 10);
}

static double x_of(const struct area *a, int64_t time) {
    return a->left + (double)(time - a->from) / (double)(a->until - a->from) * (a->right - a->left);
}

static double y_of(const struct area *a, double value) {
    return a->bottom - value / a->max * (a->bottom - a->top);
}

static void number_axis(FILE *out, const struct area *a, double step) {
    fputs("<g class=\"y\">", out);
    for (int i = 0; i * step <= a->max * 1.0001; i++) {
        double y = y_of(a, i * step);
        char text[16];
        scale_number(i * step, text);
        fprintf(out, "<path class=\"%s\" d=\"M%.0f ", i ? "grid" : "base", a->left);
        coordinate(out, y);
        fprintf(out, "H%.0f\"/><text x=\"%.0f\" y=\"", a->right, a->left - 6);
        coordinate(out, y + 3.5);
        fprintf(out, "\">%s</text>", text);
    }
    fputs("</g>\n", out);
}

static void time_axis(FILE *out, const struct area *a, int64_t step) {
    struct tick ticks[TICKS];
    int n = scale_times(a->from, a->until, step, (int)((a->right - a->left) / 62) + 1, ticks);
    fputs("<g class=\"x\">", out);
    for (int i = 0; i < n; i++) {
        double x = x_of(a, ticks[i].time);
        fputs("<path class=\"tick\" d=\"M", out);
        coordinate(out, x);
        fprintf(out, " %.0fv4\"/>", a->bottom);
        /* A label at an end must not be cut off there. */
        double half = 3.1 * (double)strlen(ticks[i].label);
        double at = x + half > a->right + 8 ? a->right + 8 - half : x;
        fputs("<text x=\"", out);
        coordinate(out, at < half + 1 ? half + 1 : at);
        fprintf(out, "\" y=\"%.0f\">%s</text>", a->bottom + 16, ticks[i].label);
    }
    fputs("</g>\n", out);
}

/* Keys 0 to `key` upon each other, as one shape from the ground up: those before it are drawn over it. */
static void stack(FILE *out, const struct chart *c, const struct area *a, size_t key) {
    const struct series *s = c->series;
    char class[8];
    chart_class(s, key, class);
    bool apart = s->points <= BARS, down = true;
    double slot = s->points ? x_of(a, s->times[0] + s->step) - x_of(a, s->times[0]) : 0;
    double gap = apart ? fmin(slot * 0.2, 4) / 2 : 0;
    fprintf(out, "<path class=\"%s%s\" d=\"", class, slot >= EDGED ? " edged" : "");
    int64_t ended = 0;
    for (size_t i = 0; i < s->points; i++) {
        double sum = 0;
        for (size_t k = 0; k <= key; k++)
            sum += series_at(s, c->value, k, i);
        sum *= s->units[c->value].factor;
        bool none = !(sum > 0);
        if (!down && (none || apart || ended != s->times[i])) {
            fprintf(out, "V%.0f", a->bottom);
            down = true;
        }
        if (none)
            continue;
        fputc(down ? 'M' : 'L', out);
        coordinate(out, x_of(a, s->times[i]) + gap);
        fprintf(out, down ? " %.0fV" : " ", a->bottom);
        coordinate(out, y_of(a, sum));
        fputc('H', out);
        ended = series_end(s, i);
        coordinate(out, x_of(a, ended) - gap);
        down = false;
    }
    if (!down)
        fprintf(out, "V%.0f", a->bottom);
    fputs("\"/>\n", out);
}

static void mark_events(FILE *out, const struct chart *c, const struct area *a) {
    for (size_t i = 0; i < c->event_count; i++) {
        const struct event *e = &c->events[i];
        if (e->until < a->from || e->time >= a->until)
            continue;
        double x = x_of(a, e->time < a->from ? a->from : e->time);
        double end = x_of(a, e->until > a->until ? a->until : e->until);
        fputs("<g class=\"event\"><title>", out);
        markup_text(out, e->text);
        fputs("</title>", out);
        if (end > x) {
            fputs("<rect x=\"", out);
            coordinate(out, x);
            fprintf(out, "\" y=\"%.0f\" width=\"", a->top);
            coordinate(out, end - x);
            fprintf(out, "\" height=\"%.0f\"/>", a->bottom - a->top);
        }
        fputs("<path d=\"M", out);
        coordinate(out, x);
        fprintf(out, " %.0fV%.0f\"/><circle r=\"7\" cy=\"%.0f\" cx=\"", a->top, a->bottom, a->top);
        coordinate(out, x);
        fputs("\"/><text x=\"", out);
        coordinate(out, x);
        fprintf(out, "\" y=\"%.1f\">%zu</text></g>\n", a->top + 3.5, i + 1);
    }
}

static void draw(FILE *out, const struct chart *c, struct area *a, int lines) {
    const struct series *s = c->series;
    double top = series_top(s, c->value) * s->units[c->value].factor;
    double step = scale_step(top, lines);
    a->max = top > 0 ? ceil(top / step - 1e-9) * step : step;
    a->from = s->times[0];
    a->until = series_end(s, s->points - 1);
    number_axis(out, a, step);
    for (size_t k = s->key_count; k-- > 0;)
        stack(out, c, a, k);
    time_axis(out, a, s->step);
    mark_events(out, c, a);
}

void chart_svg(FILE *out, const struct chart *c, const char *class, int width, int height) {
    struct area a = {.left = 46, .right = width - 10, .top = 16, .bottom = height - 24};
    fprintf(out,
            "<svg class=\"chart %s\" viewBox=\"0 0 %d %d\" role=\"img\" data-value=\"%zu\" "
            "data-left=\"%.0f\" data-right=\"%.0f\" aria-label=\"",
            class, width, height, c->value, a.left, a.right);
    markup_text(out, c->title);
    fputs("\">\n", out);
    draw(out, c, &a, 4);
    fprintf(out, "<path class=\"cursor\" d=\"M0 %.0fV%.0f\"/></svg>\n", a.top, a.bottom);
}

/* ---- a file of its own --------------------------------------------------------------------- */

enum { FILE_WIDTH = 800, FILE_HEIGHT = 300, LEGEND_LINE = 20, LEGEND_COLUMN = 190 };

static void legend(FILE *out, const struct chart *c, int top) {
    const struct series *s = c->series;
    const struct unit *unit = &s->units[c->value];
    int across = (FILE_WIDTH - 46) / LEGEND_COLUMN;
    for (size_t k = 0; k < s->key_count; k++) {
        int x = 46 + (int)k % across * LEGEND_COLUMN, y = top + (int)k / across * LEGEND_LINE;
        char class[8], amount[32];
        chart_class(s, k, class);
        if (unit->totals)
            chart_total(unit, series_sum(s, c->value, k), amount);
        else
            chart_rate(unit, series_peak(s, c->value, k), amount);
        fprintf(out,
                "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"11\" height=\"11\" rx=\"2\"/>"
                "<text class=\"legend\" x=\"%d\" y=\"%d\">",
                class, x, y - 10, x + 17, y);
        markup_text(out, s->keys[k]);
        fprintf(out, " <tspan class=\"amount\">%s%s</tspan></text>\n", amount,
                unit->totals ? "" : " at most");
    }
}

void chart_file(FILE *out, const struct chart *c) {
    const struct series *s = c->series;
    bool keyed = s->key_count > 1 || s->keys[0][0];
    int across = (FILE_WIDTH - 46) / LEGEND_COLUMN;
    int lines = keyed ? ((int)s->key_count + across - 1) / across : 0;
    int height = FILE_HEIGHT + lines * LEGEND_LINE + (lines ? 12 : 0);
    struct area a = {.left = 46, .right = FILE_WIDTH - 12, .top = 44, .bottom = FILE_HEIGHT - 26};
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart file\" width=\"%d\" "
            "height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n<title>",
            FILE_WIDTH, height, FILE_WIDTH, height);
    markup_text(out, c->title);
    fprintf(out, "</title>\n<style>%s</style>\n", asset_chart_css);
    fprintf(out, "<rect class=\"ground\" width=\"%d\" height=\"%d\"/>\n", FILE_WIDTH, height);
    fputs("<text class=\"title\" x=\"12\" y=\"22\">", out);
    markup_text(out, c->title);
    fprintf(out, " <tspan class=\"amount\">%s</tspan></text>\n", s->units[c->value].name);
    draw(out, c, &a, 5);
    if (keyed)
        legend(out, c, FILE_HEIGHT + 14);
    fputs("</svg>\n", out);
}
