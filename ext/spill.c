/* SPDX-License-Identifier: MIT */
/*
** External merge sort. On disk a record is: octets it shares with its predecessor in the run, the
** number of the others, these, the sums; all numbers as LEB128.
*/
#include "spill.h"
#include "../schema/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MEMORY_MIN = 1 << 16,
    READ_MIN = 1 << 12, /* of a run, at a time */
    READ_MAX = 1 << 18,
    WRITE = 1 << 16,
    VARINT = 10,
    MAX_SUMS = GROUP_COUNTERS + 2,
};

/* A run that is read. */
struct run {
    uint64_t from, to; /* in the file */
    uint8_t *buffer;
    size_t n, at;
    uint8_t *key;
    size_t nkey;
    uint64_t sums[MAX_SUMS];
};

struct spill {
    int nsums, ncounters;
    size_t memory;
    const struct sort_stop *stop;
    int fd;
    uint64_t size;         /* of the file */
    struct fvt_buffer out; /* not written yet */
    /* Records that wait: number of octets of the key, sums, key. */
    struct fvt_buffer records;
    struct sort_item *items;
    size_t nitems, cap;
    size_t longest; /* key */
    struct run *run;
    size_t nruns, runs_cap;
    size_t read; /* octets of a run's buffer */
    size_t *heap, nheap;
    uint8_t *key; /* of the record that was asked for */
    uint64_t sums[MAX_SUMS];
    struct fvt_error error;
};

struct spill *spill_new(const struct group_shape *shape, size_t memory,
                        const struct sort_stop *stop) {
    struct spill *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->ncounters = shape->counters;
    s->nsums = shape->counters + (shape->times ? 2 : 0);
    s->memory = memory < MEMORY_MIN ? MEMORY_MIN : memory;
    s->stop = stop;
    s->fd = -1;
    return s;
}

void spill_free(struct spill *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->nruns; i++) {
        free(s->run[i].buffer);
        free(s->run[i].key);
    }
    if (s->fd >= 0)
        close(s->fd);
    free(s->out.p);
    free(s->records.p);
    free(s->items);
    free(s->run);
    free(s->heap);
    free(s->key);
    free(s);
}

const char *spill_message(const struct spill *s) {
    return s->error.text;
}

/* ---- writing ---------------------------------------------------------------------------- */

static int open_in(const char *dir) {
    char path[4096];
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || snprintf(path, sizeof path, "%s/flowvt-XXXXXX", dir) >= (int)sizeof path)
        return fd;
    fd = mkostemp(path, O_CLOEXEC); /* a file system without O_TMPFILE */
    if (fd >= 0)
        unlink(path);
    return fd;
}

static const char *directory(size_t i) {
    switch (i) {
    case 0:
        return getenv("SQLITE_TMPDIR");
    case 1:
        return getenv("TMPDIR");
    case 2:
        return "/var/tmp";
    default:
        return "/tmp";
    }
}

static int fail(struct spill *s, const char *what) {
    fvt_fail(&s->error,
             "temporary file for totals: %s: %s: set SQLITE_TMPDIR to a directory with room, or "
             "FLOWVT_MEMORY to more memory",
             what, strerror(errno));
    return FVT_IO;
}

static int open_file(struct spill *s) {
    for (size_t i = 0; s->fd < 0 && i < 4; i++) {
        const char *dir = directory(i);
        if (dir && *dir)
            s->fd = open_in(dir);
    }
    return s->fd >= 0 ? FVT_OK : fail(s, "cannot be made");
}

