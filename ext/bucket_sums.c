/* SPDX-License-Identifier: MIT */
#include "bucket_sums.h"
#include "groups.h"

#include <stdlib.h>

/* A flow of five hours in buckets of a second; what it may be at most, and so many flows, fit a sum. */
enum { BUCKETS = 1 << 14, VALUE_BITS = 42, MOST_FLOWS = 1 << 20 };

struct bucket_sums {
    const struct key_layout *keys;
    const int *counter;
    int ncounters;
    uint64_t base;      /* number of the first bucket of the arrays */
    uint32_t low, high; /* of the arrays, what has sums: from low to before high */
    uint32_t flows;
    int64_t sum[][BUCKETS];
};

struct bucket_sums *bucket_sums_new(const struct key_layout *keys, const int *counter,
                                    int ncounters) {
    struct bucket_sums *s = calloc(1, sizeof *s + (size_t)ncounters * sizeof *s->sum);
    if (s) {
        s->keys = keys;
        s->counter = counter;
        s->ncounters = ncounters;
    }
    return s;
}

void bucket_sums_free(struct bucket_sums *s) {
    free(s);
}

/* Is there room for the buckets from first to last, moved to if need be? */
static bool has_room(struct bucket_sums *s, uint64_t first, uint64_t last) {
    uint64_t n = last - first + 1;
    if (n > BUCKETS || s->flows == MOST_FLOWS)
        return false;
    if (s->low == s->high) {
        uint64_t before = (BUCKETS - n) / 2;
        s->base = first > before ? first - before : 0;
        s->low = s->high = (uint32_t)(first - s->base);
        s->flows = 0;
    }
    return first >= s->base && last - s->base < BUCKETS;
}

/* The portions of a counter in the stretch and in the buckets that it touches, n of them. */
static void add_portions(int64_t *sum, uint32_t n, const struct flow_span *f, int64_t value,
                         int64_t from, int64_t to, int64_t second, int64_t step) {
    const int64_t last = second + (int64_t)(n - 2) * step; /* begin of the last bucket */
    int64_t before = flow_portion_before(f, value, second);
    sum[0] += before - flow_portion_before(f, value, from);
    if (n > 2) {
        struct flow_share share = flow_share_at(f, value, second, step);
        for (uint32_t i = 1; i < n - 1; i++)
            sum[i] += flow_share_next(&share);
    }
    sum[n - 1] += flow_portion_before(f, value, to) - flow_portion_before(f, value, last);
}

bool bucket_sums_add(struct bucket_sums *s, const struct flow_span *f, const int64_t *value,
                     int64_t from, int64_t to) {
    const uint64_t first = key_bucket(s->keys, from), last = key_bucket(s->keys, to - 1);
    uint64_t bits = 0;
    for (int c = 0; c < s->ncounters; c++)
        bits |= (uint64_t)value[c];
    if (bits >> VALUE_BITS || first == last || !has_room(s, first, last))
        return false;
    const uint32_t at = (uint32_t)(first - s->base), n = (uint32_t)(last - first + 1);
    for (int c = 0; c < s->ncounters; c++) {
        if (s->counter[c] != FLOW_flows)
            add_portions(s->sum[c] + at, n, f, value[c], from, to,
                         key_bucket_ms(s->keys, first + 1), s->keys->step);
        else if (f->start >= from)
            s->sum[c][at] += value[c];
    }
    s->low = at < s->low ? at : s->low;
    s->high = at + n > s->high ? at + n : s->high;
    s->flows++;
    return true;
}

bool bucket_sums_take(struct bucket_sums *s, uint64_t *bucket, int64_t *value) {
    while (s->low < s->high) {
        const uint32_t at = s->low++;
        int64_t any = 0;
        for (int c = 0; c < s->ncounters; c++) {
            any |= value[c] = s->sum[c][at];
            s->sum[c][at] = 0;
        }
        *bucket = s->base + at;
        if (any)
            return true;
    }
    return false;
}
