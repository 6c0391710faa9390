/* SPDX-License-Identifier: MIT */
/* What the kernel knows of its interfaces. */
#ifndef FLOWVT_INTERFACE_H
#define FLOWVT_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>

enum { INTERFACE_NAME = 64 }; /* octets, with a NUL */

struct interface {
    uint32_t ifindex;
    char name[INTERFACE_NAME];
    char description[INTERFACE_NAME]; /* the alias an administrator gave it, or "" */
};

/* The interface with this index, or false: there is none (any more). */
bool interface_of(uint32_t ifindex, struct interface *out);

/* Whether the link layer's source address tells what the interface sends: Ethernet with an address,
** and no port of a bridge, which sends what others sent. mac: six octets. */
bool interface_mac(const char *name, uint8_t *mac);

#endif
