/* SPDX-License-Identifier: MIT */
#include "datagrams.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stddef.h>
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

/* An element, for IPv4 and IPv6: its id, its octets on the wire, and where struct flow has it. size is that
** of a number; 0: octets. The times follow them. */
struct element {
    uint16_t id[2];
    uint8_t octets[2], size;
    uint16_t at;
    unsigned fields; /* bits: 1 << enum flow_fields */
};
#define OCTETS(member, id4, id6, fields) \
    { {id4, id6}, {4, 16}, 0, offsetof(struct flow, member), fields }
#define NUMBER(member, id4, id6, n, fields)                                                     \
    {                                                                                           \
        {id4, id6}, {n, n}, sizeof((struct flow *)NULL)->member, offsetof(struct flow, member), \
            fields                                                                              \
    }
enum { ALL = 7, ROUTER = 1 << ROUTED | 1 << TRANSLATED, NAT = 1 << TRANSLATED };
static const struct element elements[] = {
    OCTETS(src, 8, 27, ALL),
    OCTETS(dst, 12, 28, ALL),
    OCTETS(next, 15, 62, ROUTER),
    NUMBER(srcport, 7, 7, 2, ALL),
    NUMBER(dstport, 11, 11, 2, ALL),
    NUMBER(proto, 4, 4, 1, ALL),
    NUMBER(flags, 6, 6, 1, ALL),
    NUMBER(tos, 5, 5, 1, ALL),
    NUMBER(srcmask, 9, 29, 1, ROUTER),
    NUMBER(dstmask, 13, 30, 1, ROUTER),
    NUMBER(packets, 2, 2, 4, ALL),
    NUMBER(bytes, 1, 1, 4, ALL),
    NUMBER(inif, 10, 10, 4, ROUTER),
    NUMBER(outif, 14, 14, 4, ROUTER),
    NUMBER(srcas, 16, 16, 4, ROUTER),
    NUMBER(dstas, 17, 17, 4, ROUTER),
    OCTETS(natsrc, 225, 281, NAT),
    OCTETS(natdst, 226, 282, NAT),
    NUMBER(natsrcport, 227, 227, 2, NAT),
    NUMBER(natdstport, 228, 228, 2, NAT),
    NUMBER(srcvlan, 58, 58, 2, NAT),
    NUMBER(dstvlan, 59, 59, 2, NAT),
    NUMBER(sampling, 34, 34, 4, NAT),
};
enum { NELEMENTS = sizeof elements / sizeof *elements };

static bool has(const struct export *e, size_t i) {
    return elements[i].fields >> e->fields & 1;
}

/* Octets of a record before its times. */
static size_t record_octets(const struct export *e, bool v6) {
    size_t n = 0;
    for (size_t i = 0; i < NELEMENTS; i++)
        n += has(e, i) ? elements[i].octets[v6] : 0;
    return n;
}

/* Times are 22 and 21 in v9, 152 and 153 in IPFIX. */
static void template_record(struct generated *d, const struct export *e, bool v6) {
    const bool v9 = e->protocol == NETFLOW9;
    add_int(d, v6 ? TEMPLATE6 : TEMPLATE4, 2);
    const size_t count = d->n;
    add_int(d, 0, 2);
    for (size_t i = 0; i < NELEMENTS; i++)
        if (has(e, i)) {
            add_int(d, elements[i].id[v6], 2);
            add_int(d, elements[i].octets[v6], 2);
        }
    add_int(d, v9 ? 22 : 152, 2);
    add_int(d, v9 ? 4 : 8, 2);
    add_int(d, v9 ? 21 : 153, 2);
    add_int(d, v9 ? 4 : 8, 2);
    set16(d, count, (d->n - count - 2) / 4);
}

static uint64_t number(const struct flow *f, const struct element *element) {
    const uint8_t *at = (const uint8_t *)f + element->at;
    uint16_t two;
    uint32_t four;
    switch (element->size) {
    case 1:
        return *at;
    case 2:
        memcpy(&two, at, sizeof two);
        return two;
    default:
        memcpy(&four, at, sizeof four);
        return four;
    }
}

static void data_record(struct generated *d, const struct export *e, const struct flow *f) {
    const bool v6 = f->family != 4, v9 = e->protocol == NETFLOW9;
    for (size_t i = 0; i < NELEMENTS; i++) {
        const struct element *element = &elements[i];
        if (!has(e, i))
            continue;
        if (element->size)
            add_int(d, number(f, element), element->octets[v6]);
        else
            add_octets(d, (const uint8_t *)f + element->at, element->octets[v6]);
    }
    add_int(d, (uint64_t)(f->first - (v9 ? e->boot : 0)), v9 ? 4 : 8);
    add_int(d, (uint64_t)(f->last - (v9 ? e->boot : 0)), v9 ? 4 : 8);
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
    template_record(d, e, false);
    template_record(d, e, true);
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
        data_record(d, e, &f);
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
static void move_sets(uint8_t *b, size_t n, const struct export *e, int64_t by) {
    const size_t times = e->protocol == NETFLOW9 ? 8 : 16;
    for (size_t at = e->protocol == NETFLOW9 ? V9_HEADER : IPFIX_HEADER; at < n;) {
        const unsigned id = (unsigned)b[at] << 8 | b[at + 1];
        const size_t end = at + ((size_t)b[at + 2] << 8 | b[at + 3]);
        const size_t record = record_octets(e, id == TEMPLATE6) + times;
        for (size_t r = at + 4; r + record <= end; r += record) {
            uint8_t *first = b + r + record - times;
            if (e->protocol == NETFLOW9) {
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
        move_sets(b, n, e, by);
    }
    count(e, flows);
}
