/* SPDX-License-Identifier: MIT */
/*
** When a flow was, and which part of its counters falls into a stretch of time: the rule by which
** totals of flows are cut at the ends of windows and buckets. Roll-ups are made by it when a file
** is merged and queries by it when they run, so both say the same to the octet.
**
** Of a counter, floor(counter * (t - start) / (end - start + 1)) lies before time t, and between two
** times the difference: so adjacent stretches add up to exactly the counter. As one flow a flow is
** counted where it starts.
*/
#ifndef FLOWVT_PORTION_H
#define FLOWVT_PORTION_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds since 1970 UTC; both ends belong to it. known: false when the flow has no time at
** all; it is then part of no stretch but that of all times. */
struct flow_span {
    bool known;
    int64_t start, end;
};

/* What lasts longer was exported with a clock that was wrong. */
#define FLOW_LONGEST_MS (INT64_C(31) * 86400 * 1000)

/* The span of a flow by its times, NULL for one that is not there: tstart and tend, the other where
** one is missing, trecv where both are; in order where the exporter swapped them. Times outside of the
** calendar (years 0000 to 9999) are at its ends. No exporter keeps a flow for more than 31 days: a
** clock was wrong then, and the flow was when it ended, which is nearest to its arrival. */
struct flow_span flow_span_of(const int64_t *tstart, const int64_t *tend, const int64_t *trecv);

/* How much of a counter (0 or more) lies before t. */
static inline int64_t flow_portion_before(const struct flow_span *f, int64_t counter, int64_t t) {
    if (t <= f->start)
        return 0;
    if (t > f->end)
        return counter;
    uint64_t length = (uint64_t)f->end - (uint64_t)f->start + 1;
    unsigned __int128 part =
        (unsigned __int128)(uint64_t)counter * ((uint64_t)t - (uint64_t)f->start);
    return (int64_t)(part / length);
}

/* The same of a counter of a flow in stretches of step ms that follow each other, without a division for each. */
struct flow_share {
    uint64_t rest, length;  /* what the division by length has left */
    uint64_t whole, remain; /* a stretch's part, and what is left of that */
};

/* From t on, where the flow has begun; the stretches that are asked for are over before it is. */
static inline struct flow_share flow_share_at(const struct flow_span *f, int64_t counter, int64_t t,
                                              int64_t step) {
    uint64_t length = (uint64_t)f->end - (uint64_t)f->start + 1, v = (uint64_t)counter;
    unsigned __int128 before = (unsigned __int128)v * ((uint64_t)t - (uint64_t)f->start);
    unsigned __int128 part = (unsigned __int128)v * (uint64_t)step;
    return (struct flow_share){(uint64_t)(before % length), length, (uint64_t)(part / length),
                               (uint64_t)(part % length)};
}

/* The next stretch's portion. */
static inline int64_t flow_share_next(struct flow_share *s) {
    const uint64_t rest = s->rest + s->remain, more = rest >= s->length;
    s->rest = rest - (more ? s->length : 0);
    return (int64_t)(s->whole + more);
}

/* The begin of the bucket of step ms that t lies in; buckets are aligned to 1970. */
static inline int64_t flow_bucket_of(int64_t t, int64_t step) {
    int64_t rest = t % step;
    return t - (rest < 0 ? rest + step : rest);
}

/* A counter times the sampling rate (NULL and 0 are 1), at most INT64_MAX. */
static inline int64_t flow_scaled(int64_t counter, int64_t rate) {
    int64_t product;
    if (rate <= 1)
        return counter;
    return __builtin_mul_overflow(counter, rate, &product) ? INT64_MAX : product;
}

#endif
