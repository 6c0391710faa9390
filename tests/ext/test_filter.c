/* SPDX-License-Identifier: MIT */
/*
** The filter language: which of a handful of flows pass which filter, and what is said of those
** that are none.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../ext/filter.h"
#include "../../ext/filter_source.h"
#include "../../ext/protocols.h"

/* ---- the flows, each with a letter ------------------------------------------------------ */

struct setting {
    int field;
    const char *text; /* an address or MAC address, or NULL for number */
    uint64_t number;
};

static const struct flow {
    char letter;
    struct setting set[40];
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
      {FLOW_tcpflags, NULL, 0x02}}},
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
    {"dst port 0x1bb", "w"},
    {"src port > 49k", "s"},
    {"dst port 50-60", "d"},
    {"not port 53", "wspia0"},
    {"not dst port > 53", "dspia0"},
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
            filter_parse(cases[i].filter, strlen(cases[i].filter), 0, err, sizeof err);
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

/* ---- what is no filter ------------------------------------------------------------------ */

static const struct {
    const char *filter;
    int line, column;
    const char *says; /* somewhere in the message */
} errors[] = {
    {"foo", 1, 1,
     "expected a test, as host, net, port, proto, flags, or a column of flows, found 'foo'"},
    {"prot 6", 1, 1, "did you mean proto?"},
    {"tcp and dst porrt 6", 1, 13, "host, net, port, as"},
    {"hots 1.2.3.4", 1, 1, "did you mean host?"},
    {"srcvaln 5", 1, 1, "did you mean srcvlan?"},
    {"tcp\n\n  and pakets > 1k", 3, 7, "did you mean packets?"},
    {"port htpp", 1, 6, "from 0 to 65535 for src port, found 'htpp'"},
    {"bytes > 1.5k", 1, 9, "expected a number for bytes"},
    {"duration > x", 1, 12, "duration (milliseconds)"},
    {"duration 5-3", 1, 10, "smaller number first"},
    {"dscp 64", 1, 6, "from 0 to 63 for dscp"},
    {"fwdstat foo", 1, 9, "or one of ukwn, forw"},
    {"nat event foo", 1, 11, "add44"},
    {"asa event denied foo", 1, 18, "nosyn"},
    {"first seen > 2014-13", 1, 14, "expected a time for first seen"},
    {"first seen", 1, 11, "found the end"},
    {"ident", 1, 6, "expected a text for ident"},
    {"ident > a", 1, 7, "ident has no order here"},
    {"ident 'a", 1, 7, "expected a text for ident"},
    {"ident in [a 'b' ", 1, 17, "expected a text for ident"},
    {"flags = Q", 1, 9, "expected a number"},
    /* what a flow of ours does not have */
    {"count > 5", 1, 1, "records have no numbers"},
    {"cnt > 5", 1, 1, "records have no numbers"},
    {"sysid 5", 1, 1, "use router ip"},
    {"exporter id 5", 1, 1, "use router ip"},
    {"mpls label1 5", 1, 1, "no columns of MPLS labels"},
    {"mpls any 5", 1, 1, "no columns of MPLS labels"},
    {"tun ip 1.2.3.4", 1, 1, "no columns of tunnels"},
    {"src tun ip 1.2.3.4", 1, 1, "no columns of tunnels"},
    {"tun proto 4", 1, 1, "no columns of tunnels"},
    {"dst tunip 1.2.3.4", 1, 1, "no columns of tunnels"},
    {"geo CH", 1, 1, "no countries"},
    {"src geo CH", 1, 1, "no countries"},
    {"payload content 'x'", 1, 1, "no payload"},
    {"in payload dns defined", 1, 1, "no payload"},
    {"pf action pass", 1, 1, "pflog"},
    {"client latency > 5", 1, 1, "latencies"},
    {"ingress acl 5", 1, 1, "access lists"},
    {"egress xace 5", 1, 1, "access lists"},
    {"nat pblock start 5", 1, 1, "port blocks"},
    {"pblock start 5", 1, 1, "port blocks"},
    {"src port in nat pblock", 1, 13, "port blocks"},
    {"port in pblock", 1, 9, "port blocks"},
    {"@include", 1, 1, "name of a file"},
    {"tcp and @include /nowhere/at/all", 1, 9, "@include /nowhere/at/all: No such file"},
    {"tcp and\nport in [80 @include /dev/null ]", 2, 13, "no regular file"},
    {"tcp and", 1, 8, "expected a test"},
    {"tcp and )", 1, 9, "expected a test"},
    {"tcp udp", 1, 5, "expected and, or, or the end"},
    {"(tcp", 1, 5, "for the ( of line 1, column 1"},
    {"tcp)", 1, 4, "or the end"},
    {"()", 1, 2, "expected a test"},
    {"not", 1, 4, "expected a test"},
    {"port", 1, 5, "0 to 65535 for "},
    {"port http", 1, 6, "expected a number from 0 to 65535"},
    {"dst port 65536", 1, 10, "65535 for dst port"},
    {"dst port 66k", 1, 10, "65535"},
    {"port 99999999999999999999", 1, 6, "65535"},
    {"port 0x", 1, 6, "65535"},
    {"port -1", 1, 6, "65535"},
    {"port 80-", 1, 6, "65535"},
    {"port 90-80", 1, 6, "smaller number first"},
    {"port != 80", 1, 6, "65535"},
    {"port in 80", 1, 9, "[ ... ]"},
    {"port in [80", 1, 12, "65535"},
    {"port in []", 1, 10, "65535"},
    {"proto foo", 1, 7, "a name such as tcp"},
    {"proto 256", 1, 7, "0 to 255"},
    {"host", 1, 5, "expected an address"},
    {"host www.example.org", 1, 6, "names are not looked up"},
    {"host 1.2.3", 1, 6, "an address"},
    {"host 1.2.3.4/33", 1, 6, "a network"},
    {"host > 1.2.3.4", 1, 6, "no order"},
    {"net 10.0.0.0", 1, 13, "10.0.0.0/8"},
    {"net 2001:db8:: and tcp", 1, 16, "2001:db8::/32"},
    {"net 10.0.0.0 255.0.255.0", 1, 14, "netmask"},
    {"ip in [1.2.3.4 foo]", 1, 16, "an address"},
    {"src", 1, 4, "after src"},
    {"src 10.0.0.1", 1, 5, "after src"},
    {"src and tcp", 1, 9, "src, dst"},
    {"src and dst proto 6", 1, 13, "both have"},
    {"flags Q", 1, 7, "FSRPAUEC"},
    {"flags", 1, 6, "expected a number"},
    {"in src mac 1", 1, 12, "MAC address"},
    {"flowdir up", 1, 9, "ingress"},
    {"tcp and \x01", 1, 9, "expected a test"},
    {"tcp & udp", 1, 5, "or the end"},
    {"averyveryveryveryveryveryveryverylongwordindeed 1", 1, 1, "expected a test"},
};

