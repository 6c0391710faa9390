/* SPDX-License-Identifier: MIT */
/* What can be asked of a running probe: softflowctl's verbs, and statistics for programs. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <time.h>

#include "program.h"
#include "statistics.h"
#include "summary.h"

/* UTC, as everywhere. */
static void print_time(FILE *f, int64_t microseconds) {
    time_t seconds = (time_t)(microseconds / 1000000 - (microseconds % 1000000 < 0));
    struct tm tm;
    char text[64] = "?";
    if (gmtime_r(&seconds, &tm))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    fprintf(f, "%s.%06d", text, (int)(microseconds - (int64_t)seconds * 1000000));
}

static struct statistics statistics_of(const struct probe *p) {
    return (struct statistics){.meter = meter_stats(p->meter),
                               .in = &p->in,
                               .applications = p->applications,
                               .out = p->output,
                               .flows = meter_flows(p->meter),
                               .capacity = p->options->flows,
                               .started = p->started,
                               .gathering = p->gathering};
}

static void as_text(void *arg, FILE *f) {
    const struct probe *p = arg;
    fputs("started:   ", f);
    print_time(f, p->started * 1000000);
    fprintf(f, "%s\n", p->gathering ? "" : ", packets are not gathered now");
    fprintf(f, "table:     %" PRIu32 " of %" PRIu32 " flows\n", meter_flows(p->meter),
            p->options->flows);
    summary_print(f, meter_stats(p->meter), &p->in, p->applications, p->output);
}

static void as_json(void *arg, FILE *f) {
    struct statistics s = statistics_of(arg);
    statistics_json(f, &s);
}

static void as_prometheus(void *arg, FILE *f) {
    struct statistics s = statistics_of(arg);
    statistics_prometheus(f, &s);
}

/* ---- flows ------------------------------------------------------------------------------- */

static void print_end(FILE *f, const struct flow_key *key, const uint8_t *address, uint16_t port) {
    char text[INET6_ADDRSTRLEN] = "?";
    inet_ntop(key->family == 6 ? AF_INET6 : AF_INET, address, text, sizeof text);
    if (key->kind == HAS_PORTS)
        fprintf(f, key->family == 6 ? "[%s]:%u" : "%s:%u", text, port);
    else
        fputs(text, f);
}

struct dump {
    const struct probe *probe;
    FILE *f;
};

static void print_application(const struct dump *d, const struct flow_key *key) {
    char room[ENGINE_NAME];
    const char *name =
        d->probe->applications ? applications_find(d->probe->applications, key, room) : NULL;
    if (name)
        fprintf(d->f, " application %s", name);
}

static void print_flow(void *arg, const struct flow *flow) {
    const struct dump *d = arg;
    FILE *f = d->f;
    const struct flow_key *key = &flow->key;
    const char *name = statistics_proto(key->proto);
    print_time(f, flow->first);
    fputs(" - ", f);
    print_time(f, flow->last);
    if (name)
        fprintf(f, " %s ", name);
    else
        fprintf(f, " proto %u ", key->proto);
    print_end(f, key, key->src, key->srcport);
    fputs(" > ", f);
    print_end(f, key, key->dst, key->dstport);
    if (key->kind == HAS_ICMP)
        fprintf(f, " type %u code %u", key->srcport, key->dstport);
    if (key->inif || key->outif)
        fprintf(f, " if %" PRIu32 " > %" PRIu32, key->inif, key->outif);
    fprintf(f, " packets %" PRIu64 " bytes %" PRIu64, flow->packets, flow->bytes);
    print_application(d, key);
    fputc('\n', f);
}

static void dump_flows(void *arg, FILE *f) {
    struct probe *p = arg;
    struct dump dump = {p, f};
    meter_each(p->meter, print_flow, &dump);
}

static void expire_all(void *arg, FILE *f) {
    struct probe *p = arg;
    uint32_t n = meter_flows(p->meter);
    meter_flush(p->meter);
    output_flush(p->output);
    fprintf(f, "%" PRIu32 " flows expired\n", n);
}

static void delete_all(void *arg, FILE *f) {
    struct probe *p = arg;
    uint64_t before = meter_stats(p->meter)->deleted.flows;
    meter_delete(p->meter);
    fprintf(f, "%" PRIu64 " flows deleted\n", meter_stats(p->meter)->deleted.flows - before);
}

/* ---- the probe itself -------------------------------------------------------------------- */

static void timeouts(void *arg, FILE *f) {
    const struct probe *p = arg;
    const struct options *o = p->options;
    const struct {
        const char *name;
        int64_t time;
    } names[] = {
        {"general", o->timeouts.general}, {"tcp", o->timeouts.tcp},
        {"tcp.rst", o->timeouts.tcp_rst}, {"tcp.fin", o->timeouts.tcp_fin},
        {"udp", o->timeouts.udp},         {"icmp", o->timeouts.icmp},
        {"maxlife", o->timeouts.maxlife}, {"expint", o->expint},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        fprintf(f, "%s = %" PRId64 "s\n", names[i].name, names[i].time / 1000000);
}

static void gather(struct probe *p, FILE *f, bool on) {
    fprintf(f, "packets %s gathered\n",
            p->gathering == on ? (on ? "were already" : "were already not")
                               : (on ? "are again" : "are no longer"));
    p->gathering = on;
    meter_gather(p->meter, on);
}

static void stop_gather(void *arg, FILE *f) {
    gather(arg, f, false);
}

static void start_gather(void *arg, FILE *f) {
    gather(arg, f, true);
}

static void send_template(void *arg, FILE *f) {
    struct probe *p = arg;
    output_refresh(p->output);
    fputs("templates go before the next flow\n", f);
}

static void shut_down(void *arg, FILE *f) {
    struct probe *p = arg;
    *p->stop = 1;
    fputs("flowprobe exports its flows and ends\n", f);
}

static void exit_now(void *arg, FILE *f) {
    struct probe *p = arg;
    delete_all(arg, f);
    p->gathering = false; /* what comes until then */
    meter_gather(p->meter, false);
    *p->stop = 1;
    fputs("flowprobe ends\n", f);
}

const struct control_verb commands[] = {
#define VERB(words, function, slow, meaning) {words, slow, function},
#include "commands.def"
#undef VERB
};
const size_t ncommands = sizeof commands / sizeof *commands;
