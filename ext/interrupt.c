/* SPDX-License-Identifier: MIT */
/*
** Asking SQLite whether it is to stop.
*/
#include "interrupt.h"

#include <time.h>

SQLITE_EXTENSION_INIT3

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void interrupt_begin(struct interrupt *i, sqlite3 *db) {
    i->db = db;
    i->stmt = NULL;
    i->looked = now();
    atomic_store(&i->stop, false);
}

void interrupt_end(struct interrupt *i) {
    sqlite3_finalize(i->stmt);
    i->stmt = NULL;
}

bool interrupt_poll(struct interrupt *i) {
    int64_t t = now();
    if (!i->db || interrupt_stopped(i) || t - i->looked < INTERRUPT_MS)
        return interrupt_stopped(i);
    i->looked = t;
    int rc = SQLITE_OK;
    if (!i->stmt)
        rc = sqlite3_prepare_v2(i->db, "SELECT 1", -1, &i->stmt, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(i->stmt);
        sqlite3_reset(i->stmt);
    }
    if (rc == SQLITE_INTERRUPT)
        interrupt_stop(i);
    return interrupt_stopped(i);
}
