/* SPDX-License-Identifier: MIT */
/*
** Export datagrams of NetFlow v5 and v9, IPFIX and sFlow v5, made of flows, and made young again so that
** what was made before can be sent at any rate.
*/
#ifndef FLOWVT_TESTS_DATAGRAMS_H
#define FLOWVT_TESTS_DATAGRAMS_H

#include <stddef.h>

#include "flows.h"

enum protocol { NETFLOW5 = 5, NETFLOW9 = 9, IPFIX = 10, SFLOW = 255 };
/* Of "5", "9", "10" or "sflow"; 0 when it is none. */
enum protocol protocol_of(const char *name);

struct generated {
    uint8_t b[2048];
    size_t n;
};
void add_int(struct generated *d, uint64_t value, int octets);
void add_octets(struct generated *d, const uint8_t *p, size_t n);
void set16(struct generated *d, size_t at, size_t value);

/* What an exporter says of itself in a datagram. */
struct export {
    enum protocol protocol;
    uint32_t sequence;       /* moved on by what is in the datagram, in the protocol's unit */
    uint32_t samples;        /* sFlow: likewise, of its only data source */
    int64_t now, boot;       /* ms since 1970 */
    uint32_t agent;          /* sFlow: its IPv4 address */
    enum flow_fields fields; /* v9 and IPFIX */
};

/* Where the flows come from: number n. */
struct flow_feed {
    void (*next)(void *arg, uint64_t n, struct flow *f);
    void *arg;
};

/* Fill d, which is empty, with flows from number n on, at most limit, before them the templates when
** asked for. Returns how many. */
unsigned datagram_fill(struct generated *d, struct export *e, bool templates, uint64_t n,
                       uint64_t limit, const struct flow_feed *feed);
/* v9 and IPFIX: the templates alone. */
void datagram_templates(struct generated *d, struct export *e);

/* Make one of datagram_fill() without templates, of n octets and so many flows, a datagram that the exporter
** sends now; the flows' own times move on by so many ms. */
void datagram_renew(uint8_t *b, size_t n, unsigned flows, struct export *e, int64_t by);

#endif
