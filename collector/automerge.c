/* SPDX-License-Identifier: MIT */
/*
** Runs `flowcollect --merge` when it is due, and watches it.
*/
#include "automerge.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "child.h"
#include "log.h"
#include "schema/clock.h"

#define DAY_MS INT64_C(86400000)

enum {
    START_MS = 5000,      /* after the start: a collector that fails at once need not merge */
    MIDNIGHT_MS = 600000, /* after midnight: the day's last file is closed */
    AGAIN_MS = 3600000,   /* after a merge that left something undone */
};

static void start(struct automerge *a, int64_t today) {
    char self[] = "/proc/self/exe", merge[] = "--merge", w[] = "-w", rollups[] = "--rollups";
    char syslog[] = "--syslog";
    char *store = strdup(a->store), *sets = a->rollups ? strdup(a->rollups) : NULL;
    char *argv[9] = {self, merge, w, store}, **end = argv + 4;
    if (sets) {
        *end++ = rollups;
        *end++ = sets;
    }
    if (a->syslog)
        *end++ = syslog;
    pid_t pid = store ? child_start(argv) : -ENOMEM;
    free(store);
    free(sets);
    a->due = monotonic_ms() + AGAIN_MS;
    if (pid < 0) {
        log_line("%s: days are not merged: %s", a->store, strerror(-(int)pid));
        return;
    }
    /* The priority of its reading and writing follows from this one: ioprio_set(2). */
    setpriority(PRIO_PROCESS, (id_t)pid, 19);
    a->child = pid;
    a->started = today;
}

/* Has the child ended? */
static void look_after(struct automerge *a) {
    int status = 0;
    if (waitpid(a->child, &status, WNOHANG) != a->child)
        return;
    a->child = 0;
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    a->failures += !good;
    if (good) {
        a->day = a->started;
        a->done = now_ms();
    }
    if (WIFSIGNALED(status))
        log_line("%s: merging ended by signal %d", a->store, WTERMSIG(status));
}

void automerge_tick(struct automerge *a, int64_t now) {
    int64_t today = now / DAY_MS;
    if (a->child)
        look_after(a);
    else if (!a->store || a->off)
        return;
    else if (!a->due)
        a->due = monotonic_ms() + START_MS;
    else if (a->day != today && now % DAY_MS >= MIDNIGHT_MS && monotonic_ms() >= a->due)
        start(a, today);
}

void automerge_stop(struct automerge *a) {
    if (!a->child)
        return;
    kill(a->child, SIGTERM);
    while (waitpid(a->child, NULL, 0) < 0 && errno == EINTR)
        ;
    a->child = 0;
}
