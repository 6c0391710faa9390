/* SPDX-License-Identifier: MIT */
/*
** What exporters announced, over a restart: it is the same afterwards, what is too old is not used, and whatever
** the octets of the file are, nothing breaks and every bound holds.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "build.h"
#include "collector/cache.h"
#include "schema/format.h"

static struct bytes b;
static struct rig r;

/* A sampler of NetFlow v9, names and the start of an IPFIX exporter, and templates of both. */
static void announce(void) {
    v9(&b, 1, 5);
    template_set(&b, 0, 256, "1/2 48/1");
    put_set(&b, 1, "0101 0004 0008 0001 0004 0030 0001 0032 0002 0000");
    put_set(&b, 257, "00000000 03 0064 00");
    rig_send(&r, &b);
    ipfix(&b, 0, 6);
    template_set(&b, 2, 300, "1/2 371/v 29305:1/8");
    put_set(&b, 3, "0190 0003 0001 000a 0004 0052 0008 0053 ffff");
    size_t set = set_begin(&b, 400);
    put(&b, 7, 4);
    put_text(&b, "Gi0/7", 8);
    put(&b, 6, 1);
    put_text(&b, "uplink", 6);
    set_end(&b, set);
    template_set(&b, 2, 301, "95/4");
    put_set(&b, 3, "0191 0002 0001 005f 0004 0060 ffff");
    set = set_begin(&b, 401);
    put_hex(&b, "03000050 04");
    put_text(&b, "http", 4);
    set_end(&b, set);
    rig_send_ipfix(&r, &b);
}

static void give_data(void) {
    v9(&b, 2, 5);
    put_set(&b, 256, "0007 03 0008 03");
    rig_send(&r, &b);
    ipfix(&b, 1, 6);
    put_set(&b, 300, "0009 03 616263 0000000000000011");
    put_set(&b, 301, "03000050");
    rig_send_ipfix(&r, &b);
}

/* The collector ends; another one begins some ms later by the system's clock. */
static bool restart(const struct collector_limits *limits, int64_t later) {
    struct fvt_buffer file = {0};
    cache_encode(r.c, r.now, &file);
    assert_false(file.failed);
    int64_t now = r.now + later;
    rig_close(&r);
    rig_open(&r, limits);
    r.now = now;
    bool good = cache_decode(r.c, now, file.p, file.n);
    free(file.p);
    return good;
}

static void survives(void **state) {
    (void)state;
    rig_open(&r, NULL);
    announce();
    for (int i = 0; i < 2; i++) { /* and what was read is written again */
        assert_true(restart(NULL, 5000));
        give_data();
        assert_int_equal(r.rows, 4);
        assert_string_equal(rig_field(&r, 3, "appname"), "\"http\"");
        assert_string_equal(rig_field(&r, 1, "bytes"), "8");
        assert_string_equal(rig_field(&r, 1, "sampling"), "100");
        assert_string_equal(rig_field(&r, 2, "username"), "\"abc\"");
        assert_string_equal(rig_field(&r, 2, "outbytes"), "17");
        const struct interface_table *names =
            &exporters_find(&r.c->exporters, &r.from, "ipfix", 6, 0)->interfaces;
        assert_int_equal(names->index.count, 1);
        assert_string_equal(names->entry[0].names.name, "Gi0/7");
        assert_string_equal(names->entry[0].names.description, "uplink");
        assert_int_equal(names->entry[0].names.ifindex, 7);
        assert_int_equal(rig_stat(&r, "v9", 5)->no_template, 0);
    }
    rig_close(&r);
}

/* Sessions of other UDP ports are those that they were. */
static void sessions(void **state) {
    (void)state;
    rig_open(&r, NULL);
    announce();
    struct exporter *e = exporters_get(&r.c->exporters, 8, &r.from, "ipfix", 6, 5000);
    e->kin = SESSION_KIN;
    e->boot = 12345;
    for (int i = 0; i < 2; i++) {
        assert_true(restart(NULL, 1000));
        e = exporters_find(&r.c->exporters, &r.from, "ipfix", 6, 5000);
        assert_non_null(e);
        assert_int_equal(e->kin, SESSION_KIN);
        assert_int_equal(e->boot, 12345);
        assert_int_equal(r.c->exporters.count, 3);
    }
    e->boot = INT64_MAX; /* no time that an uptime can be added to */
    assert_true(restart(NULL, 1000));
    assert_int_equal(exporters_find(&r.c->exporters, &r.from, "ipfix", 6, 5000)->boot, INT64_MIN);
    rig_close(&r);
}

