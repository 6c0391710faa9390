/* SPDX-License-Identifier: MIT */
/*
** traffic and endpoints: totals against those of the ordinary table, in every order; parts of windows
** and buckets, networks, times at the ends of what can be stored.
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

static void generated_on_traffic(void **state) {
    (void)state;
    static const char *const dims[] = {"srcip",    "dstip",    "srcport", "dstport",  "proto",
                                       "tcpflags", "tos",      "inif",    "exporter", "srcas",
                                       "next",     "icmptype", "appname", "insrcmac"};
    enum { DIMS = sizeof dims / sizeof dims[0] };
    for (int i = 0, n = test_rounds(400); i < n; i++) {
        const char *a = dims[test_random(DIMS)], *b = dims[test_random(DIMS)],
                   *c = dims[test_random(DIMS)];
        char *v = twin_value(c);
        const char *op = test_random(2) ? "=" : test_random(2) ? "<>" : ">";
        char *x = sqlite3_mprintf("SELECT %s, %s, sum(bytes < 0), sum(packets), sum(flows),"
                                  " min(first_ms), max(last_ms) FROM traffic"
                                  " WHERE %s %s %s GROUP BY 1, 2",
                                  a, b, c, op, v);
        /* In SQL terms: NULL counters are 0, and the time of a flow is what scan_times() says. */
        char *y = sqlite3_mprintf("SELECT %s, %s, 0, sum(coalesce(packets, 0)), sum(flows), "
                                  "min(s), max(e)"
                                  " FROM small WHERE %s %s %s GROUP BY 1, 2",
                                  a, b, c, op, v);
        client_agree(db, x, y, true);
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
        client_agree(db, x, y, false);
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
    {"SELECT A, counted FROM traffic WHERE W AND count_of = 'B' ORDER BY counted DESC, A LIMIT N",
     "SELECT A, count(DISTINCT B) FROM flat WHERE P GROUP BY A ORDER BY 2 DESC, A LIMIT N", true},
    {"SELECT A, counted, packets, first_ms, last_ms FROM traffic WHERE W AND count_of = 'B'",
     "SELECT A, count(DISTINCT B), sum(p), min(s), max(e) FROM flat WHERE P GROUP BY A", false},
    {"SELECT B, A, counted, flows FROM traffic WHERE W AND count_of = 'srcas' AND counted >= 2 AND "
     "flows > 2.5 ORDER BY flows DESC, A, B LIMIT N",
     "SELECT B, A, count(DISTINCT srcas), sum(flows) FROM flat WHERE P GROUP BY A, B HAVING "
     "count(DISTINCT srcas) >= 2 AND sum(flows) > 2.5 ORDER BY 4 DESC, A, B LIMIT N",
     true},
    {"SELECT counted FROM traffic WHERE W AND count_of = 'A'",
     "SELECT count(DISTINCT A) FROM flat WHERE P GROUP BY NULL", false},
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
    client_run(db, "CREATE TEMP VIEW flat AS SELECT *, coalesce(packets, 0) p FROM small");
    for (int i = 0; i < 40 * ORDERED_FORMS; i++) {
        /* Columns from the 64th on are all named when one is, and make finer totals. */
        bool grouped = strstr(ordered_forms[i % ORDERED_FORMS].totals, "GROUP BY") != NULL;
        size_t n = grouped ? DIMS : 5, a = test_random(n), b = (a + 1 + test_random(n - 1)) % n;
        char threads[2] = {(char)('1' + test_random(4)), 0};
        int form = i % ORDERED_FORMS, limit = (int)test_random(test_random(2) ? 10 : 3000);
        int port = test_random(2) && form < ORDERED_FORMS - 1 ? (int)test_random(200) : -1;
        char *x = fill_form(ordered_forms[form].totals, dims[a], dims[b], port, limit);
        char *y = fill_form(ordered_forms[form].plain, dims[a], dims[b], port, limit);
        setenv("FLOWVT_THREADS", threads, 1);
        if (test_random(2))
            setenv("FLOWVT_MEMORY", "1", 1);
        client_agree(db, x, y, !ordered_forms[form].sorted);
        unsetenv("FLOWVT_THREADS");
        unsetenv("FLOWVT_MEMORY");
        sqlite3_free(x);
        sqlite3_free(y);
    }
    client_run(db, "DROP VIEW flat");
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
        assert_true(client_agree(db, x, y, true) > 5);
        sqlite3_free(x);
        sqlite3_free(y);
    }
}

