/* SPDX-License-Identifier: MIT */
/*
** Columns of flows from scan columns: as they are, or computed.
*/
#include "cells.h"

enum cell_kind cell_kind(const struct sql_column *c) {
    static const enum cell_kind by_class[] = {[FLOW_UINT] = CELL_INT,
                                              [FLOW_TIME] = CELL_TIME,
                                              [FLOW_MAC] = CELL_MAC,
                                              [FLOW_IP] = CELL_IP,
                                              [FLOW_TEXT] = CELL_TEXT};
    switch (c->kind) {
    case COLUMN_VALUE:
        return by_class[sql_column_class(c)];
    case COLUMN_MS:
        return CELL_INT;
    case COLUMN_COMPUTED:
        return c->id == COMPUTED_dscp                                 ? CELL_INT
               : c->id == COMPUTED_srcnet || c->id == COMPUTED_dstnet ? CELL_NET
                                                                      : CELL_REAL;
    default:
        return CELL_NONE;
    }
}

int cell_column(const struct sql_column *c) {
    if (c->kind != COLUMN_COMPUTED)
        return c->id;
    return c->id == COMPUTED_srcnet ? FLOW_srcip : FLOW_dstip;
}

/* ---- computed columns ------------------------------------------------------------------- */

struct input {
    const int64_t *v;
    const uint8_t *null;
};

static struct input input(struct scan *s, int column) {
    struct input in;
    in.v = scan_values(s, column, &in.null);
    return in;
}

static int64_t real_bits(double d) {
    int64_t v;
    memcpy(&v, &d, sizeof v);
    return v;
}

static void compute_number(struct scan *s, const struct sql_column *c, struct cell_buffer *b,
                           const uint16_t *rows, uint32_t n) {
    int column[COMPUTED_COLUMNS];
    struct input in[COMPUTED_COLUMNS];
    int inputs = computed_columns((enum computed)c->id, column);
    bool real = cell_kind(c) == CELL_REAL;
    for (int k = 0; k < inputs; k++)
        in[k] = input(s, column[k]);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t r = rows[i];
        int64_t value[COMPUTED_COLUMNS];
        double number = 0;
        bool null = false;
        for (int k = 0; k < inputs; k++) {
            value[k] = in[k].v[r];
            null |= in[k].null[r] != 0;
        }
        null = null || !computed_number((enum computed)c->id, value, &number);
        b->null[r] = null;
        b->v[r] = null ? 0 : real ? real_bits(number) : (int64_t)number;
    }
}

static void compute_net(struct scan *s, int address, int mask, struct cell_buffer *b,
                        const uint16_t *rows, uint32_t n) {
    struct input ip = input(s, address), len = input(s, mask);
    const struct fvt_dict *d = scan_dict(s, address);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t r = rows[i];
        bool null = !d || ip.null[r] || len.null[r];
        if (!null)
            null = len.v[r] < 0 || len.v[r] > (d->ip[ip.v[r]].family == 4 ? 32 : 128);
        b->null[r] = null;
        b->v[r] = null ? 0 : ip.v[r] << 8 | len.v[r];
    }
}

const int64_t *cells_of_block(struct scan *s, const struct sql_column *c,
                              struct cell_buffer *buffer, const uint8_t **nulls) {
    if (c->kind == COLUMN_VALUE || c->kind == COLUMN_MS)
        return scan_values(s, c->id, nulls);
    uint32_t n;
    const uint16_t *rows = scan_rows(s, &n);
    if (c->id == COMPUTED_srcnet)
        compute_net(s, FLOW_srcip, FLOW_srcmask, buffer, rows, n);
    else if (c->id == COMPUTED_dstnet)
        compute_net(s, FLOW_dstip, FLOW_dstmask, buffer, rows, n);
    else
        compute_number(s, c, buffer, rows, n);
    *nulls = buffer->null;
    return buffer->v;
}
