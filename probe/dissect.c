/* SPDX-License-Identifier: MIT */
/*
** Link layers down to the outermost IP header. A table gives each link type a function that strips
** its header and says what comes next; walk_ethertype() and by_ppp() are where the ways meet. NFLOG
** headers are read in dissect_nflog.c, the IP headers themselves in dissect_ip.c, tunnels in dissect_tunnel.c.
**
** Numbers: LINKTYPE_ values of the tcpdump group's registry, IEEE Ethernet types, PPP protocol
** numbers of RFC 1661 and IANA.
*/
#include "dissect.h"

#include <string.h>

#include "dissect_ip.h"
#include "dissect_nflog.h"
#include "walk.h"

const char *const packet_kind_names[PACKET_NKINDS] = {
    [PACKET_IP] = "IP",
    [PACKET_ARP] = "ARP",
    [PACKET_LLC] = "LLC",
    [PACKET_CONTROL] = "link control",
    [PACKET_OTHER] = "other",
    [PACKET_TRUNCATED] = "truncated",
    [PACKET_MALFORMED] = "malformed",
    [PACKET_LINK] = "unknown link type",
};

enum {
    ETHERTYPE_IP4 = 0x0800,
    ETHERTYPE_IP6 = 0x86dd,
    MAX_8023_LENGTH = 1500, /* a type field up to here is a length, and LLC follows */
    MAX_DEPTH = 16,         /* tags, labels stacks and shims over each other in one frame */
};

static enum packet_kind by_ppp(struct walk *w);
static enum packet_kind ethernet(struct walk *w);

/* The version is in the first four bits. */
static enum packet_kind by_version(struct walk *w) {
    const uint8_t *p = walk_peek(w, 1);
    if (!p)
        return PACKET_TRUNCATED;
    switch (p[0] >> 4) {
    case 4:
        return walk_ip4(w);
    case 6:
        return walk_ip6(w);
    default:
        return PACKET_MALFORMED;
    }
}

/* IP announced by a type of the link layer: the version bits decide all the same. */
static enum packet_kind ip_of_type(struct walk *w, unsigned type) {
    w->pkt->ethertype = (uint16_t)type;
    w->pkt->has |= HAS_ETHERTYPE;
    return by_version(w);
}

static enum packet_kind ip4_of_type(struct walk *w) {
    return ip_of_type(w, ETHERTYPE_IP4);
}

static enum packet_kind ip6_of_type(struct walk *w) {
    return ip_of_type(w, ETHERTYPE_IP6);
}

/* ---- Ethernet types --------------------------------------------------------------------- */

/* 802.1Q, 802.1ad and their older spellings: TCI and the next type. */
static enum packet_kind vlan_tag(struct walk *w) {
    const uint8_t *p = walk_take(w, 4);
    if (!p)
        return PACKET_TRUNCATED;
    unsigned id = get16(p) & 0x0fff;
    if (!w->inside && !(w->pkt->has & HAS_VLAN)) {
        w->pkt->vlan = (uint16_t)id;
        w->pkt->has |= HAS_VLAN;
    } else if (!w->inside && !(w->pkt->has & HAS_CVLAN)) {
        w->pkt->cvlan = (uint16_t)id;
        w->pkt->has |= HAS_CVLAN;
    }
    return walk_ethertype(w, get16(p + 2));
}

/* MPLS (RFC 3032). Nothing says what is below the last label: IP by its version bits. Pseudowires
** (RFC 4385) carry frames of another network and are not looked into. */
static enum packet_kind mpls(struct walk *w) {
    const uint8_t *p;
    do {
        p = walk_take(w, 4);
        if (!p)
            return PACKET_TRUNCATED;
        if (w->pkt->nlabels < PACKET_LABELS)
            w->pkt->label[w->pkt->nlabels++] = get32(p) >> 8;
    } while (!(p[2] & 1));
    w->pkt->has |= HAS_LABELS;
    p = walk_peek(w, 1);
    if (!p)
        return PACKET_TRUNCATED;
    switch (p[0] >> 4) {
    case 4:
        return ip4_of_type(w);
    case 6:
        return ip6_of_type(w);
    default:
        return PACKET_OTHER;
    }
}

