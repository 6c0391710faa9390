/* SPDX-License-Identifier: MIT */
/*
** sFlow version 5: samples of both forms, each record, interfaces, exporters, what is cut off.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "build.h"

static struct bytes b;
static struct rig r;

static void begin(void) {
    rig_open(&r, NULL);
}
static void end(void) {
    rig_close(&r);
}

/* Version, agent 192.0.2.9, sub-agent 3, sequence number, uptime. */
static void datagram(uint32_t sequence, uint32_t nsamples) {
    put_hex(&b, "00000005 00000001 c0000209 00000003");
    put(&b, sequence, 4);
    put_hex(&b, "000186a0");
    put(&b, nsamples, 4);
}

/* Format and length, which close_length() sets. */
static size_t open_length(uint32_t format) {
    put(&b, format, 4);
    put(&b, 0, 4);
    return b.n;
}
static void close_length(size_t begun) {
    patch16(&b, begun - 2, (uint16_t)(b.n - begun));
}

static const struct fvt_exporter *agent_stat(void) {
    r.from = flow_ip_make(4, (const uint8_t[]){192, 0, 2, 9});
    return rig_stat(&r, "sflow", 3);
}

/* Source: interface 7; one of 512; input, output. */
static size_t flow_sample(const char *interfaces, uint32_t nrecords) {
    size_t begun = open_length(1);
    put_hex(&b, "00000001 00000007 00000200 00001000 00000002");
    put_hex(&b, interfaces);
    put(&b, nrecords, 4);
    return begun;
}
static void record(uint32_t format, const char *hex) {
    size_t begun = open_length(format);
    put_hex(&b, hex);
    close_length(begun);
}

/* One sample with one record. */
static const char *one(uint32_t format, const char *hex) {
    datagram(1, 1);
    size_t s = flow_sample("00000007 00000008", 1);
    record(format, hex);
    close_length(s);
    r.rows = 0;
    rig_send(&r, &b);
    assert_int_equal(r.rows, 1);
    return rig_text(&r, 0) + strlen("tstart=2023-11-14T22:13:20.000 tend=2023-11-14T22:13:20.000 ");
}

#define TAGGED "020000000002 020000000001 8100 a064 "
#define IP4 "0800 4510 0028 0001 4000 4006 0000 0a000001 c0000201 01bb c000 00000000 00000000 5012"
#define IP6                                                                                       \
    "6ab12345 0008 3a ff 20010db8000000000000000000000001 20010db8000000000000000000000002 8000 " \
    "0000 00000000"

