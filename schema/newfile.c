/* SPDX-License-Identifier: MIT */
/*
** Making a file beside the one it replaces.
*/
#include "newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int write_at(int fd, const uint8_t *p, size_t n, uint64_t offset) {
    while (n > 0) {
        ssize_t put = pwrite(fd, p, n, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        p += put;
        offset += (uint64_t)put;
        n -= (size_t)put;
    }
    return 0;
}

int parent_open(const char *path) {
    char *copy = strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
    if (slash)
        slash[slash == copy] = '\0';
    int fd = copy ? open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(copy);
    return fd;
}

int directory_sync(const char *path) {
    int fd = parent_open(path);
    int failed = fd < 0 || fsync(fd) != 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return failed;
}

static int fail(const struct newfile *f, int failed, struct fvt_error *err) {
    fvt_fail(err, "%s: %s", f->path, strerror(-failed));
    return FVT_IO;
}

int newfile_open(struct newfile *f, const char *path, struct fvt_error *err) {
    *f = (struct newfile){.fd = -1};
    f->path = strdup(path);
    f->tmp = malloc(strlen(path) + sizeof FVT_TMP_SUFFIX);
    if (!f->path || !f->tmp) {
        fvt_fail(err, "%s: out of memory", path);
        newfile_free(f);
        return FVT_NOMEM;
    }
    strcpy(f->tmp, path);
    strcat(f->tmp, FVT_TMP_SUFFIX);
    f->fd = open(f->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (f->fd >= 0)
        return FVT_OK;
    fail(f, -errno, err);
    newfile_free(f);
    return FVT_IO;
}

int newfile_put(struct newfile *f, struct fvt_buffer *b, struct fvt_error *err) {
    if (b->failed) {
        fvt_fail(err, "%s: out of memory", f->path);
        return FVT_NOMEM;
    }
    int failed = write_at(f->fd, b->p, b->n, f->end);
    if (failed)
        return fail(f, failed, err);
    f->end += b->n;
    b->n = 0;
    return FVT_OK;
}

int newfile_settle(struct newfile *f, bool (*check)(const char *path, void *arg), void *arg,
                   struct fvt_error *err) {
    int failed = fsync(f->fd) != 0 ? -errno : 0;
    if (close(f->fd) != 0 && !failed)
        failed = -errno;
    f->fd = -1;
    if (!failed && check && !check(f->tmp, arg))
        failed = -EIO; /* what was written is not what can be read back */
    return failed ? fail(f, failed, err) : FVT_OK;
}

int newfile_publish(struct newfile *f, struct fvt_error *err) {
    if (rename(f->tmp, f->path) != 0)
        return fail(f, -errno, err);
    free(f->tmp);
    f->tmp = NULL;
    return FVT_OK;
}

void newfile_free(struct newfile *f) {
    if (f->fd >= 0)
        close(f->fd);
    if (f->tmp && f->path)
        unlink(f->tmp);
    free(f->tmp);
    free(f->path);
    *f = (struct newfile){.fd = -1};
}
