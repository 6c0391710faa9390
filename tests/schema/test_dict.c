/* SPDX-License-Identifier: MIT */
/*
** Sets of addresses and texts while they are built: entries have the same numbers whether they come one by one, many
** at once, or as octets of IPv4, and are found again when the set has grown.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "schema/dict.h"

enum { MANY = 20000, STEP = 200, DIFFERENT = 7000 };

/* Address i of some, with zeros where such of the other family have their octets. */
static struct flow_ip address(uint32_t i, bool six) {
    const uint32_t mixed = i * UINT32_C(2654435761);
    const uint8_t octets[16] = {(uint8_t)(mixed >> 24), (uint8_t)(mixed >> 16),
                                (uint8_t)(mixed >> 8), (uint8_t)mixed};
    return flow_ip_make(six ? 6 : 4, octets);
}

static uint32_t draw(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void addresses(void **unused) {
    (void)unused;
    static struct flow_ip ip[MANY];
    static uint8_t octets[MANY][4];
    struct dict_builder one, some, bare;
    dict_builder_init(&one, FLOW_IP);
    dict_builder_init(&some, FLOW_IP);
    dict_builder_init(&bare, FLOW_IP);
    for (int six = 0; six < 2; six++) {
        uint32_t state = 1, number[STEP];
        for (uint32_t i = 0; i < MANY; i++) {
            ip[i] = address(draw(&state) % DIFFERENT, six && i % 3);
            memcpy(octets[i], ip[i].addr, sizeof octets[i]);
        }
        for (uint32_t at = 0; at < MANY; at += STEP) {
            assert_true(dict_builder_ips(&some, ip + at, STEP, number));
            for (uint32_t i = 0; i < STEP; i++) {
                assert_int_equal(dict_builder_ip(&one, &ip[at + i]), number[i]);
                assert_true(dict_same_ip(&some.ip[number[i]], &ip[at + i]));
            }
            if (six)
                continue;
            assert_true(dict_builder_ipv4s(&bare, (const uint8_t(*)[4])octets + at, STEP, number));
            for (uint32_t i = 0; i < STEP; i++) {
                assert_int_equal(dict_builder_ip(&one, &ip[at + i]), number[i]);
                assert_true(dict_same_ip(&bare.ip[number[i]], &ip[at + i]));
            }
        }
        assert_int_equal(one.n, some.n);
        assert_true(six ? one.n > DIFFERENT : one.n <= DIFFERENT && one.n == bare.n);
    }
    dict_builder_clear(&bare);
    uint32_t number[STEP];
    assert_true(dict_builder_ipv4s(&bare, (const uint8_t(*)[4])octets, 1, number));
    assert_int_equal(number[0], 0);
    assert_int_equal(bare.n, 1);
    dict_builder_free(&one);
    dict_builder_free(&some);
    dict_builder_free(&bare);
}

static void texts(void **unused) {
    (void)unused;
    struct dict_builder d;
    dict_builder_init(&d, FLOW_TEXT);
    for (int again = 0; again < 2; again++)
        for (uint32_t i = 0; i < DIFFERENT; i++) {
            char text[32];
            const int n = snprintf(text, sizeof text, "%u", i);
            assert_int_equal(dict_builder_text(&d, text, (size_t)n), i);
        }
    assert_int_equal(d.n, DIFFERENT);
    dict_builder_free(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses), cmocka_unit_test(texts)};
    return cmocka_run_group_tests_name("schema/dict", tests, NULL, NULL);
}
