/* SPDX-License-Identifier: MIT */
/*
** Forwarded packets. A router that is captured on with several interfaces shows each packet that it
** forwards twice: as it comes in, and as it leaves. It is counted once, in a flow with both
** interfaces.
**
** How it is recognised. What forwarding leaves alone makes a signature: of TCP sequence and
** acknowledgement numbers and the window; of others the IPv4 identification and the first 32 octets
** of payload; of ICMP type, code and sequence number; of fragments the identification. Two sights of
** one signature on different interfaces or in different directions are one packet when
**   - one came in and the other left, the TTL is one less (or, bridged, the same), and both ends are
**     the same; or, with NAT, one end (address and port), or neither where the signature has
**     64 bits or more of the packet's own and it does not go back to where it came from;
**   - or both came in or both left with the same TTL and ends: a bridge and its port, a VLAN and its
**     device, a bond.
** Where directions are not told, that of the higher TTL came in. A TCP packet that was taken apart
** on the way out, or put together on the way in (segmentation offload), is followed by its sequence
** numbers; fragments are matched as those of one datagram, whatever their sizes.
**
** What is counted: the packet as it came in. Its flow's source is the one it came with, and its
** destination the one it left for: between the two, where the router itself stands, as its forward
** chain sees it. So with NAT both directions of a connection have the inside host's address; the
** source it left with is natsrc.
**
** A packet waits for its other sight for at most FORWARD_WINDOW; then it was for the host itself
** (inif alone) or by it (outif alone), or was dropped. Memory is bounded by FORWARD_SIZE packets;
** if there are more, the oldest need not wait.
*/
#ifndef FLOWVT_FORWARD_H
#define FLOWVT_FORWARD_H

#include "table.h"

enum {
    FORWARD_SIZE = 65536,     /* packets remembered, of 400 octets */
    FORWARD_WINDOW = 2000000, /* microseconds; a queue of a slow line holds packets that long */
};

enum forward_side { SIDE_UNKNOWN, SIDE_IN, SIDE_OUT };

struct forward_stats {
    uint64_t packets, bytes; /* sights that are not counted */
    uint64_t early;          /* packets that there was no room to wait for */
};

struct forward;

/* size: packets remembered, 2 to 2^24. deliver is called for all that is to be counted. */
struct forward *forward_new(uint32_t size, void (*deliver)(void *arg, const struct flow_add *add),
                            void *arg);

/* A packet seen on interface ifindex (0: not known). add is what add_packet() made of it, frame
** what dissect() made pkt of. */
void forward_add(struct forward *f, const struct packet *pkt, const uint8_t *frame, size_t captured,
                 const struct flow_add *add, enum forward_side side, uint32_t ifindex);

/* Deliver what has waited long enough at time now (microseconds). */
void forward_expire(struct forward *f, int64_t now);

/* The time of the packet that waits for longest, or now. */
int64_t forward_oldest(const struct forward *f, int64_t now);

/* Deliver all that waits. */
void forward_flush(struct forward *f);

const struct forward_stats *forward_stats(const struct forward *f);
void forward_free(struct forward *f);

#endif
