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

#include <cmocka.h>

#include "../../ext/filter.h"
#include "../../ext/protocols.h"

/* ---- the flows, each with a letter ------------------------------------------------------ */

struct setting {
    int field;
    const char *text; /* an address or MAC address, or NULL for number */
    uint64_t number;
};

static const struct flow {
    char letter;
    struct setting set[14];
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
    /* nothing is known */
    {'0', {{0}}},
};
enum { NFLOWS = sizeof flows / sizeof *flows };

static void make_row(const struct flow *flow, struct flow_row *row) {
    flow_row_clear(row);
    for (size_t i = 0; i < sizeof flow->set / sizeof *flow->set; i++) {
        const struct setting *s = &flow->set[i];
        uint64_t mac;
        if (s->field == 0)
            break;
        if (!s->text) {
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
    {"any", "wdspi0"},
    {"", "wdspi0"},
    {" \t\n# nothing but a comment", "wdspi0"},
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
    {"dst net 0.0.0.0/0", "wdp"},
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
    {"not port 53", "wspi0"},
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
    {"proto > 6", "di"},
    {"proto in [udp 1]", "dp"},
    {"icmp type 8", "p"},
    {"icmp-type 8", "p"},
    {"icmp type > 8", "i"},
    {"icmp code 0", "p"},
    {"icmp and icmp type 8", "p"},

    /* the address family, from the address or the field */
    {"ipv4", "wdp"},
    {"inet", "wdp"},
    {"ipv6", "si"},
    {"inet6", "si"},
    {"not ipv6", "wdp0"},

    /* flags: those named are set */
    {"flags S", "ws"},
    {"flags s", "ws"},
    /* behind not: none of those named is */
    {"flags S and not flags AFRPU", "s"},
    {"not flags AS", "dpi0"},
    {"not (flags AR)", "dspi0"},
    {"not (flags RA or udp)", "spi0"},
    {"not (tcp and not flags AR)", "dpi0"},
    {"not not flags SA", "w"},
    {"flags S and not (flags A or flags R)", "s"},
    {"not flags X", "dpi0"},
    {"not flags EC", "wdspi0"},
    {"not flags 2", "wdpi0"},
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
    {"min ttl < 65", "d"},
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
    {"not tcp and not udp", "pi0"},
    {"not (tcp or udp)", "pi0"},
    {"! tcp", "dpi0"},
    {"!tcp", "dpi0"},
    {"not not tcp", "ws"},
    {"!!!tcp", "dpi0"},
    {"not (not (tcp))", "ws"},
    {"not tcp or udp", "dpi0"},
    {"tcp and (port 22 or (port 443 and not flags R))", "ws"},
    {"tcp # the web\n and # its port\n port 443", "w"},
    {"src net 192.168.1.0/24 and not dst port in [80 443]", "dp"},
    {"((((((tcp))))))", "ws"},
};

static void test_cases(void **state) {
    (void)state;
    char err[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct filter_node *node =
            filter_parse(cases[i].filter, strlen(cases[i].filter), err, sizeof err);
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
            fail_msg("%s: passed [%s], expected [%s]", cases[i].filter, pass, cases[i].pass);
    }
}

/* ---- what is no filter ------------------------------------------------------------------ */

static const struct {
    const char *filter;
    const char *begin; /* of the message, behind "filter: " */
    const char *says;  /* somewhere in it */
} errors[] = {
    {"foo", "at 1, 'foo': ", "[src|dst] port"},
    {"foo", "at 1, 'foo': ", "in src mac"},
    {"tcp and", "at 8, the end: ", "expected a test"},
    {"tcp and )", "at 9, ')': ", "expected a test"},
    {"tcp udp", "at 5, 'udp': ", "expected and, or, or the end"},
    {"(tcp", "at 5, the end: ", "for the ( at 1"},
    {"tcp)", "at 4, ')': ", "or the end"},
    {"()", "at 2, ')': ", "expected a test"},
    {"not", "at 4, the end: ", "expected a test"},
    {"port", "at 5, the end: ", "0 to 65535 for "},
    {"port http", "at 6, 'http': ", "expected a number from 0 to 65535"},
    {"dst port 65536", "at 10, '65536': ", "65535 for dst port"},
    {"dst port 66k", "at 10, '66k': ", "65535"},
    {"port 99999999999999999999", "at 6, '99999999999999999999': ", "65535"},
    {"port 0x", "at 6, '0x': ", "65535"},
    {"port -1", "at 6, '-1': ", "65535"},
    {"port 80-", "at 6, '80-': ", "65535"},
    {"port 90-80", "at 6, '90-80': ", "smaller number first"},
    {"port != 80", "at 6, '!': ", "65535"},
    {"port in 80", "at 9, '80': ", "[ ... ]"},
    {"port in [80", "at 12, the end: ", "65535"},
    {"port in []", "at 10, ']': ", "65535"},
    {"proto foo", "at 7, 'foo': ", "a name such as tcp"},
    {"proto 256", "at 7, '256': ", "0 to 255"},
    {"host", "at 5, the end: ", "expected an address"},
    {"host www.example.org", "at 6, 'www.example.org': ", "names are not looked up"},
    {"host 1.2.3", "at 6, '1.2.3': ", "an address"},
    {"host 1.2.3.4/33", "at 6, '1.2.3.4/33': ", "a network"},
    {"host > 1.2.3.4", "at 6, '>': ", "no order"},
    {"net 10.0.0.0", "at 13, the end: ", "10.0.0.0/24"},
    {"net 2001:db8:: and tcp", "at 16, 'and': ", "2001:db8::/64"},
    {"net 10.0.0.0 255.0.255.0", "at 14, '255.0.255.0': ", "netmask"},
    {"ip in [1.2.3.4 foo]", "at 16, 'foo': ", "an address"},
    {"src", "at 4, the end: ", "after src"},
    {"src 10.0.0.1", "at 5, '10.0.0.1': ", "after src"},
    {"src and tcp", "at 9, 'tcp': ", "src, dst"},
    {"src and dst proto 6", "at 13, 'proto': ", "both have"},
    {"flags Q", "at 7, 'Q': ", "FSRPAUEC"},
    {"flags", "at 6, the end: ", "expected a number"},
    {"in src mac 1", "at 12, '1': ", "MAC address"},
    {"flowdir up", "at 9, 'up': ", "ingress"},
    {"tcp\n\nand bytes > 1k", "at 10, 'bytes': ", "SQL column bytes"},
    {"packets > 10", "at 1, 'packets': ", "SQL column packets"},
    {"first seen > 2014", "at 1, 'first': ", "SQL column tstart"},
    {"ident router", "at 1, 'ident': ", "SQL column ident"},
    {"tcp and \x01", "at 9, '?': ", "expected a test"},
    {"tcp & udp", "at 5, '&': ", "or the end"},
    {"@include x", "at 1, '@': ", "expected a test"},
    {"averyveryveryveryveryveryveryverylongwordindeed 1",
     "at 1, 'averyveryveryveryveryveryveryverylongwor...': ", "expected a test"},
};

static void test_errors(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        char err[2048] = "", begin[256];
        const char *text = errors[i].filter;
        struct filter_node *node = filter_parse(text, strlen(text), err, sizeof err);
        filter_free(node);
        snprintf(begin, sizeof begin, "filter: %s", errors[i].begin);
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
        assert_null(filter_parse("no filter", 9, err, n));
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
        struct filter_node *node = filter_parse(exact, n, err, sizeof err);
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
        struct filter_node *node = filter_parse(text, strlen(text), err, sizeof err);
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
    enum { N = 50000 };
    char err[512], *text = malloc(20 * N), *p = text;
    p += sprintf(p, "src ip in [");
    for (int i = 0; i < N; i++)
        p += sprintf(p, "10.%d.%d.%d ", i / 7 % 256, i % 256, i / 256);
    *p++ = ']';
    struct filter_node *node = filter_parse(text, (size_t)(p - text), err, sizeof err);
    free(text);
    assert_non_null(node);
    assert_int_equal(node->op, FILTER_NETS);
    assert_int_equal(node->field, FLOW_srcip);
    for (uint32_t i = 1; i < node->n; i++)
        assert_true(flow_ip_cmp(&node->net[i - 1].hi, &node->net[i].lo) < 0);
    filter_free(node);
    text = calloc(1, FILTER_MAX_TEXT + 1);
    memset(text, ' ', FILTER_MAX_TEXT + 1);
    node = filter_parse(text, FILTER_MAX_TEXT, err, sizeof err);
    assert_non_null(node);
    filter_free(node);
    assert_null(filter_parse(text, FILTER_MAX_TEXT + 1, err, sizeof err));
    assert_non_null(strstr(err, "1048576 octets"));
    free(text);
}

/* What the planner relies on: conjuncts are found at the top, ranges are sorted and disjoint. */
static void test_shape(void **state) {
    (void)state;
    char err[512];
    const char text[] =
        "tcp and (src net 10/8 and (dst port in [80 443 81 1000-2000 1500-3000] and "
        "not src port 1))";
    struct filter_node *node = filter_parse(text, strlen(text), err, sizeof err);
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

/* Every spelling that the catalogue gives a testable field is taken. */
static void test_catalogue(void **state) {
    (void)state;
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        const struct flow_field_def *def = &flow_fields[f];
        if (!def->filter[0] || def->role == FLOW_COUNTER || def->class == FLOW_TIME ||
            def->class == FLOW_TEXT || f == FLOW_ipversion)
            continue;
        char text[128], err[512];
        snprintf(text, sizeof text, "%s %s", def->filter,
                 def->class == FLOW_IP    ? "1.2.3.4"
                 : def->class == FLOW_MAC ? "00:00:00:00:00:01"
                                          : "1");
        struct filter_node *node = filter_parse(text, strlen(text), err, sizeof err);
        if (!node)
            fail_msg("%s: %s", text, err);
        /* flags asks for TCP too */
        const struct filter_node *test = node->op == FILTER_AND ? node->child[1] : node;
        assert_int_equal(test->field, f);
        filter_free(node);
    }
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
        cmocka_unit_test(test_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
