/* SPDX-License-Identifier: MIT */
/*
** Where packets come from: a capture file (through capfile.h), interfaces (through libpcap), or
** netfilter's log (through nflog.h), each with a tcpdump filter expression (capfilter.h).
*/
#ifndef FLOWVT_INPUT_H
#define FLOWVT_INPUT_H

#include <signal.h>

#include "meter.h"

/* Who gets the packets. */
struct input_sink {
    /* time: microseconds since 1970. data is valid during the call. */
    void (*packet)(void *arg, const struct meter_source *source, int64_t time, const uint8_t *data,
                   size_t captured, size_t wire);
    /* Live only, about once a second and whenever no packet waits: it is now (microseconds), and
    ** packets up to then have been handed over. The drops in the statistics are up to date. */
    void (*idle)(void *arg, int64_t now);
    /* An interface that packets may be of, by the number they have it under. */
    void (*interface)(void *arg, uint32_t ifindex, const char *name, const char *description);
    /* Everything is open, no packet has been handed over. 0, or -1 with one sentence in message, which ends it. */
    int (*opened)(void *arg, char *message, size_t size);
    void *arg;
};

struct input_stats {
    uint64_t filtered;          /* packets that did not match the filter (files, NFLOG) */
    uint64_t dropped_kernel;    /* live: no room in the capture buffer */
    uint64_t dropped_interface; /* live: by the interface or its driver */
};

struct input_live {
    const char *const *names; /* of interfaces; any; nflog:GROUP */
    unsigned n;
    unsigned snaplen;
    unsigned buffer; /* KiB, 0: the system's */
    bool promiscuous;
    int direction; /* only packets 1 received, 2 sent; 0: all */
    int wake;      /* when there is something to read, idle is called soon; -1: nothing */
};

/* Both return 0 when the input ended well or *stop was set, else -1 with one sentence in message.
** What came before a fault has been handed over. filter may be NULL. */
int input_file(const char *path, const char *filter, const struct input_sink *sink,
               const volatile sig_atomic_t *stop, struct input_stats *stats, char *message,
               size_t size);
int input_capture(const struct input_live *live, const char *filter, const struct input_sink *sink,
                  const volatile sig_atomic_t *stop, struct input_stats *stats, char *message,
                  size_t size);

#endif
