/* SPDX-License-Identifier: MIT */
/*
** Reads a report's file: report_file.h tells its form. What SQL there is in it is SQLite's to
** understand; here are comments, lines for the shell and the names of parameters.
*/
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "number.h"
#include "report_file.h"

static char *read_all(const char *path) {
    FILE *f = fopen(path, "re");
    if (!f)
        return NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *out = memory_open(&text, &size);
    char part[8192];
    size_t n;
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        fwrite(part, 1, n, out);
    int wrong = ferror(f) ? errno : 0;
    fclose(f);
    memory_close(out);
    if (wrong) {
        free(text);
        errno = wrong;
        return NULL;
    }
    return text;
}

static const char *line_end(const char *at) {
    return at + strcspn(at, "\n");
}

static const char *next_line(const char *at) {
    at = line_end(at);
    return *at ? at + 1 : at;
}

/* Without blanks at both ends. */
static char *trimmed(const char *from, const char *to) {
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    return copy_of(from, (size_t)(to - from));
}

/* Append to *text, with one blank between. */
static void join(char **text, char *more) {
    if (**text == '\0') {
        free(*text);
        *text = more;
        return;
    }
    char *all = format("%s %s", *text, more);
    free(*text);
    free(more);
    *text = all;
}

/* ---- the head ------------------------------------------------------------------------------ */

/* What is about the statement that follows is not of the head. */
static bool is_remark(const char *line) {
    return strncmp(line, "-- Title:", 9) == 0 || strncmp(line, "-- Chart:", 9) == 0 ||
           strncmp(line, "-- Key:", 7) == 0;
}

/* The comment lines at the top, without their dashes, and without the licence. */
static char *head_of(const char *text, const char **rest) {
    char *head = NULL;
    size_t size = 0;
    FILE *out = memory_open(&head, &size);
    const char *at = text;
    while (strncmp(at, "--", 2) == 0 && !is_remark(at)) {
        const char *from = at + 2, *to = line_end(at);
        if (*from == ' ')
            from++;
        while (to > from && isspace((unsigned char)to[-1]))
            to--;
        if (strncmp(from, "SPDX-", 5) != 0)
            fprintf(out, "%.*s\n", (int)(to - from), from);
        at = next_line(at);
    }
    memory_close(out);
    *rest = at;
    return head;
}

/* The first paragraph is the question; "(nfdump ...)" at its end is the peer's. */
static void read_question(struct report *report) {
    char *all = copy("");
    const char *at = report->head;
    while (*at == '\n')
        at++;
    for (; *at && *at != '\n'; at = next_line(at))
        join(&all, trimmed(at, line_end(at)));
    report->peer = copy("");
    size_t length = strlen(all);
    if (length && all[length - 1] == ')') {
        size_t from = length - 1;
        for (int depth = 1; depth && from > 0;) {
            from--;
            depth += all[from] == ')' ? 1 : all[from] == '(' ? -1 : 0;
        }
        if (all[from] == '(' && from > 0) {
            free(report->peer);
            report->peer = trimmed(all + from + 1, all + length - 1);
            while (from > 0 && all[from - 1] == ' ')
                from--;
            all[from] = '\0';
        }
    }
    report->question = all;
}

static bool is_name(int c) {
    return isalnum(c) || c == '_';
}

static size_t add_parameter(struct report *report, const char *name, size_t length) {
    for (size_t i = 0; i < report->parameter_count; i++)
        if (strlen(report->parameters[i].name) == length &&
            strncmp(report->parameters[i].name, name, length) == 0)
            return i;
    report->parameters =
        grow(report->parameters, report->parameter_count + 1, sizeof *report->parameters);
    report->parameters[report->parameter_count] =
        (struct parameter){copy_of(name, length), copy(""), copy(""), false, false};
    return report->parameter_count++;
}

/* "how many, -1 for all   default 10" and "default: all" come apart. */
static void split_meaning(const char *all, char **meaning, char **standard) {
    const char *found = NULL;
    for (const char *at = all; (at = strstr(at, "default")) != NULL; at++)
        if ((at == all || at[-1] == ' ') && (at[7] == ' ' || at[7] == ':'))
            found = at;
    const char *end = all + strlen(all);
    *meaning = trimmed(all, found ? found : end);
    *standard = found ? trimmed(found + 8, end) : copy("");
}

/* A line of parameters, and those that go on after it: what they say holds for each name. */
static const char *read_parameter(struct report *report, const char *line) {
    const char *at = line + strspn(line, " ");
    size_t named = 0;
    size_t index[32];
    while (*at == ':' && named < sizeof index / sizeof *index) {
        const char *from = ++at;
        while (is_name((unsigned char)*at))
            at++;
        index[named++] = add_parameter(report, from, (size_t)(at - from));
        if (*at == ',')
            at += 1 + strspn(at + 1, " ");
    }
    char *all = trimmed(at, line_end(at));
    const char *next = next_line(line);
    while (strncmp(next, "      ", 6) == 0 && next[strspn(next, " ")] != ':') {
        join(&all, trimmed(next, line_end(next)));
        next = next_line(next);
    }
    for (size_t i = 0; i < named; i++) {
        struct parameter *p = &report->parameters[index[i]];
        free(p->meaning);
        free(p->standard);
        split_meaning(all, &p->meaning, &p->standard);
        p->number = !isnan(number_of(p->standard));
    }
    free(all);
    return next;
}

