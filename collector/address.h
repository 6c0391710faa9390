/* SPDX-License-Identifier: MIT */
/*
** Addresses of sockets: where to listen, and who is at the other end.
*/
#ifndef FLOWVT_ADDRESS_H
#define FLOWVT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "schema/field.h"

/* A socket of that type (SOCK_DGRAM, SOCK_STREAM), not blocking, bound to port on addr: a numeric address or a name;
** NULL: all addresses, IPv4 and IPv6 alike. Returns it, or -1 with one sentence in message. */
int address_bind(const char *addr, uint16_t port, int type, char *message, size_t size);

/* IPv4-mapped addresses become IPv4. False for what is neither IPv4 nor IPv6. */
bool address_of(const struct sockaddr_storage *from, struct flow_ip *ip, uint16_t *port);

/* The address that a socket is bound to; none: all of this machine. */
struct flow_ip address_listening(int fd);

#endif
