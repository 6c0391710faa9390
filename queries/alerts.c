/* SPDX-License-Identifier: MIT */
/*
** `flowreport alerts [--dir DIR] [--known FILE] [--output FILE]`: runs every report of queries/alerts/, or of DIR, and of those
** that return rows makes one object of JSON:
**
**   {"checked": ["alerts/quota", ...], "errors": ["alerts/own"],
**    "alerts": [ what `flowreport REPORT --format json` prints, of each that returned rows ]}
**
** With --known rows that were there the last time, by what the file has of it, are left out, and "over" names what was there
** then and is no more. The exit status is 0 without alerts, 1 with some, 2 when one of the reports could not be run, which
** does not keep the others from being run.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "json.h"
#include "known.h"
#include "memory.h"
#include "nearest.h"
#include "output.h"
#include "render.h"
#include "run.h"

/* The settings that this report knows. */
static struct settings settings_for(const struct settings *all, const struct report *report) {
    struct settings own = {0};
    for (size_t i = 0; i < all->count; i++)
        if (report_parameter(report, all->all[i].name))
            settings_give(&own, all->all[i].name, all->all[i].value);
    return own;
}

/* A parameter that none of them knows is a mistake. */
static int check(const struct settings *all, const struct catalog *c) {
    for (size_t i = 0; i < all->count; i++) {
        const char **names = NULL;
        size_t n = 0;
        bool found = false;
        for (size_t j = 0; j < c->report_count; j++)
            for (size_t k = 0; k < c->reports[j].parameter_count; k++) {
                names = grow(names, n + 1, sizeof *names);
                names[n++] = c->reports[j].parameters[k].name;
                found = found || strcmp(names[n - 1], all->all[i].name) == 0;
            }
        const char *near = n ? nearest(all->all[i].name, names, n) : NULL;
        if (!found)
            fprintf(stderr, "flowreport: alerts: --%s: none of them has this parameter%s%s%s\n",
                    all->all[i].name, near ? ": is it --" : "", near ? near : "", near ? "?" : "");
        free(names);
        if (!found)
            return -1;
    }
    return 0;
}

static void name_list(FILE *out, const char *key, const struct catalog *c, const bool *which) {
    bool any = false;
    json_text(out, key);
    fputs(": [", out);
    for (size_t i = 0; i < c->report_count; i++) {
        if (which && !which[i])
            continue;
        fputs(any ? ", " : "", out);
        json_text(out, c->reports[i].name);
        any = true;
    }
    fputs("],\n ", out);
}

/* Tables that the report made for itself are not there for the next one. */
static void tidy(sqlite3 *db) {
    char *drop = NULL;
    do {
        sqlite3_stmt *one = NULL;
        sqlite3_free(drop);
        drop = NULL;
        if (sqlite3_prepare_v2(db,
                               "SELECT type, name FROM sqlite_temp_master WHERE type IN ('table', "
                               "'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
                               -1, &one, NULL) == SQLITE_OK &&
            sqlite3_step(one) == SQLITE_ROW)
            drop = sqlite3_mprintf("DROP %s temp.\"%w\"", sqlite3_column_text(one, 0),
                                   sqlite3_column_text(one, 1));
        sqlite3_finalize(one);
    } while (drop && sqlite3_exec(db, drop, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_free(drop);
}

/* What the report prints, to free, when it returned rows; NULL when not. -1: it could not be run. */
static int ask(struct context *c, struct session *session, const struct report *report,
               const struct format *as, struct known *known, char **text) {
    size_t size;
    long long rows = 0;
    struct settings own = settings_for(&c->settings, report);
    int rc = settings_check(&own, report);
    FILE *f = memory_open(text, &size);
    struct renderer *r = as->make(f);
    long long fresh = 0;
    if (known)
        r = known_filter(known, report->name, r, &fresh);
    if (rc == 0)
        rc = run_report(session, report, &own, r, 0, &rows);
    r->free(r);
    memory_close(f);
    tidy(session->db);
    if (known)
        rows = fresh;
    if (rc != 0 || rows == 0) {
        free(*text);
        *text = NULL;
    }
    settings_free(&own);
    return rc;
}

/* Of those that returned rows there are texts, NULL of the others. */
static void write_json(FILE *out, const struct catalog *c, char *const *texts, const bool *failed,
                       struct known *known) {
    fputc('{', out);
    name_list(out, "checked", c, NULL);
    name_list(out, "errors", c, failed);
    if (known) {
        fputs("\"over\": ", out);
        known_over(out, known);
        fputs(",\n ", out);
    }
    fputs("\"alerts\": [", out);
    for (size_t i = 0, any = 0; i < c->report_count; i++)
        if (texts[i])
            fprintf(out, "%s\n%s", any++ ? "," : "", texts[i]);
    fputs("]}\n", out);
}

static void write_plainly(FILE *out, const struct catalog *c, char *const *texts) {
    for (size_t i = 0, any = 0; i < c->report_count; i++)
        if (texts[i])
            fprintf(out, "%s%s: %s\n%s", any++ ? "\n" : "", c->reports[i].name,
                    c->reports[i].question, texts[i]);
}

int command_alerts(struct context *c) {
    const char *format_name = settings_take(&c->settings, "format");
    const char *output_name = settings_take(&c->settings, "output");
    const char *known_name = settings_take(&c->settings, "known");
    struct known known = {0}, *before = known_name ? &known : NULL;
    const struct format *as = format_find(format_name ? format_name : "json");
    struct session session;
    if (!as)
        return EXIT_WRONG;
    const char *folder = settings_take(&c->settings, "dir");
    if (folder)
        catalog_read_folder(&c->catalog, folder, "alerts");
    else
        catalog_read(&c->catalog, "alerts");
    size_t n = c->catalog.report_count, alerts = 0, wrong = 0;
    if (n == 0) {
        fprintf(stderr, "flowreport: %s: no alerts: files like silent.sql\n",
                folder ? folder : "alerts");
        return EXIT_WRONG;
    }
    if (check(&c->settings, &c->catalog) != 0 || (before && known_read(before, known_name) != 0))
        return EXIT_WRONG;
    if (context_open(c, &session, false, true) != 0) {
        known_free(&known);
        return EXIT_WRONG;
    }
    if (c->store)
        settings_give(&c->settings, "store", c->store);
    char **texts = grow(NULL, n, sizeof *texts);
    bool *failed = grow(NULL, n, sizeof *failed);
    for (size_t i = 0; i < n; i++) {
        texts[i] = NULL;
        failed[i] =
            wait_stopped() || ask(c, &session, &c->catalog.reports[i], as, before, &texts[i]) != 0;
        if (failed[i] && before)
            known_keep(before, c->catalog.reports[i].name);
        wrong += failed[i];
        alerts += texts[i] != NULL;
    }
    session_close(&session);
    struct output output;
    if (output_open(&output, output_name) == 0) {
        if (!format_name || strcmp(format_name, "json") == 0)
            write_json(output.file, &c->catalog, texts, failed, before);
        else
            write_plainly(output.file, &c->catalog, texts);
        /* Only what was told is known. */
        if (output_close(&output, !wait_stopped()) != 0 || wait_stopped() ||
            (before && known_write(before, known_name) != 0))
            wrong++;
    } else {
        wrong++;
    }
    known_free(&known);
    for (size_t i = 0; i < n; i++)
        free(texts[i]);
    free(texts);
    free(failed);
    return wrong ? EXIT_WRONG : alerts ? EXIT_ALERTS : 0;
}
