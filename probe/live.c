/* SPDX-License-Identifier: MIT */
/*
** Packets from interfaces through libpcap, and from netfilter's log.
**
** "any" is captured in the cooked v2 format, which tells the interface and direction of every
** packet. On a single Ethernet interface the direction follows from its own address. Where that
** does not do (tunnels and PPP have none, ports of bridges send what others sent), and on each of
** several interfaces, two captures are open on the interface, one for each direction, which the
** kernel knows.
*/
#include <net/if.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capfilter.h"
#include "input.h"
#include "interface.h"
#include "nflog.h"

enum {
    MAX_CAPTURES = 128,
    KERNEL_BATCH_MS = 100, /* the kernel may hold packets back this long */
    IDLE_MS = 250,
    PACKETS_A_TURN = 4096, /* of one interface before the others' turn */
    PACKETS_AT_END = 1000000,
    LINKTYPE_NFLOG = 239,
};
static const char NFLOG_PREFIX[] = "nflog:";
/* Packets of the last second may still be on their way when there is none to be read. */
static const int64_t LAG = 1000000;

/* One of the two is open. */
struct capture {
    pcap_t *pcap;
    struct nflog *nflog;
    const char *name;
    struct meter_source source;
    struct live *live;
};

struct live {
    const struct input_live *options;
    const char *expression;
    const struct input_sink *sink;
    struct capfilter *filter; /* for what the kernel does not filter */
    struct input_stats *stats;
    unsigned n;
    struct capture captures[MAX_CAPTURES];
    bool failed;
    char *message;
    size_t size;
};

static int fail(struct live *l, const char *name, pcap_t *p, int result) {
    const char *what = pcap_statustostr(result), *why = pcap_geterr(p);
    bool more = *why != '\0' && strcmp(what, why) != 0;
    snprintf(l->message, l->size, "%s: %s%s%s", name, what, more ? ": " : "", more ? why : "");
    return -1;
}

static struct capture *add_capture(struct live *l, const char *name) {
    if (l->n == MAX_CAPTURES) {
        snprintf(l->message, l->size, "%s: too many interfaces", name);
        return NULL;
    }
    struct capture *c = &l->captures[l->n++];
    c->name = name;
    c->live = l;
    return c;
}

/* ---- netfilter's log --------------------------------------------------------------------- */

static int open_nflog(struct live *l, const char *name) {
    const char *digits = name + strlen(NFLOG_PREFIX);
    char *end;
    unsigned long group = strtoul(digits, &end, 10);
    if (*digits < '0' || *digits > '9' || *end != '\0' || group > UINT16_MAX) {
        snprintf(l->message, l->size, "%s: no such group: nflog:0 to nflog:65535", name);
        return -1;
    }
    struct capture *c = add_capture(l, name);
    if (!c)
        return -1;
    c->source.linktype = LINKTYPE_NFLOG;
    /* An expression that is none is to be known now. */
    if (capfilter_passes(l->filter, LINKTYPE_NFLOG, (const uint8_t *)"", 0, 0, l->message,
                         l->size) < 0)
        return -1;
    c->nflog =
        nflog_open((unsigned)group, l->options->snaplen, l->options->buffer, l->message, l->size);
    return c->nflog ? 0 : -1;
}

static int64_t wall_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void one_record(void *arg, const uint8_t *frame, size_t length) {
    const struct capture *c = arg;
    struct live *l = c->live;
    int pass =
        capfilter_passes(l->filter, LINKTYPE_NFLOG, frame, length, length, l->message, l->size);
    if (pass > 0)
        l->sink->packet(l->sink->arg, &c->source, wall_clock(), frame, length, length);
    else if (pass == 0)
        l->stats->filtered++;
    else
        l->failed = true;
}

/* ---- libpcap ----------------------------------------------------------------------------- */

