/* SPDX-License-Identifier: MIT */
/* The probe in the background, and as another user. */
#ifndef FLOWVT_DAEMON_H
#define FLOWVT_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Go on in a child; the parent waits until daemon_ready() or the child's end, and exits with 0 or 1. Returns a
** descriptor for daemon_ready(), or -1 and errno. */
int daemon_fork(void);

/* All is well: the parent goes, and what is written to stderr from now on goes to the system's log. */
void daemon_ready(int parent);

/* Write the process id into a file. 0, or -1 and one sentence in message. */
int daemon_pidfile(const char *path, char *message, size_t size);

struct daemon_user {
    bool other; /* than the one who started it */
    uid_t uid;
    gid_t gid;
};

/* user and group are names or numbers, NULL: not given. 0, or -1 and one sentence in message. */
int daemon_user_find(struct daemon_user *u, const char *user, const char *group, char *message,
                     size_t size);

/* Become that user for good; without one, nothing. 0, or -1 and one sentence in message. */
int daemon_user_take(const struct daemon_user *u, char *message, size_t size);

#endif
