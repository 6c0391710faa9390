/* SPDX-License-Identifier: MIT */
/*
** How far a query is, for the program that runs it, and a way to stop it. This header needs nothing
** else of flowvt and may be copied into that program.
**
**   static int show(void *arg, uint64_t files_done, uint64_t files, uint64_t bytes_done,
**                   uint64_t bytes) { ...; return 0; }
**   static const struct flowvt_progress progress = {show, NULL};
**
**   sqlite3_prepare_v2(db, "SELECT flowvt_progress(?1)", -1, &stmt, NULL);
**   sqlite3_bind_pointer(stmt, 1, (void *)&progress, FLOWVT_PROGRESS, NULL);
**   sqlite3_step(stmt);
**   sqlite3_finalize(stmt);
**
** From then on report() is called while a statement of this connection reads flows, by the thread
** that called SQLite, every 20 ms or so; not for one that is done sooner. The struct must stay until
** the connection is closed or SELECT flowvt_progress(NULL) was run.
**
** With FLOWVT_PROGRESS=1 in the environment the same is printed on stderr.
*/
#ifndef FLOWVT_PROGRESS_H
#define FLOWVT_PROGRESS_H

#include <stdint.h>

#define FLOWVT_PROGRESS "flowvt_progress" /* type of the pointer that is bound */

struct flowvt_progress {
    /* Of one scan, which a statement may make several of: files read, of how many in all, and
    ** octets. Files that are passed over by their index count as read. Not 0: the statement ends with
    ** SQLITE_INTERRUPT. It must not use the connection. */
    int (*report)(void *arg, uint64_t files_done, uint64_t files, uint64_t bytes_done,
                  uint64_t bytes);
    void *arg;
};

#endif
