/* SPDX-License-Identifier: MIT */
/*
** Packets of which an exporter sent the first octets: what they say of a record.
*/
#ifndef FLOWVT_PACKET_H
#define FLOWVT_PACKET_H

#include "probe/dissect.h"
#include "record.h"

/* Dissect the first n octets of a frame of wire octets, of that LINKTYPE_ number, into *p, and put what is in it into the
** record's row: a VLAN tag only where the row has none; of tunnels the outermost header, and the innermost one in the
** columns for what is inside. Returns what it is. */
enum packet_kind packet_put(struct record *r, unsigned link, const uint8_t *octets, size_t n,
                            size_t wire, struct packet *p);

/* The rule of record.h for records that carry a packet's first octets. */
void packet_of_section(struct record *r);

#endif
