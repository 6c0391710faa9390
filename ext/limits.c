/* SPDX-License-Identifier: MIT */
/*
** Memory, threads, roll-ups and top lists, from the environment.
*/
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The variable's value; NULL when it is not set, or to nothing. */
static const char *setting(const char *variable) {
    const char *text = getenv(variable);
    return text && *text ? text : NULL;
}

/* A number with k, M, G or T behind it; false when it is none. */
static bool read_octets(const char *text, double *n) {
    static const char units[] = "kMGT";
    char *end;
    *n = strtod(text, &end);
    if (end == text || !(*n > 0))
        return false;
    for (int u = 0; units[u]; u++) {
        if ((*end | 32) != (units[u] | 32))
            continue;
        for (int i = 0; i <= u; i++)
            *n *= 1000;
        end++;
        break;
    }
    return *end == 0;
}

static bool read_threads(const char *text, long *n) {
    char *end;
    *n = strtol(text, &end, 10);
    return end != text && *end == 0 && *n > 0;
}

bool limits_check(char *err, size_t size) {
    const char *memory = setting("FLOWVT_MEMORY"), *threads = setting("FLOWVT_THREADS");
    double octets;
    long n;
    if (memory && !read_octets(memory, &octets)) {
        snprintf(err, size, "FLOWVT_MEMORY = '%.60s': give octets, as 64M or 2G", memory);
        return false;
    }
    if (threads && !read_threads(threads, &n)) {
        snprintf(err, size, "FLOWVT_THREADS = '%.60s': give a number of threads, from 1 on",
                 threads);
        return false;
    }
    return true;
}

size_t limits_memory(void) {
    const char *text = setting("FLOWVT_MEMORY");
    double n;
    if (!text || !read_octets(text, &n))
        return (size_t)1 << 30;
    return n < 1e6 ? (size_t)1000000 : n > 1e15 ? (size_t)1 << 50 : (size_t)n;
}

int limits_threads(void) {
    const char *text = setting("FLOWVT_THREADS");
    long n;
    if (!text || !read_threads(text, &n))
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
