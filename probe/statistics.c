/* SPDX-License-Identifier: MIT */
/*
** The counters in one list, which each format writes its way. A metric's name has neither the prefix nor the
** _total that Prometheus wants.
*/
#include "statistics.h"

#include <inttypes.h>
#include <string.h>

struct metric {
    const char *name, *help;
    const char *label; /* NULL: has none */
    bool gauge;
};

/* Who gets the list. Values of one metric come one after the other. */
struct writer {
    void (*value)(struct writer *w, const struct metric *m, const char *label, uint64_t value);
    FILE *f;
    const struct metric *last;
};

const char *statistics_proto(uint8_t proto) {
    static const struct {
        uint8_t proto;
        const char *name;
    } names[] = {{1, "icmp"},  {2, "igmp"},  {4, "ipip"},   {6, "tcp"},   {17, "udp"},
                 {41, "ipv6"}, {47, "gre"},  {50, "esp"},   {51, "ah"},   {58, "icmp6"},
                 {89, "ospf"}, {103, "pim"}, {112, "vrrp"}, {132, "sctp"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].proto == proto)
            return names[i].name;
    return NULL;
}

/* ---- the list ---------------------------------------------------------------------------- */

static void capture(struct writer *w, const struct statistics *s) {
    static const struct metric drops = {"capture_drops", "Packets lost before flowprobe saw them.",
                                        "by", false};
    static const struct metric filtered = {"filtered_packets", "Packets that the filter left out.",
                                           NULL, false};
    w->value(w, &drops, "kernel", s->in->dropped_kernel);
    w->value(w, &drops, "interface", s->in->dropped_interface);
    w->value(w, &filtered, NULL, s->in->filtered);
}

static void packets(struct writer *w, const struct statistics *s) {
    static const struct metric all = {"packets", "Packets captured.", NULL, false};
    static const struct metric octets = {"octets", "Octets of packets captured, on the wire.", NULL,
                                         false};
    static const struct metric ip = {"ip_packets", "IP packets metered.", NULL, false};
    static const struct metric bytes = {"ip_bytes", "Octets of IP packets metered.", NULL, false};
    static const struct metric fragments = {"ip_fragments", "Fragments among them.", NULL, false};
    static const struct metric tunnels = {
        "tunnel_packets", "IP packets with another one inside that was looked at.", NULL, false};
    static const struct metric longer = {
        "long_packets",
        "IP packets of more than 1500 octets: segmentation offload or jumbo frames.", NULL, false};
    static const struct metric no_length = {
        "no_length_packets", "Of those, without a length in their header: segmentation offload.",
        NULL, false};
    static const struct metric partial = {
        "partial_checksum_packets",
        "IP packets whose checksum was left to the network card: checksum or segmentation offload.",
        NULL, false};
    static const struct metric not = {"not_metered_packets", "Packets captured, but in no flow.",
                                      "reason", false};
    static const struct metric again = {
        "again_packets", "IP packets seen on another interface, too, and counted there.", NULL,
        false};
    static const struct metric again_bytes = {"again_bytes", "Octets of them.", NULL, false};
    const struct meter_stats *m = s->meter;
    w->value(w, &all, NULL, m->packets);
    w->value(w, &octets, NULL, m->octets);
    w->value(w, &ip, NULL, m->kinds[PACKET_IP]);
    w->value(w, &bytes, NULL, m->bytes);
    w->value(w, &fragments, NULL, m->fragments);
    w->value(w, &tunnels, NULL, m->tunnels);
    w->value(w, &longer, NULL, m->long_packets);
    w->value(w, &no_length, NULL, m->no_length);
    w->value(w, &partial, NULL, m->partial);
    for (int k = 0; k < PACKET_NKINDS; k++)
        if (k != PACKET_IP)
            w->value(w, &not, packet_kind_names[k], m->kinds[k]);
    w->value(w, &not, "stopped", m->stopped);
    w->value(w, &not, "not sampled", m->passed_over);
    w->value(w, &again, NULL, m->again_packets);
    w->value(w, &again_bytes, NULL, m->again_bytes);
}

