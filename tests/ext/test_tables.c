/* SPDX-License-Identifier: MIT */
/*
** The virtual tables against an ordinary SQLite table of the same rows, filled from the test's own
** rows and not through the reader: thousands of generated statements must agree.
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
#include "tests/schema/rows.h"

enum { ROWS = 3000, SEED = 11, QUERIES = 3000 };

static char dir[] = "/tmp/flowvt-test-XXXXXX";
static sqlite3 *db;

static uint64_t random_state = 1;
static uint64_t rnd(uint64_t n) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % n;
}

/* Counters that are summed are kept small enough for SQLite's sum(); bytes are not. */
static void make_row(struct test_row *t, uint64_t i) {
    static const int summed[] = {FLOW_packets, FLOW_flows, FLOW_sampling};
    test_row_make(t, SEED, i);
    for (size_t k = 0; k < sizeof summed / sizeof summed[0]; k++)
        if (t->row.value[summed[k]].i > 1000)
            t->row.value[summed[k]].i = 1000;
}

/* ---- the same rows twice ---------------------------------------------------------------- */

/* A closed file of one group, a closed one of several batches, and a live one of several groups. */
static void write_store(void) {
    static const uint64_t bounds[] = {0, 1000, 1800, ROWS};
    struct fvt_error err;
    struct test_row t;
    for (int file = 0; file < 3; file++) {
        char path[300];
        snprintf(path, sizeof path, "%s/flows.20231114221%d.fvt", dir, file);
        struct fvt_writer *w;
        assert_int_equal(fvt_writer_open(path, 1700000000000 + file * 60000, 60000, &w, &err),
                         FVT_OK);
        for (uint64_t i = bounds[file]; i < bounds[file + 1]; i++) {
            make_row(&t, i);
            assert_int_equal(fvt_writer_add(w, &t.row), FVT_OK);
            if (i % 300 == 299)
                assert_int_equal(fvt_writer_flush(w, false), FVT_OK);
        }
        assert_int_equal(fvt_writer_finish(w), FVT_OK);
        if (file < 2)
            assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    }
}

static void run(const char *sql) {
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

static int64_t scaled(const struct flow_row *row, int f) {
    int64_t rate = flow_row_has(row, FLOW_sampling) ? row->value[FLOW_sampling].i : 1;
    int64_t product;
    return __builtin_mul_overflow(row->value[f].i, rate ? rate : 1, &product) ? INT64_MAX : product;
}

static void bind_value(sqlite3_stmt *s, int at, const struct flow_row *row, int f) {
    char text[64];
    const union flow_value *v = &row->value[f];
    if (f == FLOW_flows && !flow_row_has(row, f)) {
        sqlite3_bind_int64(s, at, 1);
        return;
    }
    if (!flow_row_has(row, f))
        return;
    size_t n = 0;
    switch (flow_fields[f].class) {
    case FLOW_UINT:
        sqlite3_bind_int64(
            s, at, flow_fields[f].role == FLOW_COUNTER && f != FLOW_flows ? scaled(row, f) : v->i);
        return;
    case FLOW_TIME:
        n = flow_time_text(v->i, text);
        break;
    case FLOW_MAC:
        n = flow_mac_text((uint64_t)v->i, text);
        break;
    case FLOW_IP:
        n = flow_ip_text(&v->ip, text);
        break;
    case FLOW_TEXT:
        sqlite3_bind_text(s, at, v->text.p, (int)v->text.n, SQLITE_TRANSIENT);
        return;
    }
    sqlite3_bind_text(s, at, text, (int)n, SQLITE_TRANSIENT);
}

static void fill_table(void) {
    char sql[8192] = "CREATE TABLE plain(duration REAL, tstart_ms INTEGER, tend_ms INTEGER,"
                     " trecv_ms INTEGER, raw_bytes INTEGER, raw_packets INTEGER";
    char insert[2048] = "INSERT INTO plain VALUES(?,?,?,?,?,?";
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        sprintf(sql + strlen(sql), ", \"%s\" %s", flow_fields[f].name,
                flow_fields[f].class == FLOW_UINT ? "INTEGER" : "TEXT");
        strcat(insert, ",?");
    }
    strcat(sql, ")");
    strcat(insert, ")");
    run(sql);
    run("BEGIN");
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, insert, -1, &s, NULL), SQLITE_OK);
    struct test_row t;
    for (uint64_t i = 0; i < ROWS; i++) {
        static const int times[] = {FLOW_tstart, FLOW_tend, FLOW_trecv};
        make_row(&t, i);
        sqlite3_clear_bindings(s);
        if (flow_row_has(&t.row, FLOW_tstart) && flow_row_has(&t.row, FLOW_tend))
            sqlite3_bind_double(
                s, 1, (double)(t.row.value[FLOW_tend].i - t.row.value[FLOW_tstart].i) / 1000);
        for (int k = 0; k < 3; k++)
            if (flow_row_has(&t.row, times[k]))
                sqlite3_bind_int64(s, 2 + k, t.row.value[times[k]].i);
        if (flow_row_has(&t.row, FLOW_bytes))
            sqlite3_bind_int64(s, 5, t.row.value[FLOW_bytes].i);
        if (flow_row_has(&t.row, FLOW_packets))
            sqlite3_bind_int64(s, 6, t.row.value[FLOW_packets].i);
        for (int f = 0; f < FLOW_NFIELDS; f++)
            bind_value(s, 7 + f, &t.row, f);
        assert_int_equal(sqlite3_step(s), SQLITE_DONE);
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    run("COMMIT");
}

/* ---- comparing -------------------------------------------------------------------------- */

struct lines {
    char **p;
    size_t n;
};

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The result of a statement as lines, sorted unless the statement orders them. */
static struct lines query(const char *sql, bool sort) {
    sqlite3_stmt *s;
    struct lines out = {0};
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        sqlite3_str *line = sqlite3_str_new(NULL);
        for (int i = 0; i < sqlite3_column_count(s); i++)
            sqlite3_str_appendf(line, "%s%s:%d", i ? "|" : "",
                                sqlite3_column_text(s, i) ? (const char *)sqlite3_column_text(s, i)
                                                          : "",
                                sqlite3_column_type(s, i));
        out.p = realloc(out.p, (out.n + 1) * sizeof *out.p);
        out.p[out.n++] = sqlite3_str_finish(line);
    }
    if (rc != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(s);
    if (sort && out.n > 1)
        qsort(out.p, out.n, sizeof *out.p, by_text);
    return out;
}

