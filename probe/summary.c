/* SPDX-License-Identifier: MIT */
/* The summary. */
#include "summary.h"

#include <inttypes.h>

static const struct {
    uint8_t proto;
    const char *name;
} protocols[] = {{6, "TCP"}, {17, "UDP"}, {1, "ICMP"}, {58, "ICMPv6"}, {132, "SCTP"}};

/* Prints "first" before the first item of a list and ", " before the others. */
static const char *comma(bool *first) {
    const char *text = *first ? "" : ", ";
    *first = false;
    return text;
}

static void print_kinds(FILE *f, const struct meter_stats *m) {
    bool first = true;
    fprintf(f, "not IP:    %" PRIu64 " packets",
            m->packets - m->stopped - m->passed_over - m->kinds[PACKET_IP]);
    for (int k = 0; k < PACKET_NKINDS; k++)
        if (k != PACKET_IP && m->kinds[k] > 0)
            fprintf(f, "%s%" PRIu64 " %s", first ? (first = false, ": ") : ", ", m->kinds[k],
                    packet_kind_names[k]);
    fputc('\n', f);
}

static void print_flows(FILE *f, const struct meter_stats *m) {
    uint64_t total = 0, other = 0;
    bool first = true;
    for (int p = 0; p < 256; p++)
        total += m->flows[p];
    other = total;
    fprintf(f, "flows:     %" PRIu64 "%s", total, total ? ": " : "");
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        uint64_t n = m->flows[protocols[i].proto];
        other -= n;
        if (n > 0)
            fprintf(f, "%s%" PRIu64 " %s", comma(&first), n, protocols[i].name);
    }
    if (other > 0)
        fprintf(f, "%s%" PRIu64 " other", comma(&first), other);
    fprintf(f, "\nended:     ");
    first = true;
    for (int r = END_IDLE; r < END_NREASONS; r++)
        if (m->ended[r] > 0)
            fprintf(f, "%s%" PRIu64 " %s", comma(&first), m->ended[r], flow_end_names[r]);
    fprintf(f, "%s\n", first ? "0" : "");
}

static void print_range(FILE *f, const char *what, const struct meter_range *r, uint64_t flows) {
    fprintf(f, "%s%" PRIu64 " to %" PRIu64 " %s (%.1f on average)", *what == 'p' ? "" : ", ",
            r->least, r->most, what, (double)r->sum / (double)flows);
}

static void print_ranges(FILE *f, const struct meter_stats *m) {
    uint64_t flows = 0;
    for (int r = 0; r < END_NREASONS; r++)
        flows += m->ended[r];
    if (flows == 0)
        return;
    fputs("a flow:    ", f);
    print_range(f, "packets", &m->flow_packets, flows);
    print_range(f, "bytes", &m->flow_bytes, flows);
    print_range(f, "ms", &m->flow_ms, flows);
    fputc('\n', f);
}

/* The one with the most bytes of those with less than before has, NULL: of all. */
static const struct application *largest(const struct applications *a,
                                         const struct application *before) {
    const struct application *found = NULL;
    for (unsigned i = 0; i < APPLICATIONS_KNOWN; i++) {
        const struct application *x = applications_at(a, i);
        if (x && x->flows > 0 &&
            (!before || x->bytes < before->bytes ||
             (x->bytes == before->bytes && x->rank > before->rank)) &&
            (!found || x->bytes > found->bytes ||
             (x->bytes == found->bytes && x->rank < found->rank)))
            found = x;
    }
    return found;
}

static void print_applications(FILE *f, struct applications *a) {
    enum { LARGEST = 8 };
    const struct applications_stats *s = applications_stats(a);
    fprintf(f,
            "looked at: %" PRIu64 " packets of %" PRIu64 " connections: %" PRIu64
            " recognised, %" PRIu64 " guessed, %" PRIu64 " unknown, %" PRIu32 " not yet\n",
            s->packets,
            s->connections[ENGINE_SEEN] + s->connections[ENGINE_GUESSED] +
                s->connections[ENGINE_NOT] + s->looked_at,
            s->connections[ENGINE_SEEN], s->connections[ENGINE_GUESSED], s->connections[ENGINE_NOT],
            s->looked_at);
    bool first = true;
    const struct application *x = NULL;
    for (unsigned i = 0; i < LARGEST && (x = largest(a, x)); i++) {
        fputs(first ? "largest:   " : ", ", f);
        fprintf(f, "%s %" PRIu64 " bytes", x->name, x->bytes);
        first = false;
    }
    if (!first)
        fputc('\n', f);
}

void summary_print(FILE *f, const struct meter_stats *m, const struct input_stats *in,
                   struct applications *a, const struct output *out) {
    fprintf(f, "packets:   %" PRIu64 ", %" PRIu64 " octets on the wire\n", m->packets, m->octets);
    if (in->filtered > 0)
        fprintf(f, "filtered:  %" PRIu64 " packets\n", in->filtered);
    fprintf(f, "dropped:   %" PRIu64 " by the kernel, %" PRIu64 " by the interface\n",
            in->dropped_kernel, in->dropped_interface);
    fprintf(f, "IP:        %" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64 " fragments\n",
            m->kinds[PACKET_IP], m->bytes, m->fragments);
    if (m->tunnels > 0)
        fprintf(f, "tunnels:   %" PRIu64 " packets with another one inside\n", m->tunnels);
    if (m->long_packets > 0)
        fprintf(f,
                "long:      %" PRIu64
                " packets of more than %d bytes (segmentation offload or jumbo "
                "frames), %" PRIu64 " without a length of their own\n",
                m->long_packets, METER_LONG, m->no_length);
    if (m->partial > 0)
        fprintf(f, "partial:   %" PRIu64 " packets whose checksum was left to the network card\n",
                m->partial);
    if (m->again_packets > 0)
        fprintf(f,
                "again:     %" PRIu64 " packets, %" PRIu64
                " bytes, on another interface, of which each counts once\n",
                m->again_packets, m->again_bytes);
    if (m->early > 0)
        fprintf(f, "early:     %" PRIu64 " packets whose other interface was not waited for\n",
                m->early);
    print_kinds(f, m);
    print_flows(f, m);
    print_ranges(f, m);
    if (a)
        print_applications(f, a);
    if (m->passed_over > 0)
        fprintf(f, "sampling:  %" PRIu64 " packets not sampled\n", m->passed_over);
    if (m->stopped > 0)
        fprintf(f, "stopped:   %" PRIu64 " packets came while they were not gathered\n",
                m->stopped);
    if (m->deleted.flows > 0)
        fprintf(f, "deleted:   %" PRIu64 " flows, %" PRIu64 " packets, %" PRIu64 " bytes\n",
                m->deleted.flows, m->deleted.packets, m->deleted.bytes);
    struct exporter_stats s;
    struct sender_stats sent;
    const char *format = output_exported(out, &s, &sent);
    if (format) {
        fprintf(f, "exported:  %" PRIu64 " %s records in %" PRIu64 " datagrams, %" PRIu64 " octets",
                s.records, format, sent.datagrams, sent.octets);
        if (s.not_carried.flows > 0)
            fprintf(f, ", %" PRIu64 " flows left out (not IPv4)", s.not_carried.flows);
        if (sent.failed > 0)
            fprintf(f, ", %" PRIu64 " datagrams not sent", sent.failed);
        if (s.unsent.flows > 0)
            fprintf(f, ", %" PRIu64 " flows sent to nobody", s.unsent.flows);
        fputc('\n', f);
    }
    if (output_stored(out) > 0)
        fprintf(f, "stored:    %" PRIu64 " flows\n", output_stored(out));
}
