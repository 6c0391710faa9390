/* SPDX-License-Identifier: MIT */
/*
** Top lists by GROUP BY: which texts are read as one, and that SQLite is given the groups shown and no
** others (it then does fewer steps) with the same answer.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ext/statement.h"
#include "schema/store.h"
#include "tests/ext/client.h"
#include "tests/schema/rows.h"

enum { ROWS = 6000, SEED = 9, MUTATIONS = 200000 };

static char dir[] = "/tmp/flowvt-test-XXXXXX";
static sqlite3 *db;

/* ---- texts ------------------------------------------------------------------------------ */

static const char *const taken[] = {
    "SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip ORDER BY 2 DESC LIMIT 10",
    "select srcip, sum(bytes) as bytes from traffic group by srcip order by bytes desc limit 10;",
    "SELECT sum(flows) n FROM main.traffic AS t GROUP BY t.dstport ORDER BY n LIMIT 3 OFFSET 2",
    "SELECT [srcip], `dstip`, sum(\"bytes\") b FROM \"traffic\" GROUP BY 1, 2 ORDER BY b, 1 LIMIT "
    "1, 5 -- x",
    "SELECT srcip FROM traffic GROUP BY srcip ORDER BY sum(packets) DESC LIMIT 5",
    "SELECT ip_net(srcip, 24) net, sum(bytes) b FROM traffic GROUP BY net ORDER BY b DESC LIMIT 5",
    "SELECT proto, sum(bytes) b FROM traffic GROUP BY ip_net(srcip, 8, 32), 1 ORDER BY b DESC "
    "LIMIT 5",
    "SELECT srcip, count(DISTINCT dstip) n, sum(bytes) FROM traffic GROUP BY srcip ORDER BY n DESC "
    "LIMIT 5",
    "SELECT time, sum(bytes) b FROM traffic WHERE bucket = 60 AND since = '2023-11-14' AND"
    " dstport BETWEEN 1 AND 1024 AND proto IN (6, 17) AND ip_in(srcip, '10.0.0.0/8') AND srcas IS "
    "NULL"
    " GROUP BY time ORDER BY b DESC LIMIT 5",
};

/* Of flows also these. */
static const char *const taken_of_flows[] = {
    "SELECT srcip, sum(bytes) AS packets FROM flows GROUP BY srcip ORDER BY packets DESC LIMIT 10",
    "SELECT srcip, count(*) AS flows FROM flows GROUP BY srcip ORDER BY flows DESC LIMIT 10",
    "SELECT srcip, count(1), count() FROM flows GROUP BY srcip ORDER BY 2 LIMIT 10",
    "SELECT srcip, sum(bytes) FROM flows GROUP BY srcip",
    "SELECT srcip, sum(bytes) FROM flows GROUP BY srcip LIMIT 100000",
    "SELECT srcip, sum(bytes) FROM flows GROUP BY srcip ORDER BY 1 LIMIT 10",
    "SELECT srcip, sum(bytes) b FROM flows GROUP BY srcip HAVING b BETWEEN 1 AND 2 OR NOT "
    "(count(*) - 1 > "
    "-3 AND srcip <> '::') ORDER BY b DESC LIMIT 10",
};

static const char *const refused_of_flows[] = {
    "SELECT srcip, count(*) flows, sum(bytes) FROM flows GROUP BY srcip HAVING flows > 3",
    "SELECT srcip, sum(bytes) FROM flows GROUP BY srcip HAVING dstip = '::'",
    "SELECT srcip, sum(bytes) FROM flows GROUP BY srcip HAVING max(bytes) > 3",
    "SELECT srcip, sum(bytes) FROM flows GROUP BY srcip HAVING sum(bytes) > (SELECT 1)",
    "SELECT srcip, sum(bytes) FROM flows GROUP BY srcip HAVING sum(bytes) > 1 LIMIT 1 + 1",
    "SELECT srcip, sum(bytes) FROM flows GROUP BY srcip HAVING (((((((((((((((((1)))))))))))))))))",
    "SELECT srcip, count(DISTINCT dstip) FROM flows GROUP BY srcip",
    "SELECT srcip, count(dstip) FROM flows GROUP BY srcip",
    "SELECT srcip, count(*) AS proto FROM flows GROUP BY proto",
    "SELECT srcip, sum(bytes) FROM flows GROUP BY srcip ORDER BY dstip",
    "SELECT sum(bytes) FROM flows",
};