static enum packet_kind pppoe_session(struct walk *w) {
    return walk_take(w, 6) ? by_ppp(w) : PACKET_TRUNCATED;
}

static enum packet_kind arp(struct walk *w) {
    (void)w;
    return PACKET_ARP;
}

static enum packet_kind control(struct walk *w) {
    (void)w;
    return PACKET_CONTROL;
}

/* Shims of a fixed length with the next type in their last two octets. */
static enum packet_kind shim(struct walk *w, size_t octets) {
    const uint8_t *p = walk_take(w, octets);
    return p ? walk_ethertype(w, get16(p + octets - 2)) : PACKET_TRUNCATED;
}

static enum packet_kind vn_tag(struct walk *w) {
    return shim(w, 6);
}

static enum packet_kind e_tag(struct walk *w) {
    return shim(w, 8);
}

/* 802.1ah: service instance tag, then the customer's frame. */
static enum packet_kind i_tag(struct walk *w) {
    return walk_take(w, 4) ? ethernet(w) : PACKET_TRUNCATED;
}

static const struct {
    uint16_t type;
    enum packet_kind (*next)(struct walk *w);
} ethertypes[] = {
    {ETHERTYPE_IP4, ip4_of_type},
    {ETHERTYPE_IP6, ip6_of_type},
    {0x8100, vlan_tag}, /* 802.1Q */
    {0x88a8, vlan_tag}, /* 802.1ad service tag */
    {0x9100, vlan_tag}, /* QinQ before 802.1ad */
    {0x9200, vlan_tag},
    {0x9300, vlan_tag},
    {0x8847, mpls},
    {0x8848, mpls},          /* upstream-assigned, RFC 5332 */
    {0x8864, pppoe_session}, /* RFC 2516 */
    {0x8863, control},       /* PPPoE discovery */
    {0x880b, by_ppp},
    {0x0806, arp},
    {0x8035, arp},    /* RARP */
    {0x8926, vn_tag}, /* VN-Tag */
    {0x893f, e_tag},  /* 802.1BR */
    {0x88e7, i_tag},
    {0x6558, ethernet}, /* transparent Ethernet bridging */
};

/* IEEE 802.2, with the SNAP extension of RFC 1042 (and Cisco's and 802.1H's organisations). */
static enum packet_kind llc(struct walk *w) {
    const uint8_t *p = walk_peek(w, 3);
    if (!p)
        return PACKET_TRUNCATED;
    if (p[0] == 0x06 && p[1] == 0x06 && p[2] == 0x03) { /* RFC 948 */
        walk_take(w, 3);
        return by_version(w);
    }
    if (p[0] != 0xaa || p[1] != 0xaa || p[2] != 0x03)
        return PACKET_LLC;
    p = walk_take(w, 8);
    if (!p)
        return PACKET_TRUNCATED;
    unsigned organisation = (unsigned)p[3] << 16 | get16(p + 4);
    unsigned type = get16(p + 6);
    if ((organisation == 0 || organisation == 0x0000f8) && type > MAX_8023_LENGTH)
        return walk_ethertype(w, type);
    if (organisation == 0x0080c2 && (type == 1 || type == 7)) /* RFC 2684 bridged Ethernet */
        return walk_take(w, 2) ? ethernet(w) : PACKET_TRUNCATED;
    return PACKET_LLC;
}

enum packet_kind walk_ethertype(struct walk *w, unsigned type) {
    if (++w->depth > MAX_DEPTH)
        return PACKET_MALFORMED;
    if (type <= MAX_8023_LENGTH)
        return llc(w);
    for (size_t i = 0; i < sizeof ethertypes / sizeof *ethertypes; i++)
        if (ethertypes[i].type == type)
            return ethertypes[i].next(w);
    return PACKET_OTHER;
}

