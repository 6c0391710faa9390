/* SPDX-License-Identifier: MIT */
/*
** Writing a live file: append and publish. What has been appended is never touched again, so a
** reader needs no lock and a crash no repair: whatever is whole counts.
*/
#include "counters.h"
#include "meta.h"
#include "newfile.h"
#include "option.h"
#include "rewrite.h"
#include "statistics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Octets of blocks that may wait for a disk that does not take them. Then the rows of one more group
** are kept, and after that rows are refused. */
enum { MAX_PENDING = 16 << 20 };

struct fvt_writer {
    char *path;
    int fd;
    uint64_t end; /* of the whole blocks on disk */
    struct group
        *group; /* of rows whose blocks lie from octet from on, and of those that have none yet */
    uint64_t from;
    struct fvt_buffer pending;        /* blocks not on disk yet */
    struct fvt_buffer meta;           /* records not in a block yet */
    struct fvt_if_counters *counters; /* likewise */
    uint32_t ncounters;
    struct fvt_error error;
};

void file_begin(struct fvt_buffer *out, enum fvt_state state, int64_t start, int64_t length) {
    fvt_put(out, FVT_FILE_MAGIC, 8);
    fvt_put_int(out, FVT_VERSION, 2);
    fvt_put_int(out, state == FVT_CLOSED, 2);
    fvt_put_zeros(out, 4);
    fvt_put_int(out, (uint64_t)start, 8);
    fvt_put_int(out, (uint64_t)length, 8);
    fvt_put_zeros(out, FVT_FILE_HEADER - 8 - out->n);
    if (!out->failed)
        fvt_put_int(out, fvt_checksum(out->p, FVT_FILE_HEADER - 8), 8);
    size_t at = out->n;
    fvt_put_zeros(out, FVT_BLOCK_HEADER);
    meta_put_columns(out);
    block_seal(out, at, FVT_COLUMNS, out->n - at - FVT_BLOCK_HEADER, 0);
}

int file_replace(const char *path, struct fvt_buffer *b, bool (*check)(const char *path, void *arg),
                 void *arg, struct fvt_error *err) {
    struct newfile f;
    int rc = newfile_open(&f, path, err);
    if (rc != FVT_OK)
        return rc;
    rc = newfile_put(&f, b, err);
    if (rc == FVT_OK)
        rc = newfile_settle(&f, check, arg, err);
    if (rc == FVT_OK)
        rc = newfile_publish(&f, err);
    int failed = rc == FVT_OK ? directory_sync(path) : 0;
    if (failed) {
        fvt_fail(err, "%s: %s", path, strerror(-failed));
        rc = FVT_IO;
    }
    newfile_free(&f);
    return rc;
}

/* Make path a live file that ends with a whole block and has this library's columns. */
static int prepare(const char *path, int64_t start, int64_t length, struct fvt_error *err) {
    struct fvt_buffer fresh = {0};
    file_begin(&fresh, FVT_LIVE, start, length);
    if (access(path, F_OK) != 0) {
        int rc = file_replace(path, &fresh, NULL, NULL, err);
        free(fresh.p);
        return rc;
    }
    free(fresh.p);
    return fvt_rewrite(path, FVT_LIVE, err);
}

int writer_open(const char *path, int64_t start, int64_t length, struct group *group,
                struct fvt_writer **out, struct fvt_error *err) {
    int rc = prepare(path, start, length, err);
    if (rc != FVT_OK) {
        group_free(group);
        return rc;
    }
    struct fvt_writer *w = calloc(1, sizeof *w);
    if (w) {
        w->fd = open(path, O_WRONLY | O_CLOEXEC);
        w->path = strdup(path);
        w->group = group ? group : group_new();
        group = NULL;
    }
    off_t end = w && w->fd >= 0 ? lseek(w->fd, 0, SEEK_END) : -1;
    if (!w || !w->path || !w->group || end < 0) {
        rc = w && (w->fd < 0 || end < 0) ? FVT_IO : FVT_NOMEM;
        fvt_fail(err, "%s: %s", path, rc == FVT_IO ? strerror(errno) : "out of memory");
        if (w) {
            if (w->fd >= 0)
                close(w->fd);
            free(w->path);
            group_free(w->group);
            free(w);
        }
        group_free(group);
        return rc;
    }
    w->end = w->from = (uint64_t)end;
    *out = w;
    return FVT_OK;
}

int fvt_writer_open(const char *path, int64_t start, int64_t length, struct fvt_writer **out,
                    struct fvt_error *err) {
    return writer_open(path, start, length, NULL, out, err);
}

int fvt_writer_exporter(struct fvt_writer *w, const struct fvt_exporter *e) {
    if (w->meta.n >= MAX_PENDING)
        return FVT_NOMEM;
    statistics_put_exporter(&w->meta, FVT_META_COUNTED, e);
    return w->meta.failed ? FVT_NOMEM : FVT_OK;
}

int fvt_writer_socket(struct fvt_writer *w, const struct fvt_socket *s) {
    if (w->meta.n >= MAX_PENDING)
        return FVT_NOMEM;
    statistics_put_socket(&w->meta, s);
    return w->meta.failed ? FVT_NOMEM : FVT_OK;
}

int fvt_writer_option(struct fvt_writer *w, const struct fvt_option *o) {
    if (w->meta.n >= MAX_PENDING)
        return FVT_NOMEM;
    option_put(&w->meta, o);
    return w->meta.failed ? FVT_NOMEM : FVT_OK;
}

int fvt_writer_interface(struct fvt_writer *w, const struct fvt_interface *i) {
    meta_put_interface(&w->meta, i);
    return w->meta.failed ? FVT_NOMEM : FVT_OK;
}

