/* SPDX-License-Identifier: MIT */
/*
** flows against an ordinary SQLite table of the same rows: thousands of generated statements must agree.
** Plans, errors, parameters, tables made by CREATE, and the list of files.
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

enum { QUERIES = 1500 };

static void whole_rows(void **state) {
    (void)state;
    assert_int_equal(
        twin_agree("SELECT * FROM (SELECT tstart, tend, srcip, dstip, natsrcip, natdstip,"
                   " username, appid, appname, extra, ident, exporter, insrcmac, flowid,"
                   " samplerid, evrf, ivrf, bytes, packets, raw_bytes FROM %s)"),
        TWIN_ROWS);
    char sql[4096] = "SELECT ";
    for (int f = 0; f < FLOW_NFIELDS; f++)
        sprintf(sql + strlen(sql), "%s\"%s\"", f ? ", " : "", flow_fields[f].name);
    strcat(sql, " FROM %s");
    assert_int_equal(twin_agree(sql), TWIN_ROWS);
}

static void generated_on_flows(void **state) {
    (void)state;
    size_t rows = 0;
    const int n = test_rounds(QUERIES);
    for (int i = 0; i < n; i++) {
        char *where = twin_where(), *sql;
        const char *a = twin_columns[test_random(TWIN_COLUMNS)],
                   *b = twin_columns[test_random(TWIN_COLUMNS)];
        switch (test_random(5)) {
        case 0:
            sql = sqlite3_mprintf("SELECT count(*), sum(raw_packets), min(%s), max(%s)"
                                  " FROM %%s WHERE %s",
                                  a, b, where);
            break;
        case 1:
            sql = sqlite3_mprintf("SELECT %s, count(*), count(%s) FROM %%s WHERE %s GROUP BY %s", a,
                                  b, where, a);
            break;
        case 2:
            sql = sqlite3_mprintf("SELECT DISTINCT %s, %s FROM %%s WHERE %s", a, b, where);
            break;
        default:
            sql = sqlite3_mprintf("SELECT srcip, %s, %s, tstart FROM %%s WHERE %s", a, b, where);
            break;
        }
        rows += twin_agree(sql);
        sqlite3_free(sql);
        sqlite3_free(where);
    }
    assert_true(rows > (size_t)n * 10);
}

static void limits(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        int limit = (int)test_random(900), offset = (int)test_random(4000);
        char *sql =
            sqlite3_mprintf("SELECT count(*) FROM (SELECT srcip FROM %%s WHERE %s"
                            " LIMIT %d OFFSET %d)",
                            test_random(2) ? "proto IS NOT NULL" : "duration > 0", limit, offset);
        twin_agree(sql);
        sqlite3_free(sql);
    }
    /* The rows, too: a store is read in order. */
    assert_int_equal(client_agree(db, "SELECT tstart, srcip FROM flows LIMIT 7 OFFSET 2500",
                                  "SELECT tstart, srcip FROM plain LIMIT 7 OFFSET 2500", false),
                     7);
    assert_int_equal(client_agree(db, "SELECT tstart, srcip FROM flows LIMIT 3 OFFSET 2999",
                                  "SELECT tstart, srcip FROM plain LIMIT 3 OFFSET 2999", false),
                     1);
}

/* Columns that are compared with each other: SQLite tests them itself, and some versions of it do not say
** so to the table that they hand LIMIT to. */
static void limits_and_tests_of_sqlite(void **state) {
    (void)state;
    static const char *const where[] = {
        "srcport < dstport",
        "srcas = dstas",
        "inif <> outif AND proto = 6",
        "proto = 17 AND srcport >= dstport AND bytes > packets",
        "srcip > dstip OR tos = proto",
        "tend_ms - tstart_ms > 100 AND srcport IS NOT dstport",
        "packets BETWEEN proto AND tos",
        "proto IN (6, srcmask)",
    };
    static const char *const rest[] = {
        "LIMIT 3",
        "LIMIT 7 OFFSET 5",
        "ORDER BY bytes DESC, srcport LIMIT 5",
        "ORDER BY tstart_ms, bytes, srcport LIMIT 4 OFFSET 9",
        "ORDER BY srcport, bytes, tstart_ms LIMIT 1000",
    };
    size_t rows = 0;
    for (size_t i = 0; i < sizeof where / sizeof *where; i++)
        for (size_t k = 0; k < sizeof rest / sizeof *rest; k++) {
            /* Which rows, where there is an order, and how many, where there is none. */
            char *sql = sqlite3_mprintf(
                rest[k][0] == 'O' ? "SELECT srcport, bytes, tstart_ms FROM %%s WHERE %s %s"
                                  : "SELECT count(*) FROM (SELECT 1 FROM %%s WHERE %s %s)",
                where[i], rest[k]);
            rows += twin_agree(sql);
            sqlite3_free(sql);
        }
    assert_true(rows > 100);
}

