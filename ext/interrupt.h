/* SPDX-License-Identifier: MIT */
/*
** sqlite3_interrupt() while a table works without returning to SQLite.
**
** Versions before 3.41 do not tell whether it was called. But a statement that is stepped while an
** outer one runs finds out before it does anything, and leaves the mark where it is. So the thread
** that SQLite called looks every INTERRUPT_MS by stepping a small statement of its own.
**
** That statement is SELECT flowvt_progress(...), which tells whoever listens how far the scan is:
** progress.h.
*/
#ifndef FLOWVT_INTERRUPT_H
#define FLOWVT_INTERRUPT_H

#include <pthread.h>
#include <sqlite3ext.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { INTERRUPT_MS = 20 };

struct scan_source;

struct interrupt {
    sqlite3 *db;                /* NULL: nobody to ask */
    sqlite3_stmt *stmt;         /* prepared when it is first time to look */
    int64_t looked;             /* ms of the monotonic clock */
    struct scan_source *source; /* whose progress is told, or NULL */
    atomic_bool stop;           /* read by every thread, and set by any to end the work of all */
};

/* Before work that takes long. */
void interrupt_begin(struct interrupt *i, sqlite3 *db);
/* Tell how far source is, until interrupt_end() or with NULL. */
void interrupt_watch(struct interrupt *i, struct scan_source *source);
/* After it; the connection could not be closed before. */
void interrupt_end(struct interrupt *i);
/* By the thread that SQLite called, as often as it likes: looks when it is time. true: stop. */
bool interrupt_poll(struct interrupt *i);
/* The same for who knows no struct interrupt, to which arg points. */
bool interrupt_asked(void *arg);
/* The same after waiting for cond, a moment at most; lock is held before and after, not while it looks. */
bool interrupt_wait(struct interrupt *i, pthread_cond_t *cond, pthread_mutex_t *lock);

static inline bool interrupt_stopped(struct interrupt *i) {
    return atomic_load_explicit(&i->stop, memory_order_relaxed);
}
static inline void interrupt_stop(struct interrupt *i) {
    atomic_store(&i->stop, true);
}

/* Register flowvt_progress(). Returns an SQLite result code. */
int interrupt_register(sqlite3 *db);

#endif
