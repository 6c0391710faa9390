/* SPDX-License-Identifier: MIT */
/*
** The spellings of since and until, against tables and against SQLite's own date functions, and
** the translation of comparisons with a time's text, against strcmp().
*/
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "../../ext/window.h"
#include "../../schema/value.h"

/* Wednesday 2026-11-25 13:14:15.678 */
static const int64_t now = INT64_C(1795612455678);

static struct window_value text_value(const char *text) {
    return (struct window_value){WINDOW_TEXT, 0, 0, text, strlen(text)};
}

/* The canonical text of an end of a window. */
static const char *shown(int64_t ms, char out[FLOW_TIME_TEXT]) {
    if (ms == INT64_MIN || ms == INT64_MAX)
        return "open";
    flow_time_text(ms, out);
    return out;
}

/* "2026-11-25" stands for "2026-11-25 00:00:00.000" in the tables. */
static int same_time(const char *expected, const char *got) {
    static const char zeros[] = "0000-00-00 00:00:00.000";
    size_t n = strlen(expected);
    return strncmp(expected, got, n) == 0 && (n < 10 || strcmp(got + n, zeros + n) == 0);
}

/* ---- points and spans ------------------------------------------------------------------- */

static const struct {
    const char *text;
    const char *since;    /* as since: the beginning */
    const char *until;    /* and the end that it sets, NULL: none */
    const char *as_until; /* as until, NULL: the same as since */
} times[] = {
    /* dates and times */
    {"2026-11-23 10:00", "2026-11-23 10:00", NULL, NULL},
    {"2026-11-23 10", "2026-11-23 10", NULL, NULL},
    {"2026-11-23 10:11:12", "2026-11-23 10:11:12", NULL, NULL},
    {"2026-11-23 10:11:12.5", "2026-11-23 10:11:12.5", NULL, NULL},
    {"2026-11-23 10:11:12,345", "2026-11-23 10:11:12.345", NULL, NULL},
    {"2026-11-23 10:11:12.3454", "2026-11-23 10:11:12.345", NULL, NULL},
    {"2026-11-23 10:11:12.3455", "2026-11-23 10:11:12.346", NULL, NULL},
    {"2026-11-23 23:59:59.99999", "2026-11-24", NULL, NULL},
    {"2026-11-23", "2026-11-23", NULL, NULL},
    {"  2026-11-23\t", "2026-11-23", NULL, NULL},
    {"2026-11", "2026-11-01", NULL, NULL},
    {"2026-1-2 3:04", "2026-01-02 03:04", NULL, NULL},
    {"2026-11-23 24:00", "2026-11-24", NULL, NULL},
    {"2024-02-29", "2024-02-29", NULL, NULL},
    {"0000-01-01", "0000-01-01", NULL, NULL},
    {"9999-12-31 23:59:59.999", "9999-12-31 23:59:59.999", NULL, NULL},
    {"1969-12-31 23:59:59.999", "1969-12-31 23:59:59.999", NULL, NULL},

    /* zones */
    {"2026-11-23T10:00:00Z", "2026-11-23 10:00", NULL, NULL},
    {"2026-11-23t10:00:00z", "2026-11-23 10:00", NULL, NULL},
    {"2026-11-23T10Z", "2026-11-23 10:00", NULL, NULL},
    {"2026-11-23T10:00:00+02:00", "2026-11-23 08:00", NULL, NULL},
    {"2026-11-23 10:00 +02:00", "2026-11-23 08:00", NULL, NULL},
    {"2026-11-23 10:00-0330", "2026-11-23 13:30", NULL, NULL},
    {"2026-11-23 10:00+02", "2026-11-23 08:00", NULL, NULL},
    {"2026-11-23T00:30:00.250+01:00", "2026-11-22 23:30:00.25", NULL, NULL},

    /* without anything between */
    {"20261123", "2026-11-23", NULL, NULL},
    {"202611231005", "2026-11-23 10:05", NULL, NULL},
    {"20261123100507", "2026-11-23 10:05:07", NULL, NULL},
    {"20261123T100507Z", "2026-11-23 10:05:07", NULL, NULL},
    {"20261123T1005+0100", "2026-11-23 09:05", NULL, NULL},

    /* numbers */
    {"1416000000", "2014-11-14 21:20", NULL, NULL},
    {"1416000000.25", "2014-11-14 21:20:00.25", NULL, NULL},
    {"1416000000123", "2014-11-14 21:20:00.123", NULL, NULL},
    {"0", "1970-01-01", NULL, NULL},
    {"86400", "1970-01-02", NULL, NULL},
    {"1416000000, -1 day", "2014-11-13 21:20", NULL, NULL},
    {"-62167219200000", "0000-01-01", NULL, NULL},

    /* words and modifiers */
    {"now", "2026-11-25 13:14:15.678", NULL, NULL},
    {"NOW", "2026-11-25 13:14:15.678", NULL, NULL},
    {"today", "2026-11-25", NULL, NULL},
    {"yesterday", "2026-11-24", NULL, NULL},
    {"tomorrow", "2026-11-26", NULL, NULL},
    {"yesterday 10:30", "2026-11-24 10:30", NULL, NULL},
    {"today, +2 hours", "2026-11-25 02:00", NULL, NULL},
    {"today 2 hours", "2026-11-25 02:00", NULL, NULL},
    {"-1 day", "2026-11-24 13:14:15.678", NULL, NULL},
    {"-1 Days", "2026-11-24 13:14:15.678", NULL, NULL},
    {"-1d", "2026-11-24 13:14:15.678", NULL, NULL},
    {"+1 hour", "2026-11-25 14:14:15.678", NULL, NULL},
    {"-90 minutes", "2026-11-25 11:44:15.678", NULL, NULL},
    {"-90 min", "2026-11-25 11:44:15.678", NULL, NULL},
    {"-1.5 hours", "2026-11-25 11:44:15.678", NULL, NULL},
    {"-0.678 seconds", "2026-11-25 13:14:15", NULL, NULL},
    {"-2 weeks", "2026-11-11 13:14:15.678", NULL, NULL},
    {"2 hours ago", "2026-11-25 11:14:15.678", NULL, NULL},
    {"1 month ago, start of day", "2026-10-25", NULL, NULL},
    {"now,-1 day", "2026-11-24 13:14:15.678", NULL, NULL},
    {"now -1 day", "2026-11-24 13:14:15.678", NULL, NULL},
    {"now-1 day", "2026-11-24 13:14:15.678", NULL, NULL},
    {"now , -1 day , +1 hour", "2026-11-24 14:14:15.678", NULL, NULL},
    {"start of day", "2026-11-25", NULL, NULL},
    {"start of hour", "2026-11-25 13:00", NULL, NULL},
    {"start of week", "2026-11-23", NULL, NULL},
    {"start of month", "2026-11-01", NULL, NULL},
    {"Start Of Year", "2026-01-01", NULL, NULL},
    {"start of month, -1 month", "2026-10-01", NULL, NULL},
    {"start of month -1 day start of month", "2026-10-01", NULL, NULL},
    {"start of day weekday 0", "2026-11-29", NULL, NULL},
    {"start of day, weekday 3", "2026-11-25", NULL, NULL},
    {"2026-11-23, -1 day", "2026-11-22", NULL, NULL},
    {"2026-11-23 -1 day", "2026-11-22", NULL, NULL},
    {"2026-11-23 3 days", "2026-11-26", NULL, NULL},
    {"2026-11-23 10:00 -10 days", "2026-11-13 10:00", NULL, NULL},
    {"2026-11-23 10:00 -1000 days", "2024-02-27 10:00", NULL, NULL},
    {"2026-11-23 10:00 -10.5 hours", "2026-11-22 23:30", NULL, NULL},
    {"2026-11-23 10:00+02:00 +1 day", "2026-11-24 08:00", NULL, NULL},

    /* nfdump's */
    {"2014/12/04.12:30:00", "2014-12-04 12:30", NULL, NULL},
    {"2014/12/04.12:30:01.5", "2014-12-04 12:30:01.5", NULL, NULL},
    {"2014/12/04.12:30", "2014-12-04 12:30", "2014-12-04 12:31", "2014-12-04 12:31"},
    {"2014/12/04.12", "2014-12-04 12:00", "2014-12-04 13:00", "2014-12-04 13:00"},
    {"2014/12/04 12", "2014-12-04 12:00", "2014-12-04 13:00", "2014-12-04 13:00"},
    {"2014/12/04", "2014-12-04", "2014-12-05", "2014-12-05"},
    {"2014/12/31", "2014-12-31", "2015-01-01", "2015-01-01"},
    {"2014/12", "2014-12-01", "2015-01-01", "2015-01-01"},
    {"2016/02", "2016-02-01", "2016-03-01", "2016-03-01"},
    {"2014/12/04 +1 hour", "2014-12-04 01:00", NULL, NULL},
    {"2014/12/04, -1 day", "2014-12-03", NULL, NULL},
};

