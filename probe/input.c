/* SPDX-License-Identifier: MIT */
/* Packets from capture files. Live capture is in live.c. */
#include "input.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#include "capfile.h"

enum {
    FILTERS = 16,           /* link types in one file */
    LINKTYPE_RAW_FILE = 101 /* the number in files for what libpcap calls DLT_RAW */
};

/* A filter compiled for one link type. */
struct filter {
    unsigned linktype;
    struct bpf_program program;
};

struct filters {
    const char *expression;
    unsigned n;
    struct filter f[FILTERS];
};

static int compile(const char *expression, unsigned linktype, struct bpf_program *out,
                   char *message, size_t size) {
    pcap_t *dead = pcap_open_dead(linktype == LINKTYPE_RAW_FILE ? DLT_RAW : (int)linktype, 262144);
    if (!dead) {
        snprintf(message, size, "out of memory for the filter");
        return -1;
    }
    int result = pcap_compile(dead, out, expression, 1, PCAP_NETMASK_UNKNOWN);
    if (result != 0)
        snprintf(message, size, "filter '%s': %s", expression, pcap_geterr(dead));
    pcap_close(dead);
    return result == 0 ? 0 : -1;
}

/* The filter for a link type, or NULL and a message. */
static const struct bpf_program *program(struct filters *filters, unsigned linktype, char *message,
                                         size_t size) {
    for (unsigned i = 0; i < filters->n; i++)
        if (filters->f[i].linktype == linktype)
            return &filters->f[i].program;
    if (filters->n == FILTERS) {
        snprintf(message, size, "filter '%s': more than %d link types", filters->expression,
                 FILTERS);
        return NULL;
    }
    struct filter *f = &filters->f[filters->n];
    if (compile(filters->expression, linktype, &f->program, message, size) != 0)
        return NULL;
    f->linktype = linktype;
    filters->n++;
    return &f->program;
}

/* 1: passes, 0: does not, -1: the filter cannot be compiled. */
static int passes(struct filters *filters, const struct capfile_packet *p, char *message,
                  size_t size) {
    if (!filters->expression)
        return 1;
    const struct bpf_program *b = program(filters, p->linktype, message, size);
    if (!b)
        return -1;
    struct pcap_pkthdr h = {.caplen = p->captured, .len = p->wire};
    return pcap_offline_filter(b, &h, p->data) != 0;
}

static int read_packets(struct capfile *c, struct filters *filters, const struct input_sink *sink,
                        const volatile sig_atomic_t *stop, struct input_stats *stats, char *message,
                        size_t size) {
    struct capfile_packet p;
    int result = CAPFILE_PACKET;
    while (!*stop && (result = capfile_next(c, &p)) == CAPFILE_PACKET) {
        if (p.wire < p.captured)
            p.wire = p.captured;
        int pass = passes(filters, &p, message, size);
        if (pass < 0)
            return -1;
        if (pass == 0) {
            stats->filtered++;
            continue;
        }
        struct meter_source source = {.linktype = p.linktype};
        sink->packet(sink->arg, &source, p.time, p.data, p.captured, p.wire, p.direction);
    }
    if (*stop || result == CAPFILE_END)
        return 0;
    snprintf(message, size, "%s", capfile_message(c));
    return -1;
}

int input_file(const char *path, const char *filter, const struct input_sink *sink,
               const volatile sig_atomic_t *stop, struct input_stats *stats, char *message,
               size_t size) {
    struct capfile *c;
    if (capfile_open(path, &c, message, size) != CAPFILE_PACKET)
        return -1;
    struct filters filters = {.expression = filter};
    capfile_stop_flag(c, stop);
    int result = read_packets(c, &filters, sink, stop, stats, message, size);
    for (unsigned i = 0; i < filters.n; i++)
        pcap_freecode(&filters.f[i].program);
    capfile_close(c);
    return result;
}