static void records(void **state) {
    (void)state;
    static const struct {
        uint32_t format;
        const char *hex, *text;
    } cases[] = {
        /* Ethernet, a frame of 64 octets, 4 (FCS) stripped, 54 captured and 2 of padding */
        {1, "00000001 00000040 00000004 00000034" TAGGED IP4 "",
         "proto=6 srcip=10.0.0.1 srcport=443 dstip=192.0.2.1 dstport=49152 tcpflags=18 tos=16 "
         "packets=1 bytes=64 inif=7 outif=8 direction=0 srcvlan=100 insrcmac=02:00:00:00:00:01 "
         "indstmac=02:00:00:00:00:02 ethertype=2048 ipversion=4 minttl=64 maxttl=64 minlen=40 "
         "maxlen=40"},
        {1, "0000000c 00000030 00000000 00000030" IP6,
         "proto=58 srcip=2001:db8::1 dstip=2001:db8::2 icmptype=128 icmpcode=0 tos=171 packets=1 "
         "bytes=48 inif=7 outif=8 direction=0 ipversion=6 minttl=255 maxttl=255 minlen=48 "
         "maxlen=48 flowlabel=74565"},
        /* VXLAN: the outer header, and what is inside beside it */
        {1,
         "00000001 0000006c 00000004 00000068 020000000002 020000000001 0800 4500 005a 0001 0000 "
         "4011 0000 "
         "c0000201 c0000202 c000 12b5 0046 0000 08000000 00138800 020000000004 020000000003 0800 "
         "4500 0028 0001 "
         "4000 4006 0000 0a000001 0a000002 01bb c001 00000000 00000000 5012 0000 0000 0000",
         "proto=17 srcip=192.0.2.1 srcport=49152 dstip=192.0.2.2 dstport=4789 tos=0 packets=1 "
         "bytes=108 inif=7 outif=8 "
         "direction=0 insrcmac=02:00:00:00:00:01 indstmac=02:00:00:00:00:02 ethertype=2048 "
         "ipversion=4 minttl=64 "
         "maxttl=64 minlen=90 maxlen=90 vni=5000 innersrcip=10.0.0.1 innerdstip=10.0.0.2 "
         "innerproto=6 "
         "innersrcport=443 innerdstport=49153"},
        /* two labels */
        {1,
         "00000001 00000042 00000004 0000003e 020000000002 020000000001 8847 00064040 000c8140 "
         "4500 0028 0001 4000 "
         "4006 0000 0a000001 c0000201 01bb c000 00000000 00000000 5012 0000 0000 0000 0000",
         "proto=6 srcip=10.0.0.1 srcport=443 dstip=192.0.2.1 dstport=49152 tcpflags=18 tos=0 "
         "packets=1 bytes=66 inif=7 "
         "outif=8 direction=0 insrcmac=02:00:00:00:00:01 indstmac=02:00:00:00:00:02 ethertype=2048 "
         "ipversion=4 "
         "minttl=64 maxttl=64 minlen=40 maxlen=40 mpls=\"100-0-0,200-0-1\""},
        /* a protocol that is not looked into: X.25 */
        {1, "00000006 00000030 00000000 00000002 ffff0000",
         "packets=1 bytes=48 inif=7 outif=8 direction=0"},
        {2, "00000040 0200000000010000 0200000000020000 00000800",
         "packets=1 bytes=64 inif=7 outif=8 direction=0 insrcmac=02:00:00:00:00:01 "
         "indstmac=02:00:00:00:00:02 ethertype=2048"},
        {3, "00000028 00000006 0a000001 c0000201 000001bb 0000c000 00000012 00000010",
         "proto=6 srcip=10.0.0.1 srcport=443 dstip=192.0.2.1 dstport=49152 tcpflags=18 tos=16 "
         "packets=1 bytes=40 inif=7 outif=8 direction=0 ipversion=4 minlen=40 maxlen=40"},
        {4,
         "00000030 00000011 20010db8000000000000000000000001 20010db8000000000000000000000002 "
         "00000035 0000c000 00000000 00000000",
         "proto=17 srcip=2001:db8::1 srcport=53 dstip=2001:db8::2 dstport=49152 tos=0 packets=1 "
         "bytes=48 inif=7 outif=8 direction=0 ipversion=6 minlen=48 maxlen=48"},
        {1001, "00000064 00000005 000000c8 00000000",
         "packets=1 inif=7 outif=8 direction=0 srcvlan=100 dstvlan=200"},
        {1001, "ffffffff ffffffff ffffffff ffffffff", "packets=1 inif=7 outif=8 direction=0"},
        {1002, "00000001 0a0000fe 00000018 00000010",
         "packets=1 inif=7 outif=8 direction=0 srcmask=24 dstmask=16 next=10.0.0.254"},
        {1002, "00000000 00000018 00000010",
         "packets=1 inif=7 outif=8 direction=0 srcmask=24 dstmask=16"},
        /* a path of a sequence and a set, two communities, preference */
        {1003,
         "00000001 0a0000fe 0000fde8 0000fde9 0000fdea 00000002 00000002 00000002 00000001 "
         "00000002 00000001 00000001 00000003 00000002 00010002 00010003 00000064",
         "packets=1 inif=7 outif=8 direction=0 srcas=65001 dstas=3 nextas=1 prevas=65002 "
         "bgpnext=10.0.0.254"},
        /* between the agent's own system's hosts */
        {1003, "00000001 0a0000fe 0000fde8 00000000 00000000 00000000 00000000 00000064",
         "packets=1 inif=7 outif=8 direction=0 srcas=65000 dstas=65000 bgpnext=10.0.0.254"},
        {1004, "0000006a 00000005 616c696365 000000 0000006a 00000000",
         "packets=1 inif=7 outif=8 direction=0 username=\"alice\""},
        {1007, "00000001 cb007101 00000001 c0000201",
         "packets=1 inif=7 outif=8 direction=0 natsrcip=203.0.113.1 natdstip=192.0.2.1"},
        {1020, "00000400 000001bb",
         "packets=1 inif=7 outif=8 direction=0 natsrcport=1024 natdstport=443"},
        {1 << 12 | 1, "ffffffff",
         "packets=1 inif=7 outif=8 direction=0"}, /* another enterprise's */
        {999, "", "packets=1 inif=7 outif=8 direction=0"},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(one(cases[i].format, cases[i].hex), cases[i].text);
        assert_string_equal(rig_field(&r, 0, "sampling"), "512");
        assert_string_equal(rig_field(&r, 0, "exporter"), "192.0.2.9");
        assert_string_equal(rig_field(&r, 0, "odid"), "3");
        assert_string_equal(rig_field(&r, 0, "version"), "\"sflow\"");
    }
    const struct fvt_exporter *e = agent_stat();
    for (int f = 0; f < FVT_NBAD; f++)
        assert_int_equal(e->malformed[f], 0);
    assert_int_equal(e->sampling, 512);
    end();
}