static void test_times(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct window_value value = text_value(times[i].text);
        struct window w;
        char err[1024], text[FLOW_TIME_TEXT];
        const char *expected = times[i].until ? times[i].until : "open";
        if (window_parse(&value, NULL, now, &w, err, sizeof err) != 0)
            fail_msg("%s", err);
        if (!same_time(times[i].since, shown(w.since, text)))
            fail_msg("%s: since %s", times[i].text, text);
        if (!same_time(expected, shown(w.until, text)))
            fail_msg("%s: until %s", times[i].text, text);

        expected = times[i].as_until ? times[i].as_until : times[i].since;
        if (window_parse(NULL, &value, now, &w, err, sizeof err) != 0)
            fail_msg("%s", err);
        assert_true(w.since == INT64_MIN);
        if (!same_time(expected, shown(w.until, text)))
            fail_msg("%s as until: %s", times[i].text, text);
    }
}

static const struct {
    const char *since, *until; /* NULL: an SQL NULL */
    const char *from, *to;
} windows[] = {
    {NULL, NULL, "open", "open"},
    {"2026-11-23", NULL, "2026-11-23", "open"},
    {NULL, "2026-11-23", "open", "2026-11-23"},
    {"2026-11-23", "2026-11-24", "2026-11-23", "2026-11-24"},
    {"2014/12/04.12-2014/12/04.13", NULL, "2014-12-04 12:00", "2014-12-04 14:00"},
    {"2014/12/04.12 - 2014/12/04.13", NULL, "2014-12-04 12:00", "2014-12-04 14:00"},
    {"2014/12/04.12:30-2014/12/04.13:00", NULL, "2014-12-04 12:30", "2014-12-04 13:01"},
    {"2014/12/04.12:30:00-2014/12/04.13:00:00", NULL, "2014-12-04 12:30", "2014-12-04 13:00"},
    {"2014/12/04-2014/12/06", NULL, "2014-12-04", "2014-12-07"},
    {"2014/12-2015/02", NULL, "2014-12-01", "2015-03-01"},
    {"2014/12/04-2014/12/04.12", NULL, "2014-12-04", "2014-12-04 13:00"},
    /* an end of its own wins over that of the span that one date names */
    {"2014/12/04", "2014/12/06", "2014-12-04", "2014-12-07"},
    {"2014/12/04", "2014-12-06", "2014-12-04", "2014-12-06"},
    {"2014/12", "now", "2014-12-01", "2026-11-25 13:14:15.678"},
    /* empty, but understood */
    {"2026-11-24", "2026-11-23", "2026-11-24", "2026-11-23"},
};

