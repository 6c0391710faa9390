/* SPDX-License-Identifier: MIT */
/*
** Tells exporters behind one address apart; the rules are in session.h.
*/
#include "session.h"

#include <stdlib.h>

#include "decode.h"

enum {
    /* Times of boot that differ by less are the same: headers have whole seconds, clocks are set. */
    BOOT_MS = 5000,
    /* Numbers of one sequence that arrive over two ports, some of them late or lost. */
    NEAR = 10000,
    /* Several datagrams of a port may come later than others'; so many in a row do not. */
    ALONE = 16,
};

static struct session_port *find(struct session *s, uint16_t port) {
    for (uint8_t i = 0; i < s->count; i++)
        if (s->port[i].port == port)
            return &s->port[i];
    return NULL;
}

static struct session_port *add(struct session *s, uint16_t port) {
    uint8_t i = s->count < SESSION_PORTS ? s->count++ : s->replaced++ % SESSION_PORTS;
    s->port[i] = (struct session_port){.port = port};
    return &s->port[i];
}

static bool is_same(const struct exporter *e, const struct session_mark *m) {
    const struct session *s = &e->ports;
    if (s->count == 0 || !m->numbered)
        return true;
    if (m->boot && s->boot)
        return llabs(m->boot - s->boot) < BOOT_MS;
    int32_t ahead = (int32_t)(m->number - s->number);
    return ahead > -NEAR && ahead < NEAR;
}

struct exporter *session_get(struct collector *c, const struct datagram *d, const char *version,
                             uint32_t odid, const struct session_mark *mark) {
    struct exporter_table *t = &c->exporters;
    struct exporter *e = exporters_get(t, c->limits.exporters, &d->from, version, odid, d->stream);
    if (!e || d->stream || d->port == 0)
        return e;
    struct session *s = &e->ports;
    struct session_port *p = &s->port[s->now];
    if (p->port != d->port)
        p = find(s, d->port);
    if (!p) {
        /* It may have been found to be another's before. */
        bool other =
            !is_same(e, mark) || exporters_find(t, &d->from, version, odid, d->port) != NULL;
        p = add(s, d->port);
        p->other = other;
    }
    if (p->other)
        return exporters_get(t, c->limits.exporters, &d->from, version, odid, d->port);
    s->now = (uint8_t)(p - s->port);
    if (mark->numbered) {
        s->boot = mark->boot;
        s->number = mark->number;
    }
    return e;
}

static struct exporter *first_session(const struct collector *c, const struct exporter *e) {
    if (e->session == 0 || e->session >= EXPORTER_FIRST_STREAM)
        return NULL;
    return exporters_find(&c->exporters, &e->stat.exporter, e->stat.version, e->stat.odid, 0);
}

struct exporter *session_kin_of(const struct collector *c, const struct exporter *e) {
    return e->kin == SESSION_KIN ? first_session(c, e) : NULL;
}

bool session_announced(const struct collector *c, struct exporter *e,
                       const struct template_definition *d) {
    struct exporter *first = e->kin == SESSION_STRANGER ? NULL : first_session(c, e);
    const struct template *t = first ? template_find(&first->templates, d->id) : NULL;
    enum session_kin was = e->kin;
    if (t)
        e->kin = template_is(t, d) ? SESSION_KIN : SESSION_STRANGER;
    return e->kin == SESSION_KIN && was != SESSION_KIN;
}

/* Sessions of several exporters were one: what was counted while they were. */
static void take_back(struct exporter *e) {
    struct session *s = &e->ports;
    int64_t lost = 0;
    for (uint8_t i = 0; i < s->count; i++) {
        lost += s->port[i].lost;
        s->port[i].lost = 0;
    }
    e->stat.lost -= lost;
    e->recovered += lost > 0 ? (uint64_t)lost : 0;
    sequence_forget(&e->sequence);
}

/* Two ports share the sequence. */
static void confirm(struct session *s) {
    for (uint8_t i = 0; i < s->count; i++) {
        s->port[i].lost = 0;
        s->port[i].alone = 0;
    }
}

int64_t session_sequence(struct exporter *e, const struct sequence_mark *mark) {
    struct session *s = &e->ports;
    struct session_port *p = &s->port[s->now];
    const struct sequence_span span = sequence_span(&e->sequence, mark);
    bool follows = sequence_expects(&e->sequence, span.first);
    int64_t change = sequence_check(&e->sequence, mark);
    e->stat.lost += change;
    e->recovered += change < 0 ? (uint64_t)-change : 0;
    if (s->count < 2)
        return change;
    p->lost += change;
    if (follows && s->newest != s->now)
        confirm(s);
    else if (!follows && span.first == p->next && span.first != span.next)
        p->alone++;
    else if (!follows)
        p->alone = 0;
    p->next = span.next;
    if (sequence_expects(&e->sequence, span.next))
        s->newest = s->now;
    if (p->alone == ALONE) {
        take_back(e);
        p->other = true;
        return 0;
    }
    return change;
}
