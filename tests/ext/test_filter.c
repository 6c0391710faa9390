/* SPDX-License-Identifier: MIT */
/*
** The filter language: which of a handful of flows pass which filter.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../ext/filter.h"

/* ---- the flows, each with a letter ------------------------------------------------------ */

struct setting {
    int field;
    const char *text; /* an address or MAC address, or NULL for number */
    uint64_t number;
};

static const struct flow {
    char letter;
    struct setting set[48];
} flows[] = {
    /* a web connection leaving a home network */
    {'w',
     {{FLOW_proto, NULL, 6},
      {FLOW_srcip, "192.168.1.10", 0},
      {FLOW_srcport, NULL, 40000},
      {FLOW_dstip, "203.0.113.5", 0},
      {FLOW_dstport, NULL, 443},
      {FLOW_tcpflags, NULL, 0x1b},
      {FLOW_tos, NULL, 0x10},
      {FLOW_inif, NULL, 1},
      {FLOW_outif, NULL, 2},
      {FLOW_srcas, NULL, 64500},
      {FLOW_dstas, NULL, 64501},
      {FLOW_direction, NULL, 1},
      {FLOW_insrcmac, "00:11:22:33:44:55", 0},
      {FLOW_clientlatency, NULL, 1500},
      {FLOW_serverlatency, NULL, 20000},
      {FLOW_applatency, NULL, 0},
      {FLOW_next, "10.0.0.1", 0}}},
    /* a name asked for inside of it */
    {'d',
     {{FLOW_proto, NULL, 17},
      {FLOW_srcip, "192.168.1.10", 0},
      {FLOW_srcport, NULL, 53},
      {FLOW_dstip, "192.168.1.1", 0},
      {FLOW_dstport, NULL, 53},
      {FLOW_tcpflags, NULL, 0x12}, /* some routers fill it in */
      {FLOW_inif, NULL, 1},
      {FLOW_outif, NULL, 1},
      {FLOW_srcvlan, NULL, 10},
      {FLOW_minttl, NULL, 64},
      {FLOW_exporter, "192.168.1.254", 0},
      {FLOW_direction, NULL, 0}}},
    /* a SYN over IPv6 */
    {'s',
     {{FLOW_proto, NULL, 6},
      {FLOW_srcip, "2001:db8::10", 0},
      {FLOW_srcport, NULL, 50000},
      {FLOW_dstip, "2001:db8:1::22", 0},
      {FLOW_dstport, NULL, 22},
      {FLOW_tcpflags, NULL, 0x02},
      {FLOW_tunsrcip, "198.51.100.9", 0},
      {FLOW_tundstip, "198.51.100.10", 0},
      {FLOW_tunproto, NULL, 41},
      {FLOW_vni, NULL, 4096},
      {FLOW_mpls, "16-3-0,20-0-1", 0}}},
    /* a ping, which has no ports */
    {'p',
     {{FLOW_proto, NULL, 1},
      {FLOW_srcip, "192.168.1.20", 0},
      {FLOW_dstip, "8.8.8.8", 0},
      {FLOW_icmptype, NULL, 8},
      {FLOW_icmpcode, NULL, 0},
      {FLOW_dstvlan, NULL, 10}}},
    /* ICMPv6 of an exporter that sends the IP version but no address */
    {'i',
     {{FLOW_proto, NULL, 58},
      {FLOW_ipversion, NULL, 6},
      {FLOW_icmptype, NULL, 128},
      {FLOW_outdstmac, "00:11:22:33:44:55", 0}}},
    /* all there can be beyond that: sampled, translated, by way of a firewall */
    {'a',
     {{FLOW_proto, NULL, 132},
      {FLOW_srcip, "10.9.0.1", 0},
      {FLOW_dstip, "10.9.0.2", 0},
      {FLOW_tstart, NULL, 1417694400000}, /* 2014-12-04 12:00 */
      {FLOW_tend, NULL, 1417694401500},
      {FLOW_trecv, NULL, 1417694460000},
      {FLOW_packets, NULL, 6},
      {FLOW_bytes, NULL, 900},
      {FLOW_sampling, NULL, 10},
      {FLOW_outpackets, NULL, 2},
      {FLOW_outbytes, NULL, 250},
      {FLOW_flows, NULL, 3},
      {FLOW_tos, NULL, 0xb8},
      {FLOW_dsttos, NULL, 8},
      {FLOW_minttl, NULL, 60},
      {FLOW_maxttl, NULL, 60},
      {FLOW_srcmask, NULL, 24},
      {FLOW_dstmask, NULL, 16},
      {FLOW_nextas, NULL, 3},
      {FLOW_prevas, NULL, 4},
      {FLOW_bgpnext, "10.0.0.2", 0},
      {FLOW_ethertype, NULL, 0x800},
      {FLOW_fwdstat, NULL, 16},
      {FLOW_ivrf, NULL, 7},
      {FLOW_evrf, NULL, 8},
      {FLOW_natevent, NULL, 4},
      {FLOW_natsrcip, "198.51.100.1", 0},
      {FLOW_natdstip, "198.51.100.2", 0},
      {FLOW_natsrcport, NULL, 1001},
      {FLOW_natdstport, NULL, 1002},
      {FLOW_pblockstart, NULL, 1024},
      {FLOW_pblockend, NULL, 2047},
      {FLOW_pblockstep, NULL, 1},
      {FLOW_pblocksize, NULL, 1024},
      {FLOW_srcport, NULL, 2047},
      {FLOW_dstport, NULL, 2048},
      {FLOW_fwevent, NULL, 3},
      {FLOW_fwxevent, NULL, 1004},
      {FLOW_username, "Alice B", 0},
      {FLOW_ident, "core-1", 0},
      {FLOW_enginetype, NULL, 2},
      {FLOW_engineid, NULL, 5},
      {FLOW_odid, NULL, 77},
      {FLOW_opid, NULL, 78},
      {FLOW_appname, "", 0}}},
    /* nothing is known */
    {'0', {{0}}},
};
enum { NFLOWS = sizeof flows / sizeof *flows };

