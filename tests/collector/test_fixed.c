/* SPDX-License-Identifier: MIT */
/*
** NetFlow v1, v5, v6, v7 and v8: where each field is, counts that are not true, what is lost.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "build.h"

static struct bytes b;
static struct rig r;

/* Exported .5 s after second 1700000000, with an uptime of 100000 ms. */
static void header(unsigned version, unsigned count) {
    put(&b, version, 2);
    put(&b, count, 2);
    put_hex(&b, "000186a0 6553f100 1dcd6500");
}
static void header8(unsigned scheme, unsigned count, uint32_t sequence) {
    header(8, count);
    put(&b, sequence, 4);
    put_hex(&b, "01 02");
    put(&b, scheme, 1);
    put_hex(&b, "02 00000000");
}

/* Octets of the addresses, totals and times that most records have. */
#define FLOW "0a000001 c0000201 0a0000fe 0003 0004 00000002 00000050 000182b8 000186a0 01bb c000 "
#define COUNTERS "00000002 00000050 000182b8 000186a0 "
#define TOTAL "00000007 " COUNTERS
#define TIMES "tstart=2023-11-14T22:13:19.500 tend=2023-11-14T22:13:20.500 "
#define FLOW_TEXT(flags)                                                                         \
    TIMES "proto=6 srcip=10.0.0.1 srcport=443 dstip=192.0.2.1 dstport=49152 tcpflags=18 tos=16 " \
          "packets=2 bytes=80 inif=3 outif=4 " flags "next=10.0.0.254 ipversion=4"
#define ROUTES "srcas=65000 dstas=1 srcmask=24 dstmask=16 "

/* Unknown octets, which no field may take, are ee. */
static const struct layout {
    unsigned version, scheme;
    const char *record, *text;
} layouts[] = {
    {1, 0, FLOW "eeee 06 10 12 eeeeeeeeeeeeee", FLOW_TEXT("")},
    {5, 0, FLOW "ee 12 06 10 fde8 0001 18 10 eeee", FLOW_TEXT(ROUTES)},
    {6, 0, FLOW "ee 12 06 10 fde8 0001 18 10 eeee eeeeeeee", FLOW_TEXT(ROUTES)},
    {7, 0, FLOW "ee 12 06 10 fde8 0001 18 10 eeee eeeeeeee", FLOW_TEXT(ROUTES)},
    {8, 1, TOTAL "fde8 0001 0003 0004",
     TIMES "packets=2 bytes=80 flows=7 inif=3 outif=4 srcas=65000 dstas=1"},
    {8, 2, TOTAL "06 eeeeee 01bb c000",
     TIMES "proto=6 srcport=443 dstport=49152 packets=2 bytes=80 flows=7"},
    {8, 3, TOTAL "0a000000 18 ee fde8 0003 eeee",
     TIMES "srcip=10.0.0.0 packets=2 bytes=80 flows=7 inif=3 srcas=65000 srcmask=24 ipversion=4"},
    {8, 4, TOTAL "c0000200 10 ee 0001 0004 eeee",
     TIMES "dstip=192.0.2.0 packets=2 bytes=80 flows=7 outif=4 dstas=1 dstmask=16 ipversion=4"},
    {8, 5, TOTAL "0a000000 c0000200 10 18 eeee fde8 0001 0003 0004",
     TIMES "srcip=10.0.0.0 dstip=192.0.2.0 packets=2 bytes=80 flows=7 inif=3 outif=4 " ROUTES
           "ipversion=4"},
    {8, 6, "c0000201 " COUNTERS "0004 10 ee eeeeeeee eeeeeeee",
     TIMES "dstip=192.0.2.1 tos=16 packets=2 bytes=80 outif=4 ipversion=4"},
    {8, 7, "c0000201 0a000001 " COUNTERS "0004 0003 10 ee eeee eeeeeeee eeeeeeee",
     TIMES "srcip=10.0.0.1 dstip=192.0.2.1 tos=16 packets=2 bytes=80 inif=3 outif=4 ipversion=4"},
    {8, 8, "c0000201 0a000001 c000 01bb " COUNTERS "0004 0003 10 06 ee ee eeeeeeee eeeeeeee",
     TIMES "proto=6 srcip=10.0.0.1 srcport=443 dstip=192.0.2.1 dstport=49152 tos=16 packets=2 "
           "bytes=80 inif=3 outif=4 ipversion=4"},
    {8, 9, TOTAL "fde8 0001 0003 0004 10 ee eeee",
     TIMES "tos=16 packets=2 bytes=80 flows=7 inif=3 outif=4 srcas=65000 dstas=1"},
    {8, 10, TOTAL "06 10 eeee 01bb c000 0003 0004",
     TIMES "proto=6 srcport=443 dstport=49152 tos=16 packets=2 bytes=80 flows=7 inif=3 outif=4"},
    {8, 11, TOTAL "0a000000 18 10 fde8 0003 eeee",
     TIMES "srcip=10.0.0.0 tos=16 packets=2 bytes=80 flows=7 inif=3 srcas=65000 srcmask=24 "
           "ipversion=4"},
    {8, 12, TOTAL "c0000200 10 10 0001 0004 eeee",
     TIMES "dstip=192.0.2.0 tos=16 packets=2 bytes=80 flows=7 outif=4 dstas=1 dstmask=16 "
           "ipversion=4"},
    {8, 13, TOTAL "0a000000 c0000200 10 18 10 ee fde8 0001 0003 0004",
     TIMES "srcip=10.0.0.0 dstip=192.0.2.0 tos=16 packets=2 bytes=80 flows=7 inif=3 outif=4 " ROUTES
           "ipversion=4"},
    {8, 14, TOTAL "0a000000 c0000200 10 18 10 06 01bb c000 0003 0004",
     TIMES "proto=6 srcip=10.0.0.0 srcport=443 dstip=192.0.2.0 dstport=49152 tos=16 packets=2 "
           "bytes=80 flows=7 inif=3 outif=4 srcmask=24 dstmask=16 ipversion=4"},
};

