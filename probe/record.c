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

/* A field and where its value is, for tables of what may not be there. */
struct optional {
    bool told;
    int field;
    uint64_t value;
};

static void set_told(struct flow_row *row, const struct optional *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (list[i].told)
            flow_row_set(row, list[i].field, list[i].value);
}

/* What the link layers had to say, where packets came in and where they went out. */
static void set_links(struct flow_row *row, const struct flow_origin *o) {
    const struct flow_link *in = &o->in, *out = &o->out;
    bool tagged = o->in_has & HAS_CVLAN;
    const struct optional list[] = {
        {o->in_has & HAS_VLAN, FLOW_srcvlan, in->vlan},
        {o->out_has & HAS_VLAN, FLOW_dstvlan, out->vlan},
        {tagged || o->out_has & HAS_CVLAN, FLOW_cvlan, tagged ? in->cvlan : out->cvlan},
        {o->in_has & HAS_MAC, FLOW_insrcmac, mac(in->srcmac)},
        {o->in_has & HAS_DSTMAC, FLOW_indstmac, mac(in->dstmac)},
        {o->out_has & HAS_MAC, FLOW_outsrcmac, mac(out->srcmac)},
        {o->out_has & HAS_DSTMAC, FLOW_outdstmac, mac(out->dstmac)},
    };
    set_told(row, list, sizeof list / sizeof *list);
}

static void set_origin(struct flow_row *row, const struct flow *f, const struct flow_origin *o) {
    static const uint8_t none[sizeof o->natsrc];
    const struct optional list[] = {
        {f->has & HAS_TCPFLAGS, FLOW_tcpflags, f->tcpflags},
        {o->direction != FLOW_DIRECTION_UNTOLD, FLOW_direction, o->direction},
        {o->ethertype, FLOW_ethertype, o->ethertype},
        {o->inphysif, FLOW_inphysif, o->inphysif},
        {o->outphysif, FLOW_outphysif, o->outphysif},
        {o->natsrcport, FLOW_natsrcport, o->natsrcport},
    };
    set_told(row, list, sizeof list / sizeof *list);
    set_links(row, o);
    if (memcmp(o->natsrc, none, sizeof none) != 0)
        flow_row_set_ip(row, FLOW_natsrcip, f->key.family, o->natsrc);
}

void record_of_flow(struct flow_row *row, const struct flow *f, const struct flow_origin *origin,
                    enum flow_end reason) {
    flow_row_clear(row);
    flow_row_set_time(row, FLOW_tstart, milliseconds(f->first));
    flow_row_set_time(row, FLOW_tend, milliseconds(f->last));
    set_key(row, &f->key);
    set_origin(row, f, origin);
    flow_row_set(row, FLOW_tos, f->tos);
    flow_row_set(row, FLOW_packets, f->packets);
    flow_row_set(row, FLOW_bytes, f->bytes);
    flow_row_set(row, FLOW_minttl, f->minttl);
    flow_row_set(row, FLOW_maxttl, f->maxttl);
    flow_row_set(row, FLOW_minlen, f->minlen);
    flow_row_set(row, FLOW_maxlen, f->maxlen);
    flow_row_set(row, FLOW_endreason, reason);
}
