/* SPDX-License-Identifier: MIT */
/*
** The tree of a filter: made, freed, and evaluated on one flow.
*/
#include "filter_tree.h"

#include <stdlib.h>

/* Room for one more of n elements in a growing array. */
static int grow(void **array, uint32_t n, uint32_t *room, size_t size) {
    if (n < *room)
        return 0;
    uint32_t more = *room ? *room * 2 : 4; /* n is bounded by FILTER_MAX_TEXT */
    void *bigger = realloc(*array, more * size);
    if (!bigger)
        return -1;
    *array = bigger;
    *room = more;
    return 0;
}

int filter_values_range(struct filter_values *v, int64_t lo, int64_t hi) {
    void *array = v->range;
    if (grow(&array, v->nrange, &v->range_room, sizeof *v->range) != 0)
        return -1;
    v->range = array;
    if (lo <= hi)
        v->range[v->nrange++] = (struct filter_range){lo, hi};
    return 0;
}

int filter_values_net(struct filter_values *v, const struct flow_ip *lo, const struct flow_ip *hi) {
    void *array = v->net;
    if (grow(&array, v->nnet, &v->net_room, sizeof *v->net) != 0)
        return -1;
    v->net = array;
    v->net[v->nnet++] = (struct filter_net){*lo, *hi};
    return 0;
}

void filter_values_free(struct filter_values *v) {
    free(v->range);
    free(v->net);
    *v = (struct filter_values){0};
}

