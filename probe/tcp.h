/* SPDX-License-Identifier: MIT */
/*
** What TCP's headers tell of a connection, besides counters: how long the handshake and the first answer took, and which
** segments came again or not in order.
**
** Times, in microseconds, as seen where the packets are captured:
**   server       from the (last) SYN to the SYN with ACK: there and back between here and the server
**   client       from the (last) SYN with ACK to the client's ACK: likewise on the client's side; the sum of the two is
**                the round trip that tshark has as tcp.analysis.initial_rtt
**   application  from the last segment of the client's first request to the first one of the answer
** Each is of the connection, so the flows of both directions have them; those that were not seen have none.
**
** Segments of a direction:
**   retransmitted  have octets that were seen before, or that are sent late because they were lost on their way here
**   out_of_order   close a gap so soon after it was seen, that they were overtaken: within three quarters of the
**                  handshake's round trip, or 3 ms without one, for a sender takes a whole round trip to learn of a loss
** Keep-alives and window probes are neither. Of the gaps of one direction, TCP_GAPS are remembered; a segment that closes
** one that was not counts as retransmitted.
**
** Cost: in the usual case, the next segment of a flow that nothing is waited for of, one comparison. All else is in struct
** tcp_detail, which is beside the flow and touched by handshakes and gaps.
*/
#ifndef FLOWVT_TCP_H
#define FLOWVT_TCP_H

#include "table.h"

/* Bits of struct flow.watch: the next segment is not merely counted. */
enum {
    TCP_UNKNOWN = 1,                       /* expected is not known yet */
    TCP_ACK = 2,                           /* the client's, of the handshake */
    TCP_REQUEST = 4,                       /* the client's first, until it is answered */
    TCP_ANSWER = 8,                        /* the server's first */
    TCP_GAPPED = 16,                       /* there are gaps */
    TCP_HANDSHAKE = TCP_UNKNOWN | TCP_ACK, /* not for payload alone */
    TCP_ALL = 31,
    TCP_DETAILED = 32, /* never set in watch: in struct flow.tcp, struct tcp_detail is in use */
};

enum { TCP_GAPS = 3 };

/* Bits of struct tcp_detail.has. */
enum { TCP_HAS_CLIENT = 1, TCP_HAS_SERVER = 2, TCP_HAS_APPLICATION = 4 };

struct tcp_detail {
    uint32_t client, server, application; /* microseconds, UINT32_MAX: or more */
    uint8_t has;
    uint8_t ngaps;
    int64_t request; /* time of the latest segment of the request */
    struct {
        uint32_t from, until; /* sequence numbers, until is behind the gap */
        uint32_t seen;        /* when, microseconds modulo 2^32 */
    } gaps[TCP_GAPS];
};

/* One direction of a connection. */
struct tcp_side {
    struct flow *flow;
    struct tcp_detail *detail;
};

/* A SYN with ACK has begun the server's flow. */
void tcp_answered(struct tcp_side server, struct tcp_side client, const struct flow_add *add);

/* Another segment than the expected one, or one that is watched, before it is counted in self's flow. peer.flow is the
** other direction where it is known, else NULL. */
void tcp_segment_watched(struct tcp_side self, struct tcp_side peer, const struct flow_add *add);

/* The detail of a flow, NULL: has none. */
static inline const struct tcp_detail *tcp_detail_of(const struct flow *f,
                                                     const struct tcp_detail *detail) {
    return f->tcp & TCP_DETAILED ? detail : NULL;
}

#endif
