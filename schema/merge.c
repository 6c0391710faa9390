/* SPDX-License-Identifier: MIT */
/*
** The order in which a day is merged: read the closed files into a new one beside them, sync it and
** read it back; with the day's directory locked against a writer, see that they are still what was
** read, and give the new file its name; then remove them, when no reader holds the store.
*/
#include "merge.h"
#include "hold.h"
#include "layout.h"
#include "newfile.h"
#include "replaced.h"
#include "rewrite.h"
#include "rollup.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum {
    WAIT_MS = 10000, /* for a moment in which nobody reads */
    TIDY_MS = 3000,  /* for a writer that starts and removes what was left unfinished */
};

#define DAY_MS (INT64_C(86400) * 1000)

struct merge {
    const char *dir;
    struct rollup_plan plan;
    const struct merge_calls *calls;
    struct merge_counts *counts;
};

/* One day. */
struct day {
    const char *path; /* of its file */
    char *const *sources;
    size_t nsources;
    struct fvt_file *old; /* its file up to now, or NULL */
    struct fvt_replaced *taken;
    size_t ntaken;
    bool undone;
};

static bool stopped(const struct merge *m) {
    return m->calls->stop && m->calls->stop(m->calls->arg);
}

static void leave(const struct merge *m, struct day *d, const char *text) {
    d->undone = true;
    if (m->calls->warn)
        m->calls->warn(m->calls->arg, text);
}

