/* SPDX-License-Identifier: MIT */
/*
** The common half of the three tables of flows.
*/
#include "flow_table.h"
#include "functions.h"

#include <stdlib.h>
#include <time.h>

SQLITE_EXTENSION_INIT3

int flow_table_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                       sqlite3_vtab **out, char **message) {
    struct flow_table *t = calloc(1, sizeof *t);
    if (!t)
        return SQLITE_NOMEM;
    sql_table_init(&t->columns, (enum table_kind)((const struct vtab_module *)aux)->kind);
    t->vtab.db = db;
    int rc = vtab_init(&t->vtab, aux, argc, argv, message);
    if (rc == SQLITE_OK) {
        char *sql = sql_table_declaration(&t->columns);
        rc = sql ? sqlite3_declare_vtab(db, sql) : SQLITE_NOMEM;
        sqlite3_free(sql);
    }
    if (rc != SQLITE_OK) {
        vtab_clear(&t->vtab);
        free(t);
        return rc;
    }
    *out = &t->vtab.base;
    return SQLITE_OK;
}

int flow_table_disconnect(sqlite3_vtab *vtab) {
    struct flow_table *t = (struct flow_table *)vtab;
    vtab_clear(&t->vtab);
    free(t);
    return SQLITE_OK;
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

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int flow_table_filter(struct flow_table *t, const char *idxstr, int argc, sqlite3_value **argv,
                      struct query *query, struct snapshot **snapshot, int64_t *now) {
    query_free(query);
    char *message = NULL;
    *now = *now ? *now : now_ms();
    int rc = query_read(&t->columns, idxstr, argc, argv, *now, query, &message);
    if (rc == SQLITE_ERROR) {
        sqlite3_free(t->vtab.base.zErrMsg);
        t->vtab.base.zErrMsg = message;
    }
    const struct fvt_choice choice = {FVT_BY_FLOWS, query->window.since, query->window.until};
    return rc == SQLITE_OK ? vtab_snapshot(&t->vtab, query->store, &choice, snapshot) : rc;
}
