/* SPDX-License-Identifier: MIT */
/*
** Filters made at random from the grammar, each beside what it means in SQL: a filter on flows, the
** same on traffic, its tree row by row, and WHERE on an ordinary table of the same rows must agree.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ext/filter.h"
#include "schema/store.h"
#include "tests/ext/client.h"
#include "tests/schema/rows.h"

enum { ROWS = 2000, SEED = 5, FILTERS = 2500, TEXT = 1 << 16 };

static char dir[] = "/tmp/flowvt-test-XXXXXX";
static sqlite3 *db;
static struct test_row rows[ROWS];

/* ---- the rows --------------------------------------------------------------------------- */

static void set(struct test_row *t, int f, uint64_t v) {
    if (flow_row_has(&t->row, f))
        flow_row_set(&t->row, f, v);
}

/* Rows in which tests find something, and sums that stay below 2^63. */
static void make_rows(void) {
    static const uint64_t protocols[] = {1, 6, 6, 17, 58};
    for (uint64_t i = 0; i < ROWS; i++) {
        struct test_row *t = &rows[i];
        test_row_make(t, SEED, i);
        flow_row_set(&t->row, FLOW_exportseq, i);
        set(t, FLOW_proto, protocols[test_random(5)]);
        set(t, FLOW_tcpflags, test_random(256));
        set(t, FLOW_tos, test_random(256));
        set(t, FLOW_bytes, test_random(100000));
        set(t, FLOW_packets, test_random(100));
        set(t, FLOW_flows, test_random(4));
        set(t, FLOW_sampling, test_random(4));
        for (int f = 0; f < FLOW_NFIELDS; f++)
            if (flow_fields[f].class == FLOW_UINT && flow_row_has(&t->row, f) &&
                t->row.value[f].i > 100000)
                flow_row_set(&t->row, f, 100000);
        if (flow_row_has(&t->row, FLOW_tstart) && flow_row_has(&t->row, FLOW_tend) &&
            test_random(8))
            flow_row_set_time(&t->row, FLOW_tend,
                              t->row.value[FLOW_tstart].i + (int64_t)test_random(5) * 500);
    }
}

static void write_store(void) {
    char path[300];
    struct fvt_error err;
    struct fvt_writer *w;
    for (int file = 0; file < 2; file++) {
        snprintf(path, sizeof path, "%s/flows.20231114221%d.fvt", dir, file);
        assert_int_equal(fvt_writer_open(path, 1700000000000 + file * 60000, 60000, &w, &err),
                         FVT_OK);
        for (int i = file * ROWS / 2; i < (file + 1) * ROWS / 2; i++) {
            assert_int_equal(fvt_writer_add(w, &rows[i].row), FVT_OK);
            if (i % 300 == 299)
                assert_int_equal(fvt_writer_flush(w, false), FVT_OK);
        }
        assert_int_equal(fvt_writer_finish(w), FVT_OK);
        if (file == 0)
            assert_int_equal(fvt_close_file(path, &err), FVT_OK);
    }
}

/* ---- filters ---------------------------------------------------------------------------- */

struct pair {
    char filter[TEXT], sql[TEXT];
    size_t nf, ns;
};

__attribute__((format(printf, 2, 3))) static void f_add(struct pair *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    p->nf += (size_t)vsnprintf(p->filter + p->nf, TEXT - p->nf, format, args);
    va_end(args);
    assert_true(p->nf < TEXT);
}
__attribute__((format(printf, 2, 3))) static void s_add(struct pair *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    p->ns += (size_t)vsnprintf(p->sql + p->ns, TEXT - p->ns, format, args);
    va_end(args);
    assert_true(p->ns < TEXT);
}

static const char *pick(const char *const *of, size_t n) {
    return of[test_random(n)];
}
#define PICK(array) pick(array, sizeof array / sizeof *array)

