/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "wait.h"

enum { QUIET_MS = 2000, BETWEEN_MS = 100 };

static volatile sig_atomic_t stopped;

static void stop(int signal_number) {
    stopped = signal_number;
}

int wait_stopped(void) {
    return stopped;
}

static long since_ms(const struct timespec *then) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - then->tv_sec) * 1000 + (now.tv_nsec - then->tv_nsec) / 1000000;
}

static void octets(uint64_t n, char text[32]) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)n;
    unsigned unit = 0;
    while (value >= 1000 && unit < sizeof units / sizeof *units - 1) {
        value /= 1000;
        unit++;
    }
    snprintf(text, 32, "%.*f %s", unit && value < 100, value, units[unit]);
}

/* Is it time to write the line again? */
static bool is_due(const struct wait *w) {
    return w->terminal && since_ms(&w->begun) >= QUIET_MS && since_ms(&w->printed) >= BETWEEN_MS;
}

static int show(void *arg, uint64_t files_done, uint64_t files, uint64_t bytes_done,
                uint64_t bytes) {
    struct wait *w = arg;
    if (!is_due(w))
        return stopped != 0;
    char done[32], all[32];
    octets(bytes_done, done);
    octets(bytes, all);
    fprintf(stderr, "\r\033[K%3.0f %%  %llu of %llu files, %s of %s, %ld s",
            bytes ? 100.0 * (double)bytes_done / (double)bytes : 100.0,
            (unsigned long long)files_done, (unsigned long long)files, done, all,
            since_ms(&w->begun) / 1000);
    fflush(stderr);
    w->shown = true;
    clock_gettime(CLOCK_MONOTONIC, &w->printed);
    return stopped != 0;
}

/* Between the scans of flows there is no more to say than that it goes on. */
int wait_step(void *wait) {
    struct wait *w = wait;
    if (!stopped && is_due(w) && since_ms(&w->printed) >= 10 * BETWEEN_MS) {
        fprintf(stderr, "\r\033[K%ld s", since_ms(&w->begun) / 1000);
        fflush(stderr);
        w->shown = true;
        clock_gettime(CLOCK_MONOTONIC, &w->printed);
    }
    return stopped != 0;
}

void wait_begin(struct wait *w) {
    *w = (struct wait){.progress = {show, w}, .terminal = isatty(STDERR_FILENO) == 1};
    clock_gettime(CLOCK_MONOTONIC, &w->begun);
    w->printed = w->begun;
    struct sigaction action = {.sa_handler = stop};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void wait_clear(struct wait *w) {
    if (w->shown)
        fputs("\r\033[K", stderr);
    w->shown = false;
}

void wait_end(struct wait *w) {
    wait_clear(w);
}