static void table(struct writer *w, const struct statistics *s) {
    static const struct metric flows = {"table_flows", "Flows in the table.", NULL, true};
    static const struct metric capacity = {"table_capacity", "Most flows that it holds.", NULL,
                                           true};
    static const struct metric in_packets = {"table_packets", "Packets in flows of the table.",
                                             NULL, true};
    static const struct metric in_bytes = {"table_bytes", "Octets in flows of the table.", NULL,
                                           true};
    const struct meter_stats *m = s->meter;
    w->value(w, &flows, NULL, s->flows);
    w->value(w, &capacity, NULL, s->capacity);
    w->value(w, &in_packets, NULL,
             m->kinds[PACKET_IP] - m->again_packets - m->flow_packets.sum - m->deleted.packets);
    w->value(w, &in_bytes, NULL, m->bytes - m->again_bytes - m->flow_bytes.sum - m->deleted.bytes);
}

static void flows(struct writer *w, const struct statistics *s) {
    static const struct metric protocols = {"flows", "Flows ended, by protocol.", "proto", false};
    static const struct metric ended = {"flows_ended", "Flows ended, by why.", "reason", false};
    static const struct metric packets = {"flow_packets", "Packets in flows ended.", NULL, false};
    static const struct metric bytes = {"flow_bytes", "Octets in flows ended.", NULL, false};
    static const struct metric ms = {"flow_milliseconds", "Durations of flows ended.", NULL, false};
    static const struct metric deleted = {"deleted_flows", "Flows deleted.", NULL, false};
    static const struct metric deleted_packets = {"deleted_packets", "Packets in them.", NULL,
                                                  false};
    static const struct metric deleted_bytes = {"deleted_bytes", "Octets in them.", NULL, false};
    const struct meter_stats *m = s->meter;
    for (unsigned p = 0; p < 256; p++) {
        char number[8];
        const char *name = statistics_proto((uint8_t)p);
        snprintf(number, sizeof number, "%u", p);
        if (m->flows[p] > 0 || p == 6 || p == 17)
            w->value(w, &protocols, name ? name : number, m->flows[p]);
    }
    for (int r = END_IDLE; r < END_NREASONS; r++)
        w->value(w, &ended, flow_end_names[r], m->ended[r]);
    w->value(w, &packets, NULL, m->flow_packets.sum);
    w->value(w, &bytes, NULL, m->flow_bytes.sum);
    w->value(w, &ms, NULL, m->flow_ms.sum);
    w->value(w, &deleted, NULL, m->deleted.flows);
    w->value(w, &deleted_packets, NULL, m->deleted.packets);
    w->value(w, &deleted_bytes, NULL, m->deleted.bytes);
}

static void each_application(struct writer *w, const struct applications *a, const struct metric *m,
                             size_t counter) {
    for (unsigned i = 0; i < APPLICATIONS_KNOWN; i++) {
        const struct application *x = applications_at(a, i);
        if (x && x->flows > 0)
            w->value(w, m, x->name, *(const uint64_t *)((const char *)x + counter));
    }
}

static void applications(struct writer *w, const struct statistics *s) {
    static const struct metric packets = {"looked_at_packets",
                                          "Packets that nDPI was given to look at.", NULL, false};
    static const struct metric now = {"looked_at_connections",
                                      "Connections that are being looked at.", NULL, true};
    static const struct metric decided = {
        "connections", "Connections that were looked at, by what came out.", "application", false};
    static const struct metric early = {
        "early_connections", "Of them, not looked at any longer to make room for others.", NULL,
        false};
    static const struct metric forgotten = {
        "forgotten_flows", "Flows ended whose connection was not known any more.", NULL, false};
    static const struct metric flows_of = {"application_flows", "Flows ended, by application.",
                                           "application", false};
    static const struct metric packets_of = {"application_packets", "Packets in them.",
                                             "application", false};
    static const struct metric bytes_of = {"application_bytes", "Octets in them.", "application",
                                           false};
    if (!s->applications)
        return;
    const struct applications_stats *a = applications_stats(s->applications);
    w->value(w, &packets, NULL, a->packets);
    w->value(w, &now, NULL, a->looked_at);
    w->value(w, &decided, "recognised", a->connections[ENGINE_SEEN]);
    w->value(w, &decided, "guessed", a->connections[ENGINE_GUESSED]);
    w->value(w, &decided, "unknown", a->connections[ENGINE_NOT]);
    w->value(w, &early, NULL, a->early);
    w->value(w, &forgotten, NULL, a->forgotten);
    each_application(w, s->applications, &flows_of, offsetof(struct application, flows));
    each_application(w, s->applications, &packets_of, offsetof(struct application, packets));
    each_application(w, s->applications, &bytes_of, offsetof(struct application, bytes));
}

