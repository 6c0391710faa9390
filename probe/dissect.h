/* SPDX-License-Identifier: MIT */
/*
** The packet dissector: link layer and outermost IP header of one captured frame. It keeps no
** state, allocates nothing, needs no libpcap, and reads no octet behind the captured ones, so it is
** safe on any input. The probe meters with it; the collector takes export datagrams out of
** captures and reads the packet headers inside sFlow samples with it.
**
** "Outermost" is meant literally: of a tunnel the outer header counts. VLAN tags, MPLS
** labels and PPPoE are below IP and are looked through.
*/
#ifndef FLOWVT_DISSECT_H
#define FLOWVT_DISSECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a frame turned out to be. Everything but PACKET_IP is a reason not to be metered. */
enum packet_kind {
    PACKET_IP,
    PACKET_ARP,       /* ARP, RARP */
    PACKET_LLC,       /* 802.2 without IP: spanning tree, IS-IS, CDP, ... */
    PACKET_CONTROL,   /* link control: PPP LCP and friends, PPPoE discovery, 802.11 management */
    PACKET_OTHER,     /* another Ethernet type or network protocol */
    PACKET_TRUNCATED, /* captured part ends before the IP header does */
    PACKET_MALFORMED, /* headers contradict themselves: IP version, header length */
    PACKET_LINK,      /* a link type that cannot be looked into */
    PACKET_NKINDS
};
extern const char *const packet_kind_names[PACKET_NKINDS];

/* Bits of struct packet.has. */
enum {
    HAS_MAC = 1,    /* srcmac; dstmac only with HAS_DSTMAC */
    HAS_DSTMAC = 2, /* cooked captures know the sender alone */
    HAS_VLAN = 4,   /* vlan: outermost tag */
    HAS_CVLAN = 8,  /* cvlan: the tag behind it */
    HAS_ETHERTYPE = 16,
    HAS_DIRECTION = 32,
    HAS_PORTS = 64,
    HAS_ICMP = 128,
    HAS_TCPFLAGS = 256,
    HAS_TIME = 512,
    HAS_NATSRC = 1024,
};

enum { DIRECTION_INGRESS = 0, DIRECTION_EGRESS = 1 }; /* IPFIX 61 */

/* All numbers in host byte order, addresses as on the wire. */
struct packet {
    uint16_t has;
    uint8_t family;  /* 4 or 6 */
    uint8_t proto;   /* behind IPv6 extension headers */
    uint8_t src[16]; /* IPv4: the first four octets, zeros behind */
    uint8_t dst[16];
    uint16_t srcport; /* TCP, UDP, UDP-Lite, SCTP, DCCP: with HAS_PORTS */
    uint16_t dstport;
    uint8_t icmptype; /* ICMP, ICMPv6: with HAS_ICMP */
    uint8_t icmpcode;
    uint8_t tcpflags; /* low eight flag bits of RFC 9293, with HAS_TCPFLAGS */
    uint8_t tos;      /* type of service or traffic class */
    uint8_t ttl;      /* TTL or hop limit */
    uint8_t direction;
    uint16_t ethertype; /* of the IP packet, behind tags, labels and PPPoE */
    uint16_t vlan;
    uint16_t cvlan;
    uint8_t srcmac[6];
    uint8_t dstmac[6];
    uint32_t inif; /* ifIndex from cooked v2 and NFLOG headers, 0: not known */
    uint32_t outif;
    uint32_t inphysif; /* port of the bridge that inif or outif is, from NFLOG headers; 0: none */
    uint32_t outphysif;
    uint32_t mark;       /* NFLOG: the firewall's, 0: none */
    int64_t time;        /* NFLOG: when the kernel took the packet in, microseconds since 1970, with
                           HAS_TIME; the capture's own time is that of a batch of packets */
    uint8_t natsrc[16];  /* NFLOG with conntrack: the source as it leaves, where that is another
                           one, with HAS_NATSRC */
    uint16_t natsrcport; /* 0: the protocol has none */
    uint32_t tcpseq;     /* TCP's sequence number, with HAS_TCPFLAGS */
    uint32_t flowlabel;  /* IPv6 */
    uint32_t length; /* octets of the IP packet: IPv4 total length, where that is 0 (segmentation
                           offload) what the frame holds; IPv6 payload length, or the one of a
                           jumbogram (RFC 2675), + 40 */
    bool fragment;   /* one of several fragments; the first one has fragoffset 0 */
    uint16_t fragoffset; /* octets / 8 */
    uint32_t fragid;
    uint32_t ip_at;        /* offset of the IP header in the frame */
    uint32_t transport_at; /* of what follows the IP headers */
    uint32_t payload_at;   /* offset of what is behind the transport header (behind the IP headers
                            for other protocols and for later fragments) */
    uint32_t payload_captured;
    uint32_t payload_length; /* as the length fields say; UDP: its own field where that is less */
};

/* Dissect one frame. linktype: LINKTYPE_ number as in capture files (DLT_RAW's 12 and 14 are taken
** too). captured: octets at frame; wire: length on the wire, 0 or less than captured is taken as
** captured. *out is filled as far as known whatever is returned; its IP fields are only valid
** with PACKET_IP. */
enum packet_kind dissect(unsigned linktype, const uint8_t *frame, size_t captured, size_t wire,
                         struct packet *out);

/* The same from an IP header on (raw IP), whose version is taken from its first four bits. */
enum packet_kind dissect_ip(const uint8_t *header, size_t captured, size_t wire,
                            struct packet *out);

/* Short name of a link type that dissect() looks into, or NULL. */
const char *dissect_link_name(unsigned linktype);

#endif
