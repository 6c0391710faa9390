/* SPDX-License-Identifier: MIT */
/*
** Files whose checksums are right and whose contents cannot be: damage, that is counted, and that
** takes neither time nor memory.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "image.h"
#include "rows.h"
#include "schema/stream.h"

enum { ROWS = 2000, ENTRY_COUNT = 28, ENTRY_RAW = 16, ENTRY_CHECKSUM = 32 };

static char path[] = "/tmp/flowvt-forged-XXXXXX.fvt";

static const char exporter[] = {10, 0, 0, 1};

/* A live file, whose groups are not compressed, with one exporter. */
static void write_file(void) {
    struct fvt_writer *w;
    struct fvt_error err;
    struct test_row t;
    unlink(path);
    assert_int_equal(fvt_writer_open(path, 1700000000000, 300000, &w, &err), FVT_OK);
    for (uint64_t i = 0; i < ROWS; i++) {
        test_row_make(&t, 7, i);
        flow_row_set_ip(&t.row, FLOW_exporter, 4, exporter);
        assert_int_equal(fvt_writer_add(w, &t.row), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
}

static struct fvt_file *open_file(void) {
    struct fvt_file *file;
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    assert_int_equal(file->damaged, 0);
    assert_int_equal(file->ngroups, 1);
    return file;
}

static const struct fvt_chunk_info *chunk_of(const struct fvt_file *file, int field) {
    return &file->groups[0].chunks[file->groups[0].chunk_of[field]];
}

/* Change a field of the directory's entry with that checksum. */
static void forge_entry(uint64_t checksum, int at, uint64_t v) {
    size_t n;
    uint8_t *p = image_read(path, &n);
    for (size_t i = ENTRY_CHECKSUM; i + 8 <= n; i++)
        if (fvt_load64(p + i) == checksum)
            image_set(p + i - ENTRY_CHECKSUM + at, v, 4);
    image_seal(p, n);
    image_write(path, p, n);
    free(p);
}

/* A dictionary that says of itself to have 2^32 - 1 entries: of each of which a column that is derived would
** have a bit, and a value. */
static void too_many_entries(void **state) {
    (void)state;
    static const uint32_t counts[] = {UINT32_MAX, FVT_MAX_ENTRIES + 1, FVT_MAX_ENTRIES};
    for (int i = 0; i < 3; i++) {
        write_file();
        struct fvt_file *file = open_file();
        const struct fvt_group *g = &file->groups[0];
        int dict = chunk_of(file, FLOW_srcip)->dict;
        forge_entry(g->dicts[dict].checksum, ENTRY_COUNT, counts[i]);
        fvt_file_free(file);
        file = open_file();
        struct fvt_dict *d = NULL;
        struct fvt_chunk *c = NULL;
        assert_int_equal(fvt_dict_load(file, &file->groups[0], dict, &d), FVT_DAMAGED);
        if (counts[i] > FVT_MAX_ENTRIES)
            assert_int_equal(fvt_chunk_load(file, &file->groups[0], FLOW_srcip, &c), FVT_DAMAGED);
        fvt_chunk_free(c);
        assert_true(fvt_verify(file) > 0);
        fvt_file_free(file);
    }
}

static void too_long(void **state) {
    (void)state;
    write_file();
    struct fvt_file *file = open_file();
    uint64_t checksum = chunk_of(file, FLOW_bytes)->checksum;
    fvt_file_free(file);
    forge_entry(checksum, ENTRY_RAW, FVT_MAX_RAW + 1);
    file = open_file();
    struct fvt_chunk *c = NULL;
    assert_int_equal(fvt_chunk_load(file, &file->groups[0], FLOW_bytes, &c), FVT_DAMAGED);
    fvt_file_free(file);
}

/* Codes behind the dictionary, though the directory says that there are none: seen when all is checked, and
** not copied into another file. */
static void codes_behind(void **state) {
    (void)state;
    write_file();
    struct fvt_file *file = open_file();
    struct fvt_chunk_info e = *chunk_of(file, FLOW_exporter);
    assert_int_equal(e.flags & FVT_LZ4, 0);
    assert_int_equal(e.encoding, FVT_CONST);
    assert_int_equal(fvt_verify(file), 0);
    fvt_file_free(file);
    size_t n;
    uint8_t *p = image_read(path, &n);
    image_set(p + e.offset + 8, 5, 8);
    image_replace(p, n, e.checksum, fvt_checksum(p + e.offset, e.length));
    image_seal(p, n);
    image_write(path, p, n);
    free(p);
    file = open_file();
    assert_int_equal(fvt_verify(file), 1);
    fvt_file_free(file);
    struct fvt_error err;
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    assert_int_equal(file->damaged, 1);
    assert_int_equal(file->rows, 0);
    fvt_file_free(file);
}

/* Places behind the values of a stream. */
static void places_behind(void **state) {
    (void)state;
    enum { N = 6000, VALUES = 3 };
    static int64_t v[N], out[N];
    struct fvt_buffer b = {0};
    struct fvt_stream *s;
    for (int i = 0; i < N; i++)
        v[i] = (int64_t)(((uint32_t)i * UINT32_C(2654435761) >> 16) % VALUES) << 40;
    fvt_stream_encode(&b, v, N, true);
    fvt_put_zeros(&b, 64);
    assert_int_equal(b.p[0], FVT_VALUES);
    struct fvt_cursor c = {b.p, b.p + b.n, false};
    assert_int_equal(fvt_stream_open(&c, NULL, &s), FVT_OK);
    assert_true(fvt_stream_fits(s));
    fvt_stream_free(s);
    size_t codes = b.n - 64 - (N * 2 + 63) / 64 * 8; /* of two bits */
    b.p[codes + 100] = 0xff;
    c = (struct fvt_cursor){b.p, b.p + b.n, false};
    assert_int_equal(fvt_stream_open(&c, NULL, &s), FVT_OK);
    assert_false(fvt_stream_fits(s));
    fvt_stream_read(s, 0, N, out);
    for (int i = 0; i < N; i++)
        assert_true(out[i] % (INT64_C(1) << 40) == 0 && out[i] >> 40 >= 0 && out[i] >> 40 < VALUES);
    fvt_stream_free(s);
    free(b.p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_many_entries),
        cmocka_unit_test(too_long),
        cmocka_unit_test(codes_behind),
        cmocka_unit_test(places_behind),
    };
    close(mkstemps(path, 4));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
