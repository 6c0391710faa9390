/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "number.h"
#include "run.h"

/* A name that stands there already gets a number: keys of JSON must differ. */
static char *name_of(char *const *before, int count, const char *name) {
    char *own = copy(name);
    for (int n = 2, i = 0; i < count;) {
        if (strcmp(before[i], own) == 0) {
            free(own);
            own = format("%s:%d", name, n++);
            i = 0;
        } else {
            i++;
        }
    }
    return own;
}

/* A remark with step=:bucket as step=300, by the setting or the parameter's default; without it, when neither is a number. To
** free. */
static char *with_values(const char *remark, const struct report *report,
                         const struct settings *settings) {
    const char *at = strstr(remark, "=:");
    if (!at)
        return copy(remark);
    const char *name_end = at + 2 + strcspn(at + 2, " ,"), *word = at;
    while (word > remark && word[-1] != ' ')
        word--;
    char *name = copy_of(at + 2, (size_t)(name_end - at - 2));
    const struct parameter *p = report_parameter(report, name);
    const char *value = settings_value(settings, name);
    double n = number_of(value ? value : p ? p->standard : "");
    char *all = isfinite(n) ? format("%.*s=%.15g%s", (int)(at - remark), remark, n, name_end)
                            : format("%.*s%s", (int)(word - remark), remark, name_end);
    free(name);
    return all;
}

static int run_set(struct session *s, sqlite3_stmt *statement, const struct remarks *remarks,
                   const char *chart, struct renderer *r, long long *rows) {
    int n = sqlite3_column_count(statement), rc;
    char **names = grow(NULL, (size_t)n, sizeof *names);
    for (int i = 0; i < n; i++)
        names[i] = name_of(names, i, sqlite3_column_name(statement, i));
    struct result_set set = {remarks->title, chart, remarks->key, n, (const char *const *)names};
    bool begun = false;
    /* The set is begun only when its first row came or it is empty for good: errors come before. */
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        wait_clear(&s->wait);
        if (!begun)
            r->set(r, &set);
        begun = true;
        r->row(r, statement);
        ++*rows;
    }
    if (rc == SQLITE_DONE) {
        wait_clear(&s->wait);
        if (!begun)
            r->set(r, &set);
        r->set_end(r);
    }
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return rc;
}

static int line_of(const struct report *report, const char *at) {
    int line = 1;
    for (const char *p = report->text; p < at; p++)
        line += *p == '\n';
    return line;
}

static void say_left_out(const struct report *report, int number, const char *title) {
    fprintf(stderr, "flowreport: %s: not in here: result set %d%s%s: --set %d writes it\n",
            report->name, number, *title ? ", " : "", title, number);
}

/* Says what is wrong, on stderr and in what was begun. */
static int fail(struct session *s, struct renderer *r, char *message) {
    wait_clear(&s->wait);
    fprintf(stderr, "flowreport: %s\n", message);
    if (r->fail)
        r->fail(r, message);
    free(message);
    return -1;
}

int run_report(struct session *s, const struct report *report, const struct settings *settings,
               struct renderer *r, int set, long long *rows) {
    const char *at = report->statements;
    long long count = 0;
    int rc = SQLITE_DONE, number = 0;
    r->begin(r, report, settings);
    while (rc == SQLITE_DONE && !wait_stopped()) {
        struct remarks remarks;
        sqlite3_stmt *statement = NULL;
        at = next_statement(at, &remarks);
        if (*at == '\0') {
            remarks_free(&remarks);
            break;
        }
        const char *begin = at;
        if (sqlite3_prepare_v2(s->db, begin, -1, &statement, &at) != SQLITE_OK) {
            remarks_free(&remarks);
            return fail(
                s, r,
                format("%s:%d: %s", report->path, line_of(report, begin), sqlite3_errmsg(s->db)));
        }
        settings_bind(settings, report, statement);
        bool has_rows = sqlite3_column_count(statement) > 0;
        number += has_rows;
        if (has_rows && (set ? number == set : !r->one_set || number == 1)) {
            char *chart = with_values(remarks.chart, report, settings);
            rc = run_set(s, statement, &remarks, chart, r, &count);
            free(chart);
        } else if (has_rows) {
            if (!set)
                say_left_out(report, number, remarks.title);
        } else {
            while ((rc = sqlite3_step(statement)) == SQLITE_ROW)
                continue;
        }
        sqlite3_finalize(statement);
        remarks_free(&remarks);
    }
    wait_clear(&s->wait);
    if (rows)
        *rows = count;
    if (wait_stopped()) {
        if (r->fail)
            r->fail(r, "stopped");
        return -1;
    }
    if (rc != SQLITE_DONE)
        return fail(s, r, format("%s: %s", report->name, sqlite3_errmsg(s->db)));
    if (set > number)
        return fail(s, r,
                    format("%s: --set %d: there are %d result sets", report->name, set, number));
    return r->end(r);
}
