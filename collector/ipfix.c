/* SPDX-License-Identifier: MIT */
/*
** IPFIX (RFC 7011): the message header, and what is its own in the sets.
**
**   0 version  2 length  4 export time s  8 sequence number  12 observation domain id
**
** One datagram should hold one message; several are decoded too. The sequence number counts data
** records. A message cut short, or longer than its length field, gives its whole records.
*/
#include "sets.h"

enum { HEADER = 16, MAX_GAP = 1 << 24, VERSION = 10 };

/* Template id, number of all fields, number of scope fields (0 is not allowed, but harmless). */
static bool options_head(struct cursor *c, uint16_t *id, uint16_t *scopes, uint16_t *fields) {
    *scopes = 0;
    if (!cursor_u16(c, id) || !cursor_u16(c, fields))
        return false;
    return *fields == 0 || cursor_u16(c, scopes); /* a withdrawal has no scope count */
}

static const struct set_protocol protocol = {
    .template_id = 2,
    .options_id = 3,
    .options_head = options_head,
    .enterprise = true,
    .scope_types = false,
    .withdrawal = true,
};

static void decode_message(struct collector *c, const struct datagram *d, struct exporter *e,
                           const uint8_t *h, struct cursor body) {
    struct set_message m = {
        .c = c,
        .e = e,
        .d = d,
        .protocol = &protocol,
        .header =
            {
                .version = "ipfix",
                .exporter = d->from,
                .ident = d->ident,
                .odid = be32(h + 12),
                .sequence = be32(h + 8),
                .received = d->received,
                .exported = (int64_t)be32(h + 4) * 1000,
                .boot = e->boot,
            },
    };
    sets_decode(&m, body);
    const struct sequence_mark mark = {m.header.sequence, m.flows, m.flows + m.options, 0, MAX_GAP};
    session_sequence(e, &mark);
    if (m.unknown)
        sequence_forget(&e->sequence);
}

/* Whether another message begins here. */
static bool is_message(const struct cursor *in) {
    return cursor_left(in) >= HEADER && be16(in->p) == VERSION && be16(in->p + 2) >= HEADER;
}

void collector_ipfix(struct collector *c, const struct datagram *d) {
    struct cursor in = cursor_of(d->data, d->size);
    const uint8_t *h = in.p;
    bool whole = d->size >= HEADER;
    struct session_mark session = {whole, whole ? be32(h + 8) : 0, 0};
    struct exporter *e = collector_exporter(c, d, "ipfix", whole ? be32(h + 12) : 0, &session);
    if (!e)
        return;
    if (!whole) {
        collector_fault(c, e, d, FVT_BAD_SHORT, d->size);
        return;
    }
    for (bool first = true; first || is_message(&in); first = false) {
        h = cursor_take(&in, HEADER);
        uint32_t odid = be32(h + 12);
        size_t length = be16(h + 2);
        session.number = be32(h + 8);
        if (e->stat.odid != odid)
            e = session_get(c, d, "ipfix", odid, &session);
        if (!e)
            return;
        if (length < HEADER || length - HEADER > cursor_left(&in)) {
            collector_fault(c, e, d, FVT_BAD_SHORT, 0);
            length = HEADER + cursor_left(&in);
        }
        decode_message(c, d, e, h, cursor_cut(&in, length - HEADER));
    }
    if (!cursor_zeros(&in))
        collector_fault(c, e, d, FVT_BAD_SHORT, cursor_left(&in));
}
