/* SPDX-License-Identifier: MIT */
/*
** Counters that say how much a flow has had since it began (RFC 5102 5.10: octetTotalCount, packetTotalCount and what is
** like them), of flows that are reported more than once. Rows have what came since the report before, as they have of
** delta counters, so that they add up.
**
** Reports are of the same flow when exporter, domain, start and all of its key that a row has are the same. Without a start
** there is no telling a flow that goes on from one that begins anew: then the counters stay what they were, and are
** counted. What is remembered is bounded, in fair shares of the exporters (shares.h): a report of a flow that had to be
** forgotten counts as its first one, and how many flows that were reported more than once were forgotten is counted.
*/
#ifndef FLOWVT_TOTALS_H
#define FLOWVT_TOTALS_H

#include "schema/field.h"
#include "shares.h"

enum total { TOTAL_BYTES, TOTAL_PACKETS, TOTAL_OUTBYTES, TOTAL_OUTPACKETS, TOTALS };

/* All zero is an empty table. */
struct totals_table {
    struct totals_flow *flow;
    struct hashed index;
    struct shares shares;
    uint64_t forgotten; /* flows that were reported more than once */
    uint64_t unknown;   /* records whose flow cannot be told */
};

/* The counter that an element is the total of, TOTALS for others. */
enum total total_of(uint32_t pen, uint16_t id);

/* Of a row with its times: which counters, 1 << enum total of each, are totals, 0 when the record had no start; they become what is more than in the report
** before. max flows are remembered. */
void totals_apply(struct totals_table *t, uint32_t max, unsigned which, struct flow_row *row);
void totals_free(struct totals_table *t);

#endif
