/* SPDX-License-Identifier: MIT */
/* The internet checksum (RFC 1071). */
#include "checksum.h"

bool checksum_is_complete(const struct packet *pkt, const uint8_t *frame, size_t captured) {
    size_t end = (size_t)pkt->ip_at + pkt->length;
    uint64_t sum = checksum_pseudo(pkt);
    if (end > captured || end < pkt->transport_at)
        return false;
    for (size_t at = pkt->transport_at; at < end; at += 2) {
        uint8_t two[2] = {frame[at], at + 1 < end ? frame[at + 1] : 0};
        uint16_t word;
        memcpy(&word, two, sizeof word);
        sum += word;
    }
    while (sum > UINT16_MAX)
        sum = (sum & UINT16_MAX) + (sum >> 16);
    return sum == UINT16_MAX;
}
