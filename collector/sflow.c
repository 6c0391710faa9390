/* SPDX-License-Identifier: MIT */
/*
** sFlow version 5 (sflow.org, July 2004): the datagram and its samples.
**
**   version 5, agent address, sub-agent id, sequence number, uptime ms, number of samples;
**   then each sample: enterprise * 4096 + format, octets, body
**
** A flow sample is one packet out of as many as its sampling rate says, and becomes one row: one
** packet, with the octets of its frame. Of counter samples the generic interface counters (0:1) are
** handed on, one by one. A discarded packet (sflow.org, "sFlow Dropped Packet Notification Structures") becomes a row,
** too, that counts nothing: a packet that was sampled before it was discarded is in a flow sample. What is known of it is in its flow records (sflow_record.h).
** Samples have no time: that of the arrival is the row's. Samples of other kinds are stepped over.
**
** The exporter is the agent, and its sub-agent the observation domain: sequence numbers are theirs,
** wherever the datagrams come from. An agent that does not know its own address (none, 0, or one of
** the loopback network) is known by the address that its datagrams come from.
*/
#include "decode.h"
#include "sflow_record.h"

enum { VERSION = 5, MAX_GAP = 1 << 20 };

/* Formats of samples, all of enterprise 0. */
enum {
    FLOW_SAMPLE = 1,
    COUNTER_SAMPLE = 2,
    EXPANDED_FLOW_SAMPLE = 3,
    EXPANDED_COUNTER_SAMPLE = 4,
    DISCARDED_PACKET = 5
};

/* What an interface word says: ifIndex, a reason why the packet was dropped, or to how many
** interfaces it went. The ifIndex of the device itself is INTERNAL, one that is not known 0. */
enum { FORMAT_IFINDEX = 0, FORMAT_DROPPED = 1, FORMAT_MULTIPLE = 2 };
#define INTERNAL 0x3fffffffu

struct interface_word {
    uint32_t format, value;
};

/* The head of a flow sample, of both forms. */
struct sample {
    uint32_t source_type, source_index;
    uint32_t rate;
    struct interface_word in, out;
    uint32_t records;
};

/* Types of data sources: others than interfaces are VLANs, physical and logical entities. */
enum { SOURCE_INTERFACE = 0 };

static struct interface_word compact(uint32_t word) {
    return (struct interface_word){word >> 30, word & 0x3fffffff};
}

/* Sequence number, source id (type * 2^24 + index), rate, pool, drops, input, output, records. */
static bool flow_head(struct cursor *in, struct sample *s) {
    const uint8_t *p = cursor_take(in, 32);
    if (!p)
        return false;
    *s = (struct sample){
        .source_type = p[4],
        .source_index = be32(p + 4) & 0xffffff,
        .rate = be32(p + 8),
        .in = compact(be32(p + 20)),
        .out = compact(be32(p + 24)),
        .records = be32(p + 28),
    };
    return true;
}

/* The same with a word each for type and index of the source, format and value of an interface. */
static bool expanded_flow_head(struct cursor *in, struct sample *s) {
    const uint8_t *p = cursor_take(in, 44);
    if (!p)
        return false;
    *s = (struct sample){
        .source_type = be32(p + 4),
        .source_index = be32(p + 8),
        .rate = be32(p + 12),
        .in = {be32(p + 24), be32(p + 28)},
        .out = {be32(p + 32), be32(p + 36)},
        .records = be32(p + 40),
    };
    return true;
}

/* Forwarding status (RFC 7270 4.12) of a dropped packet. The reasons of sFlow are the codes of ICMP
** unreachable messages up to 255, and some of its own. */
static unsigned dropped(uint32_t reason) {
    static const struct {
        uint16_t reason;
        uint8_t status;
    } known[] = {
        {0, 131},   /* network unreachable: unroutable */
        {1, 131},   /* host unreachable: unroutable */
        {4, 133},   /* fragmentation needed and DF set */
        {9, 129},   /* network prohibited: ACL deny */
        {10, 129},  /* host prohibited: ACL deny */
        {13, 129},  /* communication prohibited: ACL deny */
        {257, 137}, /* TTL exceeded: bad TTL */
        {258, 129}, /* ACL: ACL deny */
        {260, 139}, /* RED: WRED */
        {261, 138}, /* traffic shaping, rate limiting: policer */
        {262, 133}, /* packet too big */
        {269, 131}, /* blackhole route: unroutable */
        {279, 132}, /* unresolved neighbour: adjacency */
        {280, 140}, /* multicast reverse path: RPF */
        {281, 131}, /* non-routable packet: unroutable */
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].reason == reason)
            return known[i].status;
    return 128; /* dropped, unknown */
}

