/* SPDX-License-Identifier: MIT */
/* Sights of forwarded packets: which are one packet, and what is counted of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "probe/forward.h"

enum { S = 1000000, MAX = 256, LAN = 2, WAN = 3, PORT = 4, TCP = 6, UDP = 17, ICMP = 1 };
enum { A = 0x0a000001, B = 0x0a000002, ROUTER = 0xc0000201, SERVER = 0xc6336401 };

static struct {
    size_t n;
    struct flow_add a[MAX];
} out;

static void deliver(void *arg, const struct flow_add *add) {
    (void)arg;
    assert_true(out.n < MAX);
    out.a[out.n++] = *add;
}

static struct forward *new_forward(uint32_t size) {
    out.n = 0;
    struct forward *f = forward_new(size, deliver, NULL);
    assert_non_null(f);
    return f;
}

/* A packet, and how it is seen. */
struct seen {
    enum forward_side side;
    uint32_t ifindex;
    uint32_t src, dst;
    uint16_t srcport, dstport; /* ICMP: type */
    uint8_t proto, ttl;
    uint16_t id;
    uint32_t sequence; /* TCP; of others the first octets of payload */
    uint32_t length;   /* of payload */
    uint16_t offset;   /* of a fragment, in octets */
    bool fragment;
    int64_t time;
    uint32_t option; /* TCP, 0: none */
};

