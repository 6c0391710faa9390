/* SPDX-License-Identifier: MIT */
/*
** A connection that reports run on: the site's database or one in memory, flowvt loaded, with what
** keeps people company while it takes long.
*/
#ifndef FLOWREPORT_SESSION_H
#define FLOWREPORT_SESSION_H

#include <sqlite3.h>
#include <stdbool.h>

#include "wait.h"

struct session {
    sqlite3 *db;
    struct wait wait;
};

/* Opens the site's database, or one in memory when site is NULL. `store` is what tables that name no
** store read; NULL: FLOWVT_STORE or flowvt's own default. Not 0: it was said what is wrong. */
int session_open(struct session *session, const char *site, const char *store, bool writable);

/* Runs a file of SQL as the shell would; NULL path: 0. Not 0: it was said what is wrong. */
int session_run_file(struct session *session, const char *path);

/* The time zone of what is drawn: the one that is given; without, the one of the site's settings; without,
** UTC. Not 0: there is no such zone, which was said. */
int session_timezone(struct session *session, const char *given);

/* Whether the time that a report is asked about has a length; of times that are none, or not given, the report says what
** there is to say. Not 0: it has none, which was said. */
int session_window(struct session *session, const char *report, const char *since,
                   const char *until);

void session_close(struct session *session);

#endif