static void test_windows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        struct window_value null = {.type = WINDOW_NULL}, since = null, until = null;
        struct window w;
        char err[1024], text[FLOW_TIME_TEXT];
        if (windows[i].since)
            since = text_value(windows[i].since);
        if (windows[i].until)
            until = text_value(windows[i].until);
        if (window_parse(&since, &until, now, &w, err, sizeof err) != 0)
            fail_msg("%s", err);
        if (!same_time(windows[i].from, shown(w.since, text)))
            fail_msg("window %zu: since %s", i, text);
        if (!same_time(windows[i].to, shown(w.until, text)))
            fail_msg("window %zu: until %s", i, text);
    }
}

static const struct {
    struct window_value value;
    const char *expected; /* NULL: an error */
} numbers[] = {
    {{.type = WINDOW_INTEGER, .integer = 1416000000}, "2014-11-14 21:20"},
    {{.type = WINDOW_INTEGER, .integer = 1416000000123}, "2014-11-14 21:20:00.123"},
    {{.type = WINDOW_INTEGER, .integer = 100000000000}, "1973-03-03 09:46:40"},
    {{.type = WINDOW_INTEGER, .integer = 99999999999}, "5138-11-16 09:46:39"},
    {{.type = WINDOW_INTEGER, .integer = 20261123}, "2026-11-23"},
    {{.type = WINDOW_INTEGER, .integer = 0}, "1970-01-01"},
    {{.type = WINDOW_INTEGER, .integer = 2014}, NULL},
    {{.type = WINDOW_INTEGER, .integer = -3600}, NULL},
    {{.type = WINDOW_INTEGER, .integer = INT64_MAX}, NULL},
    {{.type = WINDOW_INTEGER, .integer = INT64_MIN}, NULL},
    {{.type = WINDOW_REAL, .real = 1416000000.125}, "2014-11-14 21:20:00.125"},
    {{.type = WINDOW_REAL, .real = 1416000000123.0}, "2014-11-14 21:20:00.123"},
    {{.type = WINDOW_REAL, .real = 1e300}, NULL},
    {{.type = WINDOW_REAL, .real = -1e300}, NULL},
    {{.type = WINDOW_REAL, .real = -0.5}, NULL},
    {{.type = WINDOW_REAL, .real = (double)INFINITY}, NULL},
    {{.type = WINDOW_REAL, .real = (double)NAN}, NULL},
};

