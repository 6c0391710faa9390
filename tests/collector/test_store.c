/* SPDX-License-Identifier: MIT */
/*
** From datagrams to flow files: what the files say of exporters and interfaces, before and after a
** rotation; and captures with fragmented datagrams.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "build.h"
#include "collector/pcapin.h"
#include "collector/report.h"

enum { INTERVAL = 60 };

static struct bytes b;
static struct rig r;

/* A collector whose rows go to a store. */
struct chain {
    struct collector *c;
    struct fvt_store *store;
    struct report report;
    char dir[64];
};

static bool store_row(void *arg, const struct flow_row *row) {
    return fvt_store_add(((struct chain *)arg)->store, row) == FVT_OK;
}

/* A collector that starts, with what is in the directory. */
static void chain_start(struct chain *x, const struct collector_limits *limits) {
    struct fvt_error error;
    x->report = (struct report){0};
    x->c = collector_new((struct flow_sink){store_row, x, NULL}, (struct fault_sink){NULL, NULL},
                         limits);
    assert_non_null(x->c);
    assert_int_equal(fvt_store_open(x->dir, INTERVAL, NULL, NULL, &x->store, &error), FVT_OK);
    report_attach(&x->report, x->c, x->store);
}

static void chain_open(struct chain *x) {
    memset(x, 0, sizeof *x);
    strcpy(x->dir, "/tmp/collector-XXXXXX");
    assert_non_null(mkdtemp(x->dir));
    chain_start(x, NULL);
}

static void chain_stop(struct chain *x) {
    assert_int_equal(fvt_store_close(x->store), FVT_OK);
    collector_free(x->c);
}

static void chain_send(struct chain *x, int64_t now) {
    const struct datagram d = {.data = b.at,
                               .size = b.n,
                               .from = flow_ip_make(4, (const uint8_t[]){192, 0, 2, 1}),
                               .port = 1,
                               .received = now};
    assert_int_equal(fvt_store_tick(x->store, now), FVT_OK);
    collector_datagram(x->c, &d);
    b.n = 0;
}

/* The files, oldest first; the directory is removed. */
static size_t chain_close(struct chain *x, struct fvt_file **file, size_t max) {
    struct fvt_error error;
    char **paths, command[128];
    size_t n;
    chain_stop(x);
    assert_int_equal(fvt_store_list(x->dir, &paths, &n, &error), FVT_OK);
    assert_true(n <= max);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(fvt_open(paths[i], &file[i], &error), FVT_OK);
    free(paths);
    snprintf(command, sizeof command, "rm -r '%s'", x->dir);
    assert_int_equal(system(command), 0);
    return n;
}

static void data(unsigned n) {
    size_t set = set_begin(&b, 256);
    for (unsigned i = 0; i < n; i++)
        put_hex(&b, "0a000001 0005 03");
    set_end(&b, set);
}