static void test_errors(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        char err[2048] = "", begin[256];
        const char *text = errors[i].filter;
        struct filter_node *node = filter_parse(text, strlen(text), 0, err, sizeof err);
        filter_free(node);
        snprintf(begin, sizeof begin, "filter: line %d, column %d: ", errors[i].line,
                 errors[i].column);
        if (node || strncmp(err, begin, strlen(begin)) != 0 || !strstr(err, errors[i].says))
            fail_msg("%s: said [%s], expected [%s... %s]", text, node ? "nothing" : err, begin,
                     errors[i].says);
    }
}

static void test_short_buffers(void **state) {
    (void)state;
    char err[64];
    for (size_t n = 0; n < sizeof err; n++) {
        memset(err, 'x', sizeof err);
        assert_null(filter_parse("no filter", 9, 0, err, n));
        assert_true(n == 0 || memchr(err, '\0', n) != NULL);
        for (size_t i = n; i < sizeof err; i++)
            assert_int_equal(err[i], 'x');
    }
}

/* The text ends where it is said to, whatever lies behind. */
static void test_not_terminated(void **state) {
    (void)state;
    char err[512];
    const char text[] = "port 5353";
    for (size_t n = 0; n < sizeof text; n++) {
        char *exact = malloc(n ? n : 1);
        memcpy(exact, text, n);
        struct filter_node *node = filter_parse(exact, n, 0, err, sizeof err);
        assert_int_equal(node != NULL, n == 0 || (n >= 6 && n < sizeof text));
        filter_free(node);
        free(exact);
    }
}

