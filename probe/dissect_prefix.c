/* SPDX-License-Identifier: MIT */
/*
** What captures and switches put in front of frames, and link layers that are little more than such a prefix. Layouts: the
** link-layer header types of the tcpdump group.
*/
#include <string.h>

#include "dissect_ip.h"
#include "dissect_link.h"

/* Step over so many octets. */
static enum packet_kind behind(struct walk *w, size_t octets,
                               enum packet_kind (*next)(struct walk *w)) {
    return walk_take(w, octets) ? next(w) : PACKET_TRUNCATED;
}

/* ---- of captures ------------------------------------------------------------------------- */

/* Per-packet information: a length and the link type of what follows. */
enum packet_kind walk_ppi(struct walk *w) {
    const uint8_t *p = walk_peek(w, 8);
    if (!p)
        return PACKET_TRUNCATED;
    size_t length = get16le(p + 2);
    unsigned linktype = get32le(p + 4);
    if (length < 8)
        return PACKET_MALFORMED;
    return walk_take(w, length) ? walk_linktype(w, linktype) : PACKET_TRUNCATED;
}

/* Apple's: length, 0 or 1, link type, name of the interface, flags. */
enum packet_kind walk_pktap(struct walk *w) {
    enum { LINKTYPE = 8, FLAGS = 36, LEAST = 40, IN = 1, OUT = 2 };
    const uint8_t *p = walk_peek(w, LEAST);
    if (!p)
        return PACKET_TRUNCATED;
    size_t length = get32le(p);
    uint32_t flags = get32le(p + FLAGS);
    if (length < LEAST)
        return PACKET_MALFORMED;
    if (!walk_take(w, length))
        return PACKET_TRUNCATED;
    if (!(flags & IN) != !(flags & OUT))
        walk_direction(w, flags & OUT);
    return walk_linktype(w, get32le(p + LINKTYPE));
}

/* Endace's: time, type, flags and lengths in 16 octets; extension headers of 8 octets as long as the highest bit of the
** type, and then of their own, is set. */
enum packet_kind walk_erf(struct walk *w) {
    enum { MORE = 0x80 };
    const uint8_t *p = walk_take(w, 16);
    if (!p)
        return PACKET_TRUNCATED;
    unsigned type = p[8] & ~(unsigned)MORE;
    for (uint8_t more = p[8]; more & MORE; more = p[0])
        if (!(p = walk_take(w, 8)))
            return PACKET_TRUNCATED;
    switch (type) {
    case 1:
    case 10:
    case 15:
    case 19:
        return walk_ppp(w);
    case 5: /* with the number of their channel */
    case 17:
        return behind(w, 4, walk_ppp);
    case 2:
    case 11:
    case 16:
    case 20:
        return behind(w, 2, walk_ethernet);
    case 22:
        return walk_ip4(w);
    case 23:
        return walk_ip6(w);
    default:
        return PACKET_OTHER;
    }
}

enum packet_kind walk_netanalyzer(struct walk *w) {
    return behind(w, 4, walk_ethernet);
}

enum packet_kind walk_preamble(struct walk *w) {
    return behind(w, 8, walk_ethernet);
}

enum packet_kind walk_netanalyzer_transparent(struct walk *w) {
    return behind(w, 4, walk_preamble);
}

/* Solaris: version, family, and where the packet goes from and to. */
enum packet_kind walk_ipnet(struct walk *w) {
    return behind(w, 24, walk_ip);
}

/* Juniper's: magic, flags, extensions with their length; then the frame, or an address family and the packet alone. */
static enum packet_kind juniper(struct walk *w, enum packet_kind (*next)(struct walk *w)) {
    enum { IN = 0x01, NO_FRAME = 0x02, EXTENSIONS = 0x80 };
    const uint8_t *p = walk_take(w, 4);
    if (!p)
        return PACKET_TRUNCATED;
    if (memcmp(p, "MGC", 3) != 0)
        return PACKET_MALFORMED;
    walk_direction(w, !(p[3] & IN));
    if (p[3] & EXTENSIONS) {
        const uint8_t *length = walk_take(w, 2);
        if (!length || !walk_take(w, get16(length)))
            return PACKET_TRUNCATED;
    }
    return p[3] & NO_FRAME ? behind(w, 4, walk_ip) : next(w);
}

enum packet_kind walk_juniper_ethernet(struct walk *w) {
    return juniper(w, walk_ethernet);
}

enum packet_kind walk_juniper_ppp(struct walk *w) {
    return juniper(w, walk_ppp);
}

enum packet_kind walk_juniper_frame_relay(struct walk *w) {
    return juniper(w, walk_frame_relay);
}

enum packet_kind walk_juniper_chdlc(struct walk *w) {
    return juniper(w, walk_cisco_hdlc);
}

/* ---- of switches ------------------------------------------------------------------------- */

static bool addresses(struct walk *w) {
    const uint8_t *p = walk_take(w, 12);
    if (!p)
        return false;
    memcpy(w->pkt->dstmac, p, 6);
    memcpy(w->pkt->srcmac, p + 6, 6);
    w->pkt->has |= HAS_MAC | HAS_DSTMAC;
    return true;
}

