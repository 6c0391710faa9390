/* SPDX-License-Identifier: MIT */
/*
** Several UDP ports of one address, with one domain: of one exporter, or of several behind NAT.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "build.h"

static struct rig r;
static struct bytes b;

/* What all sessions have counted. */
static struct fvt_exporter all(void) {
    struct fvt_exporter sum = {.odid = 0};
    for (const struct exporter *e = r.c->exporters.newest; e; e = e->older)
        fvt_exporter_add(&sum, &e->stat);
    return sum;
}

static void header9(uint16_t port, uint32_t uptime, uint32_t sequence) {
    r.port = port;
    put(&b, 9, 2);
    put(&b, 1, 2);
    put(&b, uptime, 4);
    put(&b, 1700000000, 4);
    put(&b, sequence, 4);
    put(&b, 0, 4);
}

static void header10(uint16_t port, uint32_t sequence) {
    r.port = port;
    ipfix(&b, sequence, 0);
}

/* One record of two octets. */
static void record(uint8_t first, uint8_t second) {
    size_t set = set_begin(&b, 256);
    put(&b, first, 1);
    put(&b, second, 1);
    set_end(&b, set);
}

static void send(bool is_ipfix) {
    if (is_ipfix)
        ipfix_end(&b);
    rig_send(&r, &b);
}

static void drop_row(void) {
    r.rows = 0;
}

/* The ports of the exporters, and their templates: the same id, the fields the other way around. */
enum { A = 50001, B = 50002 };
static const char *const fields[2] = {"1/1 2/1", "2/1 1/1"};

static void check_row(int who) {
    assert_int_equal(r.rows, 1);
    assert_string_equal(rig_field(&r, 0, "bytes"), who ? "2" : "1");
    assert_string_equal(rig_field(&r, 0, "packets"), who ? "1" : "2");
    drop_row();
}

static void nat_v9(void **state) {
    (void)state;
    static const uint32_t uptime[2] = {100000, 5000000};
    rig_open(&r, NULL);
    for (uint32_t i = 0; i < 40; i++)
        for (int who = 0; who < 2; who++) {
            if (i == 20 && who == 1)
                continue; /* one that is lost */
            header9(who ? B : A, uptime[who] + i, i + (who ? 700 : 100));
            if (i % 10 == 0)
                template_set(&b, 0, 256, fields[who]);
            record(1, 2);
            send(false);
            check_row(who);
        }
    assert_int_equal(r.c->exporters.count, 2);
    assert_int_equal(all().lost, 1);
    assert_int_equal(all().datagrams, 79);
    assert_int_equal(all().flows, 79);
    rig_close(&r);
}

static void nat_ipfix(void **state) {
    (void)state;
    rig_open(&r, NULL);
    for (uint32_t i = 0; i < 40; i++)
        for (int who = 0; who < 2; who++) {
            header10(who ? B : A, i + (who ? 70000 : 100));
            if (i == 1)
                template_set(&b, 2, 256, fields[who]);
            record(1, 2);
            send(true);
            if (i == 1)
                assert_int_equal(r.rows, 2); /* with the one that waited */
            if (i > 1)
                check_row(who);
            drop_row();
        }
    assert_int_equal(r.c->exporters.count, 2);
    assert_int_equal(all().lost, 0);
    assert_int_equal(all().flows, 80);
    rig_close(&r);
}

/* Two exporters of one router: they number apart, and have the same templates, of which one was announced by one of them
** alone. Data that came before they were known to be kin waits. With another definition they are no kin. */
static void kin(void **state) {
    (void)state;
    for (int same = 0; same < 2; same++) {
        rig_open(&r, NULL);
        header10(A, 100);
        template_set(&b, 2, 256, fields[0]);
        template_set(&b, 2, 257, "8/4");
        send(true);
        header10(B, 70000);
        record(1, 2);
        send(true);
        assert_int_equal(r.rows, 0);
        header10(B, 70001);
        template_set(&b, 2, 257, same ? "8/4" : "12/4");
        send(true);
        assert_int_equal(r.rows, same);
        header10(B, 70001);
        record(1, 2);
        send(true);
        assert_int_equal(r.rows, 2 * same);
        collector_drop_pending(r.c);
        assert_int_equal(all().no_template, same ? 0 : 2);
        assert_int_equal(all().lost, 0);
        rig_close(&r);
    }
}

/* Both began just now, with the same templates: the numbers are near each other. */
static void nat_ipfix_young(void **state) {
    (void)state;
    rig_open(&r, NULL);
    for (uint32_t i = 0; i < 100; i++)
        for (int who = 0; who < 2; who++) {
            header10(who ? B : A, 2 * i + (who ? 300 : 0));
            if (i % 10 == 0)
                template_set(&b, 2, 256, fields[0]);
            record(1, 2);
            record(1, 2);
            send(true);
            drop_row();
        }
    assert_int_equal(r.c->exporters.count, 2);
    assert_int_equal(all().lost, 0);
    assert_int_equal(all().flows, 400);
    rig_close(&r);
}

