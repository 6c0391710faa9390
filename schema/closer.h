/* SPDX-License-Identifier: MIT */
/*
** The thread of a store that syncs files to the disk and closes them, so that receiving never
** waits for either. Private to schema/.
*/
#ifndef FLOWVT_CLOSER_H
#define FLOWVT_CLOSER_H

#include "rewrite.h"

struct closer;

/* NULL when there is no memory or no thread to be had (errno). */
struct closer *closer_new(void);
/* Call this, from the thread, when a file is closed. To be said before the first job. */
void closer_on_closed(struct closer *c, void (*closed)(void *arg, const char *path), void *arg);
/* Do what is queued and end the thread; messages can still be had. closer_free() does it too. */
void closer_finish(struct closer *c);
void closer_free(struct closer *c);

/* Sync the file, or make it a closed one. A file that cannot be closed is kept for
** closer_retry(). Rows in memory are used unless as many as may be are waiting already. */
void closer_sync(struct closer *c, const char *path);
/* kept: rows of it that are in memory, NULL: none; closer_encode() has them encoded while the file is still being
** written. They are the closer's from here on. */
void closer_close(struct closer *c, const char *path, const struct kept *kept);
void closer_encode(struct closer *c, const char *path, const struct kept *kept);
void closer_retry(struct closer *c);

/* Memory for the rows of another interval, used before if there is such. NULL: none is to be had, or, unless it must
** be, as much as may be is waiting to be encoded. */
struct group *closer_group(struct closer *c, bool must);
/* Bring the index of the store at dir up to date. What changed in the last seconds is left for
** another time. */
void closer_index(struct closer *c, const char *dir);

/* Have nothing more to do with a file, once what is under way with it is done: nobody may write to
** one that is being closed. */
void closer_let_go(struct closer *c, const char *path);

/* Files that it has to sync or close still. */
unsigned closer_waiting(struct closer *c);

/* What has gone wrong since the last call, one sentence a line, to be freed; NULL: nothing. */
char *closer_messages(struct closer *c);

#endif
