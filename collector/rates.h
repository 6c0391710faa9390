/* SPDX-License-Identifier: MIT */
/*
** Sampling rates that the operator sets, for exporters that announce none or a wrong one. A line is
**
**   [NET=]RATE    a default: for flows of which no rate is known
**   [NET=]-RATE   instead of any other (nfcapd's spelling)
**
** Without NET it is for all exporters. Of several lines for one exporter the longest prefix counts, of equal ones
** the last; the two kinds do not see each other.
*/
#ifndef FLOWVT_RATES_H
#define FLOWVT_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/value.h"

/* What holds for one exporter: one packet in so many, 0: nothing was set. */
struct operator_rate {
    uint64_t fallback; /* where no other is known */
    uint64_t instead;  /* of any other */
};

struct rate_line {
    struct flow_ip first, last; /* of family 0: all addresses */
    uint64_t rate;
    bool instead;
};

/* All zero is none. */
struct rates {
    struct rate_line *line;
    uint32_t n;
};

/* Add a line; instead: also without the minus. False when it cannot be read, with what is wrong and what would
** be right in message. */
bool rates_add(struct rates *r, const char *text, bool instead, char *message, size_t size);
struct operator_rate rates_of(const struct rates *r, const struct flow_ip *exporter);
void rates_free(struct rates *r);

#endif
