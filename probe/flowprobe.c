/* SPDX-License-Identifier: MIT */
/*
** flowprobe: packets to flows, to collectors as NetFlow v5, v9 or IPFIX, or into a store.
**
**   flowprobe -r capture.pcap -n 127.0.0.1:9995        export a capture
**   flowprobe -i eth0 -i eth1 -n '[2001:db8::1]:9995'  meter two interfaces
**   flowprobe -r capture.pcapng -w STORE tcp port 443  straight into flow files, of HTTPS alone
**
** This file connects input, meter and outputs. Exit status: 0; 1 when something went wrong, with a
** sentence on stderr (what was read before a fault in a capture has been exported); 2 for a wrong
** command line. INT and TERM end all flows, export them, and print the summary.
*/
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "program.h"
#include "summary.h"

enum { EXIT_FAULT = 1, EXIT_USAGE = 2 };

static volatile sig_atomic_t stop;

static void on_signal(int signal_number) {
    (void)signal_number;
    stop = 1;
}

static void complain(const char *text) {
    fprintf(stderr, "flowprobe: %s\n", text);
}

static void on_packet(void *arg, const struct meter_source *source, int64_t time,
                      const uint8_t *data, size_t captured, size_t wire) {
    struct probe *p = arg;
    enum packet_kind kind = meter_packet(p->meter, source, time, data, captured, wire);
    if (kind == PACKET_LINK) {
        p->unknown_links++;
        p->unknown_link = source->linktype;
    }
}

/* Packets that are in no flow although they may have been IP, and flows that go nowhere. */
static void report_losses(const struct probe *p, bool last) {
    const struct meter_stats *m = meter_stats(p->meter);
    uint64_t drops = p->in.dropped_kernel + p->in.dropped_interface;
    const struct exporter_losses losses = {
        drops + m->stopped + m->kinds[PACKET_TRUNCATED] + m->kinds[PACKET_MALFORMED],
        {m->deleted.flows, m->deleted.packets, m->deleted.bytes}};
    /* Without them nothing of a file is lost, and nfcapd, which counts flows alone in IPFIX, would see a gap. */
    if (p->live || losses.ignored_packets > 0)
        output_losses(p->output, drops, &losses, last);
}

static void on_idle(void *arg, int64_t now) {
    struct probe *p = arg;
    report_losses(p, false);
    meter_idle(p->meter, now);
    output_idle(p->output, now / 1000, p->options->expint / 1000);
    if (p->control)
        control_serve(p->control, commands, ncommands, p);
}

static void on_interface(void *arg, uint32_t ifindex, const char *name, const char *description) {
    struct probe *p = arg;
    output_interface(p->output, ifindex, name, description);
}

