/* SPDX-License-Identifier: MIT */
/*
** Locks of a store's directory.
*/
#include "hold.h"
#include "layout.h"
#include "newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 2000, /* of a reader, where removing a day's files takes some ms */
    DEPTH = LAYOUT_DEPTH,
};

bool lock_within(int fd, int how, int ms) {
    for (int waited = 0;; waited++) {
        if (flock(fd, how | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return true; /* there are no locks here */
        if (waited >= ms) {
            errno = EWOULDBLOCK;
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static int open_directory(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 && errno == ENOTDIR ? parent_open(path) : fd;
}

/* The top of a store has the writer's lock file in it; a part of a store may be read alone. */
static int climb(int fd) {
    int at = fd;
    for (int i = 0; i <= DEPTH; i++) {
        if (faccessat(at, ".lock", F_OK, 0) == 0) {
            if (at != fd)
                close(fd);
            return at;
        }
        int up = i < DEPTH ? openat(at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (at != fd)
            close(at);
        at = up;
        if (at < 0)
            break;
    }
    return fd;
}

int hold_shared(const char *path) {
    int fd = open_directory(path);
    if (fd < 0)
        return -1;
    fd = climb(fd);
    lock_within(fd, LOCK_SH, PATIENCE_MS);
    return fd;
}

int hold_alone(const char *dir, int ms) {
    int fd = open_directory(dir);
    if (fd >= 0 && !lock_within(fd, LOCK_EX, ms)) {
        close(fd);
        errno = EWOULDBLOCK;
        return -1;
    }
    return fd;
}

int hold_day(const char *path) {
    int fd = parent_open(path);
    /* A store's own directory is held for other reasons: see above. */
    if (fd >= 0 && faccessat(fd, ".lock", F_OK, 0) == 0) {
        int file = openat(fd, ".day", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        close(fd);
        fd = file;
    }
    while (fd >= 0 && flock(fd, LOCK_EX) != 0)
        if (errno != EINTR) {
            close(fd);
            fd = -1;
        }
    return fd;
}
