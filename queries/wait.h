/* SPDX-License-Identifier: MIT */
/*
** While a report takes long: a line on the terminal that says how far it is, and Ctrl-C.
*/
#ifndef FLOWREPORT_WAIT_H
#define FLOWREPORT_WAIT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "ext/progress.h"

struct wait {
    struct flowvt_progress progress; /* for the extension */
    struct timespec begun, printed;
    bool terminal; /* stderr is one */
    bool shown;    /* the line stands there */
};

/* From now on seconds are counted and SIGINT and SIGTERM stop the statements of the connection. */
void wait_begin(struct wait *wait);

/* sqlite3_progress_handler's: not 0 when the statement is to end. */
int wait_step(void *wait);

/* Take the line away, before something else is printed. */
void wait_clear(struct wait *wait);
void wait_end(struct wait *wait);

/* The number of the signal that came; 0: none. */
int wait_stopped(void);

#endif
