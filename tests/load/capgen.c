// SPDX-License-Identifier: MIT
/*
** capgen: writes a capture as from a campus line, for benchmarks of the probe and for tests of it that
** must know what is in a capture.
**
**   capgen [options] FILE         FILE: - for standard output
**     --packets N     (default 1000000)
**     --flows N       flows at a time, two to a conversation (default 200000)
**     --snap N        octets kept of each packet (default 65535: all)
**     --rate N        packets a second of the capture's own time (default 200000)
**     --kind KIND     who talks to whom, as flowgen's (campus)
**     --seed N        another line (default 1)
**     --flood         each packet is a SYN of a flow of its own
**
** A conversation is picked for a train of packets, some far more often than others; its first and last packets
** are those of TCP. It ends after a number of packets that is small for most and very large for a few, and
** another one takes its place. Checksums are zero, as captured where the network card makes them.
**
** Prints packets, octets of IP, and conversations.
*/
#include "tests/gen/flows.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ETHERNET = 14, IP4 = 20, IP6 = 40, TCP = 20, UDP = 8, MTU = 1500, BUFFER = 1 << 20 };
enum { FIN = 0x01, SYN = 0x02, PUSH = 0x08, ACK = 0x10 };
static const int64_t BEGIN = INT64_C(1700000000000000); /* us since 1970 */

struct settings {
    uint64_t packets, flows, seed;
    uint32_t snap;
    double rate;
    enum flow_kind kind;
    bool flood;
    const char *path;
};

struct talk {
    uint64_t number;       /* of flow_make() */
    uint32_t sent, length; /* packets */
    uint32_t at[2];        /* TCP's next sequence numbers, there and back */
};

struct capture {
    FILE *file;
    struct settings set;
    uint64_t state; /* of chance() */
    struct talk *talks;
    uint64_t next, packets, octets;
    uint8_t frame[ETHERNET + MTU];
};

/* xorshift64* */
static uint64_t chance(struct capture *c) {
    c->state ^= c->state >> 12;
    c->state ^= c->state << 25;
    c->state ^= c->state >> 27;
    return c->state * UINT64_C(2685821657736338717);
}

/* From 0 on, less than 1. */
static double part(struct capture *c) {
    return (double)(chance(c) >> 11) * 0x1p-53;
}

static uint8_t *put16(uint8_t *p, unsigned v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
    return p + 2;
}

static void put_host32(FILE *f, uint32_t v) {
    fwrite(&v, sizeof v, 1, f);
}

/* pcap, microseconds, in this machine's byte order. */
static void put_file_header(const struct capture *c) {
    static const uint16_t version[2] = {2, 4};
    put_host32(c->file, 0xa1b2c3d4);
    fwrite(version, sizeof version, 1, c->file);
    put_host32(c->file, 0);
    put_host32(c->file, 0);
    put_host32(c->file, c->set.snap);
    put_host32(c->file, 1); /* Ethernet */
}

static uint8_t *put_ip(uint8_t *p, const struct flow *f, bool reply, unsigned payload) {
    const uint8_t *src = reply ? f->dst : f->src, *dst = reply ? f->src : f->dst;
    if (f->family == 4) {
        memset(p, 0, IP4);
        p[0] = 0x45;
        p[1] = f->tos;
        put16(p + 2, IP4 + payload);
        put16(p + 6, 0x4000);
        p[8] = 57;
        p[9] = f->proto;
        memcpy(p + 12, src, 4);
        memcpy(p + 16, dst, 4);
        return p + IP4;
    }
    memset(p, 0, IP6);
    p[0] = (uint8_t)(0x60 | f->tos >> 4);
    p[1] = (uint8_t)(f->tos << 4);
    put16(p + 4, payload);
    p[6] = f->proto;
    p[7] = 57;
    memcpy(p + 8, src, 16);
    memcpy(p + 24, dst, 16);
    return p + IP6;
}

static void put_transport(uint8_t *p, const struct flow *f, bool reply, unsigned payload,
                          unsigned flags) {
    memset(p, 0, TCP);
    if (f->proto != 6 && f->proto != 17) {
        p[0] = f->proto == 1 ? 8 : 128; /* an echo, there and back */
        return;
    }
    put16(put16(p, reply ? f->dstport : f->srcport), reply ? f->srcport : f->dstport);
    if (f->proto == 17) {
        put16(p + 4, payload);
        return;
    }
    p[12] = TCP / 4 << 4;
    p[13] = (uint8_t)flags;
    put16(p + 14, 65535);
}

static uint8_t *put32(uint8_t *p, uint32_t v) {
    return put16(put16(p, v >> 16), v & 0xffff);
}

/* In order, and everything arrives. octets: of the segment. */
static void put_sequence(uint8_t *tcp, struct talk *t, bool reply, unsigned octets,
                         unsigned flags) {
    put32(put32(tcp + 4, t->at[reply]), flags & ACK ? t->at[!reply] : 0);
    t->at[reply] += octets + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
}

