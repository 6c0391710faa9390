/* SPDX-License-Identifier: MIT */
/*
** The records of a set on their way to rows, a column at a time where their template allows it: no step is
** chosen, no presence noted and no dictionary asked more than once for what all of them share. What comes out is what
** plan_next() and record_finish() make of each record alone; records that the rules of record.h treat one by one (ICMP,
** an unknown direction) still go that way, and all keep their order.
*/
#include "decode.h"

enum { FEW = 2, PROTO_ICMP = 1, PROTO_ICMPV6 = 58, NO_DIRECTION = 255 };

/* ---- what all rows have ------------------------------------------------------------------ */

static void mark(struct flow_rows *rows, int f, bool present) {
    const uint64_t bit = UINT64_C(1) << (f & 63);
    rows->vary[f >> 6] &= ~bit;
    rows->present[f >> 6] = present ? rows->present[f >> 6] | bit : rows->present[f >> 6] & ~bit;
}

static bool has(const struct flow_rows *rows, int f) {
    return rows->present[f >> 6] >> (f & 63) & 1;
}

static void set_same(struct flow_rows *rows, int f, int64_t v) {
    rows->same[f].i = v;
    mark(rows, f, true);
}

/* From the message header. */
static void begin(struct flow_rows *rows, const struct record *r) {
    memcpy(rows->present, r->base, sizeof rows->present);
    memset(rows->vary, 0, sizeof rows->vary);
    for (size_t w = 0; w < FLOW_WORDS; w++)
        for (uint64_t bits = r->base[w]; bits; bits &= bits - 1) {
            int f = (int)(w * 64) + __builtin_ctzll(bits);
            rows->same[f] = r->row.value[f];
        }
    rows->same[FLOW_odid].i = r->h.odid;
}

/* ---- the rules of record.h --------------------------------------------------------------- */

/* How many records from the first on need no look of their own. */
static uint32_t count_plain(const struct plan *plan, const uint8_t *p, uint32_t n) {
    for (uint32_t i = 0; i < n; i++, p += plan->minimum) {
        const uint8_t proto = plan->proto == PLAN_NOWHERE ? 0 : p[plan->proto];
        if (proto == PROTO_ICMP || proto == PROTO_ICMPV6)
            return i;
        if (plan->direction != PLAN_NOWHERE && p[plan->direction] == NO_DIRECTION)
            return i;
    }
    return n;
}

/* Uptimes are as good as times when it is known when they began. */
static void set_times(struct flow_rows *rows, int f, const int64_t *up, const struct record *r) {
    int64_t *ms = rows->column[f].i;
    for (uint32_t i = 0; i < rows->n; i++)
        ms[i] = r->h.has_uptime ? r->h.exported + (int32_t)((uint32_t)up[i] - r->h.uptime)
                                : r->h.boot + up[i];
    mark(rows, f, true);
    rows->vary[f >> 6] |= UINT64_C(1) << (f & 63);
}

static void set_ipversion(struct flow_rows *rows) {
    if (has(rows, FLOW_ipversion))
        return;
    int from = has(rows, FLOW_srcip) ? FLOW_srcip : FLOW_dstip;
    if (has(rows, from))
        set_same(rows, FLOW_ipversion, rows->column[from].ip[0].family);
}

/* What was announced for row i. */
static struct sampling_rate announced(const struct flow_rows *rows, uint32_t i,
                                      const struct sampler_table *samplers) {
    static const int64_t ingress;
    const struct flow_values direction = flow_rows_values(rows, FLOW_direction, &ingress);
    const int port = direction.v[i * direction.step] == 1 ? FLOW_outif : FLOW_inif;
    const struct flow_values interface = flow_rows_values(rows, port, &ingress),
                             sampler = flow_rows_values(rows, FLOW_samplerid, &ingress);
    const uint64_t ifindex = (uint64_t)interface.v[i * interface.step],
                   id = (uint64_t)sampler.v[i * sampler.step];
    return sampler_rate(samplers, has(rows, FLOW_samplerid) ? &id : NULL,
                        has(rows, port) ? &ifindex : NULL);
}