/* A comparator in the filter and in SQL. */
static const char *comparator(struct pair *p) {
    static const struct {
        const char *filter, *sql;
    } all[] = {{" ", "="},   {" = ", "="},  {" == ", "="},  {" eq ", "="},
               {" < ", "<"}, {" lt ", "<"}, {" <= ", "<="}, {" le ", "<="},
               {" > ", ">"}, {" GT ", ">"}, {">=", ">="},   {" ge ", ">="}};
    size_t i = test_random(sizeof all / sizeof *all);
    f_add(p, "%s", all[i].filter);
    return all[i].sql;
}

/* A value that some row has, or one beside it. */
static int64_t near_value(int field) {
    for (int tries = 0; tries < 10; tries++) {
        const struct flow_row *row = &rows[test_random(ROWS)].row;
        if (flow_row_has(row, field)) {
            int64_t v = row->value[field].i + (int64_t)test_random(3) - 1;
            return v < 0 ? 0 : v;
        }
    }
    return (int64_t)test_random(300);
}

static const struct flow_row *row_with(int field) {
    for (int tries = 0; tries < 50; tries++) {
        const struct flow_row *row = &rows[test_random(ROWS)].row;
        if (flow_row_has(row, field))
            return row;
    }
    return NULL;
}

/* What stands behind a field's name in a filter, and the condition on the columns in SQL, joined by
** op. The limit of the field bounds the values. */
static void integer_values(struct pair *p, const char *const *column, int n, const char *op,
                           int field) {
    unsigned octets = field == FLOW_tcpflags ? 2 : flow_fields[field].octets;
    int64_t limit = octets == 0 || octets >= 4 ? INT64_MAX : (INT64_C(1) << octets * 8) - 1;
    char condition[2048] = "";
    if (test_random(3)) {
        const char *sign = comparator(p);
        int64_t v = near_value(field);
        v = v > limit ? limit : v;
        if (test_random(5))
            f_add(p, "%lld", (long long)v);
        else
            f_add(p, "0x%llx", (unsigned long long)v);
        snprintf(condition, sizeof condition, "%s%lld", sign, (long long)v);
    } else if (test_random(3) == 0) {
        int64_t lo = near_value(field), hi = lo + (int64_t)test_random(20);
        hi = hi > limit ? limit : hi;
        lo = lo > hi ? hi : lo;
        f_add(p, " %lld-%lld", (long long)lo, (long long)hi);
        snprintf(condition, sizeof condition, " BETWEEN %lld AND %lld", (long long)lo,
                 (long long)hi);
    } else {
        strcpy(condition, " IN (");
        f_add(p, test_random(2) ? " in [" : " [");
        for (int i = 0, values = (int)test_random(10) + 1; i < values; i++) {
            int64_t v = near_value(field);
            v = v > limit ? limit : v;
            f_add(p, "%s%lld", i ? test_random(2) ? "," : "\n " : "", (long long)v);
            sprintf(condition + strlen(condition), "%s%lld", i ? "," : "", (long long)v);
        }
        f_add(p, " ]");
        strcat(condition, ")");
    }
    s_add(p, "(");
    for (int i = 0; i < n; i++)
        s_add(p, "%scoalesce(%s%s,0)", i ? op : "", column[i], condition);
    s_add(p, ")");
}

static void integer_test(struct pair *p) {
    int field;
    do
        field = (int)test_random(FLOW_NFIELDS);
    while (flow_fields[field].class != FLOW_UINT || field == FLOW_tcpflags);
    const struct flow_field_def *def = &flow_fields[field];
    f_add(p, "%s",
          def->filter[0] && field != FLOW_ipversion && test_random(2) ? def->filter : def->name);
    integer_values(p, &def->name, 1, "", field);
}

