/* SPDX-License-Identifier: MIT */
/*
** Export datagrams to one or more collectors over UDP; each gets the same datagrams.
**
** Paced sending: when flows come faster than from a wire, as from a file, a receiver's socket
** buffer
** would overflow. So after a burst of SENDER_BURST datagrams no more than SENDER_RATE a second
** are sent; and where a target is on this machine, its socket's queue is asked for (sock_diag(7))
** and sending waits while it is filled, for at most SENDER_PATIENCE a datagram.
**
** Over TCP there is one target. What it does not take at once is lost, whole messages of it, and counted;
** only paced sending waits for it, as long. A connection that cannot be made, or has ended, is tried again
** every SENDER_RETRY, without waiting for it; sender_renewed() says when there is a new one.
*/
#ifndef FLOWVT_SENDER_H
#define FLOWVT_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SENDER_TARGETS = 16,
    SENDER_BURST = 32,         /* fits a socket buffer of Linux' default size twice over */
    SENDER_RATE = 40000,       /* datagrams a second, 56 MB */
    SENDER_PATIENCE = 2000000, /* microseconds */
    SENDER_RETRY = 1000000,    /* microseconds */
    SENDER_MAX_PAYLOAD = 1432, /* octets: 1480 less IPv6 and UDP, so tunnels on the way fit too */
    SENDER_MIN_PAYLOAD = 508,  /* every IPv4 host must take 576 octets */
};

struct sender_stats {
    uint64_t datagrams; /* each once, however many targets */
    uint64_t octets;
    uint64_t failed; /* times send() to a target said no */
};

struct sender;

struct sender_options {
    bool paced;
    bool stream;        /* TCP */
    unsigned hops;      /* hop limit, 0: the system's */
    const char *source; /* address or interface to send from, NULL: the system's choice */
};

/* What o points to must outlive the sender. */
struct sender *sender_new(const struct sender_options *o);

/* Add a target: "host:port", "[v6]:port" or "host" for port 9995. Returns 0, or -1 and a sentence
** in message. */
int sender_target(struct sender *s, const char *target, char *message, size_t size);

/* Over TCP: is there a connection that was not there when this was asked before, or when the target was added? Nothing
** is sent over it before. */
bool sender_renewed(struct sender *s);

bool sender_is_stream(const struct sender *s);

/* Octets of payload that fit the path MTU of every target. Asks the kernel; cheap but not free. */
size_t sender_payload(const struct sender *s);

/* Send to all targets. Failures are counted; the first of each target is written to message,
** which is "" otherwise. Returns whether any target was sent it. */
bool sender_send(struct sender *s, const void *data, size_t n, char *message, size_t size);

const struct sender_stats *sender_stats(const struct sender *s);
void sender_free(struct sender *s);

#endif
