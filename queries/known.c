/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "json.h"
#include "known.h"
#include "memory.h"
#include "output.h"
#include "scale.h"

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(char **lines, size_t count) {
    if (count)
        qsort(lines, count, sizeof *lines, by_text);
}

static bool has(char *const *lines, size_t count, const char *line) {
    return count && bsearch(&line, lines, count, sizeof *lines, by_text);
}

static void add(struct known *k, char *line) {
    k->now = grow(k->now, k->now_count + 1, sizeof *k->now);
    k->now[k->now_count++] = line;
}

int known_read(struct known *k, const char *path) {
    *k = (struct known){0};
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    while (f && (n = getline(&line, &size, f)) > 0) {
        k->before = grow(k->before, k->before_count + 1, sizeof *k->before);
        k->before[k->before_count++] = copy_of(line, (size_t)n - (line[n - 1] == '\n'));
    }
    bool wrong = f ? ferror(f) : errno != ENOENT;
    if (wrong)
        fprintf(stderr, "flowreport: %s: %s\n", path, strerror(errno));
    if (f)
        fclose(f);
    free(line);
    sort(k->before, k->before_count);
    if (wrong)
        known_free(k);
    return wrong ? -1 : 0;
}

/* ---- the filter ---------------------------------------------------------------------------- */

struct filter {
    struct renderer base, *inner;
    struct known *known;
    const char *report;
    long long *rows;
    bool *in_key, by_kind; /* of each column; there is no list of them */
};

static void begin(struct renderer *r, const struct report *report, const struct settings *s) {
    struct filter *f = (struct filter *)r;
    f->inner->begin(f->inner, report, s);
}

/* Is it one of the words? */
static bool names(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += length)
        if ((at == list || strchr(" ,", at[-1])) && strchr(" ,", at[length]))
            return true;
    return false;
}

static void set(struct renderer *r, const struct result_set *head) {
    struct filter *f = (struct filter *)r;
    f->by_kind = !*head->key;
    f->in_key = grow(f->in_key, (size_t)head->column_count, sizeof *f->in_key);
    for (int i = 0; i < head->column_count; i++)
        f->in_key[i] = f->by_kind || names(head->key, head->columns[i]);
    f->inner->set(f->inner, head);
}

/* Of a value of the key, to free; NULL when it says nothing. Numbers are left as numbers for the inner one. */
static char *word_of(const struct filter *f, sqlite3_stmt *statement, int i) {
    int64_t time;
    switch (sqlite3_column_type(statement, i)) {
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_column_text(statement, i);
        return f->by_kind && scale_parse(text, &time) ? NULL : copy(text);
    }
    case SQLITE_INTEGER:
        return f->by_kind ? NULL : format("%lld", (long long)sqlite3_column_int64(statement, i));
    default:
        return NULL;
    }
}

/* "alerts/silent 192.0.2.1 v9", in one line whatever is in it. */
static char *line_of(const struct filter *f, sqlite3_stmt *statement) {
    char *line = copy(f->report);
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        char *word = f->in_key[i] ? word_of(f, statement, i) : NULL;
        if (!word)
            continue;
        char *more = format("%s %s", line, word);
        free(line);
        free(word);
        line = more;
    }
    for (char *at = line; *at; at++)
        if ((unsigned char)*at < 0x20)
            *at = ' ';
    return line;
}

static void row(struct renderer *r, sqlite3_stmt *statement) {
    struct filter *f = (struct filter *)r;
    char *line = line_of(f, statement);
    if (!has(f->known->before, f->known->before_count, line)) {
        f->inner->row(f->inner, statement);
        ++*f->rows;
    }
    add(f->known, line);
}

static void set_end(struct renderer *r) {
    struct filter *f = (struct filter *)r;
    f->inner->set_end(f->inner);
}

static int end(struct renderer *r) {
    struct filter *f = (struct filter *)r;
    return f->inner->end(f->inner);
}

static void fail(struct renderer *r, const char *message) {
    struct filter *f = (struct filter *)r;
    if (f->inner->fail)
        f->inner->fail(f->inner, message);
}

static void free_filter(struct renderer *r) {
    struct filter *f = (struct filter *)r;
    f->inner->free(f->inner);
    free(f->in_key);
    free(f);
}

struct renderer *known_filter(struct known *known, const char *report, struct renderer *inner,
                              long long *rows) {
    struct filter *f = grow(NULL, 1, sizeof *f);
    *f = (struct filter){.base = {inner->out, inner->one_set, NULL, begin, set, row, set_end, end,
                                  free_filter, fail},
                         .inner = inner,
                         .known = known,
                         .report = report,
                         .rows = rows};
    *rows = 0;
    return &f->base;
}

/* ---- and after it -------------------------------------------------------------------------- */

static bool is_of(const char *line, const char *report) {
    size_t length = strlen(report);
    return strncmp(line, report, length) == 0 && strchr(" ", line[length]);
}

void known_keep(struct known *k, const char *report) {
    size_t n = 0;
    for (size_t i = 0; i < k->now_count; i++)
        if (is_of(k->now[i], report))
            free(k->now[i]);
        else
            k->now[n++] = k->now[i];
    k->now_count = n;
    for (size_t i = 0; i < k->before_count; i++)
        if (is_of(k->before[i], report))
            add(k, copy(k->before[i]));
}

int known_write(struct known *k, const char *path) {
    struct output output;
    sort(k->now, k->now_count);
    if (output_open(&output, path) != 0)
        return -1;
    for (size_t i = 0; i < k->now_count; i++)
        if (i == 0 || strcmp(k->now[i - 1], k->now[i]) != 0)
            fprintf(output.file, "%s\n", k->now[i]);
    return output_close(&output, true);
}

void known_over(FILE *out, struct known *k) {
    bool any = false;
    sort(k->now, k->now_count);
    fputc('[', out);
    for (size_t i = 0; i < k->before_count; i++) {
        if (has(k->now, k->now_count, k->before[i]))
            continue;
        fputs(any ? ", " : "", out);
        json_text(out, k->before[i]);
        any = true;
    }
    fputc(']', out);
}

void known_free(struct known *k) {
    for (size_t i = 0; i < k->before_count; i++)
        free(k->before[i]);
    for (size_t i = 0; i < k->now_count; i++)
        free(k->now[i]);
    free(k->before);
    free(k->now);
    *k = (struct known){0};
}