static void w16(uint8_t *p, unsigned v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void w32(uint8_t *p, uint32_t v) {
    w16(p, v >> 16);
    w16(p + 2, v & 0xffff);
}

/* The first 128 octets of the IPv4 packet. */
static void look(struct forward *f, struct seen s) {
    uint8_t frame[128] = {0x45};
    size_t header = s.offset ? 0 : s.proto == TCP ? 20 + 4 * (s.option != 0) : 8;
    size_t wire = 20 + header + s.length;
    w16(frame + 2, (unsigned)wire);
    w16(frame + 4, s.id);
    w16(frame + 6, s.offset / 8 | (s.fragment ? 0x2000 : 0));
    frame[8] = s.ttl;
    frame[9] = s.proto;
    w32(frame + 12, s.src);
    w32(frame + 16, s.dst);
    uint8_t *p = frame + 20;
    if (header > 0 && s.proto == ICMP) {
        p[0] = (uint8_t)s.srcport;
        w16(p + 4, s.dstport); /* id, which NAT changes */
        w16(p + 6, s.sequence);
    } else if (header > 0) {
        w16(p, s.srcport);
        w16(p + 2, s.dstport);
        if (s.proto == TCP) {
            w32(p + 4, s.sequence);
            p[12] = (uint8_t)(header << 2);
            if (s.option)
                w32(p + 20, s.option);
            w16(p + 14, 1000);
        } else {
            w16(p + 4, (unsigned)(8 + s.length));
            w32(p + 8, s.sequence);
        }
    }
    size_t captured = wire < sizeof frame ? wire : sizeof frame;
    struct packet pkt;
    struct flow_add add;
    assert_int_equal(dissect_ip(frame, captured, wire, &pkt), PACKET_IP);
    if (s.side != SIDE_UNKNOWN) {
        pkt.has |= HAS_DIRECTION;
        pkt.direction = s.side == SIDE_OUT ? DIRECTION_EGRESS : DIRECTION_INGRESS;
        *(s.side == SIDE_OUT ? &pkt.outif : &pkt.inif) = s.ifindex;
    }
    add_packet(&add, &pkt, s.time);
    forward_add(f, &pkt, frame, captured, &add, s.side, s.ifindex);
}

static uint32_t address(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* What came, of the packet numbered n; then what left of it. */
static const struct seen came = {SIDE_IN, LAN, A,  SERVER, 1000,  80, UDP, 64,
                                 7,       99,  40, 0,      false, S,  0};

static struct seen left_of(struct seen s) {
    s.side = SIDE_OUT;
    s.ifindex = WAN;
    s.ttl--;
    s.time += 100;
    return s;
}

static void is_counted(size_t i, uint32_t inif, uint32_t outif, uint32_t src, uint32_t dst) {
    assert_true(i < out.n);
    assert_int_equal(out.a[i].key.inif, inif);
    assert_int_equal(out.a[i].key.outif, outif);
    assert_int_equal(address(out.a[i].key.src), src);
    assert_int_equal(address(out.a[i].key.dst), dst);
}

static void books(const struct forward *f, uint64_t given) {
    uint64_t counted = 0;
    for (size_t i = 0; i < out.n; i++)
        counted += out.a[i].packets;
    assert_int_equal(counted + forward_stats(f)->packets, given);
}

/* In either order; without the other sight after a while, or at the end. */
static void pairs(void **state) {
    (void)state;
    struct forward *f = new_forward(8);
    look(f, came);
    assert_int_equal(out.n, 0);
    look(f, left_of(came));
    is_counted(0, LAN, WAN, A, SERVER);
    assert_int_equal(out.a[0].origin.direction, DIRECTION_INGRESS);
    assert_int_equal(out.a[0].maxttl, 64);
    assert_int_equal(out.a[0].first, S);

    struct seen second = came;
    second.sequence++;
    look(f, left_of(second));
    look(f, second);
    is_counted(1, LAN, WAN, A, SERVER);
    assert_int_equal(out.a[1].first, S);
    assert_int_equal(out.a[1].maxttl, 64);

    second.sequence++; /* for the host itself, and by it */
    look(f, second);
    second.sequence++;
    look(f, left_of(second));
    assert_int_equal(forward_oldest(f, 9 * S), S);
    forward_expire(f, S + FORWARD_WINDOW);
    assert_int_equal(out.n, 2);
    forward_expire(f, 2 * S + FORWARD_WINDOW);
    is_counted(2, LAN, 0, A, SERVER);
    is_counted(3, 0, WAN, A, SERVER);
    assert_int_equal(forward_oldest(f, 9 * S), 9 * S);
    books(f, 6);
    forward_free(f);
}

/* Two sights that are not of one packet. */
static void others(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint32_t ifindex, src, dst, sequence, length;
        uint16_t srcport;
        uint8_t ttl;
        enum forward_side side;
    } cases[] = {
        {"TTL is lower by two", WAN, A, SERVER, 99, 40, 1000, 62, SIDE_OUT},
        {"TTL is higher", WAN, A, SERVER, 99, 40, 1000, 65, SIDE_OUT},
        {"other content", WAN, A, SERVER, 98, 40, 1000, 63, SIDE_OUT},
        {"another length", WAN, A, SERVER, 99, 41, 1000, 63, SIDE_OUT},
        {"the answer with the same content", WAN, SERVER, A, 99, 40, 80, 63, SIDE_OUT},
        {"the same again where it came in", LAN, A, SERVER, 99, 40, 1000, 64, SIDE_IN},
        {"came in elsewhere a hop later", WAN, A, SERVER, 99, 40, 1000, 63, SIDE_IN},
        {"bridged, but another source", WAN, B, SERVER, 99, 40, 1000, 64, SIDE_OUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("  %s\n", cases[i].name);
        struct forward *f = new_forward(8);
        struct seen s = came;
        look(f, s);
        s.ifindex = cases[i].ifindex;
        s.src = cases[i].src;
        s.dst = cases[i].dst;
        s.sequence = cases[i].sequence;
        s.length = cases[i].length;
        s.srcport = cases[i].srcport;
        s.dstport = cases[i].src == SERVER ? 1000 : 80;
        s.ttl = cases[i].ttl;
        s.side = cases[i].side;
        look(f, s);
        forward_flush(f);
        assert_int_equal(out.n, 2);
        assert_int_equal(forward_stats(f)->packets, 0);
        forward_free(f);
    }
}

/* Source translated on the way out, destination on the way in (the answer), both (a hairpin). */
static void nat(void **state) {
    (void)state;
    struct forward *f = new_forward(8);
    struct seen s = left_of(came);
    look(f, came);
    s.src = ROUTER;
    s.srcport = 5000;
    look(f, s);
    is_counted(0, LAN, WAN, A, SERVER);
    assert_int_equal(address(out.a[0].origin.natsrc), ROUTER);
    assert_int_equal(out.a[0].origin.natsrcport, 5000);
    assert_int_equal(out.a[0].key.srcport, 1000);

    struct seen answer = {SIDE_IN, WAN, SERVER, ROUTER, 80,    5000,  UDP, 60,
                          3,       99,  40,     0,      false, 2 * S, 0};
    look(f, answer);
    s = answer;
    s.side = SIDE_OUT;
    s.ifindex = LAN;
    s.ttl--;
    s.dst = A;
    s.dstport = 1000;
    look(f, s);
    is_counted(1, WAN, LAN, SERVER, A);
    assert_int_equal(out.a[1].key.dstport, 1000);
    assert_int_equal(address(out.a[1].origin.natsrc), 0);

    struct seen hairpin = came;
    hairpin.id = 8;
    hairpin.dst = ROUTER;
    look(f, hairpin);
    s = left_of(hairpin);
    s.ifindex = LAN;
    s.src = ROUTER + 1;
    s.dst = B;
    s.dstport = 8080;
    look(f, s);
    is_counted(2, LAN, LAN, A, B);
    assert_int_equal(address(out.a[2].origin.natsrc), ROUTER + 1);

    struct seen ping = {SIDE_IN, LAN, A, SERVER, 8, 77, ICMP, 64, 9, 1, 40, 0, false, 3 * S, 0};
    look(f, ping);
    s = left_of(ping);
    s.src = ROUTER;
    s.dstport = 78;
    look(f, s);
    is_counted(3, LAN, WAN, A, SERVER);
    assert_int_equal(out.a[3].key.srcport, 8);
    assert_int_equal(out.a[3].origin.natsrcport, 0);
    forward_flush(f);
    books(f, 8);
    forward_free(f);
}

/* A bridge and its port, on the way in and on the way out; a second way out. */
static void stacked(void **state) {
    (void)state;
    struct forward *f = new_forward(8);
    struct seen s = came;
    s.ifindex = PORT;
    look(f, s);
    look(f, came);
    look(f, left_of(came));
    s = left_of(came);
    s.ifindex = WAN + 4;
    look(f, s);
    is_counted(0, LAN, WAN, A, SERVER);
    assert_int_equal(out.a[0].origin.inphysif, PORT);
    forward_flush(f);
    assert_int_equal(out.n, 1);
    books(f, 4);
    forward_free(f);
}

/* Two acknowledgements with one number, which another processor brings past the first: told apart by the identification,
** or by what they acknowledge selectively. */
static void abreast(void **state) {
    (void)state;
    for (int by_option = 0; by_option < 2; by_option++) {
        struct forward *f = new_forward(8);
        struct seen first = came, second;
        first.proto = TCP;
        first.length = 0;
        first.option = 1;
        second = first;
        second.id += !by_option;
        second.option += (unsigned)by_option;
        static const struct {
            bool second;
            enum forward_side side;
            uint32_t ifindex;
        } order[] = {{false, SIDE_IN, PORT}, {true, SIDE_IN, PORT},     {true, SIDE_IN, LAN},
                     {true, SIDE_OUT, WAN},  {true, SIDE_OUT, WAN + 4}, {false, SIDE_IN, LAN},
                     {false, SIDE_OUT, WAN}, {false, SIDE_OUT, WAN + 4}};
        for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
            struct seen s = order[i].second ? second : first;
            if (order[i].side == SIDE_OUT)
                s = left_of(s);
            s.ifindex = order[i].ifindex;
            look(f, s);
        }
        forward_flush(f);
        assert_int_equal(out.n, 2);
        for (size_t i = 0; i < out.n; i++)
            is_counted(i, LAN, WAN, A, SERVER);
        books(f, 8);
        forward_free(f);
    }
}

/* Where the capture does not tell directions, TTLs do. */
static void untold(void **state) {
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct forward *f = new_forward(8);
        struct seen s[2] = {came, left_of(came)};
        s[0].side = s[1].side = SIDE_UNKNOWN;
        look(f, s[order]);
        look(f, s[!order]);
        is_counted(0, LAN, WAN, A, SERVER);
        assert_int_equal(out.a[0].origin.direction, DIRECTION_INGRESS);
        s[0].sequence = 5;
        look(f, s[0]);
        forward_flush(f);
        is_counted(1, 0, 0, A, SERVER);
        assert_int_equal(out.a[1].origin.direction, FLOW_DIRECTION_UNTOLD);
        books(f, 3);
        forward_free(f);
    }
}

