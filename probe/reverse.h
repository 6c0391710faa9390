/* SPDX-License-Identifier: MIT */
/*
** What packets of the other direction of a connection have where those of one direction have this. *to and *from are not
** the same.
*/
#ifndef FLOWVT_REVERSE_H
#define FLOWVT_REVERSE_H

#include "add.h"

/* False: what has this key has no other direction, as ICMP messages that nothing answers. */
bool reverse_key(struct flow_key *to, const struct flow_key *from);

/* MAC addresses change places, tags do not; see track_reduce(). */
void reverse_link(uint8_t to[FLOW_LINK_KEY], const uint8_t from[FLOW_LINK_KEY]);

/* False as above. */
bool reverse_tunnel(struct flow_tunnel *to, const struct flow_tunnel *from);

#endif
