/* SPDX-License-Identifier: MIT */
/* The meter: dissector, fragment cache and flow table put together, with counters. */
#include "meter.h"

#include <stdlib.h>
#include <string.h>

#include "fragments.h"
#include "record.h"

/* Packets on their way into the table. Each waits until so many others came, so that memory has the time to
** bring what it will change; see table_expect(). */
enum { WAITING = 16, APPROACH = 8 };

struct waiting {
    struct flow_add add;
    int64_t now;
    uint32_t expected;
};

struct meter {
    struct waiting waiting[WAITING];
    unsigned first, nwaiting; /* counts on; nwaiting behind it */
    struct table *table;
    struct fragments *fragments;
    void (*ended)(void *arg, struct flow_row *row, int64_t now);
    void *arg;
    int64_t now; /* of the latest packet, us */
    struct meter_stats stats;
    struct flow_row row;
};

static void flow_ended(void *arg, const struct flow *flow, enum flow_end reason, int64_t now) {
    struct meter *m = arg;
    m->stats.flows[flow->key.proto]++;
    m->stats.ended[reason]++;
    m->stats.flow_packets += flow->packets;
    m->stats.flow_bytes += flow->bytes;
    record_of_flow(&m->row, flow, reason);
    m->ended(m->arg, &m->row, now / 1000);
}

static struct waiting *waiting_at(struct meter *m, unsigned at) {
    return &m->waiting[at % WAITING];
}

/* The packet that waits longest goes into the table. */
static void admit(struct meter *m) {
    const struct waiting *w = waiting_at(m, m->first++);
    m->nwaiting--;
    table_clock(m->table, w->now);
    table_add(m->table, &w->add);
}

static void admit_all(struct meter *m) {
    while (m->nwaiting > 0)
        admit(m);
}

/* Where to put a packet that expect() is then told of. */
static struct flow_add *next_waiting(struct meter *m) {
    if (m->nwaiting == WAITING)
        admit(m);
    return &waiting_at(m, m->first + m->nwaiting)->add;
}

/* now: the table's time when it is counted. */
static void expect(struct meter *m, int64_t now) {
    unsigned at = m->first + m->nwaiting++;
    struct waiting *w = waiting_at(m, at);
    w->now = now;
    w->expected = table_expect(m->table, &w->add);
    if (m->nwaiting > APPROACH)
        table_approach(m->table, waiting_at(m, at - APPROACH)->expected);
}

/* Of fragments; m->now is the time. */
static void deliver(void *arg, const struct flow_add *add) {
    struct meter *m = arg;
    *next_waiting(m) = *add;
    expect(m, m->now);
}

struct meter *meter_new(uint32_t size, const struct table_timeouts *timeouts,
                        void (*ended)(void *arg, struct flow_row *row, int64_t now), void *arg) {
    struct meter *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->ended = ended;
    m->arg = arg;
    m->table = table_new(size, timeouts, flow_ended, m);
    m->fragments = fragments_new(deliver, m);
    if (!m->table || !m->fragments) {
        meter_free(m);
        return NULL;
    }
    return m;
}

/* Interfaces and direction, from where they are known: the packet's own header (cooked captures,
** NFLOG), what the capture says, the interface captured on. */
static void place(struct packet *pkt, const struct meter_source *source, int direction) {
    if (!(pkt->has & HAS_DIRECTION)) {
        if (direction != 0)
            pkt->direction = direction == 2 ? DIRECTION_EGRESS : DIRECTION_INGRESS;
        else if (source->has_mac && pkt->has & HAS_MAC)
            pkt->direction = memcmp(pkt->srcmac, source->mac, 6) == 0;
        else
            return;
        pkt->has |= HAS_DIRECTION;
    }
    if (source->ifindex == 0 || pkt->inif || pkt->outif)
        return;
    if (pkt->direction == DIRECTION_EGRESS)
        pkt->outif = source->ifindex;
    else
        pkt->inif = source->ifindex;
}

enum packet_kind meter_packet(struct meter *m, const struct meter_source *source, int64_t time,
                              const uint8_t *data, size_t captured, size_t wire, int direction,
                              uint32_t *ifindex) {
    struct packet pkt;
    enum packet_kind kind = dissect(source->linktype, data, captured, wire, &pkt);
    m->stats.packets++;
    m->stats.octets += wire;
    m->stats.kinds[kind]++;
    *ifindex = 0;
    if (kind != PACKET_IP)
        return kind;
    place(&pkt, source, direction);
    *ifindex = pkt.inif ? pkt.inif : pkt.outif;
    m->stats.bytes += pkt.length;
    struct flow_add *add = next_waiting(m);
    table_packet(add, &pkt, time);
    m->now = add->last;
    if (pkt.fragment) {
        struct flow_add fragment = *add;
        m->stats.fragments++;
        fragments_add(m->fragments, &pkt, &fragment);
    } else {
        expect(m, m->now);
    }
    fragments_expire(m->fragments, m->now);
    return kind;
}

void meter_idle(struct meter *m, int64_t now) {
    m->now = now;
    fragments_expire(m->fragments, now);
    admit_all(m);
    table_idle(m->table, now);
}

void meter_flush(struct meter *m) {
    fragments_flush(m->fragments);
    admit_all(m);
    table_flush(m->table, END_FORCED);
}

const struct meter_stats *meter_stats(const struct meter *m) {
    return &m->stats;
}

uint32_t meter_flows(const struct meter *m) {
    return table_flows(m->table);
}

void meter_free(struct meter *m) {
    if (!m)
        return;
    table_free(m->table);
    fragments_free(m->fragments);
    free(m);
}
