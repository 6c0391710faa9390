/* SPDX-License-Identifier: MIT */
/*
** Tables as GitHub's Markdown has them.
*/
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "memory.h"
#include "render.h"
#include "utf8.h"

struct markdown {
    struct renderer base;
    struct grid grid;
    int sets;
};

/* What Markdown or HTML in it would take for its own. */
static void escaped(FILE *out, const char *text) {
    while (*text) {
        uint32_t c = utf8_next(&text);
        char octets[4] = "";
        if (c == '\n')
            fputs("<br>", out);
        else if (c == '<' || c == '&')
            fputs(c == '<' ? "&lt;" : "&amp;", out);
        else if (c < 0x20 || c == 0x7f)
            fputc(' ', out);
        else if (c < 0x80 && strchr("|\\`*_[]~", (int)c))
            fprintf(out, "\\%c", (char)c);
        else
            fwrite(octets, 1, (size_t)utf8_put(c, octets), out);
    }
}

static void begin(struct renderer *r, const struct report *report, const struct settings *s) {
    (void)s;
    fputs("## ", r->out);
    escaped(r->out, report->question);
    fputs("\n", r->out);
}

static void set(struct renderer *r, const struct result_set *head) {
    grid_begin(&((struct markdown *)r)->grid, head);
}

static void row(struct renderer *r, sqlite3_stmt *statement) {
    grid_row(&((struct markdown *)r)->grid, statement);
}

static void set_end(struct renderer *r) {
    struct grid *g = &((struct markdown *)r)->grid;
    fputc('\n', r->out);
    if (*g->title) {
        fputs("### ", r->out);
        escaped(r->out, g->title);
        fputs("\n\n", r->out);
    }
    for (size_t i = 0; i < g->columns; i++) {
        fputs("| ", r->out);
        escaped(r->out, g->names[i]);
        fputc(' ', r->out);
    }
    fputs("|\n", r->out);
    for (size_t i = 0; i < g->columns; i++)
        fputs(grid_reads_as_number(g, i) ? "| ---: " : "| --- ", r->out);
    fputs("|\n", r->out);
    for (size_t j = 0; j < g->rows; j++) {
        for (size_t i = 0; i < g->columns; i++) {
            const char *text = grid_cell(g, j, i)->text;
            fputs("| ", r->out);
            escaped(r->out, text ? text : "");
            fputc(' ', r->out);
        }
        fputs("|\n", r->out);
    }
    grid_free(g);
}

static int end(struct renderer *r) {
    (void)r;
    return 0;
}

static void free_markdown(struct renderer *r) {
    grid_free(&((struct markdown *)r)->grid);
    free(r);
}

struct renderer *render_markdown(FILE *out) {
    struct markdown *m = grow(NULL, 1, sizeof *m);
    *m = (struct markdown){
        .base = {out, false, NULL, begin, set, row, set_end, end, free_markdown, NULL}};
    return &m->base;
}
