/* SPDX-License-Identifier: MIT */
/* Outputs of ended flows. */
#include "output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interface.h"

enum { INTERFACES = 1024 };

/* An interface that may be told of. */
struct known {
    struct interface is;
    bool told;
};

struct output {
    bool live, balance;
    void (*warn)(const char *text);
    struct exporter *exporters[SENDER_TARGETS];
    unsigned nexporters, next; /* next: gets the next flow */
    int64_t exported_at;       /* ms; of the last flush of the exporter */
    struct fvt_store *store;
    const char *dir;            /* of the store */
    uint32_t sampling;          /* one packet in that many */
    uint64_t stored, unwritten; /* flows; why the first of these was not written was said */
    uint64_t drops, drops_reported;
    struct fvt_exporter books; /* of the file being written */
    unsigned ninterfaces;
    struct known interfaces[INTERFACES];
};

struct output *output_new(bool live, void (*warn)(const char *text)) {
    struct output *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->live = live;
    o->warn = warn;
    return o;
}

/* One more exporter, to n targets. */
static int add_exporter(struct output *o, const struct output_targets *t, const char *const *names,
                        unsigned n, char *message, size_t size) {
    struct sender *sender = sender_new(&t->sending);
    for (unsigned i = 0; sender && i < n; i++) {
        if (sender_target(sender, names[i], message, size) != 0) {
            sender_free(sender);
            return -1;
        }
    }
    struct exporter *e = sender ? exporter_new(t->version, t->odid, sender, o->warn) : NULL;
    if (!e) {
        sender_free(sender);
        snprintf(message, size, "out of memory");
        return -1;
    }
    exporter_time_format(e, t->time_format);
    o->exporters[o->nexporters++] = e;
    return 0;
}

int output_collectors(struct output *o, const struct output_targets *t, char *message,
                      size_t size) {
    unsigned each = t->balance || t->sending.stream ? 1 : t->n;
    o->balance = t->balance;
    for (unsigned i = 0; i < t->n; i += each) {
        if (o->nexporters == SENDER_TARGETS) {
            snprintf(message, size, "too many targets: at most %d", SENDER_TARGETS);
            return -1;
        }
        if (add_exporter(o, t, t->names + i, each, message, size) != 0)
            return -1;
    }
    return 0;
}

static void store_warning(void *arg, const char *text) {
    struct output *o = arg;
    o->warn(text);
}

/* Before each flush: what was counted since the last one, and the interfaces. */
static void report(void *arg, bool last) {
    struct output *o = arg;
    const struct fvt_socket source = {.drops = o->drops - o->drops_reported};
    (void)last;
    if (o->books.flows && fvt_store_exporter(o->store, &o->books) == FVT_OK)
        o->books = (struct fvt_exporter){.version = "probe"};
    if (source.drops && fvt_store_socket(o->store, &source) == FVT_OK)
        o->drops_reported = o->drops;
    for (unsigned i = 0; i < o->ninterfaces; i++) {
        if (!o->interfaces[i].told)
            continue;
        const struct interface *is = &o->interfaces[i].is;
        struct fvt_interface f = {.ifindex = is->ifindex};
        snprintf(f.name, sizeof f.name, "%s", is->name);
        snprintf(f.description, sizeof f.description, "%s", is->description);
        fvt_store_interface(o->store, &f);
    }
}

int output_store(struct output *o, const char *dir, unsigned interval, char *message, size_t size) {
    struct fvt_error error;
    o->books = (struct fvt_exporter){.version = "probe"};
    if (fvt_store_open(dir, interval, store_warning, o, &o->store, &error) != FVT_OK) {
        snprintf(message, size, "%s", error.text);
        return -1;
    }
    o->dir = dir;
    fvt_store_on_flush(o->store, report, o);
    return 0;
}

static void tick(struct output *o, int64_t now) {
    if (fvt_store_tick(o->store, now) != FVT_OK)
        o->warn(fvt_store_message(o->store));
}

static void store_flow(struct output *o, struct flow_row *row, int64_t now) {
    tick(o, now);
    flow_row_set_time(row, FLOW_trecv, now);
    flow_row_set_text(row, FLOW_version, "probe", 5);
    if (fvt_store_add(o->store, row) != FVT_OK) {
        if (o->unwritten++ == 0)
            o->warn(fvt_store_message(o->store));
        return;
    }
    o->stored++;
    o->books.flows++;
    o->books.packets += (uint64_t)row->value[FLOW_packets].i;
    o->books.bytes += (uint64_t)row->value[FLOW_bytes].i;
    if (flow_row_has(row, FLOW_sampling)) {
        o->books.sampling = (uint64_t)row->value[FLOW_sampling].i;
        o->books.sampling_origin = FVT_SAMPLING_RECORD;
    }
}

static struct known *known(struct output *o, uint32_t ifindex) {
    for (unsigned i = 0; i < o->ninterfaces; i++)
        if (o->interfaces[i].is.ifindex == ifindex)
            return &o->interfaces[i];
    return NULL;
}

void output_interface(struct output *o, uint32_t ifindex, const char *name,
                      const char *description) {
    struct known *k = known(o, ifindex);
    if (!k && o->ninterfaces == INTERFACES)
        return;
    if (!k)
        k = &o->interfaces[o->ninterfaces++];
    *k = (struct known){.is.ifindex = ifindex};
    snprintf(k->is.name, sizeof k->is.name, "%s", name);
    snprintf(k->is.description, sizeof k->is.description, "%s", description);
}

