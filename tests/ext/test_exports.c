/* SPDX-License-Identifier: MIT */
/*
** flows_csv and flows_ndjson against text made of the ordinary table by SQLite's own functions.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "schema/store.h"
#include "tests/ext/client.h"
#include "tests/ext/twin.h"

/* Columns of plain as the table holds them, one expression a column. */
static char *plain_lines(const char *format, const char *between, const char *head,
                         const char *tail) {
    sqlite3_str *s = sqlite3_str_new(NULL);
    sqlite3_str_appendf(s, "SELECT %s", head);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        sqlite3_str_appendall(s, f ? between : "");
        const char *n = flow_fields[f].name;
        sqlite3_str_appendf(s, format, n, n, n, n, n);
    }
    sqlite3_str_appendf(s, "%s FROM plain", tail);
    return sqlite3_str_finish(s);
}

/* All rows of text of a statement, with newlines between as sqlite3 prints them. */
static char *all_text(const char *sql) {
    sqlite3_stmt *s;
    sqlite3_str *out = sqlite3_str_new(NULL);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW)
        sqlite3_str_appendf(out, "%s\n", sqlite3_column_text(s, 0));
    if (rc != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(s);
    return sqlite3_str_finish(out);
}

static void same_text(const char *a, const char *b) {
    char *x = all_text(a), *y = all_text(b);
    size_t i = 0;
    while (x[i] && x[i] == y[i])
        i++;
    if (x[i] || y[i])
        fail_msg("at %zu: %.80s, not %.80s: %.100s, %.100s", i, x + i, y + i, a, b);
    sqlite3_free(x);
    sqlite3_free(y);
}

static void exports(void **state) {
    (void)state;
    static const char *const threads[] = {"1", "2", "5"};
    sqlite3_str *list = sqlite3_str_new(NULL);
    for (int f = 0; f < FLOW_NFIELDS; f++)
        sqlite3_str_appendf(list, "%s%s", f ? " , " : "", flow_fields[f].name);
    char *names = sqlite3_str_finish(list);
    char *csv =
        sqlite3_mprintf("SELECT text FROM flows_csv WHERE columns = '%s' AND header = 0", names);
    char *json = sqlite3_mprintf("SELECT text FROM flows_ndjson WHERE columns = '%s'", names);
    char *plain_json =
        plain_lines("'\"%w\":' || json_quote(\"%w\")", " || ',' || ", "'{' || ", " || '}'");
    char *plain_csv =
        plain_lines("CASE WHEN \"%w\" IS NULL THEN '' WHEN \"%w\" = '' OR \"%w\" GLOB"
                    " '*[,\"' || char(10, 13) || ']*' THEN '\"' || replace(\"%w\", '\"',"
                    " '\"\"') || '\"' ELSE \"%w\" END",
                    " || ',' || ", "", "");
    for (int i = 0; i < 3; i++) {
        setenv("FLOWVT_THREADS", threads[i], 1);
        same_text(csv, plain_csv);
        same_text(json, plain_json);
        same_text("SELECT text FROM flows_csv WHERE columns = 'duration,tstart_ms,srcip'",
                  "SELECT 'duration,tstart_ms,srcip' UNION ALL SELECT * FROM (SELECT"
                  " coalesce(duration, '') || ',' || coalesce(tstart_ms, '') || ',' ||"
                  " coalesce(srcip, '') FROM plain)");
        same_text("SELECT text FROM flows_ndjson(NULL, NULL, 'proto tcp', NULL, 'bpp, pps,dscp,"
                  "srcnet')",
                  "SELECT json_object('bpp', bpp, 'pps', pps, 'dscp', dscp, 'srcnet', srcnet)"
                  " FROM flows WHERE proto = 6");
    }
    unsetenv("FLOWVT_THREADS");
    same_text("SELECT text FROM flows_csv WHERE filter = 'proto 6 and proto 17' AND columns ="
              " 'srcip'",
              "SELECT 'srcip'");
    /* Ended before its end. */
    assert_int_equal(client_one(db, "SELECT count(*) FROM (SELECT text FROM flows_csv LIMIT 1)"),
                     1);
    sqlite3_free(names);
    sqlite3_free(csv);
    sqlite3_free(json);
    sqlite3_free(plain_csv);
    sqlite3_free(plain_json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exports),
    };
    return cmocka_run_group_tests_name("ext/exports", tests, twin_setup, twin_teardown);
}
