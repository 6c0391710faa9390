/* SPDX-License-Identifier: MIT */
/*
** Reads limits and keeps a store to them; what goes is chosen in schema/expire.c.
*/
#include "expire.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "schema/clock.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

enum { EVERY_S = 60, EVERY_CALM_S = 3600 };

const struct expire_limits expire_defaults = {.free_percent = 5, .share = 50, .keep = DAY_MS};

/* ---- limits as text --------------------------------------------------------------------- */

struct unit {
    const char *name;
    uint64_t factor;
};
static const struct unit sizes[] = {{"", 1},
                                    {"K", UINT64_C(1) << 10},
                                    {"M", UINT64_C(1) << 20},
                                    {"G", UINT64_C(1) << 30},
                                    {"T", UINT64_C(1) << 40},
                                    {NULL, 0}};
static const struct unit times[] = {{"w", 7 * DAY_MS}, {"h", HOUR_MS}, {"d", DAY_MS}, {NULL, 0}};
static const struct unit *const said_times = times + 1; /* 14d, not 2w */

/* A whole number and a unit; at most INT64_MAX. */
static bool quantity(const char *text, const struct unit *units, uint64_t *out) {
    char *end;
    unsigned long long v = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9')
        return false;
    for (; units->name; units++)
        if (strcmp(end, units->name) == 0) {
            *out = v * units->factor;
            return v <= INT64_MAX / units->factor;
        }
    return false;
}

static bool percent(const char *text, unsigned *out) {
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    *out = (unsigned)v;
    return *text >= '0' && *text <= '9' && strcmp(end, "%") == 0 && v <= 99;
}

static bool take_limit(struct expire_limits *l, const char *name, const char *value) {
    uint64_t v = 0;
    bool good;
    if (strcmp(name, "size") == 0) {
        good = quantity(value, sizes, &l->size);
    } else if (strcmp(name, "free") == 0) {
        l->free = l->free_percent = 0;
        good = percent(value, &l->free_percent) || quantity(value, sizes, &l->free);
        l->free_percent = good && l->free ? 0 : l->free_percent;
    } else if (strcmp(name, "share") == 0) {
        good = percent(value, &l->share);
    } else {
        good = quantity(value, times, &v);
        if (strcmp(name, "age") == 0)
            l->age = (int64_t)v;
        else if (strcmp(name, "keep") == 0)
            l->keep = (int64_t)v;
        else
            good = false;
    }
    return good;
}

bool expire_parse(const char *text, struct expire_limits *out, char *message, size_t size) {
    char copy[256], *rest = copy, *part;
    *out = expire_defaults;
    if (strcmp(text, "none") == 0) {
        *out = (struct expire_limits){0};
        return true;
    }
    bool good = strlen(text) < sizeof copy;
    strcpy(copy, good ? text : "");
    /* Who asks for room gets it, unless he says how much others may take. */
    if (strstr(text, "free=") && !strstr(text, "share="))
        out->share = 0;
    while (good && (part = strsep(&rest, ","))) {
        char *value = strchr(part, '=');
        if (value)
            *value++ = '\0';
        good = value && take_limit(out, part, value);
    }
    if (!good)
        snprintf(
            message, size,
            "'%s' are no limits: write none or as in size=500G,age=90d,free=5%%,share=50%%,keep=1d",
            text);
    return good;
}

static void describe(char *out, size_t size, const char *name, uint64_t v,
                     const struct unit *units) {
    size_t n = strlen(out);
    const struct unit *best = units;
    for (const struct unit *u = units; u->name; u++)
        if (v % u->factor == 0 && u->factor > best->factor)
            best = u;
    snprintf(out + n, size - n, "%s%s=%" PRIu64 "%s", n ? "," : "", name, v / best->factor,
             best->name);
}

/* As expire_parse() takes them. */
static void expire_describe(const struct expire_limits *l, char *out, size_t size) {
    *out = '\0';
    if (l->size)
        describe(out, size, "size", l->size, sizes);
    if (l->age)
        describe(out, size, "age", (uint64_t)l->age, said_times);
    if (l->free)
        describe(out, size, "free", l->free, sizes);
    if (l->free_percent)
        snprintf(out + strlen(out), size - strlen(out), "%sfree=%u%%", *out ? "," : "",
                 l->free_percent);
    if (l->share && (l->free || l->free_percent))
        snprintf(out + strlen(out), size - strlen(out), ",share=%u%%", l->share);
    if (!*out)
        snprintf(out, size, "none");
    else if (l->size || l->free || l->free_percent)
        describe(out, size, "keep", (uint64_t)l->keep, said_times);
}

/* ---- once ------------------------------------------------------------------------------- */

static void say_removed(void *arg, const char *path, uint64_t octets) {
    const bool *dry_run = arg;
    log_line("%s: %s, %" PRIu64 " octets", path, *dry_run ? "would be removed" : "removed", octets);
}

