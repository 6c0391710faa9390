// SPDX-License-Identifier: MIT
/*
** flowblast: presses a collector with export datagrams that were made before, so that the sender is
** not what is measured.
**
**   flowblast [options] HOST PORT            HOST: an IPv4 address
**     --version 5|9|10|sflow   protocol (10: IPFIX, default)
**     --rate N                 flows a second (default 100000; 0: as fast as it goes)
**     --flows N                end after at least so many (default 1000000)
**     --exporters N            send as 127.0.0.1, 127.0.0.2, ... in turn, datagram by datagram
**     --prepared N             flows that are made before and sent over and over (default 500000)
**     --kind KIND              as flowgen's (campus; v5: v4)
**
** Each datagram has its exporter's sequence number, the time it is sent at, and flow times that keep
** their distance from it; a flow of the campus is as flowgen's --mix makes it. Each exporter announces its
** templates at first and every 400 datagrams. A sender that falls behind, as others need the
** processor, sends later and does not catch up: what it reached is printed.
**
** Prints flows, datagrams, seconds.
*/
#include "tests/gen/datagrams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, TEMPLATE_EVERY = 400, MAX_EXPORTERS = 65536 };
/* ns: the longest that is made up for. */
enum { BEHIND = 5000000 };

struct settings {
    enum protocol protocol;
    enum flow_kind kind;
    uint64_t flows, prepared;
    double rate;
    unsigned exporters;
    struct sockaddr_in to;
};

/* One that was made before. */
struct ready {
    uint8_t *b;
    uint32_t n, flows;
    int64_t stamp; /* ms: what its times are relative to */
};

struct exporter {
    struct export export;
    uint64_t datagrams;
};