/* payload: octets behind the IP header. */
static void put_packet(struct capture *c, const struct flow *f, struct talk *t, bool reply,
                       unsigned payload, unsigned flags) {
    static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    memcpy(c->frame, macs[!reply], 6);
    memcpy(c->frame + 6, macs[reply], 6);
    put16(c->frame + 12, f->family == 4 ? 0x0800 : 0x86dd);
    uint8_t *p = put_ip(c->frame + ETHERNET, f, reply, payload);
    put_transport(p, f, reply, payload, flags);
    if (f->proto == 6)
        put_sequence(p, t, reply, payload - TCP, flags);
    uint32_t wire = (uint32_t)(p - c->frame) + payload;
    uint32_t kept = wire < c->set.snap ? wire : c->set.snap;
    int64_t us = BEGIN + (int64_t)((double)c->packets / c->set.rate * 1e6);
    put_host32(c->file, (uint32_t)(us / 1000000));
    put_host32(c->file, (uint32_t)(us % 1000000));
    put_host32(c->file, kept);
    put_host32(c->file, wire);
    fwrite(c->frame, kept, 1, c->file);
    c->packets++;
    c->octets += wire - ETHERNET;
}

static void begin_talk(struct capture *c, struct talk *t) {
    double length = c->set.flood ? 1 : 4 * pow(1 - part(c), -1 / 1.1);
    *t = (struct talk){.number = c->next++,
                       .length = length < 1e6 ? (uint32_t)length : 1000000,
                       .at = {(uint32_t)chance(c), (uint32_t)chance(c)}};
}

/* Octets behind the IP header: most are either full or empty. */
static unsigned payload_of(struct capture *c, const struct flow *f, bool reply, bool bare) {
    unsigned header = f->proto == 6 ? TCP : UDP, most = MTU - (f->family == 4 ? IP4 : IP6);
    double x = part(c);
    if (bare || (f->proto == 6 && x < (reply ? 0.25 : 0.6)))
        return header;
    if (x > 0.35)
        return f->proto == 6 ? most : header + (unsigned)(x * 900);
    return header + (unsigned)(chance(c) % (most - header));
}

static void next_packet(struct capture *c, struct talk *t) {
    struct flow f;
    flow_make(&f, c->set.seed << 40 | t->number, true, c->set.kind);
    bool first = t->sent < 2, last = t->sent + 2 >= t->length;
    bool reply = first || last ? t->sent % 2 : part(c) < 0.6;
    unsigned flags = c->set.flood    ? SYN
                     : t->sent == 0  ? SYN
                     : t->sent == 1  ? SYN | ACK
                     : last          ? FIN | ACK
                     : part(c) < 0.2 ? PUSH | ACK
                                     : ACK;
    put_packet(c, &f, t, reply, payload_of(c, &f, reply, first || last), flags);
    if (++t->sent >= t->length)
        begin_talk(c, t);
}

static void generate(struct capture *c) {
    uint64_t n = c->set.flood ? 1 : (c->set.flows + 1) / 2;
    c->talks = calloc(n, sizeof *c->talks);
    if (!c->talks) {
        fputs("capgen: out of memory\n", stderr);
        exit(1);
    }
    for (uint64_t i = 0; i < n; i++)
        begin_talk(c, &c->talks[i]);
    while (c->packets < c->set.packets) {
        double x = part(c);
        struct talk *t = &c->talks[(uint64_t)((double)n * x * x * x)];
        for (uint64_t train = 1 + chance(c) % 4; train > 0 && c->packets < c->set.packets; train--)
            next_packet(c, t);
    }
    free(c->talks);
}

static void usage(void) {
    fputs("usage: capgen [--packets N] [--flows N] [--snap N] [--rate N] [--kind KIND] [--seed N] "
          "[--flood] FILE\n",
          stderr);
    exit(2);
}

static void parse(int argc, char **argv, struct settings *s) {
    static const struct option options[] = {
        {"packets", required_argument, NULL, 'p'}, {"flows", required_argument, NULL, 'f'},
        {"snap", required_argument, NULL, 's'},    {"rate", required_argument, NULL, 'r'},
        {"kind", required_argument, NULL, 'k'},    {"seed", required_argument, NULL, 'e'},
        {"flood", no_argument, NULL, 'F'},         {NULL, 0, NULL, 0}};
    *s = (struct settings){
        .packets = 1000000, .flows = 200000, .seed = 1, .snap = 65535, .rate = 200000};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'p':
            s->packets = strtoull(optarg, NULL, 10);
            break;
        case 'f':
            s->flows = strtoull(optarg, NULL, 10);
            break;
        case 's':
            s->snap = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'r':
            s->rate = strtod(optarg, NULL);
            break;
        case 'k':
            s->kind = flow_kind_of(optarg);
            break;
        case 'e':
            s->seed = strtoull(optarg, NULL, 10);
            break;
        case 'F':
            s->flood = true;
            break;
        default:
            usage();
        }
    }
    if (optind + 1 != argc || s->flows == 0 || s->snap == 0 || !(s->rate > 0) ||
        s->kind == NKINDS || s->seed == 0)
        usage();
    s->path = argv[optind];
}

int main(int argc, char **argv) {
    static struct capture c;
    parse(argc, argv, &c.set);
    c.state = c.set.seed * UINT64_C(0x9e3779b97f4a7c15);
    c.file = strcmp(c.set.path, "-") == 0 ? stdout : fopen(c.set.path, "wb");
    if (!c.file) {
        perror(c.set.path);
        return 1;
    }
    setvbuf(c.file, NULL, _IOFBF, BUFFER);
    put_file_header(&c);
    generate(&c);
    if (fflush(c.file) != 0 || ferror(c.file)) {
        perror(c.set.path);
        return 1;
    }
    fprintf(c.file == stdout ? stderr : stdout, "%llu %llu %llu\n", (unsigned long long)c.packets,
            (unsigned long long)c.octets, (unsigned long long)c.next);
    return 0;
}