/* Names that mean two fields. */
static const struct {
    const char *word, *column[2], *direction[2];
    int field;
} twins[] = {
    {"port", {"srcport", "dstport"}, {"src", "dst"}, FLOW_srcport},
    {"as", {"srcas", "dstas"}, {"src", "dst"}, FLOW_srcas},
    {"mask", {"srcmask", "dstmask"}, {"src", "dst"}, FLOW_srcmask},
    {"vlan", {"srcvlan", "dstvlan"}, {"src", "dst"}, FLOW_srcvlan},
    {"if", {"inif", "outif"}, {"in", "out"}, FLOW_inif},
    {"ttl", {"minttl", "maxttl"}, {"min", "max"}, FLOW_minttl},
    {"vrf", {"ivrf", "evrf"}, {"ingress", "egress"}, FLOW_ivrf},
    {"nat port", {"natsrcport", "natdstport"}, {"src", "dst"}, FLOW_natsrcport},
    {"xport", {"natsrcport", "natdstport"}, {"src", "dst"}, FLOW_natsrcport},
    {"ip", {"srcip", "dstip"}, {"src", "dst"}, FLOW_srcip},
    {"host", {"srcip", "dstip"}, {"src", "dst"}, FLOW_dstip},
    {"nat ip", {"natsrcip", "natdstip"}, {"src", "dst"}, FLOW_natsrcip},
};

static void network(struct pair *p, int field, char *out, bool address) {
    const struct flow_row *row = row_with(field);
    char text[FLOW_IP_TEXT] = "10.1.2.3";
    int len = 32;
    if (row) {
        flow_ip_text(&row->value[field].ip, text);
        len = row->value[field].ip.family == 4 ? (int)test_random(33) : (int)test_random(129);
    }
    if (address)
        sprintf(out, "%s", text);
    else
        sprintf(out, "%s/%d", text, len);
    f_add(p, "%s", out);
}

/* ip or host, an address or a list; columns joined by op. */
static void address_values(struct pair *p, const char *const *column, int n, const char *op,
                           int field) {
    char list[4096] = "", one[64];
    int values = test_random(2) ? (int)test_random(6) + 1 : 0;
    f_add(p, values ? " in [" : " ");
    for (int i = 0; i < values; i++) {
        network(p, field, one, test_random(2));
        f_add(p, " ");
        sprintf(list + strlen(list), "%sip_in(@,'%s')", i ? " OR " : "", one);
    }
    if (!values) {
        network(p, field, one, true);
        sprintf(list, "ip_in(@,'%s')", one);
    }
    if (values)
        f_add(p, "]");
    s_add(p, "(");
    for (int i = 0; i < n; i++) {
        s_add(p, "%scoalesce(", i ? op : "");
        for (const char *c = list; *c; c++)
            if (*c == '@')
                s_add(p, "%s", column[i]);
            else
                s_add(p, "%c", *c);
        s_add(p, ",0)");
    }
    s_add(p, ")");
}

static void twin_test(struct pair *p) {
    size_t i = test_random(sizeof twins / sizeof *twins);
    bool both = test_random(4) == 0, one = !both && test_random(2);
    int side = (int)test_random(2);
    if (both)
        f_add(p, "%s and %s ", twins[i].direction[side], twins[i].direction[!side]);
    else if (one)
        f_add(p, "%s ", twins[i].direction[side]);
    else if (test_random(2))
        f_add(p, "%s or %s ", twins[i].direction[side], twins[i].direction[!side]);
    const char *op = both ? " AND " : " OR ";
    f_add(p, "%s", twins[i].word);
    const char *const *column = one ? &twins[i].column[side] : twins[i].column;
    if (flow_fields[twins[i].field].class == FLOW_IP)
        address_values(p, column, one ? 1 : 2, op, twins[i].field);
    else
        integer_values(p, column, one ? 1 : 2, op, twins[i].field);
}

