/* SPDX-License-Identifier: MIT */
/*
** Closed files whose columns are mostly functions of an address: rows that are exceptions come back as they were, take
** little space, and what a forged file says of them is damage at worst.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "image.h"
#include "schema/format.h"
#include "schema/fvt.h"

/* MANY: the forms of columns are chosen by a part of the rows. */
enum { ROWS = 20000, MANY = 140000, FORGERIES = 2000, HOSTS = 1000 };

static char path[] = "/tmp/flowvt-except-XXXXXX.fvt";

/* So many rows of 1000 deviate, and so many have no value; every 300th has no address when there are some of these. */
struct shape {
    uint32_t rows, odd, null;
};

static uint32_t mix(uint32_t v) {
    v = (v ^ v >> 16) * UINT32_C(0x45d9f3b);
    v = (v ^ v >> 15) * UINT32_C(0x2c1b3c6d);
    return v ^ v >> 16;
}

static void make_row(struct flow_row *row, const struct shape *shape, uint32_t i) {
    flow_row_clear(row);
    uint32_t host = mix(i) % HOSTS, peer = mix(i + 77) % HOSTS;
    bool odd = mix(i + 1000003) % 1000 < shape->odd, null = mix(i + 2000003) % 1000 < shape->null;
    uint8_t src[4] = {10, 0, (uint8_t)(host >> 8), (uint8_t)host};
    uint8_t dst[4] = {10, 1, (uint8_t)(peer >> 8), (uint8_t)peer};
    uint8_t next[4] = {10, 2, 0, (uint8_t)(odd ? i % 200 : mix(peer) % 9)};
    flow_row_set(row, FLOW_flowid, i);
    if (shape->null == 0 || i % 300)
        flow_row_set_ip(row, FLOW_srcip, 4, src);
    flow_row_set_ip(row, FLOW_dstip, 4, dst);
    if (!null) {
        flow_row_set(row, FLOW_inif, odd ? UINT64_MAX - i % 5 : 3 + mix(host) % 17);
        flow_row_set_ip(row, FLOW_next, 4, next);
    }
    flow_row_set(row, FLOW_outif, odd ? mix(i) % 40 : 3 + mix(peer) % 17);
}

