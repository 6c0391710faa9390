/* SPDX-License-Identifier: MIT */
/*
** What long flows have in their buckets, as sums of many and stretch by stretch, against the rule of portion.h for each.
*/
#include "../../ext/bucket_sums.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { COUNTERS = 3, BUCKETS = 40000, ROUNDS = 3000 };

static uint64_t state = 88172645463325252;

static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Of any size, small ones as often as large ones. */
static uint64_t draw_bits(unsigned bits) {
    return draw() >> (64 - 1 - draw() % bits);
}

static void stretches(void **unused) {
    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        const int64_t start = (int64_t)draw_bits(41), step = 1 + (int64_t)draw_bits(31);
        const struct flow_span f = {true, start, start + (int64_t)draw_bits(31)};
        const int64_t counter = (int64_t)draw_bits(63);
        int64_t t = start + (int64_t)(draw() % (uint64_t)(f.end - start + 1));
        struct flow_share share = flow_share_at(&f, counter, t, step);
        for (int i = 0; i < 50 && t + step <= f.end + 1; i++, t += step)
            assert_int_equal(flow_share_next(&share), flow_portion_before(&f, counter, t + step) -
                                                          flow_portion_before(&f, counter, t));
    }
}

static void take_out(struct bucket_sums *s, int64_t (*sum)[COUNTERS]) {
    int64_t value[COUNTERS];
    uint64_t bucket;
    while (bucket_sums_take(s, &bucket, value)) {
        assert_in_range(bucket, 1, BUCKETS);
        for (int c = 0; c < COUNTERS; c++)
            sum[bucket][c] += value[c];
    }
}

static void sums(void **unused) {
    (void)unused;
    static const int counter[COUNTERS] = {FLOW_flows, FLOW_packets, FLOW_bytes};
    const struct key_layout keys = {.base = 1700000100000, .step = 5000, .per_step = 1 / 5000.0};
    int64_t(*sum)[COUNTERS] = calloc(BUCKETS + 1, sizeof *sum);
    int64_t(*right)[COUNTERS] = calloc(BUCKETS + 1, sizeof *right);
    struct bucket_sums *s = bucket_sums_new(&keys, counter, COUNTERS);
    int refused = 0, added = 0;
    assert_non_null(s);
    for (int round = 0; round < ROUNDS; round++) {
        const int64_t span = keys.step * BUCKETS;
        const int64_t from = keys.base + (int64_t)(draw() % (uint64_t)span);
        const int64_t longest = keys.base + span - from;
        const int64_t to =
            from + 1 + (int64_t)(draw() % (uint64_t)longest) / (1 + (int64_t)(draw() % 64));
        const struct flow_span f = {true, from - (int64_t)(draw() % 2 * 12345),
                                    to - 1 + (int64_t)(draw() % 2 * 777)};
        const int64_t value[COUNTERS] = {1, (int64_t)draw_bits(20),
                                         (int64_t)draw_bits(round % 50 ? 40 : 50)};
        if (!bucket_sums_add(s, &f, value, from, to)) {
            take_out(s, sum);
            refused++;
            if (!bucket_sums_add(s, &f, value, from, to))
                continue;
        }
        added++;
        for (int64_t t = from; t < to;) {
            const uint64_t bucket = key_bucket(&keys, t);
            const int64_t end = key_bucket_ms(&keys, bucket) + keys.step,
                          until = end < to ? end : to;
            right[bucket][0] += f.start >= t && f.start < until;
            for (int c = 1; c < COUNTERS; c++)
                right[bucket][c] +=
                    flow_portion_before(&f, value[c], until) - flow_portion_before(&f, value[c], t);
            t = until;
        }
    }
    take_out(s, sum);
    assert_true(refused > 0 && added > ROUNDS / 2);
    assert_memory_equal(sum, right, (BUCKETS + 1) * sizeof *sum);
    bucket_sums_free(s);
    free(sum);
    free(right);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(stretches), cmocka_unit_test(sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
