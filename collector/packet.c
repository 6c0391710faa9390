/* SPDX-License-Identifier: MIT */
/*
** From a dissected packet to columns. sFlow has such packets in its raw header records, PSAMP in elements.
*/
#include "packet.h"

#include "cursor.h"

enum { LINK_ETHERNET = 1, LINK_RAW_IP = 101, LINK_80211 = 105 }; /* LINKTYPE_ of capture files */
enum { FRAME_80211 = 2 };                                        /* dataLinkFrameType, a bit */

static uint64_t mac_of(const uint8_t *octets) {
    return ben(octets, 6);
}

static void put_link(struct flow_row *row, const struct packet *p) {
    if (p->has & HAS_MAC)
        flow_row_set(row, FLOW_insrcmac, mac_of(p->srcmac));
    if (p->has & HAS_DSTMAC)
        flow_row_set(row, FLOW_indstmac, mac_of(p->dstmac));
    bool told = flow_row_has(row, FLOW_srcvlan) && row->value[FLOW_srcvlan].i;
    if (p->has & HAS_VLAN && !told) /* else by the switch record */
        flow_row_set(row, FLOW_srcvlan, p->vlan);
    if (p->has & HAS_CVLAN)
        flow_row_set(row, FLOW_cvlan, p->cvlan);
    if (p->has & HAS_ETHERTYPE)
        flow_row_set(row, FLOW_ethertype, p->ethertype);
}

static void put_ip(struct flow_row *row, const struct packet *p) {
    flow_row_set(row, FLOW_ipversion, p->family);
    flow_row_set_ip(row, FLOW_srcip, p->family, p->src);
    flow_row_set_ip(row, FLOW_dstip, p->family, p->dst);
    flow_row_set(row, FLOW_proto, p->proto);
    flow_row_set(row, FLOW_tos, p->tos);
    flow_row_set(row, FLOW_minttl, p->ttl);
    flow_row_set(row, FLOW_maxttl, p->ttl);
    flow_row_set(row, FLOW_minlen, p->length);
    flow_row_set(row, FLOW_maxlen, p->length);
    if (p->family == 6)
        flow_row_set(row, FLOW_flowlabel, p->flowlabel);
    if (p->has & HAS_PORTS) {
        flow_row_set(row, FLOW_srcport, p->srcport);
        flow_row_set(row, FLOW_dstport, p->dstport);
    }
    if (p->has & HAS_ICMP) {
        flow_row_set(row, FLOW_icmptype, p->icmptype);
        flow_row_set(row, FLOW_icmpcode, p->icmpcode);
    }
    if (p->has & HAS_TCPFLAGS)
        flow_row_set(row, FLOW_tcpflags, p->tcpflags);
}

/* The innermost header of a tunnel, of which nothing is counted. */
static void put_inside(struct flow_row *row, const struct packet *p) {
    flow_row_set(row, FLOW_innerproto, p->proto);
    flow_row_set_ip(row, FLOW_innersrcip, p->family, p->src);
    flow_row_set_ip(row, FLOW_innerdstip, p->family, p->dst);
    if (p->has & HAS_PORTS) {
        flow_row_set(row, FLOW_innersrcport, p->srcport);
        flow_row_set(row, FLOW_innerdstport, p->dstport);
    }
    if (p->has & HAS_VNI)
        flow_row_set(row, FLOW_vni, p->vni);
}

static void put_labels(struct record *r, const struct packet *p) {
    if (p->nlabels == 0 || r->texts == RECORD_TEXTS)
        return;
    char *text = r->text[r->texts++];
    flow_row_set_text(&r->row, FLOW_mpls, text, mpls_write(text, p->label, p->nlabels));
}

enum packet_kind packet_put(struct record *r, unsigned link, const uint8_t *octets, size_t n,
                            size_t wire, struct packet *p) {
    struct packet inside;
    enum packet_kind kind = dissect(link, octets, n, wire, p);
    put_link(&r->row, p);
    if (kind != PACKET_IP)
        return kind;
    put_ip(&r->row, p);
    bool tunnel = dissect_inside(octets, n, wire, p, &inside);
    if (tunnel)
        put_inside(&r->row, &inside);
    put_labels(r, tunnel ? &inside : p);
    return kind;
}

static uint64_t helper(const struct record *r, enum helper h, uint64_t otherwise) {
    return record_helper(r, h) ? r->helper[h - FLOW_NFIELDS] : otherwise;
}

void packet_of_section(struct record *r) {
    struct flow_row *row = &r->row;
    bool frame = record_helper(r, HELPER_FRAME_SECTION);
    if ((!frame && !record_helper(r, HELPER_IP_SECTION)) || flow_row_has(row, FLOW_srcip) ||
        flow_row_has(row, FLOW_dstip))
        return;
    size_t n = helper(r, frame ? HELPER_FRAME_SECTION : HELPER_IP_SECTION, 0);
    unsigned link = !frame                                          ? LINK_RAW_IP
                    : helper(r, HELPER_FRAME_TYPE, 0) & FRAME_80211 ? LINK_80211
                                                                    : LINK_ETHERNET;
    struct packet p;
    enum packet_kind kind =
        packet_put(r, link, r->section, n, frame ? helper(r, HELPER_FRAME_SIZE, n) : n, &p);
    if (flow_row_has(row, FLOW_packets) || flow_row_has(row, FLOW_bytes))
        return;
    flow_row_set(row, FLOW_packets, 1);
    if (kind == PACKET_IP)
        flow_row_set(row, FLOW_bytes, p.length);
    else if (record_helper(r, HELPER_FRAME_SIZE))
        flow_row_set(row, FLOW_bytes, helper(r, HELPER_FRAME_SIZE, 0));
}