static enum packet_kind ethernet(struct walk *w) {
    const uint8_t *p = walk_take(w, 14);
    if (!p)
        return PACKET_TRUNCATED;
    if (!(w->pkt->has & HAS_MAC)) { /* of a bridged frame the outer addresses stay */
        memcpy(w->pkt->dstmac, p, 6);
        memcpy(w->pkt->srcmac, p + 6, 6);
        w->pkt->has |= HAS_MAC | HAS_DSTMAC;
    }
    return walk_ethertype(w, get16(p + 12));
}

/* ---- PPP and other serial links ---------------------------------------------------------- */

/* The protocol field of PPP is one octet when that is odd (compressed, RFC 1661 6.5). */
static enum packet_kind by_ppp(struct walk *w) {
    if (++w->depth > MAX_DEPTH)
        return PACKET_MALFORMED;
    const uint8_t *p = walk_take(w, 1);
    if (!p)
        return PACKET_TRUNCATED;
    unsigned protocol = p[0];
    if (!(protocol & 1)) {
        const uint8_t *low = walk_take(w, 1);
        if (!low)
            return PACKET_TRUNCATED;
        protocol = protocol << 8 | low[0];
    }
    switch (protocol) {
    case 0x0021:
        return ip4_of_type(w);
    case 0x0057:
        return ip6_of_type(w);
    case 0x0281:
    case 0x0283:
        return mpls(w);
    default:
        return protocol >= 0x4000 ? PACKET_CONTROL : PACKET_OTHER;
    }
}

/* Cisco HDLC: address, control, Ethernet type. */
static enum packet_kind cisco_hdlc(struct walk *w) {
    const uint8_t *p = walk_take(w, 4);
    if (!p)
        return PACKET_TRUNCATED;
    unsigned type = get16(p + 2);
    if (type == 0x8035 || type == 0x2000) /* SLARP, CDP */
        return PACKET_CONTROL;
    return type > MAX_8023_LENGTH ? walk_ethertype(w, type) : PACKET_OTHER;
}

/* PPP in HDLC-like framing (RFC 1662), address and control may be left out; or Cisco HDLC. */
static enum packet_kind ppp(struct walk *w) {
    const uint8_t *p = walk_peek(w, 2);
    if (!p)
        return PACKET_TRUNCATED;
    if ((p[0] == 0x0f || p[0] == 0x8f) && p[1] == 0x00)
        return cisco_hdlc(w);
    if (p[0] == 0xff && p[1] == 0x03)
        walk_take(w, 2);
    return by_ppp(w);
}

static enum packet_kind ppp_with_direction(struct walk *w) {
    const uint8_t *p = walk_take(w, 1);
    if (!p)
        return PACKET_TRUNCATED;
    walk_direction(w, p[0] != 0); /* 0: received by this host */
    return ppp(w);
}

/* Network layer protocol ids of ISO/IEC TR 9577, as frame relay has them (RFC 2427). */
static enum packet_kind by_nlpid(struct walk *w) {
    const uint8_t *p = walk_take(w, 1);
    if (!p)
        return PACKET_TRUNCATED;
    switch (p[0]) {
    case 0xcc:
        return ip4_of_type(w);
    case 0x8e:
        return ip6_of_type(w);
    case 0xcf:
        return by_ppp(w);
    case 0x80:
        p = walk_take(w, 5);
        if (!p)
            return PACKET_TRUNCATED;
        return get16(p + 3) > MAX_8023_LENGTH ? walk_ethertype(w, get16(p + 3)) : PACKET_LLC;
    default:
        return PACKET_OTHER;
    }
}

