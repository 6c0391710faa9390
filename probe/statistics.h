/* SPDX-License-Identifier: MIT */
/*
** What the probe counts, for programs: as JSON and as Prometheus' text format (version 0.0.4). What it says for
** people is in summary.h. Every packet is in exactly one of: stopped, not sampled, one kind that is not IP, again, a flow
** that ended, a flow that was deleted, a flow in the table.
*/
#ifndef FLOWVT_STATISTICS_H
#define FLOWVT_STATISTICS_H

#include <stdio.h>

#include "input.h"
#include "output.h"

struct statistics {
    const struct meter_stats *meter;
    const struct input_stats *in;
    struct applications *applications; /* NULL: not asked for */
    const struct output *out;
    uint32_t flows, capacity; /* of the table */
    int64_t started;          /* seconds since 1970 */
    bool gathering;
};

/* One object; what has a label is an object of its own. */
void statistics_json(FILE *f, const struct statistics *s);

void statistics_prometheus(FILE *f, const struct statistics *s);

/* "tcp", "udp", ..., or NULL for a protocol that has no counter of its own. */
const char *statistics_proto(uint8_t proto);

#endif
