/* SPDX-License-Identifier: MIT */
/*
** flowcollect: receives NetFlow v1, v5 to v9 and IPFIX datagrams, or takes them from a capture, and
** writes the flows to a store. Options are in cmdline.c, decoding in decode.h, files in
** schema/store.h; here they are tied together.
**
** Exit status: 0 after TERM, INT or the end of the capture; 1 when something failed; 2 when the
** command line is wrong.
*/
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "automerge.h"
#include "cache.h"
#include "cmdline.h"
#include "decode.h"
#include "dump.h"
#include "hook.h"
#include "log.h"
#include "notify.h"
#include "pcapin.h"
#include "publish.h"
#include "receive.h"
#include "repeat.h"
#include "report.h"
#include "schema/clock.h"
#include "schema/merge.h"
#include "service.h"
#include "sources.h"
#include "tcp.h"

static volatile sig_atomic_t stop, reread, tell;

static void on_signal(int signal) {
    if (signal == SIGHUP)
        reread = 1;
    else if (signal == SIGUSR1)
        tell = 1;
    else
        stop = 1;
}

struct program {
    int argc;
    char **argv;
    struct cmdline options; /* as of the start */
    struct cmdline fresh;   /* as of the last HUP: what can change is taken from here */
    struct identity identity;
    struct pidfile pidfile;
    struct notify notify;
    int parent; /* that waits until all is well, -1: none */
    struct log log;
    struct collector *collector;
    struct fvt_store *store;
    struct receiver *receiver;
    struct tcp *tcp;     /* NULL: not asked for */
    struct cache *cache; /* NULL: none */
    struct sources *sources;
    struct repeater *repeater; /* or NULL */
    struct report report;
    struct expire_thread *expiry;
    struct hook *hook;
    struct automerge merge;      /* without a store: none */
    struct publisher *publisher; /* of metrics, or NULL */
    int64_t ticked;              /* ms, of the last collector_tick() */
    bool store_failed;
};

/* ---- rows and faults -------------------------------------------------------------------- */

static bool take_row(void *arg, const struct flow_row *row) {
    struct program *p = arg;
    if (p->options.dump)
        dump_row(stdout, row);
    if (!p->store || fvt_store_add(p->store, row) == FVT_OK)
        return true;
    p->report.unwritten++;
    p->report.unwritten_all++;
    log_limited(&p->log, "%s: the flow was not written", fvt_store_message(p->store));
    return false;
}

static uint32_t take_rows(void *arg, const struct flow_rows *rows) {
    struct program *p = arg;
    uint32_t kept;
    if (fvt_store_add_rows(p->store, rows, &kept) == FVT_OK)
        return rows->n;
    p->report.unwritten += rows->n - kept;
    p->report.unwritten_all += rows->n - kept;
    log_limited(&p->log, "%s: the flow was not written", fvt_store_message(p->store));
    return kept;
}

static void take_fault(void *arg, const struct datagram *d, enum fvt_malformed cause) {
    static const char *const meanings[FVT_NBAD] = {
        [FVT_BAD_SHORT] = "its length is not what its header says",
        [FVT_BAD_VERSION] = "no NetFlow v1, v5 to v9 or IPFIX, or an unknown aggregation of v8",
        [FVT_BAD_SET] = "the length or id of a set is impossible",
        [FVT_BAD_TEMPLATE] = "a template contradicts itself",
        [FVT_BAD_RECORD] = "a record runs over the end of its set",
    };
    struct program *p = arg;
    char ip[FLOW_IP_TEXT];
    flow_ip_text(&d->from, ip);
    log_limited(&p->log, "%s port %u: malformed datagram of %zu octets: %s", ip, d->port, d->size,
                meanings[cause]);
}

static void store_warning(void *arg, const char *text) {
    struct program *p = arg;
    log_limited(&p->log, "%s", text);
}

/* ---- signals ---------------------------------------------------------------------------- */

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
static void say_more(void *arg) {
    say_bounds(arg);
    say_strangers(arg);
    say_repeated(arg);
}

static void say_statistics(struct program *p) {
    if (p->store)
        report_line(&p->report);
    say_more(p);
}

