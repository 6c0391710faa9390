/* SPDX-License-Identifier: MIT */
/*
** The values of the columns of flows, a block of a scan at a time: what the table, its rows in
** order and the exports are all made from.
*/
#ifndef FLOWVT_CELLS_H
#define FLOWVT_CELLS_H

#include "columns.h"
#include "scan.h"

/* What the integers of a column stand for. */
enum cell_kind {
    CELL_NONE, /* a parameter: always NULL */
    CELL_INT,
    CELL_REAL, /* the bits of a double */
    CELL_TIME, /* milliseconds since 1970 UTC, shown as text */
    CELL_MAC,
    CELL_IP,   /* code in the dictionary of cell_column() */
    CELL_TEXT, /* likewise */
    CELL_NET,  /* code of an address << 8 | prefix length */
};

enum cell_kind cell_kind(const struct sql_column *c);
/* The scan column that IP, TEXT and NET have their dictionary from. */
int cell_column(const struct sql_column *c);

static inline double cell_real(int64_t v) {
    double d;
    memcpy(&d, &v, sizeof d);
    return d;
}

/* The time that is shown: the calendar's ends stand for all beyond. */
static inline int64_t cell_time(int64_t ms) {
    return ms < FLOW_MS_MIN ? FLOW_MS_MIN : ms > FLOW_MS_MAX ? FLOW_MS_MAX : ms;
}

/* Room for a column that is computed. */
struct cell_buffer {
    int64_t v[SCAN_BLOCK];
    uint8_t null[SCAN_BLOCK];
};

/* The values of a column in the block of the scan, at the places that scan_rows() speaks of, and
** NULL marks. They lie in the scan or in *buffer, and are good until the scan moves on. */
const int64_t *cells_of_block(struct scan *s, const struct sql_column *c,
                              struct cell_buffer *buffer, const uint8_t **nulls);

#endif
