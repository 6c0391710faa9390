// SPDX-License-Identifier: MIT
/*
** flowgen: sends numbered flows to a collector as NetFlow v5, v9 or IPFIX, for tests that must
** know exactly what was sent, and for the benchmark.
**
**   flowgen [options] HOST PORT
**     --version 5|9|10   protocol (10: IPFIX, default)
**     --count N          flows (default 1000; 0: until killed)
**     --rate N           flows a second (default 10000; 0: as fast as it goes)
**     --exporters N      send as 127.0.0.1 to 127.0.0.N in turn, datagram by datagram (default 1)
**     --first N          number of the first flow (default 0)
**     --span SECONDS     spread the flows' own times over so many seconds before now (default 10)
**     --pcap FILE        write a capture instead of sending (then without HOST PORT): the datagrams
**                        were captured at even intervals over --span seconds from --begin on, and
**                        each flow ended 1 to 16 seconds before it was exported
**     --begin SECONDS    of the capture, since 1970 (default 1700000000)
**     --mix              addresses, ports and counters as on a campus line, 15 % of it IPv6;
**                        without it a flow's number can be read off it, see numbered()
**     --kind KIND        --mix of another kind: oneway (nobody answers), random (addresses, ports),
**                        scan (few look for many), few (twenty hosts), v6 (all of it, random
**                        interface ids), long (up to the active timeout of half an hour),
**                        shuffled (exported in no order), plain (what softflowd sends), v4
**
** Prints the number of flows sent.
*/
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_EXPORTERS = 64, ROOM = 1400, V5_RECORDS = 29, TEMPLATE_EVERY = 20 };
enum { TEMPLATE4 = 256, TEMPLATE6 = 257, HOSTS = 60000 };

struct flow {
    int family;
    uint8_t src[16], dst[16], next[16];
    uint16_t srcport, dstport;
    uint8_t proto, flags, tos, srcmask, dstmask;
    uint32_t packets, bytes, inif, outif, srcas, dstas;
    int64_t first, last; /* ms since 1970 */
};

enum kind { CAMPUS, ONEWAY, RANDOM, SCAN, FEW, V6, LONG, SHUFFLED, PLAIN, V4, NKINDS };
static const char *const kinds[NKINDS] = {"campus", "oneway", "random",   "scan",  "few",
                                          "v6",     "long",   "shuffled", "plain", "v4"};

struct settings {
    int version, exporters, mix;
    enum kind kind;
    uint64_t count, first;
    double rate, span;
    FILE *pcap;
    int64_t begin; /* ms since 1970 */
};

struct exporter {
    int fd;
    uint32_t sequence;
    uint64_t datagrams;
};

struct datagram {
    uint8_t b[2048];
    size_t n;
};

static int64_t wall_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* When flow number n is exported. */
static int64_t now_ms(const struct settings *s, uint64_t n) {
    if (!s->pcap)
        return wall_ms();
    return s->begin + (int64_t)((double)(n - s->first) / (double)s->count * s->span * 1000);
}

static void put(struct datagram *d, uint64_t value, int octets) {
    for (int i = octets - 1; i >= 0; i--)
        d->b[d->n++] = (uint8_t)(value >> (8 * i));
}

static void put_bytes(struct datagram *d, const uint8_t *p, size_t n) {
    memcpy(d->b + d->n, p, n);
    d->n += n;
}

static void patch16(struct datagram *d, size_t at, size_t value) {
    d->b[at] = (uint8_t)(value >> 8);
    d->b[at + 1] = (uint8_t)value;
}

/* ---- flows --------------------------------------------------------------------------------- */