/* A router that sends over three ports, its templates over one of them; datagrams are lost and overtake each other. */
static void router(void **state) {
    (void)state;
    for (int version = 9; version <= 10; version++) {
        rig_open(&r, NULL);
        unsigned sent = 0;
        for (uint32_t i = 0; i < 300; i++) {
            uint32_t n = i % 20 == 7   ? i + 1
                         : i % 20 == 8 ? i - 1
                                       : i; /* two of them change places */
            if (n % 50 == 33)
                continue;
            uint16_t port = (uint16_t)(A + n % 3);
            if (version == 9)
                header9(port, 100000 + n, n);
            else
                header10(port, n);
            if (n % 30 == 0)
                template_set(&b, version == 9 ? 0 : 2, 256, fields[0]);
            record(1, 2);
            send(version == 10);
            sent++;
            check_row(0);
        }
        assert_int_equal(r.c->exporters.count, 1);
        assert_int_equal(all().lost, 6);
        assert_int_equal(all().flows, sent);
        rig_close(&r);
    }
}

/* An exporter that begins anew has another port, and its number and uptime fall back. */
static void restart(void **state) {
    (void)state;
    for (int version = 9; version <= 10; version++) {
        rig_open(&r, NULL);
        for (int run = 0; run < 2; run++)
            for (uint32_t i = 0; i < 20; i++) {
                uint32_t n = i + (run ? 0 : 50000);
                if (version == 9)
                    header9(run ? B : A, (run ? 1000 : 9000000) + i, n);
                else
                    header10(run ? B : A, n);
                if (i == 0)
                    template_set(&b, version == 9 ? 0 : 2, 256, fields[run]);
                record(1, 2);
                send(version == 10);
                check_row(run);
            }
        assert_int_equal(all().lost, 0);
        rig_close(&r);
    }
}

/* A port that has a session already, as after a start with what was kept, takes nobody else's. */
static void known_port(void **state) {
    (void)state;
    rig_open(&r, NULL);
    struct flow_ip from = r.from;
    assert_non_null(exporters_get(&r.c->exporters, 100, &from, "v9", 0, 0));
    const struct exporter *b_session = exporters_get(&r.c->exporters, 100, &from, "v9", 0, B);
    assert_non_null(b_session);
    header9(B, 5000, 1);
    template_set(&b, 0, 256, fields[1]);
    send(false);
    assert_int_equal(b_session->templates.count, 1);
    rig_close(&r);
}

/* Source ids of one exporter that share a counter, or do not: what is lost is the same, and counted once. */
static void shared_counter(void **state) {
    (void)state;
    for (int shared = 0; shared < 2; shared++)
        for (int far = 0; far < 2; far++) {
            rig_open(&r, NULL);
            uint32_t number[3] = {1, 1, 1 + (far ? 5000u : 0u)};
            for (uint32_t i = 0; i < 600; i++) {
                uint32_t source = i * 7 % 3, n = shared ? i : number[source]++;
                if (i % 100 == 50 || i % 100 == 51)
                    continue; /* lost */
                v9(&b, n, source);
                send(false);
            }
            assert_int_equal(r.c->exporters.count, 3);
            assert_int_equal(all().lost, 12);
            rig_close(&r);
        }
}

/* Engines of a version 5 exporter count apart; a datagram that comes twice, one that comes late, the end of the 32 bits
** and a reload are no loss. */
static void engines(void **state) {
    (void)state;
    static const struct {
        uint32_t uptime, number;
    } step[] = {{9000000, 0xfffffff0},
                {9001000, 0xfffffffa},
                {9002000, 14},
                {9002000, 14},
                {9001500, 4},
                {9003000, 24},
                {500, 24},
                {1500, 34},
                {2500, 64}}; /* the last one: 20 are missing */
    rig_open(&r, NULL);
    for (size_t i = 0; i < sizeof step / sizeof *step; i++)
        for (unsigned engine = 0; engine < 3; engine++) {
            put(&b, 5, 2);
            put(&b, 10, 2);
            put(&b, step[i].uptime + engine, 4);
            put(&b, 1700000000 + step[i].uptime / 1000, 4);
            put(&b, 0, 4);
            put(&b, step[i].number + 1000 * engine, 4);
            put(&b, engine, 2);
            put(&b, 0, 2);
            for (size_t k = 0; k < 480; k++)
                put(&b, 0, 1);
            send(false);
            drop_row();
        }
    assert_int_equal(r.c->exporters.count, 3);
    for (unsigned engine = 0; engine < 3; engine++)
        assert_int_equal(rig_stat(&r, "v5", engine)->lost, 20);
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_counter),
        cmocka_unit_test(engines),
        cmocka_unit_test(kin),
        cmocka_unit_test(nat_v9),
        cmocka_unit_test(nat_ipfix),
        cmocka_unit_test(nat_ipfix_young),
        cmocka_unit_test(router),
        cmocka_unit_test(restart),
        cmocka_unit_test(known_port),
    };
    return cmocka_run_group_tests_name("collector: sessions of one address", tests, NULL, NULL);
}
