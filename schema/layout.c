/* SPDX-License-Identifier: MIT */
/*
** The table of layouts, and finding out which one a path follows.
*/
#include "layout.h"
#include "replaced.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* For strftime(); the hour is a directory in the day's. */
static const struct layout {
    const char *day;
    bool hours;
} layouts[LAYOUTS] = {
    {"", false},          {"/%Y/%m/%d", false}, {"/%Y/%m/%d", true},
    {"/%Y/%W/%u", false}, {"/%Y/%W/%u", true},  {"/%Y/%j", false},
    {"/%Y/%j", true},     {"/%Y-%m-%d", false}, {"/%Y-%m-%d", true},
};

/* DIR and that of the day. */
static size_t day_directory(const struct layout *l, const char *dir, const struct tm *t, char *out,
                            size_t size) {
    size_t n = strlen(dir);
    if (n >= size)
        return 0;
    memcpy(out, dir, n + 1);
    size_t more = *l->day ? strftime(out + n, size - n, l->day, t) : 0;
    return *l->day && !more ? 0 : n + more;
}

bool layout_directory(unsigned layout, const char *dir, int64_t start, char *out, size_t size) {
    const struct layout *l = &layouts[layout];
    time_t seconds = (time_t)(start / 1000);
    struct tm t;
    size_t n = gmtime_r(&seconds, &t) ? day_directory(l, dir, &t, out, size) : 0;
    return n && (!l->hours || strftime(out + n, size - n, "/%H", &t));
}

/* The time that the digits of a name say. */
static bool time_of(const char *name, struct tm *out) {
    struct tm t = {0};
    if (sscanf(name, "flows.%4d%2d%2d%2d", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour) < 3)
        return false;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    *out = t;
    timegm(out); /* knows the day of the week and of the year */
    return out->tm_mon == t.tm_mon && out->tm_mday == t.tm_mday && out->tm_hour == t.tm_hour;
}

static bool is_layout(const struct layout *l, const char *dir, const char *path, const struct tm *t,
                      char *out, size_t size) {
    const char *name = base_name(path), *hour = name + strlen("flows.YYYYMMDD");
    size_t n = day_directory(l, dir, t, out, size), length = (size_t)(name - path);
    bool day = is_day_name(name);
    if (!n || strncmp(path, out, n) != 0 || path[n] != '/')
        return false;
    size_t below = l->hours && !day ? strlen("/HH/") : 1;
    if (length != n + below || (below > 1 && strncmp(path + n + 1, hour, 2) != 0))
        return false;
    return snprintf(out + n, size - n, "/%.14s.fvt", name) < (int)(size - n);
}

bool layout_day(const char *dir, const char *path, char *out, size_t size) {
    const char *name = base_name(path);
    struct tm t;
    bool found = false;
    if ((!is_interval_name(name) && !is_day_name(name)) || !time_of(name, &t))
        return false;
    for (unsigned i = 0; !found && i < LAYOUTS; i++)
        found = is_layout(&layouts[i], dir, path, &t, out, size);
    return found;
}

bool layout_is_name(const char *name) {
    size_t n = strlen(name);
    return n <= strlen("YYYY-MM-DD") && strspn(name, "0123456789-") == n;
}

bool layout_is_hour(const char *dir, const char *file) {
    const char *last = base_name(dir);
    return strlen(last) == 2 && is_interval_name(file) &&
           strncmp(file + strlen("flows.YYYYMMDD"), last, 2) == 0;
}
