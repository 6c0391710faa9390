/* SPDX-License-Identifier: MIT */
/*
** An index by hash: what was put in is found, also among others of the same hash, and at its bound the oldest goes.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "collector/hashed.h"

enum { MAX = 100 };

struct numbers {
    uint32_t *entry;
    struct hashed index;
};

/* Seven values have the same hash. */
static uint32_t hash(uint32_t n) {
    return n / 7;
}

static uint32_t find(const struct numbers *t, uint32_t n) {
    uint32_t at = hashed_first(&t->index, hash(n));
    while (at && t->entry[at - 1] != n)
        at = hashed_next(&t->index, at);
    return at;
}

static void add(struct numbers *t, uint32_t n) {
    t->entry = hashed_room(&t->index, t->entry, sizeof *t->entry, MAX);
    assert_non_null(t->entry);
    t->entry[hashed_take(&t->index, MAX, hash(n)) - 1] = n;
}

static void oldest_go(void **state) {
    (void)state;
    struct numbers t = {0};
    assert_int_equal(find(&t, 5), 0);
    for (uint32_t n = 0; n < 3 * MAX; n++) {
        add(&t, n);
        for (uint32_t k = 0; k <= n + 1; k++)
            assert_int_equal(find(&t, k) != 0, k <= n && k + MAX > n);
    }
    assert_int_equal(t.index.count, MAX);
    assert_true(hashed_octets(&t.index) >= MAX * sizeof(struct hashed_link));
    hashed_free(&t.index);
    assert_int_equal(find(&t, 3 * MAX - 1), 0);
    free(t.entry);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(oldest_go)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
