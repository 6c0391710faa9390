/* SPDX-License-Identifier: MIT */
/*
** Roll-ups of a file: each says what its flows come to, counted here flow by flow and hour by hour;
** those that do not pay are left out; damaged ones are no use and take nothing else with them.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rows.h"
#include "schema/group.h"
#include "schema/meta.h"
#include "schema/portion.h"
#include "schema/rewrite.h"
#include "schema/rollup.h"

#define BEGIN INT64_C(1700000000000)
#define HOUR INT64_C(3600000)

enum { ROOM = 64 << 20 };

static char dir[] = "/tmp/flowvt-test-XXXXXX";
static char path[64];

static uint64_t mix(uint64_t x) {
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void write_flows(uint64_t n) {
    struct fvt_writer *w;
    struct fvt_error err;
    unlink(path);
    assert_int_equal(fvt_writer_open(path, BEGIN, HOUR, &w, &err), FVT_OK);
    for (uint64_t i = 0; i < n; i++) {
        struct flow_row row;
        test_odd_row_make(&row, BEGIN, i);
        assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
        if (i % 10000 == 9999)
            assert_int_equal(fvt_writer_flush(w, false), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
}

/* The file, closed with these roll-ups. */
static struct fvt_file *with_rollups(const char *sets, size_t memory) {
    struct rollup_plan plan;
    struct fvt_error err;
    struct fvt_file *file;
    assert_int_equal(rollup_parse(sets, &plan, &err), FVT_OK);
    plan.memory = memory;
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    struct rewrite *r = rewrite_new(path, FVT_CLOSED, GROUP_SMALLEST, BEGIN, HOUR, &err);
    assert_non_null(r);
    assert_int_equal(rewrite_rollups(r, &plan, file->rows, &err), FVT_OK);
    assert_int_equal(rewrite_add(r, file, &err), FVT_OK);
    assert_int_equal(rewrite_settle(r, &err), FVT_OK);
    assert_int_equal(rewrite_publish(r, &err), FVT_OK);
    rewrite_free(r);
    fvt_file_free(file);
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    assert_int_equal(fvt_verify(file), 0);
    return file;
}

/* ---- counting twice --------------------------------------------------------------------- */

/* A key as text with what was added to it, and what is left when the other way is taken off. */
struct entry {
    char key[160];
    int64_t flows, packets, bytes, first, last;
};
enum { ENTRIES = 1 << 17 };
static struct entry *entries;

static void add(const char *key, int64_t sign, int64_t flows, int64_t packets, int64_t bytes,
                int64_t first, int64_t last) {
    uint64_t h = 0;
    for (const char *p = key; *p; p++)
        h = mix(h ^ (uint64_t)*p);
    struct entry *e;
    while ((e = &entries[h++ % ENTRIES])->key[0] && strcmp(e->key, key) != 0)
        ;
    if (!e->key[0]) {
        assert_int_equal(sign, 1); /* a row of the roll-up that no flow is in */
        snprintf(e->key, sizeof e->key, "%s", key);
        e->first = INT64_MAX;
        e->last = INT64_MIN;
    }
    e->flows += sign * flows;
    e->packets += sign * packets;
    e->bytes += sign * bytes;
    if (sign > 0) {
        e->first = first < e->first ? first : e->first;
        e->last = last > e->last ? last : e->last;
    } else {
        assert_true(e->first <= first && e->last >= last);
    }
}

static size_t put_value(char *out, size_t n, const struct flow_row *row, int f) {
    char ip[FLOW_IP_TEXT];
    if (!flow_row_has(row, f))
        return (size_t)snprintf(out, n, " NULL");
    if (flow_fields[f].class != FLOW_IP)
        return (size_t)snprintf(out, n, " %lld", (long long)row->value[f].i);
    flow_ip_text(&row->value[f].ip, ip);
    return (size_t)snprintf(out, n, " %s", ip);
}

static void make_key(char key[160], const struct fvt_rollup *r, const struct flow_row *row,
                     const int64_t *bucket) {
    size_t n = bucket ? (size_t)snprintf(key, 160, "%lld", (long long)*bucket)
                      : (size_t)snprintf(key, 160, "never");
    for (uint32_t i = 0; i < r->ncolumns; i++)
        n += put_value(key + n, 160 - n, row, (int)r->column[i]);
}

static int64_t value_or(const struct flow_row *row, int f, int64_t other) {
    return flow_row_has(row, f) ? row->value[f].i : other;
}

static const int64_t *time_or_null(const struct flow_row *row, int f) {
    return flow_row_has(row, f) ? &row->value[f].i : NULL;
}

