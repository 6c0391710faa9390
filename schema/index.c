/* SPDX-License-Identifier: MIT */
/*
** Reading the index of a store.
*/
#include "index.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "index_format.h"
#include "layout.h"

static struct extent get_extent(struct fvt_cursor *c) {
    struct extent e;
    e.first = (int64_t)fvt_get_int(c, 8);
    e.last = (int64_t)fvt_get_int(c, 8);
    return e;
}

static struct index_times get_times(struct fvt_cursor *c) {
    struct index_times t;
    t.open = fvt_get_int(c, 2) != 0;
    t.flows = get_extent(c);
    t.interval = get_extent(c);
    return t;
}

/* A text of n octets behind its length, copied to *to with a zero behind. */
static const char *get_text(struct fvt_cursor *c, char **to) {
    size_t n = (size_t)fvt_get_int(c, 2);
    const uint8_t *p = fvt_get(c, n);
    char *text = *to;
    if (!p || memchr(p, 0, n))
        c->bad = true;
    else
        memcpy(text, p, n);
    text[c->bad ? 0 : n] = '\0';
    *to += c->bad ? 1 : n + 1;
    return text;
}

/* A name in a store: no way out of it, and none that a walk would pass over. */
static bool is_inside(const char *path) {
    return *path != '.' && *path != '/' && !strstr(path, "/.") && !strstr(path, "//");
}

/* The directories of the table; they must ascend for index_find(). */
static bool get_dirs(struct index *x, struct fvt_cursor *c) {
    char *text = x->text;
    for (size_t i = 0; i < x->ndirs; i++) {
        struct index_dir *d = &x->dirs[i];
        d->path = get_text(c, &text);
        d->inode = fvt_get_int(c, 8);
        d->changed = (int64_t)fvt_get_int(c, 8);
        d->times = get_times(c);
        d->offset = fvt_get_int(c, 8);
        d->length = (uint32_t)fvt_get_int(c, 4);
        d->nfiles = (uint32_t)fvt_get_int(c, 4);
        d->checksum = fvt_get_int(c, 8);
        if (c->bad || !is_inside(d->path) || d->offset > x->size ||
            d->length > x->size - d->offset || d->nfiles > d->length / INDEX_FILE ||
            (i && strcmp(x->dirs[i - 1].path, d->path) >= 0))
            return false;
    }
    return true;
}

static bool read_table(struct index *x) {
    uint8_t h[INDEX_HEADER];
    struct stat st;
    if (fstat(x->fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < INDEX_HEADER ||
        !fvt_read_at(x->fd, 0, h, sizeof h) || memcmp(h, INDEX_MAGIC, 8) != 0 ||
        fvt_checksum(h, INDEX_HEADER - 8) != fvt_load64(h + INDEX_HEADER - 8))
        return false;
    x->size = (uint64_t)st.st_size;
    uint64_t ndirs = fvt_load64(h + 8), length = fvt_load64(h + 16);
    if (length > x->size - INDEX_HEADER || ndirs > length / INDEX_DIR)
        return false;
    uint8_t *table = malloc((size_t)length + 1);
    x->text = malloc((size_t)length + 1); /* lengths make room for the zeros */
    x->dirs = calloc((size_t)ndirs + 1, sizeof *x->dirs);
    x->ndirs = (size_t)ndirs;
    bool good = table && x->text && x->dirs &&
                fvt_read_at(x->fd, INDEX_HEADER, table, (size_t)length) &&
                fvt_checksum(table, (size_t)length) == fvt_load64(h + 24);
    struct fvt_cursor c = {table, table ? table + length : NULL, false};
    good = good && get_dirs(x, &c);
    free(table);
    return good;
}

struct index *index_open(const char *dir) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/" INDEX_PATH, dir) >= (int)sizeof path)
        return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct index *x = fd >= 0 ? calloc(1, sizeof *x) : NULL;
    if (!x) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    x->fd = fd;
    if (read_table(x))
        return x;
    index_free(x);
    return NULL;
}

