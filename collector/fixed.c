/* SPDX-License-Identifier: MIT */
/*
** NetFlow versions 1, 5, 6, 7 and 8: a header, and records with all fields at fixed places.
**
** Their records are decoded by a plan like any template's: the tables below are these templates,
** and a layout adds where its header has what. All headers begin alike:
**
**   0 version  2 count  4 SysUptime ms  8 unix_secs  12 unix_nsecs
**
** Version 1 ends there. Then: 16 flow_sequence  20 engine_type  21 engine_id; version 5 has
** 22 sampling (2 bits mode, 14 bits interval), version 8 has 22 aggregation  23 its version.
**
** Version 8 sends totals of flows, by one of 14 aggregation schemes; each scheme is a stream with a
** sequence of its own. One router may send several, which then count the same packets once each, so
** that rows say which it was: odid is scheme * 65536 + engine_type * 256 + engine_id.
*/
#include "decode.h"

#include <stdlib.h>

enum { MAX_GAP = 1 << 24, SEQUENCE = 16, ENGINE = 20, SAMPLING = 22, SCHEME = 22 };

/* Elements by their names in Cisco's tables, with their octets. */
/* clang-format off */
#define SRCADDR {0, 8, 4}
#define DSTADDR {0, 12, 4}
#define NEXTHOP {0, 15, 4}
#define INPUT {0, 10, 2}
#define OUTPUT {0, 14, 2}
#define FLOWS {0, 3, 4}
#define PACKETS {0, 2, 4}
#define OCTETS {0, 1, 4}
#define FIRST {0, 22, 4}
#define LAST {0, 21, 4}
#define SRCPORT {0, 7, 2}
#define DSTPORT {0, 11, 2}
#define TCP_FLAGS {0, 6, 1}
#define PROT {0, 4, 1}
#define TOS {0, 5, 1}
#define SRC_AS {0, 16, 2}
#define DST_AS {0, 17, 2}
#define SRC_MASK {0, 9, 1}
#define DST_MASK {0, 13, 1}
#define PAD(octets) {0, 210, octets}
/* clang-format on */

/* What versions 1 to 7 begin with. */
#define ONE_FLOW \
    SRCADDR, DSTADDR, NEXTHOP, INPUT, OUTPUT, PACKETS, OCTETS, FIRST, LAST, SRCPORT, DSTPORT
/* What version 8's begin with, but for schemes 6 to 8. */
#define TOTAL FLOWS, PACKETS, OCTETS, FIRST, LAST
#define ROUTES SRC_AS, DST_AS, SRC_MASK, DST_MASK
/* Packets over the contract and the router that the switch replaced. */
#define SWITCHED PAD(4), PAD(4)

static const struct template_field v1[] = {ONE_FLOW, PAD(2), PROT, TOS, TCP_FLAGS, PAD(7)};
static const struct template_field v5[] = {ONE_FLOW, PAD(1), TCP_FLAGS, PROT, TOS, ROUTES, PAD(2)};
/* At the end 6 has encapsulations and the peer's next hop, 7 the router that the switch replaced. */
static const struct template_field v6_v7[] = {ONE_FLOW, PAD(1), TCP_FLAGS, PROT,
                                              TOS,      ROUTES, PAD(6)};
static const struct template_field as[] = {TOTAL, SRC_AS, DST_AS, INPUT, OUTPUT};
static const struct template_field proto_port[] = {TOTAL, PROT, PAD(3), SRCPORT, DSTPORT};
static const struct template_field src_prefix[] = {TOTAL,  SRCADDR, SRC_MASK, PAD(1),
                                                   SRC_AS, INPUT,   PAD(2)};
static const struct template_field dst_prefix[] = {TOTAL,  DSTADDR, DST_MASK, PAD(1),
                                                   DST_AS, OUTPUT,  PAD(2)};
