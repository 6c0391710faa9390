/* SPDX-License-Identifier: MIT */
/*
** What goes is settled file by file, the oldest first, with the day's directory locked against a
** writer and the store held against readers. A day's file goes after those that it has replaced: they
** would be taken for files in their own right without it.
*/
#include "expire.h"
#include "clock.h"
#include "hold.h"
#include "layout.h"
#include "list.h"
#include "merge.h"
#include "replaced.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
    WAIT_MS = 10000, /* for a moment in which nobody reads */
    HOLD_MS = 200,   /* that readers have to wait at most */
};

struct entry {
    char *path;
    char *day;     /* path of its day's file */
    uint64_t size; /* octets */
    uint64_t room; /* that they take on the disk */
    bool gone;
};

struct expiry {
    const char *dir;
    const struct expire_limits *limits;
    const struct expire_calls *calls;
    struct expire_counts *counts;
    int64_t now;
    bool dry_run;
    struct entry *entries; /* oldest first */
    size_t n, cap;
    uint64_t size;       /* octets of all that are there */
    uint64_t freed, due; /* octets of room made, and needed */
    int held;            /* the store, -1: not */
    int64_t held_since;  /* monotonic ms */
};

static void warn_of(const struct expiry *x, const char *text) {
    if (x->calls->warn)
        x->calls->warn(x->calls->arg, text);
}

/* ---- what there is ---------------------------------------------------------------------- */

/* What is where no layout puts it is somebody else's. */
static int add_entry(struct expiry *x, const char *dir, const char *name) {
    char path[4096], day[4096];
    struct stat st;
    if (!path_join(path, sizeof path, dir, name) || !layout_day(x->dir, path, day, sizeof day) ||
        lstat(path, &st) != 0)
        return 0;
    if (x->n == x->cap) {
        size_t cap = x->cap ? 2 * x->cap : 256;
        struct entry *grown = realloc(x->entries, cap * sizeof *grown);
        if (!grown)
            return ENOMEM;
        x->entries = grown;
        x->cap = cap;
    }
    struct entry e = {strdup(path), strdup(day), (uint64_t)st.st_size, (uint64_t)st.st_blocks * 512,
                      false};
    if (!e.path || !e.day) {
        free(e.path);
        free(e.day);
        return ENOMEM;
    }
    x->entries[x->n++] = e;
    x->size += e.size;
    return 0;
}

/* Returns 0 or an errno. */
static int collect(struct expiry *x, const char *dir, unsigned depth) {
    struct listing files = {0}, dirs = {0};
    int failed = list_entries(dir, ".fvt", &files, &dirs);
    if (failed == ENOENT && depth)
        failed = 0;
    for (size_t i = 0; !failed && i < files.n; i++)
        failed = add_entry(x, dir, files.names[i]);
    for (size_t i = 0; !failed && depth < LAYOUT_DEPTH && i < dirs.n; i++) {
        char path[4096];
        if (layout_is_name(dirs.names[i]) && path_join(path, sizeof path, dir, dirs.names[i]))
            failed = collect(x, path, depth + 1);
    }
    listing_free(&files);
    listing_free(&dirs);
    return failed;
}

/* Names sort by time, a day's before those of its intervals. */
static int by_name(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    int order = strcmp(base_name(x->path), base_name(y->path));
    return order ? order : strcmp(x->path, y->path);
}

/* ---- what goes -------------------------------------------------------------------------- */

static uint64_t beyond(uint64_t is, uint64_t limit) {
    return is > limit ? is - limit : 0;
}

/* Octets that must go for the size or for room on the disk. */
static uint64_t excess(const struct expiry *x) {
    uint64_t size = x->limits->size ? beyond(x->size, x->limits->size) : 0;
    uint64_t room = beyond(x->due, x->freed);
    return size > room ? size : room;
}

/* Octets that may go until the files take no more than their share of those that are in use then. */
static uint64_t room_for_share(const struct expiry *x, uint64_t used) {
    uint64_t room = 0, share = x->limits->share;
    for (size_t i = 0; i < x->n; i++)
        room += x->entries[i].room;
    return beyond(room, used / 100 * share) / (100 - share) * 100;
}

/* What a file system frees may be free only later: it is asked once. */
static int need_room(struct expiry *x, struct fvt_error *err) {
    struct statvfs fs;
    const struct expire_limits *l = x->limits;
    if (!l->free && !l->free_percent)
        return FVT_OK;
    if (statvfs(x->dir, &fs) != 0) {
        fvt_fail(err, "%s: %s", x->dir, strerror(errno));
        return FVT_IO;
    }
    uint64_t unit = fs.f_frsize, have = fs.f_bavail * unit;
    uint64_t want = fs.f_blocks / 100 * unit * l->free_percent;
    x->due = beyond(want > l->free ? want : l->free, have);
    uint64_t most = x->due;
    if (l->share)
        most = room_for_share(x, (fs.f_blocks - fs.f_bfree) * unit);
    if (x->due > most) {
        x->counts->others = x->due - most;
        x->due = most;
    }
    return FVT_OK;
}

