/* SPDX-License-Identifier: MIT */
/*
** Export datagrams out of a capture file: the payload of every UDP datagram in it, IP fragments
** put together, as if received from its source address when it was captured.
*/
#ifndef FLOWVT_PCAPIN_H
#define FLOWVT_PCAPIN_H

#include <signal.h>

#include "decode.h"

struct pcapin_counts {
    uint64_t packets;
    uint64_t datagrams;  /* handed on */
    uint64_t others;     /* packets that are not UDP over IP */
    uint64_t cut;        /* of the datagrams: not captured whole, handed on as far as they go */
    uint64_t incomplete; /* fragmented datagrams of which parts are missing */
};

/* Read path ("-": standard input) to its end, or until *stop. handle is called for each datagram.
** Returns 0, or -1 with one sentence in message (without the file's name) when the file cannot be
** read, or not further. */
int pcapin_run(const char *path, void (*handle)(void *arg, const struct datagram *d), void *arg,
               const volatile sig_atomic_t *stop, struct pcapin_counts *counts, char *message,
               size_t size);

#endif
