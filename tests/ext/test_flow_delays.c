/* SPDX-License-Identifier: MIT */
/*
** flow_delays against what SQLite makes of the same flows, in any number of threads.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ext/client.h"
#include "tests/ext/twin.h"

static void agree(const char *where) {
    char *x = sqlite3_mprintf("SELECT exporter, odid, version, flows, timed, least_ms, "
                              "round(average_ms, 3), greatest_ms, early"
                              " FROM flow_delays WHERE %s",
                              where);
    char *y = sqlite3_mprintf("SELECT exporter, odid, version, count(*), count(trecv_ms - "
                              "tend_ms), min(trecv_ms - tend_ms),"
                              " round(avg(trecv_ms - tend_ms), 3), max(trecv_ms - tend_ms), "
                              "count(CASE WHEN tend_ms > trecv_ms THEN 1 END)"
                              " FROM flows WHERE %s GROUP BY 1, 2, 3",
                              where);
    assert_true(client_agree(db, x, y, true) > 0);
    sqlite3_free(x);
    sqlite3_free(y);
}

static void are_those_of_flows(void **state) {
    (void)state;
    static const char *const threads[] = {"1", "2", "3"};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        setenv("FLOWVT_THREADS", threads[i], 1);
        agree("1");
        agree("filter = 'src port > 100'");
        agree("filter = 'src port > 100' AND since = 1700000005");
        agree("since = 1700000003 AND until = 1700000015");
    }
    unsetenv("FLOWVT_THREADS");
    client_agree(db, "SELECT count(*) FROM flow_delays('2001-01-01', '2001-01-02')", "SELECT 0",
                 false);
    client_agree(db, "SELECT * FROM flow_delays",
                 "SELECT * FROM (SELECT * FROM flow_delays LIMIT 1000) ORDER BY exporter IS NOT "
                 "NULL, exporter COLLATE ip, odid, version",
                 false);
}

static void mistakes_are_named(void **state) {
    (void)state;
    assert_int_equal(
        sqlite3_exec(db, "SELECT * FROM flow_delays(NULL, NULL, 'src prt 5')", NULL, NULL, NULL),
        SQLITE_ERROR);
    assert_non_null(strstr(sqlite3_errmsg(db), "prt"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_those_of_flows),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests_name("ext/flow_delays", tests, twin_setup, twin_teardown);
}
