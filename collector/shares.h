/* SPDX-License-Identifier: MIT */
/*
** Shares of exporters in a table that has an end (hashed.h): once it is full, one more entry takes the place of the
** oldest one of an exporter that has most of them, which may be the same. So nobody can have more than others by
** sending more.
*/
#ifndef FLOWVT_SHARES_H
#define FLOWVT_SHARES_H

#include "hashed.h"
#include "schema/value.h"

/* All zero: of an empty table. */
struct shares {
    struct share *share; /* of each exporter that has been seen */
    struct hashed index;
    struct share_link *link; /* of each place in the table */
    uint32_t nlinks;
    uint32_t unused; /* a share that has no entries any more: index + 1, and others behind it */
    uint32_t largest,
        looked; /* indexes: the one that had most when it was looked for, where that ended */
};

/* Take a place in the table for an entry of the exporter's, as hashed_take(), with hashed_room() made. 0 without
** memory. */
uint32_t shares_take(struct shares *s, struct hashed *table, uint32_t max,
                     const struct flow_ip *exporter, uint32_t hash);
void shares_free(struct shares *s);

#endif
