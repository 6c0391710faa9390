/* SPDX-License-Identifier: MIT */
/*
** Every column of flows, traffic and endpoints with every form of constraint: the answer is that of an
** ordinary table of the same rows, and the plan says that the scan has taken the constraint over. What is
** left with SQLite is listed here, with the reason.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ext/client.h"
#include "tests/ext/twin.h"

/* ---- forms ------------------------------------------------------------------------------ */

/* %1 is the column, %2 and %3 are values of it; word is what the plan has behind the column's name. */
struct form {
    const char *sql, *word;
    enum { ANY, PATTERN, ADDRESS } of; /* columns */
};

static const struct form forms[] = {
    {"%1 = %2", "=", ANY},
    {"%1 <> %2", "<>", ANY},
    {"%1 < %2", "<", ANY},
    {"%1 <= %2", "<=", ANY},
    {"%1 > %2", ">", ANY},
    {"%1 >= %2", ">=", ANY},
    {"%1 BETWEEN %2 AND %3", "<=", ANY},
    {"%1 IN (%2, %3)", "[]", ANY},
    {"%1 IN (SELECT %2 UNION SELECT %3)", "[]", ANY},
    {"%1 NOT IN (%2, %3)", "![]", ANY},
    {"%1 IS %2", "==", ANY},
    {"%1 IS NOT %2", "!==", ANY},
    {"%1 IS NULL", "=NULL", ANY},
    {"%1 IS NOT NULL", "<>NULL", ANY},
    {"%1 LIKE substr(%2, 1, 3) || '%'", "~%", PATTERN},
    {"%1 GLOB substr(%2, 1, 3) || '*'", "~*", PATTERN},
    {"ip_in(%1, '128.0.0.0/1')", "~", ADDRESS},
    {"%1 MATCH '0.0.0.0/2, 4000::/2'", "~,", ADDRESS},
};
enum { FORMS = sizeof forms / sizeof forms[0] };

