/* SPDX-License-Identifier: MIT */
/*
** Flows in the order that a statement asks for, with memory and without, by one thread and by many.
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

enum { QUERIES = 800, WITHOUT_MEMORY = 120 };

/* Some of the columns, in an order; what is shown is what is ordered by, so that rows that may come
** in any order are alike. */
static char *some_order(void) {
    const char *c[3] = {twin_columns[test_random(TWIN_COLUMNS)],
                        twin_columns[test_random(TWIN_COLUMNS)],
                        twin_columns[test_random(TWIN_COLUMNS)]};
    static const char *const how[] = {
        "", " DESC", " ASC", " DESC", " DESC NULLS LAST", " COLLATE NOCASE"};
    const char *h[3];
    for (int i = 0; i < 3; i++)
        h[i] = how[test_random(test_random(8) ? 4 : 6)];
    char *where = twin_where(), *limit = sqlite3_mprintf(""), *sql;
    if (test_random(3) == 0) {
        sqlite3_free(limit);
        limit = test_random(2) ? sqlite3_mprintf(" LIMIT %d", (int)test_random(700))
                               : sqlite3_mprintf(" LIMIT %d OFFSET %d", (int)test_random(700),
                                                 (int)test_random(2000));
    }
    if (test_random(3) == 0) { /* what is taken over whole */
        sqlite3_free(where);
        where = sqlite3_mprintf(test_random(2) ? "1" : "proto IS NOT NULL");
    }
    switch (test_random(8)) {
    case 0:
        sql = sqlite3_mprintf("SELECT DISTINCT %s, %s FROM %%s WHERE %s ORDER BY 1%s, 2%s%s", c[0],
                              c[1], where, h[0], h[1], limit);
        break;
    case 1:
        sql = sqlite3_mprintf("SELECT %s, count(*), sum(raw_packets), min(%s) FROM %%s WHERE %s"
                              " GROUP BY 1 ORDER BY 1%s%s",
                              c[0], c[1], where, h[0], limit);
        break;
    case 2:
        sql = sqlite3_mprintf("SELECT %s, count(DISTINCT %s) FROM %%s WHERE %s GROUP BY 1%s", c[0],
                              c[1], where, test_random(2) ? " ORDER BY 1 DESC" : "");
        break;
    case 3:
        sql = sqlite3_mprintf("SELECT count(DISTINCT %s), 1 FROM %%s WHERE %s", c[0], where);
        break;
    case 4:
        sql = sqlite3_mprintf("SELECT %s FROM %%s WHERE %s UNION SELECT %s FROM %%s ORDER BY 1%s",
                              c[0], where, c[1], limit);
        break;
    default:
        sql = sqlite3_mprintf("SELECT %s, %s, %s FROM %%s WHERE %s ORDER BY %s%s, %s%s, %s%s%s",
                              c[0], c[1], c[2], where, c[0], h[0], c[1], h[1], c[2], h[2], limit);
        break;
    }
    sqlite3_free(where);
    sqlite3_free(limit);
    return sql;
}

static void generated_orders(int n) {
    size_t rows = 0;
    for (int i = 0; i < n; i++) {
        char *sql = some_order();
        rows += twin_agree(sql);
        sqlite3_free(sql);
    }
    assert_true(rows > (size_t)n * 10);
}

static void in_order(void **state) {
    (void)state;
    generated_orders(test_rounds(QUERIES));
}

/* Rows that fit no memory are put in order all the same, by one thread or by many. */
static void in_order_without_memory(void **state) {
    (void)state;
    static const char *const threads[] = {"1", "2", "7"};
    setenv("FLOWVT_MEMORY", "1", 1); /* 1 MB is the least it takes */
    for (int i = 0; i < 3; i++) {
        setenv("FLOWVT_THREADS", threads[i], 1);
        generated_orders(test_rounds(WITHOUT_MEMORY));
        for (int k = 0; k < 6; k++) {
            const char *c = twin_columns[test_random(TWIN_COLUMNS)];
            char *sql = sqlite3_mprintf("SELECT * FROM (SELECT %s c, x.* FROM %%s x) ORDER BY 1%s",
                                        c, test_random(2) ? " DESC" : "");
            char *a = sqlite3_mprintf(sql, "flows"),
                 *wide = sqlite3_mprintf("SELECT %s FROM (%s)", "c", a);
            char *b = sqlite3_mprintf("SELECT c FROM (SELECT %s c FROM plain) ORDER BY 1%s", c,
                                      strstr(sql, " DESC") ? " DESC" : "");
            client_agree(db, wide, b, false);
            sqlite3_free(sql);
            sqlite3_free(a);
            sqlite3_free(b);
            sqlite3_free(wide);
        }
    }
    unsetenv("FLOWVT_MEMORY");
    unsetenv("FLOWVT_THREADS");
}

/* A row has the same number in whatever order it comes. */
static void rowids_in_order(void **state) {
    (void)state;
    assert_int_equal(client_agree(db, "SELECT rowid, srcip, bytes FROM flows",
                                  "SELECT rowid, srcip, bytes FROM flows ORDER BY tend, dstip DESC",
                                  true),
                     TWIN_ROWS);
    assert_int_equal(client_agree(db, "SELECT DISTINCT proto FROM flows WHERE rowid % 2",
                                  "SELECT DISTINCT p FROM (SELECT proto p, rowid r FROM flows LIMIT"
                                  " -1) WHERE r % 2",
                                  true) > 0,
                     true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(in_order_without_memory),
        cmocka_unit_test(rowids_in_order),
    };
    return cmocka_run_group_tests_name("ext/orders", tests, twin_setup, twin_teardown);
}