static int write_out(struct spill *s) {
    size_t done = 0;
    while (done < s->out.n) {
        ssize_t n = pwrite(s->fd, s->out.p + done, s->out.n - done, (off_t)(s->size + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(s, "cannot be written");
        done += (size_t)n;
    }
    s->size += done;
    s->out.n = 0;
    return FVT_OK;
}

struct waiting {
    uint32_t nkey;
    const uint8_t *sums, *key;
};

static struct waiting waiting_at(const struct spill *s, uint64_t at) {
    struct waiting w;
    memcpy(&w.nkey, s->records.p + at, sizeof w.nkey);
    w.sums = s->records.p + at + sizeof w.nkey;
    w.key = w.sums + (size_t)s->nsums * sizeof(uint64_t);
    return w;
}

static uint64_t word_of(const void *arg, uint64_t at, unsigned w) {
    const struct spill *s = arg;
    struct waiting x = waiting_at(s, at);
    return (size_t)w * 8 >= s->longest ? x.nkey : sort_octets(x.key, x.nkey, w);
}

static void put_record(struct spill *s, const struct waiting *x, const struct waiting *before) {
    size_t shared = 0;
    while (before && shared < x->nkey && shared < before->nkey &&
           x->key[shared] == before->key[shared])
        shared++;
    fvt_put_varint(&s->out, shared);
    fvt_put_varint(&s->out, x->nkey - shared);
    fvt_put(&s->out, x->key + shared, x->nkey - shared);
    for (int i = 0; i < s->nsums; i++) {
        uint64_t v;
        memcpy(&v, x->sums + (size_t)i * sizeof v, sizeof v);
        fvt_put_varint(&s->out, v);
    }
}

/* Write the records that wait as a run. */
static int write_run(struct spill *s) {
    if (s->nitems == 0)
        return FVT_OK;
    int rc = open_file(s);
    if (rc != FVT_OK)
        return rc;
    if (s->nruns == s->runs_cap) {
        size_t cap = s->runs_cap ? s->runs_cap * 2 : 16;
        struct run *grown = realloc(s->run, cap * sizeof *grown);
        if (!grown)
            return FVT_NOMEM;
        s->run = grown;
        s->runs_cap = cap;
    }
    sort_items(s->items, s->nitems, s->items + s->cap, (unsigned)((s->longest + 7) / 8 + 1),
               word_of, s, s->stop);
    struct run run = {.from = s->size};
    struct waiting x, before;
    for (size_t i = 0; rc == FVT_OK && i < s->nitems && !sort_stopped(s->stop, i); i++) {
        x = waiting_at(s, s->items[i].at);
        put_record(s, &x, i ? &before : NULL);
        before = x;
        if (s->out.failed)
            return FVT_NOMEM;
        if (s->out.n >= WRITE)
            rc = write_out(s);
    }
    if (rc == FVT_OK)
        rc = write_out(s);
    run.to = s->size;
    s->run[s->nruns++] = run;
    s->records.n = 0;
    s->nitems = 0;
    return rc;
}

/* Room for one more waiting record of n octets; scratch to sort with lies behind the items. */
static bool reserve(struct spill *s, size_t n) {
    if (s->nitems == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 256;
        struct sort_item *grown = realloc(s->items, 2 * cap * sizeof *grown);
        if (!grown)
            return false;
        s->items = grown;
        s->cap = cap;
    }
    return fvt_buffer_reserve(&s->records, n);
}

int spill_add(struct spill *s, const void *key, size_t n, const uint64_t *sums) {
    size_t octets = (size_t)s->nsums * sizeof *sums;
    uint32_t nkey = (uint32_t)n;
    int rc = FVT_OK;
    if (s->records.n + s->nitems * 2 * sizeof *s->items >= s->memory / 2)
        rc = write_run(s);
    if (rc != FVT_OK || !reserve(s, sizeof nkey + octets + n))
        return rc != FVT_OK ? rc : FVT_NOMEM;
    s->items[s->nitems++] = (struct sort_item){sort_octets(key, n, 0), s->records.n};
    fvt_put(&s->records, &nkey, sizeof nkey);
    fvt_put(&s->records, sums, octets);
    fvt_put(&s->records, key, n);
    s->longest = n > s->longest ? n : s->longest;
    return FVT_OK;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* Have a whole record in the buffer, or what is left of the run. */
static int fill(struct spill *s, struct run *r) {
    size_t need = 2 * VARINT + s->longest + (size_t)s->nsums * VARINT;
    if (r->n - r->at >= need || r->from == r->to)
        return FVT_OK;
    memmove(r->buffer, r->buffer + r->at, r->n - r->at);
    r->n -= r->at;
    r->at = 0;
    while (r->n < s->read && r->from < r->to) {
        size_t want = s->read - r->n;
        want = r->to - r->from < want ? (size_t)(r->to - r->from) : want;
        ssize_t n = pread(s->fd, r->buffer + r->n, want, (off_t)r->from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(s, "cannot be read");
        r->n += (size_t)n;
        r->from += (uint64_t)n;
    }
    return FVT_OK;
}

/* The run's next record: 1, 0 at its end, or negative. */
static int advance(struct spill *s, struct run *r) {
    int rc = fill(s, r);
    if (rc != FVT_OK || r->at == r->n)
        return rc;
    struct fvt_cursor c = {r->buffer + r->at, r->buffer + r->n, false};
    size_t shared = (size_t)fvt_get_varint(&c), rest = (size_t)fvt_get_varint(&c);
    const uint8_t *p = shared + rest <= s->longest ? fvt_get(&c, rest) : NULL;
    if (!p) {
        errno = EIO;
        return fail(s, "is not what was written");
    }
    memcpy(r->key + shared, p, rest);
    r->nkey = shared + rest;
    for (int i = 0; i < s->nsums; i++)
        r->sums[i] = fvt_get_varint(&c);
    r->at = (size_t)(c.p - r->buffer);
    return 1;
}

static bool is_less(const struct spill *s, size_t a, size_t b) {
    const struct run *x = &s->run[a], *y = &s->run[b];
    int order = memcmp(x->key, y->key, x->nkey < y->nkey ? x->nkey : y->nkey);
    return order ? order < 0 : x->nkey < y->nkey;
}

static void sift_down(struct spill *s, size_t i) {
    size_t run = s->heap[i];
    while (2 * i + 1 < s->nheap) {
        size_t child = 2 * i + 1;
        child += child + 1 < s->nheap && is_less(s, s->heap[child + 1], s->heap[child]);
        if (!is_less(s, s->heap[child], run))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = run;
}

int spill_sort(struct spill *s) {
    int rc = write_run(s);
    if (rc != FVT_OK)
        return rc;
    free(s->records.p);
    free(s->items);
    free(s->out.p);
    s->records = s->out = (struct fvt_buffer){0};
    s->items = NULL;
    size_t record = 2 * VARINT + s->longest + (size_t)s->nsums * VARINT;
    s->read = s->memory / (s->nruns + 1);
    s->read = s->read < READ_MIN ? READ_MIN : s->read > READ_MAX ? READ_MAX : s->read;
    s->read = s->read < 2 * record ? 2 * record : s->read;
    s->key = malloc(s->longest + 1);
    s->heap = malloc((s->nruns + 1) * sizeof *s->heap);
    if (!s->key || !s->heap)
        return FVT_NOMEM;
    for (size_t i = 0; i < s->nruns; i++) {
        struct run *r = &s->run[i];
        r->buffer = malloc(s->read);
        r->key = malloc(s->longest + 1);
        if (!r->buffer || !r->key)
            return FVT_NOMEM;
        rc = advance(s, r);
        if (rc < 0)
            return rc;
        if (rc == 1)
            s->heap[s->nheap++] = i;
    }
    for (size_t i = s->nheap; i-- > 0;)
        sift_down(s, i);
    return FVT_OK;
}

static void add_sums(struct spill *s, const uint64_t *sums) {
    for (int c = 0; c < s->ncounters; c++)
        if (__builtin_add_overflow(s->sums[c], sums[c], &s->sums[c]))
            s->sums[c] = UINT64_MAX;
    if (s->nsums == s->ncounters)
        return;
    int t = s->ncounters;
    if ((int64_t)sums[t] < (int64_t)s->sums[t])
        s->sums[t] = sums[t];
    if ((int64_t)sums[t + 1] > (int64_t)s->sums[t + 1])
        s->sums[t + 1] = sums[t + 1];
}

int spill_next(struct spill *s, struct spill_record *out) {
    if (s->nheap == 0)
        return 0;
    size_t n = 0;
    for (bool first = true; s->nheap; first = false) {
        struct run *r = &s->run[s->heap[0]];
        if (first) {
            n = r->nkey;
            memcpy(s->key, r->key, n);
            memcpy(s->sums, r->sums, sizeof s->sums);
        } else if (r->nkey == n && memcmp(r->key, s->key, n) == 0) {
            add_sums(s, r->sums);
        } else {
            break;
        }
        int rc = advance(s, r);
        if (rc < 0)
            return rc;
        if (rc == 0)
            s->heap[0] = s->heap[--s->nheap];
        if (s->nheap)
            sift_down(s, 0);
    }
    *out = (struct spill_record){s->key, n, s->sums};
    return 1;
}
