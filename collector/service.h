/* SPDX-License-Identifier: MIT */
/*
** Running in the background: leaving the terminal, the pid file, and giving up root. flowprobe runs by it as well.
*/
#ifndef FLOWVT_SERVICE_H
#define FLOWVT_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Go on in a child; the parent waits until service_detach() or the child's end, and exits with 0 or 1.
** Before any thread is started. Returns a descriptor for service_detach(), or -1 and errno. */
int service_fork(void);
/* All is well: let the parent go and leave the terminal. */
void service_detach(int parent);
/* From now on what this process writes to stderr goes to the system's log, facility daemon, as of program (text that
** stays), without its name and colon in front of lines. */
void service_log(const char *program);

/* A file with the process id in it. */
struct pidfile {
    const char *path;
    int fd;
};
/* 0, or -1 with one sentence in message. */
int pidfile_write(struct pidfile *f, const char *path, char *message, size_t size);
/* Removes it, or empties it where the user that this has become may not. 0, also when there is none; or -1 with one
** sentence in message. */
int pidfile_remove(struct pidfile *f, char *message, size_t size);

/* Whom to become. */
struct identity {
    const char *name; /* as given; NULL: nobody else */
    uid_t uid;
    gid_t gid;
};
/* user and group are names or numbers, NULL: not given. 0, or -1 with one sentence in message: there
** is no such one, or changing takes root. */
int identity_find(struct identity *who, const char *user, const char *group, char *message,
                  size_t size);
/* Become that user for good. Who has not been root keeps its id; capabilities go in any case, unless
** root stays root. */
int identity_take(const struct identity *who, char *message, size_t size);
/* Make the directory for the user to come, when it is not there. */
int identity_give(const struct identity *who, const char *dir, char *message, size_t size);
/* May this process write to the file at path, below dir, or make it? What is not there yet is no
** reason against it. */
int identity_may_write(const struct identity *who, const char *dir, const char *path, char *message,
                       size_t size);

#endif
