/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "scale.h"

double scale_step(double max, int most) {
    static const double steps[] = {1, 2, 2.5, 5, 10};
    if (!(max > 0) || !isfinite(max))
        return 1;
    double power = pow(10, floor(log10(max / most)));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i] * power * most >= max)
            return steps[i] * power;
    return 10 * power;
}

void scale_number(double value, char text[16]) {
    static const char *const units[] = {"", " k", " M", " G", " T", " P", " E"};
    unsigned unit = 0;
    /* 999.6 k is 1 M already. */
    while (fabs(value) >= 999.5 && unit < sizeof units / sizeof *units - 1) {
        value /= 1000;
        unit++;
    }
    double size = fabs(value);
    if (size < 0.995) {
        snprintf(text, 12, "%.3g", value);
        return;
    }
    int digits = size >= 99.95 || size == 0 ? 0 : size >= 9.995 ? 1 : 2;
    snprintf(text, 12, "%.*f", digits, value);
    if (digits) {
        char *end = text + strlen(text);
        while (end[-1] == '0')
            *--end = '\0';
        if (end[-1] == '.')
            end[-1] = '\0';
    }
    strcat(text, units[unit]);
}

/* ---- time ---------------------------------------------------------------------------------- */

enum part { SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, YEAR };

/* Steps of time that people count in, and about how long they are. */
static const struct {
    enum part part;
    int count;
    double seconds;
} time_steps[] = {
    {SECOND, 1, 1},         {SECOND, 2, 2},        {SECOND, 5, 5},        {SECOND, 10, 10},
    {SECOND, 15, 15},       {SECOND, 30, 30},      {MINUTE, 1, 60},       {MINUTE, 2, 120},
    {MINUTE, 5, 300},       {MINUTE, 10, 600},     {MINUTE, 15, 900},     {MINUTE, 30, 1800},
    {HOUR, 1, 3600},        {HOUR, 2, 7200},       {HOUR, 3, 10800},      {HOUR, 4, 14400},
    {HOUR, 6, 21600},       {HOUR, 12, 43200},     {DAY, 1, 86400},       {DAY, 2, 172800},
    {WEEK, 1, 604800},      {WEEK, 2, 1209600},    {MONTH, 1, 2629800},   {MONTH, 2, 5259600},
    {MONTH, 3, 7889400},    {MONTH, 6, 15778800},  {YEAR, 1, 31557600},   {YEAR, 2, 63115200},
    {YEAR, 5, 157788000},   {YEAR, 10, 315576000}, {YEAR, 20, 631152000}, {YEAR, 50, 1577880000},
    {YEAR, 100, 3.15576e9},
};

static int64_t seconds_of(struct tm tm) {
    tm.tm_isdst = -1;
    return mktime(&tm);
}

static struct tm local(int64_t time) {
    time_t t = time;
    struct tm tm;
    if (!localtime_r(&t, &tm))
        memset(&tm, 0, sizeof tm);
    return tm;
}

/* The last multiple of the step not after this time. */
static struct tm floor_to(int64_t time, enum part part, int count) {
    struct tm tm = local(time);
    switch (part) {
    case SECOND:
        tm.tm_sec -= tm.tm_sec % count;
        return tm;
    case MINUTE:
        tm.tm_min -= tm.tm_min % count;
        break;
    case HOUR:
        tm.tm_hour -= tm.tm_hour % count;
        break;
    case DAY:
        tm.tm_mday -= (tm.tm_mday - 1) % count;
        break;
    case WEEK: /* from Monday */
        tm.tm_mday -= (tm.tm_wday + 6) % 7;
        break;
    case MONTH:
        tm.tm_mon -= tm.tm_mon % count;
        break;
    case YEAR:
        tm.tm_year -= (tm.tm_year + 1900) % count;
        tm.tm_mon = 0;
        break;
    }
    tm.tm_sec = 0;
    if (part > MINUTE)
        tm.tm_min = 0;
    if (part > HOUR)
        tm.tm_hour = 0;
    if (part > WEEK)
        tm.tm_mday = 1;
    return tm;
}

