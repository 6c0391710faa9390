/* SPDX-License-Identifier: MIT */
/*
** The clocks of a message: which calendar time its header has, and from which boot its flow times
** are
** counted (NetFlow v5 and v9; RFC 3954 5.1).
*/
#include "message.h"

static const int64_t HOUR = 3600 * 1000;
static const int64_t UPTIME_MAX = INT64_C(1) << 31; /* 24 days; half of the field */

static const int64_t LAST = UINT32_MAX * INT64_C(1000);

int64_t message_time(int64_t ms) {
    return ms < 0 ? 0 : ms > LAST ? LAST : ms;
}

int64_t message_second(int64_t ms) {
    int64_t up = ms <= 0 ? 0 : (ms + 999) / 1000 * 1000; /* rounded up: no flow ends later */
    return up > LAST ? LAST : up;
}

static bool in_reach(int64_t clock, int64_t boot, int64_t tstart) {
    return tstart >= boot && clock - boot < UPTIME_MAX;
}

bool message_add(struct format_state *s, int64_t now, int64_t tstart, int64_t tend) {
    struct message *m = &s->message;
    int64_t clock = message_second(now > tend ? now : tend);
    if (clock < m->clock)
        clock = m->clock;
    if (!in_reach(clock, m->boot, tstart))
        return false;
    m->clock = clock;
    return true;
}

void message_begin(struct format_state *s, int64_t now, int64_t tstart, int64_t tend) {
    struct message *m = &s->message;
    m->clock = message_second(now > tend ? now : tend);
    if (!s->booted || !in_reach(m->clock, s->boot, tstart)) {
        int64_t boot = tstart / 1000 * 1000 - HOUR;
        if (!s->booted || boot > s->boot) /* time went on: as a router that was started again */
            s->boot = boot;
        s->booted = true;
        m->boot = boot;
        if (m->clock - m->boot >= UPTIME_MAX) /* an old flow: as if sent when it ended */
            m->clock = message_second(tend);
        return;
    }
    m->boot = s->boot;
}
