/* SPDX-License-Identifier: MIT */
/*
** What tests of the extension share: a connection with the extension as a client loads it, from FLOWVT_SO
** or, without, flowvt.so in the build directory BUILD; statements, whose mistakes fail the test; their
** answers as lines.
*/
#ifndef FLOWVT_TEST_CLIENT_H
#define FLOWVT_TEST_CLIENT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A connection to no database file; store: what FLOWVT_STORE is set to, unless NULL. NULL when the
** extension cannot be loaded; it is said why. */
sqlite3 *client_open(const char *store);
/* The same with a new directory for its store, dir as mkdtemp() takes it. */
sqlite3 *client_open_new(char *dir);
/* The same for a connection that is open; false when it cannot be loaded. */
bool client_load(sqlite3 *db);
/* Close it, and remove a directory with all that is in it unless dir is NULL. 0, or -1: one of the two
** did not work. */
int client_close(sqlite3 *db, const char *dir);

void client_run(sqlite3 *db, const char *sql);
/* The first column of the first row; format as of sqlite3_mprintf(). */
int64_t client_one(sqlite3 *db, const char *sql);
int64_t client_onef(sqlite3 *db, const char *format, ...);

/* A line is a row, a value and its type with | between. client_free() them. */
struct lines {
    char **p;
    size_t n;
};
/* sort: by text, because the statement does not order them. */
struct lines client_query(sqlite3 *db, const char *sql, bool sort);
void client_free(struct lines *l);
/* Two statements must give the same lines; returns how many. */
size_t client_agree(sqlite3 *db, const char *a, const char *b, bool sort);

/* How many statements to generate where n are: under a sanitizer (SANITIZED=1) each takes far longer, and
** the first quarter of them has been wherever the others go. */
int test_rounds(int n);

/* 0 to n - 1, in every run the same numbers in the same order. */
uint64_t test_random(uint64_t n);

#endif
