/* SPDX-License-Identifier: MIT */
/*
** What becomes of the octets of one record: a table of templates, records and the rows expected.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "build.h"

/* exported at 1700000000 s = 2023-11-14 22:13:20, received one second later; v9 uptime 100 s. */
#define EXPORTED "2023-11-14T22:13:20.000"
#define RECEIVED "2023-11-14T22:13:21.000"
#define ARRIVAL "tstart=" RECEIVED " tend=" RECEIVED

#define UDP_PACKET "45000064 00000000 40110000 0a000001 0a000002 0035 0400 0050 0000"
/* with the counters between the two */
#define UDP_ROW " proto=17 srcip=10.0.0.1 srcport=53 dstip=10.0.0.2 dstport=1024 tos=0"
#define UDP_LENGTHS " ipversion=4 minttl=64 maxttl=64 minlen=100 maxlen=100"
#define UDP_MACS " insrcmac=02:00:00:00:00:01 indstmac=02:00:00:00:00:02 ethertype=2048"

static const struct {
    int version; /* 9 or 10 */
    const char *fields, *record, *row;
} cases[] = {
    /* integers of every length, RFC 7011 6.2 */
    {10, "1/1 2/2", "07 0100", ARRIVAL " packets=256 bytes=7"},
    {10, "1/3 2/4", "010000 00000002", ARRIVAL " packets=2 bytes=65536"},
    {10, "1/5 2/6", "0100000000 000000000003", ARRIVAL " packets=3 bytes=4294967296"},
    {10, "1/7 2/8", "00000000000009 0000000000000004", ARRIVAL " packets=4 bytes=9"},
    {10, "1/8 2/1", "ffffffffffffffff 01", ARRIVAL " packets=1 bytes=9223372036854775807"},
    {10, "1/9 2/1", "00 0000000000000005 01", ARRIVAL " packets=1"},
    {10, "1/0 2/1", "01", ARRIVAL " packets=1"},
    {10, "6/2 14/4 10/2", "0112 00010000 0007", ARRIVAL " tcpflags=274 inif=7 outif=65536"},
    /* TCP flags of 16 bits, RFC 7125: the highest four are to be ignored */
    {10, "6/2 29305:6/2", "5018 a112", ARRIVAL " tcpflags=24 revtcpflags=274"},
    {10, "6/v 1/1", "02 f1ff 07", ARRIVAL " tcpflags=511 bytes=7"},
    {9, "6/4 1/1", "00005002 07", ARRIVAL " tcpflags=2 bytes=7"},
    /* YAF: of the first packet, of the others */
    {10, "4/1 6871:14/1 6871:15/1 6871:16398/1 6871:16399/1", "06 02 18 12 10",
     ARRIVAL " proto=6 tcpflags=26 revtcpflags=18"},
    {10, "4/1 6871:14/1 6871:15/1", "11 00 00", ARRIVAL " proto=17"},
    /* choice among elements: deltas before totals before initiator octets */
    {10, "85/4 1/4 231/4", "00000063 00000005 00000007", ARRIVAL " bytes=5"},
    {10, "231/4 86/4 85/4", "00000001 00000002 00000003", ARRIVAL " packets=2 bytes=3"},
    {10, "231/4 232/4 298/4 299/4", "00000001 00000002 00000003 00000004",
     ARRIVAL " packets=3 bytes=1 outpackets=4 outbytes=2"},
    /* addresses of both families in one template: the one that is not zero */
    {9, "8/4 27/16", "0a000001 00000000000000000000000000000000",
     ARRIVAL " srcip=10.0.0.1 ipversion=4"},
    {9, "8/4 27/16", "00000000 20010db8000000000000000000000001",
     ARRIVAL " srcip=2001:db8::1 ipversion=6"},
    {9, "27/16 8/4", "20010db8000000000000000000000001 00000000",
     ARRIVAL " srcip=2001:db8::1 ipversion=6"},
    {9, "8/4 27/16", "00000000 00000000000000000000000000000000", ARRIVAL " srcip=:: ipversion=6"},
    {10, "12/4 60/1", "0a000002 04", ARRIVAL " dstip=10.0.0.2 ipversion=4"},
    {10, "12/5 2/1", "0a00000200 01", ARRIVAL " packets=1"},
    /* Cisco AVC: client and server, unless there are source and destination */
    {10, "9:12236/4 9:12237/4 9:12240/2 9:12241/2", "0a000001 0a000002 0400 0050",
     ARRIVAL " srcip=10.0.0.1 srcport=1024 dstip=10.0.0.2 dstport=80 ipversion=4"},
    {9, "45006/16 45007/16 45009/2",
     "20010db8000000000000000000000001 20010db8000000000000000000000002 0050",
     ARRIVAL " srcip=2001:db8::1 dstip=2001:db8::2 dstport=80 ipversion=6"},
    {10, "8/4 12/4 9:12236/4", "0a000001 0a000002 0a000002",
     ARRIVAL " srcip=10.0.0.1 dstip=10.0.0.2 ipversion=4"},
    /* an inner header announced behind the outer one */
    {10, "27/16 4/1 7/2 8/4 4/1 7/2", "20010db8000000000000000000000001 04 0000 0a000001 11 0035",
     ARRIVAL " proto=17 srcip=10.0.0.1 srcport=53 ipversion=4"},
    /* the first octets of a packet: it counts, with the length in its own header */
    {10, "312/2 315/v", "0072 2a 020000000002 020000000001 0800 " UDP_PACKET,
     ARRIVAL UDP_ROW " packets=1 bytes=100" UDP_MACS UDP_LENGTHS},
    {10, "315/60 408/2",
     "0800 3a01 020000000002 020000000001 020000000003 0000 aaaa03 000000 0800 " UDP_PACKET " 0002",
     ARRIVAL UDP_ROW " packets=1 bytes=100" UDP_MACS UDP_LENGTHS},
    {10, "313/28 1/4 2/4", UDP_PACKET " 00001000 00000004",
     ARRIVAL UDP_ROW " packets=4 bytes=4096" UDP_LENGTHS},
    {10, "8/4 313/28", "0a000009 " UDP_PACKET, ARRIVAL " srcip=10.0.0.9 ipversion=4"},
    {10, "312/2 315/16", "0200 020000000002 020000000001 0806 0001",
     ARRIVAL " packets=1 bytes=512 insrcmac=02:00:00:00:00:01 indstmac=02:00:00:00:00:02"},
    {10, "315/v 2/1", "00 05", ARRIVAL " packets=5"},
    /* enterprise elements are stepped over, reverse ones are known (RFC 5103) */
    {10, "9:1/4 1/1 29305:1/4 29305:2/1 35632:57590/2", "ffffffff 09 00000008 02 ffff",
     ARRIVAL " bytes=9 outpackets=2 outbytes=8"},
    {10, "29305:152/8 29305:6/1", "0000018bcfe56800 12",
     ARRIVAL " revtstart=" EXPORTED " revtcpflags=18"},
    /* v9 types over 32767 are no enterprise elements */
    {9, "33002/2 40005/1 40001/4", "07d0 02 c0000201",
     ARRIVAL " natsrcip=192.0.2.1 fwevent=2 fwxevent=2000"},
    {9, "40000/8 1/1", "616c696365000000 05", ARRIVAL " bytes=5 username=\"alice\""},
    /* variable length, short and long form; text is cleaned */
    {10, "371/v 1/1", "03 626f62 07", ARRIVAL " bytes=7 username=\"bob\""},
    {10, "371/v 1/v", "ff0003 626f62 02 0100", ARRIVAL " bytes=256 username=\"bob\""},
    {10, "371/v 1/1", "00 07", ARRIVAL " bytes=7 username=\"\""},
    {10, "371/v 1/1", "04 62c3bc00 07", ARRIVAL " bytes=7 username=\"b\xc3\xbc\""},
    {10, "371/v 1/1", "07 61 ff c3 62 c0af 00 07", ARRIVAL " bytes=7 username=\"a??b??\""},
    {10, "371/v 1/1", "06 eda080 610062 07", ARRIVAL " bytes=7 username=\"???a?b\""},
    {10, "371/v 8/v", "00 04 0a000003", ARRIVAL " srcip=10.0.0.3 ipversion=4 username=\"\""},
    {10, "371/v 8/v", "00 03 0a0000", ARRIVAL " username=\"\""},
    /* application ids, RFC 6759 */
    {10, "95/4", "0d000048", ARRIVAL " appid=\"13:72\""},
    {10, "95/v", "07 1400000009 0102", ARRIVAL " appid=\"20:9:258\""},
    {10, "95/1 1/1", "0d 01", ARRIVAL " bytes=1"},
    /* MAC addresses, VLAN */
    {10, "56/6 58/2 243/2", "0200000000ff 0064 0065",
     ARRIVAL " srcvlan=100 insrcmac=02:00:00:00:00:ff"},
    /* directions */
    {10, "61/1 1/1", "01 01", ARRIVAL " bytes=1 direction=1"},
    {10, "61/1 1/1", "ff 01", ARRIVAL " bytes=1"},
    /* every form of time */
    {10, "150/4 151/4", "65 53f100 65 53f10a", "tstart=" EXPORTED " tend=2023-11-14T22:13:30.000"},
    {10, "152/8 153/8", "0000018bcfe56800 0000018bcfe56be8",
     "tstart=" EXPORTED " tend=2023-11-14T22:13:21.000"},
    {10, "154/8 155/8", "e8fe6f80 80000000 e8fe6f80 ffffffff",
     "tstart=2023-11-14T22:13:20.500 tend=2023-11-14T22:13:20.999"},
    {10, "156/8 157/8", "e8fe6f80 00000000 e8fe6f80 40000000",
     "tstart=" EXPORTED " tend=2023-11-14T22:13:20.250"},
    {10, "156/8 157/8", "00000000 00000000 00000001 00000000",
     "tstart=2036-02-07T06:28:16.000 tend=2036-02-07T06:28:17.000"},
    {10, "158/4 159/4", "000f4240 00000000", "tstart=2023-11-14T22:13:19.000 tend=" EXPORTED},
    {10, "160/8 22/4 21/4", "0000018bcfe56800 000003e8 000007d0",
     "tstart=2023-11-14T22:13:21.000 tend=2023-11-14T22:13:22.000"},
    {10, "22/4 21/4", "000003e8 000007d0", ARRIVAL},
    {9, "22/4 21/4", "00018696 000186a0", /* 99990 and 100000 of uptime 100000 */
     "tstart=2023-11-14T22:13:19.990 tend=" EXPORTED},
    {9, "22/4 21/4", "ffffffff 00000000", /* one before the uptime wrapped */
     "tstart=2023-11-14T22:11:39.999 tend=2023-11-14T22:11:40.000"},
    {9, "22/4 21/4", "000186aa 000186aa", /* a little ahead of the header */
     "tstart=2023-11-14T22:13:20.010 tend=2023-11-14T22:13:20.010"},
    /* only one of first and last */
    {10, "152/8", "0000018bcfe56800", "tstart=" EXPORTED " tend=" EXPORTED},
    {10, "152/8 161/4", "0000018bcfe56800 000003e8",
     "tstart=" EXPORTED " tend=2023-11-14T22:13:21.000"},
    {10, "153/8 162/4", "0000018bcfe56800 000f4240",
     "tstart=2023-11-14T22:13:19.000 tend=" EXPORTED},
    {10, "152/8 323/8", "0000018bcfe56800 0000018bcfe56be8",
     "tstart=" EXPORTED " tend=2023-11-14T22:13:21.000 eventtime=2023-11-14T22:13:21.000"},
    {10, "323/8", "0000018bcfe56800", "tstart=" EXPORTED " tend=" EXPORTED " eventtime=" EXPORTED},
    {10, "322/4", "65 53f100", "tstart=" EXPORTED " tend=" EXPORTED " eventtime=" EXPORTED},
    {10, "324/8", "e8fe6f80 80000000",
     "tstart=2023-11-14T22:13:20.500 tend=2023-11-14T22:13:20.500"
     " eventtime=2023-11-14T22:13:20.500"},
    {10, "325/8 322/4", "e8fe6f80 80000000 65 53f100",
     "tstart=" EXPORTED " tend=" EXPORTED " eventtime=" EXPORTED},
    {10, "161/4", "000003e8", "tstart=" EXPORTED " tend=" RECEIVED},
    /* first after last stays */
    {10, "150/4 151/4", "65 53f10a 65 53f100", "tstart=2023-11-14T22:13:30.000 tend=" EXPORTED},
    /* ICMP */
    {10, "4/1 32/2", "01 0301", ARRIVAL " proto=1 icmptype=3 icmpcode=1"},
    {10, "4/1 139/2", "3a 8000", ARRIVAL " proto=58 icmptype=128 icmpcode=0"},
    {10, "4/1 176/1 177/1 32/2", "01 08 00 0301", ARRIVAL " proto=1 icmptype=8 icmpcode=0"},
    {10, "8/4 32/2", "0a000001 0800",
     ARRIVAL
     " proto=1 srcip=10.0.0.1 icmptype=8 icmpcode=0 ipversion=4"}, /* no protocol: softflowd's */
    {10, "27/16 139/2", "20010db8000000000000000000000001 8700",
     ARRIVAL " proto=58 srcip=2001:db8::1 icmptype=135 icmpcode=0 ipversion=6"},
    {10, "7/2 11/2 32/2", "0035 0400 0000", ARRIVAL " srcport=53 dstport=1024"},
    {9, "4/1 7/2 11/2", "01 0000 0800", ARRIVAL " proto=1 icmptype=8 icmpcode=0"},
    {9, "4/1 7/2 11/2", "01 0000 0000", ARRIVAL " proto=1 icmptype=0 icmpcode=0"},
    {9, "4/1 7/2 11/2 32/2", "01 0000 0303 0303", ARRIVAL " proto=1 icmptype=3 icmpcode=3"},
    {9, "4/1 7/2 11/2 176/1 177/1", "01 0000 448d 00 00",
     ARRIVAL " proto=1 srcport=0 dstport=17549 icmptype=0 icmpcode=0"},
    {9, "4/1 7/2 11/2 32/2", "06 0050 0303 0000", ARRIVAL " proto=6 srcport=80 dstport=771"},
    {9, "4/1 1/1", "01 01", ARRIVAL " proto=1 bytes=1"},
    /* a TTL alone is the smallest and the largest */
    {10, "192/1", "40", ARRIVAL " minttl=64 maxttl=64"},
    {10, "192/1 52/1", "40 3f", ARRIVAL " minttl=63 maxttl=64"},
    {10, "192/1 52/1 53/1", "40 3f 41", ARRIVAL " minttl=63 maxttl=65"},
    {10, "371/v 192/1", "00 40", ARRIVAL " minttl=64 maxttl=64 username=\"\""},
};

