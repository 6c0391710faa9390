/* SPDX-License-Identifier: MIT */
/*
** Tables for people: in boxes on a terminal, in columns elsewhere. Numbers stand at the right.
*/
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grid.h"
#include "memory.h"
#include "render.h"
#include "shown.h"
#include "utf8.h"

struct table {
    struct renderer base;
    struct grid grid;
    int sets;
};

/* What stands left of, between and right of the cells of a line, and fills a line without cells. */
struct line {
    const char *left, *fill, *between, *right;
};
struct frame {
    struct line top, head, rule, row, bottom;
};

static const struct frame box = {{"┌─", "─", "─┬─", "─┐"},
                                 {"│ ", " ", " │ ", " │"},
                                 {"├─", "─", "─┼─", "─┤"},
                                 {"│ ", " ", " │ ", " │"},
                                 {"└─", "─", "─┴─", "─┘"}};
static const struct frame ascii = {{"+-", "-", "-+-", "-+"},
                                   {"| ", " ", " | ", " |"},
                                   {"+-", "-", "-+-", "-+"},
                                   {"| ", " ", " | ", " |"},
                                   {"+-", "-", "-+-", "-+"}};
static const struct frame plain = {{NULL, NULL, NULL, NULL},
                                   {"", " ", "  ", ""},
                                   {"", "-", "  ", ""},
                                   {"", " ", "  ", ""},
                                   {NULL, NULL, NULL, NULL}};

static void repeat(FILE *out, const char *what, int n) {
    while (n-- > 0)
        fputs(what, out);
}

static void ruler(FILE *out, const struct line *line, const int *widths, size_t columns) {
    if (!line->left)
        return;
    fputs(line->left, out);
    for (size_t i = 0; i < columns; i++) {
        if (i)
            fputs(line->between, out);
        repeat(out, line->fill, widths[i]);
    }
    fprintf(out, "%s\n", line->right);
}

static void cells(FILE *out, const struct line *line, char *const *texts, const int *widths,
                  const bool *right, size_t columns) {
    fputs(line->left, out);
    for (size_t i = 0; i < columns; i++) {
        int blank = widths[i] - utf8_columns(texts[i]);
        if (i)
            fputs(line->between, out);
        if (right[i])
            repeat(out, " ", blank);
        fputs(texts[i], out);
        if (!right[i] && (i + 1 < columns || line->right[0]))
            repeat(out, " ", blank);
    }
    fprintf(out, "%s\n", line->right);
}

/* Boxes on a terminal, of characters that it has. */
static const struct frame *frame_for(FILE *out) {
    if (!isatty(fileno(out)))
        return &plain;
    return utf8_printable() ? &box : &ascii;
}

/* So many eighths of a character, or characters where there are no such. */
static char *bar_text(double part, int columns) {
    static const char *const blocks[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (!utf8_printable()) {
        int n = (int)(part * columns + 0.5);
        char *signs = grow(NULL, (size_t)columns + 1, 1);
        memset(signs, '#', (size_t)n);
        strcpy(signs + n, n == 0 && part > 0 ? "|" : "");
        return signs;
    }
    int eighths = (int)(part * columns * 8 + 0.5);
    if (part > 0 && eighths == 0)
        eighths = 1;
    char *text = grow(NULL, (size_t)columns * 3 + 4, 1);
    text[0] = '\0';
    for (int i = 0; i < eighths / 8; i++)
        strcat(text, "█");
    return strcat(text, blocks[eighths % 8]);
}

void table_write(FILE *out, const struct grid *g, size_t bars) {
    const struct frame *frame = frame_for(out);
    size_t own = g->columns, n = own + (bars < own && g->rows > 0);
    char **texts = grow(NULL, (g->rows + 1) * n, sizeof *texts);
    int *widths = grow(NULL, n, sizeof *widths);
    bool *right = grow(NULL, n, sizeof *right);
    double most = 0;
    for (size_t j = 0; n > own && j < g->rows; j++)
        most = fmax(most, grid_cell(g, j, bars)->number);
    for (size_t i = 0; i < n; i++) {
        right[i] = i < own && grid_reads_as_number(g, i);
        widths[i] = 0;
        for (size_t j = 0; j <= g->rows; j++) {
            if (i == own) {
                texts[j * n + i] =
                    j == 0 ? copy("")
                           : bar_text(most > 0 ? grid_cell(g, j - 1, bars)->number / most : 0, 20);
            } else {
                const char *text = j == 0 ? g->names[i] : grid_cell(g, j - 1, i)->text;
                texts[j * n + i] = shown(text ? text : "");
            }
            int width = utf8_columns(texts[j * n + i]);
            if (width > widths[i])
                widths[i] = width;
        }
    }
    if (*g->title) {
        char *title = shown(g->title);
        fprintf(out, "%s\n", title);
        free(title);
    }
    ruler(out, &frame->top, widths, n);
    cells(out, &frame->head, texts, widths, right, n);
    ruler(out, &frame->rule, widths, n);
    for (size_t j = 1; j <= g->rows; j++)
        cells(out, &frame->row, texts + j * n, widths, right, n);
    ruler(out, &frame->bottom, widths, n);
    if (g->rows == 0)
        fputs("(nothing)\n", out);
    for (size_t i = 0; i < (g->rows + 1) * n; i++)
        free(texts[i]);
    free(texts);
    free(widths);
    free(right);
}

static void begin(struct renderer *r, const struct report *report, const struct settings *s) {
    (void)r, (void)report, (void)s;
}

static void set(struct renderer *r, const struct result_set *head) {
    grid_begin(&((struct table *)r)->grid, head);
}

static void row(struct renderer *r, sqlite3_stmt *statement) {
    grid_row(&((struct table *)r)->grid, statement);
}

static void set_end(struct renderer *r) {
    struct table *t = (struct table *)r;
    if (t->sets++)
        fputc('\n', r->out);
    table_write(r->out, &t->grid, t->grid.columns);
    grid_free(&t->grid);
}

static int end(struct renderer *r) {
    (void)r;
    return 0;
}

static void free_table(struct renderer *r) {
    grid_free(&((struct table *)r)->grid);
    free(r);
}

struct renderer *render_table(FILE *out) {
    struct table *t = grow(NULL, 1, sizeof *t);
    setlocale(LC_CTYPE, "");
    *t =
        (struct table){.base = {out, false, NULL, begin, set, row, set_end, end, free_table, NULL}};
    return &t->base;
}
