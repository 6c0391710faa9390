/* SPDX-License-Identifier: MIT */
/*
** Rows that come many at a time are those that come one by one, in the same order, and count the same.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "build.h"
#include "collector/dump.h"
#include "tests/gen/datagrams.h"

/* Two collectors that are given the same, and what comes out as text. */
struct pair {
    struct collector *one, *many;
    FILE *out[2];
    char *text[2];
    size_t size[2];
    uint32_t together; /* rows of those that came many at a time */
    uint32_t largest;
};

static bool write_row(void *arg, const struct flow_row *row) {
    struct pair *p = arg;
    dump_row(p->out[0], row);
    return true;
}

static bool write_single(void *arg, const struct flow_row *row) {
    struct pair *p = arg;
    dump_row(p->out[1], row);
    return true;
}

static uint32_t write_rows(void *arg, const struct flow_rows *rows) {
    struct pair *p = arg;
    struct flow_row row;
    for (uint32_t i = 0; i < rows->n; i++) {
        flow_rows_row(rows, i, &row);
        dump_row(p->out[1], &row);
    }
    p->together += rows->n;
    p->largest = rows->n > p->largest ? rows->n : p->largest;
    return rows->n;
}

static void open_pair(struct pair *p) {
    const struct fault_sink faults = {NULL, NULL};
    *p = (struct pair){0};
    for (int i = 0; i < 2; i++)
        p->out[i] = open_memstream(&p->text[i], &p->size[i]);
    p->one = collector_new((struct flow_sink){write_row, p, NULL}, faults, NULL);
    p->many = collector_new((struct flow_sink){write_single, p, write_rows}, faults, NULL);
    assert_true(p->one && p->many && p->out[0] && p->out[1]);
}

static void give_from(struct pair *p, uint8_t host, const uint8_t *octets, size_t n, int64_t now) {
    const uint8_t address[4] = {192, 0, 2, host};
    const struct datagram d = {
        .data = octets, .size = n, .from = flow_ip_make(4, address), .received = now};
    collector_datagram(p->one, &d);
    collector_datagram(p->many, &d);
}

static void give(struct pair *p, const uint8_t *octets, size_t n, int64_t now) {
    give_from(p, 1, octets, n, now);
}

/* rows, and how many of them together; then the pair is freed. */
static void check(struct pair *p, uint32_t rows, uint32_t together) {
    uint64_t flows = 0;
    collector_flush(p->many);
    const struct exporter *a = p->one->exporters.newest, *b = p->many->exporters.newest;
    for (int i = 0; i < 2; i++)
        fclose(p->out[i]);
    assert_string_equal(p->text[0], p->text[1]);
    for (; a && b; a = a->older, b = b->older) {
        assert_memory_equal(&a->stat, &b->stat, sizeof a->stat);
        assert_int_equal(a->decoded, b->decoded);
        flows += a->stat.flows;
    }
    assert_true(!a && !b);
    assert_int_equal(flows, rows);
    assert_int_equal(p->together, together);
    for (int i = 0; i < 2; i++)
        free(p->text[i]);
    collector_free(p->one);
    collector_free(p->many);
}

/* ---- as exporters send ------------------------------------------------------------------ */

static void next_flow(void *arg, uint64_t n, struct flow *f) {
    flow_make(f, n, true, *(const enum flow_kind *)arg);
    flow_times_line(f, n, *(const enum flow_kind *)arg, INT64_C(1700000000000));
    if (n % 50 == 7) { /* ICMP, which the mixes do not have */
        f->proto = f->family == 4 ? 1 : 58;
        f->srcport = 0;
        f->dstport = (uint16_t)(n % 3 << 8 | n % 5);
    }
}

static void mixed_traffic(void **state) {
    static const struct {
        enum protocol protocol;
        enum flow_kind kind;
    } cases[] = {
        {NETFLOW5, V4}, {NETFLOW9, CAMPUS}, {IPFIX, CAMPUS}, {IPFIX, RANDOM}, {NETFLOW9, V6}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pair p;
        enum flow_kind kind = cases[i].kind;
        const struct flow_feed feed = {next_flow, &kind};
        struct export e = {.protocol = cases[i].protocol,
                           .now = INT64_C(1700000000000),
                           .boot = INT64_C(1699999000000)};
        uint32_t rows = 0;
        open_pair(&p);
        for (int n = 0; n < 60; n++) {
            struct generated d = {.n = 0};
            rows += datagram_fill(&d, &e, n % 20 == 0, rows, UINT64_MAX, &feed);
            give(&p, d.b, d.n, e.now + n);
        }
        collector_flush(p.many);
        assert_true(p.together > rows / 2); /* or this tests nothing */
        assert_true(p.largest > 2);
        check(&p, rows, p.together);
    }
}

/* ---- rows of several datagrams ----------------------------------------------------------- */

