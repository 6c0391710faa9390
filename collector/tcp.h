/* SPDX-License-Identifier: MIT */
/*
** IPFIX over TCP (RFC 7011 section 10.4): connections that are taken and read without ever waiting for one,
** and the messages in them, whole, however they were cut on their way.
**
** A connection is one transport session. It is closed when it sends what is no IPFIX message, when a message
** that has begun is not complete after a minute, and when nothing at all came for half an hour. How many there may
** be is bounded, of all and of one address, and so is the memory of each: one message, 64 KiB.
**
** TCP has flow control: who sends faster than flows are stored is made to wait, and nothing is lost.
*/
#ifndef FLOWVT_TCP_H
#define FLOWVT_TCP_H

#include "decode.h"

struct tcp;

enum tcp_end {
    TCP_CLOSED,  /* by the exporter, between two messages */
    TCP_BROKEN,  /* by the exporter, within a message; or by an error */
    TCP_GARBAGE, /* it sent something else than IPFIX */
    TCP_STALLED, /* a message that began was not completed */
    TCP_IDLE,    /* nothing came for long */
    TCP_REFUSED, /* there were too many, of all or of its address */
    TCP_ENDS
};
/* One word for each, as a label. */
extern const char *const tcp_end_names[TCP_ENDS];

struct tcp_calls {
    /* Whether a connection from there is taken. */
    bool (*admit)(void *arg, const struct flow_ip *from);
    void (*arrived)(void *arg, int64_t now); /* ms since 1970 UTC, before what came then */
    void (*message)(void *arg, const struct datagram *d);
    /* A connection is over. What it sent at the end and was no message is in d. */
    void (*ended)(void *arg, const struct datagram *d, enum tcp_end how);
    void *arg;
};

struct tcp_limits {
    size_t sessions, of_one_address;
    int64_t stalled_ms, idle_ms;
};
extern const struct tcp_limits tcp_defaults;

/* Listen on every port, on addr (a numeric address or a name; NULL: all, IPv4 and IPv6 alike). limits may be NULL:
** the defaults. Returns 0, or -1 with one sentence in message. */
int tcp_open(struct tcp **out, const char *addr, const uint16_t *ports, size_t nports,
             const struct tcp_limits *limits, char *message, size_t size);
/* Close all connections. */
void tcp_close(struct tcp *t);

/* Take a connection that is open already, and will not block, as if it came over the first port. False: there are too
** many, or no memory; fd is the caller's then. */
bool tcp_adopt(struct tcp *t, int fd, const struct flow_ip *from, uint16_t port);

/* Wait for up to timeout ms (0: take what is there), take connections, read, and hand over. Returns how many
** messages and ends were handed over. */
size_t tcp_wait(struct tcp *t, int timeout, const struct tcp_calls *calls);

/* What came over each port since the start: messages, and their octets; kept up to date. Returns how many there
** are. */
size_t tcp_sockets(const struct tcp *t, const struct fvt_socket **out);

/* A file descriptor that is readable when tcp_wait() has something to do. */
int tcp_fd(const struct tcp *t);

/* Connections that ended so, since the start; and those that are open. */
uint64_t tcp_ended(const struct tcp *t, enum tcp_end how);
size_t tcp_sessions(const struct tcp *t);

#endif
