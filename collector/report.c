/* SPDX-License-Identifier: MIT */
/*
** Hands statistics to the store, which asks before each flush.
*/
#include "report.h"

#include <inttypes.h>

#include <stdlib.h>

#include "log.h"
#include "schema/clock.h"

static uint64_t malformed(const struct fvt_exporter *e) {
    uint64_t n = 0;
    for (int i = 0; i < FVT_NBAD; i++)
        n += e->malformed[i];
    return n;
}

void report_line(struct report *r) {
    const struct fvt_exporter *e = &r->exporters;
    log_line("flows %" PRIu64 ", packets %" PRIu64 ", bytes %" PRIu64 ", datagrams %" PRIu64
             ", exporters %" PRIu32 ", lost %" PRId64 ", without template %" PRIu64
             ", malformed %" PRIu64 ", dropped by the socket %" PRIu64 ", by the collector %" PRIu64
             ", not written %" PRIu64,
             e->flows, e->packets, e->bytes, e->datagrams, r->nexporters, e->lost, e->no_template,
             malformed(e), r->sockets.drops, r->sockets.ring_drops, r->unwritten);
}

/* ---- handing over ----------------------------------------------------------------------- */

static void hand_over_exporter(struct report *r, struct exporter *e) {
    if (!e->changed || (r->store && fvt_store_exporter(r->store, &e->stat) != FVT_OK))
        return;
    fvt_exporter_add(&r->exporters, &e->stat);
    r->nexporters += !e->in_file;
    e->in_file = true;
    exporter_handed_over(e);
}

static void hand_over_socket(struct report *r, struct report_socket *s) {
    const struct fvt_socket now = *s->now;
    struct fvt_socket since = now;
    since.datagrams -= s->told.datagrams;
    since.octets -= s->told.octets;
    since.drops -= s->told.drops;
    since.ring_drops -= s->told.ring_drops;
    bool counted = since.datagrams || since.octets || since.drops || since.ring_drops;
    if ((!counted && !r->all_sockets) || (r->store && fvt_store_socket(r->store, &since) != FVT_OK))
        return;
    s->told = now;
    r->sockets.datagrams += since.datagrams;
    r->sockets.octets += since.octets;
    r->sockets.drops += since.drops;
    r->sockets.ring_drops += since.ring_drops;
}

static void hand_over_interfaces(struct report *r, struct exporter *e) {
    struct interface_table *t = &e->interfaces;
    for (uint32_t k = 0; k < t->index.count; k++)
        if (t->entry[k].changed || r->all_interfaces)
            t->entry[k].changed = fvt_store_interface(r->store, &t->entry[k].names) != FVT_OK;
}

static void hand_over_told(struct report *r) {
    struct told_table *t = &r->collector->told;
    for (uint32_t k = 0; k < t->index.count; k++)
        if (t->entry[k].changed)
            t->entry[k].changed = fvt_store_option(r->store, &t->entry[k].option) != FVT_OK;
}

/* Whether there is anything to tell: a file is not begun to say that nothing came. */
static bool is_idle(const struct report *r) {
    for (size_t i = 0; i < r->nsockets; i++)
        if (r->socket[i].now->datagrams != r->socket[i].told.datagrams ||
            r->socket[i].now->drops != r->socket[i].told.drops)
            return false;
    return r->nexporters == 0;
}

static void on_flush(void *arg, bool last) {
    struct report *r = arg;
    struct exporter *e;
    for (e = r->collector->exporters.oldest; e; e = e->newer)
        hand_over_exporter(r, e);
    if (!is_idle(r)) {
        for (size_t i = 0; i < r->nsockets; i++)
            hand_over_socket(r, &r->socket[i]);
        for (e = r->collector->exporters.newest; e && r->store; e = e->older)
            hand_over_interfaces(r, e);
        r->all_sockets = r->all_interfaces = false;
        if (r->store)
            hand_over_told(r);
    }
    if (!last)
        return;
    report_line(r);
    r->rotated = now_ms();
    if (r->more)
        r->more(r->more_arg);
    for (e = r->collector->exporters.oldest; e; e = e->newer)
        e->in_file = false;
    r->exporters = (struct fvt_exporter){0};
    r->sockets = (struct fvt_socket){0};
    r->nexporters = 0;
    r->unwritten = 0;
    r->all_interfaces = r->all_sockets = true;
}

