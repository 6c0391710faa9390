/* SPDX-License-Identifier: MIT */
/*
** Reading hosts into a structure for look-ups, in a database of site.sql from its view hosts_by_address, in which
** those that are known by their MAC address have the addresses that they had.
*/
#include "hosts.h"

#include <stdlib.h>

#include "prefixes.h"
#include "site_table.h"
#include "texts.h"
#include "window.h"

SQLITE_EXTENSION_INIT3

enum { CIDR, NAME, USER, GROUP, FROM, UNTIL };

static const struct site_table table = {
    .name = "hosts",
    .columns = {"cidr", "name", "user", "user_group", "valid_from", "valid_until"}};

struct host {
    const char *value[HOST_COLUMNS]; /* NULL: none */
    int64_t from, until;             /* from <= ms < until */
};

/* Rows of one prefix are neighbours in prefix[]; the look-up finds the first. */
struct hosts {
    struct site_table table;
    struct texts texts;
    struct prefix_list list;
    struct host *host; /* by prefix[].row */
    struct prefixes *prefixes;
};

/* ---- reading ---------------------------------------------------------------------------- */

static bool add(struct hosts *h, const struct flow_ip *ip, unsigned length,
                const struct host *host) {
    uint32_t n = h->list.n;
    if ((n & (n - 1)) == 0) { /* a power of two: full, or empty */
        struct host *more = realloc(h->host, (n ? (size_t)n * 2 : 1) * sizeof *more);
        if (!more)
            return false;
        h->host = more;
    }
    h->host[n] = *host;
    return prefix_list_add(&h->list, ip, length);
}

/* The time in a column, or open when it has none. */
static bool read_time(sqlite3_stmt *stmt, int column, int64_t open, int64_t *ms) {
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    struct window_value value = {.type = WINDOW_TEXT, .text = text};
    struct window w;
    char err[512];
    *ms = open;
    if (!text || !*text)
        return true;
    value.n = (size_t)sqlite3_column_bytes(stmt, column);
    if (window_parse(&value, NULL, 0, &w, err, sizeof err) != 0)
        return false;
    *ms = w.since;
    return true;
}

static int wrong(char **message, const char *cidr, const char *what, const char *right) {
    *message = sqlite3_mprintf("hosts: %s: %s: write %s", cidr ? cidr : "", what, right);
    return *message ? SQLITE_ERROR : SQLITE_NOMEM;
}

static int read_row(struct hosts *h, sqlite3_stmt *stmt, char **message) {
    const char *cidr = (const char *)sqlite3_column_text(stmt, CIDR);
    struct host row;
    struct flow_ip ip;
    unsigned length;
    if (!cidr || !*cidr)
        return SQLITE_OK;
    if (flow_net_split(cidr, (size_t)sqlite3_column_bytes(stmt, CIDR), &ip, &length) != 0)
        return wrong(message, cidr, "no address or network", "192.0.2.1 or 2001:db8::/64");
    if (!read_time(stmt, FROM, INT64_MIN, &row.from) ||
        !read_time(stmt, UNTIL, INT64_MAX, &row.until))
        return wrong(message, cidr, "valid_from or valid_until is no time", "2026-11-23 10:00");
    for (int c = 0; c < HOST_COLUMNS; c++)
        if (!texts_column(&h->texts, stmt, NAME + c, &row.value[c]))
            return SQLITE_NOMEM;
    return add(h, &ip, length, &row) ? SQLITE_OK : SQLITE_NOMEM;
}

/* A statement for the columns of the view, or NULL where the database has none. */
static int view_rows(sqlite3 *db, const struct hosts *h, sqlite3_stmt **stmt) {
    char *sql = sqlite3_mprintf("SELECT cidr, name, user, user_group, valid_from, valid_until "
                                "FROM \"%w\".hosts_by_address ORDER BY rank",
                                h->table.database);
    int rc = sql ? sqlite3_prepare_v2(db, sql, -1, stmt, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return rc;
}

static int build(sqlite3 *db, struct hosts *h, char **message) {
    sqlite3_stmt *stmt = NULL;
    bool viewed = false;
    int rc = site_table_has_view(db, &h->table, "hosts_by_address", &viewed);
    if (rc == SQLITE_OK)
        rc = viewed ? view_rows(db, h, &stmt) : site_table_rows(db, &h->table, &stmt, message);
    while (rc == SQLITE_OK && stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        rc = read_row(h, stmt, message);
    sqlite3_finalize(stmt);
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        return rc;
    h->prefixes = prefixes_new(h->list.prefix, h->list.n);
    return h->prefixes ? SQLITE_OK : SQLITE_NOMEM;
}

static void clear_rows(struct hosts *h) {
    texts_free(&h->texts);
    prefixes_free(h->prefixes);
    prefix_list_clear(&h->list);
    free(h->host);
    h->prefixes = NULL;
    h->host = NULL;
}

struct hosts *hosts_new(void) {
    struct hosts *h = calloc(1, sizeof *h);
    if (h)
        h->table = table;
    return h;
}

int hosts_refresh(sqlite3 *db, struct hosts *h, char **message) {
    bool fresh;
    int rc = site_table_look(db, &h->table, &fresh, message);
    if (rc == SQLITE_OK && !fresh) {
        clear_rows(h);
        rc = build(db, h, message);
    }
    if (rc != SQLITE_OK)
        site_table_clear(&h->table);
    return rc;
}

void hosts_free(struct hosts *h) {
    if (!h)
        return;
    site_table_clear(&h->table);
    clear_rows(h);
    free(h);
}

/* ---- answers ---------------------------------------------------------------------------- */

const char *hosts_find(const struct hosts *h, enum host_column column, const struct flow_ip *ip,
                       int64_t ms) {
    uint32_t at = prefixes_find(h->prefixes, ip);
    for (; at != PREFIX_NONE; at = h->list.prefix[at].parent)
        for (uint32_t i = at;
             i < h->list.n && prefix_is_same(&h->list.prefix[i], &h->list.prefix[at]); i++) {
            const struct host *host = &h->host[h->list.prefix[i].row];
            if (host->value[column] && host->from <= ms && ms < host->until)
                return host->value[column];
        }
    return NULL;
}
