/* SPDX-License-Identifier: MIT */
/*
** The meter: packets in, ended flows out, and the books. Every packet given to it is in exactly one
** flow or in exactly one of the counters of not-metered packets.
*/
#ifndef FLOWVT_METER_H
#define FLOWVT_METER_H

#include "applications.h"
#include "sampling.h"
#include "schema/field.h"
#include "table.h"
#include "track.h"

/* Least, sum and most of something of all ended flows. */
struct meter_range {
    uint64_t least, sum, most;
};

struct meter_stats {
    uint64_t packets, octets; /* given; octets on the wire */
    uint64_t stopped;         /* of them: came while gathering was stopped */
    uint64_t passed_over;     /* of them: not sampled */
    uint64_t kinds[PACKET_NKINDS];
    uint64_t bytes; /* of IP packets */
    uint64_t fragments;
    uint64_t tunnels;      /* of IP packets: had another one inside that was looked at */
    uint64_t long_packets; /* more than METER_LONG octets */
    uint64_t no_length;    /* of those: without a length in their headers */
    uint64_t partial;      /* checksums left to the network card; of them, and of others */
    uint64_t again_packets, again_bytes; /* seen on another interface, too; counted there */
    uint64_t early;                      /* not waited for: may be counted twice */
    uint64_t flows[256];                 /* ended, by protocol */
    uint64_t ended[END_NREASONS];
    struct meter_range flow_packets, flow_bytes, flow_ms;
    struct {
        uint64_t flows, packets, bytes;
    } deleted; /* by meter_delete() */
};

/* More than this is no packet of an Ethernet without jumbo frames: segmentation offload, most likely. */
enum { METER_LONG = 1500 };

/* Of tunnels: whether flows are those of the outer headers, of the inner ones, with the outermost in addition, or of the
** outer ones, with the innermost in addition. */
enum tunnels { TUNNELS_OUTER, TUNNELS_INNER, TUNNELS_BOTH, TUNNELS_N };
extern const char *const tunnels_names[TUNNELS_N];

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

/* time: microseconds since 1970. Returns what the packet was, PACKET_IP also when it was not looked at. */
enum packet_kind meter_packet(struct meter *m, const struct meter_source *source, int64_t time,
                              const uint8_t *data, size_t captured, size_t wire);

/* Time has come to now (microseconds) without packets. */
void meter_idle(struct meter *m, int64_t now);

/* End all flows. */
void meter_flush(struct meter *m);

/* Forget all flows; their packets are counted as deleted. */
void meter_delete(struct meter *m);

/* From now on packets are metered (as at the start), or counted as stopped. */
void meter_gather(struct meter *m, bool on);

/* What makes a flow; TRACK_FULL unless told. Before the first packet. */
void meter_track(struct meter *m, enum track level);

/* TUNNELS_OUTER unless told. Before the first packet. */
void meter_tunnels(struct meter *m, enum tunnels tunnels);

/* Say of each flow what application it is of; a stays the caller's. Before the first packet, with TRACK_FULL, TRACK_VLAN or
** TRACK_ETHER. */
void meter_applications(struct meter *m, struct applications *a);

/* Of the flow that ended() is called for, NULL: not known. */
const struct application *meter_application(const struct meter *m);

/* Count each sight of a packet that is seen on several interfaces. Before the first packet. */
void meter_each_sight(struct meter *m);

/* Sample packets from now on. */
void meter_sample(struct meter *m, struct sampling_method method);

/* The next packet counts as of time now (microseconds), and those after it move along. */
void meter_adjust(struct meter *m, int64_t now);

/* Call each for every flow that has not ended, packets that wait among them. */
void meter_each(struct meter *m, void (*each)(void *arg, const struct flow *flow), void *arg);

/* Directions of a connection are one flow (RFC 5103). Before the first packet. */
void meter_biflows(struct meter *m);

/* Of the flow that ended() is called for. */
const struct flow_times *meter_times(const struct meter *m);

const struct meter_stats *meter_stats(struct meter *m);
uint32_t meter_flows(const struct meter *m); /* in the table now */

/* Whether every packet and octet that the meter took is in a flow that ended or was deleted, or in one counter. When
** no flow is left, as after meter_flush(). */
bool meter_balances(const struct meter_stats *s);

void meter_free(struct meter *m);

#endif
