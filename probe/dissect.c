/* SPDX-License-Identifier: MIT */
/*
** Link layers down to the outermost IP header. A table gives each link type a function that strips
** its header and says what comes next; walk_ethertype() and by_ppp() are where the ways meet. NFLOG
** headers are read in dissect_nflog.c, 802.11 in dissect_wlan.c, what captures have in front of frames otherwise in
** dissect_prefix.c, the IP headers themselves in dissect_ip.c, tunnels in dissect_tunnel.c.
**
** Numbers: LINKTYPE_ values of the tcpdump group's registry, IEEE Ethernet types, PPP protocol
** numbers of RFC 1661 and IANA.
*/
#include "dissect.h"

#include <string.h>

#include "dissect_ip.h"
#include "dissect_link.h"
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

/* MACsec (802.1AE 9.3), where the payload is not encrypted: control, short length, packet number, channel. */
static enum packet_kind macsec(struct walk *w) {
    enum { CHANNEL = 0x20, ENCRYPTED = 0x08, CHANGED = 0x04 };
    const uint8_t *p = walk_peek(w, 1);
    if (!p)
        return PACKET_TRUNCATED;
    if (p[0] & (ENCRYPTED | CHANGED))
        return PACKET_OTHER;
    return shim(w, p[0] & CHANNEL ? 16 : 8);
}

/* Time stamps of Arista's switches: subtype, version; seconds and nanoseconds. */
static enum packet_kind arista(struct walk *w) {
    enum { OF_48_BITS = 0x20 };
    const uint8_t *p = walk_peek(w, 4);
    if (!p)
        return PACKET_TRUNCATED;
    return get16(p) == 1 ? shim(w, p[3] & OF_48_BITS ? 12 : 14) : PACKET_OTHER;
}

/* Marvell's tag as an Ethernet type. */
static enum packet_kind edsa(struct walk *w) {
    const uint8_t *p = walk_take(w, 2);
    return p ? walk_dsa_tag(w) : PACKET_TRUNCATED;
}

/* TRILL (RFC 6325 3.2): five bits of its first two octets count words of options. */
static enum packet_kind trill(struct walk *w) {
    const uint8_t *p = walk_take(w, 6);
    if (!p)
        return PACKET_TRUNCATED;
    return walk_take(w, (get16(p) >> 6 & 31u) * 4u) ? ethernet(w) : PACKET_TRUNCATED;
}

