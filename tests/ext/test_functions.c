/* SPDX-License-Identifier: MIT */
/*
** The SQL functions and the collation, through the extension as a client loads it.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "ext/protocols.h"
#include "tests/ext/client.h"

/* The first column of the first row, or the error, in memory of sqlite3_malloc. */
static char *answer(sqlite3 *db, const char *sql) {
    sqlite3_stmt *stmt = NULL;
    char *text = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        const char *value = (const char *)sqlite3_column_text(stmt, 0);
        text = sqlite3_mprintf("%s", value ? value : "NULL");
    } else if (rc != SQLITE_DONE) {
        text = sqlite3_mprintf("error: %s", sqlite3_errmsg(db));
    } else {
        text = sqlite3_mprintf("no row");
    }
    sqlite3_finalize(stmt);
    return text;
}

#define FUNCTIONS                                                                                  \
    "SELECT group_concat(f, ' ') FROM (SELECT name || '/' || narg AS f FROM pragma_function_list " \
    "EXCEPT SELECT f FROM before ORDER BY f)"

static int setup(void **state) {
    sqlite3 *db;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        return -1;
    sqlite3_exec(db,
                 "CREATE TABLE before AS SELECT DISTINCT name || '/' || narg AS f "
                 "FROM pragma_function_list",
                 NULL, NULL, NULL);
    if (!client_load(db))
        return -1;
    *state = db;
    return 0;
}

static int teardown(void **state) {
    return client_close(*state, NULL);
}

