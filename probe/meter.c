/* SPDX-License-Identifier: MIT */
/*
** The meter: what comes after the dissector, put together, with counters. Packets go through the
** forwarded ones (where several interfaces are captured on), then fragments to the fragment cache,
** then to the flow table. What the first two hold back is earlier than the packet at hand, so the
** table's clock is that of the earliest packet that is held as forwarded.
*/
#include "meter.h"

#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "forward.h"
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
    struct forward *forward;               /* NULL until a source is one of several */
    struct applications *applications;     /* NULL: not asked for */
    const struct application *application; /* of the flow in row */
    void (*ended)(void *arg, struct flow_row *row, int64_t now);
    void *arg;
    int64_t now; /* the table's time when what comes is counted, us */
    struct meter_stats stats;
    struct sampling sampling;
    enum track track;
    enum tunnels tunnels;
    bool each_sight;
    bool special; /* look() or reduce() has something to do */
    bool stopped, deleting;
    bool adjusting; /* shift is the time that the next packet will have */
    int64_t shift;  /* added to the times of packets, us */
    struct flow_row row;
    struct flow_times times; /* of the flow in row */
    char labels[MPLS_TEXT];  /* likewise */
};

const char *const tunnels_names[TUNNELS_N] = {"outer", "inner", "both"};

static void count_range(struct meter_range *r, uint64_t value, bool first) {
    r->least = first || value < r->least ? value : r->least;
    r->most = value > r->most ? value : r->most;
    r->sum += value;
}

/* Both directions of a biflow. */
struct extent {
    uint64_t packets, bytes;
    int64_t first, last;
};

static struct extent extent_of(const struct flow_ended *ended) {
    const struct flow *f = ended->flow, *r = ended->reverse;
    struct extent e = {f->packets, f->bytes, f->first, f->last};
    if (!r)
        return e;
    e.packets += r->packets;
    e.bytes += r->bytes;
    e.first = r->first < e.first ? r->first : e.first;
    e.last = r->last > e.last ? r->last : e.last;
    return e;
}

static void count_flow(struct meter_stats *s, const struct flow_ended *ended,
                       const struct extent *e) {
    bool first = s->flow_packets.sum == 0;
    s->flows[ended->flow->key.proto]++;
    s->ended[ended->reason]++;
    count_range(&s->flow_packets, e->packets, first);
    count_range(&s->flow_bytes, e->bytes, first);
    count_range(&s->flow_ms, (uint64_t)(e->last - e->first) / 1000, first);
}

/* Of deleted ones, too, since they hold their connections. */
static struct application *application_of(struct meter *m, const struct flow_ended *ended) {
    struct application *a = applications_end(m->applications, &ended->flow->key);
    return ended->reverse ? applications_end(m->applications, &ended->reverse->key) : a;
}

static void set_application(struct meter *m, struct application *a, const struct extent *e) {
    a->flows++;
    a->packets += e->packets;
    a->bytes += e->bytes;
    flow_row_set_text(&m->row, FLOW_appid, a->id, a->id_length);
    flow_row_set_text(&m->row, FLOW_appname, a->name, strlen(a->name));
}

static void flow_ended(void *arg, const struct flow_ended *ended) {
    struct meter *m = arg;
    const struct extent e = extent_of(ended);
    struct application *application = m->applications ? application_of(m, ended) : NULL;
    if (m->deleting) {
        m->stats.deleted.flows++;
        m->stats.deleted.packets += e.packets;
        m->stats.deleted.bytes += e.bytes;
        return;
    }
    count_flow(&m->stats, ended, &e);
    record_of_flow(&m->row, ended);
    if (ended->shell)
        record_of_shell(&m->row, ended->shell, m->tunnels == TUNNELS_BOTH, m->labels);
    if (m->track == TRACK_IP)
        flow_row_unset(&m->row, FLOW_proto);
    if (application)
        set_application(m, application, &e);
    m->application = application;
    m->times.first = ended->flow->first;
    m->times.last = ended->flow->last;
    m->times.reverse_first = ended->reverse ? ended->reverse->first : 0;
    m->times.reverse_last = ended->reverse ? ended->reverse->last : 0;
    m->ended(m->arg, &m->row, ended->now / 1000);
}

static struct waiting *waiting_at(struct meter *m, unsigned at) {
    return &m->waiting[at % WAITING];
}