static void put_interfaces(struct flow_row *row, const struct sample *s) {
    enum { FOR_US = 194 }; /* RFC 7270: consumed, terminated for us */
    if (s->in.format == FORMAT_IFINDEX && s->in.value)
        flow_row_set(row, FLOW_inif, s->in.value);
    if (s->out.format == FORMAT_IFINDEX && s->out.value)
        flow_row_set(row, FLOW_outif, s->out.value);
    if (s->out.format == FORMAT_IFINDEX && s->out.value == INTERNAL)
        flow_row_set(row, FLOW_fwdstat, FOR_US);
    if (s->out.format == FORMAT_DROPPED)
        flow_row_set(row, FLOW_fwdstat, dropped(s->out.value));
}

/* Ingress or egress, by the interface that was sampled; unknown where both are the same. */
static void put_direction(struct flow_row *row, const struct sample *s) {
    bool is_in = s->in.format == FORMAT_IFINDEX && s->in.value == s->source_index;
    bool is_out = s->out.format == FORMAT_IFINDEX && s->out.value == s->source_index;
    if (s->out.format == FORMAT_MULTIPLE)
        is_out = !is_in; /* one of them */
    if (s->source_type == SOURCE_INTERFACE && is_in != is_out)
        flow_row_set(row, FLOW_direction, is_out);
}

/* A flow sample, its head and what follows. False when some of it is cut off; what could be read
** is a row all the same. */
static bool flow_sample(struct collector *c, struct exporter *e, struct cursor in,
                        bool (*head)(struct cursor *in, struct sample *s)) {
    struct sample s;
    if (!head(&in, &s))
        return false;
    struct record *r = &c->record;
    record_begin(r);
    flow_row_set(&r->row, FLOW_packets, 1);
    if (s.rate)
        flow_row_set(&r->row, FLOW_sampling, s.rate);
    put_interfaces(&r->row, &s);
    put_direction(&r->row, &s);
    bool whole = sflow_flow_records(r, &in, s.records);
    collector_emit(c, e, 0);
    return whole;
}

/* Sequence number, type and index of the source, drops, input, output, reason, records. */
static bool discarded_packet(struct collector *c, struct exporter *e, struct cursor in) {
    const uint8_t *p = cursor_take(&in, 32);
    if (!p)
        return false;
    struct record *r = &c->record;
    record_begin(r);
    if (be32(p + 16))
        flow_row_set(&r->row, FLOW_inif, be32(p + 16));
    if (be32(p + 20))
        flow_row_set(&r->row, FLOW_outif, be32(p + 20));
    flow_row_set(&r->row, FLOW_fwdstat, dropped(be32(p + 24)));
    bool whole = sflow_flow_records(r, &in, be32(p + 28));
    flow_row_unset(&r->row, FLOW_bytes);
    collector_emit(c, e, 0);
    return whole;
}

/* ---- counter samples --------------------------------------------------------------------- */

/* A counter of 4 or 8 octets; all bits set: not known. */
static uint64_t counter(const uint8_t *p, unsigned octets) {
    uint64_t v = ben(p, octets);
    return v == UINT32_MAX && octets == 4 ? FVT_NO_COUNTER : v;
}

/* The generic interface counters, in the order of enum fvt_counter but for the status word. */
static bool interface_counters(struct fvt_if_counters *out, struct cursor *in) {
    static const uint8_t octets[] = {4, 4, 8, 4, 0, 0, 8, 4, 4, 4, 4, 4, 4, 8, 4, 4, 4, 4, 4, 4};
    enum { OCTETS = 88, STATUS = 20, ADMIN = 1, OPER = 2 };
    const uint8_t *p = cursor_take(in, OCTETS);
    if (!p)
        return false;
    uint32_t status = be32(p + STATUS);
    for (size_t i = 0; i < sizeof octets; i++) {
        enum fvt_counter to = FVT_IFINDEX + (enum fvt_counter)i;
        out->value[to] = counter(p, octets[i]);
        p += to == FVT_IFOPERSTATUS ? 4 : octets[i];
    }
    out->value[FVT_IFADMINSTATUS] = status & ADMIN ? 1 : 2;
    out->value[FVT_IFOPERSTATUS] = status & OPER ? 1 : 2;
    return true;
}

