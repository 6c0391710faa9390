/* SPDX-License-Identifier: MIT */
/*
** Flow files: what was written is what is read, live, closed, resumed, cut short and damaged.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"
#include "rows.h"
#include "schema/group.h"
#include "schema/rewrite.h"
#include "schema/store.h"

static char dir[] = "/tmp/flowvt-test-XXXXXX";

static void path_of(char *out, size_t n, const char *name) {
    snprintf(out, n, "%s/%s", dir, name);
}

static void write_rows(const char *path, uint64_t seed, uint64_t from, uint64_t to, uint64_t step) {
    struct fvt_writer *w;
    struct fvt_error err;
    assert_int_equal(fvt_writer_open(path, 1700000000000, 300000, &w, &err), FVT_OK);
    struct test_row t;
    for (uint64_t i = from; i < to; i++) {
        test_row_make(&t, seed, i);
        assert_int_equal(fvt_writer_add(w, &t.row), FVT_OK);
        if ((i + 1) % step == 0)
            assert_int_equal(fvt_writer_flush(w, false), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
}

/* Row i, kept for the next column that asks for it. */
static const struct test_row *expected(uint64_t seed, uint64_t i) {
    enum { KEPT = 4096 };
    static struct {
        uint64_t seed, i;
        bool valid;
        struct test_row t;
    } kept[KEPT];
    if (!kept[i % KEPT].valid || kept[i % KEPT].seed != seed || kept[i % KEPT].i != i) {
        test_row_make(&kept[i % KEPT].t, seed, i);
        kept[i % KEPT].seed = seed;
        kept[i % KEPT].i = i;
        kept[i % KEPT].valid = true;
    }
    return &kept[i % KEPT].t;
}

/* Compares a group's rows with what was written, column by column, in pieces of step rows. Returns
** the number of columns that could not be read. */
static unsigned check_group(const struct fvt_file *file, const struct fvt_group *g, uint64_t seed,
                            uint32_t step) {
    unsigned unreadable = 0;
    int64_t *v = malloc(step * sizeof *v);
    uint8_t *nulls = malloc(step);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        struct fvt_chunk *c = NULL;
        struct fvt_dict *d = NULL;
        int at = g->chunk_of[f];
        if (at >= 0) {
            int rc = fvt_chunk_load(file, g, f, &c);
            if (rc == FVT_OK && g->chunks[at].dict >= 0)
                rc = fvt_dict_load(file, g, g->chunks[at].dict, &d);
            if (rc != FVT_OK) {
                fvt_chunk_free(c);
                unreadable++;
                continue;
            }
        }
        uint64_t nullcount = 0;
        for (uint32_t row = 0; row < g->rows; row += step) {
            uint32_t n = g->rows - row < step ? g->rows - row : step;
            if (c)
                fvt_chunk_read(c, row, n, v, nulls);
            else
                memset(nulls, 1, n);
            for (uint32_t i = 0; i < n; i++) {
                const struct test_row *t = expected(seed, g->first_row + row + i);
                const union flow_value *want = &t->row.value[f];
                assert_int_equal(nulls[i], !flow_row_has(&t->row, f));
                nullcount += nulls[i];
                if (nulls[i])
                    continue;
                if (flow_fields[f].class == FLOW_IP) {
                    assert_memory_equal(&d->ip[v[i]], &want->ip, sizeof want->ip);
                    assert_true(flow_ip_cmp(&g->chunks[at].ipmin, &want->ip) <= 0);
                    assert_true(flow_ip_cmp(&g->chunks[at].ipmax, &want->ip) >= 0);
                } else if (flow_fields[f].class == FLOW_TEXT) {
                    assert_int_equal(d->len[v[i]], want->text.n);
                    assert_memory_equal(d->text[v[i]], want->text.p, want->text.n);
                } else {
                    assert_int_equal(v[i], want->i);
                    assert_true(g->chunks[at].min <= v[i] && v[i] <= g->chunks[at].max);
                }
            }
        }
        if (c)
            assert_int_equal(g->chunks[at].nulls, nullcount);
        fvt_chunk_free(c);
        fvt_dict_free(d);
    }
    free(v);
    free(nulls);
    return unreadable;
}

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
        assert_int_equal(check_group(file, &file->groups[g], seed, g % 2 ? 777 : 4096), 0);
    assert_int_equal(fvt_verify(file), 0);
    fvt_file_free(file);
}

