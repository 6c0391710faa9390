/* SPDX-License-Identifier: MIT */
/*
** Totals of rows, many at a time: sums by class of protocol, of which only very large ones are looked at one by one.
*/
#include "count.h"
#include "kernel.h"

const int count_fields[COUNT_COLUMNS] = {FLOW_proto, FLOW_sampling, FLOW_flows, FLOW_packets,
                                         FLOW_bytes, FLOW_tstart,   FLOW_tend};
const int64_t count_missing[COUNT_COLUMNS] = {256, 1, 1, 0, 0, INT64_MAX, INT64_MIN};

enum { STEP = 1 << 16 };
/* So many values below this have a sum of 64 bits. */
#define SMALL (UINT64_C(1) << 47)

static uint64_t saturating_add(uint64_t a, uint64_t b) {
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t saturating_mul(uint64_t a, uint64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

void fvt_totals_init(struct fvt_totals *t) {
    memset(t, 0, sizeof *t);
    t->first = INT64_MAX;
    t->last = INT64_MIN;
}

void fvt_totals_add(struct fvt_totals *t, const struct fvt_totals *more) {
    for (int p = 0; p < FVT_NPROTO; p++) {
        t->flows[p] = saturating_add(t->flows[p], more->flows[p]);
        t->packets[p] = saturating_add(t->packets[p], more->packets[p]);
        t->bytes[p] = saturating_add(t->bytes[p], more->bytes[p]);
    }
    if (more->first < t->first)
        t->first = more->first;
    if (more->last > t->last)
        t->last = more->last;
}

/* Is it as large as a sum can be? */
static bool is_full(uint64_t sum) {
    return sum == UINT64_MAX;
}

bool count_less(struct fvt_totals *t, const struct fvt_totals *less) {
    bool known = true;
    for (int p = 0; p < FVT_NPROTO; p++) {
        known &= !is_full(t->flows[p]) && !is_full(t->packets[p]) && !is_full(t->bytes[p]);
        t->flows[p] -= less->flows[p];
        t->packets[p] -= less->packets[p];
        t->bytes[p] -= less->bytes[p];
    }
    return known;
}

static inline int class_of(int64_t proto) {
    return proto == 6                  ? FVT_TCP
           : proto == 17               ? FVT_UDP
           : proto == 1 || proto == 58 ? FVT_ICMP
                                       : FVT_OTHER;
}

static uint64_t bits_of(const struct flow_values *c, uint32_t n) {
    return kernels()->any(c->v, c->step ? n : 1, 0);
}

/* Any rows. */
static void count_each(struct fvt_totals *t, const struct flow_values *of, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        int64_t v[COUNT_COLUMNS];
        for (int k = 0; k < COUNT_FIRST; k++)
            v[k] = of[k].v[i * of[k].step];
        const int class = class_of(v[COUNT_PROTO]);
        const uint64_t rate = v[COUNT_RATE] ? (uint64_t)v[COUNT_RATE] : 1;
        t->flows[class] = saturating_add(t->flows[class], (uint64_t)v[COUNT_FLOWS]);
        t->packets[class] =
            saturating_add(t->packets[class], saturating_mul((uint64_t)v[COUNT_PACKETS], rate));
        t->bytes[class] =
            saturating_add(t->bytes[class], saturating_mul((uint64_t)v[COUNT_BYTES], rate));
    }
}

/* Rows with small numbers and one sampling rate, each of which stands for as many flows: STEP at most. */
static void count_small(struct fvt_totals *t, const struct flow_values *of, uint32_t n) {
    const struct flow_values proto = of[COUNT_PROTO], packets = of[COUNT_PACKETS],
                             bytes = of[COUNT_BYTES];
    struct {
        uint64_t flows, packets, bytes;
    } sum[FVT_NPROTO] = {{0}};
    for (uint32_t i = 0; i < n; i++) {
        const int class = class_of(proto.v[i * proto.step]);
        sum[class].flows++;
        sum[class].packets += (uint64_t)packets.v[i * packets.step];
        sum[class].bytes += (uint64_t)bytes.v[i * bytes.step];
    }
    const uint64_t rate = *of[COUNT_RATE].v ? (uint64_t)*of[COUNT_RATE].v : 1;
    for (int p = 0; p < FVT_NPROTO; p++) {
        const uint64_t flows = saturating_mul(sum[p].flows, (uint64_t)*of[COUNT_FLOWS].v);
        t->flows[p] = saturating_add(t->flows[p], flows);
        t->packets[p] = saturating_add(t->packets[p], saturating_mul(sum[p].packets, rate));
        t->bytes[p] = saturating_add(t->bytes[p], saturating_mul(sum[p].bytes, rate));
    }
}

static void count_step(struct fvt_totals *t, const struct flow_values *of, uint32_t n) {
    int64_t most = INT64_MIN, least = INT64_MAX;
    const bool alike = of[COUNT_RATE].step == 0 && of[COUNT_FLOWS].step == 0;
    if (alike && (bits_of(&of[COUNT_PACKETS], n) | bits_of(&of[COUNT_BYTES], n)) < SMALL)
        count_small(t, of, n);
    else
        count_each(t, of, n);
    kernels()->bounds(of[COUNT_FIRST].v, of[COUNT_FIRST].step ? n : 1, &t->first, &most);
    kernels()->bounds(of[COUNT_LAST].v, of[COUNT_LAST].step ? n : 1, &least, &t->last);
}

void count_rows(struct fvt_totals *t, const struct flow_values of[COUNT_COLUMNS], uint32_t n) {
    for (uint32_t at = 0; at < n; at += STEP) {
        struct flow_values from[COUNT_COLUMNS];
        for (int k = 0; k < COUNT_COLUMNS; k++)
            from[k] = (struct flow_values){of[k].v + at * of[k].step, of[k].step};
        count_step(t, from, n - at < STEP ? n - at : STEP);
    }
}