static void one_record(void **state) {
    (void)state;
    static struct bytes b;
    static struct rig r;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig_open(&r, NULL);
        b.n = 0;
        bool is_v9 = cases[i].version == 9;
        (is_v9 ? v9 : ipfix)(&b, 0, 7);
        template_set(&b, is_v9 ? 0 : 2, 300, cases[i].fields);
        put_set(&b, 300, cases[i].record);
        if (!is_v9)
            ipfix_end(&b);
        rig_send(&r, &b);
        if (r.rows != 1)
            fail_msg("%s: %zu rows", cases[i].fields, r.rows);
        if (strcmp(rig_text(&r, 0), cases[i].row) != 0)
            fail_msg("%s %s:\n  got      %s\n  expected %s", cases[i].fields, cases[i].record,
                     rig_text(&r, 0), cases[i].row);
        for (int k = 0; k < FVT_NBAD; k++)
            if (r.faults[k])
                fail_msg("%s: fault %d", cases[i].fields, k);
        rig_close(&r);
    }
}

/* What the header says of every row, and an element that says it for one record. */
static void header_fields(void **state) {
    (void)state;
    static struct bytes b;
    static struct rig r;
    rig_open(&r, NULL);
    ipfix(&b, 41, 7);
    template_set(&b, 2, 300, "1/1 149/4");
    template_set(&b, 2, 301, "1/1");
    put_set(&b, 300, "05 00000009");
    put_set(&b, 301, "06");
    ipfix_end(&b);
    rig_send(&r, &b);
    assert_int_equal(r.rows, 2);
    static const struct {
        const char *field, *first, *second;
    } expected[] = {
        {"exporter", "192.0.2.1", "192.0.2.1"},
        {"odid", "9", "7"},
        {"version", "\"ipfix\"", "\"ipfix\""},
        {"exportseq", "41", "41"},
        {"trecv", RECEIVED, RECEIVED},
        {"sampling", "NULL", "NULL"},
        {"flows", "NULL", "NULL"},
        {"ident", "NULL", "NULL"},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_string_equal(rig_field(&r, 0, expected[i].field), expected[i].first);
        assert_string_equal(rig_field(&r, 1, expected[i].field), expected[i].second);
    }
    rig_close(&r);
}

