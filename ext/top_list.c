/* SPDX-License-Identifier: MIT */
/*
** Which statement it is that SQLite runs, and whose table it names.
*/
#include "top_list.h"

#include <string.h>

SQLITE_EXTENSION_INIT3

enum {
    LONGEST = 1 << 14,           /* of a text, octets */
    ALL_OF_IN_VERSION = 3038000, /* before this a list after IN may be a scan for each value */
};

/* The only statement that runs, NULL when there are several: nobody says which of them called. */
static sqlite3_stmt *only_running(sqlite3 *db) {
    sqlite3_stmt *running = NULL;
    for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(db, s));)
        if (sqlite3_stmt_busy(s)) {
            if (running)
                return NULL;
            running = s;
        }
    return running;
}

static bool is_view_in(sqlite3 *db, const char *schema, const char *name) {
    sqlite3_stmt *stmt = NULL;
    char *sql = sqlite3_mprintf("SELECT 1 FROM \"%w\".sqlite_master WHERE type = 'view'"
                                " AND name = %Q COLLATE NOCASE",
                                schema, name);
    int rc = sql ? sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) : SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    return rc != SQLITE_DONE;
}

/* Or may it be one? True also when that cannot be found out. */
static bool is_view(sqlite3 *db, const char *name) {
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, "PRAGMA database_list", -1, &stmt, NULL) != SQLITE_OK)
        return true;
    int rc;
    bool found = false;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && !found)
        found = is_view_in(db, (const char *)sqlite3_column_text(stmt, 1), name);
    sqlite3_finalize(stmt);
    return found || rc != SQLITE_DONE;
}

/* Has the application functions of its own in place of those that a top list is made of? */
static bool is_replaced(sqlite3 *db) {
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, "PRAGMA function_list", -1, &stmt, NULL) != SQLITE_OK)
        return true;
    bool found = false;
    while (!found && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        bool builtin = sqlite3_column_int(stmt, 1);
        found = name && !builtin &&
                (sqlite3_stricmp(name, "sum") == 0 || sqlite3_stricmp(name, "count") == 0);
    }
    sqlite3_finalize(stmt);
    return found;
}

bool top_list_running(sqlite3 *db, const struct sql_table *t, const char *name,
                      struct top_list *out) {
    sqlite3_stmt *stmt = sqlite3_libversion_number() >= ALL_OF_IN_VERSION ? only_running(db) : NULL;
    const char *sql = stmt ? sqlite3_sql(stmt) : NULL;
    if (!sql || !name || strnlen(sql, LONGEST) == LONGEST)
        return false;
    char *expanded = sqlite3_bind_parameter_count(stmt) ? sqlite3_expanded_sql(stmt) : NULL;
    bool is = statement_top_list(expanded ? expanded : sql, t, name, out) && !is_view(db, name) &&
              !is_replaced(db);
    sqlite3_free(expanded);
    return is;
}
