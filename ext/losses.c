/* SPDX-License-Identifier: MIT */
/*
** losses() is a statement over the tables of the connection, so that it looks where the report looked.
*/
#include "losses.h"
#include "overrides.h"
#include "query.h"
#include "vtab.h"

#include <sys/statvfs.h>

#include "../schema/clock.h"

SQLITE_EXTENSION_INIT3

/* Sequence numbers of v9 and sFlow count datagrams, those of the others flows (IPFIX: options data, too). */
static const char statement[] =
    "WITH e AS ("
    " SELECT exporter, odid, min(sampling) AS low, max(sampling) AS high, sum(flows) AS flows,"
    "  sum(CASE WHEN version IN ('v9', 'sflow') THEN 0 ELSE flows + options END) AS records,"
    "  sum(CASE WHEN version IN ('v9', 'sflow') THEN 0 ELSE lost END) AS lost,"
    "  sum(CASE WHEN version IN ('v9', 'sflow') THEN datagrams ELSE 0 END) AS datagrams,"
    "  sum(CASE WHEN version IN ('v9', 'sflow') THEN lost ELSE 0 END) AS missing,"
    "  sum(no_template) AS no_template, sum(malformed) AS malformed"
    " FROM flow_exporters(?1, ?2, ?3) GROUP BY exporter, odid"
    "), t AS ("
    " SELECT count(*) AS n, sum(flows) AS flows, sum(records) AS records, max(sum(lost), 0) AS "
    "lost,"
    "  sum(datagrams) AS datagrams, max(sum(missing), 0) AS missing, sum(no_template) AS "
    "no_template,"
    "  sum(malformed) AS malformed, min(low) AS low, max(high) AS high, sum(high > 1) AS sampled,"
    "  coalesce((SELECT sum(drops) + sum(ring_drops) FROM flow_sockets(?1, ?2, ?3)), 0) AS dropped"
    " FROM e"
    ") SELECT CASE WHEN n = 0 THEN 'no flows: no file of the store is in that time' ELSE"
    "  CASE WHEN lost + missing + no_template + malformed + dropped = 0 THEN 'nothing lost' ELSE "
    "substr("
    "   CASE WHEN lost THEN printf(', lost %d of %d flows (%.2f %%)', lost, records + lost,"
    "    100.0 * lost / (records + lost)) ELSE '' END ||"
    "   CASE WHEN missing THEN printf(', lost %d of %d datagrams (%.2f %%)', missing, datagrams + "
    "missing,"
    "    100.0 * missing / (datagrams + missing)) ELSE '' END ||"
    "   CASE WHEN dropped THEN printf(', %d datagrams of the lost dropped here', dropped) ELSE '' "
    "END ||"
    "   CASE WHEN no_template THEN printf(', %d sets without a template', no_template) ELSE '' END "
    "||"
    "   CASE WHEN malformed THEN printf(', %d datagrams malformed', malformed) ELSE '' END, 3) END "
    "||"
    "  CASE WHEN sampled THEN printf(', sampled 1 in %d%s by %d of %d', high,"
    "   CASE WHEN low < high THEN printf(' (least: 1 in %d)', low) ELSE '' END, sampled, n)"
    "  ELSE ', not sampled' END || coalesce(?4, '') ||"
    "  printf(': %d flows of %d exporter%s', flows, n, CASE WHEN n = 1 THEN '' ELSE 's' END)"
    " END FROM t";

/* NULL stands for a parameter that was not given. */
static sqlite3_value *given(sqlite3_value *v) {
    return value_is_null(v) ? NULL : v;
}

/* Is the time that is asked for one? Else the result is an error. */
static bool is_window(sqlite3_context *ctx, sqlite3_value **argv, struct window *w) {
    char *message = NULL;
    if (query_read_window(given(argv[0]), given(argv[1]), now_ms(), w, &message) == SQLITE_OK)
        return true;
    if (message)
        sqlite3_result_error(ctx, message, -1);
    else
        sqlite3_result_error_nomem(ctx);
    sqlite3_free(message);
    return false;
}

