/* SPDX-License-Identifier: MIT */
/*
** Packets of which an exporter sent the first octets: what they say of a record.
*/
#ifndef FLOWVT_PACKET_H
#define FLOWVT_PACKET_H

#include "probe/dissect.h"
#include "record.h"

/* Put what dissect() found in p into the row; kind: what it returned. A VLAN tag only where the row has none. */
void packet_put(struct flow_row *row, const struct packet *p, enum packet_kind kind);

/* The rule of record.h for records that carry a packet's first octets. */
void packet_of_section(struct record *r);

#endif