static void test_numbers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct window w;
        char err[1024], text[FLOW_TIME_TEXT];
        int rc = window_parse(&numbers[i].value, NULL, now, &w, err, sizeof err);
        if ((rc == 0) != (numbers[i].expected != NULL))
            fail_msg("number %zu: %s", i, rc ? err : "taken");
        if (rc == 0 && !same_time(numbers[i].expected, shown(w.since, text)))
            fail_msg("number %zu: %s", i, text);
    }
}

/* ---- errors ----------------------------------------------------------------------------- */

static const struct {
    const char *since, *until;
    const char *begin;
} errors[] = {
    {"", NULL, "since: '': no time at all: accepted are '2026-11-23 10:00'"},
    {"  ", NULL, "since: '  ': no time at all"},
    {"soon", NULL, "since: 'soon': not understood: accepted are"},
    {"nowish", NULL, "since: 'nowish': not understood"},
    {NULL, "soon", "until: 'soon': not understood"},
    {"2026-13-01", NULL, "since: '2026-13-01': there is no such month"},
    {"2026-00-01", NULL, "since: '2026-00-01': there is no such month"},
    {"2026/13", NULL, "since: '2026/13': there is no such month"},
    {"2026-02-29", NULL, "since: '2026-02-29': the month has no such day"},
    {"2026-11-00", NULL, "since: '2026-11-00': the month has no such day"},
    {"20261131", NULL, "since: '20261131': the month has no such day"},
    {"202611302460", NULL, "since: '202611302460': there is no such time of day"},
    {"2026-11-23 24:01", NULL, "since: '2026-11-23 24:01': there is no such time of day"},
    {"2026-11-23 25:00", NULL, "since: '2026-11-23 25:00': there is no such time of day"},
    {"2026-11-23 10:60", NULL, "since: '2026-11-23 10:60': there is no such time of day"},
    {"2026-11-23 10:00:60", NULL, "since: '2026-11-23 10:00:60': there is no such time of day"},
    {"2026-11-23 10:00+15:00", NULL, "since: '2026-11-23 10:00+15:00': there is no such time zone"},
    {"2026-11-23 10:0", NULL, "since: '2026-11-23 10:0': not understood from"},
    {"2026-11-23 10:00 CET", NULL, "since: '2026-11-23 10:00 CET': not understood from"},
    {"2026-11-23T", NULL, "since: '2026-11-23T': not understood from"},
    {"2026-11-231", NULL, "since: '2026-11-231': not understood"},
    {"2026-11-23x", NULL, "since: '2026-11-23x': not understood"},
    {"10:00", NULL, "since: '10:00': not understood"},
    {"1e9", NULL, "since: '1e9': not understood"},
    {"2014", NULL, "since: '2014': a year, or seconds of 1970?"},
    {"201412", NULL, "since: '201412': a year, or seconds of 1970?"},
    {"-3600", NULL, "since: '-3600': ago, or before 1970?"},
    {"3 days", NULL, "since: '3 days': before or after now?"},
    {"-3 days ago", NULL, "since: '-3 days ago': a sign and ago"},
    {"-3 dayz", NULL, "since: '-3 dayz': "},
    {"-1 fortnight", NULL, "since: '-1 fortnight': "},
    {"now,", NULL, "since: 'now,': not understood from"},
    {"now -1", NULL, "since: 'now -1': not understood from"},
    {"nowstart of day", NULL, "since: 'nowstart of day': not understood"},
    {"start of", NULL, "since: 'start of': not understood"},
    {"weekday 7", NULL, "since: 'weekday 7': not understood"},
    {"now localtime", NULL, "since: 'now localtime': not understood from"},
    {"-9999999 days", NULL, "since: '-9999999 days': outside the years"},
    {"-1e99 days", NULL, "since: '-1e99 days': "},
    {"+99999999999999999999999999 days", NULL,
     "since: '+99999999999999999999999999 days': outside"},
    {"+99999999999 years", NULL, "since: '+99999999999 years': outside the years"},
    {"-2100 years", NULL, "since: '-2100 years': outside the years"},
    {"9999-12-31 23:59:59.9999", NULL, "since: '9999-12-31 23:59:59.9999': outside the years"},
    {"0000-01-01 00:00+01:00", NULL, "since: '0000-01-01 00:00+01:00': outside the years"},
    {"99999999999999999999", NULL, "since: '99999999999999999999': outside the years"},
    {"2014/12/04-2014/12/03", NULL, "since: '2014/12/04-2014/12/03': the span ends before"},
    {"2014/12/04-2014/13", NULL, "since: '2014/12/04-2014/13': there is no such month"},
    {"2014/12/04-2014/12/05 x", NULL, "since: '2014/12/04-2014/12/05 x': something behind"},
    {"2014/12/04.", NULL, "since: '2014/12/04.': not understood"},
    {"2014/12/04.12-2014/12/04.13", "now",
     "since: '2014/12/04.12-2014/12/04.13': a span has its end already: leave out until"},
    {NULL, "2014/12/04.12-2014/12/04.13",
     "until: '2014/12/04.12-2014/12/04.13': a span belongs in since alone"},
};

