/* SPDX-License-Identifier: MIT */
/*
** Blocks of interface counters: FORMAT.md, "Interface counters". fvt.h has the reading side for all.
** Private to schema/.
*/
#ifndef FLOWVT_COUNTERS_H
#define FLOWVT_COUNTERS_H

#include "format.h"

/* Rows of one block: what a reader has in memory. */
enum { FVT_COUNTER_ROWS = 1 << 16 };

/* Append a block of n rows, at most FVT_COUNTER_ROWS, whose first octet will be octet at of the file, and
** to meta the record that leads to it. small: order the rows, for closed files. Out of memory is in
** out->failed and meta->failed. */
void counters_put(struct fvt_buffer *out, struct fvt_buffer *meta, uint64_t at,
                  struct fvt_if_counters *rows, uint32_t n, bool small);

/* What the payload of a block says: an array of *n rows to be freed. FVT_OK, FVT_DAMAGED, FVT_UNKNOWN or
** FVT_NOMEM. The payload is followed by KERNEL_SLACK octets. */
int counters_get(struct fvt_cursor *payload, struct fvt_if_counters **rows, uint32_t *n);

#endif