static uint64_t scramble(uint64_t x) { /* splitmix64: the same flows in every run */
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static double uniform(uint64_t *seed) {
    return (double)((*seed = scramble(*seed)) >> 11) / 9007199254740992.0;
}

/* Flow number n: source port and destination port are its low and high 16 bits, the addresses
** repeat, and packets and bytes follow from n. Sums over any set of numbers can be worked out. */
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
static void mixed(struct flow *f, uint64_t n, enum kind kind) {
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

/* What other lines have otherwise than a campus. */
static void other_kind(struct flow *f, uint64_t n, enum kind kind) {
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
        if (n % 10) {
            const uint32_t src = htonl(0x0b000001u + (uint32_t)(seed % 16));
            const uint32_t dst = htonl(0x0a000000u + (uint32_t)(n & 0xffffff));
            f->family = 4;
            memcpy(f->src, &src, 4);
            memcpy(f->dst, &dst, 4);
            f->dstport = seed >> 32 & 1 ? 23 : 445;
            f->srcport = (uint16_t)(seed >> 40);
            f->proto = 6;
            f->flags = 2;
            f->packets = 1;
            f->bytes = 40;
            f->tos = 0;
            f->inif = 1;
            f->outif = 2;
            route(f);
        }
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

static void flow_times(const struct settings *s, uint64_t n, struct flow *f) {
    const int64_t now = now_ms(s, n);
    uint64_t seed = scramble(n / 2 ^ 0x5eed);
    if (s->pcap) {
        const int64_t idle = 1000 + (int64_t)(uniform(&seed) * 15000);
        const double u = uniform(&seed);
        const int64_t length = f->packets < 2 ? 0 : (int64_t)exp(11 * u) / (f->proto == 6 ? 1 : 20);
        const int64_t way = 1 + (int64_t)(seed % 80);
        f->last = now - idle;
        f->first = f->last - length + (n & 1 && length > way ? way : 0);
        if (s->kind == LONG)
            f->first = f->last - (int64_t)(uniform(&seed) * 1800e3);
    } else {
        const int64_t span = (int64_t)(s->span * 1000);
        const int64_t age = span > 0 ? (int64_t)(scramble(n ^ 0x5eed) % (uint64_t)span) : 0;
        f->last = now - age / 2;
        f->first = now - age;
    }
}

static void make_flow(const struct settings *s, uint64_t n, struct flow *f) {
    memset(f, 0, sizeof *f);
    const uint64_t due = n;
    if (s->kind == SHUFFLED) /* another one of the same thousand times thousand */
        n = n / 1000000 * 1000000 + n % 1000000 * 618033 % 1000000;
    if (s->mix)
        mixed(f, n, s->kind);
    else
        numbered(f, n);
    other_kind(f, n, s->kind);
    flow_times(s, due, f);
}

/* ---- records ------------------------------------------------------------------------------- */

static void v5_record(struct datagram *d, const struct flow *f, int64_t boot) {
    put_bytes(d, f->src, 4);
    put_bytes(d, f->dst, 4);
    put_bytes(d, f->next, 4);
    put(d, f->inif, 2);
    put(d, f->outif, 2);
    put(d, f->packets, 4);
    put(d, f->bytes, 4);
    put(d, (uint64_t)(f->first - boot), 4);
    put(d, (uint64_t)(f->last - boot), 4);
    put(d, f->srcport, 2);
    put(d, f->dstport, 2);
    put(d, 0, 1);
    put(d, f->flags, 1);
    put(d, f->proto, 1);
    put(d, f->tos, 1);
    put(d, f->srcas, 2);
    put(d, f->dstas, 2);
    put(d, f->srcmask, 1);
    put(d, f->dstmask, 1);
    put(d, 0, 2);
}

/* Element and length, IPv4 and IPv6; the times are 22 and 21 in v9, 152 and 153 in IPFIX. */
static const uint16_t elements[][4] = {
    {8, 4, 27, 16}, {12, 4, 28, 16}, {15, 4, 62, 16}, {7, 2, 7, 2},   {11, 2, 11, 2}, {4, 1, 4, 1},
    {6, 1, 6, 1},   {5, 1, 5, 1},    {9, 1, 29, 1},   {13, 1, 30, 1}, {2, 4, 2, 4},   {1, 4, 1, 4},
    {10, 4, 10, 4}, {14, 4, 14, 4},  {16, 4, 16, 4},  {17, 4, 17, 4},
};
enum { NELEMENTS = sizeof elements / sizeof *elements };

static void template_record(struct datagram *d, int version, int family) {
    const int at = family == 4 ? 0 : 2;
    put(d, family == 4 ? TEMPLATE4 : TEMPLATE6, 2);
    put(d, NELEMENTS + 2, 2);
    for (size_t i = 0; i < NELEMENTS; i++) {
        put(d, elements[i][at], 2);
        put(d, elements[i][at + 1], 2);
    }
    put(d, version == 9 ? 22 : 152, 2);
    put(d, version == 9 ? 4 : 8, 2);
    put(d, version == 9 ? 21 : 153, 2);
    put(d, version == 9 ? 4 : 8, 2);
}

static void data_record(struct datagram *d, int version, const struct flow *f, int64_t boot) {
    const size_t octets = f->family == 4 ? 4 : 16;
    put_bytes(d, f->src, octets);
    put_bytes(d, f->dst, octets);
    put_bytes(d, f->next, octets);
    put(d, f->srcport, 2);
    put(d, f->dstport, 2);
    put(d, f->proto, 1);
    put(d, f->flags, 1);
    put(d, f->tos, 1);
    put(d, f->srcmask, 1);
    put(d, f->dstmask, 1);
    put(d, f->packets, 4);
    put(d, f->bytes, 4);
    put(d, f->inif, 4);
    put(d, f->outif, 4);
    put(d, f->srcas, 4);
    put(d, f->dstas, 4);
    put(d, (uint64_t)(f->first - (version == 9 ? boot : 0)), version == 9 ? 4 : 8);
    put(d, (uint64_t)(f->last - (version == 9 ? boot : 0)), version == 9 ? 4 : 8);
}

/* ---- datagrams ----------------------------------------------------------------------------- */

/* Fill d with flows from number n on, at most limit; returns how many. boot: the exporter's. */
static unsigned fill_v5(struct datagram *d, const struct settings *s, uint64_t n, uint64_t limit,
                        struct exporter *e, int64_t boot) {
    const int64_t now = now_ms(s, n);
    unsigned records = 0;
    struct flow f;
    put(d, 5, 2);
    put(d, 0, 2);
    put(d, (uint64_t)(now - boot), 4);
    put(d, (uint64_t)(now / 1000), 4);
    put(d, (uint64_t)(now % 1000) * 1000000, 4);
    put(d, e->sequence, 4);
    put(d, 0, 4);
    for (; records < V5_RECORDS && records < limit; records++) {
        make_flow(s, n + records, &f);
        v5_record(d, &f, boot);
    }
    patch16(d, 2, records);
    e->sequence += records;
    return records;
}

static unsigned fill_templated(struct datagram *d, const struct settings *s, uint64_t n,
                               uint64_t limit, struct exporter *e, int64_t boot) {
    const int64_t now = now_ms(s, n);
    unsigned records = 0, templates = 0;
    struct flow f;
    put(d, (uint64_t)s->version, 2);
    put(d, 0, 2); /* IPFIX: length, v9: records */
    if (s->version == 9)
        put(d, (uint64_t)(now - boot), 4);
    put(d, (uint64_t)(now / 1000), 4);
    put(d, e->sequence, 4);
    put(d, 1, 4);
    if (e->datagrams % TEMPLATE_EVERY == 0) {
        const size_t set = d->n;
        put(d, s->version == 9 ? 0 : 2, 2);
        put(d, 0, 2);
        template_record(d, s->version, 4);
        template_record(d, s->version, 6);
        patch16(d, set + 2, d->n - set);
        templates = 2;
    }
    int family = 0;
    size_t set = 0;
    for (; records < limit && d->n < ROOM - 100; records++) {
        make_flow(s, n + records, &f);
        if (f.family != family) { /* the next set */
            if (family)
                patch16(d, set + 2, d->n - set);
            family = f.family;
            set = d->n;
            put(d, family == 4 ? TEMPLATE4 : TEMPLATE6, 2);
            put(d, 0, 2);
        }
        data_record(d, s->version, &f, boot);
    }
    patch16(d, set + 2, d->n - set);
    patch16(d, 2, s->version == 9 ? records + templates : d->n);
    e->sequence += s->version == 9 ? 1 : records;
    return records;
}

/* ---- sending ------------------------------------------------------------------------------- */

static int connect_as(const struct addrinfo *to, int number) {
    const int fd = socket(to->ai_family, SOCK_DGRAM, 0);
    if (fd < 0)
        return -1;
    if (number > 0 && to->ai_family == AF_INET) {
        struct sockaddr_in from = {.sin_family = AF_INET};
        from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)number);
        if (bind(fd, (const struct sockaddr *)&from, sizeof from))
            return -1;
    }
    return connect(fd, to->ai_addr, to->ai_addrlen) ? -1 : fd;
}

/* The datagram as one packet of a capture: Ethernet, IPv4 from 127.0.0.(1 + exporter), UDP. */
static bool capture(FILE *out, const struct datagram *d, int64_t ms, int exporter) {
    struct datagram p = {.n = 0};
    const uint32_t head[4] = {(uint32_t)(ms / 1000), (uint32_t)(ms % 1000) * 1000,
                              (uint32_t)d->n + 42, (uint32_t)d->n + 42};
    put(&p, 0x020000000001, 6);
    put(&p, 0x020000000002, 6);
    put(&p, 0x0800, 2);
    put(&p, 0x4500, 2);
    put(&p, d->n + 28, 2);
    put(&p, 0, 4); /* identification, fragment */
    put(&p, 0x4011, 2);
    put(&p, 0, 2); /* checksum */
    put(&p, INADDR_LOOPBACK + (uint32_t)exporter, 4);
    put(&p, 0x7f000001, 4);
    uint32_t sum = 0;
    for (size_t i = 14; i < 34; i += 2)
        sum += (uint32_t)(p.b[i] << 8 | p.b[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    patch16(&p, 24, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
    put(&p, 40000, 2);
    put(&p, 9995, 2);
    put(&p, d->n + 8, 2);
    put(&p, 0, 2); /* no checksum */
    return fwrite(head, sizeof head, 1, out) == 1 && fwrite(p.b, p.n, 1, out) == 1 &&
           fwrite(d->b, d->n, 1, out) == 1;
}

static bool capture_begin(FILE *out) {
    const uint32_t head[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1};
    return fwrite(head, sizeof head, 1, out) == 1;
}

/* Wait until flow number sent is due. */
static void pace(const struct timespec *begin, double rate, uint64_t sent) {
    if (rate <= 0)
        return;
    const double due = (double)sent / rate;
    struct timespec at = {begin->tv_sec + (time_t)due,
                          begin->tv_nsec + (long)((due - floor(due)) * 1e9)};
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

static int run(const struct settings *s, struct exporter *exporters) {
    const int64_t boot = (s->pcap ? s->begin : wall_ms()) - 3600000;
    struct timespec begin;
    uint64_t sent = 0;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (uint64_t i = 0; s->count == 0 || sent < s->count; i++) {
        struct exporter *e = exporters + i % (uint64_t)s->exporters;
        struct datagram d = {.n = 0};
        const uint64_t limit = s->count ? s->count - sent : UINT64_MAX;
        unsigned (*const fill)(struct datagram *, const struct settings *, uint64_t, uint64_t,
                               struct exporter *, int64_t) =
            s->version == 5 ? fill_v5 : fill_templated;
        const unsigned records = fill(&d, s, s->first + sent, limit, e, boot);
        const int64_t now = now_ms(s, s->first + sent);
        e->datagrams++;
        sent += records;
        if (s->pcap) {
            if (capture(s->pcap, &d, now, (int)(e - exporters)))
                continue;
            fprintf(stderr, "flowgen: write: %s\n", strerror(errno));
            return 1;
        }
        pace(&begin, s->rate, sent - records);
        /* Nobody listening yet, or just killed: that is what some tests are about. */
        if (send(e->fd, d.b, d.n, 0) < 0 && errno != ECONNREFUSED) {
            fprintf(stderr, "flowgen: send: %s\n", strerror(errno));
            return 1;
        }
    }
    printf("%llu\n", (unsigned long long)sent);
    return 0;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"version", 1, NULL, 'v'},   {"count", 1, NULL, 'c'}, {"rate", 1, NULL, 'r'},
        {"exporters", 1, NULL, 'e'}, {"first", 1, NULL, 'f'}, {"span", 1, NULL, 's'},
        {"mix", 0, NULL, 'm'},       {"pcap", 1, NULL, 'p'},  {"begin", 1, NULL, 'b'},
        {"kind", 1, NULL, 'k'},      {NULL, 0, NULL, 0},
    };
    struct settings s = {.version = 10,
                         .exporters = 1,
                         .count = 1000,
                         .rate = 10000,
                         .span = 10,
                         .begin = INT64_C(1700000000000)};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'v':
            s.version = atoi(optarg);
            break;
        case 'c':
            s.count = strtoull(optarg, NULL, 10);
            break;
        case 'r':
            s.rate = atof(optarg);
            break;
        case 'e':
            s.exporters = atoi(optarg);
            break;
        case 'f':
            s.first = strtoull(optarg, NULL, 10);
            break;
        case 's':
            s.span = atof(optarg);
            break;
        case 'm':
            s.mix = 1;
            break;
        case 'k':
            s.mix = 1;
            while (s.kind < NKINDS && strcmp(optarg, kinds[s.kind]) != 0)
                s.kind++;
            break;
        case 'p':
            if (!(s.pcap = fopen(optarg, "wb")) || !capture_begin(s.pcap)) {
                fprintf(stderr, "flowgen: %s: %s\n", optarg, strerror(errno));
                return 1;
            }
            break;
        case 'b':
            s.begin = (int64_t)(atof(optarg) * 1000);
            break;
        default:
            return 2;
        }
    }
    if (argc - optind != (s.pcap ? 0 : 2) ||
        (s.version != 5 && s.version != 9 && s.version != 10) || s.exporters < 1 ||
        s.exporters > MAX_EXPORTERS || s.kind == NKINDS ||
        (s.version == 5 && s.mix && s.kind != V4)) {
        fprintf(stderr, "usage: flowgen [--version 5|9|10] [--count N] [--rate N] [--exporters N] "
                        "[--first N] [--span SECONDS] [--mix (not v5) | --kind KIND] HOST "
                        "PORT\n"
                        "       flowgen ... --pcap FILE [--begin SECONDS]\n");
        return 2;
    }
    struct exporter exporters[MAX_EXPORTERS] = {{0}};
    if (s.pcap) {
        const int rc = run(&s, exporters);
        if (fclose(s.pcap) == 0)
            return rc;
        fprintf(stderr, "flowgen: write: %s\n", strerror(errno));
        return 1;
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *to;
    if (getaddrinfo(argv[optind], argv[optind + 1], &hints, &to)) {
        fprintf(stderr, "flowgen: %s %s: no such address\n", argv[optind], argv[optind + 1]);
        return 1;
    }
    for (int i = 0; i < s.exporters; i++)
        if ((exporters[i].fd = connect_as(to, i)) < 0) {
            fprintf(stderr, "flowgen: exporter %d: %s\n", i + 1, strerror(errno));
            return 1;
        }
    freeaddrinfo(to);
    return run(&s, exporters);
}