static const char *const refused[] = {
    "",
    "SELECT",
    "SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip ORDER BY 2 DESC",
    "SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip LIMIT 10",
    "SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip ORDER BY 1 LIMIT 10",
    "SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip ORDER BY 2 DESC LIMIT -1",
    "SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip ORDER BY 2 DESC LIMIT 10001",
    "SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip ORDER BY 2 DESC LIMIT 5 + 5",
    "SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip ORDER BY 2 DESC NULLS LAST LIMIT 10",
    "SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip ORDER BY sum(bytes) / 2 DESC LIMIT 10",
    "SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip ORDER BY -sum(bytes) LIMIT 10",
    "SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip COLLATE NOCASE ORDER BY 2 DESC LIMIT 10",
    "SELECT srcip, sum(bytes) FROM traffic GROUP BY lower(srcip) ORDER BY 2 DESC LIMIT 10",
    "SELECT srcip, sum(bytes) FROM traffic GROUP BY srcip HAVING sum(bytes) < 9 ORDER BY 2 DESC "
    "LIMIT 10",
    "SELECT srcip, sum(DISTINCT bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10",
    "SELECT srcip, sum(bytes) FILTER (WHERE proto = 6) b FROM traffic GROUP BY srcip ORDER BY b "
    "LIMIT 9",
    "SELECT srcip, sum(bytes) b FROM traffic GROUP BY ip_net(srcip, 24) ORDER BY b DESC LIMIT 5",
    "SELECT ip_net(srcip, 24), sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 5",
    "SELECT ip_net(srcip, 24), sum(bytes) b FROM traffic GROUP BY 1, srcip ORDER BY b DESC LIMIT 5",
    "SELECT ip_net(srcip, 24), sum(bytes) b FROM traffic GROUP BY ip_net(srcip, 8) ORDER BY b DESC "
    "LIMIT 5",
    "SELECT ip_net(srcip, 8) srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT "
    "5",
    "SELECT ip_net(srcip, 33) n, sum(bytes) b FROM traffic GROUP BY n ORDER BY b DESC LIMIT 5",
    "SELECT ip_net(srcip, dstport) n, sum(bytes) b FROM traffic GROUP BY n ORDER BY b DESC LIMIT 5",
    "SELECT ip_net(srcip, 8) n, count(DISTINCT dstip) c FROM traffic GROUP BY n ORDER BY c DESC "
    "LIMIT 5",
    "SELECT srcip, count(dstip) n FROM traffic GROUP BY srcip ORDER BY n DESC LIMIT 10",
    "SELECT srcip, count(DISTINCT srcip) n FROM traffic GROUP BY srcip ORDER BY n DESC LIMIT 10",
    "SELECT srcip, count(DISTINCT bytes) n FROM traffic GROUP BY srcip ORDER BY n DESC LIMIT 10",
    "SELECT srcip, count(DISTINCT dstip) n FROM traffic GROUP BY srcip ORDER BY sum(bytes) DESC "
    "LIMIT 10",
    "SELECT srcip, count(DISTINCT dstip) n, count(DISTINCT proto) FROM traffic GROUP BY 1 ORDER BY "
    "n LIMIT 1",
    "SELECT srcip, avg(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10",
    "SELECT srcip, count(*), sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10",
    "SELECT srcip, dstip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10",
    "SELECT DISTINCT srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10",
    "SELECT srcip AS dstip, sum(bytes) b FROM traffic GROUP BY dstip ORDER BY b DESC LIMIT 10",
    "SELECT srcip, count(*) FROM traffic GROUP BY srcip ORDER BY sum(bytes) DESC LIMIT 10",
    "SELECT srcip AS rowid, sum(bytes) b FROM traffic GROUP BY rowid ORDER BY b DESC LIMIT 10",
    "SELECT srcip \"OID\", sum(bytes) b FROM traffic GROUP BY oid ORDER BY b DESC LIMIT 10",
    "SELECT srcip, sum(bytes) b, sum(flows) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10",
    "SELECT srcip, sum(bytes) AS bytes FROM traffic GROUP BY bytes ORDER BY bytes DESC LIMIT 10",
    "SELECT srcip, sum(bytes) b FROM traffic, hosts GROUP BY srcip ORDER BY b DESC LIMIT 10",
    "SELECT srcip, sum(bytes) b FROM traffic JOIN hosts GROUP BY srcip ORDER BY b DESC LIMIT 10",
    "SELECT srcip, sum(bytes) b FROM (SELECT * FROM traffic) GROUP BY srcip ORDER BY b DESC LIMIT "
    "10",
    "SELECT srcip, sum(bytes) b FROM traffic() GROUP BY srcip ORDER BY b DESC LIMIT 10",
    "SELECT srcip, sum(bytes) b FROM other.traffic GROUP BY srcip ORDER BY b DESC LIMIT 10",
    "SELECT srcip, sum(bytes) b FROM flows GROUP BY srcip ORDER BY b DESC LIMIT 10",
    "SELECT srcip, sum(bytes) b FROM traffic WHERE srcport = dstport GROUP BY srcip ORDER BY b "
    "LIMIT 1",
    "SELECT srcip, sum(bytes) b FROM traffic WHERE proto = 6 OR proto = 17 GROUP BY srcip ORDER BY "
    "b LIMIT 1",
    "SELECT srcip, sum(bytes) b FROM traffic WHERE proto + 1 = 7 GROUP BY srcip ORDER BY b LIMIT 1",
    "SELECT srcip, sum(bytes) b FROM traffic WHERE proto = 6 + 1 GROUP BY srcip ORDER BY b LIMIT 1",
    "SELECT srcip, sum(bytes) b FROM traffic WHERE proto IN (SELECT 6) GROUP BY srcip ORDER BY b "
    "LIMIT 1",
    "SELECT srcip, sum(bytes) b FROM traffic WHERE proto IS NOT NULL GROUP BY srcip ORDER BY b "
    "LIMIT 1",
    "SELECT srcip, sum(bytes) b FROM traffic WHERE NOT proto = 6 GROUP BY srcip ORDER BY b LIMIT 1",
    "SELECT srcip, sum(bytes) b FROM traffic WHERE srcip LIKE '10%' GROUP BY srcip ORDER BY b "
    "LIMIT 1",
    "SELECT srcip, sum(bytes) b FROM traffic WHERE proto = ? GROUP BY srcip ORDER BY b LIMIT 1",
    "SELECT srcip, sum(bytes) b FROM traffic GROUP BY srcip UNION SELECT 1, 2 ORDER BY 2 LIMIT 1",
    "WITH traffic AS (SELECT 1) SELECT srcip, sum(bytes) b FROM traffic GROUP BY 1 ORDER BY b "
    "LIMIT 1",
    "EXPLAIN SELECT srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10",
    "SELECT srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10; SELECT 1",
    "SELECT srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10 'x",
};

