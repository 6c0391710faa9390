/* SPDX-License-Identifier: MIT */
/* Sampling: exactly one packet of each n, and the random one is any of them as often as another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/sampling.h"

enum { N = 10, ROUNDS = 20000 };

/* How often each of the n positions was taken. */
static void sample(bool random, unsigned taken[N]) {
    struct sampling s;
    sampling_init(&s, (struct sampling_method){N, random});
    s.seed = 1; /* the same every time */
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned of_these = 0;
        for (unsigned k = 0; k < N; k++) {
            bool takes = sampling_takes(&s);
            of_these += takes;
            taken[k] += takes;
        }
        assert_int_equal(of_these, 1);
    }
}

static void count_based(void **state) {
    unsigned taken[N] = {0};
    (void)state;
    sample(false, taken);
    assert_int_equal(taken[N - 1], ROUNDS);
}

/* 2000 expected of each; 4 standard deviations are 170. */
static void random_one(void **state) {
    unsigned taken[N] = {0};
    (void)state;
    sample(true, taken);
    for (unsigned k = 0; k < N; k++)
        assert_in_range(taken[k], ROUNDS / N - 200, ROUNDS / N + 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(count_based), cmocka_unit_test(random_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
