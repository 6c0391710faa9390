/* SPDX-License-Identifier: MIT */
/*
** Counters since a flow began: rows of a flow that is reported again and again add up to what it had.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/collector/build.h"

enum { TEMPLATE = 256, HERE = 0x0a000001 };

/* Sends the template, and sets what its records begin with. */
static void begin(struct rig *r, const struct collector_limits *limits, const char *fields) {
    struct bytes b = {.n = 0};
    rig_open(r, limits);
    ipfix(&b, 0, 1);
    template_set(&b, 2, TEMPLATE, fields);
    ipfix_end(&b);
    rig_send(r, &b);
}

static const char full[] = "8/4 12/4 7/2 11/2 4/1 152/8 85/8 86/4";

static void report(struct rig *r, uint32_t from, uint64_t start, uint64_t bytes, uint64_t packets) {
    struct bytes b = {.n = 0};
    ipfix(&b, 0, 1);
    size_t set = set_begin(&b, TEMPLATE);
    put(&b, from, 4);
    put(&b, HERE, 4);
    put(&b, 1000, 2);
    put(&b, 443, 2);
    put(&b, 6, 1);
    put(&b, UINT64_C(1700000000000) + start, 8);
    put(&b, bytes, 8);
    put(&b, packets, 4);
    set_end(&b, set);
    ipfix_end(&b);
    rig_send(r, &b);
}

static void expect(const struct rig *r, size_t row, const char *bytes, const char *packets) {
    assert_string_equal(rig_field(r, row, "bytes"), bytes);
    assert_string_equal(rig_field(r, row, "packets"), packets);
}

static void reports_add_up(void **state) {
    static struct rig r;
    (void)state;
    begin(&r, NULL, full);
    report(&r, 1, 0, 1000, 10);
    report(&r, 2, 0, 70, 1);
    report(&r, 1, 0, 2500, 12);
    report(&r, 1, 0, 2500, 12);
    report(&r, 1, 0, 9000, 20);
    report(&r, 2, 0, 100, 2);
    assert_int_equal(r.rows, 6);
    expect(&r, 0, "1000", "10");
    expect(&r, 1, "70", "1");
    expect(&r, 2, "1500", "2");
    expect(&r, 3, "0", "0");
    expect(&r, 4, "6500", "8");
    expect(&r, 5, "30", "1");
    assert_int_equal(rig_stat(&r, "ipfix", 1)->bytes, 9100);
    rig_close(&r);
}

/* Another start is another flow, also with less; a report that comes late says nothing new. */
static void starts_and_late_ones(void **state) {
    static struct rig r;
    (void)state;
    begin(&r, NULL, full);
    report(&r, 1, 0, 1000, 10);
    report(&r, 1, 60000, 400, 4);
    report(&r, 1, 60000, 300, 3);
    report(&r, 1, 60000, 500, 5);
    expect(&r, 1, "400", "4");
    expect(&r, 2, "0", "0");
    expect(&r, 3, "100", "1");
    rig_close(&r);
}

/* Delta counters win where there are both, and stay what they are. */
static void deltas_stay(void **state) {
    static struct rig r;
    (void)state;
    begin(&r, NULL, "8/4 12/4 7/2 11/2 4/1 152/8 1/8 2/4");
    report(&r, 1, 0, 1000, 10);
    report(&r, 1, 0, 2500, 12);
    expect(&r, 0, "1000", "10");
    expect(&r, 1, "2500", "12");
    assert_int_equal(r.c->totals.index.count, 0);
    rig_close(&r);
}

/* Without a start a flow that goes on is not told from a new one. */
static void without_a_start(void **state) {
    static struct rig r;
    (void)state;
    begin(&r, NULL, "8/4 12/4 7/2 11/2 4/1 210/8 85/8 86/4");
    report(&r, 1, 0, 1000, 10);
    report(&r, 1, 0, 2500, 12);
    expect(&r, 1, "2500", "12");
    assert_int_equal(r.c->totals.unknown, 2);
    rig_close(&r);
}

/* Those of the reverse direction, RFC 5103. */
static void both_directions(void **state) {
    static struct rig r;
    (void)state;
    begin(&r, NULL, "8/4 12/4 7/2 11/2 4/1 152/8 85/8 29305:85/4");
    report(&r, 1, 0, 1000, 10);
    report(&r, 1, 0, 1500, 70);
    assert_string_equal(rig_field(&r, 1, "bytes"), "500");
    assert_string_equal(rig_field(&r, 1, "outbytes"), "60");
    rig_close(&r);
}

static void memory_is_bounded(void **state) {
    static struct rig r;
    (void)state;
    begin(&r, NULL, full);
    r.c->limits.totals = 10;
    report(&r, 1, 0, 1000, 10);
    report(&r, 1, 0, 1100, 11);
    for (uint32_t from = 2; from <= 11; from++)
        report(&r, from, 0, 500, 5);
    assert_int_equal(r.c->totals.index.count, 10);
    assert_int_equal(r.c->totals.forgotten, 1);
    report(&r, 11, 0, 600, 6);
    expect(&r, r.rows - 1, "100", "1");
    report(&r, 1, 0, 1200, 12); /* is new again */
    expect(&r, r.rows - 1, "1200", "12");
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_add_up),  cmocka_unit_test(starts_and_late_ones),
        cmocka_unit_test(deltas_stay),     cmocka_unit_test(without_a_start),
        cmocka_unit_test(both_directions), cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
