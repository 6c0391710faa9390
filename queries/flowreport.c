/* SPDX-License-Identifier: MIT */
/*
** flowreport: lists, explains and runs the reports in queries/. flowreport.1 is its manual.
**
** Exit status: 0; 1 with the command `alerts` when there are some; 2 for what is wrong.
*/
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "memory.h"
#include "nearest.h"
#include "render.h"
#include "run.h"
#include "session.h"
#include "settings.h"

enum { EXIT_WRONG = 2 };

const struct format formats[] = {
    {"table", "for people: boxes on a terminal, columns elsewhere", render_table},
    {"csv", "RFC 4180, one result set", render_csv},
    {"json", "one object", render_json},
    {"markdown", "tables of GitHub's Markdown", render_markdown},
    {NULL, NULL, NULL},
};

const struct format *format_find(const char *name) {
    const char *names[16];
    size_t n = 0;
    for (const struct format *f = formats; f->name; f++) {
        if (strcmp(f->name, name) == 0)
            return f;
        names[n++] = f->name;
    }
    const char *near = nearest(name, names, n);
    fprintf(stderr, "flowreport: --format %s: no such format: ", name);
    if (near)
        fprintf(stderr, "is it %s?\n", near);
    else
        for (size_t i = 0; i < n; i++)
            fprintf(stderr, "%s%s", names[i], i + 1 < n ? ", " : "\n");
    return NULL;
}

/* What all commands share. */
struct context {
    struct catalog catalog;
    struct settings settings;
    char *store;
    const char *site;
    int set; /* the result set that is wanted; 0: all */
};

static int usage(FILE *out) {
    fprintf(
        out,
        "usage: flowreport list\n"
        "       flowreport help REPORT\n"
        "       flowreport REPORT [--PARAMETER VALUE]... [--format FORMAT] [--store STORE]\n"
        "                  [--site DATABASE] [--queries DIRECTORY] [--output FILE] [--set N]\n\n"
        "Answers questions about network traffic: `flowreport list` names the reports, \n"
        "`flowreport help REPORT` says what one takes.\n\nFormats:\n");
    for (const struct format *f = formats; f->name; f++)
        fprintf(out, "  %-10s %s\n", f->name, f->meaning);
    return out == stdout ? 0 : EXIT_WRONG;
}

static void print_parameters(const struct report *report) {
    for (size_t i = 0; i < report->parameter_count; i++)
        printf("%s--%s", i ? " " : "", report->parameters[i].name);
}

static int list(struct context *c) {
    if (settings_none_left(&c->settings, "list") != 0)
        return EXIT_WRONG;
    catalog_read(&c->catalog, NULL);
    catalog_read(&c->catalog, "alerts");
    size_t width = 0;
    for (size_t i = 0; i < c->catalog.report_count; i++)
        if (strlen(c->catalog.reports[i].name) > width)
            width = strlen(c->catalog.reports[i].name);
    for (size_t i = 0; i < c->catalog.report_count; i++) {
        const struct report *report = &c->catalog.reports[i];
        printf("%-*s  %s\n%*s  ", (int)width, report->name, report->question, (int)width, "");
        print_parameters(report);
        printf("\n");
    }
    if (c->catalog.report_count == 0) {
        fprintf(stderr, "flowreport: no reports in %s: --queries DIR says where they are\n",
                c->catalog.folder_count ? c->catalog.folders[0] : "any folder");
        return EXIT_WRONG;
    }
    return 0;
}

static int help(struct context *c, const char *name) {
    struct report report;
    if (catalog_find(&c->catalog, name, &report) != 0)
        return EXIT_WRONG;
    printf("%s\n", report.head);
    printf("usage: flowreport %s", report.name);
    for (size_t i = 0; i < report.parameter_count; i++)
        printf(" [--%s %s]", report.parameters[i].name,
               report.parameters[i].number ? "NUMBER" : "VALUE");
    printf("\nfile:  %s\n", report.path);
    report_free(&report);
    return 0;
}

static int run(struct context *c, const char *name) {
    struct report report;
    char *format_name = settings_take(&c->settings, "format");
    const char *output = settings_take(&c->settings, "output");
    const char *set = settings_take(&c->settings, "set");
    if (set && (c->set = atoi(set)) < 1) {
        fprintf(stderr, "flowreport: --set %s: not a number: 1 is the first result set\n", set);
        return EXIT_WRONG;
    }
    const struct format *as = format_find(format_name ? format_name : "table");
    if (!as || catalog_find(&c->catalog, name, &report) != 0)
        return EXIT_WRONG;
    struct session session;
    int rc = EXIT_WRONG;
    if (c->store && report_parameter(&report, "store"))
        settings_give(&c->settings, "store", c->store);
    if (settings_check(&c->settings, &report) == 0 &&
        session_open(&session, c->site, c->store, false) == 0) {
        char *site = c->site || !report.needs_site ? NULL : catalog_file(&c->catalog, "site.sql");
        FILE *out = output ? fopen(output, "we") : stdout;
        if (!out) {
            fprintf(stderr, "flowreport: %s: %s\n", output, strerror(errno));
        } else if (session_run_file(&session, site) == 0) {
            struct renderer *r = as->make(out);
            rc = run_report(&session, &report, &c->settings, r, c->set, NULL) == 0 ? 0 : EXIT_WRONG;
            r->free(r);
        }
        if (out && (fflush(out) != 0 || ferror(out))) {
            fprintf(stderr, "flowreport: %s: %s\n", output ? output : "standard output",
                    strerror(errno));
            rc = EXIT_WRONG;
        }
        free(site);
        session_close(&session);
    }
    report_free(&report);
    return rc;
}

static int command(struct context *c) {
    const struct settings *s = &c->settings;
    const char *word = s->word_count ? s->words[0] : NULL;
    if (!word || strcmp(word, "help") == 0) {
        if (s->word_count > 1)
            return help(c, s->words[1]);
        return usage(word || s->help ? stdout : stderr);
    }
    if (s->word_count > 1) {
        fprintf(stderr, "flowreport: %s: one word too many: parameters are written --n 20\n",
                s->words[1]);
        return EXIT_WRONG;
    }
    if (s->help)
        return strcmp(word, "list") == 0 ? usage(stdout) : help(c, word);
    return strcmp(word, "list") == 0 ? list(c) : run(c, word);
}

int main(int argc, char **argv) {
    struct context c = {0};
    char **folders = NULL, *folder;
    size_t folder_count = 0;
    if (settings_read(&c.settings, argc - 1, argv + 1) != 0)
        return EXIT_WRONG;
    while ((folder = settings_take(&c.settings, "queries")) != NULL) {
        folders = grow(folders, folder_count + 1, sizeof *folders);
        folders[folder_count++] = folder;
    }
    c.store = settings_take(&c.settings, "store");
    c.site = settings_take(&c.settings, "site");
    if (!c.site)
        c.site = getenv("FLOWVT_SITE");
    catalog_open(&c.catalog, folders, folder_count);
    int rc = command(&c);
    catalog_close(&c.catalog);
    settings_free(&c.settings);
    free(folders);
    if (wait_stopped()) {
        signal(wait_stopped(), SIG_DFL);
        raise(wait_stopped());
    }
    return rc;
}