/* Four octets and an Ethernet type. */
static enum packet_kind tag(struct walk *w) {
    const uint8_t *p = walk_take(w, 6);
    return p ? walk_ethertype(w, get16(p + 4)) : PACKET_TRUNCATED;
}

enum packet_kind walk_switch_tag(struct walk *w) {
    return addresses(w) ? tag(w) : PACKET_TRUNCATED;
}

/* Marvell's, which takes the place of a VLAN tag. */
enum packet_kind walk_dsa_tag(struct walk *w) {
    enum { TAGGED = 0x20 };
    const uint8_t *p = walk_peek(w, 4);
    if (!p)
        return PACKET_TRUNCATED;
    if (p[0] & TAGGED && !w->inside && !(w->pkt->has & HAS_VLAN)) {
        w->pkt->vlan = get16(p + 2) & 0x0fff;
        w->pkt->has |= HAS_VLAN;
    }
    return tag(w);
}

enum packet_kind walk_dsa(struct walk *w) {
    return addresses(w) ? walk_dsa_tag(w) : PACKET_TRUNCATED;
}

/* ---- link layers ------------------------------------------------------------------------- */

/* Of its frames those of packets: control, octets of the extended header where its bit is set, length, that header, check
** sequence. */
enum packet_kind walk_docsis(struct walk *w) {
    enum { KIND = 0xc0, EXTENDED = 0x01 };
    const uint8_t *p = walk_take(w, 4);
    if (!p)
        return PACKET_TRUNCATED;
    if (p[0] & KIND)
        return PACKET_CONTROL;
    return behind(w, 2u + (p[0] & EXTENDED ? p[1] : 0u), walk_ethernet);
}

enum packet_kind walk_token_ring(struct walk *w) {
    const uint8_t *p = walk_take(w, 14);
    if (!p)
        return PACKET_TRUNCATED;
    if (p[8] & 0x80) { /* source routing: a length in the low five bits */
        const uint8_t *route = walk_peek(w, 1);
        if (!route || !walk_take(w, route[0] & 0x1fu))
            return PACKET_TRUNCATED;
    }
    return walk_llc(w);
}

enum packet_kind walk_fddi(struct walk *w) {
    return behind(w, 13, walk_llc);
}

enum packet_kind walk_fibre_channel(struct walk *w) {
    return behind(w, 16, walk_llc);
}

/* A system code; of RFC 1201 then flag and sequence number. Packets in several frames: the first one has the header. */
static enum packet_kind by_arcnet_code(struct walk *w, unsigned code) {
    enum { IP_1051 = 240, ARP_1051 = 241, IP_1201 = 212, ARP_1201 = 213, RARP = 214, IP6 = 196 };
    const uint8_t *p = NULL;
    if (code == IP_1051)
        return walk_ip(w);
    if (code == ARP_1051 || code == ARP_1201 || code == RARP)
        return PACKET_ARP;
    if (code != IP_1201 && code != IP6)
        return PACKET_OTHER;
    p = walk_take(w, 3);
    if (p && p[0] == 0xff) /* an exception frame has them twice */
        p = walk_take(w, 4);
    return p ? walk_ip(w) : PACKET_TRUNCATED;
}

enum packet_kind walk_arcnet(struct walk *w) {
    const uint8_t *p = walk_take(w, 3);
    return p ? by_arcnet_code(w, p[2]) : PACKET_TRUNCATED;
}

enum packet_kind walk_arcnet_linux(struct walk *w) {
    const uint8_t *p = walk_take(w, 5);
    return p ? by_arcnet_code(w, p[4]) : PACKET_TRUNCATED;
}

/* RFC 2225, with or without LLC. */
enum packet_kind walk_atm_clip(struct walk *w) {
    const uint8_t *p = walk_peek(w, 3);
    if (!p)
        return PACKET_TRUNCATED;
    return p[0] == 0xaa && p[1] == 0xaa && p[2] == 0x03 ? walk_llc(w) : walk_ip(w);
}

/* Direction and kind of traffic, path, circuit. */
enum packet_kind walk_sunatm(struct walk *w) {
    enum { SENT = 0x80, KIND = 0x0f, LLC = 2 };
    const uint8_t *p = walk_take(w, 4);
    if (!p)
        return PACKET_TRUNCATED;
    walk_direction(w, p[0] & SENT);
    return (p[0] & KIND) == LLC ? walk_llc(w) : PACKET_OTHER;
}

/* Apple's header: addresses of 8 octets. */
enum packet_kind walk_1394(struct walk *w) {
    const uint8_t *p = walk_take(w, 18);
    return p ? walk_ethertype(w, get16(p + 16)) : PACKET_TRUNCATED;
}

/* A global route header, and RFC 4391 6. */
enum packet_kind walk_ipoib(struct walk *w) {
    const uint8_t *p = walk_take(w, 44);
    return p ? walk_ethertype(w, get16(p + 40)) : PACKET_TRUNCATED;
}