/* The rates of sampling_overrides in that time, in memory of sqlite3_malloc(); NULL when there are none. */
static char *overridden(sqlite3 *db, const struct window *w) {
    struct overrides *o;
    char *message = NULL, *text = NULL;
    int64_t low = INT64_MAX, high = 0;
    if (overrides_read(db, "main", now_ms(), &o, &message) != SQLITE_OK)
        o = NULL; /* who counts flows says why */
    for (uint32_t i = 0; o && i < o->n; i++)
        if (o->row[i].since < w->until && w->since < o->row[i].until) {
            low = o->row[i].rate < low ? o->row[i].rate : low;
            high = o->row[i].rate > high ? o->row[i].rate : high;
        }
    if (high && low < high)
        text =
            sqlite3_mprintf(", but counted as 1 in %lld to %lld by sampling_overrides", low, high);
    else if (high)
        text = sqlite3_mprintf(", but counted as 1 in %lld by sampling_overrides", high);
    overrides_free(o);
    sqlite3_free(message);
    return text;
}

/* What is wrong with the store is what there is to say: reports of usage need no store. */
static void losses(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    sqlite3 *db = sqlite3_context_db_handle(ctx);
    sqlite3_stmt *s;
    struct window w;
    if (!is_window(ctx, argv, &w))
        return;
    int rc = sqlite3_prepare_v2(db, statement, -1, &s, NULL);
    for (int i = 0; rc == SQLITE_OK && i < argc; i++)
        rc = sqlite3_bind_value(s, i + 1, argv[i]);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(s, argc + 1, overridden(db, &w), -1, sqlite3_free);
    if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        sqlite3_result_value(ctx, sqlite3_column_value(s, 0));
    } else if (rc == SQLITE_ERROR) {
        char *text = sqlite3_mprintf("not known: %s", sqlite3_errmsg(db));
        sqlite3_result_text(ctx, text, -1, sqlite3_free);
    } else {
        sqlite3_result_error(ctx, sqlite3_errmsg(db), -1);
        sqlite3_result_error_code(ctx, rc);
    }
    sqlite3_finalize(s);
}

/* What is said of since, where nothing is called so. */
static const char *unnamed(const char *message) {
    static const char name[] = "since: ";
    return message + (strncmp(message, name, sizeof name - 1) == 0 ? sizeof name - 1 : 0);
}

static void flow_time(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    struct window w;
    char *message = NULL, *named, text[FLOW_TIME_TEXT];
    if (value_is_null(argv[0]))
        return;
    if (query_read_window(argv[0], NULL, now_ms(), &w, &message) == SQLITE_OK)
        result_text(ctx, text, flow_time_text(w.since, text));
    else if (message && argc == 1)
        sqlite3_result_error(ctx, unnamed(message), -1);
    else if (message &&
             (named = sqlite3_mprintf("%s: %s", sqlite3_value_text(argv[1]), unnamed(message)))) {
        sqlite3_result_error(ctx, named, -1);
        sqlite3_free(named);
    } else {
        sqlite3_result_error_nomem(ctx);
    }
    sqlite3_free(message);
}

static void disk_free(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    const char *path = (const char *)sqlite3_value_text(argv[0]);
    struct statvfs st;
    if (path && statvfs(path, &st) == 0)
        sqlite3_result_int64(ctx, (int64_t)st.f_bavail * (int64_t)st.f_frsize);
}

static const struct {
    const char *name;
    int args, flags;
    void (*function)(sqlite3_context *, int, sqlite3_value **);
} functions[] = {
    {"losses", 3, SQLITE_UTF8 | SQLITE_DIRECTONLY, losses},
    {"flow_time", 1, SQLITE_UTF8 | SQLITE_INNOCUOUS, flow_time},
    {"flow_time", 2, SQLITE_UTF8 | SQLITE_INNOCUOUS, flow_time},
    {"disk_free", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, disk_free},
};

int losses_register(sqlite3 *db) {
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof functions / sizeof *functions; i++)
        rc =
            sqlite3_create_function_v2(db, functions[i].name, functions[i].args, functions[i].flags,
                                       NULL, functions[i].function, NULL, NULL, NULL);
    return rc;
}
