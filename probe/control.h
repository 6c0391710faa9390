/* SPDX-License-Identifier: MIT */
/*
** The control socket: a Unix stream socket, on which flowprobectl sends one line, a verb and perhaps an argument, and
** gets
**   "ok\n" TEXT NUL            or
**   "error: SENTENCE\n" NUL
** after which the connection is closed. Without the NUL the answer is cut short. Nothing here
** blocks the probe: what a client does not take at once is dropped, and long answers are written by
** a child process, which has the state of the moment it was made in.
*/
#ifndef FLOWVT_CONTROL_H
#define FLOWVT_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CONTROL_PATH "/run/flowvt/flowprobe.ctl" /* where flowprobectl looks */

struct control;

struct control_verb {
    const char *name; /* with its argument: "statistics json" */
    bool slow;        /* answered by a child process */
    void (*act)(void *arg, FILE *answer);
};

/* Listen at path, which only this user may then use. A socket that nobody listens on any more is replaced; what else
** is there is not. NULL and one sentence in message. */
struct control *control_open(const char *path, char *message, size_t size);

/* Answer those who have asked, by one of the n verbs; what is none gets the list of them. */
void control_serve(struct control *c, const struct control_verb *verbs, size_t n, void *arg);

/* What can be read when somebody asks. */
int control_fd(const struct control *c);

/* Another user may use it, too. 0, or -1 and errno. */
int control_give(const struct control *c, unsigned uid, unsigned gid);

/* Remove it. */
void control_close(struct control *c);

#endif
