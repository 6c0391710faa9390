/* SPDX-License-Identifier: MIT */
/*
** A zone is a list of transitions. Behind the last one that the file has its rule (the footer, as POSIX has it in TZ)
** is spelled out for 400 years, after which the calendar repeats itself.
*/
#include "timezone.h"
#include "../schema/value.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_MAX_OCTETS = 64,
    FILE_MAX = 1 << 20, /* the largest there are have 4 kB */
    HEADER = 44,        /* RFC 8536, 3.1 */
    DAY = 86400,
    FARTHEST = 2 * DAY, /* more than any clock is off UTC */
    CYCLE_YEARS = 400,
};
#define CYCLE (INT64_C(146097) * DAY)

struct transition {
    int64_t at;     /* from here on, seconds since 1970 UTC */
    int32_t offset; /* seconds ahead of UTC */
};

struct timezone_info {
    struct transition *list; /* ascending; the first one is at INT64_MIN */
    size_t n, cap;
    bool repeats; /* the last 400 years, forever */
};

static bool append(struct timezone_info *z, int64_t at, int32_t offset) {
    if (z->n == z->cap) {
        size_t cap = z->cap ? 2 * z->cap : 256;
        struct transition *more = realloc(z->list, cap * sizeof *more);
        if (!more)
            return false;
        z->list = more;
        z->cap = cap;
    }
    z->list[z->n++] = (struct transition){at, offset};
    return true;
}

/* ---- the rule in the footer --------------------------------------------------------------- */

/* M10.5.0/3: when clocks change each year. */
struct change {
    enum { MONTH_RULE, JULIAN_RULE, DAY_RULE } kind;
    int month, week, day; /* Jn and n: the day alone */
    int32_t time;         /* seconds of that local day */
};

struct rule {
    int32_t standard, summer; /* ahead of UTC */
    bool changes;
    struct change to_summer, to_standard;
};

static bool read_number(const char **p, int32_t *out) {
    if (**p < '0' || **p > '9')
        return false;
    int32_t x = 0;
    for (; **p >= '0' && **p <= '9'; ++*p)
        if ((x = 10 * x + (**p - '0')) > 1000000)
            return false;
    *out = x;
    return true;
}

/* [+-]hh[:mm[:ss]] */
static bool read_time(const char **p, int32_t *out) {
    int32_t part, sum = 0, sign = **p == '-' ? -1 : 1;
    *p += **p == '-' || **p == '+';
    for (int32_t unit = 3600; unit; unit /= 60) {
        if (!read_number(p, &part) || part > 167)
            return false;
        sum += part * unit;
        if (**p != ':' || unit == 1)
            break;
        ++*p;
    }
    *out = sign * sum;
    return true;
}

static bool skip_name(const char **p) {
    const char *begin = *p;
    if (**p == '<') {
        *p = strchr(*p, '>');
        return *p && ++*p;
    }
    while ((**p >= 'a' && **p <= 'z') || (**p >= 'A' && **p <= 'Z'))
        ++*p;
    return *p > begin;
}

static bool read_change(const char **p, struct change *c) {
    int32_t month, week, day;
    if (*(*p)++ != ',')
        return false;
    if (**p == 'M') {
        ++*p;
        if (!read_number(p, &month) || *(*p)++ != '.' || !read_number(p, &week) || *(*p)++ != '.' ||
            !read_number(p, &day) || month < 1 || month > 12 || week < 1 || week > 5 || day > 6)
            return false;
        *c = (struct change){MONTH_RULE, month, week, day, 2 * 3600};
    } else {
        bool julian = **p == 'J';
        *p += julian;
        if (!read_number(p, &day) || day > 365 || (julian && day < 1))
            return false;
        *c = (struct change){julian ? JULIAN_RULE : DAY_RULE, 0, 0, day, 2 * 3600};
    }
    if (**p != '/')
        return true;
    ++*p;
    return read_time(p, &c->time);
}

