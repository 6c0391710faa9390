/* SPDX-License-Identifier: MIT */
/* 802.11, and the headers that captures of it have in front. */
#include <string.h>

#include "dissect_link.h"

/* IEEE 802.11 data frames that are not encrypted; LLC follows. padded: the header is padded to a
** multiple of four octets. */
static enum packet_kind wlan_padded(struct walk *w, bool padded) {
    const uint8_t *p = walk_peek(w, 24);
    if (!p)
        return PACKET_TRUNCATED;
    unsigned control_field = get16le(p);
    if ((control_field & 0x000c) != 0x0008) /* type data */
        return PACKET_CONTROL;
    unsigned subtype = control_field >> 4 & 0xf;
    unsigned ds = control_field >> 8 & 3; /* from and to the distribution system */
    if (control_field & 0x4000 || subtype & 4)
        return PACKET_OTHER; /* protected, or without a body */
    static const uint8_t dst_at[4] = {4, 16, 4, 16};
    static const uint8_t src_at[4] = {10, 10, 16, 24};
    size_t header = ds == 3 ? 30 : 24;
    size_t mac_end = header;
    if (subtype & 8) {
        header += 2; /* QoS control */
        if (control_field & 0x8000)
            header += 4; /* HT control */
    }
    p = walk_take(w, padded ? (header + 3) & ~(size_t)3 : header);
    if (!p)
        return PACKET_TRUNCATED;
    if (src_at[ds] + 6u <= mac_end) {
        memcpy(w->pkt->dstmac, p + dst_at[ds], 6);
        memcpy(w->pkt->srcmac, p + src_at[ds], 6);
        w->pkt->has |= HAS_MAC | HAS_DSTMAC;
    }
    if ((subtype & 8) && p[mac_end] & 0x80)
        return PACKET_OTHER; /* A-MSDU */
    return walk_llc(w);
}

enum packet_kind walk_wlan(struct walk *w) {
    return wlan_padded(w, false);
}

/* Radiotap: its length, and of its fields the flags (bit 1; behind the 8 octets of bit 0), for
** padding between header and body. Further presence words follow while bit 31 is set. */
enum packet_kind walk_radiotap(struct walk *w) {
    const uint8_t *p = walk_peek(w, 8);
    if (!p)
        return PACKET_TRUNCATED;
    size_t length = get16le(p + 2);
    if (length < 8)
        return PACKET_MALFORMED;
    p = walk_take(w, length);
    if (!p)
        return PACKET_TRUNCATED;
    uint32_t present = get32le(p + 4);
    size_t at = 8;
    for (uint32_t word = present; word & 0x80000000u && at + 4 <= length; at += 4)
        word = get32le(p + at);
    if (present & 1)
        at = ((at + 7) & ~(size_t)7) + 8;
    bool padded = (present & 2) && at < length && (p[at] & 0x20);
    return wlan_padded(w, padded);
}

enum packet_kind walk_prism(struct walk *w) {
    const uint8_t *p = walk_peek(w, 8);
    if (!p)
        return PACKET_TRUNCATED;
    size_t length = get32(p) == 0x00000044 || get32le(p) == 0x00000044 ? 144 : get32(p + 4);
    return length >= 8 && walk_take(w, length) ? walk_wlan(w) : PACKET_TRUNCATED;
}

enum packet_kind walk_avs(struct walk *w) {
    const uint8_t *p = walk_peek(w, 8);
    if (!p)
        return PACKET_TRUNCATED;
    size_t length = get32(p + 4);
    return length >= 8 && walk_take(w, length) ? walk_wlan(w) : PACKET_TRUNCATED;
}
