/* SPDX-License-Identifier: MIT */
/*
** A store being written: which file a row goes to, when it is flushed, and what happens when the
** clock or the disk does not play along.
*/
#include "store.h"
#include "clock.h"
#include "closer.h"
#include "format.h"
#include "hold.h"
#include "layout.h"
#include "list.h"
#include "merge.h"
#include "newfile.h"
#include "replaced.h"
#include "rewrite.h"
#include "sysid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FLUSH_MS = 1000,        /* rows are queryable at most this long after they were added */
    RETRY_MS = 1000,        /* between attempts to open a file that could not be opened */
    INDEX_MS = 15000,       /* a file was closed by then, and its directory rested */
    INDEX_AGAIN_MS = 60000, /* between indexes */
    INDEX_FILES = 24,       /* from so many on the end of a run makes an index as well */
    RETRY_CLOSE_MS = 30000, /* between attempts to close one that could not be closed */
    MAX_LATE = 8,           /* files of past intervals that wait for room on the disk */
};

/* A file whose interval is over but whose last rows are not on the disk yet. */
struct late {
    struct fvt_writer *writer;
    char *path;
};

struct fvt_store {
    char *dir;
    unsigned interval, layout;
    int lock;
    void (*warn)(void *arg, const char *text);
    void *warn_arg;
    void (*report)(void *arg, bool last);
    void *report_arg;
    struct fvt_writer *writer; /* NULL until the interval has its first row */
    bool started, reporting;
    int state;          /* FVT_* of the last attempt to write */
    bool displaced;     /* the store is gone, or somebody else's */
    int64_t now, start; /* the store's clock; begin of the current interval, ms */
    int64_t flushed;    /* monotonic ms of the last flush */
    int64_t failed;     /* monotonic ms of the last failure to open, 0: none */
    int64_t retried;    /* monotonic ms of the last attempt to close what failed */
    int64_t index_due;  /* monotonic ms, 0: the index is up to date, or soon */
    int64_t indexed;    /* monotonic ms of the last index */
    unsigned files;     /* that were closed */
    struct late late[MAX_LATE];
    unsigned nlate;
    char path[4096], day[4096]; /* the current file, and that of its day */
    struct fvt_error error;
    struct closer *closer;
    struct sysids sysids;
};

bool fvt_store_path(const char *dir, unsigned layout, int64_t start, unsigned interval, char *out,
                    size_t n) {
    char t[FLOW_TIME_TEXT];
    if (!layout_directory(layout, dir, start, out, n))
        return false;
    size_t k = strlen(out);
    flow_time_text(start, t);
    return snprintf(out + k, n - k, "/flows.%.4s%.2s%.2s%.2s%.2s%.*s.fvt", t, t + 5, t + 8, t + 11,
                    t + 14, interval % 60 ? 2 : 0, t + 17) < (int)(n - k);
}

static void warn_of(struct fvt_store *s, const char *text) {
    if (s->warn)
        s->warn(s->warn_arg, text);
}

static void pass_messages(struct fvt_store *s) {
    char *all = closer_messages(s->closer), *rest = all;
    for (char *line; rest && (line = strsep(&rest, "\n")) && *line;)
        warn_of(s, line);
    free(all);
}

/* ---- opening ---------------------------------------------------------------------------- */

