/* SPDX-License-Identifier: MIT */
/*
** The first groups by a measure, found before groups are put in order: what cannot be among them need
** not be sorted, named or delivered.
*/
#ifndef FLOWVT_SELECT_H
#define FLOWVT_SELECT_H

#include "measures.h"
#include "workers.h"

/* Leave in groups (merged) the n greatest, or least, by m, and all that are equal to the last of these.
** FVT_OK or FVT_NOMEM; after an interrupt groups are of no use. */
int select_groups(struct groups *groups, const struct aggregate_spec *spec, enum measure m,
                  bool greatest, int64_t n, int threads, struct interrupt *interrupt);

#endif
