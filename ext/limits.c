/* SPDX-License-Identifier: MIT */
/*
** Memory, threads, roll-ups and top lists, from the environment.
*/
#include "limits.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

size_t limits_memory(void) {
    const char *text = getenv("FLOWVT_MEMORY");
    char *end = NULL;
    double n = text ? strtod(text, &end) : 0;
    if (!text || end == text || n <= 0)
        return (size_t)1 << 30;
    switch (*end) {
    case 'k':
    case 'K':
        n *= 1e3;
        break;
    case 'm':
    case 'M':
        n *= 1e6;
        break;
    case 'g':
    case 'G':
        n *= 1e9;
        break;
    }
    return n < 1e6 ? (size_t)1000000 : n > 1e15 ? (size_t)1 << 50 : (size_t)n;
}

int limits_threads(void) {
    const char *text = getenv("FLOWVT_THREADS");
    long n = text ? strtol(text, NULL, 10) : 0;
    if (n < 1)
        n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (int)n;
}

static bool is_on(const char *variable) {
    const char *text = getenv(variable);
    return !text || strcmp(text, "0") != 0;
}

bool limits_rollups(void) {
    return is_on("FLOWVT_ROLLUPS");
}

bool limits_top_lists(void) {
    return is_on("FLOWVT_TOPLISTS");
}
