/* SPDX-License-Identifier: MIT */
/*
** IPv4 (RFC 791), IPv6 (RFC 8200) with extension headers, and as much of the transport header as
** flows are told apart by. What is behind the IP header may be cut off: the packet counts all the
** same, without ports.
*/
#include "dissect_ip.h"

#include <string.h>

enum {
    IP4_HEADER = 20,
    IP6_HEADER = 40,
    IP4_DF = 0x4000,   /* don't fragment */
    IP4_MORE = 0x2000, /* more fragments */
    IP4_OFFSET = 0x1fff,
    OPTION_PAD1 = 0,     /* RFC 8200 4.2 */
    OPTION_JUMBO = 0xc2, /* RFC 2675 2 */
    IP6_OFFSET = 0xfff8, /* in the fragment header, RFC 8200 4.5 */
};

_Static_assert((int)IP4_DF / HAS_DF == (int)IP4_MORE / HAS_MF, "moved together");

enum { /* IANA protocol numbers */
       PROTO_HOPOPT = 0,
       PROTO_ICMP = 1,
       PROTO_TCP = 6,
       PROTO_UDP = 17,
       PROTO_DCCP = 33,
       PROTO_ROUTE6 = 43,
       PROTO_FRAGMENT6 = 44,
       PROTO_AH = 51,
       PROTO_ICMP6 = 58,
       PROTO_NONE6 = 59,
       PROTO_DSTOPTS6 = 60,
       PROTO_SCTP = 132,
       PROTO_MOBILITY6 = 135,
       PROTO_UDPLITE = 136,
       PROTO_HIP = 139,
       PROTO_SHIM6 = 140,
};

/* Captured octets from the cursor on that belong to the IP packet which ends at end. */
static uint32_t captured_until(const struct walk *w, size_t end) {
    size_t last = w->captured < end ? w->captured : end;
    return last > w->at ? (uint32_t)(last - w->at) : 0;
}

/* Move the cursor over a header of n octets, or as much of it as there is. */
static void skip(struct walk *w, size_t n) {
    w->at += n < walk_left(w) ? n : walk_left(w);
}

static void ports(struct walk *w, const uint8_t *p) {
    w->pkt->srcport = get16(p);
    w->pkt->dstport = get16(p + 2);
    w->pkt->has |= HAS_PORTS;
}

/* The transport header at the cursor; the IP packet ends at end (offset in the frame). */
static void transport(struct walk *w, size_t end) {
    struct packet *pkt = w->pkt;
    uint32_t captured = captured_until(w, end);
    const uint8_t *p = w->frame + w->at;
    size_t header = 0;
    size_t length = SIZE_MAX; /* of the payload, where the transport header has it */
    switch (pkt->proto) {
    case PROTO_TCP:
        if (captured >= 4)
            ports(w, p);
        if (captured >= 14) {
            pkt->tcpflags = p[13];
            pkt->tcpseq = get32(p + 4);
            pkt->has |= HAS_TCPFLAGS;
            header = (p[12] >> 4) * 4u;
        }
        end = end < w->wire ? end : w->wire; /* sequence numbers go on behind what there is */
        break;
    case PROTO_UDP:
    case PROTO_UDPLITE:
        if (captured >= 4)
            ports(w, p);
        header = 8;
        if (pkt->proto == PROTO_UDP && captured >= 6 && get16(p + 4) >= 8)
            length = get16(p + 4) - 8u;
        break;
    case PROTO_SCTP:
        if (captured >= 4)
            ports(w, p);
        header = 12;
        break;
    case PROTO_DCCP:
        if (captured >= 4)
            ports(w, p);
        if (captured >= 5)
            header = p[4] * 4u;
        break;
    case PROTO_ICMP:
    case PROTO_ICMP6:
        if (captured >= 2 && (pkt->proto == PROTO_ICMP) == (pkt->family == 4)) {
            pkt->icmptype = p[0];
            pkt->icmpcode = p[1];
            pkt->has |= HAS_ICMP;
        }
        header = 4;
        break;
    default:
        break;
    }
    size_t payload = w->at + header;
    size_t rest = end > payload ? end - payload : 0;
    skip(w, header);
    pkt->payload_length = (uint32_t)(length < rest ? length : rest);
    if (pkt->fragment && length != SIZE_MAX) /* the first fragment has a part of the datagram */
        pkt->payload_length = (uint32_t)rest;
}

static enum packet_kind finish(struct walk *w, size_t end) {
    struct packet *pkt = w->pkt;
    pkt->transport_at = (uint32_t)w->at;
    if (pkt->fragoffset == 0)
        transport(w, end);
    else
        pkt->payload_length = (uint32_t)(end > w->at ? end - w->at : 0);
    pkt->payload_at = (uint32_t)w->at;
    pkt->payload_captured = captured_until(w, end);
    if (pkt->payload_captured > pkt->payload_length)
        pkt->payload_captured = pkt->payload_length;
    return PACKET_IP;
}

