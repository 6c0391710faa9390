/* SPDX-License-Identifier: MIT */
/*
** A queue of files with groups left. Threads that find none open the next file, each its own, and those
** that come too late for that wait for what the others find.
*/
#include "source.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Rows of a slice. */
enum { SLICE = 1 << 16 };

/* An open file, until its last group was given back. */
struct source_file {
    struct source_file *next;
    size_t number; /* in the snapshot */
    struct fvt_file *file;
    struct rollup_parts parts;
    int part; /* where the next group is */
    uint32_t group;
    uint32_t users;
};

/* A group that is being read. */
struct source_group {
    struct source_group *next;
    struct source_item item; /* as its first reader was given it */
    uint32_t given;          /* rows, from the first on */
    uint32_t readers;
};

struct scan_source {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    struct snapshot *snapshot;
    const struct rollup_request *request;
    size_t at;                 /* the next file of the snapshot */
    uint32_t opening;          /* threads that are at it */
    struct source_file *first; /* oldest first */
    struct source_group *groups;
    uint64_t files_done, bytes_done;
    uint64_t bytes; /* of all files, 0: not looked up */
};

struct scan_source *scan_source_new(struct snapshot *snapshot) {
    struct scan_source *q = calloc(1, sizeof *q);
    if (q) {
        q->snapshot = snapshot;
        pthread_mutex_init(&q->lock, NULL);
        pthread_cond_init(&q->opened, NULL);
    }
    return q;
}

void scan_source_ask(struct scan_source *q, const struct rollup_request *request) {
    q->request = request;
}

const struct overrides *source_overrides(const struct scan_source *q) {
    return q->snapshot->overrides;
}

int source_rows_before(struct scan_source *q, const struct source_item *item, uint64_t *rows,
                       struct fvt_error *err) {
    int rc = snapshot_rows_before(q->snapshot, item->place, rows, err);
    *rows += rc == FVT_OK ? item->group->first_row : 0;
    return rc;
}

static uint64_t size_of_all(const struct snapshot *s) {
    uint64_t size = 0;
    struct stat st;
    for (size_t i = 0; i < s->n; i++)
        size += stat(s->paths[i], &st) == 0 ? (uint64_t)st.st_size : 0;
    return size;
}

/* Only the thread that SQLite called counts, so that bytes needs no lock. */
void source_count(struct scan_source *q, struct source_count *out) {
    if (q->bytes == 0)
        q->bytes = size_of_all(q->snapshot);
    pthread_mutex_lock(&q->lock);
    *out = (struct source_count){q->files_done, q->snapshot->n, q->bytes_done, q->bytes};
    pthread_mutex_unlock(&q->lock);
    if (out->bytes_done > out->bytes) /* files that have gone, or grown */
        out->bytes_done = out->bytes;
}

static void count_done(struct scan_source *q, const struct source_file *f) {
    q->files_done++;
    q->bytes_done += f ? f->file->size : 0;
}

/* Without the lock, for there may be very many files. NULL is fine. */
static void drop(struct scan_source *q, struct source_file *f) {
    if (!f)
        return;
    rollup_parts_free(&f->parts);
    snapshot_release(q->snapshot, f->number);
    free(f);
}

void scan_source_free(struct scan_source *q) {
    if (!q)
        return;
    for (struct source_file *next, *f = q->first; f; f = next) {
        next = f->next;
        drop(q, f);
    }
    for (struct source_group *next, *g = q->groups; g; g = next) {
        next = g->next;
        free(g);
    }
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->opened);
    free(q);
}

static bool has_more(struct source_file *f) {
    while (f->part < f->parts.n && f->group >= f->parts.part[f->part].n) {
        f->part++;
        f->group = 0;
    }
    return f->part < f->parts.n;
}

/* One reader less. What none has read of a group is not wanted: who gives it back has found that out. */
static void leave_group(struct scan_source *q, struct source_group *group) {
    group->given = group->item.group->rows;
    if (--group->readers > 0)
        return;
    struct source_group **at = &q->groups;
    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    free(group);
}

/* The file that nobody needs any more, to be dropped; NULL: none. */
static struct source_file *give_back(struct scan_source *q, struct source_item *item) {
    struct source_file *f = item->held;
    if (item->shared)
        leave_group(q, item->shared);
    memset(item, 0, sizeof *item);
    if (!f || --f->users > 0 || has_more(f))
        return NULL;
    struct source_file **at = &q->first;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    count_done(q, f);
    return f;
}

void source_reject(struct scan_source *q, const struct source_item *item) {
    pthread_mutex_lock(&q->lock);
    rollup_parts_reject(&item->held->parts, item->file, &item->window, item->sides);
    pthread_cond_broadcast(&q->opened);
    pthread_mutex_unlock(&q->lock);
}