static int compare_ranges(const void *a, const void *b) {
    const struct filter_range *x = a, *y = b;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

static int compare_nets(const void *a, const void *b) {
    const struct filter_net *x = a, *y = b;
    return flow_ip_cmp(&x->lo, &y->lo);
}

void filter_values_normalize(struct filter_values *v) {
    uint32_t n = 0;
    if (v->nrange)
        qsort(v->range, v->nrange, sizeof *v->range, compare_ranges);
    for (uint32_t i = 0; i < v->nrange; i++) {
        struct filter_range *last = n ? &v->range[n - 1] : NULL, *r = &v->range[i];
        if (!last || (last->hi < INT64_MAX && r->lo > last->hi + 1))
            v->range[n++] = *r;
        else if (r->hi > last->hi)
            last->hi = r->hi;
    }
    v->nrange = n;

    n = 0;
    if (v->nnet)
        qsort(v->net, v->nnet, sizeof *v->net, compare_nets);
    for (uint32_t i = 0; i < v->nnet; i++) {
        struct filter_net *last = n ? &v->net[n - 1] : NULL, *r = &v->net[i];
        if (!last || flow_ip_cmp(&r->lo, &last->hi) > 0)
            v->net[n++] = *r;
        else if (flow_ip_cmp(&r->hi, &last->hi) > 0)
            last->hi = r->hi;
    }
    v->nnet = n;
}

static struct filter_node *node_new(enum filter_op op) {
    struct filter_node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->op = op;
    node->field = -1;
    return node;
}

struct filter_node *filter_node_true(void) {
    return node_new(FILTER_TRUE);
}

struct filter_node *filter_node_mask(int field, int64_t mask, int64_t value) {
    struct filter_node *node = node_new(FILTER_MASK);
    if (!node)
        return NULL;
    node->field = field;
    node->mask = mask;
    node->value = value;
    return node;
}

/* A copy of n elements; never NULL for n = 0, so that NULL means failure. */
static void *copy_of(const void *array, size_t n, size_t size) {
    void *copy = malloc(n ? n * size : 1);
    if (copy && n)
        memcpy(copy, array, n * size);
    return copy;
}

struct filter_node *filter_node_ranges(int field, const struct filter_values *v) {
    struct filter_node *node = node_new(FILTER_RANGES);
    if (!node)
        return NULL;
    node->field = field;
    node->n = v->nrange;
    node->range = copy_of(v->range, v->nrange, sizeof *v->range);
    if (node->range)
        return node;
    filter_free(node);
    return NULL;
}

struct filter_node *filter_node_nets(int field, const struct filter_values *v) {
    struct filter_node *node = node_new(FILTER_NETS);
    if (!node)
        return NULL;
    node->field = field;
    node->n = v->nnet;
    node->net = copy_of(v->net, v->nnet, sizeof *v->net);
    if (node->net)
        return node;
    filter_free(node);
    return NULL;
}

/* Children lie in arrays of 2, 4, 8, ... so that a chain of n costs n steps. */
static int add_child(struct filter_node *parent, struct filter_node *child) {
    uint32_t n = parent->n;
    if (n == 0 || (n >= 2 && (n & (n - 1)) == 0)) {
        size_t room = n ? (size_t)n * 2 : 2;
        struct filter_node **bigger = realloc(parent->child, room * sizeof(struct filter_node *));
        if (!bigger)
            return -1;
        parent->child = bigger;
    }
    parent->child[parent->n++] = child;
    return 0;
}

/* Make child an operand of parent, or its operands those of parent. */
static int adopt(struct filter_node *parent, struct filter_node *child) {
    if (child->op != parent->op)
        return add_child(parent, child);
    uint32_t moved = 0;
    while (moved < child->n && add_child(parent, child->child[moved]) == 0)
        moved++;
    child->n -= moved;
    if (child->n) {
        memmove(child->child, child->child + moved, child->n * sizeof(struct filter_node *));
        return -1;
    }
    filter_free(child);
    return 0;
}

struct filter_node *filter_node_not(struct filter_node *child) {
    if (child->op == FILTER_NOT) {
        struct filter_node *inner = child->child[0];
        child->n = 0;
        filter_free(child);
        return inner;
    }
    struct filter_node *node = node_new(FILTER_NOT);
    if (node && add_child(node, child) == 0)
        return node;
    filter_free(node);
    filter_free(child);
    return NULL;
}

struct filter_node *filter_node_join(enum filter_op op, struct filter_node *a,
                                     struct filter_node *b) {
    struct filter_node *node = a;
    if (a->op != op) {
        node = node_new(op);
        if (!node || add_child(node, a) != 0) {
            filter_free(node);
            filter_free(a);
            filter_free(b);
            return NULL;
        }
    }
    if (adopt(node, b) == 0)
        return node;
    filter_free(node);
    filter_free(b);
    return NULL;
}

void filter_free(struct filter_node *node) {
    if (!node)
        return;
    if (node->child)
        for (uint32_t i = 0; i < node->n; i++)
            filter_free(node->child[i]);
    free(node->child);
    free(node->range);
    free(node->net);
    free(node);
}

static bool in_ranges(const struct filter_node *node, int64_t v) {
    uint32_t lo = 0, hi = node->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (v > node->range[mid].hi)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < node->n && v >= node->range[lo].lo;
}

static bool in_nets(const struct filter_node *node, const struct flow_ip *ip) {
    uint32_t lo = 0, hi = node->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (flow_ip_cmp(ip, &node->net[mid].hi) > 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < node->n && flow_ip_cmp(ip, &node->net[lo].lo) >= 0;
}

bool filter_match(const struct filter_node *node, const struct flow_row *row) {
    const union flow_value *v = NULL;
    if (node->field >= 0) {
        if (!flow_row_has(row, node->field))
            return false;
        v = &row->value[node->field];
    }
    switch (node->op) {
    case FILTER_TRUE:
        return true;
    case FILTER_NOT:
        return !filter_match(node->child[0], row);
    case FILTER_AND:
        for (uint32_t i = 0; i < node->n; i++)
            if (!filter_match(node->child[i], row))
                return false;
        return true;
    case FILTER_OR:
        for (uint32_t i = 0; i < node->n; i++)
            if (filter_match(node->child[i], row))
                return true;
        return false;
    case FILTER_RANGES:
        return in_ranges(node, v->i);
    case FILTER_NETS:
        return in_nets(node, &v->ip);
    case FILTER_MASK:
        return (v->i & node->mask) == node->value;
    }
    return false;
}
