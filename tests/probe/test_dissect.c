/* SPDX-License-Identifier: MIT */
/*
** The dissector: a table of frames in hexadecimal with what must be seen in them, and the same
** frames cut
** at every length.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/dissect.h"

/* clang-format off */
#define MACS "020000000002" "020000000001"
#define IP4(len, frag, proto) "45b8" len "1234" frag "40" proto "0000" "c0000201" "c6336402"
#define UDP "04d2" "0035" "0010" "0000" "0102030405060708" /* 1234 to 53, 8 octets of payload */
#define TCP "d431" "01bb" "00000001" "00000002" "5012" "ffff00000000" /* SYN ACK */
#define IP6(len, next) "60b12345" len next "3f" \
    "20010db8000000000000000000000001" "20010db8000000000000000000000002"
#define IP4_UDP IP4("0024", "0000", "11") UDP
#define IP6_UDP IP6("0010", "11") UDP
/* clang-format on */

struct expected {
    enum packet_kind kind;
    uint8_t family, proto;
    uint16_t has;
    uint16_t a, b; /* ports, or ICMP type and code */
    uint32_t length, payload;
};

static const struct {
    const char *name;
    unsigned linktype;
    const char *frame;
    size_t wire; /* 0: as captured */
    struct expected e;
} cases[] = {
    {"Ethernet, UDP over IPv4",
     1,
     MACS "0800" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_PORTS | HAS_MAC | HAS_DSTMAC | HAS_ETHERTYPE, 1234, 53, 36, 8}},
    {"padding is not counted",
     1,
     MACS "0800" IP4_UDP "000000000000",
     0,
     {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 36, 8}},
    {"Ethernet, UDP over IPv6",
     1,
     MACS "86dd" IP6_UDP,
     0,
     {PACKET_IP, 6, 17, HAS_PORTS, 1234, 53, 56, 8}},
    {"TCP flags",
     1,
     MACS "0800" IP4("0028", "0000", "06") TCP,
     0,
     {PACKET_IP, 4, 6, HAS_PORTS | HAS_TCPFLAGS, 54321, 443, 40, 0}},
    {"TCP in a frame that ends before it",
     1,
     MACS "0800" IP4("0428", "0000", "06") TCP,
     0,
     {PACKET_IP, 4, 6, HAS_PORTS | HAS_TCPFLAGS, 54321, 443, 1064, 0}},
    {"ICMP echo",
     1,
     MACS "0800" IP4("001c", "0000", "01") "0800000000010001",
     0,
     {PACKET_IP, 4, 1, HAS_ICMP, 8, 0, 28, 4}},
    {"ICMPv6 echo reply",
     1,
     MACS "86dd" IP6("0008", "3a") "8100000000010001",
     0,
     {PACKET_IP, 6, 58, HAS_ICMP, 129, 0, 48, 4}},
    {"SCTP",
     1,
     MACS "0800" IP4("0020", "0000", "84") "0b590b5a0000000000000000",
     0,
     {PACKET_IP, 4, 132, HAS_PORTS, 2905, 2906, 32, 0}},
    {"ESP has no ports",
     1,
     MACS "0800" IP4("001c", "0000", "32") "0000000100000001",
     0,
     {PACKET_IP, 4, 50, 0, 0, 0, 28, 8}},
    {"segmentation offload: length 0",
     1,
     MACS "0800" IP4("0000", "0000", "06") TCP,
     3014,
     {PACKET_IP, 4, 6, HAS_PORTS, 54321, 443, 3000, 2960}},
    {"IPv4 options",
     1,
     MACS "0800"
          "46000028123400004011"
          "0000c0000201c6336402"
          "01010101" UDP,
     0,
     {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 40, 8}},
    {"first fragment",
     1,
     MACS "0800" IP4("0024", "2000", "11") UDP,
     0,
     {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 36, 8}},
    {"later fragment",
     1,
     MACS "0800" IP4("0024", "00b9", "11") UDP,
     0,
     {PACKET_IP, 4, 17, 0, 0, 0, 36, 16}},
    {"802.1Q",
     1,
     MACS "8100"
          "600a"
          "0800" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_VLAN, 1234, 53, 36, 8}},
    {"802.1ad",
     1,
     MACS "88a8"
          "000a"
          "8100"
          "0014"
          "86dd" IP6_UDP,
     0,
     {PACKET_IP, 6, 17, HAS_VLAN | HAS_CVLAN, 1234, 53, 56, 8}},
    {"three tags",
     1,
     MACS "9100"
          "0001"
          "8100"
          "0002"
          "8100"
          "0003"
          "0800" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_CVLAN, 1234, 53, 36, 8}},
    {"MPLS stack",
     1,
     MACS "8847"
          "00010040"
          "00020140" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 36, 8}},
    {"PPPoE session",
     1,
     MACS "8864"
          "110000010026"
          "0021" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 36, 8}},
    {"802.3 with SNAP",
     1,
     MACS "002c"
          "aaaa03000000"
          "0800" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 36, 8}},
    {"spanning tree",
     1,
     MACS "0026"
          "4242030000",
     0,
     {PACKET_LLC, 0, 0, 0, 0, 0, 0, 0}},
    {"ARP",
     1,
     MACS "0806"
          "0001080006040001",
     0,
     {PACKET_ARP, 0, 0, 0, 0, 0, 0, 0}},
    {"PPPoE discovery",
     1,
     MACS "8863"
          "110900000004",
     0,
     {PACKET_CONTROL, 0, 0, 0, 0, 0, 0, 0}},
    {"LLDP",
     1,
     MACS "88cc"
          "0207",
     0,
     {PACKET_OTHER, 0, 0, 0, 0, 0, 0, 0}},
    {"IP version 5",
     1,
     MACS "0800"
          "55",
     0,
     {PACKET_MALFORMED, 0, 0, 0, 0, 0, 0, 0}},
    {"header length 4",
     1,
     MACS "0800"
          "44",
     0,
     {PACKET_MALFORMED, 0, 0, 0, 0, 0, 0, 0}},
    {"39 octets of IPv6",
     1,
     MACS "86dd"
          "6000000000001140"
          "00",
     0,
     {PACKET_TRUNCATED, 0, 0, 0, 0, 0, 0, 0}},
    {"ports cut off",
     1,
     MACS "0800" IP4("0024", "0000", "11") "04d2",
     50,
     {PACKET_IP, 4, 17, 0, 0, 0, 36, 8}},
    {"hop-by-hop and destination options",
     1,
     MACS "86dd" IP6("0020", "00") "3c00050200000000"
                                   "1100010400000000" UDP,
     0,
     {PACKET_IP, 6, 17, HAS_PORTS, 1234, 53, 72, 8}},
    {"authentication header",
     1,
     MACS "86dd" IP6("0028", "33") "1104000000000001000000010000000000000000000000"
                                   "00" UDP,
     0,
     {PACKET_IP, 6, 17, HAS_PORTS, 1234, 53, 80, 8}},
    {"extension header cut off",
     1,
     MACS "86dd" IP6("0020", "2b") "1104",
     70,
     {PACKET_IP, 6, 43, 0, 0, 0, 72, 32}},
    {"IPv6 fragment header, first",
     1,
     MACS "86dd" IP6("0018", "2c") "1100000100000001" UDP,
     0,
     {PACKET_IP, 6, 17, HAS_PORTS, 1234, 53, 64, 8}},
    {"IPv6 fragment header, later",
     1,
     MACS "86dd" IP6("0018", "2c") "1100000800000001" UDP,
     0,
     {PACKET_IP, 6, 17, 0, 0, 0, 64, 16}},
    {"jumbogram",
     1,
     MACS "86dd" IP6("0000", "00") "1100c20400020000" UDP,
     131126,
     {PACKET_IP, 6, 17, HAS_PORTS, 1234, 53, 131112, 8}},
    {"jumbogram that says more than its frame has",
     1,
     MACS "86dd" IP6("0000", "00") "1100c204fffffff0" UDP,
     131126,
     {PACKET_IP, 6, 17, HAS_PORTS, 1234, 53, 131112, 8}},
    {"jumbogram in a frame for which there was no need of one",
     1,
     MACS "86dd" IP6("0000", "00") "1100c204fffffff0" UDP,
     0,
     {PACKET_IP, 6, 17, 0, 0, 0, 40, 0}},
    {"payload length 0 in a frame that could be told",
     1,
     MACS "86dd" IP6("0000", "11") UDP,
     65589,
     {PACKET_IP, 6, 17, 0, 0, 0, 40, 0}},
    {"raw IP", 101, IP6_UDP, 0, {PACKET_IP, 6, 17, HAS_PORTS, 1234, 53, 56, 8}},
    {"raw IP, OpenBSD", 14, IP4_UDP, 0, {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 36, 8}},
    {"raw IPv4", 228, IP4_UDP, 0, {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 36, 8}},
    {"raw IPv6", 229, IP6_UDP, 0, {PACKET_IP, 6, 17, HAS_PORTS, 1234, 53, 56, 8}},
    {"BSD loopback, little endian",
     0,
     "02000000" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 36, 8}},
    {"BSD loopback, big endian",
     0,
     "0000001e" IP6_UDP,
     0,
     {PACKET_IP, 6, 17, HAS_PORTS, 1234, 53, 56, 8}},
    {"OpenBSD loopback",
     108,
     "00000002" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 36, 8}},
    {"Linux cooked",
     113,
     "000400010006020000000001"
     "0000"
     "0800" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_MAC | HAS_DIRECTION, 1234, 53, 36, 8}},
    {"Linux cooked v2",
     276,
     "0800"
     "0000"
     "00000003"
     "0001"
     "00"
     "06"
     "0200000000010000" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_MAC | HAS_DIRECTION, 1234, 53, 36, 8}},
    {"NFLOG",
     239,
     "02000000"
     "0800040000000007"
     "28000900" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 36, 8}},
    {"PPP",
     9,
     "ff03"
     "0021" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 36, 8}},
    {"PPP, compressed", 9, "57" IP6_UDP, 0, {PACKET_IP, 6, 17, HAS_PORTS, 1234, 53, 56, 8}},
    {"PPP, LCP",
     9,
     "ff03"
     "c021"
     "0101",
     0,
     {PACKET_CONTROL, 0, 0, 0, 0, 0, 0, 0}},
    {"Cisco HDLC",
     104,
     "0f00"
     "0800" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 36, 8}},
    {"frame relay",
     107,
     "1841"
     "03cc" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_PORTS, 1234, 53, 36, 8}},
    {"802.11 with radiotap",
     127,
     "0000080000000000"
     "0802"
     "0000"
     "020000000002"
     "020000000003"
     "020000000001"
     "0000"
     "aaaa03000000"
     "0800" IP4_UDP,
     0,
     {PACKET_IP, 4, 17, HAS_MAC | HAS_DSTMAC, 1234, 53, 36, 8}},
    {"unknown link type", 227, "00", 0, {PACKET_LINK, 0, 0, 0, 0, 0, 0, 0}},
};
enum { CASES = sizeof cases / sizeof *cases };