static void outputs(struct writer *w, const struct statistics *s) {
    static const struct metric records = {"exported_records", "Flow records exported.", NULL,
                                          false};
    static const struct metric options = {"exported_options", "Options data records exported.",
                                          NULL, false};
    static const struct metric datagrams = {"exported_datagrams", "Export datagrams.", NULL, false};
    static const struct metric octets = {"exported_octets", "Octets of export datagrams.", NULL,
                                         false};
    static const struct metric errors = {"export_errors", "Datagrams that a target was not sent.",
                                         NULL, false};
    static const struct metric not_sent = {
        "not_sent_flows", "Flows not exported: not in the format, or sent to nobody.", NULL, false};
    static const struct metric stored = {"stored_flows", "Flows written to the store.", NULL,
                                         false};
    struct exporter_stats x;
    struct sender_stats sent;
    if (output_exported(s->out, &x, &sent)) {
        w->value(w, &records, NULL, x.records);
        w->value(w, &options, NULL, x.options);
        w->value(w, &datagrams, NULL, sent.datagrams);
        w->value(w, &octets, NULL, sent.octets);
        w->value(w, &errors, NULL, sent.failed);
        w->value(w, &not_sent, NULL, x.not_carried.flows + x.unsent.flows);
    }
    w->value(w, &stored, NULL, output_stored(s->out));
}

static void list(struct writer *w, const struct statistics *s) {
    static const struct metric started = {"start_time_seconds", "When it was started, since 1970.",
                                          NULL, true};
    static const struct metric gathering = {"gathering", "1 when packets are metered, 0: stopped.",
                                            NULL, true};
    w->value(w, &started, NULL, (uint64_t)s->started);
    w->value(w, &gathering, NULL, s->gathering);
    capture(w, s);
    packets(w, s);
    table(w, s);
    flows(w, s);
    applications(w, s);
    outputs(w, s);
}

/* ---- the formats ------------------------------------------------------------------------- */

/* Labels are names of our own, which need no escapes in either. */
static void json_value(struct writer *w, const struct metric *m, const char *label,
                       uint64_t value) {
    if (w->last != m) {
        if (w->last)
            fputs(w->last->label ? "}, " : ", ", w->f);
        fprintf(w->f, "\"%s\": %s", m->name, m->label ? "{" : "");
    } else {
        fputs(", ", w->f);
    }
    if (m->label)
        fprintf(w->f, "\"%s\": ", label);
    fprintf(w->f, "%" PRIu64, value);
    w->last = m;
}

void statistics_json(FILE *f, const struct statistics *s) {
    struct writer w = {json_value, f, NULL};
    fputc('{', f);
    list(&w, s);
    fputs(w.last && w.last->label ? "}}\n" : "}\n", f);
}

static void prometheus_value(struct writer *w, const struct metric *m, const char *label,
                             uint64_t value) {
    const char *end = m->gauge ? "" : "_total";
    if (w->last != m)
        fprintf(w->f, "# HELP flowvt_probe_%s%s %s\n# TYPE flowvt_probe_%s%s %s\n", m->name, end,
                m->help, m->name, end, m->gauge ? "gauge" : "counter");
    w->last = m;
    if (m->label)
        fprintf(w->f, "flowvt_probe_%s%s{%s=\"%s\"} %" PRIu64 "\n", m->name, end, m->label, label,
                value);
    else
        fprintf(w->f, "flowvt_probe_%s%s %" PRIu64 "\n", m->name, end, value);
}

void statistics_prometheus(FILE *f, const struct statistics *s) {
    struct writer w = {prometheus_value, f, NULL};
    list(&w, s);
}