/* The rate of the first rows, and how many have it: rows->n becomes that. */
static void set_sampling(struct flow_rows *rows, struct record *r, const struct operator_rate *o) {
    struct sampling_rate rate = {0};
    r->sampling_origin = FVT_SAMPLING_OPTIONS;
    if (r->h.samplers && r->h.samplers->count) {
        uint32_t n = 1;
        rate = announced(rows, 0, r->h.samplers);
        for (; n < rows->n; n++) {
            const struct sampling_rate next = announced(rows, n, r->h.samplers);
            if (next.n != rate.n || next.rounded != rate.rounded)
                break;
        }
        rows->n = n;
    }
    if (!rate.n) {
        rate.n = r->h.sampling;
        r->sampling_origin = FVT_SAMPLING_HEADER;
    }
    r->sampling_rounded = rate.rounded;
    const uint64_t told = record_choose_rate(r, o, rate.n);
    if (told)
        set_same(rows, FLOW_sampling, told > INT64_MAX ? INT64_MAX : (int64_t)told);
}

/* ---- rows ------------------------------------------------------------------------------- */

static void emit(struct collector *c, struct exporter *e, const struct flow_rows *rows) {
    static const int64_t none;
    const struct flow_values packets = flow_rows_values(rows, FLOW_packets, &none),
                             bytes = flow_rows_values(rows, FLOW_bytes, &none);
    const uint32_t kept = c->sink.rows(c->sink.arg, rows);
    e->decoded += rows->n;
    e->stat.flows += kept;
    if (kept && has(rows, FLOW_sampling)) {
        exporter_sampling(e, (uint64_t)rows->same[FLOW_sampling].i, c->record.sampling_origin);
        e->stat.sampling_rounded += c->record.sampling_rounded ? kept : 0;
    }
    for (uint32_t i = 0; i < kept; i++) {
        e->stat.packets += (uint64_t)packets.v[i * packets.step];
        e->stat.bytes += (uint64_t)bytes.v[i * bytes.step];
    }
}

/* Take the next records a column at a time; false when that does not pay or must not be. */
static bool take_columns(struct collector *c, struct exporter *e, const struct plan *plan,
                         struct cursor *set, uint32_t *flows) {
    struct flow_rows *rows = c->rows;
    struct record *r = &c->record;
    int64_t start[FLOW_ROWS], end[FLOW_ROWS];
    const size_t left = cursor_left(set) / plan->minimum;
    const uint32_t n = count_plain(plan, set->p, left < FLOW_ROWS ? (uint32_t)left : FLOW_ROWS);
    if (n < FEW)
        return false;
    begin(rows, r);
    rows->n = n;
    plan_columns(plan, set->p, r, rows, start, end);
    if (!has(rows, FLOW_tstart))
        set_times(rows, FLOW_tstart, start, r);
    if (!has(rows, FLOW_tend))
        set_times(rows, FLOW_tend, end, r);
    if (plan->proto != PLAN_NOWHERE) {
        mark(rows, FLOW_icmptype, false);
        mark(rows, FLOW_icmpcode, false);
    }
    set_ipversion(rows);
    set_sampling(rows, r, &e->rate);
    cursor_take(set, (size_t)rows->n * plan->minimum);
    *flows += rows->n;
    emit(c, e, rows);
    return true;
}

enum plan_result collector_records(struct collector *c, struct exporter *e, const struct plan *plan,
                                   struct cursor *set, uint32_t *flows) {
    const struct record_header *h = &c->record.h;
    const bool columns =
        c->sink.rows && plan->columns && (h->has_uptime || h->boot != INT64_MIN || !plan->uptimes);
    for (;;) {
        if (columns && take_columns(c, e, plan, set, flows))
            continue;
        record_begin(&c->record);
        enum plan_result result = plan_next(plan, set, &c->record);
        if (result != PLAN_RECORD)
            return result;
        ++*flows;
        collector_emit(c, e, plan->totals);
    }
}
