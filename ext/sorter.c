/* SPDX-License-Identifier: MIT */
/*
** One word at a time, from the least significant octet that differs anywhere; few items by
** insertion.
*/
#include "sorter.h"

#include <string.h>

enum { FEW = 32, DIGIT = 8, VALUES = 1 << DIGIT };

/* Not asked for a few items, which take less than asking. */
static bool must_stop(const struct sort_stop *stop, size_t n) {
    return stop && n > STOP_SLOW && stop->now(stop->arg);
}

static void insertion(struct sort_item *items, size_t n) {
    for (size_t i = 1; i < n; i++) {
        struct sort_item x = items[i];
        size_t to = i;
        for (; to > 0 && items[to - 1].key > x.key; to--)
            items[to] = items[to - 1];
        items[to] = x;
    }
}

static void scatter(const struct sort_item *from, size_t n, struct sort_item *to, unsigned shift,
                    size_t start[VALUES], const struct sort_stop *stop) {
    for (size_t at = 0, end; at < n && !must_stop(stop, n); at = end) {
        end = n - at < STOP_QUICK ? n : at + STOP_QUICK;
        for (size_t i = at; i < end; i++)
            to[start[from[i].key >> shift & (VALUES - 1)]++] = from[i];
    }
}

static void by_digits(struct sort_item *items, size_t n, struct sort_item *scratch,
                      const struct sort_stop *stop) {
    uint64_t differ = 0;
    for (size_t i = 1; i < n; i++)
        differ |= items[i].key ^ items[0].key;
    struct sort_item *from = items, *to = scratch;
    for (unsigned shift = 0; shift < 64 && !must_stop(stop, n); shift += DIGIT) {
        if ((differ >> shift & (VALUES - 1)) == 0)
            continue;
        size_t start[VALUES] = {0}, sum = 0;
        for (size_t i = 0; i < n; i++)
            start[from[i].key >> shift & (VALUES - 1)]++;
        for (int v = 0; v < VALUES; v++) {
            size_t count = start[v];
            start[v] = sum;
            sum += count;
        }
        scatter(from, n, to, shift, start, stop);
        struct sort_item *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, n * sizeof *items);
}

static void sort_from(struct sort_item *items, size_t n, struct sort_item *scratch, unsigned w,
                      unsigned words, sort_word *word, const void *arg,
                      const struct sort_stop *stop) {
    if (n <= FEW)
        insertion(items, n);
    else
        by_digits(items, n, scratch, stop);
    if (++w == words || must_stop(stop, n))
        return;
    size_t done = 0; /* since it was asked */
    for (size_t i = 0, end; i < n; i = end) {
        uint64_t key = items[i].key;
        for (end = i + 1; end < n && items[end].key == key; end++)
            ;
        if (end - i == 1)
            continue;
        done += end - i;
        if (done > STOP_SLOW && must_stop(stop, n))
            return;
        done = done > STOP_SLOW ? 0 : done;
        for (size_t k = i; k < end; k++) {
            items[k].key = word(arg, items[k].at, w);
            if (sort_stopped(end - i > STOP_SLOW ? stop : NULL, k))
                return;
        }
        sort_from(items + i, end - i, scratch, w, words, word, arg, stop);
    }
}

void sort_items(struct sort_item *items, size_t n, struct sort_item *scratch, unsigned words,
                sort_word *word, const void *arg, const struct sort_stop *stop) {
    sort_from(items, n, scratch, 0, words, word, arg, stop);
}