/* Statements that SQLite plans in ways of its own. */
static void odd_plans(void **state) {
    (void)state;
    static const char *const table[] = {
        "SELECT srcip FROM %s UNION ALL SELECT dstip FROM %s LIMIT 20 OFFSET 2995",
        "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT raw_bytes FROM %s LIMIT 9999 OFFSET 3",
        "SELECT count(*) FROM (SELECT srcip FROM %s LIMIT 5 OFFSET 2990)",
        "SELECT count(*), sum(rowid <> 0) FROM %s WHERE proto = 17 OR srcport = 17 OR tos > 200",
        ("SELECT x.srcip, y.dstip FROM %s x, %s y WHERE x.srcport = y.dstport AND x.proto = 17"
         " AND y.tos = 17 AND x.rowid = x.rowid"),
        "SELECT (SELECT count(*) FROM %s b WHERE b.proto = lk.a) FROM lk",
        "SELECT count(*) FROM %s x, lk WHERE x.tstart > lk.a",
        "SELECT count(*) FROM %s x, lk WHERE x.exporter >= lk.a",
        "SELECT count(*) FROM %s x, lk WHERE x.username = lk.t OR x.proto = lk.a",
        "SELECT count(*) FROM lk CROSS JOIN %s x ON x.srcip = lk.t",
        "SELECT count(*) FROM %s x CROSS JOIN lk ON x.srcip = lk.t",
        "SELECT count(*) FROM %s x WHERE x.srcip IN (SELECT t FROM lk)",
        "SELECT count(*) FROM %s x WHERE EXISTS (SELECT 1 FROM lk WHERE t = x.srcip)",
        "SELECT count(*) FROM %s x WHERE x.appname IN (SELECT a FROM lk)",
        "SELECT count(*) FROM %s WHERE tend > 5 AND srcip > 3",
        "SELECT srcip, count(*) FROM %s GROUP BY 1 HAVING count(*) > (SELECT count(*) FROM lk)",
    };
    client_run(db,
               "CREATE TEMP TABLE lk(a, t TEXT); INSERT INTO lk VALUES (17, '17'), (5, 'name 3'),"
               " ('2023', 'x'), (NULL, NULL), (1.5, '')");
    client_run(db, "INSERT INTO lk SELECT 1, srcip FROM plain WHERE srcip IS NOT NULL LIMIT 3");
    client_run(
        db, "INSERT INTO lk SELECT 1, upper(srcip) FROM plain WHERE srcip GLOB '*[a-f]*' LIMIT 3");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        twin_agree(table[i]);
    client_run(db, "DROP TABLE lk");
}

/* A parameter in one arm of an OR holds there and nowhere else; where no plan can do that, it is an
** error and not ignored. */
static void params_in_or(void **state) {
    (void)state;
    assert_int_equal(
        client_one(db, "SELECT count(*) FROM flows WHERE (since = 1700000008000 AND proto = 17)"
                       " OR (since = 1700000015000 AND srcport = 17)"),
        client_one(db, "SELECT count(*) FROM small WHERE (e >= 1700000008000 AND proto = 17)"
                       " OR (e >= 1700000015000 AND srcport = 17)"));
    assert_int_equal(client_one(db, "SELECT count(*) FROM flows WHERE since = 1700000009000"
                                    " AND until = 1700000009000"),
                     0);
    assert_int_equal(client_one(db, "SELECT count(*) FROM traffic WHERE since = 1700000009000"
                                    " AND until = 1700000005000"),
                     0);
}

