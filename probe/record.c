/* SPDX-License-Identifier: MIT */
/*
** From flows to rows. What is set here is what -w stores and, where fields.def gives it octets,
** what
** is exported: the templates follow from the row.
*/
#include "record.h"

static int64_t milliseconds(int64_t microseconds) {
    return microseconds / 1000 - (microseconds % 1000 < 0);
}

static uint64_t mac(const uint8_t octets[6]) {
    uint64_t v = 0;
    for (int i = 0; i < 6; i++)
        v = v << 8 | octets[i];
    return v;
}

static void set_key(struct flow_row *row, const struct flow_key *key) {
    flow_row_set(row, FLOW_proto, key->proto);
    flow_row_set(row, FLOW_ipversion, key->family);
    flow_row_set_ip(row, FLOW_srcip, key->family, key->src);
    flow_row_set_ip(row, FLOW_dstip, key->family, key->dst);
    if (key->kind == HAS_PORTS) {
        flow_row_set(row, FLOW_srcport, key->srcport);
        flow_row_set(row, FLOW_dstport, key->dstport);
    } else if (key->kind == HAS_ICMP) {
        flow_row_set(row, FLOW_icmptype, key->srcport);
        flow_row_set(row, FLOW_icmpcode, key->dstport);
    }
    if (key->inif)
        flow_row_set(row, FLOW_inif, key->inif);
    if (key->outif)
        flow_row_set(row, FLOW_outif, key->outif);
}

/* Fields that depend on what the link layer and the transport had to say. */
static void set_optional(struct flow_row *row, const struct flow *f) {
    const struct {
        unsigned bit;
        int field;
        uint64_t value;
    } optional[] = {
        {HAS_TCPFLAGS, FLOW_tcpflags, f->tcpflags},
        {HAS_DIRECTION, FLOW_direction, f->direction},
        {HAS_VLAN, FLOW_srcvlan, f->vlan},
        {HAS_CVLAN, FLOW_cvlan, f->cvlan},
        {HAS_MAC, FLOW_insrcmac, mac(f->srcmac)},
        {HAS_DSTMAC, FLOW_indstmac, mac(f->dstmac)},
        {HAS_ETHERTYPE, FLOW_ethertype, f->ethertype},
    };
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++)
        if (f->has & optional[i].bit)
            flow_row_set(row, optional[i].field, optional[i].value);
}

void record_of_flow(struct flow_row *row, const struct flow *f, enum flow_end reason) {
    flow_row_clear(row);
    flow_row_set_time(row, FLOW_tstart, milliseconds(f->first));
    flow_row_set_time(row, FLOW_tend, milliseconds(f->last));
    set_key(row, &f->key);
    set_optional(row, f);
    flow_row_set(row, FLOW_tos, f->tos);
    flow_row_set(row, FLOW_packets, f->packets);
    flow_row_set(row, FLOW_bytes, f->bytes);
    flow_row_set(row, FLOW_minttl, f->minttl);
    flow_row_set(row, FLOW_maxttl, f->maxttl);
    flow_row_set(row, FLOW_minlen, f->minlen);
    flow_row_set(row, FLOW_maxlen, f->maxlen);
    flow_row_set(row, FLOW_endreason, reason);
}