static size_t unhex(const char *hex, uint8_t *out) {
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
        out[i] = (uint8_t)v;
    }
    return n;
}

static void frames(void **state) {
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        uint8_t frame[256];
        struct packet p;
        const struct expected *e = &cases[i].e;
        size_t n = unhex(cases[i].frame, frame);
        print_message("  %s\n", cases[i].name);
        assert_int_equal(dissect(cases[i].linktype, frame, n, cases[i].wire, &p), e->kind);
        if (e->kind != PACKET_IP)
            continue;
        assert_int_equal(p.family, e->family);
        assert_int_equal(p.proto, e->proto);
        assert_int_equal(p.has & e->has, e->has);
        assert_int_equal(p.has & (HAS_PORTS | HAS_ICMP) ? 1 : 0, e->a || e->b);
        assert_int_equal(p.has & HAS_ICMP ? p.icmptype : p.srcport, e->a);
        assert_int_equal(p.has & HAS_ICMP ? p.icmpcode : p.dstport, e->b);
        assert_int_equal(p.length, e->length);
        assert_int_equal(p.payload_length, e->payload);
    }
}

static void details(void **state) {
    (void)state;
    uint8_t frame[256];
    struct packet p;
    size_t n = unhex(MACS "88a8"
                          "e00a"
                          "8100"
                          "0014"
                          "0800" IP4("0024", "2000", "11") UDP,
                     frame);
    assert_int_equal(dissect(1, frame, n, 0, &p), PACKET_IP);
    assert_int_equal(p.vlan, 10);
    assert_int_equal(p.cvlan, 20);
    assert_int_equal(p.ethertype, 0x0800);
    assert_int_equal(p.tos, 0xb8);
    assert_int_equal(p.ttl, 64);
    assert_true(p.fragment);
    assert_int_equal(p.fragid, 0x1234);
    assert_memory_equal(p.srcmac, "\2\0\0\0\0\1", 6);
    assert_memory_equal(p.dstmac, "\2\0\0\0\0\2", 6);
    assert_memory_equal(p.src, "\300\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    assert_int_equal(p.ip_at, 22);
    assert_int_equal(p.payload_at, 50);
    assert_int_equal(p.payload_captured, 8);

    n = unhex(IP6_UDP, frame);
    assert_int_equal(dissect_ip(frame, n, n, &p), PACKET_IP);
    assert_int_equal(p.tos, 0x0b);
    assert_int_equal(p.flowlabel, 0x12345);
    assert_int_equal(p.ttl, 0x3f);

    /* sent by interface 3: output interface, egress */
    n = unhex("0800"
              "0000"
              "00000003"
              "0001"
              "04"
              "06"
              "0200000000010000" IP4_UDP,
              frame);
    assert_int_equal(dissect(276, frame, n, 0, &p), PACKET_IP);
    assert_int_equal(p.outif, 3);
    assert_int_equal(p.inif, 0);
    assert_int_equal(p.direction, DIRECTION_EGRESS);
    frame[10] = 0;
    assert_int_equal(dissect(276, frame, n, 0, &p), PACKET_IP);
    assert_int_equal(p.inif, 3);
    assert_int_equal(p.direction, DIRECTION_INGRESS);

    n = unhex("02000000"
              "0800040000000007"
              "0800050000000008"
              "28000900" IP4_UDP,
              frame);
    assert_int_equal(dissect(239, frame, n, 0, &p), PACKET_IP);
    assert_int_equal(p.inif, 7);
    assert_int_equal(p.outif, 8);
}

/* Every prefix of every frame, in memory of exactly that size for AddressSanitizer's sake. What is
** seen of an IP packet lies inside, and its length does not depend on how much was captured. */
static void prefixes(void **state) {
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        uint8_t frame[256];
        size_t n = unhex(cases[i].frame, frame);
        size_t wire = cases[i].wire ? cases[i].wire : n;
        for (size_t cut = 0; cut < n; cut++) {
            struct packet p;
            uint8_t *copy = malloc(cut ? cut : 1);
            memcpy(copy, frame, cut);
            enum packet_kind kind = dissect(cases[i].linktype, copy, cut, wire, &p);
            free(copy);
            if (kind != PACKET_IP)
                continue;
            assert_int_equal(cases[i].e.kind, PACKET_IP);
            assert_true(p.length == cases[i].e.length || cases[i].e.length > 65535);
            assert_true(p.payload_at <= cut && p.payload_captured <= cut - p.payload_at);
        }
    }
}