/* ---- size and depth --------------------------------------------------------------------- */

static unsigned depth_of(const struct filter_node *node) {
    unsigned deepest = 0;
    for (uint32_t i = 0; node->child && i < node->n; i++) {
        unsigned d = depth_of(node->child[i]);
        deepest = d > deepest ? d : deepest;
    }
    return deepest + 1;
}

/* head, then middle n times, then tail n times */
static char *repeat(const char *head, const char *middle, const char *tail, size_t n) {
    size_t h = strlen(head), m = strlen(middle), t = strlen(tail);
    char *text = malloc(h + (m + t) * n + 1), *p = text;
    memcpy(p, head, h);
    p += h;
    for (size_t i = 0; i < n; i++, p += m)
        memcpy(p, middle, m);
    for (size_t i = 0; i < n; i++, p += t)
        memcpy(p, tail, t);
    *p = '\0';
    return text;
}

static const struct {
    const char *head, *middle, *tail;
    size_t n;
    int good;
} bulks[] = {
    {"", "(", "", 100000, 0},
    {"", "(", "tcp)", 100000, 0},
    {"", "not ", "", 100000, 0},
    {"tcp ", "and not not tcp ", "", 50000, 1},
    {"tcp", " or udp", "", 100000, 1},
    {"tcp", " and (tcp and udp)", "", 50000, 1},
    {"tcp", " and (host 1.2.3.4 or not (tcp and udp or icmp)", ")", 59, 1},
    {"", "not (tcp or udp and ", "tcp)", 60, 0}, /* tcp)tcp)...: no operator between */
    {"port 1", " or not (tcp and port 3 or udp and not (tcp)", ")", 30, 1},
    {"tcp", " or (tcp and not (ipv4 or udp)", ")", 61, 0},
};

static void test_bulk(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bulks / sizeof *bulks; i++) {
        char err[512];
        char *text = repeat(bulks[i].head, bulks[i].middle, bulks[i].tail, bulks[i].n);
        struct filter_node *node = filter_parse(text, strlen(text), 0, err, sizeof err);
        free(text);
        if ((node != NULL) != bulks[i].good)
            fail_msg("bulk %zu: %s", i, node ? "taken" : err);
        if (node)
            assert_true(depth_of(node) <= FILTER_MAX_DEPTH);
        filter_free(node);
    }
}

static void test_long_list(void **state) {
    (void)state;
    enum { N = 100000 };
    char err[512], *text = malloc(20 * N), *p = text;
    p += sprintf(p, "src ip in [");
    for (int i = 0; i < N; i++)
        p += sprintf(p, "10.%d.%d.%d ", i % 256, i / 65536, i / 256 % 256);
    *p++ = ']';
    struct filter_node *node = filter_parse(text, (size_t)(p - text), 0, err, sizeof err);
    free(text);
    assert_non_null(node);
    assert_int_equal(node->op, FILTER_NETS);
    assert_int_equal(node->field, FLOW_srcip);
    for (uint32_t i = 1; i < node->n; i++)
        assert_true(flow_ip_cmp(&node->net[i - 1].hi, &node->net[i].lo) < 0);
    filter_free(node);
    text = calloc(1, FILTER_MAX_TEXT + 1);
    memset(text, ' ', FILTER_MAX_TEXT + 1);
    node = filter_parse(text, FILTER_MAX_TEXT, 0, err, sizeof err);
    assert_non_null(node);
    filter_free(node);
    assert_null(filter_parse(text, FILTER_MAX_TEXT + 1, 0, err, sizeof err));
    assert_non_null(strstr(err, "no more than 67108864"));
    free(text);
}

