/* SPDX-License-Identifier: MIT */
/*
** The meter: packets in, ended flows out, and the books. Every packet given to it is in exactly one
** flow or in exactly one of the counters of not-metered packets.
*/
#ifndef FLOWVT_METER_H
#define FLOWVT_METER_H

#include "schema/field.h"
#include "table.h"

struct meter_stats {
    uint64_t packets, octets; /* given; octets on the wire */
    uint64_t kinds[PACKET_NKINDS];
    uint64_t bytes; /* of IP packets */
    uint64_t fragments;
    uint64_t again_packets, again_bytes; /* seen on another interface, too; counted there */
    uint64_t early;                      /* not waited for: may be counted twice */
    uint64_t flows[256];                 /* ended, by protocol */
    uint64_t ended[END_NREASONS];
    uint64_t flow_packets, flow_bytes; /* in ended flows */
};

/* Where packets come from. */
struct meter_source {
    unsigned linktype;
    uint32_t ifindex; /* of the interface captured on, 0: not known, or the packets tell */
    bool several;     /* of several interfaces: what is forwarded is seen twice (forward.h) */
    int direction;    /* of all of its packets: 0 unknown, 1 received, 2 sent */
    bool has_mac;     /* mac is the interface's: what it sends is egress */
    uint8_t mac[6];
};

struct meter;

/* ended gets each flow when it ended, and may add to the row. now: the meter's clock, ms since 1970
 * (packet time). */
struct meter *meter_new(uint32_t size, const struct table_timeouts *timeouts,
                        void (*ended)(void *arg, struct flow_row *row, int64_t now), void *arg);

/* time: microseconds since 1970. Returns what the packet was. */
enum packet_kind meter_packet(struct meter *m, const struct meter_source *source, int64_t time,
                              const uint8_t *data, size_t captured, size_t wire);

/* Time has come to now (microseconds) without packets. */
void meter_idle(struct meter *m, int64_t now);

/* End all flows. */
void meter_flush(struct meter *m);

const struct meter_stats *meter_stats(struct meter *m);
uint32_t meter_flows(const struct meter *m); /* in the table now */
void meter_free(struct meter *m);

#endif
