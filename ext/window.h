/* SPDX-License-Identifier: MIT */
/*
** What a person writes for a point in time, or a span of it, as milliseconds since 1970 UTC. This
** header is the manual of the parameters `since` and `until`.
**
** A window is half-open: since <= t < until. All times are UTC unless they carry a zone.
**
**   2026-11-23 10:00            seconds and fraction may follow; T for the blank; the date alone
**   2026-11-23T10:00:00+02:00   is its beginning, 2026-11 too. Zones: Z, +02:00, +0200, +02.
**   20261123 202611231000       as in the names of flow files; 20261123T100000Z
**   now  today  yesterday       and tomorrow; the last three are the beginnings of those days
**   1416000000  1416000000.5    seconds since 1970; numbers from 1e11 on are milliseconds
**   -1 day                      before or after now: seconds, minutes, hours, days, weeks, months,
**                               years; singular, plural; `1 day ago` too
**   now -1 day, start of day    SQLite's modifiers, applied from left to right: NNN units, start of
**                               hour, day, month, year (and week: Monday), weekday N. They stand
**                               alone or after any of the above, with blanks or commas between
**   2014/12/04.12:30:00         nfdump's spelling, a point
**   2014/12  2014/12/04  2014/12/04.12  2014/12/04.12:30
**                               nfdump's spelling with parts left out names a span: all of that
**                               month, day, hour, minute. In since it sets the end too, unless
**                               until is given; in until it means the end of the span
**   2014/12/04.12-2014/12/04.13 nfdump's span, in since alone: from the beginning of the first to
**                               the end of the last unit named, here 12:00:00 to 13:59:59.999
**
** So until = '2014-12-05' ends with the 4th (half-open, as one writes it in SQL) and
** until = '2014/12/05' with the 5th (as nfdump's users expect). NULL is a parameter not given.
**
** Errors, each a sentence that names the parameter and says what would be accepted: what is not
** in the list above; fields out of range (month 13, 30 February, 25:00); negative numbers (before
** 1970, or ago?); 2014 and 201412 (years and months, or seconds of 1970?); a span in until, or
** until beside a span; years outside 0000 to 9999; until before since is not an error but empty.
*/
#ifndef FLOWVT_WINDOW_H
#define FLOWVT_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "../schema/value.h"

/* An SQL value. BLOB is passed as TEXT. */
struct window_value {
    enum { WINDOW_NULL, WINDOW_INTEGER, WINDOW_REAL, WINDOW_TEXT } type;
    int64_t integer;
    double real;
    const char *text; /* UTF-8, not NUL-terminated */
    size_t n;
};

/* Milliseconds since 1970 UTC, since <= t < until. */
struct window {
    int64_t since; /* INT64_MIN: open */
    int64_t until; /* INT64_MAX: open */
};

/* since, until: the parameters, or NULL when not given. now_ms: the statement's current time.
** Returns 0, or -1 and a sentence in err. */
int window_parse(const struct window_value *since, const struct window_value *until, int64_t now_ms,
                 struct window *out, char *err, size_t errn);

enum window_op { WINDOW_EQ, WINDOW_LT, WINDOW_LE, WINDOW_GT, WINDOW_GE };

/* The first and last ms of the years 0000 to 9999, which have a canonical text of 23 octets. */
#define WINDOW_MS_MIN FLOW_MS_MIN
#define WINDOW_MS_MAX FLOW_MS_MAX

/* The times whose canonical text, flow_time_text(), compares so with text[0..n) as SQLite
** compares TEXT under BINARY:
**   flow_time_text(ms) op text  if and only if  *lo <= ms <= *hi
** for any text at all and any ms (those outside the calendar have the text of its ends). *lo > *hi
** when there is none. Costs some microseconds. */
void window_text_bound(enum window_op op, const char *text, size_t n, int64_t *lo, int64_t *hi);

#endif
