/* SPDX-License-Identifier: MIT */
/*
** The tree of a filter: made, freed, and evaluated on one flow.
*/
#include "filter_tree.h"

#include <stdlib.h>

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

static struct filter_node *node_of(enum filter_op op, int field, const struct filter_values *v) {
    struct filter_node *node = node_new(op);
    if (node && filter_values_add(&node->values, v) == 0) {
        node->field = field;
        return node;
    }
    filter_free(node);
    return NULL;
}

struct filter_node *filter_node_values(int field, const struct filter_values *v) {
    enum flow_class class = flow_fields[field].class;
    return node_of(class == FLOW_IP     ? FILTER_NETS
                   : class == FLOW_TEXT ? FILTER_TEXTS
                                        : FILTER_RANGES,
                   field, v);
}

struct filter_node *filter_node_computed(enum computed id, const struct filter_values *v) {
    struct filter_node *node = node_of(FILTER_REALS, -1, v);
    if (node)
        node->computed = id;
    return node;
}

struct filter_node *filter_node_mpls(enum filter_label what, const struct filter_values *v) {
    struct filter_node *node = node_of(FILTER_MPLS, FLOW_mpls, v);
    if (node)
        node->value = what;
    return node;
}

struct filter_node *filter_node_own(const struct own_column *own, const struct filter_values *v) {
    struct filter_node *node = node_of(FILTER_OWN, FLOW_extra, v);
    if (node)
        node->own = own;
    return node;
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

/* ---- merging ---------------------------------------------------------------------------- */

/* A set of values that another may be joined with? */
static bool is_set(const struct filter_node *node) {
    return node->op == FILTER_RANGES || node->op == FILTER_NETS || node->op == FILTER_TEXTS;
}

/* One child for all sets of a field. */
static int merge_sets(struct filter_node * or) {
    struct filter_node *first[FLOW_NFIELDS] = {NULL};
    bool grown[FLOW_NFIELDS] = {false};
    uint32_t n = 0;
    int rc = 0;
    for (uint32_t i = 0; i < or->n; i++) {
        struct filter_node *child = or->child[i];
        int field = child->field;
        if (rc != 0 || !is_set(child) || !first[field]) {
            or->child[n++] = child;
            if (is_set(child))
                first[field] = child;
            continue;
        }
        rc = filter_values_add(&first[field]->values, &child->values);
        grown[field] = true;
        filter_free(child);
    }
    or->n = n;
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (grown[f])
            filter_values_normalize(&first[f]->values);
    return rc;
}

/* Not a and not b is not (a or b). */
static int merge_nots(struct filter_node *and) {
    uint32_t nots = 0, n = 0;
    for (uint32_t i = 0; i < and->n; i++)
        nots += and->child[i]->op == FILTER_NOT;
    struct filter_node *either = nots > 1 ? node_new(FILTER_OR) : NULL;
    if (!either)
        return nots > 1 ? -1 : 0;
    int rc = 0;
    for (uint32_t i = 0; i < and->n; i++) {
        struct filter_node *child = and->child[i];
        if (rc != 0 || child->op != FILTER_NOT) {
            and->child[n++] = child;
            continue;
        }
        rc = adopt(either, child->child[0]);
        if (rc == 0)
            child->n = 0;
        filter_free(child);
    }
    and->n = n;
    if (rc == 0 && (either = filter_node_merge(either)) != NULL)
        either = filter_node_not(either);
    else
        filter_free(either), either = NULL;
    return either ? add_child(and, either) : -1;
}

struct filter_node *filter_node_merge(struct filter_node *node) {
    if (!node || (node->op != FILTER_AND && node->op != FILTER_OR))
        return node;
    if ((node->op == FILTER_OR ? merge_sets(node) : merge_nots(node)) != 0) {
        filter_free(node);
        return NULL;
    }
    if (node->n != 1)
        return node;
    struct filter_node *only = node->child[0];
    node->n = 0;
    filter_free(node);
    return only;
}

void filter_free(struct filter_node *node) {
    if (!node)
        return;
    for (uint32_t i = 0; i < node->n; i++)
        filter_free(node->child[i]);
    free(node->child);
    filter_values_free(&node->values);
    free(node);
}

/* ---- evaluation ------------------------------------------------------------------------- */

bool filter_mpls_match(enum filter_label what, const struct filter_values *v, const char *text,
                       size_t n) {
    uint32_t entry[MPLS_LABELS];
    unsigned count = mpls_read(text, n, entry);
    for (unsigned i = 0; i < count; i++) {
        bool asked = what == FILTER_LABEL_ANY || what == FILTER_LABEL_NTH + i ||
                     (what == FILTER_LABEL_BOTTOM && entry[i] & 1);
        if (asked && filter_in_ranges(v, entry[i] >> 4))
            return true;
        if (what == FILTER_EXP_NTH + i && filter_in_ranges(v, entry[i] >> 1 & 7))
            return true;
    }
    return false;
}

/* A value that is not what its type says is a text, and no test of a number or an address is true of it. */
bool filter_own_passes(const struct own_column *own, const struct filter_values *v,
                       const char *extra, size_t n) {
    struct own_value value;
    if (!own_read(own, extra, n, &value))
        return false;
    bool pass = false;
    switch (value.kind) {
    case OWN_NONE:
        break;
    case OWN_INTEGER:
    case OWN_TIME:
    case OWN_MAC:
        pass = filter_in_ranges(v, value.i);
        break;
    case OWN_REAL:
        pass = filter_in_reals(v, value.real);
        break;
    case OWN_IP:
        pass = filter_in_nets(v, &value.ip);
        break;
    case OWN_TEXT:
        pass = filter_in_texts(v, value.text, value.n);
        break;
    }
    own_clear(&value);
    return pass;
}

/* The integer that SQL shows for the field, counters scaled by the sampling rate. */
static bool integer_of(const struct flow_row *row, int field, int64_t *v) {
    if (!flow_row_has(row, field)) {
        *v = 1;
        return field == FLOW_flows;
    }
    *v = row->value[field].i;
    bool sampled = flow_fields[field].role == FLOW_COUNTER && field != FLOW_flows &&
                   flow_row_has(row, FLOW_sampling) && row->value[FLOW_sampling].i > 1;
    if (sampled && __builtin_mul_overflow(*v, row->value[FLOW_sampling].i, v))
        *v = INT64_MAX;
    return true;
}

static bool match_computed(const struct filter_node *node, const struct flow_row *row) {
    int column[COMPUTED_COLUMNS];
    int64_t value[COMPUTED_COLUMNS];
    double number;
    int n = computed_columns(node->computed, column);
    for (int i = 0; i < n; i++)
        if (!integer_of(row, column[i], &value[i]))
            return false;
    return computed_number(node->computed, value, &number) &&
           filter_in_reals(&node->values, number);
}

static bool match_all(const struct filter_node *node, const struct flow_row *row) {
    for (uint32_t i = 0; i < node->n; i++)
        if (!filter_match(node->child[i], row))
            return false;
    return true;
}

static bool match_any(const struct filter_node *node, const struct flow_row *row) {
    for (uint32_t i = 0; i < node->n; i++)
        if (filter_match(node->child[i], row))
            return true;
    return false;
}

bool filter_match(const struct filter_node *node, const struct flow_row *row) {
    const union flow_value *v = node->field < 0 ? NULL : &row->value[node->field];
    int64_t i;
    switch (node->op) {
    case FILTER_TRUE:
        return true;
    case FILTER_NOT:
        return !filter_match(node->child[0], row);
    case FILTER_AND:
        return match_all(node, row);
    case FILTER_OR:
        return match_any(node, row);
    case FILTER_RANGES:
        return integer_of(row, node->field, &i) && filter_in_ranges(&node->values, i);
    case FILTER_MASK:
        return integer_of(row, node->field, &i) && (i & node->mask) == node->value;
    case FILTER_NETS:
        return flow_row_has(row, node->field) && filter_in_nets(&node->values, &v->ip);
    case FILTER_TEXTS:
        return flow_row_has(row, node->field) &&
               filter_in_texts(&node->values, v->text.p, v->text.n);
    case FILTER_REALS:
        return match_computed(node, row);
    case FILTER_OWN:
        return flow_row_has(row, node->field) &&
               filter_own_passes(node->own, &node->values, v->text.p, v->text.n);
    case FILTER_MPLS:
        return flow_row_has(row, node->field) &&
               filter_mpls_match((enum filter_label)node->value, &node->values, v->text.p,
                                 v->text.n);
    }
    return false;
}
