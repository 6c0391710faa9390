/* SPDX-License-Identifier: MIT */
/* Packets as what they add. */
#include "add.h"

#include <string.h>

enum { FIN = 0x01 };

/* 73000 years either way. With timeouts of the same limit no sum of them overflows. */
static const int64_t TIME_LIMIT = INT64_MAX / 4;

_Static_assert(HAS_MF / FLOW_MF == HAS_DF / FLOW_DF, "moved together");

static void set_origin(struct flow_origin *o, const struct packet *pkt) {
    enum { LINK = HAS_MAC | HAS_DSTMAC | HAS_VLAN | HAS_CVLAN };
    bool out = pkt->has & HAS_DIRECTION && pkt->direction == DIRECTION_EGRESS;
    struct flow_link *link = out ? &o->out : &o->in;
    memset(out ? &o->in : &o->out, 0, sizeof *link);
    memcpy(link->srcmac, pkt->srcmac, sizeof link->srcmac);
    memcpy(link->dstmac, pkt->dstmac, sizeof link->dstmac);
    link->vlan = pkt->vlan;
    link->cvlan = pkt->cvlan;
    o->in_has = out ? 0 : pkt->has & LINK;
    o->out_has = out ? pkt->has & LINK : 0;
    o->inphysif = pkt->inphysif;
    o->outphysif = pkt->outphysif;
    memcpy(o->natsrc, pkt->natsrc, sizeof o->natsrc);
    o->natsrcport = pkt->natsrcport;
    o->ethertype = pkt->ethertype;
    o->direction = pkt->has & HAS_DIRECTION ? pkt->direction : FLOW_DIRECTION_UNTOLD;
}

static void put_shell(struct flow_add *add, const struct packet *pkt) {
    struct flow_shell *s = &add->shell;
    memset(s, 0, sizeof *s);
    memcpy(s->label, pkt->label, pkt->nlabels * sizeof *s->label);
    s->nlabels = pkt->nlabels;
    s->fragment = pkt->fragment;
    s->fragid = pkt->fragid;
    s->fragoffset = pkt->fragoffset;
    add->has |= FLOW_SHELL;
}

/* Ports of the outer header are no part of it: senders choose them by what is inside. */
void add_tunnel(struct flow_add *add, const struct packet *other, const struct packet *inner) {
    if (!(add->has & FLOW_SHELL))
        memset(&add->shell, 0, sizeof add->shell);
    struct flow_tunnel *t = &add->shell.tunnel;
    memcpy(t->src, other->src, sizeof t->src);
    memcpy(t->dst, other->dst, sizeof t->dst);
    t->family = other->family;
    t->proto = other->proto;
    t->has_vni = (inner->has & HAS_VNI) != 0;
    t->vni = t->has_vni ? inner->vni : 0;
    if (other == inner) {
        t->kind = inner->has & (HAS_PORTS | HAS_ICMP);
        t->srcport = inner->has & HAS_PORTS ? inner->srcport : inner->icmptype;
        t->dstport = inner->has & HAS_PORTS ? inner->dstport : inner->icmpcode;
    }
    add->has |= FLOW_SHELL;
}

void add_packet(struct flow_add *add, const struct packet *pkt, int64_t time) {
    time = time > TIME_LIMIT ? TIME_LIMIT : time < -TIME_LIMIT ? -TIME_LIMIT : time;
    memset(&add->key, 0, sizeof add->key);
    memcpy(add->key.src, pkt->src, sizeof add->key.src);
    memcpy(add->key.dst, pkt->dst, sizeof add->key.dst);
    add->key.inif = pkt->inif;
    add->key.outif = pkt->outif;
    add->key.family = pkt->family;
    add->key.proto = pkt->proto;
    add->key.kind = pkt->has & (HAS_PORTS | HAS_ICMP);
    if (pkt->has & HAS_PORTS) {
        add->key.srcport = pkt->srcport;
        add->key.dstport = pkt->dstport;
    } else if (pkt->has & HAS_ICMP) {
        add->key.srcport = pkt->icmptype;
        add->key.dstport = pkt->icmpcode;
    }
    add->first = add->last = time;
    add->packets = 1;
    add->bytes = pkt->length;
    add->minlen = add->maxlen = pkt->length;
    add->minttl = add->maxttl = pkt->ttl;
    add->tcpflags = pkt->tcpflags;
    add->tos = pkt->tos;
    add->mark = pkt->mark;
    add->has = (uint8_t)((pkt->has & HAS_TCPFLAGS ? FLOW_FLAGS | FLOW_SEQUENCE : 0) |
                         (pkt->has & (HAS_MF | HAS_DF)) / (HAS_MF / FLOW_MF));
    add->flowlabel = pkt->flowlabel;
    add->seq = pkt->tcpseq;
    add->seq_length = pkt->payload_length + (pkt->tcpflags & FIN) + (pkt->tcpflags >> 1 & 1);
    add->fragment = pkt->fragment;
    if (pkt->fragment) {
        add->has &= (uint8_t)~FLOW_SEQUENCE;
        add->fragoffset = pkt->fragoffset;
        add->fragid = pkt->fragid;
    }
    set_origin(&add->origin, pkt);
    if (pkt->has & (HAS_LABELS | HAS_FRAGMENT))
        put_shell(add, pkt);
}