static void read_head(struct report *report) {
    const char *at = report->head;
    while (*at) {
        if (strncmp(at, "Sample output", 13) == 0)
            break;
        if (strncmp(at, "Needs: site", 11) == 0) {
            report->needs_site = true;
            report->needs_usage = strncmp(at, "Needs: site, usage", 18) == 0;
        }
        if (strncmp(at, "  ", 2) == 0 && at[strspn(at, " ")] == ':' &&
            isalpha((unsigned char)at[strspn(at, " ") + 1]))
            at = read_parameter(report, at);
        else
            at = next_line(at);
    }
}

/* ---- the statements ------------------------------------------------------------------------ */

/* Past a comment, a string or a quoted name that begins here; NULL when none does. */
static const char *past_quoted(const char *at) {
    if (at[0] == '-' && at[1] == '-')
        return line_end(at);
    if (at[0] == '/' && at[1] == '*') {
        const char *end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    char quote = *at == '[' ? ']' : *at;
    if (quote == '\'' || quote == '"' || quote == '`' || quote == ']') {
        if (*at == ']')
            return NULL;
        const char *end = strchr(at + 1, quote);
        return end ? end + 1 : at + strlen(at);
    }
    return NULL;
}

/* Does "LIMIT", or "LIMIT coalesce(", stand before this place? */
static bool is_limit(const char *sql, const char *at) {
    static const char *const before[] = {"coalesce(", "LIMIT "};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        size_t n = strlen(before[i]);
        bool there = (size_t)(at - sql) >= n && strncmp(at - n, before[i], n) == 0;
        if (there && i == 1)
            return true;
        at -= there ? n : 0;
    }
    return false;
}

/* Every :x that stands in the SQL itself. */
static void read_names(struct report *report) {
    for (const char *at = report->statements; *at;) {
        const char *past = past_quoted(at);
        if (past) {
            at = past;
        } else if (*at == ':' && isalpha((unsigned char)at[1])) {
            const char *from = ++at;
            while (is_name((unsigned char)*at))
                at++;
            size_t i = add_parameter(report, from, (size_t)(at - from));
            report->parameters[i].whole |= is_limit(report->statements, from - 1);
        } else {
            at++;
        }
    }
}

static void remark(char **where, const char *from, const char *to) {
    free(*where);
    *where = trimmed(from, to);
}

const char *next_statement(const char *sql, struct remarks *remarks) {
    remarks->title = copy("");
    remarks->chart = copy("");
    remarks->key = copy("");
    /* Also at the top of the statements a line begins. */
    bool begin = true;
    while (*sql) {
        if (*sql == '\n') {
            begin = true;
            sql++;
        } else if (isspace((unsigned char)*sql) || *sql == ';') {
            sql++;
        } else if (*sql == '.' && begin) {
            sql = line_end(sql);
        } else if ((sql[0] == '-' && sql[1] == '-') || (sql[0] == '/' && sql[1] == '*')) {
            const char *past = past_quoted(sql), *word = sql + 2 + strspn(sql + 2, " ");
            const char *to = *sql == '/' && past - sql >= 4 ? past - 2 : past;
            if (strncmp(word, "Title:", 6) == 0)
                remark(&remarks->title, word + 6, to);
            else if (strncmp(word, "Chart:", 6) == 0)
                remark(&remarks->chart, word + 6, to);
            else if (strncmp(word, "Key:", 4) == 0)
                remark(&remarks->key, word + 4, to);
            sql = past;
        } else {
            break;
        }
    }
    return sql;
}

void remarks_free(struct remarks *remarks) {
    free(remarks->title);
    free(remarks->chart);
    free(remarks->key);
    *remarks = (struct remarks){NULL, NULL, NULL};
}

int report_read(struct report *report, const char *path, const char *name) {
    *report = (struct report){0};
    report->text = read_all(path);
    if (!report->text)
        return -1;
    report->path = copy(path);
    report->name = copy(name);
    report->head = head_of(report->text, &report->statements);
    read_question(report);
    read_head(report);
    read_names(report);
    return 0;
}

void report_free(struct report *report) {
    for (size_t i = 0; i < report->parameter_count; i++) {
        free(report->parameters[i].name);
        free(report->parameters[i].meaning);
        free(report->parameters[i].standard);
    }
    free(report->parameters);
    free(report->name);
    free(report->path);
    free(report->question);
    free(report->peer);
    free(report->head);
    free(report->text);
    *report = (struct report){0};
}

const struct parameter *report_parameter(const struct report *report, const char *name) {
    for (size_t i = 0; i < report->parameter_count; i++)
        if (strcmp(report->parameters[i].name, name) == 0)
            return &report->parameters[i];
    return NULL;
}
