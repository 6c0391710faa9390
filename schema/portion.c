/* SPDX-License-Identifier: MIT */
/*
** The span of a flow from the times it was exported with.
*/
#include "portion.h"
#include "value.h"

static int64_t within_calendar(int64_t ms) {
    return ms < FLOW_MS_MIN ? FLOW_MS_MIN : ms > FLOW_MS_MAX ? FLOW_MS_MAX : ms;
}

struct flow_span flow_span_of(const int64_t *tstart, const int64_t *tend, const int64_t *trecv) {
    const int64_t *from = tstart ? tstart : tend ? tend : trecv;
    const int64_t *to = tend ? tend : from;
    if (!from)
        return (struct flow_span){false, 0, 0};
    int64_t a = within_calendar(*from), b = within_calendar(*to);
    struct flow_span f = {true, a < b ? a : b, a < b ? b : a};
    if (f.end - f.start > FLOW_LONGEST_MS)
        f.start = f.end;
    return f;
}
