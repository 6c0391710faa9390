/* SPDX-License-Identifier: MIT */
/*
** Sorting by keys of several 64-bit words: radix sort on the first word, and on the next one where
** words before it agree. Words beyond the first are asked for only then.
*/
#ifndef FLOWVT_SORTER_H
#define FLOWVT_SORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sort_item {
    uint64_t key; /* word 0; what it is afterwards is not specified */
    uint64_t at;  /* the caller's: what is sorted */
};

/* Word w of the key of what is at. */
typedef uint64_t sort_word(const void *arg, uint64_t at, unsigned w);

/* Whether to leave off, since nobody wants what comes of it any more; once true it stays so. */
struct sort_stop {
    bool (*now)(void *arg);
    void *arg;
};

/* To be asked after so many steps of some hundred ns at most, and so many of a few. */
enum { STOP_SLOW = 1 << 12, STOP_QUICK = 1 << 18 };
/* After step i: is it time to ask, and to leave off? stop may be NULL. */
static inline bool sort_stopped(const struct sort_stop *stop, size_t i) {
    return stop && i % STOP_SLOW == 0 && stop->now(stop->arg);
}

/* Ascending by words 0 to words - 1. scratch has room for n too. stop may be NULL; when it is to stop, items
** are left as they happen to be, one of them more than once perhaps. */
void sort_items(struct sort_item *items, size_t n, struct sort_item *scratch, unsigned words,
                sort_word *word, const void *arg, const struct sort_stop *stop);

/* The octets of a string from 8 * w on as a word, so that words compare as memcmp() does. */
static inline uint64_t sort_octets(const void *p, size_t n, unsigned w) {
    const uint8_t *from = (const uint8_t *)p + 8 * (size_t)w;
    size_t left = 8 * (size_t)w < n ? n - 8 * (size_t)w : 0;
    uint64_t v = 0;
    for (size_t i = 0; i < 8; i++)
        v = v << 8 | (i < left ? from[i] : 0);
    return v;
}

#endif