static void make_row(const struct flow *flow, struct flow_row *row) {
    flow_row_clear(row);
    for (size_t i = 0; i < sizeof flow->set / sizeof *flow->set; i++) {
        const struct setting *s = &flow->set[i];
        uint64_t mac;
        if (s->field == FLOW_tstart && !s->number)
            break;
        if (flow_fields[s->field].class == FLOW_TEXT) {
            flow_row_set_text(row, s->field, s->text, strlen(s->text));
        } else if (!s->text) {
            flow_row_set(row, s->field, s->number);
        } else if (flow_fields[s->field].class == FLOW_MAC) {
            assert_int_equal(flow_mac_parse(s->text, strlen(s->text), &mac), 0);
            flow_row_set(row, s->field, mac);
        } else {
            assert_int_equal(flow_ip_parse(s->text, strlen(s->text), &row->value[s->field].ip), 0);
            flow_row_mark(row, s->field);
        }
    }
}

/* ---- filters and the flows that pass ---------------------------------------------------- */

static const struct {
    const char *filter, *pass;
} cases[] = {
    {"any", "wdspia0"},
    {"", "wdspia0"},
    {" \t\n# nothing but a comment", "wdspia0"},
    {"not any", ""},

    /* addresses */
    {"host 192.168.1.10", "wd"},
    {"ip 192.168.1.1", "d"},
    {"src host 192.168.1.1", ""},
    {"dst ip 192.168.1.1", "d"},
    {"SRC HOST 2001:DB8::10", "s"},
    {"host 2001:db8:0:0:0:0:0:10", "s"},
    {"src or dst host 192.168.1.1", "d"},
    {"src and dst net 192.168.1.0/24", "d"},
    {"dst or src net 203.0.113.0/24", "w"},
    {"net 192.168.1.0/24", "wdp"},
    {"net 192.168/16", "wdp"},
    {"net 192.168.1.99/24", "wdp"},
    {"dst net 0.0.0.0/0", "wdpa"},
    {"dst net ::/0", "s"},
    {"net 8/8", "p"},
    {"src net 192.168.1.16 255.255.255.240", "p"},
    {"net 192.168.1.0 255.255.255.0 and tcp", "w"},
    {"src net 2001:db8::/64", "s"},
    {"ip in [8.8.8.8 2001:db8:1::/48]", "sp"},
    {"src ip in [192.168.1.20,192.168.1.0/28]", "wdp"},
    {"dst net in [ 203.0.113.0/24 , 8/8, ]", "wp"},
    {"host in [192.168.1.0/24 192.168.1.10 192.168.0.0/16]", "wdp"},
    {"host = 8.8.8.8", "p"},
    {"next ip 10.0.0.1", "w"},
    {"router ip 192.168.1.254", "d"},
    {"router net 192.168.1.0/24", "d"},
    {"src nat ip 1.2.3.4", ""},

    /* ports */
    {"port 53", "d"},
    {"src port 53", "d"},
    {"dst port 443", "w"},
    {"src and dst port 53", "d"},
    {"src or dst port 22", "s"},
    {"port = 443", "w"},
    {"port==443", "w"},
    {"port EQ 443", "w"},
    {"src port > 40000", "s"},
    {"src port >= 40000", "ws"},
    {"src port gt 40000 or src port lt 54", "ds"},
    {"src port le 53", "d"},
    {"src port ge 50000", "s"},
    {"dst port < 53", "s"},
    {"dst port<=53", "ds"},
    {"port < 0", ""},
    {"port in [22 443]", "ws"},
    {"port in [22,443]", "ws"},
    {"port in [ 20-25, 400-450 ]", "ws"},
    {"port in [1-30 20-60]", "ds"},
    {"flowid in [0-9223372036854775807]", ""},
    {"dst port 0x1bb", "w"},
    {"src port > 49k", "s"},
    {"dst port 50-60", "d"},
    {"not port 53", "wspia0"},
    {"not dst port > 53", "dspi0"},
    {"src nat port 80", ""},

    /* protocols */
    {"proto tcp", "ws"},
    {"proto TCP", "ws"},
    {"proto 6", "ws"},
    {"tcp", "ws"},
    {"udp", "d"},
    {"icmp", "p"},
    {"icmp6", "i"},
    {"proto icmp6", "i"},
    {"proto ipv6-icmp", "i"},
    {"proto > 6", "dia"},
    {"proto in [udp 1]", "dp"},
    {"icmp type 8", "p"},
    {"icmp-type 8", "p"},
    {"icmp type > 8", "i"},
    {"icmp code 0", "p"},
    {"icmp and icmp type 8", "p"},

    /* the address family, from the address or the field */
    {"ipv4", "wdpa"},
    {"inet", "wdpa"},
    {"ipv6", "si"},
    {"inet6", "si"},
    {"not ipv6", "wdpa0"},

    /* flags: those named are set */
    {"flags S", "ws"},
    {"flags s", "ws"},
    /* behind not: none of those named is */
    {"flags S and not flags AFRPU", "s"},
    {"not flags AS", "dpia0"},
    {"not (flags AR)", "dspia0"},
    {"not (flags RA or udp)", "spia0"},
    {"not (tcp and not flags AR)", "dpia0"},
    {"not not flags SA", "w"},
    {"flags S and not (flags A or flags R)", "s"},
    {"not flags X", "dpia0"},
    {"not flags EC", "wdspia0"},
    {"not flags 2", "wdpia0"},
    {"flags < 64", "ws"},
    {"flags 0", ""},
    {"flags S and not flags A", "s"},
    {"flags FSPA", "w"},
    {"flags APSFR", ""},
    {"flags X", ""},
    {"flags 2", "s"},
    {"flags > 2", "w"},
    {"flags in [0x1b 2]", "ws"},

    /* other fields of the catalogue */
    {"tos 16", "w"},
    {"src tos 16", "w"},
    {"dst tos 16", ""},
    {"in if 1", "wd"},
    {"out if 1", "d"},
    {"if 1", "wd"},
    {"if 2", "w"},
    {"if in [2 3]", "w"},
    {"in and out if 1", "d"},
    {"as 64501", "w"},
    {"src as 64501", ""},
    {"src as >= 64500", "w"},
    {"AS in [64500 64999]", "w"},
    {"vlan 10", "dp"},
    {"src vlan 10", "d"},
    {"dst vlan 10", "p"},
    {"min ttl < 65", "da"},
    {"flowdir egress", "w"},
    {"flowdir 0", "d"},
    {"in src mac 00:11:22:33:44:55", "w"},
    {"mac 00:11:22:33:44:55", "wi"},
    {"src mac 00-11-22-33-44-55", "w"},

    /* tunnels and MPLS labels */
    {"tun ip 198.51.100.9", "s"},
    {"src tun ip 198.51.100.10", ""},
    {"dst tun ip 198.51.100.10", "s"},
    {"dst tunip 198.51.100.10", "s"},
    {"tun net 198.51.100.0/24", "s"},
    {"src and dst tun net 198.51.100.0/24", "s"},
    {"ip 198.51.100.9", ""},
    {"tun ip in [10.0.0.1 198.51.100.10]", "s"},
    {"tun proto ipv6", "s"},
    {"tun proto 47", ""},
    {"proto 41", ""},
    {"vni 4096", "s"},
    {"mpls label1 16", "s"},
    {"mpls label1 = 15-17", "s"},
    {"MPLS LABEL2 20", "s"},
    {"mpls label2 > 20", ""},
    {"mpls label3 < 1000000", ""},
    {"mpls exp1 3", "s"},
    {"mpls exp1 in [1 3]", "s"},
    {"mpls exp2 > 0", ""},
    {"mpls eos 20", "s"},
    {"mpls eos 16", ""},
    {"mpls any 16", "s"},
    {"mpls any [17 20]", "s"},
    {"mpls any < 16", ""},
    {"not mpls any 16", "wdpia0"},
    {"mpls '16-3-0,20-0-1'", "s"},
    {"mpls in ['16-3-0,20-0-1' x]", "s"},

    /* and, or, not, parentheses */
    {"tcp and port 443", "w"},
    {"tcp && port 443", "w"},
    {"tcp or udp", "wds"},
    {"tcp || udp", "wds"},
    {"tcp or udp and port 443", "ws"},
    {"(tcp or udp) and port 443", "w"},
    {"port 443 and tcp or udp", "wd"},
    {"not tcp and not udp", "pia0"},
    {"not (tcp or udp)", "pia0"},
    {"! tcp", "dpia0"},
    {"!tcp", "dpia0"},
    {"not not tcp", "ws"},
    {"!!!tcp", "dpia0"},
    {"not (not (tcp))", "ws"},
    {"not tcp or udp", "dpia0"},
    {"tcp and (port 22 or (port 443 and not flags R))", "ws"},
    {"tcp # the web\n and # its port\n port 443", "w"},
    {"src net 192.168.1.0/24 and not dst port in [80 443]", "dp"},
    {"((((((tcp))))))", "ws"},

    /* counters, scaled by the sampling rate, and what is computed from them */
    {"packets 60", "a"},
    {"in packets > 59", "a"},
    {"packets 6", ""},
    {"packets < 1k", "a"},
    {"bytes >= 9k", "a"},
    {"in bytes 9000", "a"},
    {"bytes > 9k", ""},
    {"out packets 20", "a"},
    {"out bytes > 2k", "a"},
    {"flows 3", "a"},
    {"flow > 1", "a"},
    {"flows 1", "wdspi0"},
    {"client latency > 1", "w"},
    {"client latency 2", ""},
    {"server latency 20", "w"},
    {"app latency < 1 and retransmitted 0", ""},
    {"app latency 0", "w"},
    {"duration 1500", "a"},
    {"duration > 1499", "a"},
    {"duration < 1500", ""},
    {"duration <= 1500", "a"},
    {"duration in [10 1500]", "a"},
    {"not duration < 1500", "wdspia0"},
    {"pps 40", "a"},
    {"pps > 40", ""},
    {"bps 48k", "a"},
    {"bps > 47999", "a"},
    {"bps 47k-49k", "a"},
    {"bpp 150", "a"},
    {"bpp < 151", "a"},
    {"bpp > 150", ""},

    /* times: UTC, parts left out are their beginning */
    {"first seen 2014-12-04T12:00:00", "a"},
    {"first seen > 2014", "a"},
    {"first seen < 2014", ""},
    {"first seen >= 2014-12-04", "a"},
    {"first seen > 2014/12/04.12:00", ""},
    {"first seen >= 2014/12/04.12", "a"},
    {"last seen 2014-12-04T12:00:01.500", "a"},
    {"last seen > '2014-12-04 12:00:01'", "a"},
    {"last seen > 1417694401", "a"},
    {"received > 2014-12-04T13:00:00+02:00", "a"},
    {"not first seen > 2014", "wdspi0"},

    /* texts */
    {"ident core-1", "a"},
    {"ident 'core-1'", "a"},
    {"ident Core-1", ""},
    {"ident in [x, core-1]", "a"},
    {"ident [core-1]", "a"},
    {"not ident core-1", "wdspi0"},
    {"asa user \"Alice B\"", "a"},
    {"username 'Alice B'", "a"},
    {"appname ''", "a"},

    /* the rest of nfdump's words, of its older and its newer dialect */
    {"src mask 24", "a"},
    {"mask 16", "a"},
    {"prev as 4", "a"},
    {"next as in [3 4]", "a"},
    {"as 3", ""},
    {"bgp next ip 10.0.0.2", "a"},
    {"bgpnext ip 10.0.0.2", "a"},
    {"next net 10.0.0.0/24", "w"},
    {"exporter ip 192.168.1.254", "d"},
    {"ethertype 0x800", "a"},
    {"etherType 2048", "a"},
    {"ttl 60", "a"},
    {"ttl < 65", "da"},
    {"min or max ttl 64", "d"},
    {"max ttl 60", "a"},
    {"ttl equal", "a"},
    {"not ttl equal", "wdspi0"},
    {"fwdstat drop", "a"},
    {"fwdstat > 15", "a"},
    {"dst tos 8", "a"},
    {"tos 0xb8", "a"},
    {"dscp 46", "a"},
    {"dscp < 5", "w"},
    {"ingress vrf 7", "a"},
    {"egress vrf > 7", "a"},
    {"vrf 8", "a"},
    {"nat event add44", "a"},
    {"nat event 4", "a"},
    {"nat event add", ""},
    {"nat ip 198.51.100.2", "a"},
    {"src nat ip 198.51.100.2", ""},
    {"xlate ip 198.51.100.1", "a"},
    {"src xlate port 1001", "a"},
    {"nat net 198.51.100.0/24", "a"},
    {"xip 198.51.100.1", "a"},
    {"src xip 198.51.100.1", "a"},
    {"dst xip in [198.51.100.0/24]", "a"},
    {"xnet 198.51.100.0/30", "a"},
    {"xport 1002", "a"},
    {"dst xport 1001", ""},
    {"nip 198.51.100.1", "a"},
    {"src nip 198.51.100.1", "a"},
    {"nport > 1001", "a"},
    {"nat pblock start 1024", "a"},
    {"nat pblock end > 2047", ""},
    {"nat pblock step 1", "a"},
    {"xlate pblock size >= 1k", "a"},
    {"nat pblock start in [1024 4096]", "a"},
    {"pblockend 2047", "a"},
    {"src port in nat pblock", "a"},
    {"dst port in nat pblock", ""},
    {"port in nat pblock", "a"},
    {"port in xlate pblock and proto sctp", "a"},
    {"src and dst port in nat pblock", ""},
    {"not src port in nat pblock", "wdspi0"},
    {"asa event denied", "a"},
    {"asa event deny", "a"},
    {"asa event 3", "a"},
    {"asa event denied nosyn", "a"},
    {"asa event denied ingress", ""},
    {"asa event denied and proto sctp", "a"},
    {"asa event term", ""},
    {"asa xevent 1004", "a"},
    {"asa denied nosyn", "a"},
    {"engine-type 2", "a"},
    {"engine type 2", "a"},
    {"engine-id 5", "a"},
    {"engine id > 4", "a"},
    {"observation domain id 77", "a"},
    {"observation point id 78", "a"},
    {"in mac 00:11:22:33:44:55", "w"},
    {"out mac 00:11:22:33:44:55", "i"},
    {"flags =S", "s"},
    {"flags = SA", ""},
    {"flags == 2", "s"},

    /* columns by their names in SQL */
    {"srcip 10.9.0.1", "a"},
    {"srcport > 40000", "s"},
    {"srcvlan 10", "d"},
    {"inif 1 and outif 2", "w"},
    {"natsrcport in [1000-2000]", "a"},
    {"tstart > 2014", "a"},
    {"trecv 2014-12-04T12:01", "a"},
    {"ipversion 6", "i"},
    {"insrcmac 00:11:22:33:44:55", "w"},
    {"next 10.0.0.1", "w"},
    {"exporter in [192.168.0.0/16]", "d"},
    {"icmptype 8 or natevent 4", "pa"},
    {"sampling 10", "a"},
};

static void test_cases(void **state) {
    (void)state;
    int wrong = 0;
    char err[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct filter_node *node =
            filter_parse(cases[i].filter, strlen(cases[i].filter), 0, NULL, NULL, err, sizeof err);
        if (!node)
            fail_msg("%s: %s", cases[i].filter, err);
        char pass[NFLOWS + 1];
        size_t n = 0;
        for (int f = 0; f < NFLOWS; f++) {
            struct flow_row row;
            make_row(&flows[f], &row);
            if (filter_match(node, &row))
                pass[n++] = flows[f].letter;
        }
        pass[n] = '\0';
        filter_free(node);
        if (strcmp(pass, cases[i].pass) != 0)
            print_error("%s: passed [%s], expected [%s]\n", cases[i].filter, pass, cases[i].pass);
        wrong += strcmp(pass, cases[i].pass) != 0;
    }
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