static void too_old(void **state) {
    (void)state;
    const int64_t life = collector_defaults.template_ms;
    const struct {
        int64_t pass, later;
        size_t rows;
    } cases[] = {
        {1000, 1000, 4},        {1000, -86400000, 4}, /* the clock was set back */
        {life - 2000, 1000, 4}, {life - 1000, 2000, 0}, {0, INT64_C(30000000), 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig_open(&r, NULL);
        announce();
        rig_pass(&r, cases[i].pass);
        assert_true(restart(NULL, cases[i].later));
        give_data();
        assert_int_equal(r.rows, cases[i].rows);
        rig_close(&r);
    }
}

/* Over TCP templates end with the session. */
static void streams_are_not_kept(void **state) {
    (void)state;
    rig_open(&r, NULL);
    r.stream = EXPORTER_FIRST_STREAM;
    announce();
    assert_true(restart(NULL, 0));
    assert_int_equal(r.c->exporters.count, 0);
    r.stream = 0;
    rig_close(&r);
}

static void damaged(void **state) {
    (void)state;
    struct fvt_buffer file = {0};
    rig_open(&r, NULL);
    announce();
    cache_encode(r.c, r.now, &file);
    rig_close(&r);
    rig_open(&r, NULL);
    for (size_t n = 0; n < file.n; n++) {
        uint8_t *copy = malloc(n ? n : 1); /* AddressSanitizer sees a read behind its end */
        assert_non_null(copy);
        memcpy(copy, file.p, n);
        assert_false(cache_decode(r.c, r.now, copy, n));
        free(copy);
        file.p[n] ^= 0x10;
        assert_false(cache_decode(r.c, r.now, file.p, file.n));
        file.p[n] ^= 0x10;
    }
    assert_int_equal(r.c->exporters.count, 0);
    assert_true(cache_decode(r.c, r.now, file.p, file.n));
    assert_int_equal(r.c->exporters.count, 2);
    free(file.p);
    rig_close(&r);
}

static void seal(struct fvt_buffer *file) {
    fvt_set_int(file, 8, file->n - 64, 8);
    fvt_set_int(file, 16, fvt_checksum(file->p + 64, file->n - 64), 8);
    fvt_set_int(file, 56, fvt_checksum(file->p, 56), 8);
}

/* Checksums that are right say nothing of who wrote the file. */
static void forged(void **state) {
    (void)state;
    static const struct collector_limits limits = {
        .exporters = 4,
        .interfaces = 2,
        .announced = 16 << 10,
        .exporter_template = 8 << 10,
        .pending = 4 << 10,
        .exporter_pending = 2 << 10,
        .pending_ms = 1000,
        .template_ms = 100000,
    };
    struct fvt_buffer file = {0}, copy = {0};
    uint64_t random = 1;
    rig_open(&r, NULL);
    for (unsigned i = 0; i < 8; i++) {
        r.from.addr[3]++;
        announce();
    }
    cache_encode(r.c, r.now, &file);
    rig_close(&r);
    rig_open(&r, &limits);
    assert_true(cache_decode(r.c, r.now, file.p, file.n));
    assert_int_equal(r.c->exporters.count, limits.exporters);
    for (int i = 0; i < 20000; i++) {
        copy.n = 0;
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        fvt_put(&copy, file.p, 64 + (random >> 33) % (file.n - 63));
        for (unsigned flips = (unsigned)(random >> 20) % 8; flips && copy.n > 64; flips--) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            copy.p[64 + (random >> 33) % (copy.n - 64)] = (uint8_t)(random >> 24);
        }
        seal(&copy);
        assert_true(cache_decode(r.c, r.now, copy.p, copy.n));
        assert_true(r.c->exporters.count <= limits.exporters);
        assert_true(r.c->exporters.announced_octets <= limits.announced);
        r.rows = 0;
        give_data();
    }
    free(file.p);
    free(copy.p);
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives), cmocka_unit_test(sessions),
        cmocka_unit_test(too_old),  cmocka_unit_test(streams_are_not_kept),
        cmocka_unit_test(damaged),  cmocka_unit_test(forged),
    };
    return cmocka_run_group_tests_name("collector: cache", tests, NULL, NULL);
}
