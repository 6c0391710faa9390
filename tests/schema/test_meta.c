/* SPDX-License-Identifier: MIT */
/*
** What a flow file says beside its flows: exporters and what they counted, interfaces and their counters.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "schema/rewrite.h"
#include "schema/store.h"

static void exporters_and_interfaces(void **state) {
    (void)state;
    char path[256];
    files_path(path, sizeof path, "meta.fvt");
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

/* What is said of an exporter or a socket adds up: over flushes, writers (one that died, one started again) and
** files closed in between. */
static void counters_add_up(void **state) {
    (void)state;
    char path[256];
    files_path(path, sizeof path, "sums.fvt");
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
    files_path(path, sizeof path, "many.fvt");
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
    files_path(path, sizeof path, "counters.fvt");
    add_counters(path, 1000, 1005, 3);
    assert_int_equal(counters_in(path), 15);
    assert_int_equal(fvt_close_file(path, NULL), FVT_OK);
    assert_int_equal(counters_in(path), 15);
    files_write(path, 5, 0, 100, 10);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exporters_and_interfaces),
        cmocka_unit_test(counters_add_up),
        cmocka_unit_test(many_counters),
        cmocka_unit_test(interface_counters),
    };
    return cmocka_run_group_tests_name("schema/meta", tests, files_begin, files_end);
}
