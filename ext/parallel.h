/* SPDX-License-Identifier: MIT */
/*
** The same work in several threads.
*/
#ifndef FLOWVT_PARALLEL_H
#define FLOWVT_PARALLEL_H

/* Call work(arg, i) for each i of 0..n-1 (n at most MAX_THREADS of limits.h), each in a thread of
** its own, the first in this one, and wait for all. Where a thread cannot be had, its work is done
** here. */
void parallel_run(int n, void (*work)(void *arg, int i), void *arg);

#endif
