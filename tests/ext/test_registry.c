/* SPDX-License-Identifier: MIT */
/*
** Columns by a registry file: values of every type out of extra, mistakes in files, and statements on such
** columns. Captures with such elements are in tests/e2e/registry.sh.
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

static char dir[] = "/tmp/flowvt-test-XXXXXX";

static void write_text(const char *name, const char *text) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

/* A value in extra, and what a column of the type makes of it; %s of SQL: quote(own). */
static const struct {
    const char *type, *extra, *quoted;
} cases[] = {
    {"unsigned", "{\"9.1\":17}", "17"},
    {"unsigned", "{\"9.1\":0}", "0"},
    {"unsigned", "{\"9.1\":\"18446744073709551615\"}", "9223372036854775807"},
    {"unsigned", "{\"9.1\":\"0x0102\"}", "258"},
    {"unsigned", "{\"9.1\":\"0x010203040506070809\"}", "'0x010203040506070809'"},
    {"unsigned", "{\"9.1\":\"BGP\"}", "'BGP'"},
    {"signed8", "{\"9.1\":255}", "-1"},
    {"signed16", "{\"9.1\":255}", "255"},
    {"signed16", "{\"9.1\":65534}", "-2"},
    {"signed32", "{\"9.1\":4294967295}", "-1"},
    {"signed64", "{\"9.1\":\"18446744073709551615\"}", "-1"},
    {"signed8", "{\"9.1\":256}", "'256'"},
    {"float32", "{\"9.1\":1129185280}", "206.0"},
    {"float64", "{\"9.1\":4611686018427387904}", "2.0"},
    {"boolean", "{\"9.1\":1}", "1"},
    {"boolean", "{\"9.1\":2}", "0"},
    {"boolean", "{\"9.1\":true}", "1"},
    {"boolean", "{\"9.1\":false}", "0"},
    {"boolean", "{\"9.1\":3}", "'3'"},
    {"ip", "{\"9.1\":3221225985}", "'192.0.2.1'"},
    {"ip", "{\"9.1\":1}", "'0.0.0.1'"},
    {"ip", "{\"9.1\":\"0xc0000201\"}", "'192.0.2.1'"},
    {"ip", "{\"9.1\":\"0x20010db8000000000000000000000001\"}", "'2001:db8::1'"},
    {"ip", "{\"9.1\":\"2001:db8::2\"}", "'2001:db8::2'"},
    {"mac", "{\"9.1\":2199023255807}", "'02:00:00:00:00:ff'"},
    {"mac", "{\"9.1\":\"0x0200000000fe\"}", "'02:00:00:00:00:fe'"},
    {"mac", "{\"9.1\":\"0x0200\"}", "'0x0200'"},
    {"string", "{\"9.1\":\"caf\xc3\xa9 \\u0022x\\u0022\"}", "'caf\xc3\xa9 \"x\"'"},
    {"string", "{\"9.1\":1635017060}", "'atad'"}, /* four octets */
    {"string", "{\"9.1\":1627389952}", "'a'"},    /* the NULs behind */
    {"string", "{\"9.1\":\"0x61006200\"}", "'a?b'"},
    {"octets", "{\"9.1\":258}", "'0x0102'"},
    {"octets", "{\"9.1\":0}", "'0x00'"},
    {"octets", "{\"9.1\":\"0x000102\"}", "'0x000102'"},
    {"seconds", "{\"9.1\":1700000000}", "'2023-11-14 22:13:20.000'"},
    {"milliseconds", "{\"9.1\":1700000000001}", "'2023-11-14 22:13:20.001'"},
    {"seconds", "{\"9.1\":\"soon\"}", "'soon'"},
    {"unsigned", "{\"9.10\":17}", "NULL"},
    {"unsigned", "{\"9.10\":\"\\u0022,9.1:\",\"9.1\":5}", "5"},
    {"unsigned", "{\"9.1\":null}", "NULL"},
    {"unsigned", "{\"0.1\":\"{\",\"9.1\":5,\"omitted\":2}", "5"},
    /* What no collector writes. */
    {"unsigned", "", "NULL"},
    {"unsigned", "[17]", "NULL"},
    {"unsigned", "{\"9.1\":", "NULL"},
    {"unsigned", "{\"9.1\":\"", "NULL"},
    {"unsigned", "{\"9.1\"", "NULL"},
    {"unsigned", "{\"9.1", "NULL"},
    {"unsigned", "{\"9.1\":\"\\", "NULL"},
    {"string", "{\"9.1\":\"\\u00", "NULL"},
    {"unsigned", "{\"9.1\":-5}", "'-5'"},
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* Flow i, by srcport, has the extra of case i. */
static void write_store(void) {
    char path[300];
    struct fvt_writer *w;
    struct fvt_error err;
    snprintf(path, sizeof path, "%s/flows.fvt", dir);
    assert_int_equal(fvt_writer_open(path, 0, 1000, &w, &err), FVT_OK);
    for (size_t i = 0; i < CASES; i++) {
        struct flow_row row;
        flow_row_clear(&row);
        flow_row_set_time(&row, FLOW_tstart, 0);
        flow_row_set(&row, FLOW_srcport, i);
        flow_row_set_text(&row, FLOW_extra, cases[i].extra, strlen(cases[i].extra));
        assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
}

static void test_values(void **state) {
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        char line[100];
        snprintf(line, sizeof line, "# own\n\n9.1 own %s # of 9\n", cases[i].type);
        write_text("registry", line);
        sqlite3 *db = client_open(dir);
        assert_non_null(db);
        sqlite3_stmt *s;
        char *sql = sqlite3_mprintf("SELECT quote(own) FROM flows WHERE srcport = %d", (int)i);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(s), SQLITE_ROW);
        if (strcmp((const char *)sqlite3_column_text(s, 0), cases[i].quoted) != 0)
            fail_msg("%s as %s: got %s, not %s", cases[i].extra, cases[i].type,
                     sqlite3_column_text(s, 0), cases[i].quoted);
        sqlite3_finalize(s);
        sqlite3_free(sql);
        assert_int_equal(client_close(db, NULL), 0);
    }
}

