/* SPDX-License-Identifier: MIT */
/*
** Finding, reading and watching the tables of a site.
*/
#include "site_table.h"

#include <string.h>

SQLITE_EXTENSION_INIT3

static bool has_column(sqlite3 *db, const char *database, const char *table, const char *column) {
    return sqlite3_table_column_metadata(db, database, table, column, NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK;
}

/* Prepare a statement of printf form; *stmt NULL after an error. */
static int prepare(sqlite3 *db, sqlite3_stmt **stmt, char *sql) {
    *stmt = NULL;
    int rc = sql ? sqlite3_prepare_v2(db, sql, -1, stmt, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return rc;
}

static bool has_rows(sqlite3 *db, const char *database, const char *table) {
    sqlite3_stmt *stmt;
    bool has =
        prepare(db, &stmt, sqlite3_mprintf("SELECT 1 FROM \"%w\".\"%w\"", database, table)) ==
            SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW;
    sqlite3_finalize(stmt);
    return has;
}

int site_table_find(sqlite3 *db, const char *table, const char *near, char **database,
                    char **message) {
    sqlite3_stmt *stmt;
    *database = NULL;
    if (!has_column(db, NULL, table, NULL))
        return SQLITE_OK;
    /* Of numbers, temp is 1 and main 0. */
    int rc = prepare(
        db, &stmt,
        sqlite3_mprintf("SELECT name, seq > 1 AND name IS NOT %Q COLLATE NOCASE AS attached "
                        "FROM pragma_database_list ORDER BY seq <> 1, name IS NOT %Q COLLATE "
                        "NOCASE, seq",
                        near, near));
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        bool attached = sqlite3_column_int(stmt, 1);
        rc = SQLITE_OK;
        if (!has_column(db, name, table, NULL) ||
            (attached && *database && !has_rows(db, name, table)))
            continue;
        if (*database && message && has_rows(db, *database, table)) {
            *message = sqlite3_mprintf("%s: the databases %s and %s have it: which one is meant? "
                                       "Open it as main, or ask the tables of flows that it has",
                                       table, *database, name);
            rc = *message ? SQLITE_ERROR : SQLITE_NOMEM;
            break;
        }
        if (*database && !message)
            break;
        sqlite3_free(*database);
        *database = sqlite3_mprintf("%s", name);
        rc = *database ? SQLITE_OK : SQLITE_NOMEM;
        if (!attached)
            break;
    }
    sqlite3_finalize(stmt);
    if (rc == SQLITE_OK || rc == SQLITE_DONE)
        return SQLITE_OK;
    sqlite3_free(*database);
    *database = NULL;
    return rc;
}

/* The token of the last change, if the triggers are there that make a new one. */
static int read_token(sqlite3 *db, struct site_table *t) {
    sqlite3_stmt *stmt;
    t->ntoken = 0;
    if (!t->database || !has_column(db, t->database, "site_changes", "token"))
        return SQLITE_OK;
    int rc = prepare(db, &stmt,
                     sqlite3_mprintf("SELECT token FROM \"%w\".site_changes WHERE name = %Q AND "
                                     "(SELECT count(*) FROM \"%w\".sqlite_master WHERE type = "
                                     "'trigger' AND tbl_name = %Q AND name GLOB '*_changes_*') = 3",
                                     t->database, t->name, t->database, t->name));
    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        int n = sqlite3_column_bytes(stmt, 0);
        if (n > 0 && n <= SITE_TOKEN) {
            memcpy(t->token, sqlite3_column_blob(stmt, 0), (size_t)n);
            t->ntoken = n;
        }
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static bool is_same(const struct site_table *a, const struct site_table *b) {
    if (!a->read || !a->database || !b->database)
        return a->read && !a->database && !b->database;
    return a->ntoken && a->ntoken == b->ntoken &&
           memcmp(a->token, b->token, (size_t)a->ntoken) == 0 &&
           strcmp(a->database, b->database) == 0;
}

int site_table_look(sqlite3 *db, struct site_table *t, bool *fresh, char **message) {
    struct site_table now = *t;
    *fresh = false;
    now.read = true;
    int rc = site_table_find(db, t->name, t->near, &now.database, message);
    if (rc == SQLITE_OK)
        rc = read_token(db, &now);
    if (rc != SQLITE_OK) {
        sqlite3_free(now.database);
        return rc;
    }
    *fresh = is_same(t, &now);
    sqlite3_free(t->database);
    *t = now;
    return SQLITE_OK;
}

void site_table_clear(struct site_table *t) {
    sqlite3_free(t->database);
    t->database = NULL;
    t->read = false;
}

int site_table_rows(sqlite3 *db, const struct site_table *t, sqlite3_stmt **stmt, char **message) {
    *stmt = NULL;
    if (!t->database)
        return SQLITE_OK;
    if (!has_column(db, t->database, t->name, t->columns[0])) {
        *message = sqlite3_mprintf("%s: it has no column %s: schema/site.sql says which it has",
                                   t->name, t->columns[0]);
        return SQLITE_ERROR;
    }
    sqlite3_str *sql = sqlite3_str_new(db);
    for (int i = 0; t->columns[i]; i++) {
        bool there = has_column(db, t->database, t->name, t->columns[i]);
        sqlite3_str_appendf(sql, there ? "%s\"%w\"" : "%sNULL", i ? ", " : "SELECT ",
                            t->columns[i]);
    }
    sqlite3_str_appendf(sql, " FROM \"%w\".\"%w\"", t->database, t->name);
    return prepare(db, stmt, sqlite3_str_finish(sql));
}

int site_table_has_view(sqlite3 *db, const struct site_table *t, const char *view, bool *has) {
    sqlite3_stmt *stmt;
    *has = false;
    if (!t->database)
        return SQLITE_OK;
    int rc = prepare(db, &stmt,
                     sqlite3_mprintf("SELECT 1 FROM \"%w\".sqlite_master WHERE type = 'view' AND "
                                     "name = %Q COLLATE NOCASE",
                                     t->database, view));
    *has = rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW;
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int site_setting(sqlite3 *db, const char *database, const char *name, char **value) {
    sqlite3_stmt *stmt;
    char *found = NULL;
    *value = NULL;
    int rc = database ? SQLITE_OK : site_table_find(db, "settings", NULL, &found, NULL);
    const char *where = database ? database : found;
    if (rc == SQLITE_OK && where && has_column(db, where, "settings", "name") &&
        has_column(db, where, "settings", "value")) {
        rc = prepare(
            db, &stmt,
            sqlite3_mprintf("SELECT value FROM \"%w\".settings WHERE name = %Q", where, name));
        if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW &&
            sqlite3_column_bytes(stmt, 0)) {
            *value = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
            rc = *value ? SQLITE_ROW : SQLITE_NOMEM;
        }
        sqlite3_finalize(stmt);
    }
    sqlite3_free(found);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}
