/* SPDX-License-Identifier: MIT */
/*
** Multicast groups that exporters send to: "GROUP" or "GROUP%INTERFACE", of IPv4 or IPv6.
*/
#ifndef FLOWVT_MULTICAST_H
#define FLOWVT_MULTICAST_H

#include <stdbool.h>
#include <stddef.h>

enum { MULTICAST_MAX = 16 };

/* Is text a group (on an interface, perhaps one that is not there yet)? If not, one sentence in message. */
bool multicast_check(const char *text, char *message, size_t size);

/* Let a UDP socket get what is sent to the group; one of IPv6 that serves both families also joins those of IPv4.
** Without an interface the system takes the one that its routes name. 0, or -1 with one sentence in message. */
int multicast_join(int fd, const char *text, char *message, size_t size);

#endif
