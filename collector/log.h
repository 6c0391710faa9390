/* SPDX-License-Identifier: MIT */
/*
** Messages on stderr: what must be seen at once, and what a flood of bad datagrams may cause, at
** a limited rate.
*/
#ifndef FLOWVT_LOG_H
#define FLOWVT_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct log {
    int verbose;
    int64_t window;      /* ms, when the current window of limited messages began */
    unsigned in_window;  /* limited messages printed in it */
    uint64_t suppressed; /* and not printed */
};

/* "flowcollect: " and the message and a newline. */
__attribute__((format(printf, 1, 2))) void log_line(const char *format, ...);

/* Ten of them in ten seconds at most (all with verbose); how many were left out is said when
** the next one is printed. */
__attribute__((format(printf, 2, 3))) void log_limited(struct log *log, const char *format, ...);

#endif
