/* SPDX-License-Identifier: MIT */
/*
** Flow records of sFlow version 5 (sFlow Version 5, July 2004, section 5.3; further ones by
** sflow.org). Each has a line in the table at the end; all is in XDR: 32-bit integers, and octets
** padded to a multiple of four.
*/
#include "sflow_record.h"

#include <stdarg.h>
#include <stdio.h>

#include "packet.h"

/* What is known of the packet's length, best last. */
enum length_of { LENGTH_NONE, LENGTH_IP, LENGTH_ETHERNET, LENGTH_FRAME };

struct sampled {
    struct record *r;
    enum length_of length;
    size_t nextra; /* octets of r->extra, the } not yet behind */
};

static void set_bytes(struct sampled *s, enum length_of of, uint32_t octets) {
    if (of <= s->length)
        return;
    s->length = of;
    flow_row_set(&s->r->row, FLOW_bytes, octets);
}

bool sflow_address(struct cursor *c, struct flow_ip *ip) {
    uint32_t type;
    memset(ip, 0, sizeof *ip);
    if (!cursor_u32(c, &type) || type > 2)
        return false;
    if (type == 0)
        return true;
    const uint8_t *octets = cursor_take(c, type == 1 ? 4 : 16);
    if (octets)
        *ip = flow_ip_make(type == 1 ? 4 : 6, octets);
    return octets != NULL;
}

static bool take_address(struct sampled *s, struct cursor *in, int field) {
    struct flow_ip ip;
    if (!sflow_address(in, &ip))
        return false;
    if (ip.family) {
        s->r->row.value[field].ip = ip;
        flow_row_mark(&s->r->row, field);
    }
    return true;
}

/* ---- what has no column ----------------------------------------------------------------- */

/* A member of the object in extra; what there is no room for is left out. name and format are ours. */
__attribute__((format(printf, 3, 4))) static void put_extra(struct sampled *s, const char *name,
                                                            const char *format, ...) {
    enum { END = 2 }; /* } and a NUL */
    char value[512], *out = s->r->extra;
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    size_t room = sizeof s->r->extra - END - s->nextra;
    size_t n =
        (size_t)snprintf(out + s->nextra, room, "%s\"%s\":%s", s->nextra ? "," : "{", name, value);
    if (n < room)
        s->nextra += n;
}

static void put_extra_ip(struct sampled *s, const char *name, int family, const uint8_t *octets) {
    const struct flow_ip ip = flow_ip_make(family, octets);
    char text[FLOW_IP_TEXT];
    flow_ip_text(&ip, text);
    put_extra(s, name, "\"%s\"", text);
}

static void finish_extra(struct sampled *s) {
    if (!s->nextra)
        return;
    s->r->extra[s->nextra++] = '}';
    flow_row_set_text(&s->r->row, FLOW_extra, s->r->extra, s->nextra);
}

/* ---- pieces ----------------------------------------------------------------------------- */

/* Octets with their number before and padding behind; NULL when they are cut off. */
static const uint8_t *take_opaque(struct cursor *in, uint32_t *n) {
    if (!cursor_u32(in, n) || *n > cursor_left(in))
        return NULL;
    const uint8_t *p = cursor_take(in, *n);
    cursor_cut(in, (4 - *n % 4) % 4);
    return p;
}

static uint64_t mac_of(const uint8_t *octets) {
    return ben(octets, 6);
}

static void set_vlan(struct flow_row *row, int field, uint32_t vlan) {
    if (vlan <= 4095 && (vlan || !flow_row_has(row, field)))
        flow_row_set(row, field, vlan);
}

/* ---- the packet itself ------------------------------------------------------------------- */

/* header_protocol as link types of capture files; 0: not looked into. */
static unsigned link_of(uint32_t protocol) {
    static const uint8_t links[] = {
        [1] = 1,    /* Ethernet */
        [3] = 6,    /* token ring */
        [4] = 10,   /* FDDI */
        [5] = 107,  /* frame relay */
        [7] = 9,    /* PPP */
        [11] = 101, /* IPv4 */
        [12] = 101, /* IPv6 */
        [14] = 9,   /* PPP over SONET */
        [15] = 105, /* 802.11 */
    };
    return protocol < sizeof links ? links[protocol] : 0;
}

/* The first octets of the packet. */
static bool raw_header(struct sampled *s, struct cursor *in) {
    uint32_t protocol, frame, stripped, n;
    if (!cursor_u32(in, &protocol) || !cursor_u32(in, &frame) || !cursor_u32(in, &stripped))
        return false;
    set_bytes(s, LENGTH_FRAME, frame);
    const uint8_t *octets = take_opaque(in, &n);
    if (!octets)
        return false;
    unsigned link = link_of(protocol);
    struct packet p;
    if (!link)
        return true;
    packet_put(s->r, link, octets, n, frame > stripped ? frame - stripped : 0, &p);
    return true;
}