/* = with one time is answered from the window alone, whatever the bucket; beside it the same that SQLite checks. */
static void one_time(void **state) {
    (void)state;
    static const char *const tests[] = {
        "{time} = '2023-11-14 22:15:00.000'",
        "{time} = '2023-11-14 22:13:20.000'",
        "{time} = '2023-11-14 22:15'",
        "{time} = '2023-11-14 22:15:00.000' AND {time} = '2023-11-14 22:10:00.000'",
        "{time} = '2023-11-14 22:13:20.000' AND bucket = 4",
        "{time} = '2023-11-14 22:00:00.000' AND bucket = 3600 AND since = 1700000009000",
        "{time} = '0000-01-01 00:00:00.000'",
        "{time} = '9999-12-31 23:59:59.999'",
        "{time_ms} = 1700000100000",
        "{time_ms} = 9000000000000000000",
        "{time_ms} = -9000000000000000000",
        "{time_ms} IS 1700000100000 AND {time} IS '2023-11-14 22:15:00.000'",
        "{time_ms} = 1700000100000 AND {time} = '2023-11-14 22:10:00.000'",
    };
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        char *condition[2];
        for (int k = 0; k < 2; k++) { /* + keeps it from the extension */
            condition[k] = sqlite3_mprintf("");
            for (const char *p = tests[i]; *p; p++)
                condition[k] = *p == '{'   ? sqlite3_mprintf("%z%s", condition[k], k ? "+" : "")
                               : *p == '}' ? condition[k]
                                           : sqlite3_mprintf("%z%c", condition[k], *p);
        }
        static const char *const forms[] = {
            "SELECT proto, sum(flows) FROM traffic WHERE %s GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2",
            "SELECT time, sum(bytes) FROM traffic WHERE %s GROUP BY 1",
            "SELECT count(*) FROM (SELECT ip, sum(flows_in) FROM endpoints WHERE %s GROUP BY 1)"};
        for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
            char *mine = sqlite3_mprintf(forms[f], condition[0]),
                 *theirs = sqlite3_mprintf(forms[f], condition[1]);
            client_agree(db, mine, theirs, true);
            sqlite3_free(mine);
            sqlite3_free(theirs);
        }
        sqlite3_free(condition[0]);
        sqlite3_free(condition[1]);
    }
}

/* A parameter that is not given IS NULL. */
static void params_null(void **state) {
    (void)state;
    client_agree(db, "SELECT count(*) FROM flows WHERE until IS NULL AND since = 1700000009000",
                 "SELECT count(*) FROM flows WHERE since = 1700000009000", true);
    client_agree(db, "SELECT sum(flows) FROM traffic WHERE filter IS NULL",
                 "SELECT sum(flows) FROM traffic", true);
    client_agree(db, "SELECT path FROM flow_files WHERE since IS NULL",
                 "SELECT path FROM flow_files", true);
}

/* An argument that is NULL is not given, whatever WHERE says of the parameter. */
static void params_twice(void **state) {
    (void)state;
    static const struct {
        const char *columns, *table;
    } each[] = {{"*", "flows"},
                {"proto, sum(flows)", "traffic"},
                {"ip, sum(flows_in)", "endpoints"},
                {"path", "flow_files"},
                {"exporter, flows", "flow_exporters"},
                {"text", "flows_csv"}};
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        const char *group = strstr(each[i].columns, "sum") ? "GROUP BY 1" : "";
        char *all = sqlite3_mprintf("SELECT %s FROM %s %s", each[i].columns, each[i].table, group),
             *one = sqlite3_mprintf("SELECT %s FROM %s WHERE since = 1700000060000 %s",
                                    each[i].columns, each[i].table, group),
             *two = sqlite3_mprintf("SELECT %s FROM %s(NULL, NULL) WHERE since = 1700000060000 %s",
                                    each[i].columns, each[i].table, group);
        struct lines a = client_query(db, all, true), b = client_query(db, one, true);
        bool narrower = a.n != b.n || !a.n || strcmp(a.p[a.n - 1], b.p[b.n - 1]);
        client_free(&a);
        client_free(&b);
        assert_true(narrower);
        client_agree(db, one, two, true);
        sqlite3_free(all);
        sqlite3_free(one);
        sqlite3_free(two);
    }
}