/* What is in front of a packet, by link type, or by type in Ethernet frames. */
static void in_front(void **state) {
    (void)state;
    static const struct {
        const char *name;
        unsigned linktype;
        const char *octets;
        uint32_t has; /* HAS_VLAN, HAS_DIRECTION, HAS_MAC */
        unsigned vlan, direction;
    } front[] = {
        {"MACsec", 1,
         MACS "88e5"
              "2000"
              "00000001"
              "0200000000010001"
              "0800",
         HAS_MAC, 0, 0},
        {"MACsec, no channel", 1,
         MACS "88e5"
              "0000"
              "00000001"
              "0800",
         HAS_MAC, 0, 0},
        {"Arista, 64 bits", 1,
         MACS "d28b"
              "0001"
              "0010"
              "0011223344556677"
              "0800",
         HAS_MAC, 0, 0},
        {"Arista, 48 bits", 1,
         MACS "d28b"
              "0001"
              "0020"
              "001122334455"
              "0800",
         HAS_MAC, 0, 0},
        {"EDSA", 1,
         MACS "dada"
              "0000"
              "e0080123"
              "0800",
         HAS_MAC | HAS_VLAN, 0x123, 0},
        {"TRILL", 1,
         MACS "22f3"
              "0040"
              "00010002"
              "aabbccdd" MACS "0800",
         HAS_MAC, 0, 0},
        {"FabricPath", 1,
         MACS "8903"
              "0001" MACS "0800",
         HAS_MAC, 0, 0},
        {"NSH", 1,
         MACS "894f"
              "0fc2"
              "0201"
              "000001ff",
         HAS_MAC, 0, 0},
        {"ARCNET, RFC 1051", 7, "0102f0", 0, 0, 0},
        {"ARCNET, RFC 1201", 7,
         "0102d4"
         "000001",
         0, 0, 0},
        {"ARCNET, exception frame", 129,
         "01020000d4"
         "ffffff"
         "00000001",
         0, 0, 0},
        {"IP over ATM, LLC", 106,
         "aaaa03000000"
         "0800",
         0, 0, 0},
        {"IP over ATM", 106, "", 0, 0, 0},
        {"SunATM", 123,
         "82010020"
         "aaaa03000000"
         "0800",
         HAS_DIRECTION, 0, DIRECTION_EGRESS},
        {"IEEE 1394", 138,
         "00112233445566770011223344556677"
         "0800",
         0, 0, 0},
        {"DOCSIS", 143,
         "01020000"
         "aabb"
         "1234" MACS "0800",
         HAS_MAC, 0, 0},
        {"pppd", 166,
         "0103"
         "0021",
         HAS_DIRECTION, 0, DIRECTION_EGRESS},
        {"Juniper", 178,
         "4d474381"
         "0002"
         "aabb" MACS "0800",
         HAS_MAC | HAS_DIRECTION, 0, DIRECTION_INGRESS},
        {"Juniper, no frame", 178,
         "4d474302"
         "00000002",
         HAS_DIRECTION, 0, DIRECTION_EGRESS},
        {"Juniper PPP", 179,
         "4d474300"
         "ff030021",
         HAS_DIRECTION, 0, DIRECTION_EGRESS},
        {"Juniper frame relay", 180,
         "4d474300"
         "184103cc",
         HAS_DIRECTION, 0, DIRECTION_EGRESS},
        {"Juniper HDLC", 181,
         "4d474300"
         "0f000800",
         HAS_DIRECTION, 0, DIRECTION_EGRESS},
        {"ERF", 197,
         "0011223344556677"
         "82000000"
         "00000000"
         "0000000000000000"
         "0000" MACS "0800",
         HAS_MAC, 0, 0},
        {"ERF, of many channels", 197,
         "0011223344556677"
         "05000000"
         "00000000"
         "00000001"
         "ff030021",
         0, 0, 0},
        {"ERF, of many channels, coloured", 197,
         "0011223344556677"
         "11000000"
         "00000000"
         "00000001"
         "0f000800",
         0, 0, 0},
        {"HDLC, received", 205,
         "00"
         "0f000800",
         HAS_DIRECTION, 0, DIRECTION_INGRESS},
        {"frame relay, sent", 206,
         "01"
         "184103cc",
         HAS_DIRECTION, 0, DIRECTION_EGRESS},
        {"MPLS", 219, "00020140", 0, 0, 0},
        {"ipnet", 226, "010200000000002400000001000000020000000300000004", 0, 0, 0},
        {"NetANALYZER", 241,
         "00000000"
         "55555555555555d5" MACS "0800",
         HAS_MAC, 0, 0},
        {"InfiniBand", 242,
         "00112233445566770011223344556677001122334455667700112233445566770011223344556677"
         "08000000",
         0, 0, 0},
        {"pktap", 258,
         "2c000000"
         "01000000"
         "01000000"
         "656e3000000000000000000000000000"
         "0000000000000000"
         "02000000"
         "00000000" MACS "0800",
         HAS_MAC | HAS_DIRECTION, 0, DIRECTION_EGRESS},
        {"Broadcom", 281,
         MACS "00000001"
              "0800",
         HAS_MAC, 0, 0},
        {"Broadcom, in front", 282, "00000001" MACS "0800", HAS_MAC, 0, 0},
        {"DSA", 284,
         MACS "e0080064"
              "0800",
         HAS_MAC | HAS_VLAN, 100, 0},
        {"DSA, without tag", 284,
         MACS "c0080064"
              "0800",
         HAS_MAC, 0, 0},
    };
    for (size_t i = 0; i < sizeof front / sizeof *front; i++) {
        uint8_t frame[256];
        struct packet p;
        size_t at = unhex(front[i].octets, frame), n = at + unhex(IP4_UDP, frame + at);
        if (dissect(front[i].linktype, frame, n, n, &p) != PACKET_IP || p.ip_at != at ||
            (p.has & (HAS_VLAN | HAS_DIRECTION | HAS_MAC)) != front[i].has ||
            p.vlan != front[i].vlan || p.direction != front[i].direction)
            fail_msg("%s: has %x, VLAN %u, direction %u, IP at %u", front[i].name, p.has, p.vlan,
                     p.direction, p.ip_at);
        for (size_t cut = 0; cut < at + 20; cut++) {
            uint8_t *copy = malloc(cut ? cut : 1);
            memcpy(copy, frame, cut);
            if (dissect(front[i].linktype, copy, cut, n, &p) != PACKET_TRUNCATED)
                fail_msg("%s: %zu octets of it", front[i].name, cut);
            free(copy);
        }
    }
    uint8_t frame[256];
    struct packet p;
    size_t n = unhex(MACS "88e5"
                          "0c00"
                          "00000001"
                          "0800" IP4_UDP,
                     frame);
    assert_int_equal(dissect(1, frame, n, n, &p), PACKET_OTHER); /* encrypted */
    n = unhex("4d474400" MACS "0800" IP4_UDP, frame);
    assert_int_equal(dissect(178, frame, n, n, &p), PACKET_MALFORMED);
}

static void names(void **state) {
    (void)state;
    assert_string_equal(dissect_link_name(1), "Ethernet");
    assert_null(dissect_link_name(227));
    for (int k = 0; k < PACKET_NKINDS; k++)
        assert_non_null(packet_kind_names[k]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames),   cmocka_unit_test(details), cmocka_unit_test(prefixes),
        cmocka_unit_test(in_front), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests_name("dissect", tests, NULL, NULL);
}
