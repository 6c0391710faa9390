/* SPDX-License-Identifier: MIT */
/*
** sampling_overrides: which flows a row is for, where the table may be, mistakes in it, and that every
** way of asking follows it. Random statements with it are in answers.py, roll-ups in test_rollup.c.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "schema/store.h"
#include "tests/ext/client.h"

#define BEGIN INT64_C(1700000000000) /* 2023-11-14 22:13:20 */

enum { EXPORTERS = 4, MINUTES = 60 };

static char dir[] = "/tmp/flowvt-test-XXXXXX";
static sqlite3 *db;

/* A flow a minute and exporter, of 100 octets; 10.0.0.1 and 10.0.1.1 say 10, the others nothing. The last
** one has no address. */
static void write_store(void) {
    static const char *const exporters[EXPORTERS] = {"10.0.0.1", "10.0.1.1", "2001:db8::1", NULL};
    char path[300];
    struct fvt_writer *w;
    struct fvt_error err;
    snprintf(path, sizeof path, "%s/flows.fvt", dir);
    assert_int_equal(fvt_writer_open(path, BEGIN, 3600000, &w, &err), FVT_OK);
    for (int m = 0; m < MINUTES; m++)
        for (int e = 0; e < EXPORTERS; e++) {
            struct flow_row row;
            flow_row_clear(&row);
            flow_row_set_time(&row, FLOW_tstart, BEGIN + m * 60000);
            flow_row_set_time(&row, FLOW_tend, BEGIN + m * 60000 + 90000);
            flow_row_set(&row, FLOW_bytes, 100);
            flow_row_set(&row, FLOW_packets, 1);
            flow_row_set(&row, FLOW_dstport, (uint64_t)e);
            if (e < 2)
                flow_row_set(&row, FLOW_sampling, 10);
            if (exporters[e]) {
                assert_int_equal(
                    flow_ip_parse(exporters[e], strlen(exporters[e]), &row.value[FLOW_exporter].ip),
                    0);
                flow_row_mark(&row, FLOW_exporter);
            }
            assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
        }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
}

static void corrected(const char *values) {
    client_run(db, "DROP TABLE IF EXISTS sampling_overrides;"
                   "CREATE TABLE sampling_overrides(exporter, since, until, rate)");
    char *sql = sqlite3_mprintf("INSERT INTO sampling_overrides VALUES %s", values);
    client_run(db, sql);
    sqlite3_free(sql);
}

/* Octets of the exporters' flows, by dstport. */
static void octets(int64_t a, int64_t b, int64_t c, int64_t d) {
    const int64_t wanted[EXPORTERS] = {a, b, c, d};
    for (int e = 0; e < EXPORTERS; e++) {
        int64_t got = client_onef(db, "SELECT sum(bytes) FROM flows WHERE dstport = %d", e);
        if (got != wanted[e])
            fail_msg("exporter %d: %lld octets, not %lld", e, (long long)got, (long long)wanted[e]);
    }
}

static void test_rows(void **state) {
    (void)state;
    octets(60000, 60000, 6000, 6000);
    corrected("(NULL, NULL, NULL, 2)");
    octets(12000, 12000, 12000, 12000);
    corrected("('10.0.0.0/23', NULL, NULL, 1)");
    octets(6000, 6000, 6000, 6000);
    corrected("('2001:db8::/32', NULL, NULL, 100), ('10.0.0.1', NULL, NULL, 7)");
    octets(42000, 60000, 600000, 6000);
    /* The first half hour, and the first minute of it: flows belong to where they begin. */
    corrected("('10.0.0.1', NULL, '2023-11-14 22:43:20', 20)");
    octets(30 * 2000 + 30 * 1000, 60000, 6000, 6000);
    corrected("('10.0.0.1', '2023-11-14 22:13:20', '2023-11-14 22:14:20', 20)");
    octets(2000 + 59 * 1000, 60000, 6000, 6000);
    corrected("('10.0.0.1', 1700000000.001, NULL, 20)");
    octets(1000 + 59 * 2000, 60000, 6000, 6000);
    /* The longest prefix, of equal ones the last. */
    corrected("('10.0.0.1', NULL, NULL, 1), (NULL, NULL, NULL, 9), ('10.0.0.0/16', NULL, NULL, 3),"
              " ('10.0.0.0/16', NULL, NULL, 4)");
    octets(6000, 24000, 54000, 54000);
    corrected("('10.0.0.1', '2023-11-14 22:43:20', NULL, 1), ('10.0.0.0/8', NULL, NULL, 2)");
    octets(30 * 200 + 30 * 100, 12000, 6000, 6000);
    /* None of it is for these flows. */
    corrected("('10.0.2.0/24', NULL, NULL, 5), ('10.0.0.1', '2023-11-15', NULL, 5),"
              " ('10.0.0.1', NULL, '2023-11-14 22:13:20', 5), ('10.0.0.1', '2023-12-01', "
              "'2023-11-01', 5)");
    octets(60000, 60000, 6000, 6000);
}

