/* SPDX-License-Identifier: MIT */
/*
** Memory that is kept for the next chunk: no block lies in another, and what is asked for again and again
** does not grow.
*/
#include "../../schema/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCKS = 200, ROUNDS = 300, MOST = 3 << 20 };

struct block {
    uint8_t *p;
    size_t n;
    uint8_t mark;
};

static void check(const struct block *b) {
    for (size_t i = 0; i < b->n; i += b->n / 64 + 1)
        assert_int_equal(b->p[i], b->mark);
    assert_int_equal(b->p[b->n - 1], b->mark);
}

static void use(struct block *b, void *p, size_t n) {
    *b = (struct block){p, n, (uint8_t)rand()};
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
    memset(p, b->mark, n);
}

/* Blocks of all sizes, lent ones between them, given and taken in no order; each keeps what was written
** into it. */
static void blocks(void **state) {
    (void)state;
    struct block b[BLOCKS] = {{0}}, lent = {0};
    struct fvt_pool *pool = pool_new();
    srand(1);
    for (int i = 0; i < 5000; i++) {
        struct block *one = &b[rand() % BLOCKS];
        if (i == 2000)
            pool_use_large(pool);
        if (one->p) {
            check(one);
            pool_put(pool, one->p);
            one->p = NULL;
        } else {
            size_t n = 1 + (size_t)rand() % (rand() % 3 ? 300 : rand() % 7 ? 70000 : 400000);
            use(one, pool_get(pool, n), n);
        }
        if (i % 10 == 9) {
            size_t n = 1 + (size_t)rand() % 100000;
            if (lent.p)
                check(&lent);
            use(&lent, pool_lend(pool, n), n);
        }
    }
    for (int i = 0; i < BLOCKS; i++)
        if (b[i].p) {
            check(&b[i]);
            pool_put(pool, b[i].p);
        }
    pool_free(pool);
}

/* Row groups, one larger than the other: of each all is given back. */
static void groups(void **state) {
    (void)state;
    struct fvt_pool *pool = pool_new_large();
    size_t first = 0;
    for (int round = 0; round < ROUNDS; round++) {
        void *p[BLOCKS / 10];
        for (int i = 0; i < BLOCKS / 10; i++) {
            pool_lend(pool, 100000);
            p[i] = pool_get(pool, 20000 + (size_t)round * 300 + (size_t)i * 1000);
            assert_non_null(p[i]);
        }
        for (int i = 0; i < BLOCKS / 10; i++)
            pool_put(pool, p[i]);
        first = round ? first : pool_octets(pool);
    }
    /* The last blocks are about five times as large as the first ones. */
    assert_true(pool_octets(pool) <= 6 * first);
    void *large = pool_get(pool, (size_t)40 << 20);
    assert_non_null(large);
    memset(large, 1, (size_t)40 << 20);
    pool_put(pool, large);
    assert_null(pool_get(pool, SIZE_MAX - 10));
    pool_free(pool);
}

static void none(void **state) {
    (void)state;
    void *p = pool_get(NULL, MOST);
    assert_non_null(p);
    pool_put(NULL, p);
    pool_put(NULL, NULL);
    pool_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks), cmocka_unit_test(groups),
                                       cmocka_unit_test(none)};
    return cmocka_run_group_tests_name("schema/pool", tests, NULL, NULL);
}
