/* SPDX-License-Identifier: MIT */
/*
** What a measure is made of: a counter of the flow, at the sender's side or the receiver's or both. What is counted of a dimension lies
** behind all counters.
*/
#include "measures.h"

static const struct {
    int counter;
    bool out, in; /* of which side; traffic has only the first */
} table[] = {
    [MEASURE_flows] = {FLOW_flows, true, true},
    [MEASURE_packets] = {FLOW_packets, true, true},
    [MEASURE_bytes] = {FLOW_bytes, true, true},
    [MEASURE_outpackets] = {FLOW_outpackets, true, false},
    [MEASURE_outbytes] = {FLOW_outbytes, true, false},
    [MEASURE_flows_out] = {FLOW_flows, true, false},
    [MEASURE_packets_out] = {FLOW_packets, true, false},
    [MEASURE_bytes_out] = {FLOW_bytes, true, false},
    [MEASURE_flows_in] = {FLOW_flows, false, true},
    [MEASURE_packets_in] = {FLOW_packets, false, true},
    [MEASURE_bytes_in] = {FLOW_bytes, false, true},
};
enum { MEASURES = sizeof table / sizeof table[0] };

static int place_of(const struct aggregate_spec *spec, int column) {
    int c = 0;
    while (c < spec->ncounters && spec->counter[c] != column)
        c++;
    return c;
}

void measures_need(struct aggregate_spec *spec, uint32_t wanted) {
    for (int m = 0; m < MEASURES; m++)
        if (wanted >> m & 1 && place_of(spec, table[m].counter) == spec->ncounters)
            spec->counter[spec->ncounters++] = table[m].counter;
    spec->sets = 1;
    for (int m = 0; m < MEASURES; m++)
        if (spec->sides == 2 && wanted >> m & 1 && table[m].out != table[m].in)
            spec->sets = 2;
    spec->times = wanted >> MEASURE_first != 0;
}

int measure_counter(const struct aggregate_spec *spec, enum measure m, int side) {
    return (side == 0 ? table[m].out : table[m].in) ? place_of(spec, table[m].counter) : -1;
}

uint64_t measure_count(const struct aggregate_spec *spec, const uint64_t *sums, enum measure m) {
    if (m == MEASURE_counted)
        return sums[spec->ncounters * spec->sets];
    int c = place_of(spec, table[m].counter);
    uint64_t v = table[m].out || spec->sets == 1 ? sums[c] : 0;
    if (table[m].in && spec->sets == 2 && __builtin_add_overflow(v, sums[spec->ncounters + c], &v))
        v = UINT64_MAX;
    return v > INT64_MAX ? INT64_MAX : v;
}
