/* SPDX-License-Identifier: MIT */
/*
** sqlite3_interrupt() from another thread stops a table that counts, in whatever it is at, an export,
** and who goes through files that have nothing for him.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "schema/store.h"
#include "tests/ext/client.h"

enum { ROWS = 300000, LINKS = 20000 };

static char path[] = "/tmp/flowvt-test-XXXXXX";
static atomic_bool done;

/* Rows of which no two have the same addresses and ports, and one that lasts a month. */
static void write_file(void) {
    struct fvt_writer *w;
    struct fvt_error err;
    unlink(path);
    assert_int_equal(fvt_writer_open(path, 1700000000000, 60000, &w, &err), FVT_OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        struct flow_row row;
        flow_row_clear(&row);
        flow_row_set_time(&row, FLOW_tstart, 1700000000000);
        flow_row_set_time(&row, FLOW_tend, 1700000000000 + (i % 100 ? 1000 : INT64_C(2500000000)));
        flow_row_set_ip(&row, FLOW_srcip, 4, &i);
        flow_row_set(&row, FLOW_srcport, i % 65536);
        flow_row_set(&row, FLOW_bytes, INT64_C(1) << 40);
        assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
}

/* Until the statement has ended: an interrupt before it began is forgotten. */
static void *interrupt(void *db) {
    while (!atomic_load(&done)) {
        struct timespec t = {0, 10000000};
        nanosleep(&t, NULL);
        sqlite3_interrupt(db);
    }
    return NULL;
}

/* The statement is stopped, with one thread and with as many as are given. */
static void check_stops(sqlite3 *db, const char *sql, int most_threads) {
    sqlite3_stmt *s;
    assert_non_null(db);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    for (int threads = 1; threads <= most_threads; threads++) {
        char text[2] = {(char)('0' + threads), 0};
        setenv("FLOWVT_THREADS", text, 1);
        pthread_t id;
        atomic_store(&done, false);
        assert_int_equal(pthread_create(&id, NULL, interrupt, db), 0);
        assert_int_equal(sqlite3_step(s), SQLITE_INTERRUPT);
        atomic_store(&done, true);
        pthread_join(id, NULL);
        sqlite3_reset(s);
    }
    unsetenv("FLOWVT_THREADS");
    sqlite3_finalize(s);
}

/* The same of the file, and the connection is as it was, with nothing of ours in the way of closing it. */
static void check_stops_in_file(const char *sql) {
    sqlite3 *db = client_open(path);
    check_stops(db, sql, 3);
    assert_int_equal(client_one(db, "SELECT sum(flows) FROM traffic"), ROWS);
    assert_int_equal(client_close(db, NULL), 0);
}

static void totals(void **state) {
    (void)state;
    /* Seconds of work: each long flow is in 2.5 million buckets. */
    check_stops_in_file(
        "SELECT time, srcip, bytes FROM traffic WHERE bucket = 1 ORDER BY bytes, time LIMIT 5");
}

/* An export of which no line is ready, because no flow passes a long filter. */
static void exports(void **state) {
    (void)state;
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(
        sql, "SELECT text FROM flows_csv WHERE header = 0 AND filter = 'src port 1 and src port 2");
    for (int i = 0; i < 3000; i++)
        sqlite3_str_appendf(sql, " or src port %d and src port %d", 2 * i, 2 * i + 1);
    sqlite3_str_appendall(sql, "'");
    char *text = sqlite3_str_finish(sql);
    check_stops_in_file(text);
    sqlite3_free(text);
}

/* A store of files that know of no exporters, interfaces or counters, of which a row is one. */
static void files(void **state) {
    (void)state;
    char dir[] = "/tmp/flowvt-test-XXXXXX", name[64];
    assert_non_null(mkdtemp(dir));
    for (int i = 0; i < LINKS; i++) {
        snprintf(name, sizeof name, "%s/flows.%012d.fvt", dir, i);
        assert_int_equal(link(path, name), 0);
    }
    static const char *const tables[] = {"flow_exporters", "flow_interfaces", "if_counters"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        sqlite3 *db = client_open(dir);
        char *sql = sqlite3_mprintf("SELECT * FROM %s", tables[i]);
        check_stops(db, sql, 1);
        sqlite3_free(sql);
        assert_int_equal(client_close(db, NULL), 0);
    }
    assert_int_equal(client_close(NULL, dir), 0);
}

static int setup(void **state) {
    (void)state;
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    write_file();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    return unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals),
        cmocka_unit_test(exports),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests_name("ext/interrupt", tests, setup, teardown);
}
