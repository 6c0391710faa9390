/* SPDX-License-Identifier: MIT */
/*
** Sampling rates that the operator sets: how they are written, which one an exporter has, and what
** becomes of flows and of what the exporter announces.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "build.h"
#include "collector/rates.h"

static void add(struct rates *r, const char *text, bool instead) {
    char message[256];
    if (!rates_add(r, text, instead, message, sizeof message))
        fail_msg("%s: %s", text, message);
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "'' is no number"},
        {"0", "'0' is no number from 1 to 4294967295"},
        {"-0", "'0' is no number"},
        {"--5", "'-5' is no number"},
        {"+5", "'+5' is no number"},
        {"4294967296", "'4294967296' is no number"},
        {"99999999999999999999", "is no number"},
        {"10x", "'10x' is no number"},
        {"192.0.2.1=", "'' is no number"},
        {"=10", "'' is no address or network"},
        {"router=10", "'router' is no address or network"},
        {"192.0.2.0/33=10", "'192.0.2.0/33' is no address or network"},
    };
    struct rates r = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[256] = "";
        if (rates_add(&r, cases[i].text, false, message, sizeof message) ||
            !strstr(message, cases[i].message))
            fail_msg("'%s': got: %s", cases[i].text, message);
    }
    assert_int_equal(r.n, 0);
}

/* Of an exporter: the longest prefix, of equal ones the last, the two kinds apart. */
static void chosen(void **state) {
    (void)state;
    static const struct {
        const char *exporter;
        uint64_t fallback, instead;
    } cases[] = {
        {"192.0.2.1", 4, 0},    {"192.0.2.2", 30, 0},  {"192.0.3.1", 20, 77},
        {"198.51.100.1", 1, 9}, {"2001:db8::1", 6, 9}, {"2001:db9::1", 1, 9},
    };
    struct rates r = {0};
    add(&r, "192.0.2.1=4", false);
    add(&r, "10", false);
    add(&r, "192.0.2.0/24=3", false);
    add(&r, "192.0.2.0/24=30", false);
    add(&r, "192.0.0.0/16=20", false);
    add(&r, "1", false);
    add(&r, "2001:db8::/32=6", false);
    add(&r, "192.0.3.0/24=-77", false);
    add(&r, "198.51.100.0/24=9", true);
    add(&r, "2001::/16=-9", true);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flow_ip ip;
        assert_int_equal(flow_ip_parse(cases[i].exporter, strlen(cases[i].exporter), &ip), 0);
        struct operator_rate o = rates_of(&r, &ip);
        if (o.fallback != cases[i].fallback || o.instead != cases[i].instead)
            fail_msg("%s: got %d and %d", cases[i].exporter, (int)o.fallback, (int)o.instead);
    }
    rates_free(&r);
}

/* A flow without a rate, one with its own, and what options data announce. */
static void applied(void **state) {
    (void)state;
    static const struct {
        const char *line, *without, *own, *announced;
        enum fvt_sampling origin;
        uint64_t kept;
    } cases[] = {
        {"1", "1", "100", "3", FVT_SAMPLING_OPTIONS, 3},
        {"192.0.2.1=50", "50", "100", "3", FVT_SAMPLING_OPTIONS, 3},
        {"192.0.2.2=50", "NULL", "100", "3", FVT_SAMPLING_OPTIONS, 3},
        {"-50", "50", "50", "50", FVT_SAMPLING_OVERRIDE, 50},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes b = {.n = 0};
        struct rig r;
        rig_open(&r, NULL);
        add(&r.c->rates, cases[i].line, false);
        ipfix(&b, 0, 1);
        template_set(&b, 2, 300, "1/1");
        template_set(&b, 2, 301, "1/1 34/4");
        put_set(&b, 3, "0190 0002 0001 0095 0004 0022 0004");
        put_set(&b, 300, "05");
        put_set(&b, 301, "05 00000064");
        put_set(&b, 400, "00000001 00000003");
        put_set(&b, 300, "05");
        ipfix_end(&b);
        rig_send(&r, &b);
        assert_int_equal(r.rows, 3);
        assert_string_equal(rig_field(&r, 0, "sampling"), cases[i].without);
        assert_string_equal(rig_field(&r, 1, "sampling"), cases[i].own);
        assert_string_equal(rig_field(&r, 2, "sampling"), cases[i].announced);
        assert_string_equal(rig_field(&r, 2, "bytes"), "5");
        const struct fvt_exporter *stat = rig_stat(&r, "ipfix", 1);
        assert_int_equal(stat->sampling, cases[i].kept);
        assert_int_equal(stat->sampling_origin, cases[i].origin);
        rig_close(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(chosen),
        cmocka_unit_test(applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
