/* SPDX-License-Identifier: MIT */
/*
** What the command line says: the program's own options, and --PARAMETER VALUE of a report.
*/
#ifndef FLOWREPORT_SETTINGS_H
#define FLOWREPORT_SETTINGS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "report_file.h"

struct setting {
    const char *name; /* without the dashes */
    char *value;      /* NULL: none was given */
};

struct settings {
    struct setting *all;
    size_t count;
    char **words; /* what is no option */
    size_t word_count;
    bool help, version;
};

/* --name value, --name=value; -h, --help, --version; "--" ends them. -1: it was said what is wrong. */
int settings_read(struct settings *settings, int argc, char **argv);
void settings_free(struct settings *settings);

/* As if --name value had been given. */
void settings_give(struct settings *settings, const char *name, char *value);

/* The value of an option that is given once; NULL: not given. It is taken out. An option without its value, or one that
** is there twice, is said, and ends the program. */
char *settings_take(struct settings *settings, const char *name);

/* The first value of an option that may be given more than once, likewise. */
char *settings_take_next(struct settings *settings, const char *name);

/* Every setting must be a parameter of the report, with a value of its kind. -1: it was said what is
** wrong. */
int settings_check(const struct settings *settings, const struct report *report);

/* Nothing must be left: for commands without parameters. */
int settings_none_left(const struct settings *settings, const char *command);

/* The value of the report's parameter, NULL when not given. */
const char *settings_value(const struct settings *settings, const char *name);

/* Binds every parameter of the statement. */
void settings_bind(const struct settings *settings, const struct report *report,
                   sqlite3_stmt *statement);

#endif
