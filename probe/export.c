/* SPDX-License-Identifier: MIT */
/* The exporter: the message, its sequence numbers, and what is repeated. */
#include "export.h"

#include "announce.h"

#include <stdlib.h>
#include <time.h>

static const struct {
    unsigned version;
    const struct format *format;
} versions[] = {{5, &format_v5}, {9, &format_v9}, {10, &format_ipfix}};

struct known_interface {
    uint32_t ifindex;
    char name[32], description[64];
};

struct exporter {
    const struct format *format;
    struct format_state state;
    struct sender *sender;
    void (*warn)(const char *text);
    time_t refreshed;       /* monotonic seconds */
    unsigned since_refresh; /* messages */
    bool options_due;       /* names of interfaces, statistics */
    bool reporting;         /* statistics are told */
    int64_t now;            /* latest clock, ms since 1970 */
    size_t ninterfaces;
    struct known_interface *interfaces;
    const struct application **applications; /* by rank, NULL: not told */
    struct exporter_losses losses;
    struct exporter_stats stats;
    struct exporter_rows pending; /* in the message */
};

static time_t monotonic(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

void exporter_refresh(struct exporter *e) {
    e->refreshed = monotonic();
    e->since_refresh = 0;
    e->options_due = true;
    if (e->format->refresh)
        e->format->refresh(&e->state);
}

/* Over TCP a connection has its own templates and sequence numbers (RFC 7011 3.1, 10.4). Between two messages. */
static void renew(struct exporter *e) {
    if (e->state.message.length > 0 || !sender_renewed(e->sender))
        return;
    e->state.records = 0;
    exporter_refresh(e);
}

/* Between two messages: the path MTU may have changed, templates and names may be due again. Over TCP templates are not
** repeated (RFC 7011 8.1). */
static void refresh_if_due(struct exporter *e) {
    if (e->since_refresh < EXPORT_REFRESH_MESSAGES &&
        monotonic() - e->refreshed < EXPORT_REFRESH_SECONDS)
        return;
    e->state.message.limit = sender_payload(e->sender);
    if (!sender_is_stream(e->sender)) {
        exporter_refresh(e);
        return;
    }
    e->refreshed = monotonic();
    e->since_refresh = 0;
    e->options_due = true;
}

/* Send the message and begin an empty one. */
static void send_message(void *arg) {
    struct exporter *e = arg;
    struct message *m = &e->state.message;
    char message[256];
    e->format->finish(&e->state);
    if (!sender_send(e->sender, m->data, m->length, message, sizeof message)) {
        e->stats.unsent.flows += e->pending.flows;
        e->stats.unsent.packets += e->pending.packets;
        e->stats.unsent.bytes += e->pending.bytes;
    }
    e->pending = (struct exporter_rows){0};
    if (message[0] != '\0')
        e->warn(message);
    e->state.records += m->records;
    e->state.messages++;
    e->since_refresh++;
    m->length = 0;
    m->records = 0;
    m->count = 0;
    m->set = 0;
    refresh_if_due(e);
    renew(e);
}

static void release(struct exporter *e) {
    templates_free(e->state.templates);
    free(e->interfaces);
    free(e->applications);
    free(e);
}

struct exporter *exporter_new(unsigned version, uint32_t odid, struct sender *sender,
                              void (*warn)(const char *text)) {
    struct exporter *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (versions[i].version == version)
            e->format = versions[i].format;
    e->state.templates = templates_new();
    e->interfaces = calloc(EXPORT_INTERFACES, sizeof *e->interfaces);
    e->applications = calloc(EXPORT_APPLICATIONS, sizeof *e->applications);
    if (!e->format || !e->state.templates || !e->interfaces || !e->applications) {
        release(e);
        return NULL;
    }
    e->sender = sender;
    e->warn = warn;
    e->state.odid = odid;
    e->state.send = send_message;
    e->state.arg = e;
    e->state.message.limit = sender_payload(sender);
    e->refreshed = monotonic();
    e->options_due = true; /* before the first flow */
    return e;
}

static void tell_interface(struct exporter *e, const struct known_interface *i) {
    if (!e->format->interface)
        return;
    e->format->interface(&e->state, i->ifindex, i->name, i->description, e->now);
    e->stats.options++;
}

static void tell_application(struct exporter *e, const struct application *a) {
    if (!e->format->application)
        return;
    e->format->application(&e->state, a, e->now);
    e->stats.options++;
}

/* One options data record. */
static void announce(struct exporter *e, const struct announcement *a, uint64_t scope,
                     const uint64_t *values) {
    if (!e->format->announce)
        return;
    e->format->announce(&e->state, a, scope, values, e->now);
    e->stats.options++;
}

/* What the exporter has lost and sent so far. */
static void tell_statistics(struct exporter *e) {
    const struct sender_stats *sent = sender_stats(e->sender);
    const struct exporter_stats *s = &e->stats;
    const uint64_t metering[] = {e->losses.ignored_packets};
    const uint64_t exporting[] = {
        e->losses.flows.flows + s->not_carried.flows + s->unsent.flows,
        e->losses.flows.packets + s->not_carried.packets + s->unsent.packets,
        e->losses.flows.bytes + s->not_carried.bytes + s->unsent.bytes,
    };
    const uint64_t exported[] = {sent->datagrams, s->records, sent->octets};
    announce(e, &announce_metering, e->state.odid, metering);
    announce(e, &announce_not_sent, e->state.odid, exporting);
    announce(e, &announce_exported, e->state.odid, exported);
}

static void tell_sampling(struct exporter *e) {
    uint64_t values[ANNOUNCE_FIELDS];
    if (e->state.sampling.n > 1 && e->format->sampler) {
        const struct announcement *a = e->format->sampler(e->state.sampling, values);
        const uint64_t old[] = {e->state.sampling.n, e->state.sampling.random ? 2 : 1};
        announce(e, a, SAMPLING_SELECTOR, values);
        announce(e, &announce_sampling, e->state.odid, old);
    }
}

static void tell_all(struct exporter *e) {
    tell_sampling(e);
    for (size_t i = 0; i < e->ninterfaces; i++)
        tell_interface(e, &e->interfaces[i]);
    for (size_t i = 0; i < EXPORT_APPLICATIONS; i++)
        if (e->applications[i])
            tell_application(e, e->applications[i]);
    if (e->reporting)
        tell_statistics(e);
}

void exporter_sampling(struct exporter *e, struct sampling_method method) {
    e->state.sampling = method;
}

void exporter_time_format(struct exporter *e, enum time_format format) {
    e->state.time_format = format;
}

void exporter_times(struct exporter *e, const struct flow_times *times) {
    e->state.times = *times;
}

void exporter_add(struct exporter *e, const struct flow_row *row, int64_t now) {
    e->now = now;
    e->stats.rows++;
    renew(e);
    if (e->options_due)
        tell_all(e);
    e->options_due = false;
    unsigned records = e->format->add(&e->state, row, now);
    e->stats.records += records;
    struct exporter_rows *rows = records ? &e->pending : &e->stats.not_carried;
    rows->flows++;
    rows->packets += (uint64_t)row->value[FLOW_packets].i;
    rows->bytes += (uint64_t)row->value[FLOW_bytes].i;
    if (flow_row_has(row, FLOW_outbytes)) { /* a biflow's */
        rows->packets += (uint64_t)row->value[FLOW_outpackets].i;
        rows->bytes += (uint64_t)row->value[FLOW_outbytes].i;
    }
}

void exporter_losses(struct exporter *e, const struct exporter_losses *losses, bool last) {
    e->losses = *losses;
    e->reporting = true;
    if (last && e->stats.rows > 0)
        tell_statistics(e);
}

void exporter_interface(struct exporter *e, uint32_t ifindex, const char *name,
                        const char *description) {
    size_t i = 0;
    while (i < e->ninterfaces && e->interfaces[i].ifindex != ifindex)
        i++;
    if (i == EXPORT_INTERFACES)
        return;
    if (i == e->ninterfaces)
        e->ninterfaces++;
    struct known_interface *k = &e->interfaces[i];
    k->ifindex = ifindex;
    strncpy(k->name, name, sizeof k->name - 1);
    strncpy(k->description, description, sizeof k->description - 1);
    if (e->stats.rows > 0) /* else there is no clock yet */
        tell_interface(e, k);
}

void exporter_application(struct exporter *e, const struct application *a) {
    if (e->applications[a->rank])
        return;
    e->applications[a->rank] = a;
    if (e->stats.rows > 0) /* else there is no clock yet, and all are told with the first row */
        tell_application(e, a);
}

void exporter_flush(struct exporter *e) {
    if (e->state.message.length > 0)
        send_message(e);
    else
        renew(e);
}

const char *exporter_format(const struct exporter *e) {
    return e->format->name;
}

const struct exporter_stats *exporter_stats(const struct exporter *e) {
    return &e->stats;
}

const struct sender_stats *exporter_sender_stats(const struct exporter *e) {
    return sender_stats(e->sender);
}

void exporter_free(struct exporter *e) {
    if (!e)
        return;
    exporter_flush(e);
    sender_free(e->sender);
    release(e);
}