/* Tell the names of an interface, once, with the first flow that has it. One that came up after the
** start is asked of the kernel. */
static void tell(struct output *o, uint32_t ifindex) {
    struct known *k = known(o, ifindex);
    struct interface found;
    if (!k && o->live && interface_of(ifindex, &found)) {
        output_interface(o, ifindex, found.name, found.description);
        k = known(o, ifindex);
    }
    if (!k || k->told || k->is.name[0] == '\0')
        return;
    k->told = true;
    for (unsigned i = 0; i < o->nexporters; i++)
        exporter_interface(o->exporters[i], ifindex, k->is.name, k->is.description);
}

static void tell_interfaces(struct output *o, const struct flow_row *row) {
    static const int fields[] = {FLOW_inif, FLOW_outif, FLOW_inphysif, FLOW_outphysif};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (flow_row_has(row, fields[i]))
            tell(o, (uint32_t)row->value[fields[i]].i);
}

void output_sampling(struct output *o, struct sampling_method method) {
    o->sampling = method.n;
    for (unsigned i = 0; i < o->nexporters; i++)
        exporter_sampling(o->exporters[i], method);
}

/* Does exporter i get the next flow? */
static bool is_next(const struct output *o, unsigned i) {
    return !o->balance || i == o->next;
}

void output_times(struct output *o, const struct flow_times *times) {
    for (unsigned i = 0; i < o->nexporters; i++)
        if (is_next(o, i))
            exporter_times(o->exporters[i], times);
}

void output_application(struct output *o, const struct application *a) {
    for (unsigned i = 0; i < o->nexporters; i++)
        if (is_next(o, i))
            exporter_application(o->exporters[i], a);
}

void output_flow(struct output *o, struct flow_row *row, int64_t now) {
    if (o->sampling > 1) {
        flow_row_set(row, FLOW_sampling, o->sampling);
        flow_row_set(row, FLOW_samplerid, SAMPLING_SELECTOR);
    }
    tell_interfaces(o, row);
    for (unsigned i = 0; i < o->nexporters; i++)
        if (is_next(o, i))
            exporter_add(o->exporters[i], row, now);
    if (o->nexporters > 0)
        o->next = (o->next + 1) % o->nexporters;
    if (o->store)
        store_flow(o, row, now);
}

void output_idle(struct output *o, int64_t now, int64_t expint) {
    if (now - o->exported_at >= expint) {
        for (unsigned i = 0; i < o->nexporters; i++)
            exporter_flush(o->exporters[i]);
        o->exported_at = now;
    }
    if (o->store)
        tick(o, now);
}

void output_flush(struct output *o) {
    for (unsigned i = 0; i < o->nexporters; i++)
        exporter_flush(o->exporters[i]);
    if (o->store && fvt_store_flush(o->store) != FVT_OK)
        o->warn(fvt_store_message(o->store));
}

void output_refresh(struct output *o) {
    for (unsigned i = 0; i < o->nexporters; i++)
        exporter_refresh(o->exporters[i]);
}

void output_losses(struct output *o, uint64_t drops, const struct exporter_losses *losses,
                   bool last) {
    o->drops = drops;
    for (unsigned i = 0; i < o->nexporters; i++)
        exporter_losses(o->exporters[i], losses, last);
}

uint64_t output_stored(const struct output *o) {
    return o->stored;
}

static void add_rows(struct exporter_rows *sum, const struct exporter_rows *rows) {
    sum->flows += rows->flows;
    sum->packets += rows->packets;
    sum->bytes += rows->bytes;
}

const char *output_exported(const struct output *o, struct exporter_stats *stats,
                            struct sender_stats *sent) {
    *stats = (struct exporter_stats){0};
    *sent = (struct sender_stats){0};
    for (unsigned i = 0; i < o->nexporters; i++) {
        const struct exporter_stats *e = exporter_stats(o->exporters[i]);
        const struct sender_stats *s = exporter_sender_stats(o->exporters[i]);
        stats->rows += e->rows;
        stats->records += e->records;
        stats->options += e->options;
        add_rows(&stats->not_carried, &e->not_carried);
        add_rows(&stats->unsent, &e->unsent);
        sent->datagrams += s->datagrams;
        sent->octets += s->octets;
        sent->failed += s->failed;
    }
    return o->nexporters > 0 ? exporter_format(o->exporters[0]) : NULL;
}

int output_close(struct output *o, char *message, size_t size) {
    for (unsigned i = 0; i < o->nexporters; i++)
        exporter_flush(o->exporters[i]);
    struct fvt_store *store = o->store;
    if (!store)
        return 0;
    int result = fvt_store_flush(store);
    if (result != FVT_OK)
        snprintf(message, size, "%s", fvt_store_message(store));
    if (fvt_store_close(store) != FVT_OK && result == FVT_OK) {
        snprintf(message, size, "%s: the last file could not be completed", o->dir);
        result = FVT_IO;
    }
    o->store = NULL;
    if (result == FVT_OK && o->unwritten > 0)
        snprintf(message, size, "%s: %" PRIu64 " flows could not be written", o->dir, o->unwritten);
    return result == FVT_OK && o->unwritten == 0 ? 0 : -1;
}

void output_free(struct output *o) {
    if (!o)
        return;
    for (unsigned i = 0; i < o->nexporters; i++)
        exporter_free(o->exporters[i]);
    free(o);
}