void source_give_back(struct scan_source *q, struct source_item *item) {
    pthread_mutex_lock(&q->lock);
    struct source_file *done = give_back(q, item);
    pthread_mutex_unlock(&q->lock);
    drop(q, done);
}

static bool take_slice(struct source_item *item) {
    struct source_group *g = item->shared;
    uint32_t rows = item->group->rows;
    if (g->given >= rows)
        return false;
    item->first = g->given;
    item->end = g->given = rows - g->given < SLICE ? rows : g->given + SLICE;
    return true;
}

bool source_slice(struct scan_source *q, struct source_item *item) {
    if (item->end >= item->group->rows)
        return false;
    pthread_mutex_lock(&q->lock);
    bool more = take_slice(item);
    pthread_mutex_unlock(&q->lock);
    return more;
}

/* Let others know of a group; without memory it stays one reader's. So does that of a roll-up: who finds it
** damaged rejects it for all. */
static void share(struct scan_source *q, struct source_item *item) {
    item->end = item->group->rows;
    bool large = !item->totals && item->group->rows > SLICE;
    struct source_group *g = large ? malloc(sizeof *g) : NULL;
    if (!g)
        return;
    *g = (struct source_group){q->groups, *item, 0, 1};
    q->groups = g;
    item->shared = g;
    take_slice(item);
}

/* Help with a group. Its columns are loaded once more for that, which takes a third of the time of a plain
** question, so more than half of it must be left. */
static bool help(struct scan_source *q, struct source_item *item) {
    struct source_group *g = q->groups;
    while (g && g->given >= g->item.group->rows / 2)
        g = g->next;
    if (!g)
        return false;
    *item = g->item;
    item->shared = g;
    item->held->users++;
    g->readers++;
    return take_slice(item);
}

/* The next group of the files that are open. */
static bool take(struct scan_source *q, struct source_item *item) {
    struct source_file *f = q->first;
    while (f && !has_more(f))
        f = f->next;
    if (!f)
        return false;
    const struct rollup_part *p = &f->parts.part[f->part];
    *item = (struct source_item){.held = f,
                                 .file = f->file,
                                 .group = &p->groups[f->group],
                                 .place = f->number,
                                 .window = p->window,
                                 .number = f->group,
                                 .sides = p->sides,
                                 .totals = p->totals};
    f->group++;
    f->users++;
    share(q, item);
    return true;
}

/* Open a file of the snapshot; *out is NULL when it has gone. */
static int open_file(struct scan_source *q, size_t number, struct source_file **out,
                     struct fvt_error *err) {
    struct source_file *f = calloc(1, sizeof *f);
    *out = NULL;
    if (!f) {
        strcpy(err->text, "out of memory");
        return FVT_NOMEM;
    }
    f->number = number;
    int rc = snapshot_open(q->snapshot, number, &f->file, err);
    if (rc != FVT_OK || !f->file) {
        free(f);
        return rc;
    }
    bool resampled = q->request && overrides_touch_file(source_overrides(q), f->file);
    rollup_parts_make(resampled ? NULL : q->request, f->file, &f->parts);
    *out = f;
    return FVT_OK;
}

/* Open the next file of the snapshot, without holding the lock meanwhile. */
static int open_next(struct scan_source *q, struct fvt_error *err) {
    size_t number = q->at++;
    struct source_file *f;
    q->opening++;
    pthread_mutex_unlock(&q->lock);
    int rc = open_file(q, number, &f, err);
    bool more = f && has_more(f);
    pthread_mutex_lock(&q->lock);
    q->opening--;
    pthread_cond_broadcast(&q->opened);
    if (!more) {
        count_done(q, f);
        pthread_mutex_unlock(&q->lock);
        drop(q, f);
        pthread_mutex_lock(&q->lock);
    } else {
        struct source_file **at = &q->first;
        while (*at && (*at)->number < number)
            at = &(*at)->next;
        f->next = *at;
        *at = f;
    }
    return rc;
}

int source_next(struct scan_source *q, struct source_item *item, struct fvt_error *err) {
    int rc = FVT_OK;
    pthread_mutex_lock(&q->lock);
    struct source_file *done = give_back(q, item);
    bool found = take(q, item);
    while (rc == FVT_OK && !found && (q->at < q->snapshot->n || q->opening > 0)) {
        if (q->at < q->snapshot->n)
            rc = open_next(q, err);
        else
            pthread_cond_wait(&q->opened, &q->lock);
        found = rc == FVT_OK && take(q, item);
    }
    if (rc == FVT_OK && !found)
        found = help(q, item);
    pthread_mutex_unlock(&q->lock);
    drop(q, done);
    return rc != FVT_OK ? rc : found;
}
