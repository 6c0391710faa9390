/* SPDX-License-Identifier: MIT */
/*
** One object:
**
**   {"report": "top-talkers", "question": "...", "parameters": {"n": "10", "since": null, ...},
**    "results": [{"title": "...", "columns": ["ip", ...], "rows": [{"ip": "...", "bytes": 1}, ...]}]}
**
** Parameters are those of the report, as they were written; integers are not rounded. When something is wrong on the
** way, the rest is missing, and behind "results" comes "error", a sentence.
*/
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "json.h"
#include "memory.h"
#include "render.h"

struct json {
    struct renderer base;
    int sets;
    bool open; /* a set has begun and not ended */
    long long rows;
    char **columns; /* as JSON */
    int column_count;
};

static void begin(struct renderer *r, const struct report *report, const struct settings *s) {
    fputs("{\"report\": ", r->out);
    json_text(r->out, report->name);
    fputs(", \"question\": ", r->out);
    json_text(r->out, report->question);
    fputs(",\n \"parameters\": {", r->out);
    for (size_t i = 0; i < report->parameter_count; i++) {
        fputs(i ? ", " : "", r->out);
        json_text(r->out, report->parameters[i].name);
        fputs(": ", r->out);
        json_text(r->out, settings_value(s, report->parameters[i].name));
    }
    fputs("},\n \"results\": [", r->out);
}

static void forget_columns(struct json *j) {
    for (int i = 0; i < j->column_count; i++)
        free(j->columns[i]);
    free(j->columns);
    j->columns = NULL;
    j->column_count = 0;
}

static void set(struct renderer *r, const struct result_set *head) {
    struct json *j = (struct json *)r;
    forget_columns(j);
    j->open = true;
    j->columns = grow(NULL, (size_t)head->column_count, sizeof *j->columns);
    j->rows = 0;
    fputs(j->sets++ ? ",\n  {\"title\": " : "\n  {\"title\": ", r->out);
    json_text(r->out, *head->title ? head->title : NULL);
    fputs(", \"columns\": [", r->out);
    for (int i = 0; i < head->column_count; i++) {
        size_t size;
        FILE *f = memory_open(&j->columns[i], &size);
        json_text(f, head->columns[i]);
        memory_close(f);
        j->column_count++;
        fprintf(r->out, "%s%s", i ? ", " : "", j->columns[i]);
    }
    fputs("], \"rows\": [", r->out);
}

static void value(FILE *out, sqlite3_stmt *statement, int i) {
    switch (sqlite3_column_type(statement, i)) {
    case SQLITE_NULL:
        fputs("null", out);
        break;
    case SQLITE_INTEGER:
        fputs((const char *)sqlite3_column_text(statement, i), out);
        break;
    case SQLITE_FLOAT:
        /* JSON has no infinity. */
        if (isfinite(sqlite3_column_double(statement, i)))
            fputs((const char *)sqlite3_column_text(statement, i), out);
        else
            fputs("null", out);
        break;
    case SQLITE_BLOB: {
        char *text = blob_text(statement, i);
        json_text(out, text);
        free(text);
        break;
    }
    default:
        json_text(out, (const char *)sqlite3_column_text(statement, i));
    }
}

static void row(struct renderer *r, sqlite3_stmt *statement) {
    struct json *j = (struct json *)r;
    fputs(j->rows++ ? ",\n   {" : "\n   {", r->out);
    for (int i = 0; i < j->column_count; i++) {
        fprintf(r->out, "%s%s: ", i ? ", " : "", j->columns[i]);
        value(r->out, statement, i);
    }
    fputc('}', r->out);
}

static void set_end(struct renderer *r) {
    ((struct json *)r)->open = false;
    fputs("]}", r->out);
}

static void fail(struct renderer *r, const char *message) {
    fputs(((struct json *)r)->open ? "]}],\n \"error\": " : "],\n \"error\": ", r->out);
    json_text(r->out, message);
    fputs("}\n", r->out);
}

static int end(struct renderer *r) {
    fputs("]}\n", r->out);
    return 0;
}

static void free_json(struct renderer *r) {
    forget_columns((struct json *)r);
    free(r);
}

struct renderer *render_json(FILE *out) {
    struct json *j = grow(NULL, 1, sizeof *j);
    *j = (struct json){.base = {out, false, NULL, begin, set, row, set_end, end, free_json, fail}};
    return &j->base;
}
