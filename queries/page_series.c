/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "memory.h"
#include "page_part.h"
#include "scale.h"

enum { WIDE = 800, WIDE_HEIGHT = 210, NARROW = 350, NARROW_HEIGHT = 190 };

/* What one who cannot see the chart is told of it: to free. */
static char *spoken(const struct series *s, size_t value) {
    char from[40], until[40], most[32];
    scale_moment(s->times[0], s->step, from);
    scale_moment(s->times[s->points - 1], s->step, until);
    chart_rate(&s->units[value], series_top(s, value), most);
    char *text = format("%s over time, %s to %s, at most %s", s->values[value], from, until, most);
    for (size_t k = 0; k < s->key_count && s->keys[k][0]; k++) {
        char *more = format("%s%s%s", text, k ? ", " : "; stacked: ", s->keys[k]);
        free(text);
        text = more;
    }
    return text;
}

static void figure(FILE *out, const struct series *s, size_t value, const struct event *events,
                   size_t event_count) {
    char *title = spoken(s, value);
    struct chart chart = {s, value, title, events, event_count};
    static const struct {
        const char *class;
        int width, height;
    } sizes[] = {{"wide", WIDE, WIDE_HEIGHT}, {"narrow", NARROW, NARROW_HEIGHT}};
    fputs("<figure><figcaption>", out);
    markup_text(out, s->values[value]);
    fprintf(out, " <span>%s</span></figcaption>\n", s->units[value].name);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        chart_svg(out, &chart, sizes[i].class, sizes[i].width, sizes[i].height);
    fputs("</figure>\n", out);
    free(title);
}

/* What the page's script shows under the pointer. */
static void data(FILE *out, const struct series *s) {
    fputs("<script type=\"application/json\">{\"times\":[", out);
    for (size_t i = 0; i < s->points; i++)
        fprintf(out, "%s%lld", i ? "," : "", (long long)s->times[i]);
    fprintf(out, "],\"until\":%lld,\n\"labels\":[", (long long)series_end(s, s->points - 1));
    for (size_t i = 0; i < s->points; i++) {
        char when[40];
        scale_moment(s->times[i], s->step, when);
        fputs(i ? "," : "", out);
        json_text(out, when);
    }
    fputs("],\n\"keys\":[", out);
    for (size_t k = 0; k < s->key_count; k++) {
        char class[8];
        chart_class(s, k, class);
        fputs(k ? ",{\"name\":" : "{\"name\":", out);
        json_text(out, s->keys[k]);
        fprintf(out, ",\"class\":\"%s\"}", class);
    }
    fputs("],\n\"charts\":[", out);
    for (size_t v = 0; v < s->value_count; v++) {
        fputs(v ? ",\n{\"name\":" : "\n{\"name\":", out);
        json_text(out, s->values[v]);
        fprintf(out, ",\"unit\":\"%s\",\"factor\":%.17g,\"numbers\":[", s->units[v].name,
                s->units[v].factor);
        for (size_t k = 0; k < s->key_count; k++) {
            fputs(k ? ",[" : "[", out);
            for (size_t i = 0; i < s->points; i++)
                fprintf(out, "%s%.15g", i ? "," : "", series_at(s, v, k, i));
            fputc(']', out);
        }
        fputs("]}", out);
    }
    fputs("]}</script>\n", out);
}

static void amount(FILE *out, double value, const char *text) {
    fprintf(out, "<td class=\"n\"><data value=\"%.15g\">%s</data></td>", value, text);
}

/* Sums where they have a meaning, peaks where not; of the first value its share and its peak, too. */
static void legend(FILE *out, const struct series *s) {
    fputs("<div class=\"scroll\"><table class=\"keys\"><thead><tr><th></th>", out);
    for (size_t v = 0; v < s->value_count; v++) {
        fputs("<th class=\"n\">", out);
        markup_text(out, s->values[v]);
        fputs(s->units[v].totals ? "</th>" : ", most</th>", out);
        if (v == 0 && s->units[v].totals && s->key_count > 1)
            fputs("<th class=\"n\">share</th>", out);
        if (v == 0 && s->units[v].totals)
            fputs("<th class=\"n wide\">peak</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    for (size_t k = 0; k < s->key_count; k++) {
        char class[8], text[32];
        chart_class(s, k, class);
        fprintf(out, "<tr><td><span class=\"swatch %s\"></span>", class);
        markup_text(out, s->keys[k][0] ? s->keys[k] : "all");
        fputs("</td>", out);
        for (size_t v = 0; v < s->value_count; v++) {
            double sum = series_sum(s, v, k), peak = series_peak(s, v, k), all = 0;
            if (!s->units[v].totals) {
                chart_rate(&s->units[v], peak, text);
                amount(out, peak, text);
                continue;
            }
            chart_total(&s->units[v], sum, text);
            amount(out, sum, text);
            if (v > 0)
                continue;
            for (size_t i = 0; i < s->key_count; i++)
                all += series_sum(s, v, i);
            if (s->key_count > 1)
                fprintf(out, "<td class=\"n\">%.1f&thinsp;%%</td>", all > 0 ? 100 * sum / all : 0);
            chart_rate(&s->units[v], peak, text);
            fprintf(out, "<td class=\"n wide\">%s</td>", text);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

void page_series(FILE *out, const struct grid *g, const struct event *events, size_t event_count) {
    struct series s;
    if (series_of(&s, g)) {
        for (size_t v = 0; v < s.value_count; v++)
            figure(out, &s, v, events, event_count);
        legend(out, &s);
        data(out, &s);
        series_free(&s);
    }
    fputs("<details><summary>Figures</summary>\n", out);
    page_table(out, g, false);
    fputs("</details>\n", out);
}