static bool ethernet(struct sampled *s, struct cursor *in) {
    enum { LENGTH = 0, SRC = 4, DST = 12, TYPE = 20, OCTETS = 24 };
    const uint8_t *p = cursor_take(in, OCTETS);
    if (!p)
        return false;
    set_bytes(s, LENGTH_ETHERNET, be32(p + LENGTH));
    flow_row_set(&s->r->row, FLOW_insrcmac, mac_of(p + SRC));
    flow_row_set(&s->r->row, FLOW_indstmac, mac_of(p + DST));
    flow_row_set(&s->r->row, FLOW_ethertype, be32(p + TYPE) & 0xffff);
    return true;
}

/* Length, protocol, addresses, ports, TCP flags, type of service. */
static bool ip_fields(struct sampled *s, struct cursor *in, int family) {
    const size_t octets = family == 4 ? 4 : 16;
    const uint8_t *p = cursor_take(in, 8 + 2 * octets + 16);
    if (!p)
        return false;
    struct flow_row *row = &s->r->row;
    const uint8_t *ports = p + 8 + 2 * octets;
    uint32_t proto = be32(p + 4);
    set_bytes(s, LENGTH_IP, be32(p));
    flow_row_set(row, FLOW_minlen, be32(p));
    flow_row_set(row, FLOW_maxlen, be32(p));
    flow_row_set(row, FLOW_proto, proto & 0xff);
    flow_row_set_ip(row, FLOW_srcip, family, p + 8);
    flow_row_set_ip(row, FLOW_dstip, family, p + 8 + octets);
    flow_row_set(row, FLOW_ipversion, (uint64_t)family);
    flow_row_set(row, FLOW_tos, be32(ports + 12) & 0xff);
    if (proto == 1 || proto == 58) { /* ICMP: agents put type and code where ports would be */
        flow_row_set(row, FLOW_icmptype, be32(ports) & 0xff);
        flow_row_set(row, FLOW_icmpcode, be32(ports + 4) & 0xff);
        return true;
    }
    flow_row_set(row, FLOW_srcport, be32(ports) & 0xffff);
    flow_row_set(row, FLOW_dstport, be32(ports + 4) & 0xffff);
    if (proto == 6)
        flow_row_set(row, FLOW_tcpflags, be32(ports + 8) & 0xffff);
    return true;
}
static bool ip4(struct sampled *s, struct cursor *in) {
    return ip_fields(s, in, 4);
}
static bool ip6(struct sampled *s, struct cursor *in) {
    return ip_fields(s, in, 6);
}

/* ---- what the device did with it --------------------------------------------------------- */

static bool extended_switch(struct sampled *s, struct cursor *in) {
    const uint8_t *p =
        cursor_take(in, 16); /* VLAN and priority of the source, of the destination */
    if (!p)
        return false;
    set_vlan(&s->r->row, FLOW_srcvlan, be32(p));
    set_vlan(&s->r->row, FLOW_dstvlan, be32(p + 8));
    return true;
}

static bool extended_router(struct sampled *s, struct cursor *in) {
    const uint8_t *masks;
    if (!take_address(s, in, FLOW_next) || !(masks = cursor_take(in, 8)))
        return false;
    flow_row_set(&s->r->row, FLOW_srcmask, be32(masks) & 0xff);
    flow_row_set(&s->r->row, FLOW_dstmask, be32(masks + 4) & 0xff);
    return true;
}

/* The first and the last autonomous system of a path; both stay when it is empty. */
static bool as_path(struct cursor *in, uint32_t *first, uint32_t *last) {
    uint32_t segments, n;
    bool any = false;
    if (!cursor_u32(in, &segments))
        return false;
    while (segments--) {
        const uint8_t *p = cursor_take(in, 4); /* set or sequence */
        if (!p || !cursor_u32(in, &n) || n > cursor_left(in) / 4)
            return false;
        p = cursor_take(in, (size_t)n * 4);
        if (n == 0)
            continue;
        if (!any)
            *first = be32(p);
        *last = be32(p + ((size_t)n - 1) * 4);
        any = true;
    }
    return true;
}

/* Communities as RFC 1997 writes them, then the local preference. */
static bool communities(struct sampled *s, struct cursor *in) {
    uint32_t n, preference;
    if (!cursor_u32(in, &n) || n > cursor_left(in) / 4)
        return false;
    char text[400] = "";
    size_t at = 0;
    for (uint32_t i = 0, v; i < n && cursor_u32(in, &v); i++)
        if (at < sizeof text - 16)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%u:%u", at ? " " : "", v >> 16,
                                   v & 0xffff);
    if (at)
        put_extra(s, "communities", "\"%s\"", text);
    if (!cursor_u32(in, &preference))
        return false;
    if (preference)
        put_extra(s, "localPreference", "%u", preference);
    return true;
}

static bool extended_gateway(struct sampled *s, struct cursor *in) {
    const uint8_t *p;
    if (!take_address(s, in, FLOW_bgpnext) || !(p = cursor_take(in, 12)))
        return false;
    struct flow_row *row = &s->r->row;
    uint32_t own = be32(p), src = be32(p + 4), src_peer = be32(p + 8), next = 0, dst = own;
    if (!as_path(in, &next, &dst))
        return false;
    flow_row_set(row, FLOW_srcas, src ? src : own);
    flow_row_set(row, FLOW_dstas, dst);
    if (src_peer)
        flow_row_set(row, FLOW_prevas, src_peer);
    if (next)
        flow_row_set(row, FLOW_nextas, next);
    return communities(s, in);
}