static struct sources *sources_of(const struct cmdline *o) {
    char message[256];
    struct sources *s = sources_new(o->sources.text, o->sources.n, message, sizeof message);
    if (!s)
        log_line("--source: %s", message);
    return s;
}

static void start_repeater(const struct program *p) {
    int failed = p->repeater ? repeater_start(p->repeater) : 0;
    if (failed)
        log_line("nothing is repeated: no thread: %s", strerror(failed));
}

static bool take_targets(struct program *p, const struct cmdline *o) {
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
    struct sources *sources = NULL;
    if (cmdline_parse(p->argc, p->argv, &fresh) != CMDLINE_RUN || !(sources = sources_of(&fresh)) ||
        !take_targets(p, &fresh)) {
        sources_free(sources);
        log_line("the options stay as they were");
        cmdline_free(&fresh);
        return;
    }
    sources_replace(p->sources, sources);
    if (!repeated)
        start_repeater(p);
    cmdline_say_fixed(&p->options, &fresh);
    cmdline_free(&p->fresh);
    p->fresh = fresh;
    p->log.verbose = fresh.verbose;
    p->collector->limits.template_ms = (int64_t)fresh.template_lifetime * 1000;
    collector_rates(p->collector, &p->fresh.rates);
    if (!p->store)
        return;
    p->expiry = expire_change(p->expiry, p->options.store, &fresh.limits);
    p->merge.store = fresh.no_merge ? NULL : p->options.store;
    p->merge.rollups = fresh.rollups;
    p->merge.syslog = p->options.syslog;
}

static void look_at_signals(struct program *p) {
    if (tell) {
        tell = 0;
        say_statistics(p);
    }
    if (!reread)
        return;
    reread = 0;
    notify_reloading(&p->notify);
    read_again(p);
    if (p->store && fvt_store_rotate(p->store) != FVT_OK)
        log_limited(&p->log, "%s", fvt_store_message(p->store));
    notify_say(&p->notify, "READY=1");
}

/* ---- time ------------------------------------------------------------------------------- */

static void give_books(struct program *p) {
    struct books b;
    if (!report_books(&p->report, &b))
        return;
    b.strangers = sources_dropped(p->sources).dropped;
    expire_removed(p->expiry, &b.expired_files, &b.expired_octets);
    b.files_to_exec = hook_waiting(p->hook);
    b.merging = p->merge.child != 0;
    b.merged = p->merge.done;
    b.merge_failures = p->merge.failures;
    publisher_give(p->publisher, &b);
}

static void tick(void *arg, int64_t now) {
    struct program *p = arg;
    if (p->receiver) {
        look_at_signals(p);
        notify_alive(&p->notify);
    }
    if (p->store) {
        bool failed = fvt_store_tick(p->store, now) != FVT_OK;
        if (failed && !p->store_failed)
            log_line("%s: flows that cannot be written are counted", fvt_store_message(p->store));
        else if (!failed && p->store_failed)
            log_line("%s: writing again, %" PRIu64 " flows were not written", p->options.store,
                     p->report.unwritten_all);
        p->store_failed = failed;
    }
    if (now - p->ticked >= 1000 || now < p->ticked) {
        collector_tick(p->collector, now);
        if (p->cache)
            cache_tick(p->cache);
        p->ticked = now;
        if (!p->store && p->publisher)
            report_tick(&p->report);
        if (p->merge.store)
            automerge_tick(&p->merge, now);
        if (p->options.dump)
            fflush(stdout);
    }
    if (p->publisher && publisher_wants(p->publisher))
        give_books(p);
}

static void take_datagram(void *arg, const struct datagram *received) {
    struct program *p = arg;
    struct datagram d = *received;
    if (!sources_admit(p->sources, &d.from, &d.ident))
        return;
    if (!d.stream) /* templates of a connection are not said again */
        repeater_take(p->repeater, &d);
    collector_datagram(p->collector, &d);
}

/* ---- sources ---------------------------------------------------------------------------- */

static void take_captured(void *arg, const struct datagram *d) {
    tick(arg, d->received);
    take_datagram(arg, d);
}

