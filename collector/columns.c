/* SPDX-License-Identifier: MIT */
/*
** The records of sets on their way to rows, a column at a time where their template allows it: no step is
** chosen, no presence noted and no dictionary asked more than once for what all of them share. What comes out is what
** plan_next() and record_finish() make of each record alone; records that the rules of record.h treat one by one (ICMP,
** an unknown direction) still go that way, and all keep their order.
**
** A datagram has some thirty records: too few for what is done once for each column to weigh little beside what is
** done for each value. So rows wait until there are FLOW_ROWS of them, or until something comes that does not fit.
*/
#include "decode.h"

#include <stdlib.h>

enum { FEW = 2, PROTO_ICMP = 1, PROTO_ICMPV6 = 58, NO_DIRECTION = 255 };

struct columns {
    struct flow_rows rows;
    struct { /* the rows before end that are behind those of the part before */
        struct exporter *exporter;
        uint32_t end;
    } part[FLOW_ROWS];
    uint32_t parts;
    uint64_t header[FLOW_WORDS]; /* the fields that they have from message headers */
    uint64_t record[FLOW_WORDS]; /* and from records */
    struct sampling_rate rate;   /* of all of them */
    enum fvt_sampling origin;
};

struct columns *columns_new(void) {
    return calloc(1, sizeof(struct columns));
}

void columns_free(struct columns *columns) {
    free(columns);
}

/* ---- what all rows have ------------------------------------------------------------------ */

static bool in_set(const uint64_t *set, int f) {
    return set[f >> 6] >> (f & 63) & 1;
}

static void mark(struct flow_rows *rows, int f, bool present, bool vary) {
    const uint64_t bit = UINT64_C(1) << (f & 63);
    rows->present[f >> 6] = present ? rows->present[f >> 6] | bit : rows->present[f >> 6] & ~bit;
    rows->vary[f >> 6] = vary ? rows->vary[f >> 6] | bit : rows->vary[f >> 6] & ~bit;
}

static void set_same(struct flow_rows *rows, int f, int64_t v) {
    rows->same[f].i = v;
    mark(rows, f, true, false);
}

/* What the header of the message says in a field. */
static union flow_value header_value(const struct record *r, int f) {
    union flow_value v = r->row.value[f];
    if (f == FLOW_odid)
        v.i = r->h.odid; /* the one that a record may have replaced (149) */
    return v;
}

/* Of a field that is no text. */
static bool same_value(int f, const union flow_value *a, const union flow_value *b) {
    return flow_fields[f].class == FLOW_IP ? flow_ip_cmp(&a->ip, &b->ip) == 0 : a->i == b->i;
}

/* Do records of this plan and message have the fields of the rows that wait, in columns of the same kind? */
static bool joins(const struct columns *c, const struct plan *plan, const struct record *r) {
    unsigned steps = 0, wanted = 0;
    if (memcmp(c->header, r->base, sizeof c->header) != 0)
        return false;
    for (unsigned i = 0; i < plan->nsteps; i++) {
        const struct plan_step *s = &plan->step[i];
        if (s->field >= FLOW_NFIELDS)
            continue;
        const unsigned octets = plan_column_octets(s);
        if (!in_set(c->record, s->field) || (octets && octets != c->rows.octets[s->field]))
            return false;
        steps++;
    }
    for (size_t w = 0; w < FLOW_WORDS; w++) {
        wanted += (unsigned)__builtin_popcountll(c->record[w]);
        for (uint64_t bits = r->base[w] & ~c->record[w]; bits; bits &= bits - 1) {
            const int f = (int)(w * 64) + __builtin_ctzll(bits);
            const union flow_value v = header_value(r, f), *same = &c->rows.same[f];
            if (flow_fields[f].class == FLOW_TEXT &&
                (v.text.p != same->text.p || v.text.n != same->text.n))
                return false;
        }
    }
    return steps == wanted;
}

/* The first rows of this plan and message. */
static void begin(struct columns *c, const struct plan *plan, const struct record *r) {
    struct flow_rows *rows = &c->rows;
    memcpy(c->header, r->base, sizeof c->header);
    memset(c->record, 0, sizeof c->record);
    for (unsigned i = 0; i < plan->nsteps; i++)
        if (plan->step[i].field < FLOW_NFIELDS)
            c->record[plan->step[i].field >> 6] |= UINT64_C(1) << (plan->step[i].field & 63);
    memcpy(rows->present, r->base, sizeof rows->present);
    memset(rows->vary, 0, sizeof rows->vary);
    for (size_t w = 0; w < FLOW_WORDS; w++)
        for (uint64_t bits = r->base[w]; bits; bits &= bits - 1) {
            int f = (int)(w * 64) + __builtin_ctzll(bits);
            rows->same[f] = header_value(r, f);
        }
}

