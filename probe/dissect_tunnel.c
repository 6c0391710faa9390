/* SPDX-License-Identifier: MIT */
/*
** Tunnels: from the header behind an outer IP header to the IP header inside. Two tables, by IP
** protocol and by UDP port, give each encapsulation a function that strips its header and says what
** comes next, as those of dissect.c do for link layers.
**
** A UDP port alone proves nothing, so each of these headers has to look as it must, and what is behind it
** has to be IP. What turns out not to be is no tunnel, and counts by its outer header.
*/
#include <string.h>

#include "dissect.h"
#include "dissect_ip.h"
#include "dissect_link.h"

enum {
    MAX_NESTING = 8, /* tunnels in each other */
    PROTO_IPIP = 4,
    PROTO_UDP = 17,
    PROTO_IPV6 = 41,
    PROTO_GRE = 47,
    PROTO_ETHERIP = 97,
    PROTO_MPLS = 137,
    PROTO_ETHERNET = 143,
    UDP_HEADER = 8,
};

static void set_vni(struct walk *w, const uint8_t *p) {
    w->pkt->vni = get32(p) >> 8;
    w->pkt->has |= HAS_VNI;
}

/* ---- GRE --------------------------------------------------------------------------------- */

enum {
    GRE_CHECKSUM = 0x8000,
    GRE_ROUTING = 0x4000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_ACKNOWLEDGEMENT = 0x0080, /* version 1 */
    GRE_VERSION = 0x0007,
    TYPE_PPP = 0x880b,
    TYPE_BRIDGED = 0x6558,
    TYPE_ERSPAN = 0x88be, /* types I and II */
    TYPE_ERSPAN3 = 0x22eb,
};

/* ERSPAN type II has a header, and GRE a sequence number; type I neither. */
static enum packet_kind erspan(struct walk *w, unsigned flags) {
    if (flags & GRE_SEQUENCE && !walk_take(w, 8))
        return PACKET_TRUNCATED;
    return walk_ethernet(w);
}

/* Type III: frame type in five bits (0 Ethernet, 2 IP), and in the last one whether eight octets follow. */
static enum packet_kind erspan3(struct walk *w) {
    const uint8_t *p = walk_take(w, 12);
    if (!p || (p[11] & 1 && !walk_take(w, 8)))
        return PACKET_TRUNCATED;
    unsigned type = p[10] >> 2 & 31;
    return type == 0 ? walk_ethernet(w) : type == 2 ? walk_ip(w) : PACKET_OTHER;
}

/* Source route entries of RFC 1701: family, offset, length; the last one has length 0. */
static bool source_route(struct walk *w) {
    const uint8_t *p;
    do {
        p = walk_take(w, 4);
        if (!p || !walk_take(w, p[3]))
            return false;
    } while (p[3] != 0);
    return true;
}

/* RFC 2784 and 2890; version 1, of PPTP, RFC 2637. The key of a bridged network is NVGRE's (RFC 7637). */
static enum packet_kind gre(struct walk *w) {
    const uint8_t *p = walk_take(w, 4);
    if (!p)
        return PACKET_TRUNCATED;
    unsigned flags = get16(p), type = get16(p + 2), version = flags & GRE_VERSION;
    if (version > 1 || (version == 1 && type != TYPE_PPP))
        return PACKET_OTHER;
    if (flags & (GRE_CHECKSUM | GRE_ROUTING) && !walk_take(w, 4))
        return PACKET_TRUNCATED;
    const uint8_t *key = flags & GRE_KEY ? walk_take(w, 4) : p;
    if (!key || (flags & GRE_SEQUENCE && !walk_take(w, 4)) ||
        (version == 1 && flags & GRE_ACKNOWLEDGEMENT && !walk_take(w, 4)) ||
        (flags & GRE_ROUTING && !source_route(w)))
        return PACKET_TRUNCATED;
    switch (type) {
    case TYPE_PPP:
        return walk_ppp(w);
    case TYPE_ERSPAN:
        return erspan(w, flags);
    case TYPE_ERSPAN3:
        return erspan3(w);
    case TYPE_BRIDGED:
        if (key != p)
            set_vni(w, key);
        return walk_ethernet(w);
    default:
        return type > 1500 ? walk_ethertype(w, type) : PACKET_OTHER;
    }
}

/* ---- other IP protocols ------------------------------------------------------------------ */