static void layout_header(const struct layout *l, unsigned count) {
    if (l->scheme) {
        header8(l->scheme, count, 5);
        return;
    }
    header(l->version, count);
    if (l->version > 1)
        put_hex(&b, l->version == 5 ? "00000005 01 02 4064" : "00000005 01 02 eeee"); /* 1:100 */
}

static void every_field_in_its_place(void **state) {
    (void)state;
    static const struct {
        unsigned count, there;
        size_t rows;
        bool fault;
    } cases[] = {{2, 2, 2, false}, {55582, 3, 3, true}, {1, 2, 1, false}, {0, 0, 0, false}};
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            const struct layout *l = &layouts[i];
            char version[4];
            snprintf(version, sizeof version, "v%u", l->version % 10);
            b.n = 0;
            rig_open(&r, NULL);
            layout_header(l, cases[k].count);
            for (unsigned n = 0; n < cases[k].there; n++)
                put_hex(&b, l->record);
            rig_send(&r, &b);
            if (r.rows != cases[k].rows || r.faults[FVT_BAD_SHORT] != cases[k].fault)
                fail_msg("v%u.%u: %zu rows of %u", l->version, l->scheme, r.rows, cases[k].count);
            for (size_t n = 0; n < r.rows; n++) {
                assert_string_equal(rig_text(&r, n), l->text);
                assert_string_equal(rig_field(&r, n, "enginetype"), l->version > 1 ? "1" : "NULL");
                assert_string_equal(rig_field(&r, n, "engineid"), l->version > 1 ? "2" : "NULL");
                assert_string_equal(rig_field(&r, n, "sampling"), l->version == 5 ? "100" : "NULL");
            }
            uint32_t odid = l->version > 1 ? 258 + (l->scheme << 16) : 0;
            const struct fvt_exporter *e = rig_stat(&r, version, odid);
            assert_non_null(e);
            assert_int_equal(e->bytes, 80 * r.rows);
            assert_int_equal(e->lost, 0);
            rig_close(&r);
        }
}

static void cut_headers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        b.n = 0;
        layout_header(&layouts[i], 1);
        for (size_t n = 2, whole = b.n; n < whole; n++) {
            rig_open(&r, NULL);
            b.n = n;
            rig_send(&r, &b);
            assert_int_equal(r.faults[FVT_BAD_SHORT], 1);
            assert_int_equal(r.rows, 0);
            rig_close(&r);
            b.n = 0;
            layout_header(&layouts[i], 1);
        }
    }
}

static void schemes_nobody_knows(void **state) {
    (void)state;
    static const unsigned schemes[] = {0, 15, 255};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        b.n = 0;
        rig_open(&r, NULL);
        header8(schemes[i], 1, 0);
        put_hex(&b, layouts[4].record);
        rig_send(&r, &b);
        assert_int_equal(r.rows, 0);
        assert_int_equal(r.faults[FVT_BAD_VERSION], 1);
        rig_close(&r);
    }
}

/* Each scheme counts its own records. */
static void schemes_are_numbered_apart(void **state) {
    (void)state;
    static const struct {
        unsigned scheme;
        uint32_t sequence;
    } datagrams[] = {{1, 10}, {9, 900}, {1, 11}, {9, 901}, {1, 15}, {9, 902}};
    b.n = 0;
    rig_open(&r, NULL);
    for (size_t i = 0; i < sizeof datagrams / sizeof *datagrams; i++) {
        header8(datagrams[i].scheme, 1, datagrams[i].sequence);
        put_hex(&b, layouts[datagrams[i].scheme + 3].record);
        rig_send(&r, &b);
    }
    assert_int_equal(r.rows, 6);
    assert_int_equal(rig_stat(&r, "v8", 1 << 16 | 258)->lost, 3);
    assert_int_equal(rig_stat(&r, "v8", 9 << 16 | 258)->lost, 0);
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_in_its_place),
        cmocka_unit_test(cut_headers),
        cmocka_unit_test(schemes_nobody_knows),
        cmocka_unit_test(schemes_are_numbered_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
