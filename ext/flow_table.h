/* SPDX-License-Identifier: MIT */
/*
** What flows, traffic and endpoints share beyond vtab.h: columns from the catalogue, the plan, and
** ip_in() as a constraint.
*/
#ifndef FLOWVT_FLOW_TABLE_H
#define FLOWVT_FLOW_TABLE_H

#include "columns.h"
#include "query.h"
#include "registry.h"
#include "vtab.h"

struct flow_table {
    struct vtab vtab; /* base class */
    struct sql_table columns;
    struct registry *registry; /* NULL: none */
    char *mistake;             /* columns.own_mistake */
    struct labels *labels;     /* of totals; NULL: not asked for yet */
};

/* aux: struct vtab_module with an enum table_kind. */
int flow_table_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                       sqlite3_vtab **out, char **message);
/* The same for a table with columns of its own, whose statements are read as those of kind are. */
int flow_table_connect_as(enum table_kind kind, const char *declaration, sqlite3 *db, void *aux,
                          int argc, const char *const *argv, sqlite3_vtab **out, char **message);
int flow_table_disconnect(sqlite3_vtab *vtab);
int flow_table_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info);
int flow_table_find_function(sqlite3_vtab *vtab, int argc, const char *name,
                             void (**function)(sqlite3_context *, int, sqlite3_value **),
                             void **arg);

/* xFilter's first half: read the plan into *query (freed and replaced) and take the snapshot. *now:
** the statement's time, set when it is 0, so that all runs of a cursor have the same. */
int flow_table_filter(struct flow_table *t, const char *idxstr, int argc, sqlite3_value **argv,
                      struct query *query, struct snapshot **snapshot, int64_t *now);

#endif