static void test_errors(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct window_value since = text_value(errors[i].since ? errors[i].since : "");
        struct window_value until = text_value(errors[i].until ? errors[i].until : "");
        struct window w;
        char err[1024] = "nothing";
        int rc = window_parse(errors[i].since ? &since : NULL, errors[i].until ? &until : NULL, now,
                              &w, err, sizeof err);
        if (rc == 0 || strncmp(err, errors[i].begin, strlen(errors[i].begin)) != 0)
            fail_msg("expected [%s...]\n     got [%s]", errors[i].begin, err);
        assert_non_null(strstr(err, "accepted are '2026-11-23 10:00'"));
    }
    /* quoted as far as it is printable and short */
    struct window_value odd = {.type = WINDOW_TEXT, .text = "a\0b\n\xff", .n = 5};
    struct window w;
    char err[1024], many[200];
    assert_int_equal(window_parse(&odd, NULL, now, &w, err, sizeof err), -1);
    assert_non_null(strstr(err, "since: 'a?b?\?': not"));
    memset(many, 'x', sizeof many);
    odd.text = many;
    odd.n = sizeof many;
    assert_int_equal(window_parse(&odd, NULL, now, &w, err, sizeof err), -1);
    assert_non_null(strstr(err, "xxx...': not"));
}

