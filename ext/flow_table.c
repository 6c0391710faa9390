/* SPDX-License-Identifier: MIT */
/*
** The common half of the three tables of flows.
*/
#include "flow_table.h"
#include "../schema/clock.h"
#include "functions.h"

#include <stdlib.h>
#include <time.h>

SQLITE_EXTENSION_INIT3

/* Totals have none of the site's columns, but filters on them. Who asks for neither need not mend the file. */
static int open_registry(struct flow_table *t, char **message) {
    if (t->columns.kind == TABLE_FLOWS)
        return registry_open(t->vtab.store, &t->columns, &t->registry, message);
    struct sql_table *flows = malloc(sizeof *flows);
    if (!flows)
        return SQLITE_NOMEM;
    sql_table_init(flows, TABLE_FLOWS);
    int rc = registry_open(t->vtab.store, flows, &t->registry, &t->mistake);
    t->columns.own = flows->own;
    t->columns.own_mistake = t->mistake;
    free(flows);
    return rc == SQLITE_ERROR ? SQLITE_OK : rc;
}

int flow_table_connect_as(enum table_kind kind, const char *declaration, sqlite3 *db, void *aux,
                          int argc, const char *const *argv, sqlite3_vtab **out, char **message) {
    const struct vtab_module *module = aux;
    struct flow_table *t = NULL;
    struct vtab *v;
    int rc = vtab_connect(sizeof *t, declaration, db, module, argc, argv, &v, message);
    if (rc == SQLITE_OK) {
        t = (struct flow_table *)v;
        sql_table_init(&t->columns, kind);
        t->columns.store = v->store;
        t->columns.db = db;
        t->columns.database = v->database;
        rc = open_registry(t, message);
        bool declared = rc != SQLITE_OK || declaration;
        char *sql = declared ? NULL : sql_table_declaration(&t->columns);
        if (!declared)
            rc = sql ? sqlite3_declare_vtab(db, sql) : SQLITE_NOMEM;
        sqlite3_free(sql);
    }
    if (rc == SQLITE_OK)
        *out = &v->base;
    else if (t)
        flow_table_disconnect(&v->base);
    return rc;
}

int flow_table_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                       sqlite3_vtab **out, char **message) {
    const struct vtab_module *module = aux;
    return flow_table_connect_as((enum table_kind)module->kind, NULL, db, aux, argc, argv, out,
                                 message);
}

int flow_table_disconnect(sqlite3_vtab *vtab) {
    struct flow_table *t = (struct flow_table *)vtab;
    registry_free(t->registry);
    sqlite3_free(t->mistake);
    labels_free(t->labels);
    return vtab_disconnect(vtab);
}

int flow_table_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
    struct flow_table *t = (struct flow_table *)vtab;
    return query_best_index(&t->columns, vtab, info);
}

int flow_table_find_function(sqlite3_vtab *vtab, int argc, const char *name,
                             void (**function)(sqlite3_context *, int, sqlite3_value **),
                             void **arg) {
    (void)vtab;
    bool match = sqlite3_stricmp(name, "match") == 0;
    if (argc != 2 || (!match && sqlite3_stricmp(name, "ip_in") != 0))
        return 0;
    *function = match ? functions_match : functions_ip_in;
    *arg = NULL;
    return match ? 1 : QUERY_IP_IN;
}

/* Files are left out by their flows' times, of which those of arrival are some: by the window, or by bounds of arrival
** where the window is open at that end. */
static void choose_files(const struct query *q, struct fvt_choice *choice) {
    int64_t lo = INT64_MIN, hi = INT64_MAX;
    choice->since = q->window.since;
    choice->until = q->window.until;
    if (choice->since != INT64_MIN || choice->until != INT64_MAX || predicate_counts(q->predicate))
        return;
    predicate_bounds(q->predicate, FLOW_trecv, &lo, &hi);
    choice->since = lo;
    choice->until = hi < INT64_MAX ? hi + 1 : hi;
}

int flow_table_filter(struct flow_table *t, const char *idxstr, int argc, sqlite3_value **argv,
                      struct query *query, struct snapshot **snapshot, int64_t *now) {
    query_free(query);
    char *message = NULL;
    *now = *now ? *now : now_ms();
    int rc = query_read(&t->columns, idxstr, argc, argv, *now, query, &message);
    vtab_say(&t->vtab.base, message);
    struct fvt_choice choice = {.by = FVT_BY_FLOWS, .since = INT64_MIN, .until = INT64_MAX};
    if (rc == SQLITE_OK)
        choose_files(query, &choice);
    if (rc == SQLITE_OK)
        rc = vtab_snapshot(&t->vtab, query->store, &choice, snapshot);
    return rc == SQLITE_OK ? vtab_overrides(&t->vtab, *snapshot, *now) : rc;
}