static void count_flow(const struct fvt_rollup *r, const struct flow_row *row) {
    char key[160];
    struct flow_span f = flow_span_of(time_or_null(row, FLOW_tstart), time_or_null(row, FLOW_tend),
                                      time_or_null(row, FLOW_trecv));
    int64_t rate = value_or(row, FLOW_sampling, 1);
    int64_t packets = value_or(row, FLOW_packets, 0) * (rate ? rate : 1);
    int64_t bytes = value_or(row, FLOW_bytes, 0) * (rate ? rate : 1);
    int64_t flows = value_or(row, FLOW_flows, 1);
    if (!f.known) {
        make_key(key, r, row, NULL);
        add(key, 1, flows, packets, bytes, INT64_MAX, INT64_MIN);
        return;
    }
    int64_t step = r->seconds * INT64_C(1000);
    for (int64_t at = f.start / step * step; at <= f.end; at += step) {
        int64_t from = at > f.start ? at - f.start : 0, length = f.end - f.start + 1;
        int64_t to = at + step < f.end + 1 ? at + step - f.start : length;
        make_key(key, r, row, &at);
        add(key, 1, from == 0 ? flows : 0, packets * to / length - packets * from / length,
            bytes * to / length - bytes * from / length, f.start, f.end);
    }
}

/* One row of a roll-up's group as if it were a flow. */
static bool get(const struct fvt_file *file, const struct fvt_group *g, int f, int64_t **v,
                uint8_t **nulls, struct fvt_dict **d) {
    struct fvt_chunk *c;
    *d = NULL;
    if (g->chunk_of[f] < 0)
        return false;
    *v = malloc(g->rows * sizeof **v);
    *nulls = malloc(g->rows);
    assert_int_equal(fvt_chunk_load(file, g, f, &c), FVT_OK);
    if (g->chunks[g->chunk_of[f]].dict >= 0)
        assert_int_equal(fvt_dict_load(file, g, g->chunks[g->chunk_of[f]].dict, d), FVT_OK);
    fvt_chunk_read(c, 0, g->rows, *v, *nulls);
    fvt_chunk_free(c);
    return true;
}

static void take_off(const struct fvt_file *file, const struct fvt_rollup *r,
                     const struct fvt_group *g) {
    struct flow_row *rows = calloc(g->rows, sizeof *rows);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        int64_t *v;
        uint8_t *nulls;
        struct fvt_dict *d;
        if (!get(file, g, f, &v, &nulls, &d))
            continue;
        for (uint32_t i = 0; i < g->rows; i++) {
            if (nulls[i])
                continue;
            flow_row_mark(&rows[i], f);
            if (d)
                rows[i].value[f].ip = d->ip[v[i]];
            else
                rows[i].value[f].i = v[i];
        }
        free(v);
        free(nulls);
        fvt_dict_free(d);
    }
    for (uint32_t i = 0; i < g->rows; i++) {
        char key[160];
        const struct flow_row *row = &rows[i];
        make_key(key, r, row, time_or_null(row, FLOW_trecv));
        assert_int_equal(flow_row_has(row, FLOW_trecv), flow_row_has(row, FLOW_tstart));
        assert_int_equal(flow_row_has(row, FLOW_trecv), flow_row_has(row, FLOW_tend));
        add(key, -1, row->value[FLOW_flows].i, row->value[FLOW_packets].i, row->value[FLOW_bytes].i,
            value_or(row, FLOW_tstart, INT64_MAX), value_or(row, FLOW_tend, INT64_MIN));
    }
    free(rows);
}

/* *repeated: rows of keys that have another one. */
static void check_rollup(const struct fvt_file *file, const struct fvt_rollup *r, uint64_t flows,
                         uint64_t *repeated) {
    entries = calloc(ENTRIES, sizeof *entries);
    for (uint64_t i = 0; i < flows; i++) {
        struct flow_row row;
        test_odd_row_make(&row, BEGIN, i);
        count_flow(r, &row);
    }
    struct fvt_group *g;
    uint64_t rows = 0;
    assert_int_equal(fvt_rollup_open(file, r, &g), FVT_OK);
    for (uint32_t i = 0; i < r->nblocks; i++) {
        take_off(file, r, &g[i]);
        rows += g[i].rows;
    }
    fvt_rollup_close(g, r->nblocks);
    assert_int_equal(rows, r->rows);
    *repeated = rows;
    uint64_t keys = 0;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        keys += entries[i].key[0] != '\0';
        if (entries[i].flows || entries[i].packets || entries[i].bytes)
            fail_msg("%s: %lld flows, %lld packets, %lld bytes are not in the roll-up",
                     entries[i].key, (long long)entries[i].flows, (long long)entries[i].packets,
                     (long long)entries[i].bytes);
    }
    *repeated -= keys;
    free(entries);
}