/* What is ahead of UTC for us is behind local time there: the sign is the other way round. */
static bool read_rule(const char *p, struct rule *r) {
    if (!skip_name(&p) || !read_time(&p, &r->standard))
        return false;
    r->standard = -r->standard;
    r->summer = r->standard + 3600;
    r->changes = *p != '\0';
    if (!r->changes)
        return true;
    if (!skip_name(&p))
        return false;
    if (*p != ',') {
        if (!read_time(&p, &r->summer))
            return false;
        r->summer = -r->summer;
    }
    return read_change(&p, &r->to_summer) && read_change(&p, &r->to_standard) && *p == '\0';
}

/* Seconds since 1970 that local clocks show then, in a year. */
static int64_t change_in(const struct change *c, int year) {
    int64_t day = flow_days(year, 1, 1);
    if (c->kind == MONTH_RULE) {
        int64_t first = flow_days(year, c->month, 1);
        int64_t next =
            c->month == 12 ? flow_days(year + 1, 1, 1) : flow_days(year, c->month + 1, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970 began on a Thursday */
        day = first + (c->day - weekday + 7) % 7 + 7 * (c->week - 1);
        day -= day >= next ? 7 : 0;
    } else if (c->kind == JULIAN_RULE) { /* 29 February is not counted */
        bool leap = flow_days(year, 3, 1) - flow_days(year, 2, 28) == 2;
        day += c->day - 1 + (leap && c->day >= 60);
    } else {
        day += c->day;
    }
    return day * DAY + c->time;
}

static bool spell_out(struct timezone_info *z, const struct rule *r) {
    int64_t last = z->list[z->n - 1].at;
    if (!r->changes)
        return z->list[z->n - 1].offset == r->standard || append(z, last + 1, r->standard);
    int year = 1970, month, day;
    if (last > 0)
        flow_civil(last / DAY, &year, &month, &day);
    z->repeats = true;
    for (int end = year + CYCLE_YEARS + 1; year <= end; year++) {
        struct transition t[2] = {{change_in(&r->to_summer, year) - r->standard, r->summer},
                                  {change_in(&r->to_standard, year) - r->summer, r->standard}};
        bool swapped = t[1].at < t[0].at;
        for (int i = 0; i < 2; i++) {
            const struct transition *one = &t[swapped ? 1 - i : i];
            if (one->at > z->list[z->n - 1].at && !append(z, one->at, one->offset))
                return false;
        }
    }
    return true;
}

/* ---- the file ---------------------------------------------------------------------------- */

static uint64_t big_endian(const uint8_t *p, int octets) {
    uint64_t x = 0;
    for (int i = 0; i < octets; i++)
        x = x << 8 | p[i];
    return x;
}

struct part {
    uint32_t isut, isstd, leap, times, types, chars;
    size_t size; /* header included */
};

static bool read_part(const uint8_t *p, size_t n, int octets, struct part *out) {
    if (n < HEADER || memcmp(p, "TZif", 4) != 0)
        return false;
    uint32_t *const counts[] = {&out->isut,  &out->isstd, &out->leap,
                                &out->times, &out->types, &out->chars};
    for (int i = 0; i < 6; i++)
        if ((*counts[i] = (uint32_t)big_endian(p + 20 + 4 * i, 4)) > FILE_MAX)
            return false;
    size_t time = (size_t)octets;
    out->size = HEADER + out->times * (time + 1) + (size_t)out->types * 6 + out->chars +
                out->leap * (time + 4) + out->isstd + out->isut;
    return out->size <= n && out->types > 0;
}

static bool read_offset(const uint8_t *types, uint32_t n, uint32_t i, int32_t *out) {
    if (i >= n)
        return false;
    *out = (int32_t)(uint32_t)big_endian(types + (size_t)i * 6, 4);
    return *out > -FARTHEST && *out < FARTHEST;
}

/* The data of 64 bits, behind those of 32, and the footer. Files without them are older than 2005. */
static bool read_file(struct timezone_info *z, const uint8_t *p, size_t n) {
    struct part old, part;
    if (!read_part(p, n, 4, &old) || p[4] < '2' || !read_part(p + old.size, n - old.size, 8, &part))
        return false;
    p += old.size;
    n -= old.size;
    const uint8_t *times = p + HEADER, *index = times + (size_t)part.times * 8;
    const uint8_t *types = index + part.times;
    int32_t offset;
    if (!read_offset(types, part.types, 0, &offset) || !append(z, INT64_MIN, offset))
        return false;
    for (uint32_t i = 0; i < part.times; i++) {
        int64_t at = (int64_t)big_endian(times + (size_t)i * 8, 8);
        if (!read_offset(types, part.types, index[i], &offset) || at > FLOW_MS_MAX / 1000)
            return false;
        if (at <= z->list[z->n - 1].at) /* "before all times", in some files twice */
            z->list[z->n - 1].offset = offset;
        else if (!append(z, at, offset))
            return false;
    }
    char footer[128];
    size_t length = n - part.size;
    const char *text = (const char *)p + part.size;
    if (length < 2 || length > sizeof footer || text[0] != '\n' || text[length - 1] != '\n')
        return length == 0;
    memcpy(footer, text + 1, length - 2);
    footer[length - 2] = '\0';
    struct rule rule;
    return footer[0] == '\0' || (read_rule(footer, &rule) && spell_out(z, &rule));
}

/* Letters, digits, _ + - and single slashes, as IANA's names have: no way out of the directory. */
static bool is_name(const char *name, size_t n) {
    if (n == 0 || n > NAME_MAX_OCTETS || name[0] == '/' || name[n - 1] == '/')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/", name[i],
                    66) ||
            (name[i] == '/' && name[i + 1] == '/'))
            return false;
    return true;
}

