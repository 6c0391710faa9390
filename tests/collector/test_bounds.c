/* SPDX-License-Identifier: MIT */
/*
** Ten thousand exporters with templates as routers have them, and floods beside them: memory stays under the
** limits, as accounted and as the system sees it, and no flood makes an exporter that sends good data lose its
** templates, its sampling rate or what it has waiting.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "build.h"

enum { EXPORTERS = 10000, RECORDS = 70, FLOOD = 30000 };

static struct bytes b;

struct sink {
    uint64_t rows, sampled;
};

static bool take_row(void *arg, const struct flow_row *row) {
    struct sink *s = arg;
    s->rows++;
    s->sampled += flow_row_has(row, FLOW_sampling) && row->value[FLOW_sampling].i == 1000;
    return true;
}

static struct collector *c;
static struct sink sink;
static int64_t now;

static void begin(void) {
    sink = (struct sink){0};
    now = INT64_C(1700000000000);
    c = collector_new((struct flow_sink){take_row, &sink, NULL}, (struct fault_sink){NULL, NULL},
                      NULL);
    assert_non_null(c);
}

static void check(void) {
    const struct collector_limits *l = &c->limits;
    assert_true(c->exporters.announced_octets <= l->announced);
    assert_true(c->pending.octets <= l->pending);
    assert_true(c->exporters.count <= l->exporters);
    size_t sum = 0;
    for (const struct exporter *e = c->exporters.newest; e; e = e->older)
        sum += exporter_announced(e);
    assert_int_equal(sum, c->exporters.announced_octets);
}

static void send_from(uint32_t address) {
    const uint8_t ip[4] = {(uint8_t)(address >> 24), (uint8_t)(address >> 16),
                           (uint8_t)(address >> 8), (uint8_t)address};
    const struct datagram d = {
        .data = b.at, .size = b.n, .from = flow_ip_make(4, ip), .port = 1, .received = now};
    collector_datagram(c, &d);
    b.n = 0;
}

static uint32_t router(unsigned i) {
    return 0x0a000000 + i;
}

/* IPv4 and IPv6 templates, a sampler, two names. */
static void router_announces(unsigned i) {
    v9(&b, 1, 1);
    template_set(
        &b, 0, 256,
        "8/4 12/4 15/4 10/4 14/4 2/4 1/4 22/4 21/4 7/2 11/2 6/1 4/1 5/1 16/4 17/4 9/1 13/1 "
        "61/1 48/1 234/4 235/4");
    template_set(
        &b, 0, 257,
        "27/16 28/16 62/16 10/4 14/4 2/4 1/4 22/4 21/4 7/2 11/2 6/1 4/1 5/1 16/4 17/4 31/3 "
        "64/4 61/1 48/1");
    size_t set = set_begin(&b, 1);
    put_hex(&b, "0102 0004 0008 0001 0004 0030 0001 0032 0002 0000");
    put_hex(&b, "0103 0004 0008 0001 0004 0052 0010 0053 0010 0000");
    set_end(&b, set);
    put_set(&b, 258, "00000000 01 03e8 00");
    /* Scope 1 is the system: names need an interface, scope 2. */
    put_set(&b, 1, "0103 0004 0008 0002 0004 0052 0010 0053 0010 0000");
    set = set_begin(&b, 259);
    for (unsigned k = 1; k <= 2; k++) {
        put(&b, k, 4);
        put_text(&b, "Gi0/0/0", 16);
        put_text(&b, "uplink", 16);
    }
    set_end(&b, set);
    send_from(router(i));
}

static void router_sends(unsigned i, unsigned records) {
    enum { RECORD = 63 };
    v9(&b, 2, 1);
    size_t set = set_begin(&b, 256);
    for (unsigned k = 0; k < records; k++) {
        memset(b.at + b.n, 1, RECORD);
        b.n += RECORD;
    }
    set_end(&b, set);
    send_from(router(i));
}

static void all_announce(void) {
    for (unsigned i = 0; i < EXPORTERS; i++) {
        router_announces(i);
        router_sends(i, RECORDS);
    }
    assert_int_equal(sink.rows, EXPORTERS * RECORDS);
    assert_int_equal(sink.sampled, sink.rows);
    check();
}

static void all_still_decode(void) {
    sink = (struct sink){0};
    check();
    for (unsigned i = 0; i < EXPORTERS; i++)
        router_sends(i, 1);
    assert_int_equal(sink.rows, EXPORTERS);
    assert_int_equal(sink.sampled, EXPORTERS);
    check();
}

static void end(void) {
    collector_free(c);
}