/* The packet that waits longest goes into the table. */
static void admit(struct meter *m) {
    const struct waiting *w = waiting_at(m, m->first++);
    m->nwaiting--;
    table_clock(m->table, w->now);
    table_add_expected(m->table, &w->add, w->expected);
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

/* What is to be counted, of fragments. */
static void count(void *arg, const struct flow_add *add) {
    struct meter *m = arg;
    *next_waiting(m) = *add;
    expect(m, m->now);
}

/* Sampling where packets are seen more than once chooses among packets, not among sights. */
static bool is_sampled(struct meter *m, const struct flow_add *add) {
    if (m->sampling.method.n <= 1 || sampling_takes(&m->sampling))
        return true;
    m->stats.kinds[PACKET_IP] -= add->packets;
    m->stats.bytes -= add->bytes;
    m->stats.passed_over += add->packets;
    return false;
}

/* What is to be counted, of packets of several interfaces. */
static void sort(void *arg, const struct flow_add *add) {
    struct meter *m = arg;
    if (!is_sampled(m, add))
        return;
    if (add->fragment)
        fragments_add(m->fragments, add);
    else
        count(m, add);
}

struct meter *meter_new(uint32_t size, const struct table_timeouts *timeouts,
                        void (*ended)(void *arg, struct flow_row *row, int64_t now), void *arg) {
    struct meter *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->ended = ended;
    m->arg = arg;
    m->table = table_new(size, timeouts, flow_ended, m);
    m->fragments = fragments_new(count, m);
    if (!m->table || !m->fragments) {
        meter_free(m);
        return NULL;
    }
    return m;
}

/* Interfaces and direction, from where they are known: the packet's own header (cooked captures,
** NFLOG), what the capture says, the interface captured on. */
static void place(struct packet *pkt, const struct meter_source *source) {
    if (!(pkt->has & HAS_DIRECTION)) {
        if (source->direction != 0)
            pkt->direction = source->direction == 2 ? DIRECTION_EGRESS : DIRECTION_INGRESS;
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

/* What comes of several interfaces; both are known of what NFLOG tells. */
static bool may_be_forwarded(struct meter *m, const struct packet *pkt,
                             const struct meter_source *source) {
    if (!source->several || m->each_sight || (pkt->inif && pkt->outif))
        return false;
    if (!m->forward)
        m->forward = forward_new(FORWARD_SIZE, sort, m);
    return m->forward != NULL; /* without memory for it, packets count as they come */
}

static void forwarded(struct meter *m, const struct packet *pkt, const uint8_t *data,
                      size_t captured, const struct flow_add *add,
                      const struct meter_source *source) {
    enum forward_side side = !(pkt->has & HAS_DIRECTION)          ? SIDE_UNKNOWN
                             : pkt->direction == DIRECTION_EGRESS ? SIDE_OUT
                                                                  : SIDE_IN;
    uint32_t ifindex = pkt->inif ? pkt->inif : pkt->outif;
    forward_expire(m->forward, add->last);
    m->now = forward_oldest(m->forward, add->last);
    forward_add(m->forward, pkt, data, captured, add, side, ifindex ? ifindex : source->ifindex);
}

static int64_t shifted(struct meter *m, int64_t time) {
    if (m->adjusting && __builtin_sub_overflow(m->shift, time, &m->shift))
        m->shift = 0;
    if (m->adjusting)
        m->shift -= m->shift % 1000; /* so that what is in milliseconds keeps its distances */
    m->adjusting = false;
    int64_t sum;
    return __builtin_add_overflow(time, m->shift, &sum) ? time : sum;
}

/* What application it is of can be seen in its payload, which only is at hand now. Of fragments the first one has the ports. */
static void look(struct meter *m, const struct meter_source *source, const struct packet *pkt,
                 const uint8_t *data, size_t captured, const struct flow_add *add) {
    size_t n = captured - pkt->ip_at;
    bool once = !source->several || (pkt->inif && pkt->outif);
    uint32_t ifindex = pkt->inif ? pkt->inif : pkt->outif ? pkt->outif : source->ifindex;
    if (pkt->fragment && pkt->fragoffset > 0)
        return;
    applications_packet(m->applications, add, once ? 0 : ifindex, data + pkt->ip_at,
                        n < pkt->length ? n : pkt->length);
}

/* Leave out what does not tell flows apart, and what sampling leaves nothing to be told of. */
static void reduce(const struct meter *m, struct flow_add *add) {
    track_reduce(add, m->track);
    if (m->sampling.method.n > 1)
        add->has &= (uint8_t)~FLOW_SEQUENCE;
}

/* What pkt is counted as, when it may have another one inside, for which there is room. */
static const struct packet *choose(struct meter *m, const struct packet *pkt, const uint8_t *data,
                                   size_t captured, size_t wire, struct packet *inside,
                                   bool *tunnel) {
    *tunnel = dissect_inside(data, captured, wire, pkt, inside);
    m->stats.tunnels += *tunnel;
    return *tunnel && m->tunnels == TUNNELS_INNER ? inside : pkt;
}

static void count_long(struct meter *m, const struct packet *pkt) {
    m->stats.long_packets++;
    m->stats.no_length += (pkt->has & HAS_NO_LENGTH) != 0;
}

enum packet_kind meter_packet(struct meter *m, const struct meter_source *source, int64_t time,
                              const uint8_t *data, size_t captured, size_t wire) {
    struct packet outer, inside;
    const struct packet *pkt = &outer;
    bool tunnel = false;
    m->stats.packets++;
    m->stats.octets += wire;
    if (m->stopped) {
        m->stats.stopped++;
        return PACKET_IP;
    }
    if (m->sampling.method.n > 1 && !source->several && !sampling_takes(&m->sampling)) {
        m->stats.passed_over++;
        return PACKET_IP;
    }
    enum packet_kind kind = dissect(source->linktype, data, captured, wire, &outer);
    m->stats.kinds[kind]++;
    if (kind != PACKET_IP)
        return kind;
    place(&outer, source);
    if (m->tunnels != TUNNELS_OUTER)
        pkt = choose(m, &outer, data, captured, wire, &inside, &tunnel);
    m->stats.bytes += pkt->length;
    m->stats.fragments += pkt->fragment;
    m->stats.partial += checksum_is_partial(pkt, data, captured);
    if (pkt->length > METER_LONG)
        count_long(m, pkt);
    struct flow_add *add = next_waiting(m);
    add_packet(add, pkt, shifted(m, pkt->has & HAS_TIME ? pkt->time : time));
    if (tunnel)
        add_tunnel(add, pkt == &outer ? &inside : &outer, &inside);
    if (m->special) {
        if (m->applications)
            look(m, source, pkt, data, captured, add);
        reduce(m, add);
    }
    m->now = add->last;
    if (may_be_forwarded(m, pkt, source)) {
        struct flow_add one = *add;
        forwarded(m, pkt, data, captured, &one, source);
    } else if (source->several && !is_sampled(m, add)) {
        return kind;
    } else if (pkt->fragment) {
        struct flow_add fragment = *add;
        fragments_add(m->fragments, &fragment);
    } else {
        expect(m, m->now);
    }
    if (m->stats.fragments > 0)
        fragments_expire(m->fragments, m->now);
    return kind;
}

void meter_idle(struct meter *m, int64_t now) {
    m->now = now;
    if (m->forward) {
        forward_expire(m->forward, now);
        m->now = forward_oldest(m->forward, now);
    }
    fragments_expire(m->fragments, m->now);
    admit_all(m);
    table_idle(m->table, m->now);
}

void meter_flush(struct meter *m) {
    if (m->forward)
        forward_flush(m->forward);
    fragments_flush(m->fragments);
    admit_all(m);
    table_flush(m->table, END_FORCED);
}

void meter_delete(struct meter *m) {
    m->deleting = true;
    meter_flush(m);
    m->deleting = false;
}

void meter_gather(struct meter *m, bool on) {
    m->stopped = !on;
}

void meter_track(struct meter *m, enum track level) {
    m->track = level;
    m->special |= level != TRACK_FULL;
    if (level == TRACK_VLAN || level == TRACK_ETHER)
        table_track_link(m->table);
}

void meter_tunnels(struct meter *m, enum tunnels tunnels) {
    m->tunnels = tunnels;
    if (tunnels != TUNNELS_OUTER)
        table_track_tunnel(m->table);
}

static void flow_began(void *arg, const struct flow_key *key) {
    struct meter *m = arg;
    applications_hold(m->applications, key);
}

void meter_applications(struct meter *m, struct applications *a) {
    m->applications = a;
    m->special = true;
    table_on_begin(m->table, flow_began);
}

const struct application *meter_application(const struct meter *m) {
    return m->application;
}

void meter_each_sight(struct meter *m) {
    m->each_sight = true;
}

void meter_sample(struct meter *m, struct sampling_method method) {
    sampling_init(&m->sampling, method);
    m->special |= method.n > 1;
}

const struct flow_times *meter_times(const struct meter *m) {
    return &m->times;
}

void meter_biflows(struct meter *m) {
    table_track_biflows(m->table);
}

void meter_adjust(struct meter *m, int64_t now) {
    m->adjusting = true;
    m->shift = now;
}

void meter_each(struct meter *m, void (*each)(void *arg, const struct flow *flow), void *arg) {
    admit_all(m);
    table_each(m->table, each, arg);
}

bool meter_balances(const struct meter_stats *s) {
    uint64_t sum = s->stopped + s->passed_over;
    for (int k = 0; k < PACKET_NKINDS; k++)
        sum += s->kinds[k];
    return sum == s->packets &&
           s->flow_packets.sum + s->deleted.packets + s->again_packets == s->kinds[PACKET_IP] &&
           s->flow_bytes.sum + s->deleted.bytes + s->again_bytes == s->bytes;
}

const struct meter_stats *meter_stats(struct meter *m) {
    if (m->forward) {
        const struct forward_stats *again = forward_stats(m->forward);
        m->stats.again_packets = again->packets;
        m->stats.again_bytes = again->bytes;
        m->stats.early = again->early;
    }
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
    forward_free(m->forward);
    free(m);
}
