/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ext/progress.h"
#include "memory.h"
#include "place.h"
#include "report_file.h"
#include "session.h"

static int load(sqlite3 *db) {
    char *paths[PLACES], *error = NULL;
    size_t n = extension_places(paths);
    int rc = SQLITE_ERROR;
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    for (size_t i = 0; i < n && rc != SQLITE_OK; i++) {
        sqlite3_free(error);
        error = NULL;
        rc = sqlite3_load_extension(db, paths[i], "sqlite3_flowvt_init", &error);
    }
    if (rc != SQLITE_OK)
        fprintf(stderr, "flowreport: flowvt.so: %s: it should be where the loader looks\n",
                error ? error : "cannot be loaded");
    sqlite3_free(error);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    for (size_t i = 0; i < n; i++)
        free(paths[i]);
    return rc == SQLITE_OK ? 0 : -1;
}

/* The extension tells wait.c how far it is. */
static void listen_to(struct session *s) {
    sqlite3_stmt *statement = NULL;
    wait_begin(&s->wait);
    sqlite3_progress_handler(s->db, 10000, wait_step, &s->wait);
    if (sqlite3_prepare_v2(s->db, "SELECT flowvt_progress(?1)", -1, &statement, NULL) == SQLITE_OK)
        sqlite3_bind_pointer(statement, 1, &s->wait.progress, FLOWVT_PROGRESS, NULL);
    sqlite3_step(statement);
    sqlite3_finalize(statement);
}

int session_open(struct session *s, const char *site, const char *store, bool writable) {
    *s = (struct session){0};
    if (store)
        setenv("FLOWVT_STORE", store, 1);
    if (site && access(site, F_OK) != 0 && !writable) {
        fprintf(stderr, "flowreport: %s: no such database: flowreport init %s makes it\n", site,
                site);
        return -1;
    }
    int flags = !site      ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                : writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                           : SQLITE_OPEN_READONLY;
    /* It is opened when it is read, which another one's commit may have to end for. */
    if (sqlite3_open_v2(site ? site : ":memory:", &s->db, flags, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(s->db, 10000) != SQLITE_OK ||
        sqlite3_exec(s->db, "PRAGMA schema_version", NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "flowreport: %s: %s\n", site ? site : "memory", sqlite3_errmsg(s->db));
        sqlite3_close(s->db);
        return -1;
    }
    if (writable && sqlite3_db_readonly(s->db, "main") == 1) {
        fprintf(stderr,
                "flowreport: %s: cannot be written to: its owner may, and to the directory that it "
                "is in\n",
                site);
        sqlite3_close(s->db);
        return -1;
    }
    if (load(s->db) != 0) {
        sqlite3_close(s->db);
        return -1;
    }
    listen_to(s);
    return 0;
}

int session_run_file(struct session *s, const char *path) {
    struct report file;
    if (!path)
        return 0;
    if (report_read(&file, path, path) != 0) {
        fprintf(stderr, "flowreport: %s: %s\n", path, strerror(errno));
        return -1;
    }
    const char *at = file.statements;
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK) {
        struct remarks remarks;
        sqlite3_stmt *statement = NULL;
        at = next_statement(at, &remarks);
        remarks_free(&remarks);
        if (*at == '\0')
            break;
        rc = sqlite3_prepare_v2(s->db, at, -1, &statement, &at);
        while (statement && rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
            rc = SQLITE_OK;
        if (rc == SQLITE_DONE)
            rc = SQLITE_OK;
        sqlite3_finalize(statement);
    }
    if (rc != SQLITE_OK && !wait_stopped())
        fprintf(stderr, "flowreport: %s: %s\n", path, sqlite3_errmsg(s->db));
    report_free(&file);
    return rc == SQLITE_OK ? 0 : -1;
}

int session_timezone(struct session *s, const char *given) {
    sqlite3_stmt *statement = NULL;
    int rc = 0;
    /* A file that init did not make has no settings, and UTC. */
    if (given)
        sqlite3_prepare_v2(s->db, "SELECT ?1, local_time('2026-01-01', ?1)", -1, &statement, NULL);
    else
        sqlite3_prepare_v2(s->db, "SELECT value FROM settings WHERE name = 'timezone'", -1,
                           &statement, NULL);
    if (!statement)
        return 0;
    if (given)
        sqlite3_bind_text(statement, 1, given, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        const char *zone = (const char *)sqlite3_column_text(statement, 0);
        setenv("TZ", zone ? zone : "UTC", 1);
        tzset();
    } else if (given) {
        fprintf(stderr, "flowreport: --timezone: %s\n", sqlite3_errmsg(s->db));
        rc = -1;
    }
    sqlite3_finalize(statement);
    return rc;
}

int session_window(struct session *s, const char *report, const char *since, const char *until) {
    sqlite3_stmt *statement = NULL;
    int rc = 0;
    if (!since || !until)
        return 0;
    sqlite3_prepare_v2(s->db, "SELECT flow_time(?1) >= flow_time(?2), flow_time(?1), flow_time(?2)",
                       -1, &statement, NULL);
    sqlite3_bind_text(statement, 1, since, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, until, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0)) {
        fprintf(stderr, "flowreport: %s: --since %s is not before --until %s: %s and %s\n", report,
                since, until, sqlite3_column_text(statement, 1), sqlite3_column_text(statement, 2));
        rc = -1;
    }
    sqlite3_finalize(statement);
    return rc;
}

void session_close(struct session *s) {
    wait_end(&s->wait);
    sqlite3_close(s->db);
    s->db = NULL;
}
