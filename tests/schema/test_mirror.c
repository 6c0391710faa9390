/* SPDX-License-Identifier: MIT */
/*
** Closed files that code answers against what they answer: every row comes back whole, whatever
** place it has, and what a forged file says of answers is damage at worst.
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
#include "schema/format.h"

enum { ROWS = 6000, FORGERIES = 3000 };

static char path[] = "/tmp/flowvt-mirror-XXXXXX.fvt";

static void swap_fields(struct flow_row *row, int a, int b) {
    union flow_value va = row->value[a];
    bool ha = flow_row_has(row, a), hb = flow_row_has(row, b);
    row->value[a] = row->value[b];
    row->value[b] = va;
    row->present[a >> 6] &= ~(UINT64_C(1) << (a & 63));
    row->present[b >> 6] &= ~(UINT64_C(1) << (b & 63));
    if (ha)
        flow_row_mark(row, b);
    if (hb)
        flow_row_mark(row, a);
}

/* Rows 2k and 2k + 1 are two directions of a connection, but every tenth pair; some columns are not
** what they were, or NULL, in the answer. flowid is the number of the row. */
static void make_row(struct test_row *t, uint64_t i) {
    test_row_make(t, 7, i % 20 < 2 ? i : i & ~UINT64_C(1));
    struct flow_row *row = &t->row;
    if (i & 1 && i % 20 >= 2) {
        swap_fields(row, FLOW_srcip, FLOW_dstip);
        swap_fields(row, FLOW_srcport, FLOW_dstport);
        if (i % 3)
            swap_fields(row, FLOW_inif, FLOW_outif);
        row->value[FLOW_tend].i += (int64_t)(i % 5);
        if (i % 1001 == 0)
            flow_row_set_time(row, FLOW_trecv, INT64_MIN);
        if (i % 77 == 0)
            flow_row_set(row, FLOW_tos, i % 256);
        if (flow_row_has(row, FLOW_bytes))
            flow_row_set(row, FLOW_bytes, i % 501 ? i * i : UINT64_MAX);
    }
    flow_row_set(row, FLOW_flowid, i);
}

