/* SPDX-License-Identifier: MIT */
/*
** What rows add to the totals of a file: flows, packets and octets by class of protocol, and their first and last
** time. Sums that 64 bits do not hold stay at the largest number. Private to schema/.
*/
#ifndef FLOWVT_COUNT_H
#define FLOWVT_COUNT_H

#include "field.h"
#include "fvt.h"

/* The columns that count, in the order of count_fields. */
enum {
    COUNT_PROTO,
    COUNT_RATE,
    COUNT_FLOWS,
    COUNT_PACKETS,
    COUNT_BYTES,
    COUNT_FIRST,
    COUNT_LAST,
    COUNT_COLUMNS
};
extern const int count_fields[COUNT_COLUMNS];
/* What stands for the value of a row that has none. */
extern const int64_t count_missing[COUNT_COLUMNS];

/* Of one of these columns: its values, step (0 or 1) apart. */
struct flow_values {
    const int64_t *v;
    size_t step;
};

/* Add n rows: the values of each of these columns. */
void count_rows(struct fvt_totals *t, const struct flow_values of[COUNT_COLUMNS], uint32_t n);
/* Take away what was added; first and last stay. false where a sum has reached its largest number, so that nobody
** knows what is left: *t is to be made anew. */
bool count_less(struct fvt_totals *t, const struct fvt_totals *less);

#endif
