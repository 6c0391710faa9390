/* SPDX-License-Identifier: MIT */
/*
** Flow files: what was written is what is read, live, closed, resumed, of any size.
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
#include <unistd.h>

#include "files.h"
#include "image.h"
#include "rows.h"
#include "schema/group.h"
#include "schema/rewrite.h"
#include "schema/store.h"

static void check_file(const char *path, uint64_t seed, uint64_t rows, enum fvt_state state) {
    struct fvt_file *file;
    struct fvt_error err;
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    assert_int_equal(file->state, state);
    assert_int_equal(file->rows, rows);
    assert_int_equal(file->damaged, 0);
    struct fvt_totals want;
    fvt_totals_init(&want);
    uint64_t bytes = 0;
    struct test_row t;
    for (uint64_t i = 0; i < rows; i++) {
        test_row_make(&t, seed, i);
        if (flow_row_has(&t.row, FLOW_tstart) && t.row.value[FLOW_tstart].i < want.first)
            want.first = t.row.value[FLOW_tstart].i;
    }
    assert_int_equal(file->totals.first, want.first);
    for (int p = 0; p < FVT_NPROTO; p++)
        bytes += file->totals.bytes[p];
    assert_true(rows == 0 || bytes > 0);
    for (uint32_t g = 0; g < file->ngroups; g++)
        assert_int_equal(files_check_group(file, &file->groups[g], seed, g % 2 ? 777 : 4096), 0);
    assert_int_equal(fvt_verify(file), 0);
    fvt_file_free(file);
}

static void round_trip(void **state) {
    (void)state;
    static const uint64_t sizes[] = {0, 1, 2, 63, 64, 65, 511, 513, 5000, 30000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char path[256];
        files_path(path, sizeof path, "round.fvt");
        unlink(path);
        files_write(path, i, 0, sizes[i], 1000);
        check_file(path, i, sizes[i], FVT_LIVE);
        struct fvt_error err;
        assert_int_equal(fvt_close_file(path, &err), FVT_OK);
        check_file(path, i, sizes[i], FVT_CLOSED);
        assert_int_equal(fvt_close_file(path, &err), FVT_OK);
        check_file(path, i, sizes[i], FVT_CLOSED);
    }
}

/* A writer goes on with a live file and with a closed one. */
static void resumed(void **state) {
    (void)state;
    char path[256];
    files_path(path, sizeof path, "resumed.fvt");
    files_write(path, 3, 0, 1500, 400);
    files_write(path, 3, 1500, 2500, 400);
    check_file(path, 3, 2500, FVT_LIVE);
    struct fvt_error err;
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    files_write(path, 3, 2500, 3000, 400);
    check_file(path, 3, 3000, FVT_LIVE);
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    check_file(path, 3, 3000, FVT_CLOSED);
}