/* Tests, orders, groups; a column is where the store is that the table was made for. */
static void test_statements(void **state) {
    (void)state;
    write_text("registry", "9.1 own unsigned\n9.10 other string\n");
    sqlite3 *db = client_open(dir);
    assert_int_equal(client_one(db, "SELECT count(*) FROM flows WHERE own = 258"), 3);
    assert_int_equal(client_one(db, "SELECT count(*) FROM flows WHERE own BETWEEN 250 AND 260"), 6);
    assert_int_equal(client_one(db, "SELECT own FROM flows WHERE typeof(own) = 'integer'"
                                    " ORDER BY own DESC LIMIT 1 OFFSET 2"),
                     4611686018427387904);
    assert_int_equal(
        client_one(db, "SELECT own FROM flows WHERE own > 255 ORDER BY srcport LIMIT 1"),
        INT64_MAX);
    assert_int_equal(
        client_one(db, "SELECT count(*) FROM (SELECT own FROM flows WHERE own < 300 GROUP BY own)"),
        10);
    assert_int_equal(client_one(db, "SELECT sum(own) FROM flows WHERE other IS NOT NULL"), 5);
    assert_int_equal(client_one(db, "SELECT count(DISTINCT own) FROM flows WHERE srcport < 3"), 3);
    client_run(db, "CREATE VIRTUAL TABLE temp.mine USING flows");
    assert_int_equal(client_one(db, "SELECT count(*) FROM mine WHERE own = 17"), 1);
    assert_int_equal(client_one(db, "SELECT count(*) FROM pragma_table_xinfo('traffic')"
                                    " WHERE name = 'own'"),
                     0);
    assert_int_equal(client_close(db, NULL), 0);
}