/* Q.922 address of two to four octets, the last with its lowest bit set; then RFC 2427, or Cisco's
** Ethernet type. */
static enum packet_kind frame_relay(struct walk *w) {
    const uint8_t *p;
    int octets = 0;
    do {
        p = walk_take(w, 1);
        if (!p)
            return PACKET_TRUNCATED;
    } while (!(p[0] & 1) && ++octets < 4);
    p = walk_peek(w, 2);
    if (!p)
        return PACKET_TRUNCATED;
    if (p[0] != 0x03) {
        unsigned type = get16(p);
        walk_take(w, 2);
        return type > MAX_8023_LENGTH ? walk_ethertype(w, type) : PACKET_OTHER;
    }
    walk_take(w, p[1] == 0 ? 2 : 1); /* control, and a padding octet */
    return by_nlpid(w);
}

/* ---- loopback, raw and cooked ------------------------------------------------------------ */

static enum packet_kind by_address_family(struct walk *w, uint32_t af) {
    switch (af) {
    case 2:
        return walk_ip4(w);
    case 10: /* Linux */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* Darwin */
        return walk_ip6(w);
    default:
        return PACKET_OTHER;
    }
}

/* The address family in the byte order of the machine that captured, or network order. */
static enum packet_kind null_loopback(struct walk *w) {
    const uint8_t *p = walk_take(w, 4);
    if (!p)
        return PACKET_TRUNCATED;
    uint32_t af = get32(p);
    return by_address_family(w, af > 0xffff ? get32le(p) : af);
}

/* OpenBSD's enc interfaces: family, SPI, flags. */
static enum packet_kind enc(struct walk *w) {
    const uint8_t *p = walk_take(w, 12);
    if (!p)
        return PACKET_TRUNCATED;
    uint32_t af = get32(p);
    return by_address_family(w, af > 0xffff ? get32le(p) : af);
}

/* BSD packet filter log: its first octet is its length, without padding to four octets. */
static enum packet_kind pflog(struct walk *w) {
    const uint8_t *p = walk_peek(w, 2);
    if (!p)
        return PACKET_TRUNCATED;
    unsigned af = p[1];
    if (p[0] < 2)
        return PACKET_MALFORMED;
    return walk_take(w, (p[0] + 3u) & ~3u) ? by_address_family(w, af) : PACKET_TRUNCATED;
}

/* Sender and packet type of the cooked headers; type 4 is a packet sent by the capturing host. */
static void cooked(struct walk *w, unsigned type, unsigned address_length, const uint8_t *mac) {
    if (address_length == 6) {
        memcpy(w->pkt->srcmac, mac, 6);
        w->pkt->has |= HAS_MAC;
    }
    if (type <= 4)
        walk_direction(w, type == 4);
}

/* Protocols below 1536 in cooked headers are Linux' own: 4 is 802.2. */
static enum packet_kind by_cooked_protocol(struct walk *w, unsigned protocol) {
    if (protocol > MAX_8023_LENGTH)
        return walk_ethertype(w, protocol);
    return protocol == 4 ? llc(w) : PACKET_OTHER;
}

static enum packet_kind linux_sll(struct walk *w) {
    const uint8_t *p = walk_take(w, 16);
    if (!p)
        return PACKET_TRUNCATED;
    cooked(w, get16(p), get16(p + 4), p + 6);
    return by_cooked_protocol(w, get16(p + 14));
}

static enum packet_kind linux_sll2(struct walk *w) {
    const uint8_t *p = walk_take(w, 20);
    if (!p)
        return PACKET_TRUNCATED;
    cooked(w, p[10], p[11], p + 12);
    *(p[10] == 4 ? &w->pkt->outif : &w->pkt->inif) = get32(p + 4);
    return by_cooked_protocol(w, get16(p));
}

/* ---- 802.11 and other headers in front of a frame ---------------------------------------- */

