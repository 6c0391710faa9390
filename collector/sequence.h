/* SPDX-License-Identifier: MIT */
/*
** Loss by sequence numbers. Each protocol counts in its own unit: v5 flows, v9 and sFlow
** datagrams, IPFIX data records. A gap is a loss until the datagram that fills it arrives late; a
** duplicate or a restart of the exporter is none.
**
** RFC 7011 3.1 has the number count the records sent before the message, options data included.
** Exporters differ (softflowd and Open vSwitch include the message's own records, softflowd leaves
** options data out), so the convention that an exporter follows is found out by watching it.
*/
#ifndef FLOWVT_SEQUENCE_H
#define FLOWVT_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

enum { SEQUENCE_GAPS = 8, SEQUENCE_CONVENTIONS = 4 };

struct sequence_gap {
    uint32_t first, units; /* units 0: unused */
};

struct sequence {
    bool known;                              /* expected is meaningful */
    uint8_t convention;                      /* the one followed, as far as known */
    uint8_t confidence;                      /* how often it was right when others were wrong */
    uint32_t expected[SEQUENCE_CONVENTIONS]; /* number of the next unit */
    uint32_t uptime;                         /* ms, of the newest datagram; 0: not exported */
    uint32_t late_next;                      /* what would follow the last late datagram */
    uint8_t late_run;                        /* late datagrams that followed each other */
    uint8_t gap_next;                        /* slot the next gap goes to */
    struct sequence_gap gaps[SEQUENCE_GAPS]; /* recent ones, that may still be filled */
};

/* What one datagram says. */
struct sequence_mark {
    uint32_t number;  /* of its header */
    uint32_t flows;   /* units without options data */
    uint32_t units;   /* with them */
    uint32_t uptime;  /* the exporter's, ms, or 0 when the protocol has none */
    uint32_t max_gap; /* a gap wider than this many units is taken for a restart */
};

/* Returns the change of the loss counter: positive for a gap, negative when a late datagram fills
** one. */
int64_t sequence_check(struct sequence *s, const struct sequence_mark *mark);

/* The numbers of the datagram's first unit and of the one behind its last, by the convention that the exporter
** follows as far as it is known. */
struct sequence_span {
    uint32_t first, next;
};
struct sequence_span sequence_span(const struct sequence *s, const struct sequence_mark *mark);
/* Is this the number of the next unit? */
bool sequence_expects(const struct sequence *s, uint32_t number);

/* The units of the last datagram could not be counted: take the next number as it comes. */
void sequence_forget(struct sequence *s);

#endif
