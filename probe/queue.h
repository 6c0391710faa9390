/* SPDX-License-Identifier: MIT */
/*
** How full the receive queue of a UDP socket on this machine is, asked of the kernel through
** sock_diag(7). The sender waits for it when it replays a file to a collector beside it.
*/
#ifndef FLOWVT_QUEUE_H
#define FLOWVT_QUEUE_H

#include <linux/inet_diag.h>
#include <stdbool.h>
#include <stdint.h>

/* Octets as the kernel counts them (with its overhead). Linux' default buffer has 212992. */
enum { QUEUE_HIGH = 212992 / 4 };

struct queue_probe {
    uint8_t family;
    struct inet_diag_sockid id;
};

/* Fill *p for the peer of the connected socket fd. False when the peer is not this machine
** (loopback, or the socket's own address). */
bool queue_probe_init(struct queue_probe *p, int fd);

/* A netlink socket for queue_octets(), or -1. */
int queue_open(void);

/* Octets waiting in the socket, 0 also when nobody listens or the kernel does not say. */
uint32_t queue_octets(int netlink, const struct queue_probe *p);

#endif
