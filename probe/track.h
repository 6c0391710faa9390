/* SPDX-License-Identifier: MIT */
/* What makes a flow, from coarse to fine: softflowd's track levels, each with the interfaces. */
#ifndef FLOWVT_TRACK_H
#define FLOWVT_TRACK_H

#include "table.h"

enum track {
    TRACK_FULL,  /* addresses, protocol, ports or ICMP type and code */
    TRACK_IP,    /* addresses */
    TRACK_PROTO, /* addresses, protocol */
    TRACK_VLAN,  /* all that, and VLANs */
    TRACK_ETHER, /* all that, and MAC addresses */
    TRACK_NLEVELS
};
extern const char *const track_names[TRACK_NLEVELS];

/* Take out of add's key what does not count (the connection's end with it: it is one of several), or put into its
** link what does. */
void track_reduce(struct flow_add *add, enum track level);

#endif
