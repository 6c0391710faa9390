/* SPDX-License-Identifier: MIT */
/* Track levels. */
#include "track.h"

#include <string.h>

const char *const track_names[TRACK_NLEVELS] = {"full", "ip", "proto", "vlan", "ether"};

/* The link layer that the packet was seen on. */
static void put_link(struct flow_add *add, bool macs) {
    const struct flow_origin *o = &add->origin;
    const struct flow_link *link = o->in_has ? &o->in : &o->out;
    const unsigned has = o->in_has ? o->in_has : o->out_has;
    memset(add->link, 0, sizeof add->link);
    if (has & HAS_VLAN)
        memcpy(add->link, &link->vlan, sizeof link->vlan);
    if (has & HAS_CVLAN)
        memcpy(add->link + 2, &link->cvlan, sizeof link->cvlan);
    if (macs && has & HAS_MAC)
        memcpy(add->link + 4, link->srcmac, sizeof link->srcmac);
    if (macs && has & HAS_DSTMAC)
        memcpy(add->link + 10, link->dstmac, sizeof link->dstmac);
}

void track_reduce(struct flow_add *add, enum track level) {
    if (level == TRACK_VLAN || level == TRACK_ETHER)
        put_link(add, level == TRACK_ETHER);
    if (level != TRACK_PROTO && level != TRACK_IP)
        return;
    add->key.srcport = add->key.dstport = 0;
    add->key.kind = 0;
    add->tcpflags = 0;
    add->has &= FLOW_MF | FLOW_DF | FLOW_SHELL;
    if (add->has & FLOW_SHELL) {
        add->shell.tunnel.srcport = add->shell.tunnel.dstport = 0;
        add->shell.tunnel.kind = 0;
    }
    if (level == TRACK_IP)
        add->key.proto = 0;
}
