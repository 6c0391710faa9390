/* SPDX-License-Identifier: MIT */
/*
** Asking SQLite whether it is to stop, and telling how far the work is.
*/
#include "interrupt.h"
#include "../schema/clock.h"
#include "progress.h"
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

SQLITE_EXTENSION_INIT3

enum { PRINT_MS = 200 };

/* Type of the pointer with which interrupt_poll() calls, to its struct interrupt. */
static const char own_type[] = "flowvt_interrupt";

/* Who listens on a connection. */
struct listener {
    const struct flowvt_progress *hook; /* NULL: none */
    bool print;
    int64_t printed; /* ms */
};

static void print_progress(struct listener *l, const struct source_count *n) {
    int64_t t = monotonic_ms();
    if (t - l->printed < PRINT_MS)
        return;
    l->printed = t;
    fprintf(stderr, "%sflowvt: %llu of %llu files, %llu of %llu MB%s", isatty(2) ? "\r" : "",
            (unsigned long long)n->files_done, (unsigned long long)n->files,
            (unsigned long long)n->bytes_done / 1000000, (unsigned long long)n->bytes / 1000000,
            isatty(2) ? "" : "\n");
}

/* flowvt_progress(): set the hook, or, called by a scan, tell. Not 0: stop. */
static void progress(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    struct listener *l = sqlite3_user_data(ctx);
    const struct interrupt *i = sqlite3_value_pointer(argv[0], own_type);
    if (!i) {
        l->hook = sqlite3_value_pointer(argv[0], FLOWVT_PROGRESS);
        return;
    }
    if (!i->source || (!l->hook && !l->print))
        return;
    struct source_count n;
    source_count(i->source, &n);
    if (l->print)
        print_progress(l, &n);
    if (l->hook)
        sqlite3_result_int(
            ctx, l->hook->report(l->hook->arg, n.files_done, n.files, n.bytes_done, n.bytes) != 0);
}

bool interrupt_wait(struct interrupt *i, pthread_cond_t *cond, pthread_mutex_t *lock) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += INTERRUPT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(cond, lock, &until);
    pthread_mutex_unlock(lock);
    bool stop = interrupt_poll(i);
    pthread_mutex_lock(lock);
    return stop;
}

int interrupt_register(sqlite3 *db) {
    struct listener *l = calloc(1, sizeof *l);
    if (!l)
        return SQLITE_NOMEM;
    const char *print = getenv("FLOWVT_PROGRESS");
    l->print = print && *print && strcmp(print, "0") != 0;
    return sqlite3_create_function_v2(db, "flowvt_progress", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, l,
                                      progress, NULL, NULL, free);
}

void interrupt_watch(struct interrupt *i, struct scan_source *source) {
    i->source = source;
}

void interrupt_begin(struct interrupt *i, sqlite3 *db) {
    i->db = db;
    i->stmt = NULL;
    i->source = NULL;
    i->looked = monotonic_ms();
    atomic_store(&i->stop, false);
}

void interrupt_end(struct interrupt *i) {
    sqlite3_finalize(i->stmt);
    i->stmt = NULL;
    i->source = NULL;
}

bool interrupt_poll(struct interrupt *i) {
    int64_t t = monotonic_ms();
    if (!i->db || interrupt_stopped(i) || t - i->looked < INTERRUPT_MS)
        return interrupt_stopped(i);
    i->looked = t;
    int rc = SQLITE_OK;
    if (!i->stmt)
        rc = sqlite3_prepare_v2(i->db, "SELECT flowvt_progress(?1)", -1, &i->stmt, NULL);
    bool stop = false;
    if (rc == SQLITE_OK) {
        sqlite3_bind_pointer(i->stmt, 1, i, own_type, NULL);
        rc = sqlite3_step(i->stmt);
        stop = rc == SQLITE_ROW && sqlite3_column_int(i->stmt, 0);
        sqlite3_reset(i->stmt);
    }
    if (rc == SQLITE_INTERRUPT || stop)
        interrupt_stop(i);
    return interrupt_stopped(i);
}

bool interrupt_asked(void *arg) {
    return interrupt_poll(arg);
}
