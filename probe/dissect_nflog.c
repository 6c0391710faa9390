/* SPDX-License-Identifier: MIT */
/*
** Linux netfilter's log (LINKTYPE_NFLOG): a header of four octets, then attributes of netlink, the
** last of which is the packet. The attributes are those of linux/netfilter/nfnetlink_log.h: lengths
** and types are in the byte order of the machine that captured, values in network order, each
** attribute is padded to four octets. One record is made of a packet where the rule is, so a
** forwarded packet has both interfaces, and the addresses that it has in that chain.
**
** With the conntrack entry in it (NFULA_CT; attributes of nfnetlink_conntrack.h) it is known also
** which source the packet will leave with: the destination that replies are expected to have.
*/
#include "dissect_nflog.h"

#include <string.h>

#include "dissect_ip.h"

enum { /* the record's attributes */
       PACKET_HDR = 1,
       MARK = 2,
       TIMESTAMP = 3,
       INDEV = 4,
       OUTDEV = 5,
       PHYSINDEV = 6,
       PHYSOUTDEV = 7,
       HWADDR = 8,
       PAYLOAD = 9,
       HWTYPE = 15,
       HWHEADER = 16,
       CT = 18,
       CT_INFO = 19,
       VLAN = 20,
};

enum { /* nested ones */
       CTA_TUPLE_ORIG = 1,
       CTA_TUPLE_REPLY = 2,
       CTA_TUPLE_IP = 1,
       CTA_TUPLE_PROTO = 2,
       CTA_IP_V4_SRC = 1,
       CTA_IP_V4_DST = 2,
       CTA_IP_V6_SRC = 3,
       CTA_IP_V6_DST = 4,
       CTA_PROTO_SRC_PORT = 2,
       CTA_PROTO_DST_PORT = 3,
       VLAN_PROTO = 1,
       VLAN_TCI = 2,
};

enum {
    TYPE_MASK = 0x3fff, /* above: nested, network byte order */
    HEADER = 4,
    FAMILY_IP4 = 2,
    FAMILY_IP6 = 10,
    ARPHRD_ETHER = 1,
    ETHERNET = 14,
    FIRST_REPLY = 3, /* of the kernel's ip_conntrack_info: from here on, the packet is a reply */
    MAX_SECONDS = 0x7fffffff,
};

/* One end of a connection as conntrack has it. */
struct endpoint {
    uint8_t address[16];
    uint16_t port;
};

struct tuple {
    struct endpoint src, dst;
    bool told;
};

/* What the attributes say that is needed at their end. */
struct record {
    unsigned protocol; /* Ethernet type, 0: not told */
    unsigned hardware; /* type of the header in hwheader */
    const uint8_t *hwheader;
    size_t hwheader_length;
    bool conntrack, reply;
    struct tuple tuples[2]; /* original, reply */
};

/* A list of attributes. */
struct attributes {
    const uint8_t *p;
    size_t left;
    bool little;
};

struct attribute {
    unsigned type;
    const uint8_t *value;
    size_t length;  /* as it says */
    size_t present; /* of that, octets there are */
};

static unsigned order16(bool little, const uint8_t *p) {
    return little ? get16le(p) : get16(p);
}

/* The next one; false at the end of the list. Of the last one octets may be missing. */
static bool next(struct attributes *list, struct attribute *a) {
    if (list->left < 4)
        return false;
    size_t length = order16(list->little, list->p);
    if (length < 4)
        return false;
    a->type = order16(list->little, list->p + 2) & TYPE_MASK;
    a->value = list->p + 4;
    a->length = length - 4;
    a->present = length <= list->left ? length - 4 : list->left - 4;
    size_t step = (length + 3) & ~(size_t)3;
    step = step < list->left ? step : list->left;
    list->p += step;
    list->left -= step;
    return true;
}

static struct attributes nested(const struct attributes *list, const struct attribute *a) {
    return (struct attributes){a->value, a->present, list->little};
}

/* Types are below 256, so the octet that is not zero tells the byte order. */
static struct attributes attributes_of(const uint8_t *frame, size_t captured) {
    struct attributes list = {frame + HEADER, captured - HEADER, false};
    list.little = list.left >= 4 && (get16le(list.p + 2) & TYPE_MASK) < 256;
    return list;
}

/* ---- conntrack --------------------------------------------------------------------------- */

static void read_addresses(struct attributes list, struct tuple *t) {
    for (struct attribute a; next(&list, &a);) {
        size_t octets = a.type == CTA_IP_V4_SRC || a.type == CTA_IP_V4_DST ? 4 : 16;
        if (a.type < CTA_IP_V4_SRC || a.type > CTA_IP_V6_DST || a.present < octets)
            continue;
        bool src = a.type == CTA_IP_V4_SRC || a.type == CTA_IP_V6_SRC;
        memcpy(src ? t->src.address : t->dst.address, a.value, octets);
        t->told = true;
    }
}

static void read_ports(struct attributes list, struct tuple *t) {
    for (struct attribute a; next(&list, &a);) {
        if (a.present < 2)
            continue;
        if (a.type == CTA_PROTO_SRC_PORT)
            t->src.port = get16(a.value);
        else if (a.type == CTA_PROTO_DST_PORT)
            t->dst.port = get16(a.value);
    }
}

