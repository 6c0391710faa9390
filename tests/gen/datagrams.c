/* SPDX-License-Identifier: MIT */
#include "datagrams.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

enum { ROOM = 1400, V5_HEADER = 24, V5_RECORD = 48, V5_RECORDS = 29 };
enum { V9_HEADER = 20, IPFIX_HEADER = 16, TEMPLATE4 = 256, TEMPLATE6 = 257 };
enum { SFLOW_HEADER = 28, SFLOW_SAMPLES = 6, SAMPLED = 128, SAMPLING = 1000 };

enum protocol protocol_of(const char *name) {
    static const struct {
        const char *name;
        enum protocol protocol;
    } names[] = {{"5", NETFLOW5}, {"9", NETFLOW9}, {"10", IPFIX}, {"sflow", SFLOW}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].protocol;
    return 0;
}

void add_int(struct generated *d, uint64_t value, int octets) {
    for (int i = octets - 1; i >= 0; i--)
        d->b[d->n++] = (uint8_t)(value >> (8 * i));
}

void add_octets(struct generated *d, const uint8_t *p, size_t n) {
    memcpy(d->b + d->n, p, n);
    d->n += n;
}

void set16(struct generated *d, size_t at, size_t value) {
    d->b[at] = (uint8_t)(value >> 8);
    d->b[at + 1] = (uint8_t)value;
}

/* ---- records ------------------------------------------------------------------------------- */

static void v5_record(struct generated *d, const struct flow *f, int64_t boot) {
    add_octets(d, f->src, 4);
    add_octets(d, f->dst, 4);
    add_octets(d, f->next, 4);
    add_int(d, f->inif, 2);
    add_int(d, f->outif, 2);
    add_int(d, f->packets, 4);
    add_int(d, f->bytes, 4);
    add_int(d, (uint64_t)(f->first - boot), 4);
    add_int(d, (uint64_t)(f->last - boot), 4);
    add_int(d, f->srcport, 2);
    add_int(d, f->dstport, 2);
    add_int(d, 0, 1);
    add_int(d, f->flags, 1);
    add_int(d, f->proto, 1);
    add_int(d, f->tos, 1);
    add_int(d, f->srcas, 2);
    add_int(d, f->dstas, 2);
    add_int(d, f->srcmask, 1);
    add_int(d, f->dstmask, 1);
    add_int(d, 0, 2);
}

/* Element and length, IPv4 and IPv6; the times are 22 and 21 in v9, 152 and 153 in IPFIX. */
static const uint16_t elements[][4] = {
    {8, 4, 27, 16}, {12, 4, 28, 16}, {15, 4, 62, 16}, {7, 2, 7, 2},   {11, 2, 11, 2}, {4, 1, 4, 1},
    {6, 1, 6, 1},   {5, 1, 5, 1},    {9, 1, 29, 1},   {13, 1, 30, 1}, {2, 4, 2, 4},   {1, 4, 1, 4},
    {10, 4, 10, 4}, {14, 4, 14, 4},  {16, 4, 16, 4},  {17, 4, 17, 4},
};
enum { NELEMENTS = sizeof elements / sizeof *elements };

static void template_record(struct generated *d, int version, int family) {
    const int at = family == 4 ? 0 : 2;
    add_int(d, family == 4 ? TEMPLATE4 : TEMPLATE6, 2);
    add_int(d, NELEMENTS + 2, 2);
    for (size_t i = 0; i < NELEMENTS; i++) {
        add_int(d, elements[i][at], 2);
        add_int(d, elements[i][at + 1], 2);
    }
    add_int(d, version == 9 ? 22 : 152, 2);
    add_int(d, version == 9 ? 4 : 8, 2);
    add_int(d, version == 9 ? 21 : 153, 2);
    add_int(d, version == 9 ? 4 : 8, 2);
}

static void data_record(struct generated *d, int version, const struct flow *f, int64_t boot) {
    const size_t octets = f->family == 4 ? 4 : 16;
    add_octets(d, f->src, octets);
    add_octets(d, f->dst, octets);
    add_octets(d, f->next, octets);
    add_int(d, f->srcport, 2);
    add_int(d, f->dstport, 2);
    add_int(d, f->proto, 1);
    add_int(d, f->flags, 1);
    add_int(d, f->tos, 1);
    add_int(d, f->srcmask, 1);
    add_int(d, f->dstmask, 1);
    add_int(d, f->packets, 4);
    add_int(d, f->bytes, 4);
    add_int(d, f->inif, 4);
    add_int(d, f->outif, 4);
    add_int(d, f->srcas, 4);
    add_int(d, f->dstas, 4);
    add_int(d, (uint64_t)(f->first - (version == 9 ? boot : 0)), version == 9 ? 4 : 8);
    add_int(d, (uint64_t)(f->last - (version == 9 ? boot : 0)), version == 9 ? 4 : 8);
}
/* ---- sFlow --------------------------------------------------------------------------------- */