static void test_texts(void **state) {
    (void)state;
    struct sql_table t;
    struct top_list *list = malloc(sizeof *list);
    sql_table_init(&t, TABLE_TRAFFIC);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (!statement_top_list(taken[i], &t, "traffic", list))
            fail_msg("not taken: %s", taken[i]);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (statement_top_list(refused[i], &t, "traffic", list))
            fail_msg("taken: %s", refused[i]);
    sql_table_init(&t, TABLE_FLOWS);
    for (size_t i = 0; i < sizeof taken_of_flows / sizeof *taken_of_flows; i++)
        if (!statement_top_list(taken_of_flows[i], &t, "flows", list))
            fail_msg("not taken: %s", taken_of_flows[i]);
    for (size_t i = 0; i < sizeof refused_of_flows / sizeof *refused_of_flows; i++)
        if (statement_top_list(refused_of_flows[i], &t, "flows", list))
            fail_msg("taken: %s", refused_of_flows[i]);
    sql_table_init(&t, TABLE_TRAFFIC);
    assert_true(statement_top_list(taken[2], &t, "traffic", list));
    assert_int_equal(list->first, 5);
    assert_false(list->desc);
    assert_true(statement_top_list(taken[8], &t, "traffic", list));
    assert_int_equal(list->tests, 7);
    free(list);
}

