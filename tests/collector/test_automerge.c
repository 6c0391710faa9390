/* SPDX-License-Identifier: MIT */
/*
** The child that merges is looked after to its end, also when the configuration was changed to --no-merge meanwhile;
** tests/e2e/merge.sh has one that merges.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>
#include <unistd.h>

#include "collector/automerge.h"

static struct automerge with_child(int status, bool off) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(status);
    return (struct automerge){.store = "none", .off = off, .child = child, .started = 5};
}

static void tick_until_ended(struct automerge *a) {
    for (int i = 0; i < 1000 && a->child; i++) {
        automerge_tick(a, 0);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_int_equal(a->child, 0);
}

static void ended_well(void **state) {
    (void)state;
    for (int off = 0; off < 2; off++) {
        struct automerge a = with_child(0, off);
        tick_until_ended(&a);
        assert_int_equal(a.day, 5);
        assert_true(a.done > 0);
        assert_int_equal(a.failures, 0);
    }
}

static void left_something(void **state) {
    (void)state;
    struct automerge a = with_child(1, true);
    tick_until_ended(&a);
    assert_int_equal(a.day, 0);
    assert_int_equal(a.done, 0);
    assert_int_equal(a.failures, 1);
}

static void nothing_is_begun(void **state) {
    (void)state;
    struct automerge off = {.store = "none", .off = true}, none = {.off = false};
    automerge_tick(&off, 0);
    automerge_tick(&none, 0);
    assert_int_equal(off.due, 0);
    assert_int_equal(none.due, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ended_well),
        cmocka_unit_test(left_something),
        cmocka_unit_test(nothing_is_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