enum packet_kind walk_ip4(struct walk *w) {
    struct packet *pkt = w->pkt;
    size_t start = w->at;
    const uint8_t *p = walk_peek(w, 1);
    if (!p)
        return PACKET_TRUNCATED;
    if (p[0] >> 4 != 4 || (p[0] & 15) < 5)
        return PACKET_MALFORMED;
    p = walk_take(w, IP4_HEADER);
    if (!p)
        return PACKET_TRUNCATED;
    size_t header = (p[0] & 15) * 4u;
    unsigned fragment = get16(p + 6);
    pkt->family = 4;
    pkt->ip_at = (uint32_t)start;
    pkt->tos = p[1];
    pkt->length = get16(p + 2);
    if (pkt->length == 0) {
        pkt->length = (uint32_t)(w->wire - start);
        pkt->has |= HAS_NO_LENGTH;
    }
    pkt->fragid = get16(p + 4);
    pkt->fragoffset = (uint16_t)(fragment & IP4_OFFSET);
    pkt->fragment = pkt->fragoffset != 0 || (fragment & IP4_MORE);
    pkt->has |= (fragment & (IP4_DF | IP4_MORE)) / (IP4_DF / HAS_DF);
    if (pkt->fragment)
        pkt->has |= HAS_FRAGMENT;
    pkt->ttl = p[8];
    pkt->proto = p[9];
    memcpy(pkt->src, p + 12, 4);
    memcpy(pkt->dst, p + 16, 4);
    skip(w, header - IP4_HEADER);
    return finish(w, start + pkt->length);
}

/* Walk the extension headers. A header that is cut off, or that is not an extension header,
** is the protocol of the packet. */
static void extensions(struct walk *w) {
    struct packet *pkt = w->pkt;
    for (;;) {
        const uint8_t *p;
        switch (pkt->proto) {
        case PROTO_HOPOPT:
        case PROTO_ROUTE6:
        case PROTO_DSTOPTS6:
        case PROTO_MOBILITY6:
        case PROTO_HIP:
        case PROTO_SHIM6:
            p = walk_peek(w, 2);
            if (!p || (pkt->proto >= PROTO_MOBILITY6 && p[0] == PROTO_NONE6) ||
                !walk_take(w, (p[1] + 1u) * 8u))
                return;
            break;
        case PROTO_AH:
            p = walk_peek(w, 2);
            if (!p || !walk_take(w, (p[1] + 2u) * 4u))
                return;
            break;
        case PROTO_FRAGMENT6:
            p = walk_take(w, 8);
            if (!p)
                return;
            pkt->fragoffset = (uint16_t)((get16(p + 2) & IP6_OFFSET) >> 3);
            pkt->fragment = pkt->fragoffset != 0 || (p[3] & 1);
            pkt->has |= (p[3] & 1 ? HAS_MF : 0) | (pkt->fragment ? HAS_FRAGMENT : 0);
            pkt->fragid = get32(p + 4);
            if (pkt->fragoffset != 0) {
                pkt->proto = p[0];
                return;
            }
            break;
        default:
            return;
        }
        pkt->proto = p[0];
    }
}

/* The jumbo payload option of a hop-by-hop header at the cursor (RFC 2675 2), or 0. */
static uint32_t jumbo_length(const struct walk *w) {
    const uint8_t *p = walk_peek(w, 2);
    if (!p || !(p = walk_peek(w, (p[1] + 1u) * 8u)))
        return 0;
    size_t end = (p[1] + 1u) * 8u;
    for (size_t at = 2; at + 2 <= end; at += p[at] == OPTION_PAD1 ? 1 : p[at + 1] + 2u)
        if (p[at] == OPTION_JUMBO && p[at + 1] == 4 && at + 6 <= end)
            return get32(p + at + 2);
    return 0;
}

/* Of a packet with payload length 0, which is too long for the field or is just wrong: of frames that have more than it
** could tell, the jumbo payload option, or, where segmentation offload left it out, where it was not captured, or where it
** says more than there is (it may say four gigabytes), what the frame has. */
static uint32_t length_not_told(struct walk *w, size_t start, uint8_t next) {
    size_t frame = w->wire - start;
    if (frame <= IP6_HEADER + UINT16_MAX)
        return IP6_HEADER;
    uint32_t jumbo = next == PROTO_HOPOPT ? jumbo_length(w) : 0;
    if (jumbo > UINT16_MAX && jumbo <= frame - IP6_HEADER)
        return IP6_HEADER + jumbo;
    w->pkt->has |= HAS_NO_LENGTH;
    return (uint32_t)frame;
}

enum packet_kind walk_ip6(struct walk *w) {
    struct packet *pkt = w->pkt;
    size_t start = w->at;
    const uint8_t *p = walk_peek(w, 1);
    if (!p)
        return PACKET_TRUNCATED;
    if (p[0] >> 4 != 6)
        return PACKET_MALFORMED;
    p = walk_take(w, IP6_HEADER);
    if (!p)
        return PACKET_TRUNCATED;
    pkt->family = 6;
    pkt->ip_at = (uint32_t)start;
    pkt->tos = (uint8_t)(get16(p) >> 4);
    pkt->flowlabel = get32(p) & 0xfffff;
    pkt->length = IP6_HEADER + get16(p + 4);
    if (get16(p + 4) == 0)
        pkt->length = length_not_told(w, start, p[6]);
    pkt->proto = p[6];
    pkt->ttl = p[7];
    memcpy(pkt->src, p + 8, 16);
    memcpy(pkt->dst, p + 24, 16);
    extensions(w);
    return finish(w, start + pkt->length);
}