static int run_capture(struct program *p) {
    struct pcapin_counts n;
    char message[256];
    int failed =
        pcapin_run(p->options.read, take_captured, p, &stop, &n, message, sizeof message) != 0;
    if (failed)
        log_line("%s: %s", p->options.read, message);
    collector_drop_pending(p->collector);
    log_line("%s: %" PRIu64 " packets, %" PRIu64 " datagrams, %" PRIu64
             " packets that are not UDP, %" PRIu64 " datagrams cut off, %" PRIu64
             " with fragments missing",
             p->options.read, n.packets, n.datagrams, n.others, n.cut, n.incomplete);
    return failed;
}

static void port_refused(const char *message) {
    log_line("%s: not listening there", message);
}

static int open_sockets(struct program *p) {
    struct cmdline *o = &p->options;
    char message[256];
    if (o->read)
        return 0;
    /* Of the usual ports some may be another program's. */
    if (receiver_open(&p->receiver, o->bind, o->ports.port, &o->ports.n, o->buffer, o->queue,
                      o->usual_ports ? port_refused : NULL, message, sizeof message) != 0) {
        log_line("%s", message);
        return -1;
    }
    for (size_t i = 0; i < o->groups.n; i++)
        if (receiver_join(p->receiver, o->groups.text[i], message, sizeof message) != 0) {
            log_line("--join: %s", message);
            return -1;
        }
    const struct fvt_socket *sockets;
    size_t n = receiver_sockets(p->receiver, &sockets);
    for (size_t i = 0; i < n; i++) {
        log_line("listening on %s port %u, socket buffer %" PRIu64 " octets",
                 o->bind ? o->bind : "*", sockets[i].port, sockets[i].buffer);
        report_socket(&p->report, &sockets[i]);
    }
    if (o->tcp.n &&
        tcp_open(&p->tcp, o->bind, o->tcp.port, o->tcp.n, NULL, message, sizeof message) != 0) {
        log_line("%s", message);
        return -1;
    }
    n = p->tcp ? tcp_sockets(p->tcp, &sockets) : 0;
    for (size_t i = 0; i < n; i++) {
        log_line("listening on %s TCP port %u", o->bind ? o->bind : "*", sockets[i].port);
        report_socket(&p->report, &sockets[i]);
    }
    return 0;
}

static bool admit_session(void *arg, const struct flow_ip *from) {
    const struct program *p = arg;
    const char *ident;
    return sources_admit(p->sources, from, &ident);
}

static void session_over(void *arg, const struct datagram *d, enum tcp_end how) {
    static const char *const meanings[TCP_ENDS] = {
        [TCP_BROKEN] = "it broke off within a message",
        [TCP_GARBAGE] = "it sent something else than IPFIX",
        [TCP_STALLED] = "a message did not come to its end",
        [TCP_IDLE] = "nothing came for long",
        [TCP_REFUSED] = "there are too many connections",
    };
    struct program *p = arg;
    if (meanings[how]) {
        char ip[FLOW_IP_TEXT];
        flow_ip_text(&d->from, ip);
        log_limited(&p->log, "%s TCP port %u: connection closed: %s", ip, d->port, meanings[how]);
    }
    if (d->size)
        collector_garbage(p->collector, d, how == TCP_GARBAGE ? FVT_BAD_VERSION : FVT_BAD_SHORT);
    collector_end_stream(p->collector, d->stream);
}

/* Take what came, waiting for it for up to timeout ms; what comes over TCP waits for 20 ms at most. Returns how much
** that was. */
static size_t take_arrived(struct program *p, int timeout) {
    enum { TCP_WAIT_MS = 20 };
    const struct receiver_calls udp = {tick, take_datagram, p};
    const struct tcp_calls tcp = {admit_session, tick, take_datagram, session_over, p};
    size_t n = receiver_wait(p->receiver, p->tcp && timeout ? TCP_WAIT_MS : timeout, &udp);
    return n + (p->tcp ? tcp_wait(p->tcp, 0, &tcp) : 0);
}

static int run_sockets(struct program *p) {
    const struct receiver_calls udp = {tick, take_datagram, p};
    if (receiver_start(p->receiver) != 0) {
        log_line("no thread to receive: %s", strerror(errno));
        return 1;
    }
    while (!stop)
        if (take_arrived(p, 250) == 0)
            tick(p, now_ms());
    receiver_finish(p->receiver, &udp);
    /* What had arrived over TCP when the signal came, but not for ever under a flood. */
    int64_t until = now_ms() + 1000;
    while (take_arrived(p, 0) > 0 && now_ms() < until)
        ;
    tick(p, now_ms());
    collector_drop_pending(p->collector);
    return 0;
}