static const struct fvt_rollup *find(const struct fvt_file *file, uint32_t seconds,
                                     uint32_t ncolumns, int field) {
    for (uint32_t i = 0; i < file->nrollups; i++)
        for (uint32_t c = 0; c < file->rollups[i].ncolumns; c++)
            if (file->rollups[i].seconds == seconds && file->rollups[i].ncolumns == ncolumns &&
                file->rollups[i].column[c] == (uint32_t)field)
                return &file->rollups[i];
    return NULL;
}

static void test_totals(void **state) {
    (void)state;
    enum { FLOWS = 60000 };
    write_flows(FLOWS);
    struct fvt_file *file = with_rollups("proto srcip srcip,dstip dstport,proto srcport", ROOM);
    assert_int_equal(file->rows, FLOWS);
    for (uint32_t i = 0; i < file->nrollups; i++) {
        uint64_t repeated;
        check_rollup(file, &file->rollups[i], FLOWS, &repeated);
        assert_int_equal(repeated, 0);
    }
    assert_non_null(find(file, 3600, 2, FLOW_srcip));
    assert_non_null(find(file, 86400, 2, FLOW_srcip));
    assert_non_null(find(file, 3600, 3, FLOW_srcip));
    assert_non_null(find(file, 3600, 3, FLOW_dstport));
    /* Nearly as many ports as flows. */
    assert_null(find(file, 3600, 2, FLOW_srcport));
    assert_null(find(file, 86400, 2, FLOW_srcport));
    fvt_file_free(file);
}

/* In too little memory keys come again, and add up to the same. */
static void test_memory(void **state) {
    (void)state;
    enum { FLOWS = 60000 };
    write_flows(FLOWS);
    struct fvt_file *file = with_rollups("proto srcip", 1);
    uint64_t repeated, all = 0;
    assert_true(file->nrollups > 0);
    for (uint32_t i = 0; i < file->nrollups; i++) {
        check_rollup(file, &file->rollups[i], FLOWS, &repeated);
        all += repeated;
    }
    assert_true(all > 0);
    fvt_file_free(file);
}

