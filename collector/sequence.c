/* SPDX-License-Identifier: MIT */
/*
** Counts what is missing between sequence numbers; the rules are in sequence.h.
*/
#include "sequence.h"

/* So many datagrams that follow each other behind the expected number are a restart, not
** stragglers. */
enum { RESTART_RUN = 3 };

static void resync(struct sequence *s, uint32_t next, uint32_t uptime) {
    *s = (struct sequence){.known = true, .expected = next, .uptime = uptime};
}

void sequence_forget(struct sequence *s) {
    s->known = false;
}

/* A late datagram fills (part of) a gap: returns how many units of it, and keeps what is left. */
static uint32_t fill_gap(struct sequence *s, uint32_t seq, uint32_t units) {
    for (int i = 0; i < SEQUENCE_GAPS; i++) {
        struct sequence_gap *g = &s->gaps[i];
        uint32_t into = seq - g->first;
        if (g->units == 0 || into >= g->units)
            continue;
        uint32_t filled = g->units - into < units ? g->units - into : units;
        uint32_t rest = g->units - into - filled;
        if (rest) {
            struct sequence_gap *slot = into ? &s->gaps[s->gap_next++ % SEQUENCE_GAPS] : g;
            *slot = (struct sequence_gap){seq + filled, rest};
        }
        if (into)
            g->units = into;
        else if (!rest)
            g->units = 0;
        return filled;
    }
    return 0;
}

/* A datagram with a lower number than expected. */
static int64_t late(struct sequence *s, uint32_t seq, uint32_t units, uint32_t uptime) {
    uint32_t filled = fill_gap(s, seq, units);
    if (filled)
        return -(int64_t)filled;
    s->late_run = s->late_run && seq == s->late_next ? s->late_run + 1 : 1;
    s->late_next = seq + units;
    if (s->late_run >= RESTART_RUN)
        resync(s, seq + units, uptime);
    return 0;
}

int64_t sequence_check(struct sequence *s, uint32_t seq, uint32_t units, uint32_t uptime,
                       uint32_t max_gap) {
    int32_t ahead = (int32_t)(seq - s->expected);
    bool rebooted =
        uptime && s->uptime && uptime < s->uptime && s->uptime - uptime < UINT32_MAX / 2;
    /* A straggler was sent a moment before the newest; after a reboot the clock begins anew. */
    enum { STRAGGLER_MS = 60000 };
    if (!s->known || (ahead != 0 && rebooted && s->uptime - uptime > STRAGGLER_MS) ||
        ahead > (int64_t)max_gap || ahead < -(int64_t)max_gap) {
        resync(s, seq + units, uptime);
        return 0;
    }
    if (ahead < 0)
        return late(s, seq, units, uptime);
    if (ahead > 0)
        s->gaps[s->gap_next++ % SEQUENCE_GAPS] =
            (struct sequence_gap){s->expected, (uint32_t)ahead};
    s->expected = seq + units;
    s->uptime = uptime;
    s->late_run = 0;
    return ahead;
}