/* Windows that touch add up to the window of both, and buckets to the whole, to the byte. */
static void parts_add_up(void **state) {
    (void)state;
    static const char before[] = "SELECT coalesce(sum(packets), 0) FROM traffic WHERE until = 1e11";
    int64_t total = client_one(db, "SELECT sum(packets) FROM traffic");
    int64_t flows = client_one(db, "SELECT sum(flows) FROM traffic");
    assert_true(total > 0 && flows > 0);
    for (int i = 0; i < 50; i++) {
        int64_t cut = 1700000000000 + (int64_t)test_random(25000);
        assert_int_equal(
            client_onef(db, "SELECT sum(packets) FROM traffic WHERE since = 1e11 AND until = %lld",
                        cut) +
                client_onef(db, "SELECT sum(packets) FROM traffic WHERE since = %lld", cut) +
                client_one(db, before),
            total);
        assert_int_equal(
            client_onef(db, "SELECT coalesce(sum(flows), 0) FROM traffic WHERE until = %lld", cut) +
                client_onef(db, "SELECT coalesce(sum(flows), 0) FROM traffic WHERE since = %lld",
                            cut),
            flows);
        int64_t bucket = 1 + (int64_t)test_random(30);
        assert_int_equal(client_onef(db,
                                     "SELECT sum(p) FROM (SELECT time, sum(packets) p FROM traffic"
                                     " WHERE bucket = %lld GROUP BY time)",
                                     bucket),
                         total);
        assert_int_equal(
            client_onef(db,
                        "SELECT sum(p) FROM (SELECT time, srcip, sum(flows) p FROM traffic"
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
    snprintf(path, sizeof path, "%s-one.fvt", twin_dir);
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
        client_onef(db, "SELECT sum(bytes) FROM traffic WHERE %s AND until = 1700000001000", store),
        500);
    assert_int_equal(
        client_onef(db, "SELECT sum(bytes) FROM traffic WHERE %s AND since = 1700000001000", store),
        501);
    assert_int_equal(
        client_onef(db, "SELECT sum(flows) FROM traffic WHERE %s AND since = 1700000001000", store),
        0);
    assert_int_equal(client_onef(db,
                                 "SELECT sum(bytes) FROM traffic WHERE %s AND bucket = 1 AND time ="
                                 " '2023-11-14 22:13:20.000'",
                                 store),
                     500);
    assert_int_equal(
        client_onef(db, "SELECT count(*) FROM flows WHERE %s AND since = 1700000001000", store), 1);
    assert_int_equal(
        client_onef(db, "SELECT count(*) FROM flows WHERE %s AND since = 1700000001004", store), 1);
    assert_int_equal(
        client_onef(db, "SELECT count(*) FROM flows WHERE %s AND since = 1700000001005", store), 0);
    assert_int_equal(
        client_onef(db, "SELECT count(*) FROM flows WHERE %s AND until = 1700000000995", store), 0);
    assert_int_equal(
        client_onef(db, "SELECT count(*) FROM flows WHERE %s AND until = 1700000000996", store), 1);
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
    struct lines want = client_query(db, sql, false);
    setenv("FLOWVT_MEMORY", "1", 1); /* 1 MB is the least it takes */
    struct lines got = client_query(db, sql, false);
    unsetenv("FLOWVT_MEMORY");
    assert_string_equal(got.p[0], want.p[0]);
    client_free(&want);
    client_free(&got);
}

/* Every dimension is part of SELECT *, however many there are. */
static void every_dimension(void **state) {
    (void)state;
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        const char *name = flow_fields[f].name;
        if (flow_fields[f].role == FLOW_COUNTER || flow_fields[f].class == FLOW_TIME ||
            f == FLOW_exportseq || f == FLOW_flowid)
            continue;
        assert_int_equal(
            client_onef(db, "SELECT count(DISTINCT \"%s\") FROM (SELECT * FROM traffic)", name),
            client_onef(db, "SELECT count(DISTINCT \"%s\") FROM plain", name));
    }
}

static void masks(void **state) {
    (void)state;
    int64_t want =
        client_one(db, "SELECT sum(packets) FROM traffic WHERE ip_in(srcip, '64.0.0.0/2')");
    assert_true(want > 0);
    assert_int_equal(client_one(db, "SELECT sum(packets) FROM traffic WHERE mask4 = 2"
                                    " AND srcip = '64.0.0.0/2'"),
                     want);
    assert_int_equal(
        client_one(db, "SELECT sum(p) FROM (SELECT srcip, sum(packets) p FROM traffic WHERE"
                       " mask4 = 2 GROUP BY srcip HAVING srcip = '64.0.0.0/2')"),
        want);
    assert_int_equal(client_one(db, "SELECT sum(packets) FROM traffic WHERE mask4 = 2"
                                    " AND ip_in(srcip, '64.0.0.0/2')"),
                     want);
}

/* Times at the ends of what can be stored neither hang nor overflow. */
static void extreme_times(void **state) {
    (void)state;
    static const int64_t times[] = {INT64_MAX, INT64_MIN, 0, -1, INT64_C(253402300800000)};
    char path[300];
    snprintf(path, sizeof path, "%s-times.fvt", twin_dir);
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
        assert_int_equal(
            client_onef(db,
                        "SELECT sum(b) FROM (SELECT time, sum(bytes) b FROM traffic WHERE"
                        " store = '%s' AND bucket = 1 GROUP BY time)",
                        path),
            125);
        assert_int_equal(
            client_onef(db, "SELECT count(tend) + count(tstart) FROM flows WHERE store = '%s'",
                        path),
            200);
        assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    }
    unlink(path);
}