/* RFC 3378: version 3 and twelve reserved bits. */
static enum packet_kind etherip(struct walk *w) {
    const uint8_t *p = walk_take(w, 2);
    if (!p)
        return PACKET_TRUNCATED;
    return p[0] >> 4 == 3 ? walk_ethernet(w) : PACKET_OTHER;
}

static const struct protocol {
    uint8_t proto;
    enum packet_kind (*next)(struct walk *w);
} protocols[] = {
    {PROTO_IPIP, walk_ip4},          {PROTO_IPV6, walk_ip6},  {PROTO_GRE, gre},
    {PROTO_ETHERIP, etherip},        {PROTO_MPLS, walk_mpls}, /* RFC 4023 */
    {PROTO_ETHERNET, walk_ethernet},                          /* RFC 8986 */
};

/* ---- over UDP ---------------------------------------------------------------------------- */

/* What next protocols of VXLAN-GPE and NSH mean alike. */
static enum packet_kind by_next_protocol(struct walk *w, unsigned next) {
    switch (next) {
    case 1:
    case 2:
        return walk_ip(w);
    case 3:
        return walk_ethernet(w);
    case 5:
        return walk_mpls(w);
    default:
        return PACKET_OTHER;
    }
}

/* RFC 7348: the bit that says that there is a network identifier. */
static enum packet_kind vxlan(struct walk *w) {
    const uint8_t *p = walk_take(w, 8);
    if (!p)
        return PACKET_TRUNCATED;
    if (!(p[0] & 0x08))
        return PACKET_OTHER;
    set_vni(w, p + 4);
    return walk_ethernet(w);
}

/* RFC 8300: the length in words is in the low six bits of the second octet, the next protocol in the fourth. */
enum packet_kind walk_nsh(struct walk *w) {
    const uint8_t *p = walk_peek(w, 4);
    if (!p || !walk_take(w, (p[1] & 63u) * 4u))
        return PACKET_TRUNCATED;
    return by_next_protocol(w, p[3]);
}

/* The same with a next protocol; 4 is a network service header. */
static enum packet_kind vxlan_gpe(struct walk *w) {
    const uint8_t *p = walk_take(w, 8);
    if (!p)
        return PACKET_TRUNCATED;
    unsigned next = p[0] & 0x04 ? p[3] : 3;
    if (p[0] & 0x08)
        set_vni(w, p + 4);
    return next == 4 ? walk_nsh(w) : by_next_protocol(w, next);
}

/* RFC 8926: version 0 and the length of options in words; Ethernet type; network identifier. */
static enum packet_kind geneve(struct walk *w) {
    const uint8_t *p = walk_take(w, 8);
    if (!p || !walk_take(w, (p[0] & 63u) * 4u))
        return PACKET_TRUNCATED;
    if (p[0] >> 6 != 0)
        return PACKET_OTHER;
    set_vni(w, p + 4);
    return walk_ethertype(w, get16(p + 2));
}

/* 3GPP TS 29.281 5.1: version 1, message type 255; then, if one of three flags is set, four octets, the last of them
** the type of an extension header, which begins with its length in words and ends with the type of the next. */
static enum packet_kind gtp_u(struct walk *w) {
    const uint8_t *p = walk_take(w, 8);
    if (!p)
        return PACKET_TRUNCATED;
    if (p[0] >> 4 != 3 || p[1] != 255)
        return PACKET_OTHER;
    if (p[0] & 7) {
        const uint8_t *more = walk_take(w, 4);
        while (more && p[0] & 4 && more[3] != 0) {
            const uint8_t *length = walk_peek(w, 1);
            if (!length || length[0] == 0 || !walk_take(w, length[0] * 4u))
                return PACKET_TRUNCATED;
            more = w->frame + w->at - 4;
        }
        if (!more)
            return PACKET_TRUNCATED;
    }
    return walk_ip(w);
}

/* Version 2 (RFC 2661 3.1), data messages alone. */
static enum packet_kind l2tp(struct walk *w) {
    const uint8_t *p = walk_take(w, 2);
    if (!p)
        return PACKET_TRUNCATED;
    unsigned flags = get16(p);
    if ((flags & 0x8000) || (flags & 15) != 2)
        return PACKET_OTHER;
    size_t octets = 4 + (flags & 0x4000 ? 2u : 0u) + (flags & 0x0800 ? 4u : 0u);
    if (!walk_take(w, octets))
        return PACKET_TRUNCATED;
    if (flags & 0x0200 && (!(p = walk_take(w, 2)) || !walk_take(w, get16(p))))
        return PACKET_TRUNCATED;
    return walk_ppp(w);
}

