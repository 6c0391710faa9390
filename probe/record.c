/* SPDX-License-Identifier: MIT */
/*
** From flows to rows. What is set here is what -w stores and, where fields.def gives it octets, what is exported: the
** templates follow from the row.
*/
#include "record.h"

#include "tcp.h"
#include "walk.h"

enum { BIFLOW_INITIATOR = 1 }; /* RFC 5103 6.3 */

static int64_t milliseconds(int64_t microseconds) {
    return microseconds / 1000 - (microseconds % 1000 < 0);
}

static uint64_t mac(const uint8_t octets[6]) {
    return (uint64_t)get32(octets) << 16 | get16(octets + 4);
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

static void set_if(struct flow_row *row, bool told, int field, uint64_t value) {
    if (told)
        flow_row_set(row, field, value);
}

/* What the link layers had to say, where packets came in and where they went out. */
static void set_links(struct flow_row *row, const struct flow_origin *o) {
    const struct flow_link *in = &o->in, *out = &o->out;
    bool tagged = o->in_has & HAS_CVLAN;
    set_if(row, o->in_has & HAS_VLAN, FLOW_srcvlan, in->vlan);
    set_if(row, o->out_has & HAS_VLAN, FLOW_dstvlan, out->vlan);
    set_if(row, tagged || o->out_has & HAS_CVLAN, FLOW_cvlan, tagged ? in->cvlan : out->cvlan);
    set_if(row, o->in_has & HAS_MAC, FLOW_insrcmac, mac(in->srcmac));
    set_if(row, o->in_has & HAS_DSTMAC, FLOW_indstmac, mac(in->dstmac));
    set_if(row, o->out_has & HAS_MAC, FLOW_outsrcmac, mac(out->srcmac));
    set_if(row, o->out_has & HAS_DSTMAC, FLOW_outdstmac, mac(out->dstmac));
}

static void set_origin(struct flow_row *row, const struct flow *f, const struct flow_origin *o) {
    enum { MAY_NOT = 0x40, MORE = 0x20 }; /* bits of fragmentFlags, IPFIX 197 */
    static const uint8_t none[sizeof o->natsrc];
    flow_row_set(row, FLOW_fragflags,
                 (f->has & FLOW_DF ? MAY_NOT : 0u) | (f->has & FLOW_MF ? MORE : 0u));
    set_if(row, f->has & FLOW_FLAGS, FLOW_tcpflags, f->tcpflags);
    set_if(row, o->direction != FLOW_DIRECTION_UNTOLD, FLOW_direction, o->direction);
    set_if(row, o->ethertype, FLOW_ethertype, o->ethertype);
    set_if(row, o->inphysif, FLOW_inphysif, o->inphysif);
    set_if(row, o->outphysif, FLOW_outphysif, o->outphysif);
    set_if(row, o->natsrcport, FLOW_natsrcport, o->natsrcport);
    set_if(row, f->mark, FLOW_mark, f->mark);
    set_links(row, o);
    if (memcmp(o->natsrc, none, sizeof none) != 0)
        flow_row_set_ip(row, FLOW_natsrcip, f->key.family, o->natsrc);
}

/* Segments, and the times of the connection. */
static void set_tcp(struct flow_row *row, const struct flow *f, const struct tcp_detail *d) {
    if (f->has & FLOW_SEQUENCE) {
        flow_row_set(row, FLOW_retransmitted, f->retransmitted);
        flow_row_set(row, FLOW_outoforder, f->out_of_order);
    }
    if (!d)
        return;
    set_if(row, d->has & TCP_HAS_CLIENT, FLOW_clientlatency, d->client);
    set_if(row, d->has & TCP_HAS_SERVER, FLOW_serverlatency, d->server);
    set_if(row, d->has & TCP_HAS_APPLICATION, FLOW_applatency, d->application);
}

static void set_reverse(struct flow_row *row, const struct flow *r) {
    flow_row_set(row, FLOW_biflowdir, BIFLOW_INITIATOR);
    flow_row_set(row, FLOW_outpackets, r->packets);
    flow_row_set(row, FLOW_outbytes, r->bytes);
    flow_row_set_time(row, FLOW_revtstart, milliseconds(r->first));
    flow_row_set_time(row, FLOW_revtend, milliseconds(r->last));
    flow_row_set(row, FLOW_revtos, r->tos);
    set_if(row, r->has & FLOW_FLAGS, FLOW_revtcpflags, r->tcpflags);
    set_if(row, r->has & FLOW_SEQUENCE, FLOW_revretransmitted, r->retransmitted);
    set_if(row, r->has & FLOW_SEQUENCE, FLOW_revoutoforder, r->out_of_order);
}

void record_of_flow(struct flow_row *row, const struct flow_ended *ended) {
    const struct flow *f = ended->flow;
    flow_row_clear(row);
    flow_row_set_time(row, FLOW_tstart, milliseconds(f->first));
    flow_row_set_time(row, FLOW_tend, milliseconds(f->last));
    set_key(row, &f->key);
    set_origin(row, f, ended->origin);
    set_if(row, f->key.family == 6, FLOW_flowlabel, ended->flowlabel);
    set_tcp(row, f, ended->tcp);
    if (ended->reverse)
        set_reverse(row, ended->reverse);
    flow_row_set(row, FLOW_tos, f->tos);
    flow_row_set(row, FLOW_packets, f->packets);
    flow_row_set(row, FLOW_bytes, f->bytes);
    flow_row_set(row, FLOW_minttl, f->minttl);
    flow_row_set(row, FLOW_maxttl, f->maxttl);
    flow_row_set(row, FLOW_minlen, f->minlen);
    flow_row_set(row, FLOW_maxlen, f->maxlen);
    flow_row_set(row, FLOW_endreason, ended->reason);
}

/* The outer header of a tunnel, or the inner one. */
static void set_tunnel(struct flow_row *row, const struct flow_tunnel *t, bool inside) {
    flow_row_set(row, inside ? FLOW_innerproto : FLOW_tunproto, t->proto);
    flow_row_set_ip(row, inside ? FLOW_innersrcip : FLOW_tunsrcip, t->family, t->src);
    flow_row_set_ip(row, inside ? FLOW_innerdstip : FLOW_tundstip, t->family, t->dst);
    set_if(row, inside && t->kind == HAS_PORTS, FLOW_innersrcport, t->srcport);
    set_if(row, inside && t->kind == HAS_PORTS, FLOW_innerdstport, t->dstport);
    set_if(row, t->has_vni, FLOW_vni, t->vni);
}

void record_of_shell(struct flow_row *row, const struct flow_shell *shell, bool inside,
                     char labels[MPLS_TEXT]) {
    set_if(row, shell->fragment, FLOW_fragoffset, shell->fragoffset);
    set_if(row, shell->fragment, FLOW_ipid, shell->fragid);
    if (shell->nlabels)
        flow_row_set_text(row, FLOW_mpls, labels, mpls_write(labels, shell->label, shell->nlabels));
    if (shell->tunnel.family)
        set_tunnel(row, &shell->tunnel, inside);
}
