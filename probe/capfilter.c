/* SPDX-License-Identifier: MIT */
/* Filter expressions by link type. */
#include "capfilter.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "dissect_nflog.h"

enum {
    PROGRAMS = 16,      /* link types in one capture */
    LINKTYPE_RAW = 101, /* the number in files for what libpcap calls DLT_RAW */
    LINKTYPE_NFLOG = 239,
    MAX_SNAPLEN = 262144,
};

/* Compiled for one link type. */
struct program {
    unsigned linktype;
    struct bpf_program code;
};

struct capfilter {
    const char *expression;
    unsigned n;
    struct program programs[PROGRAMS];
};

struct capfilter *capfilter_new(const char *expression) {
    struct capfilter *f = calloc(1, sizeof *f);
    if (f)
        f->expression = expression;
    return f;
}

static int compile(const char *expression, unsigned linktype, struct bpf_program *out,
                   char *message, size_t size) {
    bool raw = linktype == LINKTYPE_RAW || linktype == LINKTYPE_NFLOG;
    pcap_t *dead = pcap_open_dead(raw ? DLT_RAW : (int)linktype, MAX_SNAPLEN);
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

/* The one for a link type, or NULL and a message. */
static const struct bpf_program *program(struct capfilter *f, unsigned linktype, char *message,
                                         size_t size) {
    for (unsigned i = 0; i < f->n; i++)
        if (f->programs[i].linktype == linktype)
            return &f->programs[i].code;
    if (f->n == PROGRAMS) {
        snprintf(message, size, "filter '%s': more than %d link types", f->expression, PROGRAMS);
        return NULL;
    }
    struct program *p = &f->programs[f->n];
    if (compile(f->expression, linktype, &p->code, message, size) != 0)
        return NULL;
    p->linktype = linktype;
    f->n++;
    return &p->code;
}

int capfilter_passes(struct capfilter *f, unsigned linktype, const uint8_t *data, size_t captured,
                     size_t wire, char *message, size_t size) {
    if (!f->expression)
        return 1;
    const struct bpf_program *code = program(f, linktype, message, size);
    if (!code)
        return -1;
    size_t skip = linktype == LINKTYPE_NFLOG ? nflog_payload(data, captured) : 0;
    struct pcap_pkthdr h = {.caplen = (bpf_u_int32)(captured - skip),
                            .len = (bpf_u_int32)(wire - skip)};
    return pcap_offline_filter(code, &h, data + skip) != 0;
}

void capfilter_free(struct capfilter *f) {
    if (!f)
        return;
    for (unsigned i = 0; i < f->n; i++)
        pcap_freecode(&f->programs[i].code);
    free(f);
}
