/* SPDX-License-Identifier: MIT */
/*
** A table of files by the hash of their path; of two in one place the later one stays.
*/
#include "footers.h"

#include "../schema/format.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PLACES = 32768, OCTETS = 32 << 20 };
/* Two changes within a tick of the file system's clock cannot be told apart: a file must have rested
** for longer than any such tick. */
#define REST_NS INT64_C(2000000000)

struct footers {
    pthread_mutex_t lock; /* of all below */
    unsigned references;
    size_t octets;
    struct fvt_file *place[PLACES];
};

struct footers *footers_new(void) {
    struct footers *c = calloc(1, sizeof *c);
    if (c) {
        pthread_mutex_init(&c->lock, NULL);
        c->references = 1;
    }
    return c;
}

struct footers *footers_share(struct footers *c) {
    if (c) {
        pthread_mutex_lock(&c->lock);
        c->references++;
        pthread_mutex_unlock(&c->lock);
    }
    return c;
}

void footers_drop(struct footers *c) {
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    unsigned left = --c->references;
    pthread_mutex_unlock(&c->lock);
    if (left)
        return;
    for (size_t i = 0; i < PLACES; i++)
        fvt_file_free(c->place[i]);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* What a file takes in memory, about. */
static size_t octets_of(const struct fvt_file *f) {
    size_t n = sizeof *f + f->nexporters * sizeof *f->exporters + f->nsockets * sizeof *f->sockets +
               f->ninterfaces * sizeof *f->interfaces + f->nreplaced * sizeof *f->replaced;
    for (uint32_t i = 0; i < f->ngroups; i++)
        n += sizeof f->groups[i] +
             ((size_t)f->groups[i].nchunks + f->groups[i].ndicts) * sizeof(struct fvt_chunk_info);
    return n;
}

static struct fvt_file **place_of(struct footers *c, const char *path) {
    return &c->place[fvt_hash(path, strlen(path)) % PLACES];
}

/* Take the file at path out of the cache. */
static struct fvt_file *take(struct footers *c, const char *path) {
    pthread_mutex_lock(&c->lock);
    struct fvt_file **at = place_of(c, path), *file = *at;
    if (file && strcmp(file->path, path) == 0) {
        *at = NULL;
        c->octets -= octets_of(file);
    } else {
        file = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    return file;
}

static bool is_same(const struct fvt_file *file, const struct stat *st) {
    return (uint64_t)st->st_ino == file->inode && (uint64_t)st->st_dev == file->device &&
           (uint64_t)st->st_size == file->size &&
           (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec == file->changed;
}

int footers_open(struct footers *c, const char *path, struct fvt_file **out,
                 struct fvt_error *err) {
    struct fvt_file *file = c ? take(c, path) : NULL;
    struct stat st;
    if (!file)
        return fvt_open(path, out, err);
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file->fd >= 0 && fstat(file->fd, &st) == 0 && is_same(file, &st)) {
        *out = file;
        return FVT_OK;
    }
    fvt_file_free(file);
    return fvt_open(path, out, err);
}

/* May it be known again by inode, size and ctime? */
static bool has_rested(const struct fvt_file *file) {
    struct timespec now;
    struct stat st;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - file->changed >= REST_NS &&
           fstat(file->fd, &st) == 0 && is_same(file, &st);
}

void footers_keep(struct footers *c, struct fvt_file *file) {
    if (!c || !file || file->state != FVT_CLOSED || file->damaged || !has_rested(file)) {
        fvt_file_free(file);
        return;
    }
    close(file->fd);
    file->fd = -1;
    size_t octets = octets_of(file);
    pthread_mutex_lock(&c->lock);
    struct fvt_file **at = place_of(c, file->path), *old = *at;
    *at = NULL;
    c->octets -= old ? octets_of(old) : 0;
    if (c->octets + octets <= OCTETS) {
        *at = file;
        c->octets += octets;
        file = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    fvt_file_free(old);
    fvt_file_free(file);
}
