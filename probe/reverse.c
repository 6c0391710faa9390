/* SPDX-License-Identifier: MIT */
/* The other direction. */
#include "reverse.h"

#include <string.h>

/* The ICMP or ICMPv6 type that answers type, or that is answered by it; -1: there is none. */
static int answer_of(uint8_t family, uint16_t type) {
    static const uint8_t pairs[][2] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}}; /* RFC 792, 950 */
    if (family == 6)
        return type == 128 ? 129 : type == 129 ? 128 : -1; /* RFC 4443 4 */
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i][0] == type || pairs[i][1] == type)
            return pairs[i][pairs[i][0] == type];
    return -1;
}

/* Of a key or tunnel of that kind. False: there is no other direction. */
static bool reverse_ports(uint8_t kind, uint8_t family, uint16_t *src, uint16_t *dst) {
    uint16_t was = *src;
    int answer = 0;
    if (kind == HAS_PORTS) {
        *src = *dst;
        *dst = was;
    } else if (kind == HAS_ICMP) {
        answer = answer_of(family, was);
        *src = (uint16_t)answer;
    }
    return answer >= 0;
}

bool reverse_key(struct flow_key *to, const struct flow_key *from) {
    *to = *from;
    memcpy(to->src, from->dst, sizeof to->src);
    memcpy(to->dst, from->src, sizeof to->dst);
    to->inif = from->outif;
    to->outif = from->inif;
    return reverse_ports(from->kind, from->family, &to->srcport, &to->dstport);
}

void reverse_link(uint8_t to[FLOW_LINK_KEY], const uint8_t from[FLOW_LINK_KEY]) {
    enum { TAGS = 4, MAC = 6 };
    memcpy(to, from, TAGS);
    memcpy(to + TAGS, from + TAGS + MAC, MAC);
    memcpy(to + TAGS + MAC, from + TAGS, MAC);
}

bool reverse_tunnel(struct flow_tunnel *to, const struct flow_tunnel *from) {
    *to = *from;
    memcpy(to->src, from->dst, sizeof to->src);
    memcpy(to->dst, from->src, sizeof to->dst);
    return reverse_ports(from->kind, from->family, &to->srcport, &to->dstport);
}
