/* SPDX-License-Identifier: MIT */
/*
** The connection keeps the zones that it was asked for, of which there are few.
*/
#include "local_time.h"
#include "timezone.h"
#include "vtab.h"

#include <stdlib.h>

#include "../schema/value.h"

SQLITE_EXTENSION_INIT3

enum { ZONES = 4, NAME_ROOM = 64 };

struct zones {
    int users; /* functions that have it */
    struct {
        char name[NAME_ROOM];
        struct timezone_info *zone;
    } list[ZONES];
    int next; /* to be replaced */
};

static void drop(void *arg) {
    struct zones *z = arg;
    if (--z->users > 0)
        return;
    for (int i = 0; i < ZONES; i++)
        timezone_free(z->list[i].zone);
    free(z);
}

/* NULL: the error was said. */
static const struct timezone_info *find(sqlite3_context *ctx, sqlite3_value *name) {
    struct zones *z = sqlite3_user_data(ctx);
    const char *text = (const char *)sqlite3_value_text(name);
    size_t n = text ? (size_t)sqlite3_value_bytes(name) : 0;
    char err[512];
    if (n == 0) {
        text = "UTC";
        n = 3;
    }
    for (int i = 0; i < ZONES && n < NAME_ROOM; i++)
        if (z->list[i].zone && memcmp(z->list[i].name, text, n) == 0 && !z->list[i].name[n])
            return z->list[i].zone;
    struct timezone_info *zone = timezone_open(text, n, err, sizeof err);
    if (!zone) {
        sqlite3_result_error(ctx, err, -1);
        return NULL;
    }
    int at = z->next;
    z->next = (at + 1) % ZONES;
    timezone_free(z->list[at].zone);
    z->list[at].zone = zone;
    memset(z->list[at].name, 0, NAME_ROOM);
    memcpy(z->list[at].name, text,
           n < NAME_ROOM ? n : 0); /* timezone_open() takes no longer ones */
    return zone;
}

/* Digits of a field at *p, at most so many. */
static bool read_field(const char **p, int digits, int *out) {
    *out = 0;
    for (int i = 0; i < digits; i++, ++*p) {
        if (**p < '0' || **p > '9')
            return false;
        *out = 10 * *out + (**p - '0');
    }
    return true;
}

static bool read_clock(const char **p, int64_t *ms) {
    int hour, minute, second = 0;
    if (!read_field(p, 2, &hour) || *(*p)++ != ':' || !read_field(p, 2, &minute) || hour > 24 ||
        minute > 59)
        return false;
    if (**p == ':') {
        ++*p;
        if (!read_field(p, 2, &second) || second > 59)
            return false;
    }
    *ms += ((hour * INT64_C(60) + minute) * 60 + second) * 1000;
    if (**p != '.')
        return true;
    ++*p;
    for (int unit = 100; **p >= '0' && **p <= '9'; unit /= 10)
        *ms += unit * (*(*p)++ - '0');
    return true;
}

static bool read_time(const char *p, int64_t *ms) {
    int year, month, day = 1, y, m, d;
    if (!read_field(&p, 4, &year) || *p++ != '-' || !read_field(&p, 2, &month))
        return false;
    bool whole = *p == '-';
    p += whole;
    if (whole && !read_field(&p, 2, &day))
        return false;
    int64_t days = flow_days(year, month < 1 || month > 12 ? 1 : month, day);
    flow_civil(days, &y, &m, &d);
    if (y != year || m != month || d != day)
        return false;
    *ms = days * INT64_C(86400000);
    if (whole && (*p == ' ' || *p == 'T')) {
        p++;
        if (!read_clock(&p, ms))
            return false;
        p += *p == 'Z';
    }
    return *p == '\0';
}

static bool argument(sqlite3_context *ctx, sqlite3_value *value, int64_t *ms) {
    const char *text = (const char *)sqlite3_value_text(value);
    if (!text || read_time(text, ms))
        return text != NULL;
    char *message = sqlite3_mprintf("'%.40s' is no time: write 2026-11-23 10:00", text);
    sqlite3_result_error(ctx, message ? message : "out of memory", -1);
    sqlite3_free(message);
    return false;
}

/* Whole seconds, rounded down, and what is left. */
static int64_t seconds_of(int64_t ms, int64_t *rest) {
    int64_t s = ms / 1000 - (ms % 1000 < 0);
    *rest = ms - s * 1000;
    return s;
}

static void local_time(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    int64_t ms, rest;
    const struct timezone_info *zone;
    if (!argument(ctx, argv[0], &ms) || !(zone = find(ctx, argv[1])))
        return;
    result_time(ctx, ms + timezone_offset(zone, seconds_of(ms, &rest)) * INT64_C(1000));
}

static void utc_time(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    int64_t ms, rest;
    const struct timezone_info *zone;
    if (!argument(ctx, argv[0], &ms) || !(zone = find(ctx, argv[1])))
        return;
    int64_t local = seconds_of(ms, &rest), utc = timezone_utc(zone, local);
    /* A transition is at a whole second; behind a gap it is its end that counts. */
    bool gap = utc + timezone_offset(zone, utc) != local;
    result_time(ctx, utc * 1000 + (gap ? 0 : rest));
}

int local_time_register(sqlite3 *db) {
    static const struct {
        const char *name;
        void (*function)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {{"local_time", local_time}, {"utc_time", utc_time}};
    enum { N = sizeof functions / sizeof *functions };
    struct zones *z = calloc(1, sizeof *z);
    if (!z)
        return SQLITE_NOMEM;
    z->users = 1; /* this one */
    int rc = SQLITE_OK;
    for (int i = 0; i < N && rc == SQLITE_OK; i++) {
        z->users++; /* dropped also when it fails */
        rc = sqlite3_create_function_v2(db, functions[i].name, 2,
                                        SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, z,
                                        functions[i].function, NULL, NULL, drop);
    }
    drop(z);
    return rc;
}