static void free_lines(struct lines *l) {
    for (size_t i = 0; i < l->n; i++)
        sqlite3_free(l->p[i]);
    free(l->p);
}

static size_t agree_lines(const char *a, const char *b, bool sort) {
    struct lines x = query(a, sort), y = query(b, sort);
    if (x.n != y.n)
        fail_msg("%zu rows of: %s\n%zu rows of: %s", x.n, a, y.n, b);
    for (size_t i = 0; i < x.n; i++)
        if (strcmp(x.p[i], y.p[i]) != 0)
            fail_msg("row %zu: %s\n%s of: %s\n%s of: %s", i, "", x.p[i], a, y.p[i], b);
    size_t n = x.n;
    free_lines(&x);
    free_lines(&y);
    return n;
}

/* One statement on flows and on plain; %s stands for the table. */
static size_t agree(const char *format) {
    char *a = sqlite3_mprintf(format, "flows", "flows", "flows");
    char *b = sqlite3_mprintf(format, "plain", "plain", "plain");
    size_t n = agree_lines(a, b, strstr(format, "ORDER BY") == NULL);
    sqlite3_free(a);
    sqlite3_free(b);
    return n;
}

/* ---- generated statements --------------------------------------------------------------- */

static const char *const columns[] = {
    "tstart",   "tend",      "trecv",     "duration",  "proto",    "srcip",       "srcport",
    "dstip",    "dstport",   "packets",   "bytes",     "flows",    "tcpflags",    "exporter",
    "next",     "srcas",     "tos",       "version",   "username", "insrcmac",    "natsrcip",
    "sampling", "icmptype",  "inif",      "tstart_ms", "tend_ms",  "raw_packets", "raw_bytes",
    "appname",  "outdstmac", "eventtime", "dstmask"};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* A value to compare with: one that occurs, or one that tests affinity and order. */
