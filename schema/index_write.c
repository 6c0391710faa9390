/* SPDX-License-Identifier: MIT */
/*
** Making the index of a store: what the one before says of directories that have not changed is
** taken over, the files of the others are opened.
*/
#include "index.h"
#include "index_format.h"
#include "list.h"
#include "newfile.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

/* Two changes within a tick of the file system's clock have the same time. A directory that rested for
** longer than any such tick will show the next change. Where times have parts of a second a tick is the
** kernel's, 10 ms at most; else it may be two seconds. */
static int64_t rest_ns(int64_t changed) {
    return changed % 1000000000 == 0 ? INT64_C(2000000000) : FVT_INDEX_REST_MS * INT64_C(1000000);
}

struct table {
    struct fvt_buffer dir, files; /* entry but for offset and what follows; table of its files */
    uint32_t nfiles;
    char *path;
};

struct update {
    const struct index *old;
    int64_t now; /* by the clock of the file system, ns */
    bool fresh;
    struct table *tables;
    size_t n, cap;
};

static void put_text(struct fvt_buffer *out, const char *text) {
    fvt_put_int(out, strlen(text), 2);
    fvt_put(out, text, strlen(text));
}

static void put_extent(struct fvt_buffer *out, struct extent e) {
    fvt_put_int(out, (uint64_t)e.first, 8);
    fvt_put_int(out, (uint64_t)e.last, 8);
}

static void put_times(struct fvt_buffer *out, const struct index_times *t) {
    fvt_put_int(out, t->open, 2);
    put_extent(out, t->flows);
    put_extent(out, t->interval);
}

static void put_file(struct table *t, struct index_times *all, const char *name,
                     const struct index_times *times) {
    put_text(&t->files, name);
    put_times(&t->files, times);
    t->nfiles++;
    all->open |= times->open;
    extent_add(&all->flows, times->flows);
    extent_add(&all->interval, times->interval);
}

static struct table *add_table(struct update *u, const char *path) {
    if (u->n == u->cap) {
        size_t cap = u->cap ? u->cap * 2 : 64;
        struct table *grown = realloc(u->tables, cap * sizeof *grown);
        if (!grown)
            return NULL;
        u->tables = grown;
        u->cap = cap;
    }
    struct table *t = &u->tables[u->n];
    memset(t, 0, sizeof *t);
    t->path = strdup(path);
    u->n += t->path != NULL;
    return t->path ? t : NULL;
}

/* The times of the files of a directory: false when it has changed meanwhile, or just before. */
static bool put_files(struct update *u, struct table *t, const char *dir,
                      const struct listing *files, const struct stat *st, struct index_times *all) {
    struct stat after;
    bool rested = u->now - index_changed(st) >= rest_ns(index_changed(st));
    for (size_t i = 0; rested && i < files->n; i++) {
        char path[4096];
        if (!path_join(path, sizeof path, dir, files->names[i]))
            continue;
        struct index_times times = index_times_of(path);
        put_file(t, all, files->names[i], &times);
    }
    return rested && stat(dir, &after) == 0 && index_changed(&after) == index_changed(st);
}

static void put_dir(struct table *t, uint64_t inode, int64_t changed,
                    const struct index_times *times) {
    put_text(&t->dir, t->path);
    fvt_put_int(&t->dir, inode, 8);
    fvt_put_int(&t->dir, (uint64_t)changed, 8);
    put_times(&t->dir, times);
}

/* Take over what the old index says. fits: it was right of the directory above, too. */
static bool copy_dir(struct update *u, struct table *t, const struct index_dir *d, bool fits) {
    struct index_times all = {false, extent_none(), extent_none()};
    struct index_file *files = index_files(u->old, d);
    if (files && !index_holds(d->path, files, d->nfiles, fits)) {
        free(files);
        files = NULL;
    }
    for (uint32_t i = 0; files && i < d->nfiles; i++)
        put_file(t, &all, files[i].name, &files[i].times);
    if (files)
        put_dir(t, d->inode, d->changed, &all);
    free(files);
    return files != NULL;
}