static void label(int64_t time, enum part part, char text[24]) {
    struct tm tm = local(time);
    bool midnight = tm.tm_hour == 0 && tm.tm_min == 0 && tm.tm_sec == 0;
    const char *how = part == SECOND               ? "%H:%M:%S"
                      : part <= HOUR && !midnight  ? "%H:%M"
                      : part <= WEEK               ? "%e %b"
                      : part == MONTH && tm.tm_mon ? "%b"
                                                   : "%Y";
    char all[24] = "";
    strftime(all, sizeof all, how, &tm);
    strcpy(text, all + (all[0] == ' '));
}

int scale_times(int64_t from, int64_t until, int64_t step, int most, struct tick ticks[TICKS]) {
    size_t i = 0;
    if (most > TICKS)
        most = TICKS;
    while (i + 1 < sizeof time_steps / sizeof *time_steps &&
           ((double)(until - from) / time_steps[i].seconds > most - 1 ||
            /* months are of 28 days, too */
            time_steps[i].seconds < 0.9 * (double)step))
        i++;
    enum part part = time_steps[i].part;
    int count = time_steps[i].count, n = 0;
    struct tm at = floor_to(from, part, count);
    for (int guard = 0; guard < 4 * TICKS && n < most; guard++) {
        int64_t time = seconds_of(at);
        if (time > until)
            break;
        /* An hour that clocks leave out is the next one. */
        if (time >= from && (n == 0 || time > ticks[n - 1].time)) {
            ticks[n].time = time;
            label(time, part, ticks[n++].label);
        }
        int *field[] = {&at.tm_sec,  &at.tm_min, &at.tm_hour, &at.tm_mday,
                        &at.tm_mday, &at.tm_mon, &at.tm_year};
        *field[part] += part == WEEK ? 7 * count : count;
        /* Every second day begins anew with the month: 29, 31, 1, 3 has two that lie close. */
        if (part == DAY && count > 1) {
            struct tm now = local(seconds_of(at));
            if (now.tm_mday <= count)
                at = floor_to(seconds_of(now), part, count);
        }
    }
    return n;
}

void scale_moment(int64_t time, int64_t step, char text[40]) {
    struct tm tm = local(time);
    strftime(text, 40,
             step < 60            ? "%a %e %b %Y %H:%M:%S"
             : step < 86400       ? "%a %e %b %Y %H:%M"
             : step < 28 * 86400  ? "%a %e %b %Y"
             : step < 365 * 86400 ? "%B %Y"
                                  : "%Y",
             &tm);
}

static int digits(const char **at, int count, int *value) {
    *value = 0;
    for (int i = 0; i < count; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return 0;
        *value = *value * 10 + (**at - '0');
    }
    return 1;
}

int scale_parse(const char *text, int64_t *time) {
    struct tm tm = {.tm_mday = 1};
    int year, month = 1, n;
    if (!digits(&text, 4, &year))
        return 0;
    tm.tm_year = year - 1900;
    bool more = *text == '-';
    if (more && (text++, !digits(&text, 2, &month)))
        return 0;
    tm.tm_mon = month - 1;
    more = more && *text == '-';
    if (more && (text++, !digits(&text, 2, &tm.tm_mday)))
        return 0;
    if (*text == '\0') {
        *time = seconds_of(tm);
        return 1;
    }
    if (!more || (*text != ' ' && *text != 'T') || (text++, !digits(&text, 2, &tm.tm_hour)) ||
        *text++ != ':' || !digits(&text, 2, &tm.tm_min))
        return 0;
    if (*text == ':' && (text++, !digits(&text, 2, &tm.tm_sec)))
        return 0;
    n = *text == '.' ? (int)strspn(text + 1, "0123456789") + 1 : 0;
    if (text[n] != '\0' && strcmp(text + n, "Z") != 0)
        return 0;
    *time = timegm(&tm);
    return 1;
}
