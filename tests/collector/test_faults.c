/* SPDX-License-Identifier: MIT */
/*
** Malformed datagrams: each is counted under its cause, with the octets that could not be used, and what is good in
** it is kept.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "build.h"

#define V9 "0009 0001 000186a0 6553f100 00000001 00000000"
#define IPFIX(length) "000a " length " 6553f100 00000001 00000000"
#define V5(count) "0005 " count " 000186a0 6553f100 00000000 00000001 00 00 0000"
#define TEMPLATE "0000 0010 0100 0002 0001 0004 0002 0004" /* 256: octets and packets */
#define SFLOW "00000005 00000001 c0000201 00000000 00000001 000003e8"
#define RECORD5                                                                                    \
    "0a000001 0a000002 00000000 0001 0002 00000003 0000012c 00000000 00000000 0050 0051 00 10 06 " \
    "00 0000 0000 00 00 0000"

static const struct {
    const char *name, *octets, *version;
    enum fvt_malformed cause; /* FVT_NBAD: none */
    uint64_t skipped;
    size_t rows;
} cases[] = {
    {"one octet", "00", "unknown", FVT_BAD_SHORT, 1, 0},
    {"no protocol", "4242 4242 42", "unknown", FVT_BAD_VERSION, 5, 0},
    {"v5: half a header", "0005 0001 0000", "v5", FVT_BAD_SHORT, 6, 0},
    {"v5: a count that is too high, and half a record", V5("0002") RECORD5 "0a000001", "v5",
     FVT_BAD_SHORT, 4, 1},
    {"v9: half a header", "0009 0001", "v9", FVT_BAD_SHORT, 4, 0},
    {"v9: a set of two octets", V9 "0100 0002 0001", "v9", FVT_BAD_SET, 6, 0},
    {"v9: a set that is cut off", V9 TEMPLATE "0100 0018 00000001 00000002 00000003 00000004", "v9",
     FVT_BAD_SET, 0, 2},
    {"v9: a set number that is none", V9 "0007 000c 00000001 00000002" TEMPLATE, "v9", FVT_BAD_SET,
     12, 0},
    {"v9: octets behind the sets", V9 TEMPLATE "ff ff ff", "v9", FVT_BAD_SET, 3, 0},
    {"v9: a template with more fields than there are", V9 "0000 0010 0100 0009 0001 0004 0002 0004",
     "v9", FVT_BAD_TEMPLATE, 12, 0},
    {"v9: a template without octets", V9 "0000 000c 0100 0001 0001 0000", "v9", FVT_BAD_TEMPLATE, 8,
     0},
    {"v9: half a record", V9 TEMPLATE "0100 0012 00000001 00000002 01020304 0506", "v9",
     FVT_BAD_RECORD, 6, 1},
    {"v9: padding is none of this", V9 TEMPLATE "0100 0010 00000001 00000002 00000000", "v9",
     FVT_NBAD, 0, 1},
    {"IPFIX: half a header", "000a 0010 6553", "ipfix", FVT_BAD_SHORT, 6, 0},
    {"IPFIX: a message that is cut off", IPFIX("0099") "0002 0010 0100 0002 0001 0004 0002 0004",
     "ipfix", FVT_BAD_SHORT, 0, 0},
    {"IPFIX: octets behind the message", IPFIX("0010") "dead beef", "ipfix", FVT_BAD_SHORT, 4, 0},
    {"sFlow: half a header", "00000005 00000001 c000", "sflow", FVT_BAD_SHORT, 10, 0},
    {"sFlow: a sample that is not there", SFLOW "00000002 00000009 00000000", "sflow",
     FVT_BAD_SHORT, 0, 0},
    {"sFlow: a sample that is longer than the datagram",
     SFLOW "00000001 00000001 00000100 00000000", "sflow", FVT_BAD_SET, 12, 0},
    {"sFlow: a sample that is shorter than its head", SFLOW "00000001 00000001 00000004 00000000",
     "sflow", FVT_BAD_RECORD, 4, 0},
};

static void causes(void **state) {
    (void)state;
    static struct rig r;
    static struct bytes b;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig_open(&r, NULL);
        put_hex(&b, cases[i].octets);
        rig_send(&r, &b);
        const struct fvt_exporter *e = rig_stat(&r, cases[i].version, 0);
        if (!e)
            fail_msg("%s: no exporter", cases[i].name);
        for (int k = 0; k < FVT_NBAD; k++) {
            bool is = k == (int)cases[i].cause;
            if (e->malformed[k] != is || e->malformed_octets[k] != (is ? cases[i].skipped : 0))
                fail_msg("%s: %s: %llu datagrams, %llu octets", cases[i].name,
                         fvt_malformed_names[k], (unsigned long long)e->malformed[k],
                         (unsigned long long)e->malformed_octets[k]);
        }
        if (r.rows != cases[i].rows)
            fail_msg("%s: %zu rows", cases[i].name, r.rows);
        rig_close(&r);
    }
}

/* Several faults of one cause are one malformed datagram, whose octets add up; and data that never had a template
** has octets, too. */
static void sums(void **state) {
    (void)state;
    static struct rig r;
    static struct bytes b;
    rig_open(&r, NULL);
    put_hex(&b, V9 "0007 0008 00000001 0008 000c 00000001 00000002 0100 000c 0000 0000 0000 0001");
    rig_send(&r, &b);
    collector_drop_pending(r.c);
    const struct fvt_exporter *e = rig_stat(&r, "v9", 0);
    assert_int_equal(e->malformed[FVT_BAD_SET], 1);
    assert_int_equal(e->malformed_octets[FVT_BAD_SET], 20);
    assert_int_equal(e->no_template, 1);
    assert_int_equal(e->no_template_octets, 8);
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causes),
        cmocka_unit_test(sums),
    };
    return cmocka_run_group_tests_name("collector: faults", tests, NULL, NULL);
}
