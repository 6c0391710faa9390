/* SPDX-License-Identifier: MIT */
/*
** Which exporters may send, and under which name: the smallest network decides, whatever the order
** they are written in; random networks against a search through all of them.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/sources.h"

static struct flow_ip ip_of(const char *text) {
    struct flow_ip ip;
    assert_int_equal(flow_ip_parse(text, strlen(text), &ip), 0);
    return ip;
}

static const char *ident_of(struct sources *s, const char *text) {
    struct flow_ip ip = ip_of(text);
    const char *ident;
    return sources_admit(s, &ip, &ident) ? ident : "-";
}

static struct sources *make(const char *const *text, size_t n) {
    char message[256] = "";
    struct sources *s = sources_new(text, n, message, sizeof message);
    assert_string_equal(message, "");
    assert_non_null(s);
    return s;
}

static void test_smallest(void **state) {
    const char *const text[] = {"world,0.0.0.0/0",
                                "edge,192.0.2.1,2001:db8::/32",
                                "lab,192.0.2.0/24,10.0.0.0/8;172.16.0.0/12",
                                "rack,10.1.0.0/16",
                                "box,10.1.2.3",
                                "half,192.0.2.128/25",
                                "six,2001:db8:1::/48"};
    struct sources *s = make(text, sizeof text / sizeof *text);
    (void)state;
    assert_string_equal(ident_of(s, "192.0.2.1"), "edge");
    assert_string_equal(ident_of(s, "192.0.2.2"), "lab");
    assert_string_equal(ident_of(s, "192.0.2.127"), "lab");
    assert_string_equal(ident_of(s, "192.0.2.128"), "half");
    assert_string_equal(ident_of(s, "192.0.3.0"), "world");
    assert_string_equal(ident_of(s, "10.1.2.3"), "box");
    assert_string_equal(ident_of(s, "10.1.2.4"), "rack");
    assert_string_equal(ident_of(s, "10.255.255.255"), "lab");
    assert_string_equal(ident_of(s, "172.31.0.1"), "lab");
    assert_string_equal(ident_of(s, "255.255.255.255"), "world");
    assert_string_equal(ident_of(s, "2001:db8::1"), "edge");
    assert_string_equal(ident_of(s, "2001:db8:1::1"), "six");
    assert_string_equal(ident_of(s, "2001:db8:2::"), "edge");
    assert_string_equal(ident_of(s, "2001:db9::"), "-");
    assert_string_equal(ident_of(s, "::"), "-");
    sources_free(s);
}

static void test_none(void **state) {
    (void)state;
    struct sources *s = make(NULL, 0);
    assert_null(ident_of(s, "192.0.2.1"));
    assert_int_equal(sources_dropped(s).dropped, 0);
    sources_free(s);
}

/* Nested and apart at random, in a small corner of the addresses, beside the slow way. */
static void test_random(void **state) {
    enum { NETWORKS = 300, ADDRESSES = 20000 };
    static char text[NETWORKS][64];
    static const char *list[NETWORKS];
    static unsigned address[NETWORKS], length[NETWORKS];
    unsigned seed = (unsigned)getpid(), n = 0;
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    while (n < NETWORKS) {
        unsigned bits = 16 + (unsigned)rand() % 17;
        unsigned net =
            (0x0a000000 | ((unsigned)rand() & 0xffff)) & ~(bits == 32 ? 0u : ~0u >> bits);
        unsigned i = 0;
        while (i < n && (address[i] != net || length[i] != bits))
            i++;
        if (i < n)
            continue;
        address[n] = net;
        length[n] = bits;
        snprintf(text[n], sizeof text[n], "n%u,%u.%u.%u.%u/%u", n, net >> 24, net >> 16 & 255,
                 net >> 8 & 255, net & 255, bits);
        list[n] = text[n];
        n++;
    }
    struct sources *s = make(list, n);
    for (unsigned k = 0; k < ADDRESSES; k++) {
        unsigned a = 0x0a000000 | ((unsigned)rand() & 0x1ffff), best = 0;
        char want[16] = "-", ip[32];
        for (unsigned i = 0; i < n; i++)
            if (length[i] > best && ((a ^ address[i]) >> (32 - length[i])) == 0) {
                best = length[i];
                snprintf(want, sizeof want, "n%u", i);
            }
        snprintf(ip, sizeof ip, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
        assert_string_equal(ident_of(s, ip), want);
    }
    sources_free(s);
}

static void test_dropped(void **state) {
    const char *const text[] = {"edge,192.0.2.0/24"};
    struct sources *s = make(text, 1);
    char ip[64];
    (void)state;
    for (unsigned i = 0; i < SOURCES_STRANGERS_MAX + 10; i++) {
        snprintf(ip, sizeof ip, "10.0.%u.%u", i / 256, i % 256);
        for (unsigned k = 0; k < 3; k++)
            assert_string_equal(ident_of(s, ip), "-");
    }
    assert_string_equal(ident_of(s, "192.0.2.9"), "edge");
    struct sources_counts n = sources_dropped(s);
    assert_int_equal(n.dropped, 3 * (SOURCES_STRANGERS_MAX + 10));
    assert_int_equal(n.n, SOURCES_STRANGERS_MAX);
    assert_int_equal(n.stranger[0].datagrams, 3);
    assert_int_equal(n.others, 30);
    sources_free(s);
}

/* Names that were handed out stay, counters as well. */
static void test_replace(void **state) {
    const char *const before[] = {"edge,192.0.2.0/24"}, *const after[] = {"core,192.0.2.0/24"};
    struct sources *s = make(before, 1);
    const char *old = ident_of(s, "192.0.2.1");
    (void)state;
    assert_string_equal(ident_of(s, "192.0.3.1"), "-");
    sources_replace(s, make(after, 1));
    assert_string_equal(old, "edge");
    assert_string_equal(ident_of(s, "192.0.2.1"), "core");
    assert_int_equal(sources_dropped(s).dropped, 1);
    sources_replace(s, make(NULL, 0));
    assert_null(ident_of(s, "192.0.3.1"));
    sources_free(s);
}

static void test_refused(void **state) {
    static const char *const bad[] = {
        "",
        "edge",
        "edge,",
        ",10.0.0.0/8",
        "edge,10.0.0.0/33",
        "edge,10.0.0.0/8,",
        "edge,host",
        "a b,10.0.0.0/8",
        "n123456789012345678901234567890123456789012345678901234567890123,10.0.0.0/8"};
    const char *const twice[] = {"a,10.0.0.0/8", "b,10.1.0.0/16,10.0.0.0/8"};
    char message[256];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        *message = '\0';
        assert_false(sources_check(bad[i], message, sizeof message));
        assert_true(strlen(message) > 10);
        assert_null(sources_new(&bad[i], 1, message, sizeof message));
    }
    assert_true(sources_check(twice[1], message, sizeof message));
    assert_null(sources_new(twice, 2, message, sizeof message));
    assert_non_null(strstr(message, "10.0.0.0"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallest), cmocka_unit_test(test_none),
        cmocka_unit_test(test_random),   cmocka_unit_test(test_dropped),
        cmocka_unit_test(test_replace),  cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
