/* SPDX-License-Identifier: MIT */
/*
** NetFlow version 9 (RFC 3954): the header, and what is its own in the sets.
**
**   0 version  2 count  4 sysUpTime ms  8 unix secs  12 sequence number  16 source id
**
** The count of the header is wrong in many exporters and is not used: what is in the datagram
** counts. The sequence number counts datagrams.
*/
#include "domains.h"
#include "sets.h"

enum { HEADER = 20, MAX_GAP = 1 << 20 };

/* Template id, then the lengths in octets of the scope part and of the option part. */
static bool options_head(struct cursor *c, uint16_t *id, uint16_t *scopes, uint16_t *fields) {
    uint16_t scope_octets, option_octets;
    if (!cursor_u16(c, id) || !cursor_u16(c, &scope_octets) || !cursor_u16(c, &option_octets))
        return false;
    *scopes = scope_octets / 4;
    *fields = (uint16_t)(*scopes + option_octets / 4);
    return scope_octets % 4 == 0 && option_octets % 4 == 0;
}

static const struct set_protocol protocol = {
    .template_id = 0,
    .options_id = 1,
    .options_head = options_head,
    .enterprise = false,
    .scope_types = true,
    .withdrawal = false,
};

void collector_netflow9(struct collector *c, const struct datagram *d) {
    struct cursor in = cursor_of(d->data, d->size);
    const uint8_t *h = cursor_take(&in, HEADER);
    uint32_t odid = h ? be32(h + 16) : 0;
    struct session_mark session = {.numbered = h != NULL};
    if (h) {
        uint32_t uptime = be32(h + 4);
        session.number = be32(h + 12);
        session.boot = uptime ? (int64_t)be32(h + 8) * 1000 - uptime : 0;
    }
    struct exporter *e = collector_exporter(c, d, "v9", odid, &session);
    if (!e)
        return;
    if (!h) {
        collector_fault(c, e, d, FVT_BAD_SHORT, d->size);
        return;
    }
    struct set_message m = {
        .c = c,
        .e = e,
        .d = d,
        .protocol = &protocol,
        .header =
            {
                .version = "v9",
                .exporter = d->from,
                .ident = d->ident,
                .odid = odid,
                .sequence = be32(h + 12),
                .received = d->received,
                .exported = (int64_t)be32(h + 8) * 1000,
                .boot = INT64_MIN,
                .uptime = be32(h + 4),
                .has_uptime = true,
            },
    };
    const struct sequence_mark mark = {m.header.sequence, 1, 1, m.header.uptime, MAX_GAP};
    int64_t gap = session_sequence(e, &mark);
    e->stat.lost -= domains_take(c->domains, &d->from, e->session, odid, mark.number, gap);
    sets_decode(&m, in);
}