/* Every way of asking: filters, tests, top lists, orders, totals, windows, exports. */
static void test_everywhere(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        int64_t wanted;
    } cases[] = {
        {"SELECT sum(raw_bytes) FROM flows", 24000},
        {"SELECT sum(packets) FROM traffic WHERE dstport = 2", 30 * 50 + 30},
        {"SELECT sum(bytes_in) FROM endpoints WHERE exporter = '2001:db8::1'", 30 * 5000 + 3000},
        {"SELECT sum(bytes) FROM traffic WHERE sampling = 50", 30 * 5000},
        {"SELECT count(*) FROM flows WHERE sampling = 50", 30},
        {"SELECT count(*) FROM flows WHERE raw_sampling = 50", 0},
        {"SELECT count(*) FROM flows WHERE raw_sampling = 10", 120},
        {"SELECT count(*) FROM flows WHERE sampling IS NULL", 90},
        {"SELECT count(*) FROM flows WHERE sampling IS NOT NULL", 150},
        {"SELECT max(sampling) FROM flows", 50},
        {"SELECT count(*) FROM flows WHERE bytes = 5000", 30},
        {"SELECT count(*) FROM flows WHERE filter = 'bytes > 4000'", 30},
        {"SELECT sum(bytes) FROM traffic WHERE filter = 'packets 50'", 30 * 5000},
        {"SELECT sum(flows) FROM traffic WHERE filter = 'sampling 50'", 30},
        {"SELECT count(*) FROM flows WHERE bps > 400", 30},
        {"SELECT bytes FROM flows ORDER BY bytes DESC LIMIT 1", 5000},
        {"SELECT sum(bytes) FROM flows GROUP BY dstport ORDER BY sum(bytes) DESC LIMIT 1",
         30 * 5000 + 3000},
        {"SELECT sum(bytes) FROM traffic GROUP BY dstport ORDER BY sum(bytes) DESC LIMIT 1",
         30 * 5000 + 3000},
        {"SELECT count(*) FROM (SELECT DISTINCT sampling FROM flows)", 3},
        {"SELECT count(*) FROM (SELECT sampling, sum(flows) FROM traffic GROUP BY sampling)", 3},
        {"SELECT sum(bytes) FROM traffic WHERE dstport = 2 AND since = '2023-11-14 22:13:20' AND"
         " until = '2023-11-14 22:14:20'",
         3333},
        {"SELECT instr(text, '5000') > 0 FROM flows_csv WHERE columns = 'bytes' AND header = 0", 1},
        {"SELECT instr(text, '\"bytes\":5000') > 0 FROM flows_ndjson WHERE columns = 'bytes'", 1},
    };
    corrected("('2001:db8::1', NULL, '2023-11-14 22:43:20', 50)");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t got = client_one(db, cases[i].sql);
        if (got != cases[i].wanted)
            fail_msg("%s: %lld, not %lld", cases[i].sql, (long long)got,
                     (long long)cases[i].wanted);
    }
}

