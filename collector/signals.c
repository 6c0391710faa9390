/* SPDX-License-Identifier: MIT */
/*
** Signals and what they ask for: an end, the counts on the log, the configuration read again. What of it is taken at
** the start in the same way, sources and targets, is here, too.
*/
#include <errno.h>
#include <inttypes.h>

#include "expire.h"
#include "hook.h"
#include "program.h"
#include "repeat.h"
#include "sources.h"
#include "tcp.h"

volatile sig_atomic_t program_stop;
static volatile sig_atomic_t reread, tell;

static void on_signal(int signal) {
    if (signal == SIGHUP)
        reread = 1;
    else if (signal == SIGUSR1)
        tell = 1;
    else
        program_stop = 1;
}

/* A collector that is not there yet, or reads a capture, has nothing to read again. */
void program_catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    action.sa_flags = SA_RESTART;
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
}

/* ---- counts ----------------------------------------------------------------------------- */

static void say_strangers(const struct program *p) {
    const struct sources_counts n = sources_dropped(p->sources);
    for (size_t i = 0; i < n.n; i++) {
        char ip[FLOW_IP_TEXT];
        flow_ip_text(&n.stranger[i].ip, ip);
        log_line("%s: is no source, %" PRIu64 " datagrams were dropped since the start", ip,
                 n.stranger[i].datagrams);
    }
    if (n.others)
        log_line("other senders: are no sources, %" PRIu64
                 " datagrams were dropped since the start",
                 n.others);
}

/* What had to go because there was no room, and what became of connections, since the start. */
static void say_bounds(const struct program *p) {
    const struct collector *c = p->collector;
    const struct exporter_table *t = &c->exporters;
    if (t->dropped || t->dropped_templates || c->expired)
        log_line("forgotten since the start: exporters %" PRIu64 ", templates %" PRIu64
                 ", templates too old %" PRIu64,
                 t->dropped, t->dropped_templates, c->expired);
    if (c->totals.forgotten || c->totals.unknown)
        log_line("counters since a flow began: flows forgotten that were reported again %" PRIu64
                 ", records whose flow cannot be told, kept as they were %" PRIu64,
                 c->totals.forgotten, c->totals.unknown);
    if (p->tcp)
        log_line("TCP: connections %zu, closed by exporters %" PRIu64 ", broken off %" PRIu64
                 ", no IPFIX %" PRIu64 ", stalled %" PRIu64 ", idle %" PRIu64 ", refused %" PRIu64,
                 tcp_sessions(p->tcp), tcp_ended(p->tcp, TCP_CLOSED), tcp_ended(p->tcp, TCP_BROKEN),
                 tcp_ended(p->tcp, TCP_GARBAGE), tcp_ended(p->tcp, TCP_STALLED),
                 tcp_ended(p->tcp, TCP_IDLE), tcp_ended(p->tcp, TCP_REFUSED));
}

static void say_repeated(const struct program *p) {
    struct repeater_counts n = {0};
    if (p->repeater)
        repeater_counts(p->repeater, &n);
    for (size_t i = 0; i < n.n; i++)
        log_line("repeated to %s: datagrams %" PRIu64 ", failed %" PRIu64 "%s%s", n.target[i].name,
                 n.target[i].sent, n.target[i].failed, n.target[i].failed ? ", the last one: " : "",
                 n.target[i].failed ? strerror(n.target[i].error) : "");
    if (n.left_out)
        log_line("not repeated to any target, for they take too long: %" PRIu64 " datagrams",
                 n.left_out);
}

/* What is beside the counts of the current file. */
void program_say_more(void *arg) {
    say_bounds(arg);
    say_strangers(arg);
    say_repeated(arg);
}

static void say_statistics(struct program *p) {
    if (p->store)
        report_line(&p->report);
    program_say_more(p);
}

/* ---- the configuration ------------------------------------------------------------------ */

struct sources *program_sources(const struct cmdline *o) {
    char message[256];
    struct sources *s = sources_new(o->sources.text, o->sources.n, message, sizeof message);
    if (!s)
        log_line("--source: %s", message);
    return s;
}

void program_start_repeater(const struct program *p) {
    int failed = p->repeater ? repeater_start(p->repeater) : 0;
    if (failed)
        log_line("nothing is repeated: no thread: %s", strerror(failed));
}

bool program_targets(struct program *p, const struct cmdline *o) {
    char message[512] = "no thread";
    const char *const *text = o->targets.text;
    size_t n = o->targets.n;
    const struct repeat_ports own = {p->options.ports.port,
                                     p->options.bind ? 0 : p->options.ports.n};
    bool good = true;
    if (o->read)
        return true;
    if (p->repeater)
        good = repeater_targets(p->repeater, text, n, message, sizeof message) == 0;
    else if (n || p->options.keep_source)
        good = (p->repeater = repeater_open(text, n, p->options.keep_source, own, message,
                                            sizeof message)) != NULL;
    if (!good)
        log_line("--repeat: %s", message);
    return good;
}

/* What cannot be used leaves all as it was. */
static void read_again(struct program *p) {
    struct cmdline fresh;
    bool repeated = p->repeater != NULL;
    const struct cmdline *now = p->fresh.store ? &p->fresh : &p->options;
    unsigned was = now->interval;
    struct sources *sources = NULL;
    if (cmdline_parse(p->argc, p->argv, &fresh) != CMDLINE_RUN ||
        !(sources = program_sources(&fresh)) || !program_targets(p, &fresh)) {
        sources_free(sources);
        log_line("the options stay as they were");
        cmdline_free(&fresh);
        return;
    }
    sources_replace(p->sources, sources);
    if (!repeated)
        program_start_repeater(p);
    cmdline_say_fixed(&p->options, &fresh);
    cmdline_free(&p->fresh);
    p->fresh = fresh;
    p->log.verbose = fresh.verbose;
    p->collector->limits.template_ms = (int64_t)fresh.template_lifetime * 1000;
    collector_rates(p->collector, &p->fresh.rates);
    if (!p->store)
        return;
    p->expiry = expire_change(p->expiry, p->options.store, &fresh.limits);
    p->merge.off = fresh.no_merge;
    p->merge.rollups = fresh.rollups;
    (void)hook_change(p->hook, fresh.hook);
    if (fresh.interval != was)
        log_line("writing to %s, a file every %u s", p->options.store, fresh.interval);
}

void program_look_at_signals(struct program *p) {
    if (tell) {
        tell = 0;
        say_statistics(p);
    }
    if (!reread)
        return;
    reread = 0;
    notify_reloading(&p->notify);
    read_again(p);
    const struct cmdline *o = p->fresh.store ? &p->fresh : &p->options;
    if (p->store && fvt_store_change(p->store, o->interval, o->layout) != FVT_OK)
        log_limited(&p->log, "%s", fvt_store_message(p->store));
    notify_say(&p->notify, "READY=1");
}
