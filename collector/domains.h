/* SPDX-License-Identifier: MIT */
/*
** Sequence numbers that domains of one exporter share. NetFlow version 9 numbers the datagrams of each source id on its
** own (RFC 3954 section 5.1), but some exporters number all of theirs: then what another source id sent is missing
** in the sequence of this one, and is not lost.
**
** The latest numbers of each address are remembered. One that two source ids have sent shows that they count apart.
*/
#ifndef FLOWVT_DOMAINS_H
#define FLOWVT_DOMAINS_H

#include "schema/value.h"

struct domains;

/* NULL when out of memory. */
struct domains *domains_new(void);
void domains_free(struct domains *d);

/* A datagram of that session of an address came, gap numbers after the one expected of its source id (below 0 and 0: none are missing). Returns how
** many of the missing ones other source ids of that address have sent, or were counted as lost of them. */
uint32_t domains_take(struct domains *d, const struct flow_ip *from, uint32_t session,
                      uint32_t odid, uint32_t number, int64_t gap);

#endif
