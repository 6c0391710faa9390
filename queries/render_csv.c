/* SPDX-License-Identifier: MIT */
/*
** RFC 4180: a head, lines that end with CR LF, quotes where they are needed. A file of it is one table.
*/
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "memory.h"
#include "render.h"

static void field(FILE *out, const char *text) {
    if (!text)
        return;
    if (text[0] && text[strcspn(text, ",\"\r\n")] == '\0') {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void begin(struct renderer *r, const struct report *report, const struct settings *s) {
    (void)r, (void)report, (void)s;
}

static void set(struct renderer *r, const struct result_set *head) {
    for (int i = 0; i < head->column_count; i++) {
        if (i)
            fputc(',', r->out);
        field(r->out, head->columns[i]);
    }
    fputs("\r\n", r->out);
}

static void row(struct renderer *r, sqlite3_stmt *statement) {
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        if (i)
            fputc(',', r->out);
        if (sqlite3_column_type(statement, i) == SQLITE_BLOB) {
            char *text = blob_text(statement, i);
            field(r->out, text);
            free(text);
        } else {
            field(r->out, (const char *)sqlite3_column_text(statement, i));
        }
    }
    fputs("\r\n", r->out);
}

static void set_end(struct renderer *r) {
    (void)r;
}

static int end(struct renderer *r) {
    (void)r;
    return 0;
}

static void free_csv(struct renderer *r) {
    free(r);
}

struct renderer *render_csv(FILE *out) {
    struct renderer *r = grow(NULL, 1, sizeof *r);
    *r = (struct renderer){out, true, NULL, begin, set, row, set_end, end, free_csv, NULL};
    return r;
}
