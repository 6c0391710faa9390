/* SPDX-License-Identifier: MIT */
/*
** The first groups of very many: the answer is that of all groups in order, and in a process that may write no
** file, where all groups do not fit into memory, there still is one.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "schema/fvt.h"
#include "tests/ext/client.h"

enum { ROWS = 40000, HOSTS = 300 };
#define BEGIN INT64_C(1700000000000)

static char dir[] = "/tmp/flowvt-test-XXXXXX";
static sqlite3 *db;

/* Few hosts and ports have most of the flows, and most pairs of them one. */
static void make_row(struct flow_row *row, int i) {
    uint64_t src = test_random(1 + test_random(HOSTS)), dst = test_random(1 + test_random(HOSTS));
    int64_t start = BEGIN + (int64_t)test_random(600000);
    flow_row_clear(row);
    if (src % 5)
        flow_row_set_ip(row, FLOW_srcip, 4,
                        (const uint8_t[]){10, 0, (uint8_t)(src >> 8), (uint8_t)src});
    else
        flow_row_set_ip(
            row, FLOW_srcip, 6,
            (const uint8_t[16]){0x20, 1, 0xd, 0xb8, [14] = (uint8_t)(src >> 8), (uint8_t)src});
    flow_row_set_ip(row, FLOW_dstip, 4,
                    (const uint8_t[]){10, 1, (uint8_t)(dst >> 8), (uint8_t)dst});
    flow_row_set(row, FLOW_srcmask, src % 5 ? 25 + (int64_t)(src % 8) : 120 + (int64_t)(i % 9));
    flow_row_set(row, FLOW_dstmask, 28 + i % 5);
    flow_row_set(row, FLOW_dstport, (int64_t)test_random(8) ? 443 : 1 + (int64_t)test_random(500));
    flow_row_set(row, FLOW_packets, 1 + (int64_t)(i % 97 ? test_random(5) : test_random(100000)));
    flow_row_set(row, FLOW_bytes,
                 40 + (int64_t)(i % 89 ? test_random(1460) : test_random(10000000)));
    if (i % 5000 == 7)
        return;
    flow_row_set_time(row, FLOW_tstart, start);
    flow_row_set_time(row, FLOW_tend, start + (int64_t)test_random(1000));
}

static int setup(void **state) {
    (void)state;
    struct fvt_error err;
    struct fvt_writer *w;
    struct flow_row row;
    char path[64];
    db = client_open_new(dir);
    snprintf(path, sizeof path, "%s/one.fvt", dir);
    if (!db || fvt_writer_open(path, BEGIN, 600000, &w, &err) != FVT_OK)
        return -1;
    for (int i = 0; i < ROWS; i++) {
        make_row(&row, i);
        if (fvt_writer_add(w, &row) != FVT_OK)
            return -1;
    }
    setenv("FLOWVT_MEMORY", "1", 1); /* 1 MB is the least it takes */
    return fvt_writer_finish(w) == FVT_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    return client_close(db, dir);
}

/* With a limit behind each. */
static const char *const firsts[] = {
    "SELECT srcip, dstip, bytes FROM traffic ORDER BY bytes DESC, srcip, dstip",
    "SELECT srcip, dstip, dstport, flows, packets, bytes, first, last FROM traffic"
    " ORDER BY packets DESC, srcip, dstip, dstport",
    "SELECT srcip, dstip, dstport, flows FROM traffic WHERE since = 1700000100 AND until = "
    "1700000500"
    " ORDER BY flows DESC, srcip, dstip, dstport",
    "SELECT srcip, dstip, dstport, first FROM traffic WHERE since = 1700000100"
    " ORDER BY first, srcip, dstip, dstport",
    "SELECT srcip, dstip, dstport, first, last, bytes FROM traffic ORDER BY last DESC, srcip, "
    "dstip, dstport",
    "SELECT ip, peerip, port, bytes, flows_in FROM endpoints ORDER BY bytes DESC, ip, peerip, port",
    "SELECT ip, peerip, port, bytes_in FROM endpoints ORDER BY bytes_in DESC, ip, peerip, port",
    "SELECT time, srcip, dstip, bytes FROM traffic WHERE bucket = 60 ORDER BY bytes DESC, time, "
    "srcip, dstip",
    "SELECT srcnet, dstnet, dstport, bytes FROM traffic ORDER BY bytes DESC, srcnet, dstnet, "
    "dstport",
    "SELECT srcip, srcnet, dstip, bytes FROM traffic ORDER BY bytes DESC, srcip, srcnet, dstip",
    "SELECT srcip, dstip, dstport, packets FROM traffic WHERE mask4 = 30 AND mask6 = 126"
    " ORDER BY packets DESC, srcip, dstip, dstport",
    /* of few groups with as much as that */
    "SELECT srcip, dstip, dstport, bytes FROM traffic WHERE filter = 'bytes > 100k'"
    " ORDER BY bytes DESC, srcip, dstip, dstport",
    /* the least, for which there is no sketch */
    "SELECT srcip, dstip, dstport, bytes FROM traffic ORDER BY bytes, srcip, dstip, dstport",
    /* SQLite has a test of its own, and needs more than the limit */
    "SELECT srcip, dstip, dstport, bytes FROM traffic WHERE srcip < dstip AND dstport + 0 < 200"
    " ORDER BY bytes DESC, srcip, dstip, dstport",
};

