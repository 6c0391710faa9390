/* SPDX-License-Identifier: MIT */
/*
** What has no end of its own for long (sorting, dividing rows, going to disk, listing a store, loading a row
** group) asks often whether to leave off, and does nothing any more then.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ext/row_bound.h"
#include "ext/scan.h"
#include "ext/spill.h"
#include "schema/store.h"
#include "tests/ext/client.h"

enum { ROWS = 300000, ITEMS = 1 << 20 };

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

/* The first rows of a set that holds more than were asked for: a place among them is looked for. */
static void dividing(void **state) {
    (void)state;
    enum { N = 50000, ALIKE = 4 };
    static int64_t value[N];
    struct run_column column[] = {{8, 0, value, NULL}, {STRAIGHT, 0, NULL, NULL}};
    struct run run = {N, N, column}, *runs[] = {&run};
    const struct row_spec spec = {.n = 1, .kind = {CELL_INT}};
    const struct rowset set = {.spec = &spec, .nruns = 1, .run = runs, .rows = N};
    for (int64_t i = 0; i < N; i++)
        value[i] = i * 7919 % N / ALIKE; /* each four times */
    static const int64_t limits[] = {0, 1, ALIKE, N / 3, N - 1};
    for (int desc = 0; desc < 2; desc++)
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
            const struct row_terms terms = {1, {{0, desc}}};
            struct asked asked = {.limit = LONG_MAX};
            const struct sort_stop stop = {stop_at_limit, &asked};
            struct row_bound bound = {0};
            uint8_t *keep = calloc(N, 1);
            uint32_t before = 0;
            assert_true(row_bound_split(&set, &terms, limits[i], &stop, &bound));
            row_bound_mark(&set, &terms, &bound, NULL, keep);
            for (int k = 0; k < N; k++)
                before += keep[k];
            assert_int_equal(before, limits[i]);
            int64_t place = limits[i] / ALIKE;
            assert_int_equal(bound.value[0].v, desc ? N / ALIKE - 1 - place : place);
            assert_true(asked.times >= N / STOP_SLOW);
            asked = (struct asked){.limit = 2};
            assert_false(row_bound_split(&set, &terms, limits[i], &stop, &bound));
            assert_int_equal(asked.times, 2);
            row_bound_clear(&bound);
            free(keep);
        }
}

static void write_file(const char *path) {
    struct fvt_writer *w;
    struct fvt_error err;
    unlink(path);
    assert_int_equal(fvt_writer_open(path, 1700000000000, 60000, &w, &err), FVT_OK);
    for (uint32_t i = 0; i < 1000; i++) {
        struct flow_row row;
        flow_row_clear(&row);
        flow_row_set_time(&row, FLOW_tstart, 1700000000000 + i);
        flow_row_set_time(&row, FLOW_tend, 1700000001000 + i);
        flow_row_set_ip(&row, FLOW_srcip, 4, &i);
        flow_row_set(&row, FLOW_srcport, i);
        assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
}

/* The chunks and the dictionary of a row group: before each it is asked. */
static void entering(void **state) {
    (void)state;
    char path[] = "/tmp/flowvt-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_file(path);
    static const struct fvt_choice all = {
        .by = FVT_BY_FLOWS, .since = INT64_MIN, .until = INT64_MAX};
    static const struct window window = {INT64_MIN, INT64_MAX};
    const bool used[SCAN_NCOLUMNS] = {[FLOW_tstart] = true,
                                      [FLOW_tend] = true,
                                      [FLOW_srcip] = true,
                                      [FLOW_srcport] = true,
                                      [FLOW_flows] = true};
    struct snapshot *snapshot;
    struct fvt_error err;
    long enough = LONG_MAX;
    assert_int_equal(snapshot_take(path, &all, NULL, &snapshot, &err), FVT_OK);
    for (long limit = 1; limit <= enough; limit++) {
        struct asked asked = {.limit = limit};
        struct scan_source *source = scan_source_new(snapshot);
        struct predicate *any = predicate_new(PREDICATE_AND, 0);
        struct scan *scan = scan_new(source, any, &window, used);
        assert_non_null(scan);
        scan_set_poll(scan, stop_at_limit, &asked);
        int rc = scan_next_group(scan);
        assert_true(rc == 1 || rc == SCAN_STOPPED);
        if (rc == 1)
            enough = limit - 1;
        else
            assert_int_equal(asked.times, limit);
        scan_free(scan);
        predicate_free(any);
        scan_source_free(source);
    }
    /* The group, four chunks, a dictionary. */
    assert_true(enough >= 6);
    snapshot_free(snapshot);
    unlink(path);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorting),  cmocka_unit_test(spilling), cmocka_unit_test(listing),
        cmocka_unit_test(dividing), cmocka_unit_test(entering),
    };
    return cmocka_run_group_tests_name("ext/stop", tests, NULL, NULL);
}