/* ---- merging ---------------------------------------------------------------------------- */

static bool is_stopped(void *arg) {
    (void)arg;
    return stop;
}

static void merge_warning(void *arg, const char *text) {
    (void)arg;
    log_line("%s", text);
}

/* What was merged just now is in the index when its directory has rested. */
static int update_index(const char *store, bool merged) {
    struct fvt_error error;
    bool fresh;
    int rc = fvt_index_update(store, &fresh, &error);
    for (int i = 0; i < 25 && rc == FVT_OK && fresh && merged && !stop; i++)
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    if (rc == FVT_OK && fresh && merged && !stop)
        rc = fvt_index_update(store, &fresh, &error);
    if (rc != FVT_OK)
        log_line("%s", error.text);
    return rc;
}

/* Days that are not over yet are never merged. */
static int run_merge(const struct cmdline *o) {
    const struct merge_calls calls = {merge_warning, is_stopped, NULL};
    const int64_t day = INT64_C(86400) * 1000;
    int64_t today = now_ms() / day * day;
    struct merge_counts n;
    struct fvt_error error;
    const struct merge_options options = {o->before < today ? o->before : today, o->rollups};
    if (fvt_merge(o->store, &options, &calls, &n, &error) != FVT_OK) {
        log_line("%s", error.text);
        return 1;
    }
    log_line("%s: %" PRIu64 " files merged into %" PRIu64 " days", o->store, n.files, n.days);
    return update_index(o->store, n.files > 0) != FVT_OK || n.undone != 0;
}

/* ---- main ------------------------------------------------------------------------------- */

/* What is done with complete files. */
static int start_upkeep(struct program *p) {
    const struct cmdline *o = &p->options;
    if (o->hook && !(p->hook = hook_new(o->hook, o->store)))
        return -1;
    if (p->hook)
        fvt_store_on_closed(p->store, hook_file, p->hook);
    if (o->read)
        return 0;
    p->cache = cache_open(o->store, p->collector, store_warning, p);
    p->expiry = expire_start(o->store, &o->limits);
    if (!o->no_merge)
        p->merge =
            (struct automerge){.store = o->store, .rollups = o->rollups, .syslog = o->syslog};
    return 0;
}

/* As another user, if so wanted; what that one cannot write to is found out now. */
static int give_up_root(struct program *p) {
    const struct cmdline *o = &p->options;
    char message[4608], path[4096];
    bool good = !o->store || identity_give(&p->identity, o->store, message, sizeof message) == 0;
    good = good && identity_take(&p->identity, message, sizeof message) == 0;
    if (good && o->store && p->identity.name) {
        fvt_store_path(o->store, o->layout, now_ms() / 1000 / o->interval * o->interval * 1000,
                       o->interval, path, sizeof path);
        good = identity_may_write(&p->identity, o->store, path, message, sizeof message) == 0;
    }
    if (!good)
        log_line("%s", message);
    return good ? 0 : -1;
}

static int open_store(struct program *p) {
    struct fvt_error error;
    if (!take_targets(p, &p->options) || give_up_root(p) != 0)
        return -1;
    start_repeater(p);
    if (!p->options.store) {
        report_attach(&p->report, p->collector, NULL);
        return 0;
    }
    if (fvt_store_open(p->options.store, p->options.interval, store_warning, p, &p->store,
                       &error) != FVT_OK) {
        log_line("%s", error.text);
        return -1;
    }
    fvt_store_layout(p->store, p->options.layout);
    report_attach(&p->report, p->collector, p->store);
    p->report.more = say_more;
    p->report.more_arg = p;
    log_line("writing to %s, a file every %u s", p->options.store, p->options.interval);
    return start_upkeep(p);
}

static int start_metrics(struct program *p) {
    const struct cmdline *o = &p->options;
    char message[512];
    if (o->read || (!o->metrics && !o->metrics_file))
        return 0;
    p->publisher = publisher_start(o->metrics, o->metrics_file, o->store, message, sizeof message);
    if (!p->publisher)
        log_line("%s", message);
    else if (o->metrics)
        log_line("metrics are at %s, /metrics", o->metrics);
    return p->publisher ? 0 : -1;
}

