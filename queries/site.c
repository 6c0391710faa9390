/* SPDX-License-Identifier: MIT */
/*
** A site's own database: `init` makes it, out of schema/site.sql; `update` brings what is kept in it up
** to date, with all of queries/update/.
*/
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "context.h"
#include "memory.h"
#include "render.h"
#include "run.h"

enum { SITE_VERSION = 5 }; /* schema/site.sql's user_version */

/* The first column of the only row, or `otherwise`. */
static int number(sqlite3 *db, const char *sql, int otherwise) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        otherwise = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return otherwise;
}

/* A database that site.sql did not make is taken as it is. */
static int check_version(const struct context *c, struct session *session) {
    int version = number(session->db, "PRAGMA user_version", 0);
    if (version == 0 || version >= SITE_VERSION)
        return 0;
    fprintf(stderr,
            "flowreport: %s: is of an older version of flowvt: flowreport init %s brings it up to "
            "date, with all that is in it\n",
            c->site, c->site);
    session_close(session);
    return -1;
}

int context_usage(const struct context *c, const struct session *session, const char *report) {
    if (!c->site) {
        fprintf(stderr,
                "flowreport: %s: no site's database, and so no usage: --site SITE.db, or "
                "FLOWVT_SITE; flowreport init SITE.db makes one\n",
                report);
        return -1;
    }
    if (number(session->db, "SELECT EXISTS (SELECT 1 FROM usage)", -1) < 0) {
        fprintf(stderr, "flowreport: %s: %s: has no table usage: flowreport init %s adds it\n",
                report, c->site, c->site);
        return -1;
    }
    return 0;
}

void context_say_empty(const struct context *c, const struct session *session, const char *report) {
    if (number(session->db, "SELECT EXISTS (SELECT 1 FROM usage)", 1) == 0)
        fprintf(stderr,
                "flowreport: %s: nothing is in usage yet: flowreport update --site %s counts what "
                "the store has\n",
                report, c->site);
}

int context_open(struct context *c, struct session *session, bool writable, bool tables) {
    if (session_open(session, c->site, c->store, writable) != 0)
        return -1;
    if (c->site || !tables)
        return c->site ? check_version(c, session) : 0;
    char *file = catalog_file(&c->catalog, "site.sql");
    int rc = -1;
    if (!file)
        fprintf(stderr,
                "flowreport: site.sql: not found: it belongs into schema/ beside queries/\n");
    else
        rc = session_run_file(session, file);
    free(file);
    if (rc != 0)
        session_close(session);
    return rc;
}

static int set_store(struct session *s, const char *store) {
    char path[PATH_MAX];
    sqlite3_stmt *statement = NULL;
    /* From wherever the database is opened: the whole path. */
    if (!realpath(store, path)) {
        fprintf(stderr, "flowreport: --store %s: %s: a directory with flow files\n", store,
                strerror(errno));
        return -1;
    }
    int rc = sqlite3_prepare_v2(s->db, "INSERT OR REPLACE INTO settings VALUES ('store', ?)", -1,
                                &statement, NULL);
    sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    sqlite3_finalize(statement);
    if (rc != SQLITE_DONE)
        fprintf(stderr, "flowreport: settings: %s\n", sqlite3_errmsg(s->db));
    return rc == SQLITE_DONE ? 0 : -1;
}

int command_init(struct context *c) {
    const struct settings *s = &c->settings;
    if (s->word_count != 2) {
        fprintf(stderr, "flowreport: init: one file: flowreport init SITE.db [--store STORE]\n");
        return EXIT_WRONG;
    }
    if (settings_none_left(s, "init") != 0)
        return EXIT_WRONG;
    char *file = catalog_file(&c->catalog, "site.sql");
    if (!file) {
        fprintf(stderr,
                "flowreport: site.sql: not found: it belongs into schema/ beside queries/\n");
        return EXIT_WRONG;
    }
    struct session session;
    const char *path = s->words[1];
    bool is_new = access(path, F_OK) != 0;
    int rc = session_open(&session, path, c->store, true);
    if (rc == 0) {
        rc = session_run_file(&session, file);
        if (rc == 0 && c->store)
            rc = set_store(&session, c->store);
        session_close(&session);
        if (rc != 0 && is_new)
            unlink(path);
    }
    free(file);
    return rc == 0 ? 0 : EXIT_WRONG;
}

/* Is anything in the table temp.update_more, in which a file of queries/update/ leaves what it has not looked at yet? */
static bool has_more(struct session *session) {
    sqlite3_stmt *stmt = NULL;
    bool more = sqlite3_prepare_v2(session->db, "SELECT 1 FROM temp.update_more", -1, &stmt,
                                   NULL) == SQLITE_OK &&
                sqlite3_step(stmt) == SQLITE_ROW;
    sqlite3_finalize(stmt);
    return more;
}

/* Runs the file until it leaves nothing to do, each time in transactions of its own: what was
** done stays done when it is ended. What it returns is printed, and nothing when that is nothing, for cron. */
static int update(struct session *session, const struct report *report,
                  const struct settings *settings) {
    for (;;) {
        char *text = NULL;
        size_t size;
        long long rows = 0;
        FILE *f = memory_open(&text, &size);
        struct renderer *r = render_table(f);
        int rc = run_report(session, report, settings, r, 0, &rows);
        r->free(r);
        memory_close(f);
        if (rc == 0 && rows > 0)
            fputs(text, stdout);
        fflush(stdout);
        free(text);
        if (rc != 0 || !has_more(session))
            return rc;
    }
}

int command_update(struct context *c) {
    struct session session;
    if (!c->site) {
        fprintf(stderr,
                "flowreport: update: no site: --site SITE.db, or FLOWVT_SITE; flowreport init "
                "makes one\n");
        return EXIT_WRONG;
    }
    if (access(c->site, F_OK) != 0) {
        fprintf(stderr, "flowreport: %s: no such database: flowreport init %s makes it\n", c->site,
                c->site);
        return EXIT_WRONG;
    }
    catalog_read(&c->catalog, "update");
    static char batch[] = "24";
    if (c->store)
        settings_give(&c->settings, "store", c->store);
    if (!settings_value(&c->settings, "hours"))
        settings_give(&c->settings, "hours", batch);
    for (size_t i = 0; i < c->catalog.report_count; i++)
        if (settings_check(&c->settings, &c->catalog.reports[i]) != 0)
            return EXIT_WRONG;
    if (session_open(&session, c->site, c->store, true) != 0 || check_version(c, &session) != 0)
        return EXIT_WRONG;
    int rc = 0;
    for (size_t i = 0; i < c->catalog.report_count && rc == 0; i++)
        rc = update(&session, &c->catalog.reports[i], &c->settings);
    session_close(&session);
    return rc == 0 ? 0 : EXIT_WRONG;
}