/* Every text cut at every length, in memory that ends there: no read beyond, and an answer. */
static void test_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        for (size_t n = 0; n < strlen(times[i].text); n++) {
            char *exact = malloc(n + 1), err[1024];
            memcpy(exact, times[i].text, n);
            exact = realloc(exact, n ? n : 1);
            struct window_value value = {WINDOW_TEXT, 0, 0, exact, n};
            struct window w;
            int rc = window_parse(&value, NULL, now, &w, err, sizeof err);
            assert_true(rc == 0 || strncmp(err, "since: ", 7) == 0);
            free(exact);
        }
}

/* ---- the same as SQLite ----------------------------------------------------------------- */

static const char *const bases[] = {
    "2026-11-25 13:14:15.678", "2024-02-29 23:59:59.999", "2023-01-31 00:00:00.000",
    "1970-01-01 00:00:00.000", "1969-12-31 12:00:00.000", "2000-12-31 06:30:00.500",
    "0004-03-01 00:00:00.000", "9998-10-31 23:00:00.000",
};

static const char *const modifiers[] = {
    "+1 day",    "-1 day",    "+1.5 days",    "-90 minutes",    "+3601 seconds", "-0.25 hours",
    "+1 month",  "-1 month",  "+13 months",   "-25 months",     "+1 year",       "-1 year",
    "+4 years",  "-1 years",  "start of day", "start of month", "start of year", "weekday 0",
    "weekday 1", "weekday 6", "5 days",       "-1000 hours",    "+1.5 months",   "-0.5 years",
};

enum { NBASES = sizeof bases / sizeof *bases, NMODIFIERS = sizeof modifiers / sizeof *modifiers };

static void test_like_sqlite(void **state) {
    (void)state;
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT strftime('%Y-%m-%d %H:%M:%f', ?1, ?2, ?3)", -1, &stmt, NULL),
        SQLITE_OK);
    for (int b = 0; b < NBASES; b++)
        for (int i = 0; i < NMODIFIERS; i++)
            for (int k = 0; k < NMODIFIERS; k++) {
                char text[256], err[1024], got[FLOW_TIME_TEXT];
                struct window w;
                sqlite3_reset(stmt);
                sqlite3_bind_text(stmt, 1, bases[b], -1, SQLITE_STATIC);
                sqlite3_bind_text(stmt, 2, modifiers[i], -1, SQLITE_STATIC);
                sqlite3_bind_text(stmt, 3, modifiers[k], -1, SQLITE_STATIC);
                assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
                const char *expected = (const char *)sqlite3_column_text(stmt, 0);
                snprintf(text, sizeof text, "%s, %s, %s", bases[b], modifiers[i], modifiers[k]);
                struct window_value value = text_value(text);
                int rc = window_parse(&value, NULL, now, &w, err, sizeof err);
                if ((rc == 0) != (expected != NULL)) /* beyond the calendar */
                    fail_msg("%s: SQLite has %s", rc ? err : text, expected ? expected : "NULL");
                if (rc != 0)
                    continue;
                flow_time_text(w.since, got);
                if (strcmp(got, expected) != 0)
                    fail_msg("%s: %s, SQLite has %s", text, got, expected);
            }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

/* ---- text bounds ------------------------------------------------------------------------ */

static const int64_t instants[] = {
    INT64_MIN,
    WINDOW_MS_MIN - 1,
    WINDOW_MS_MIN,
    WINDOW_MS_MIN + 1,
    -1,
    0,
    1,
    INT64_C(1795612455677),
    INT64_C(1795612455678),
    INT64_C(1795612455679),
    INT64_C(1795564800000), /* 2026-11-25 */
    INT64_C(1795564799999),
    INT64_C(1795564800001),
    INT64_C(1798761599999), /* 2026-12-31 23:59:59.999 */
    INT64_C(1798761600000),
    WINDOW_MS_MAX - 1,
    WINDOW_MS_MAX,
    WINDOW_MS_MAX + 1,
    INT64_MAX,
};
enum { NINSTANTS = sizeof instants / sizeof *instants };