static const struct {
    const char *sql, *answer;
} cases[] = {
    /* everything that loading adds */
    {FUNCTIONS, "application/3 asn/1 "
                "bounded/4 category/3 country/1 "
                "disk_free/1 "
                "filter_and/2 filter_in/3 flags_or/1 flow_time/1 flow_time/2 flowvt_debug/0 "
                "flowvt_progress/1 flowvt_version/0 "
                "host_group/1 host_group/2 host_name/1 host_name/2 host_user/1 host_user/2 human/1 "
                "ip_canonical/1 ip_fault/1 ip_in/2 ip_net/2 ip_net/3 ip_version/1 "
                "local_time/2 losses/3 "
                "mac_canonical/1 mpls_exp/2 mpls_label/2 "
                "network/1 "
                "proto_name/1 proto_num/1 "
                "refuse/1 "
                "tcp_flags/1 "
                "utc_time/2 "
                "zone/1"},

    {"SELECT ip_in('10.1.2.3', '10.0.0.0/8')", "1"},
    {"SELECT ip_in('10.1.2.3', '10/8')", "1"},
    {"SELECT ip_in('11.0.0.0', '10/8')", "0"},
    {"SELECT ip_in('9.255.255.255', '10/8')", "0"},
    {"SELECT ip_in('10.1.2.3', '10.1.2.3')", "1"},
    {"SELECT ip_in('10.1.2.4', '10.1.2.3')", "0"},
    {"SELECT ip_in('10.1.2.3', '0.0.0.0/0')", "1"},
    {"SELECT ip_in('2001:db8::1', '0.0.0.0/0')", "0"},
    {"SELECT ip_in('10.1.2.3', '::/0')", "0"},
    {"SELECT ip_in('2001:DB8:0::1', '2001:db8::/32')", "1"},
    {"SELECT ip_in('2001:db9::', '2001:db8::/32')", "0"},
    {"SELECT ip_in(NULL, '10/8')", "NULL"},
    {"SELECT ip_in('10.1.2.3', NULL)", "NULL"},
    {"SELECT ip_in(NULL, 'nonsense')", "NULL"},
    {"SELECT ip_in('nonsense', '10/8')", "0"},
    {"SELECT ip_in('', '10/8')", "0"},
    {"SELECT ip_in(10, '10/8')", "0"},
    {"SELECT ip_in('10.1.2.3', 'campus')",
     "error: ip_in: 'campus' is no network: give '192.168.1.0/24', '2001:db8::/32' or one address"},
    {"SELECT ip_in('10.1.2.3', '10.0.0.0/33')",
     "error: ip_in: '10.0.0.0/33' is no network: give '192.168.1.0/24', '2001:db8::/32' or one "
     "address"},
    {"SELECT ip_in('10.1.2.3', '')",
     "error: ip_in: '' is no network: give '192.168.1.0/24', '2001:db8::/32' or one address"},
    /* a network that is a constant of the statement, and one that is not */
    {"WITH a(ip) AS (VALUES ('10.0.0.1'), ('11.0.0.1'), (NULL), ('10.9.9.9')) "
     "SELECT sum(ip_in(ip, '10/8')) FROM a",
     "2"},
    {"WITH n(net) AS (VALUES ('10/8'), ('10.0.0.0/30'), ('11/8'), ('10.0.0.2')) "
     "SELECT group_concat(ip_in('10.0.0.2', net)) FROM n",
     "1,1,0,1"},

    {"SELECT ip_net('192.0.2.7', 24)", "192.0.2.0/24"},
    {"SELECT ip_net('192.0.2.7', '24')", "192.0.2.0/24"},
    {"SELECT ip_net('192.0.2.7', 0)", "0.0.0.0/0"},
    {"SELECT ip_net('192.0.2.7', 32)", "192.0.2.7/32"},
    {"SELECT ip_net('192.0.2.255', 25)", "192.0.2.128/25"},
    {"SELECT ip_net('2001:db8:1:2:3:4:5:6', 24)", "2001:db8:1:2::/64"},
    {"SELECT ip_net('2001:db8:1:2:3:4:5:6', 24, 32)", "2001:db8::/32"},
    {"SELECT ip_net('2001:db8:1:2:3:4:5:6', 24, 128)", "2001:db8:1:2:3:4:5:6/128"},
    {"SELECT ip_net('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 24, 127)",
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"},
    {"SELECT ip_net(NULL, 24)", "NULL"},
    {"SELECT ip_net('nonsense', 24)", "NULL"},
    {"SELECT ip_net('192.0.2.7', NULL)", "NULL"},
    {"SELECT ip_net('192.0.2.7', 24, NULL)", "NULL"},
    {"SELECT ip_net('192.0.2.7', 33)",
     "error: ip_net: '33' is no prefix length: give 0 to 32 for IPv4"},
    {"SELECT ip_net('192.0.2.7', -1)",
     "error: ip_net: '-1' is no prefix length: give 0 to 32 for IPv4"},
    {"SELECT ip_net('192.0.2.7', 4294967296)",
     "error: ip_net: '4294967296' is no prefix length: give 0 to 32 for IPv4"},
    {"SELECT ip_net('::1', 24, 129)",
     "error: ip_net: '129' is no prefix length: give 0 to 128 for IPv6"},
    {"SELECT ip_net('::1', 24, 'x')",
     "error: ip_net: 'x' is no prefix length: give 0 to 128 for IPv6"},

    {"SELECT ip_canonical('10/8')", "10.0.0.0/8"},
    {"SELECT ip_canonical('2001:DB8:0::/32')", "2001:db8::/32"},
    {"SELECT ip_canonical('192.0.2.1/32')", "192.0.2.1"},
    {"SELECT ip_canonical('2001:DB8:0::1/128')", "2001:db8::1"},
    {"SELECT ip_canonical('10.1/8')", "NULL"},
    {"SELECT ip_canonical('')", "NULL"},
    {"SELECT ip_canonical(NULL)", "NULL"},
    {"SELECT ip_fault('10/8')", "NULL"},
    {"SELECT ip_fault('192.0.2.1')", "NULL"},
    {"SELECT ip_fault('10.1/8')",
     "'10.1/8' has bits of a host behind its length: write 10.0.0.0/8"},
    {"SELECT ip_fault('2001:db8::1/64')",
     "'2001:db8::1/64' has bits of a host behind its length: write 2001:db8::/64"},
    {"SELECT ip_fault('10.0.0.0/33')",
     "'10.0.0.0/33' is no address or network: write 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or "
     "2001:db8::/32"},
    {"SELECT ip_fault(NULL)",
     "'' is no address or network: write 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or 2001:db8::/32"},
    {"SELECT mac_canonical('AA-BB-CC-0D-EE-FF')", "aa:bb:cc:0d:ee:ff"},
    {"SELECT mac_canonical('AA-BB')", "NULL"},
    {"SELECT flow_time('2014/12/04.12')", "2014-12-04 12:00:00.000"},
    {"SELECT flow_time('2026-11-23T10:00:00+02:00')", "2026-11-23 08:00:00.000"},
    {"SELECT flow_time(1416000000)", "2014-11-14 21:20:00.000"},
    {"SELECT flow_time('-1 day') BETWEEN datetime('now', '-86410 seconds') AND datetime('now')",
     "1"},
    {"SELECT flow_time(NULL)", "NULL"},
    {"SELECT substr(flow_time('now'), 1, 13) <= strftime('%Y-%m-%d %H', 'now')", "1"},
    {"SELECT disk_free('/') > 0", "1"},
    {"SELECT disk_free('/nowhere')", "NULL"},
    {"SELECT disk_free(NULL)", "NULL"},
    {"SELECT flow_time('noon') IS NULL",
     "error: 'noon': not understood: accepted are "
     "'2026-11-23 10:00', ISO 8601 with or without a zone, '2014/12/04.12' and "
     "'2014/12/04.12-2014/12/04.13', seconds or milliseconds since 1970, 'now', 'today', "
     "'yesterday', '-90 minutes', '-1 day', 'start of month'; times are UTC"},
    {"SELECT bounded(7, 'n', 1, 9) || bounded('7', 'n', 1, 9) || bounded(7.0, 'n', 1, 9)", "777"},
    {"SELECT bounded(NULL, 'n', 1, 9)", "NULL"},
    {"SELECT bounded(7.5, 'n', 0, 1e18) || ' ' || bounded(7, 'n', 0, 1e18)", "7.5 7"},
    {"SELECT bounded('10k', 'n', 1, 10000) || ' ' || bounded('1.5G', 'n', 0, 1e18)",
     "10000 1500000000"},
    {"SELECT bounded('10k', 'n', 1, 9999)", "error: n = '10k': give a whole number, 1 to 9999"},
    {"SELECT bounded('1.0001k', 'n', 1, 9999)",
     "error: n = '1.0001k': give a whole number, 1 to 9999"},
    {"SELECT bounded('k', 'n', 1, 9)", "error: n = 'k': give a whole number, 1 to 9"},
    {"SELECT bounded('1kk', 'n', 1, 9)", "error: n = '1kk': give a whole number, 1 to 9"},
    {"SELECT bounded(7.5, 'n', 1, 9)", "error: n = '7.5': give a whole number, 1 to 9"},
    {"SELECT bounded(10, 'n', 1, 9)", "error: n = '10': give a whole number, 1 to 9"},
    {"SELECT bounded(-0.5, 'n', 0, 1.5)", "error: n = '-0.5': give a number, 0 to 1.5"},
    {"SELECT bounded('', 'n', 1, 9)", "error: n = '': give a whole number, 1 to 9"},
    {"SELECT bounded('x', 'n', 0, 1e18)", "error: n = 'x': give a number, 0 to 1.0e+18"},
    {"SELECT filter_in('src net', '10/8 192.0.2.1', 'home')", "src net in [10/8 192.0.2.1]"},
    {"SELECT filter_in('port', NULL, 'ports')", "NULL"},
    {"SELECT filter_in('port', '70000', 'ports')",
     "error: ports = '70000': expected a number from 0 to 65535 for port, found '70000'"},
    {"SELECT filter_in('host', '10.0.0.1] or any or host in [10.0.0.2', 'host')",
     "error: host = '10.0.0.1] or any or host in [10.0.0.2': ']' has no place in a list: write "
     "what is in it with blanks between"},
    {"SELECT filter_and('tcp or udp # both', 'port 53')", "(tcp or udp # both\n) and port 53"},
    {"SELECT filter_and(NULL, 'port 53')", "port 53"},
    {"SELECT filter_and('tcp', NULL)", "tcp"},
    {"SELECT filter_and('  ', 'port 53')", "(any  \n) and port 53"},
    {"SELECT filter_and('tcp) or (udp', 'port 53')", "tcp) or (udp"},
    {"SELECT filter_and('ident \")\" # (', 'port 53')", "(ident \")\" # (\n) and port 53"},
    {"SELECT flow_time('2026-11-23 10:00', 'until')", "2026-11-23 10:00:00.000"},
    {"SELECT flow_time(1)", "1970-01-01 00:00:01.000"},
    {"SELECT refuse(NULL)", "NULL"},
    {"SELECT refuse('not so: but so')", "error: not so: but so"},
    {"SELECT refuse('never') FROM (SELECT 1 AS a) WHERE a > 1", "no row"},

    {"SELECT ip_version('192.0.2.7')", "4"},
    {"SELECT ip_version('2001:db8::')", "6"},
    {"SELECT ip_version('192.0.2')", "NULL"},
    {"SELECT ip_version(NULL)", "NULL"},

    {"SELECT proto_name(6)", "tcp"},
    {"SELECT proto_name('17')", "udp"},
    {"SELECT proto_name(58)", "ipv6-icmp"},
    {"SELECT proto_name(0)", "hopopt"},
    {"SELECT proto_name(254)", "254"},
    {"SELECT proto_name(-1)", "-1"},
    {"SELECT proto_name(262)", "262"},
    {"SELECT proto_name(NULL)", "NULL"},
    {"SELECT proto_num('tcp')", "6"},
    {"SELECT proto_num('UDP')", "17"},
    {"SELECT proto_num('icmp6')", "58"},
    {"SELECT proto_num(6)", "6"},
    {"SELECT proto_num('6')", "6"},
    {"SELECT proto_num('nonsense')", "NULL"},
    {"SELECT proto_num(NULL)", "NULL"},
    {"WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 255) "
     "SELECT sum(proto_num(proto_name(i)) = i) FROM n",
     "256"},

    {"SELECT mpls_label('16-3-0,20-0-1', 1)", "16"},
    {"SELECT mpls_label('16-3-0,1048575-7-1', 2)", "1048575"},
    {"SELECT mpls_exp('16-3-0,1048575-7-1', 2)", "7"},
    {"SELECT mpls_exp('16-3-0', 1)", "3"},
    {"SELECT mpls_label('16-3-0,20-0-1', 3)", "NULL"},
    {"SELECT mpls_label('16-3-0,20-0-1', 0)", "NULL"},
    {"SELECT mpls_label('16-8-0', 1)", "NULL"},
    {"SELECT mpls_label('16', 1)", "NULL"},
    {"SELECT mpls_label(NULL, 1)", "NULL"},
    {"SELECT tcp_flags(0)", "........"},
    {"SELECT tcp_flags(2)", "......S."},
    {"SELECT tcp_flags(27)", "...AP.SF"},
    {"SELECT tcp_flags(255)", "CEUAPRSF"},
    {"SELECT tcp_flags(256 + 1)", ".......F"},
    {"SELECT tcp_flags(NULL)", "NULL"},

    {"SELECT human(0)", "0"},
    {"SELECT human(999)", "999"},
    {"SELECT human(1000)", "1.0 k"},
    {"SELECT human(1234)", "1.2 k"},
    {"SELECT human(999949)", "999.9 k"},
    {"SELECT human(999950)", "1.0 M"},
    {"SELECT human(1234567)", "1.2 M"},
    {"SELECT human(40e6)", "40.0 M"},
    {"SELECT human(1234567890)", "1.2 G"},
    {"SELECT human(1234567890123)", "1.2 T"},
    {"SELECT human(1234567890123456789)", "1234567.9 T"},
    {"SELECT human(12.34)", "12.3"},
    {"SELECT human(999.96)", "1.0 k"},
    {"SELECT human(-1500)", "-1.5 k"},
    {"SELECT human('1500')", "1.5 k"},
    {"SELECT human('many')", "NULL"},
    {"SELECT human(NULL)", "NULL"},
    {"SELECT length(human(1e308)) > 290", "1"},

    {"SELECT flags_or(x) FROM (SELECT 2 AS x UNION ALL SELECT 16 UNION ALL SELECT NULL)", "18"},
    {"SELECT flags_or(x) FROM (SELECT 0 AS x)", "0"},
    {"SELECT flags_or(x) FROM (SELECT NULL AS x)", "NULL"},
    {"SELECT flags_or(x) FROM (SELECT 1 AS x) WHERE x > 1", "NULL"},
    {"SELECT group_concat(f) FROM (SELECT flags_or(x) AS f FROM (SELECT 1 AS k, 2 AS x UNION ALL "
     "SELECT 2, 4 UNION ALL SELECT 1, 1) GROUP BY k)",
     "3,4"},

    {"SELECT group_concat(ip, ' ') FROM (SELECT column1 AS ip FROM (VALUES ('::1'), ('10.0.0.10'),"
     " ('zz'), ('9.0.0.1'), ('10.0.0.9'), ('2001:db8::'), ('10.0.0'), ('192.0.2.1'), ('')) "
     "ORDER BY ip COLLATE ip)",
     "9.0.0.1 10.0.0.9 10.0.0.10 192.0.2.1 ::1 2001:db8::  10.0.0 zz"},
    {"SELECT '2001:DB8::1' = '2001:db8:0::1' COLLATE ip", "1"},
    {"SELECT '10.0.0.9' < '10.0.0.10' COLLATE ip", "1"},

    {"SELECT flowvt_version() GLOB '[0-9]*.[0-9]*.[0-9]*'", "1"},
    {"SELECT flowvt_debug() LIKE 'flowvt: ' || flowvt_version() || '%'", "1"},
    {"SELECT instr(flowvt_debug(), 'sqlite: ' || sqlite_version()) > 0", "1"},
    {"SELECT flowvt_debug() GLOB '*lz4: [0-9]*xxhash: [0-9]*'", "1"},
};

static void test_cases(void **state) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *got = answer(*state, cases[i].sql);
        if (strcmp(got, cases[i].answer) != 0)
            fail_msg("%s\n       gives [%s], expected [%s]", cases[i].sql, got, cases[i].answer);
        sqlite3_free(got);
    }
}

/* Pure functions may stand in indexes, and all of them in views and triggers of a schema that is
** not trusted. */
static void test_properties(void **state) {
    sqlite3 *db = *state;
    char *message = NULL;
    sqlite3_exec(db,
                 "PRAGMA trusted_schema = off; CREATE TABLE t(ip TEXT, n INTEGER);"
                 "CREATE INDEX i ON t(ip_net(ip, 24), proto_name(n), tcp_flags(n), human(n),"
                 " ip_in(ip, '10/8'), ip_version(ip), proto_num(ip));"
                 "CREATE VIEW v AS SELECT flowvt_version() AS version, flags_or(n) AS f FROM t;"
                 "INSERT INTO t VALUES ('10.0.0.1', 6); SELECT * FROM v",
                 NULL, NULL, &message);
    if (message)
        fail_msg("%s", message);
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
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_protocols),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