/* A piece, as it leaves by a bridge, and then by the port of it. */
static void look_below(struct forward *f, struct seen piece) {
    piece.ifindex = PORT;
    look(f, piece);
}

/* One TCP packet of 3000 octets, and the pieces it leaves in; then one that is not taken apart; and the first one sent
** again. below: pieces are seen on a port as well, each at once or all of them later. */
static void segments_below(unsigned below) {
    struct seen whole = came;
    whole.proto = TCP;
    whole.length = 3000;
    for (int order = 0; order < 3; order++) { /* pieces after it, before it, around it */
        struct forward *f = new_forward(16);
        struct seen piece = left_of(whole);
        piece.length = 1000;
        for (int i = 0; i < 4; i++) {
            if (i == (order == 0 ? 0 : order == 1 ? 3 : 2))
                look(f, whole);
            if (i == 3)
                break;
            look(f, piece);
            if (below == 1)
                look_below(f, piece);
            piece.sequence += 1000;
            piece.id++;
        }
        for (int i = 0; i < 3 && below == 2; i++) {
            piece.sequence -= 1000;
            look_below(f, piece);
        }
        is_counted(0, LAN, WAN, A, SERVER);
        assert_int_equal(out.a[0].bytes, 3040);
        struct seen next = whole;
        next.sequence += 3000;
        look(f, next);
        look(f, left_of(next));
        look(f, whole);
        assert_int_equal(out.n, 2);
        forward_flush(f);
        assert_int_equal(out.n, 3);
        assert_int_equal(out.a[2].key.inif, LAN);
        assert_int_equal(out.a[2].bytes, 3040);
        books(f, 7 + (below ? 3 : 0));
        forward_free(f);
    }
}

