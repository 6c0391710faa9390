/* SPDX-License-Identifier: MIT */
/*
** Prints messages; the rate limit is by the monotonic clock, so a stepped clock does not matter.
*/
#include "log.h"

#include "schema/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { WINDOW_MS = 10000, WINDOW_LINES = 10 };

static void print(const char *format, va_list args) {
    char line[1024];
    vsnprintf(line, sizeof line, format, args);
    fprintf(stderr, "flowcollect: %s\n", line);
}

void log_line(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print(format, args);
    va_end(args);
}

void log_limited(struct log *log, const char *format, ...) {
    int64_t now = monotonic_ms();
    if (log->window == 0 || now - log->window >= WINDOW_MS) {
        if (log->suppressed)
            log_line("%llu messages like the ones before were left out",
                     (unsigned long long)log->suppressed);
        log->window = now;
        log->in_window = 0;
        log->suppressed = 0;
    }
    if (!log->verbose && log->in_window >= WINDOW_LINES) {
        log->suppressed++;
        return;
    }
    log->in_window++;
    va_list args;
    va_start(args, format);
    print(format, args);
    va_end(args);
}
