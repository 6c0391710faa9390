/* SPDX-License-Identifier: MIT */
/*
** Merging days that are over, by a child of low priority: soon after the start, and a while after each
** midnight (UTC).
*/
#ifndef FLOWVT_AUTOMERGE_H
#define FLOWVT_AUTOMERGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct automerge {
    const char *store,
        *rollups;      /* store: NULL: there is nothing to merge; rollups: NULL: the default ones */
    bool off;          /* no other child is started */
    bool syslog;       /* the child's messages go to the system's log */
    pid_t child;       /* 0: none */
    int64_t started;   /* the day, since 1970, when the child was started */
    int64_t day;       /* and when all was merged last */
    int64_t done;      /* that moment, ms since 1970 UTC; 0: not yet */
    uint64_t failures; /* merges that left something undone */
    int64_t due;       /* monotonic ms, not before; 0: not known yet */
};

/* About once a second; now in ms since 1970 UTC. */
void automerge_tick(struct automerge *a, int64_t now);
/* End the child: what it has not finished is done another time. */
void automerge_stop(struct automerge *a);

#endif