/* A total that does not fit a column leaves its roll-up out: the flows say where it stops. */
static void test_saturation(void **state) {
    (void)state;
    struct fvt_writer *w;
    struct fvt_error err;
    unlink(path);
    assert_int_equal(fvt_writer_open(path, BEGIN, HOUR, &w, &err), FVT_OK);
    for (uint64_t i = 0; i < 1000; i++) {
        struct flow_row row;
        flow_row_clear(&row);
        flow_row_set_time(&row, FLOW_tstart, BEGIN);
        flow_row_set_time(&row, FLOW_tend, BEGIN);
        flow_row_set(&row, FLOW_proto, i % 2);
        flow_row_set(&row, FLOW_bytes, i < 3 && i % 2 == 0 ? INT64_MAX : 7);
        assert_int_equal(fvt_writer_add(w, &row), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    struct fvt_file *file = with_rollups("proto", ROOM);
    assert_int_equal(file->nrollups, 0);
    fvt_file_free(file);
}

static void test_plan(void **state) {
    (void)state;
    static const char *const bad[] = {
        "srcip,bytes",  "srcip dstipp",
        "srcip,,dstip", "insrcmac",
        "username",     "tstart",
        "srcip,",       "proto,srcport,dstport,inif,outif,srcas,dstas,tos"};
    struct rollup_plan plan;
    struct fvt_error err;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(rollup_parse(bad[i], &plan, &err), FVT_UNKNOWN);
    assert_int_equal(rollup_parse(NULL, &plan, &err), FVT_OK);
    assert_int_equal(plan.n, 8);
    assert_int_equal(rollup_parse("none", &plan, &err), FVT_OK);
    assert_int_equal(plan.n, 0);
    assert_int_equal(rollup_parse(" srcip,dstip  dstip,srcip exporter,dstip,srcip ", &plan, &err),
                     FVT_OK);
    assert_int_equal(plan.n, 1);
    assert_int_equal(plan.set[0].n, 3);
}

/* ---- damage ----------------------------------------------------------------------------- */

static void flip(uint64_t at) {
    int fd = open(path, O_RDWR);
    uint8_t octet;
    assert_int_equal(pread(fd, &octet, 1, (off_t)at), 1);
    octet ^= 0x10;
    assert_int_equal(pwrite(fd, &octet, 1, (off_t)at), 1);
    close(fd);
}

static struct fvt_file *reopen(struct fvt_file *file) {
    struct fvt_error err;
    fvt_file_free(file);
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    return file;
}

/* Wherever a block of a roll-up is damaged, one block is, and the flows are whole. */
static void test_damage(void **state) {
    (void)state;
    write_flows(20000);
    struct fvt_file *file = with_rollups("proto srcip", ROOM);
    assert_true(file->nrollups >= 2);
    uint64_t blocks = file->blocks;
    for (uint32_t i = 0; i < file->nrollups; i++) {
        uint64_t at = file->rollups[i].block[0];
        struct fvt_group *g;
        assert_int_equal(fvt_rollup_open(file, &file->rollups[i], &g), FVT_OK);
        uint64_t places[] = {at + 8, at + 60, g[0].dicts[0].offset, g[0].chunks[2].offset + 1};
        fvt_rollup_close(g, file->rollups[i].nblocks);
        for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
            flip(places[p]);
            file = reopen(file);
            assert_int_equal(file->damaged, 0);
            assert_int_equal(file->rows, 20000);
            assert_int_equal(fvt_verify(file), 1);
            assert_int_equal(file->blocks, blocks);
            flip(places[p]);
            file = reopen(file);
            assert_int_equal(fvt_verify(file), 0);
        }
    }
    /* Without its footer the file still has them. */
    uint32_t n = file->nrollups;
    flip(file->size - 10);
    file = reopen(file);
    assert_int_equal(file->nrollups, n);
    assert_int_equal(file->rows, 20000);
    fvt_file_free(file);
}

/* Records that lead nowhere, or to something else, or that cannot be. */
static void test_forged(void **state) {
    (void)state;
    uint64_t at[] = {0, 63, 64, 65, 1 << 20, UINT64_MAX - 7};
    struct fvt_buffer b = {0};
    file_begin(&b, FVT_CLOSED, BEGIN, HOUR);
    at[4] = b.n; /* the meta block itself */
    size_t block = b.n;
    fvt_put_zeros(&b, FVT_BLOCK_HEADER);
    for (int i = 0; i < 6; i++)
        meta_put_rollup(&b,
                        &(struct fvt_rollup){.seconds = 3600,
                                             .rows = UINT64_MAX,
                                             .ncolumns = 2,
                                             .column = {FLOW_srcip, FLOW_exporter},
                                             .nblocks = 1,
                                             .block = &at[i]},
                        0);
    const struct fvt_rollup odd[] = {
        {.seconds = 7, .nblocks = 1, .block = at},
        {.seconds = 3600, .nblocks = 0, .block = at},
        {.seconds = 3600, .nblocks = 1, .ncolumns = 1, .column = {4711}, .block = at}};
    for (int i = 0; i < 3; i++)
        meta_put_rollup(&b, &odd[i], 0);
    block_seal(&b, block, FVT_META, b.n - block - FVT_BLOCK_HEADER, 0);
    unlink(path);
    struct fvt_error err;
    struct fvt_file *file;
    assert_int_equal(file_replace(path, &b, NULL, NULL, &err), FVT_OK);
    free(b.p);
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    assert_int_equal(file->nrollups, 6);
    for (int i = 0; i < 6; i++) {
        struct fvt_group *g;
        assert_int_equal(fvt_rollup_open(file, &file->rollups[i], &g), FVT_DAMAGED);
        assert_null(g);
    }
    assert_int_equal(fvt_verify(file), file->damaged + 6);
    fvt_file_free(file);
}

/* A file that gets rows again has none: they would not count those. */
static void test_live_again(void **state) {
    (void)state;
    write_flows(20000);
    struct fvt_file *file = with_rollups("proto", ROOM);
    assert_true(file->nrollups > 0);
    fvt_file_free(file);
    struct fvt_writer *w;
    struct fvt_error err;
    assert_int_equal(fvt_writer_open(path, BEGIN, HOUR, &w, &err), FVT_OK);
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    assert_int_equal(file->nrollups, 0);
    assert_int_equal(file->rows, 20000);
    fvt_file_free(file);
}

int main(void) {
    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof path, "%s/flows.fvt", dir);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_totals),     cmocka_unit_test(test_memory),
        cmocka_unit_test(test_saturation), cmocka_unit_test(test_plan),
        cmocka_unit_test(test_damage),     cmocka_unit_test(test_live_again),
        cmocka_unit_test(test_forged),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(dir);
    return failed;
}
