/* SPDX-License-Identifier: MIT */
/*
** Loss by sequence numbers. Each protocol counts in its own unit: v5 flows, v9 datagrams,
** IPFIX data records. A gap is a loss until the datagram that fills it arrives late; a
** duplicate or a restart of the exporter is none.
*/
#ifndef FLOWVT_SEQUENCE_H
#define FLOWVT_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

enum { SEQUENCE_GAPS = 8 };

struct sequence_gap {
    uint32_t first, units; /* units 0: unused */
};

struct sequence {
    bool known;         /* expected is meaningful */
    uint32_t expected;  /* number of the next datagram */
    uint32_t uptime;    /* ms, of the datagram with the highest number; 0: not exported */
    uint32_t late_next; /* what would follow the last late datagram */
    uint8_t late_run;   /* late datagrams that followed each other */
    uint8_t gap_next;   /* slot the next gap goes to */
    struct sequence_gap gaps[SEQUENCE_GAPS]; /* recent ones, that may still be filled */
};

/* A datagram numbered seq carries units units. uptime: the exporter's, ms, or 0 when the protocol
** has none. max_gap: a gap wider than this many units is taken for a restart. Returns the change of
** the loss counter: positive for a gap, negative when a late datagram fills one. */
int64_t sequence_check(struct sequence *s, uint32_t seq, uint32_t units, uint32_t uptime,
                       uint32_t max_gap);

/* The units of the last datagram could not be counted: take the next number as it comes. */
void sequence_forget(struct sequence *s);

#endif
