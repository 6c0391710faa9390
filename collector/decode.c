/* SPDX-License-Identifier: MIT */
/*
** Recognises the protocol of a datagram and keeps what the decoders share.
*/
#include "decode.h"
#include "domains.h"

#include <stdlib.h>

/* By the first two octets of the datagram. */
static const struct decoder {
    uint16_t version;
    void (*decode)(struct collector *c, const struct datagram *d);
} decoders[] = {
    {0, collector_sflow}, /* its version has four octets */
    {1, collector_fixed}, {5, collector_fixed},    {6, collector_fixed},  {7, collector_fixed},
    {8, collector_fixed}, {9, collector_netflow9}, {10, collector_ipfix},
};

const struct collector_limits collector_defaults = {
    .exporters = 16384,
    .interfaces = 8192,
    .names = 262144,
    .told = 4096,
    .totals = 262144,
    .announced = 128u << 20,
    .exporter_template = 2u << 20, /* the largest template takes about 320 KiB */
    /* Three times (RFC 7011 8.4) the half hour that routers have between templates when nobody sets it. */
    .template_ms = 3 * 30 * 60 * 1000,
    .pending = 128u << 20,
    .exporter_pending = 32u << 20,
    .pending_ms = 30 * 60 * 1000, /* routers send templates at least so often */
};

static void forget_exporter(void *arg, struct exporter *e) {
    struct collector *c = arg;
    collector_flush(c);
    pending_forget(c, e);
    if (c->on_forget)
        c->on_forget(c->on_forget_arg, e);
}

struct collector *collector_new(struct flow_sink sink, struct fault_sink faults,
                                const struct collector_limits *limits) {
    struct collector *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->sink = sink;
    c->faults = faults;
    c->limits = limits ? *limits : collector_defaults;
    c->exporters.evict = forget_exporter;
    c->exporters.evict_arg = c;
    element_map_build(&c->elements);
    c->fixed = fixed_plans_new(&c->elements);
    c->domains = domains_new();
    c->record.text = malloc(RECORD_TEXTS * sizeof *c->record.text);
    c->columns = columns_new();
    if (exporters_init(&c->exporters, c->limits.exporters) != 0 ||
        pending_init(&c->pending, c->limits.pending) != 0 || !c->fixed || !c->domains ||
        !c->record.text || !c->columns) {
        collector_free(c);
        return NULL;
    }
    return c;
}

void collector_free(struct collector *c) {
    if (!c)
        return;
    if (c->columns)
        collector_drop_pending(c);
    pending_free(&c->pending);
    exporters_free(&c->exporters);
    names_free(&c->names);
    told_free(&c->told);
    totals_free(&c->totals);
    fixed_plans_free(c->fixed);
    domains_free(c->domains);
    rates_free(&c->rates);
    free(c->record.text);
    columns_free(c->columns);
    free(c);
}

void collector_rates(struct collector *c, struct rates *rates) {
    rates_free(&c->rates);
    c->rates = *rates;
    *rates = (struct rates){0};
    for (struct exporter *e = c->exporters.newest; e; e = e->older)
        e->rated = false;
}

static void set_clock(struct collector *c, int64_t now) {
    enum { MOST_MS = 60000 }; /* between two datagrams or ticks */
    int64_t passed = c->now ? now - c->now : 0;
    c->now = now;
    if (passed > 0)
        c->clock += passed < MOST_MS ? passed : MOST_MS;
    c->exporters.now = c->clock;
}

void collector_garbage(struct collector *c, const struct datagram *d, enum fvt_malformed cause) {
    struct exporter *e = collector_exporter(c, d, "unknown", 0, NULL);
    c->faults_seen = 0;
    if (e)
        collector_fault(c, e, d, cause, d->size);
}

void collector_datagram(struct collector *c, const struct datagram *d) {
    uint16_t version = d->size >= 2 ? be16(d->data) : 0;
    set_clock(c, d->received);
    c->faults_seen = 0;
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++)
        if (decoders[i].version == version) {
            decoders[i].decode(c, d);
            return;
        }
    collector_garbage(c, d, d->size < 2 ? FVT_BAD_SHORT : FVT_BAD_VERSION);
}

void collector_tick(struct collector *c, int64_t now) {
    set_clock(c, now);
    collector_flush(c);
    pending_expire(c, c->clock - c->limits.pending_ms);
}

void collector_end_stream(struct collector *c, uint32_t stream) {
    collector_flush(c);
    exporters_end_session(&c->exporters, stream);
}

void collector_drop_pending(struct collector *c) {
    collector_flush(c);
    pending_expire(c, INT64_MAX);
}

struct exporter *collector_exporter(struct collector *c, const struct datagram *d,
                                    const char *version, uint32_t odid,
                                    const struct session_mark *mark) {
    static const struct session_mark none;
    struct exporter *e = session_get(c, d, version, odid, mark ? mark : &none);
    if (e) {
        if (!e->rated)
            e->rate = rates_of(&c->rates, &e->stat.exporter);
        e->rated = true;
        e->stat.datagrams++;
        e->changed = true;
    }
    return e;
}

void collector_fault(struct collector *c, struct exporter *e, const struct datagram *d,
                     enum fvt_malformed cause, size_t octets) {
    e->stat.malformed_octets[cause] += octets;
    if (c->faults_seen & 1u << cause)
        return;
    c->faults_seen |= 1u << cause;
    e->stat.malformed[cause]++;
    e->changed = true;
    if (c->faults.fault)
        c->faults.fault(c->faults.arg, d, cause);
}

/* The name of the application, where the record has only its id. */
static void name_application(struct collector *c, const struct exporter *e) {
    struct flow_row *row = &c->record.row;
    if (!flow_row_has(row, FLOW_appid) ||
        (flow_row_has(row, FLOW_appname) && row->value[FLOW_appname].text.n))
        return;
    const struct name *name = names_find(
        &c->names, &e->stat.exporter, row->value[FLOW_appid].text.p, row->value[FLOW_appid].text.n);
    if (name)
        flow_row_set_text(row, FLOW_appname, name->text, name->ntext);
}

void collector_emit(struct collector *c, struct exporter *e, unsigned totals) {
    struct record *r = &c->record;
    const bool started = totals && record_says_start(r);
    collector_flush(c);
    record_finish(r);
    if (totals)
        totals_apply(&c->totals, c->limits.totals, started ? totals : 0, &r->row);
    record_operator_rate(r, &e->rate);
    e->decoded++;
    if (c->names.index.count)
        name_application(c, e);
    const struct flow_row *row = &r->row;
    if (!c->sink.row(c->sink.arg, row))
        return;
    e->stat.flows++;
    if (flow_row_has(row, FLOW_sampling)) {
        exporter_sampling(e, (uint64_t)row->value[FLOW_sampling].i, r->sampling_origin);
        e->stat.sampling_rounded += r->sampling_rounded;
    }
    if (flow_row_has(row, FLOW_packets))
        e->stat.packets += (uint64_t)row->value[FLOW_packets].i;
    if (flow_row_has(row, FLOW_bytes))
        e->stat.bytes += (uint64_t)row->value[FLOW_bytes].i;
}