/* Any text is safe: for the sanitizers. */
static void test_mutations(void **state) {
    (void)state;
    static const char octets[] = "\"'`[]().,;-*/0123456789 \n=<>sumbytes\xff";
    struct sql_table t;
    struct top_list *list = malloc(sizeof *list);
    enum {
        N = sizeof taken / sizeof *taken,
        OF_FLOWS = sizeof taken_of_flows / sizeof *taken_of_flows
    };
    srand(1);
    for (int i = 0; i < MUTATIONS; i++) {
        size_t at = (size_t)rand() % (N + OF_FLOWS);
        const char *from = at < N ? taken[at] : taken_of_flows[at - N];
        sql_table_init(&t, at < N ? TABLE_TRAFFIC : TABLE_FLOWS);
        size_t n = strlen(from);
        char *text = malloc(n + 1);
        memcpy(text, from, n + 1);
        for (int k = rand() % 4; k >= 0; k--)
            text[(size_t)rand() % n] = octets[(size_t)rand() % sizeof octets];
        statement_top_list(text, &t, at < N ? "traffic" : "flows", list);
        free(text);
    }
    free(list);
}

/* ---- answers ---------------------------------------------------------------------------- */

/* All rows, and the steps SQLite took. */
static char *answer(const char *sql, bool top_lists, int *steps) {
    sqlite3_stmt *s;
    sqlite3_str *rows = sqlite3_str_new(NULL);
    setenv("FLOWVT_TOPLISTS", top_lists ? "1" : "0", 1);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    for (int i = 1; i <= sqlite3_bind_parameter_count(s); i++)
        sqlite3_bind_int(s, i, 5);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(s); i++)
            sqlite3_str_appendf(rows, "%s|", (const char *)sqlite3_column_text(s, i));
    if (rc != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    *steps = sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 0);
    sqlite3_finalize(s);
    sqlite3_str_appendall(rows, ".");
    return sqlite3_str_finish(rows);
}

/* Same answers; cut: in fewer steps, or else in as many. */
static void check(const char *sql, bool cut) {
    int few, all;
    char *got = answer(sql, true, &few), *want = answer(sql, false, &all);
    assert_string_equal(got, want);
    if (cut ? few >= all * 9 / 10 : few != all)
        fail_msg("%d steps, not %d: %s", few, all, sql);
    sqlite3_free(got);
    sqlite3_free(want);
}

static void test_answers(void **state) {
    (void)state;
    if (sqlite3_libversion_number() < 3038000)
        skip();
    check("SELECT srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10", true);
    check("SELECT srcip, sum(bytes) bytes FROM traffic GROUP BY 1 ORDER BY bytes LIMIT 10", true);
    check("SELECT srcip, dstip, proto, sum(bytes), sum(flows) FROM traffic GROUP BY 3, 2, 1 "
          "ORDER BY sum(flows) DESC, srcip, 2, 3 LIMIT 7 OFFSET 4",
          true);
    check("SELECT dstport, sum(flows) FROM traffic GROUP BY 1 ORDER BY 2 DESC LIMIT ?", true);
    check("SELECT srcip, sum(bytes) b FROM traffic WHERE proto = 6 AND dstport > ? GROUP BY srcip "
          "ORDER BY b DESC LIMIT 3",
          true);
    check("SELECT ip, sum(bytes) b FROM endpoints GROUP BY ip ORDER BY b DESC LIMIT 10", true);
    check("SELECT srcip, count(DISTINCT dstip) n FROM traffic GROUP BY 1 ORDER BY n DESC LIMIT 5",
          true);
    check("SELECT dstip, count(DISTINCT proto) n, sum(bytes) FROM traffic GROUP BY 1 ORDER BY n "
          "DESC LIMIT 5",
          true);
    check("SELECT srcip, count(DISTINCT dstip) n FROM traffic WHERE proto > 5 GROUP BY srcip ORDER "
          "BY n "
          "DESC, srcip LIMIT 2",
          true);
    check("SELECT proto, tos, count(DISTINCT srcas) n FROM traffic GROUP BY 1, 2 ORDER BY n DESC "
          "LIMIT 2",
          false);
    check("SELECT srcip, sum(bytes) b FROM traffic WHERE proto <> 6 GROUP BY 1 ORDER BY b LIMIT 9",
          true);
    check("SELECT srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 0", false);
    check(
        "SELECT ip_net(srcip, 20) n, sum(bytes) b FROM traffic GROUP BY n ORDER BY b DESC LIMIT 9",
        true);
    check("SELECT proto, sum(bytes) b FROM traffic WHERE ip_in(srcip, '0.0.0.0/1') AND dstport > 9 "
          "GROUP BY ip_net(srcip, 1, 40), proto ORDER BY b LIMIT 9",
          true);
    check("SELECT ip_net(srcip, 8) srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b "
          "LIMIT 9",
          false);
    check("SELECT ip_net(srcip, 8) n, sum(bytes) b FROM traffic WHERE mask4 = 24 GROUP BY n ORDER "
          "BY b LIMIT 9",
          false);
    check("SELECT ip_net(srcip, 8) n, dstip, sum(bytes) b FROM traffic GROUP BY n, 2 ORDER BY b "
          "LIMIT 9",
          false);
    /* what SQLite checks by itself */
    check("SELECT proto, sum(bytes) b FROM traffic WHERE srcport = dstport GROUP BY 1 ORDER BY b "
          "LIMIT 1",
          false);
    check("SELECT dstport, sum(bytes) b FROM traffic WHERE srcip IS NOT NULL GROUP BY 1 ORDER BY b "
          "LIMIT 1",
          false);
    check("SELECT dstport, sum(bytes) b FROM traffic WHERE srcip <> 'x' GROUP BY 1 ORDER BY b "
          "LIMIT 1",
          false);
}

