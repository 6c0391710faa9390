/* SPDX-License-Identifier: MIT */
/*
** The tree that a filter is compiled to: its size and depth, its shape, a test for every column.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../ext/filter.h"
#include "../../ext/filter_source.h"

/* ---- size and depth --------------------------------------------------------------------- */

static unsigned depth_of(const struct filter_node *node) {
    unsigned deepest = 0;
    for (uint32_t i = 0; i < node->n; i++) {
        unsigned d = depth_of(node->child[i]);
        deepest = d > deepest ? d : deepest;
    }
    return deepest + 1;
}

/* head, then middle n times, then tail n times */
static char *repeat(const char *head, const char *middle, const char *tail, size_t n) {
    size_t h = strlen(head), m = strlen(middle), t = strlen(tail);
    char *text = malloc(h + (m + t) * n + 1), *p = text;
    memcpy(p, head, h);
    p += h;
    for (size_t i = 0; i < n; i++, p += m)
        memcpy(p, middle, m);
    for (size_t i = 0; i < n; i++, p += t)
        memcpy(p, tail, t);
    *p = '\0';
    return text;
}

static const struct {
    const char *head, *middle, *tail;
    size_t n;
    int good;
} bulks[] = {
    {"", "(", "", 100000, 0},
    {"", "(", "tcp)", 100000, 0},
    {"", "not ", "", 100000, 0},
    {"tcp ", "and not not tcp ", "", 50000, 1},
    {"tcp", " or udp", "", 100000, 1},
    {"tcp", " and (tcp and udp)", "", 50000, 1},
    {"tcp", " and (host 1.2.3.4 or not (tcp and udp or icmp)", ")", 59, 1},
    {"", "not (tcp or udp and ", "tcp)", 60, 0}, /* tcp)tcp)...: no operator between */
    {"port 1", " or not (tcp and port 3 or udp and not (tcp)", ")", 30, 1},
    {"tcp", " or (tcp and not (ipv4 or udp)", ")", 61, 0},
};

static void test_bulk(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bulks / sizeof *bulks; i++) {
        char err[512];
        char *text = repeat(bulks[i].head, bulks[i].middle, bulks[i].tail, bulks[i].n);
        struct filter_node *node = filter_parse(text, strlen(text), 0, NULL, NULL, err, sizeof err);
        free(text);
        if ((node != NULL) != bulks[i].good)
            fail_msg("bulk %zu: %s", i, node ? "taken" : err);
        if (node)
            assert_true(depth_of(node) <= FILTER_MAX_DEPTH);
        filter_free(node);
    }
}

static void test_long_list(void **state) {
    (void)state;
    enum { N = 100000 };
    char err[512], *text = malloc(20 * N), *p = text;
    p += sprintf(p, "src ip in [");
    for (int i = 0; i < N; i++)
        p += sprintf(p, "10.%d.%d.%d ", i % 256, i / 65536, i / 256 % 256);
    *p++ = ']';
    struct filter_node *node =
        filter_parse(text, (size_t)(p - text), 0, NULL, NULL, err, sizeof err);
    free(text);
    assert_non_null(node);
    assert_int_equal(node->op, FILTER_NETS);
    assert_int_equal(node->field, FLOW_srcip);
    const struct filter_values *v = &node->values;
    for (uint32_t i = 1; i < v->nnet; i++)
        assert_true(flow_ip_cmp(&v->net[i - 1].hi, &v->net[i].lo) < 0);
    filter_free(node);
    text = calloc(1, FILTER_MAX_TEXT + 1);
    memset(text, ' ', FILTER_MAX_TEXT + 1);
    node = filter_parse(text, FILTER_MAX_TEXT, 0, NULL, NULL, err, sizeof err);
    assert_non_null(node);
    filter_free(node);
    assert_null(filter_parse(text, FILTER_MAX_TEXT + 1, 0, NULL, NULL, err, sizeof err));
    assert_non_null(strstr(err, "no more than 67108864"));
    free(text);
}