struct timezone_info *timezone_open(const char *name, size_t n, char *err, size_t errn) {
    const char *dir = getenv("TZDIR");
    char path[4096];
    static const char usage[] = "give a name like 'Pacific/Auckland'";
    int shown = n < NAME_MAX_OCTETS ? (int)n : NAME_MAX_OCTETS;
    if (!is_name(name, n)) {
        snprintf(err, errn, "time zone '%.*s': no name of a time zone: %s", shown, name, usage);
        return NULL;
    }
    struct timezone_info *z = calloc(1, sizeof *z);
    uint8_t *octets = malloc(FILE_MAX);
    snprintf(path, sizeof path, "%s/%.*s", dir && *dir ? dir : "/usr/share/zoneinfo", (int)n, name);
    FILE *f = z && octets ? fopen(path, "rb") : NULL;
    if (f) {
        size_t size = fread(octets, 1, FILE_MAX, f);
        fclose(f);
        if (!read_file(z, octets, size)) {
            snprintf(err, errn, "time zone '%.*s': no time zone in %s: %s", shown, name, path,
                     usage);
            z->n = 0;
        }
    } else if (!z || !octets) {
        snprintf(err, errn, "out of memory");
    } else if (n != 3 || memcmp(name, "UTC", 3) != 0) {
        snprintf(err, errn, "time zone '%.*s': there is no %s: %s, and install tzdata", shown, name,
                 path, usage);
    } else if (!append(z, INT64_MIN, 0)) {
        snprintf(err, errn, "out of memory");
    }
    free(octets);
    if (z && z->n > 0)
        return z;
    timezone_free(z);
    return NULL;
}

void timezone_free(struct timezone_info *z) {
    if (z)
        free(z->list);
    free(z);
}

/* ---- asking ------------------------------------------------------------------------------ */

/* Seconds by which a time is beyond what is spelled out, in whole cycles. */
static int64_t beyond(const struct timezone_info *z, int64_t t) {
    if (!z->repeats)
        return 0;
    int64_t last = z->list[z->n - 1].at - FARTHEST;
    return t > last ? (t - last + CYCLE - 1) / CYCLE * CYCLE : 0;
}

/* The last transition at or before a time. */
static size_t transition_at(const struct timezone_info *z, int64_t utc) {
    size_t lo = 0, hi = z->n;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (z->list[mid].at <= utc)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

int32_t timezone_offset(const struct timezone_info *z, int64_t utc) {
    return z->list[transition_at(z, utc - beyond(z, utc))].offset;
}

int64_t timezone_utc(const struct timezone_info *z, int64_t local) {
    int64_t cycles = beyond(z, local + FARTHEST);
    local -= cycles;
    for (size_t i = transition_at(z, local - FARTHEST);; i++) {
        int64_t t = local - z->list[i].offset;
        t = t > z->list[i].at ? t : z->list[i].at;
        if (i + 1 == z->n || t < z->list[i + 1].at)
            return t + cycles;
    }
}