/* IEEE 802.11 data frames that are not encrypted; LLC follows. padded: the header is padded to a
** multiple of four octets. */
static enum packet_kind wlan_padded(struct walk *w, bool padded) {
    const uint8_t *p = walk_peek(w, 24);
    if (!p)
        return PACKET_TRUNCATED;
    unsigned control_field = get16le(p);
    if ((control_field & 0x000c) != 0x0008) /* type data */
        return PACKET_CONTROL;
    unsigned subtype = control_field >> 4 & 0xf;
    unsigned ds = control_field >> 8 & 3; /* from and to the distribution system */
    if (control_field & 0x4000 || subtype & 4)
        return PACKET_OTHER; /* protected, or without a body */
    static const uint8_t dst_at[4] = {4, 16, 4, 16};
    static const uint8_t src_at[4] = {10, 10, 16, 24};
    size_t header = ds == 3 ? 30 : 24;
    size_t mac_end = header;
    if (subtype & 8) {
        header += 2; /* QoS control */
        if (control_field & 0x8000)
            header += 4; /* HT control */
    }
    p = walk_take(w, padded ? (header + 3) & ~(size_t)3 : header);
    if (!p)
        return PACKET_TRUNCATED;
    if (src_at[ds] + 6u <= mac_end) {
        memcpy(w->pkt->dstmac, p + dst_at[ds], 6);
        memcpy(w->pkt->srcmac, p + src_at[ds], 6);
        w->pkt->has |= HAS_MAC | HAS_DSTMAC;
    }
    if ((subtype & 8) && p[mac_end] & 0x80)
        return PACKET_OTHER; /* A-MSDU */
    return llc(w);
}

static enum packet_kind wlan(struct walk *w) {
    return wlan_padded(w, false);
}

/* Radiotap: its length, and of its fields the flags (bit 1; behind the 8 octets of bit 0), for
** padding between header and body. Further presence words follow while bit 31 is set. */
static enum packet_kind radiotap(struct walk *w) {
    const uint8_t *p = walk_peek(w, 8);
    if (!p)
        return PACKET_TRUNCATED;
    size_t length = get16le(p + 2);
    if (length < 8)
        return PACKET_MALFORMED;
    p = walk_take(w, length);
    if (!p)
        return PACKET_TRUNCATED;
    uint32_t present = get32le(p + 4);
    size_t at = 8;
    for (uint32_t word = present; word & 0x80000000u && at + 4 <= length; at += 4)
        word = get32le(p + at);
    if (present & 1)
        at = ((at + 7) & ~(size_t)7) + 8;
    bool padded = (present & 2) && at < length && (p[at] & 0x20);
    return wlan_padded(w, padded);
}

static enum packet_kind prism(struct walk *w) {
    const uint8_t *p = walk_peek(w, 8);
    if (!p)
        return PACKET_TRUNCATED;
    size_t length = get32(p) == 0x00000044 || get32le(p) == 0x00000044 ? 144 : get32(p + 4);
    return length >= 8 && walk_take(w, length) ? wlan(w) : PACKET_TRUNCATED;
}

static enum packet_kind avs(struct walk *w) {
    const uint8_t *p = walk_peek(w, 8);
    if (!p)
        return PACKET_TRUNCATED;
    size_t length = get32(p + 4);
    return length >= 8 && walk_take(w, length) ? wlan(w) : PACKET_TRUNCATED;
}

static enum packet_kind by_linktype(struct walk *w, unsigned linktype);

/* Per-packet information: a length and the link type of what follows. */
static enum packet_kind ppi(struct walk *w) {
    const uint8_t *p = walk_peek(w, 8);
    if (!p)
        return PACKET_TRUNCATED;
    size_t length = get16le(p + 2);
    unsigned linktype = get32le(p + 4);
    if (length < 8 || ++w->depth > MAX_DEPTH)
        return PACKET_MALFORMED;
    return walk_take(w, length) ? by_linktype(w, linktype) : PACKET_TRUNCATED;
}

