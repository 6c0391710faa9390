/* SPDX-License-Identifier: MIT */
/*
** Tables for people: in boxes on a terminal, in columns elsewhere. Numbers stand at the right.
*/
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grid.h"
#include "memory.h"
#include "render.h"
#include "utf8.h"

struct table {
    struct renderer base;
    struct grid grid;
    const struct frame *frame;
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

/* Control characters would drive the terminal: U+2400 and on show them. */
static char *shown(const char *text) {
    char *out = grow(NULL, strlen(text) * 3 + 4, 1), *at = out;
    while (*text) {
        uint32_t c = utf8_next(&text);
        if (c < 0x20)
            c += 0x2400;
        else if (c == 0x7f)
            c = 0x2421;
        else if ((c >= 0x80 && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
                 (c >= 0x2066 && c <= 0x2069))
            c = 0xfffd;
        at += utf8_put(c, at);
    }
    *at = '\0';
    return out;
}

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

static void begin(struct renderer *r, const struct report *report, const struct settings *s) {
    (void)r, (void)report, (void)s;
}

static void set(struct renderer *r, const struct result_set *head) {
    struct table *t = (struct table *)r;
    grid_begin(&t->grid, head);
}

static void row(struct renderer *r, sqlite3_stmt *statement) {
    grid_row(&((struct table *)r)->grid, statement);
}

static void set_end(struct renderer *r) {
    struct table *t = (struct table *)r;
    struct grid *g = &t->grid;
    size_t n = g->columns;
    char **texts = grow(NULL, (g->rows + 1) * n, sizeof *texts);
    int *widths = grow(NULL, n, sizeof *widths);
    bool *right = grow(NULL, n, sizeof *right);
    for (size_t i = 0; i < n; i++) {
        right[i] = grid_reads_as_number(g, i);
        widths[i] = 0;
        for (size_t j = 0; j <= g->rows; j++) {
            const char *text = j == 0 ? g->names[i] : grid_cell(g, j - 1, i)->text;
            texts[j * n + i] = shown(text ? text : "");
            int width = utf8_columns(texts[j * n + i]);
            if (width > widths[i])
                widths[i] = width;
        }
    }
    if (t->sets++)
        fputc('\n', r->out);
    if (*g->title) {
        char *title = shown(g->title);
        fprintf(r->out, "%s\n", title);
        free(title);
    }
    ruler(r->out, &t->frame->top, widths, n);
    cells(r->out, &t->frame->head, texts, widths, right, n);
    ruler(r->out, &t->frame->rule, widths, n);
    for (size_t j = 1; j <= g->rows; j++)
        cells(r->out, &t->frame->row, texts + j * n, widths, right, n);
    ruler(r->out, &t->frame->bottom, widths, n);
    if (g->rows == 0)
        fputs("(nothing)\n", r->out);
    for (size_t i = 0; i < (g->rows + 1) * n; i++)
        free(texts[i]);
    free(texts);
    free(widths);
    free(right);
    grid_free(g);
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
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    *t = (struct table){.base = {out, false, NULL, begin, set, row, set_end, end, free_table},
                        .frame = !isatty(fileno(out)) ? &plain
                                 : utf8               ? &box
                                                      : &ascii};
    return &t->base;
}
