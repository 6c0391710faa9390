/* SPDX-License-Identifier: MIT */
/*
** Flow files that are cut or damaged: never a wrong value, and what is missing is counted.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "files.h"
#include "image.h"
#include "schema/store.h"

/* A column whose last value comes long before the group's last row. */
static void column_ends_early(void **state) {
    char path[256];
    struct fvt_writer *w = NULL;
    struct fvt_file *file = NULL;
    struct fvt_error err;
    (void)state;
    files_path(path, sizeof path, "early.fvt");
    assert_int_equal(fvt_writer_open(path, 0, 300000, &w, &err), FVT_OK);
    for (int64_t i = 0; i < 5000; i++) {
        struct flow_row row;
        flow_row_clear(&row);
        flow_row_mark(&row, FLOW_bytes);
        row.value[FLOW_bytes].i = i;
        if (i < 20) {
            flow_row_mark(&row, FLOW_icmptype);
            row.value[FLOW_icmptype].i = 128 + i % 3;
        }
        assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    for (int closed = 0; closed < 2; closed++) {
        assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
        assert_int_equal(file->rows, 5000);
        assert_int_equal(fvt_verify(file), 0);
        struct fvt_chunk *c = NULL;
        assert_int_equal(fvt_chunk_load(file, &file->groups[0], FLOW_icmptype, &c), FVT_OK);
        fvt_chunk_free(c);
        fvt_file_free(file);
        assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    }
}

/* A live file cut anywhere: the groups before the cut are all there, and a writer goes on. */
static void cut_anywhere(void **state) {
    (void)state;
    char path[256], cut[256];
    files_path(path, sizeof path, "cut.fvt");
    files_path(cut, sizeof cut, "cut2.fvt");
    files_write(path, 4, 0, 40, 10);
    size_t n;
    uint8_t *p = image_read(path, &n);
    uint64_t last = 0;
    for (size_t k = 64; k <= n; k++) {
        struct fvt_file *file;
        struct fvt_error err;
        image_write(cut, p, k);
        assert_int_equal(fvt_open(cut, &file, &err), FVT_OK);
        assert_true(file->rows % 10 == 0 && file->rows >= last);
        assert_int_equal(file->state, FVT_LIVE);
        for (uint32_t g = 0; g < file->ngroups; g++)
            assert_int_equal(files_check_group(file, &file->groups[g], 4, 100), 0);
        last = file->rows;
        fvt_file_free(file);
        if (k % 97 == 0 && k > 2000) {
            files_write(cut, 4, last, last + 5, 100);
            assert_int_equal(fvt_open(cut, &file, &err), FVT_OK);
            assert_int_equal(file->rows, last + 5);
            for (uint32_t g = 0; g < file->ngroups; g++)
                assert_int_equal(files_check_group(file, &file->groups[g], 4, 100), 0);
            fvt_file_free(file);
        }
    }
    assert_int_equal(last, 40);
    free(p);
}

/* Every byte changed in turn: never a wrong value, and what is missing is counted. */
static void flip_bytes(const char *path, uint64_t seed, uint64_t rows) {
    char bad[256];
    files_path(bad, sizeof bad, "bad.fvt");
    size_t n;
    uint8_t *p = image_read(path, &n);
    for (size_t k = 0; k < n; k++) {
        p[k] ^= (uint8_t)(1 + k % 255);
        image_write(bad, p, n);
        p[k] ^= (uint8_t)(1 + k % 255);
        struct fvt_file *file;
        struct fvt_error err;
        int rc = fvt_open(bad, &file, &err);
        if (rc != FVT_OK) {
            assert_int_equal(rc, FVT_FOREIGN);
            continue;
        }
        unsigned unreadable = 0;
        for (uint32_t g = 0; g < file->ngroups; g++)
            if (!file->groups[g].damaged)
                unreadable += files_check_group(file, &file->groups[g], seed, 100);
        if (unreadable || file->rows != rows)
            assert_true(fvt_verify(file) > 0);
        fvt_file_free(file);
    }
    free(p);
}

static void flipped(void **state) {
    (void)state;
    char path[256];
    files_path(path, sizeof path, "flip.fvt");
    files_write(path, 5, 0, 12, 12);
    flip_bytes(path, 5, 12);
    struct fvt_error err;
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    flip_bytes(path, 5, 12);
}

/* A damaged group of a live file stays counted when the file is closed. */
static void damage_is_kept(void **state) {
    (void)state;
    char path[256];
    files_path(path, sizeof path, "kept.fvt");
    files_write(path, 6, 0, 30, 10);
    struct fvt_file *file;
    struct fvt_error err;
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    uint64_t at = file->groups[2].chunks[0].offset;
    fvt_file_free(file);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "\xff\xfe\xfd", 3, (off_t)at), 3);
    close(fd);
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    assert_int_equal(file->rows, 20);
    assert_int_equal(file->damaged, 1);
    assert_int_equal(fvt_verify(file), 1);
    fvt_file_free(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(flipped),
        cmocka_unit_test(column_ends_early),
        cmocka_unit_test(damage_is_kept),
    };
    return cmocka_run_group_tests_name("schema/damage", tests, files_begin, files_end);
}