static char *some_value(const char *column) {
    static const char *const odd[] = {
        "NULL", "0",  "'0'",  "'abc'",  "x'31'", "17.5",         "'17'", "17.0",
        "-1",   "''", "1e30", "'17.0'", "'9'",   "'2023-11-14'", "'1'",  "9223372036854775807"};
    if (rnd(4) == 0)
        return sqlite3_mprintf("%s", odd[rnd(sizeof odd / sizeof odd[0])]);
    char *sql =
        sqlite3_mprintf("SELECT quote(%s) FROM plain WHERE rowid = %d", column, (int)rnd(ROWS) + 1);
    sqlite3_stmt *s;
    sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    sqlite3_free(sql);
    sqlite3_step(s);
    char *value = sqlite3_mprintf("%s", sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    return value;
}

static char *some_test(void) {
    static const char *const ops[] = {"=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT"};
    static const char *const nets[] = {"0.0.0.0/0", "128.0.0.0/1", "::/0", "10.0.0.0/8",
                                       "4000::/2",  "0.0.0.0/32",  "64/2", "1.2.3.4"};
    const char *c = columns[rnd(COLUMNS)];
    char *a = some_value(c), *b = some_value(c), *d = some_value(c), *out;
    bool glob = rnd(2);
    switch (rnd(9)) {
    case 8:
        out = sqlite3_mprintf("%s %s substr(%s, 1, %d) || '%s'", c, glob ? "GLOB" : "LIKE", a,
                              (int)rnd(9), glob ? "*" : "%%");
        break;
    case 0:
        out = sqlite3_mprintf("%s BETWEEN %s AND %s", c, a, b);
        break;
    case 1:
        out = sqlite3_mprintf("%s IN (%s, %s, %s)", c, a, b, d);
        break;
    case 2:
        out = sqlite3_mprintf("%s IS %sNULL", c, rnd(2) ? "NOT " : "");
        break;
    case 3:
        out = sqlite3_mprintf("ip_in(%s, '%s')",
                              rnd(2)   ? "srcip"
                              : rnd(2) ? "dstip"
                                       : "next",
                              nets[rnd(8)]);
        break;
    case 4:
        out = sqlite3_mprintf("%s NOT IN (%s, %s)", c, a, b);
        break;
    default:
        out = sqlite3_mprintf("%s %s %s", c, ops[rnd(8)], a);
        break;
    }
    sqlite3_free(a);
    sqlite3_free(b);
    sqlite3_free(d);
    return out;
}

static char *some_where(void) {
    char *a = some_test(), *b = some_test(), *c = some_test(), *out;
    switch (rnd(6)) {
    case 0:
        out = sqlite3_mprintf("%s", a);
        break;
    case 1:
        out = sqlite3_mprintf("%s OR %s", a, b);
        break;
    case 2:
        out = sqlite3_mprintf("%s AND (%s OR %s)", a, b, c);
        break;
    case 3:
        out = sqlite3_mprintf("NOT (%s) AND %s", a, b);
        break;
    case 4:
        out = sqlite3_mprintf("(%s AND %s) OR %s", a, b, c);
        break;
    default:
        out = sqlite3_mprintf("%s AND %s", a, b);
        break;
    }
    sqlite3_free(a);
    sqlite3_free(b);
    sqlite3_free(c);
    return out;
}

static void generated_on_flows(void **state) {
    (void)state;
    size_t rows = 0;
    for (int i = 0; i < QUERIES; i++) {
        char *where = some_where(), *sql;
        const char *a = columns[rnd(COLUMNS)], *b = columns[rnd(COLUMNS)];
        switch (rnd(5)) {
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
        rows += agree(sql);
        sqlite3_free(sql);
        sqlite3_free(where);
    }
    assert_true(rows > QUERIES * 10);
}

/* Some of the columns, in an order; what is shown is what is ordered by, so that rows that may come
** in any order are alike. */
static char *some_order(void) {
    const char *c[3] = {columns[rnd(COLUMNS)], columns[rnd(COLUMNS)], columns[rnd(COLUMNS)]};
    static const char *const how[] = {
        "", " DESC", " ASC", " DESC", " DESC NULLS LAST", " COLLATE NOCASE"};
    const char *h[3];
    for (int i = 0; i < 3; i++)
        h[i] = how[rnd(rnd(8) ? 4 : 6)];
    char *where = some_where(), *limit = sqlite3_mprintf(""), *sql;
    if (rnd(3) == 0) {
        sqlite3_free(limit);
        limit = rnd(2) ? sqlite3_mprintf(" LIMIT %d", (int)rnd(700))
                       : sqlite3_mprintf(" LIMIT %d OFFSET %d", (int)rnd(700), (int)rnd(2000));
    }
    if (rnd(3) == 0) { /* what is taken over whole */
        sqlite3_free(where);
        where = sqlite3_mprintf(rnd(2) ? "1" : "proto IS NOT NULL");
    }
    switch (rnd(8)) {
    case 0:
        sql = sqlite3_mprintf("SELECT DISTINCT %s, %s FROM %%s WHERE %s ORDER BY 1%s, 2%s%s", c[0],
                              c[1], where, h[0], h[1], limit);
        break;
    case 1:
        sql = sqlite3_mprintf("SELECT %s, count(*), sum(raw_packets), min(%s) FROM %%s WHERE %s"
                              " GROUP BY 1 ORDER BY 1%s%s",
                              c[0], c[1], where, h[0], limit);
        break;
    case 2:
        sql = sqlite3_mprintf("SELECT %s, count(DISTINCT %s) FROM %%s WHERE %s GROUP BY 1%s", c[0],
                              c[1], where, rnd(2) ? " ORDER BY 1 DESC" : "");
        break;
    case 3:
        sql = sqlite3_mprintf("SELECT count(DISTINCT %s), 1 FROM %%s WHERE %s", c[0], where);
        break;
    case 4:
        sql = sqlite3_mprintf("SELECT %s FROM %%s WHERE %s UNION SELECT %s FROM %%s ORDER BY 1%s",
                              c[0], where, c[1], limit);
        break;
    default:
        sql = sqlite3_mprintf("SELECT %s, %s, %s FROM %%s WHERE %s ORDER BY %s%s, %s%s, %s%s%s",
                              c[0], c[1], c[2], where, c[0], h[0], c[1], h[1], c[2], h[2], limit);
        break;
    }
    sqlite3_free(where);
    sqlite3_free(limit);
    return sql;
}

static void generated_orders(int n) {
    size_t rows = 0;
    for (int i = 0; i < n; i++) {
        char *sql = some_order();
        rows += agree(sql);
        sqlite3_free(sql);
    }
    assert_true(rows > (size_t)n * 10);
}

static void in_order(void **state) {
    (void)state;
    generated_orders(QUERIES / 2);
}

/* Rows that fit no memory are put in order all the same, by one thread or by many. */
static void in_order_without_memory(void **state) {
    (void)state;
    static const char *const threads[] = {"1", "2", "7"};
    setenv("FLOWVT_MEMORY", "1", 1); /* 1 MB is the least it takes */
    for (int i = 0; i < 3; i++) {
        setenv("FLOWVT_THREADS", threads[i], 1);
        generated_orders(200);
        for (int k = 0; k < 6; k++) {
            const char *c = columns[rnd(COLUMNS)];
            char *sql = sqlite3_mprintf("SELECT * FROM (SELECT %s c, x.* FROM %%s x) ORDER BY 1%s",
                                        c, rnd(2) ? " DESC" : "");
            char *a = sqlite3_mprintf(sql, "flows"),
                 *wide = sqlite3_mprintf("SELECT %s FROM (%s)", "c", a);
            char *b = sqlite3_mprintf("SELECT c FROM (SELECT %s c FROM plain) ORDER BY 1%s", c,
                                      strstr(sql, " DESC") ? " DESC" : "");
            agree_lines(wide, b, false);
            sqlite3_free(sql);
            sqlite3_free(a);
            sqlite3_free(b);
            sqlite3_free(wide);
        }
    }
    unsetenv("FLOWVT_MEMORY");
    unsetenv("FLOWVT_THREADS");
}

/* A row has the same number in whatever order it comes. */
static void rowids_in_order(void **state) {
    (void)state;
    assert_int_equal(agree_lines("SELECT rowid, srcip, bytes FROM flows",
                                 "SELECT rowid, srcip, bytes FROM flows ORDER BY tend, dstip DESC",
                                 true),
                     ROWS);
    assert_int_equal(agree_lines("SELECT DISTINCT proto FROM flows WHERE rowid % 2",
                                 "SELECT DISTINCT p FROM (SELECT proto p, rowid r FROM flows LIMIT"
                                 " -1) WHERE r % 2",
                                 true) > 0,
                     true);
}

static void whole_rows(void **state) {
    (void)state;
    assert_int_equal(agree("SELECT * FROM (SELECT tstart, tend, srcip, dstip, natsrcip, natdstip,"
                           " username, appid, appname, extra, ident, exporter, insrcmac, flowid,"
                           " samplerid, evrf, ivrf, bytes, packets, raw_bytes FROM %s)"),
                     ROWS);
    char sql[4096] = "SELECT ";
    for (int f = 0; f < FLOW_NFIELDS; f++)
        sprintf(sql + strlen(sql), "%s\"%s\"", f ? ", " : "", flow_fields[f].name);
    strcat(sql, " FROM %s");
    assert_int_equal(agree(sql), ROWS);
}

static int64_t one(const char *sql);

/* ---- exports ---------------------------------------------------------------------------- */

/* Columns of plain as the table holds them, one expression a column. */
static char *plain_lines(const char *format, const char *between, const char *head,
                         const char *tail) {
    sqlite3_str *s = sqlite3_str_new(NULL);
    sqlite3_str_appendf(s, "SELECT %s", head);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        sqlite3_str_appendall(s, f ? between : "");
        const char *n = flow_fields[f].name;
        sqlite3_str_appendf(s, format, n, n, n, n, n);
    }
    sqlite3_str_appendf(s, "%s FROM plain", tail);
    return sqlite3_str_finish(s);
}

/* All rows of text of a statement, with newlines between as sqlite3 prints them. */
static char *all_text(const char *sql) {
    sqlite3_stmt *s;
    sqlite3_str *out = sqlite3_str_new(NULL);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW)
        sqlite3_str_appendf(out, "%s\n", sqlite3_column_text(s, 0));
    if (rc != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(s);
    return sqlite3_str_finish(out);
}

static void same_text(const char *a, const char *b) {
    char *x = all_text(a), *y = all_text(b);
    size_t i = 0;
    while (x[i] && x[i] == y[i])
        i++;
    if (x[i] || y[i])
        fail_msg("at %zu: %.80s, not %.80s: %.100s, %.100s", i, x + i, y + i, a, b);
    sqlite3_free(x);
    sqlite3_free(y);
}

static void exports(void **state) {
    (void)state;
    static const char *const threads[] = {"1", "2", "5"};
    sqlite3_str *list = sqlite3_str_new(NULL);
    for (int f = 0; f < FLOW_NFIELDS; f++)
        sqlite3_str_appendf(list, "%s%s", f ? " , " : "", flow_fields[f].name);
    char *names = sqlite3_str_finish(list);
    char *csv =
        sqlite3_mprintf("SELECT text FROM flows_csv WHERE columns = '%s' AND header = 0", names);
    char *json = sqlite3_mprintf("SELECT text FROM flows_ndjson WHERE columns = '%s'", names);
    char *plain_json =
        plain_lines("'\"%w\":' || json_quote(\"%w\")", " || ',' || ", "'{' || ", " || '}'");
    char *plain_csv =
        plain_lines("CASE WHEN \"%w\" IS NULL THEN '' WHEN \"%w\" = '' OR \"%w\" GLOB"
                    " '*[,\"' || char(10, 13) || ']*' THEN '\"' || replace(\"%w\", '\"',"
                    " '\"\"') || '\"' ELSE \"%w\" END",
                    " || ',' || ", "", "");
    for (int i = 0; i < 3; i++) {
        setenv("FLOWVT_THREADS", threads[i], 1);
        same_text(csv, plain_csv);
        same_text(json, plain_json);
        same_text("SELECT text FROM flows_csv WHERE columns = 'duration,tstart_ms,srcip'",
                  "SELECT 'duration,tstart_ms,srcip' UNION ALL SELECT * FROM (SELECT"
                  " coalesce(duration, '') || ',' || coalesce(tstart_ms, '') || ',' ||"
                  " coalesce(srcip, '') FROM plain)");
        same_text("SELECT text FROM flows_ndjson(NULL, NULL, 'proto tcp', NULL, 'bpp, pps,dscp,"
                  "srcnet')",
                  "SELECT json_object('bpp', bpp, 'pps', pps, 'dscp', dscp, 'srcnet', srcnet)"
                  " FROM flows WHERE proto = 6");
    }
    unsetenv("FLOWVT_THREADS");
    same_text("SELECT text FROM flows_csv WHERE filter = 'proto 6 and proto 17' AND columns ="
              " 'srcip'",
              "SELECT 'srcip'");
    /* Ended before its end. */
    assert_int_equal(one("SELECT count(*) FROM (SELECT text FROM flows_csv LIMIT 1)"), 1);
    sqlite3_free(names);
    sqlite3_free(csv);
    sqlite3_free(json);
    sqlite3_free(plain_csv);
    sqlite3_free(plain_json);
}

static void limits(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        int limit = (int)rnd(900), offset = (int)rnd(4000);
        char *sql = sqlite3_mprintf("SELECT count(*) FROM (SELECT srcip FROM %%s WHERE %s"
                                    " LIMIT %d OFFSET %d)",
                                    rnd(2) ? "proto IS NOT NULL" : "duration > 0", limit, offset);
        agree(sql);
        sqlite3_free(sql);
    }
    /* The rows, too: a store is read in order. */
    assert_int_equal(agree_lines("SELECT tstart, srcip FROM flows LIMIT 7 OFFSET 2500",
                                 "SELECT tstart, srcip FROM plain LIMIT 7 OFFSET 2500", false),
                     7);
    assert_int_equal(agree_lines("SELECT tstart, srcip FROM flows LIMIT 3 OFFSET 2999",
                                 "SELECT tstart, srcip FROM plain LIMIT 3 OFFSET 2999", false),
                     1);
}

