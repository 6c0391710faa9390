/* SPDX-License-Identifier: MIT */
/*
** The flow records of an sFlow sample: what the agent says of the one packet that it sampled.
**
** Rules, where records leave a choice:
** - bytes is the length of the frame as the raw header record (0:1) has it, else that of the Ethernet
**   record (0:2), else the length of the IP packet (0:3, 0:4).
** - srcvlan is what the switch record (0:1001) says, where that is none or 0 the outermost tag in the
**   raw header.
** - Autonomous systems are those of the gateway record (0:1003): dstas is the last of the path, nextas
**   the first. Without a path the destination is in the agent's own system.
** - fwdstat is why the packet was dropped, as RFC 7270 numbers it; see sflow.c.
*/
#ifndef FLOWVT_SFLOW_RECORD_H
#define FLOWVT_SFLOW_RECORD_H

#include "cursor.h"
#include "record.h"

/* An sFlow address: a type (0 none, 1 IPv4, 2 IPv6) and its octets, consumed. Family 0 for none.
** False when it is cut off, or of another type. */
bool sflow_address(struct cursor *c, struct flow_ip *ip);

/* Put what count records say into r. Records that are not known are stepped over. False when one of
** them is cut off or contradicts itself; those before it are in r. */
bool sflow_flow_records(struct record *r, struct cursor *in, uint32_t count);

#endif