static void read_conntrack(struct attributes list, struct record *r) {
    for (struct attribute a; next(&list, &a);) {
        if (a.type != CTA_TUPLE_ORIG && a.type != CTA_TUPLE_REPLY)
            continue;
        struct tuple *t = &r->tuples[a.type - CTA_TUPLE_ORIG];
        struct attributes parts = nested(&list, &a);
        for (struct attribute b; next(&parts, &b);) {
            if (b.type == CTA_TUPLE_IP)
                read_addresses(nested(&parts, &b), t);
            else if (b.type == CTA_TUPLE_PROTO)
                read_ports(nested(&parts, &b), t);
        }
    }
}

/* The source that the packet leaves with, if it is another one than in its header. */
static void translated(struct packet *pkt, const struct record *r) {
    const struct tuple *back = &r->tuples[r->reply ? 0 : 1];
    if (!r->conntrack || !back->told)
        return;
    bool ports = pkt->has & HAS_PORTS;
    if (memcmp(back->dst.address, pkt->src, sizeof pkt->src) == 0 &&
        (!ports || back->dst.port == pkt->srcport))
        return;
    memcpy(pkt->natsrc, back->dst.address, sizeof pkt->natsrc);
    pkt->natsrcport = ports ? back->dst.port : 0;
    pkt->has |= HAS_NATSRC;
}

/* ---- the record -------------------------------------------------------------------------- */

static uint64_t get64(const uint8_t *p) {
    return (uint64_t)get32(p) << 32 | get32(p + 4);
}

static void read_vlan(struct attributes list, struct packet *pkt) {
    for (struct attribute a; next(&list, &a);) {
        if (a.type != VLAN_TCI || a.present < 2)
            continue;
        pkt->vlan = get16(a.value) & 0x0fff;
        pkt->has |= HAS_VLAN;
    }
}

static void read_interface(struct packet *pkt, const struct attribute *a) {
    uint32_t *const fields[] = {&pkt->inif, &pkt->outif, &pkt->inphysif, &pkt->outphysif};
    if (a->present >= 4)
        *fields[a->type - INDEV] = get32(a->value);
}

static void read_attribute(const struct attributes *list, const struct attribute *a,
                           struct record *r, struct packet *pkt) {
    switch (a->type) {
    case PACKET_HDR:
        if (a->present >= 3)
            r->protocol = get16(a->value);
        break;
    case MARK:
        if (a->present >= 4)
            pkt->mark = get32(a->value);
        break;
    case TIMESTAMP:
        if (a->present >= 16 && get64(a->value) <= MAX_SECONDS) {
            pkt->time = (int64_t)get64(a->value) * 1000000 + get32(a->value + 12) % 1000000;
            pkt->has |= HAS_TIME;
        }
        break;
    case INDEV:
    case OUTDEV:
    case PHYSINDEV:
    case PHYSOUTDEV:
        read_interface(pkt, a);
        break;
    case HWADDR: /* a length of two octets, two of padding, the sender's address */
        if (a->present >= 10 && get16(a->value) == 6) {
            memcpy(pkt->srcmac, a->value + 4, 6);
            pkt->has |= HAS_MAC;
        }
        break;
    case HWTYPE:
        if (a->present >= 2)
            r->hardware = get16(a->value);
        break;
    case HWHEADER:
        r->hwheader = a->value;
        r->hwheader_length = a->present;
        break;
    case CT:
        r->conntrack = true;
        read_conntrack(nested(list, a), r);
        break;
    case CT_INFO:
        r->reply = a->present >= 4 && get32(a->value) >= FIRST_REPLY;
        break;
    case VLAN:
        read_vlan(nested(list, a), pkt);
        break;
    default: /* prefix, ids of user and group, sequence numbers */
        break;
    }
}

/* The link layer's header as it came, which has the receiver's address, too. */
static void read_hwheader(struct packet *pkt, const struct record *r) {
    if (r->hardware != ARPHRD_ETHER || r->hwheader_length < ETHERNET)
        return;
    memcpy(pkt->dstmac, r->hwheader, 6);
    memcpy(pkt->srcmac, r->hwheader + 6, 6);
    pkt->has |= HAS_MAC | HAS_DSTMAC;
}

/* Received or sent by the host itself; what it forwards counts as received. */
static void read_direction(struct walk *w) {
    if (w->pkt->inif || w->pkt->outif)
        walk_direction(w, w->pkt->inif == 0);
}

enum packet_kind walk_nflog(struct walk *w) {
    struct record r = {0};
    struct attribute a;
    const uint8_t *start = walk_peek(w, HEADER);
    if (!start)
        return PACKET_TRUNCATED;
    unsigned family = start[0];
    struct attributes list = attributes_of(start, walk_left(w));
    for (;;) {
        if (!next(&list, &a))
            return list.left >= 4 ? PACKET_MALFORMED : PACKET_TRUNCATED;
        if (a.type == PAYLOAD)
            break;
        if (a.present < a.length)
            return PACKET_TRUNCATED;
        read_attribute(&list, &a, &r, w->pkt);
    }
    w->at = (size_t)(a.value - w->frame);
    read_hwheader(w->pkt, &r);
    read_direction(w);
    enum packet_kind kind = family == FAMILY_IP4   ? walk_ip4(w)
                            : family == FAMILY_IP6 ? walk_ip6(w)
                            : r.protocol != 0      ? walk_ethertype(w, r.protocol)
                                                   : PACKET_OTHER;
    if (kind == PACKET_IP)
        translated(w->pkt, &r);
    return kind;
}

size_t nflog_payload(const uint8_t *frame, size_t captured) {
    if (captured < HEADER)
        return captured;
    struct attributes list = attributes_of(frame, captured);
    for (struct attribute a; next(&list, &a);)
        if (a.type == PAYLOAD)
            return (size_t)(a.value - frame);
    return captured;
}