static void generated_on_traffic(void **state) {
    (void)state;
    static const char *const dims[] = {"srcip",    "dstip",    "srcport", "dstport",  "proto",
                                       "tcpflags", "tos",      "inif",    "exporter", "srcas",
                                       "next",     "icmptype", "appname", "insrcmac"};
    enum { DIMS = sizeof dims / sizeof dims[0] };
    for (int i = 0; i < 400; i++) {
        const char *a = dims[rnd(DIMS)], *b = dims[rnd(DIMS)], *c = dims[rnd(DIMS)];
        char *v = some_value(c);
        const char *op = rnd(2) ? "=" : rnd(2) ? "<>" : ">";
        char *x = sqlite3_mprintf("SELECT %s, %s, sum(bytes < 0), sum(packets), sum(flows),"
                                  " min(first_ms), max(last_ms) FROM traffic"
                                  " WHERE %s %s %s GROUP BY 1, 2",
                                  a, b, c, op, v);
        /* In SQL terms: NULL counters are 0, and the time of a flow is what scan_times() says. */
        char *y = sqlite3_mprintf("SELECT %s, %s, 0, sum(coalesce(packets, 0)), sum(flows), "
                                  "min(s), max(e)"
                                  " FROM small WHERE %s %s %s GROUP BY 1, 2",
                                  a, b, c, op, v);
        agree_lines(x, y, true);
        sqlite3_free(x);
        sqlite3_free(y);
        sqlite3_free(v);
    }
}

/* Totals come in the order that is asked for, also where it is that of the groups. */
static void totals_in_order(void **state) {
    (void)state;
    static const char *const table[] = {
        "SELECT srcip, sum(packets) FROM %s GROUP BY srcip ORDER BY srcip",
        "SELECT srcport, sum(packets) FROM %s GROUP BY srcport ORDER BY srcport DESC",
        "SELECT srcport, proto, sum(packets) FROM %s GROUP BY 1, 2 ORDER BY 1, 2 DESC",
        "SELECT DISTINCT dstip FROM %s ORDER BY 1",
        "SELECT DISTINCT dstip, proto FROM %s ORDER BY dstip DESC, proto",
        "SELECT proto, sum(packets) FROM %s GROUP BY proto ORDER BY 2, 1",
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *x = sqlite3_mprintf(table[i], "traffic");
        char *y = sqlite3_mprintf(table[i], "(SELECT srcip, dstip, srcport, proto,"
                                            " coalesce(packets, 0) packets FROM plain)");
        agree_lines(x, y, false);
        sqlite3_free(x);
        sqlite3_free(y);
    }
}

