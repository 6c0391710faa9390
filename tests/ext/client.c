/* SPDX-License-Identifier: MIT */
/*
** A connection with the extension, and its answers as lines of text.
*/
#include "client.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static const char *extension(void) {
    static char path[4096];
    const char *build = getenv("BUILD"), *so = getenv("FLOWVT_SO");
    snprintf(path, sizeof path, "%s%s", so ? so : build ? build : "build", so ? "" : "/flowvt.so");
    return path;
}

bool client_load(sqlite3 *db) {
    char *message = NULL;
    sqlite3_enable_load_extension(db, 1);
    if (sqlite3_load_extension(db, extension(), "sqlite3_flowvt_init", &message) == SQLITE_OK)
        return true;
    print_error("%s: %s\n", extension(), message);
    sqlite3_free(message);
    return false;
}

sqlite3 *client_open(const char *store) {
    sqlite3 *db;
    if (store)
        setenv("FLOWVT_STORE", store, 1);
    /* No mutex for each value of each row: of a connection tests use one thread, but for sqlite3_interrupt(). */
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(":memory:", &db, flags, NULL) == SQLITE_OK && client_load(db))
        return db;
    sqlite3_close(db);
    return NULL;
}

sqlite3 *client_open_new(char *dir) {
    return mkdtemp(dir) ? client_open(dir) : NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int client_close(sqlite3 *db, const char *dir) {
    int rc = sqlite3_close(db) == SQLITE_OK ? 0 : -1;
    return dir && nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 ? -1 : rc;
}

void client_run(sqlite3 *db, const char *sql) {
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

int64_t client_one(sqlite3 *db, const char *sql) {
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int64_t v = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return v;
}

int64_t client_onef(sqlite3 *db, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    int64_t v = client_one(db, sql);
    sqlite3_free(sql);
    return v;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct lines client_query(sqlite3 *db, const char *sql, bool sort) {
    sqlite3_stmt *s;
    struct lines out = {0};
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        sqlite3_str *line = sqlite3_str_new(NULL);
        for (int i = 0; i < sqlite3_column_count(s); i++)
            sqlite3_str_appendf(line, "%s%s:%d", i ? "|" : "",
                                sqlite3_column_text(s, i) ? (const char *)sqlite3_column_text(s, i)
                                                          : "",
                                sqlite3_column_type(s, i));
        out.p = realloc(out.p, (out.n + 1) * sizeof *out.p);
        out.p[out.n++] = sqlite3_str_finish(line);
    }
    if (rc != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(s);
    if (sort && out.n > 1)
        qsort(out.p, out.n, sizeof *out.p, by_text);
    return out;
}

void client_free(struct lines *l) {
    for (size_t i = 0; i < l->n; i++)
        sqlite3_free(l->p[i]);
    free(l->p);
}

/* Of one row: the types and what they hold. What is exact is taken as it is, REAL as text. */
static uint64_t hash_row(sqlite3_stmt *s, int columns) {
    uint64_t h = 0;
    for (int i = 0; i < columns; i++) {
        int type = sqlite3_column_type(s, i);
        int64_t integer = type == SQLITE_INTEGER ? sqlite3_column_int64(s, i) : 0;
        const void *p = type == SQLITE_INTEGER ? (void *)&integer : sqlite3_column_text(s, i);
        size_t n = type == SQLITE_INTEGER ? sizeof integer : (size_t)sqlite3_column_bytes(s, i);
        h = XXH3_64bits_withSeed(p ? p : "", n, h + (uint64_t)type);
    }
    return h;
}

/* Of all rows; sorted: in whatever order they come. */
static uint64_t hash_rows(sqlite3 *db, const char *sql, bool sorted, size_t *n) {
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int rc, columns = sqlite3_column_count(s);
    uint64_t h = 0;
    for (*n = 0; (rc = sqlite3_step(s)) == SQLITE_ROW; ++*n)
        h = (sorted ? h : h * UINT64_C(0x9e3779b97f4a7c15)) + hash_row(s, columns);
    if (rc != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(s);
    return h;
}

size_t client_agree(sqlite3 *db, const char *a, const char *b, bool sort) {
    size_t n, m;
    uint64_t h = hash_rows(db, a, sort, &n);
    if (h == hash_rows(db, b, sort, &m) && n == m)
        return n;
    /* They are written out where they differ alone: it takes far longer. */
    struct lines x = client_query(db, a, sort), y = client_query(db, b, sort);
    if (x.n != y.n)
        fail_msg("%zu rows of: %s\n%zu rows of: %s", x.n, a, y.n, b);
    for (size_t i = 0; i < x.n; i++)
        if (strcmp(x.p[i], y.p[i]) != 0)
            fail_msg("row %zu: %s\n%s of: %s\n%s of: %s", i, "", x.p[i], a, y.p[i], b);
    fail_msg("not the same rows, of: %s\nof: %s", a, b);
    return n;
}

int test_rounds(int n) {
    const char *sanitized = getenv("SANITIZED");
    return sanitized && strcmp(sanitized, "1") == 0 ? n / 4 : n;
}

uint64_t test_random(uint64_t n) {
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 33) % n;
}
