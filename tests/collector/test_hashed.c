/* SPDX-License-Identifier: MIT */
/*
** An index by hash: what was put in is found, also among others of the same hash, and at its bound the oldest goes.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "collector/hashed.h"

enum { MAX = 100 };

static char self[4096]; /* the command that prints a hash */

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

/* The hash of a key in another process. */
static unsigned long long elsewhere(void) {
    unsigned long long h = 0;
    FILE *other = popen(self, "r");
    assert_non_null(other);
    assert_int_equal(fscanf(other, "%llx", &h), 1);
    assert_int_equal(pclose(other), 0);
    return h;
}

/* What falls into one bucket here does not in the next process, so that nobody can send it. */
static void has_a_secret(void **state) {
    (void)state;
    assert_true(elsewhere() != hashed_mix(1, "key", 3));
    assert_true(hashed_mix(1, "key", 3) == hashed_mix(1, "key", 3));
    assert_true(hashed_mix(1, "key", 3) != hashed_mix(2, "key", 3));
    assert_true(hashed_mix(1, "key", 3) != hashed_mix(1, "kez", 3));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(oldest_go), cmocka_unit_test(has_a_secret)};
    if (argc > 1)
        return printf("%llx\n", (unsigned long long)hashed_mix(1, "key", 3)) < 0;
    snprintf(self, sizeof self, "'%s' hash", argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
