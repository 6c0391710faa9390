// SPDX-License-Identifier: MIT
/*
** flowgen: sends numbered flows to a collector as NetFlow v5, v9 or IPFIX, for tests that must
** know exactly what was sent, and for the benchmark.
**
**   flowgen [options] HOST PORT
**     --version 5|9|10   protocol (10: IPFIX, default)
**     --count N          flows (default 1000; 0: until killed)
**     --rate N           flows a second (default 10000; 0: as fast as it goes)
**     --exporters N      send as so many addresses from 127.0.0.1 on, in turn, datagram by datagram (default 1)
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
**                        shuffled (exported in no order), plain (what softflowd sends), v4,
**                        flood (8 of 10 to one host, from a million), sweep (all ports of hosts, a port of
**                        all hosts), services (a data centre: few hosts, many ports), hours (up to six),
**                        provider (many users; NAT, VLANs, 1 packet of 100)
**
** Prints the number of flows sent.
*/
#include "tests/gen/datagrams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_EXPORTERS = 4096, TEMPLATE_EVERY = 20 };

struct settings {
    int version, exporters, mix;
    enum flow_kind kind;
    uint64_t count, first;
    double rate, span;
    FILE *pcap;
    int64_t begin; /* ms since 1970 */
};

struct exporter {
    int fd;
    struct export export;
    uint64_t datagrams;
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

static void next_flow(void *arg, uint64_t n, struct flow *f) {
    const struct settings *s = arg;
    flow_make(f, n, s->mix, s->kind);
    if (s->pcap)
        flow_times_line(f, n, s->kind, now_ms(s, n));
    else
        flow_times_within(f, n, (int64_t)(s->span * 1000), now_ms(s, n));
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
static bool capture(FILE *out, const struct generated *d, int64_t ms, int exporter) {
    struct generated p = {.n = 0};
    const uint32_t head[4] = {(uint32_t)(ms / 1000), (uint32_t)(ms % 1000) * 1000,
                              (uint32_t)d->n + 42, (uint32_t)d->n + 42};
    add_int(&p, 0x020000000001, 6);
    add_int(&p, 0x020000000002, 6);
    add_int(&p, 0x0800, 2);
    add_int(&p, 0x4500, 2);
    add_int(&p, d->n + 28, 2);
    add_int(&p, 0, 4); /* identification, fragment */
    add_int(&p, 0x4011, 2);
    add_int(&p, 0, 2); /* checksum */
    add_int(&p, INADDR_LOOPBACK + (uint32_t)exporter, 4);
    add_int(&p, 0x7f000001, 4);
    uint32_t sum = 0;
    for (size_t i = 14; i < 34; i += 2)
        sum += (uint32_t)(p.b[i] << 8 | p.b[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    set16(&p, 24, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
    add_int(&p, 40000, 2);
    add_int(&p, 9995, 2);
    add_int(&p, d->n + 8, 2);
    add_int(&p, 0, 2); /* no checksum */
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

static int run(struct settings *s, struct exporter *exporters) {
    const int64_t boot = (s->pcap ? s->begin : wall_ms()) - 3600000;
    const struct flow_feed feed = {next_flow, s};
    struct timespec begin;
    uint64_t sent = 0;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (uint64_t i = 0; s->count == 0 || sent < s->count; i++) {
        struct exporter *e = exporters + i % (uint64_t)s->exporters;
        struct generated d = {.n = 0};
        const uint64_t limit = s->count ? s->count - sent : UINT64_MAX;
        e->export.protocol = (enum protocol)s->version;
        e->export.now = now_ms(s, s->first + sent);
        e->export.boot = boot;
        e->export.fields = flow_fields_of(s->kind);
        const unsigned records = datagram_fill(&d, &e->export, e->datagrams % TEMPLATE_EVERY == 0,
                                               s->first + sent, limit, &feed);
        e->datagrams++;
        sent += records;
        if (s->pcap) {
            if (capture(s->pcap, &d, e->export.now, (int)(e - exporters)))
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
            s.kind = flow_kind_of(optarg);
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
