/* SPDX-License-Identifier: MIT */
/*
** Loss by sequence numbers: runs of datagrams and the loss that must be counted after them.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "collector/sequence.h"

enum { STEPS = 12 };

static const struct {
    const char *name;
    int64_t lost;
    struct {
        uint32_t number, flows, options, uptime;
    } step[STEPS]; /* ended by all zero but the first */
} cases[] = {
    {"steady", 0, {{7, 1, 0, 0}, {8, 1, 0, 0}, {9, 1, 0, 0}}},
    {"first number is what it is", 0, {{4000000, 30, 0, 0}}},
    {"across 2^32", 0, {{UINT32_MAX - 9, 10, 0, 0}, {0, 10, 0, 0}, {10, 10, 0, 0}}},
    {"a gap", 5, {{10, 10, 0, 0}, {25, 10, 0, 0}, {35, 10, 0, 0}}},
    {"a gap across 2^32", 5, {{UINT32_MAX - 9, 10, 0, 0}, {5, 3, 0, 0}, {8, 3, 0, 0}}},
    {"two gaps", 12, {{10, 10, 0, 0}, {25, 10, 0, 0}, {42, 10, 0, 0}}},
    {"reordered", 0, {{1, 1, 0, 0}, {2, 1, 0, 0}, {4, 1, 0, 0}, {3, 1, 0, 0}, {5, 1, 0, 0}}},
    {"reordered, two swapped within a gap of three",
     1,
     {{1, 1, 0, 0}, {5, 1, 0, 0}, {3, 1, 0, 0}, {2, 1, 0, 0}, {6, 1, 0, 0}}},
    {"duplicates",
     0,
     {{1, 1, 0, 0}, {2, 1, 0, 0}, {2, 1, 0, 0}, {3, 1, 0, 0}, {3, 1, 0, 0}, {4, 1, 0, 0}}},
    {"a straggler comes twice",
     0,
     {{1, 1, 0, 0}, {3, 1, 0, 0}, {2, 1, 0, 0}, {2, 1, 0, 0}, {4, 1, 0, 0}}},
    {"restart, told by the uptime",
     0,
     {{500, 1, 0, 900000}, {501, 1, 0, 901000}, {1, 1, 0, 500}, {2, 1, 0, 1500}}},
    {"restart at a higher number, told by the uptime",
     0,
     {{500, 1, 0, 900000}, {501, 1, 0, 901000}, {700, 1, 0, 500}, {701, 1, 0, 1500}}},
    {"restart without uptime, and a loss behind it",
     2,
     {{500, 10, 0, 0},
      {510, 10, 0, 0},
      {0, 10, 0, 0},
      {10, 10, 0, 0},
      {20, 10, 0, 0},
      {32, 10, 0, 0}}},
    {"a jump no loss can explain", 0, {{500, 1, 0, 0}, {90000000, 1, 0, 0}, {90000001, 1, 0, 0}}},
    {"the uptime wraps, and a loss there",
     1,
     {{5, 1, 0, UINT32_MAX - 500}, {7, 1, 0, 200}, {8, 1, 0, 1200}}},
    {"the number includes the datagram's own records",
     0,
     {{22, 22, 0, 0}, {51, 29, 0, 0}, {84, 33, 0, 0}, {113, 29, 0, 0}}},
    {"the same, options data left out, then a gap",
     9,
     {{22, 22, 1, 0}, {51, 29, 0, 0}, {84, 33, 2, 0}, {113, 29, 0, 0}, {140, 18, 1, 0}}},
    {"options data count", 0, {{0, 5, 2, 0}, {7, 3, 0, 0}, {10, 4, 4, 0}, {18, 1, 0, 0}}},
};

static void losses(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sequence s = {0};
        int64_t lost = 0;
        for (size_t k = 0; k < STEPS && (k == 0 || cases[i].step[k].flows); k++) {
            const struct sequence_mark mark = {
                .number = cases[i].step[k].number,
                .flows = cases[i].step[k].flows,
                .units = cases[i].step[k].flows + cases[i].step[k].options,
                .uptime = cases[i].step[k].uptime,
                .max_gap = 1 << 20,
            };
            lost += sequence_check(&s, &mark);
        }
        if (lost != cases[i].lost)
            fail_msg("%s: lost %lld, expected %lld", cases[i].name, (long long)lost,
                     (long long)cases[i].lost);
    }
}

static void uncounted_units(void **state) {
    (void)state;
    struct sequence s = {0};
    struct sequence_mark mark = {.number = 10, .flows = 1, .units = 1, .max_gap = 1000};
    assert_int_equal(sequence_check(&s, &mark), 0);
    sequence_forget(&s);
    mark.number = 40;
    assert_int_equal(sequence_check(&s, &mark), 0);
    mark.number = 43;
    assert_int_equal(sequence_check(&s, &mark), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses),
        cmocka_unit_test(uncounted_units),
    };
    return cmocka_run_group_tests_name("collector: sequence numbers", tests, NULL, NULL);
}