enum { DATAGRAMS = 40 };
static const int64_t NOW = INT64_C(1700000000000);

static void plain_flow(void *arg, uint64_t n, struct flow *f) {
    flow_make(f, n, true, *(const enum flow_kind *)arg);
    flow_times_line(f, n, *(const enum flow_kind *)arg, NOW);
}

/* Datagrams of the two protocols in turn, each so many times; of as many hosts in turn. */
static uint32_t send_turns(struct pair *p, const enum protocol protocol[2], int each,
                           unsigned hosts, enum flow_kind kind) {
    const struct flow_feed feed = {plain_flow, &kind};
    struct export e[2];
    uint32_t rows = 0;
    for (int i = 0; i < 2; i++)
        e[i] = (struct export){.protocol = protocol[i], .now = NOW, .boot = NOW - 1000000};
    for (int n = 0; n < DATAGRAMS; n++) {
        struct generated d = {.n = 0};
        rows +=
            datagram_fill(&d, &e[n / each % 2], n < 2 * each * (int)hosts, rows, UINT64_MAX, &feed);
        give_from(p, (uint8_t)(1 + (unsigned)n % hosts), d.b, d.n, NOW + n / 3);
    }
    return rows;
}

/* Sequence numbers, times of arrival and exporters differ; rows go on when there are FLOW_ROWS, whatever follows. */
static void joined(void **state) {
    static const enum protocol protocols[] = {NETFLOW5, NETFLOW9, IPFIX};
    (void)state;
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        for (unsigned hosts = 1; hosts <= 7; hosts += 3) {
            struct pair p;
            open_pair(&p);
            const uint32_t rows =
                send_turns(&p, (enum protocol[]){protocols[i], protocols[i]}, 1, hosts, V4);
            assert_int_equal(p.largest, FLOW_ROWS);
            assert_true(p.together > rows - FLOW_ROWS && p.together < rows);
            check(&p, rows, rows);
        }
}

/* So do those of both families of addresses, which have templates of their own. */
static void joined_families(void **state) {
    static const enum protocol protocols[] = {NETFLOW9, IPFIX};
    (void)state;
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        struct pair p;
        open_pair(&p);
        const uint32_t rows =
            send_turns(&p, (enum protocol[]){protocols[i], protocols[i]}, 1, 1, CAMPUS);
        assert_int_equal(p.largest, FLOW_ROWS);
        collector_flush(p.many);
        assert_true(p.together > rows / 10 * 9);
        check(&p, rows, p.together);
    }
}

/* What does not fit, as it has other fields, comes behind what waits. */
static void not_joined(void **state) {
    enum { EACH = 2, MOST = 35 /* records of a datagram */ };
    struct pair p;
    (void)state;
    open_pair(&p);
    const uint32_t rows = send_turns(&p, (enum protocol[]){NETFLOW5, IPFIX}, EACH, 1, V4);
    assert_true(p.largest > 2 && p.largest <= EACH * MOST);
    check(&p, rows, rows);
}

/* A version 5 datagram of so many flows with this sampling rate. */
static void send_sampled(struct pair *p, uint64_t rate, unsigned flows) {
    struct bytes b = {.n = 0};
    put_hex(&b, "0005");
    put(&b, flows, 2);
    put_hex(&b, "000f4240 6553f100 00000000 00000000 0000");
    put(&b, 1 << 14 | rate, 2);
    for (unsigned i = 0; i < flows; i++) {
        put_hex(&b, "c0000201 c0000202 00000000 0001 0002 00000003");
        put(&b, 100 + i, 4);
        put_hex(&b, "000f4000 000f4100 0035 d431 00 00 11 00 0000 0000 18 18 0000");
    }
    give(p, b.at, b.n, NOW);
}

static void not_of_one_rate(void **state) {
    struct pair p;
    (void)state;
    open_pair(&p);
    send_sampled(&p, 10, 3);
    send_sampled(&p, 10, 4);
    assert_int_equal(p.together, 0);
    send_sampled(&p, 100, 5);
    assert_int_equal(p.together, 7);
    assert_int_equal(p.largest, 7);
    send_sampled(&p, 0, 6);
    assert_int_equal(p.together, 12);
    send_sampled(&p, 1000, 2);
    send_sampled(&p, 2000, 0); /* announced after rows that wait */
    check(&p, 20, 20);
}

/* Whatever may follow rows finds them handed on. */
static void handed_on(void **state) {
    struct pair p;
    (void)state;
    open_pair(&p);
    send_sampled(&p, 10, 3);
    assert_int_equal(p.together, 0);
    collector_tick(p.many, NOW);
    assert_int_equal(p.together, 3);
    send_sampled(&p, 10, 3);
    collector_end_stream(p.many, EXPORTER_FIRST_STREAM);
    assert_int_equal(p.together, 6);
    send_sampled(&p, 10, 3);
    collector_drop_pending(p.many);
    assert_int_equal(p.together, 9);
    collector_flush(p.many); /* of nothing */
    check(&p, 9, 9);
}