/* One exporter: a template that changes with every datagram, giant ones, deep scopes, data of templates that never
** come, samplers and names without end. */
static void one_floods(void **state) {
    (void)state;
    const uint32_t from = 0xc0000201;
    begin();
    all_announce();
    for (unsigned i = 0; i < FLOOD; i++) {
        uint16_t id = (uint16_t)(300 + i % 60000);
        now++;
        v9(&b, i, 1);
        size_t set = set_begin(&b, 0);
        put(&b, i % 2 ? id : 299, 2);
        put(&b, 30 + i % 7, 2);
        for (unsigned k = 0; k < 30 + i % 7; k++)
            put(&b, (k + 1 + i) % 200 << 16 | 4, 4);
        set_end(&b, set);
        set = set_begin(&b, (uint16_t)(65535 - i % 1000));
        memset(b.at + b.n, 0xee, 1000);
        b.n += 1000;
        set_end(&b, set);
        send_from(from);
    }
    for (unsigned i = 0; i < 300; i++) {
        bool options = i % 2;
        v9(&b, i, 1);
        size_t set = set_begin(&b, options);
        put(&b, 1000 + i, 2);
        if (options) {
            put(&b, 4 * 15000, 2);
            put(&b, 4, 2);
        } else {
            put(&b, 15000, 2);
        }
        for (unsigned k = 0; k < 15000u + options; k++)
            put(&b, (40000 + k % 1000) << 16 | 1, 4);
        set_end(&b, set);
        set = set_begin(&b, (uint16_t)(1000 + i));
        memset(b.at + b.n, 0, 5000);
        b.n += 5000;
        set_end(&b, set);
        send_from(from);
    }
    for (unsigned i = 0; i < FLOOD; i++) {
        v9(&b, i, 1);
        put_set(&b, 1, "0102 0004 0010 0002 0004 0030 0004 0032 0002 0052 0010 0053 0010 0000");
        size_t set = set_begin(&b, 258);
        put(&b, i, 4);
        put(&b, i, 4);
        put(&b, 7, 2);
        put_text(&b, "flood", 16);
        put_text(&b, "flood", 16);
        set_end(&b, set);
        send_from(from);
    }
    all_still_decode();
    const struct fvt_exporter *e = NULL;
    for (const struct exporter *x = c->exporters.newest; x; x = x->older)
        e = x->stat.exporter.addr[0] == 0xc0 ? &x->stat : e;
    assert_non_null(e);
    assert_true(e->no_template > 0); /* what was given up is counted */
    assert_true(c->exporters.dropped_templates > 0);
    end();
}

/* Made up addresses: with nothing, with data that cannot be decoded, with templates, and with a few records. */
static void many_come(void **state) {
    (void)state;
    begin();
    all_announce();
    /* A router whose template is late: its data waits. */
    v9(&b, 3, 1);
    size_t set = set_begin(&b, 500);
    put(&b, 1, 4);
    set_end(&b, set);
    send_from(router(0));
    for (unsigned kind = 0; kind < 4; kind++)
        for (unsigned i = 0; i < FLOOD; i++) {
            now++;
            v9(&b, 1, 1);
            if (kind >= 2)
                template_set(
                    &b, 0, 256,
                    "8/4 12/4 15/4 10/4 14/4 2/4 1/4 22/4 21/4 7/2 11/2 6/1 4/1 5/1 16/4 "
                    "17/4 9/1 13/1 61/1 48/1 95/4 96/32 82/32 83/64 100/4 101/4 102/4 103/4");
            if (kind == 1 || kind == 3) {
                set = set_begin(&b, 256);
                memset(b.at + b.n, 1, 220 * 6);
                b.n += 220 * 6;
                set_end(&b, set);
            }
            send_from(0xd0000000 + kind * FLOOD + i);
        }
    all_still_decode();
    assert_true(c->exporters.dropped > 3 * FLOOD);
    v9(&b, 4, 1);
    template_set(&b, 0, 500, "1/4");
    send_from(router(0));
    assert_int_equal(sink.rows, EXPORTERS + 1);
    end();
}

/* What the bounds come to for the process: the test's own is some MB. */
static void resident(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    skip();
#endif
    const struct collector_limits *l = &collector_defaults;
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    size_t most = l->announced + l->pending + l->exporters * sizeof(struct exporter);
    assert_in_range((size_t)usage.ru_maxrss * 1024, 1, most + most / 4 + (32 << 20));
    print_message("at most %ld MB resident, the limits say %zu MB\n", usage.ru_maxrss / 1024,
                  most >> 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_floods),
        cmocka_unit_test(many_come),
        cmocka_unit_test(resident),
    };
    return cmocka_run_group_tests_name("collector: bounds", tests, NULL, NULL);
}
