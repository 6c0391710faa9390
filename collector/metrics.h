/* SPDX-License-Identifier: MIT */
/*
** The books as text for Prometheus: its text-based exposition format, version 0.0.4. Names end in the
** unit, counters in _total.
*/
#ifndef FLOWVT_METRICS_H
#define FLOWVT_METRICS_H

#include "books.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What is found out when it is asked for, and not by who keeps the books. */
struct metrics_system {
    const char *store; /* NULL: none */
    bool has_store;    /* the next three are known */
    uint64_t store_octets, store_files;
    uint64_t free_octets; /* of its file system, for those who are not root */
};

/* The text, to be freed, and its length in octets; NULL when out of memory. */
char *metrics_text(const struct books *b, const struct metrics_system *s, size_t *n);

#endif