static int set_filter(struct live *l, struct capture *c) {
    struct bpf_program program;
    if (!l->expression)
        return 0;
    if (pcap_compile(c->pcap, &program, l->expression, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        snprintf(l->message, l->size, "%s: filter '%s': %s", c->name, l->expression,
                 pcap_geterr(c->pcap));
        return -1;
    }
    int result = pcap_setfilter(c->pcap, &program);
    pcap_freecode(&program);
    return result == 0 ? 0 : fail(l, c->name, c->pcap, result);
}

/* direction is set by libpcap's own means, not by "inbound" in the filter: what was captured before
** the filter was set is filtered by libpcap, which cannot tell directions there, and is lost. */
static struct capture *open_pcap(struct live *l, const char *name, pcap_direction_t direction) {
    char error[PCAP_ERRBUF_SIZE];
    struct capture *c = add_capture(l, name);
    if (!c)
        return NULL;
    c->pcap = pcap_create(name, error);
    if (!c->pcap) {
        snprintf(l->message, l->size, "%s: %s", name, error);
        return NULL;
    }
    bool any = strcmp(name, "any") == 0;
    pcap_set_snaplen(c->pcap, (int)l->options->snaplen);
    pcap_set_promisc(c->pcap, l->options->promiscuous && !any);
    pcap_set_timeout(c->pcap, KERNEL_BATCH_MS);
    if (l->options->buffer)
        pcap_set_buffer_size(c->pcap, (int)(l->options->buffer * 1024));
    int result = pcap_activate(c->pcap);
    if (result >= 0 && direction != PCAP_D_INOUT)
        result = pcap_setdirection(c->pcap, direction);
    if (result < 0) {
        fail(l, name, c->pcap, result);
        return NULL;
    }
    if (any)
        pcap_set_datalink(c->pcap, DLT_LINUX_SLL2);
    if (set_filter(l, c) != 0)
        return NULL;
    if (pcap_setnonblock(c->pcap, 1, error) != 0) {
        snprintf(l->message, l->size, "%s: %s", name, error);
        return NULL;
    }
    c->source.linktype = (unsigned)pcap_datalink(c->pcap);
    return c;
}

static pcap_direction_t wanted(const struct live *l) {
    static const pcap_direction_t directions[] = {PCAP_D_INOUT, PCAP_D_IN, PCAP_D_OUT};
    return directions[l->options->direction];
}

static int open_any(struct live *l) {
    struct capture *c = open_pcap(l, "any", wanted(l));
    if (!c)
        return -1;
    c->source.several = true;
    return 0;
}

static int open_directions(struct live *l, const char *name) {
    static const pcap_direction_t directions[] = {PCAP_D_IN, PCAP_D_OUT};
    for (int d = 0; d < 2; d++) {
        if (l->options->direction != 0 && l->options->direction != d + 1)
            continue;
        struct capture *c = open_pcap(l, name, directions[d]);
        if (!c)
            return -1;
        c->source.ifindex = if_nametoindex(name);
        c->source.several = l->options->n > 1;
        c->source.direction = d + 1;
    }
    return 0;
}

static int open_interface(struct live *l, const char *name) {
    uint8_t mac[6];
    if (l->options->n > 1 || !interface_mac(name, mac))
        return open_directions(l, name);
    struct capture *c = open_pcap(l, name, wanted(l));
    if (!c)
        return -1;
    c->source.ifindex = if_nametoindex(name);
    c->source.has_mac = true;
    memcpy(c->source.mac, mac, sizeof mac);
    return 0;
}

static void one_packet(u_char *arg, const struct pcap_pkthdr *h, const u_char *data) {
    const struct capture *c = (const struct capture *)(const void *)arg;
    const struct input_sink *sink = c->live->sink;
    int64_t time = (int64_t)h->ts.tv_sec * 1000000 + h->ts.tv_usec;
    sink->packet(sink->arg, &c->source, time, data, h->caplen, h->len);
}

/* ---- all of them ------------------------------------------------------------------------- */

static int open_one(struct live *l, const char *name) {
    if (strncmp(name, NFLOG_PREFIX, strlen(NFLOG_PREFIX)) == 0)
        return open_nflog(l, name);
    return strcmp(name, "any") == 0 ? open_any(l) : open_interface(l, name);
}

/* The interfaces that are there at the start: one may be gone when its flows end. */
static void tell_interfaces(const struct input_sink *sink) {
    struct if_nameindex *list = if_nameindex();
    for (struct if_nameindex *i = list; i && i->if_index != 0; i++) {
        struct interface known;
        if (interface_of(i->if_index, &known))
            sink->interface(sink->arg, known.ifindex, known.name, known.description);
    }
    if_freenameindex(list);
}

/* Packets handed over, or -1. */
static int take(struct live *l, struct capture *c, int max) {
    if (c->nflog) {
        int n = nflog_read(c->nflog, max, one_record, c, l->message, l->size);
        return l->failed ? -1 : n;
    }
    int n = pcap_dispatch(c->pcap, max, one_packet, (u_char *)c);
    if (n == PCAP_ERROR_BREAK)
        return 0;
    return n < 0 ? fail(l, c->name, c->pcap, n) : n;
}

/* At the end: what the kernel still holds back. */
static void drain(struct live *l) {
    const struct timespec batch = {.tv_nsec = 2 * KERNEL_BATCH_MS * INT64_C(1000000)};
    nanosleep(&batch, NULL);
    for (unsigned i = 0; i < l->n; i++)
        take(l, &l->captures[i], PACKETS_AT_END);
}

/* What was lost so far. */
static void count_drops(struct live *l) {
    uint64_t kernel = 0, interface = 0;
    for (unsigned i = 0; i < l->n; i++) {
        struct pcap_stat s = {0};
        const struct capture *c = &l->captures[i];
        if (c->nflog)
            kernel += nflog_lost(c->nflog);
        if (!c->pcap || pcap_stats(c->pcap, &s) != 0)
            continue;
        kernel += s.ps_drop;
        interface += s.ps_ifdrop;
    }
    l->stats->dropped_kernel = kernel;
    l->stats->dropped_interface = interface;
}

/* Hand over what waits, until *stop. */
static int loop(struct live *l, const volatile sig_atomic_t *stop) {
    struct pollfd fds[MAX_CAPTURES + 1];
    for (unsigned i = 0; i < l->n; i++) {
        const struct capture *c = &l->captures[i];
        int fd = c->nflog ? nflog_fd(c->nflog) : pcap_get_selectable_fd(c->pcap);
        fds[i] = (struct pollfd){fd, POLLIN, 0};
    }
    fds[l->n] = (struct pollfd){l->options->wake, POLLIN, 0};
    int64_t told = 0;
    while (!*stop) {
        int got = 0;
        for (unsigned i = 0; i < l->n && !*stop; i++) {
            int n = take(l, &l->captures[i], PACKETS_A_TURN);
            if (n < 0)
                return -1;
            got += n;
        }
        int64_t now = wall_clock();
        if (got == 0 || now - told > LAG || now < told) {
            count_drops(l);
            l->sink->idle(l->sink->arg, now - LAG);
            told = now;
        }
        if (got == 0)
            poll(fds, l->n + 1, IDLE_MS);
    }
    drain(l);
    return 0;
}

static void close_capture(struct capture *c) {
    if (c->pcap)
        pcap_close(c->pcap);
    nflog_close(c->nflog);
}

int input_capture(const struct input_live *options, const char *expression,
                  const struct input_sink *sink, const volatile sig_atomic_t *stop,
                  struct input_stats *stats, char *message, size_t size) {
    struct live *l = calloc(1, sizeof *l);
    if (!l || !(l->filter = capfilter_new(expression))) {
        free(l);
        snprintf(message, size, "out of memory");
        return -1;
    }
    l->options = options;
    l->expression = expression;
    l->sink = sink;
    l->stats = stats;
    l->message = message;
    l->size = size;
    int result = 0;
    for (unsigned i = 0; i < options->n && result == 0; i++)
        result = open_one(l, options->names[i]);
    if (result == 0)
        result = sink->opened(sink->arg, message, size);
    if (result == 0) {
        tell_interfaces(sink);
        result = loop(l, stop);
    }
    count_drops(l);
    for (unsigned i = 0; i < l->n; i++)
        close_capture(&l->captures[i]);
    capfilter_free(l->filter);
    free(l);
    return result;
}