static void write_file(void) {
    struct fvt_writer *w;
    struct fvt_error err;
    struct test_row t;
    unlink(path);
    assert_int_equal(fvt_writer_open(path, 1700000000000, 300000, &w, &err), FVT_OK);
    for (uint64_t i = 0; i < ROWS; i++) {
        make_row(&t, i);
        assert_int_equal(fvt_writer_add(w, &t.row), FVT_OK);
        if (i % 1000 == 999)
            assert_int_equal(fvt_writer_flush(w, false), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
}

/* Rows [from, from + n) of a column against the rows of those numbers. */
static void check_column(struct fvt_file *file, int f, const int64_t *id, uint32_t step) {
    const struct fvt_group *g = &file->groups[0];
    struct fvt_chunk *c = NULL;
    struct fvt_dict *d = NULL;
    int64_t v[ROWS];
    uint8_t nulls[ROWS];
    memset(nulls, 1, sizeof nulls);
    if (g->chunk_of[f] >= 0) {
        int dict = g->chunks[g->chunk_of[f]].dict;
        assert_int_equal(fvt_chunk_load(file, g, f, &c), FVT_OK);
        if (dict >= 0)
            assert_int_equal(fvt_dict_load(file, g, dict, &d), FVT_OK);
        for (uint32_t at = 0; at < g->rows; at += step)
            fvt_chunk_read(c, at, g->rows - at < step ? g->rows - at : step, v + at, nulls + at);
    }
    for (uint32_t row = 0; row < g->rows; row++) {
        struct test_row t;
        make_row(&t, (uint64_t)id[row]);
        const union flow_value *want = &t.row.value[f];
        assert_int_equal(nulls[row], !flow_row_has(&t.row, f));
        if (nulls[row])
            continue;
        if (flow_fields[f].class == FLOW_IP)
            assert_memory_equal(&d->ip[v[row]], &want->ip, sizeof want->ip);
        else if (flow_fields[f].class == FLOW_TEXT)
            assert_memory_equal(d->text[v[row]], want->text.p, want->text.n);
        else
            assert_int_equal(v[row], want->i);
    }
    fvt_chunk_free(c);
    fvt_dict_free(d);
}

static void rows_come_back(void **state) {
    (void)state;
    struct fvt_file *file;
    write_file();
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    assert_int_equal(file->ngroups, 1);
    assert_int_equal(file->rows, ROWS);
    struct fvt_chunk *c;
    int64_t id[ROWS];
    bool seen[ROWS] = {false};
    assert_int_equal(fvt_chunk_load(file, &file->groups[0], FLOW_flowid, &c), FVT_OK);
    fvt_chunk_read(c, 0, ROWS, id, NULL);
    fvt_chunk_free(c);
    for (int i = 0; i < ROWS; i++) {
        assert_true(id[i] >= 0 && id[i] < ROWS && !seen[id[i]]);
        seen[id[i]] = true;
    }
    unsigned mirrored = 0, with_nulls = 0;
    for (uint32_t k = 0; k < file->groups[0].nchunks; k++) {
        uint8_t flags = file->groups[0].chunks[k].flags;
        mirrored += (flags & FVT_MIRROR) != 0;
        with_nulls += (flags & FVT_MIRROR) && (flags & FVT_NULLS);
    }
    assert_true(mirrored > 5 && with_nulls > 0);
    assert_true(file->groups[0].chunks[file->groups[0].chunk_of[FLOW_srcip]].flags & FVT_MIRROR);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        check_column(file, f, id, ROWS);
        check_column(file, f, id, 777);
        check_column(file, f, id, 1);
    }
    assert_int_equal(fvt_verify(file), 0);
    fvt_file_free(file);
}

enum { MANY = 140000, ODD = 5000 };

/* Rows 2k and 2k + 1 are two directions of a connection. The forms of columns are chosen by a part of the
** rows, and pair ODD, which is not in it, is not what they are good for. */
static void make_one_of_many(struct flow_row *row, uint32_t i) {
    uint32_t pair = i / 2, answer = i & 1;
    bool odd = pair == ODD;
    flow_row_clear(row);
    uint8_t client[4] = {10, 0, (uint8_t)(pair / 7 % 199), (uint8_t)(pair % 251)};
    uint8_t server[4] = {192, 168, 1, (uint8_t)(pair % 13)};
    flow_row_set_ip(row, answer ? FLOW_dstip : FLOW_srcip, 4, client);
    flow_row_set_ip(row, answer ? FLOW_srcip : FLOW_dstip, 4, server);
    flow_row_set(row, answer ? FLOW_dstport : FLOW_srcport, 1024 + pair * 7919 % 60000);
    flow_row_set(row, answer ? FLOW_srcport : FLOW_dstport, 443);
    flow_row_set(row, FLOW_proto, 6);
    flow_row_set(row, FLOW_flowid, i);
    flow_row_set(row, FLOW_packets, 1 + pair % 50 + answer);
    flow_row_set_time(row, FLOW_trecv, odd ? INT64_MAX : 1700000000000 + pair);
    flow_row_set_time(row, FLOW_tend, odd ? INT64_MIN : 1700000000000 + pair - pair % 9);
    if (!odd || !answer)
        flow_row_set(row, FLOW_tos, odd ? 255 : 0);
    if (!odd || answer)
        flow_row_set(row, FLOW_inif, answer ? pair % 1000 : pair % 3000);
    flow_row_set(row, FLOW_outif, answer ? pair % 3000 : pair % 1000);
    /* Comes again after so many pairs: seen in all rows, but not in a part of them. */
    uint32_t again = pair % 30000;
    flow_row_set(row, FLOW_odid,
                 ((again * again * UINT32_C(2654435761) ^ again * 40503) >> 13 & 3) + answer);
    if (odd)
        flow_row_set(row, FLOW_ethertype, 5);
    flow_row_set(row, FLOW_srcas, odd ? i : server[3] + client[2] * UINT64_C(70000) * !answer);
}

static void check_many(struct fvt_file *file, int f, const int64_t *id, int64_t *v,
                       uint8_t *nulls) {
    const struct fvt_group *g = &file->groups[0];
    struct fvt_chunk *c = NULL;
    struct fvt_dict *d = NULL;
    assert_int_equal(fvt_chunk_load(file, g, f, &c), FVT_OK);
    if (g->chunks[g->chunk_of[f]].dict >= 0)
        assert_int_equal(fvt_dict_load(file, g, g->chunks[g->chunk_of[f]].dict, &d), FVT_OK);
    fvt_chunk_read(c, 0, MANY, v, nulls);
    for (uint32_t i = 0; i < MANY; i++) {
        struct flow_row row;
        make_one_of_many(&row, (uint32_t)id[i]);
        assert_int_equal(nulls[i], !flow_row_has(&row, f));
        if (nulls[i])
            continue;
        if (d)
            assert_memory_equal(&d->ip[v[i]], &row.value[f].ip, sizeof row.value[f].ip);
        else
            assert_int_equal(v[i], row.value[f].i);
    }
    fvt_chunk_free(c);
    fvt_dict_free(d);
}

static void many_rows_come_back(void **state) {
    (void)state;
    struct fvt_writer *w;
    struct fvt_error err;
    struct fvt_file *file;
    struct fvt_chunk *c;
    unlink(path);
    assert_int_equal(fvt_writer_open(path, 1700000000000, 300000, &w, &err), FVT_OK);
    for (uint32_t i = 0; i < MANY; i++) {
        struct flow_row row;
        make_one_of_many(&row, i);
        assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    assert_true(file->ngroups > 1); /* a live file's groups are small */
    assert_int_equal(file->rows, MANY);
    fvt_file_free(file);
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    assert_int_equal(file->ngroups, 1);
    int64_t *id = calloc(MANY, sizeof *id), *v = calloc(MANY, sizeof *v);
    uint8_t *nulls = calloc(MANY, 1);
    assert_true(id && v && nulls);
    const struct fvt_group *g = &file->groups[0];
    assert_int_equal(fvt_chunk_load(file, g, FLOW_flowid, &c), FVT_OK);
    fvt_chunk_read(c, 0, MANY, id, NULL);
    fvt_chunk_free(c);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_true(id[i] >= 0 && id[i] < MANY && !nulls[id[i]]);
        nulls[id[i]] = 1;
    }
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (g->chunk_of[f] >= 0)
            check_many(file, f, id, v, nulls);
    assert_true(g->chunks[g->chunk_of[FLOW_srcip]].flags & FVT_MIRROR);
    assert_true(g->chunks[g->chunk_of[FLOW_packets]].flags & FVT_MIRROR);
    assert_int_equal(g->chunks[g->chunk_of[FLOW_odid]].flags, FVT_MIRROR | FVT_LZ4);
    assert_int_equal(fvt_verify(file), 0);
    fvt_file_free(file);
    free(id);
    free(v);
    free(nulls);
}

/* Read all of what there is. */
static void read_file(void) {
    struct fvt_file *file;
    if (fvt_open(path, &file, NULL) != FVT_OK)
        return;
    static int64_t v[ROWS];
    static uint8_t nulls[ROWS];
    for (uint32_t k = 0; k < file->ngroups; k++)
        for (int f = 0; f < FLOW_NFIELDS; f++) {
            const struct fvt_group *g = &file->groups[k];
            struct fvt_chunk *c = NULL;
            if (g->chunk_of[f] < 0 || fvt_chunk_load(file, g, f, &c) != FVT_OK)
                continue;
            uint32_t n = g->rows < ROWS ? g->rows : ROWS;
            fvt_chunk_read(c, 0, n, v, nulls);
            fvt_chunk_read(c, g->rows / 2, g->rows - g->rows / 2 < n ? g->rows - g->rows / 2 : n, v,
                           NULL);
            fvt_chunk_free(c);
        }
    fvt_file_free(file);
}

static struct fvt_chunk_info chunk_of(int field) {
    struct fvt_file *file;
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    struct fvt_chunk_info e = file->groups[0].chunks[file->groups[0].chunk_of[field]];
    fvt_file_free(file);
    return e;
}

/* More answers than half of the rows, in a chunk that its twin is coded against too. */
static void too_many_answers(void **state) {
    (void)state;
    write_file();
    struct fvt_chunk_info e = chunk_of(FLOW_srcip);
    if (e.flags & FVT_LZ4)
        e = chunk_of(FLOW_dstip);
    assert_int_equal(e.flags & (FVT_LZ4 | FVT_MIRROR), FVT_MIRROR);
    size_t n;
    uint8_t *p = image_read(path, &n);
    p[e.offset + 2] = 1;
    image_replace(p, n, e.checksum, fvt_checksum(p + e.offset, e.length));
    image_seal(p, n);
    image_write(path, p, n);
    free(p);
    struct fvt_file *file;
    struct fvt_chunk *c;
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    assert_int_equal(file->damaged, 0);
    assert_int_equal(fvt_chunk_load(file, &file->groups[0], FLOW_srcip, &c), FVT_DAMAGED);
    assert_int_equal(fvt_chunk_load(file, &file->groups[0], FLOW_dstip, &c), FVT_DAMAGED);
    assert_int_equal(fvt_verify(file), 1);
    fvt_file_free(file);
}

/* Octets changed in chunks and directories, under checksums that are right. */
static void forged(void **state) {
    (void)state;
    write_file();
    size_t n;
    uint8_t *whole = image_read(path, &n), *p = malloc(n);
    struct fvt_file *file;
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    const struct fvt_group *g = &file->groups[0];
    uint64_t seed = 1;
    for (int i = 0; i < FORGERIES; i++) {
        memcpy(p, whole, n);
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        const struct fvt_chunk_info *e = &g->chunks[(seed >> 33) % g->nchunks];
        uint64_t old = e->checksum, sum = old;
        if (i % 2) {
            uint32_t within = e->length < 64 || seed >> 32 & 1 ? e->length : 40;
            p[e->offset + (seed >> 40) % within] ^= (uint8_t)(1 << (seed >> 60 & 7));
            sum = fvt_checksum(p + e->offset, e->length);
        } else { /* anything before the first chunk is directory, or blocks that lead to it */
            size_t at = 64 + (size_t)((seed >> 20) % (g->chunks[0].offset - 64));
            p[at] ^= (uint8_t)(1 << (seed >> 60 & 7));
        }
        image_replace(p, n, old, sum);
        image_seal(p, n);
        image_write(path, p, i % 4 == 0 ? n - FVT_TRAILER : n); /* so that blocks are walked */
        read_file();
    }
    fvt_file_free(file);
    free(whole);
    free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back),
        cmocka_unit_test(many_rows_come_back),
        cmocka_unit_test(too_many_answers),
        cmocka_unit_test(forged),
    };
    close(mkstemps(path, 4));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