static bool is_due(const struct expiry *x, const struct fvt_file *file) {
    int64_t end, age;
    if (__builtin_add_overflow(file->start, file->length, &end) ||
        __builtin_sub_overflow(x->now, end, &age))
        return false;
    return (x->limits->age && age >= x->limits->age) || (excess(x) && age >= x->limits->keep);
}

/* ---- removing --------------------------------------------------------------------------- */

static void release(struct expiry *x) {
    if (x->held >= 0)
        close(x->held);
    x->held = -1;
}

/* No reader may have listed what goes. */
static bool hold(struct expiry *x) {
    if (x->held >= 0 && monotonic_ms() - x->held_since > HOLD_MS)
        release(x);
    if (x->held < 0)
        x->held = hold_alone(x->dir, WAIT_MS);
    else
        return true;
    x->held_since = monotonic_ms();
    return x->held >= 0;
}

static bool take_away(struct expiry *x, struct entry *e) {
    if (!x->dry_run && unlink(e->path) != 0 && errno != ENOENT) {
        char text[4200];
        snprintf(text, sizeof text, "%s: %s", e->path, strerror(errno));
        warn_of(x, text);
        return false;
    }
    e->gone = true;
    x->size -= e->size;
    x->freed += e->room;
    x->counts->files++;
    x->counts->octets += e->size;
    if (x->calls->removed)
        x->calls->removed(x->calls->arg, e->path, e->size);
    return true;
}

static bool take_replaced(struct expiry *x, size_t i, const struct fvt_file *day) {
    const char *name = base_name(day->path);
    size_t k = strlen("flows.YYYYMMDD");
    bool good = true;
    for (size_t j = i + 1; j < x->n; j++) {
        struct entry *e = &x->entries[j];
        if (strncmp(base_name(e->path), name, k) != 0)
            break;
        if (!e->gone && strcmp(e->day, day->path) == 0 && replaced_is(day, e->path))
            good &= take_away(x, e);
    }
    return good;
}

/* The directories of the file at path that have nothing in them any more. */
static void remove_empty(const struct expiry *x, const char *path) {
    char dir[4096];
    snprintf(dir, sizeof dir, "%s", path);
    for (;;) {
        char *slash = strrchr(dir, '/');
        *slash = '\0';
        if (strlen(dir) <= strlen(x->dir) || rmdir(dir) != 0)
            break;
    }
}

/* With the day locked. Returns whether later files are to be looked at. */
static bool settle(struct expiry *x, size_t i) {
    struct entry *e = &x->entries[i];
    struct fvt_file *file = NULL;
    struct fvt_error error = {{0}};
    bool go_on = true;
    int rc = fvt_open(e->path, &file, &error);
    if (rc != FVT_OK && access(e->path, F_OK) == 0) {
        /* It may be somebody else's. */
        if (excess(x))
            warn_of(x, error.text);
    } else if (rc == FVT_OK && file->state != FVT_LIVE) {
        go_on = is_due(x, file);
        if (go_on && take_replaced(x, i, file))
            take_away(x, e);
    }
    fvt_file_free(file);
    return go_on;
}

/* Returns whether later files are to be looked at. */
static bool settle_locked(struct expiry *x, size_t i) {
    struct entry *e = &x->entries[i];
    if (e->gone)
        return true;
    if (!x->dry_run && !hold(x)) {
        char text[4200];
        snprintf(text, sizeof text, "%s: the store is being read all the time: nothing expires",
                 x->dir);
        warn_of(x, text);
        return false;
    }
    int day = x->dry_run ? -1 : hold_day(e->day);
    bool go_on = settle(x, i);
    if (day >= 0)
        close(day);
    if (e->gone && !x->dry_run)
        remove_empty(x, e->path);
    return go_on;
}

int fvt_expire(const char *dir, const struct expire_limits *limits, int64_t now, bool dry_run,
               const struct expire_calls *calls, struct expire_counts *counts,
               struct fvt_error *err) {
    struct expiry x = {.dir = dir,
                       .limits = limits,
                       .calls = calls,
                       .counts = counts,
                       .now = now,
                       .dry_run = dry_run,
                       .held = -1};
    *counts = (struct expire_counts){0};
    /* A merge reads what would go, and makes new files of it. */
    int lock = dry_run ? -1 : merge_lock(dir, err);
    if (!dry_run && lock < 0)
        return FVT_IO;
    int failed = collect(&x, dir, 0);
    if (x.n > 1)
        qsort(x.entries, x.n, sizeof *x.entries, by_name);
    if (failed)
        fvt_fail(err, "%s: %s", dir, strerror(failed));
    int rc = failed ? (failed == ENOMEM ? FVT_NOMEM : FVT_IO) : need_room(&x, err);
    for (size_t i = 0; rc == FVT_OK && (limits->age || excess(&x)) && i < x.n; i++)
        if (!settle_locked(&x, i))
            break;
    release(&x);
    counts->left_files = x.n - counts->files;
    counts->left_octets = x.size;
    counts->excess = excess(&x);
    for (size_t i = 0; i < x.n; i++) {
        free(x.entries[i].path);
        free(x.entries[i].day);
    }
    free(x.entries);
    if (lock >= 0)
        close(lock);
    return rc;
}