static int holds(enum window_op op, int order) {
    switch (op) {
    case WINDOW_EQ:
        return order == 0;
    case WINDOW_LT:
        return order < 0;
    case WINDOW_LE:
        return order <= 0;
    case WINDOW_GT:
        return order > 0;
    case WINDOW_GE:
        return order >= 0;
    }
    return 0;
}

/* SQLite's BINARY collation. */
static int binary(const char *a, size_t an, const char *b, size_t bn) {
    int order = memcmp(a, b, an < bn ? an : bn);
    return order ? order : (an > bn) - (an < bn);
}

static void check_instant(enum window_op op, int64_t ms, const char *text, size_t n, int64_t lo,
                          int64_t hi) {
    char canonical[FLOW_TIME_TEXT];
    size_t length = flow_time_text(ms, canonical);
    int expected = holds(op, binary(canonical, length, text, n));
    if (expected != (lo <= ms && ms <= hi))
        fail_msg("%s (%lld) op %d [%.*s]: %d", canonical, (long long)ms, (int)op, (int)n, text,
                 !expected);
}

static void check_bound(const char *text, size_t n) {
    for (int op = WINDOW_EQ; op <= (int)WINDOW_GE; op++) {
        int64_t lo, hi;
        window_text_bound((enum window_op)op, text, n, &lo, &hi);
        for (int i = 0; i < NINSTANTS; i++)
            check_instant((enum window_op)op, instants[i], text, n, lo, hi);
        /* around the ends, where it counts */
        for (int d = -2; d <= 2; d++) {
            if (lo > INT64_MIN + 2)
                check_instant((enum window_op)op, lo + d, text, n, lo, hi);
            if (hi < INT64_MAX - 2)
                check_instant((enum window_op)op, hi + d, text, n, lo, hi);
        }
    }
}

static const char *const bounds[] = {
    "",
    "0",
    "2",
    "2026",
    "2026-",
    "2026-11-2",
    "2026-11-25",
    "2026-11-25 ",
    "2026-11-25 13",
    "2026-11-25 13:14",
    "2026-11-25 13:14:15",
    "2026-11-25 13:14:15.67",
    "2026-11-25 13:14:15.678",
    "2026-11-25 13:14:15.6780",
    "2026-11-25 13:14:15.678Z",
    "2026-11-25T13:14:15",
    "2026-11-25 99:99:99",
    "2026-12-31 23:59:59.999",
    "2026-13-01",
    "0000-01-01 00:00:00.000",
    "0000-01-01 00:00:00.0000",
    "0000-01-01 00:00:00.00",
    "9999-12-31 23:59:59.999",
    "9999-12-31 23:59:59.9991",
    "9999-12-31 23:59:59.99",
    "1795612455",
    "-1",
    "now",
    "\xff",
    "\x01",
};

static void test_bounds(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        check_bound(bounds[i], strlen(bounds[i]));
    check_bound("2026-11-25\0", 11);
    check_bound("2026-11-25 13:14:15.678\0", 24);
}

/* Canonical texts with an octet changed, cut or added, from a fixed seed. */
static void test_bounds_random(void **state) {
    (void)state;
    uint64_t seed = 20261125;
    for (int round = 0; round < 20000; round++) {
        uint64_t r[4];
        for (int i = 0; i < 4; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            r[i] = seed >> 33;
        }
        static const char octets[] = "0123456789-:. TZ\x7f";
        char text[FLOW_TIME_TEXT + 2];
        size_t n = flow_time_text(instants[r[0] % NINSTANTS] / 2 + (int64_t)r[1], text);
        if (r[2] & 1)
            text[r[2] / 8 % n] = octets[r[3] % (sizeof octets - 1)];
        if (r[2] & 2)
            n = r[3] / 32 % (n + 1);
        if (r[2] & 4)
            text[n++] = octets[r[3] / 1024 % (sizeof octets - 1)];
        check_bound(text, n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),   cmocka_unit_test(test_windows),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_cut),     cmocka_unit_test(test_like_sqlite),
        cmocka_unit_test(test_bounds),  cmocka_unit_test(test_bounds_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
