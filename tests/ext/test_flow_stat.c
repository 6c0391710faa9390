/* SPDX-License-Identifier: MIT */
/*
** flow_stat beside what SQLite adds up of the flows themselves, its orders, what it hands to SQLite, and what it
** refuses.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/store.h"
#include "tests/ext/client.h"
#include "tests/schema/rows.h"

enum { ROWS = 4000, SEED = 11 };

static char dir[] = "/tmp/flowvt-test-XXXXXX";
static sqlite3 *db;

/* One end of each flow, the sender's first. */
#define BOTH(src, dst)                                                                    \
    "(SELECT " src " AS e, packets, bytes, tstart, tend FROM flows UNION ALL SELECT " dst \
    ", packets, bytes, tstart, tend FROM flows)"

/* The net of an address, by a length of its own family. */
#define NET(ip, mask)                                                                          \
    "iif(" mask " <= iif(" ip " LIKE '%:%', 128, 32), ip_net(" ip ", min(" mask ", 32), " mask \
    "), NULL)"

/* Elements of each source and shape, and the same of the flows, one by one. */
static const struct {
    const char *by, *from, *element;
} same[] = {
    {"srcip", "flows", "srcip"},
    {"dstport:p", "flows", "proto_name(proto) || coalesce('/' || dstport, '')"},
    {"proto", "flows", "proto_name(proto)"},
    {"flags", "flows", "tcp_flags(tcpflags)"},
    {"dscp", "flows", "tos >> 2"},
    {"srcnet", "flows", NET("srcip", "srcmask")},
    {"dstnet", "flows", NET("dstip", "dstmask")},
    {"srcnet+dstnet", "flows",
     "coalesce(" NET("srcip", "srcmask") ", '-') || ' ' || coalesce(" NET("dstip",
                                                                          "dstmask") ", '-')"},
    {"srcip+dstip", "flows", "coalesce(srcip, '-') || ' ' || coalesce(dstip, '-')"},
    {"ip", BOTH("srcip", "dstip"), "e"},
    {"port", BOTH("srcport", "dstport"), "e"},
    {"as", BOTH("srcas", "dstas"), "e"},
    {"if", BOTH("inif", "outif"), "e"},
};

static void test_elements(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char *stat = sqlite3_mprintf("SELECT element, flows, packets, bytes, first, last"
                                     " FROM flow_stat(%Q, 'bytes', -1)",
                                     same[i].by);
        char *flows =
            sqlite3_mprintf("SELECT %s, count(*), sum(packets), sum(bytes), min(tstart), max(tend)"
                            " FROM %s GROUP BY 1",
                            same[i].element, same[i].from);
        if (client_agree(db, stat, flows, true) < 3)
            fail_msg("%s: few rows", same[i].by);
        sqlite3_free(stat);
        sqlite3_free(flows);
    }
}

/* IPv6 networks are longer than any of IPv4. */
static void test_long_nets(void **state) {
    (void)state;
    assert_true(
        client_one(
            db, "SELECT count(*) FROM flow_stat('srcnet', NULL, -1) WHERE element LIKE '%:%/48'") >
        0);
    assert_true(
        client_one(
            db, "SELECT count(*) FROM flow_stat('srcnet', NULL, -1) WHERE element LIKE '%.%/24'") >
        0);
}

static void test_orders(void **state) {
    (void)state;
    static const struct {
        const char *order, *rank;
    } orders[] = {
        {"bytes", "bytes"}, {"packets", "packets"}, {"flows", "flows"},
        {"pps", "pps"},     {"bps", "bps"},         {"bpp", "1.0 * bytes / packets"},
    };
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        int64_t falls = client_onef(db,
                                    "SELECT min(rank <= before) FROM (SELECT %s AS rank, lag(%s) "
                                    "OVER (ORDER BY rowid) AS before"
                                    " FROM (SELECT rowid, * FROM flow_stat('srcip', %Q, -1)))",
                                    orders[i].rank, orders[i].rank, orders[i].order);
        if (falls != 1)
            fail_msg("%s: not in order", orders[i].order);
    }
    client_agree(db, "SELECT element FROM flow_stat('srcip', 'flows', 7) ORDER BY rowid",
                 "SELECT srcip FROM flows GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 7", false);
    client_agree(
        db,
        "SELECT element FROM flow_stat WHERE \"order\" = 'packets' AND n = 3 AND filter = 'proto "
        "tcp'",
        "SELECT srcip FROM flows WHERE proto = 6 GROUP BY 1 ORDER BY sum(packets) DESC, 1 LIMIT 3",
        false);
    assert_int_equal(client_one(db, "SELECT count(*) FROM flow_stat"), 10);
    assert_int_equal(client_one(db, "SELECT sum(flows) FROM flow_stat('ip', NULL, -1)"), 2 * ROWS);
}