/* Of flows SQLite is given a row for each group, which is fewer still. */
static void test_flows(void **state) {
    (void)state;
    if (sqlite3_libversion_number() < 3038000)
        skip();
    check("SELECT srcip, sum(bytes) FROM flows GROUP BY srcip ORDER BY 2 DESC LIMIT 10", true);
    check("SELECT proto, sum(packets) p, sum(flows), sum(bytes) FROM flows GROUP BY 1 ORDER BY p, "
          "1 LIMIT 9",
          true);
    check("SELECT srcip, dstip, insrcmac, sum(bytes) b FROM flows WHERE proto <> 6 AND dstport > ? "
          "GROUP BY "
          "dstip, 1, 3 ORDER BY b DESC, 1, 2, 3 LIMIT 20 OFFSET 3",
          true);
    check("SELECT dstport, sum(bytes) b FROM flows WHERE since = '2023-11-14 22:14' AND until = "
          "'2023-11-14 "
          "22:15' GROUP BY dstport ORDER BY b DESC, dstport LIMIT 10",
          true);
    /* an alias that means the row's number where GROUP BY names it */
    check("SELECT srcip AS rowid, sum(bytes) FROM flows GROUP BY rowid ORDER BY 2 DESC, 1 LIMIT 10",
          false);
    check("SELECT ip_net(dstip, 12) n, sum(bytes) b FROM flows WHERE bytes > 100 GROUP BY n ORDER "
          "BY b DESC "
          "LIMIT 5",
          true);
    check("SELECT srcip, count(DISTINCT dstip) n, sum(bytes) FROM flows GROUP BY 1 ORDER BY n DESC "
          "LIMIT 5",
          true);
    /* all groups, and those of them that HAVING wants */
    check("SELECT proto, sum(bytes) b FROM flows GROUP BY proto ORDER BY proto", true);
    check("SELECT srcip, sum(bytes) b FROM flows WHERE proto > 5 GROUP BY srcip HAVING b > 2000 "
          "AND sum(packets) "
          "* 2 - 1 BETWEEN 1 AND 9 ORDER BY b DESC, srcip LIMIT 7",
          true);
    check("SELECT srcip, sum(bytes) packets FROM flows GROUP BY srcip ORDER BY packets DESC, 1 "
          "LIMIT 5",
          true);
    /* rows that SQLite counts: those of the first groups, or all */
    check("SELECT srcip, count(*), sum(bytes) b FROM flows GROUP BY srcip ORDER BY b DESC, 1 LIMIT "
          "10",
          true);
    check("SELECT dstport, count(*) AS flows FROM flows GROUP BY dstport ORDER BY flows DESC, 1 "
          "LIMIT 2 OFFSET 2",
          true);
    check("SELECT ip_net(dstip, 4) n, count(1), count(DISTINCT srcip) FROM flows GROUP BY n ORDER "
          "BY 2 LIMIT 5",
          false);
    check("SELECT srcip, count(*), count(DISTINCT dstip) n FROM flows GROUP BY srcip ORDER BY n "
          "DESC, 1 LIMIT 5",
          true);
    check("SELECT proto, count(*), sum(bytes) FROM flows GROUP BY proto HAVING count(*) > 9",
          false);
    /* counters that may be NULL, and what is no dimension or counter of totals */
    check("SELECT srcip, sum(outbytes) b FROM flows GROUP BY srcip ORDER BY b DESC LIMIT 10",
          false);
    check("SELECT srcip, sum(raw_bytes) b FROM flows GROUP BY srcip ORDER BY b DESC LIMIT 10",
          false);
    check("SELECT srcip, sum(duration) b FROM flows GROUP BY srcip ORDER BY b DESC LIMIT 10",
          false);
    check("SELECT tstart, sum(bytes) b FROM flows GROUP BY tstart ORDER BY b DESC LIMIT 10", false);
    check("SELECT packets, sum(bytes) b FROM flows GROUP BY packets ORDER BY b DESC LIMIT 10",
          false);
    check(
        "SELECT srcip, count(DISTINCT bytes) b FROM flows GROUP BY srcip ORDER BY b DESC LIMIT 10",
        false);
    check("SELECT proto, sum(bytes) b FROM flows WHERE srcport = dstport GROUP BY 1 ORDER BY b "
          "LIMIT 1",
          false);
}