/* The first octets of a packet of the flow: Ethernet, IP, and the begin of TCP or UDP. */
static void packet(struct generated *d, const struct flow *f, unsigned length) {
    const size_t at = d->n;
    add_int(d, 0x020000000001, 6);
    add_int(d, 0x020000000002, 6);
    if (f->family == 4) {
        add_int(d, 0x08004500 | f->tos, 4);
        add_int(d, length - 18, 2);
        add_int(d, 0, 4); /* identification, fragment */
        add_int(d, 0x4000 | f->proto, 2);
        add_int(d, 0, 2); /* checksum */
        add_octets(d, f->src, 4);
        add_octets(d, f->dst, 4);
    } else {
        add_int(d, 0x86dd, 2);
        add_int(d, 0x60000000 | (uint32_t)f->tos << 20, 4);
        add_int(d, length - 58, 2);
        add_int(d, f->proto, 1);
        add_int(d, 64, 1);
        add_octets(d, f->src, 16);
        add_octets(d, f->dst, 16);
    }
    add_int(d, f->srcport, 2);
    add_int(d, f->dstport, 2);
    if (f->proto == 6) {
        add_int(d, 0, 8);
        add_int(d, 0x5000 | f->flags, 2);
    }
    memset(d->b + d->n, 0, at + SAMPLED - d->n);
    d->n = at + SAMPLED;
}

/* A flow sample with the packet's header and what the switch knows of it. */
static void sample(struct generated *d, const struct flow *f, const struct export *e) {
    unsigned length = f->bytes / f->packets + 18;
    length = length < 90 ? 90 : length > 1518 ? 1518 : length;
    add_int(d, 1, 4);
    add_int(d, 32 + 24 + SAMPLED + 24, 4);
    add_int(d, e->samples, 4);
    add_int(d, 1, 4); /* source: interface 1 */
    add_int(d, SAMPLING, 4);
    add_int(d, e->samples * (uint32_t)SAMPLING, 4); /* pool */
    add_int(d, 0, 4);
    add_int(d, f->inif, 4);
    add_int(d, f->outif, 4);
    add_int(d, 2, 4);
    add_int(d, 1, 4); /* raw packet header */
    add_int(d, 16 + SAMPLED, 4);
    add_int(d, 1, 4);
    add_int(d, length, 4);
    add_int(d, 4, 4); /* the frame check sequence was taken off */
    add_int(d, SAMPLED, 4);
    packet(d, f, length);
    add_int(d, 1001, 4); /* extended switch */
    add_int(d, 16, 4);
    add_int(d, 1, 4);
    add_int(d, 0, 4);
    add_int(d, 1, 4);
    add_int(d, 0, 4);
}
enum { SAMPLE_OCTETS = 8 + 32 + 24 + SAMPLED + 24 };

/* ---- datagrams ----------------------------------------------------------------------------- */

/* The header but for what says how much there is. */
static void stamp(struct generated *d, const struct export *e) {
    const uint64_t up = (uint64_t)(e->now - e->boot), seconds = (uint64_t)(e->now / 1000);
    if (e->protocol == SFLOW) {
        add_int(d, 5, 4);
        add_int(d, 1, 4); /* an IPv4 address follows */
        add_int(d, e->agent, 4);
        add_int(d, 0, 4);
        add_int(d, e->sequence, 4);
        add_int(d, up, 4);
        return;
    }
    add_int(d, (uint64_t)e->protocol, 2);
    d->n += 2;
    if (e->protocol != IPFIX)
        add_int(d, up, 4);
    add_int(d, seconds, 4);
    if (e->protocol == NETFLOW5)
        add_int(d, (uint64_t)(e->now % 1000) * 1000000, 4);
    add_int(d, e->sequence, 4);
    add_int(d, e->protocol == NETFLOW5 ? 0 : 1, 4);
}

/* The exporter has sent a datagram with so many flows. */
static void count(struct export *e, unsigned flows) {
    e->sequence += e->protocol == NETFLOW9 || e->protocol == SFLOW ? 1 : flows;
    e->samples += e->protocol == SFLOW ? flows : 0;
}

static unsigned fill_v5(struct generated *d, struct export *e, uint64_t n, uint64_t limit,
                        const struct flow_feed *feed) {
    unsigned records = 0;
    struct flow f;
    for (; records < V5_RECORDS && records < limit; records++) {
        feed->next(feed->arg, n + records, &f);
        v5_record(d, &f, e->boot);
    }
    set16(d, 2, records);
    return records;
}

