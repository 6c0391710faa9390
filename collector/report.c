/* SPDX-License-Identifier: MIT */
/*
** Hands statistics to the store, which asks before each flush.
*/
#include "report.h"

#include <inttypes.h>

#include "log.h"

static uint64_t malformed(const struct fvt_exporter *e) {
    uint64_t n = 0;
    for (int i = 0; i < FVT_NBAD; i++)
        n += e->malformed[i];
    return n;
}

static void add(struct fvt_exporter *sum, const struct fvt_exporter *e) {
    sum->datagrams += e->datagrams;
    sum->flows += e->flows;
    sum->packets += e->packets;
    sum->bytes += e->bytes;
    sum->lost += e->lost;
    sum->no_template += e->no_template;
    for (int i = 0; i < FVT_NBAD; i++)
        sum->malformed[i] += e->malformed[i];
}

void report_line(struct report *r) {
    struct fvt_exporter sum = r->forgotten;
    uint32_t exporters = 0;
    for (struct exporter *e = r->collector->exporters.newest; e; e = e->older) {
        add(&sum, &e->stat);
        exporters += e->stat.datagrams > 0;
    }
    log_line("flows %" PRIu64 ", packets %" PRIu64 ", bytes %" PRIu64 ", datagrams %" PRIu64
             ", exporters %" PRIu32 ", lost %" PRId64 ", without template %" PRIu64
             ", malformed %" PRIu64 ", dropped by the socket %" PRIu64 ", not written %" PRIu64,
             sum.flows, sum.packets, sum.bytes, sum.datagrams, exporters, (int64_t)sum.lost,
             sum.no_template, malformed(&sum), r->drops - r->drops_was, r->unwritten);
}

static void hand_over_exporter(struct report *r, struct exporter *e) {
    uint64_t drops = r->drops - r->drops_was;
    if (!e->changed && !(e->stat.datagrams && e->stat.udp_drops != drops))
        return;
    struct fvt_exporter stat = e->stat;
    e->stat.udp_drops = stat.udp_drops = drops;
    /* A straggler may fill a gap that the file before has counted. */
    if ((int64_t)stat.lost < 0)
        stat.lost = 0;
    if (fvt_store_exporter(r->store, &stat) == FVT_OK)
        e->changed = false;
}

static void hand_over_interfaces(struct report *r) {
    struct interface_table *t = &r->collector->interfaces;
    for (uint32_t k = 0; k < t->count; k++)
        if (t->entry[k].changed || r->all_interfaces)
            t->entry[k].changed = fvt_store_interface(r->store, &t->entry[k].names) != FVT_OK;
    r->all_interfaces = false;
}

static void on_flush(void *arg, bool last) {
    struct report *r = arg;
    for (struct exporter *e = r->collector->exporters.newest; e; e = e->older)
        hand_over_exporter(r, e);
    hand_over_interfaces(r);
    if (!last)
        return;
    report_line(r);
    if (r->more)
        r->more(r->more_arg);
    for (struct exporter *e = r->collector->exporters.newest; e; e = e->older)
        exporter_restart_counters(e);
    r->forgotten = (struct fvt_exporter){0};
    r->drops_was = r->drops;
    r->unwritten = 0;
    r->all_interfaces = true;
}

static void on_forget(void *arg, struct exporter *e) {
    struct report *r = arg;
    hand_over_exporter(r, e);
    add(&r->forgotten, &e->stat);
}

static void on_counters(void *arg, const struct fvt_if_counters *counters) {
    struct report *r = arg;
    if (fvt_store_counters(r->store, counters) != FVT_OK)
        r->unwritten++;
}

void report_attach(struct report *r, struct collector *c, struct fvt_store *s) {
    r->collector = c;
    r->store = s;
    r->all_interfaces = true;
    c->on_forget = on_forget;
    c->on_forget_arg = r;
    c->on_counters = on_counters;
    c->on_counters_arg = r;
    fvt_store_on_flush(s, on_flush, r);
}
