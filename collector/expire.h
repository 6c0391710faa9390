/* SPDX-License-Identifier: MIT */
/*
** How long files are kept: the limits that an operator sets, and keeping to them once, or by a thread
** while the collector runs.
*/
#ifndef FLOWVT_COLLECTOR_EXPIRE_H
#define FLOWVT_COLLECTOR_EXPIRE_H

#include <stddef.h>

#include "schema/expire.h"

/* "size=500G,age=90d,free=5%,share=50%,keep=1d", any of them, or "none"; what is not said is as in
** expire_defaults. False with one sentence in message. */
extern const struct expire_limits expire_defaults;
bool expire_parse(const char *text, struct expire_limits *out, char *message, size_t size);
/* Once, with a line for each file and one in the end on the log. Returns an exit status. */
int expire_once(const char *store, const struct expire_limits *limits, bool dry_run);

/* Now and every minute, by a thread of its own, until expire_stop(). store must stay. NULL: no limits,
** or no thread, which is said on the log. */
struct expire_thread;
struct expire_thread *expire_start(const char *store, const struct expire_limits *limits);
/* Other limits from now on; t may be NULL. Returns what expire_start() would. */
struct expire_thread *expire_change(struct expire_thread *t, const char *store,
                                    const struct expire_limits *limits);
/* What it has removed so far; t may be NULL. */
void expire_removed(struct expire_thread *t, uint64_t *files, uint64_t *octets);
void expire_stop(struct expire_thread *t);

#endif