static enum packet_kind fabric_path(struct walk *w) {
    return walk_take(w, 2) ? ethernet(w) : PACKET_TRUNCATED;
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
    {0x88e5, macsec},
    {0x894f, walk_nsh},
    {0xd28b, arista},
    {0xdada, edsa},
    {0x22f3, trill},
    {0x8903, fabric_path}, /* Cisco's */
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

/* pppd has a direction where the address is. */
static enum packet_kind pppd(struct walk *w) {
    const uint8_t *p = walk_take(w, 2);
    if (!p)
        return PACKET_TRUNCATED;
    walk_direction(w, p[0] == 1);
    return by_ppp(w);
}

/* An octet that is 0 of what the host received. */
static enum packet_kind with_direction(struct walk *w, enum packet_kind (*next)(struct walk *w)) {
    const uint8_t *p = walk_take(w, 1);
    if (!p)
        return PACKET_TRUNCATED;
    walk_direction(w, p[0] != 0);
    return next(w);
}

static enum packet_kind ppp_with_direction(struct walk *w) {
    return with_direction(w, ppp);
}

static enum packet_kind cisco_hdlc_with_direction(struct walk *w) {
    return with_direction(w, cisco_hdlc);
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

static enum packet_kind frame_relay_with_direction(struct walk *w) {
    return with_direction(w, frame_relay);
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

static const struct {
    const char *name; /* NULL: not known */
    enum packet_kind (*next)(struct walk *w);
} links[] = {
    [0] = {"BSD loopback", null_loopback},
    [1] = {"Ethernet", ethernet},
    [6] = {"token ring", walk_token_ring},
    [7] = {"ARCNET", walk_arcnet},
    [9] = {"PPP", ppp},
    [10] = {"FDDI", walk_fddi},
    [12] = {"raw IP", by_version}, /* DLT_RAW as most systems number it */
    [14] = {"raw IP", by_version}, /* as OpenBSD does */
    [50] = {"PPP over HDLC", ppp},
    [51] = {"PPPoE", pppoe_session},
    [100] = {"RFC 1483 ATM", llc},
    [101] = {"raw IP", by_version},
    [104] = {"Cisco HDLC", cisco_hdlc},
    [105] = {"802.11", walk_wlan},
    [106] = {"IP over ATM", walk_atm_clip},
    [107] = {"frame relay", frame_relay},
    [108] = {"OpenBSD loopback", null_loopback},
    [109] = {"enc", enc},
    [113] = {"Linux cooked v1", linux_sll},
    [117] = {"pflog", pflog},
    [119] = {"Prism 802.11", walk_prism},
    [122] = {"IP over fibre channel", walk_fibre_channel},
    [123] = {"SunATM", walk_sunatm},
    [127] = {"radiotap 802.11", walk_radiotap},
    [129] = {"ARCNET of Linux", walk_arcnet_linux},
    [138] = {"IP over IEEE 1394", walk_1394},
    [143] = {"DOCSIS", walk_docsis},
    [163] = {"AVS 802.11", walk_avs},
    [166] = {"PPP of pppd", pppd},
    [178] = {"Juniper Ethernet", walk_juniper_ethernet},
    [179] = {"Juniper PPP", walk_juniper_ppp},
    [180] = {"Juniper frame relay", walk_juniper_frame_relay},
    [181] = {"Juniper Cisco HDLC", walk_juniper_chdlc},
    [192] = {"PPI", walk_ppi},
    [197] = {"ERF", walk_erf},
    [204] = {"PPP with direction", ppp_with_direction},
    [205] = {"Cisco HDLC with direction", cisco_hdlc_with_direction},
    [206] = {"frame relay with direction", frame_relay_with_direction},
    [219] = {"MPLS", mpls},
    [226] = {"Solaris ipnet", walk_ipnet},
    [228] = {"raw IPv4", walk_ip4},
    [229] = {"raw IPv6", walk_ip6},
    [239] = {"NFLOG", walk_nflog},
    [240] = {"NetANALYZER", walk_netanalyzer},
    [241] = {"NetANALYZER with preamble", walk_netanalyzer_transparent},
    [242] = {"IP over InfiniBand", walk_ipoib},
    [258] = {"pktap", walk_pktap},
    [274] = {"Ethernet with preamble", walk_preamble},
    [276] = {"Linux cooked v2", linux_sll2},
    [281] = {"Ethernet with Broadcom tag", walk_switch_tag},
    [282] = {"Broadcom tag and Ethernet", walk_netanalyzer}, /* of four octets as well */
    [284] = {"Ethernet with DSA tag", walk_dsa},
    [285] = {"Ethernet with EDSA tag", ethernet},
};

/* ---- for others -------------------------------------------------------------------------- */

enum packet_kind walk_ethernet(struct walk *w) {
    return ethernet(w);
}

enum packet_kind walk_llc(struct walk *w) {
    return llc(w);
}

enum packet_kind walk_cisco_hdlc(struct walk *w) {
    return cisco_hdlc(w);
}

enum packet_kind walk_frame_relay(struct walk *w) {
    return frame_relay(w);
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

enum packet_kind walk_linktype(struct walk *w, unsigned linktype) {
    if (++w->depth > MAX_DEPTH) /* headers that have a link type */
        return PACKET_MALFORMED;
    return dissect_link_name(linktype) ? links[linktype].next(w) : PACKET_LINK;
}

const char *dissect_link_name(unsigned linktype) {
    return linktype < sizeof links / sizeof *links ? links[linktype].name : NULL;
}

enum packet_kind dissect(unsigned linktype, const uint8_t *frame, size_t captured, size_t wire,
                         struct packet *out) {
    memset(out, 0, offsetof(struct packet, label));
    struct walk w = {frame, captured, wire > captured ? wire : captured, 0, 0, false, out};
    return linktype == 1 ? ethernet(&w) : walk_linktype(&w, linktype);
}

enum packet_kind dissect_ip(const uint8_t *header, size_t captured, size_t wire,
                            struct packet *out) {
    return dissect(101, header, captured, wire, out);
}
