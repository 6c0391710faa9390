/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "page_part.h"
#include "scale.h"

/* Columns whose numbers may be shortened, and their unit. */
static const struct {
    const char *name, *unit;
} amounts[] = {
    {"bytes", "B"},     {"octets", "B"}, {"sent", "B"},    {"received", "B"},
    {"packets", ""},    {"flows", ""},   {"bps", "bit/s"}, {"pps", "packets/s"},
    {"fps", "flows/s"}, {"bpp", "B"},    {"hosts", ""},    {"peers", ""},
};

static const char *amount_unit(const char *column) {
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++) {
        size_t length = strlen(amounts[i].name);
        if (strncmp(column, amounts[i].name, length) == 0 &&
            (column[length] == '\0' || column[length] == '_'))
            return amounts[i].unit;
    }
    return NULL;
}

char *grid_short(const struct grid *g, size_t row, size_t column) {
    const struct cell *cell = grid_cell(g, row, column);
    const char *unit = amount_unit(g->names[column]);
    int64_t time;
    if (!cell->text)
        return copy("–");
    if (cell->numeric && unit) {
        struct unit of = {unit, 1, unit};
        char text[32];
        chart_total(&of, cell->number, text);
        return copy(text);
    }
    if (!cell->numeric && scale_parse(cell->text, &time)) {
        char when[40];
        scale_moment(time, 300, when);
        return copy(when + 4); /* without the day of the week */
    }
    return copy(cell->text);
}

void page_value(FILE *out, const struct grid *g, size_t row, size_t column) {
    const struct cell *cell = grid_cell(g, row, column);
    char *text = grid_short(g, row, column);
    fputs("<data value=\"", out);
    markup_text(out, cell->text ? cell->text : "");
    if (cell->text && strcmp(text, cell->text) != 0) {
        fputs("\" title=\"", out);
        markup_text(out, cell->text);
    }
    fputs("\">", out);
    markup_text(out, text);
    fputs("</data>", out);
    free(text);
}

size_t grid_amounts(const struct grid *g) {
    size_t found = g->columns;
    for (size_t i = 0; i < g->columns; i++) {
        if (strcmp(g->names[i], "bytes") == 0 && grid_is_numeric(g, i))
            return i;
        if (found == g->columns && amount_unit(g->names[i]) && grid_is_numeric(g, i))
            found = i;
    }
    return found;
}

static double greatest(const struct grid *g, size_t column) {
    double most = 0;
    for (size_t i = 0; column < g->columns && i < g->rows; i++)
        if (grid_cell(g, i, column)->number > most)
            most = grid_cell(g, i, column)->number;
    return most;
}

void page_table(FILE *out, const struct grid *g, bool list) {
    size_t bar = list ? grid_amounts(g) : g->columns;
    double most = greatest(g, bar);
    bool *right = grow(NULL, g->columns, sizeof *right);
    fputs("<div class=\"scroll\"><table>\n<thead><tr>", out);
    for (size_t i = 0; i < g->columns; i++) {
        right[i] = grid_reads_as_number(g, i);
        fprintf(out, right[i] ? "<th class=\"n\">" : "<th>");
        markup_text(out, g->names[i]);
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    for (size_t j = 0; j < g->rows; j++) {
        fputs("<tr>", out);
        for (size_t i = 0; i < g->columns; i++) {
            const struct cell *cell = grid_cell(g, j, i);
            int64_t time;
            bool is_time = cell->text && !cell->numeric && scale_parse(cell->text, &time);
            fprintf(out, "<td class=\"%s\">",
                    right[i]              ? "n"
                    : is_time             ? "t"
                    : list && !cell->text ? "null"
                                          : "");
            if (list && right[i] && cell->numeric)
                page_value(out, g, j, i);
            else
                markup_text(out, cell->text ? cell->text : "");
            if (list && i == 0 && most > 0)
                fprintf(out, "<span class=\"bar\" style=\"width:%.1f%%\"></span>",
                        100 * grid_cell(g, j, bar)->number / most);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    if (g->rows == 0)
        fprintf(out, "<tr><td class=\"none\" colspan=\"%zu\">nothing</td></tr>\n", g->columns);
    fputs("</tbody></table></div>\n", out);
    free(right);
}
