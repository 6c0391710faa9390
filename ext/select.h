/* SPDX-License-Identifier: MIT */
/*
** The first groups by a measure, found before groups are put in order: what cannot be among them need
** not be sorted, named or delivered.
*/
#ifndef FLOWVT_SELECT_H
#define FLOWVT_SELECT_H

#include "measures.h"
#include "workers.h"

/* The greatest values that were seen, the least of them on top; value has room for limit. Zeroed, but for value. */
struct select_heap {
    uint64_t *value;
    size_t n;
};
void select_heap_add(struct select_heap *h, size_t limit, uint64_t v);

/* Leave in groups (merged) the n greatest, or least, by m, and all that are equal to the last of these.
** FVT_OK or FVT_NOMEM; after an interrupt groups are of no use. */
int select_groups(struct groups *groups, const struct aggregate_spec *spec, enum measure m,
                  bool greatest, int64_t n, int threads, struct interrupt *interrupt);

/* The same by count: of the n values of slot by (0 to most) that have the most groups, or the least,
** in which slot counted is not 0, all groups stay. As many values as there are bits for in 24 are
** counted; with more of them all groups stay. */
int select_counted(struct groups *groups, const struct key_slot *by, uint64_t most,
                   const struct key_slot *counted, bool greatest, int64_t n,
                   struct interrupt *interrupt);

#endif