static int close_store(struct program *p) {
    publisher_stop(p->publisher);
    cache_close(p->cache);
    expire_stop(p->expiry);
    automerge_stop(&p->merge);
    if (!p->store)
        return 0;
    /* The store is gone when it has failed, and its message with it: ask before. */
    int failed = fvt_store_flush(p->store) != FVT_OK;
    if (failed)
        log_line("%s", fvt_store_message(p->store));
    if (fvt_store_close(p->store) != FVT_OK && !failed) {
        log_line("%s: the last file could not be completed", p->options.store);
        failed = 1;
    }
    hook_finish(p->hook);
    return failed;
}

/* A collector that is not there yet, or reads a capture, has nothing to read again. */
static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    action.sa_flags = SA_RESTART;
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
}

/* What is wrong with the options is said before anything is opened. */
static int prepare(struct program *p) {
    const struct cmdline *o = &p->options;
    char message[512];
    notify_open(&p->notify);
    if (identity_find(&p->identity, o->user, o->group, message, sizeof message) != 0) {
        log_line("%s", message);
        return -1;
    }
    if (!(p->sources = sources_of(o)))
        return -1;
    if (o->daemon && (p->parent = service_fork()) < 0) {
        log_line("no process for the background: %s", strerror(errno));
        return -1;
    }
    if (o->pidfile && pidfile_write(&p->pidfile, o->pidfile, message, sizeof message) != 0) {
        log_line("%s", message);
        return -1;
    }
    return 0;
}

static void say_ready(struct program *p) {
    notify_say(&p->notify, "READY=1");
    if (p->options.syslog)
        service_log();
    if (p->parent >= 0)
        service_detach(p->parent);
    p->parent = -1;
}

/* Collect, from the start to the end. Returns an exit status. */
static int run(struct program *p) {
    const struct flow_sink sink = {
        .row = take_row,
        .rows = p->options.store && !p->options.dump ? take_rows : NULL,
        .arg = p,
    };
    p->collector = collector_new(sink, (struct fault_sink){take_fault, p}, NULL);
    if (!p->collector) {
        log_line("out of memory");
        return 1;
    }
    p->collector->limits.template_ms = (int64_t)p->options.template_lifetime * 1000;
    collector_rates(p->collector, &p->options.rates);
    /* The sockets first: what comes while the store is made ready waits in their buffers. */
    int failed =
        prepare(p) != 0 || open_sockets(p) != 0 || open_store(p) != 0 || start_metrics(p) != 0;
    if (!failed) {
        say_ready(p);
        failed = p->options.read ? run_capture(p) : run_sockets(p);
        notify_say(&p->notify, "STOPPING=1");
    }
    if (!p->store && p->sources)
        say_more(p);
    if (close_store(p) != 0)
        failed = 1;
    collector_free(p->collector);
    receiver_close(p->receiver);
    repeater_close(p->repeater);
    tcp_close(p->tcp);
    sources_free(p->sources);
    pidfile_remove(&p->pidfile);
    notify_close(&p->notify);
    return failed;
}

int main(int argc, char **argv) {
    static struct program p = {.parent = -1, .notify.fd = -1};
    switch (cmdline_parse(argc, argv, &p.options)) {
    case CMDLINE_DONE:
        return 0;
    case CMDLINE_ERROR:
        return 2;
    case CMDLINE_RUN:
        break;
    }
    p.argc = argc;
    p.argv = argv;
    p.log.verbose = p.options.verbose;
    catch_signals();
    if (p.options.syslog && (p.options.merge || p.options.expire))
        service_log();
    if (p.options.merge)
        return run_merge(&p.options);
    if (p.options.expire)
        return expire_once(p.options.store, &p.options.limits, p.options.dry_run);
    int failed = run(&p);
    if (p.options.dump && fflush(stdout) != 0) {
        log_line("standard output: %s", strerror(errno));
        failed = 1;
    }
    cmdline_free(&p.options);
    cmdline_free(&p.fresh);
    return failed;
}