static enum packet_kind token_ring(struct walk *w) {
    const uint8_t *p = walk_take(w, 14);
    if (!p)
        return PACKET_TRUNCATED;
    if (p[8] & 0x80) { /* source routing: a length in the low five bits */
        const uint8_t *route = walk_peek(w, 1);
        if (!route || !walk_take(w, route[0] & 0x1fu))
            return PACKET_TRUNCATED;
    }
    return llc(w);
}

static enum packet_kind fddi(struct walk *w) {
    return walk_take(w, 13) ? llc(w) : PACKET_TRUNCATED;
}

static enum packet_kind fibre_channel(struct walk *w) {
    return walk_take(w, 16) ? llc(w) : PACKET_TRUNCATED;
}

static enum packet_kind netanalyzer(struct walk *w) {
    return walk_take(w, 4) ? ethernet(w) : PACKET_TRUNCATED;
}

static enum packet_kind preamble(struct walk *w) {
    return walk_take(w, 8) ? ethernet(w) : PACKET_TRUNCATED;
}

static const struct {
    uint16_t linktype;
    const char *name;
    enum packet_kind (*next)(struct walk *w);
} links[] = {
    {0, "BSD loopback", null_loopback},
    {1, "Ethernet", ethernet},
    {6, "token ring", token_ring},
    {9, "PPP", ppp},
    {10, "FDDI", fddi},
    {12, "raw IP", by_version}, /* DLT_RAW as most systems number it */
    {14, "raw IP", by_version}, /* as OpenBSD does */
    {50, "PPP over HDLC", ppp},
    {51, "PPPoE", pppoe_session},
    {100, "RFC 1483 ATM", llc},
    {101, "raw IP", by_version},
    {104, "Cisco HDLC", cisco_hdlc},
    {105, "802.11", wlan},
    {107, "frame relay", frame_relay},
    {108, "OpenBSD loopback", null_loopback},
    {109, "enc", enc},
    {113, "Linux cooked v1", linux_sll},
    {117, "pflog", pflog},
    {119, "Prism 802.11", prism},
    {122, "IP over fibre channel", fibre_channel},
    {127, "radiotap 802.11", radiotap},
    {163, "AVS 802.11", avs},
    {192, "PPI", ppi},
    {204, "PPP with direction", ppp_with_direction},
    {228, "raw IPv4", walk_ip4},
    {229, "raw IPv6", walk_ip6},
    {239, "NFLOG", walk_nflog},
    {240, "NetANALYZER", netanalyzer},
    {274, "Ethernet with preamble", preamble},
    {276, "Linux cooked v2", linux_sll2},
};

/* ---- for tunnels ------------------------------------------------------------------------- */

enum packet_kind walk_ethernet(struct walk *w) {
    return ethernet(w);
}

enum packet_kind walk_ppp(struct walk *w) {
    return ppp(w);
}

enum packet_kind walk_mpls(struct walk *w) {
    return mpls(w);
}

enum packet_kind walk_ip(struct walk *w) {
    return by_version(w);
}

/* ---- interface --------------------------------------------------------------------------- */

static enum packet_kind by_linktype(struct walk *w, unsigned linktype) {
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (links[i].linktype == linktype)
            return links[i].next(w);
    return PACKET_LINK;
}

const char *dissect_link_name(unsigned linktype) {
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (links[i].linktype == linktype)
            return links[i].name;
    return NULL;
}

enum packet_kind dissect(unsigned linktype, const uint8_t *frame, size_t captured, size_t wire,
                         struct packet *out) {
    memset(out, 0, offsetof(struct packet, label));
    struct walk w = {frame, captured, wire > captured ? wire : captured, 0, 0, false, out};
    return linktype == 1 ? ethernet(&w) : by_linktype(&w, linktype);
}

enum packet_kind dissect_ip(const uint8_t *header, size_t captured, size_t wire,
                            struct packet *out) {
    return dissect(101, header, captured, wire, out);
}
