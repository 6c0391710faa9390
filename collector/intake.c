/* SPDX-License-Identifier: MIT */
/*
** Where datagrams come from: sockets of UDP and TCP, or a capture. Those of senders that may send go on to the
** repeater and are decoded.
*/
#include <errno.h>
#include <inttypes.h>

#include "pcapin.h"
#include "program.h"
#include "receive.h"
#include "repeat.h"
#include "schema/clock.h"
#include "sources.h"
#include "tcp.h"

static void take_datagram(void *arg, const struct datagram *received) {
    struct program *p = arg;
    struct datagram d = *received;
    if (!sources_admit(p->sources, &d.from, &d.ident))
        return;
    if (!d.stream) /* templates of a connection are not said again */
        repeater_take(p->repeater, &d);
    collector_datagram(p->collector, &d);
}

/* ---- a capture -------------------------------------------------------------------------- */

/* Intervals are whole seconds: the clock goes on by these. */
static void take_captured(void *arg, const struct datagram *d) {
    struct program *p = arg;
    if (d->received / 1000 != p->captured)
        program_tick(arg, d->received);
    p->captured = d->received / 1000;
    take_datagram(arg, d);
}

int program_run_capture(struct program *p) {
    struct pcapin_counts n;
    char message[256];
    int failed = pcapin_run(p->options.read, take_captured, p, &program_stop, &n, message,
                            sizeof message) != 0;
    if (failed)
        log_line("%s: %s", p->options.read, message);
    collector_drop_pending(p->collector);
    log_line("%s: %" PRIu64 " packets, %" PRIu64 " datagrams, %" PRIu64
             " packets that are not UDP, %" PRIu64 " datagrams cut off, %" PRIu64
             " with fragments missing",
             p->options.read, n.packets, n.datagrams, n.others, n.cut, n.incomplete);
    return failed;
}

/* ---- sockets ---------------------------------------------------------------------------- */

static void port_refused(const char *message) {
    log_line("%s: not listening there", message);
}

int program_open_sockets(struct program *p) {
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

/* Take what came, waiting for it for up to timeout ms. Returns how much that was. */
static size_t take_arrived(struct program *p, int timeout) {
    const struct receiver_calls udp = {program_tick, take_datagram, p};
    const struct tcp_calls tcp = {admit_session, program_tick, take_datagram, session_over, p};
    size_t n = receiver_wait(p->receiver, timeout, p->tcp ? tcp_fd(p->tcp) : -1, &udp);
    return n + (p->tcp ? tcp_wait(p->tcp, 0, &tcp) : 0);
}

int program_run_sockets(struct program *p) {
    const struct receiver_calls udp = {program_tick, take_datagram, p};
    if (receiver_start(p->receiver) != 0) {
        log_line("no thread to receive: %s", strerror(errno));
        return 1;
    }
    while (!program_stop)
        if (take_arrived(p, 250) == 0)
            program_tick(p, now_ms());
    receiver_finish(p->receiver, &udp);
    /* What had arrived over TCP when the signal came, but not for ever under a flood. */
    int64_t until = now_ms() + 1000;
    while (take_arrived(p, 0) > 0 && now_ms() < until)
        ;
    program_tick(p, now_ms());
    collector_drop_pending(p->collector);
    return 0;
}