static void net_test(struct pair *p) {
    static const int fields[] = {FLOW_srcip, FLOW_dstip, FLOW_next, FLOW_bgpnext, FLOW_exporter};
    static const char *const spellings[] = {"src net ", "dst net ", "next net ", "bgp next net ",
                                            "router net "};
    size_t i = test_random(sizeof fields / sizeof *fields);
    char net[64];
    f_add(p, "%s", spellings[i]);
    network(p, fields[i], net, false);
    s_add(p, "coalesce(ip_in(%s,'%s'),0)", flow_fields[fields[i]].name, net);
}

static void text_test(struct pair *p) {
    int field;
    do
        field = (int)test_random(FLOW_NFIELDS);
    while (flow_fields[field].class != FLOW_TEXT);
    const char *quote = test_random(2) ? "'" : "\"";
    int a = (int)test_random(25), b = (int)test_random(25);
    f_add(p, "%s", flow_fields[field].name);
    if (test_random(2))
        f_add(p, " in [%sname %d%s %sname %d%s '']", quote, a, quote, quote, b, quote);
    else
        f_add(p, " %sname %d%s", quote, b = a, quote);
    bool list = p->filter[p->nf - 1] == ']';
    s_add(p, "coalesce(%s IN ('name %d','name %d'%s),0)", flow_fields[field].name, a, b,
          list ? ",''" : "");
}

static void time_test(struct pair *p) {
    static const int fields[] = {FLOW_tstart, FLOW_tend, FLOW_trecv, FLOW_eventtime,
                                 FLOW_revtstart};
    static const char *const spellings[] = {"first seen", "last seen", "received", "eventtime",
                                            "revtstart"};
    size_t i = test_random(sizeof fields / sizeof *fields);
    char text[FLOW_TIME_TEXT];
    const struct flow_row *row = row_with(fields[i]);
    size_t n = flow_time_text(row ? row->value[fields[i]].i : 1700000000000, text);
    f_add(p, "%s", spellings[i]);
    const char *sign = comparator(p);
    s_add(p, "coalesce(%s%s'%.*s',0)", flow_fields[fields[i]].name, sign, (int)n, text);
    text[10] = 'T';
    f_add(p, "%s", text);
}

static void mac_test(struct pair *p) {
    static const char *const column[] = {"insrcmac", "outsrcmac", "indstmac", "outdstmac"};
    static const int fields[] = {FLOW_insrcmac, FLOW_outsrcmac, FLOW_indstmac, FLOW_outdstmac};
    static const char *const spelling[] = {"in src mac", "out src mac", "in dst mac",
                                           "out dst mac"};
    size_t i = test_random(4);
    char text[FLOW_MAC_TEXT] = "00:11:22:33:44:55";
    const struct flow_row *row = row_with(fields[i]);
    if (row)
        flow_mac_text((uint64_t)row->value[fields[i]].i, text);
    int kind = (int)test_random(3);
    f_add(p, "%s %s",
          kind == 0   ? spelling[i]
          : kind == 1 ? "mac"
          : i < 2     ? "src mac"
                      : "dst mac",
          text);
    s_add(p, "(0");
    for (size_t k = 0; k < 4; k++)
        if (kind == 1 || (kind == 0 ? k == i : k / 2 == i / 2))
            s_add(p, " OR coalesce(%s='%s',0)", column[k], text);
    s_add(p, ")");
}

static void computed_test(struct pair *p) {
    static const char *const names[] = {"duration", "pps", "bps", "bpp", "dscp"};
    static const char *const sql[] = {"(tend_ms-tstart_ms)", "pps", "bps", "bpp", "dscp"};
    static const unsigned scale[] = {2500, 300, 2000000, 300, 64};
    size_t i = test_random(5);
    f_add(p, "%s", names[i]);
    const char *sign = comparator(p);
    unsigned v =
        (unsigned)test_random(scale[i]) / (test_random(2) ? 1 : 500) * (test_random(2) ? 500 : 1);
    v = i == 4 && v > 63 ? 63 : v;
    f_add(p, "%u", v);
    s_add(p, "coalesce(%s%s%u,0)", sql[i], sign, v);
}