static void on_flow(void *arg, struct flow_row *row, int64_t now) {
    struct probe *p = arg;
    const struct application *application = meter_application(p->meter);
    output_times(p->output, meter_times(p->meter));
    if (application)
        output_application(p->output, application);
    output_flow(p->output, row, now);
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Collectors, before root is given up: an interface may be asked for. 0, or -1 after a complaint. */
static int open_collectors(const struct options *o, struct probe *p) {
    const struct output_targets targets = {.version = o->version,
                                           .odid = o->odid,
                                           .names = o->targets,
                                           .n = o->ntargets,
                                           .balance = o->balance,
                                           .time_format = o->time_format,
                                           .sending = {!p->live, o->stream, o->hops, o->source}};
    char message[512];
    if (o->ntargets == 0 || output_collectors(p->output, &targets, message, sizeof message) == 0)
        return 0;
    complain(message);
    return -1;
}

static int become_user(struct probe *p, char *message, size_t size) {
    if (p->identity.name && p->control &&
        control_give(p->control, p->identity.uid, p->identity.gid) != 0) {
        snprintf(message, size, "%s: it cannot be given to another user", p->options->control);
        return -1;
    }
    return identity_take(&p->identity, message, size);
}

/* What has waited for the input to be open, which may take root. */
static int open_rest(struct probe *p, char *message, size_t size) {
    const struct options *o = p->options;
    int parent = -1;
    if (o->daemon && (parent = service_fork()) < 0) {
        snprintf(message, size, "cannot go to the background");
        return -1;
    }
    if ((o->pidfile && pidfile_write(&p->pidfile, o->pidfile, message, size) != 0) ||
        become_user(p, message, size) != 0 ||
        (o->store && output_store(p->output, o->store, o->interval, message, size) != 0))
        return -1;
    output_sampling(p->output, o->sampling);
    if (parent >= 0) {
        service_log("flowprobe");
        service_detach(parent);
    }
    return 0;
}

static int on_opened(void *arg, char *message, size_t size) {
    struct probe *p = arg;
    p->unopened = open_rest(p, message, size) != 0;
    return p->unopened ? -1 : 0;
}

/* Read everything; what went wrong is complained of. */
static int run_input(const struct options *o, struct probe *p) {
    char message[512], text[1024];
    const struct input_sink sink = {.packet = on_packet,
                                    .idle = on_idle,
                                    .interface = on_interface,
                                    .opened = on_opened,
                                    .arg = p};
    int result;
    if (o->file) {
        result = input_file(o->file, o->filter, &sink, &stop, &p->in, message, sizeof message);
        snprintf(text, sizeof text, "%s%s%s", p->unopened ? "" : o->file, p->unopened ? "" : ": ",
                 message);
    } else {
        const struct input_live live = {.names = o->interfaces,
                                        .n = o->ninterfaces,
                                        .snaplen = o->snaplen,
                                        .buffer = o->buffer,
                                        .promiscuous = o->promiscuous,
                                        .direction = o->direction,
                                        .wake = p->control ? control_fd(p->control) : -1};
        result = input_capture(&live, o->filter, &sink, &stop, &p->in, message, sizeof message);
        snprintf(text, sizeof text, "%s", message);
    }
    if (result != 0)
        complain(text);
    if (p->unknown_links > 0) {
        snprintf(text, sizeof text, "%s: link type %u cannot be looked into: %llu packets left out",
                 o->file ? o->file : o->interfaces[0], p->unknown_link,
                 (unsigned long long)p->unknown_links);
        complain(text);
    }
    return result;
}

static int run(const struct options *o, struct probe *p) {
    char message[512];
    int status = EXIT_SUCCESS;
    if (identity_find(&p->identity, o->user, o->group, message, sizeof message) != 0) {
        complain(message);
        return EXIT_FAULT;
    }
    if (open_collectors(o, p) != 0)
        return EXIT_FAULT;
    meter_sample(p->meter, o->sampling);
    meter_track(p->meter, o->track);
    if (o->biflows)
        meter_biflows(p->meter);
    meter_tunnels(p->meter, o->tunnels);
    if (o->each_sight)
        meter_each_sight(p->meter);
    if (o->applications && !(p->applications = applications_new(o->flows))) {
        complain("-k: out of memory: a smaller flow table (-m) may fit");
        return EXIT_FAULT;
    }
    if (p->applications)
        meter_applications(p->meter, p->applications);
    if (o->adjust)
        meter_adjust(p->meter, p->started * 1000000);
    if (o->control && !(p->control = control_open(o->control, message, sizeof message))) {
        complain(message);
        return EXIT_FAULT;
    }
    if (run_input(o, p) != 0)
        status = EXIT_FAULT;
    control_close(p->control);
    if (pidfile_remove(&p->pidfile, message, sizeof message) != 0)
        complain(message);
    meter_flush(p->meter);
    report_losses(p, true);
    if (output_close(p->output, message, sizeof message) != 0) {
        complain(message);
        status = EXIT_FAULT;
    }
    if (!o->quiet)
        summary_print(stdout, meter_stats(p->meter), &p->in, p->applications, p->output);
    if (!meter_balances(meter_stats(p->meter))) {
        complain("the books do not balance: this is a defect of flowprobe");
        status = EXIT_FAULT;
    }
    return status;
}

int main(int argc, char **argv) {
    struct options o;
    switch (options_parse(&o, argc, argv)) {
    case OPTIONS_DONE:
        return EXIT_SUCCESS;
    case OPTIONS_WRONG:
        return EXIT_USAGE;
    case OPTIONS_RUN:
        break;
    }
    struct probe p = {.options = &o,
                      .live = o.ninterfaces > 0,
                      .gathering = true,
                      .started = time(NULL),
                      .stop = &stop};
    catch_signals();
    p.output = output_new(p.live, complain);
    p.meter = p.output ? meter_new(o.flows, &o.timeouts, on_flow, &p) : NULL;
    int status = EXIT_FAULT;
    if (p.meter)
        status = run(&o, &p);
    else
        complain("out of memory: a smaller flow table (-m) may fit");
    meter_free(p.meter);
    applications_free(p.applications);
    output_free(p.output);
    free(o.filter);
    return status;
}
