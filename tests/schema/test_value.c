/* SPDX-License-Identifier: MIT */
/*
** Addresses as text are what inet_ntop() makes of them, and are read as the same addresses again.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "schema/value.h"

static void is_as_by_inet_ntop(int family, const uint8_t *octets) {
    char got[FLOW_IP_TEXT], want[INET6_ADDRSTRLEN];
    struct flow_ip ip = flow_ip_make(family, octets), again;
    assert_non_null(inet_ntop(family == 4 ? AF_INET : AF_INET6, octets, want, sizeof want));
    assert_int_equal(flow_ip_text(&ip, got), strlen(want));
    assert_string_equal(got, want);
    assert_int_equal(flow_ip_parse(got, strlen(got), &again), 0);
    assert_int_equal(flow_ip_cmp(&ip, &again), 0);
}

/* Each group is one of some in all their combinations: runs of zeros of every length and place. */
static void every_run_of_zeros(void **state) {
    (void)state;
    static const uint16_t groups[] = {0, 0xffff, 0x10};
    enum { GROUPS = sizeof groups / sizeof *groups, ALL = 3 * 3 * 3 * 3 * 3 * 3 * 3 * 3 };
    for (int i = 0; i < ALL; i++) {
        uint8_t octets[16];
        for (int g = 0, rest = i; g < 8; g++, rest /= GROUPS) {
            octets[2 * g] = (uint8_t)(groups[rest % GROUPS] >> 8);
            octets[2 * g + 1] = (uint8_t)groups[rest % GROUPS];
        }
        is_as_by_inet_ntop(6, octets);
    }
}

static void every_group(void **state) {
    (void)state;
    for (unsigned v = 0; v < 65536; v++) {
        const uint8_t high = (uint8_t)(v >> 8), low = (uint8_t)v;
        is_as_by_inet_ntop(
            6, (const uint8_t[16]){0x20, 1, high, low, 0, 0, 0, 0, 0, 0, 0, 0, low, high, 0, 1});
        is_as_by_inet_ntop(
            6, (const uint8_t[16]){0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, high, low});
        is_as_by_inet_ntop(4, (const uint8_t[4]){high, low, low, high});
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_run_of_zeros),
        cmocka_unit_test(every_group),
    };
    return cmocka_run_group_tests_name("schema/value", tests, NULL, NULL);
}