static void statistics_by_file(void **state) {
    (void)state;
    struct chain x;
    struct fvt_file *file[4];
    const int64_t now = INT64_C(1700000040000); /* 22:14:00 */
    chain_open(&x);
    b.n = 0;
    v9(&b, 10, 7);
    size_t set = set_begin(&b, 1); /* interface 3 is called eth3, sampled 1:10 */
    put_hex(&b, "0190 0004 0008 0002 0004 0052 0008 0022 0004");
    set_end(&b, set);
    template_set(&b, 0, 256, "8/4 1/2 2/1");
    set = set_begin(&b, 400);
    put(&b, 3, 4);
    put_text(&b, "eth3", 8);
    put(&b, 10, 4);
    set_end(&b, set);
    data(4);
    chain_send(&x, now);
    v9(&b, 13, 7);
    data(2);
    put_hex(&b, "00ff 0004 0101 0005 00");
    chain_send(&x, now + 500);
    v9(&b, 14, 7);
    data(3);
    chain_send(&x, now + 70000);
    put_hex(&b, "000b 0001");
    chain_send(&x, now + 71000);
    collector_drop_pending(x.c);
    assert_int_equal(chain_close(&x, file, 4), 2);

    static const struct {
        uint64_t rows, datagrams, packets, bytes, options, lost, bad_set, no_template;
    } expected[2] = {{6, 2, 18, 30, 1, 2, 1, 0}, {3, 1, 9, 15, 0, 0, 0, 1}};
    for (int i = 0; i < 2; i++) {
        const struct fvt_exporter *e = NULL, *unknown = NULL;
        for (uint32_t k = 0; k < file[i]->nexporters; k++)
            if (strcmp(file[i]->exporters[k].version, "v9") == 0)
                e = &file[i]->exporters[k];
            else
                unknown = &file[i]->exporters[k];
        assert_non_null(e);
        assert_int_equal(file[i]->rows, expected[i].rows);
        assert_int_equal(e->odid, 7);
        assert_int_equal(e->flows, expected[i].rows);
        assert_int_equal(e->datagrams, expected[i].datagrams);
        assert_int_equal(e->packets, expected[i].packets);
        assert_int_equal(e->bytes, expected[i].bytes);
        assert_int_equal(e->options, expected[i].options);
        assert_int_equal(e->lost, expected[i].lost);
        assert_int_equal(e->malformed[FVT_BAD_SET], expected[i].bad_set);
        assert_int_equal(e->no_template, expected[i].no_template);
        assert_int_equal(e->sampling, 10);
        assert_int_equal(unknown != NULL, i == 1);
        if (unknown)
            assert_int_equal(unknown->malformed[FVT_BAD_VERSION], 1);
        assert_int_equal(file[i]->ninterfaces, 1);
        assert_int_equal(file[i]->interfaces[0].ifindex, 3);
        assert_string_equal(file[i]->interfaces[0].name, "eth3");
        fvt_file_free(file[i]);
    }
}

/* One datagram of version 9 and one flow. */
static void send_v9(struct chain *x, uint32_t sequence, uint32_t source, int64_t now) {
    b.n = 0;
    v9(&b, sequence, source);
    template_set(&b, 0, 256, "8/4 1/2 2/1");
    data(1);
    chain_send(x, now);
}

/* What a file says of an exporter is what came of it in the file's interval, also when it was forgotten meanwhile,
** and when the collector was started again, twice, once after the file was closed. */
static void returning_exporters(void **state) {
    (void)state;
    struct collector_limits limits = collector_defaults;
    const int64_t now = INT64_C(1700000040000);
    struct chain x;
    struct fvt_file *file[2];
    struct fvt_socket socket = {.port = 2055, .protocol = 17, .buffer = 4096};
    limits.exporters = 2;
    chain_open(&x);
    chain_stop(&x);
    for (unsigned run = 0; run < 3; run++) {
        chain_start(&x, &limits);
        socket = (struct fvt_socket){.port = 2055, .protocol = 17, .buffer = 4096};
        report_socket(&x.report, &socket);
        for (unsigned i = 0; i < 30; i++) {
            socket.datagrams++;
            socket.octets += 100;
            socket.drops += i == 20;
            send_v9(&x, i, i % 3, now + i);
            if (i % 7 == 0)
                assert_int_equal(fvt_store_flush(x.store), FVT_OK);
        }
        chain_stop(&x);
    }
    chain_start(&x, &limits);
    assert_int_equal(chain_close(&x, file, 2), 1);
    assert_int_equal(file[0]->nexporters, 3);
    for (unsigned i = 0; i < 3; i++) {
        const struct fvt_exporter *e = &file[0]->exporters[i];
        assert_int_equal(e->odid, i);
        assert_int_equal(e->datagrams, 30);
        assert_int_equal(e->flows, 30);
        assert_int_equal(e->packets, 90);
        assert_int_equal(e->lost, 0);
    }
    assert_int_equal(file[0]->nsockets, 1);
    assert_int_equal(file[0]->sockets[0].datagrams, 90);
    assert_int_equal(file[0]->sockets[0].octets, 9000);
    assert_int_equal(file[0]->sockets[0].drops, 3);
    assert_int_equal(file[0]->sockets[0].buffer, 4096);
    fvt_file_free(file[0]);
}