static bool is_one_of(const char *word, const char *const *list) {
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

static bool is_measure(const char *table, const char *column) {
    static const char *const measures[] = {"flows",    "packets",    "bytes",       "outpackets",
                                           "outbytes", "flows_out",  "packets_out", "bytes_out",
                                           "flows_in", "packets_in", "bytes_in",    NULL};
    return strcmp(table, "flows") != 0 && is_one_of(column, measures);
}

/* A time, or a total of all rows. */
static bool is_beside_counts(const char *column) {
    static const char *const others[] = {"first",       "last",          "first_ms",    "last_ms",
                                         "total_flows", "total_packets", "total_bytes", NULL};
    return is_one_of(column, others);
}

/* Why SQLite has the constraint to itself; NULL where the scan takes it. */
static const char *left(const char *table, const char *column, bool text, const struct form *f) {
    static const char *const nets[] = {"srcnet", "dstnet", NULL};
    static const char *const buckets[] = {"time", "time_ms", NULL};
    static const char *const bounds[] = {"=", "<", "<=", ">", ">=", "[]", "==", NULL};
    static const char *const lists[] = {"=", "[]", "==", NULL};
    static const char *const equals[] = {"=", "<>", "[]", "==", "!==", "=NULL", "<>NULL", NULL};
    static const char *const least[] = {">", ">=", NULL};
    static const char *const zones[] = {"srczone", "dstzone", "zone", "peerzone", NULL};
    if (strcmp(column, "application") == 0 && !is_one_of(f->word, lists))
        return "it is of three columns, and groups are few";
    if (strcmp(column, "lowport") == 0 ||
        (strcmp(table, "traffic") == 0 && is_one_of(column, nets)))
        return "it is of two columns, and groups are few";
    if (is_one_of(column, zones) && f->of == PATTERN)
        return "patterns are for what is stored";
    if (strcmp(f->word, "![]") == 0)
        return "SQLite does not tell virtual tables of NOT IN";
    if (is_beside_counts(column) || (is_measure(table, column) && !is_one_of(f->word, least)))
        return "a total is known when the last flow is added up";
    if (is_one_of(column, buckets) && !is_one_of(f->word, bounds))
        return "a bucket is not stored: its bounds narrow the window, the rest are few rows";
    if (is_one_of(column, nets) && !is_one_of(f->word, equals))
        return "the order of networks as texts is not that of addresses";
    if (f->of == PATTERN && !text)
        return "a pattern is for texts, and numbers would have to be spelled for it";
    return NULL;
}

/* ---- cells ------------------------------------------------------------------------------ */

struct cell {
    const char *table, *column, *values[2];
    bool text;
    const struct form *form;
};

static char *condition(const struct cell *c) {
    sqlite3_str *s = sqlite3_str_new(NULL);
    for (const char *p = c->form->sql; *p; p++) {
        if (*p != '%' || p[1] < '1' || p[1] > '3')
            sqlite3_str_appendchar(s, 1, *p);
        else if (*++p == '1')
            sqlite3_str_appendf(s, "\"%w\"", c->column);
        else
            sqlite3_str_appendall(s, c->values[*p - '2']);
    }
    return sqlite3_str_finish(s);
}

/* Has the plan this word for the column? */
static bool planned(const struct cell *c, const char *sql) {
    char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
    char *word = sqlite3_mprintf("%s%s", c->column, c->form->word);
    struct lines l = client_query(db, explain, false);
    bool found = false;
    for (size_t i = 0; i < l.n; i++) {
        char *plan = strstr(l.p[i], "INDEX 0:");
        for (char *at = plan ? strtok(plan + strlen("INDEX 0:"), " ") : NULL; at && *at != '@';
             at = strtok(NULL, " "))
            found |= strcmp(at, word) == 0;
    }
    client_free(&l);
    sqlite3_free(word);
    sqlite3_free(explain);
    return found;
}

/* Totals are as fine as the columns that are named, so these are the same for all cells of a column. */
static char *selected(const char *table, const char *column) {
    return sqlite3_mprintf(strcmp(table, "flows") == 0 ? "\"%w\", srcip, bytes, tstart_ms, flowid"
                                                       : "\"%w\", proto, flows, packets, bytes",
                           column);
}

static bool walk_cell(const struct cell *c) {
    char *where = condition(c), *columns = selected(c->table, c->column);
    char *sql = sqlite3_mprintf("SELECT %s FROM %s WHERE %s", columns, c->table, where);
    /* MATCH is not for ordinary tables. */
    char *plain = c->form->of == ADDRESS && strstr(where, "MATCH")
                      ? sqlite3_mprintf(
                            "SELECT * FROM same WHERE ip_in(\"%w\", '0.0.0.0/2') OR ip_in(\"%w\", "
                            "'4000::/2')",
                            c->column, c->column)
                      : sqlite3_mprintf("SELECT * FROM same WHERE %s", where);
    client_agree(db, sql, plain, true);
    const char *why = left(c->table, c->column, c->text, c->form);
    bool taken = planned(c, sql);
    if (taken == (why != NULL))
        fail_msg("%s: %s", sql, taken ? "is taken by the scan after all" : "is left with SQLite");
    sqlite3_free(plain);
    sqlite3_free(sql);
    sqlite3_free(columns);
    sqlite3_free(where);
    return taken;
}

/* A value of the column `part` eighths up, as a literal; NULL when it has none. */
static char *value_at(const char *column, int part) {
    char *sql =
        sqlite3_mprintf("SELECT quote(\"%w\") FROM same WHERE \"%w\" IS NOT NULL ORDER BY 1 LIMIT 1"
                        " OFFSET (SELECT count(\"%w\") * %d / 8 FROM same)",
                        column, column, column, part);
    struct lines l = client_query(db, sql, false);
    sqlite3_free(sql);
    char *value = NULL;
    if (l.n) {
        *strrchr(l.p[0], ':') = '\0';
        value = sqlite3_mprintf("%s", l.p[0]);
    }
    client_free(&l);
    return value;
}

static bool has_addresses(const char *column) {
    char *sql = sqlite3_mprintf(
        "SELECT count(*) FROM same WHERE typeof(ip_net(\"%w\", 8)) = 'text'", column);
    bool is = client_one(db, sql) > 0;
    sqlite3_free(sql);
    return is;
}

struct count {
    int cells, taken, columns, valued;
};

static void walk_column(const char *table, const char *column, const char *type, struct count *n) {
    char *columns = selected(table, column);
    char *make = sqlite3_mprintf(
        "DROP TABLE IF EXISTS same; CREATE TABLE same AS SELECT %s FROM %s", columns, table);
    client_run(db, make);
    sqlite3_free(make);
    sqlite3_free(columns);
    struct cell c = {table, column, {NULL, NULL}, strcmp(type, "TEXT") == 0, NULL};
    bool addresses = c.text && has_addresses(column) && strstr(column, "net") == NULL;
    n->columns++;
    char *low = value_at(column, 3), *high = value_at(column, 5);
    n->valued += low != NULL;
    c.values[0] = low ? low : c.text ? "'x'" : "1";
    c.values[1] = high ? high : c.values[0];
    /* Under a sanitizer each column has some of the forms, the next one the next ones. */
    const int every = FORMS / test_rounds(FORMS);
    for (int f = n->columns % every; f < FORMS; f += every) {
        c.form = &forms[f];
        if (forms[f].of == ADDRESS && !addresses)
            continue;
        n->cells++;
        n->taken += walk_cell(&c);
    }
    sqlite3_free(low);
    sqlite3_free(high);
}

static void walk_table(const char *table) {
    static const char *const params[] = {"since", "until", "filter", "store", "bucket", "mask4",
                                         "mask6", "endnet", "peernet", "billing", "count_of",
                                         /* which is nothing without it */
                                         "counted", NULL};
    char *sql = sqlite3_mprintf("SELECT name, type FROM pragma_table_xinfo('%q')", table);
    struct lines l = client_query(db, sql, false);
    struct count n = {0};
    for (size_t i = 0; i < l.n; i++) {
        char *name = strtok(l.p[i], ":"); /* name:3|type:3 */
        char *type = strtok(NULL, "|") ? strtok(NULL, ":") : NULL;
        if (type && !is_one_of(name, params))
            walk_column(table, name, type, &n);
    }
    client_free(&l);
    sqlite3_free(sql);
    print_message("%s: %d of %d columns have values; %d of %d cells taken by the scan\n", table,
                  n.valued, n.columns, n.taken, n.cells);
    assert_true(n.columns > 40);
    assert_true(n.valued > n.columns / 2);
    assert_true(n.taken > n.cells / 2);
}

static void flows(void **state) {
    (void)state;
    walk_table("flows");
}

static void traffic(void **state) {
    (void)state;
    walk_table("traffic");
}

static void endpoints(void **state) {
    (void)state;
    walk_table("endpoints");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows),
        cmocka_unit_test(traffic),
        cmocka_unit_test(endpoints),
    };
    return cmocka_run_group_tests(tests, twin_setup, twin_teardown);
}
