/* SPDX-License-Identifier: MIT */
/* The flow table and the fragment cache: where packets go, when flows end and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "probe/fragments.h"
#include "probe/table.h"

enum { S = 1000000, MAX_ENDED = 4096, SYN = 2, ACK = 16, FIN = 1, RST = 4 };

static const struct table_timeouts timeouts = {
    .general = 10 * S,
    .tcp = 20 * S,
    .tcp_rst = 2 * S,
    .tcp_fin = 3 * S,
    .udp = 15 * S,
    .icmp = 5 * S,
    .maxlife = 60 * S,
};

struct ended {
    size_t n;
    uint64_t packets, bytes;
    struct {
        struct flow flow;
        enum flow_end reason;
        int64_t now;
    } e[MAX_ENDED];
};
static struct ended ended;

static void on_end(void *arg, const struct flow_ended *e) {
    struct ended *all = arg;
    all->packets += e->flow->packets + (e->reverse ? e->reverse->packets : 0);
    all->bytes += e->flow->bytes + (e->reverse ? e->reverse->bytes : 0);
    if (all->n == MAX_ENDED)
        return;
    all->e[all->n].flow = *e->flow;
    all->e[all->n].reason = e->reason;
    all->e[all->n++].now = e->now;
}

static struct table *new_table(uint32_t size) {
    memset(&ended, 0, sizeof ended);
    struct table *t = table_new(size, &timeouts, on_end, &ended);
    assert_non_null(t);
    return t;
}

/* A packet of 100 octets of host number n. */
static struct packet packet_of(uint8_t proto, uint32_t n, uint8_t flags) {
    struct packet p;
    memset(&p, 0, sizeof p);
    p.family = 4;
    p.proto = proto;
    memcpy(p.src, &n, 4);
    p.dst[0] = 192;
    p.srcport = 1000;
    p.dstport = 80;
    p.has = HAS_PORTS | (proto == 6 ? HAS_TCPFLAGS : 0);
    p.tcpflags = flags;
    p.length = 100;
    p.ttl = 64;
    return p;
}

static void add(struct table *t, uint8_t proto, uint32_t n, uint8_t flags, int64_t time) {
    struct packet p = packet_of(proto, n, flags);
    struct flow_add a;
    add_packet(&a, &p, time);
    table_clock(t, time);
    table_add(t, &a);
}

