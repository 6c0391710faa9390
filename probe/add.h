/* SPDX-License-Identifier: MIT */
/*
** From packets to what they add to flows: the key that tells flows apart, counters, and what only a flow's first packet
** is asked for. Between the dissector, which knows one frame, and the table, which knows flows; fragments and forwarded
** packets wait in this form, several of them in one.
*/
#ifndef FLOWVT_ADD_H
#define FLOWVT_ADD_H

#include "dissect.h"

struct flow_key {
    uint8_t src[16], dst[16];
    uint32_t inif, outif;
    uint16_t srcport; /* ICMP: type */
    uint16_t dstport; /* ICMP: code */
    uint8_t family, proto;
    uint8_t kind; /* HAS_PORTS, HAS_ICMP or 0: what srcport and dstport are */
    uint8_t zero;
};

/* The link layer where packets came in, or where they went out. */
struct flow_link {
    uint8_t srcmac[6], dstmac[6];
    uint16_t vlan, cvlan;
};

/* The other IP header of a tunnel: the outer one where flows are those inside, the inner one where they are outside. */
struct flow_tunnel {
    uint8_t src[16], dst[16];
    uint32_t vni;
    uint16_t srcport, dstport; /* of the inner one; ICMP: type and code */
    uint8_t family;            /* 0: no tunnel */
    uint8_t proto;
    uint8_t kind; /* HAS_PORTS, HAS_ICMP or 0: what srcport and dstport are */
    uint8_t has_vni;
};

/* What the first packets of few flows have. */
struct flow_shell {
    struct flow_tunnel tunnel; /* part of the key after table_track_tunnel() */
    uint32_t label[PACKET_LABELS];
    uint32_t fragid;
    uint16_t fragoffset; /* octets / 8 */
    uint8_t nlabels;
    bool fragment; /* then fragid and fragoffset are the first packet's */
};

/* What the first packet says of a flow. */
struct flow_origin {
    struct flow_link in, out;
    uint32_t inphysif, outphysif; /* interfaces below inif and outif, 0: none */
    uint8_t natsrc[16];           /* the source as it leaves, zeros: no other */
    uint16_t natsrcport;          /* 0: none */
    uint16_t ethertype;           /* 0: none */
    uint8_t in_has, out_has;      /* HAS_MAC, HAS_DSTMAC, HAS_VLAN, HAS_CVLAN */
    uint8_t direction;            /* or FLOW_DIRECTION_UNTOLD */
};

enum { FLOW_DIRECTION_UNTOLD = 2 };

enum {
    FLOW_FLAGS = 1,    /* tcpflags */
    FLOW_SEQUENCE = 2, /* TCP segments: seq and seq_length; retransmitted and out_of_order */
    FLOW_TOUCHED = 4,  /* packets since it was put into the wheel */
    FLOW_SECOND = 8,   /* a peer that was in the table before it */
    FLOW_MF = 16,      /* more fragments follow a packet */
    FLOW_DF = 32,      /* a packet may not be taken apart */
    FLOW_SHELL = 64,   /* there is a shell, of the first packet */
};

enum { FLOW_LINK_KEY = 16 }; /* octets of tags and MAC addresses, as track_reduce() puts them */

/* What one packet, or several counted together, add to a flow. Times in microseconds since 1970. */
struct flow_add {
    struct flow_key key;
    int64_t first, last;
    uint64_t packets, bytes;
    uint32_t minlen, maxlen;
    uint8_t minttl, maxttl, tcpflags, tos;
    uint8_t has;        /* FLOW_FLAGS, FLOW_SEQUENCE, FLOW_MF, FLOW_DF, FLOW_SHELL */
    uint32_t flowlabel; /* of IPv6 */
    uint32_t mark;
    uint16_t fragoffset; /* octets / 8 */
    uint32_t fragid;
    bool fragment;               /* one of several, the first one with fragoffset 0 */
    uint32_t seq;                /* of one TCP segment the sequence number, and */
    uint32_t seq_length;         /* octets of sequence space it takes: payload, SYN and FIN */
    uint8_t link[FLOW_LINK_KEY]; /* part of the key after table_track_link(); else not used */
    struct flow_origin origin;
    struct flow_shell shell;
};

/* What pkt adds at time (microseconds since 1970). */
void add_packet(struct flow_add *add, const struct packet *pkt, int64_t time);

/* Then: other is the other header of the tunnel that it came by, inner the one of the two that is inside. */
void add_tunnel(struct flow_add *add, const struct packet *other, const struct packet *inner);

#endif