/* A disk that takes no more: rows are kept within bounds, then refused, and what was accepted is
** written once there is room again. */
static void full_disk(void **state) {
    (void)state;
    char path[256];
    files_path(path, sizeof path, "full.fvt");
    struct fvt_writer *w;
    struct fvt_error err;
    assert_int_equal(fvt_writer_open(path, 0, 1000, &w, &err), FVT_OK);
    struct rlimit was, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct flow_row row;
    uint64_t accepted = 0, refused = 0, flushes = 0;
    for (uint64_t i = 0; refused < 10; i++) {
        flow_row_clear(&row);
        flow_row_set(&row, FLOW_bytes, i);
        flow_row_set(&row, FLOW_flowid, (i + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 1);
        flow_row_set(&row, FLOW_opid, (i + 7) * UINT64_C(0xd6e8feb86659fd93) >> 1);
        if (fvt_writer_add(w, &row) == FVT_OK)
            accepted++;
        else
            refused++;
        if (i % 100000 == 0)
            flushes += fvt_writer_flush(w, false) == FVT_IO;
        assert_true(i < 10000000);
    }
    assert_true(flushes > 0);
    assert_non_null(strstr(fvt_writer_message(w), "full.fvt: "));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    struct fvt_file *file;
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    assert_int_equal(file->rows, accepted);
    assert_int_equal(fvt_verify(file), 0);
    fvt_file_free(file);
    unlink(path);
}

/* Texts of a group are bounded, and a file of long texts can be closed and read. */
static void long_texts(void **state) {
    (void)state;
    enum { N = 3000, LEN = 60000 };
    char path[256];
    files_path(path, sizeof path, "texts.fvt");
    struct fvt_writer *w;
    struct fvt_error err;
    assert_int_equal(fvt_writer_open(path, 0, 1000, &w, &err), FVT_OK);
    char *text = malloc(LEN);
    memset(text, 'x', LEN);
    struct flow_row row;
    for (int i = 0; i < N; i++) {
        flow_row_clear(&row);
        snprintf(text, 16, "%d", i);
        flow_row_set_text(&row, FLOW_extra, text, LEN);
        assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    struct fvt_file *file;
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    assert_int_equal(file->rows, N);
    assert_true(file->ngroups > 1);
    assert_int_equal(fvt_verify(file), 0);
    fvt_file_free(file);
    free(text);
    unlink(path);
}

/* Another program may have written larger groups than ours: closing the file cuts them. */
static void huge_group(void **state) {
    (void)state;
    enum { N = FVT_GROUP_ROWS + 100000 };
    char path[256];
    files_path(path, sizeof path, "huge.fvt");
    struct group *g = group_new();
    assert_non_null(g);
    struct flow_row row;
    for (uint32_t i = 0; i < N; i++) {
        flow_row_clear(&row);
        flow_row_set_time(&row, FLOW_tstart, 1700000000000 + i);
        flow_row_set(&row, FLOW_proto, i % 3 ? 6 : 17);
        flow_row_set(&row, FLOW_bytes, i);
        if (i % 5 == 0)
            flow_row_set(&row, FLOW_sampling, 10);
        assert_int_equal(group_add(g, &row), FVT_OK);
    }
    struct fvt_buffer out = {0};
    file_begin(&out, FVT_LIVE, 1700000000000, 300000);
    assert_true(group_encode(&out, g, GROUP_QUICK, NULL) > 0);
    image_write(path, out.p, out.n);
    group_free(g);
    free(out.p);
    struct fvt_error err;
    struct fvt_file *file;
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    struct fvt_totals before = file->totals;
    assert_int_equal(file->ngroups, 1);
    fvt_file_free(file);
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    assert_int_equal(file->rows, N);
    assert_int_equal(file->ngroups, 2);
    assert_int_equal(file->groups[0].rows, FVT_GROUP_ROWS);
    assert_memory_equal(&file->totals, &before, sizeof before);
    struct fvt_totals parts;
    fvt_totals_init(&parts);
    for (uint32_t i = 0, at = 0; i < 2; at += file->groups[i++].rows) {
        const struct fvt_group *part = &file->groups[i];
        struct fvt_chunk *c;
        fvt_totals_add(&parts, &part->totals);
        assert_int_equal(fvt_chunk_load(file, part, FLOW_bytes, &c), FVT_OK);
        for (uint32_t k = 0; k < part->rows; k++) {
            int64_t v;
            fvt_chunk_read(c, k, 1, &v, NULL);
            assert_int_equal(v, at + k);
        }
        fvt_chunk_free(c);
    }
    assert_memory_equal(&parts, &before, sizeof before);
    assert_int_equal(fvt_verify(file), 0);
    fvt_file_free(file);
    unlink(path);
}

/* What the rows of a datagram share is told once for all of them, in both of the live file's blocks; also where some
** rows have none. */
static void live_runs(void **state) {
    (void)state;
    enum { N = 5000, LATER = 3000, DATAGRAM = 30, LONG = 700 };
    static const int fields[] = {FLOW_exportseq, FLOW_trecv, FLOW_tos, FLOW_srcport};
    char path[256];
    struct fvt_error err;
    struct fvt_writer *w;
    struct fvt_file *file;
    static int64_t want[4][N];
    files_path(path, sizeof path, "runs.fvt");
    assert_int_equal(fvt_writer_open(path, 1700000000000, 300000, &w, &err), FVT_OK);
    for (int i = 0; i < N; i++) {
        struct flow_row row;
        want[0][i] = i / DATAGRAM * 40;
        want[1][i] = 1700000000000 + i / LONG;
        want[2][i] = i % 7 ? i / LONG : -1;
        want[3][i] = i % 1000;
        flow_row_clear(&row);
        for (int k = 0; k < 4; k++)
            if (want[k][i] >= 0)
                flow_row_set(&row, fields[k], (uint64_t)want[k][i]);
        assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
        if (i == LATER)
            assert_int_equal(fvt_writer_flush(w, false), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    assert_int_equal(file->rows, N);
    assert_int_equal(file->ngroups, 2);
    for (uint32_t i = 0, at = 0; i < 2; at += file->groups[i++].rows)
        for (int k = 0; k < 4; k++) {
            const struct fvt_group *g = &file->groups[i];
            const struct fvt_chunk_info *e = &g->chunks[g->chunk_of[fields[k]]];
            struct fvt_chunk *c;
            assert_int_equal(e->encoding, fields[k] == FLOW_srcport ? FVT_PACKED : FVT_RUNS);
            assert_true(fields[k] == FLOW_srcport || e->raw < g->rows);
            assert_int_equal(fvt_chunk_load(file, g, fields[k], &c), FVT_OK);
            for (uint32_t row = 0; row < g->rows; row++) {
                int64_t v;
                uint8_t null;
                fvt_chunk_read(c, row, 1, &v, &null);
                assert_int_equal(null, want[k][at + row] < 0);
                assert_true(null || v == want[k][at + row]);
            }
            fvt_chunk_free(c);
        }
    assert_int_equal(fvt_verify(file), 0);
    fvt_file_free(file);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(resumed),    cmocka_unit_test(full_disk),
        cmocka_unit_test(long_texts), cmocka_unit_test(huge_group), cmocka_unit_test(live_runs),
    };
    return cmocka_run_group_tests_name("schema/fvt", tests, files_begin, files_end);
}
