/* SPDX-License-Identifier: MIT */
/*
** Work divided among threads, the calling one among them.
*/
#ifndef FLOWVT_WORKERS_H
#define FLOWVT_WORKERS_H

#include "interrupt.h"
#include "limits.h"
#include "sorter.h"

/* Call work(arg, i) for every i below n (at most MAX_THREADS), each in a thread, and return when all
** have. Where a thread cannot be had its share is left out: work must take what there is to do from
** a common heap. i = 0 is the calling thread, which has to interrupt_poll() as it goes, and does so
** here while it waits for the others. */
void workers_run(int n, void (*work)(void *arg, int i), void *arg, struct interrupt *interrupt);

/* Is work(arg, i) to end? To be asked as often as it likes. */
static inline bool worker_stopped(struct interrupt *interrupt, int i) {
    return i == 0 ? interrupt_poll(interrupt) : interrupt_stopped(interrupt);
}

/* The same as a struct sort_stop has it; arg is a struct worker. */
struct worker {
    struct interrupt *interrupt;
    int i;
};
static inline bool worker_must_stop(void *arg) {
    const struct worker *w = arg;
    return worker_stopped(w->interrupt, w->i);
}

#endif
