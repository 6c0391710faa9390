/* SPDX-License-Identifier: MIT */
/* The summary. */
#include "summary.h"

#include <inttypes.h>

static const char *const end_names[END_NREASONS] = {
    [END_IDLE] = "idle",     [END_ACTIVE] = "active",        [END_DETECTED] = "end of flow",
    [END_FORCED] = "forced", [END_RESOURCES] = "table full",
};

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
    fprintf(f, "not IP:    %" PRIu64 " packets", m->packets - m->kinds[PACKET_IP]);
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
            fprintf(f, "%s%" PRIu64 " %s", comma(&first), m->ended[r], end_names[r]);
    fprintf(f, "%s\n", first ? "0" : "");
}

void summary_print(FILE *f, const struct meter_stats *m, const struct input_stats *in,
                   const struct output *out) {
    fprintf(f, "packets:   %" PRIu64 ", %" PRIu64 " octets on the wire\n", m->packets, m->octets);
    if (in->filtered > 0)
        fprintf(f, "filtered:  %" PRIu64 " packets\n", in->filtered);
    fprintf(f, "dropped:   %" PRIu64 " by the kernel, %" PRIu64 " by the interface\n",
            in->dropped_kernel, in->dropped_interface);
    fprintf(f, "IP:        %" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64 " fragments\n",
            m->kinds[PACKET_IP], m->bytes, m->fragments);
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
    const struct exporter *e = output_exporter(out);
    if (e) {
        const struct exporter_stats *s = exporter_stats(e);
        const struct sender_stats *sent = exporter_sender_stats(e);
        fprintf(f, "exported:  %" PRIu64 " %s records in %" PRIu64 " datagrams, %" PRIu64 " octets",
                s->records, exporter_format(e), sent->datagrams, sent->octets);
        if (s->left_out > 0)
            fprintf(f, ", %" PRIu64 " flows left out (not IPv4)", s->left_out);
        if (sent->failed > 0)
            fprintf(f, ", %" PRIu64 " datagrams not sent", sent->failed);
        fputc('\n', f);
    }
    if (output_stored(out) > 0)
        fprintf(f, "stored:    %" PRIu64 " flows\n", output_stored(out));
}

bool summary_balances(const struct meter_stats *m) {
    uint64_t sum = 0;
    for (int k = 0; k < PACKET_NKINDS; k++)
        sum += m->kinds[k];
    return sum == m->packets && m->flow_packets + m->again_packets == m->kinds[PACKET_IP] &&
           m->flow_bytes + m->again_bytes == m->bytes;
}
