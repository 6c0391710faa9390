/* SPDX-License-Identifier: MIT */
/*
** From the rows of billing_exporters to a filter: a network stands without the longer ones in it, so that each address is in
** one term, and the last term is of those in no network.
*/
#include "billing.h"
#include "site_table.h"

#include <stddef.h>

SQLITE_EXTENSION_INIT3

static const char query[] =
    "WITH b(cidr, net, exporter, length) AS ("
    "    SELECT cidr, iif(instr(cidr, '/'), '%s net ', '%s ip ') || cidr, exporter,"
    "           iif(instr(cidr, '/'), CAST(substr(cidr, instr(cidr, '/') + 1) AS INTEGER), 128)"
    "    FROM \"%w\".billing_exporters)"
    "SELECT group_concat(term, ' or ') FROM ("
    "    SELECT '(' || net || coalesce((SELECT group_concat(' and not ' || s.net, '') FROM b AS s"
    "        WHERE s.length > b.length AND ip_in(substr(s.cidr, 1, instr(s.cidr || '/', '/') - 1), "
    "b.cidr)), '')"
    "        || ' and router ip ' || exporter || ')' AS term FROM b"
    "    UNION ALL SELECT '(not ' || group_concat(net, ' and not ') || ')' FROM b)";

int billing_filter(sqlite3 *db, const char *near, int receiver, char **filter, char **message) {
    struct site_table t = {
        .name = "billing_exporters", .columns = {"cidr", "exporter"}, .near = near};
    const char *end = receiver ? "dst" : "src";
    sqlite3_stmt *stmt = NULL;
    bool fresh;
    *filter = NULL;
    int rc = site_table_look(db, &t, &fresh, message);
    char *sql = rc == SQLITE_OK && t.database ? sqlite3_mprintf(query, end, end, t.database) : NULL;
    if (rc == SQLITE_OK && t.database)
        rc = sql ? sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) : SQLITE_NOMEM;
    if (stmt && sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0))
        *filter = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
    int last = sqlite3_finalize(stmt);
    rc = rc == SQLITE_OK ? last : rc;
    if (rc == SQLITE_ERROR && !*message)
        *message = sqlite3_mprintf("billing_exporters: %s: schema/site.sql says what it has",
                                   sqlite3_errmsg(db));
    sqlite3_free(sql);
    site_table_clear(&t);
    return rc;
}