/* The source address of a message (ip(7)). */
struct source {
    _Alignas(struct cmsghdr) char octets[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

struct sender {
    const struct settings *s;
    int fd;
    struct ready *ready;
    size_t nready;
    struct exporter *exporter;
    uint64_t next; /* number of the next datagram with flows */
    uint64_t flows, datagrams;
    struct mmsghdr message[BATCH];
    struct iovec part[BATCH];
    struct source source[BATCH];
    struct generated templates[BATCH];
    unsigned n; /* of message */
};

static int64_t wall_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t monotonic_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- before -------------------------------------------------------------------------------- */

static void next_flow(void *arg, uint64_t n, struct flow *f) {
    const struct settings *s = arg;
    flow_make(f, n, true, s->kind);
    flow_times_line(f, n, s->kind, wall_ms());
}

static bool prepare(struct sender *x, struct settings *s, int64_t boot) {
    const struct flow_feed feed = {next_flow, s};
    struct export e = {.protocol = s->protocol, .boot = boot, .fields = flow_fields_of(s->kind)};
    size_t room = 0;
    for (uint64_t n = 0; n < s->prepared;) {
        if (x->nready == room) {
            room = room ? 2 * room : 1024;
            struct ready *grown = realloc(x->ready, room * sizeof *grown);
            if (!grown)
                return false;
            x->ready = grown;
        }
        struct generated d = {.n = 0};
        e.now = wall_ms();
        const unsigned flows = datagram_fill(&d, &e, false, n, UINT64_MAX, &feed);
        struct ready *r = &x->ready[x->nready++];
        *r = (struct ready){malloc(d.n), (uint32_t)d.n, flows, e.now};
        if (!r->b)
            return false;
        memcpy(r->b, d.b, d.n);
        n += flows;
    }
    return true;
}

static bool open_exporters(struct sender *x, int64_t boot) {
    x->exporter = calloc(x->s->exporters, sizeof *x->exporter);
    for (unsigned i = 0; x->exporter && i < x->s->exporters; i++)
        x->exporter[i].export = (struct export){.protocol = x->s->protocol,
                                                .boot = boot,
                                                .agent = INADDR_LOOPBACK + i,
                                                .fields = flow_fields_of(x->s->kind)};
    return x->exporter != NULL;
}

/* ---- sending ------------------------------------------------------------------------------- */

static void add(struct sender *x, struct exporter *e, uint8_t *b, size_t n) {
    const unsigned i = x->n++;
    const struct in_pktinfo from = {.ipi_spec_dst.s_addr = htonl(e->export.agent)};
    x->part[i] = (struct iovec){b, n};
    struct msghdr *m = &x->message[i].msg_hdr;
    *m = (struct msghdr){
        .msg_iov = &x->part[i],
        .msg_iovlen = 1,
        .msg_control = &x->source[i],
        .msg_controllen = sizeof x->source[i],
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof from);
    memcpy(CMSG_DATA(c), &from, sizeof from);
}

static bool send_batch(struct sender *x) {
    unsigned done = 0;
    while (done < x->n) {
        const int n = sendmmsg(x->fd, x->message + done, x->n - done, 0);
        if (n > 0)
            done += (unsigned)n;
        else if (errno != ECONNREFUSED && errno != EINTR && errno != ENOBUFS)
            return false;
    }
    x->datagrams += x->n;
    x->n = 0;
    return true;
}

/* Send the next datagrams, one batch at most. */
static bool send_some(struct sender *x) {
    const int64_t now = wall_ms();
    const bool templated = x->s->protocol == NETFLOW9 || x->s->protocol == IPFIX;
    while (x->n + 2 <= BATCH && x->flows < x->s->flows) {
        struct exporter *e = &x->exporter[x->next % x->s->exporters];
        struct ready *r = &x->ready[x->next++ % x->nready];
        e->export.now = now;
        if (templated && e->datagrams++ % TEMPLATE_EVERY == 0) {
            struct generated *d = &x->templates[x->n];
            d->n = 0;
            datagram_templates(d, &e->export);
            add(x, e, d->b, d->n);
        }
        datagram_renew(r->b, r->n, r->flows, &e->export, now - r->stamp);
        r->stamp = now;
        add(x, e, r->b, r->n);
        x->flows += r->flows;
        if (x->nready < BATCH && x->next % x->nready == 0) /* none of them twice in a batch */
            break;
    }
    return send_batch(x);
}

static int run(struct sender *x) {
    const int64_t start = monotonic_ns();
    int64_t begin = start;
    while (x->flows < x->s->flows) {
        if (x->s->rate > 0) {
            const int64_t due = begin + (int64_t)((double)x->flows / x->s->rate * 1e9);
            const int64_t now = monotonic_ns();
            if (now - due > BEHIND)
                begin += now - due;
            else if (due > now)
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
                                &(struct timespec){due / 1000000000, due % 1000000000}, NULL);
        }
        if (!send_some(x)) {
            fprintf(stderr, "flowblast: send: %s\n", strerror(errno));
            return 1;
        }
    }
    printf("%llu %llu %.3f\n", (unsigned long long)x->flows, (unsigned long long)x->datagrams,
           (double)(monotonic_ns() - start) / 1e9);
    return 0;
}

/* ---- options ------------------------------------------------------------------------------- */

static bool parse(int argc, char **argv, struct settings *s) {
    static const struct option option[] = {
        {"version", 1, NULL, 'v'},   {"rate", 1, NULL, 'r'},     {"flows", 1, NULL, 'f'},
        {"exporters", 1, NULL, 'e'}, {"prepared", 1, NULL, 'p'}, {"kind", 1, NULL, 'k'},
        {NULL, 0, NULL, 0},
    };
    *s = (struct settings){
        .protocol = IPFIX, .flows = 1000000, .prepared = 500000, .rate = 100000, .exporters = 1};
    int c;
    while ((c = getopt_long(argc, argv, "", option, NULL)) != -1) {
        switch (c) {
        case 'v':
            s->protocol = protocol_of(optarg);
            break;
        case 'r':
            s->rate = atof(optarg);
            break;
        case 'f':
            s->flows = strtoull(optarg, NULL, 10);
            break;
        case 'e':
            s->exporters = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'p':
            s->prepared = strtoull(optarg, NULL, 10);
            break;
        case 'k':
            s->kind = flow_kind_of(optarg);
            break;
        default:
            return false;
        }
    }
    if (s->protocol == NETFLOW5 && s->kind == CAMPUS)
        s->kind = V4;
    if (argc - optind != 2)
        return false;
    s->to = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)atoi(argv[optind + 1]))};
    return s->protocol != 0 && s->kind != NKINDS && s->exporters >= 1 &&
           s->exporters <= MAX_EXPORTERS && s->prepared >= 1 &&
           !(s->protocol == NETFLOW5 && s->kind != V4) &&
           inet_pton(AF_INET, argv[optind], &s->to.sin_addr) == 1;
}

int main(int argc, char **argv) {
    static struct sender x;
    struct settings s;
    if (!parse(argc, argv, &s)) {
        fputs("usage: flowblast [--version 5|9|10|sflow] [--rate N] [--flows N] [--exporters N] "
              "[--prepared N] [--kind KIND (v5: v4)] IPV4-ADDRESS PORT\n",
              stderr);
        return 2;
    }
    const int64_t boot = wall_ms() - 3600000;
    x.s = &s;
    x.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (x.fd < 0 || connect(x.fd, (const struct sockaddr *)&s.to, sizeof s.to) != 0 ||
        !prepare(&x, &s, boot) || !open_exporters(&x, boot)) {
        fprintf(stderr, "flowblast: %s\n", strerror(errno));
        return 1;
    }
    prctl(PR_SET_TIMERSLACK, 1000); /* ns: sleeps end when they should */
    return run(&x);
}