void index_free(struct index *x) {
    if (!x)
        return;
    close(x->fd);
    free(x->text);
    free(x->dirs);
    free(x);
}

static int by_path(const void *key, const void *entry) {
    return strcmp(key, ((const struct index_dir *)entry)->path);
}

const struct index_dir *index_find(const struct index *x, const char *path, const struct stat *st) {
    const struct index_dir *d =
        x ? bsearch(path, x->dirs, x->ndirs, sizeof *x->dirs, by_path) : NULL;
    return d && d->changed && d->changed == index_changed(st) && d->inode == (uint64_t)st->st_ino
               ? d
               : NULL;
}

const struct index_dir *index_next_below(const struct index *x, const struct index_dir *d,
                                         const struct index_dir *after) {
    size_t n = strlen(d->path);
    const struct index_dir *end = x->dirs + x->ndirs;
    for (const struct index_dir *i = (after ? after : d) + 1; i < end; i++) {
        if (n && (strncmp(i->path, d->path, n) != 0))
            return NULL;
        /* What is called like d and more lies between d and what is below d: "a", "a!", "a/b". */
        if (n && i->path[n] != '/')
            continue;
        const char *name = i->path + n + (n > 0);
        if (*name && !strchr(name, '/'))
            return i;
    }
    return NULL;
}

bool index_holds(const char *dir, const struct index_file *files, uint32_t n, bool fits) {
    return fits || n == 0 || !layout_is_hour(dir, files[0].name);
}

struct index_file *index_files(const struct index *x, const struct index_dir *d) {
    uint8_t *table = malloc((size_t)d->length + 1);
    struct index_file *files = malloc((d->nfiles + (size_t)1) * sizeof *files + d->length + 1);
    char *text = files ? (char *)(files + d->nfiles + 1) : NULL;
    bool good = table && files && fvt_read_at(x->fd, d->offset, table, d->length) &&
                fvt_checksum(table, d->length) == d->checksum;
    struct fvt_cursor c = {table, table ? table + d->length : NULL, false};
    for (uint32_t i = 0; good && i < d->nfiles; i++) {
        files[i].name = get_text(&c, &text);
        files[i].times = get_times(&c);
        good = !c.bad && *files[i].name && is_inside(files[i].name) && !strchr(files[i].name, '/');
    }
    free(table);
    if (good)
        return files;
    free(files);
    return NULL;
}

/* The times of one column of a group, where it has any. */
static void add_zone(struct extent *e, const struct fvt_group *g, int field) {
    int at = g->chunk_of[field];
    if (at < 0 || g->chunks[at].nulls >= g->rows)
        return;
    int64_t min = g->chunks[at].min, max = g->chunks[at].max;
    /* As flow_span_of() moves them. */
    min = min < FLOW_MS_MIN ? FLOW_MS_MIN : min > FLOW_MS_MAX ? FLOW_MS_MAX : min;
    max = max < FLOW_MS_MIN ? FLOW_MS_MIN : max > FLOW_MS_MAX ? FLOW_MS_MAX : max;
    extent_add(e, (struct extent){min, max});
}

struct index_times index_times_of(const char *path) {
    struct index_times t = {true, extent_none(), extent_none()};
    struct fvt_file *file = NULL;
    if (fvt_open(path, &file, NULL) != FVT_OK)
        return t;
    t.open = file->state != FVT_CLOSED || file->damaged;
    for (uint32_t i = 0; i < file->ngroups; i++) {
        const struct fvt_group *g = &file->groups[i];
        t.open |= g->damaged;
        add_zone(&t.flows, g, FLOW_tstart);
        add_zone(&t.flows, g, FLOW_tend);
        add_zone(&t.flows, g, FLOW_trecv);
    }
    t.interval = (struct extent){file->start, file->start + file->length - 1};
    fvt_file_free(file);
    return t;
}
