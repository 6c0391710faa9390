/* SPDX-License-Identifier: MIT */
/*
** The flow table: unidirectional flows from packets, until they end.
**
** A flow is what has the same addresses, protocol, ports or ICMP type and code, and interfaces. It
** ends, and is handed to the callback exactly once,
**   idle      when no packet came for a timeout, which depends on protocol and TCP state
**   active    when it is older than maxlife; its next packet begins a new one
**   end       when TCP said FIN or RST; it lingers for tcp.fin or tcp.rst so that the last ACK and
**             retransmissions still belong to it, but a new SYN begins a new flow at once
**   forced    when the probe ends
**   resources when the table is full and a packet of a new flow comes: the one due first goes
** Timeouts are exact in packet time, because they are tested when a packet meets its flow. Flows
** that no packet meets are found by a timer wheel, a few per packet, so that no packet waits for
** a sweep. Time may jump in either direction; a flow never spans a gap longer than its timeout.
**
** Cost: one probe into an array of hash and index pairs, and one flow of two cache lines. What the
** first packet says of its flow once and for all (struct flow_origin) is beside it, and touched when
** the flow begins and ends; so is what TCP's handshakes and gaps need (tcp.h). All memory is reserved
** at the start and touched as it is needed: 208 octets a flow, 64 more of TCP after a handshake or a gap,
** 96 of tunnels, MPLS and fragments, 16 where link layers tell flows apart, and 4 of IPv6. The hash is keyed, so that nobody can aim packets at one chain.
**
** Biflows (RFC 5103), where they are wanted: the two directions are two flows that know each other and end
** together, when both had no packet for the timeout, or the older one is older than maxlife. The one that was
** first in the table is the initiator's; only a flow that begins with a SYN with ACK before there is one is not.
** ICMP has directions where type and code say so: echo, timestamp, information and address mask.
*/
#ifndef FLOWVT_TABLE_H
#define FLOWVT_TABLE_H

#include "add.h"

/* flowEndReason, IPFIX 136 */
enum flow_end {
    END_NOT,
    END_IDLE,
    END_ACTIVE,
    END_DETECTED,
    END_FORCED,
    END_RESOURCES,
    END_NREASONS
};

extern const char *const flow_end_names[END_NREASONS];

struct flow {
    struct flow_key key;
    int64_t first, last;
    /* second cache line */
    uint64_t packets, bytes;
    uint32_t next, prev; /* in the wheel, or the free list */
    uint32_t hash;
    uint16_t slot;           /* of the wheel */
    uint16_t minlen, maxlen; /* 65535: or more */
    uint8_t minttl, maxttl, tcpflags, tos;
    uint8_t ending;     /* timeout class of table.c */
    uint8_t watch, tcp; /* TCP_ bits of tcp.h */
    uint8_t has;        /* FLOW_ bits */
    uint32_t mark;      /* of the first packet, 0: none */
    uint32_t peer;      /* flow of the other direction, where it is looked for and found */
    uint32_t expected;  /* TCP's next sequence number */
    uint32_t retransmitted, out_of_order; /* segments */
};

/* In microseconds, 0 to INT64_MAX / 4. */
struct table_timeouts {
    int64_t general, tcp, tcp_rst, tcp_fin, udp, icmp; /* without a packet */
    int64_t maxlife;                                   /* since the first packet */
};

struct table;
struct tcp_detail; /* tcp.h */

/* A flow that ended. What it points to is valid during the call. */
struct flow_ended {
    const struct flow *flow;
    const struct flow_origin *origin;
    const struct tcp_detail *tcp;   /* NULL: nothing of it */
    const struct flow_shell *shell; /* NULL: none */
    uint32_t flowlabel;
    const struct flow *reverse; /* of a biflow the other direction, or NULL; ended with it */
    enum flow_end reason;
    int64_t now; /* table time when it was found to have ended */
};
typedef void table_ended(void *arg, const struct flow_ended *ended);
typedef void table_began(void *arg, const struct flow_key *key);

/* size: most flows at a time, 1 to 2^26. NULL when there is no memory. */
struct table *table_new(uint32_t size, const struct table_timeouts *timeouts, table_ended *ended,
                        void *arg);

/* Call began, with the arg of ended, for each flow that begins. Before the first packet. */
void table_on_begin(struct table *t, table_began *began);

/* Flows are told apart by link as well. Before the first packet. */
void table_track_link(struct table *t);

/* Flows are told apart by their tunnels as well. Before the first packet. */
void table_track_tunnel(struct table *t);

/* Directions of a connection are one flow. Before the first packet. */
void table_track_biflows(struct table *t);

/* The packet at hand is of this time (microseconds since 1970). Time moves on to it; a little
** earlier than the latest is packets out of order, much earlier sets the clock back. */
void table_clock(struct table *t, int64_t time);

/* Where add will be counted is not in the cache when there are many flows, so say so some packets before:
** table_expect() first, and table_approach(), with what it returned, a few packets later. Neither changes
** anything. */
uint32_t table_expect(const struct table *t, const struct flow_add *add);
void table_approach(const struct table *t, uint32_t expected);

/* Count add in its flow, and end a few others that are due. */
void table_add(struct table *t, const struct flow_add *add);
/* The same, of what table_expect() has returned for it. */
void table_add_expected(struct table *t, const struct flow_add *add, uint32_t expected);

/* Move time on without a packet. Ends all flows that are due. */
void table_idle(struct table *t, int64_t now);

/* End every flow. */
void table_flush(struct table *t, enum flow_end reason);

/* Call each for every flow that has not ended. */
void table_each(const struct table *t, void (*each)(void *arg, const struct flow *flow), void *arg);

uint32_t table_flows(const struct table *t); /* in it now */
void table_free(struct table *t);

#endif