/* What the planner relies on: conjuncts are found at the top, ranges are sorted and disjoint. */
static void test_shape(void **state) {
    (void)state;
    char err[512];
    const char text[] =
        "tcp and (src net 10/8 and (dst port in [80 443 81 1000-2000 1500-3000] and "
        "not src port 1))";
    struct filter_node *node = filter_parse(text, strlen(text), 0, err, sizeof err);
    assert_non_null(node);
    assert_int_equal(node->op, FILTER_AND);
    assert_int_equal(node->n, 4);
    assert_int_equal(node->child[0]->field, FLOW_proto);
    assert_int_equal(node->child[1]->field, FLOW_srcip);
    assert_int_equal(node->child[2]->field, FLOW_dstport);
    assert_int_equal(node->child[3]->op, FILTER_NOT);
    const struct filter_node *ports = node->child[2];
    static const struct filter_range expected[] = {{80, 81}, {443, 443}, {1000, 3000}};
    assert_int_equal(ports->n, 3);
    assert_memory_equal(ports->range, expected, sizeof expected);
    filter_free(node);
    filter_free(NULL);
}

/* Every column can be tested, by its name in SQL and by its spelling. */
static void test_catalogue(void **state) {
    (void)state;
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        const struct flow_field_def *def = &flow_fields[f];
        static const char *const values[] = {[FLOW_UINT] = "1",
                                             [FLOW_TIME] = "2014-12-04",
                                             [FLOW_IP] = "1.2.3.4",
                                             [FLOW_MAC] = "00:00:00:00:00:01",
                                             [FLOW_TEXT] = "x"};
        for (int spelled = 0; spelled < 2; spelled++) {
            if (spelled && (!def->filter[0] || f == FLOW_ipversion))
                continue;
            char text[128], err[512];
            snprintf(text, sizeof text, "%s %s", spelled ? def->filter : def->name,
                     values[def->class]);
            struct filter_node *node = filter_parse(text, strlen(text), 0, err, sizeof err);
            if (!node)
                fail_msg("%s: %s", text, err);
            /* flags asks for TCP too */
            const struct filter_node *test = node->op == FILTER_AND ? node->child[1] : node;
            assert_int_equal(test->field, f);
            filter_free(node);
        }
    }
}

/* What operators say costs no more than what a list says. */
static const struct {
    const char *filter;
    enum filter_op op;
    uint32_t n;
} merges[] = {
    {"src ip 1.2.3.4 or src ip 1.2.3.5", FILTER_NETS, 2},
    {"src port 1 or src port 2 or src port in [7 8]", FILTER_RANGES, 2},
    {"port 1 or port 2 or tcp", FILTER_OR, 3},
    {"ident a or ident b or ident a", FILTER_TEXTS, 2},
    {"not src port 1 and not src port 3", FILTER_NOT, 1},
    {"not host 1.2.3.4 and not host 1.2.3.5 and tcp", FILTER_AND, 2},
    {"not (tcp and udp) and not (src port 1 or src port 2)", FILTER_NOT, 1},
    {"src port 1 and src port 2", FILTER_AND, 2},
    {"flags S or flags A", FILTER_OR, 2},
};

static void test_merge(void **state) {
    (void)state;
    char err[512];
    for (size_t i = 0; i < sizeof merges / sizeof *merges; i++) {
        const char *text = merges[i].filter;
        struct filter_node *node = filter_parse(text, strlen(text), 0, err, sizeof err);
        if (!node || node->op != merges[i].op || node->n != merges[i].n)
            fail_msg("%s: operator %d of %u", text, node ? (int)node->op : -1, node ? node->n : 0);
        filter_free(node);
    }
}

/* ---- included files --------------------------------------------------------------------- */

static char dir[] = "/tmp/flowvt-test-XXXXXX";

static void put_file(const char *name, const char *text) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* NULL for a filter that is taken, else its message in a static buffer. */
static const char *complaint(const char *text) {
    static char err[512];
    struct filter_node *node = filter_parse(text, strlen(text), 0, err, sizeof err);
    filter_free(node);
    return node ? NULL : err;
}

static void expect_complaint(const char *text, const char *says) {
    const char *said = complaint(text);
    if (!said || !strstr(said, says))
        fail_msg("%s: said [%s], expected [%s]", text, said ? said : "nothing", says);
}