static void flags_test(struct pair *p, bool negated) {
    static const char letters[] = "FSRPAUEC";
    unsigned mask = (unsigned)test_random(256) & (unsigned)test_random(256);
    bool exact = test_random(4) == 0;
    if (!mask)
        mask = 2;
    f_add(p, exact ? "flags =" : "flags ");
    for (int i = 0; i < 8; i++)
        if (mask >> i & 1)
            f_add(p, "%c", letters[i]);
    s_add(p, "(coalesce(proto=6,0) AND coalesce(");
    if (exact)
        s_add(p, "tcpflags=%u", mask);
    else
        s_add(p, "tcpflags&%u%s%u", mask, negated ? "<>" : "=", negated ? 0 : mask);
    s_add(p, ",0))");
}

static void plain_test(struct pair *p) {
    static const struct {
        const char *filter, *sql;
    } all[] = {
        {"any", "1"},
        {"tcp", "coalesce(proto=6,0)"},
        {"proto udp", "coalesce(proto=17,0)"},
        {"icmp6", "coalesce(proto=58,0)"},
        {"ipv4", "(coalesce(ipversion=4,0) OR coalesce(srcip NOT LIKE '%:%',0))"},
        {"inet6", "(coalesce(ipversion=6,0) OR coalesce(srcip LIKE '%:%',0))"},
        {"ttl equal", "coalesce(minttl=maxttl,0)"},
        {"flowdir egress", "coalesce(direction=1,0)"},
        {"not not any", "1"},
    };
    size_t i = test_random(sizeof all / sizeof *all);
    f_add(p, "%s", all[i].filter);
    s_add(p, "%s", all[i].sql);
}

static void test(struct pair *p, bool negated) {
    static void (*const kinds[])(struct pair *) = {
        integer_test, integer_test, twin_test,  twin_test,     net_test,     text_test,
        time_test,    mac_test,     plain_test, computed_test, computed_test};
    size_t i = test_random(sizeof kinds / sizeof *kinds + 1);
    if (i < sizeof kinds / sizeof *kinds)
        kinds[i](p);
    else
        flags_test(p, negated);
}

static void expression(struct pair *p, int depth, bool negated);

static void operand(struct pair *p, int depth, bool negated) {
    static const char *const nots[] = {"not ", "! ", "NOT "};
    if (test_random(4) == 0) {
        f_add(p, "%s", PICK(nots));
        s_add(p, "NOT ");
        operand(p, depth, !negated);
    } else if (depth > 0 && test_random(2)) {
        f_add(p, "(");
        s_add(p, "(");
        expression(p, depth - 1, negated);
        f_add(p, ")");
        s_add(p, ")");
    } else {
        test(p, negated);
    }
}

/* Without parentheses of its own, so that both sides bind and before or. */
static void expression(struct pair *p, int depth, bool negated) {
    static const char *const ands[] = {" and ", " && ", "\nAND ", " # why\nand "};
    static const char *const ors[] = {" or ", " || ", " OR "};
    operand(p, depth, negated);
    for (uint64_t more = test_random(4); more; more--) {
        bool and = test_random(2);
        f_add(p, "%s", and? PICK(ands) : PICK(ors));
        s_add(p, "%s", and? " AND " : " OR ");
        operand(p, depth, negated);
    }
}

/* ---- answers ---------------------------------------------------------------------------- */

static void answer(const char *sql, const char *filter, char out[200]) {
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    if (filter)
        sqlite3_bind_text(s, 1, filter, -1, SQLITE_STATIC);
    if (sqlite3_step(s) != SQLITE_ROW)
        fail_msg("%s\n%s: %s", filter ? filter : "", sql, sqlite3_errmsg(db));
    int n = 0;
    out[0] = '\0';
    for (int i = 0; i < sqlite3_column_count(s); i++) {
        const unsigned char *text = sqlite3_column_text(s, i);
        n += snprintf(out + n, 200 - (size_t)n, "%s|", text ? (const char *)text : "NULL");
    }
    sqlite3_finalize(s);
}