/* Begin of the day whose 8 digits these are, ms; INT64_MIN: there is no such day. */
static int64_t begin_of(const char *digits) {
    struct tm t = {0};
    if (sscanf(digits, "%4d%2d%2d", &t.tm_year, &t.tm_mon, &t.tm_mday) != 3 || t.tm_mon < 1 ||
        t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31)
        return INT64_MIN;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    return (int64_t)timegm(&t) * 1000;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* What a day's file must know before it begins: the end of the last interval, which may reach into
** the next day, and about how many rows there will be. */
static void survey(const struct day *d, int64_t start, int64_t *end, uint64_t *rows) {
    *end = start + DAY_MS;
    *rows = d->old ? d->old->rows : 0;
    if (d->old && d->old->start == start && d->old->start + d->old->length > *end)
        *end = d->old->start + d->old->length;
    for (size_t i = 0; i < d->nsources; i++) {
        struct fvt_file *f = NULL;
        if (fvt_open(d->sources[i], &f, NULL) != FVT_OK)
            continue;
        if (f->start >= start && f->start < start + DAY_MS && f->start + f->length > *end)
            *end = f->start + f->length;
        *rows += f->rows;
        fvt_file_free(f);
    }
}

/* Add one source. What cannot be merged is left where it is; negative only when all must fail. */
static int take_file(const struct merge *m, struct day *d, struct rewrite *r, const char *path) {
    struct fvt_file *file = NULL;
    struct fvt_error err = {{0}};
    struct fvt_replaced *id = &d->taken[d->ntaken];
    int rc = fvt_open(path, &file, &err);
    if (rc == FVT_OK && file->state == FVT_LIVE) {
        fvt_fail(&err, "%s: is being written to, and left as it is", path);
        rc = FVT_UNKNOWN;
    }
    if (rc == FVT_OK && !replaced_identify(file, id)) {
        fvt_fail(&err, "%s: cannot be read", path);
        rc = FVT_UNKNOWN;
    } else if (rc == FVT_OK) {
        rc = rewrite_add(r, file, &err);
        if (rc == FVT_OK && rewrite_replaces(r, id)) {
            d->ntaken++;
        } else if (rc == FVT_OK) {
            fvt_fail(&err, "%s: out of memory", path);
            rc = FVT_NOMEM;
        } else if (rc != FVT_UNKNOWN && rc != FVT_NOMEM) {
            rc = FVT_IO;
        }
    } else if (rc != FVT_NOMEM) {
        rc = FVT_UNKNOWN; /* of no use to anybody else either */
    }
    if (rc != FVT_OK)
        leave(m, d, err.text);
    fvt_file_free(file);
    return rc == FVT_UNKNOWN ? FVT_OK : rc;
}

static int take_files(const struct merge *m, struct day *d, struct rewrite *r) {
    struct fvt_error err = {{0}};
    int rc = d->old ? rewrite_add(r, d->old, &err) : FVT_OK;
    if (rc != FVT_OK)
        leave(m, d, err.text);
    for (size_t i = 0; rc == FVT_OK && i < d->nsources; i++)
        rc = stopped(m) ? FVT_IO : take_file(m, d, r, d->sources[i]);
    return rc;
}

/* ---- putting in place ------------------------------------------------------------------- */

/* Is every source what it was when it was read? A late row makes another file of it. */
static bool unchanged(const struct day *d) {
    for (size_t i = 0, k = 0; k < d->ntaken; i++)
        if (strcmp(base_name(d->sources[i]), d->taken[k].name) == 0 &&
            !replaced_still(&d->taken[k++], d->sources[i]))
            return false;
    return true;
}

static int publish(const struct merge *m, struct day *d, struct rewrite *r) {
    struct fvt_error err = {{0}};
    /* One who listed the day's old file and late ones must not open the new one in its place. */
    int store = d->old ? hold_alone(m->dir, WAIT_MS) : -1;
    if (d->old && store < 0) {
        fvt_fail(&err, "%s: the store is being read all the time: merge again later", d->path);
        leave(m, d, err.text);
        return FVT_IO;
    }
    int rc = FVT_IO, lock = hold_day(d->path);
    if (unchanged(d))
        rc = rewrite_publish(r, &err);
    else
        fvt_fail(&err, "%s: late flows came meanwhile: merge again later", d->path);
    if (lock >= 0)
        close(lock);
    if (store >= 0)
        close(store);
    int failed = rc == FVT_OK ? directory_sync(d->path) : 0;
    if (failed)
        fvt_fail(&err, "%s: %s", d->path, strerror(-failed));
    if (rc != FVT_OK || failed)
        leave(m, d, err.text);
    return failed ? FVT_IO : rc;
}

/* Where a file that the day's stands for may be: beside it, or in the directory of its hour. */
static bool place_of(const char *day, const char *name, bool hour, char *out, size_t size) {
    int n = (int)(base_name(day) - day);
    if (!is_interval_name(name))
        return false;
    return snprintf(out, size, "%.*s%.2s%s%s", n, day, hour ? name + strlen("flows.YYYYMMDD") : "",
                    hour ? "/" : "", name) < (int)size;
}

/* Remove what the day's file stands for. Files stay when somebody reads all the time; no reader
** takes them for anything else. */
static void remove_replaced(const struct merge *m, const char *path) {
    struct fvt_file *day = NULL;
    if (fvt_open(path, &day, NULL) != FVT_OK)
        return;
    int store = -1;
    for (uint32_t i = 0; i < 2 * day->nreplaced; i++) {
        const struct fvt_replaced *r = &day->replaced[i / 2];
        char name[4096];
        if (strchr(r->name, '/') || !place_of(path, r->name, i % 2, name, sizeof name) ||
            access(name, F_OK) != 0)
            continue;
        if (store < 0 && (store = hold_alone(m->dir, WAIT_MS)) < 0)
            break;
        if (!replaced_still(r, name) || unlink(name) != 0 || i % 2 == 0)
            continue;
        name[base_name(name) - name] = '\0';
        rmdir(name); /* when there is nothing else in it */
    }
    if (store >= 0)
        close(store);
    fvt_file_free(day);
}

/* ---- days ------------------------------------------------------------------------------- */

static int build(const struct merge *m, struct day *d) {
    struct fvt_error err = {{0}};
    int64_t start = begin_of(base_name(d->path) + strlen("flows."));
    int64_t end;
    uint64_t rows;
    survey(d, start, &end, &rows);
    struct rewrite *r = rewrite_new(d->path, FVT_CLOSED, GROUP_SMALLEST, start, end - start, &err);
    int rc = r ? FVT_OK : FVT_IO;
    if (rc == FVT_OK && m->plan.n)
        rc = rewrite_rollups(r, &m->plan, rows, &err);
    if (rc != FVT_OK)
        leave(m, d, err.text);
    if (rc == FVT_OK)
        rc = take_files(m, d, r);
    if (rc == FVT_OK && d->ntaken) {
        rc = rewrite_settle(r, &err);
        if (rc != FVT_OK)
            leave(m, d, err.text);
        else
            rc = publish(m, d, r);
        if (rc == FVT_OK) {
            m->counts->days++;
            m->counts->files += d->ntaken;
        }
    }
    rewrite_free(r);
    return rc;
}

static void merge_day(const struct merge *m, const char *path, char *const *sources, size_t n) {
    struct day d = {.path = path, .sources = sources, .nsources = n};
    struct fvt_error err = {{0}};
    d.taken = calloc(n + 1, sizeof *d.taken);
    if (!d.taken) {
        leave(m, &d, "out of memory");
    } else if (access(path, F_OK) == 0 && fvt_open(path, &d.old, &err) != FVT_OK) {
        leave(m, &d, err.text);
    } else {
        if (n == 0 || build(m, &d) == FVT_OK)
            remove_replaced(m, path);
    }
    m->counts->undone += d.undone;
    fvt_file_free(d.old);
    free(d.taken);
}

/* Of the files of one date, those whose day's file is the same: a store may have several layouts. */
static void merge_place(const struct merge *m, const char *day, char *const *paths, size_t n) {
    char **sources = calloc(n + 1, sizeof *sources), other[4096];
    struct day failed = {.path = day};
    size_t k = 0;
    if (!sources) {
        leave(m, &failed, "out of memory");
        m->counts->undone++;
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (!is_day_name(base_name(paths[i])) &&
            layout_day(m->dir, paths[i], other, sizeof other) && strcmp(day, other) == 0)
            sources[k++] = paths[i];
    merge_day(m, day, sources, k);
    free(sources);
}

static void merge_date(const struct merge *m, char *const *paths, size_t n) {
    char day[LAYOUTS][4096];
    unsigned known = 0;
    for (size_t i = 0; i < n && known < LAYOUTS && !stopped(m); i++) {
        unsigned k = 0;
        if (!layout_day(m->dir, paths[i], day[known], sizeof day[known]))
            continue;
        while (strcmp(day[k], day[known]) != 0)
            k++;
        if (k == known)
            merge_place(m, day[known++], paths, n);
    }
}

static void merge_days(const struct merge *m, char *const *paths, size_t n, int64_t before) {
    size_t k = strlen("flows.YYYYMMDD");
    for (size_t i = 0, end; i < n && !stopped(m); i = end) {
        const char *name = base_name(paths[i]);
        for (end = i + 1; end < n && strncmp(base_name(paths[end]), name, k) == 0;)
            end++;
        int64_t start = is_interval_name(name) || is_day_name(name)
                            ? begin_of(name + strlen("flows."))
                            : INT64_MIN;
        if (start != INT64_MIN && start + DAY_MS <= before)
            merge_date(m, paths + i, end - i);
    }
}

int merge_lock(const char *dir, struct fvt_error *err) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, MERGE_LOCK);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        fvt_fail(err, "%s: %s", path, strerror(errno));
    } else if (!lock_within(fd, LOCK_EX, TIDY_MS)) {
        fvt_fail(err,
                 "%s: another program is merging this store, or expires its files: let it finish",
                 dir);
        close(fd);
        fd = -1;
    }
    return fd;
}

int fvt_merge(const char *dir, const struct merge_options *options, const struct merge_calls *calls,
              struct merge_counts *counts, struct fvt_error *err) {
    struct merge m = {.dir = dir, .calls = calls, .counts = counts};
    char **paths = NULL;
    size_t n;
    *counts = (struct merge_counts){0};
    int rc = rollup_parse(options->rollups, &m.plan, err);
    if (rc != FVT_OK)
        return rc;
    int lock = merge_lock(dir, err);
    if (lock < 0)
        return FVT_IO;
    rc = fvt_store_list(dir, &paths, &n, err);
    if (rc == FVT_OK)
        merge_days(&m, paths, n, options->before);
    free(paths);
    close(lock);
    return rc;
}
