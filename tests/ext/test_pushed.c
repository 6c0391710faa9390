/* SPDX-License-Identifier: MIT */
/*
** What reaches the scan and is not left to SQLite: shown by the steps that a statement takes, and by
** the plans of joins.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "schema/store.h"
#include "tests/ext/client.h"
#include "tests/ext/twin.h"

/* What sqlite3_stmt_status() says that it took to count the rows: rows that are delivered take steps,
** rows that the scan leaves out take none. */
static int steps(const char *where) {
    char *sql = sqlite3_mprintf("SELECT count(*) FROM %s", where);
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int n = sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 0);
    sqlite3_finalize(s);
    sqlite3_free(sql);
    return n;
}

/* Constraints that few rows pass are not left to SQLite, and have its answer. */
static void pushed(void **state) {
    (void)state;
    enum { MOST = TWIN_ROWS }; /* steps: less than one for each row */
    int tried = 0;
    static const char *const values[] = {"srcip",     "exporter", "appname",  "insrcmac",
                                         "outdstmac", "srcport",  "proto",    "tstart",
                                         "tstart_ms", "duration", "raw_bytes"};
    static const char *const forms[] = {
        "%s = %s",
        "%s IS %s",
        "%s IN (%s, 'x')",
        "%s BETWEEN %s AND %s",
        "%s IS %s AND %s IS NOT NULL",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const char *c = values[i];
        /* One that is rare. */
        char *sql = sqlite3_mprintf("SELECT quote(%s) FROM plain WHERE %s IS NOT NULL"
                                    " GROUP BY %s ORDER BY count(*), %s DESC LIMIT 1",
                                    c, c, c, c);
        struct lines l = client_query(db, sql, false);
        if (l.n == 0) {
            sqlite3_free(sql);
            client_free(&l);
            continue;
        }
        tried++;
        *strrchr(l.p[0], ':') = '\0';
        for (size_t k = 0; k < sizeof forms / sizeof forms[0]; k++) {
            char *where = sqlite3_mprintf(forms[k], c, l.p[0], l.p[0]);
            char *from = sqlite3_mprintf("flows WHERE %s", where);
            char *count = sqlite3_mprintf("SELECT count(*) FROM %%s WHERE %s", where);
            twin_agree(count);
            if (steps(from) > MOST)
                fail_msg("%s: %d steps", where, steps(from));
            sqlite3_free(count);
            sqlite3_free(from);
            sqlite3_free(where);
        }
        client_free(&l);
        sqlite3_free(sql);
    }
    assert_true(tried > 6);
    /* Nothing passes: to SQLite's own loop it would be all rows. */
    static const char *const none[] = {
        "srcip LIKE '10.1.2.3.%'",
        "srcip GLOB 'x*'",
        "dstip LIKE '%zz%'",
        "username GLOB 'no one*'",
        "appname LIKE 'NO ONE%'",
        "tstart LIKE '1999-%'",
        "tend GLOB '1999-12-31 *'",
        "insrcmac LIKE 'zz:%'",
        "insrcmac < '00'",
        "insrcmac >= 'g'",
        "duration > 1e300",
        "duration BETWEEN 0.00001 AND 0.00002",
        "bps < -1e18",
        "pps = 0.12345678901",
        "bpp <= -1",
        "dscp < 0",
        "dscp IN (-1, -2)",
        "duration IS 0.123456789",
        "dscp = 'x'",
        "srcnet = '10.1.2.0/23' AND dstnet = '10.1.2.0/23'",
        "srcnet = '10.1.2.3/23'", /* no network is shown so */
        "srcnet IN ('10.1.2.3', '10/8', 'x', '10.0.0.0/08')",
        "srcnet IS NOT NULL AND srcmask > 128",
        "dstnet IS NULL AND dstmask = 0 AND dstip IS NOT NULL",
        "srcip MATCH '0.0.0.1/32, ::7777:0:1'",
        "filter MATCH 'proto 255 and proto 254'",
        "duration IS NULL AND tstart_ms IS NOT NULL AND tend_ms IS NOT NULL",
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        char *from = sqlite3_mprintf("flows WHERE %s", none[i]);
        char *count = sqlite3_mprintf("SELECT count(*) FROM %s", from);
        if (client_one(db, count) != 0)
            fail_msg("%s: some", none[i]);
        if (steps(from) > MOST)
            fail_msg("%s: %d steps", none[i], steps(from));
        sqlite3_free(count);
        sqlite3_free(from);
    }
    assert_true(steps("flows WHERE +srcip = 'x'") > MOST); /* or this would prove nothing */
    assert_true(steps("traffic WHERE srcip LIKE '10.1.2.3.%'") < MOST);
    assert_true(steps("endpoints WHERE ip MATCH '0.0.0.1'") < MOST);
}

/* MATCH is ip_in() of a list, or the filter, also where it is no constraint. */
static void matches(void **state) {
    (void)state;
    client_agree(db, "SELECT srcip, bytes FROM flows WHERE srcip MATCH '0.0.0.0/1,  8000::/1'",
                 "SELECT srcip, bytes FROM plain WHERE ip_in(srcip, '0.0.0.0/1')"
                 " OR ip_in(srcip, '8000::/1')",
                 true);
    client_agree(db, "SELECT srcip, bytes FROM flows WHERE srcip MATCH '0.0.0.0/1' OR proto = 17",
                 "SELECT srcip, bytes FROM plain WHERE ip_in(srcip, '0.0.0.0/1') OR proto = 17",
                 true);
    client_agree(db, "SELECT srcip, bytes FROM flows WHERE NOT srcip MATCH '0.0.0.0/1 ::/0'",
                 "SELECT srcip, bytes FROM plain"
                 " WHERE NOT (ip_in(srcip, '0.0.0.0/1') OR ip_in(srcip, '::/0'))",
                 true);
    assert_int_equal(client_one(db, "SELECT count(*) FROM flows WHERE srcip MATCH NULL"), 0);
    assert_int_equal(client_one(db, "SELECT count(*) FROM flows WHERE srcip MATCH ''"), 0);
    client_agree(db, "SELECT srcip, bytes FROM flows WHERE filter MATCH 'proto tcp'",
                 "SELECT srcip, bytes FROM plain WHERE proto = 6", true);
    client_agree(
        db, "SELECT srcip, sum(packets) FROM traffic WHERE mask4 = 8 AND srcip MATCH '10/8'",
        "SELECT srcip, sum(packets) FROM traffic WHERE mask4 = 8 AND ip_in(srcip, '10/8')", true);
}

