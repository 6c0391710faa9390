/* SPDX-License-Identifier: MIT */
/* What TCP tells of a connection: round trips, segments sent again or overtaken; and biflows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "probe/tcp.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16, S = 1000000, MOST = 8 };

struct ended {
    unsigned n;
    struct {
        struct flow flow, reverse;
        struct tcp_detail tcp;
        bool has_tcp, has_reverse;
        enum flow_end reason;
    } e[MOST];
};

static void on_end(void *arg, const struct flow_ended *e) {
    struct ended *all = arg;
    assert_true(all->n < MOST);
    all->e[all->n].flow = *e->flow;
    all->e[all->n].reason = e->reason;
    all->e[all->n].has_tcp = e->tcp != NULL;
    if (e->tcp)
        all->e[all->n].tcp = *e->tcp;
    all->e[all->n].has_reverse = e->reverse != NULL;
    if (e->reverse)
        all->e[all->n].reverse = *e->reverse;
    all->n++;
}

/* A segment: of the client, or of the server. */
struct segment {
    bool server;
    uint8_t flags;
    uint32_t seq, payload;
    int64_t time;
};

static void add(struct table *t, const struct segment *s, uint32_t inif, uint32_t outif) {
    struct packet p;
    struct flow_add a;
    memset(&p, 0, sizeof p);
    p.family = 4;
    p.proto = 6;
    p.src[0] = s->server ? 2 : 1;
    p.dst[0] = s->server ? 1 : 2;
    p.srcport = s->server ? 80 : 1000;
    p.dstport = s->server ? 1000 : 80;
    p.has = HAS_PORTS | HAS_TCPFLAGS;
    p.tcpflags = s->flags;
    p.tcpseq = s->seq;
    p.payload_length = s->payload;
    p.length = 40 + s->payload;
    p.ttl = 64;
    p.inif = inif;
    p.outif = outif;
    add_packet(&a, &p, s->time);
    table_clock(t, s->time);
    table_add(t, &a);
}

static struct ended run(bool biflows, const struct segment *s, size_t n) {
    static const struct table_timeouts timeouts = {10 * S, 20 * S, 2 * S, 3 * S,
                                                   15 * S, 5 * S,  60 * S};
    struct ended all = {0};
    struct table *t = table_new(16, &timeouts, on_end, &all);
    assert_non_null(t);
    if (biflows)
        table_track_biflows(t);
    for (size_t i = 0; i < n; i++)
        add(t, &s[i], 0, 0);
    table_flush(t, END_FORCED);
    table_free(t);
    return all;
}
#define RUN(biflows, segments) run(biflows, segments, sizeof segments / sizeof *segments)

static void times(void **state) {
    (void)state;
    static const struct segment connection[] = {
        {false, SYN, 100, 0, 0},
        {false, SYN, 100, 0, 1 * S}, /* again */
        {true, SYN | ACK, 700, 0, 1 * S + 30000},
        {false, ACK, 101, 0, 1 * S + 35000},
        {false, ACK, 101, 50, 1 * S + 40000},
        {false, ACK, 151, 50, 1 * S + 41000},
        {true, ACK, 701, 0, 1 * S + 50000},
        {true, ACK, 701, 1000, 1 * S + 61000},
        {false, ACK, 201, 50, 1 * S + 70000}, /* another request: it is of the first one */
        {true, ACK, 1701, 1000, 1 * S + 90000},
    };
    for (int biflows = 0; biflows < 2; biflows++) {
        struct ended all = RUN(biflows, connection);
        assert_int_equal(all.n, biflows ? 1 : 2);
        for (unsigned i = 0; i < all.n; i++) {
            assert_true(all.e[i].has_tcp);
            assert_int_equal(all.e[i].tcp.has, 7);
            assert_int_equal(all.e[i].tcp.server, 30000);
            assert_int_equal(all.e[i].tcp.client, 5000);
            assert_int_equal(all.e[i].tcp.application, 20000);
            assert_int_equal(all.e[i].flow.retransmitted, all.e[i].flow.key.srcport == 1000);
            assert_int_equal(all.e[i].flow.out_of_order, 0);
        }
    }
    static const struct segment refused[] = {{false, SYN, 100, 0, 0}, {true, RST | ACK, 0, 0, 10}};
    struct ended all = RUN(false, refused);
    assert_int_equal(all.n, 2);
    assert_false(all.e[0].has_tcp || all.e[1].has_tcp);
    /* The client's ACK was not captured: what comes later is not it. */
    static const struct segment later[] = {
        {false, SYN, 100, 0, 0},
        {true, SYN | ACK, 700, 0, 30000},
        {true, ACK, 701, 1000, 61000},
        {false, ACK, 151, 0, 90000},
    };
    all = RUN(false, later);
    assert_int_equal(all.n, 2);
    assert_int_equal(all.e[0].tcp.has, TCP_HAS_SERVER);
    assert_int_equal(all.e[1].tcp.has, TCP_HAS_SERVER);
}