/* Elements without a column: what becomes of their octets. */
static void extra_elements(void **state) {
    (void)state;
    static struct bytes b;
    static struct rig r;
    static const struct {
        const char *fields, *record, *extra;
    } rows[] = {
        {"4/1 1/4 2/4", "06 00000001 00000001", "NULL"},
        {"4/1 210/3", "06 000000", "NULL"},
        {"4/1 19/8", "06 0000000000000007", "{\"postMCastPacketDeltaCount\":7}"},
        {"4/1 19/8", "06 ffffffffffffffff",
         "{\"postMCastPacketDeltaCount\":\"18446744073709551615\"}"},
        {"4/1 130/4", "06 c0000207", "{\"exporterIPv4Address\":\"192.0.2.7\"}"},
        {"4/1 276/1", "06 01", "{\"dataRecordsReliability\":true}"},
        {"4/1 9999/2 12345:8/2", "06 0102 0304", "{\"0.9999\":258,\"12345.8\":772}"},
        {"4/1 12345:7/v", "06 09 616263646566676869", "{\"12345.7\":\"abcdefghi\"}"},
        {"4/1 12345:7/v", "06 09 616263220066676869", "{\"12345.7\":\"0x616263220066676869\"}"},
        {"4/1 12345:7/v", "06 00", "NULL"},
        {"4/1 12345:7/v", "06 03 424750", "{\"12345.7\":\"BGP\"}"},
        {"4/1 12345:7/v", "06 03 000001", "{\"12345.7\":\"0x000001\"}"},
        {"4/1 84/v", "06 01 61", "{\"samplerName\":\"a\"}"},
        {"4/1 82/v", "06 03 612201", "{\"interfaceName\":\"a\\u0022\\u0001\"}"},
        /* counters that another one of their column has won over */
        {"1/4 85/4", "00000001 00000009", "{\"octetTotalCount\":9}"},
        /* and a vendor's element beside IANA's */
        {"8/4 9:12236/4", "0a000001 0a000002", "{\"9.12236\":167772162}"},
        {"23/4 29305:1/4", "00000001 00000009", "{\"reverseOctetDeltaCount\":9}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rig_open(&r, NULL);
        b.n = 0;
        ipfix(&b, 0, 7);
        template_set(&b, 2, 300, rows[i].fields);
        put_set(&b, 300, rows[i].record);
        ipfix_end(&b);
        rig_send(&r, &b);
        assert_int_equal(r.rows, 1);
        bool has = flow_row_has(&r.row[0], FLOW_extra);
        const char *extra = has ? r.row[0].value[FLOW_extra].text.p : "NULL";
        if (strcmp(extra, rows[i].extra) != 0)
            fail_msg("%s %s:\n  got      %s\n  expected %s", rows[i].fields, rows[i].record, extra,
                     rows[i].extra);
        rig_close(&r);
    }
}

/* What does not fit is counted, and what comes behind it may fit again. */
static void extra_bounded(void **state) {
    (void)state;
    static const struct extra_field fields[] = {
        {"a", 0, 1, TEMPLATE_VARIABLE, EXTRA_TEXT},
        {"b", 0, 2, TEMPLATE_VARIABLE, EXTRA_TEXT},
        {"c", 0, 3, 1, EXTRA_UINT},
    };
    static uint8_t record[8192];
    static char out[EXTRA_MAX];
    memset(record, 'x', sizeof record);
    record[0] = 255, record[1] = 4000 >> 8, record[2] = 4000 & 255;
    record[4003] = 100;
    record[4104] = 5;
    struct extra_lists lists = {0};
    size_t n = extra_write(fields, 3, cursor_of(record, 4105), &lists, out);
    assert_true(n < EXTRA_MAX);
    const char end[] = "\",\"c\":5,\"omitted\":1}";
    assert_memory_equal(out + n - strlen(end), end, strlen(end));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_record),
        cmocka_unit_test(header_fields),
        cmocka_unit_test(extra_elements),
        cmocka_unit_test(extra_bounded),
    };
    return cmocka_run_group_tests_name("collector: fields", tests, NULL, NULL);
}
