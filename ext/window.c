/* SPDX-License-Identifier: MIT */
/*
** Reads the spellings of time that window.h lists. A text is one base (a date, a number, now, ...)
** with modifiers behind it; reading goes from left to right through a bounds-checked cursor, and
** each reader either takes what it understands or leaves the cursor alone.
*/
#include "window.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

#include "../schema/value.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum { QUOTED = 60 /* octets of the value in a message */ };

static const char accepted[] =
    "accepted are '2026-11-23 10:00', ISO 8601 with or without a zone, '2014/12/04.12' and "
    "'2014/12/04.12-2014/12/04.13', seconds or milliseconds since 1970, 'now', 'today', "
    "'yesterday', '-90 minutes', '-1 day', 'start of month'; times are UTC";

struct cursor {
    const char *p, *end;
};

/* A point in time, or the span that a date with parts left out names: [ms, end). */
struct moment {
    int64_t ms;
    int64_t end;     /* ms for a point */
    const char *why; /* what is wrong with it, when a reader knows */
};

/* ---- cursor ----------------------------------------------------------------------------- */

static char peek(const struct cursor *c) {
    return c->p < c->end ? *c->p : '\0';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool take(struct cursor *c, char wanted) {
    if (c->p == c->end || *c->p != wanted)
        return false;
    c->p++;
    return true;
}

static void skip_blanks(struct cursor *c) {
    while (c->p < c->end && is_blank(*c->p))
        c->p++;
}

/* How many digits are next. */
static size_t count_digits(const struct cursor *c) {
    size_t n = 0;
    while (c->p + n < c->end && is_digit(c->p[n]))
        n++;
    return n;
}

/* A whole run of min to max digits (max at most 9). */
static bool take_digits(struct cursor *c, size_t min, size_t max, int *value) {
    size_t n = count_digits(c);
    if (n < min || n > max)
        return false;
    *value = 0;
    while (n--)
        *value = *value * 10 + (*c->p++ - '0');
    return true;
}

/* Exactly n digits, whatever follows. */
static bool take_some(struct cursor *c, size_t n, int *value) {
    if (count_digits(c) < n)
        return false;
    struct cursor part = {c->p, c->p + n};
    c->p += n;
    return take_digits(&part, n, n, value);
}

static bool take_word(struct cursor *c, const char *word) {
    size_t n = strlen(word);
    if ((size_t)(c->end - c->p) < n || strncasecmp(c->p, word, n) != 0)
        return false;
    if (c->p + n < c->end && is_letter(c->p[n]))
        return false;
    c->p += n;
    return true;
}

/* ---- calendar --------------------------------------------------------------------------- */

struct civil {
    int year, month, day;
    int64_t rest; /* ms of the day */
};

static struct civil civil_of(int64_t ms) {
    struct civil c;
    int64_t days = ms / DAY;
    c.rest = ms % DAY;
    if (c.rest < 0) {
        c.rest += DAY;
        days--;
    }
    flow_civil(days, &c.year, &c.month, &c.day);
    return c;
}

static int64_t ms_of(const struct civil *c) {
    return flow_days(c->year, c->month, c->day) * DAY + c->rest;
}

static int month_length(int year, int month) {
    return (int)(flow_days(month == 12 ? year + 1 : year, month % 12 + 1, 1) -
                 flow_days(year, month, 1));
}

/* A year and a month as many months later; days that do not exist there run on into the next
** month, as SQLite has it: 31 January and a month is 3 March. */
static int64_t add_months(int64_t ms, int months) {
    struct civil c = civil_of(ms);
    int count = c.year * 12 + c.month - 1 + months;
    c.year = count >= 0 ? count / 12 : -((11 - count) / 12);
    c.month = count - c.year * 12 + 1;
    int64_t day = c.day - 1;
    c.day = 1;
    return ms_of(&c) + day * DAY;
}

static bool in_range(int64_t ms) {
    return ms >= WINDOW_MS_MIN && ms <= WINDOW_MS_MAX;
}

/* ---- dates ------------------------------------------------------------------------------ */

/* Fraction digits behind a point, rounded to ms. */
static int64_t take_fraction(struct cursor *c) {
    int64_t tenths = 0, scale = 1000; /* of a millisecond: they tell how to round */
    for (; is_digit(peek(c)); c->p++, scale /= 10)
        tenths += (*c->p - '0') * scale;
    return (tenths + 5) / 10;
}

/* HH[:MM[:SS[.SSS]]], into ms of the day. *unit gets the length of the last part named, 1 for
** seconds. */
static bool take_clock(struct cursor *c, int64_t *rest, int64_t *unit, const char **why) {
    struct cursor at = *c;
    int hour, minute = 0, second = 0;
    int64_t fraction = 0;
    if (!take_digits(&at, 1, 2, &hour))
        return false;
    *unit = HOUR;
    if (peek(&at) == ':') {
        at.p++;
        if (!take_digits(&at, 2, 2, &minute))
            return false;
        *unit = MINUTE;
        if (peek(&at) == ':') {
            at.p++;
            if (!take_digits(&at, 2, 2, &second))
                return false;
            *unit = 1;
            struct cursor point = at;
            if ((take(&point, '.') || take(&point, ',')) && is_digit(peek(&point))) {
                at = point;
                fraction = take_fraction(&at);
            }
        }
    }
    *rest = hour * HOUR + minute * MINUTE + second * SECOND + fraction;
    struct cursor behind = at;
    skip_blanks(&behind);
    if (*unit == HOUR && is_letter(peek(&behind)) && (peek(&behind) & ~0x20) != 'Z')
        return false; /* the modifier 3 days */
    if (minute > 59 || second > 59 || *rest > DAY)
        *why = "there is no such time of day";
    *c = at;
    return true;
}

/* Z, +HH:MM, +HHMM or +HH: moves *ms to UTC. */
static bool take_zone(struct cursor *c, int64_t *ms, const char **why) {
    struct cursor at = *c;
    skip_blanks(&at);
    if (take(&at, 'Z') || take(&at, 'z')) {
        if (is_letter(peek(&at)))
            return false;
        *c = at;
        return true;
    }
    bool west = peek(&at) == '-';
    if (!west && peek(&at) != '+')
        return false;
    at.p++;
    int hour, minute = 0;
    size_t n = count_digits(&at);
    if ((n != 2 && n != 4) || !take_some(&at, 2, &hour))
        return false;
    bool colon = n == 2 && take(&at, ':');
    if ((n == 4 || colon) && !take_digits(&at, 2, 2, &minute))
        return false;
    struct cursor behind = at;
    skip_blanks(&behind);
    if (!colon && (is_letter(peek(&behind)) || peek(&at) == '.'))
        return false; /* the modifier +10 days */
    if (hour > 14 || minute > 59)
        *why = "there is no such time zone";
    *ms -= (west ? -1 : 1) * (hour * HOUR + minute * MINUTE);
    *c = at;
    return true;
}

static const char *check_date(const struct civil *date) {
    if (date->month < 1 || date->month > 12)
        return "there is no such month";
    if (date->day < 1 || date->day > month_length(date->year, date->month))
        return "the month has no such day";
    return NULL;
}

/* YYYY-MM[-DD[( |T)clock[zone]]] */
static bool take_dashed(struct cursor *c, struct moment *m) {
    struct cursor at = *c;
    struct civil date = {.day = 1};
    if (!take_digits(&at, 4, 4, &date.year) || !take(&at, '-') ||
        !take_digits(&at, 1, 2, &date.month))
        return false;
    bool day = take(&at, '-');
    if (day && !take_digits(&at, 1, 2, &date.day))
        return false;
    m->why = check_date(&date);
    m->ms = m->why ? 0 : ms_of(&date);
    if (day) {
        struct cursor behind = at;
        int64_t rest, unit;
        if (!take(&behind, 'T') && !take(&behind, 't'))
            skip_blanks(&behind);
        if (behind.p > at.p && take_clock(&behind, &rest, &unit, &m->why)) {
            m->ms += rest;
            take_zone(&behind, &m->ms, &m->why);
            at = behind;
        }
    }
    m->end = m->ms;
    *c = at;
    return true;
}

/* nfdump's YYYY/MM[/DD[.HH[:MM[:SS]]]]; a blank or T may stand for the point. */
static bool take_slashed(struct cursor *c, struct moment *m) {
    struct cursor at = *c;
    struct civil date = {.day = 1};
    if (!take_digits(&at, 4, 4, &date.year) || !take(&at, '/') ||
        !take_digits(&at, 1, 2, &date.month))
        return false;
    bool day = take(&at, '/');
    if (day && !take_digits(&at, 1, 2, &date.day))
        return false;
    m->why = check_date(&date);
    m->ms = m->why ? 0 : ms_of(&date);
    m->end = day || m->why ? m->ms + DAY : add_months(m->ms, 1);
    if (day) {
        struct cursor behind = at;
        int64_t rest, unit;
        if (!take(&behind, '.') && !take(&behind, 'T') && !take(&behind, 't'))
            skip_blanks(&behind);
        if (behind.p > at.p && take_clock(&behind, &rest, &unit, &m->why)) {
            m->ms += rest;
            m->end = unit == 1 ? m->ms : m->ms + unit;
            at = behind;
        }
    }
    *c = at;
    return true;
}

/* Digits of a date without anything between: YYYYMMDD, YYYYMMDDhhmm, YYYYMMDDhhmmss, and ISO 8601's
** YYYYMMDDThhmm[ss][zone]. Only years that begin with 19 and 20: as numbers these would be times
** in 1970, 1976 and after 2500. */
static bool take_compact(struct cursor *c, struct moment *m) {
    struct cursor at = *c;
    struct civil date = {0};
    int hour = 0, minute = 0, second = 0;
    size_t n = count_digits(&at);
    if ((n != 8 && n != 12 && n != 14) ||
        (strncmp(at.p, "19", 2) != 0 && strncmp(at.p, "20", 2) != 0))
        return false;
    take_some(&at, 4, &date.year);
    take_some(&at, 2, &date.month);
    take_some(&at, 2, &date.day);
    bool iso = n == 8 && (take(&at, 'T') || take(&at, 't'));
    if (iso) {
        n = 8 + count_digits(&at);
        if (n != 12 && n != 14)
            return false;
    }
    if (n >= 12) {
        take_some(&at, 2, &hour);
        take_some(&at, 2, &minute);
    }
    if (n >= 14)
        take_some(&at, 2, &second);
    m->why = check_date(&date);
    if (hour > 23 || minute > 59 || second > 59)
        m->why = "there is no such time of day";
    m->ms = m->why ? 0 : ms_of(&date) + hour * HOUR + minute * MINUTE + second * SECOND;
    if (iso)
        take_zone(&at, &m->ms, &m->why);
    m->end = m->ms;
    *c = at;
    return true;
}

/* Seconds or milliseconds since 1970. Small numbers that a person means otherwise are refused. */
static void from_number(double number, struct moment *m) {
    double ms = fabs(number) >= 1e11 ? number : number * 1000;
    if (number < 0 && number > -1e11)
        m->why = "ago, or before 1970? write '-3600 seconds' for ago";
    else if ((number >= 1900 && number < 2100) || (number >= 190000 && number < 210000))
        m->why = "a year, or seconds of 1970? write '2014-01-01'";
    else if (!(ms >= (double)WINDOW_MS_MIN && ms <= (double)WINDOW_MS_MAX))
        m->why = "outside the years 0000 to 9999";
    m->ms = m->why ? 0 : llround(ms);
    m->end = m->ms;
}

static bool take_number(struct cursor *c, struct moment *m) {
    struct cursor at = *c;
    bool minus = take(&at, '-');
    double number = 0, scale = 1;
    if (!is_digit(peek(&at)))
        return false;
    for (; is_digit(peek(&at)); at.p++)
        number = number * 10 + (*at.p - '0');
    if (take(&at, '.'))
        for (; is_digit(peek(&at)); at.p++)
            number += (*at.p - '0') * (scale /= 10);
    if (peek(&at) && !is_blank(peek(&at)) && peek(&at) != ',')
        return false;
    from_number(minus ? -number : number, m);
    *c = at;
    return true;
}

/* ---- words and modifiers ---------------------------------------------------------------- */

/* Days from the beginning of today. */
static const struct {
    const char *word;
    int days;
} day_words[] = {{"yesterday", -1}, {"today", 0}, {"tomorrow", 1}};

static const struct {
    const char *word; /* with or without an s */
    int64_t ms;       /* 0: counted in months */
    int months, days; /* and a fraction of one in days */
} units[] = {
    {"second", SECOND, 0, 0}, {"sec", SECOND, 0, 0}, {"s", SECOND, 0, 0},
    {"minute", MINUTE, 0, 0}, {"min", MINUTE, 0, 0}, {"hour", HOUR, 0, 0},
    {"h", HOUR, 0, 0},        {"day", DAY, 0, 0},    {"d", DAY, 0, 0},
    {"week", 7 * DAY, 0, 0},  {"w", 7 * DAY, 0, 0},  {"month", 0, 1, 30},
    {"year", 0, 12, 365},
};

enum { NDAY_WORDS = sizeof day_words / sizeof *day_words, NUNITS = sizeof units / sizeof *units };

static int64_t start_of_day(int64_t ms) {
    return ms - civil_of(ms).rest;
}

/* now, or a day by name and perhaps a time of it. */
static bool take_day_word(struct cursor *c, int64_t now, struct moment *m) {
    struct cursor at = *c;
    if (take_word(&at, "now")) {
        m->ms = m->end = now;
        *c = at;
        return true;
    }
    for (int i = 0; i < NDAY_WORDS; i++) {
        if (!take_word(&at, day_words[i].word))
            continue;
        m->ms = start_of_day(now) + day_words[i].days * DAY;
        struct cursor behind = at;
        int64_t rest, unit;
        skip_blanks(&behind);
        if (take_clock(&behind, &rest, &unit, &m->why) && unit != HOUR) {
            m->ms += rest;
            take_zone(&behind, &m->ms, &m->why);
            at = behind;
        }
        m->end = m->ms;
        *c = at;
        return true;
    }
    return false;
}

static int take_unit(struct cursor *c) {
    for (int i = 0; i < NUNITS; i++) {
        char plural[16];
        snprintf(plural, sizeof plural, "%ss", units[i].word);
        if (take_word(c, units[i].word) || take_word(c, plural))
            return i;
    }
    return -1;
}

/* [+-]NNN[.NNN] unit ["ago"]. first: nothing is before it, so that a sign or ago must say which
** way. */
static bool take_offset(struct cursor *c, bool first, struct moment *m) {
    struct cursor at = *c;
    bool minus = take(&at, '-'), sign = minus || take(&at, '+');
    double amount = 0, scale = 1;
    size_t digits = 0;
    skip_blanks(&at);
    for (; is_digit(peek(&at)); at.p++, digits++)
        amount = amount * 10 + (*at.p - '0');
    if (digits && take(&at, '.'))
        for (; is_digit(peek(&at)); at.p++)
            amount += (*at.p - '0') * (scale /= 10);
    skip_blanks(&at);
    int unit = digits ? take_unit(&at) : -1;
    if (unit < 0)
        return false;
    struct cursor behind = at;
    skip_blanks(&behind);
    bool ago = take_word(&behind, "ago");
    if (ago)
        at = behind;
    if (ago && sign)
        m->why = "a sign and ago";
    else if (first && !sign && !ago)
        m->why = "before or after now? write '-1 day' or '+1 day'";
    if (minus || ago)
        amount = -amount;
    *c = at;
    if (units[unit].ms) {
        double ms = amount * (double)units[unit].ms;
        if (fabs(ms) > (double)(WINDOW_MS_MAX - WINDOW_MS_MIN))
            m->why = "outside the years 0000 to 9999";
        m->ms += m->why ? 0 : llround(ms);
        return true;
    }
    if (fabs(amount) > 9999 * 12)
        m->why = "outside the years 0000 to 9999";
    if (m->why)
        return true;
    int whole = (int)amount;
    m->ms = add_months(m->ms, whole * units[unit].months);
    m->ms += llround((amount - whole) * units[unit].days * (double)DAY);
    return true;
}

/* 0 Sunday to 6 Saturday; 1970 began on a Thursday. */
static int weekday_of(int64_t ms) {
    int64_t days = (ms - civil_of(ms).rest) / DAY;
    return (int)(((days + 4) % 7 + 7) % 7);
}

static bool take_start_of(struct cursor *c, struct moment *m) {
    struct cursor at = *c;
    if (!take_word(&at, "start"))
        return false;
    skip_blanks(&at);
    if (!take_word(&at, "of"))
        return false;
    skip_blanks(&at);
    struct civil civil = civil_of(m->ms);
    if (take_word(&at, "hour")) {
        civil.rest -= civil.rest % HOUR;
        m->ms = ms_of(&civil);
    } else if (take_word(&at, "day")) {
        m->ms = start_of_day(m->ms);
    } else if (take_word(&at, "week")) {
        m->ms = start_of_day(m->ms) - (weekday_of(m->ms) + 6) % 7 * DAY;
    } else if (take_word(&at, "month")) {
        m->ms = ms_of(&(struct civil){civil.year, civil.month, 1, 0});
    } else if (take_word(&at, "year")) {
        m->ms = ms_of(&(struct civil){civil.year, 1, 1, 0});
    } else {
        return false;
    }
    *c = at;
    return true;
}

static bool take_weekday(struct cursor *c, struct moment *m) {
    struct cursor at = *c;
    int day;
    if (!take_word(&at, "weekday"))
        return false;
    skip_blanks(&at);
    if (!take_digits(&at, 1, 1, &day) || day > 6)
        return false;
    m->ms += (day - weekday_of(m->ms) + 7) % 7 * DAY;
    *c = at;
    return true;
}

/* One modifier, applied to *m. first: it is the base, counted from now. */
static bool take_modifier(struct cursor *c, bool first, struct moment *m) {
    if (!take_offset(c, first, m) && !take_start_of(c, m) && !take_weekday(c, m))
        return false;
    if (!m->why && !in_range(m->ms))
        m->why = "outside the years 0000 to 9999";
    if (m->why)
        m->ms = 0;
    m->end = m->ms;
    return true;
}

static bool take_base(struct cursor *c, int64_t now, struct moment *m) {
    *m = (struct moment){now, now, NULL};
    return take_dashed(c, m) || take_slashed(c, m) || take_compact(c, m) ||
           take_day_word(c, now, m) || take_modifier(c, true, m) || take_number(c, m);
}

/* Blanks and commas between modifiers; at least one of them, or a sign, keeps words apart. */
static void skip_separators(struct cursor *c) {
    while (c->p < c->end && (is_blank(*c->p) || *c->p == ','))
        c->p++;
}

/* Is what comes next the dash of a span, with a date behind it? */
static bool take_dash(struct cursor *c) {
    struct cursor at = *c;
    skip_blanks(&at);
    if (!take(&at, '-'))
        return false;
    skip_blanks(&at);
    if (count_digits(&at) != 4 || at.end - at.p < 5 || at.p[4] != '/')
        return false;
    *c = at;
    return true;
}

/* ---- parameters ------------------------------------------------------------------------- */

struct report {
    const char *param;
    const struct window_value *value;
    char *err;
    size_t errn;
};

static int fail(const struct report *r, const char *why) {
    char text[QUOTED + 8];
    size_t n = r->value->n < QUOTED ? r->value->n : QUOTED;
    if (r->value->type == WINDOW_REAL) {
        snprintf(text, sizeof text, "%.17g", r->value->real);
    } else {
        const char *p = r->value->text;
        text[0] = '\'';
        for (size_t i = 0; i < n; i++)
            text[i + 1] = p[i] >= ' ' && p[i] <= '~' ? p[i] : '?';
        snprintf(text + n + 1, sizeof text - n - 1, "%s'", n < r->value->n ? "..." : "");
    }
    snprintf(r->err, r->errn, "%s: %s: %s: %s", r->param, text, why, accepted);
    return -1;
}

/* A text into *m; *span is set when it was nfdump's A-B. */
static int read_text(const struct report *r, int64_t now, struct moment *m, bool *span) {
    struct cursor c = {r->value->text, r->value->text + r->value->n};
    skip_blanks(&c);
    while (c.end > c.p && is_blank(c.end[-1]))
        c.end--;
    if (c.p == c.end)
        return fail(r, "no time at all");
    if (!take_base(&c, now, m))
        return fail(r, "not understood");
    if (m->why)
        return fail(r, m->why);
    if (take_dash(&c)) {
        struct moment last = {0, 0, NULL};
        if (!take_slashed(&c, &last))
            return fail(r, "the end of the span is not understood");
        if (last.why)
            return fail(r, last.why);
        if (c.p < c.end)
            return fail(r, "something behind the span");
        m->end = last.end;
        *span = true;
        return last.ms < m->ms ? fail(r, "the span ends before it begins") : 0;
    }
    while (c.p < c.end) {
        const char *before = c.p;
        skip_separators(&c);
        bool apart = c.p > before || peek(&c) == '+' || peek(&c) == '-';
        if (!apart || !take_modifier(&c, false, m))
            return fail(r, "not understood from its modifier on");
        if (m->why)
            return fail(r, m->why);
    }
    return in_range(m->ms) ? 0 : fail(r, "outside the years 0000 to 9999");
}

static int read_value(const struct report *r, int64_t now, struct moment *m, bool *span) {
    char digits[24];
    struct window_value as_text = *r->value;
    struct report same = *r;
    switch (r->value->type) {
    case WINDOW_TEXT:
        return read_text(r, now, m, span);
    case WINDOW_INTEGER:
        /* through text, for 20261123 */
        as_text.type = WINDOW_TEXT;
        as_text.text = digits;
        as_text.n = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)r->value->integer);
        same.value = &as_text;
        return read_text(&same, now, m, span);
    default:
        from_number(r->value->real, m);
        return m->why ? fail(r, m->why) : 0;
    }
}

static bool given(const struct window_value *value) {
    return value && value->type != WINDOW_NULL;
}

int window_parse(const struct window_value *since, const struct window_value *until, int64_t now_ms,
                 struct window *out, char *err, size_t errn) {
    *out = (struct window){INT64_MIN, INT64_MAX};
    if (given(since)) {
        struct report report = {"since", since, err, errn};
        struct moment m = {0, 0, NULL};
        bool span = false;
        if (read_value(&report, now_ms, &m, &span) != 0)
            return -1;
        if (span && given(until))
            return fail(&report, "a span has its end already: leave out until");
        out->since = m.ms;
        if (m.end > m.ms && !given(until))
            out->until = m.end;
    }
    if (given(until)) {
        struct report report = {"until", until, err, errn};
        struct moment m = {0, 0, NULL};
        bool span = false;
        if (read_value(&report, now_ms, &m, &span) != 0)
            return -1;
        if (span)
            return fail(&report, "a span belongs in since alone");
        out->until = m.end;
    }
    return 0;
}