/* What has no column of its own is in extra. */
static void extras(void **state) {
    (void)state;
    static const struct {
        uint32_t format;
        const char *hex, *extra;
    } cases[] = {
        {1001, "00000064 00000005 000000c8 00000000", "NULL"},
        {1003,
         "00000001 0a0000fe 0000fde8 0000fde9 0000fdea 00000000 00000002 00010002 ffff0003 "
         "00000064",
         "{\"communities\":\"1:2 65535:3\",\"localPreference\":100}"},
        {1006, "00000001 0a0000fe 00000002 00064140 000c81ff 00000001 0000a1ff",
         "{\"mplsLabelsIn\":\"100 200\",\"mplsLabelsOut\":\"10\"}"},
        {1024, "00000064 00000011 0a000001 c0000201 0000c000 000012b5 00000000 00000000",
         "{\"tunnelInSrcip\":\"10.0.0.1\",\"tunnelInDstip\":\"192.0.2.1\",\"tunnelInProto\":17}"},
        {1023, "00000064 0000002f 0a000001 c0000201 00000000 00000000 00000000 00000000",
         "{\"tunnelOutSrcip\":\"10.0.0.1\",\"tunnelOutDstip\":\"192.0.2.1\","
         "\"tunnelOutProto\":47}"},
        {1025,
         "00000064 00000011 20010db8000000000000000000000001 20010db8000000000000000000000002 "
         "0000c000 000012b5 00000000 00000000",
         "{\"tunnelOutSrcip\":\"2001:db8::1\",\"tunnelOutDstip\":\"2001:db8::2\","
         "\"tunnelOutProto\":17}"},
        {1026,
         "00000064 00000006 20010db8000000000000000000000001 20010db8000000000000000000000002 "
         "0000c000 000012b5 00000000 00000000",
         "{\"tunnelInSrcip\":\"2001:db8::1\",\"tunnelInDstip\":\"2001:db8::2\","
         "\"tunnelInProto\":6}"},
        {1029, "000003e8", "{\"vniOut\":1000}"},
        {1030, "00ffffff", "{\"vniIn\":16777215}"},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        one(cases[i].format, cases[i].hex);
        const char *got =
            flow_row_has(&r.row[0], FLOW_extra) ? r.row[0].value[FLOW_extra].text.p : "NULL";
        if (strcmp(got, cases[i].extra) != 0)
            fail_msg("%u: got %s, not %s", cases[i].format, got, cases[i].extra);
    }
    assert_int_equal(r.faults[FVT_BAD_RECORD], 0);
    /* More of them than there is room for: whole members all the same. */
    datagram(1, 1);
    size_t s = flow_sample("00000007 00000008", 400);
    for (int i = 0; i < 400; i++)
        record(1029, "ffffffff");
    close_length(s);
    r.rows = 0;
    rig_send(&r, &b);
    size_t n = r.row[0].value[FLOW_extra].text.n;
    const char *text = r.row[0].value[FLOW_extra].text.p, member[] = "\"vniOut\":4294967295}";
    assert_true(n > EXTRA_MAX - 64 && n < EXTRA_MAX);
    assert_string_equal(text + n - strlen(member), member);
    end();
}

