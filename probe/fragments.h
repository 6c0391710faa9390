/* SPDX-License-Identifier: MIT */
/*
** IP fragments. Only the first fragment of a datagram has the ports, and later ones belong to the
** same flow. The rule:
**   - a first fragment is remembered under (addresses, identification, IPv4 protocol, interface)
**     and counts in its flow as any packet;
**   - a later fragment counts in the flow of the first one remembered under its key;
**   - later fragments that come before the first are held, counted together, until it comes; if it
**     has not come within the timeout, or their place is needed, they count in a flow without
** ports.
** So every fragment is in exactly one flow. There are FRAGMENTS_SIZE places, each key has four of
** them to go to, and the one unused for longest is taken: work and memory are bounded.
*/
#ifndef FLOWVT_FRAGMENTS_H
#define FLOWVT_FRAGMENTS_H

#include "table.h"

enum {
    FRAGMENTS_SIZE = 8192,
    FRAGMENTS_WAYS = 4,
    FRAGMENTS_TIMEOUT = 30000000, /* microseconds; what Linux reassembles within */
};

struct fragments;

/* deliver is called for all that is to be counted. */
struct fragments *fragments_new(void (*deliver)(void *arg, const struct flow_add *add), void *arg);

/* add is what add_packet() made of a fragment (add->fragment). */
void fragments_add(struct fragments *f, const struct flow_add *add);

/* Deliver what has been held for longer than the timeout at time now; what came first goes first.
 */
void fragments_expire(struct fragments *f, int64_t now);

/* Deliver all that is held. */
void fragments_flush(struct fragments *f);
void fragments_free(struct fragments *f);

#endif