/* What a statement on totals and one on plain flows are made of: the same, but for the grouping. */
static const struct {
    const char *totals, *plain;
    bool sorted; /* by the statement, completely */
} ordered_forms[] = {
    {"SELECT A, B, sum(packets) FROM traffic WHERE W GROUP BY A, B",
     "SELECT A, B, sum(p) FROM flat WHERE P GROUP BY A, B", false},
    {"SELECT A, B, sum(packets) FROM traffic WHERE W GROUP BY A, B ORDER BY A, B DESC",
     "SELECT A, B, sum(p) FROM flat WHERE P GROUP BY A, B ORDER BY A, B DESC", true},
    {"SELECT B, A, sum(flows) FROM traffic WHERE W GROUP BY A, B ORDER BY B, A DESC LIMIT N",
     "SELECT B, A, sum(flows) FROM flat WHERE P GROUP BY A, B ORDER BY B, A DESC LIMIT N", true},
    {"SELECT A, B, packets FROM traffic WHERE W ORDER BY packets DESC, A, B DESC LIMIT N",
     "SELECT A, B, sum(p) FROM flat WHERE P GROUP BY A, B ORDER BY 3 DESC, A, B DESC LIMIT N",
     true},
    {"SELECT A, B, packets FROM traffic WHERE W ORDER BY packets DESC, A, B",
     "SELECT A, B, sum(p) FROM flat WHERE P GROUP BY A, B ORDER BY 3 DESC, A, B", true},
    {"SELECT A, flows, first_ms, last_ms FROM traffic WHERE W ORDER BY first_ms, last_ms DESC, A",
     "SELECT A, sum(flows), min(s), max(e) FROM flat WHERE P GROUP BY A ORDER BY 3, 4 DESC, A",
     true},
    {"SELECT A, B, flows FROM traffic WHERE W ORDER BY B, A LIMIT N OFFSET 3",
     "SELECT A, B, sum(flows) FROM flat WHERE P GROUP BY A, B ORDER BY B, A LIMIT N OFFSET 3",
     true},
    /* more than the limit is needed, which SQLite 3.40 says nothing of */
    {"SELECT A, B, packets FROM traffic WHERE W AND A < B ORDER BY packets DESC, A, B LIMIT N",
     "SELECT A, B, sum(p) FROM flat WHERE P AND A < B GROUP BY A, B ORDER BY 3 DESC, A, B LIMIT N",
     true},
    {"SELECT A, packets FROM traffic WHERE W AND A IS NOT NULL ORDER BY A DESC LIMIT N",
     "SELECT A, sum(p) FROM flat WHERE P AND A IS NOT NULL GROUP BY A ORDER BY A DESC LIMIT N",
     true},
    {"SELECT DISTINCT A, B FROM traffic WHERE W", "SELECT DISTINCT A, B FROM flat WHERE P", false},
    {"SELECT DISTINCT B FROM traffic WHERE W ORDER BY B DESC LIMIT N",
     "SELECT DISTINCT B FROM flat WHERE P ORDER BY B DESC LIMIT N", true},
    {"SELECT A, count(DISTINCT B) FROM traffic WHERE W GROUP BY A ORDER BY 2 DESC, A LIMIT N",
     "SELECT A, count(DISTINCT B) FROM flat WHERE P GROUP BY A ORDER BY 2 DESC, A LIMIT N", true},
    {"SELECT A, count(DISTINCT B), sum(packets) FROM traffic WHERE W GROUP BY A",
     "SELECT A, count(DISTINCT B), sum(p) FROM flat WHERE P GROUP BY A", false},
    {"SELECT count(DISTINCT A) FROM traffic WHERE W", "SELECT count(DISTINCT A) FROM flat WHERE P",
     false},
    {"SELECT A, min(B), max(B) FROM traffic WHERE W GROUP BY A HAVING sum(flows) > 1",
     "SELECT A, min(B), max(B) FROM flat WHERE P GROUP BY A HAVING sum(flows) > 1", false},
    {"SELECT k.A, t.packets FROM (SELECT DISTINCT A FROM flat WHERE P ORDER BY A LIMIT 5) k JOIN "
     "traffic t"
     " ON t.A = k.A ORDER BY k.A",
     "SELECT k.A, sum(p) FROM (SELECT DISTINCT A FROM flat WHERE P ORDER BY A LIMIT 5) k JOIN flat "
     "t"
     " ON t.A = k.A GROUP BY k.A ORDER BY k.A",
     true},
    {"SELECT B, n FROM (SELECT B, packets n FROM traffic WHERE W ORDER BY packets DESC, B LIMIT N)"
     " ORDER BY B",
     "SELECT B, n FROM (SELECT B, sum(p) n FROM flat WHERE P GROUP BY B ORDER BY n DESC, B LIMIT N)"
     " ORDER BY B",
     true},
    {"SELECT (SELECT A FROM traffic WHERE W ORDER BY A DESC LIMIT 1), count(*) FROM traffic WHERE "
     "W",
     "SELECT (SELECT A FROM flat WHERE P ORDER BY A DESC LIMIT 1),"
     " (SELECT count(*) FROM (SELECT 1 FROM flat WHERE P LIMIT 1))",
     false},
};
enum { ORDERED_FORMS = sizeof ordered_forms / sizeof ordered_forms[0] };