/* Rows [first, end) have that value in a field of their header. */
static void put_header(struct flow_rows *rows, int f, uint32_t first, uint32_t end,
                       const union flow_value *v) {
    union flow_column *column = &rows->column[f];
    const bool address = flow_fields[f].class == FLOW_IP;
    for (uint32_t i = first; address && i < end; i++)
        column->ip[i] = v->ip;
    for (uint32_t i = first; !address && i < end; i++)
        column->i[i] = v->i;
    rows->octets[f] = address ? FLOW_ROWS_IP : sizeof v->i;
}

/* What the header says of n more rows: what is not that of the rows before makes a column of it. */
static void add_header(struct columns *c, const struct record *r, uint32_t n) {
    struct flow_rows *rows = &c->rows;
    for (size_t w = 0; w < FLOW_WORDS; w++)
        for (uint64_t bits = c->header[w] & ~c->record[w]; bits; bits &= bits - 1) {
            const int f = (int)(w * 64) + __builtin_ctzll(bits);
            const union flow_value v = header_value(r, f), before = rows->same[f];
            const bool vary = flow_rows_vary(rows, f);
            if (!vary && (flow_fields[f].class == FLOW_TEXT || same_value(f, &v, &before)))
                continue;
            if (!vary)
                put_header(rows, f, 0, rows->n, &before);
            put_header(rows, f, rows->n, rows->n + n, &v);
            mark(rows, f, true, true);
        }
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

/* Uptimes of n more rows are as good as times when it is known when they began. */
static void add_times(struct flow_rows *rows, int f, const uint32_t *up, uint32_t n,
                      const struct record *r) {
    int64_t *ms = rows->column[f].i + rows->n;
    const int64_t exported = r->h.exported, boot = r->h.boot;
    const uint32_t uptime = r->h.uptime;
    const bool has_uptime = r->h.has_uptime;
    for (uint32_t i = 0; i < n; i++)
        ms[i] = has_uptime ? exported + (int32_t)(up[i] - uptime) : boot + (int64_t)up[i];
    rows->octets[f] = sizeof *ms;
    mark(rows, f, true, true);
}

static void set_ipversion(struct flow_rows *rows) {
    const int from = flow_rows_has(rows, FLOW_srcip) ? FLOW_srcip : FLOW_dstip;
    uint8_t *version = rows->column[FLOW_ipversion].u8;
    bool vary = false;
    if (!flow_rows_has(rows, from))
        return;
    set_same(rows, FLOW_ipversion, flow_rows_ip(rows, from, 0).family);
    if (rows->octets[from] == 4 || !flow_rows_vary(rows, from))
        return;
    for (uint32_t i = 0; i < rows->n; i++) {
        version[i] = rows->column[from].ip[i].family;
        vary |= version[i] != version[0];
    }
    rows->octets[FLOW_ipversion] = sizeof *version;
    mark(rows, FLOW_ipversion, true, vary);
}

/* What was announced for row i. */
static struct sampling_rate announced(const struct flow_rows *rows, uint32_t i,
                                      const struct sampler_table *samplers) {
    const bool egress =
        flow_rows_has(rows, FLOW_direction) && flow_rows_number(rows, FLOW_direction, i) == 1;
    const int port = egress ? FLOW_outif : FLOW_inif;
    const bool has_port = flow_rows_has(rows, port), has_id = flow_rows_has(rows, FLOW_samplerid);
    const uint64_t ifindex = has_port ? (uint64_t)flow_rows_number(rows, port, i) : 0,
                   id = has_id ? (uint64_t)flow_rows_number(rows, FLOW_samplerid, i) : 0;
    return sampler_rate(samplers, has_id ? &id : NULL, has_port ? &ifindex : NULL);
}

/* The rate that was announced for the first rows; how many have it. */
static uint32_t announced_rows(const struct flow_rows *rows, uint32_t n,
                               const struct sampler_table *samplers, struct sampling_rate *rate) {
    *rate = announced(rows, 0, samplers);
    for (uint32_t i = 1; i < n; i++) {
        const struct sampling_rate next = announced(rows, i, samplers);
        if (next.n != rate->n || next.rounded != rate->rounded)
            return i;
    }
    return n;
}

/* The rate in force, of what was announced, in c->record. */
static struct sampling_rate choose_rate(struct record *r, struct sampling_rate rate,
                                        const struct operator_rate *o) {
    r->sampling_origin = FVT_SAMPLING_OPTIONS;
    r->sampling_rounded = rate.rounded;
    if (!rate.n) {
        rate.n = r->h.sampling;
        r->sampling_origin = FVT_SAMPLING_HEADER;
    }
    const uint64_t n = record_choose_rate(r, o, rate.n);
    return (struct sampling_rate){.n = n, .rounded = r->sampling_rounded};
}

static void set_rate(struct columns *c, struct sampling_rate rate, enum fvt_sampling origin) {
    c->rate = rate;
    c->origin = origin;
    if (rate.n)
        set_same(&c->rows, FLOW_sampling, rate.n > INT64_MAX ? INT64_MAX : (int64_t)rate.n);
}

static bool same_rate(const struct columns *c, struct sampling_rate rate,
                      enum fvt_sampling origin) {
    return c->rate.n == rate.n && c->rate.rounded == rate.rounded && c->origin == origin;
}

/* ---- rows ------------------------------------------------------------------------------- */

static uint64_t sum_of(const struct flow_rows *rows, int f, uint32_t first, uint32_t end) {
    const uint32_t *v = rows->column[f].u32;
    const bool usual = flow_rows_vary(rows, f) && rows->octets[f] == sizeof *v;
    uint64_t sum = 0;
    if (!flow_rows_has(rows, f))
        return 0;
    for (uint32_t i = first; usual && i < end; i++)
        sum += le32toh(v[i]);
    for (uint32_t i = first; !usual && i < end; i++)
        sum += (uint64_t)flow_rows_number(rows, f, i);
    return sum;
}

/* Count rows [first, end) for their exporter, which are kept before kept. */
static void count_part(const struct columns *c, struct exporter *e, uint32_t first, uint32_t end,
                       uint32_t kept) {
    const struct flow_rows *rows = &c->rows;
    const uint32_t last = kept < first ? first : kept < end ? kept : end;
    e->changed = true;
    e->stat.flows += last - first;
    e->stat.packets += sum_of(rows, FLOW_packets, first, last);
    e->stat.bytes += sum_of(rows, FLOW_bytes, first, last);
    if (flow_rows_has(rows, FLOW_sampling) && c->rate.rounded)
        e->stat.sampling_rounded += last - first;
}

void collector_flush(struct collector *collector) {
    struct columns *c = collector->columns;
    if (c->rows.n == 0)
        return;
    if (!in_set(c->record, FLOW_ipversion))
        set_ipversion(&c->rows);
    const uint32_t kept = collector->sink.rows(collector->sink.arg, &c->rows);
    for (uint32_t i = 0, first = 0; i < c->parts; first = c->part[i++].end)
        count_part(c, c->part[i].exporter, first, c->part[i].end, kept);
    c->rows.n = c->parts = 0;
}

/* n more rows, which are there, are of that exporter. */
static void end_part(struct columns *c, struct exporter *e, uint32_t n) {
    if (c->parts == 0 || c->part[c->parts - 1].exporter != e)
        c->part[c->parts++].exporter = e;
    c->part[c->parts - 1].end = c->rows.n += n;
}

/* Put n records at p behind the rows that wait, which they fit. */
static void add_rows(struct columns *c, const struct plan *plan, const uint8_t *p, uint32_t n,
                     const struct record *r) {
    struct flow_rows *rows = &c->rows;
    uint32_t start[FLOW_ROWS], end[FLOW_ROWS];
    plan_columns(plan, p, n, r, rows, start, end);
    if (!in_set(c->record, FLOW_tstart))
        add_times(rows, FLOW_tstart, start, n, r);
    if (!in_set(c->record, FLOW_tend))
        add_times(rows, FLOW_tend, end, n, r);
    add_header(c, r, n);
    if (plan->proto != PLAN_NOWHERE) {
        mark(rows, FLOW_icmptype, false, false);
        mark(rows, FLOW_icmpcode, false, false);
    }
}

/* Take the next records a column at a time; false when that does not pay or must not be. */
static bool take_columns(struct collector *collector, struct exporter *e, const struct plan *plan,
                         struct cursor *set, uint32_t *flows) {
    struct columns *c = collector->columns;
    struct record *r = &collector->record;
    const struct sampler_table *samplers = r->h.samplers;
    const bool each = samplers && samplers->count; /* row may have a rate of its own */
    const size_t left = cursor_left(set) / plan->minimum;
    uint32_t n = count_plain(plan, set->p, left < FLOW_ROWS ? (uint32_t)left : FLOW_ROWS);
    if (n == 0 || (n < FEW && c->rows.n == 0))
        return false;
    struct sampling_rate rate = choose_rate(r, (struct sampling_rate){0}, &e->rate);
    if (each || c->rows.n == FLOW_ROWS || !same_rate(c, rate, r->sampling_origin) ||
        (c->rows.n && !joins(c, plan, r)))
        collector_flush(collector);
    if (c->rows.n == 0)
        begin(c, plan, r);
    n = n < FLOW_ROWS - c->rows.n ? n : FLOW_ROWS - c->rows.n;
    add_rows(c, plan, set->p, n, r);
    if (each) {
        n = announced_rows(&c->rows, n, samplers, &rate);
        rate = choose_rate(r, rate, &e->rate);
    }
    if (c->rows.n == 0)
        set_rate(c, rate, r->sampling_origin);
    end_part(c, e, n);
    /* What else is known of the exporter must not overtake these. */
    e->decoded += n;
    if (flow_rows_has(&c->rows, FLOW_sampling))
        exporter_sampling(e, (uint64_t)c->rows.same[FLOW_sampling].i, c->origin);
    cursor_take(set, (size_t)n * plan->minimum);
    *flows += n;
    if (each)
        collector_flush(collector);
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
