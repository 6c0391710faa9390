/* SPDX-License-Identifier: MIT */
#include "flows.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>

enum { HOSTS = 60000 };

const char *const flow_kinds[NKINDS] = {"campus", "oneway", "random",   "scan",  "few",
                                        "v6",     "long",   "shuffled", "plain", "v4",
                                        "flood",  "sweep",  "services", "hours", "provider"};

enum flow_kind flow_kind_of(const char *name) {
    enum flow_kind kind = CAMPUS;
    while (kind < NKINDS && strcmp(name, flow_kinds[kind]) != 0)
        kind++;
    return kind;
}

enum flow_fields flow_fields_of(enum flow_kind kind) {
    return kind == PLAIN ? BARE : kind == PROVIDER ? TRANSLATED : ROUTED;
}

static uint64_t scramble(uint64_t x) { /* splitmix64: the same flows in every run */
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static double uniform(uint64_t *seed) {
    return (double)((*seed = scramble(*seed)) >> 11) / 9007199254740992.0;
}

/* Sums over any set of numbers can be worked out. */
static void numbered(struct flow *f, uint64_t n) {
    const uint32_t src = htonl(0x0a000000u | (uint32_t)(n % 251));
    const uint32_t dst = htonl(0xc6336400u | (uint32_t)(n % 13));
    f->family = 4;
    memcpy(f->src, &src, 4);
    memcpy(f->dst, &dst, 4);
    f->srcport = (uint16_t)n;
    f->dstport = (uint16_t)(n >> 16);
    f->proto = 17;
    f->packets = 1 + (uint32_t)(n % 7);
    f->bytes = f->packets * (40 + (uint32_t)(n % 1400));
    f->inif = 1;
    f->outif = 2;
}

/* A host by popularity: the r-th most popular one is seen about 1/r as often as the first. */
static uint32_t popular(uint64_t *seed) {
    return (uint32_t)exp(uniform(seed) * log((double)HOSTS));
}

static void address(struct flow *f, uint8_t out[16], uint32_t host, bool home) {
    static const uint8_t prefix[4] = {0x20, 0x01, 0x0d, 0xb8};
    memset(out, 0, 16);
    if (f->family == 4) {
        const uint64_t spread = scramble(host);
        const uint32_t a = htonl(home ? 0xc0a80000u | (host & 0x3ff)
                                      : 0x0b000000u + (uint32_t)(spread % 0xb0000000u));
        memcpy(out, &a, 4);
    } else {
        memcpy(out, prefix, 4);
        out[5] = home ? 1 : 2;
        out[14] = (uint8_t)(host >> 8);
        out[15] = (uint8_t)host;
    }
}

/* What a flow has to do with its connection: who asks whom, how much of what. */
static void mixed_counters(struct flow *f, uint64_t *seed, bool reply) {
    const double u = uniform(seed);
    const double size = f->proto == 6 ? exp(0.5 + 8 * u * u * u) : exp(2 * u * u);
    const uint32_t asked = 1 + (uint32_t)size, average = 60 + (uint32_t)(uniform(seed) * 400);
    if (reply) {
        f->packets = asked + (uint32_t)(uniform(seed) * size);
        f->bytes = f->packets * (60 + (uint32_t)(uniform(seed) * 1400)) + (uint32_t)(*seed % 60);
    } else {
        f->packets = asked;
        f->bytes = asked * average + (uint32_t)(scramble(*seed) % average);
    }
}

/* Flows 2k and 2k + 1 are the two directions of a connection, but for one in fifty, a scan that
** nobody answers. */
static void mixed(struct flow *f, uint64_t n, enum flow_kind kind) {
    static const uint16_t services[] = {443, 443, 443, 443, 443, 443, 80,   80,  53,   53,
                                        53,  22,  993, 25,  123, 123, 3389, 445, 8080, 5060};
    static const uint8_t flags[] = {0x1b, 0x1b, 0x1b, 0x1b, 0x1f, 0x1e, 0x1a, 0x13};
    static const uint8_t tos[] = {0, 0, 0, 0, 0, 0, 0, 0x20, 0x28, 0xb8};
    uint64_t seed = scramble(kind == ONEWAY ? n : n / 2);
    const bool scan = uniform(&seed) < 0.02, reply = (n & 1) && !scan && kind != ONEWAY;
    f->family = uniform(&seed) < 0.15 && kind != V4 ? 6 : 4;
    uint32_t inside = popular(&seed), outside = popular(&seed);
    if (kind == V6)
        f->family = 6;
    if (kind == FEW) {
        inside %= 10;
        outside %= 10;
    }
    const uint16_t client = (uint16_t)(32768 + (seed >> 20) % 28232);
    uint16_t server = services[(seed >> 40) % (sizeof services / sizeof *services)];
    if (uniform(&seed) < 0.1) /* everything else there is */
        server = (uint16_t)(1024 + seed % 64000);
    address(f, reply ? f->dst : f->src, inside, true);
    address(f, reply ? f->src : f->dst, outside, false);
    address(f, f->next, reply ? 1 : 2 + outside % 3, !reply);
    f->srcport = reply ? server : client;
    f->dstport = reply ? client : server;
    f->proto = server == 53 || server == 123 || server == 5060 || server % 16 == 9 ? 17 : 6;
    f->flags = f->proto == 6 ? flags[seed >> 32 & 7] : 0;
    f->tos = tos[(seed >> 12) % sizeof tos];
    mixed_counters(f, &seed, reply);
    if (scan) {
        f->dstport = n & 1 ? 3389 : 445;
        f->proto = 6;
        f->flags = 2;
        f->packets = 1 + (uint32_t)(n % 3);
        f->bytes = f->packets * 60;
    }
    f->inif = reply ? 2 : 1;
    f->outif = reply ? 1 : 2;
    f->srcas = reply ? 64500 + outside % 1000 : 64496;
    f->dstas = reply ? 64496 : 64500 + outside % 1000;
    f->srcmask = f->family == 4 ? (uint8_t)(reply ? 16 + outside % 9 : 24) : 48;
    f->dstmask = f->family == 4 ? (uint8_t)(reply ? 24 : 16 + outside % 9) : 48;
}

/* What a router would say of the networks that the addresses are in. */
static void route(struct flow *f) {
    const uint64_t from = scramble((uint64_t)f->src[0] << 8 | f->src[1]);
    const uint64_t to = scramble((uint64_t)f->dst[0] << 8 | f->dst[1]);
    f->srcas = 64500 + (uint32_t)(from % 1000);
    f->dstas = 64500 + (uint32_t)(to % 1000);
    f->srcmask = (uint8_t)(16 + from % 9);
    f->dstmask = (uint8_t)(16 + to % 9);
    memset(f->next, 0, sizeof f->next);
    f->next[3] = (uint8_t)(1 + to % 3);
}

static void set_address4(uint8_t at[16], uint32_t address) {
    address = htonl(address);
    memset(at, 0, 16);
    memcpy(at, &address, 4);
}

/* A packet that asks for a connection, from one IPv4 address to another. */
static void knock(struct flow *f, uint32_t src, uint32_t dst, uint64_t seed, uint16_t dstport) {
    f->family = 4;
    set_address4(f->src, src);
    set_address4(f->dst, dst);
    f->srcport = (uint16_t)(seed >> 40);
    f->dstport = dstport;
    f->proto = 6;
    f->flags = 2;
    f->packets = 1;
    f->bytes = 40;
    f->tos = 0;
    f->inif = 1;
    f->outif = 2;
    route(f);
}

/* Two hundred servers, each with fifty services at ports of its own, talk to each other and, one flow of five,
** to the outside. */
static void services(struct flow *f, uint64_t n) {
    uint64_t seed = scramble(n / 2 ^ 0x5e4);
    const bool reply = n & 1, out = uniform(&seed) < 0.2;
    const uint32_t server = (uint32_t)(uniform(&seed) * 200),
                   client = (uint32_t)(uniform(&seed) * 200);
    const uint16_t port = (uint16_t)(1024 + scramble(server << 8 | seed % 50) % 64000);
    uint8_t *to = reply ? f->src : f->dst, *from = reply ? f->dst : f->src;
    f->family = 4;
    set_address4(to, 0xc0a80001u + server);
    set_address4(from,
                 out ? 0x0b000000u + (uint32_t)(seed >> 20) % 0x1000000 : 0xc0a80001u + client);
    *(reply ? &f->srcport : &f->dstport) = port;
    *(reply ? &f->dstport : &f->srcport) = (uint16_t)(1024 + (seed >> 44) % 64000);
    f->proto = port % 8 ? 6 : 17;
    f->flags = f->proto == 6 ? 0x1b : 0;
    route(f);
}

/* Users in all of 192.168.0.0/16, each with a VLAN; their addresses and ports are others outside. */
static void provider(struct flow *f, uint64_t n) {
    uint64_t seed = scramble(n / 2 ^ 0x15b);
    const uint32_t user = (uint32_t)exp(uniform(&seed) * log(65535.0));
    const uint32_t line = 0xc0a80000u | (uint32_t)(user * 40503u & 0xffff);
    const bool out = f->inif == 1;
    if (f->family == 4)
        set_address4(out ? f->src : f->dst, line);
    memcpy(f->natsrc, f->src, 16);
    memcpy(f->natdst, f->dst, 16);
    if (f->family == 4)
        set_address4(out ? f->natsrc : f->natdst, 0xcb007100u + user / 256);
    f->natsrcport = out ? (uint16_t)(1024 + (seed >> 30) % 64000) : f->srcport;
    f->natdstport = out ? f->dstport : (uint16_t)(1024 + (seed >> 30) % 64000);
    f->srcvlan = out ? (uint16_t)(100 + user % 3000) : 10;
    f->dstvlan = out ? 10 : (uint16_t)(100 + user % 3000);
    f->sampling = 100;
}

/* What other lines have otherwise than a campus. */
static void other_kind(struct flow *f, uint64_t n, enum flow_kind kind) {
    uint64_t seed = scramble(n ^ 0xadd);
    switch (kind) {
    case RANDOM:
        for (int i = 0; i < 16; i++) {
            f->src[i] = (uint8_t)(uniform(&seed) * 256);
            f->dst[i] = (uint8_t)(uniform(&seed) * 256);
        }
        f->srcport = (uint16_t)(seed >> 20);
        f->dstport = (uint16_t)(seed >> 40);
        route(f);
        break;
    case SCAN: /* 9 of 10 flows are scans of a /8, one address after the other */
        if (n % 10)
            knock(f, 0x0b000001u + (uint32_t)(seed % 16), 0x0a000000u + (uint32_t)(n & 0xffffff),
                  seed, seed >> 32 & 1 ? 23 : 445);
        break;
    case FLOOD: /* 8 of 10 flows come to one host from a million made-up addresses */
        if (n % 10 < 8)
            knock(f, 0x0b000000u + (uint32_t)(scramble(seed % 1000000) % 0xb0000000u), 0xc0a80050u,
                  seed, 443);
        break;
    case SWEEP: /* a quarter tries all ports of some hosts, another one port of all hosts of a /16 */
        if (n % 4 == 0)
            knock(f, 0x0b000001u, 0xc0a80000u + (uint32_t)(n / 4 >> 16), seed, (uint16_t)(n / 4));
        else if (n % 4 == 2)
            knock(f, 0x0b000002u, 0xc0a80000u + (uint32_t)(n / 4 & 0xffff), seed, 22);
        break;
    case SERVICES:
        services(f, n);
        break;
    case PROVIDER:
        provider(f, n);
        break;
    case V6: /* a host has a random interface id (RFC 8981), the same all day */
        for (int end = 0; end < 2; end++) {
            uint8_t *at = end ? f->dst : f->src;
            uint64_t id = scramble((uint64_t)(at[14] << 8 | at[15]) | (uint64_t)at[5] << 16);
            memcpy(at + 8, &id, 8);
        }
        break;
    case PLAIN:
        memset(f->next, 0, sizeof f->next);
        f->tos = f->srcmask = f->dstmask = 0;
        f->inif = f->outif = f->srcas = f->dstas = 0;
        break;
    default:
        break;
    }
}

void flow_times_line(struct flow *f, uint64_t n, enum flow_kind kind, int64_t now) {
    uint64_t seed = scramble(n / 2 ^ 0x5eed);
    const int64_t idle = 1000 + (int64_t)(uniform(&seed) * 15000);
    const double u = uniform(&seed);
    const int64_t length = f->packets < 2 ? 0 : (int64_t)exp(11 * u) / (f->proto == 6 ? 1 : 20);
    const int64_t way = 1 + (int64_t)(seed % 80);
    f->last = now - idle;
    f->first = f->last - length + (n & 1 && length > way ? way : 0);
    if (kind == LONG || kind == HOURS)
        f->first = f->last - (int64_t)(uniform(&seed) * (kind == LONG ? 1800e3 : 6 * 3600e3));
}

void flow_times_within(struct flow *f, uint64_t n, int64_t span, int64_t now) {
    const int64_t age = span > 0 ? (int64_t)(scramble(n ^ 0x5eed) % (uint64_t)span) : 0;
    f->last = now - age / 2;
    f->first = now - age;
}

void flow_make(struct flow *f, uint64_t n, bool mix, enum flow_kind kind) {
    memset(f, 0, sizeof *f);
    if (kind == SHUFFLED) /* another one of the same thousand times thousand */
        n = n / 1000000 * 1000000 + n % 1000000 * 618033 % 1000000;
    if (mix)
        mixed(f, n, kind);
    else
        numbered(f, n);
    other_kind(f, n, kind);
}
