/* SPDX-License-Identifier: MIT */
/* TCP's sequence numbers (RFC 9293 3.4) and handshake (3.5). */
#include "tcp.h"

#include <string.h>

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10 };

/* How soon after a gap a segment that was overtaken comes, in microseconds, when no handshake was seen. */
static const int64_t OVERTAKEN = 3000;

/* A distance of sequence numbers, which wrap. */
static int32_t distance(uint32_t from, uint32_t to) {
    return (int32_t)(to - from);
}

static struct tcp_detail *detail_of(struct tcp_side side) {
    if (!(side.flow->tcp & TCP_DETAILED))
        memset(side.detail, 0, sizeof *side.detail);
    side.flow->tcp |= TCP_DETAILED;
    return side.detail;
}

static uint32_t elapsed(int64_t from, int64_t to) {
    int64_t us = to - from;
    return us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* ---- times ------------------------------------------------------------------------------- */

/* Measured from the last SYN, which is the last packet of a flow that has nothing else. */
void tcp_answered(struct tcp_side server, struct tcp_side client, const struct flow_add *add) {
    if ((client.flow->tcpflags & (SYN | ACK)) != SYN)
        return;
    struct tcp_detail *s = detail_of(server), *c = detail_of(client);
    s->server = c->server = elapsed(client.flow->last, add->first);
    s->has |= TCP_HAS_SERVER;
    c->has |= TCP_HAS_SERVER;
    client.flow->watch |= TCP_ACK;
}

/* The client's ACK, where the server's flow has nothing but SYNs with ACK. What is further on than the next segment comes
** after one that was not captured. */
static void handshake_done(struct tcp_side client, struct tcp_side server,
                           const struct flow_add *add) {
    client.flow->watch &= (uint8_t)~TCP_ACK;
    if (!server.flow || !(add->tcpflags & ACK) || add->tcpflags & RST ||
        distance(client.flow->expected, add->seq) > 0)
        return;
    struct tcp_detail *c = detail_of(client), *s = detail_of(server);
    c->client = s->client = elapsed(server.flow->last, add->first);
    c->has |= TCP_HAS_CLIENT;
    s->has |= TCP_HAS_CLIENT;
    client.flow->watch |= TCP_REQUEST;
}

static void requested(struct tcp_side client, struct tcp_side server, const struct flow_add *add) {
    detail_of(client)->request = add->first;
    if (server.flow)
        server.flow->watch |= TCP_ANSWER;
}

static void answered(struct tcp_side server, struct tcp_side client, const struct flow_add *add) {
    server.flow->watch &= (uint8_t)~TCP_ANSWER;
    if (!client.flow)
        return;
    client.flow->watch &= (uint8_t)~TCP_REQUEST;
    struct tcp_detail *s = detail_of(server), *c = detail_of(client);
    s->application = c->application = elapsed(c->request, add->first);
    s->has |= TCP_HAS_APPLICATION;
    c->has |= TCP_HAS_APPLICATION;
}

/* ---- sequence ---------------------------------------------------------------------------- */

static void set_gapped(struct tcp_side self) {
    if (self.detail->ngaps > 0)
        self.flow->watch |= TCP_GAPPED;
    else
        self.flow->watch &= (uint8_t)~TCP_GAPPED;
}

static void add_gap(struct tcp_side self, uint32_t from, uint32_t until, int64_t time) {
    struct tcp_detail *d = detail_of(self);
    if (d->ngaps == TCP_GAPS) {
        memmove(d->gaps, d->gaps + 1, sizeof d->gaps - sizeof *d->gaps);
        d->ngaps--;
    }
    d->gaps[d->ngaps].from = from;
    d->gaps[d->ngaps].until = until;
    d->gaps[d->ngaps++].seen = (uint32_t)time;
    set_gapped(self);
}

static void remove_gap(struct tcp_detail *d, unsigned i) {
    d->ngaps--;
    memmove(d->gaps + i, d->gaps + i + 1, (d->ngaps - i) * sizeof *d->gaps);
}

/* A segment that closes a gap is one that was overtaken when it comes that soon, in microseconds. */
static int64_t overtaken_within(const struct tcp_detail *d) {
    bool shaken = (d->has & TCP_HAS_CLIENT) && (d->has & TCP_HAS_SERVER);
    return shaken ? ((int64_t)d->client + d->server) * 3 / 4 : OVERTAKEN;
}

/* Octets from..until were not expected any more. Whether they close a gap, or a part of it, and soon enough. What is left
** of a gap in the middle of which they are is what is behind them: what is sent again comes from the front. */
static bool overtaken(struct tcp_side self, uint32_t from, uint32_t until, int64_t time) {
    if (!(self.flow->watch & TCP_GAPPED))
        return false;
    struct tcp_detail *d = self.detail;
    for (unsigned i = 0; i < d->ngaps; i++) {
        if (distance(d->gaps[i].from, until) <= 0 || distance(from, d->gaps[i].until) <= 0)
            continue;
        int32_t after = (int32_t)((uint32_t)time - d->gaps[i].seen);
        if (distance(until, d->gaps[i].until) > 0)
            d->gaps[i].from = until;
        else if (distance(d->gaps[i].from, from) > 0)
            d->gaps[i].until = from;
        else
            remove_gap(d, i);
        set_gapped(self);
        return after < overtaken_within(d);
    }
    return false;
}

static void sequence(struct tcp_side self, const struct flow_add *add) {
    struct flow *f = self.flow;
    uint32_t from = add->seq, until = from + add->seq_length;
    int32_t ahead = distance(f->expected, from);
    bool alive = add->seq_length == 1 && ahead == -1 && !(add->tcpflags & FIN);
    if (add->tcpflags & RST || alive || (add->seq_length == 0 && ahead <= 0))
        return; /* has no octets, but one that is ahead tells of some; or a keep-alive */
    if (ahead < 0) {
        if (overtaken(self, from, until, add->first))
            f->out_of_order++;
        else
            f->retransmitted++;
    } else if (ahead > 0) {
        add_gap(self, f->expected, from, add->first);
    }
    if (distance(f->expected, until) > 0)
        f->expected = until;
}

/* A SYN in a flow that has begun: again, or of a new connection. */
static void synchronise(struct tcp_side self, const struct flow_add *add) {
    struct flow *f = self.flow;
    uint32_t until = add->seq + add->seq_length;
    if (!(f->watch & TCP_UNKNOWN) && f->expected == until) {
        f->retransmitted++;
        return;
    }
    f->expected = until;
    f->watch &= (uint8_t) ~(TCP_UNKNOWN | TCP_GAPPED);
    if (f->tcp & TCP_DETAILED)
        self.detail->ngaps = 0;
}

/* ---- interface --------------------------------------------------------------------------- */

void tcp_segment_watched(struct tcp_side self, struct tcp_side peer, const struct flow_add *add) {
    struct flow *f = self.flow;
    if (add->tcpflags & SYN) {
        synchronise(self, add);
        return;
    }
    if (f->watch & TCP_ACK)
        handshake_done(self, peer, add);
    bool payload = add->seq_length > (add->tcpflags & FIN);
    if (payload && f->watch & TCP_REQUEST)
        requested(self, peer, add);
    if (payload && f->watch & TCP_ANSWER)
        answered(self, peer, add);
    if (f->watch & TCP_UNKNOWN) {
        f->expected = add->seq;
        f->watch &= (uint8_t)~TCP_UNKNOWN;
    }
    sequence(self, add);
}