static unsigned count_matches(const char *filter) {
    char err[512];
    struct filter_node *node = filter_parse(filter, strlen(filter), 0, NULL, NULL, err, sizeof err);
    if (!node)
        fail_msg("%s: %s", filter, err);
    unsigned n = 0;
    for (int i = 0; i < ROWS; i++)
        n += filter_match(node, &rows[i].row);
    filter_free(node);
    return n;
}

static void test_same_answers(void **state) {
    (void)state;
    static struct pair p;
    static char sql[TEXT + 200];
    unsigned some = 0;
    for (int i = 0; i < FILTERS; i++) {
        char want[200], got[200], count[16];
        p.nf = p.ns = 0;
        expression(&p, (int)test_random(4), false);
        snprintf(
            sql, sizeof sql,
            "SELECT count(*), sum(exportseq), sum(exportseq*(exportseq%%101)) FROM plain WHERE %s",
            p.sql);
        answer(sql, NULL, want);
        answer("SELECT count(*), sum(exportseq), sum(exportseq*(exportseq%101)) FROM flows"
               " WHERE filter=?",
               p.filter, got);
        if (strcmp(want, got) != 0)
            fail_msg("filter %d:\n%s\n%s\nwanted %s, got %s", i, p.filter, p.sql, want, got);
        snprintf(count, sizeof count, "%u|", count_matches(p.filter));
        if (strncmp(count, want, strlen(count)) != 0)
            fail_msg("tree %d:\n%s\n%s\nwanted %s, got %s", i, p.filter, p.sql, want, count);
        if (i % 4 == 0) {
            snprintf(sql, sizeof sql, "SELECT sum(flows) FROM plain WHERE %s", p.sql);
            answer(sql, NULL, want);
            answer("SELECT sum(flows) FROM traffic WHERE filter=?", p.filter, got);
            if (strcmp(want, got) != 0)
                fail_msg("traffic %d:\n%s\n%s\nwanted %s, got %s", i, p.filter, p.sql, want, got);
        }
        some += strncmp(want, "0|", 2) != 0;
    }
    assert_true(some > FILTERS / 2); /* or else they test little */
}

/* NULL, one test at a time: a test on it fails, and not turns that round. */
static void test_null(void **state) {
    (void)state;
    char null[200], all[200], got[200], want[200];
    answer("SELECT count(*) FROM plain WHERE icmpcode IS NULL", NULL, null);
    answer("SELECT count(*) FROM plain", NULL, all);
    assert_string_not_equal(null, "0|");
    assert_string_not_equal(null, all);
    answer("SELECT count(*) FROM plain WHERE icmpcode IS NOT 17", NULL, want);
    answer("SELECT count(*) FROM flows WHERE filter=?", "not icmp code 17", got);
    assert_string_equal(got, want);
    answer("SELECT count(*) FROM flows WHERE filter=?", "not icmp code >= 0", got);
    assert_string_equal(got, null);
}

/* Mistakes come out of the statement as they are. */
static void test_message(void **state) {
    (void)state;
    sqlite3_stmt *s;
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT 1 FROM flows WHERE filter='tcp and\nport x'", -1, &s, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ERROR);
    assert_string_equal(sqlite3_errmsg(db), "filter: line 2, column 6: expected a number from 0 to "
                                            "65535 for port, found 'x'");
    sqlite3_finalize(s);
}

static int setup(void **state) {
    (void)state;
    if ((db = client_open_new(dir)) == NULL)
        return -1;
    make_rows();
    write_store();
    client_run(
        db, "CREATE TABLE plain AS SELECT *, tstart_ms, tend_ms, pps, bps, bpp, dscp FROM flows");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    return client_close(db, dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_answers),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_message),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