/* Texts that are equal under another collation are SQLite's to tell apart. */
static void collations(void **state) {
    (void)state;
    twin_agree("SELECT count(*) FROM %s WHERE srcip <> (SELECT upper(max(srcip)) FROM plain)"
               " COLLATE NOCASE");
    twin_agree("SELECT count(*) FROM %s WHERE insrcmac <> 'AA:BB:CC:DD:EE:FF' COLLATE NOCASE");
    char *sql = sqlite3_mprintf("SELECT quote(upper(max(srcip))) FROM plain");
    struct lines l = client_query(db, sql, false);
    *strrchr(l.p[0], ':') = '\0';
    sqlite3_free(sql);
    sql = sqlite3_mprintf("SELECT count(*) FROM %%s WHERE srcip <> %s COLLATE NOCASE", l.p[0]);
    twin_agree(sql);
    sqlite3_free(sql);
    client_free(&l);
}

/* Joins ask a table of hosts for each flow, but scan flows for a few hosts, and for networks. */
static void joins(void **state) {
    (void)state;
    static const struct {
        const char *sql, *first, *second;
    } table[] = {
        {"SELECT name, bytes FROM flows JOIN hosts ON srcip = ip", "SCAN flows", "SEARCH hosts"},
        {"SELECT name, bytes FROM hosts JOIN flows ON srcip = ip", "SCAN flows", "SEARCH hosts"},
        {"SELECT name, sum(bytes) FROM known JOIN flows ON srcip = ip GROUP BY name", "SCAN flows",
         "SEARCH known USING INDEX"},
        {"SELECT name, sum(bytes) FROM flows JOIN known ON srcip = ip GROUP BY name", "SCAN flows",
         "SEARCH known USING INDEX"},
        {"SELECT name, sum(bytes) FROM hosts JOIN traffic ON srcip = ip GROUP BY name",
         "SCAN traffic", "SEARCH hosts"},
        {"SELECT name, bytes FROM flows JOIN known ON srcip = ip WHERE id = 3", "SEARCH known",
         "srcip="},
        {"SELECT name, bytes FROM flows JOIN networks ON ip_in(srcip, net)", "SCAN networks",
         "srcip~"},
        {"SELECT net, sum(bytes) FROM flows JOIN networks ON ip_in(srcip, net) GROUP BY net",
         "SCAN networks", "srcip~"},
        {"SELECT net, sum(bytes) FROM traffic JOIN networks ON ip_in(srcip, net) GROUP BY net",
         "SCAN networks", "srcip~"},
        {"SELECT net, sum(bytes) FROM networks JOIN traffic ON ip_in(srcip, net)"
         " WHERE since = '-1 day' AND proto = 6 GROUP BY net",
         "SCAN networks", "srcip~"},
        {"SELECT net, sum(bytes_in) FROM endpoints JOIN networks ON ip_in(ip, net) GROUP BY net",
         "SCAN networks", "ip~"},
        {"SELECT networks.name, sum(bytes) FROM traffic JOIN hosts ON dstip = ip"
         " JOIN networks ON ip_in(srcip, net) GROUP BY networks.name",
         "SCAN networks", "srcip~"},
        {"SELECT srcip FROM flows WHERE (srcip, srcport) IN (SELECT ip, id FROM known)",
         "INDEX 0:@", ""},
        {"SELECT srcip, count(*) FROM flows WHERE (srcip, srcport) IN (SELECT ip, id FROM known)"
         " GROUP BY srcip",
         "INDEX 0:@", ""},
        {"SELECT name FROM flows JOIN hosts ON dstip = ip"
         " WHERE (srcip, srcport) IN (SELECT ip, id FROM known)",
         "INDEX 0:@", ""},
        {"SELECT srcip FROM flows WHERE srcip IN (SELECT ip FROM hosts)", "srcip[]", ""},
    };
    client_run(db, "CREATE TABLE hosts(ip TEXT, name TEXT);"
                   "CREATE TABLE known(id INTEGER PRIMARY KEY, ip TEXT, name TEXT);"
                   "CREATE INDEX known_ip ON known(ip);"
                   "CREATE TABLE networks(net TEXT, name TEXT)");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", table[i].sql);
        struct lines l = client_query(db, sql, false);
        if (!strstr(l.p[0], table[i].first) || l.n < 2 || !strstr(l.p[1], table[i].second))
            fail_msg("%s: %s, %s: want %s, %s", table[i].sql, l.p[0], l.n > 1 ? l.p[1] : "",
                     table[i].first, table[i].second);
        client_free(&l);
        sqlite3_free(sql);
    }
    client_run(db, "DROP TABLE hosts; DROP TABLE known; DROP TABLE networks");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushed),
        cmocka_unit_test(matches),
        cmocka_unit_test(collations),
        cmocka_unit_test(joins),
    };
    return cmocka_run_group_tests_name("ext/pushed", tests, twin_setup, twin_teardown);
}
