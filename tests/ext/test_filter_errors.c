/* SPDX-License-Identifier: MIT */
/*
** What is said of texts that are no filter, and where.
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
    {"port htpp", 1, 6, "from 0 to 65535 for port, found 'htpp'"},
    {"bytes > 1.5k", 1, 9, "expected a number for bytes"},
    {"bytes > 9223372036854775808", 1, 9, "expected a number for bytes"},
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
    {"count > many", 1, 9, "expected a number for count, found 'many'"},
    {"exporter id 65536", 1, 13, "from 0 to 65535 for exporter id"},
    {"sysid edge", 1, 7, "from 0 to 65535 for exporter id, found 'edge'"},
    {"mpls label11 5", 1, 6,
     "expected label1 to label10, exp1 to exp10, eos or any, found 'label11'"},
    {"mpls label 5", 1, 6, "expected label1 to label10"},
    {"mpls exp0 5", 1, 6, "expected label1 to label10"},
    {"mpls label1", 1, 12, "expected a number"},
    {"mpls any x", 1, 10, "expected a number"},
    {"tun proto nonsense", 1, 11, "expected a protocol"},
    {"tun proto 256", 1, 11, "expected a protocol"},
    {"src tun ip 1.2.3", 1, 12, "expected an address"},
    /* what a flow of ours does not have */
    {"geo CH", 1, 5, "set FLOWVT_GEODB"},
    {"src geo in [CH DE]", 1, 12, "set FLOWVT_GEODB"},
    {"src geo in", 1, 9, "set FLOWVT_GEODB"}, /* India */
    {"geo Bern", 1, 5, "expected a country, by its two letters"},
    {"geo > CH", 1, 5, "no order"},
    {"geo C1", 1, 5, "expected a country"},
    {"geo in [CH", 1, 11, "expected a country"},
    {"payload content 'x'", 1, 1, "no payload"},
    {"in payload dns defined", 1, 1, "no payload"},
    {"pf action pass", 1, 1, "pflog"},
    {"client latency > x", 1, 18, "client latency (milliseconds)"},
    {"ingress acl 5", 1, 1, "access lists"},
    {"egress xace 5", 1, 1, "access lists"},
    {"nat pblock 5", 1, 1, "expected a test"},
    {"nat pblock start x", 1, 18, "expected a number for nat pblock start"},
    {"src port in nat block", 1, 17, "expected pblock"},
    {"port in pblock", 1, 9, "[ ... ]"},
    {"as in nat pblock", 1, 7, "a nat pblock has ports"},
    {"nat port in nat pblock", 1, 13, "a nat pblock has ports"},
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
    {"port 99999", 1, 6, "for port, found '99999'"},
    {"src and dst port 99999", 1, 18, "for port,"},
    {"mac 1", 1, 5, "for mac,"},
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
        struct filter_node *node = filter_parse(text, strlen(text), 0, NULL, NULL, err, sizeof err);
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
        assert_null(filter_parse("no filter", 9, 0, NULL, NULL, err, n));
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
        struct filter_node *node = filter_parse(exact, n, 0, NULL, NULL, err, sizeof err);
        assert_int_equal(node != NULL, n == 0 || (n >= 6 && n < sizeof text));
        filter_free(node);
        free(exact);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_short_buffers),
        cmocka_unit_test(test_not_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
