/* SPDX-License-Identifier: MIT */
/*
** flowreport: lists, explains and runs the reports in queries/. flowreport.1 is its manual.
**
** Exit status: 0; 1 with the command `alerts` when there are some; 2 for what is wrong.
*/
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "context.h"
#include "memory.h"
#include "nearest.h"
#include "number.h"
#include "output.h"
#include "render.h"
#include "run.h"
#include "schema/version.h"
#include "session.h"
#include "settings.h"

static const struct format formats[] = {
    {"table", "for people: boxes on a terminal, columns elsewhere", render_table},
    {"chart", "pictures of what goes over time, for a terminal", render_chart},
    {"csv", "RFC 4180, one result set", render_csv},
    {"json", "one object", render_json},
    {"markdown", "tables of GitHub's Markdown", render_markdown},
    {"html", "a page with pictures, all in one file", render_html},
    {"svg", "one chart of a report over time; --column bytes says of what", render_svg},
    {NULL, NULL, NULL},
};

const struct format *format_find(const char *name) {
    const char *names[sizeof formats / sizeof *formats];
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

/* ---- what there is ------------------------------------------------------------------------- */

static void print_entry(const struct report *report, int width) {
    printf("%-*s  %s", width, report->name, report->question);
    printf(*report->peer ? "  (%s)\n%*s  " : "%s\n%*s  ", report->peer, width, "");
    for (size_t i = 0; i < report->parameter_count; i++)
        printf("%s--%s", i ? " " : "", report->parameters[i].name);
    printf("\n");
}

/* Is the word in what people would look for it by? */
static bool is_about(const struct report *report, const char *word) {
    return strcasestr(report->name, word) || strcasestr(report->question, word) ||
           strcasestr(report->peer, word);
}

static int command_list(struct context *c) {
    const char *word = c->settings.word_count > 1 ? c->settings.words[1] : "";
    int width = 0, found = 0;
    if (settings_none_left(&c->settings, "list") != 0)
        return EXIT_WRONG;
    catalog_read(&c->catalog, NULL);
    catalog_read(&c->catalog, "alerts");
    for (size_t i = 0; i < c->catalog.report_count; i++)
        if ((int)strlen(c->catalog.reports[i].name) > width)
            width = (int)strlen(c->catalog.reports[i].name);
    for (size_t i = 0; i < c->catalog.report_count; i++)
        if (is_about(&c->catalog.reports[i], word)) {
            print_entry(&c->catalog.reports[i], width);
            found++;
        }
    if (c->catalog.report_count == 0)
        fprintf(stderr, "flowreport: no reports in %s: --queries DIR says where they are\n",
                c->catalog.folder_count ? c->catalog.folders[0] : "any folder");
    else if (found == 0)
        fprintf(stderr,
                "flowreport: list: %s: in no report's name or question: flowreport list has all\n",
                word);
    return found ? 0 : EXIT_WRONG;
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

/* ---- a report ------------------------------------------------------------------------------ */

/* How a report is to be written, and where to. */
struct form {
    const struct format *format; /* NULL: as the report is */
    const char *output;          /* NULL: standard output */
    const char *column, *timezone;
    int set; /* the result set that is wanted; 0: all */
};

/* --html FILE is --format html --output FILE. -1: it was said what is wrong. */
static int take_form(struct settings *s, struct form *form) {
    const char *format_name = settings_take(s, "format");
    const char *set = settings_take(s, "set");
    form->output = settings_take(s, "output");
    form->column = settings_take(s, "column");
    form->timezone = settings_take(s, "timezone");
    for (const struct format *f = formats; f->name; f++) {
        const char *file = strcmp(f->name, "html") == 0 || strcmp(f->name, "svg") == 0
                               ? settings_take(s, f->name)
                               : NULL;
        if (file) {
            format_name = f->name;
            form->output = file;
        }
    }
    double n = set ? number_of(set) : 0;
    form->set = n >= 1 && n <= INT_MAX && n == (int)n ? (int)n : 0;
    if (set && form->set < 1) {
        fprintf(stderr, "flowreport: --set %s: not a number: 1 is the first result set\n", set);
        return -1;
    }
    form->format = format_name ? format_find(format_name) : NULL;
    return form->format || !format_name ? 0 : -1;
}

static int write_report(struct session *session, const struct report *report,
                        const struct settings *settings, const struct form *form) {
    struct output output;
    if (output_open(&output, form->output) != 0)
        return -1;
    struct renderer *r = form->format->make(output.file);
    r->column = form->column;
    int rc = run_report(session, report, settings, r, form->set, NULL);
    r->free(r);
    return output_close(&output, rc == 0) == 0 ? rc : -1;
}

/* Does it say how it is to be drawn, and not that it is a table first of all? */
static bool is_drawn(const struct report *report) {
    static const char sign[] = "-- Chart:";
    for (const char *at = report->statements; (at = strstr(at, sign)) != NULL;
         at += sizeof sign - 1) {
        char *line = copy_of(at, strcspn(at, "\n"));
        bool table = strstr(line, " table") != NULL;
        free(line);
        if (!table)
            return true;
    }
    return false;
}

static int run(struct context *c, const char *name) {
    struct report report;
    struct form form;
    struct session session;
    int rc = EXIT_WRONG;
    if (take_form(&c->settings, &form) != 0 || catalog_find(&c->catalog, name, &report) != 0)
        return EXIT_WRONG;
    /* A report that says how it is to be drawn is, for people. */
    if (!form.format)
        form.format = format_find(is_drawn(&report) ? "chart" : "table");
    if (c->store && report_parameter(&report, "store"))
        settings_give(&c->settings, "store", c->store);
    if (settings_check(&c->settings, &report) == 0 &&
        context_open(c, &session, false, report.needs_site) == 0) {
        if (session_window(&session, report.name, settings_value(&c->settings, "since"),
                           settings_value(&c->settings, "until")) == 0 &&
            (!report.needs_usage || context_usage(c, &session, report.name) == 0) &&
            session_timezone(&session, form.timezone) == 0 &&
            write_report(&session, &report, &c->settings, &form) == 0) {
            rc = 0;
            if (report.needs_usage)
                context_say_empty(c, &session, report.name);
        }
        session_close(&session);
    }
    report_free(&report);
    return rc;
}

/* ---- commands ------------------------------------------------------------------------------ */

static int command_help(struct context *c);

/* What is no report. */
static const struct command {
    const char *name;
    size_t words; /* that may stand after it */
    int (*run)(struct context *);
    const char *takes, *meaning;
} commands[] = {
    {"list", 1, command_list, "[WORD]",
     "the reports, or those that have the word in their name or question"},
    {"help", 1, command_help, "REPORT",
     "what a report is about, what it takes, and a sample of its output"},
    {"init", 1, command_init, "DATABASE [--store STORE]",
     "make a site's database, or bring an older one up to date; what is in it stays"},
    {"update", 0, command_update, "--site DATABASE [--store STORE] [--redo TIME]",
     "add to its table usage what was collected since the last time; --redo 2026-11-01 counts\n"
     "anew what was received from then on"},
    {"alerts", 0, command_alerts,
     "[--site DATABASE] [--dir DIRECTORY] [--known FILE] [--PARAMETER VALUE]...\n"
     "                         [--format FORMAT] [--output FILE]",
     "run the reports of queries/alerts/, or of the directory, and print those that return rows;\n"
     "exit status 1 when some do. With --known only what was not in the file the last time"},
    {NULL, 0, NULL, NULL, NULL},
};

static int usage(FILE *out) {
    fputs("usage: flowreport REPORT [--PARAMETER VALUE]... [--format FORMAT] [--output FILE]\n"
          "                  [--store STORE] [--site DATABASE] [--queries DIRECTORY] [--set N]\n"
          "                  [--html FILE] [--svg FILE [--column NAME]] [--timezone ZONE]\n",
          out);
    for (const struct command *k = commands; k->name; k++)
        fprintf(out, "       flowreport %s %s\n", k->name, k->takes);
    fputs(
        "       flowreport --version\n\n"
        "Answers questions about network traffic: `flowreport list` names the reports,\n"
        "`flowreport help REPORT` says what one takes. FLOWVT_STORE and FLOWVT_SITE in the\n"
        "environment are defaults of --store and --site. flowreport(1) has the rest.\n\nFormats:\n",
        out);
    for (const struct format *f = formats; f->name; f++)
        fprintf(out, "  %-10s %s\n", f->name, f->meaning);
    return out == stdout ? 0 : EXIT_WRONG;
}

static const struct command *command_find(const char *name) {
    for (const struct command *k = commands; k->name; k++)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

static int help_for(struct context *c, const char *word) {
    const struct command *k = command_find(word);
    if (!k)
        return help(c, word);
    printf("usage: flowreport %s %s\n\n%s\n", k->name, k->takes, k->meaning);
    return 0;
}

static int command_help(struct context *c) {
    if (settings_none_left(&c->settings, "help") != 0)
        return EXIT_WRONG;
    return c->settings.word_count > 1 ? help_for(c, c->settings.words[1]) : usage(stdout);
}

static int command(struct context *c) {
    const struct settings *s = &c->settings;
    if (s->version) {
        puts("flowreport " FLOWVT_VERSION);
        return 0;
    }
    if (s->word_count == 0)
        return usage(s->help ? stdout : stderr);
    const char *word = s->words[0];
    const struct command *k = command_find(word);
    if (s->word_count > 1 + (k ? k->words : 0)) {
        fprintf(stderr, "flowreport: %s: one word too many: parameters are written --n 20\n",
                s->words[s->word_count - 1]);
        return EXIT_WRONG;
    }
    if (s->help)
        return help_for(c, word);
    return k ? k->run(c) : run(c, word);
}

int main(int argc, char **argv) {
    struct context c = {0};
    const char *names[sizeof commands / sizeof *commands]; /* the last one is NULL in both */
    char **folders = NULL, *folder;
    size_t folder_count = 0;
    if (settings_read(&c.settings, argc - 1, argv + 1) != 0)
        return EXIT_WRONG;
    while ((folder = settings_take_next(&c.settings, "queries")) != NULL) {
        folders = grow(folders, folder_count + 1, sizeof *folders);
        folders[folder_count++] = folder;
    }
    c.store = settings_take(&c.settings, "store");
    c.site = settings_take(&c.settings, "site");
    if (!c.site)
        c.site = getenv("FLOWVT_SITE");
    setenv("TZ", "UTC", 1);
    catalog_open(&c.catalog, folders, folder_count);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        names[i] = commands[i].name;
    c.catalog.commands = names;
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