/* RFC 4380 5.1.1: authentication and origin indications may precede the IPv6 packet. */
static enum packet_kind teredo(struct walk *w) {
    const uint8_t *p = walk_peek(w, 4);
    if (p && get16(p) == 1 && !walk_take(w, 13u + p[2] + p[3]))
        return PACKET_TRUNCATED;
    p = walk_peek(w, 2);
    if (p && get16(p) == 0 && !walk_take(w, 8))
        return PACKET_TRUNCATED;
    return walk_ip6(w);
}

/* RFC 9300 5.1 */
static enum packet_kind lisp(struct walk *w) {
    return walk_take(w, 8) ? walk_ip(w) : PACKET_TRUNCATED;
}

static const struct port {
    uint16_t port;
    bool either; /* answers come from that port, too */
    enum packet_kind (*next)(struct walk *w);
} ports[] = {
    {4789, false, vxlan},     {8472, false, vxlan}, /* Linux without dstport */
    {4790, false, vxlan_gpe}, {6081, false, geneve}, {6635, false, walk_mpls}, /* RFC 7510 */
    {2152, true, gtp_u},      {1701, true, l2tp},    {3544, true, teredo},     {4341, false, lisp},
};

/* ---- from one IP header to the next ------------------------------------------------------ */

typedef enum packet_kind header_of(struct walk *w);

static header_of *by_port(const struct packet *outer) {
    header_of *found = NULL;
    if (!(outer->has & HAS_PORTS))
        return NULL;
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        if (ports[i].port == outer->dstport ||
            (ports[i].either && ports[i].port == outer->srcport && !found))
            found = ports[i].next;
    return found;
}

/* What strips the header behind outer, NULL: that of most packets, nothing does. */
static header_of *behind(const struct packet *outer) {
    if (outer->proto == PROTO_UDP)
        return by_port(outer);
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (protocols[i].proto == outer->proto)
            return protocols[i].next;
    return NULL;
}

/* What is known of the frame, without the IP packet in it. */
static struct packet frame_of(const struct packet *outer) {
    enum {
        OF_FRAME = HAS_MAC | HAS_DSTMAC | HAS_VLAN | HAS_CVLAN | HAS_ETHERTYPE | HAS_DIRECTION |
                   HAS_TIME | HAS_VNI | HAS_LABELS
    };
    struct packet p = *outer;
    p.has &= OF_FRAME;
    p.fragment = false;
    p.fragoffset = 0;
    p.fragid = p.flowlabel = 0;
    p.srcport = p.dstport = 0;
    p.icmptype = p.icmpcode = p.tcpflags = 0;
    memset(p.natsrc, 0, sizeof p.natsrc);
    p.natsrcport = 0;
    return p;
}

/* One tunnel: the packet inside outer. */
static bool enter(const uint8_t *frame, size_t captured, size_t wire, const struct packet *outer,
                  struct packet *in) {
    header_of *next = outer->fragment ? NULL : behind(outer);
    if (!next)
        return false;
    *in = frame_of(outer);
    size_t end = (size_t)outer->ip_at + outer->length;
    struct walk w = {frame,
                     captured < end ? captured : end,
                     wire < end ? wire : end,
                     outer->transport_at,
                     0,
                     true,
                     in};
    if (w.at > w.captured || (outer->proto == PROTO_UDP && !walk_take(&w, UDP_HEADER)))
        return false;
    enum packet_kind kind = next(&w);
    if (in->has & HAS_ETHERTYPE)
        in->ethertype = in->family == 4 ? 0x0800 : 0x86dd;
    return kind == PACKET_IP;
}

bool dissect_inside(const uint8_t *frame, size_t captured, size_t wire, const struct packet *outer,
                    struct packet *in) {
    struct packet next;
    if (!enter(frame, captured, wire > captured ? wire : captured, outer, in))
        return false;
    for (int depth = 1; depth < MAX_NESTING; depth++) {
        if (!enter(frame, captured, wire > captured ? wire : captured, in, &next))
            break;
        *in = next;
    }
    return true;
}