/* Where the table is: in the first database that has it. It is read anew by each statement. */
static void test_places(void **state) {
    (void)state;
    client_run(db, "DROP TABLE IF EXISTS sampling_overrides; ATTACH ':memory:' AS site;"
                   "CREATE TABLE site.sampling_overrides(\"from\", until, note, rate, exporter)");
    octets(60000, 60000, 6000, 6000);
    client_run(db, "INSERT INTO sampling_overrides(rate) VALUES (2)");
    octets(12000, 12000, 12000, 12000);
    client_run(db, "UPDATE sampling_overrides SET rate = 3, exporter = '10.0.0.1',"
                   " \"from\" = '2023-11-14 22:43:20'");
    octets(30 * 1000 + 30 * 300, 60000, 6000, 6000);
    /* In a transaction, a view and a join. */
    client_run(db, "BEGIN; UPDATE sampling_overrides SET \"from\" = NULL;"
                   "CREATE TEMP VIEW v AS SELECT * FROM traffic");
    assert_int_equal(client_one(db, "SELECT sum(bytes) FROM v WHERE dstport = 0"), 18000);
    assert_int_equal(client_one(db, "SELECT sum(f.bytes) FROM flows f JOIN sampling_overrides o"
                                    " ON f.exporter = o.exporter"),
                     18000);
    client_run(db, "ROLLBACK");
    octets(30 * 1000 + 30 * 300, 60000, 6000, 6000);
    corrected("(NULL, NULL, NULL, 5)"); /* of main */
    octets(30000, 30000, 30000, 30000);
    client_run(db, "DROP TABLE main.sampling_overrides; DETACH site");
    octets(60000, 60000, 6000, 6000);
}

static void refused(const char *message) {
    static const char *const asked[] = {
        "SELECT count(*) FROM flows", "SELECT sum(bytes) FROM traffic",
        "SELECT sum(bytes) FROM endpoints", "SELECT text FROM flows_csv",
        "SELECT srcip, sum(bytes) FROM flows GROUP BY 1 ORDER BY 2 DESC LIMIT 5"};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        char *got = NULL;
        if (sqlite3_exec(db, asked[i], NULL, NULL, &got) == SQLITE_OK || !strstr(got, message))
            fail_msg("%s: got %s, not %s", asked[i], got, message);
        sqlite3_free(got);
    }
}

static void test_mistakes(void **state) {
    (void)state;
    static const struct {
        const char *values, *message;
    } cases[] = {
        {"('router', NULL, NULL, 1)",
         "sampling_overrides: row 1: exporter 'router' is no address or network"},
        {"(NULL, NULL, NULL, 1), (17, NULL, NULL, 1)", "row 2: exporter '17' is no address"},
        {"(NULL, NULL, NULL, 0)", "row 1: rate 0 is no whole number from 1 on"},
        {"(NULL, NULL, NULL, -5)", "rate -5 is no whole number"},
        {"(NULL, NULL, NULL, NULL)", "rate NULL is no whole number"},
        {"(NULL, NULL, NULL, 1.5)", "rate 1.5 is no whole number"},
        {"(NULL, NULL, NULL, '10')", "rate 10 is no whole number"},
        {"(NULL, 'soon', NULL, 1)", "row 1: since: 'soon'"},
        {"(NULL, NULL, '2023-13-01', 1)", "row 1: until: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        corrected(cases[i].values);
        refused(cases[i].message);
    }
    client_run(db,
               "DROP TABLE sampling_overrides; CREATE TABLE sampling_overrides(exporter, rate)");
    refused("sampling_overrides: a column is missing");
    client_run(
        db,
        "DROP TABLE sampling_overrides; CREATE VIRTUAL TABLE temp.sampling_overrides USING flows");
    refused("sampling_overrides: a column is missing");
    client_run(db, "DROP TABLE sampling_overrides");
    octets(60000, 60000, 6000, 6000);
}

static int begin(void **state) {
    (void)state;
    if ((db = client_open_new(dir)) == NULL)
        return -1;
    write_store();
    return 0;
}

static int end(void **state) {
    (void)state;
    return client_close(db, dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_everywhere),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