/* Filters on a column of each type: what passes, of cases[] and what the registry below makes of them. */
static void test_filters(void **state) {
    (void)state;
    static const struct {
        const char *type, *filter;
        const char *where; /* the same in SQL */
    } filters[] = {
        {"unsigned", "own 258", "own = 258"},
        {"unsigned", "OWN > 255", "own > 255 AND typeof(own) = 'integer'"},
        {"unsigned", "own in [17 1-3 258]",
         "typeof(own) = 'integer' AND (own IN (17, 258) OR own BETWEEN 1 AND 3)"},
        {"unsigned", "not own < 1k", "NOT coalesce(typeof(own) = 'integer' AND own < 1000, 0)"},
        {"signed8", "own < 0", "typeof(own) = 'integer' AND own < 0"},
        {"signed8", "own -1 or own 17", "own IN (-1, 17)"},
        {"signed8", "not own >= -2", "NOT coalesce(typeof(own) = 'integer' AND own >= -2, 0)"},
        {"float32", "own = 206 or own 206.0", "own = 206.0"},
        {"float32", "own > 1.5e-3 and own < 300",
         "typeof(own) = 'real' AND own > 0.0015 AND own < 300"},
        {"boolean", "own 1", "own = 1"},
        {"ip", "own 192.0.2.0/24", "ip_in(own, '192.0.2.0/24')"},
        {"ip", "own in [192.0.2.1 2001:db8::/32]",
         "ip_in(own, '192.0.2.1') OR ip_in(own, '2001:db8::/32')"},
        {"mac", "own 02:00:00:00:00:ff", "own = '02:00:00:00:00:ff'"},
        {"string", "own atad or own 'a?b'", "own IN ('atad', 'a?b')"},
        {"octets", "own 0x0102", "own = '0x0102'"},
        {"seconds", "own > 2023-11-14T22:13:00 and own <= '2023-11-14 22:13:20'",
         "own > '2023-11-14 22:13:00.000' AND own <= '2023-11-14 22:13:20.000'"},
        {"milliseconds", "own 2023 and src port 0-99", "0"},
        {"unsigned", "own 17 and (src port < 1 or other 5)", "own = 17 AND srcport < 1"},
    };
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        char line[100];
        snprintf(line, sizeof line, "9.1 own %s\n9.10 other unsigned\n", filters[i].type);
        write_text("registry", line);
        sqlite3 *db = client_open(dir);
        static const char *const counts[] = {
            "SELECT count(*) FROM flows WHERE filter = %Q",
            "SELECT coalesce(sum(flows), 0) FROM traffic WHERE filter = %Q",
            "SELECT count(*) FROM flows_csv WHERE header = 0 AND text <> '' AND filter = %Q",
        };
        char *sql = sqlite3_mprintf("SELECT count(*) FROM flows WHERE %s", filters[i].where);
        int64_t want = client_one(db, sql);
        sqlite3_free(sql);
        if (want == 0 && strcmp(filters[i].where, "0") != 0)
            fail_msg("%s: no flow passes", filters[i].where);
        for (int k = 0; k < 3; k++) {
            sql = sqlite3_mprintf(counts[k], filters[i].filter);
            int64_t got = client_one(db, sql);
            if (k < 2 ? got != want : got != (want > 0)) /* one block of lines, or none */
                fail_msg("%s as %s: got %d, not %d", sql, filters[i].type, (int)got, (int)want);
            sqlite3_free(sql);
        }
        assert_int_equal(client_close(db, NULL), 0);
    }
}

static void fails(sqlite3 *db, const char *sql, const char *message) {
    char *got = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &got) == SQLITE_OK || !strstr(got, message))
        fail_msg("%s: got %s, not %s", sql, got, message);
    sqlite3_free(got);
}

/* A name that the language has is the language's; nfdump's names of what flows do not have are free. */
static void test_filter_names(void **state) {
    (void)state;
    write_text("registry", "9.1 port string\n9.1 latency unsigned\n9.10 tcp unsigned\n");
    sqlite3 *db = client_open(dir);
    assert_int_equal(client_one(db, "SELECT count(*) FROM flows WHERE filter = 'port 5'"), 1);
    assert_int_equal(client_one(db, "SELECT count(*) FROM flows WHERE filter = 'latency 258'"), 3);
    assert_int_equal(client_one(db, "SELECT count(*) FROM flows WHERE filter = 'tcp'"), 0);
    fails(db, "SELECT 1 FROM flows WHERE filter = 'latency x'",
          "expected a number for latency, found 'x'");
    fails(db, "SELECT 1 FROM flows WHERE filter = 'own 1'", "expected a test");
    assert_int_equal(client_close(db, NULL), 0);
    write_text("registry", "9.1 own ip\n9.10 real float32\n9.2 name string\n");
    db = client_open(dir);
    fails(db, "SELECT 1 FROM flows WHERE filter = 'own > 10.0.0.1'", "own has no order here");
    fails(db, "SELECT 1 FROM flows WHERE filter = 'own 1'", "expected an address");
    fails(db, "SELECT 1 FROM flows WHERE filter = 'real 1.2.3'", "expected a number for real");
    fails(db, "SELECT 1 FROM flows WHERE filter = 'name < a'", "name has no order here");
    assert_int_equal(client_close(db, NULL), 0);
    write_text("registry", "9.1 own nonsense\n");
    db = client_open(dir);
    fails(db, "SELECT 1 FROM traffic WHERE filter = 'own 1'", "/registry:1: 'nonsense' is no type");
    fails(db, "SELECT 1 FROM flows_csv", "/registry:1: 'nonsense' is no type");
    assert_int_equal(client_close(db, NULL), 0);
}

