/* SPDX-License-Identifier: MIT */
/*
** Rows of flows kept in memory by one thread, only the columns that are asked for and each in as
** few octets as it takes: integers in four where they lie close together, addresses and texts as
** numbers in dictionaries of the set, columns without a value in none.
*/
#ifndef FLOWVT_ROWSET_H
#define FLOWVT_ROWSET_H

#include "../schema/dict.h"
#include "cells.h"
#include "sorter.h"

enum {
    RUN_ROWS = 65536, /* of a run, at most */
    STRAIGHT = 1,     /* width of positions that follow each other */
    MAX_RUNS = 65535, /* so that run and row fit 32 bits */
};

/* What rows are made of. In a set networks are texts. */
struct row_spec {
    int n;
    const struct sql_column *column[MAX_COLUMNS];
    enum cell_kind kind[MAX_COLUMNS];
};

struct run_column {
    uint8_t width; /* octets of a value: 4 or 8; 0: all NULL; STRAIGHT: base + row */
    int64_t base;  /* added to values of 4 octets */
    void *v;
    uint8_t *null; /* NULL: none is NULL */
};

struct run {
    uint32_t n, cap;
    struct run_column *column; /* one more than there are columns: the last is the position */
};

struct rowset {
    const struct row_spec *spec;
    uint32_t nruns;
    struct run **run;
    uint64_t rows;
    struct dict_builder ips, texts;
    int64_t min[MAX_COLUMNS], max[MAX_COLUMNS]; /* of the values that are not NULL */
    bool null[MAX_COLUMNS];                     /* is there one */
    uint32_t *memo[MAX_COLUMNS]; /* of the group's dictionary: number in the set + 1, 0: not seen */
    struct slab *slabs;
    size_t bytes; /* of memory, about */
};

/* spec is borrowed. NULL without memory. */
struct rowset *rowset_new(const struct row_spec *spec);
void rowset_free(struct rowset *s);

/* The scan has entered another row group. False without memory. */
bool rowset_enter_group(struct rowset *s, struct scan *scan);
/* Append rows of the scan's block, ascending places of scan_rows(). False without memory, or when
** there are more than 4 thousand million. */
bool rowset_append(struct rowset *s, struct scan *scan, const uint16_t *rows, uint32_t n);
/* Append all rows of another set of the same spec for which keep[] is set, in the order of its
** runs. stop may be NULL; when it is to stop, rows are missing. */
bool rowset_append_set(struct rowset *s, const struct rowset *from, const uint8_t *keep,
                       const struct sort_stop *stop);

/* A value: false when it is NULL. Column spec->n is the position, see scan_position(). */
static inline bool run_cell(const struct run *run, int column, uint32_t row, int64_t *v) {
    const struct run_column *c = &run->column[column];
    if (c->null && c->null[row])
        return false;
    switch (c->width) {
    case 4:
        *v = c->base + ((const uint32_t *)c->v)[row];
        return true;
    case 8:
        *v = ((const int64_t *)c->v)[row];
        return true;
    case STRAIGHT:
        *v = c->base + row;
        return true;
    default:
        return false;
    }
}

/* The bits of a double as an integer of the same order, and back: below 0 all bits but the sign are
** inverted. So reals are kept. */
static inline int64_t real_order(int64_t bits) {
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

#endif