/* A discarded packet is a row that counts nothing; its reason is the forwarding status. */
static void discarded(void **state) {
    (void)state;
    static const struct {
        uint32_t reason;
        const char *fwdstat;
    } cases[] = {{258, "129"}, {257, "137"}, {0, "131"}, {279, "132"}, {280, "140"}, {256, "128"}};
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        datagram(1, 1);
        size_t s = open_length(5);
        put_hex(&b, "00000001 00000000 00000007 00000002 00000007 00000009");
        put(&b, cases[i].reason, 4);
        put(&b, 1, 4);
        record(3, "00000028 00000006 0a000001 c0000201 000001bb 0000c000 00000012 00000010");
        close_length(s);
        r.rows = 0;
        rig_send(&r, &b);
        assert_int_equal(r.rows, 1);
        assert_string_equal(rig_field(&r, 0, "fwdstat"), cases[i].fwdstat);
        assert_string_equal(rig_field(&r, 0, "inif"), "7");
        assert_string_equal(rig_field(&r, 0, "outif"), "9");
        assert_string_equal(rig_field(&r, 0, "srcip"), "10.0.0.1");
        assert_string_equal(rig_field(&r, 0, "minlen"), "40");
        assert_string_equal(rig_field(&r, 0, "bytes"), "NULL");
        assert_string_equal(rig_field(&r, 0, "packets"), "NULL");
        assert_string_equal(rig_field(&r, 0, "sampling"), "NULL");
    }
    for (unsigned n = 0; n < 32; n++) {
        datagram(1, 1);
        size_t s = open_length(5);
        for (unsigned k = 0; k < n; k++)
            put(&b, 0, 1);
        close_length(s);
        r.rows = 0;
        r.faults[FVT_BAD_RECORD] = 0;
        rig_send(&r, &b);
        assert_int_equal(r.rows, 0);
        assert_int_equal(r.faults[FVT_BAD_RECORD], 1);
    }
    end();
}

/* Each record, cut at every octet, is a row and a fault, and no harm. */
static void cut_records(void **state) {
    (void)state;
    static const struct {
        uint32_t format;
        unsigned octets; /* that are looked at */
    } cases[] = {{1, 16},   {2, 24},    {3, 32},   {4, 56},   {1001, 16}, {1002, 12}, {1003, 28},
                 {1004, 8}, {1006, 12}, {1007, 8}, {1020, 8}, {1023, 32}, {1026, 56}, {1029, 4}};
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned n = 0; n <= cases[i].octets; n++) {
            datagram(1, 1);
            size_t s = flow_sample("00000007 00000008", 1), at = open_length(cases[i].format);
            put(&b, 0, 0);
            for (unsigned k = 0; k < n; k++)
                put(&b, 0, 1);
            close_length(at);
            close_length(s);
            r.rows = 0;
            r.faults[FVT_BAD_RECORD] = 0;
            rig_send(&r, &b);
            assert_int_equal(r.rows, 1);
            assert_int_equal(r.faults[FVT_BAD_RECORD], n < cases[i].octets);
        }
    end();
}