static void say(void *arg, const char *text) {
    (void)arg;
    log_line("%s", text);
}

static void say_counts(const char *store, const struct expire_counts *n, bool dry_run) {
    log_line("%s: %" PRIu64 " files %s, %" PRIu64 " octets; %" PRIu64 " files are left, %" PRIu64
             " octets",
             store, n->files, dry_run ? "would be removed" : "removed", n->octets, n->left_files,
             n->left_octets);
}

static void say_excess(const char *store, const struct expire_counts *n) {
    if (n->excess)
        log_line("%s: there are %" PRIu64
                 " octets more than the limits allow, but the files are too young or in use",
                 store, n->excess);
    if (n->others)
        log_line("%s: %" PRIu64
                 " octets are missing of the room that is to be left, but it is others that fill "
                 "the disk: flows do not go for them",
                 store, n->others);
}

static void say_limits(const char *store, const struct expire_limits *limits) {
    char text[256];
    expire_describe(limits, text, sizeof text);
    log_line("%s: limits: %s", store, text);
}

int expire_once(const char *store, const struct expire_limits *limits, bool dry_run) {
    const struct expire_calls calls = {say_removed, say, &dry_run};
    struct expire_counts n;
    struct fvt_error error = {{0}};
    say_limits(store, limits);
    if (fvt_expire(store, limits, now_ms(), dry_run, &calls, &n, &error) != FVT_OK) {
        log_line("%s", error.text);
        return 1;
    }
    say_counts(store, &n, dry_run);
    say_excess(store, &n);
    return 0;
}

/* ---- all the time ----------------------------------------------------------------------- */

struct expire_thread {
    pthread_t thread;
    const char *store;
    pthread_mutex_t lock; /* of the next six */
    pthread_cond_t wake;
    bool stop, changed;
    struct expire_limits limits;
    uint64_t files, octets; /* removed so far */
    int64_t complained;     /* ms, so that what cannot be helped is not said every minute */
};

static bool any(const struct expire_limits *l) {
    return l->size || l->age || l->free || l->free_percent;
}

static void round_of(struct expire_thread *t, const struct expire_limits *limits) {
    struct expire_counts n;
    struct fvt_error error = {{0}};
    int64_t now = now_ms();
    bool quiet = t->complained && now >= t->complained && now - t->complained < EVERY_CALM_S * 1000;
    const struct expire_calls calls = {NULL, quiet ? NULL : say, NULL};
    int rc = fvt_expire(t->store, limits, now, false, &calls, &n, &error);
    if (rc != FVT_OK && !quiet)
        log_line("%s", error.text);
    if (rc == FVT_OK && n.files)
        say_counts(t->store, &n, false);
    pthread_mutex_lock(&t->lock);
    t->files += n.files;
    t->octets += n.octets;
    pthread_mutex_unlock(&t->lock);
    if (rc == FVT_OK && !quiet)
        say_excess(t->store, &n);
    if ((rc != FVT_OK || n.excess || n.others) && !quiet)
        t->complained = now;
}

static void *run(void *arg) {
    struct expire_thread *t = arg;
    struct timespec until;
    pthread_mutex_lock(&t->lock);
    while (!t->stop) {
        const struct expire_limits limits = t->limits;
        t->changed = false;
        pthread_mutex_unlock(&t->lock);
        if (any(&limits))
            round_of(t, &limits);
        pthread_mutex_lock(&t->lock);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += EVERY_S;
        while (!t->stop && !t->changed && pthread_cond_timedwait(&t->wake, &t->lock, &until) == 0)
            ;
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

struct expire_thread *expire_start(const char *store, const struct expire_limits *limits) {
    say_limits(store, limits);
    if (!any(limits))
        return NULL;
    struct expire_thread *t = calloc(1, sizeof *t);
    if (!t) {
        log_line("%s: out of memory: nothing expires", store);
        return NULL;
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->wake, &attr);
    pthread_condattr_destroy(&attr);
    t->store = store;
    t->limits = *limits;
    int failed = pthread_create(&t->thread, NULL, run, t);
    if (!failed)
        return t;
    log_line("%s: no thread: %s: nothing expires", store, strerror(failed));
    free(t);
    return NULL;
}

struct expire_thread *expire_change(struct expire_thread *t, const char *store,
                                    const struct expire_limits *limits) {
    if (!t)
        return expire_start(store, limits);
    say_limits(store, limits);
    pthread_mutex_lock(&t->lock);
    t->limits = *limits;
    t->changed = true;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
    return t;
}

void expire_removed(struct expire_thread *t, uint64_t *files, uint64_t *octets) {
    *files = *octets = 0;
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    *files = t->files;
    *octets = t->octets;
    pthread_mutex_unlock(&t->lock);
}

void expire_stop(struct expire_thread *t) {
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->wake);
    free(t);
}
