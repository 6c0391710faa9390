/* SPDX-License-Identifier: MIT */
/*
** The same rows twice: in a store, and in an ordinary table that is filled from the test's own rows
** and not through the reader.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "schema/store.h"
#include "tests/schema/rows.h"
#include "twin.h"

enum { SEED = 11 };

sqlite3 *db;
char twin_dir[] = "/tmp/flowvt-test-XXXXXX";

/* ---- the rows --------------------------------------------------------------------------- */

/* Counters that are summed are kept small enough for SQLite's sum(); bytes are not. */
static void make_row(struct test_row *t, uint64_t i) {
    static const int summed[] = {FLOW_packets, FLOW_flows, FLOW_sampling};
    test_row_make(t, SEED, i);
    for (size_t k = 0; k < sizeof summed / sizeof summed[0]; k++)
        if (t->row.value[summed[k]].i > 1000)
            t->row.value[summed[k]].i = 1000;
}

/* A closed file of one group, a closed one of several batches, and a live one of several groups. */
static void write_store(void) {
    static const uint64_t bounds[] = {0, 1000, 1800, TWIN_ROWS};
    struct fvt_error err;
    struct test_row t;
    for (int file = 0; file < 3; file++) {
        char path[300];
        snprintf(path, sizeof path, "%s/flows.20231114221%d.fvt", twin_dir, file);
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
    client_run(db, sql);
    client_run(db, "BEGIN");
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, insert, -1, &s, NULL), SQLITE_OK);
    struct test_row t;
    for (uint64_t i = 0; i < TWIN_ROWS; i++) {
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
    client_run(db, "COMMIT");
}

int twin_setup(void **state) {
    (void)state;
    if ((db = client_open_new(twin_dir)) == NULL)
        return -1;
    write_store();
    fill_table();
    /* The time of a flow as scan_times() has it: s and e. */
    client_run(
        db,
        "CREATE VIEW ordered AS SELECT *, min(coalesce(tstart_ms, tend_ms, trecv_ms),"
        " coalesce(tend_ms, tstart_ms, trecv_ms)) a, max(coalesce(tstart_ms, tend_ms, trecv_ms),"
        " coalesce(tend_ms, tstart_ms, trecv_ms)) e FROM plain");
    client_run(db,
               "CREATE VIEW small AS SELECT *, iif(e - a > 31 * 86400000, e, a) s FROM ordered");
    return 0;
}

int twin_teardown(void **state) {
    (void)state;
    return client_close(db, twin_dir);
}

/* ---- generated statements --------------------------------------------------------------- */

size_t twin_agree(const char *format) {
    char *a = sqlite3_mprintf(format, "flows", "flows", "flows");
    char *b = sqlite3_mprintf(format, "plain", "plain", "plain");
    size_t n = client_agree(db, a, b, strstr(format, "ORDER BY") == NULL);
    sqlite3_free(a);
    sqlite3_free(b);
    return n;
}

const char *const twin_columns[TWIN_COLUMNS] = {
    "tstart",   "tend",      "trecv",     "duration",  "proto",    "srcip",       "srcport",
    "dstip",    "dstport",   "packets",   "bytes",     "flows",    "tcpflags",    "exporter",
    "next",     "srcas",     "tos",       "version",   "username", "insrcmac",    "natsrcip",
    "sampling", "icmptype",  "inif",      "tstart_ms", "tend_ms",  "raw_packets", "raw_bytes",
    "appname",  "outdstmac", "eventtime", "dstmask"};

/* A value to compare with: one that occurs, or one that tests affinity and order. */
char *twin_value(const char *column) {
    static const char *const odd[] = {
        "NULL", "0",  "'0'",  "'abc'",  "x'31'", "17.5",         "'17'", "17.0",
        "-1",   "''", "1e30", "'17.0'", "'9'",   "'2023-11-14'", "'1'",  "9223372036854775807"};
    if (test_random(4) == 0)
        return sqlite3_mprintf("%s", odd[test_random(sizeof odd / sizeof odd[0])]);
    char *sql = sqlite3_mprintf("SELECT quote(%s) FROM plain WHERE rowid = %d", column,
                                (int)test_random(TWIN_ROWS) + 1);
    sqlite3_stmt *s;
    sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    sqlite3_free(sql);
    sqlite3_step(s);
    char *value = sqlite3_mprintf("%s", sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    return value;
}

static char *twin_test(void) {
    static const char *const ops[] = {"=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT"};
    static const char *const nets[] = {"0.0.0.0/0", "128.0.0.0/1", "::/0", "10.0.0.0/8",
                                       "4000::/2",  "0.0.0.0/32",  "64/2", "1.2.3.4"};
    const char *c = twin_columns[test_random(TWIN_COLUMNS)];
    char *a = twin_value(c), *b = twin_value(c), *d = twin_value(c), *out;
    bool glob = test_random(2);
    switch (test_random(9)) {
    case 8:
        out = sqlite3_mprintf("%s %s substr(%s, 1, %d) || '%s'", c, glob ? "GLOB" : "LIKE", a,
                              (int)test_random(9), glob ? "*" : "%%");
        break;
    case 0:
        out = sqlite3_mprintf("%s BETWEEN %s AND %s", c, a, b);
        break;
    case 1:
        out = sqlite3_mprintf("%s IN (%s, %s, %s)", c, a, b, d);
        break;
    case 2:
        out = sqlite3_mprintf("%s IS %sNULL", c, test_random(2) ? "NOT " : "");
        break;
    case 3:
        out = sqlite3_mprintf("ip_in(%s, '%s')",
                              test_random(2)   ? "srcip"
                              : test_random(2) ? "dstip"
                                               : "next",
                              nets[test_random(8)]);
        break;
    case 4:
        out = sqlite3_mprintf("%s NOT IN (%s, %s)", c, a, b);
        break;
    default:
        out = sqlite3_mprintf("%s %s %s", c, ops[test_random(8)], a);
        break;
    }
    sqlite3_free(a);
    sqlite3_free(b);
    sqlite3_free(d);
    return out;
}

char *twin_where(void) {
    char *a = twin_test(), *b = twin_test(), *c = twin_test(), *out;
    switch (test_random(6)) {
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
