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
**     --mix              addresses, ports and counters as on a campus line, 15 % of it IPv6;
**                        without it a flow's number can be read off it, see numbered()
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

struct settings {
    int version, exporters, mix;
    uint64_t count, first;
    double rate, span;
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

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
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

static void mixed(struct flow *f, uint64_t n) {
    static const uint16_t services[] = {443, 443, 443, 443, 443, 80, 53, 53, 22, 993, 123, 3389};
    uint64_t seed = scramble(n / 2); /* flows 2k and 2k + 1 are the two directions */
    const bool reply = n & 1;
    f->family = uniform(&seed) < 0.15 ? 6 : 4;
    const uint32_t inside = popular(&seed), outside = popular(&seed);
    const uint16_t client = (uint16_t)(32768 + (seed >> 20) % 28232);
    const uint16_t server = services[(seed >> 40) % (sizeof services / sizeof *services)];
    address(f, reply ? f->dst : f->src, inside, true);
    address(f, reply ? f->src : f->dst, outside, false);
    address(f, f->next, 1, true);
    f->srcport = reply ? server : client;
    f->dstport = reply ? client : server;
    f->proto = server == 53 || server == 123 ? 17 : 6;
    f->flags = f->proto == 6 ? 0x1b : 0;
    const double size = exp(3 + 5 * uniform(&seed) * uniform(&seed));
    f->packets = 1 + (uint32_t)(size * (reply ? 1.5 : 1));
    f->bytes = f->packets * (reply ? 900u : 80u) + (uint32_t)(size * 7) % 40;
    f->inif = reply ? 2 : 1;
    f->outif = reply ? 1 : 2;
    f->srcas = reply ? 64500 + outside % 1000 : 64496;
    f->dstas = reply ? 64496 : 64500 + outside % 1000;
    f->srcmask = f->dstmask = f->family == 4 ? 24 : 48;
}

static void make_flow(const struct settings *s, uint64_t n, struct flow *f) {
    memset(f, 0, sizeof *f);
    if (s->mix)
        mixed(f, n);
    else
        numbered(f, n);
    const int64_t span = (int64_t)(s->span * 1000);
    const int64_t age = span > 0 ? (int64_t)(scramble(n ^ 0x5eed) % (uint64_t)span) : 0;
    f->last = now_ms() - age / 2;
    f->first = now_ms() - age;
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
    const int64_t now = now_ms();
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
    const int64_t now = now_ms();
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
    const int64_t boot = now_ms() - 3600000;
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
        pace(&begin, s->rate, sent);
        /* Nobody listening yet, or just killed: that is what some tests are about. */
        if (send(e->fd, d.b, d.n, 0) < 0 && errno != ECONNREFUSED) {
            fprintf(stderr, "flowgen: send: %s\n", strerror(errno));
            return 1;
        }
        e->datagrams++;
        sent += records;
    }
    printf("%llu\n", (unsigned long long)sent);
    return 0;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"version", 1, NULL, 'v'},   {"count", 1, NULL, 'c'}, {"rate", 1, NULL, 'r'},
        {"exporters", 1, NULL, 'e'}, {"first", 1, NULL, 'f'}, {"span", 1, NULL, 's'},
        {"mix", 0, NULL, 'm'},       {NULL, 0, NULL, 0},
    };
    struct settings s = {.version = 10, .exporters = 1, .count = 1000, .rate = 10000, .span = 10};
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
        default:
            return 2;
        }
    }
    if (argc - optind != 2 || (s.version != 5 && s.version != 9 && s.version != 10) ||
        s.exporters < 1 || s.exporters > MAX_EXPORTERS || (s.version == 5 && s.mix)) {
        fprintf(stderr, "usage: flowgen [--version 5|9|10] [--count N] [--rate N] [--exporters N] "
                        "[--first N] [--span SECONDS] [--mix (not v5)] HOST PORT\n");
        return 2;
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *to;
    if (getaddrinfo(argv[optind], argv[optind + 1], &hints, &to)) {
        fprintf(stderr, "flowgen: %s %s: no such address\n", argv[optind], argv[optind + 1]);
        return 1;
    }
    struct exporter exporters[MAX_EXPORTERS] = {{0}};
    for (int i = 0; i < s.exporters; i++)
        if ((exporters[i].fd = connect_as(to, i)) < 0) {
            fprintf(stderr, "flowgen: exporter %d: %s\n", i + 1, strerror(errno));
            return 1;
        }
    freeaddrinfo(to);
    return run(&s, exporters);
}