static void write_rows(const char *path, uint64_t n, uint64_t bytes, uint64_t sampling,
                       uint64_t flows) {
    struct fvt_writer *w;
    struct fvt_error err;
    assert_int_equal(fvt_writer_open(path, 1700000000000, 300000, &w, &err), FVT_OK);
    for (uint64_t i = 0; i < n; i++) {
        struct test_row t;
        test_row_make(&t, SEED, i);
        flow_row_set(&t.row, FLOW_proto, 6);
        flow_row_set(&t.row, FLOW_bytes, bytes);
        flow_row_set(&t.row, FLOW_sampling, sampling);
        flow_row_set(&t.row, FLOW_flows, flows);
        assert_int_equal(fvt_writer_add(w, &t.row), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
}

/* A record may stand for several flows: count(*) counts records. */
static void test_several(void **state) {
    (void)state;
    static const char sql[] =
        "SELECT proto, count(*), sum(flows) FROM flows WHERE store = '%s' GROUP BY proto ORDER "
        "BY 2 DESC LIMIT 1";
    char several[] = "/tmp/flowvt-test-XXXXXX", path[300], text[300];
    assert_non_null(mkdtemp(several));
    for (uint64_t flows = 0; flows < 3; flows++) {
        snprintf(path, sizeof path, "%s/flows.202311142210.fvt", several);
        snprintf(text, sizeof text, sql, several);
        write_rows(path, 4, 1000, 1, flows);
        int steps;
        char *got = answer(text, true, &steps), want[32];
        snprintf(want, sizeof want, "6|4|%d|.", (int)(4 * flows));
        assert_string_equal(got, want);
        sqlite3_free(got);
        unlink(path);
    }
    rmdir(several);
}

/* A sum that is too large for SQL's integers is the error that SQLite makes of it, and no total. */
static void test_overflow(void **state) {
    (void)state;
    static const struct {
        uint64_t bytes, sampling;
        int rc;
    } cases[] = {{INT64_MAX / 2, 1, SQLITE_ERROR},
                 {INT64_MAX / 1000, 1000, SQLITE_ERROR},
                 {INT64_MAX / 8, 1, SQLITE_ROW}};
    char large[] = "/tmp/flowvt-test-XXXXXX", path[300], sql[300];
    assert_non_null(mkdtemp(large));
    snprintf(path, sizeof path, "%s/flows.202311142210.fvt", large);
    snprintf(sql, sizeof sql,
             "SELECT proto, sum(bytes) b FROM flows WHERE store = '%s' GROUP BY proto ORDER "
             "BY b LIMIT 1",
             large);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_rows(path, 4, cases[i].bytes, cases[i].sampling, 1);
        for (int top_lists = 0; top_lists < 2; top_lists++) {
            sqlite3_stmt *s;
            setenv("FLOWVT_TOPLISTS", top_lists ? "1" : "0", 1);
            assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
            assert_int_equal(sqlite3_step(s), cases[i].rc);
            if (cases[i].rc == SQLITE_ERROR)
                assert_string_equal(sqlite3_errmsg(db), "integer overflow");
            sqlite3_finalize(s);
        }
        unlink(path);
    }
    rmdir(large);
}

static void count_step(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    (void)argv;
    ++*(int *)sqlite3_aggregate_context(ctx, sizeof(int));
}

static void count_final(sqlite3_context *ctx) {
    int *n = sqlite3_aggregate_context(ctx, sizeof *n);
    sqlite3_result_int(ctx, *n);
}

/* What the text says is not what runs. */
static void test_other_meaning(void **state) {
    (void)state;
    static const char list[] =
        "SELECT srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC LIMIT 10";
    sqlite3_stmt *running;
    client_run(db,
               "CREATE TEMP VIEW traffic AS SELECT srcip, bytes FROM main.traffic WHERE srcport > "
               "dstport");
    check(list, false);
    client_run(db, "DROP VIEW temp.traffic");
    client_run(db, "ATTACH ':memory:' AS \"an\"\"other\"");
    client_run(db, "CREATE VIEW \"an\"\"other\".Traffic AS SELECT 'x' srcip, 1 bytes");
    check(list, false);
    client_run(db, "DETACH \"an\"\"other\"");
    client_run(
        db,
        "CREATE TEMP VIEW tops AS SELECT srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY "
        "b DESC"
        " LIMIT 10");
    check("SELECT * FROM tops", false);
    client_run(db, "DROP VIEW tops");
    sqlite3_prepare_v2(db, "SELECT proto FROM flows", -1, &running, NULL);
    assert_int_equal(sqlite3_step(running), SQLITE_ROW);
    check(list, false);
    sqlite3_finalize(running);
    client_run(db, "CREATE VIRTUAL TABLE mine USING traffic");
    check("SELECT srcip, sum(bytes) b FROM mine GROUP BY srcip ORDER BY b DESC LIMIT 10", true);
    client_run(db, "DROP TABLE mine");
    check(list, true);
}

/* A sum() of the application's own takes the place of SQLite's. */
static void test_other_function(void **state) {
    (void)state;
    sqlite3 *before = db;
    db = client_open(dir);
    sqlite3_create_function(db, "Sum", 1, SQLITE_UTF8, NULL, NULL, count_step, count_final);
    check("SELECT srcip, sum(bytes) b FROM traffic GROUP BY srcip ORDER BY b DESC, 1 LIMIT 10",
          false);
    check("SELECT srcip, sum(bytes) b FROM flows GROUP BY srcip ORDER BY b DESC, 1 LIMIT 10",
          false);
    assert_int_equal(client_close(db, NULL), 0);
    db = before;
}

/* ---- setup ------------------------------------------------------------------------------ */

static int write_store(void) {
    char path[300];
    struct fvt_error err;
    struct fvt_writer *w;
    snprintf(path, sizeof path, "%s/flows.202311142210.fvt", dir);
    if (fvt_writer_open(path, 1700000000000, 300000, &w, &err) != FVT_OK)
        return -1;
    for (uint64_t i = 0; i < ROWS; i++) {
        struct test_row t;
        test_row_make(&t, SEED, i);
        flow_row_set(&t.row, FLOW_bytes, i * i % 1000);
        flow_row_set(&t.row, FLOW_packets, 1);
        if (i % 3)
            flow_row_set(&t.row, FLOW_outbytes, i % 7);
        else
            t.row.present[FLOW_outbytes >> 6] &= ~(UINT64_C(1) << (FLOW_outbytes & 63));
        flow_row_set(&t.row, FLOW_sampling, 1);
        flow_row_set(&t.row, FLOW_flows, 1);
        if (fvt_writer_add(w, &t.row) != FVT_OK)
            return -1;
    }
    return fvt_writer_finish(w) == FVT_OK ? 0 : -1;
}

static int setup(void **state) {
    (void)state;
    if (!mkdtemp(dir) || !(db = client_open(dir)))
        return -1;
    return write_store();
}

static int teardown(void **state) {
    (void)state;
    return client_close(db, dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),         cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_answers),       cmocka_unit_test(test_flows),
        cmocka_unit_test(test_several),       cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_other_meaning), cmocka_unit_test(test_other_function),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
