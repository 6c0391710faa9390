/* SPDX-License-Identifier: MIT */
/*
** Comparisons of a time's text, translated to its milliseconds (window.h), so that the scan can
** prune and test times as integers whatever text they are compared with.
*/
#include "window.h"

#include <stdbool.h>

#include "../schema/value.h"

/* memcmp() order of the canonical text of ms and text[0..n), the shorter one first. */
static int compare_text(int64_t ms, const char *text, size_t n) {
    char canonical[FLOW_TIME_TEXT];
    size_t length = flow_time_text(ms, canonical);
    int order = memcmp(canonical, text, n < length ? n : length);
    return order ? order : (length > n) - (length < n);
}

/* The first ms whose text is >= text (or > text, when beyond), WINDOW_MS_MAX + 1 if there is
** none: canonical texts are in the order of the times. */
static int64_t first_at(const char *text, size_t n, bool beyond) {
    int64_t lo = WINDOW_MS_MIN, hi = WINDOW_MS_MAX + 1;
    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        int order = compare_text(mid, text, n);
        if (order < 0 || (order == 0 && beyond))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void window_text_bound(enum window_op op, const char *text, size_t n, int64_t *lo, int64_t *hi) {
    *lo = WINDOW_MS_MIN;
    *hi = WINDOW_MS_MAX;
    if (op == WINDOW_EQ || op == WINDOW_GE)
        *lo = first_at(text, n, false);
    if (op == WINDOW_GT)
        *lo = first_at(text, n, true);
    if (op == WINDOW_EQ || op == WINDOW_LE)
        *hi = first_at(text, n, true) - 1;
    if (op == WINDOW_LT)
        *hi = first_at(text, n, false) - 1;
    /* Times beyond the calendar have the text of its ends. */
    if (*lo == WINDOW_MS_MIN && *lo <= *hi)
        *lo = INT64_MIN;
    if (*hi == WINDOW_MS_MAX && *lo <= *hi)
        *hi = INT64_MAX;
}
