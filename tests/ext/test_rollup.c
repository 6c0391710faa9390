/* SPDX-License-Identifier: MIT */
/*
** traffic and endpoints with roll-ups and without: generated statements on a store of merged days, files of
** a day that is not merged and a live one must give the same octets. That roll-ups are used shows when the
** flows are damaged, and that damaged ones are not when they are.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/layout.h"
#include "schema/merge.h"
#include "schema/store.h"
#include "tests/ext/client.h"
#include "tests/schema/rows.h"

#define BEGIN INT64_C(1700006400000) /* 2023-11-15 */
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)

enum { DAYS = 4, FILE_ROWS = 12000, QUERIES = 600 };

static char dir[] = "/tmp/flowvt-test-XXXXXX";
static sqlite3 *db;

/* ---- the store -------------------------------------------------------------------------- */

static void write_file(int64_t start, uint64_t seed, bool close) {
    char path[300];
    struct fvt_writer *w;
    struct fvt_error err;
    fvt_store_path(dir, LAYOUT_USUAL, start, 300, path, sizeof path);
    for (char *slash = path + strlen(dir) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    assert_int_equal(fvt_writer_open(path, start, 300000, &w, &err), FVT_OK);
    for (uint64_t i = 0; i < FILE_ROWS; i++) {
        struct flow_row row;
        /* Some come a day late. */
        test_odd_row_make(&row, i % 40 ? start : start - DAY, seed * FILE_ROWS + i);
        if (i % 3)
            flow_row_set(&row, FLOW_srcas, i % 5);
        flow_row_set(&row, FLOW_tos, i % 2);
        flow_row_set(&row, FLOW_srcport, i % 7);
        assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    if (close)
        assert_int_equal(fvt_close_file(path, &err), FVT_OK);
}

/* All days but the last are merged; of that the second half is live. */
static void write_store(void) {
    for (int day = 0; day < DAYS; day++)
        for (int half = 0; half < 2; half++)
            write_file(BEGIN + day * DAY + half * 12 * HOUR, (uint64_t)(2 * day + half),
                       day < DAYS - 1 || half == 0);
    const struct merge_options options = {BEGIN + (DAYS - 1) * DAY, NULL};
    const struct merge_calls calls = {NULL, NULL, NULL};
    struct merge_counts counts;
    struct fvt_error err;
    assert_int_equal(fvt_merge(dir, &options, &calls, &counts, &err), FVT_OK);
    assert_int_equal(counts.days, DAYS - 1);
}

/* Change an octet of each of a file's chunks, or of its roll-ups'; again, and it is as before. */
static void damage(bool rollups) {
    char **paths;
    size_t n;
    struct fvt_error err;
    assert_int_equal(fvt_store_list(dir, &paths, &n, &err), FVT_OK);
    for (size_t i = 0; i < n; i++) {
        struct fvt_file *file;
        uint64_t at[4096];
        size_t places = 0;
        assert_int_equal(fvt_open(paths[i], &file, &err), FVT_OK);
        for (uint32_t g = 0; !rollups && file->nrollups && g < file->ngroups; g++)
            for (uint32_t c = 0; c < file->groups[g].nchunks; c++)
                at[places++] = file->groups[g].chunks[c].offset;
        for (uint32_t r = 0; rollups && r < file->nrollups; r++) {
            struct fvt_group *g;
            assert_int_equal(fvt_rollup_open(file, &file->rollups[r], &g), FVT_OK);
            for (uint32_t c = 0; c < g[0].nchunks; c++)
                at[places++] = g[0].chunks[c].offset;
            fvt_rollup_close(g, file->rollups[r].nblocks);
        }
        fvt_file_free(file);
        int fd = open(paths[i], O_RDWR);
        for (size_t k = 0; k < places; k++) {
            uint8_t octet;
            assert_int_equal(pread(fd, &octet, 1, (off_t)at[k]), 1);
            octet ^= 0x40;
            assert_int_equal(pwrite(fd, &octet, 1, (off_t)at[k]), 1);
        }
        close(fd);
    }
    free(paths);
}

/* ---- asking ----------------------------------------------------------------------------- */

/* The whole result as text; sqlite3_free() it. */
static char *ask(const char *sql, bool rollups) {
    sqlite3_stmt *s;
    setenv("FLOWVT_ROLLUPS", rollups ? "1" : "0", 1);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_str *out = sqlite3_str_new(NULL);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(s); i++)
            sqlite3_str_appendf(out, "|%s:%d",
                                sqlite3_column_text(s, i) ? (const char *)sqlite3_column_text(s, i)
                                                          : "",
                                sqlite3_column_type(s, i));
        sqlite3_str_appendall(out, "\n");
    }
    if (rc != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(s);
    char *text = sqlite3_str_finish(out);
    return text ? text : sqlite3_mprintf("");
}

/* The first line that differs, to be shown. */
static void show_difference(const char *sql, const char *with, const char *without) {
    size_t i = 0, line = 0;
    for (; with[i] && with[i] == without[i]; i++)
        line = with[i] == '\n' ? i + 1 : line;
    fail_msg("%s\nwith roll-ups:    %.*s\nwithout roll-ups: %.*s", sql,
             (int)strcspn(with + line, "\n"), with + line, (int)strcspn(without + line, "\n"),
             without + line);
}

static size_t agree(const char *sql) {
    char *with = ask(sql, true), *without = ask(sql, false);
    if (strcmp(with, without) != 0)
        show_difference(sql, with, without);
    size_t n = strlen(with);
    sqlite3_free(with);
    sqlite3_free(without);
    return n;
}

/* ---- generated statements --------------------------------------------------------------- */

static void some_time(sqlite3_str *out, const char *parameter) {
    int64_t ms = BEGIN - DAY + (int64_t)test_random(DAYS + 2) * DAY;
    switch (test_random(4)) {
    case 0:
        break;
    case 1:
        ms += (int64_t)test_random(24) * HOUR;
        break;
    default:
        ms += (int64_t)test_random(DAY);
    }
    char text[FLOW_TIME_TEXT];
    flow_time_text(ms, text);
    sqlite3_str_appendf(out, " AND %s = '%s'", parameter, text);
}

static void some_tests(sqlite3_str *out, bool endpoints) {
    static const char *const both[] = {"proto = 6",
                                       "proto IN (6, 17)",
                                       "exporter = '10.0.0.1'",
                                       "exporter IS NULL",
                                       "tos = 1",
                                       "filter = 'proto tcp'",
                                       "filter = 'host 10.0.0.1'",
                                       "filter = 'src net 10.0.0.0/30'",
                                       "filter = 'not dst port 443 and proto udp'",
                                       "filter = 'bytes > 5000'",
                                       "filter = 'router ip 10.0.0.0'"};
    static const char *const traffic[] = {"srcip = '10.0.0.1'",
                                          "srcip IS NULL",
                                          "dstip > '10.0.0.2'",
                                          "dstport IN (0, 443)",
                                          "ip_in(srcip, '10.0.0.0/30')",
                                          "dstport IS NOT 443",
                                          "srcas < 3",
                                          "inif IS NULL"};
    static const char *const ends[] = {
        "ip = '10.0.0.1'", "ip IS NULL",       "ip_in(peerip, '10.0.0.0/30')",
        "port = 443",      "peerport IS NULL", "asn = 2"};
    for (uint64_t n = test_random(3); n > 0; n--) {
        const char *test = test_random(2) ? both[test_random(sizeof both / sizeof both[0])]
                           : endpoints    ? ends[test_random(sizeof ends / sizeof ends[0])]
                                       : traffic[test_random(sizeof traffic / sizeof traffic[0])];
        if (!strstr(sqlite3_str_value(out), "filter =") || strncmp(test, "filter", 6) != 0)
            sqlite3_str_appendf(out, " AND %s", test);
    }
}

static void some_window(sqlite3_str *out) {
    static const char *const buckets[] = {"300", "3600", "7200", "86400", "5400", "604800"};
    if (test_random(3))
        some_time(out, "since");
    if (test_random(3))
        some_time(out, "until");
    if (test_random(3))
        sqlite3_str_appendf(out, " AND bucket = %s", buckets[test_random(6)]);
    if (test_random(4) == 0)
        sqlite3_str_appendf(out, " AND mask4 = %d AND mask6 = 8", (int)test_random(33));
}

static char *some_statement(void) {
    static const char *const names[2][9] = {
        {"proto", "srcip", "dstip", "dstport", "srcas", "inif", "exporter", "time", "srcport"},
        {"proto", "ip", "peerip", "port", "asn", "peerasn", "exporter", "time", "time_ms"}};
    static const char *const totals[2][8] = {
        {"sum(flows)", "sum(packets)", "sum(bytes)", "min(first)", "max(last)", "count(*)",
         "max(last_ms) - min(first_ms)", "sum(outbytes)"},
        {"sum(flows)", "sum(packets_in)", "sum(bytes_out)", "min(first)", "max(last)", "count(*)",
         "sum(bytes)", "sum(flows_in)"}};
    int table = (int)test_random(2);
    sqlite3_str *dims = sqlite3_str_new(NULL), *out = sqlite3_str_new(NULL);
    bool used[9] = {false};
    for (uint64_t n = test_random(4); n > 0; n--)
        used[test_random(9)] = true;
    for (int i = 0; i < 9; i++)
        if (used[i])
            sqlite3_str_appendf(dims, "%s%s", sqlite3_str_length(dims) ? ", " : "",
                                names[table][i]);
    char *columns = sqlite3_str_finish(dims);
    sqlite3_str_appendf(out, "SELECT %s%s", columns ? columns : "", columns ? ", " : "");
    sqlite3_str_appendall(out, totals[table][test_random(8)]);
    for (uint64_t n = test_random(3); n > 0; n--)
        sqlite3_str_appendf(out, ", %s", totals[table][test_random(8)]);
    sqlite3_str_appendf(out, " FROM %s WHERE 1", table ? "endpoints" : "traffic");
    some_tests(out, table);
    some_window(out);
    if (columns)
        sqlite3_str_appendf(out, " GROUP BY %s ORDER BY %s", columns, columns);
    sqlite3_free(columns);
    return sqlite3_str_finish(out);
}

static void test_generated(void **state) {
    (void)state;
    size_t octets = 0;
    for (int i = 0, n = test_rounds(QUERIES); i < n; i++) {
        char *sql = some_statement();
        octets += agree(sql);
        sqlite3_free(sql);
    }
    assert_true(octets > 100000);
}

/* ---- what is used ----------------------------------------------------------------------- */

/* Statements that roll-ups of merged days answer alone. */
static const char *const covered[] = {
    "SELECT srcip, sum(bytes), min(first) FROM traffic GROUP BY srcip ORDER BY srcip",
    "SELECT dstip, exporter, sum(flows) FROM traffic GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT srcip, dstip, sum(bytes) FROM traffic WHERE dstip = '10.0.0.1' GROUP BY 1, 2 ORDER BY "
    "1",
    "SELECT ip, sum(bytes_in), sum(flows_out) FROM endpoints GROUP BY ip ORDER BY ip",
    "SELECT ip, sum(bytes_in) FROM endpoints WHERE since = '2023-11-16' AND until = '2023-11-17'"
    " GROUP BY ip ORDER BY ip",
    "SELECT ip, peerip, sum(bytes) FROM endpoints WHERE filter = 'net 10.0.0.0/30'"
    " GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT port, proto, sum(packets) FROM endpoints GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT time, sum(bytes) FROM traffic WHERE bucket = 3600 GROUP BY time ORDER BY time",
    "SELECT time, srcip, sum(bytes) FROM traffic WHERE bucket = 86400"
    " GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT srcip, sum(bytes) FROM traffic WHERE mask4 = 24 GROUP BY srcip ORDER BY srcip",
    "SELECT sum(flows) FROM traffic WHERE since = '2023-11-15 03:00' AND until = '2023-11-17 "
    "21:00'",
    "SELECT srcas, dstas, sum(bytes) FROM traffic GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT inif, sum(bytes) FROM traffic WHERE filter = 'router ip 10.0.0.1' GROUP BY 1",
};
enum { COVERED = sizeof covered / sizeof covered[0] };

static bool same(char *a, char *b) {
    bool is = strcmp(a, b) == 0;
    sqlite3_free(a);
    sqlite3_free(b);
    return is;
}

static void test_used(void **state) {
    (void)state;
    for (size_t i = 0; i < COVERED; i++) {
        char *want = ask(covered[i], false);
        damage(false);
        if (same(sqlite3_mprintf("%s", want), ask(covered[i], false)))
            fail_msg("does not need the flows without roll-ups: %s", covered[i]);
        if (!same(want, ask(covered[i], true)))
            fail_msg("needs the flows: %s", covered[i]);
        damage(false);
    }
}

/* What is said of it: the plan where one may do, the files which they have. */
static void test_said(void **state) {
    (void)state;
    static const char *const never[] = {
        "SELECT sum(outbytes) FROM traffic", "SELECT insrcmac, sum(bytes) FROM traffic GROUP BY 1",
        "SELECT time, sum(bytes) FROM traffic GROUP BY time",
        "SELECT time, sum(bytes) FROM traffic WHERE bucket = 5400 GROUP BY time"};
    for (size_t i = 0; i < COVERED + sizeof never / sizeof never[0]; i++) {
        bool may = i < COVERED;
        char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", may ? covered[i] : never[i - COVERED]);
        char *plan = ask(sql, true);
        if ((strstr(plan, " rollup:") != NULL) != may)
            fail_msg("%s: %s", sql, plan);
        sqlite3_free(plan);
        sqlite3_free(sql);
    }
    char *said =
        ask("SELECT count(*), count(rollups), min(instr(rollups, 'day:srcip,exporter')) > 0,"
            " min(instr(rollups, 'hour:proto,exporter')) > 0 FROM flow_files",
            true);
    assert_string_equal(said, "|5:1|3:1|1:1|1:1\n");
    sqlite3_free(said);
}

/* With sampling rates that are corrected for some of the flows; the answers are others then. */
static void test_corrected(void **state) {
    (void)state;
    static const char *const sums = "SELECT sum(bytes), sum(packets) FROM traffic";
    char *stored = ask(sums, true);
    client_run(db, "CREATE TABLE sampling_overrides(exporter, since, until, rate)");
    client_run(
        db, "INSERT INTO sampling_overrides VALUES ('10.0.0.1', '2023-11-16 05:00', '2023-11-16 "
            "06:30', 5),"
            " ('10.0.0.0/31', '2023-11-17 23:59', NULL, 3), (NULL, NULL, '2023-11-14 00:00', 2)");
    if (same(stored, ask(sums, true)))
        fail_msg("sampling_overrides change nothing");
    for (int i = 0, n = test_rounds(QUERIES / 4); i < n; i++) {
        char *sql = some_statement();
        agree(sql);
        sqlite3_free(sql);
    }
    client_run(db, "DROP TABLE sampling_overrides");
}

static void test_damaged(void **state) {
    (void)state;
    damage(true);
    for (size_t i = 0; i < COVERED; i++)
        agree(covered[i]);
    damage(true);
    assert_true(agree(covered[0]) > 0);
}

/* ---- main ------------------------------------------------------------------------------- */

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
        cmocka_unit_test(test_generated), cmocka_unit_test(test_used),
        cmocka_unit_test(test_said),      cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_corrected),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