/* A datagram that comes after the next interval has begun fills the gap of the one before: the sum is right. */
static void late_in_the_next_file(void **state) {
    (void)state;
    const int64_t now = INT64_C(1700000040000);
    struct chain x;
    struct fvt_file *file[2];
    chain_open(&x);
    send_v9(&x, 1, 0, now);
    send_v9(&x, 5, 0, now + 1000);
    send_v9(&x, 3, 0, now + 70000);
    send_v9(&x, 4, 0, now + 70001);
    assert_int_equal(chain_close(&x, file, 2), 2);
    assert_int_equal(file[0]->exporters[0].lost, 3);
    assert_int_equal(file[1]->exporters[0].lost, -2);
    fvt_file_free(file[0]);
    fvt_file_free(file[1]);
}

/* ---- captures --------------------------------------------------------------------------- */

/* A packet of a capture: raw IPv4 with the part of a UDP datagram from offset on. */
static void put_packet(struct bytes *out, const struct bytes *udp, size_t from, size_t n,
                       unsigned id) {
    bool more = from + n < udp->n;
    put_hex(out, "65 53 f1 00 00 00 00 00");
    put(out, 20 + n, 4);
    put(out, 20 + n, 4);
    put_hex(out, "45 00");
    put(out, 20 + n, 2);
    put(out, id, 2);
    put(out, (more ? 0x2000u : 0) | from / 8, 2);
    put_hex(out, "40 11 0000 c0000201 c0000202");
    memcpy(out->at + out->n, udp->at + from, n);
    out->n += n;
}

static void to_rig(void *arg, const struct datagram *d) {
    (void)arg;
    memcpy(b.at, d->data, d->size);
    b.n = d->size;
    r.from = d->from;
    rig_send(&r, &b);
}

static void fragments(void **state) {
    (void)state;
    static const struct {
        size_t order[4]; /* offsets of the parts of 64 octets; 1: no more */
        size_t rows;
        uint64_t incomplete;
    } cases[] = {
        {{0, 64, 128, 1}, 2, 0}, {{128, 64, 0, 1}, 2, 0}, {{64, 0, 64, 128}, 2, 0},
        {{0, 128, 1}, 0, 1},     {{64, 128, 1}, 0, 1},    {{0, 0, 0, 1}, 0, 1},
    };
    static struct bytes udp, file;
    static const volatile sig_atomic_t never;
    udp.n = 0;
    put_hex(&udp, "0807 0807 0000 0000");
    memset(udp.at + udp.n, 0, 160);
    put_hex(&udp, "0005 0002 000186a0 6553f100 00000000 00000005 01 02 0000");
    udp.n += 2 * 48;
    patch16(&udp, 4, (uint16_t)udp.n);
    assert_int_equal(udp.n, 128);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[] = "/tmp/fragments-XXXXXX", message[128];
        struct pcapin_counts counts;
        file.n = 0;
        put_hex(&file, "a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000065");
        for (size_t k = 0; k < 4 && cases[i].order[k] != 1; k++) {
            size_t from = cases[i].order[k] / 64 * 48; /* parts of 48, 48 and 32 octets */
            put_packet(&file, &udp, from, from == 96 ? 32 : 48, 77);
        }
        int fd = mkstemp(path);
        assert_int_equal(write(fd, file.at, file.n), file.n);
        close(fd);
        rig_open(&r, NULL);
        assert_int_equal(pcapin_run(path, to_rig, NULL, &never, &counts, message, sizeof message),
                         0);
        unlink(path);
        if (r.rows != cases[i].rows || counts.incomplete != cases[i].incomplete)
            fail_msg("case %zu: %zu rows, %llu incomplete", i, r.rows,
                     (unsigned long long)counts.incomplete);
        if (r.rows)
            assert_string_equal(rig_field(&r, 0, "exporter"), "192.0.2.1");
        rig_close(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_by_file),
        cmocka_unit_test(returning_exporters),
        cmocka_unit_test(late_in_the_next_file),
        cmocka_unit_test(fragments),
    };
    return cmocka_run_group_tests_name("collector: files and captures", tests, NULL, NULL);
}
