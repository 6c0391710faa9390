/* SPDX-License-Identifier: MIT */
/*
** NetFlow v5: a header of 24 octets and up to 30 records of 48. IPv4 only, 32-bit counters,
** 16-bit interfaces; ICMP type and code are packed into the destination port.
*/
#include "message.h"

enum { HEADER = 24, RECORD = 48, MAX_RECORDS = 30, PROTO_ICMP = 1 };

static uint64_t value(const struct flow_row *row, int field) {
    return flow_row_has(row, field) ? (uint64_t)row->value[field].i : 0;
}

static uint64_t interface_index(const struct flow_row *row, int field) {
    uint64_t v = value(row, field);
    return v > UINT16_MAX ? 0 : v; /* 0: not known, better than another interface's */
}

static void put_record(struct message *m, const struct flow_row *row, uint64_t packets,
                       uint64_t bytes) {
    uint64_t dstport = value(row, FLOW_dstport);
    if (flow_row_has(row, FLOW_icmptype))
        dstport = value(row, FLOW_icmptype) << 8 | value(row, FLOW_icmpcode);
    put_bytes(m, row->value[FLOW_srcip].ip.addr, 4);
    put_bytes(m, row->value[FLOW_dstip].ip.addr, 4);
    put32(m, 0); /* next hop */
    put16(m, interface_index(row, FLOW_inif));
    put16(m, interface_index(row, FLOW_outif));
    put32(m, packets);
    put32(m, bytes);
    put32(m, (uint64_t)(message_time(row->value[FLOW_tstart].i) - m->boot));
    put32(m, (uint64_t)(message_time(row->value[FLOW_tend].i) - m->boot));
    put16(m, value(row, FLOW_srcport));
    put16(m, dstport);
    put8(m, 0);
    put8(m, value(row, FLOW_tcpflags));
    put8(m, value(row, FLOW_proto));
    put8(m, value(row, FLOW_tos));
    put32(m, 0); /* AS numbers */
    put32(m, 0); /* masks, padding */
}

/* The i-th of n parts of total, so that they add up to it and none is over total / n + 1. */
static uint64_t part(uint64_t total, uint64_t i, uint64_t n) {
    return total / n + (i < total % n);
}

static unsigned v5_add(struct format_state *s, const struct flow_row *row, int64_t now) {
    struct message *m = &s->message;
    if (row->value[FLOW_srcip].ip.family != 4)
        return 0;
    int64_t tstart = message_time(row->value[FLOW_tstart].i);
    int64_t tend = message_time(row->value[FLOW_tend].i);
    uint64_t packets = value(row, FLOW_packets), bytes = value(row, FLOW_bytes);
    uint64_t n = (packets > bytes ? packets : bytes) / UINT32_MAX + 1;
    for (uint64_t i = 0; i < n; i++) {
        if (m->length > 0 && (m->length + RECORD > m->limit || m->records == MAX_RECORDS ||
                              !message_add(s, now, tstart, tend)))
            s->send(s->arg);
        if (m->length == 0) {
            message_begin(s, now, tstart, tend);
            m->length = HEADER;
        }
        put_record(m, row, part(packets, i, n), part(bytes, i, n));
        m->records++;
    }
    return (unsigned)n;
}

static void v5_finish(struct format_state *s) {
    struct message *m = &s->message;
    size_t end = m->length;
    m->length = 0;
    put16(m, 5);
    put16(m, m->records);
    put32(m, (uint64_t)(m->clock - m->boot));
    put32(m, (uint64_t)(m->clock / 1000));
    put32(m, 0);          /* nanoseconds: the clock is whole seconds */
    put32(m, s->records); /* flow sequence: of the flows sent before */
    put16(m, s->odid);    /* engine type and id */
    put16(m, s->sampling.n > 1 ? (s->sampling.random ? 2u : 1u) << 14 | s->sampling.n : 0);
    m->length = end;
}

const struct format format_v5 = {
    .name = "v5",
    .add = v5_add,
    .finish = v5_finish,
    .interface = NULL,
    .application = NULL,
    .sampler = NULL,
    .announce = NULL,
    .refresh = NULL,
};
