/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "nearest.h"
#include "number.h"
#include "settings.h"

/* The program's own, for which a parameter may have been mistaken. */
static const char *const own_options[] = {"format", "store", "site",   "queries", "html",    "svg",
                                          "set",    "help",  "output", "column",  "timezone"};

void settings_give(struct settings *s, const char *name, char *value) {
    s->all = grow(s->all, s->count + 1, sizeof *s->all);
    s->all[s->count++] = (struct setting){name, value};
}

int settings_read(struct settings *s, int argc, char **argv) {
    *s = (struct settings){0};
    bool options = true;
    for (int i = 0; i < argc; i++) {
        char *word = argv[i];
        if (!options || word[0] != '-' || word[1] == '\0') {
            s->words = grow(s->words, s->word_count + 1, sizeof *s->words);
            s->words[s->word_count++] = word;
        } else if (strcmp(word, "--") == 0) {
            options = false;
        } else if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
            s->help = true;
        } else if (strcmp(word, "--version") == 0) {
            s->version = true;
        } else if (word[1] != '-') {
            fprintf(stderr,
                    "flowreport: %s: no such option: they begin with two dashes, as --n 20\n",
                    word);
            return -1;
        } else {
            char *value = strchr(word, '=');
            if (value)
                *value++ = '\0';
            else if (i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0)
                value = argv[++i];
            settings_give(s, word + 2, value);
        }
    }
    return 0;
}

void settings_free(struct settings *s) {
    free(s->all);
    free(s->words);
    *s = (struct settings){0};
}

char *settings_take_next(struct settings *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->all[i].name, name) == 0) {
            char *value = s->all[i].value;
            memmove(&s->all[i], &s->all[i + 1], (s->count - i - 1) * sizeof *s->all);
            s->count--;
            if (!value) {
                fprintf(stderr, "flowreport: --%s: needs a value\n", name);
                exit(2);
            }
            return value;
        }
    return NULL;
}

char *settings_take(struct settings *s, const char *name) {
    char *value = settings_take_next(s, name);
    if (value && settings_take_next(s, name)) {
        fprintf(stderr, "flowreport: --%s: is there twice: once\n", name);
        exit(2);
    }
    return value;
}

const char *settings_value(const struct settings *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->all[i].name, name) == 0)
            return s->all[i].value;
    return NULL;
}

static void say_unknown(const struct report *report, const char *name) {
    const char **names = NULL;
    size_t n = 0, own = sizeof own_options / sizeof *own_options;
    for (size_t i = 0; i < report->parameter_count; i++) {
        names = grow(names, n + 1, sizeof *names);
        names[n++] = report->parameters[i].name;
    }
    for (size_t i = 0; i < own; i++) {
        names = grow(names, n + 1, sizeof *names);
        names[n++] = own_options[i];
    }
    const char *near = nearest(name, names, n);
    fprintf(stderr, "flowreport: %s: --%s: no such parameter: ", report->name, name);
    if (near) {
        fprintf(stderr, "is it --%s?\n", near);
    } else {
        fprintf(stderr, "there are");
        for (size_t i = 0; i < report->parameter_count; i++)
            fprintf(stderr, " --%s", report->parameters[i].name);
        fprintf(stderr, "\n");
    }
    free(names);
}

int settings_check(const struct settings *s, const struct report *report) {
    for (size_t i = 0; i < s->count; i++) {
        const struct setting *given = &s->all[i];
        const struct parameter *p = report_parameter(report, given->name);
        if (!p) {
            say_unknown(report, given->name);
            return -1;
        }
        const char *example = p->standard[0] ? p->standard : "VALUE";
        if (!given->value) {
            fprintf(stderr, "flowreport: %s: --%s: needs a value: as --%s %s\n", report->name,
                    p->name, p->name, p->number ? example : "VALUE");
            return -1;
        }
        double n = number_of(given->value);
        bool wrong = p->number && !isfinite(n),
             whole = p->whole && !(fabs(n) < 9e18 && n == trunc(n));
        if (wrong || whole) {
            fprintf(stderr, "flowreport: %s: --%s %s: not a %snumber: as --%s %s\n", report->name,
                    p->name, given->value, wrong ? "" : "whole ", p->name,
                    p->number ? example : "10");
            return -1;
        }
        for (size_t j = 0; j < i; j++)
            if (strcmp(s->all[j].name, given->name) == 0) {
                fprintf(stderr, "flowreport: %s: --%s: is there twice: once\n", report->name,
                        given->name);
                return -1;
            }
    }
    return 0;
}

int settings_none_left(const struct settings *s, const char *command) {
    if (s->count == 0)
        return 0;
    fprintf(stderr, "flowreport: %s: --%s: no such option: flowreport -h names them\n", command,
            s->all[0].name);
    return -1;
}

/* 17 is a number and 007 a name; the default of a parameter says so in case of doubt. */
static bool is_plain_number(const char *text) {
    const char *digits = text + (*text == '-');
    size_t n = strspn(digits, "0123456789");
    if (n == 0 || n > 18 || (digits[0] == '0' && n > 1))
        return false;
    if (digits[n] == '\0')
        return true;
    return digits[n] == '.' && digits[n + 1] &&
           digits[n + 1 + strspn(digits + n + 1, "0123456789")] == '\0';
}

void settings_bind(const struct settings *s, const struct report *report, sqlite3_stmt *statement) {
    for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++) {
        const char *name = sqlite3_bind_parameter_name(statement, i);
        const char *value = name ? settings_value(s, name + 1) : NULL;
        const struct parameter *p = name ? report_parameter(report, name + 1) : NULL;
        bool text = p && p->standard[0] == '\'';
        if (!value) {
            sqlite3_bind_null(statement, i);
        } else if ((p && p->number) || (!text && is_plain_number(value))) {
            double n = number_of(value);
            if (n == trunc(n) && fabs(n) < 9e18)
                sqlite3_bind_int64(statement, i,
                                   strspn(value, "-0123456789") == strlen(value)
                                       ? (sqlite3_int64)strtoll(value, NULL, 10)
                                       : (sqlite3_int64)n);
            else
                sqlite3_bind_double(statement, i, n);
        } else {
            sqlite3_bind_text(statement, i, value, -1, SQLITE_STATIC);
        }
    }
}