/* Name of the source's user; that of the destination's has no column. */
static bool extended_user(struct sampled *s, struct cursor *in) {
    uint32_t charset, n;
    const uint8_t *name = cursor_u32(in, &charset) ? take_opaque(in, &n) : NULL;
    if (!name)
        return false;
    if (n)
        record_set_text(s->r, FLOW_username, name, n);
    return true;
}

static bool extended_nat(struct sampled *s, struct cursor *in) {
    return take_address(s, in, FLOW_natsrcip) && take_address(s, in, FLOW_natdstip);
}

static bool extended_nat_port(struct sampled *s, struct cursor *in) {
    const uint8_t *p = cursor_take(in, 8);
    if (!p)
        return false;
    flow_row_set(&s->r->row, FLOW_natsrcport, be32(p) & 0xffff);
    flow_row_set(&s->r->row, FLOW_natdstport, be32(p + 4) & 0xffff);
    return true;
}

/* ---- tunnels and labels ------------------------------------------------------------------ */

/* One packet's labels: 20 bits of each word. */
static bool label_stack(struct sampled *s, struct cursor *in, const char *name) {
    uint32_t n;
    if (!cursor_u32(in, &n) || n > cursor_left(in) / 4)
        return false;
    char text[200] = "";
    size_t at = 0;
    for (uint32_t i = 0, v; i < n && cursor_u32(in, &v); i++)
        if (at < sizeof text - 12)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%u", at ? " " : "", v >> 12);
    if (at)
        put_extra(s, name, "\"%s\"", text);
    return true;
}

static bool extended_mpls(struct sampled *s, struct cursor *in) {
    return take_address(s, in, FLOW_next) && label_stack(s, in, "mplsLabelsIn") &&
           label_stack(s, in, "mplsLabelsOut");
}

/* The outer header, in the form of the records 3 and 4. */
static bool outer_header(struct sampled *s, struct cursor *in, int family, bool egress) {
    const size_t octets = family == 4 ? 4 : 16;
    const uint8_t *p = cursor_take(in, 8 + 2 * octets + 16);
    if (!p)
        return false;
    put_extra_ip(s, egress ? "tunnelOutSrcip" : "tunnelInSrcip", family, p + 8);
    put_extra_ip(s, egress ? "tunnelOutDstip" : "tunnelInDstip", family, p + 8 + octets);
    put_extra(s, egress ? "tunnelOutProto" : "tunnelInProto", "%u", be32(p + 4) & 0xff);
    return true;
}
static bool tunnel4_egress(struct sampled *s, struct cursor *in) {
    return outer_header(s, in, 4, true);
}
static bool tunnel4_ingress(struct sampled *s, struct cursor *in) {
    return outer_header(s, in, 4, false);
}
static bool tunnel6_egress(struct sampled *s, struct cursor *in) {
    return outer_header(s, in, 6, true);
}
static bool tunnel6_ingress(struct sampled *s, struct cursor *in) {
    return outer_header(s, in, 6, false);
}

static bool vni(struct sampled *s, struct cursor *in, const char *name) {
    uint32_t id;
    if (!cursor_u32(in, &id))
        return false;
    put_extra(s, name, "%u", id);
    return true;
}
static bool vni_egress(struct sampled *s, struct cursor *in) {
    return vni(s, in, "vniOut");
}
static bool vni_ingress(struct sampled *s, struct cursor *in) {
    return vni(s, in, "vniIn");
}

/* ---- the table --------------------------------------------------------------------------- */

/* By data_format: enterprise * 4096 + format; all are those of sflow.org, enterprise 0. */
static const struct {
    uint32_t format;
    bool (*take)(struct sampled *s, struct cursor *in);
} records[] = {
    {1, raw_header},
    {2, ethernet},
    {3, ip4},
    {4, ip6},
    {1001, extended_switch},
    {1002, extended_router},
    {1003, extended_gateway},
    {1004, extended_user},
    {1006, extended_mpls},
    {1007, extended_nat},
    {1020, extended_nat_port},
    {1023, tunnel4_egress},
    {1024, tunnel4_ingress},
    {1025, tunnel6_egress},
    {1026, tunnel6_ingress},
    {1029, vni_egress},
    {1030, vni_ingress},
};

static bool take_record(struct sampled *s, uint32_t format, struct cursor *in) {
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        if (records[i].format == format)
            return records[i].take(s, in);
    return true;
}

bool sflow_flow_records(struct record *r, struct cursor *in, uint32_t count) {
    struct sampled s = {.r = r};
    bool good = true;
    while (count--) { /* each takes octets, or ends it */
        uint32_t format, octets;
        if (!cursor_u32(in, &format) || !cursor_u32(in, &octets) || octets > cursor_left(in)) {
            good = false;
            break;
        }
        struct cursor body = cursor_cut(in, octets);
        good = take_record(&s, format, &body) && good;
    }
    finish_extra(&s);
    return good;
}