/* Packets of one flow at given times, and the flows they must make. */
static void endings(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint8_t proto;
        size_t n;
        struct {
            int64_t time;
            uint8_t flags;
        } packets[6];
        size_t flows;
        struct {
            uint64_t packets;
            enum flow_end reason;
        } expected[4];
    } cases[] = {
        {"exactly the timeout is not idle", 17, 2, {{0, 0}, {15 * S, 0}}, 1, {{2, END_FORCED}}},
        {"longer is", 17, 2, {{0, 0}, {15 * S + 1, 0}}, 2, {{1, END_IDLE}, {1, END_FORCED}}},
        {"ICMP has its own", 1, 2, {{0, 0}, {6 * S, 0}}, 2, {{1, END_IDLE}, {1, END_FORCED}}},
        {"others the general one",
         50,
         2,
         {{0, 0}, {11 * S, 0}},
         2,
         {{1, END_IDLE}, {1, END_FORCED}}},
        {"TCP lives longer", 6, 2, {{0, SYN}, {20 * S, ACK}}, 1, {{2, END_FORCED}}},
        {"active timeout",
         17,
         6,
         {{0, 0}, {14 * S, 0}, {28 * S, 0}, {42 * S, 0}, {56 * S, 0}, {60 * S, 0}},
         2,
         {{5, END_ACTIVE}, {1, END_FORCED}}},
        {"FIN lingers for the last ACK",
         6,
         3,
         {{0, SYN}, {S, FIN | ACK}, {2 * S, ACK}},
         1,
         {{3, END_FORCED}}},
        {"and then has ended",
         6,
         3,
         {{0, SYN}, {S, FIN | ACK}, {5 * S, ACK}},
         2,
         {{2, END_DETECTED}, {1, END_FORCED}}},
        {"RST ends sooner",
         6,
         3,
         {{0, SYN}, {S, RST}, {4 * S, ACK}},
         2,
         {{2, END_DETECTED}, {1, END_FORCED}}},
        {"a new SYN is a new connection",
         6,
         3,
         {{0, SYN}, {S, FIN | ACK}, {S + 1, SYN}},
         2,
         {{2, END_DETECTED}, {1, END_FORCED}}},
        {"a repeated SYN is not", 6, 2, {{0, SYN}, {S, SYN}}, 1, {{2, END_FORCED}}},
        {"out of order", 17, 3, {{10 * S, 0}, {8 * S, 0}, {9 * S, 0}}, 1, {{3, END_FORCED}}},
        {"far back",
         17,
         3,
         {{1000 * S, 0}, {S, 0}, {2 * S, 0}},
         2,
         {{1, END_IDLE}, {2, END_FORCED}}},
        {"the ends of time",
         17,
         3,
         {{INT64_MAX, 0}, {INT64_MIN, 0}, {INT64_MAX, 0}},
         3,
         {{1, END_IDLE}, {1, END_IDLE}, {1, END_FORCED}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("  %s\n", cases[i].name);
        struct table *t = new_table(4);
        for (size_t k = 0; k < cases[i].n; k++)
            add(t, cases[i].proto, 1, cases[i].packets[k].flags, cases[i].packets[k].time);
        table_flush(t, END_FORCED);
        assert_int_equal(ended.n, cases[i].flows);
        for (size_t k = 0; k < ended.n; k++) {
            assert_int_equal(ended.e[k].flow.packets, cases[i].expected[k].packets);
            if (cases[i].expected[k].reason != END_IDLE || ended.e[k].reason != END_ACTIVE)
                assert_int_equal(ended.e[k].reason, cases[i].expected[k].reason);
        }
        assert_int_equal(table_flows(t), 0);
        table_free(t);
    }
}

static void totals_of_a_flow(void **state) {
    (void)state;
    struct table *t = new_table(4);
    struct packet p = packet_of(6, 7, SYN);
    struct flow_add a;
    p.ttl = 60;
    p.length = 40;
    add_packet(&a, &p, 5 * S);
    table_clock(t, 5 * S);
    table_add(t, &a);
    p.ttl = 64;
    p.length = 70000;
    p.tcpflags = ACK;
    add_packet(&a, &p, 4 * S);
    table_clock(t, 4 * S);
    table_add(t, &a);
    table_flush(t, END_FORCED);
    const struct flow *f = &ended.e[0].flow;
    assert_int_equal(ended.n, 1);
    assert_int_equal(f->first, 4 * S);
    assert_int_equal(f->last, 5 * S);
    assert_int_equal(f->packets, 2);
    assert_int_equal(f->bytes, 70040);
    assert_int_equal(f->tcpflags, SYN | ACK);
    assert_int_equal(f->minttl, 60);
    assert_int_equal(f->maxttl, 64);
    assert_int_equal(f->minlen, 40);
    assert_int_equal(f->maxlen, 65535);
    table_free(t);
}

/* What makes a flow another one. */
static void keys(void **state) {
    (void)state;
    struct table *t = new_table(64);
    struct packet p[9];
    for (int i = 0; i < 9; i++)
        p[i] = packet_of(17, 1, 0);
    p[1].src[15] = 1;
    p[2].dst[0] = 1;
    p[3].srcport = 1;
    p[4].dstport = 1;
    p[5].proto = 136;
    p[6].inif = 1;
    p[7].family = 6;
    p[8].has = 0; /* a port of 0 is not no port */
    p[8].srcport = p[8].dstport = 0;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 9; i++) {
            struct flow_add a;
            add_packet(&a, &p[i], round * S);
            table_clock(t, round * S);
            table_add(t, &a);
        }
    assert_int_equal(table_flows(t), 9);
    table_flush(t, END_FORCED);
    assert_int_equal(ended.n, 9);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(ended.e[i].flow.packets, 3);
    table_free(t);
}

/* A full table ends those that are due first, not the one that is busy. */
static void full(void **state) {
    (void)state;
    struct table *t = new_table(100);
    for (uint32_t n = 1; n <= 1000; n++) {
        add(t, 17, 1, 0, n * 10000);
        add(t, 17, n + 1, 0, n * 10000);
    }
    assert_int_equal(table_flows(t), 100);
    assert_int_equal(ended.n, 901);
    for (size_t i = 0; i < ended.n; i++)
        assert_int_equal(ended.e[i].reason, END_RESOURCES);
    table_flush(t, END_FORCED);
    assert_int_equal(ended.packets, 2000);
    assert_int_equal(ended.n, 1001);
    table_free(t);

    t = new_table(1);
    for (uint32_t n = 0; n < 10; n++)
        add(t, 17, n, 0, 0);
    table_flush(t, END_FORCED);
    assert_int_equal(ended.n, 10);
    table_free(t);
}