static void segments(void **state) {
    (void)state;
    for (unsigned below = 0; below < 3; below++)
        segments_below(below);
}

/* Fragments: of other sizes on the way out, and of what came whole. */
static void fragments(void **state) {
    (void)state;
    struct forward *f = new_forward(16);
    for (uint16_t offset = 0; offset < 3000; offset += 1000) {
        struct seen s = came;
        s.fragment = true;
        s.offset = offset;
        s.length = offset ? 1000 : 992;
        look(f, s);
    }
    for (uint16_t offset = 0; offset < 2400; offset += 600) {
        struct seen s = left_of(came);
        s.fragment = true;
        s.offset = offset;
        s.length = offset ? 600 : 592;
        look(f, s);
    }
    forward_flush(f);
    assert_int_equal(out.n, 3);
    for (size_t i = 0; i < out.n; i++)
        is_counted(i, LAN, WAN, A, SERVER);
    books(f, 7);

    out.n = 0;
    struct seen s = came;
    s.id = 50;
    s.length = 1000;
    look(f, s);
    s = left_of(s);
    s.fragment = true;
    s.length = 592;
    look(f, s);
    s.offset = 600;
    s.length = 408;
    s.fragment = false;
    look(f, s);
    forward_flush(f);
    assert_int_equal(out.n, 1);
    is_counted(0, LAN, WAN, A, SERVER);
    assert_int_equal(out.a[0].bytes, 1028);
    forward_free(f);
}

/* A flood of packets that are all the same, in batches as a driver has them; and more packets than
** there is room for. */
static void floods(void **state) {
    (void)state;
    struct forward *f = new_forward(64);
    uint64_t given = 0;
    for (int i = 0; i < 50; i++) {
        look(f, came);
        given++;
    }
    for (int i = 0; i < 50; i++) {
        look(f, left_of(came));
        given++;
    }
    assert_int_equal(out.n, 50);
    for (size_t i = 0; i < out.n; i++)
        is_counted(i, LAN, WAN, A, SERVER);
    for (uint32_t i = 0; i < 200; i++) {
        struct seen s = came;
        s.sequence = 1000 + i;
        look(f, s);
        given++;
        assert_true(out.n <= 50 + (i < 64 ? 0 : i - 63));
    }
    assert_int_equal(forward_stats(f)->early, 200 - 64);
    forward_flush(f);
    assert_int_equal(out.n, 250);
    books(f, given);
    forward_free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs),     cmocka_unit_test(others), cmocka_unit_test(nat),
        cmocka_unit_test(stacked),   cmocka_unit_test(untold), cmocka_unit_test(segments),
        cmocka_unit_test(fragments), cmocka_unit_test(floods), cmocka_unit_test(abreast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