static void plans(void **state) {
    (void)state;
    static const struct {
        const char *sql, *want;
    } table[] = {
        {"SELECT count(*) FROM flows WHERE srcip = '1.2.3.4' AND dstport IN (1, 2)",
         "srcip= dstport[]"},
        {"SELECT count(*) FROM flows WHERE ip_in(dstip, '10/8') AND tstart >= '2023'",
         "tstart>= dstip~"},
        {"SELECT srcip FROM flows WHERE proto = 6 LIMIT 5", "proto= limit"},
        {"SELECT 1 FROM flows WHERE srcip <> 'x' AND duration <> 1", "duration<> srcip<>"},
        {"SELECT 1 FROM flows WHERE insrcmac IS NOT 'x' AND bps IS NOT 1", "bps!== insrcmac!=="},
        {"SELECT 1 FROM traffic WHERE srcip GLOB '1*' AND proto IS NOT 1", "srcip~*"},
        {"SELECT 1 FROM endpoints WHERE ip LIKE '1%' AND peerip MATCH '::1'", "peerip~, ip~%"},
        {"SELECT DISTINCT srcip FROM traffic WHERE dstport = 443", "grouped"},
        {"SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip", " order:srcip"},
        {"SELECT srcip, bytes FROM traffic ORDER BY bytes DESC LIMIT 10", " order:-bytes"},
        {"SELECT count(*) FROM flows('2023', NULL, 'tcp')", "since= until= filter="},
        {"SELECT srcip, sum(bytes) FROM traffic WHERE proto = 6 GROUP BY 1", "rollup:proto,srcip"},
        {"SELECT time, sum(flows) FROM traffic WHERE bucket = 7200 GROUP BY time", "rollup:any"},
        {"SELECT ip, min(first) FROM endpoints GROUP BY ip", "rollup:ip"},
        {"SELECT 1 FROM traffic WHERE time = '2023-11-14 22:15:00.000'", " exact"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", table[i].sql);
        struct lines l = client_query(db, sql, false);
        if (!strstr(l.p[0], table[i].want))
            fail_msg("%s: %s: want %s", table[i].sql, l.p[0], table[i].want);
        client_free(&l);
        sqlite3_free(sql);
    }
}

static void errors(void **state) {
    (void)state;
    static const struct {
        const char *sql, *want;
    } table[] = {
        {"SELECT * FROM flows WHERE since = 'yesterdayish'", "since"},
        {"SELECT * FROM flows WHERE since > '2023'", "since is a parameter"},
        {"SELECT * FROM flows WHERE filter = 'src prot 80'", "filter"},
        {"SELECT * FROM flows WHERE store = '/nonexistent'", "/nonexistent"},
        {"SELECT * FROM traffic WHERE bucket = 0", "bucket"},
        {"SELECT * FROM traffic WHERE mask4 = 33", "mask4"},
        {"SELECT counted FROM traffic", "count_of"},
        {"SELECT srcip FROM traffic WHERE count_of = 'srchost'", "count_of"},
        {"SELECT counted FROM endpoints WHERE count_of = 'bytes'", "count_of"},
        {"SELECT * FROM flows WHERE ip_in(srcip, '10.0.0.0/33')", "ip_in"},
        {"CREATE VIRTUAL TABLE x USING flows(stor='/tmp')", "unknown argument"},
        {"SELECT * FROM flow_files WHERE until = 'soon'", "until"},
        {"SELECT text FROM flows_csv WHERE columns = 'srcip,sorceport'", "sorceport"},
        {"SELECT text FROM flows_csv WHERE columns = ''", "columns"},
        {"SELECT text FROM flows_csv WHERE columns = 'since'", "since"},
        {"SELECT text FROM flows_ndjson WHERE filter = 'src prot 80'", "filter"},
        {"SELECT * FROM flows WHERE srcip MATCH '10/8, here'", "here"},
        {"SELECT * FROM flows WHERE filter MATCH 'src prot 80'", "filter"},
        {"SELECT * FROM flows WHERE proto MATCH 'tcp'", "proto MATCH"},
        {"SELECT * FROM flows WHERE username MATCH 'x' OR proto = 300", "MATCH"},
        {"SELECT * FROM flows WHERE since MATCH '2023'", "since is a parameter"},
        {"SELECT * FROM if_counters WHERE since > '2023'", "since is a parameter"},
        {"SELECT * FROM flows('2023') WHERE since = '2022'", "since is given twice"},
        {"SELECT * FROM traffic(NULL, NULL, 'tcp') WHERE filter = 'udp'", "filter is given twice"},
        {"SELECT * FROM flow_files('2023') WHERE since = '2022'", "since is given twice"},
        {"SELECT * FROM if_counters('2023') WHERE since = '2022'", "since is given twice"},
        {"SELECT text FROM flows_csv('2023') WHERE since = '2022'", "since is given twice"},
        {"SELECT * FROM flows WHERE store = '/etc/passwd'", "/etc/passwd"},
        {"SELECT sum(flows) FROM traffic WHERE store = '/etc/passwd'", "/etc/passwd"},
        {"SELECT since FROM flows", "since is a parameter of the table, and has no value here"},
        {"SELECT count(*) FROM flows WHERE since = '2023' OR dstport + 0 = 1",
         "since is a parameter"},
        {"SELECT count(*) FROM flows WHERE NOT (filter = 'tcp')", "write WHERE filter = 'not ...'"},
        {"SELECT sum(flows) FROM traffic WHERE filter = 'tcp' OR proto = 17",
         "filter is a parameter"},
        {"SELECT count(*) FROM flows WHERE since = tstart", "since is a parameter"},
        {"SELECT count(*) FROM flows WHERE until IS NOT NULL",
         "write until = value, or leave it out"},
        {"SELECT store FROM flow_files",
         "store is a parameter of the table, and has no value here"},
        {"SELECT 1 FROM flow_files WHERE NOT (since = '2023')", "since is a parameter"},
        {"SELECT 1 FROM if_counters WHERE NOT (since = '2023') AND exporter = '::1'", "since is a"},
        {"SELECT columns FROM flows_csv", "columns is a parameter"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *message = NULL;
        assert_int_not_equal(sqlite3_exec(db, table[i].sql, NULL, NULL, &message), SQLITE_OK);
        if (!message || !strstr(message, table[i].want))
            fail_msg("%s: %s: want %s", table[i].sql, message, table[i].want);
        sqlite3_free(message);
    }
}

/* What the environment asks for and cannot be had is said, not passed over. */
static void limits_of_the_environment(void **state) {
    (void)state;
    static const struct {
        const char *variable, *wrong[5], *right[4];
    } table[] = {{"FLOWVT_MEMORY", {"abc", "0", "-1", "64MB", "1 G"}, {"64M", "1t", "2e9", ""}},
                 {"FLOWVT_THREADS", {"two", "0", "-1", "2x", "1.5"}, {"1", "2", "1000", ""}}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (int k = 0; k < 5; k++) {
            setenv(table[i].variable, table[i].wrong[k], 1);
            char *message = NULL;
            int rc = sqlite3_exec(db, "SELECT sum(flows) FROM traffic", NULL, NULL, &message);
            if (rc == SQLITE_OK || !message || !strstr(message, table[i].variable))
                fail_msg("%s=%s: %s", table[i].variable, table[i].wrong[k], message);
            sqlite3_free(message);
        }
        for (int k = 0; k < 4; k++) {
            setenv(table[i].variable, table[i].right[k], 1);
            assert_int_equal(client_one(db, "SELECT sum(flows) > 0 FROM traffic"), 1);
        }
        unsetenv(table[i].variable);
    }
}

static void created_tables(void **state) {
    (void)state;
    char *sql = sqlite3_mprintf("CREATE VIRTUAL TABLE temp.campus USING flows(store = '%q');"
                                "CREATE VIRTUAL TABLE temp.sums USING traffic(store=\"%w\")",
                                twin_dir, twin_dir);
    client_run(db, sql);
    sqlite3_free(sql);
    assert_int_equal(client_one(db, "SELECT count(*) FROM campus"), TWIN_ROWS);
    assert_int_equal(client_one(db, "SELECT sum(packets) FROM sums"),
                     client_one(db, "SELECT sum(packets) FROM traffic"));
    client_run(db, "DROP TABLE campus; DROP TABLE sums");
}

static void files(void **state) {
    (void)state;
    assert_int_equal(client_one(db, "SELECT sum(rows) FROM flow_files"), TWIN_ROWS);
    assert_int_equal(client_one(db, "SELECT count(*) FROM flow_files WHERE state = 'closed'"), 2);
    assert_int_equal(client_one(db, "SELECT sum(damaged_blocks) FROM flow_files"), 0);
    assert_int_equal(client_one(db, "SELECT count(*) FROM flow_files WHERE since = 1700000060000"
                                    " AND until = 1700000120000"),
                     1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_rows),     cmocka_unit_test(generated_on_flows),
        cmocka_unit_test(limits),         cmocka_unit_test(limits_and_tests_of_sqlite),
        cmocka_unit_test(plans),          cmocka_unit_test(odd_plans),
        cmocka_unit_test(params_null),    cmocka_unit_test(one_time),
        cmocka_unit_test(params_in_or),   cmocka_unit_test(params_twice),
        cmocka_unit_test(errors),         cmocka_unit_test(limits_of_the_environment),
        cmocka_unit_test(created_tables), cmocka_unit_test(files),
    };
    return cmocka_run_group_tests_name("ext/tables", tests, twin_setup, twin_teardown);
}
