/* SPDX-License-Identifier: MIT */
/*
** Checksums that are left to the network card. A host that sends, and GRO where it receives, has in the checksum of TCP
** and UDP nothing but the sum of the pseudo header (RFC 9293 3.1, RFC 768, RFC 8200 8.1) when the packet is captured: the
** card, or nobody on a virtual network, does the rest.
*/
#ifndef FLOWVT_CHECKSUM_H
#define FLOWVT_CHECKSUM_H

#include <arpa/inet.h>
#include <string.h>

#include "dissect.h"

/* Whether one that is as a partial one would be is a complete one after all, which one packet of 65536 has by chance. Of
** packets that were not captured to their end nobody knows: false. */
bool checksum_is_complete(const struct packet *pkt, const uint8_t *frame, size_t captured);

/* The sum of the pseudo header, not complemented, and in the byte order of the packet. */
static inline uint16_t checksum_pseudo(const struct packet *pkt) {
    uint32_t src[4], dst[4];
    memcpy(src, pkt->src, sizeof src);
    memcpy(dst, pkt->dst, sizeof dst);
    uint64_t sum = (uint64_t)src[0] + dst[0] + htonl(pkt->ip_at + pkt->length - pkt->transport_at) +
                   htonl(pkt->proto);
    if (pkt->family == 6)
        sum += (uint64_t)src[1] + src[2] + src[3] + dst[1] + dst[2] + dst[3];
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16 & UINT16_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)((sum & UINT16_MAX) + (sum >> 16));
}

/* Whether the checksum of an IP packet that dissect() found in the frame is a partial one. */
static inline bool checksum_is_partial(const struct packet *pkt, const uint8_t *frame,
                                       size_t captured) {
    enum { TCP = 6, UDP = 17, IN_TCP = 16, IN_UDP = 6 };
    uint16_t sum;
    if ((pkt->proto != TCP && pkt->proto != UDP) || pkt->fragment)
        return false;
    size_t at = pkt->transport_at + (pkt->proto == TCP ? (size_t)IN_TCP : (size_t)IN_UDP);
    if (at + sizeof sum > captured)
        return false;
    memcpy(&sum, frame + at, sizeof sum);
    return sum == checksum_pseudo(pkt) && !checksum_is_complete(pkt, frame, captured);
}

#endif