/* A comparison of time narrows the window, which changes nothing; one of likely(time)
** does not. */
static void times_of_buckets(void **state) {
    (void)state;
    static const char *const columns[] = {"time", "time_ms"};
    static const char *const ops[] = {"=", "<", "<=", ">", ">="};
    static const char *const shown[] = {
        "proto, sum(bytes % 1000003), sum(flows), min(first), max(last)",
        "time_ms, sum(packets % 1000003)", "count(*)"};
    static const char *const odd[] = {
        "NULL", "'zz'", "x'32'", "''", "'0000-01-01'", "'2023-11-14 22:'", "'~'"};
    for (int i = 0, n = test_rounds(400); i < n; i++) {
        bool text = test_random(2);
        const char *table = test_random(3) ? "traffic" : "endpoints";
        int bucket = (int)test_random(4) * 97 + 10;
        int64_t offset = (int64_t)test_random(7) - 3;
        char *value =
            test_random(5) == 0
                ? sqlite3_mprintf("%s", odd[test_random(sizeof odd / sizeof odd[0])])
                : sqlite3_mprintf(text ? "(SELECT strftime('%%Y-%%m-%%d %%H:%%M:%%f', (tstart_ms"
                                         " + %lld) / 1000.0, 'unixepoch') FROM plain"
                                         " WHERE tstart_ms > 0 LIMIT 1 OFFSET %d)"
                                       : "(SELECT tstart_ms + %lld FROM plain"
                                         " WHERE tstart_ms > 0 LIMIT 1 OFFSET %d)",
                                  (long long)offset, (int)test_random(1000));
        const char *op = ops[test_random(5)], *column = columns[!text];
        const char *what = shown[test_random(3)];
        const char *group = strcmp(what, shown[2]) == 0 ? "" : " GROUP BY 1";
        static const char format[] = "SELECT %s FROM %s WHERE bucket = %d AND %s%s%s %s %s%s";
        char *x = sqlite3_mprintf(format, what, table, bucket, "", column, "", op, value, group);
        /* With likely() it is no column, and nothing is taken. */
        char *y =
            sqlite3_mprintf(format, what, table, bucket, "likely(", column, ")", op, value, group);
        client_agree(db, x, y, true);
        sqlite3_free(x);
        sqlite3_free(y);
        sqlite3_free(value);
    }
    struct lines l = client_query(db,
                                  "EXPLAIN QUERY PLAN SELECT sum(bytes) FROM traffic WHERE time >= "
                                  "datetime('now') AND time_ms < 5",
                                  false);
    assert_non_null(strstr(l.p[0], "time>= time_ms< "));
    client_free(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_on_traffic),
        cmocka_unit_test(totals_in_order),
        cmocka_unit_test(totals_in_any_order),
        cmocka_unit_test(endpoints_are_both_ends),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(pro_rating),
        cmocka_unit_test(passes),
        cmocka_unit_test(every_dimension),
        cmocka_unit_test(masks),
        cmocka_unit_test(extreme_times),
        cmocka_unit_test(times_of_buckets),
    };
    return cmocka_run_group_tests_name("ext/totals", tests, twin_setup, twin_teardown);
}
