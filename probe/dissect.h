/* SPDX-License-Identifier: MIT */
/*
** The packet dissector: link layer and outermost IP header of one captured frame, and what a tunnel
** has inside. It keeps no
** state, allocates nothing, needs no libpcap, and reads no octet behind the captured ones, so it is
** safe on any input. The probe meters with it; the collector takes export datagrams out of
** captures and reads the packet headers inside sFlow samples with it.
**
** "Outermost" is meant literally: dissect() gives the outer header of a tunnel, dissect_inside()
** the inner one. VLAN tags, MPLS labels and PPPoE are below IP and are looked through.
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
    HAS_MF = 2048, /* more fragments follow */
    HAS_DF = 4096, /* IPv4: may not be taken apart */
    HAS_NO_LENGTH =
        8192, /* the IP header has no length: segmentation offload; what the frame has counts */
    HAS_VNI = 16384,      /* vni */
    HAS_LABELS = 32768,   /* label */
    HAS_FRAGMENT = 65536, /* as fragment */
};

enum { PACKET_LABELS = 10 }; /* MPLS labels that are kept: as many as there are elements for */

enum { DIRECTION_INGRESS = 0, DIRECTION_EGRESS = 1 }; /* IPFIX 61 */

/* All numbers in host byte order, addresses as on the wire. */
struct packet {
    uint32_t has;
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
    uint32_t vni;        /* dissect_inside(): of VXLAN, GENEVE, NVGRE, 24 bits, with HAS_VNI */
    uint32_t length; /* octets of the IP packet: IPv4 total length, where that is 0 (segmentation
                           offload) what the frame holds; IPv6 payload length, or the one of a
                           jumbogram (RFC 2675) as far as the frame holds it, + 40; or, where it has
                           none and the frame holds more than it could tell, that */
    bool fragment;   /* one of several fragments; the first one has fragoffset 0 */
    uint16_t fragoffset; /* octets / 8 */
    uint32_t fragid;
    uint32_t ip_at;        /* offset of the IP header in the frame */
    uint32_t transport_at; /* of what follows the IP headers */
    uint32_t payload_at;   /* offset of what is behind the transport header (behind the IP headers
                            for other protocols and for later fragments) */
    uint32_t payload_captured;
    uint32_t
        payload_length; /* as the length fields say; UDP: its own field where that is less; TCP: no more than the
                                frame has */
    uint8_t nlabels;               /* MPLS labels, from the top, with HAS_LABELS */
    uint32_t label[PACKET_LABELS]; /* label << 4 | traffic class << 1 | bottom of stack; only the
                                      first nlabels have values */
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

/* The innermost IP packet that is inside of outer, which dissect() has made of the same frame: GRE (with NVGRE, ERSPAN,
** PPTP), IP in IP, EtherIP, MPLS in IP; over UDP VXLAN, VXLAN-GPE, GENEVE, GTP-U, L2TP, Teredo, LISP and MPLS, by their
** ports. Link layer, interfaces and direction are the frame's, labels those of the frame and then those inside. Fragments
** are not looked into. false: there is none, and *in has no meaning. */
bool dissect_inside(const uint8_t *frame, size_t captured, size_t wire, const struct packet *outer,
                    struct packet *in);

/* Short name of a link type that dissect() looks into, or NULL. */
const char *dissect_link_name(unsigned linktype);

#endif