static void on_forget(void *arg, struct exporter *e) {
    const struct report *r = arg;
    hand_over_exporter(arg, e);
    if (r->store)
        hand_over_interfaces(arg, e);
}

void report_tick(struct report *r) {
    on_flush(r, false);
}

/* ---- copies ----------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b) {
    const struct fvt_exporter *x = &((const struct books_exporter *)a)->counted;
    const struct fvt_exporter *y = &((const struct books_exporter *)b)->counted;
    int order = flow_ip_cmp(&x->exporter, &y->exporter);
    if (order == 0)
        order = (x->odid > y->odid) - (x->odid < y->odid);
    return order ? order : strcmp(x->version, y->version);
}

/* Sessions of one key are one exporter. */
static size_t add_sessions(struct books_exporter *e, size_t n) {
    size_t kept = 0;
    qsort(e, n, sizeof *e, by_key);
    for (size_t i = 0; i < n; i++)
        if (kept && by_key(&e[kept - 1], &e[i]) == 0) {
            fvt_exporter_add(&e[kept - 1].counted, &e[i].counted);
            e[kept - 1].recovered += e[i].recovered;
        } else {
            e[kept++] = e[i];
        }
    return kept;
}

bool report_books(const struct report *r, struct books *out) {
    const struct exporter_table *t = &r->collector->exporters;
    *out = (struct books){
        .unwritten = r->unwritten_all,
        .evicted_exporters = t->dropped,
        .evicted_templates = t->dropped_templates,
        .expired_templates = r->collector->expired,
        .exporters = t->count,
        .template_octets = t->announced_octets,
        .pending_octets = r->collector->pending.octets,
        .rotated = r->rotated,
    };
    out->exporter = malloc((t->count + 1) * sizeof *out->exporter);
    out->socket = malloc((r->nsockets + 1) * sizeof *out->socket);
    if (!out->exporter || !out->socket) {
        books_clear(out);
        return false;
    }
    for (const struct exporter *e = t->newest; e; e = e->older)
        out->exporter[out->nexporters++] = (struct books_exporter){e->told, e->told_recovered};
    for (size_t i = 0; i < r->nsockets; i++)
        out->socket[out->nsockets++] = r->socket[i].told;
    out->nexporters = add_sessions(out->exporter, out->nexporters);
    if (r->store) {
        struct fvt_store_state s = fvt_store_state(r->store);
        out->file_octets = s.octets;
        out->files_late = s.late;
        out->files_to_sync = s.waiting;
    }
    return true;
}

static void on_counters(void *arg, const struct fvt_if_counters *counters) {
    struct report *r = arg;
    if (fvt_store_counters(r->store, counters) != FVT_OK)
        report_unwritten(r, 1);
}

void report_unwritten(struct report *r, uint64_t rows) {
    r->unwritten += rows;
    r->unwritten_all += rows;
}

void report_socket(struct report *r, const struct fvt_socket *now) {
    if (r->nsockets < REPORT_SOCKETS)
        r->socket[r->nsockets++] = (struct report_socket){.now = now};
}

void report_attach(struct report *r, struct collector *c, struct fvt_store *s) {
    r->collector = c;
    r->store = s;
    r->all_interfaces = r->all_sockets = true;
    c->on_forget = on_forget;
    c->on_forget_arg = r;
    if (!s)
        return;
    c->on_counters = on_counters;
    c->on_counters_arg = r;
    fvt_store_on_flush(s, on_flush, r);
}