/* One direction's data; what is counted of it. */
static void segments(void **state) {
    (void)state;
    static const struct {
        const char *name;
        unsigned retransmitted, out_of_order, n;
        struct segment s[8];
    } cases[] = {
        {"in order, over the wrap",
         0,
         0,
         3,
         {{0, ACK, 0xffffff00u, 256, 0}, {0, ACK, 0, 100, 1}, {0, ACK, 100, 1, 2}}},
        {"again", 1, 0, 3, {{0, ACK, 1, 10, 0}, {0, ACK, 11, 10, 1}, {0, ACK, 1, 10, 2}}},
        {"overtaken",
         0,
         1,
         3,
         {{0, ACK, 1, 10, 0}, {0, ACK, 21, 10, 1000}, {0, ACK, 11, 10, 2000}}},
        {"lost before, sent late",
         1,
         0,
         3,
         {{0, ACK, 1, 10, 0}, {0, ACK, 21, 10, 1000}, {0, ACK, 11, 10, 90000}}},
        {"a gap in halves",
         1,
         1,
         4,
         {{0, ACK, 1, 10, 0},
          {0, ACK, 31, 10, 1000},
          {0, ACK, 11, 10, 1100},
          {0, ACK, 21, 10, 90000}}},
        {"closed, then again",
         1,
         1,
         4,
         {{0, ACK, 1, 10, 0},
          {0, ACK, 21, 10, 1000},
          {0, ACK, 11, 10, 1100},
          {0, ACK, 11, 10, 1200}}},
        {"more gaps than are remembered",
         1,
         0,
         6,
         {{0, ACK, 1, 1, 0},
          {0, ACK, 11, 1, 1},
          {0, ACK, 21, 1, 2},
          {0, ACK, 31, 1, 3},
          {0, ACK, 41, 1, 4},
          {0, ACK, 2, 9, 5}}},
        {"keep-alives, and ACKs alone",
         0,
         0,
         4,
         {{0, ACK, 1, 10, 0}, {0, ACK, 10, 0, 1}, {0, ACK, 10, 1, 2}, {0, ACK, 5, 0, 3}}},
        {"an ACK that tells of octets which come late",
         0,
         1,
         4,
         {{0, ACK, 1, 10, 0},
          {0, ACK, 21, 0, 1000},
          {0, ACK, 11, 10, 2000},
          {0, ACK, 21, 5, 2000}}},
        {"FIN again",
         1,
         0,
         3,
         {{0, ACK, 1, 10, 0}, {0, FIN | ACK, 11, 0, 1}, {0, FIN | ACK, 11, 0, 2}}},
        {"a reset far off", 0, 0, 3, {{0, ACK, 1, 10, 0}, {0, RST, 999, 0, 1}, {0, ACK, 11, 5, 2}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ended all = run(false, cases[i].s, cases[i].n);
        if (all.n != 1 || all.e[0].flow.retransmitted != cases[i].retransmitted ||
            all.e[0].flow.out_of_order != cases[i].out_of_order)
            fail_msg("%s: %u flows, %u retransmitted, %u out of order", cases[i].name, all.n,
                     all.e[0].flow.retransmitted, all.e[0].flow.out_of_order);
    }
}

/* Directions end together, and the one that began is the initiator's. */
static void biflows(void **state) {
    (void)state;
    static const struct segment late[] = {
        {true, SYN | ACK, 700, 0, 0}, /* the SYN was not seen */
        {false, ACK, 101, 10, 1 * S},
        {true, ACK, 701, 10, 19 * S},
        {false, ACK, 111, 10, 38 * S}, /* not idle: the other direction was not */
    };
    struct ended all = RUN(true, late);
    assert_int_equal(all.n, 1);
    assert_true(all.e[0].has_reverse);
    assert_int_equal(all.e[0].flow.key.srcport, 1000);
    assert_int_equal(all.e[0].flow.packets, 2);
    assert_int_equal(all.e[0].reverse.packets, 2);
    all = RUN(false, late);
    assert_int_equal(all.n, 3);

    static const struct segment anew[] = {
        {false, SYN, 100, 0, 0},        {true, SYN | ACK, 700, 0, 10},
        {false, FIN | ACK, 101, 0, 20}, {true, FIN | ACK, 701, 0, 30},
        {false, SYN, 9000, 0, 40},      {true, SYN | ACK, 5, 0, 50},
    };
    all = RUN(true, anew);
    assert_int_equal(all.n, 2);
    assert_int_equal(all.e[0].reason, END_DETECTED);
    assert_int_equal(all.e[0].flow.packets + all.e[0].reverse.packets, 4);
    assert_int_equal(all.e[1].flow.packets + all.e[1].reverse.packets, 2);
    assert_int_equal(all.e[1].flow.key.srcport, 1000);

    static const struct segment alone[] = {{false, SYN, 100, 0, 0}, {true, ACK, 700, 9, 30 * S}};
    all = RUN(true, alone);
    assert_int_equal(all.n, 2);
    assert_false(all.e[0].has_reverse || all.e[1].has_reverse);
}

/* One interface, where what comes back leaves, or which a line is mirrored to. */
static void one_interface(void **state) {
    (void)state;
    static const struct segment connection[] = {
        {false, SYN, 100, 0, 0}, {true, SYN | ACK, 700, 0, 30}, {false, ACK, 101, 0, 50}};
    static const struct table_timeouts timeouts = {S, S, S, S, S, S, S};
    for (int mirrored = 0; mirrored < 2; mirrored++)
        for (int biflows = 0; biflows < 2; biflows++) {
            struct ended all = {0};
            struct table *t = table_new(16, &timeouts, on_end, &all);
            assert_non_null(t);
            if (biflows)
                table_track_biflows(t);
            for (size_t i = 0; i < 3; i++) {
                bool out = connection[i].server && !mirrored;
                add(t, &connection[i], out ? 0 : 7, out ? 7 : 0);
            }
            table_flush(t, END_FORCED);
            table_free(t);
            assert_int_equal(all.n, biflows ? 1 : 2);
            assert_int_equal(all.e[0].has_reverse, biflows);
            assert_int_equal(all.e[0].tcp.server, 30);
            assert_int_equal(all.e[0].tcp.client, 20);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times),
        cmocka_unit_test(segments),
        cmocka_unit_test(biflows),
        cmocka_unit_test(one_interface),
    };
    return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
