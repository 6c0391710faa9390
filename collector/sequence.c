/* SPDX-License-Identifier: MIT */
/*
** Counts what is missing between sequence numbers; the rules are in sequence.h.
*/
#include "sequence.h"

enum {
    /* So many datagrams that follow each other behind the expected number are a restart, not
    ** stragglers. */
    RESTART_RUN = 3,
    /* A straggler was sent a moment before the newest; after a reboot the clock begins anew. */
    STRAGGLER_MS = 60000,
    /* A convention that was right so often, where others were wrong, is settled. */
    SETTLED = 4,
};

/* The first is that of RFC 7011 and comes first where several fit. */
static const struct convention {
    bool includes_own; /* the number counts the datagram's own units already */
    bool options;      /* options data records are units too */
} conventions[SEQUENCE_CONVENTIONS] = {
    {false, true},
    {true, true},
    {false, false},
    {true, false},
};

static uint32_t units_of(const struct sequence_mark *m, int c) {
    return conventions[c].options ? m->units : m->flows;
}
/* Number of the datagram's first unit, by a convention. */
static uint32_t start_of(const struct sequence_mark *m, int c) {
    return m->number - (conventions[c].includes_own ? units_of(m, c) : 0);
}

static void expect_next(struct sequence *s, const struct sequence_mark *m) {
    for (int c = 0; c < SEQUENCE_CONVENTIONS; c++)
        s->expected[c] = start_of(m, c) + units_of(m, c);
    s->uptime = m->uptime;
    s->late_run = 0;
}

static void resync(struct sequence *s, const struct sequence_mark *m) {
    *s = (struct sequence){.known = true, .convention = s->convention, .confidence = s->confidence};
    expect_next(s, m);
}

void sequence_forget(struct sequence *s) {
    s->known = false;
}

/* Whether the datagram is the expected one; changes to the convention by which it is. */
static bool in_order(struct sequence *s, const struct sequence_mark *m) {
    int fits = -1;
    bool telling = false;
    for (int c = SEQUENCE_CONVENTIONS - 1; c >= 0; c--)
        if (start_of(m, c) == s->expected[c])
            fits = c;
        else
            telling = true;
    int own = s->convention;
    if (start_of(m, own) == s->expected[own]) {
        s->confidence = (uint8_t)(s->confidence + (telling && s->confidence < SETTLED));
        return true;
    }
    if (fits < 0 || s->confidence == SETTLED)
        return false;
    s->convention = (uint8_t)fits;
    s->confidence = 1;
    return true;
}

/* A late datagram fills (part of) a gap: returns how many units of it, and keeps what is left. */
static uint32_t fill_gap(struct sequence *s, uint32_t first, uint32_t units) {
    for (int i = 0; i < SEQUENCE_GAPS; i++) {
        struct sequence_gap *g = &s->gaps[i];
        uint32_t into = first - g->first;
        if (g->units == 0 || into >= g->units)
            continue;
        uint32_t filled = g->units - into < units ? g->units - into : units;
        uint32_t rest = g->units - into - filled;
        g->units = into;
        if (rest) {
            struct sequence_gap *slot = into ? &s->gaps[s->gap_next++ % SEQUENCE_GAPS] : g;
            *slot = (struct sequence_gap){first + filled, rest};
        }
        return filled;
    }
    return 0;
}

/* A datagram with a lower number than expected. */
static int64_t late(struct sequence *s, const struct sequence_mark *m) {
    uint32_t first = start_of(m, s->convention), units = units_of(m, s->convention);
    uint32_t filled = fill_gap(s, first, units);
    if (filled)
        return -(int64_t)filled;
    s->late_run = s->late_run && first == s->late_next ? s->late_run + 1 : 1;
    s->late_next = first + units;
    if (s->late_run >= RESTART_RUN)
        resync(s, m);
    return 0;
}

/* Whether the exporter's uptime says that it started anew since the newest datagram. */
static bool rebooted(const struct sequence *s, const struct sequence_mark *m) {
    return m->uptime && m->uptime < s->uptime && s->uptime - m->uptime > STRAGGLER_MS &&
           s->uptime - m->uptime < UINT32_MAX / 2; /* more: it wrapped */
}

struct sequence_span sequence_span(const struct sequence *s, const struct sequence_mark *m) {
    uint32_t first = start_of(m, s->convention);
    return (struct sequence_span){first, first + units_of(m, s->convention)};
}

bool sequence_expects(const struct sequence *s, uint32_t number) {
    return s->known && s->expected[s->convention] == number;
}

int64_t sequence_check(struct sequence *s, const struct sequence_mark *m) {
    if (!s->known) {
        resync(s, m);
        return 0;
    }
    if (in_order(s, m)) {
        expect_next(s, m);
        return 0;
    }
    uint32_t expected = s->expected[s->convention];
    int32_t ahead = (int32_t)(start_of(m, s->convention) - expected);
    if (rebooted(s, m) || ahead > (int64_t)m->max_gap || ahead < -(int64_t)m->max_gap) {
        resync(s, m);
        return 0;
    }
    if (ahead < 0)
        return late(s, m);
    s->gaps[s->gap_next++ % SEQUENCE_GAPS] = (struct sequence_gap){expected, (uint32_t)ahead};
    expect_next(s, m);
    return ahead;
}
