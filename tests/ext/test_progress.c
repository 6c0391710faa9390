/* SPDX-License-Identifier: MIT */
/*
** How far a query is, and stopping it, while it reads a store and delivers no row: through the
** extension as a client loads it.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "ext/progress.h"
#include "schema/fvt.h"
#include "tests/ext/client.h"

/* Enough for some tenths of a second with a test that is slow on each row: reports come every 20 ms.
*/
enum { ROWS = 200000, FILES = 40 };

static char dir[] = "/tmp/flowvt-progress-XXXXXX";

/* One file, and its other names. */
static int make_store(void) {
    char first[200], path[200];
    struct fvt_error err;
    struct fvt_writer *w;
    if (!mkdtemp(dir))
        return -1;
    snprintf(first, sizeof first, "%s/flows.202311140000.fvt", dir);
    if (fvt_writer_open(first, INT64_C(1699920000000), 60000, &w, &err) != FVT_OK)
        return -1;
    for (int i = 0; i < ROWS; i++) {
        struct flow_row row;
        flow_row_clear(&row);
        flow_row_set(&row, FLOW_bytes, 40 + (uint64_t)i % 1000);
        flow_row_set(&row, FLOW_packets, 1 + (uint64_t)i % 7);
        flow_row_set(&row, FLOW_srcport, (uint64_t)i % 60000);
        if (fvt_writer_add(w, &row) != FVT_OK)
            return -1;
    }
    if (fvt_writer_finish(w) != FVT_OK)
        return -1;
    for (int i = 1; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/flows.2023111400%02d.fvt", dir, i);
        if (link(first, path) != 0)
            return -1;
    }
    return 0;
}

static int setup(void **state) {
    if (make_store() != 0)
        return -1;
    *state = client_open(dir);
    return *state ? 0 : -1;
}

static int teardown(void **state) {
    return client_close(*state, dir);
}

struct seen {
    sqlite3 *interrupt; /* interrupt this when it is reported, NULL: do not */
    int answer;         /* to report() */
    int reports;
    uint64_t files, bytes, of_files, of_bytes;
    bool wrong;
};

static int report(void *arg, uint64_t files_done, uint64_t files, uint64_t bytes_done,
                  uint64_t bytes) {
    struct seen *s = arg;
    s->wrong |= files_done < s->files || bytes_done < s->bytes || files_done > files ||
                bytes_done > bytes ||
                (s->reports && (files != s->of_files || bytes != s->of_bytes));
    s->reports++;
    s->files = files_done;
    s->bytes = bytes_done;
    s->of_files = files;
    s->of_bytes = bytes;
    if (s->interrupt)
        sqlite3_interrupt(s->interrupt);
    return s->answer;
}

static void listen(sqlite3 *db, const struct flowvt_progress *progress) {
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT flowvt_progress(?1)", -1, &stmt, NULL),
                     SQLITE_OK);
    if (progress)
        sqlite3_bind_pointer(stmt, 1, (void *)(uintptr_t)progress, FLOWVT_PROGRESS, NULL);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    sqlite3_finalize(stmt);
}

/* Each reads every row and finds none. */
static const char *const statements[] = {
    "SELECT count(*) FROM flows WHERE filter = 'bpp > 100000000'",
    "SELECT srcport FROM flows WHERE filter = 'bpp > 100000000' LIMIT 1",
    "SELECT srcport FROM flows WHERE filter = 'bpp > 100000000' ORDER BY srcport",
    "SELECT sum(bytes) FROM traffic WHERE filter = 'bpp > 100000000' GROUP BY srcport",
};

static void progress(void **state) {
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        struct seen seen = {0};
        const struct flowvt_progress hook = {report, &seen};
        listen(*state, &hook);
        assert_int_equal(sqlite3_exec(*state, statements[i], NULL, NULL, NULL), SQLITE_OK);
        assert_false(seen.wrong);
        if (seen.reports == 0)
            print_message("%s: done before it was time for a report\n", statements[i]);
        else
            assert_int_equal(seen.of_files, FILES);
        int reports = seen.reports;
        listen(*state, NULL);
        assert_int_equal(sqlite3_exec(*state, statements[i], NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(seen.reports, reports);
    }
}

/* Stopped by the answer, or by sqlite3_interrupt() while report() runs. */
static void stopping(void **state) {
    for (size_t i = 0; i < sizeof statements / sizeof statements[0] * 2; i++) {
        struct seen seen = {.answer = i & 1, .interrupt = i & 1 ? NULL : *state};
        const struct flowvt_progress hook = {report, &seen};
        listen(*state, &hook);
        int rc = sqlite3_exec(*state, statements[i / 2], NULL, NULL, NULL);
        /* sqlite3_interrupt() is found at the next look, if the scan is not done by then. */
        if (rc != SQLITE_OK || seen.answer || seen.reports > 1)
            assert_int_equal(rc, seen.reports ? SQLITE_INTERRUPT : SQLITE_OK);
        assert_true(seen.reports <= 2);
        listen(*state, NULL);
        assert_int_equal(sqlite3_exec(*state, statements[i / 2], NULL, NULL, NULL), SQLITE_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress),
        cmocka_unit_test(stopping),
    };
    return cmocka_run_group_tests_name("ext/progress", tests, setup, teardown);
}