static const struct template_field prefix[] = {TOTAL,  SRCADDR, DSTADDR, DST_MASK, SRC_MASK,
                                               PAD(2), SRC_AS,  DST_AS,  INPUT,    OUTPUT};
static const struct template_field dst[] = {DSTADDR, PACKETS, OCTETS, FIRST,   LAST,
                                            OUTPUT,  TOS,     PAD(1), SWITCHED};
static const struct template_field src_dst[] = {DSTADDR, SRCADDR, PACKETS, OCTETS, FIRST,   LAST,
                                                OUTPUT,  INPUT,   TOS,     PAD(3), SWITCHED};
static const struct template_field full_flow[] = {DSTADDR, SRCADDR, DSTPORT, SRCPORT, PACKETS,
                                                  OCTETS,  FIRST,   LAST,    OUTPUT,  INPUT,
                                                  TOS,     PROT,    PAD(2),  SWITCHED};
static const struct template_field as_tos[] = {TOTAL, SRC_AS, DST_AS, INPUT, OUTPUT, TOS, PAD(3)};
static const struct template_field proto_port_tos[] = {TOTAL,   PROT,    TOS,   PAD(2),
                                                       SRCPORT, DSTPORT, INPUT, OUTPUT};
static const struct template_field src_prefix_tos[] = {TOTAL,  SRCADDR, SRC_MASK, TOS,
                                                       SRC_AS, INPUT,   PAD(2)};
static const struct template_field dst_prefix_tos[] = {TOTAL,  DSTADDR, DST_MASK, TOS,
                                                       DST_AS, OUTPUT,  PAD(2)};
static const struct template_field prefix_tos[] = {
    TOTAL, SRCADDR, DSTADDR, DST_MASK, SRC_MASK, TOS, PAD(1), SRC_AS, DST_AS, INPUT, OUTPUT};
static const struct template_field prefix_port[] = {
    TOTAL, SRCADDR, DSTADDR, DST_MASK, SRC_MASK, TOS, PROT, SRCPORT, DSTPORT, INPUT, OUTPUT};

#define FIELDS(table) table, sizeof(table) / sizeof *(table)

/* Of one version they follow each other. */
static const struct layout {
    uint16_t version;
    uint8_t scheme; /* of version 8 */
    uint8_t header; /* octets */
    const char *name;
    const struct template_field *fields;
    uint16_t nfields;
} layouts[] = {
    {5, 0, 24, "v5", FIELDS(v5)},
    {1, 0, 16, "v1", FIELDS(v1)},
    {6, 0, 24, "v6", FIELDS(v6_v7)},
    {7, 0, 24, "v7", FIELDS(v6_v7)},
    {8, 1, 28, "v8", FIELDS(as)},
    {8, 2, 28, "v8", FIELDS(proto_port)},
    {8, 3, 28, "v8", FIELDS(src_prefix)},
    {8, 4, 28, "v8", FIELDS(dst_prefix)},
    {8, 5, 28, "v8", FIELDS(prefix)},
    {8, 6, 28, "v8", FIELDS(dst)},
    {8, 7, 28, "v8", FIELDS(src_dst)},
    {8, 8, 28, "v8", FIELDS(full_flow)},
    {8, 9, 28, "v8", FIELDS(as_tos)},
    {8, 10, 28, "v8", FIELDS(proto_port_tos)},
    {8, 11, 28, "v8", FIELDS(src_prefix_tos)},
    {8, 12, 28, "v8", FIELDS(dst_prefix_tos)},
    {8, 13, 28, "v8", FIELDS(prefix_tos)},
    {8, 14, 28, "v8", FIELDS(prefix_port)},
};
enum { NLAYOUTS = sizeof layouts / sizeof *layouts };

struct fixed_plans {
    struct plan *of[NLAYOUTS];
};