/* What all elements have together, those that are not listed as well; of two ends it is twice the traffic. */
static void test_totals(void **state) {
    (void)state;
    static const struct {
        const char *by;
        int ends;
    } table[] = {{"srcip", 1}, {"proto", 1}, {"sysid", 1}, {"srcnet", 1},
                 {"ip", 2},    {"if", 2},    {"tag", 2}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *stat = sqlite3_mprintf(
            "SELECT total_flows, total_packets, total_bytes FROM flow_stat(%Q, 'bytes', 1)"
            " UNION SELECT total_flows, total_packets, total_bytes FROM flow_stat(%Q, 'bpp', 2)",
            table[i].by, table[i].by);
        char *flows =
            sqlite3_mprintf("SELECT %d * count(*), %d * sum(packets), %d * sum(bytes) FROM flows",
                            table[i].ends, table[i].ends, table[i].ends);
        assert_int_equal(client_agree(db, stat, flows, false), 1);
        sqlite3_free(stat);
        sqlite3_free(flows);
    }
}

static int count_steps(void *n) {
    ++*(int *)n;
    return 0;
}

static int steps_of(const char *sql) {
    int n = 0;
    sqlite3_progress_handler(db, 1, count_steps, &n);
    client_run(db, sql);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    return n;
}

/* Of very many pairs SQLite is given the first ones alone, in any order of counters. */
static void test_steps(void **state) {
    (void)state;
    int64_t pairs = client_one(db, "SELECT count(*) FROM flow_stat('srcip+dstip', NULL, -1)");
    assert_true(pairs > 1000);
    if (sqlite3_libversion_number() < 3038000)
        skip(); /* xBestIndex is not told of LIMIT */
    assert_true(steps_of("SELECT * FROM flow_stat('srcip+dstip', 'bytes', 5)") < pairs);
    assert_true(steps_of("SELECT * FROM flow_stat('srcip+dstip', 'packets', 5)") < pairs);
    assert_true(steps_of("SELECT * FROM flow_stat('srcip+dstip', 'flows', 5)") < pairs);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *sql, *want;
    } table[] = {
        {"SELECT * FROM flow_stat('scrip')", "by: scrip: no such element: there are srcip, dstip,"},
        {"SELECT * FROM flow_stat('srcip', 'size')",
         "order: size: no such order: there are bytes, packets,"},
        {"SELECT * FROM flow_stat('srcip', 'bytes', 'ten')",
         "n: ten: give a number of rows, -1 for all"},
        {"SELECT * FROM flow_stat('srcip', 'bytes', 2.5)", "n: 2.5: give"},
        {"SELECT * FROM flow_stat('srcip', 'bytes', 1, 'soon')", "since"},
        {"SELECT * FROM flow_stat('srcip', 'bytes', 1, NULL, NULL, 'src prot 80')", "prot"},
        {"SELECT * FROM flow_stat('srcip', 'bytes', 1, NULL, NULL, NULL, '/etc/passwd')",
         "/etc/passwd"},
        {"SELECT * FROM flow_stat('srcip') WHERE \"by\" = 'dstip'", "by is given twice"},
        {"SELECT * FROM flow_stat WHERE n > 3", "n is a parameter"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *message = NULL;
        assert_int_not_equal(sqlite3_exec(db, table[i].sql, NULL, NULL, &message), SQLITE_OK);
        if (!message || !strstr(message, table[i].want))
            fail_msg("%s: %s: want %s", table[i].sql, message, table[i].want);
        sqlite3_free(message);
    }
}

static int setup(void **state) {
    (void)state;
    char path[300];
    struct fvt_error err;
    struct fvt_writer *w;
    if (!mkdtemp(dir) || !(db = client_open(dir)))
        return -1;
    snprintf(path, sizeof path, "%s/flows.202311142210.fvt", dir);
    if (fvt_writer_open(path, 1700000000000, 300000, &w, &err) != FVT_OK)
        return -1;
    for (uint64_t i = 0; i < ROWS; i++) {
        struct test_row t;
        test_row_make(&t, SEED, i);
        flow_row_set(&t.row, FLOW_bytes, i * i % 9973);
        flow_row_set(&t.row, FLOW_packets, 1 + i % 17);
        flow_row_set(&t.row, FLOW_sampling, 1);
        flow_row_set(&t.row, FLOW_flows, 1);
        flow_row_set(&t.row, FLOW_tstart, 1700000000000 + i * 60);
        flow_row_set(&t.row, FLOW_tend, 1700000000000 + i * 60 + i % 5000);
        if (flow_row_has(&t.row, FLOW_srcip))
            flow_row_set(&t.row, FLOW_srcmask, t.row.value[FLOW_srcip].ip.family == 4 ? 24 : 48);
        if (i % 7) /* several of one address, and some that are too long for it */
            flow_row_set(&t.row, FLOW_dstmask, i % 3 ? 8 + i % 9 : i % 129);
        if (fvt_writer_add(w, &t.row) != FVT_OK)
            return -1;
    }
    return fvt_writer_finish(w) == FVT_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    return client_close(db, dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements), cmocka_unit_test(test_long_nets),
        cmocka_unit_test(test_orders),   cmocka_unit_test(test_totals),
        cmocka_unit_test(test_steps),    cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