/* Sequence number, source id as in a flow sample, number of records; wide: the expanded form. */
static bool counter_sample(struct collector *c, const struct exporter *e, const struct datagram *d,
                           struct cursor in, bool wide) {
    enum { INTERFACE_COUNTERS = 1 };
    const uint8_t *p = cursor_take(&in, wide ? 16 : 12);
    if (!p)
        return false;
    struct fvt_if_counters out = {
        .time = d->received, .exporter = e->stat.exporter, .odid = e->stat.odid};
    out.value[FVT_SOURCE_TYPE] = wide ? be32(p + 4) : p[4];
    out.value[FVT_SOURCE_INDEX] = wide ? be32(p + 8) : be32(p + 4) & 0xffffff;
    for (uint32_t count = be32(p + (wide ? 12 : 8)); count--;) { /* each takes octets, or ends it */
        uint32_t format, octets;
        if (!cursor_u32(&in, &format) || !cursor_u32(&in, &octets) || octets > cursor_left(&in))
            return false;
        struct cursor body = cursor_cut(&in, octets);
        if (format != INTERFACE_COUNTERS)
            continue;
        if (!interface_counters(&out, &body))
            return false;
        if (c->on_counters)
            c->on_counters(c->on_counters_arg, &out);
    }
    return true;
}

static void samples(struct collector *c, struct exporter *e, const struct datagram *d,
                    struct cursor in, uint32_t count) {
    while (count--) {
        uint32_t format, octets;
        size_t left = cursor_left(&in);
        if (!cursor_u32(&in, &format) || !cursor_u32(&in, &octets)) {
            collector_fault(c, e, d, FVT_BAD_SHORT, left);
            return;
        }
        if (octets > cursor_left(&in)) {
            collector_fault(c, e, d, FVT_BAD_SET, left);
            return;
        }
        struct cursor body = cursor_cut(&in, octets);
        bool whole = true;
        if (format == FLOW_SAMPLE)
            whole = flow_sample(c, e, body, flow_head);
        else if (format == EXPANDED_FLOW_SAMPLE)
            whole = flow_sample(c, e, body, expanded_flow_head);
        else if (format == DISCARDED_PACKET)
            whole = discarded_packet(c, e, body);
        else if (format == COUNTER_SAMPLE || format == EXPANDED_COUNTER_SAMPLE)
            whole = counter_sample(c, e, d, body, format == EXPANDED_COUNTER_SAMPLE);
        if (!whole)
            collector_fault(c, e, d, FVT_BAD_RECORD, octets);
    }
}

/* Whether an agent can be told from others by its address. */
static bool is_own_address(const struct flow_ip *ip) {
    static const uint8_t loopback6[16] = {[15] = 1};
    static const uint8_t none[16];
    if (ip->family == 4)
        return ip->addr[0] != 127 && memcmp(ip->addr, none, 4) != 0;
    return ip->family == 6 && memcmp(ip->addr, loopback6, 16) != 0 &&
           memcmp(ip->addr, none, 16) != 0;
}

void collector_sflow(struct collector *c, const struct datagram *d) {
    struct cursor in = cursor_of(d->data, d->size);
    struct datagram from_agent = *d;
    struct flow_ip agent;
    uint32_t version = 0;
    bool ours = cursor_u32(&in, &version) && version == VERSION;
    const uint8_t *h = NULL; /* sub-agent, sequence, uptime, samples */
    bool known = ours && sflow_address(&in, &agent) && (h = cursor_take(&in, 16)) != NULL;
    if (known && is_own_address(&agent))
        from_agent.from = agent;
    d = &from_agent;
    uint32_t odid = h ? be32(h) : 0;
    uint32_t uptime = h ? be32(h + 8) : 0;
    const struct session_mark session = {known, known ? be32(h + 4) : 0,
                                         uptime ? d->received - uptime : 0};
    struct exporter *e = collector_exporter(c, d, ours ? "sflow" : "unknown", odid, &session);
    if (!e)
        return;
    if (!known) {
        collector_fault(c, e, d, ours || d->size < 4 ? FVT_BAD_SHORT : FVT_BAD_VERSION, d->size);
        return;
    }
    const struct record_header header = {
        .version = "sflow",
        .exporter = d->from,
        .ident = d->ident,
        .odid = odid,
        .sequence = be32(h + 4),
        .received = d->received,
        .exported = d->received,
        .boot = INT64_MIN,
    };
    const struct sequence_mark mark = {header.sequence, 1, 1, be32(h + 8), MAX_GAP};
    session_sequence(e, &mark);
    record_header(&c->record, &header);
    samples(c, e, d, in, be32(h + 12));
}
