/* SPDX-License-Identifier: MIT */
/*
** Names of IP protocols (IANA, Assigned Internet Protocol Numbers), lower case, as /etc/protocols
** spells them. Built in, so that a query answers the same on every machine.
*/
#ifndef FLOWVT_PROTOCOLS_H
#define FLOWVT_PROTOCOLS_H

#include <stddef.h>

/* The name of protocol n, or NULL when it has none. */
const char *protocols_name(long long n);

/* The number behind a name of n octets, in any case, other common spellings included (icmp6,
** ospfigp, ipip, ...), or -1. */
int protocols_number(const char *name, size_t n);

#endif