/* mkdir -p of the directories of path, from octet skip on. */
static int make_parents(char *path, size_t skip) {
    for (char *p = strchr(path + skip, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        int rc = mkdir(path, 0755);
        *p = '/';
        if (rc != 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

/* The lock of the store that is at s->dir now, which must be there. */
static int take_lock(struct fvt_store *s, struct fvt_error *err) {
    char path[4096];
    snprintf(path, sizeof path, "%s/.lock", s->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        fvt_fail(err, "%s: %s", path, strerror(errno));
        return FVT_IO;
    }
    /* The kernel drops the lock of a dead process, so there is no stale one. */
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        fvt_fail(err, "%s: another program is writing to this store: stop it, or choose another",
                 s->dir);
        return FVT_IO;
    }
    if (s->lock >= 0)
        close(s->lock);
    s->lock = fd;
    sysids_free(&s->sysids);
    int rc = sysids_read(s->dir, &s->sysids);
    if (rc != FVT_OK)
        fvt_fail(err, "%s: out of memory", s->dir);
    return rc;
}

static int make_directory(const char *dir, struct fvt_error *err) {
    if (mkdir(dir, 0755) == 0 || errno == EEXIST)
        return FVT_OK;
    fvt_fail(err, "%s: %s", dir, strerror(errno));
    return FVT_IO;
}

int fvt_store_open(const char *dir, unsigned interval, void (*warn)(void *arg, const char *text),
                   void *arg, struct fvt_store **out, struct fvt_error *err) {
    if (interval < 1 || interval > 86400) {
        fvt_fail(err, "interval %u: give 1 to 86400 seconds", interval);
        return FVT_IO;
    }
    struct fvt_store *s = calloc(1, sizeof *s);
    if (!s) {
        fvt_fail(err, "%s: out of memory", dir);
        return FVT_NOMEM;
    }
    s->dir = strdup(dir);
    s->interval = interval;
    s->layout = LAYOUT_USUAL;
    s->warn = warn;
    s->warn_arg = arg;
    s->lock = -1;
    int rc = make_directory(dir, err);
    if (rc == FVT_OK && !s->dir) {
        fvt_fail(err, "%s: out of memory", dir);
        rc = FVT_NOMEM;
    }
    if (rc == FVT_OK)
        rc = take_lock(s, err);
    if (rc == FVT_OK && !(s->closer = closer_new())) {
        fvt_fail(err, "%s: no thread: %s", dir, strerror(errno));
        rc = FVT_NOMEM;
    }
    if (rc != FVT_OK) {
        if (s->lock >= 0)
            close(s->lock);
        sysids_free(&s->sysids);
        free(s->dir);
        free(s);
        return rc;
    }
    *out = s;
    return FVT_OK;
}

static bool is_live(const char *path) {
    struct fvt_file *file = NULL;
    bool live = fvt_open(path, &file, NULL) == FVT_OK && file->state == FVT_LIVE;
    fvt_file_free(file);
    return live;
}

/* Remove unfinished files, unless another program is merging: one of them may be the file that it
** makes, and it removes them itself. */
static void remove_unfinished(struct fvt_store *s) {
    char path[4096], **paths;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", s->dir, MERGE_LOCK);
    int merging = open(path, O_RDWR | O_CLOEXEC);
    if ((merging < 0 || flock(merging, LOCK_EX | LOCK_NB) == 0) &&
        list_files(s->dir, ".fvt" FVT_TMP_SUFFIX, &paths, &n, NULL) == FVT_OK) {
        for (size_t i = 0; i < n; i++)
            unlink(paths[i]);
        free(paths);
    }
    if (merging >= 0)
        close(merging);
}

/* Leftovers of a writer that died: unfinished temporary files go, live files of other intervals
** are closed. */
static void recover(struct fvt_store *s) {
    char **paths;
    size_t n;
    remove_unfinished(s);
    if (fvt_store_list(s->dir, &paths, &n, NULL) != FVT_OK)
        return;
    for (size_t i = 0; i < n; i++)
        if (strcmp(paths[i], s->path) != 0 && is_live(paths[i]))
            closer_close(s->closer, paths[i], NULL);
    free(paths);
}

/* ---- writing ---------------------------------------------------------------------------- */

static int note(struct fvt_store *s, int rc, const char *text) {
    if (rc != FVT_OK)
        fvt_fail(&s->error, "%s", text);
    return rc;
}

static int flush(struct fvt_store *s, bool last) {
    if (s->report && !s->reporting) {
        s->reporting = true; /* the caller's report adds to the file; it must not start another */
        s->report(s->report_arg, last);
        s->reporting = false;
    }
    s->flushed = monotonic_ms();
    if (!s->writer)
        return FVT_OK;
    int rc = fvt_writer_flush(s->writer, false);
    if (rc == FVT_OK && !last)
        closer_sync(s->closer, s->path);
    return note(s, rc, fvt_writer_message(s->writer));
}

static bool is_at(int fd, const char *path) {
    struct stat is, there;
    return fstat(fd, &is) == 0 && stat(path, &there) == 0 && is.st_dev == there.st_dev &&
           is.st_ino == there.st_ino;
}

bool fvt_store_in_place(const struct fvt_store *s) {
    char path[4096];
    snprintf(path, sizeof path, "%s/.lock", s->dir);
    return is_at(s->lock, path);
}

/* Give up the current file: what is written to it, nobody will see. */
static void drop_file(struct fvt_store *s) {
    char text[sizeof s->path + 128];
    snprintf(text, sizeof text, "%s: was removed: the flows in it are gone, others go to a new one",
             s->path);
    warn_of(s, text);
    fvt_writer_finish(s->writer);
    s->writer = NULL;
}

/* Directories and files may be removed, and the store put back, under the one who writes to it. A store
** that was put back is locked anew; it is not made: something may have to be mounted there. */
static int look_at_place(struct fvt_store *s) {
    int rc = FVT_OK;
    if (!fvt_store_in_place(s))
        rc = take_lock(s, &s->error);
    if (s->writer && (rc != FVT_OK || (access(s->path, F_OK) != 0 && errno == ENOENT)))
        drop_file(s);
    s->displaced = rc != FVT_OK;
    return rc;
}

/* Finish a late file, whether its rows could be written or not, and take it off the list. */
static int finish_late(struct fvt_store *s, unsigned i) {
    struct late late = s->late[i];
    memmove(&s->late[i], &s->late[i + 1], (--s->nlate - i) * sizeof late);
    struct kept kept;
    int rc = writer_finish(late.writer, &kept);
    closer_close(s->closer, late.path, &kept);
    free(late.path);
    return rc;
}

static void retry_late(struct fvt_store *s) {
    for (unsigned i = 0; i < s->nlate;)
        if (fvt_writer_flush(s->late[i].writer, false) == FVT_OK)
            finish_late(s, i);
        else
            i++;
}

/* Keep the writer until the disk takes its rows again. */
static void keep_late(struct fvt_store *s) {
    if (s->nlate == MAX_LATE) {
        warn_of(s, "rows that could not be written for many intervals are given up");
        finish_late(s, 0);
    }
    writer_forget(s->writer);
    s->late[s->nlate] = (struct late){s->writer, strdup(s->path)};
    if (s->late[s->nlate].path)
        s->nlate++;
    else
        fvt_writer_finish(s->writer);
}

static int finish_file(struct fvt_store *s) {
    int rc = s->started ? flush(s, true) : FVT_OK;
    if (!s->writer)
        return rc;
    if (rc == FVT_OK) {
        struct kept kept;
        rc = writer_finish(s->writer, &kept);
        closer_close(s->closer, s->path, &kept);
        s->files++;
    } else {
        keep_late(s);
    }
    s->writer = NULL;
    return rc;
}

/* The time to go by: one that falls back a little is taken for the latest seen, so that a file is
** not opened again for a few rows; one that falls back more than an interval was wrong before. */
static void set_clock(struct fvt_store *s, int64_t now) {
    int64_t length = (int64_t)s->interval * 1000;
    if (s->started && now < s->now && s->now - now > length) {
        char text[128], from[FLOW_TIME_TEXT], to[FLOW_TIME_TEXT];
        flow_time_text(s->now, from);
        flow_time_text(now, to);
        snprintf(text, sizeof text, "the clock went back from %s to %s", from, to);
        warn_of(s, text);
        s->now = now;
    } else if (!s->started || now > s->now) {
        s->now = now;
    }
}

/* NAME.fvt or NAME.K.fvt becomes NAME.N.fvt. */
static void number_path(struct fvt_store *s, unsigned n) {
    size_t length = (size_t)(base_name(s->path) - s->path) + strlen("flows.");
    length += strspn(s->path + length, "0123456789");
    snprintf(s->path + length, sizeof s->path - length, ".%u.fvt", n);
}

/* Begin of the interval that the clock is in, ms. */
static int64_t interval_of(const struct fvt_store *s) {
    int64_t length = (int64_t)s->interval * 1000;
    return s->now - ((s->now % length) + length) % length;
}

/* What comes next goes to the file of that interval. */
static void begin_interval(struct fvt_store *s) {
    s->start = interval_of(s);
    if (!fvt_store_path(s->dir, s->layout, s->start, s->interval, s->path, sizeof s->path) ||
        !layout_day(s->dir, s->path, s->day, sizeof s->day))
        *s->day = '\0'; /* the path is too long, or the time none that a name can say */
}

/* What is written from now on goes to a file of its own, whatever is there under the interval's name. */
static void next_file(struct fvt_store *s) {
    for (unsigned i = 1; access(s->path, F_OK) == 0; i++)
        number_path(s, i);
    s->index_due = monotonic_ms() + INDEX_MS;
}

int fvt_store_change(struct fvt_store *s, unsigned interval, unsigned layout) {
    int rc = s->started ? finish_file(s) : FVT_OK;
    s->interval = interval;
    s->layout = layout;
    if (s->started) {
        begin_interval(s);
        next_file(s);
    }
    return rc;
}

/* Once after each file, when its directory will rest. */
static void tick_index(struct fvt_store *s) {
    int64_t now = monotonic_ms();
    if (!s->index_due || now < s->index_due || (s->indexed && now - s->indexed < INDEX_AGAIN_MS))
        return;
    closer_index(s->closer, s->dir);
    s->indexed = now;
    s->index_due = 0;
}

int fvt_store_tick(struct fvt_store *s, int64_t now) {
    set_clock(s, now);
    int64_t start = interval_of(s);
    int rc = FVT_OK;
    bool due = monotonic_ms() - s->flushed >= FLUSH_MS;
    if (s->started && (due || start != s->start))
        rc = look_at_place(s);
    if (rc != FVT_OK) {
        s->flushed = monotonic_ms();
    } else if (!s->started || start != s->start) {
        rc = finish_file(s);
        begin_interval(s);
        if (!s->started)
            recover(s);
        s->started = true;
        s->index_due = monotonic_ms() + INDEX_MS;
    } else if (due) {
        retry_late(s);
        rc = flush(s, false);
    }
    if (due || rc != FVT_OK)
        s->state = rc;
    if (monotonic_ms() - s->retried >= RETRY_CLOSE_MS) {
        closer_retry(s->closer);
        s->retried = monotonic_ms();
    }
    tick_index(s);
    pass_messages(s);
    return s->state;
}

/* A name that a day's file has replaced is not used again, while or after what had it is there: late
** rows go to a file with a number behind. */
static void avoid_replaced(struct fvt_store *s) {
    struct fvt_file *day = NULL;
    if (access(s->day, F_OK) != 0 || fvt_open(s->day, &day, NULL) != FVT_OK)
        return;
    for (unsigned i = 1; replaced_name(day, base_name(s->path)); i++)
        number_path(s, i);
    fvt_file_free(day);
}

/* Open the file for more rows, at a moment when it is not being merged. */
static int open_file(struct fvt_store *s) {
    int lock = hold_day(s->day);
    avoid_replaced(s);
    closer_let_go(s->closer, s->path);
    int rc = writer_open(s->path, s->start, (int64_t)s->interval * 1000,
                         closer_group(s->closer, true), &s->writer, &s->error);
    if (lock >= 0)
        close(lock);
    return rc;
}

/* The writer of the current interval. */
static int open_writer(struct fvt_store *s) {
    if (s->writer)
        return FVT_OK;
    if (!s->started) {
        fvt_fail(&s->error, "%s: a row before the first tick", s->dir);
        return FVT_IO;
    }
    if (s->displaced || (s->failed && monotonic_ms() - s->failed < RETRY_MS))
        return FVT_IO;
    int rc = FVT_IO;
    for (unsigned i = 0; i < s->nlate; i++)
        if (strcmp(s->late[i].path, s->path) == 0)
            finish_late(s, i--);
    /* A directory that expiry finds empty may go before there is a file in it. */
    for (int tries = 0; rc == FVT_IO && tries < 2; tries++)
        if (*s->day == '\0')
            fvt_fail(&s->error, "%s: no file name for this time", s->dir);
        else if (make_parents(s->path, strlen(s->dir) + 1) != 0)
            fvt_fail(&s->error, "%s: %s", s->path, strerror(errno));
        else
            rc = open_file(s);
    s->failed = rc == FVT_OK ? 0 : monotonic_ms();
    return rc;
}

/* There are rows for a row group in memory: have them encoded, and go on in other memory if there is some. */
static void hand_over(struct fvt_store *s) {
    struct group *g = closer_group(s->closer, false);
    struct kept kept;
    if (g && writer_swap(s->writer, g, &kept))
        closer_encode(s->closer, s->path, &kept);
    else
        group_free(g);
}

int fvt_store_add(struct fvt_store *s, const struct flow_row *row) {
    int rc = s->writer ? FVT_OK : open_writer(s);
    if (rc != FVT_OK)
        return rc;
    if (writer_full(s->writer))
        hand_over(s);
    rc = fvt_writer_add(s->writer, row);
    return note(s, rc, fvt_writer_message(s->writer));
}

int fvt_store_add_rows(struct fvt_store *s, const struct flow_rows *rows, uint32_t *kept) {
    int rc = s->writer ? FVT_OK : open_writer(s);
    *kept = 0;
    if (rc != FVT_OK)
        return rc;
    if (writer_full(s->writer))
        hand_over(s);
    rc = fvt_writer_add_rows(s->writer, rows, kept);
    return note(s, rc, fvt_writer_message(s->writer));
}

void fvt_store_on_flush(struct fvt_store *s, void (*report)(void *arg, bool last), void *arg) {
    s->report = report;
    s->report_arg = arg;
}

void fvt_store_on_closed(struct fvt_store *s, void (*closed)(void *arg, const char *path),
                         void *arg) {
    closer_on_closed(s->closer, closed, arg);
}

int fvt_store_exporter(struct fvt_store *s, const struct fvt_exporter *e) {
    int rc = open_writer(s);
    if (rc == FVT_OK)
        rc = fvt_writer_exporter(s->writer, e);
    if (rc == FVT_OK)
        sysids_add(&s->sysids, s->dir, e); /* or the next time */
    return rc;
}

int fvt_store_socket(struct fvt_store *s, const struct fvt_socket *socket) {
    int rc = open_writer(s);
    return rc == FVT_OK ? fvt_writer_socket(s->writer, socket) : rc;
}

int fvt_store_interface(struct fvt_store *s, const struct fvt_interface *i) {
    int rc = open_writer(s);
    return rc == FVT_OK ? fvt_writer_interface(s->writer, i) : rc;
}

int fvt_store_option(struct fvt_store *s, const struct fvt_option *o) {
    int rc = open_writer(s);
    return rc == FVT_OK ? fvt_writer_option(s->writer, o) : rc;
}

int fvt_store_counters(struct fvt_store *s, const struct fvt_if_counters *c) {
    int rc = open_writer(s);
    return rc == FVT_OK ? fvt_writer_counters(s->writer, c) : rc;
}

struct fvt_store_state fvt_store_state(const struct fvt_store *s) {
    return (struct fvt_store_state){s->writer ? fvt_writer_octets(s->writer) : 0, s->nlate,
                                    closer_waiting(s->closer)};
}

int fvt_store_flush(struct fvt_store *s) {
    return flush(s, false);
}

const char *fvt_store_message(const struct fvt_store *s) {
    return s->error.text;
}

/* A run that reads a capture of days takes seconds: no index was due. */
static void index_at_end(struct fvt_store *s) {
    struct fvt_error err;
    bool fresh = s->files >= INDEX_FILES && !s->displaced;
    for (int i = 0; fresh && i < 2; i++) {
        if (fvt_index_update(s->dir, &fresh, &err) != FVT_OK) {
            warn_of(s, err.text);
            return;
        }
        if (fresh && i == 0)
            nanosleep(&(struct timespec){.tv_nsec = (FVT_INDEX_REST_MS + 20) * 1000000L}, NULL);
    }
}

int fvt_store_close(struct fvt_store *s) {
    int rc = finish_file(s);
    while (s->nlate > 0)
        if (finish_late(s, 0) != FVT_OK)
            rc = FVT_IO;
    closer_finish(s->closer);
    pass_messages(s);
    index_at_end(s);
    closer_free(s->closer);
    sysids_free(&s->sysids);
    close(s->lock);
    free(s->dir);
    free(s);
    return rc;
}