/* ---- what rules have to do with single records ------------------------------------------ */

enum { DATA = 300 };

/* A v9 template of these fields, and records of it: each field of record i is i + k in its last octet, where k is its
** place, but for those in special, pairs of place and value of all octets. */
static void send_records(struct pair *p, const char *fields, const uint8_t *lengths, size_t nfields,
                         unsigned records, const unsigned (*special)[3], size_t nspecial) {
    struct bytes b = {.n = 0};
    v9(&b, 1, 7);
    template_set(&b, 0, DATA, fields);
    size_t set = set_begin(&b, DATA);
    for (unsigned i = 0; i < records; i++)
        for (size_t k = 0; k < nfields; k++) {
            uint64_t value = i + k;
            for (size_t s = 0; s < nspecial; s++)
                if (special[s][0] == i && special[s][1] == k)
                    value = special[s][2];
            for (size_t left = lengths[k]; left > 8; left--)
                put(&b, 0x20, 1);
            put(&b, value, lengths[k] > 8 ? 8 : lengths[k]);
        }
    set_end(&b, set);
    give(p, b.at, b.n, INT64_C(1700000000000));
}

static void single_records(void **state) {
    static const uint8_t lengths[] = {4, 4, 2, 2, 1, 1, 4, 8, 4, 4, 3, 6, 1, 1, 2, 16};
    static const char fields[] =
        "8/4 12/4 7/2 11/2 4/1 61/1 2/4 1/8 22/4 21/4 16/3 56/6 176/1 177/1 6/2 62/16";
    enum { PROTO = 4, DIRECTION = 5, BYTES = 7, FLAGS = 14, N = sizeof lengths };
    static const unsigned special[][3] = {
        {0, PROTO, 6},          {1, PROTO, 17},    {2, PROTO, 1},   {3, PROTO, 6},
        {4, PROTO, 58},         {5, PROTO, 1},     {6, PROTO, 6},   {7, DIRECTION, 255},
        {8, DIRECTION, 255},    {9, DIRECTION, 1}, {90, PROTO, 58}, {10, FLAGS, 0xf7fe},
        {11, BYTES, UINT32_MAX}};
    struct pair p;
    (void)state;
    open_pair(&p);
    send_records(&p, fields, lengths, N, 91, special, sizeof special / sizeof *special);
    /* Alone: 2, 4, 5, 7, 8, 90, as ICMP or without direction; 3 and 6 between them; 54 is ICMPv6 by its number i + k. */
    check(&p, 91, 91 - 6 - 2 - 1);
}

/* What a rule takes from rows is taken from those of each datagram. */
static void icmp_of_others(void **state) {
    static const uint8_t lengths[] = {4, 4, 1, 4, 4, 1, 1};
    struct pair p;
    (void)state;
    open_pair(&p);
    for (int i = 0; i < 3; i++)
        send_records(&p, "8/4 12/4 4/1 22/4 21/4 176/1 177/1", lengths, sizeof lengths, 5, NULL, 0);
    assert_int_equal(p.together, 0); /* they wait for each other */
    check(&p, 15, 15);
}

/* Interfaces with sampling rates of their own: rows of one rate stay together. */
static void sampling_by_interface(void **state) {
    static const uint8_t lengths[] = {4, 4, 2, 4, 4, 4, 4};
    static const unsigned special[][3] = {{0, 2, 1}, {1, 2, 1}, {2, 2, 2}, {3, 2, 2},
                                          {4, 2, 2}, {5, 2, 9}, {6, 2, 9}};
    struct pair p;
    struct bytes b = {.n = 0};
    (void)state;
    open_pair(&p);
    v9(&b, 1, 7);
    /* Options template: scope interface (2/2), sampling interval (34/4). */
    put_hex(&b, "0001 0014 0100 0004 0004 0002 0002 0022 0004 0000");
    put_set(&b, 256, "0001 00000064 0002 000003e8");
    give(&p, b.at, b.n, INT64_C(1700000000000));
    send_records(&p, "8/4 12/4 10/2 2/4 1/4 22/4 21/4", lengths, sizeof lengths, 7, special,
                 sizeof special / sizeof *special);
    assert_int_equal(p.largest, 3);
    check(&p, 7, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_traffic),         cmocka_unit_test(joined),
        cmocka_unit_test(joined_families),       cmocka_unit_test(not_joined),
        cmocka_unit_test(not_of_one_rate),       cmocka_unit_test(handed_on),
        cmocka_unit_test(single_records),        cmocka_unit_test(icmp_of_others),
        cmocka_unit_test(sampling_by_interface),
    };
    return cmocka_run_group_tests_name("columns", tests, NULL, NULL);
}
