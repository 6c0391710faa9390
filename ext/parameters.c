/* SPDX-License-Identifier: MIT */
/*
** The functions of parameters.h.
*/
#include "parameters.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "vtab.h"

SQLITE_EXTENSION_INIT3

/* ---- numbers ---------------------------------------------------------------------------- */

/* A number, or a text as 1.5G; NAN: neither. *scaled: with a unit. */
static double number_of(sqlite3_value *value, bool *scaled) {
    static const char units[] = "kMGT";
    int type = sqlite3_value_numeric_type(value);
    *scaled = false;
    if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
        return sqlite3_value_double(value);
    const char *text = (const char *)sqlite3_value_text(value);
    char *end = NULL;
    double number = text ? strtod(text, &end) : 0;
    const char *unit = end && end != text && *end ? strchr(units, *end) : NULL;
    *scaled = unit && !end[1];
    return *scaled ? number * pow(1000, (double)(unit - units) + 1) : NAN;
}

static void bounded(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    sqlite3_value *value = argv[0], *least = argv[2], *most = argv[3];
    if (value_is_null(value))
        return;
    bool scaled, whole = sqlite3_value_type(least) == SQLITE_INTEGER &&
                         sqlite3_value_type(most) == SQLITE_INTEGER;
    double number = number_of(value, &scaled);
    if (number >= sqlite3_value_double(least) && number <= sqlite3_value_double(most) &&
        !(whole && number != trunc(number))) {
        if (scaled && number == trunc(number) && number < 0x1p63)
            sqlite3_result_int64(ctx, (sqlite3_int64)number);
        else if (scaled)
            sqlite3_result_double(ctx, number);
        else if (whole)
            sqlite3_result_int64(ctx, sqlite3_value_int64(value));
        else
            sqlite3_result_value(ctx, value);
        return;
    }
    result_failure(ctx, "%s = '%s': give a %snumber, %s to %s", sqlite3_value_text(argv[1]),
                   sqlite3_value_text(value), whole ? "whole " : "", sqlite3_value_text(least),
                   sqlite3_value_text(most));
}

/* ---- filters ---------------------------------------------------------------------------- */

/* What is wrong, without the place in a text that nobody wrote as it is. */
static const char *without_place(const char *err) {
    const char *place = strstr(err, "column "), *behind = place ? strstr(place, ": ") : NULL;
    return behind ? behind + 2 : err;
}

static void filter_in(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    const char *what = (const char *)sqlite3_value_text(argv[0]);
    const char *list = (const char *)sqlite3_value_text(argv[1]);
    const char *name = (const char *)sqlite3_value_text(argv[2]);
    char err[512];
    if (!what || !list)
        return;
    const char *other = strpbrk(list, "()[]#@'\"");
    if (other) {
        result_failure(
            ctx, "%s = '%s': '%c' has no place in a list: write what is in it with blanks between",
            name, list, *other);
        return;
    }
    char *text = sqlite3_mprintf("%s in [%s]", what, list);
    struct filter_node *node =
        text ? filter_parse(text, strlen(text), 0, NULL, NULL, err, sizeof err) : NULL;
    if (text && !node) {
        result_failure(ctx, "%s = '%s': %s", name, list, without_place(err));
        sqlite3_free(text);
        return;
    }
    filter_free(node);
    if (text)
        sqlite3_result_text(ctx, text, -1, sqlite3_free);
    else
        sqlite3_result_error_nomem(ctx);
}

/* Does every parenthesis in the text have its other one, so that it stays one thing between two more? */
static bool is_balanced(const char *p) {
    int open = 0;
    for (; *p && open >= 0; p++) {
        const char *end = NULL;
        if (*p == '#')
            end = strchr(p, '\n');
        else if (*p == '\'' || *p == '"')
            end = strchr(p + 1, *p);
        else
            open += (*p == '(') - (*p == ')');
        if (*p == '#' && !end)
            break;
        p = end ? end : p;
    }
    return open == 0;
}

static void filter_and(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    const char *filter = (const char *)sqlite3_value_text(argv[0]);
    const char *more = (const char *)sqlite3_value_text(argv[1]);
    if (!filter || !more || !is_balanced(filter)) {
        sqlite3_result_value(ctx, argv[filter ? 0 : 1]);
        return;
    }
    bool empty = filter[strspn(filter, " \t\n\v\f\r")] == '\0';
    char *text = sqlite3_mprintf("(%s%s\n) and %s", empty ? "any" : "", filter, more);
    if (text)
        sqlite3_result_text(ctx, text, -1, sqlite3_free);
    else
        sqlite3_result_error_nomem(ctx);
}

int parameters_register(sqlite3 *db) {
    static const struct {
        const char *name;
        int args;
        void (*scalar)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {
        {"bounded", 4, bounded}, {"filter_in", 3, filter_in}, {"filter_and", 2, filter_and}};
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof functions / sizeof *functions && rc == SQLITE_OK; i++)
        rc = sqlite3_create_function_v2(db, functions[i].name, functions[i].args,
                                        SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                                        functions[i].scalar, NULL, NULL, NULL);
    return rc;
}