/* Numbers of records, segments and octets that are not true. */
static void false_counts(void **state) {
    (void)state;
    static const struct {
        uint32_t format;
        const char *hex;
    } cases[] = {
        {1, "00000001 00000040 00000000 ffffffff 00000000"},
        {1003, "00000000 00000001 00000001 00000001 ffffffff 00000002 00000000"},
        {1003, "00000000 00000001 00000001 00000001 00000001 00000002 ffffffff 00000001"},
        {1002, "00000003 00000000 00000000 00000000 00000000"},
        {1004, "00000000 ffffffff"},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        r.faults[FVT_BAD_RECORD] = 0;
        one(cases[i].format, cases[i].hex);
        assert_int_equal(r.faults[FVT_BAD_RECORD], 1);
    }
    datagram(1, 1);
    close_length(flow_sample("00000007 00000008", UINT32_MAX));
    rig_send(&r, &b);
    datagram(1, UINT32_MAX);
    rig_send(&r, &b);
    assert_int_equal(r.faults[FVT_BAD_SHORT], 1);
    datagram(1, 1);
    put_hex(&b, "00000001 00000100 00000000");
    rig_send(&r, &b);
    assert_int_equal(r.faults[FVT_BAD_SET], 1);
    end();
}

static void interfaces(void **state) {
    (void)state;
    static const struct {
        const char *words, *inif, *outif, *fwdstat, *direction;
    } cases[] = {
        {"00000007 00000008", "7", "8", "NULL", "0"},
        {"00000008 00000007", "8", "7", "NULL", "1"},
        {"00000007 00000007", "7", "7", "NULL", "NULL"},
        {"00000001 00000002", "1", "2", "NULL", "NULL"},
        {"00000000 00000000", "NULL", "NULL", "NULL", "NULL"},
        {"00000007 3fffffff", "7", "1073741823", "194", "0"}, /* to the device itself */
        {"00000007 40000102", "7", "NULL", "129", "0"},       /* dropped by an access list */
        {"00000007 40000101", "7", "NULL", "137", "0"},       /* TTL */
        {"00000007 400000ff", "7", "NULL", "128", "0"},
        {"00000007 80000003", "7", "NULL", "NULL", "0"}, /* to three interfaces */
        {"00000008 80000003", "8", "NULL", "NULL", "1"}, /* of which 7 is one */
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        datagram(1, 1);
        close_length(flow_sample(cases[i].words, 0));
        r.rows = 0;
        rig_send(&r, &b);
        assert_string_equal(rig_field(&r, 0, "inif"), cases[i].inif);
        assert_string_equal(rig_field(&r, 0, "outif"), cases[i].outif);
        assert_string_equal(rig_field(&r, 0, "fwdstat"), cases[i].fwdstat);
        assert_string_equal(rig_field(&r, 0, "direction"), cases[i].direction);
    }
    end();
}

/* An expanded sample between samples that are not known, and lengths of raw headers win. */
static void samples(void **state) {
    (void)state;
    begin();
    datagram(1, 3);
    close_length(open_length(6));
    size_t s = open_length(3);
    put_hex(&b, "00000001 00000000 01000000 0000000a 00001000 00000002 "
                "00000000 01000000 00000001 00000102 00000003");
    record(3, "00000028 00000006 0a000001 c0000201 000001bb 0000c000 00000012 00000010");
    record(1, "0000000d 00000040 00000000 00000000");
    record(2, "0000003f 0200000000010000 0200000000020000 00000800");
    close_length(s);
    size_t other = open_length(77 << 12 | 1);
    put_hex(&b, "ffffffff ffffffff");
    close_length(other);
    rig_send(&r, &b);
    assert_int_equal(r.rows, 1);
    assert_string_equal(rig_field(&r, 0, "inif"), "16777216");
    assert_string_equal(rig_field(&r, 0, "outif"), "NULL");
    assert_string_equal(rig_field(&r, 0, "fwdstat"), "129");
    assert_string_equal(rig_field(&r, 0, "direction"), "0");
    assert_string_equal(rig_field(&r, 0, "sampling"), "10");
    assert_string_equal(rig_field(&r, 0, "bytes"), "64");
    assert_string_equal(rig_field(&r, 0, "proto"), "6");
    for (int f = 0; f < FVT_NBAD; f++)
        assert_int_equal(r.faults[f], 0);
    end();
}

static struct fvt_if_counters counted[4];
static unsigned ncounted;
static void take_counters(void *arg, const struct fvt_if_counters *c) {
    (void)arg;
    counted[ncounted++ % 4] = *c;
}