/* What exports write is what SELECT shows, of every type. */
static void test_exports(void **state) {
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        char line[100];
        snprintf(line, sizeof line, "9.1 own %s\n", cases[i].type);
        write_text("registry", line);
        sqlite3 *db = client_open(dir);
        char *sql = sqlite3_mprintf(
            "SELECT (SELECT json_group_array(text ->> '$.own') FROM (SELECT text FROM flows_ndjson"
            "   WHERE columns = 'own' AND filter = 'src port %d')) ="
            "  (SELECT json_group_array(own) FROM flows WHERE srcport = %d)",
            (int)i, (int)i);
        if (client_one(db, sql) != 1)
            fail_msg("%s as %s", cases[i].extra, cases[i].type);
        sqlite3_free(sql);
        sql = sqlite3_mprintf(
            "SELECT (SELECT text FROM flows_csv WHERE columns = 'srcport,own' AND header = 0"
            "   AND filter = 'src port %d') = '%d,' ||"
            "  (SELECT CASE WHEN instr(coalesce(own, ''), '\"') OR own = '' THEN"
            "     '\"' || replace(own, '\"', '\"\"') || '\"' ELSE coalesce(own, '') END"
            "   FROM flows WHERE srcport = %d)",
            (int)i, (int)i, (int)i);
        if (client_one(db, sql) != 1)
            fail_msg("CSV of %s as %s", cases[i].extra, cases[i].type);
        sqlite3_free(sql);
        assert_int_equal(client_one(db, "SELECT count(*) FROM flows_csv WHERE columns = '*' AND"
                                        " text LIKE '%,extra,%own'"),
                         1);
        assert_int_equal(client_close(db, NULL), 0);
    }
}

static void test_mistakes(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } files[] = {
        {"9.1 own unsigned\n\n# x\n8 x ip\n", "/registry:4: element 8 is the column srcip already"},
        {"29305.6 x unsigned", "element 29305.6 is the column revtcpflags already"},
        {"9.1 srcip ip", ":1: there is a column srcip already"},
        {"9.1 SINCE ip", "there is a column SINCE already"},
        {"9.1 own ip\n9.2 Own ip", ":2: there is a column Own already"},
        {"9.1 own text", "'text' is no type: unsigned signed8"},
        {"9.1 own", "write an element, a column's name and a type"},
        {"9.1 own ip v4", "write an element, a column's name and a type"},
        {"9.1 own-ip ip", "'own-ip' is no name"},
        {"9.65536 own ip", "'9.65536' is no element"},
        {"9. own ip", "'9.' is no element"},
        {"octets own ip", "'octets' is no element: write PEN.id, or IANA's id or name"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        write_text("registry", files[i].text);
        sqlite3 *db = client_open(dir);
        char *got = NULL;
        if (sqlite3_exec(db, "SELECT count(*) FROM flows", NULL, NULL, &got) == SQLITE_OK ||
            !strstr(got, files[i].message))
            fail_msg("%s: got %s", files[i].text, got);
        sqlite3_free(got);
        assert_int_equal(client_one(db, "SELECT sum(flows) FROM traffic"), CASES);
        assert_int_equal(client_close(db, NULL), 0);
    }
    /* Known names, by name or number, and more columns than there is room for. */
    write_text("registry", "octetTotalCount a unsigned\n184 b unsigned\n29305.184 c unsigned\n");
    sqlite3 *db = client_open(dir);
    assert_int_equal(client_one(db, "SELECT count(a) + count(b) + count(c) FROM flows"), 0);
    assert_int_equal(client_close(db, NULL), 0);
    char many[8192] = "";
    for (int i = 0; i < 200; i++)
        sprintf(many + strlen(many), "9.%d own%d unsigned\n", i + 1, i);
    write_text("registry", many);
    db = client_open(dir);
    char *got = NULL;
    assert_int_not_equal(sqlite3_exec(db, "SELECT 1 FROM flows", NULL, NULL, &got), SQLITE_OK);
    assert_non_null(strstr(got, "there is room for"));
    sqlite3_free(got);
    assert_int_equal(client_close(db, NULL), 0);
    /* A file that is named must be there. */
    setenv("FLOWVT_REGISTRY", "/nonexistent", 1);
    db = client_open(dir);
    assert_int_not_equal(sqlite3_exec(db, "SELECT 1 FROM flows", NULL, NULL, &got), SQLITE_OK);
    assert_non_null(strstr(got, "/nonexistent: No such file"));
    sqlite3_free(got);
    assert_int_equal(client_close(db, NULL), 0);
    unsetenv("FLOWVT_REGISTRY");
}

static int begin(void **state) {
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    write_store();
    return 0;
}

static int end(void **state) {
    (void)state;
    sqlite3 *db;
    return sqlite3_open(":memory:", &db) == SQLITE_OK ? client_close(db, dir) : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),  cmocka_unit_test(test_statements),
        cmocka_unit_test(test_filters), cmocka_unit_test(test_filter_names),
        cmocka_unit_test(test_exports), cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