static struct fvt_file *write_file(const struct shape *shape) {
    struct fvt_writer *w;
    struct fvt_error err;
    struct fvt_file *file;
    unlink(path);
    assert_int_equal(fvt_writer_open(path, 1700000000000, 300000, &w, &err), FVT_OK);
    for (uint32_t i = 0; i < shape->rows; i++) {
        struct flow_row row;
        make_row(&row, shape, i);
        assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    assert_int_equal(file->ngroups, 1);
    assert_int_equal(file->rows, shape->rows);
    return file;
}

static const struct fvt_chunk_info *chunk_of(const struct fvt_file *file, int field) {
    return &file->groups[0].chunks[file->groups[0].chunk_of[field]];
}

static void check_column(struct fvt_file *file, const struct shape *shape, int f, const int64_t *id,
                         uint32_t step) {
    struct fvt_chunk *c = NULL;
    struct fvt_dict *d = NULL;
    int64_t *v = calloc(shape->rows, sizeof *v);
    uint8_t *nulls = calloc(shape->rows, 1);
    assert_true(v && nulls);
    assert_int_equal(fvt_chunk_load(file, &file->groups[0], f, &c), FVT_OK);
    if (chunk_of(file, f)->dict >= 0)
        assert_int_equal(fvt_dict_load(file, &file->groups[0], chunk_of(file, f)->dict, &d),
                         FVT_OK);
    for (uint32_t at = 0; at < shape->rows; at += step)
        fvt_chunk_read(c, at, shape->rows - at < step ? shape->rows - at : step, v + at,
                       nulls + at);
    for (uint32_t i = 0; i < shape->rows; i++) {
        struct flow_row row;
        make_row(&row, shape, (uint32_t)id[i]);
        assert_int_equal(nulls[i], !flow_row_has(&row, f));
        if (nulls[i])
            assert_int_equal(v[i], 0);
        else if (d)
            assert_memory_equal(&d->ip[v[i]], &row.value[f].ip, sizeof row.value[f].ip);
        else
            assert_int_equal(v[i], row.value[f].i);
    }
    free(v);
    free(nulls);
    fvt_chunk_free(c);
    fvt_dict_free(d);
}

static void rows_come_back(const struct shape *shape) {
    static const int column[] = {FLOW_srcip, FLOW_dstip, FLOW_inif, FLOW_outif, FLOW_next};
    struct fvt_file *file = write_file(shape);
    struct fvt_chunk *c;
    int64_t *id = calloc(shape->rows, sizeof *id);
    assert_non_null(id);
    assert_int_equal(fvt_chunk_load(file, &file->groups[0], FLOW_flowid, &c), FVT_OK);
    fvt_chunk_read(c, 0, shape->rows, id, NULL);
    fvt_chunk_free(c);
    for (size_t i = 0; i < sizeof column / sizeof column[0]; i++) {
        check_column(file, shape, column[i], id, shape->rows);
        check_column(file, shape, column[i], id, 777);
    }
    free(id);
    assert_int_equal(fvt_verify(file), 0);
    fvt_file_free(file);
}

/* Is the column derived with exceptions, in so many thousandths of an octet a row at most? */
static void assert_excepted(const struct fvt_file *file, int field, uint32_t most) {
    const struct fvt_chunk_info *e = chunk_of(file, field);
    assert_int_equal(e->flags & (FVT_DERIVED | FVT_EXCEPT), FVT_DERIVED | FVT_EXCEPT);
    assert_true((uint64_t)e->length * 1000 <= (uint64_t)most * file->rows);
}

/* These are what every flow of the address has: 0.6 octets a row if the exceptions were not kept apart. */
static void few_exceptions(void **state) {
    (void)state;
    static const struct shape shapes[] = {{ROWS, 10, 0}, {MANY, 10, 0}, {ROWS, 10, 5}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        rows_come_back(&shapes[i]);
        struct fvt_file *file;
        uint32_t more = shapes[i].null ? 60 : 0; /* which rows are NULL is in a bitmap */
        assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
        assert_excepted(file, FLOW_inif, 150 + more);
        assert_excepted(file, FLOW_outif, 150);
        assert_excepted(file, FLOW_next, 150 + more);
        fvt_file_free(file);
    }
}

static void no_exception(void **state) {
    (void)state;
    static const struct shape shape = {ROWS, 0, 0};
    struct fvt_file *file;
    rows_come_back(&shape);
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    assert_int_equal(chunk_of(file, FLOW_inif)->flags & (FVT_DERIVED | FVT_EXCEPT), FVT_DERIVED);
    assert_int_equal(chunk_of(file, FLOW_outif)->flags & (FVT_DERIVED | FVT_EXCEPT), FVT_DERIVED);
    fvt_file_free(file);
}

static void many_exceptions(void **state) {
    (void)state;
    static const struct shape shapes[] = {
        {ROWS, 500, 0}, {ROWS, 500, 500}, {ROWS, 0, 20}, {ROWS, 1000, 0}, {MANY, 500, 5}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        rows_come_back(&shapes[i]);
}

/* A file with another flag, or with a directory that says so, under checksums that are right. */
static int load_with_flags(uint8_t flags) {
    static const struct shape shape = {ROWS, 10, 0};
    struct fvt_file *file = write_file(&shape);
    struct fvt_chunk_info e = *chunk_of(file, FLOW_inif);
    fvt_file_free(file);
    size_t n;
    uint8_t *p = image_read(path, &n);
    for (size_t i = 32; i + 8 <= n; i++)
        if (fvt_load64(p + i) == e.checksum)
            p[i - 32 + 5] = (uint8_t)(flags | (e.flags & FVT_LZ4));
    image_seal(p, n);
    image_write(path, p, n);
    free(p);
    struct fvt_chunk *c = NULL;
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    assert_int_equal(file->damaged, 0);
    int rc = fvt_chunk_load(file, &file->groups[0], FLOW_inif, &c);
    fvt_chunk_free(c);
    fvt_file_free(file);
    return rc;
}

static void flags_contradict(void **state) {
    (void)state;
    assert_int_equal(load_with_flags(FVT_DERIVED | FVT_EXCEPT), FVT_OK);
    assert_int_equal(load_with_flags(FVT_DERIVED), FVT_DAMAGED);
    assert_int_equal(load_with_flags(FVT_EXCEPT), FVT_DAMAGED);
    assert_int_equal(load_with_flags(FVT_RELATIVE | FVT_EXCEPT), FVT_DAMAGED);
    assert_int_equal(load_with_flags(FVT_DERIVED | FVT_EXCEPT | FVT_MIRROR), FVT_DAMAGED);
    assert_int_equal(load_with_flags(FVT_DERIVED | FVT_EXCEPT | FVT_RELATIVE), FVT_DAMAGED);
    assert_int_equal(load_with_flags(FVT_DERIVED | FVT_EXCEPT | 64), FVT_UNKNOWN);
}

/* Octets changed in what is derived and in the addresses that it is derived from. */
static void forged(void **state) {
    (void)state;
    static const struct shape shape = {ROWS, 10, 5};
    static const int column[] = {FLOW_inif, FLOW_outif, FLOW_next, FLOW_srcip, FLOW_dstip};
    static int64_t v[ROWS];
    static uint8_t nulls[ROWS];
    struct fvt_file *whole = write_file(&shape), *file;
    size_t n;
    uint8_t *image = image_read(path, &n), *p = malloc(n);
    uint64_t seed = 1;
    assert_non_null(p);
    for (int i = 0; i < FORGERIES; i++) {
        memcpy(p, image, n);
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        const struct fvt_chunk_info *e = chunk_of(whole, column[(seed >> 33) % 5]);
        uint32_t within = e->length < 64 || seed >> 32 & 1 ? e->length : 40;
        p[e->offset + (seed >> 40) % within] ^= (uint8_t)(1 << (seed >> 60 & 7));
        image_replace(p, n, e->checksum, fvt_checksum(p + e->offset, e->length));
        image_seal(p, n);
        image_write(path, p, n);
        assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
        for (int k = 0; k < 5; k++) {
            struct fvt_chunk *c = NULL;
            if (fvt_chunk_load(file, &file->groups[0], column[k], &c) == FVT_OK)
                fvt_chunk_read(c, 0, ROWS, v, nulls);
            fvt_chunk_free(c);
        }
        fvt_file_free(file);
    }
    fvt_file_free(whole);
    free(image);
    free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_exception),    cmocka_unit_test(few_exceptions),
        cmocka_unit_test(many_exceptions), cmocka_unit_test(flags_contradict),
        cmocka_unit_test(forged),
    };
    close(mkstemps(path, 4));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