/* Both forms of counter samples, with counters of another kind before those of the interface. */
static void counters(void **state) {
    (void)state;
    static const char interface[] =
        "0000000a 00000006 000000003b9aca00 00000001 00000001 0000135c00000001 00000002 00000003 "
        "00000004 00000005 00000006 ffffffff 0000081f00000001 00000008 00000009 0000000a 0000000b "
        "0000000c 00000002";
    begin();
    r.c->on_counters = take_counters;
    ncounted = 0;
    datagram(1, 3);
    size_t s = open_length(2);
    put_hex(&b, "00000001 0000000a 00000002");
    record(2, "00000000");
    record(1, interface);
    close_length(s);
    s = open_length(4);
    put_hex(&b, "00000001 00000003 01000000 00000001");
    record(1, interface);
    close_length(s);
    s = open_length(2);
    put_hex(&b, "00000001 0000000a 00000001");
    record(1, "0000000a 00000006");
    close_length(s);
    rig_send(&r, &b);
    assert_int_equal(r.rows, 0);
    assert_int_equal(r.faults[FVT_BAD_RECORD], 1);
    assert_int_equal(ncounted, 2);
    static const uint64_t expected[FVT_NCOUNTERS] = {0,
                                                     10,
                                                     10,
                                                     6,
                                                     1000000000,
                                                     1,
                                                     1,
                                                     2,
                                                     UINT64_C(0x135c00000001),
                                                     2,
                                                     3,
                                                     4,
                                                     5,
                                                     6,
                                                     FVT_NO_COUNTER,
                                                     UINT64_C(0x81f00000001),
                                                     8,
                                                     9,
                                                     10,
                                                     11,
                                                     12,
                                                     2};
    assert_memory_equal(counted[0].value, expected, sizeof expected);
    assert_int_equal(counted[0].odid, 3);
    assert_memory_equal(counted[0].exporter.addr, "\xc0\0\2\x09", 4);
    assert_int_equal(counted[1].value[FVT_SOURCE_TYPE], 3);
    assert_int_equal(counted[1].value[FVT_SOURCE_INDEX], 1 << 24);
    assert_memory_equal(&counted[1].value[2], &expected[2], sizeof expected - 16);
    end();
}

/* Datagrams are counted by agent and sub-agent. */
static void loss(void **state) {
    (void)state;
    static const unsigned sequence[] = {1, 2, 5, 4, 4, 6};
    begin();
    for (size_t i = 0; i < sizeof sequence / sizeof *sequence; i++) {
        datagram(sequence[i], 0);
        r.from.addr[3] = (uint8_t)i; /* from wherever */
        rig_send(&r, &b);
    }
    assert_int_equal(agent_stat()->datagrams, 6);
    assert_int_equal(agent_stat()->lost, 1);
    end();
}

/* Agents that do not know their address are known by where the datagrams come from. */
static void agents(void **state) {
    (void)state;
    static const struct {
        const char *agent;
        bool known;
    } cases[] = {
        {"00000000", false},
        {"00000001 00000000", false},
        {"00000001 7f000001", false},
        {"00000002 00000000000000000000000000000001", false},
        {"00000002 20010db8000000000000000000000009", true},
    };
    begin();
    char from[FLOW_IP_TEXT];
    flow_ip_text(&r.from, from);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_hex(&b, "00000005");
        put_hex(&b, cases[i].agent);
        put_hex(&b, "00000003 00000001 000186a0 00000001");
        close_length(flow_sample("00000007 00000008", 0));
        r.rows = 0;
        rig_send(&r, &b);
        assert_int_equal(r.rows, 1);
        assert_string_equal(rig_field(&r, 0, "exporter"), cases[i].known ? "2001:db8::9" : from);
    }
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),    cmocka_unit_test(cut_records), cmocka_unit_test(false_counts),
        cmocka_unit_test(interfaces), cmocka_unit_test(samples),     cmocka_unit_test(loss),
        cmocka_unit_test(extras),     cmocka_unit_test(discarded),   cmocka_unit_test(agents),
        cmocka_unit_test(counters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
