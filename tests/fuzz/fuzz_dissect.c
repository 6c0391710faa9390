/* SPDX-License-Identifier: MIT */
/*
** Fuzz target: the dissector. The first two octets are the link type, the third how much longer the
** frame was on the wire; the rest is the captured frame. What a packet says must lie inside it, and what a tunnel's
** packet has inside lies behind its header. No packet has more octets than its frame had or a length field can say.
*/
#include <stdlib.h>

#include "probe/checksum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct packet *p, const uint8_t *frame, size_t captured, size_t wire) {
    enum { LONGEST = 40 + UINT16_MAX };
    if ((p->family != 4 && p->family != 6) || p->ip_at + (p->family == 4 ? 20u : 40u) > captured ||
        p->payload_at > captured || p->payload_captured > captured - p->payload_at ||
        p->payload_captured > p->payload_length || p->transport_at > p->payload_at ||
        p->nlabels > PACKET_LABELS || !p->nlabels != !(p->has & HAS_LABELS) || p->vni > 0xffffff ||
        (p->length > LONGEST && p->ip_at + p->length > wire))
        abort();
    if (checksum_is_partial(p, frame, captured) && p->proto != 6 && p->proto != 17)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct packet p, in;
    if (size < 3)
        return 0;
    unsigned linktype = (unsigned)data[0] << 8 | data[1];
    size_t captured = size - 3;
    size_t wire = captured + data[2] * 512u;
    if (dissect(linktype, data + 3, captured, wire, &p) != PACKET_IP)
        return 0;
    check(&p, data + 3, captured, wire);
    if (dissect_inside(data + 3, captured, wire, &p, &in)) {
        check(&in, data + 3, captured, wire);
        if (in.ip_at < p.transport_at)
            abort();
    }
    return 0;
}