static void are_those_of_all(void **state) {
    (void)state;
    static const int limits[] = {1, 10, 9000};
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++)
        for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
            char threads[2] = {(char)('1' + test_random(3)), 0};
            char *x = sqlite3_mprintf("%s LIMIT %d", firsts[i], limits[k]);
            char *y =
                sqlite3_mprintf("SELECT * FROM (%s LIMIT 1000000) LIMIT %d", firsts[i], limits[k]);
            setenv("FLOWVT_THREADS", threads, 1);
            assert_true(client_agree(db, x, y, false) > 0);
            sqlite3_free(x);
            sqlite3_free(y);
        }
    unsetenv("FLOWVT_THREADS");
}

#define ALL_OF                                                                                 \
    " FROM (SELECT srcip, dstip, dstport, flows, packets, bytes, total_flows, total_packets, " \
    "total_bytes FROM traffic"
#define IN_ORDER " ORDER BY bytes DESC, srcip, dstip, dstport"

/* However the first ones are found, what all groups have together is that of all flows. */
static void totals_of_all(void **state) {
    (void)state;
    static const struct {
        const char *totals, *all;
    } same[] = {
        {"SELECT total_flows, total_packets, total_bytes" ALL_OF IN_ORDER " LIMIT 1)",
         "SELECT count(*), sum(packets), sum(bytes) FROM flows"},
        {"SELECT DISTINCT total_flows, total_packets, total_bytes" ALL_OF IN_ORDER " LIMIT 50)",
         "SELECT count(*), sum(packets), sum(bytes) FROM flows"},
        {"SELECT DISTINCT total_flows, total_packets, total_bytes" ALL_OF IN_ORDER ")",
         "SELECT count(*), sum(packets), sum(bytes) FROM flows"},
        {"SELECT DISTINCT total_flows, total_packets, total_bytes" ALL_OF
         " WHERE dstport = 443 AND since = 1700000100 AND until = 1700000200" IN_ORDER " LIMIT 7)",
         "SELECT sum(flows), sum(packets), sum(bytes) FROM traffic WHERE dstport = 443"
         " AND since = 1700000100 AND until = 1700000200"},
        {"SELECT total_flows, total_packets, total_bytes FROM (SELECT ip, peerip, port, bytes, "
         "total_flows,"
         " total_packets, total_bytes FROM endpoints ORDER BY bytes DESC, ip, peerip, port LIMIT "
         "1)",
         "SELECT 2 * count(*), 2 * sum(packets), 2 * sum(bytes) FROM flows"},
        {"SELECT total_bytes FROM traffic", "SELECT sum(bytes) FROM flows"},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_int_equal(client_agree(db, same[i].totals, same[i].all, false), 1);
}

/* SQLite makes the sums of a top list, and is given the groups that can be in it. */
static void of_a_top_list(void **state) {
    (void)state;
    client_agree(db,
                 "SELECT srcip, dstip, dstport, sum(bytes) FROM flows GROUP BY 1, 2, 3 ORDER BY 4 "
                 "DESC, 1, 2, 3 LIMIT 20",
                 "SELECT * FROM (SELECT srcip, dstip, dstport, bytes FROM traffic"
                 " ORDER BY bytes DESC, srcip, dstip, dstport LIMIT 1000000) LIMIT 20",
                 false);
}

static int code_of(const char *sql) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static void need_no_disk(void **state) {
    (void)state;
    struct rlimit old, none;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    int all = code_of("SELECT count(*) FROM (SELECT srcip, dstip, dstport, bytes FROM traffic"
                      " ORDER BY bytes DESC LIMIT 1000000)");
    int few =
        code_of("SELECT srcip, dstip, dstport, bytes FROM traffic ORDER BY bytes DESC LIMIT 10");
    int list = code_of("SELECT srcip, dstip, dstport, sum(packets) FROM flows GROUP BY 1, 2, 3 "
                       "ORDER BY 4 DESC LIMIT 10");
    int early = code_of("SELECT srcip, dstip, dstport, first FROM traffic WHERE since = 1700000000 "
                        "ORDER BY first LIMIT 10");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(all, SQLITE_IOERR);
    assert_int_equal(few, SQLITE_OK);
    assert_int_equal(list, SQLITE_OK);
    assert_int_equal(early, SQLITE_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_those_of_all),
        cmocka_unit_test(totals_of_all),
        cmocka_unit_test(of_a_top_list),
        cmocka_unit_test(need_no_disk),
    };
    return cmocka_run_group_tests_name("ext/sketch", tests, setup, teardown);
}