/* A form with its letters replaced where they stand alone. */
static char *fill_form(const char *form, const char *a, const char *b, int port, int limit) {
    sqlite3_str *s = sqlite3_str_new(NULL);
    for (const char *p = form; *p; p++) {
        bool alone = (p == form || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ", p[-1])) &&
                     (p[1] == '\0' || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ", p[1]));
        if (alone && *p == 'A')
            sqlite3_str_appendall(s, a);
        else if (alone && *p == 'B')
            sqlite3_str_appendall(s, b);
        else if (alone && *p == 'W' && port < 0)
            sqlite3_str_appendall(s, "1");
        else if (alone && *p == 'W') /* a column named would be part of the key */
            sqlite3_str_appendf(s, "filter = 'dst port > %d'", port);
        else if (alone && *p == 'P')
            sqlite3_str_appendf(s, "coalesce(dstport, -1) > %d", port < 0 ? -2 : port);
        else if (alone && *p == 'N')
            sqlite3_str_appendf(s, "%d", limit);
        else
            sqlite3_str_appendchar(s, 1, *p);
    }
    return sqlite3_str_finish(s);
}

/* Order, limits and distinct values of totals, in any number of threads, and from disk. */
static void totals_in_any_order(void **state) {
    (void)state;
    static const char *const dims[] = {"srcip",   "dstip",    "srcport", "proto",
                                       "tos",     "exporter", "srcas",   "icmptype",
                                       "appname", "insrcmac", "next"};
    enum { DIMS = sizeof dims / sizeof dims[0] };
    run("CREATE TEMP VIEW flat AS SELECT *, coalesce(packets, 0) p FROM small");
    for (int i = 0; i < 40 * ORDERED_FORMS; i++) {
        /* Columns from the 64th on are all named when one is, and make finer totals. */
        bool grouped = strstr(ordered_forms[i % ORDERED_FORMS].totals, "GROUP BY") != NULL;
        size_t n = grouped ? DIMS : 5, a = rnd(n), b = (a + 1 + rnd(n - 1)) % n;
        char threads[2] = {(char)('1' + rnd(4)), 0};
        int form = i % ORDERED_FORMS, limit = (int)rnd(rnd(2) ? 10 : 3000);
        int port = rnd(2) && form < ORDERED_FORMS - 1 ? (int)rnd(200) : -1;
        char *x = fill_form(ordered_forms[form].totals, dims[a], dims[b], port, limit);
        char *y = fill_form(ordered_forms[form].plain, dims[a], dims[b], port, limit);
        setenv("FLOWVT_THREADS", threads, 1);
        if (rnd(2))
            setenv("FLOWVT_MEMORY", "1", 1);
        agree_lines(x, y, !ordered_forms[form].sorted);
        unsetenv("FLOWVT_THREADS");
        unsetenv("FLOWVT_MEMORY");
        sqlite3_free(x);
        sqlite3_free(y);
    }
    run("DROP VIEW flat");
}

static void endpoints_are_both_ends(void **state) {
    (void)state;
    static const char *const tests[] = {
        "1",          "ip_in(ip, '128.0.0.0/1')", "port = 17",
        "port > 100", "proto IN (1, 17, 200)",    "peerport < 50 AND port > 20"};
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        char *x = sqlite3_mprintf("SELECT ip, port, sum(packets_out), sum(packets_in), sum(flows)"
                                  " FROM endpoints WHERE %s GROUP BY ip, port",
                                  tests[i]);
        char *y = sqlite3_mprintf(
            "SELECT ip, port, sum(o), sum(i), sum(flows) FROM ("
            "SELECT srcip ip, srcport port, dstport peerport, proto, coalesce(packets, 0) o, 0 i,"
            " flows FROM small UNION ALL "
            "SELECT dstip, dstport, srcport, proto, 0, coalesce(packets, 0), flows FROM small)"
            " WHERE %s GROUP BY ip, port",
            tests[i]);
        assert_true(agree_lines(x, y, true) > 5);
        sqlite3_free(x);
        sqlite3_free(y);
    }
}

static int64_t one(const char *sql) {
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int64_t v = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return v;
}

static int64_t onef(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    int64_t v = one(sql);
    sqlite3_free(sql);
    return v;
}

/* Windows that touch add up to the window of both, and buckets to the whole, to the byte. */
static void parts_add_up(void **state) {
    (void)state;
    static const char before[] = "SELECT coalesce(sum(packets), 0) FROM traffic WHERE until = 1e11";
    int64_t total = one("SELECT sum(packets) FROM traffic");
    int64_t flows = one("SELECT sum(flows) FROM traffic");
    assert_true(total > 0 && flows > 0);
    for (int i = 0; i < 50; i++) {
        int64_t cut = 1700000000000 + (int64_t)rnd(25000);
        assert_int_equal(
            onef("SELECT sum(packets) FROM traffic WHERE since = 1e11 AND until = %lld", cut) +
                onef("SELECT sum(packets) FROM traffic WHERE since = %lld", cut) + one(before),
            total);
        assert_int_equal(
            onef("SELECT coalesce(sum(flows), 0) FROM traffic WHERE until = %lld", cut) +
                onef("SELECT coalesce(sum(flows), 0) FROM traffic WHERE since = %lld", cut),
            flows);
        int64_t bucket = 1 + (int64_t)rnd(30);
        assert_int_equal(onef("SELECT sum(p) FROM (SELECT time, sum(packets) p FROM traffic"
                              " WHERE bucket = %lld GROUP BY time)",
                              bucket),
                         total);
        assert_int_equal(onef("SELECT sum(p) FROM (SELECT time, srcip, sum(flows) p FROM traffic"
                              " WHERE bucket = %lld GROUP BY time, srcip)",
                              bucket),
                         flows);
    }
}

/* The rule itself, on one flow whose numbers are easy: 1000 octets over 10 ms, from 1000 to 1009.
 */
static void pro_rating(void **state) {
    (void)state;
    char path[300];
    snprintf(path, sizeof path, "%s-one.fvt", dir);
    struct fvt_writer *w;
    struct fvt_error err;
    struct flow_row row;
    flow_row_clear(&row);
    flow_row_set_time(&row, FLOW_tstart, 1700000000995);
    flow_row_set_time(&row, FLOW_tend, 1700000001004);
    flow_row_set(&row, FLOW_bytes, 1001);
    assert_int_equal(fvt_writer_open(path, 1700000000000, 60000, &w, &err), FVT_OK);
    assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    char *store = sqlite3_mprintf("store = '%s'", path);
    /* 5 of 10 ms lie before the second: floor(1001 * 5 / 10) = 500. */
    assert_int_equal(
        onef("SELECT sum(bytes) FROM traffic WHERE %s AND until = 1700000001000", store), 500);
    assert_int_equal(
        onef("SELECT sum(bytes) FROM traffic WHERE %s AND since = 1700000001000", store), 501);
    assert_int_equal(
        onef("SELECT sum(flows) FROM traffic WHERE %s AND since = 1700000001000", store), 0);
    assert_int_equal(onef("SELECT sum(bytes) FROM traffic WHERE %s AND bucket = 1 AND time ="
                          " '2023-11-14 22:13:20.000'",
                          store),
                     500);
    assert_int_equal(onef("SELECT count(*) FROM flows WHERE %s AND since = 1700000001000", store),
                     1);
    assert_int_equal(onef("SELECT count(*) FROM flows WHERE %s AND since = 1700000001004", store),
                     1);
    assert_int_equal(onef("SELECT count(*) FROM flows WHERE %s AND since = 1700000001005", store),
                     0);
    assert_int_equal(onef("SELECT count(*) FROM flows WHERE %s AND until = 1700000000995", store),
                     0);
    assert_int_equal(onef("SELECT count(*) FROM flows WHERE %s AND until = 1700000000996", store),
                     1);
    sqlite3_free(store);
    unlink(path);
}

/* With hardly any memory the answer is the same, made in several passes. */
static void passes(void **state) {
    (void)state;
    static const char sql[] =
        "SELECT count(*), sum(packets), sum(flows) FROM (SELECT srcip, srcport,"
        " dstip, dstport, tcpflags, sum(packets) packets, sum(flows) flows"
        " FROM traffic GROUP BY 1, 2, 3, 4, 5)";
    struct lines want = query(sql, false);
    setenv("FLOWVT_MEMORY", "1", 1); /* 1 MB is the least it takes */
    struct lines got = query(sql, false);
    unsetenv("FLOWVT_MEMORY");
    assert_string_equal(got.p[0], want.p[0]);
    free_lines(&want);
    free_lines(&got);
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
    run("CREATE TEMP TABLE lk(a, t TEXT); INSERT INTO lk VALUES (17, '17'), (5, 'name 3'),"
        " ('2023', 'x'), (NULL, NULL), (1.5, '')");
    run("INSERT INTO lk SELECT 1, srcip FROM plain WHERE srcip IS NOT NULL LIMIT 3");
    run("INSERT INTO lk SELECT 1, upper(srcip) FROM plain WHERE srcip GLOB '*[a-f]*' LIMIT 3");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        agree(table[i]);
    run("DROP TABLE lk");
}

/* A parameter in one arm of an OR holds there and nowhere else; where no plan can do that, it is an
** error and not ignored. */
static void params_in_or(void **state) {
    (void)state;
    assert_int_equal(one("SELECT count(*) FROM flows WHERE (since = 1700000008000 AND proto = 17)"
                         " OR (since = 1700000015000 AND srcport = 17)"),
                     one("SELECT count(*) FROM small WHERE (e >= 1700000008000 AND proto = 17)"
                         " OR (e >= 1700000015000 AND srcport = 17)"));
    sqlite3_stmt *s;
    assert_int_not_equal(
        sqlite3_prepare_v2(db, "SELECT count(*) FROM flows WHERE since = '2023' OR dstport + 0 = 1",
                           -1, &s, NULL),
        SQLITE_OK);
    assert_int_equal(one("SELECT count(*) FROM flows WHERE since = 1700000009000"
                         " AND until = 1700000009000"),
                     0);
    assert_int_equal(one("SELECT count(*) FROM traffic WHERE since = 1700000009000"
                         " AND until = 1700000005000"),
                     0);
}

/* Every dimension is part of SELECT *, however many there are. */
static void every_dimension(void **state) {
    (void)state;
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        const char *name = flow_fields[f].name;
        if (flow_fields[f].role == FLOW_COUNTER || flow_fields[f].class == FLOW_TIME ||
            f == FLOW_exportseq || f == FLOW_flowid)
            continue;
        assert_int_equal(onef("SELECT count(DISTINCT \"%s\") FROM (SELECT * FROM traffic)", name),
                         onef("SELECT count(DISTINCT \"%s\") FROM plain", name));
    }
}

