/* SPDX-License-Identifier: MIT */
/*
** Stores: files by the clock, whatever it does, a disk that is full when one ends, and what is listed.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "rows.h"
#include "schema/store.h"

static void count_warning(void *arg, const char *text) {
    (void)text;
    ++*(int *)arg;
}

/* Rotation by the clock given, one file an interval, all closed in the end; a second writer is
** refused. */
static void store_rotates(void **state) {
    (void)state;
    char store[256];
    files_path(store, sizeof store, "store");
    struct fvt_store *s, *other;
    struct fvt_error err;
    int warnings = 0;
    assert_int_equal(fvt_store_open(store, 60, count_warning, &warnings, &s, &err), FVT_OK);
    assert_int_equal(fvt_store_open(store, 60, NULL, NULL, &other, &err), FVT_IO);
    assert_non_null(strstr(err.text, "another program"));
    struct test_row t;
    int64_t base = 1700000000000 / 60000 * 60000;
    for (uint64_t i = 0; i < 90; i++) {
        /* A clock that falls back a little must not go back to a file that is closed. */
        int64_t now = base + (int64_t)i * 2000 - (i % 30 == 0 ? 1500 : 0);
        assert_int_equal(fvt_store_tick(s, now), FVT_OK);
        test_row_make(&t, 8, i);
        assert_int_equal(fvt_store_add(s, &t.row), FVT_OK);
    }
    assert_int_equal(fvt_store_close(s), FVT_OK);
    char **paths;
    size_t n;
    assert_int_equal(fvt_store_list(store, &paths, &n, &err), FVT_OK);
    assert_int_equal(n, 4);
    uint64_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        struct fvt_file *file;
        assert_int_equal(fvt_open(paths[i], &file, &err), FVT_OK);
        assert_int_equal(file->state, FVT_CLOSED);
        rows += file->rows;
        fvt_file_free(file);
    }
    assert_int_equal(rows, 90);
    assert_non_null(strstr(paths[1], "/2023/11/14/flows.202311142213.fvt"));
    free(paths);
    assert_int_equal(warnings, 0);
}

static uint64_t rows_below(const char *store, unsigned *files) {
    char **paths;
    size_t n;
    struct fvt_error err;
    assert_int_equal(fvt_store_list(store, &paths, &n, &err), FVT_OK);
    uint64_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        struct fvt_file *file;
        assert_int_equal(fvt_open(paths[i], &file, &err), FVT_OK);
        assert_int_equal(file->state, FVT_CLOSED);
        assert_int_equal(fvt_verify(file), 0);
        rows += file->rows;
        fvt_file_free(file);
    }
    free(paths);
    *files = (unsigned)n;
    return rows;
}

/* A clock that was years ahead for one tick: the rows go on where they belong, and the file that
** was closed meanwhile gets them. */
static void clock_steps_back(void **state) {
    (void)state;
    char store[256];
    files_path(store, sizeof store, "clock");
    struct fvt_store *s;
    struct fvt_error err;
    int warnings = 0;
    assert_int_equal(fvt_store_open(store, 300, count_warning, &warnings, &s, &err), FVT_OK);
    struct test_row t;
    for (uint64_t i = 0; i < 300; i++) {
        int64_t wrong = i / 100 == 1 ? INT64_C(2000000000000) : 0;
        assert_int_equal(fvt_store_tick(s, 1700000000000 + wrong + (int64_t)i), FVT_OK);
        test_row_make(&t, 9, i);
        assert_int_equal(fvt_store_add(s, &t.row), FVT_OK);
    }
    assert_int_equal(fvt_store_close(s), FVT_OK);
    unsigned files;
    assert_int_equal(rows_below(store, &files), 300);
    assert_int_equal(files, 2);
    assert_int_equal(warnings, 1);
}

/* The disk is full when an interval ends: its rows are written when there is room again. */
static void full_disk_at_rotation(void **state) {
    (void)state;
    char store[256];
    files_path(store, sizeof store, "late");
    struct fvt_store *s;
    struct fvt_error err;
    int warnings = 0;
    assert_int_equal(fvt_store_open(store, 60, count_warning, &warnings, &s, &err), FVT_OK);
    struct rlimit was, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = 6000;
    signal(SIGXFSZ, SIG_IGN);
    struct test_row t;
    int64_t base = 1700000000000 / 60000 * 60000;
    assert_int_equal(fvt_store_tick(s, base), FVT_OK);
    for (uint64_t i = 0; i < 500; i++) {
        test_row_make(&t, 10, i);
        assert_int_equal(fvt_store_add(s, &t.row), FVT_OK);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(fvt_store_tick(s, base + 60000), FVT_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    for (uint64_t i = 500; i < 600; i++) {
        test_row_make(&t, 10, i);
        assert_int_equal(fvt_store_add(s, &t.row), FVT_OK);
    }
    assert_int_equal(fvt_store_close(s), FVT_OK);
    unsigned files;
    assert_int_equal(rows_below(store, &files), 600);
    assert_int_equal(files, 2);
}

/* Files are found once: not through links, and a directory of such a name is none. */
static void listing(void **state) {
    (void)state;
    char store[256], sub[300], file[340], link_to[300], name[300];
    files_path(store, sizeof store, "list");
    snprintf(sub, sizeof sub, "%s/day", store);
    snprintf(file, sizeof file, "%s/a.fvt", sub);
    snprintf(link_to, sizeof link_to, "%s/current", store);
    snprintf(name, sizeof name, "%s/b.fvt", store);
    assert_int_equal(mkdir(store, 0755) | mkdir(sub, 0755) | mkdir(name, 0755), 0);
    files_write(file, 1, 0, 3, 1);
    assert_int_equal(symlink("day", link_to), 0);
    char **paths;
    size_t n;
    struct fvt_error err;
    assert_int_equal(fvt_store_list(store, &paths, &n, &err), FVT_OK);
    assert_int_equal(n, 1);
    assert_string_equal(paths[0], file);
    free(paths);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_rotates),
        cmocka_unit_test(clock_steps_back),
        cmocka_unit_test(full_disk_at_rotation),
        cmocka_unit_test(listing),
    };
    return cmocka_run_group_tests_name("schema/store", tests, files_begin, files_end);
}
