/* SPDX-License-Identifier: MIT */
/*
** Packets from interfaces through libpcap. "any" is captured in the cooked v2 format, which tells
** the
** interface and direction of every packet; on a single interface the direction follows from its
** own MAC address.
*/
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "input.h"

enum {
    MAX_INTERFACES = 64,
    KERNEL_BATCH_MS = 100, /* the kernel may hold packets back this long */
    IDLE_MS = 250,
    PACKETS_A_TURN = 4096, /* of one interface before the others' turn */
    PACKETS_AT_END = 1000000,
};
/* Packets of the last second may still be on their way when there is none to be read. */
static const int64_t LAG = 1000000;

struct capture {
    pcap_t *pcap;
    struct meter_source source;
    const struct input_sink *sink;
};

static int fail(char *message, size_t size, const char *name, pcap_t *p, int result) {
    const char *what = pcap_statustostr(result), *why = pcap_geterr(p);
    bool more = *why != '\0' && strcmp(what, why) != 0;
    snprintf(message, size, "%s: %s%s%s", name, what, more ? ": " : "", more ? why : "");
    return -1;
}

/* Index and MAC address of an interface. Addresses of zeros (loopback) tell no direction. */
static void identify(const char *name, struct meter_source *source) {
    struct ifreq request = {0};
    source->ifindex = if_nametoindex(name);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (ioctl(fd, SIOCGIFHWADDR, &request) == 0 && request.ifr_hwaddr.sa_family == ARPHRD_ETHER) {
        memcpy(source->mac, request.ifr_hwaddr.sa_data, sizeof source->mac);
        source->has_mac = true;
    }
    close(fd);
}

static int open_capture(struct capture *c, const char *name, const struct input_live *live,
                        const char *filter, char *message, size_t size) {
    char error[PCAP_ERRBUF_SIZE];
    c->pcap = pcap_create(name, error);
    if (!c->pcap) {
        snprintf(message, size, "%s: %s", name, error);
        return -1;
    }
    bool any = strcmp(name, "any") == 0;
    pcap_set_snaplen(c->pcap, (int)live->snaplen);
    pcap_set_promisc(c->pcap, live->promiscuous && !any);
    pcap_set_timeout(c->pcap, KERNEL_BATCH_MS);
    if (live->buffer)
        pcap_set_buffer_size(c->pcap, (int)(live->buffer * 1024));
    int result = pcap_activate(c->pcap);
    if (result < 0)
        return fail(message, size, name, c->pcap, result);
    if (any)
        pcap_set_datalink(c->pcap, DLT_LINUX_SLL2);
    if (filter) {
        struct bpf_program program;
        if (pcap_compile(c->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0) {
            snprintf(message, size, "%s: filter '%s': %s", name, filter, pcap_geterr(c->pcap));
            return -1;
        }
        result = pcap_setfilter(c->pcap, &program);
        pcap_freecode(&program);
        if (result != 0)
            return fail(message, size, name, c->pcap, result);
    }
    if (pcap_setnonblock(c->pcap, 1, error) != 0) {
        snprintf(message, size, "%s: %s", name, error);
        return -1;
    }
    c->source.linktype = (unsigned)pcap_datalink(c->pcap);
    if (!any)
        identify(name, &c->source);
    return 0;
}

static void one_packet(u_char *arg, const struct pcap_pkthdr *h, const u_char *data) {
    struct capture *c = (struct capture *)(void *)arg;
    int64_t time = (int64_t)h->ts.tv_sec * 1000000 + h->ts.tv_usec;
    c->sink->packet(c->sink->arg, &c->source, time, data, h->caplen, h->len, 0);
}

static int64_t wall_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* At the end: what the kernel still holds back. */
static void drain(struct capture *captures, unsigned n) {
    const struct timespec batch = {.tv_nsec = 2 * KERNEL_BATCH_MS * INT64_C(1000000)};
    nanosleep(&batch, NULL);
    for (unsigned i = 0; i < n; i++)
        pcap_dispatch(captures[i].pcap, PACKETS_AT_END, one_packet, (u_char *)&captures[i]);
}

/* Hand over what waits, until *stop. */
static int loop(struct capture *captures, const struct input_live *live,
                const struct input_sink *sink, const volatile sig_atomic_t *stop, char *message,
                size_t size) {
    struct pollfd fds[MAX_INTERFACES];
    for (unsigned i = 0; i < live->n; i++)
        fds[i] = (struct pollfd){pcap_get_selectable_fd(captures[i].pcap), POLLIN, 0};
    int64_t told = 0;
    while (!*stop) {
        int got = 0;
        for (unsigned i = 0; i < live->n && !*stop; i++) {
            int n =
                pcap_dispatch(captures[i].pcap, PACKETS_A_TURN, one_packet, (u_char *)&captures[i]);
            if (n == PCAP_ERROR_BREAK)
                continue;
            if (n < 0)
                return fail(message, size, live->names[i], captures[i].pcap, n);
            got += n;
        }
        int64_t now = wall_clock();
        if (got == 0 || now - told > LAG || now < told) {
            sink->idle(sink->arg, now - LAG);
            told = now;
        }
        if (got == 0)
            poll(fds, live->n, IDLE_MS);
    }
    drain(captures, live->n);
    return 0;
}

int input_capture(const struct input_live *live, const char *filter, const struct input_sink *sink,
                  const volatile sig_atomic_t *stop, struct input_stats *stats, char *message,
                  size_t size) {
    struct capture captures[MAX_INTERFACES] = {0};
    int result = 0;
    for (unsigned i = 0; i < live->n && result == 0; i++) {
        captures[i].sink = sink;
        result = open_capture(&captures[i], live->names[i], live, filter, message, size);
        if (result == 0 && captures[i].source.ifindex != 0)
            sink->interface(sink->arg, captures[i].source.ifindex);
    }
    if (result == 0)
        result = loop(captures, live, sink, stop, message, size);
    for (unsigned i = 0; i < live->n; i++) {
        struct pcap_stat s = {0};
        if (!captures[i].pcap)
            continue;
        if (pcap_stats(captures[i].pcap, &s) == 0) {
            stats->dropped_kernel += s.ps_drop;
            stats->dropped_interface += s.ps_ifdrop;
        }
        pcap_close(captures[i].pcap);
    }
    return result;
}
