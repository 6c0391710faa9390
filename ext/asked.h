/* SPDX-License-Identifier: MIT */
/*
** What a statement asks of totals: its dimensions, measures and order, and whether it is one that only adds
** up (statement.h), of which perhaps only the first groups need be delivered.
*/
#ifndef FLOWVT_ASKED_H
#define FLOWVT_ASKED_H

#include "flow_table.h"
#include "totals.h"

struct asked {
    struct totals_request request;
    int dimension[MAX_COLUMNS]; /* of a column of the table, -1: not part of the key */
    int address
        [MAX_COLUMNS]; /* of a zone that is none: the dimension whose address it is of; -1: none */
    bool zones;        /* there are such */
    bool top_list;
};

/* In xFilter, with the query as flow_table_filter() has read it. For a top list columns that WHERE alone
** names are taken out of query->used, and its masks are those of ip_net(). Of flows nothing else than a
** top list can be asked. */
void asked_read(const struct flow_table *t, struct query *query, struct asked *out);

/* The value of a dimension in the current group; nothing for NULL and for dimension -1. */
void asked_show_dimension(const struct totals *totals, sqlite3_context *ctx,
                          const struct sql_column *column, int dimension);

#endif
