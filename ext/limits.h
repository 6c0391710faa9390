/* SPDX-License-Identifier: MIT */
/*
** What a statement may use of the machine, as the environment says.
*/
#ifndef FLOWVT_LIMITS_H
#define FLOWVT_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

enum { MAX_THREADS = 64 };

/* False, with a message of at most size octets in err, when one of the two below is set to what is no number
** of them. */
bool limits_check(char *err, size_t size);
/* FLOWVT_MEMORY: octets, with k, M, G or T behind it; 1 GiB when it is not set or no number, and never
** less than a million. */
size_t limits_memory(void);
/* FLOWVT_THREADS, or as many as there are processors: 1 to MAX_THREADS. */
int limits_threads(void);
/* FLOWVT_ROLLUPS: false when it is 0. */
bool limits_rollups(void);
/* FLOWVT_TOPLISTS: false when it is 0. */
bool limits_top_lists(void);

#endif
