/* SPDX-License-Identifier: MIT */
/*
** UDP sockets: open them, receive in a thread, and hand over what came to another.
*/
#ifndef FLOWVT_RECEIVE_H
#define FLOWVT_RECEIVE_H

#include "decode.h"

struct receiver;

/* Listen on every port, on addr (a numeric address or a name; NULL: all, IPv4 and IPv6 alike).
** buffer: octets of socket buffer to ask for; queue: octets of memory for datagrams that wait to be handed over. A port that cannot be had is told to refused and taken
** out of ports, as long as one is left; with refused NULL it is an error. Returns 0, or -1 with one
** sentence in message. */
int receiver_open(struct receiver **out, const char *addr, uint16_t *ports, size_t *nports,
                  size_t buffer, size_t queue, void (*refused)(const char *message), char *message,
                  size_t size);
/* Join a multicast group (multicast.h) with every socket. 0, or -1 with one sentence in message. */
int receiver_join(struct receiver *r, const char *group, char *message, size_t size);
void receiver_close(struct receiver *r);

/* Begin to receive, in a thread of its own; until then the sockets' buffers hold what comes. 0, or -1 and errno. No
** fork() behind it. */
int receiver_start(struct receiver *r);

/* Wait for datagrams for up to timeout ms (0: take what is there) and hand over those that came:
** before each batch the time of its arrival is told, then each datagram. Returns their number, 0
** also when a signal came, or the file descriptor also (-1: none) is readable. */
struct receiver_calls {
    void (*arrived)(void *arg, int64_t now); /* ms since 1970 UTC */
    void (*handle)(void *arg, const struct datagram *d);
    void *arg;
};
size_t receiver_wait(struct receiver *r, int timeout, int also, const struct receiver_calls *calls);

/* End the thread when it has taken what had arrived, under a flood after a second, and hand it over. calls NULL: drop
** it. */
void receiver_finish(struct receiver *r, const struct receiver_calls *calls);

/* What each socket has received since the start, what the kernel dropped because its buffer was full
** (SO_RXQ_OVFL), and what found the queue full (ring_drops); as of the last receiver_wait(). Returns how
** many there are. */
size_t receiver_sockets(const struct receiver *r, const struct fvt_socket **out);

#endif