/* Add the directory and those below; dir: its path, inside: in the store. fits: the old index was right of the
** one above. Returns an FVT_* code. */
static int add_dir(struct update *u, const char *dir, const char *inside, unsigned depth,
                   bool fits) {
    struct listing files = {0}, dirs = {0};
    struct index_times all = {false, extent_none(), extent_none()};
    struct stat st;
    if (stat(dir, &st) != 0)
        return FVT_OK; /* its parent has changed as well, then */
    struct table *t = add_table(u, inside);
    if (!t)
        return FVT_NOMEM;
    const struct index_dir *known = index_find(u->old, inside, &st);
    fits = known && copy_dir(u, t, known, fits);
    if (fits) {
        for (const struct index_dir *i = NULL; (i = index_next_below(u->old, known, i));)
            listing_add(&dirs, strrchr(i->path, '/') ? strrchr(i->path, '/') + 1 : i->path);
    } else {
        t->files.n = t->nfiles = 0;
        bool good = list_directory(dir, ".fvt", &files, &dirs) == 0 &&
                    put_files(u, t, dir, &files, &st, &all);
        u->fresh |= !good;
        if (!good)
            t->files.n = t->nfiles = 0;
        put_dir(t, (uint64_t)st.st_ino, good ? index_changed(&st) : 0, &all);
    }
    int rc = files.failed || dirs.failed || t->dir.failed || t->files.failed ? FVT_NOMEM : FVT_OK;
    for (size_t i = 0; rc == FVT_OK && i < dirs.n; i++) {
        char path[4096], below[4096];
        if (depth < LIST_DEPTH && path_join(path, sizeof path, dir, dirs.names[i]) &&
            path_join(below, sizeof below, inside, dirs.names[i]))
            rc = add_dir(u, path, below, depth + 1, fits);
    }
    listing_free(&files);
    listing_free(&dirs);
    return rc;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct table *)a)->path, ((const struct table *)b)->path);
}

/* Header, directories, tables of files. */
static void assemble(struct update *u, struct fvt_buffer *out) {
    struct fvt_buffer dirs = {0};
    uint64_t offset = INDEX_HEADER;
    qsort(u->tables, u->n, sizeof *u->tables, by_path);
    for (size_t i = 0; i < u->n; i++)
        offset += u->tables[i].dir.n + 8 + 4 + 4 + 8;
    for (size_t i = 0; i < u->n; i++) {
        const struct table *t = &u->tables[i];
        fvt_put(&dirs, t->dir.p, t->dir.n);
        fvt_put_int(&dirs, offset, 8);
        fvt_put_int(&dirs, t->files.n, 4);
        fvt_put_int(&dirs, t->nfiles, 4);
        fvt_put_int(&dirs, fvt_checksum(t->files.n ? t->files.p : (const uint8_t *)"", t->files.n),
                    8);
        offset += t->files.n;
    }
    fvt_put(out, INDEX_MAGIC, 8);
    fvt_put_int(out, u->n, 8);
    fvt_put_int(out, dirs.n, 8);
    fvt_put_int(out, dirs.n ? fvt_checksum(dirs.p, dirs.n) : 0, 8);
    fvt_put_zeros(out, INDEX_HEADER - 8 - out->n);
    if (!out->failed)
        fvt_put_int(out, fvt_checksum(out->p, INDEX_HEADER - 8), 8);
    fvt_put(out, dirs.p, dirs.n);
    for (size_t i = 0; i < u->n; i++)
        if (u->tables[i].files.n)
            fvt_put(out, u->tables[i].files.p, u->tables[i].files.n);
    out->failed |= dirs.failed;
    free(dirs.p);
}

/* Is this what the index has already? */
static bool is_written(const struct index *old, const struct fvt_buffer *b) {
    uint8_t *p = old && old->size == b->n ? malloc(b->n + 1) : NULL;
    bool same = p && pread(old->fd, p, b->n, 0) == (ssize_t)b->n && memcmp(p, b->p, b->n) == 0;
    free(p);
    return same;
}

static int update(const char *dir, struct update *u, struct newfile *f, struct fvt_error *err) {
    struct stat st;
    struct fvt_buffer out = {0};
    if (fstat(f->fd, &st) != 0) {
        fvt_fail(err, "%s: %s", f->path, strerror(errno));
        return FVT_IO;
    }
    u->now = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    int rc = add_dir(u, dir, "", 0, true);
    if (rc == FVT_OK)
        assemble(u, &out);
    if (rc != FVT_OK || out.failed) {
        fvt_fail(err, "%s: out of memory", f->path);
        rc = FVT_NOMEM;
    } else if (!is_written(u->old, &out)) {
        rc = newfile_put(f, &out, err);
        if (rc == FVT_OK)
            rc = newfile_publish(f, err);
    }
    free(out.p);
    return rc;
}

int fvt_index_update(const char *dir, bool *fresh, struct fvt_error *err) {
    char path[4096];
    struct update u = {0};
    struct newfile f;
    *fresh = false;
    snprintf(path, sizeof path, "%s/" INDEX_DIRECTORY, dir);
    int lock = mkdir(path, 0755) == 0 || errno == EEXIST
                   ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                   : -1;
    if (lock < 0) {
        fvt_fail(err, "%s: %s", path, strerror(errno));
        return FVT_IO;
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        close(lock);
        return FVT_OK;
    }
    struct index *old = index_open(dir);
    u.old = old;
    snprintf(path, sizeof path, "%s/" INDEX_PATH, dir);
    int rc = newfile_open(&f, path, err);
    if (rc == FVT_OK) {
        rc = update(dir, &u, &f, err);
        newfile_free(&f);
    }
    *fresh = u.fresh;
    for (size_t i = 0; i < u.n; i++) {
        free(u.tables[i].path);
        free(u.tables[i].dir.p);
        free(u.tables[i].files.p);
    }
    free(u.tables);
    index_free(old);
    close(lock);
    return rc;
}
