/* SPDX-License-Identifier: MIT */
/*
** The tables of a site (schema/site.sql) as the SQL functions read them: which database of the connection has one, its
** rows, and whether it has changed since.
**
** A table is looked for in temp, main and then the attached databases; views are none. Which of several attached ones is
** meant, nobody knows. A table of flows that a site's database has goes by what is in that database. It need not be as site.sql
** makes it: columns that are missing are NULL in all rows. In a database of site.sql, triggers note each change of a
** table in site_changes, which is all that is read of it as long as it stays the same; other tables are read again
** for each statement that needs them.
*/
#ifndef FLOWVT_SITE_TABLE_H
#define FLOWVT_SITE_TABLE_H

#include <sqlite3ext.h>
#include <stdbool.h>
#include <stdint.h>

enum { SITE_TOKEN = 16, SITE_COLUMNS = 8 };

struct site_table {
    const char *name;
    const char *columns[SITE_COLUMNS + 1]; /* NULL behind the last; the first must be there */
    const char *near;                      /* the database that goes before main, or NULL */
    /* What was read: */
    bool read;
    char *database; /* NULL: there was none */
    int ntoken;     /* octets; 0: changes are not noted */
    uint8_t token[SITE_TOKEN];
};

/* The database that has the table: temp, near (NULL: none), main or another one; a new string, NULL when none has it. An
** SQLite result code; with a sentence in *message when several others have rows in it. Without message the first one. */
int site_table_find(sqlite3 *db, const char *table, const char *near, char **database,
                    char **message);

/* Before a statement needs the table: *fresh is set when what was read of it still holds, else t becomes the table as it
** is now. The transaction of the statement that runs sees the same. As above. */
int site_table_look(sqlite3 *db, struct site_table *t, bool *fresh, char **message);
void site_table_clear(struct site_table *t);

/* A statement for the columns of all rows; *stmt is NULL when there is no table. A result code; with a
** sentence in *message when the first column is missing. */
int site_table_rows(sqlite3 *db, const struct site_table *t, sqlite3_stmt **stmt, char **message);

/* Whether the database that has the table has a view of that name, too. A result code. */
int site_table_has_view(sqlite3 *db, const struct site_table *t, const char *view, bool *has);

/* The value of that name in the table settings of the database (NULL: the first one that has such a table): a new string
** in *value, or NULL when there is none, or an empty one. */
int site_setting(sqlite3 *db, const char *database, const char *name, char **value);

#endif