int fvt_writer_counters(struct fvt_writer *w, const struct fvt_if_counters *c) {
    uint32_t n = w->ncounters;
    if (n == FVT_COUNTER_ROWS)
        return FVT_NOMEM;
    if ((n & (n - 1)) == 0) {
        void *grown = realloc(w->counters, (n ? (size_t)n * 2 : 1) * sizeof *w->counters);
        if (!grown)
            return FVT_NOMEM;
        w->counters = grown;
    }
    w->counters[w->ncounters++] = *c;
    return FVT_OK;
}

/* Keep rows from here on. */
static void begin_group(struct fvt_writer *w) {
    group_clear(w->group);
    w->from = w->end + w->pending.n;
}

/* Turn rows and records into blocks behind those that already wait. */
static int encode_pending(struct fvt_writer *w) {
    size_t before = w->pending.n, meta_before = w->meta.n;
    if (!group_encode_live(&w->pending, w->group))
        w->pending.failed = true;
    if (w->ncounters)
        counters_put(&w->pending, &w->meta, w->end + w->pending.n, w->counters, w->ncounters,
                     false);
    if (w->meta.n) {
        size_t at = w->pending.n;
        fvt_put_zeros(&w->pending, FVT_BLOCK_HEADER);
        fvt_put(&w->pending, w->meta.p, w->meta.n);
        block_seal(&w->pending, at, FVT_META, w->meta.n, 0);
    }
    if (w->pending.failed || w->meta.failed) {
        w->pending.n = before;
        w->meta.n = meta_before;
        w->pending.failed = w->meta.failed = false;
        fvt_fail(&w->error, "%s: out of memory", w->path);
        return FVT_NOMEM;
    }
    group_seal(w->group);
    w->meta.n = w->ncounters = 0;
    return FVT_OK;
}

/* Append the pending blocks. What a failed attempt left behind the end is written over with the
** same octets. */
static int write_pending(struct fvt_writer *w) {
    int failed = write_at(w->fd, w->pending.p, w->pending.n, w->end);
    if (failed) {
        fvt_fail(&w->error, "%s: %s", w->path, strerror(-failed));
        return FVT_IO;
    }
    w->end += w->pending.n;
    w->pending.n = 0;
    return FVT_OK;
}

int fvt_writer_flush(struct fvt_writer *w, bool sync) {
    int rc = w->pending.n >= MAX_PENDING ? write_pending(w) : FVT_OK;
    if (rc == FVT_OK && (group_rows(w->group) > w->group->sealed || w->meta.n || w->ncounters))
        rc = encode_pending(w);
    if (rc != FVT_OK || w->pending.n == 0)
        return rc;
    rc = write_pending(w);
    if (rc == FVT_OK && sync && fdatasync(w->fd) != 0) {
        fvt_fail(&w->error, "%s: %s", w->path, strerror(errno));
        rc = FVT_IO;
    }
    return rc;
}

/* Make room for rows: there is none when group_due() is still true. */
static int make_way(struct fvt_writer *w) {
    if (!group_due(w->group))
        return FVT_OK;
    int rc = fvt_writer_flush(w, false);
    if (!group_due(w->group) && group_full(w->group)) /* and nobody has taken it */
        begin_group(w);
    return rc;
}

int fvt_writer_add(struct fvt_writer *w, const struct flow_row *row) {
    int rc = make_way(w);
    if (group_due(w->group))
        return rc;
    if (group_add(w->group, row) == FVT_OK)
        return FVT_OK;
    fvt_fail(&w->error, "%s: out of memory", w->path);
    return FVT_NOMEM;
}

int fvt_writer_add_rows(struct fvt_writer *w, const struct flow_rows *rows, uint32_t *kept) {
    *kept = 0;
    while (*kept < rows->n) {
        int rc = make_way(w);
        if (group_due(w->group))
            return rc;
        uint32_t some = rows->n - *kept, room = group_room(w->group);
        some = some < room ? some : room;
        uint32_t done = group_add_rows(w->group, rows, *kept, some);
        *kept += done;
        if (done < some) {
            fvt_fail(&w->error, "%s: out of memory", w->path);
            return FVT_NOMEM;
        }
    }
    return FVT_OK;
}

uint64_t fvt_writer_octets(const struct fvt_writer *w) {
    return w->end;
}

const char *fvt_writer_message(const struct fvt_writer *w) {
    return w->error.text;
}

bool writer_full(const struct fvt_writer *w) {
    return group_full(w->group);
}

/* What is in memory and in the file: nothing, unless all of it is in both. */
static struct kept kept_rows(const struct fvt_writer *w, bool flushed) {
    struct kept kept = {w->group, w->from, w->end};
    if (!flushed || w->pending.n || group_rows(w->group) > w->group->sealed)
        group_clear(w->group);
    return kept;
}

bool writer_swap(struct fvt_writer *w, struct group *group, struct kept *kept) {
    if (fvt_writer_flush(w, false) != FVT_OK || w->pending.n)
        return false;
    *kept = kept_rows(w, true);
    w->group = group;
    begin_group(w);
    return true;
}

void writer_forget(struct fvt_writer *w) {
    struct group *g = encode_pending(w) == FVT_OK ? group_new() : NULL;
    if (!g)
        return;
    group_free(w->group);
    w->group = g;
    begin_group(w);
}

int writer_finish(struct fvt_writer *w, struct kept *kept) {
    int rc = fvt_writer_flush(w, false);
    *kept = kept_rows(w, rc == FVT_OK);
    close(w->fd);
    free(w->pending.p);
    free(w->meta.p);
    free(w->counters);
    free(w->path);
    free(w);
    return rc;
}

int fvt_writer_finish(struct fvt_writer *w) {
    struct kept kept;
    int rc = writer_finish(w, &kept);
    group_free(kept.group);
    return rc;
}