static void masks(void **state) {
    (void)state;
    int64_t want = one("SELECT sum(packets) FROM traffic WHERE ip_in(srcip, '64.0.0.0/2')");
    assert_true(want > 0);
    assert_int_equal(one("SELECT sum(packets) FROM traffic WHERE mask4 = 2"
                         " AND srcip = '64.0.0.0/2'"),
                     want);
    assert_int_equal(one("SELECT sum(p) FROM (SELECT srcip, sum(packets) p FROM traffic WHERE"
                         " mask4 = 2 GROUP BY srcip HAVING srcip = '64.0.0.0/2')"),
                     want);
    assert_int_equal(one("SELECT sum(packets) FROM traffic WHERE mask4 = 2"
                         " AND ip_in(srcip, '64.0.0.0/2')"),
                     want);
}

/* Times at the ends of what can be stored neither hang nor overflow. */
static void extreme_times(void **state) {
    (void)state;
    static const int64_t times[] = {INT64_MAX, INT64_MIN, 0, -1, INT64_C(253402300800000)};
    char path[300];
    snprintf(path, sizeof path, "%s-times.fvt", dir);
    struct fvt_writer *w;
    struct fvt_error err;
    struct flow_row row;
    assert_int_equal(fvt_writer_open(path, 0, 60000, &w, &err), FVT_OK);
    for (int i = 0; i < 125; i++) {
        flow_row_clear(&row);
        flow_row_set(&row, FLOW_bytes, 1);
        flow_row_set_time(&row, FLOW_trecv, times[i % 5]);
        if (i / 5 % 5 < 4)
            flow_row_set_time(&row, FLOW_tstart, times[i / 5 % 5]);
        if (i / 25 < 4)
            flow_row_set_time(&row, FLOW_tend, times[i / 25]);
        assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    for (int closed = 0; closed < 2; closed++) {
        assert_int_equal(onef("SELECT sum(b) FROM (SELECT time, sum(bytes) b FROM traffic WHERE"
                              " store = '%s' AND bucket = 1 GROUP BY time)",
                              path),
                         125);
        assert_int_equal(
            onef("SELECT count(tend) + count(tstart) FROM flows WHERE store = '%s'", path), 200);
        assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    }
    unlink(path);
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
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", table[i].sql);
        struct lines l = query(sql, false);
        if (!strstr(l.p[0], table[i].want))
            fail_msg("%s: %s: want %s", table[i].sql, l.p[0], table[i].want);
        free_lines(&l);
        sqlite3_free(sql);
    }
}

/* ---- what reaches the scan -------------------------------------------------------------- */

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
    enum { MOST = ROWS }; /* steps: less than one for each row */
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
        struct lines l = query(sql, false);
        if (l.n == 0) {
            sqlite3_free(sql);
            free_lines(&l);
            continue;
        }
        tried++;
        *strrchr(l.p[0], ':') = '\0';
        for (size_t k = 0; k < sizeof forms / sizeof forms[0]; k++) {
            char *where = sqlite3_mprintf(forms[k], c, l.p[0], l.p[0]);
            char *from = sqlite3_mprintf("flows WHERE %s", where);
            char *count = sqlite3_mprintf("SELECT count(*) FROM %%s WHERE %s", where);
            agree(count);
            if (steps(from) > MOST)
                fail_msg("%s: %d steps", where, steps(from));
            sqlite3_free(count);
            sqlite3_free(from);
            sqlite3_free(where);
        }
        free_lines(&l);
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
        "srcip MATCH '0.0.0.1/32, ::7777:0:1'",
        "filter MATCH 'proto 255 and proto 254'",
        "duration IS NULL AND tstart_ms IS NOT NULL AND tend_ms IS NOT NULL",
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        char *from = sqlite3_mprintf("flows WHERE %s", none[i]);
        char *count = sqlite3_mprintf("SELECT count(*) FROM %s", from);
        if (one(count) != 0)
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
    agree_lines("SELECT srcip, bytes FROM flows WHERE srcip MATCH '0.0.0.0/1,  8000::/1'",
                "SELECT srcip, bytes FROM plain WHERE ip_in(srcip, '0.0.0.0/1')"
                " OR ip_in(srcip, '8000::/1')",
                true);
    agree_lines("SELECT srcip, bytes FROM flows WHERE srcip MATCH '0.0.0.0/1' OR proto = 17",
                "SELECT srcip, bytes FROM plain WHERE ip_in(srcip, '0.0.0.0/1') OR proto = 17",
                true);
    agree_lines("SELECT srcip, bytes FROM flows WHERE NOT srcip MATCH '0.0.0.0/1 ::/0'",
                "SELECT srcip, bytes FROM plain"
                " WHERE NOT (ip_in(srcip, '0.0.0.0/1') OR ip_in(srcip, '::/0'))",
                true);
    assert_int_equal(one("SELECT count(*) FROM flows WHERE srcip MATCH NULL"), 0);
    assert_int_equal(one("SELECT count(*) FROM flows WHERE srcip MATCH ''"), 0);
    agree_lines("SELECT srcip, bytes FROM flows WHERE filter MATCH 'proto tcp'",
                "SELECT srcip, bytes FROM plain WHERE proto = 6", true);
    agree_lines("SELECT srcip, sum(packets) FROM traffic WHERE mask4 = 8 AND srcip MATCH '10/8'",
                "SELECT srcip, sum(packets) FROM traffic WHERE mask4 = 8 AND ip_in(srcip, '10/8')",
                true);
}

