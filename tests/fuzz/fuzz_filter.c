/* SPDX-License-Identifier: MIT */
/*
** Fuzz target: any text as a filter, evaluated on a few flows; and as since and until, and as the
** text that a time is compared with.
*/
#include <stdlib.h>

#include "../../ext/filter.h"
#include "../../ext/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) \
    do {                   \
        if (!(condition))  \
            abort();       \
    } while (0)

/* What filter.h promises of a tree. */
static void check_tree(const struct filter_node *node, int depth) {
    const struct filter_values *v = &node->values;
    REQUIRE(depth <= FILTER_MAX_DEPTH);
    switch (node->op) {
    case FILTER_AND:
    case FILTER_OR:
        REQUIRE(node->n >= 2);
        break;
    case FILTER_NOT:
        REQUIRE(node->n == 1);
        break;
    case FILTER_MPLS:
        REQUIRE(node->field == FLOW_mpls && node->value >= 0 && node->value < FILTER_LABEL_END);
        __attribute__((fallthrough));
    case FILTER_RANGES:
        for (uint32_t i = 0; i < v->nrange; i++)
            REQUIRE(v->range[i].lo <= v->range[i].hi &&
                    (i == 0 || v->range[i - 1].hi < v->range[i].lo));
        break;
    case FILTER_NETS:
        for (uint32_t i = 0; i < v->nnet; i++)
            REQUIRE(flow_ip_cmp(&v->net[i].lo, &v->net[i].hi) <= 0 &&
                    (i == 0 || flow_ip_cmp(&v->net[i - 1].hi, &v->net[i].lo) < 0));
        break;
    case FILTER_REALS:
        for (uint32_t i = 0; i < v->nreal; i++)
            REQUIRE(v->real[i].lo <= v->real[i].hi &&
                    (i == 0 || v->real[i - 1].hi < v->real[i].lo));
        break;
    case FILTER_TEXTS:
        for (uint32_t i = 1; i < v->ntext; i++)
            REQUIRE(strcmp(v->text[i - 1].p, v->text[i].p) < 0 ||
                    memchr(v->text[i - 1].p, '\0', v->text[i - 1].n));
        break;
    case FILTER_TRUE:
    case FILTER_MASK:
    case FILTER_OWN:
        break;
    }
    for (uint32_t i = 0; i < node->n; i++)
        check_tree(node->child[i], depth + 1);
}

static void fuzz_filter(const char *text, size_t n) {
    static const uint8_t octets[16] = {10, 1, 2, 3};
    char err[256];
    struct filter_node *node = filter_parse(text, n, 0, NULL, NULL, err, sizeof err);
    if (!node) {
        REQUIRE(strncmp(err, "filter: ", 8) == 0);
        return;
    }
    check_tree(node, 1);
    /* The same behind an even number of nots; NULL when that is nested too deep, or empty. */
    static const char head[] = "not (not (", tail[] = "\n))";
    enum { HEAD = sizeof head - 1, TAIL = sizeof tail - 1 };
    struct filter_node *same = NULL;
    char *wrapped = malloc(HEAD + n + TAIL);
    if (wrapped) {
        memcpy(wrapped, head, HEAD);
        memcpy(wrapped + HEAD, text, n);
        memcpy(wrapped + HEAD + n, tail, TAIL);
        same = filter_parse(wrapped, HEAD + n + TAIL, 0, NULL, NULL, err, sizeof err);
    }
    struct flow_row row;
    flow_row_clear(&row);
    for (int round = 0; round < 3; round++) {
        bool pass = filter_match(node, &row);
        REQUIRE(!same || pass == filter_match(same, &row));
        for (int f = 0; f < FLOW_NFIELDS; f++)
            if (flow_fields[f].class == FLOW_IP)
                flow_row_set_ip(&row, f, round ? 6 : 4, octets);
            else if (flow_fields[f].class == FLOW_TEXT)
                flow_row_set_text(&row, f, "a", 1);
            else
                flow_row_set(&row, f, round ? INT64_MAX : 6);
    }
    filter_free(same);
    filter_free(node);
    free(wrapped);
}

static void fuzz_window(const char *text, size_t n) {
    struct window_value value = {WINDOW_TEXT, 0, 0, text, n};
    struct window w;
    char err[512];
    if (window_parse(&value, NULL, 0, &w, err, sizeof err) == 0)
        REQUIRE(w.since >= WINDOW_MS_MIN && w.since <= WINDOW_MS_MAX && w.until > w.since);
    else
        REQUIRE(strncmp(err, "since: ", 7) == 0);
    if (window_parse(NULL, &value, 0, &w, err, sizeof err) == 0)
        REQUIRE(w.since == INT64_MIN && w.until >= WINDOW_MS_MIN && w.until <= WINDOW_MS_MAX + 1);
    int64_t lo, hi, below, above;
    window_text_bound(WINDOW_EQ, text, n, &lo, &hi);
    REQUIRE(lo > hi || lo == hi || lo == INT64_MIN || hi == INT64_MAX);
    window_text_bound(WINDOW_LT, text, n, &lo, &below);
    window_text_bound(WINDOW_GE, text, n, &above, &hi);
    REQUIRE(lo > below || above > hi || below + 1 == above);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    setenv("FLOWVT_FILTERS", "", 1); /* no files */
    fuzz_filter(text ? text : "", size);
    fuzz_window(text ? text : "", size);
    return 0;
}