static unsigned fill_sflow(struct generated *d, struct export *e, uint64_t n, uint64_t limit,
                           const struct flow_feed *feed) {
    unsigned samples = (unsigned)(limit < SFLOW_SAMPLES ? limit : SFLOW_SAMPLES);
    const struct export first = *e;
    add_int(d, samples, 4);
    for (unsigned i = 0; i < samples; i++) {
        struct export now = first;
        struct flow f;
        now.samples += i;
        feed->next(feed->arg, n + i, &f);
        sample(d, &f, &now);
    }
    return samples;
}

static void template_set(struct generated *d, const struct export *e) {
    const size_t set = d->n;
    add_int(d, e->protocol == NETFLOW9 ? 0 : 2, 2);
    add_int(d, 0, 2);
    template_record(d, e->protocol, 4);
    template_record(d, e->protocol, 6);
    set16(d, set + 2, d->n - set);
}

static unsigned fill_templated(struct generated *d, struct export *e, bool templates, uint64_t n,
                               uint64_t limit, const struct flow_feed *feed) {
    unsigned records = 0;
    struct flow f;
    if (templates)
        template_set(d, e);
    int family = 0;
    size_t set = 0;
    for (; records < limit && d->n < ROOM - 100; records++) {
        feed->next(feed->arg, n + records, &f);
        if (f.family != family) { /* the next set */
            if (family)
                set16(d, set + 2, d->n - set);
            family = f.family;
            set = d->n;
            add_int(d, family == 4 ? TEMPLATE4 : TEMPLATE6, 2);
            add_int(d, 0, 2);
        }
        data_record(d, e->protocol, &f, e->boot);
    }
    if (set)
        set16(d, set + 2, d->n - set);
    set16(d, 2, e->protocol == NETFLOW9 ? records + (templates ? 2 : 0) : d->n);
    return records;
}

unsigned datagram_fill(struct generated *d, struct export *e, bool templates, uint64_t n,
                       uint64_t limit, const struct flow_feed *feed) {
    stamp(d, e);
    const unsigned flows = e->protocol == NETFLOW5 ? fill_v5(d, e, n, limit, feed)
                           : e->protocol == SFLOW  ? fill_sflow(d, e, n, limit, feed)
                                                  : fill_templated(d, e, templates, n, limit, feed);
    count(e, flows);
    return flows;
}

void datagram_templates(struct generated *d, struct export *e) {
    stamp(d, e);
    fill_templated(d, e, true, 0, 0, NULL);
    count(e, 0);
}

/* ---- sending again ------------------------------------------------------------------------- */

static void add32(uint8_t *p, int64_t by) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    v = htonl(ntohl(v) + (uint32_t)by);
    memcpy(p, &v, sizeof v);
}

static void add64(uint8_t *p, int64_t by) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    v = htobe64(be64toh(v) + (uint64_t)by);
    memcpy(p, &v, sizeof v);
}

static void set32(uint8_t *p, uint32_t v) {
    v = htonl(v);
    memcpy(p, &v, sizeof v);
}

/* The times are the last two fields of each record. */
static void move_sets(uint8_t *b, size_t n, enum protocol protocol, int64_t by) {
    const size_t times = protocol == NETFLOW9 ? 8 : 16;
    for (size_t at = protocol == NETFLOW9 ? V9_HEADER : IPFIX_HEADER; at < n;) {
        const unsigned id = (unsigned)b[at] << 8 | b[at + 1];
        const size_t end = at + ((size_t)b[at + 2] << 8 | b[at + 3]);
        const size_t record = 33 + 3 * (id == TEMPLATE4 ? 4u : 16u) + times;
        for (size_t r = at + 4; r + record <= end; r += record) {
            uint8_t *first = b + r + record - times;
            if (protocol == NETFLOW9) {
                add32(first, by);
                add32(first + 4, by);
            } else {
                add64(first, by);
                add64(first + 8, by);
            }
        }
        at = end;
    }
}

void datagram_renew(uint8_t *b, size_t n, unsigned flows, struct export *e, int64_t by) {
    struct generated head = {.n = 0};
    stamp(&head, e);
    const bool counted =
        e->protocol != SFLOW; /* how much there is, in the third and fourth octet */
    if (counted) {
        head.b[2] = b[2];
        head.b[3] = b[3];
    }
    memcpy(b, head.b, head.n);
    switch (e->protocol) {
    case NETFLOW5:
        for (size_t r = V5_HEADER; r < n; r += V5_RECORD) {
            add32(b + r + 24, by);
            add32(b + r + 28, by);
        }
        break;
    case SFLOW:
        for (unsigned i = 0; i < flows; i++) {
            uint8_t *s = b + SFLOW_HEADER + i * SAMPLE_OCTETS;
            set32(s + 8, e->samples + i);
            set32(s + 20, (e->samples + i) * (uint32_t)SAMPLING);
        }
        break;
    default:
        move_sets(b, n, e->protocol, by);
    }
    count(e, flows);
}