/* Flows that no packet meets end by themselves, in time. */
static void sweeping(void **state) {
    (void)state;
    struct table *t = new_table(2000);
    for (uint32_t n = 0; n < 1000; n++)
        add(t, 17, n, 0, n * 1000);
    for (uint32_t n = 0; n < 300; n++)
        add(t, 6, 5000, ACK, 18 * S + n * 10000);
    assert_int_equal(ended.n, 1000);
    assert_int_equal(ended.e[0].reason, END_IDLE);
    assert_true(ended.e[0].now > 15 * S && ended.e[0].now <= 19 * S);
    table_idle(t, 41 * S + 3 * S);
    assert_int_equal(ended.n, 1001);
    assert_int_equal(table_flows(t), 0);
    /* beyond the wheel's span, in both directions */
    add(t, 17, 1, 0, INT64_C(86400) * 365 * S);
    add(t, 17, 2, 0, 44 * S);
    add(t, 17, 3, 0, INT64_C(86400) * 365 * S);
    table_idle(t, INT64_C(86400) * 366 * S);
    assert_int_equal(table_flows(t), 0);
    assert_int_equal(ended.packets, 1303);
    table_free(t);
}

/* Random packets at random times: each is in one flow. */
static void books(void **state) {
    (void)state;
    uint64_t x = 88172645463325252u;
    struct table *t = new_table(50);
    int64_t time = 0;
    for (int i = 0; i < 200000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        time += (int64_t)(x >> 40 & 0xfffff);
        if ((x & 0xfff) == 0)
            time -= (int64_t)(x >> 20 & 0xfffffff);
        add(t, x & 64 ? 6 : 17, (uint32_t)(x >> 12) & 127, (uint8_t)(x >> 20) & 0x17, time);
    }
    table_flush(t, END_FORCED);
    assert_int_equal(ended.packets, 200000);
    assert_int_equal(ended.bytes, 20000000);
    table_free(t);
}

/* ---- fragments --------------------------------------------------------------------------- */

struct delivered {
    size_t n;
    struct flow_add a[FRAGMENTS_SIZE + 8];
};

static void on_deliver(void *arg, const struct flow_add *a) {
    struct delivered *d = arg;
    d->a[d->n++] = *a;
}

static void fragment(struct fragments *f, uint32_t id, unsigned offset, int64_t time) {
    struct packet p = packet_of(17, 1, 0);
    struct flow_add a;
    p.fragment = true;
    p.fragid = id;
    p.fragoffset = (uint16_t)offset;
    if (offset) {
        p.has = 0;
        p.srcport = p.dstport = 0;
    }
    add_packet(&a, &p, time);
    fragments_add(f, &a);
}

static void fragments_in_order(void **state) {
    (void)state;
    struct delivered *d = calloc(1, sizeof *d);
    struct fragments *f = fragments_new(on_deliver, d);
    fragment(f, 1, 0, 0);
    fragment(f, 1, 10, 1);
    fragment(f, 2, 10, 2); /* another datagram */
    assert_int_equal(d->n, 2);
    assert_memory_equal(&d->a[0].key, &d->a[1].key, sizeof d->a[0].key);
    assert_int_equal(d->a[1].key.dstport, 80);
    fragments_expire(f, 31 * S);
    assert_int_equal(d->n, 3);
    assert_int_equal(d->a[2].key.kind, 0);
    assert_int_equal(d->a[2].key.dstport, 0);
    fragment(f, 1, 20, 40 * S); /* too late for the first one */
    fragments_flush(f);
    assert_int_equal(d->n, 4);
    assert_int_equal(d->a[3].key.dstport, 0);
    fragments_free(f);
    free(d);
}

static void fragments_out_of_order(void **state) {
    (void)state;
    struct delivered *d = calloc(1, sizeof *d);
    struct fragments *f = fragments_new(on_deliver, d);
    fragment(f, 1, 20, 0);
    fragment(f, 1, 10, 1);
    assert_int_equal(d->n, 0);
    fragment(f, 1, 0, 2);
    assert_int_equal(d->n, 1);
    assert_int_equal(d->a[0].packets, 3);
    assert_int_equal(d->a[0].bytes, 300);
    assert_int_equal(d->a[0].first, 0);
    assert_int_equal(d->a[0].last, 2);
    assert_int_equal(d->a[0].key.dstport, 80);
    fragments_flush(f);
    assert_int_equal(d->n, 1);
    fragments_free(f);
    free(d);
}

/* More datagrams than places: nothing is lost. */
static void fragments_flood(void **state) {
    (void)state;
    struct delivered *d = calloc(1, sizeof *d);
    struct fragments *f = fragments_new(on_deliver, d);
    for (uint32_t id = 0; id < FRAGMENTS_SIZE + 8; id++)
        fragment(f, id, 10, id);
    assert_true(d->n >= 8);
    fragments_flush(f);
    assert_int_equal(d->n, FRAGMENTS_SIZE + 8);
    fragments_free(f);
    free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endings),
        cmocka_unit_test(totals_of_a_flow),
        cmocka_unit_test(keys),
        cmocka_unit_test(full),
        cmocka_unit_test(sweeping),
        cmocka_unit_test(books),
        cmocka_unit_test(fragments_in_order),
        cmocka_unit_test(fragments_out_of_order),
        cmocka_unit_test(fragments_flood),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
