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

int filter_values_real(struct filter_values *v, double lo, double hi) {
    void *array = v->real;
    if (grow(&array, v->nreal, &v->real_room, sizeof *v->real) != 0)
        return -1;
    v->real = array;
    if (lo <= hi)
        v->real[v->nreal++] = (struct filter_real){lo, hi};
    return 0;
}

int filter_values_text(struct filter_values *v, const char *p, size_t n) {
    void *array = v->text;
    if (grow(&array, v->ntext, &v->text_room, sizeof *v->text) != 0)
        return -1;
    v->text = array;
    char *copy = malloc(n + 1);
    if (!copy)
        return -1;
    if (n)
        memcpy(copy, p, n);
    copy[n] = '\0';
    v->text[v->ntext].p = copy;
    v->text[v->ntext++].n = n;
    return 0;
}

static void free_texts(struct filter_text *text, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        free(text[i].p);
    free(text);
}

void filter_values_free(struct filter_values *v) {
    free(v->range);
    free(v->net);
    free(v->real);
    free_texts(v->text, v->ntext);
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

static int compare_reals(const void *a, const void *b) {
    const struct filter_real *x = a, *y = b;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

static int compare_texts(const void *a, const void *b) {
    const struct filter_text *x = a, *y = b;
    int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

static void normalize_ranges(struct filter_values *v) {
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
}

static void normalize_nets(struct filter_values *v) {
    uint32_t n = 0;
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

static void normalize_reals(struct filter_values *v) {
    uint32_t n = 0;
    if (v->nreal)
        qsort(v->real, v->nreal, sizeof *v->real, compare_reals);
    for (uint32_t i = 0; i < v->nreal; i++) {
        struct filter_real *last = n ? &v->real[n - 1] : NULL, *r = &v->real[i];
        if (!last || r->lo > last->hi)
            v->real[n++] = *r;
        else if (r->hi > last->hi)
            last->hi = r->hi;
    }
    v->nreal = n;
}

static void normalize_texts(struct filter_values *v) {
    uint32_t n = 0;
    if (v->ntext)
        qsort(v->text, v->ntext, sizeof *v->text, compare_texts);
    for (uint32_t i = 0; i < v->ntext; i++)
        if (n && compare_texts(&v->text[n - 1], &v->text[i]) == 0)
            free(v->text[i].p);
        else
            v->text[n++] = v->text[i];
    v->ntext = n;
}

void filter_values_normalize(struct filter_values *v) {
    normalize_ranges(v);
    normalize_nets(v);
    normalize_reals(v);
    normalize_texts(v);
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

struct filter_node *filter_node_mpls(enum filter_label what, const struct filter_values *v) {
    struct filter_node *node = filter_node_ranges(FLOW_mpls, v);
    if (node) {
        node->op = FILTER_MPLS;
        node->value = what;
    }
    return node;
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

struct filter_node *filter_node_reals(enum computed id, const struct filter_values *v) {
    struct filter_node *node = node_new(FILTER_REALS);
    if (!node)
        return NULL;
    node->computed = id;
    node->n = v->nreal;
    node->real = copy_of(v->real, v->nreal, sizeof *v->real);
    if (node->real)
        return node;
    filter_free(node);
    return NULL;
}

struct filter_node *filter_node_texts(int field, const struct filter_values *v) {
    struct filter_node *node = node_new(FILTER_TEXTS);
    struct filter_values copy = {0};
    bool good = node != NULL;
    for (uint32_t i = 0; good && i < v->ntext; i++)
        good = filter_values_text(&copy, v->text[i].p, v->text[i].n) == 0;
    if (good) {
        node->field = field;
        node->n = copy.ntext;
        node->text = copy.text;
        return node;
    }
    filter_values_free(&copy);
    filter_free(node);
    return NULL;
}

struct filter_node *filter_node_own(const struct own_column *own, const struct filter_values *v) {
    enum own_kind kind = own_type_kind(own->type);
    struct filter_node *node = kind == OWN_REAL   ? filter_node_reals(COMPUTED_duration, v)
                               : kind == OWN_IP   ? filter_node_nets(FLOW_extra, v)
                               : kind == OWN_TEXT ? filter_node_texts(FLOW_extra, v)
                                                  : filter_node_ranges(FLOW_extra, v);
    if (!node)
        return NULL;
    node->op = FILTER_OWN;
    node->field = FLOW_extra;
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

/* Add the values of a set to v. */
static int gather(struct filter_values *v, const struct filter_node *set) {
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < set->n; i++)
        rc = set->op == FILTER_RANGES ? filter_values_range(v, set->range[i].lo, set->range[i].hi)
             : set->op == FILTER_NETS ? filter_values_net(v, &set->net[i].lo, &set->net[i].hi)
                                      : filter_values_text(v, set->text[i].p, set->text[i].n);
    return rc;
}

static struct filter_node *set_of(int field, const struct filter_values *v) {
    return flow_fields[field].class == FLOW_IP     ? filter_node_nets(field, v)
           : flow_fields[field].class == FLOW_TEXT ? filter_node_texts(field, v)
                                                   : filter_node_ranges(field, v);
}

/* The child at position at takes over the values that were gathered for its field. */
static int replace_set(struct filter_node *parent, uint32_t at, struct filter_values *v) {
    filter_values_normalize(v);
    struct filter_node *set = set_of(parent->child[at]->field, v);
    if (!set)
        return -1;
    filter_free(parent->child[at]);
    parent->child[at] = set;
    return 0;
}

/* One child for all sets of a field. */
static int merge_sets(struct filter_node * or) {
    struct filter_values more[FLOW_NFIELDS] = {{0}};
    uint32_t at[FLOW_NFIELDS]; /* of the first set of a field, plus 1 */
    uint32_t n = 0;
    int rc = 0;
    memset(at, 0, sizeof at);
    for (uint32_t i = 0; i < or->n; i++) {
        struct filter_node *child = or->child[i];
        if (rc == 0 && is_set(child) && at[child->field]) {
            struct filter_values *v = &more[child->field];
            if (!v->range_room && !v->net_room && !v->text_room)
                rc = gather(v, or->child[at[child->field] - 1]);
            if (rc == 0)
                rc = gather(v, child);
            filter_free(child);
            continue;
        }
        or->child[n++] = child;
        if (is_set(child))
            at[child->field] = n;
    }
    or->n = n;
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        if (rc == 0 && (more[f].range_room || more[f].net_room || more[f].text_room))
            rc = replace_set(or, at[f] - 1, &more[f]);
        filter_values_free(&more[f]);
    }
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
    if (node->child)
        for (uint32_t i = 0; i < node->n; i++)
            filter_free(node->child[i]);
    if (node->text)
        free_texts(node->text, node->n);
    free(node->child);
    free(node->range);
    free(node->net);
    free(node->real);
    free(node);
}

/* ---- evaluation ------------------------------------------------------------------------- */

static bool in_ranges(const struct filter_range *range, uint32_t n, int64_t v) {
    uint32_t lo = 0, hi = n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (v > range[mid].hi)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && v >= range[lo].lo;
}

bool filter_mpls_match(enum filter_label what, const struct filter_range *range, uint32_t nrange,
                       const char *text, size_t n) {
    uint32_t entry[MPLS_LABELS];
    unsigned count = mpls_read(text, n, entry);
    for (unsigned i = 0; i < count; i++) {
        bool asked = what == FILTER_LABEL_ANY || what == FILTER_LABEL_NTH + i ||
                     (what == FILTER_LABEL_BOTTOM && entry[i] & 1);
        if (asked && in_ranges(range, nrange, entry[i] >> 4))
            return true;
        if (what == FILTER_EXP_NTH + i && in_ranges(range, nrange, entry[i] >> 1 & 7))
            return true;
    }
    return false;
}

static bool in_nets(const struct filter_net *net, uint32_t n, const struct flow_ip *ip) {
    uint32_t lo = 0, hi = n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (flow_ip_cmp(ip, &net[mid].hi) > 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && flow_ip_cmp(ip, &net[lo].lo) >= 0;
}

bool filter_in_reals(const struct filter_real *real, uint32_t n, double v) {
    uint32_t lo = 0, hi = n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (v > real[mid].hi)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && v >= real[lo].lo;
}

static bool in_texts(const struct filter_text *text, uint32_t ntext, const char *p, size_t n) {
    struct filter_text key = {(char *)(uintptr_t)p, n}; /* only read */
    return ntext && bsearch(&key, text, ntext, sizeof key, compare_texts);
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
        pass = in_ranges(v->range, v->nrange, value.i);
        break;
    case OWN_REAL:
        pass = filter_in_reals(v->real, v->nreal, value.real);
        break;
    case OWN_IP:
        pass = in_nets(v->net, v->nnet, &value.ip);
        break;
    case OWN_TEXT:
        pass = in_texts(v->text, v->ntext, value.text, value.n);
        break;
    }
    own_clear(&value);
    return pass;
}

static bool match_own(const struct filter_node *node, const struct flow_row *row) {
    const struct filter_values v = {
        .range = node->range,
        .nrange = node->range ? node->n : 0,
        .net = node->net,
        .nnet = node->net ? node->n : 0,
        .real = node->real,
        .nreal = node->real ? node->n : 0,
        .text = node->text,
        .ntext = node->text ? node->n : 0,
    };
    return flow_row_has(row, FLOW_extra) &&
           filter_own_passes(node->own, &v, row->value[FLOW_extra].text.p,
                             row->value[FLOW_extra].text.n);
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
           filter_in_reals(node->real, node->n, number);
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
        return integer_of(row, node->field, &i) && in_ranges(node->range, node->n, i);
    case FILTER_MASK:
        return integer_of(row, node->field, &i) && (i & node->mask) == node->value;
    case FILTER_NETS:
        return flow_row_has(row, node->field) && in_nets(node->net, node->n, &v->ip);
    case FILTER_TEXTS:
        return flow_row_has(row, node->field) &&
               in_texts(node->text, node->n, v->text.p, v->text.n);
    case FILTER_REALS:
        return match_computed(node, row);
    case FILTER_OWN:
        return match_own(node, row);
    case FILTER_MPLS:
        return flow_row_has(row, node->field) &&
               filter_mpls_match((enum filter_label)node->value, node->range, node->n, v->text.p,
                                 v->text.n);
    }
    return false;
}