/* What the planner relies on: conjuncts are found at the top, ranges are sorted and disjoint. */
static void test_shape(void **state) {
    (void)state;
    char err[512];
    const char text[] =
        "tcp and (src net 10/8 and (dst port in [80 443 81 1000-2000 1500-3000] and "
        "not src port 1))";
    struct filter_node *node = filter_parse(text, strlen(text), 0, NULL, NULL, err, sizeof err);
    assert_non_null(node);
    assert_int_equal(node->op, FILTER_AND);
    assert_int_equal(node->n, 4);
    assert_int_equal(node->child[0]->field, FLOW_proto);
    assert_int_equal(node->child[1]->field, FLOW_srcip);
    assert_int_equal(node->child[2]->field, FLOW_dstport);
    assert_int_equal(node->child[3]->op, FILTER_NOT);
    const struct filter_node *ports = node->child[2];
    static const struct filter_range expected[] = {{80, 81}, {443, 443}, {1000, 3000}};
    assert_int_equal(ports->values.nrange, 3);
    assert_memory_equal(ports->values.range, expected, sizeof expected);
    filter_free(node);
    filter_free(NULL);
}

/* Every column can be tested, by its name in SQL and by its spelling. */
static void test_catalogue(void **state) {
    (void)state;
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        const struct flow_field_def *def = &flow_fields[f];
        static const char *const values[] = {[FLOW_UINT] = "1",
                                             [FLOW_TIME] = "2014-12-04",
                                             [FLOW_IP] = "1.2.3.4",
                                             [FLOW_MAC] = "00:00:00:00:00:01",
                                             [FLOW_TEXT] = "x"};
        for (int spelled = 0; spelled < 2; spelled++) {
            if (spelled && (!def->filter[0] || f == FLOW_ipversion))
                continue;
            char text[128], err[512];
            snprintf(text, sizeof text, "%s %s", spelled ? def->filter : def->name,
                     values[def->class]);
            struct filter_node *node =
                filter_parse(text, strlen(text), 0, NULL, NULL, err, sizeof err);
            if (!node)
                fail_msg("%s: %s", text, err);
            /* flags asks for TCP too */
            const struct filter_node *test = node->op == FILTER_AND ? node->child[1] : node;
            assert_int_equal(test->field, f);
            filter_free(node);
        }
    }
}

/* What operators say costs no more than what a list says. */
static const struct {
    const char *filter;
    enum filter_op op;
    uint32_t n; /* of children, or else of values */
} merges[] = {
    {"src ip 1.2.3.4 or src ip 1.2.3.5", FILTER_NETS, 2},
    {"src port 1 or src port 2 or src port in [7 8]", FILTER_RANGES, 2},
    {"port 1 or port 2 or tcp", FILTER_OR, 3},
    {"ident a or ident b or ident a", FILTER_TEXTS, 2},
    {"not src port 1 and not src port 3", FILTER_NOT, 1},
    {"not host 1.2.3.4 and not host 1.2.3.5 and tcp", FILTER_AND, 2},
    {"not (tcp and udp) and not (src port 1 or src port 2)", FILTER_NOT, 1},
    {"src port 1 and src port 2", FILTER_AND, 2},
    {"flags S or flags A", FILTER_OR, 2},
};

static void test_merge(void **state) {
    (void)state;
    char err[512];
    for (size_t i = 0; i < sizeof merges / sizeof *merges; i++) {
        const char *text = merges[i].filter;
        struct filter_node *node = filter_parse(text, strlen(text), 0, NULL, NULL, err, sizeof err);
        if (!node)
            fail_msg("%s: %s", text, err);
        const struct filter_values *v = &node->values;
        uint32_t n = node->n ? node->n : v->nrange + v->nnet + v->ntext;
        if (node->op != merges[i].op || n != merges[i].n)
            fail_msg("%s: operator %d of %u", text, (int)node->op, n);
        filter_free(node);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bulk),  cmocka_unit_test(test_long_list),
        cmocka_unit_test(test_shape), cmocka_unit_test(test_catalogue),
        cmocka_unit_test(test_merge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