struct fixed_plans *fixed_plans_new(const struct element_map *elements) {
    struct fixed_plans *plans = calloc(1, sizeof *plans);
    for (int i = 0; plans && i < NLAYOUTS; i++) {
        size_t octets;
        plans->of[i] = plan_compile(elements, layouts[i].fields, layouts[i].nfields, &octets);
        if (!plans->of[i]) {
            fixed_plans_free(plans);
            return NULL;
        }
    }
    return plans;
}

void fixed_plans_free(struct fixed_plans *plans) {
    for (int i = 0; plans && i < NLAYOUTS; i++)
        plan_free(plans->of[i]);
    free(plans);
}

/* The first layout of a version that is in the table. */
static int layout_of(uint16_t version) {
    int i = 0;
    while (layouts[i].version != version)
        i++;
    return i;
}
/* Among layouts of version 8, from i on; NLAYOUTS for none. */
static int layout_of_scheme(int i, uint8_t scheme) {
    while (i < NLAYOUTS && layouts[i].scheme != scheme)
        i++;
    return i;
}

/* What a header says of its session; h: NULL when it is none, or has no sequence number. */
static struct session_mark mark_of(const uint8_t *h) {
    struct session_mark m = {.numbered = h != NULL};
    if (!h)
        return m;
    uint32_t uptime = be32(h + 4);
    m.number = be32(h + SEQUENCE);
    m.boot = uptime ? (int64_t)be32(h + 8) * 1000 + be32(h + 12) / 1000000 - uptime : 0;
    return m;
}

void collector_fixed(struct collector *c, const struct datagram *d) {
    struct cursor in = cursor_of(d->data, d->size);
    int i = layout_of(be16(d->data));
    const struct layout *layout = &layouts[i];
    const uint8_t *h = cursor_take(&in, layout->header);
    uint32_t odid = h && layout->header > ENGINE ? be16(h + ENGINE) : 0;
    if (h && layout->scheme) {
        odid |= (uint32_t)h[SCHEME] << 16;
        i = layout_of_scheme(i, h[SCHEME]);
    }
    bool numbered = h && layout->header > SEQUENCE;
    const struct session_mark session = mark_of(numbered ? h : NULL);
    struct exporter *e = collector_exporter(c, d, layout->name, odid, &session);
    if (!e)
        return;
    if (!h || i == NLAYOUTS) {
        collector_fault(c, e, d, h ? FVT_BAD_VERSION : FVT_BAD_SHORT, d->size);
        return;
    }
    const struct plan *plan = c->fixed->of[i];
    uint32_t count = be16(h + 2), whole = (uint32_t)(cursor_left(&in) / plan->minimum);
    if (count > whole)
        collector_fault(c, e, d, FVT_BAD_SHORT, cursor_left(&in) % plan->minimum);
    else
        whole = count;

    uint64_t sampling = layout->version == 5 ? be16(h + SAMPLING) & 0x3fff : 0;
    struct record_header header = {
        .version = layout->name,
        .exporter = d->from,
        .ident = d->ident,
        .odid = odid,
        .sequence = numbered ? be32(h + SEQUENCE) : 0,
        .received = d->received,
        .exported = (int64_t)be32(h + 8) * 1000 + be32(h + 12) / 1000000,
        .boot = INT64_MIN,
        .uptime = be32(h + 4),
        .has_uptime = true,
        .has_engine = numbered,
        .engine_type = numbered ? h[ENGINE] : 0,
        .engine_id = numbered ? h[ENGINE + 1] : 0,
        .sampling = sampling,
    };
    exporter_sampling(e, sampling, FVT_SAMPLING_HEADER);
    if (numbered) {
        const struct sequence_mark mark = {header.sequence, whole, whole, header.uptime, MAX_GAP};
        session_sequence(e, &mark);
        /* A count that is not true says nothing of the next number either. */
        if (count != whole)
            sequence_forget(&e->sequence);
    }

    record_header(&c->record, &header);
    struct cursor records = cursor_cut(&in, (size_t)whole * plan->minimum);
    uint32_t flows = 0;
    collector_records(c, e, plan, &records, &flows);
}
