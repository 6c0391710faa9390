/* SPDX-License-Identifier: MIT */
/*
** What exporters told of themselves in options data: the last record of each template and scope, as JSON, for the
** table flow_options. Interface names (interface.h) and names of applications (names.h) are elsewhere.
*/
#ifndef FLOWVT_TOLD_H
#define FLOWVT_TOLD_H

#include "hashed.h"
#include "schema/fvt.h"
#include "shares.h"

struct told {
    struct fvt_option option; /* its texts are owned, in memory */
    bool changed;             /* since it was last handed to the store */
};

/* All zero is an empty table. */
struct told_table {
    struct told *entry;
    struct hashed index;
    struct shares shares;
};

/* Keep a copy, in the place of the one with the same key. Above max entries the oldest ones of those exporters
** that have most are replaced. */
void told_keep(struct told_table *t, uint32_t max, const struct fvt_option *option);
void told_free(struct told_table *t);

#endif