/* Texts that are equal under another collation are SQLite's to tell apart. */
static void collations(void **state) {
    (void)state;
    agree("SELECT count(*) FROM %s WHERE srcip <> (SELECT upper(max(srcip)) FROM plain)"
          " COLLATE NOCASE");
    agree("SELECT count(*) FROM %s WHERE insrcmac <> 'AA:BB:CC:DD:EE:FF' COLLATE NOCASE");
    char *sql = sqlite3_mprintf("SELECT quote(upper(max(srcip))) FROM plain");
    struct lines l = query(sql, false);
    *strrchr(l.p[0], ':') = '\0';
    sqlite3_free(sql);
    sql = sqlite3_mprintf("SELECT count(*) FROM %%s WHERE srcip <> %s COLLATE NOCASE", l.p[0]);
    agree(sql);
    sqlite3_free(sql);
    free_lines(&l);
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
    run("CREATE TABLE hosts(ip TEXT, name TEXT);"
        "CREATE TABLE known(id INTEGER PRIMARY KEY, ip TEXT, name TEXT);"
        "CREATE INDEX known_ip ON known(ip);"
        "CREATE TABLE networks(net TEXT, name TEXT)");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", table[i].sql);
        struct lines l = query(sql, false);
        if (!strstr(l.p[0], table[i].first) || l.n < 2 || !strstr(l.p[1], table[i].second))
            fail_msg("%s: %s, %s: want %s, %s", table[i].sql, l.p[0], l.n > 1 ? l.p[1] : "",
                     table[i].first, table[i].second);
        free_lines(&l);
        sqlite3_free(sql);
    }
    run("DROP TABLE hosts; DROP TABLE known; DROP TABLE networks");
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
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *message = NULL;
        assert_int_not_equal(sqlite3_exec(db, table[i].sql, NULL, NULL, &message), SQLITE_OK);
        if (!message || !strstr(message, table[i].want))
            fail_msg("%s: %s: want %s", table[i].sql, message, table[i].want);
        sqlite3_free(message);
    }
}

static void created_tables(void **state) {
    (void)state;
    char *sql = sqlite3_mprintf("CREATE VIRTUAL TABLE temp.campus USING flows(store = '%q');"
                                "CREATE VIRTUAL TABLE temp.sums USING traffic(store=\"%w\")",
                                dir, dir);
    run(sql);
    sqlite3_free(sql);
    assert_int_equal(one("SELECT count(*) FROM campus"), ROWS);
    assert_int_equal(one("SELECT sum(packets) FROM sums"), one("SELECT sum(packets) FROM traffic"));
    run("DROP TABLE campus; DROP TABLE sums");
}

static void files(void **state) {
    (void)state;
    assert_int_equal(one("SELECT sum(rows) FROM flow_files"), ROWS);
    assert_int_equal(one("SELECT count(*) FROM flow_files WHERE state = 'closed'"), 2);
    assert_int_equal(one("SELECT sum(damaged_blocks) FROM flow_files"), 0);
    assert_int_equal(one("SELECT count(*) FROM flow_files WHERE since = 1700000060000"
                         " AND until = 1700000120000"),
                     1);
}

static int setup(void **state) {
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    setenv("FLOWVT_STORE", dir, 1);
    const char *so = getenv("FLOWVT_SO");
    char *message = NULL;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        return -1;
    sqlite3_enable_load_extension(db, 1);
    if (sqlite3_load_extension(db, so ? so : "build/flowvt.so", NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "test_tables: %s\n", message);
        return -1;
    }
    write_store();
    fill_table();
    /* The time of a flow as scan_times() has it: s and e. */
    run("CREATE VIEW ordered AS SELECT *, min(coalesce(tstart_ms, tend_ms, trecv_ms),"
        " coalesce(tend_ms, tstart_ms, trecv_ms)) a, max(coalesce(tstart_ms, tend_ms, trecv_ms),"
        " coalesce(tend_ms, tstart_ms, trecv_ms)) e FROM plain");
    run("CREATE VIEW small AS SELECT *, iif(e - a > 31 * 86400000, e, a) s FROM ordered");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sqlite3_close(db);
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_rows),
        cmocka_unit_test(generated_on_flows),
        cmocka_unit_test(in_order),
        cmocka_unit_test(in_order_without_memory),
        cmocka_unit_test(rowids_in_order),
        cmocka_unit_test(exports),
        cmocka_unit_test(limits),
        cmocka_unit_test(generated_on_traffic),
        cmocka_unit_test(totals_in_order),
        cmocka_unit_test(totals_in_any_order),
        cmocka_unit_test(endpoints_are_both_ends),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(pro_rating),
        cmocka_unit_test(passes),
        cmocka_unit_test(plans),
        cmocka_unit_test(odd_plans),
        cmocka_unit_test(params_in_or),
        cmocka_unit_test(every_dimension),
        cmocka_unit_test(masks),
        cmocka_unit_test(extreme_times),
        cmocka_unit_test(errors),
        cmocka_unit_test(created_tables),
        cmocka_unit_test(files),
        cmocka_unit_test(pushed),
        cmocka_unit_test(matches),
        cmocka_unit_test(collations),
        cmocka_unit_test(joins),
    };
    return cmocka_run_group_tests_name("ext/tables", tests, setup, teardown);
}
