/* SPDX-License-Identifier: MIT */
/*
** Tables of what all exporters announced: whoever sends most makes room for the others, and its own oldest entries go.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "collector/names.h"
#include "collector/told.h"

enum { MAX = 100 };

static struct flow_ip exporter(uint32_t n) {
    const uint8_t address[4] = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    return flow_ip_make(4, address);
}

static void learn(struct name_table *t, uint32_t from, uint32_t id) {
    const struct flow_ip ip = exporter(from);
    char key[16], text[16];
    int nkey = snprintf(key, sizeof key, "%u", id),
        ntext = snprintf(text, sizeof text, "app%u", id);
    assert_true(names_learn(t, MAX, &ip, key, (size_t)nkey, text, (size_t)ntext));
}

static bool knows(const struct name_table *t, uint32_t from, uint32_t id) {
    const struct flow_ip ip = exporter(from);
    char key[16], text[16];
    int nkey = snprintf(key, sizeof key, "%u", id),
        ntext = snprintf(text, sizeof text, "app%u", id);
    const struct name *e = names_find(t, &ip, key, (size_t)nkey);
    return e && e->ntext == ntext && memcmp(e->text, text, e->ntext) == 0;
}

static uint32_t known(const struct name_table *t, uint32_t from, uint32_t ids) {
    uint32_t n = 0;
    for (uint32_t id = 0; id < ids; id++)
        n += knows(t, from, id);
    return n;
}

static void flood_evicts_itself(void **state) {
    (void)state;
    struct name_table t = {0};
    for (uint32_t id = 0; id < 10; id++) {
        learn(&t, 1, id);
        learn(&t, 2, id);
    }
    for (uint32_t id = 0; id < 50 * MAX; id++)
        learn(&t, 3, id);
    assert_int_equal(known(&t, 1, 10), 10);
    assert_int_equal(known(&t, 2, 10), 10);
    for (uint32_t id = 0; id < 50 * MAX; id++)
        assert_int_equal(knows(&t, 3, id), id >= 50 * MAX - (MAX - 20));
    names_free(&t);
}

/* One that has all of the table gives way until both have the same; what goes is its oldest. */
static void shares_become_equal(void **state) {
    (void)state;
    struct name_table t = {0};
    for (uint32_t id = 0; id < MAX; id++)
        learn(&t, 1, id);
    for (uint32_t id = 0; id < 3 * MAX; id++) {
        learn(&t, 2, id);
        uint32_t theirs = id + 1 < MAX / 2 ? id + 1 : MAX / 2;
        assert_int_equal(known(&t, 2, 3 * MAX), theirs);
        for (uint32_t k = 0; k < MAX; k++)
            assert_int_equal(knows(&t, 1, k), k >= theirs);
    }
    names_free(&t);
}

/* More exporters than there is room for: each that comes has a place, and the table never has more. */
static void exporters_come_and_go(void **state) {
    (void)state;
    struct name_table t = {0};
    for (uint32_t id = 0; id < 20; id++)
        learn(&t, 0, id);
    for (uint32_t n = 1; n < 30 * MAX; n++) {
        learn(&t, n, 7);
        assert_true(knows(&t, n, 7));
        assert_true(t.index.count <= MAX);
        assert_true(t.shares.index.count <= MAX + 1);
    }
    uint32_t all = known(&t, 0, 20);
    for (uint32_t n = 1; n < 30 * MAX; n++)
        all += knows(&t, n, 7);
    assert_int_equal(all, MAX);
    names_free(&t);
}

static void tell(struct told_table *t, uint32_t from, uint32_t id) {
    char scope[16];
    struct fvt_option o = {.exporter = exporter(from), .version = "v9", .template = 256};
    o.nscope = (uint16_t)snprintf(scope, sizeof scope, "{\"s\":%u}", id);
    o.scope = scope;
    o.data = "{}";
    o.ndata = 2;
    told_keep(t, MAX, &o);
}

static void options_likewise(void **state) {
    (void)state;
    struct told_table t = {0};
    for (uint32_t id = 0; id < 10; id++)
        tell(&t, 1, id);
    for (uint32_t id = 0; id < 5 * MAX; id++)
        tell(&t, 2, id);
    uint32_t of[3] = {0};
    const struct flow_ip first = exporter(1);
    for (uint32_t i = 0; i < t.index.count; i++)
        of[flow_ip_cmp(&t.entry[i].option.exporter, &first) == 0 ? 1 : 2]++;
    assert_int_equal(of[1], 10);
    assert_int_equal(of[2], MAX - 10);
    told_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flood_evicts_itself),
        cmocka_unit_test(shares_become_equal),
        cmocka_unit_test(exporters_come_and_go),
        cmocka_unit_test(options_likewise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
