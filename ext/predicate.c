/* SPDX-License-Identifier: MIT */
/*
** The tree of tests: made, copied, and asked for its columns. What a group's zone maps say of it is in
** predicate_group.c, what its dictionaries do in predicate_codes.c; predicate_block.c runs it over rows.
*/
#include "predicate.h"

#include <stdlib.h>

static const struct {
    int column, field;
} raw[] = {
    {SCAN_raw_packets, FLOW_packets},       {SCAN_raw_bytes, FLOW_bytes},
    {SCAN_raw_outpackets, FLOW_outpackets}, {SCAN_raw_outbytes, FLOW_outbytes},
    {SCAN_raw_sampling, FLOW_sampling},
};

int scan_field(int column) {
    return column < FLOW_NFIELDS ? column : raw[column - FLOW_NFIELDS].field;
}

bool scan_scaled(int column) {
    for (size_t i = 0; i < sizeof raw / sizeof raw[0]; i++)
        if (raw[i].field == column)
            return column != FLOW_sampling;
    return false;
}

/* ---- making ----------------------------------------------------------------------------- */

struct predicate *predicate_new(enum predicate_op op, int column) {
    struct predicate *p = calloc(1, sizeof *p);
    if (p) {
        p->op = op;
        p->column = column;
    }
    return p;
}

void predicate_free(struct predicate *p) {
    if (!p)
        return;
    for (uint32_t i = 0; i < p->n; i++)
        predicate_free(p->child[i]);
    free(p->child);
    free(p->codes);
    free(p->low);
    filter_values_free(&p->values);
    free(p);
}

bool predicate_adopt(struct predicate *parent, struct predicate *child) {
    struct predicate **grown =
        child ? realloc(parent->child, ((size_t)parent->n + 1) * sizeof(struct predicate *)) : NULL;
    if (!grown) {
        predicate_free(child);
        return false;
    }
    parent->child = grown;
    parent->child[parent->n++] = child;
    return true;
}

struct predicate *predicate_from_filter(const struct filter_node *node) {
    static const enum predicate_op ops[] = {
        [FILTER_TRUE] = PREDICATE_AND,       [FILTER_AND] = PREDICATE_AND,
        [FILTER_OR] = PREDICATE_OR,          [FILTER_NOT] = PREDICATE_NOT,
        [FILTER_RANGES] = PREDICATE_RANGES,  [FILTER_NETS] = PREDICATE_NETS,
        [FILTER_MASK] = PREDICATE_MASK,      [FILTER_TEXTS] = PREDICATE_TEXT,
        [FILTER_REALS] = PREDICATE_COMPUTED, [FILTER_OWN] = PREDICATE_OWN,
        [FILTER_MPLS] = PREDICATE_MPLS,
    };
    struct predicate *p = predicate_new(ops[node->op], node->field);
    bool ok = p && filter_values_add(&p->values, &node->values) == 0;
    if (ok) {
        p->text_op = TEXT_IN;
        p->computed = node->computed;
        p->own = node->own;
        p->mask = node->mask;
        p->value = node->value;
        if (p->op == PREDICATE_COMPUTED && p->computed == COMPUTED_count)
            p->op = PREDICATE_COUNT;
    }
    for (uint32_t i = 0; ok && i < node->n; i++)
        ok = predicate_adopt(p, predicate_from_filter(node->child[i]));
    if (ok)
        return p;
    predicate_free(p);
    return NULL;
}

struct predicate *predicate_clone(const struct predicate *p) {
    struct predicate *copy = predicate_new(p->op, p->column);
    bool ok = copy && filter_values_add(&copy->values, &p->values) == 0;
    if (ok) {
        copy->mask = p->mask;
        copy->value = p->value;
        copy->text_op = p->text_op;
        copy->computed = p->computed;
        copy->own = p->own;
        copy->labels = p->labels;
    }
    for (uint32_t i = 0; ok && i < p->n; i++)
        ok = predicate_adopt(copy, predicate_clone(p->child[i]));
    if (ok)
        return copy;
    predicate_free(copy);
    return NULL;
}

void predicate_columns(const struct predicate *p, bool column[SCAN_NCOLUMNS]) {
    int input[COMPUTED_COLUMNS];
    int n = p->op == PREDICATE_COMPUTED ? computed_columns(p->computed, input) : 0;
    for (int i = 0; i < n; i++)
        column[input[i]] = true;
    if (p->op >= PREDICATE_NULL && p->op <= PREDICATE_MPLS)
        column[p->column] = true;
    for (uint32_t i = 0; i < p->n; i++)
        predicate_columns(p->child[i], column);
}

bool predicate_set_labels(struct predicate *p, struct labels *labels) {
    bool any = p->op == PREDICATE_ZONE;
    p->labels = labels;
    for (uint32_t i = 0; i < p->n; i++)
        any |= predicate_set_labels(p->child[i], labels);
    return any;
}

/* Of several of which one is enough: from the least of their bounds to the greatest. */
static void bounds_of_any(const struct predicate *p, int column, int64_t *lo, int64_t *hi) {
    int64_t least = INT64_MAX, greatest = INT64_MIN;
    for (uint32_t i = 0; i < p->n; i++) {
        int64_t first = INT64_MIN, last = INT64_MAX;
        predicate_bounds(p->child[i], column, &first, &last);
        least = first < least ? first : least;
        greatest = last > greatest ? last : greatest;
    }
    *lo = least > *lo ? least : *lo;
    *hi = greatest < *hi ? greatest : *hi;
}

void predicate_bounds(const struct predicate *p, int column, int64_t *lo, int64_t *hi) {
    const struct filter_values *v = &p->values;
    if (p->op == PREDICATE_OR && p->n > 0)
        bounds_of_any(p, column, lo, hi);
    for (uint32_t i = 0; p->op == PREDICATE_AND && i < p->n; i++)
        predicate_bounds(p->child[i], column, lo, hi);
    if (p->op != PREDICATE_RANGES || p->column != column || v->nrange == 0)
        return;
    *lo = v->range[0].lo > *lo ? v->range[0].lo : *lo;
    *hi = v->range[v->nrange - 1].hi < *hi ? v->range[v->nrange - 1].hi : *hi;
}

bool predicate_counts(const struct predicate *p) {
    bool counts = p->op == PREDICATE_COUNT;
    for (uint32_t i = 0; !counts && i < p->n; i++)
        counts = predicate_counts(p->child[i]);
    return counts;
}
