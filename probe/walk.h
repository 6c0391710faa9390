/* SPDX-License-Identifier: MIT */
/*
** A bounds-checked cursor over one captured frame, shared by the parts of the dissector, and the
** integer readers. walk_take() is the only way forward: it gives n octets or NULL.
*/
#ifndef FLOWVT_WALK_H
#define FLOWVT_WALK_H

#include "dissect.h"

struct walk {
    const uint8_t *frame;
    size_t captured; /* octets at frame */
    size_t wire;     /* octets the frame had; >= captured */
    size_t at;       /* <= captured */
    int depth;       /* of encapsulation */
    bool inside;     /* of a tunnel: tags are another network's */
    struct packet *pkt;
};

static inline size_t walk_left(const struct walk *w) {
    return w->captured - w->at;
}
static inline const uint8_t *walk_peek(const struct walk *w, size_t n) {
    return n <= walk_left(w) ? w->frame + w->at : NULL;
}
static inline const uint8_t *walk_take(struct walk *w, size_t n) {
    const uint8_t *p = walk_peek(w, n);
    if (p)
        w->at += n;
    return p;
}
static inline void walk_direction(struct walk *w, bool egress) {
    w->pkt->direction = egress ? DIRECTION_EGRESS : DIRECTION_INGRESS;
    w->pkt->has |= HAS_DIRECTION;
}

/* In dissect.c: what follows an Ethernet type, or a length of 802.3; an Ethernet frame; PPP, with or without address and
** control; a stack of MPLS labels; IP of either version. */
enum packet_kind walk_ethertype(struct walk *w, unsigned type);
enum packet_kind walk_ethernet(struct walk *w);
enum packet_kind walk_ppp(struct walk *w);
enum packet_kind walk_mpls(struct walk *w);
enum packet_kind walk_ip(struct walk *w);

static inline uint16_t get16(const uint8_t *p) {
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t get32(const uint8_t *p) {
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}
static inline uint16_t get16le(const uint8_t *p) {
    return (uint16_t)(p[1] << 8 | p[0]);
}
static inline uint32_t get32le(const uint8_t *p) {
    return (uint32_t)get16le(p + 2) << 16 | get16le(p);
}

#endif
