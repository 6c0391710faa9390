/* SPDX-License-Identifier: MIT */
/*
** sqlite3_interrupt() from another thread stops a table that counts, in whatever it is at, an export,
** and who goes through files that have nothing for him. What has no end of its own for long (sorting,
** going to disk, listing a store) asks often whether to leave off, and does nothing any more then.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ext/spill.h"
#include "schema/store.h"
#include "tests/ext/client.h"

enum { ROWS = 300000, LINKS = 20000, ITEMS = 1 << 20 };

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

/* The statement is stopped, with one thread and with several. */
static void check_stops(const char *sql) {
    sqlite3 *db = client_open(path);
    sqlite3_stmt *s;
    assert_non_null(db);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    for (int threads = 1; threads <= 3; threads++) {
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
    /* The connection is as it was, and nothing of ours is in the way of closing it. */
    assert_int_equal(client_one(db, "SELECT sum(flows) FROM traffic"), ROWS);
    assert_int_equal(client_close(db, NULL), 0);
}

static void totals(void **state) {
    (void)state;
    /* Seconds of work: each long flow is in 2.5 million buckets. */
    check_stops(
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
    check_stops(text);
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
        sqlite3_stmt *s;
        sqlite3 *db = client_open(dir);
        char *sql = sqlite3_mprintf("SELECT * FROM %s", tables[i]);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
        pthread_t id;
        atomic_store(&done, false);
        assert_int_equal(pthread_create(&id, NULL, interrupt, db), 0);
        assert_int_equal(sqlite3_step(s), SQLITE_INTERRUPT);
        atomic_store(&done, true);
        pthread_join(id, NULL);
        sqlite3_free(sql);
        sqlite3_finalize(s);
        assert_int_equal(client_close(db, NULL), 0);
    }
    assert_int_equal(client_close(NULL, dir), 0);
}

/* ---- what asks by itself ---------------------------------------------------------------- */

/* Says stop when it is asked for the limit-th time; how often that was, and what was done meanwhile. */
struct asked {
    long times, limit;
    long work, most; /* steps, and the most between two questions */
    long before;     /* work when it was asked last */
};

static bool stop_at_limit(void *arg) {
    struct asked *a = arg;
    a->most = a->work - a->before > a->most ? a->work - a->before : a->most;
    a->before = a->work;
    return ++a->times >= a->limit;
}

static struct asked *looked_at;

static uint64_t second_word(const void *arg, uint64_t at, unsigned w) {
    looked_at->work++;
    return w ? *(const uint64_t *)arg ^ at * UINT64_C(0x9e3779b97f4a7c15) : 0;
}

/* Items that are alike in their first word, all or a few at a time, so that most is to be done behind it. */
static void sorting(void **state) {
    (void)state;
    struct sort_item *items = malloc(2 * sizeof *items * ITEMS);
    uint64_t seed = 42;
    static const uint64_t alike[] = {2, 1000, ITEMS};
    for (size_t k = 0; k < sizeof alike / sizeof *alike; k++)
        for (long limit = 1; limit < 400; limit *= 7) {
            struct asked asked = {.limit = limit};
            const struct sort_stop stop = {stop_at_limit, &asked};
            looked_at = &asked;
            for (uint64_t i = 0; i < ITEMS; i++)
                items[i] = (struct sort_item){i / alike[k], i};
            sort_items(items, ITEMS, items + ITEMS, 2, second_word, &seed, &stop);
            if (asked.times < limit) /* it was over before */
                assert_int_equal(asked.work, ITEMS);
            assert_true(asked.most <= 2 * STOP_SLOW);
            assert_true(asked.work - asked.before <= 2 * STOP_SLOW);
        }
    free(items);
}

/* Groups that go to disk: the sorting of a run, and its writing. */
static void spilling(void **state) {
    (void)state;
    const struct group_shape shape = {1, 1, false};
    struct asked asked = {.limit = LONG_MAX};
    const struct sort_stop stop = {stop_at_limit, &asked};
    struct spill *s = spill_new(&shape, (size_t)64 << 20, &stop);
    struct spill_record r;
    int n = 0;
    for (uint64_t i = 0; i < ROWS; i++) {
        uint64_t key = i * UINT64_C(0x9e3779b97f4a7c15), sum = 1;
        assert_int_equal(spill_add(s, &key, sizeof key, &sum), FVT_OK);
    }
    assert_int_equal(spill_sort(s), FVT_OK);
    while (spill_next(s, &r) == 1)
        n++;
    assert_int_equal(n, ROWS);
    assert_true(asked.times >= ROWS / STOP_SLOW);
    spill_free(s);
    /* At once: nothing is written. */
    asked = (struct asked){.limit = 1};
    s = spill_new(&shape, (size_t)64 << 20, &stop);
    for (uint64_t i = 0; i < 2 * STOP_SLOW; i++)
        assert_int_equal(spill_add(s, &i, sizeof i, &i), FVT_OK);
    assert_int_equal(spill_sort(s), FVT_OK);
    assert_int_equal(spill_next(s, &r), 0);
    spill_free(s);
}

/* A store is listed directory by directory. */
static void listing(void **state) {
    (void)state;
    char dir[] = "/tmp/flowvt-test-XXXXXX", name[64];
    assert_non_null(mkdtemp(dir));
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "%s/%02d", dir, i);
        assert_int_equal(mkdir(name, 0755), 0);
    }
    for (long limit = 1; limit < 100; limit += 10) {
        struct asked asked = {.limit = limit};
        const struct fvt_choice choice = {FVT_BY_FLOWS, INT64_MIN, INT64_MAX, stop_at_limit,
                                          &asked};
        char **paths = NULL;
        size_t n;
        int rc = fvt_store_choose(dir, &choice, &paths, &n, NULL);
        assert_int_equal(rc, limit <= 31 ? FVT_IO : FVT_OK);
        assert_int_equal(asked.times, limit <= 31 ? limit : 31);
        free(paths);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(totals),   cmocka_unit_test(exports),
                                       cmocka_unit_test(files),    cmocka_unit_test(sorting),
                                       cmocka_unit_test(spilling), cmocka_unit_test(listing)};
    return cmocka_run_group_tests_name("ext/interrupt", tests, setup, teardown);
}