static void round_trip(void **state) {
    (void)state;
    static const uint64_t sizes[] = {0, 1, 2, 63, 64, 65, 511, 513, 5000, 30000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char path[256];
        path_of(path, sizeof path, "round.fvt");
        unlink(path);
        write_rows(path, i, 0, sizes[i], 1000);
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
    path_of(path, sizeof path, "resumed.fvt");
    write_rows(path, 3, 0, 1500, 400);
    write_rows(path, 3, 1500, 2500, 400);
    check_file(path, 3, 2500, FVT_LIVE);
    struct fvt_error err;
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    write_rows(path, 3, 2500, 3000, 400);
    check_file(path, 3, 3000, FVT_LIVE);
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    check_file(path, 3, 3000, FVT_CLOSED);
}

/* A column whose last value comes long before the group's last row. */
static void column_ends_early(void **state) {
    char path[256];
    struct fvt_writer *w = NULL;
    struct fvt_file *file = NULL;
    struct fvt_error err;
    (void)state;
    path_of(path, sizeof path, "early.fvt");
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

/* What is said of an exporter or a socket adds up: over flushes, writers (one that died, one started again) and
** files closed in between. */
static void counters_add_up(void **state) {
    (void)state;
    char path[256];
    path_of(path, sizeof path, "sums.fvt");
    struct fvt_writer *w;
    struct fvt_error err;
    const struct fvt_exporter at = {
        .exporter = flow_ip_make(4, "\x0a\0\0\1"), .odid = 7, .version = "v9"};
    for (unsigned run = 0; run < 4; run++) {
        assert_int_equal(fvt_writer_open(path, 0, 1000, &w, &err), FVT_OK);
        for (unsigned k = 1; k <= 3; k++) {
            struct fvt_exporter e = at;
            struct fvt_socket s = {.port = 2055, .protocol = 17};
            e.datagrams = k;
            e.lost = run < 2 ? 5 : -2;
            e.no_template_octets = 100;
            e.malformed_octets[FVT_BAD_RECORD] = 1;
            e.sampling = run == 1 && k == 2 ? 100 : 0;
            e.sampling_origin = e.sampling ? FVT_SAMPLING_OPTIONS : 0;
            s.octets = 1000;
            s.drops = k;
            s.ring_drops = run;
            s.buffer = run < 3 ? 4096 * (run + 1) : 0;
            assert_int_equal(fvt_writer_exporter(w, &e), FVT_OK);
            assert_int_equal(fvt_writer_socket(w, &s), FVT_OK);
            s.port = 4739;
            assert_int_equal(fvt_writer_socket(w, &s), FVT_OK);
            assert_int_equal(fvt_writer_flush(w, false), FVT_OK);
        }
        assert_int_equal(fvt_writer_finish(w), FVT_OK);
        if (run & 1)
            assert_int_equal(fvt_close_file(path, &err), FVT_OK);
        struct fvt_file *file;
        assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
        assert_int_equal(file->nexporters, 1);
        const struct fvt_exporter *e = &file->exporters[0];
        assert_int_equal(e->datagrams, 6 * (run + 1));
        assert_int_equal(e->lost, run < 2 ? 15 * (int)(run + 1) : 30 - 6 * (int)(run - 1));
        assert_int_equal(e->no_template_octets, 300 * (run + 1));
        assert_int_equal(e->malformed_octets[FVT_BAD_RECORD], 3 * (run + 1));
        assert_int_equal(e->sampling, run ? 100 : 0);
        assert_int_equal(e->sampling_origin, run ? FVT_SAMPLING_OPTIONS : 0);
        assert_int_equal(file->nsockets, 2);
        for (unsigned i = 0; i < 2; i++) {
            const struct fvt_socket *s = &file->sockets[i];
            assert_int_equal(s->port, i ? 4739 : 2055);
            assert_int_equal(s->protocol, 17);
            assert_int_equal(s->octets, 3000 * (run + 1));
            assert_int_equal(s->drops, 6 * (run + 1));
            assert_int_equal(s->ring_drops, 3 * run * (run + 1) / 2);
            assert_int_equal(s->buffer, 4096 * (run < 3 ? run + 1 : 3));
        }
        fvt_file_free(file);
    }
}

/* A live file has a record for each exporter and flush: reading many of them takes neither their memory nor long. */
static void many_counters(void **state) {
    (void)state;
    enum { EXPORTERS = 5000, FLUSHES = 40 };
    char path[256];
    path_of(path, sizeof path, "many.fvt");
    struct fvt_writer *w;
    struct fvt_error err;
    assert_int_equal(fvt_writer_open(path, 0, 1000, &w, &err), FVT_OK);
    for (unsigned k = 0; k < FLUSHES; k++) {
        for (unsigned i = EXPORTERS; i-- > 0;) {
            struct fvt_exporter e = {.exporter = flow_ip_make(4, "\x0a\0\0\1"),
                                     .odid = i,
                                     .version = "v5",
                                     .datagrams = i,
                                     .lost = k % 2 ? -3 : 4};
            assert_int_equal(fvt_writer_exporter(w, &e), FVT_OK);
        }
        assert_int_equal(fvt_writer_flush(w, false), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    struct fvt_file *file;
    assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
    assert_int_equal(file->nexporters, EXPORTERS);
    for (unsigned i = 0; i < EXPORTERS; i++) {
        assert_int_equal(file->exporters[i].odid, i);
        assert_int_equal(file->exporters[i].datagrams, (uint64_t)i * FLUSHES);
        assert_int_equal(file->exporters[i].lost, FLUSHES / 2);
    }
    fvt_file_free(file);
}

/* A live file cut anywhere: the groups before the cut are all there, and a writer goes on. */
static void cut_anywhere(void **state) {
    (void)state;
    char path[256], cut[256];
    path_of(path, sizeof path, "cut.fvt");
    path_of(cut, sizeof cut, "cut2.fvt");
    write_rows(path, 4, 0, 40, 10);
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
            assert_int_equal(check_group(file, &file->groups[g], 4, 100), 0);
        last = file->rows;
        fvt_file_free(file);
        if (k % 97 == 0 && k > 2000) {
            write_rows(cut, 4, last, last + 5, 100);
            assert_int_equal(fvt_open(cut, &file, &err), FVT_OK);
            assert_int_equal(file->rows, last + 5);
            for (uint32_t g = 0; g < file->ngroups; g++)
                assert_int_equal(check_group(file, &file->groups[g], 4, 100), 0);
            fvt_file_free(file);
        }
    }
    assert_int_equal(last, 40);
    free(p);
}

/* Every byte changed in turn: never a wrong value, and what is missing is counted. */
static void flip_bytes(const char *path, uint64_t seed, uint64_t rows) {
    char bad[256];
    path_of(bad, sizeof bad, "bad.fvt");
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
                unreadable += check_group(file, &file->groups[g], seed, 100);
        if (unreadable || file->rows != rows)
            assert_true(fvt_verify(file) > 0);
        fvt_file_free(file);
    }
    free(p);
}

static void flipped(void **state) {
    (void)state;
    char path[256];
    path_of(path, sizeof path, "flip.fvt");
    write_rows(path, 5, 0, 12, 12);
    flip_bytes(path, 5, 12);
    struct fvt_error err;
    assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    flip_bytes(path, 5, 12);
}

/* A damaged group of a live file stays counted when the file is closed. */
static void damage_is_kept(void **state) {
    (void)state;
    char path[256];
    path_of(path, sizeof path, "kept.fvt");
    write_rows(path, 6, 0, 30, 10);
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

static void exporters_and_interfaces(void **state) {
    (void)state;
    char path[256];
    path_of(path, sizeof path, "meta.fvt");
    struct fvt_writer *w;
    struct fvt_error err;
    assert_int_equal(fvt_writer_open(path, 0, 1000, &w, &err), FVT_OK);
    struct fvt_exporter e = {.exporter = flow_ip_make(4, "\x0a\0\0\1"), .odid = 7, .version = "v9"};
    struct fvt_interface i = {.exporter = e.exporter, .ifindex = 3, .name = "eth0"};
    for (unsigned k = 1; k <= 5; k++) {
        e.datagrams = k;
        e.malformed[FVT_BAD_SET] = k * 2;
        strcpy(i.description, k == 5 ? "uplink" : "?");
        assert_int_equal(fvt_writer_exporter(w, &e), FVT_OK);
        assert_int_equal(fvt_writer_interface(w, &i), FVT_OK);
        assert_int_equal(fvt_writer_flush(w, true), FVT_OK);
    }
    e.odid = 6;
    assert_int_equal(fvt_writer_exporter(w, &e), FVT_OK);
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
    for (int closed = 0; closed < 2; closed++) {
        struct fvt_file *file;
        assert_int_equal(fvt_open(path, &file, &err), FVT_OK);
        assert_int_equal(file->nexporters, 2);
        assert_int_equal(file->exporters[0].odid, 6);
        assert_int_equal(file->exporters[1].odid, 7);
        assert_int_equal(file->exporters[1].datagrams, 1 + 2 + 3 + 4 + 5);
        assert_int_equal(file->exporters[1].malformed[FVT_BAD_SET], 30);
        assert_string_equal(file->exporters[1].version, "v9");
        assert_int_equal(file->ninterfaces, 1);
        assert_string_equal(file->interfaces[0].name, "eth0");
        assert_string_equal(file->interfaces[0].description, "uplink");
        fvt_file_free(file);
        assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    }
}

/* Interface k at a time; what it counts is its own. */
static struct fvt_if_counters counters_of(unsigned k, int64_t time) {
    struct fvt_if_counters c = {
        .time = time, .exporter = flow_ip_make(4, "\x0a\0\0\1"), .odid = k % 2};
    for (unsigned i = 0; i < FVT_NCOUNTERS; i++)
        c.value[i] = (uint64_t)time * i + k;
    c.value[FVT_IFINDEX] = k;
    c.value[FVT_IFINERRORS] = FVT_NO_COUNTER;
    c.value[FVT_IFINOCTETS] = UINT64_C(1) << 63 | k;
    return c;
}

/* How many rows of counters there are; each is as it was written. */
static unsigned counters_in(const char *path) {
    struct fvt_file *file;
    unsigned sum = 0;
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    assert_int_equal(fvt_verify(file), 0);
    for (uint32_t b = 0; b < file->ncounters; b++) {
        struct fvt_if_counters *rows;
        uint32_t n;
        assert_int_equal(fvt_counters_read(file, &file->counters[b], &rows, &n), FVT_OK);
        assert_int_equal(n, file->counters[b].rows);
        for (uint32_t i = 0; i < n; i++) {
            struct fvt_if_counters c =
                counters_of((unsigned)rows[i].value[FVT_IFINDEX], rows[i].time);
            assert_memory_equal(c.value, rows[i].value, sizeof c.value);
            assert_int_equal(flow_ip_cmp(&c.exporter, &rows[i].exporter), 0);
            assert_int_equal(c.odid, rows[i].odid);
            assert_true(rows[i].time >= file->counters[b].first);
            assert_true(rows[i].time <= file->counters[b].last);
        }
        sum += n;
        free(rows);
    }
    fvt_file_free(file);
    return sum;
}

static void add_counters(const char *path, int64_t from, int64_t to, unsigned interfaces) {
    struct fvt_writer *w;
    assert_int_equal(fvt_writer_open(path, 0, 1000, &w, NULL), FVT_OK);
    for (int64_t t = from; t < to; t++) {
        for (unsigned k = 1; k <= interfaces; k++) {
            struct fvt_if_counters c = counters_of(k, t);
            assert_int_equal(fvt_writer_counters(w, &c), FVT_OK);
        }
        if (t % 2)
            assert_int_equal(fvt_writer_flush(w, false), FVT_OK);
    }
    assert_int_equal(fvt_writer_finish(w), FVT_OK);
}

/* Live, closed, opened again and closed with more of them; several blocks. */
static void interface_counters(void **state) {
    (void)state;
    char path[256];
    path_of(path, sizeof path, "counters.fvt");
    add_counters(path, 1000, 1005, 3);
    assert_int_equal(counters_in(path), 15);
    assert_int_equal(fvt_close_file(path, NULL), FVT_OK);
    assert_int_equal(counters_in(path), 15);
    write_rows(path, 5, 0, 100, 10);
    add_counters(path, 2000, 2007, 20000);
    assert_int_equal(counters_in(path), 140015);
    assert_int_equal(fvt_close_file(path, NULL), FVT_OK);
    assert_int_equal(counters_in(path), 140015);
    struct fvt_file *file;
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    assert_int_equal(file->ncounters, 3);
    assert_int_equal(file->rows, 100);
    /* One octet of a block is another: that block is lost, and counted. */
    uint64_t at = file->counters[1].at + FVT_BLOCK_HEADER + 100;
    uint32_t rows = file->counters[1].rows;
    fvt_file_free(file);
    int fd = open(path, O_RDWR);
    unsigned char octet;
    assert_int_equal(pread(fd, &octet, 1, (off_t)at), 1);
    octet ^= 1;
    assert_int_equal(pwrite(fd, &octet, 1, (off_t)at), 1);
    close(fd);
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    assert_int_equal(fvt_verify(file), 1);
    fvt_file_free(file);
    assert_int_equal(fvt_rewrite(path, FVT_LIVE, NULL), FVT_OK);
    assert_int_equal(fvt_open(path, &file, NULL), FVT_OK);
    uint32_t left = 0;
    for (uint32_t b = 0; b < file->ncounters; b++)
        left += file->counters[b].rows;
    assert_int_equal(left, 140015 - rows);
    assert_int_equal(file->damaged, 1);
    fvt_file_free(file);
}

/* A disk that takes no more: rows are kept within bounds, then refused, and what was accepted is
** written once there is room again. */
static void full_disk(void **state) {
    (void)state;
    char path[256];
    path_of(path, sizeof path, "full.fvt");
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

static void count_warning(void *arg, const char *text) {
    (void)text;
    ++*(int *)arg;
}

/* Rotation by the clock given, one file an interval, all closed in the end; a second writer is
** refused. */
static void store_rotates(void **state) {
    (void)state;
    char store[256];
    path_of(store, sizeof store, "store");
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
    path_of(store, sizeof store, "clock");
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
    path_of(store, sizeof store, "late");
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
    path_of(store, sizeof store, "list");
    snprintf(sub, sizeof sub, "%s/day", store);
    snprintf(file, sizeof file, "%s/a.fvt", sub);
    snprintf(link_to, sizeof link_to, "%s/current", store);
    snprintf(name, sizeof name, "%s/b.fvt", store);
    assert_int_equal(mkdir(store, 0755) | mkdir(sub, 0755) | mkdir(name, 0755), 0);
    write_rows(file, 1, 0, 3, 1);
    assert_int_equal(symlink("day", link_to), 0);
    char **paths;
    size_t n;
    struct fvt_error err;
    assert_int_equal(fvt_store_list(store, &paths, &n, &err), FVT_OK);
    assert_int_equal(n, 1);
    assert_string_equal(paths[0], file);
    free(paths);
}

/* Texts of a group are bounded, and a file of long texts can be closed and read. */
static void long_texts(void **state) {
    (void)state;
    enum { N = 3000, LEN = 60000 };
    char path[256];
    path_of(path, sizeof path, "texts.fvt");
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
    path_of(path, sizeof path, "huge.fvt");
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

static int setup(void **state) {
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(resumed),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(flipped),
        cmocka_unit_test(column_ends_early),
        cmocka_unit_test(damage_is_kept),
        cmocka_unit_test(exporters_and_interfaces),
        cmocka_unit_test(counters_add_up),
        cmocka_unit_test(many_counters),
        cmocka_unit_test(interface_counters),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(store_rotates),
        cmocka_unit_test(clock_steps_back),
        cmocka_unit_test(full_disk_at_rotation),
        cmocka_unit_test(listing),
        cmocka_unit_test(long_texts),
        cmocka_unit_test(huge_group),
    };
    return cmocka_run_group_tests_name("schema/fvt", tests, setup, teardown);
}