static void make_files(void) {
    char path[300];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/lists", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/lists/pipe", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/lists/away", dir);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    put_file("lists/web", "80 # the usual one\n443, 8080");
    put_file("lists/addresses", "10.0.0.0/8\n192.168.0.0/16\n");
    put_file("main", "tcp and dst port in [\n@include lists/web\n] and @include 'rest'");
    put_file("rest", "src ip in [ @include lists/addresses ]");
    put_file("loop", "tcp or (\n@include lists/loop\n)");
    put_file("lists/loop", "udp or\n  @include ../loop");
    put_file("secret", "tcp and\nroot:x:0:0:root");
    put_file("open", "( tcp or udp");
    put_file("empty", "# nothing\n");
    put_file("deep", "");
}

static void test_include(void **state) {
    (void)state;
    char err[512], old[300];
    make_files();
    assert_non_null(getcwd(old, sizeof old));
    assert_int_equal(chdir(dir), 0);
    unsetenv("FLOWVT_FILTERS");

    static const char whole[] = "@INCLUDE main";
    struct filter_node *node = filter_parse(whole, sizeof whole - 1, 0, err, sizeof err);
    if (!node)
        fail_msg("%s", err);
    assert_int_equal(node->op, FILTER_AND);
    assert_int_equal(node->n, 3);
    assert_int_equal(node->child[1]->n, 3);
    assert_int_equal(node->child[2]->n, 2);
    filter_free(node);

    assert_null(complaint("@include empty"));
    assert_null(complaint("tcp @include empty or @include empty udp"));
    assert_null(complaint("@include open )"));
    expect_complaint("@include open", "found the end");
    expect_complaint("@include loop",
                     "lists/loop, line 2, column 3: @include ../loop: it includes itself");
    expect_complaint("tcp or @include lists",
                     "line 1, column 8: @include lists: it is no regular file");
    expect_complaint("@include lists/pipe", "no regular file");
    expect_complaint("@include missing", "No such file");
    expect_complaint("@include ''", "name of a file");

    /* The place is told, and nothing of what stands there. */
    expect_complaint("@include secret", "filter: secret, line 2, column 1: expected a test");
    assert_null(strstr(complaint("@include secret"), "root"));
    assert_null(strstr(complaint("udp and (@include secret"), "root"));

    /* A directory that files have to be in, and that relative names begin in. */
    char lists[300];
    snprintf(lists, sizeof lists, "%s/lists", dir);
    setenv("FLOWVT_FILTERS", lists, 1);
    assert_null(complaint("port in [ @include web ]"));
    expect_complaint("@include ../rest", "not below");
    expect_complaint("@include away", "not below");
    expect_complaint("@include /etc/hostname", "not below");
    setenv("FLOWVT_FILTERS", "", 1);
    expect_complaint("@include lists/web", "FLOWVT_FILTERS is empty");
    unsetenv("FLOWVT_FILTERS");

    /* Breadth and depth are bounded. */
    put_file("twice", "@include empty @include empty");
    put_file("deep", "@include twice @include twice @include twice @include twice");
    char *many = repeat("", "@include deep\n", "", 200);
    expect_complaint(many, "too many files");
    free(many);
    assert_int_equal(chdir(old), 0);
    char command[300];
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void test_protocols(void **state) {
    (void)state;
    for (int n = 0; n < 256; n++) {
        const char *name = protocols_name(n);
        if (name)
            assert_int_equal(protocols_number(name, strlen(name)), n);
    }
    assert_string_equal(protocols_name(132), "sctp");
    assert_null(protocols_name(253));
    assert_null(protocols_name(-1));
    assert_null(protocols_name(256));
    assert_int_equal(protocols_number("ICMP6", 5), 58);
    assert_int_equal(protocols_number("tc", 2), -1);
    assert_int_equal(protocols_number("", 0), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),         cmocka_unit_test(test_errors),
        cmocka_unit_test(test_short_buffers), cmocka_unit_test(test_not_terminated),
        cmocka_unit_test(test_bulk),          cmocka_unit_test(test_long_list),
        cmocka_unit_test(test_shape),         cmocka_unit_test(test_catalogue),
        cmocka_unit_test(test_protocols),     cmocka_unit_test(test_merge),
        cmocka_unit_test(test_include),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
