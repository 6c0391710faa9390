/* SPDX-License-Identifier: MIT */
/*
** The tree of tests: made, asked of zone maps, bound to dictionaries, and run over blocks.
*/
#include "predicate.h"

#include <stdlib.h>

static const struct {
    int raw, field;
} counters[] = {
    {SCAN_raw_packets, FLOW_packets},
    {SCAN_raw_bytes, FLOW_bytes},
    {SCAN_raw_outpackets, FLOW_outpackets},
    {SCAN_raw_outbytes, FLOW_outbytes},
};

int scan_field(int column) {
    return column < FLOW_NFIELDS ? column : counters[column - FLOW_NFIELDS].field;
}

bool scan_scaled(int column) {
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        if (counters[i].field == column)
            return true;
    return false;
}

/* ---- making -----------------------------------------------------------------------------
 */

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
    for (uint32_t i = 0; i < p->ntext; i++)
        free(p->text[i].p);
    free(p->child);
    free(p->text);
    free(p->codes);
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

static bool copy_values(struct predicate *p, const struct filter_node *node) {
    bool ok = true;
    for (uint32_t i = 0; ok && i < node->n; i++)
        switch (node->op) {
        case FILTER_RANGES:
            ok = filter_values_range(&p->values, node->range[i].lo, node->range[i].hi) == 0;
            break;
        case FILTER_NETS:
            ok = filter_values_net(&p->values, &node->net[i].lo, &node->net[i].hi) == 0;
            break;
        case FILTER_REALS:
            ok = filter_values_real(&p->values, node->real[i].lo, node->real[i].hi) == 0;
            break;
        default:
            ok = predicate_add_text(p, node->text[i].p, node->text[i].n);
            break;
        }
    return ok;
}

struct predicate *predicate_from_filter(const struct filter_node *node) {
    static const enum predicate_op ops[] = {
        [FILTER_TRUE] = PREDICATE_AND,       [FILTER_AND] = PREDICATE_AND,
        [FILTER_OR] = PREDICATE_OR,          [FILTER_NOT] = PREDICATE_NOT,
        [FILTER_RANGES] = PREDICATE_RANGES,  [FILTER_NETS] = PREDICATE_NETS,
        [FILTER_MASK] = PREDICATE_MASK,      [FILTER_TEXTS] = PREDICATE_TEXT,
        [FILTER_REALS] = PREDICATE_COMPUTED,
    };
    struct predicate *p = predicate_new(ops[node->op], node->field);
    bool ok = p != NULL;
    if (ok && !node->child && node->op != FILTER_TRUE && node->op != FILTER_MASK) {
        p->text_op = TEXT_IN;
        p->computed = node->computed;
        ok = copy_values(p, node);
    } else if (ok && node->op == FILTER_MASK) {
        p->mask = node->mask;
        p->value = node->value;
    } else if (ok) {
        for (uint32_t i = 0; ok && i < node->n; i++)
            ok = predicate_adopt(p, predicate_from_filter(node->child[i]));
    }
    if (!ok) {
        predicate_free(p);
        return NULL;
    }
    return p;
}

bool predicate_add_text(struct predicate *p, const char *text, size_t n) {
    struct text *grown = p->text;
    if ((p->ntext & (p->ntext - 1)) == 0)
        grown = realloc(p->text, (p->ntext ? (size_t)p->ntext * 2 : 1) * sizeof *grown);
    if (!grown)
        return false;
    p->text = grown;
    char *copy = malloc(n + 1);
    if (!copy)
        return false;
    if (n)
        memcpy(copy, text, n);
    copy[n] = '\0';
    p->text[p->ntext++] = (struct text){copy, n};
    return true;
}

struct predicate *predicate_clone(const struct predicate *p) {
    struct predicate *copy = predicate_new(p->op, p->column);
    bool ok = copy != NULL;
    if (ok) {
        copy->mask = p->mask;
        copy->value = p->value;
        copy->text_op = p->text_op;
        copy->computed = p->computed;
    }
    for (uint32_t i = 0; ok && i < p->values.nrange; i++)
        ok = filter_values_range(&copy->values, p->values.range[i].lo, p->values.range[i].hi) == 0;
    for (uint32_t i = 0; ok && i < p->values.nnet; i++)
        ok = filter_values_net(&copy->values, &p->values.net[i].lo, &p->values.net[i].hi) == 0;
    for (uint32_t i = 0; ok && i < p->values.nreal; i++)
        ok = filter_values_real(&copy->values, p->values.real[i].lo, p->values.real[i].hi) == 0;
    for (uint32_t i = 0; ok && i < p->ntext; i++)
        ok = predicate_add_text(copy, p->text[i].p, p->text[i].n);
    for (uint32_t i = 0; ok && i < p->n; i++)
        ok = predicate_adopt(copy, predicate_clone(p->child[i]));
    if (ok)
        return copy;
    predicate_free(copy);
    return NULL;
}

static int compare(const char *a, size_t na, const char *b, size_t nb) {
    size_t n = na < nb ? na : nb;
    int order = n ? memcmp(a, b, n) : 0;
    return order ? order : (na > nb) - (na < nb);
}

static int by_text(const void *a, const void *b) {
    const struct text *x = a, *y = b;
    return compare(x->p, x->n, y->p, y->n);
}

void predicate_settle(struct predicate *p) {
    filter_values_normalize(&p->values);
    if (p->ntext > 1)
        qsort(p->text, p->ntext, sizeof *p->text, by_text);
}

void predicate_columns(const struct predicate *p, bool column[SCAN_NCOLUMNS]) {
    int input[COMPUTED_COLUMNS];
    int n = p->op == PREDICATE_COMPUTED ? computed_columns(p->computed, input) : 0;
    for (int i = 0; i < n; i++)
        column[input[i]] = true;
    if (p->op > PREDICATE_NOT && p->op != PREDICATE_COMPUTED)
        column[p->column] = true;
    for (uint32_t i = 0; i < p->n; i++)
        predicate_columns(p->child[i], column);
}

/* ---- zone maps -------------------------------------------------------------------------- */

static enum predicate_zone zone_of_values(const struct predicate *p,
                                          const struct fvt_chunk_info *e) {
    const struct filter_values *v = &p->values;
    bool some = false, all = false;
    if (p->op == PREDICATE_RANGES) {
        for (uint32_t i = 0; i < v->nrange; i++) {
            some |= v->range[i].lo <= e->max && v->range[i].hi >= e->min;
            all |= v->range[i].lo <= e->min && v->range[i].hi >= e->max;
        }
    } else {
        for (uint32_t i = 0; i < v->nnet; i++) {
            some |= flow_ip_cmp(&v->net[i].lo, &e->ipmax) <= 0 &&
                    flow_ip_cmp(&v->net[i].hi, &e->ipmin) >= 0;
            all |= flow_ip_cmp(&v->net[i].lo, &e->ipmin) <= 0 &&
                   flow_ip_cmp(&v->net[i].hi, &e->ipmax) >= 0;
        }
    }
    return !some ? ZONE_NONE : all && e->nulls == 0 ? ZONE_ALL : ZONE_SOME;
}

/* Nothing is computed where a column is missing altogether. */
static enum predicate_zone zone_of_computed(const struct predicate *p, const struct fvt_group *g) {
    int column[COMPUTED_COLUMNS];
    int n = computed_columns(p->computed, column);
    for (int i = 0; i < n; i++)
        if (g->chunk_of[column[i]] < 0)
            return ZONE_NONE;
    return ZONE_SOME;
}

static enum predicate_zone zone_of_test(const struct predicate *p, const struct fvt_group *g) {
    if (p->op == PREDICATE_COMPUTED)
        return zone_of_computed(p, g);
    if (p->column == FLOW_flows) /* NULL in the file is 1 in SQL */
        return p->op == PREDICATE_NULL      ? ZONE_NONE
               : p->op == PREDICATE_NOTNULL ? ZONE_ALL
                                            : ZONE_SOME;
    int at = g->chunk_of[scan_field(p->column)];
    if (at < 0)
        return p->op == PREDICATE_NULL ? ZONE_ALL : ZONE_NONE;
    const struct fvt_chunk_info *e = &g->chunks[at];
    switch (p->op) {
    case PREDICATE_NULL:
        return e->nulls == 0 ? ZONE_NONE : e->nulls == g->rows ? ZONE_ALL : ZONE_SOME;
    case PREDICATE_NOTNULL:
        return e->nulls == 0 ? ZONE_ALL : e->nulls == g->rows ? ZONE_NONE : ZONE_SOME;
    case PREDICATE_RANGES:
        if (scan_scaled(p->column) && g->chunk_of[FLOW_sampling] >= 0)
            return ZONE_SOME;
        return zone_of_values(p, e);
    case PREDICATE_NETS:
        return zone_of_values(p, e);
    default:
        return ZONE_SOME;
    }
}

enum predicate_zone predicate_zone(const struct predicate *p, const struct fvt_group *g) {
    enum predicate_zone z;
    switch (p->op) {
    case PREDICATE_AND:
        z = ZONE_ALL;
        for (uint32_t i = 0; i < p->n && z != ZONE_NONE; i++) {
            enum predicate_zone c = predicate_zone(p->child[i], g);
            z = c < z ? c : z;
        }
        return z;
    case PREDICATE_OR:
        z = ZONE_NONE;
        for (uint32_t i = 0; i < p->n && z != ZONE_ALL; i++) {
            enum predicate_zone c = predicate_zone(p->child[i], g);
            z = c > z ? c : z;
        }
        return z;
    case PREDICATE_NOT:
        z = predicate_zone(p->child[0], g);
        return z == ZONE_NONE ? ZONE_ALL : z == ZONE_ALL ? ZONE_NONE : ZONE_SOME;
    default:
        return zone_of_test(p, g);
    }
}

/* ---- dictionaries ----------------------------------------------------------------------- */

const char *dict_text(const struct fvt_dict *d, uint32_t code, char *buffer, size_t *n) {
    if (d->class == FLOW_IP) {
        *n = flow_ip_text(&d->ip[code], buffer);
        return buffer;
    }
    *n = d->len[code];
    return d->text[code];
}

static bool text_passes(const struct predicate *p, const char *text, size_t n) {
    if (p->text_op == TEXT_IN) {
        struct text key;
        memset(&key, 0, sizeof key);
        key.p = (char *)(uintptr_t)text; /* only read */
        key.n = n;
        return p->ntext && bsearch(&key, p->text, p->ntext, sizeof key, by_text);
    }
    int order = compare(text, n, p->text[0].p, p->text[0].n);
    switch (p->text_op) {
    case TEXT_EQ:
        return order == 0;
    case TEXT_NE:
        return order != 0;
    case TEXT_LT:
        return order < 0;
    case TEXT_LE:
        return order <= 0;
    case TEXT_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static void mark_nets(const struct predicate *p, const struct fvt_dict *d) {
    for (uint32_t i = 0; i < p->values.nnet; i++) {
        uint32_t code = fvt_dict_lower_ip(d, &p->values.net[i].lo);
        while (code < d->n && flow_ip_cmp(&d->ip[code], &p->values.net[i].hi) <= 0)
            p->codes[code++] = 1;
    }
}

bool predicate_bind(struct predicate *p, const struct fvt_dict *(*dict)(void *arg, int column),
                    void *arg) {
    for (uint32_t i = 0; i < p->n; i++)
        if (!predicate_bind(p->child[i], dict, arg))
            return false;
    free(p->codes);
    p->codes = NULL;
    if (p->op != PREDICATE_NETS && p->op != PREDICATE_TEXT)
        return true;
    const struct fvt_dict *d = dict(arg, p->column);
    p->codes = calloc(d ? (size_t)d->n + 1 : 1, 1);
    if (!p->codes)
        return false;
    if (d && p->op == PREDICATE_NETS)
        mark_nets(p, d);
    for (uint32_t code = 0; d && p->op == PREDICATE_TEXT && code < d->n; code++) {
        char buffer[FLOW_IP_TEXT];
        size_t n;
        const char *text = dict_text(d, code, buffer, &n);
        p->codes[code] = text_passes(p, text, n);
    }
    return true;
}

/* ---- blocks -----------------------------------------------------------------------------
 */

static bool in_ranges(const struct filter_values *v, int64_t x) {
    uint32_t lo = 0, hi = v->nrange;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (v->range[mid].hi < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < v->nrange && v->range[lo].lo <= x;
}

static void test_values(const struct predicate *p, const int64_t *v, uint32_t n, uint8_t *pass) {
    if (p->codes) {
        for (uint32_t i = 0; i < n; i++)
            pass[i] = p->codes[v[i]];
    } else if (p->op == PREDICATE_MASK) {
        for (uint32_t i = 0; i < n; i++)
            pass[i] = (v[i] & p->mask) == p->value;
    } else if (p->values.nrange == 1) {
        int64_t lo = p->values.range[0].lo, hi = p->values.range[0].hi;
        for (uint32_t i = 0; i < n; i++)
            pass[i] = (v[i] >= lo) & (v[i] <= hi);
    } else {
        for (uint32_t i = 0; i < n; i++)
            pass[i] = in_ranges(&p->values, v[i]);
    }
}

static bool in_reals(const struct filter_values *v, double x) {
    uint32_t lo = 0, hi = v->nreal;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (v->real[mid].hi < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < v->nreal && v->real[lo].lo <= x;
}

static void test_computed(const struct predicate *p, const struct predicate_block *b,
                          uint8_t *pass) {
    const uint8_t *nulls[COMPUTED_COLUMNS];
    const int64_t *v[COMPUTED_COLUMNS];
    int column[COMPUTED_COLUMNS];
    int n = computed_columns(p->computed, column);
    for (int k = 0; k < n; k++)
        v[k] = b->values(b->arg, column[k], &nulls[k]);
    for (uint32_t i = 0; i < b->n; i++) {
        int64_t value[COMPUTED_COLUMNS] = {0};
        uint8_t null = 0;
        double number;
        for (int k = 0; k < n; k++) {
            value[k] = v[k][i];
            null |= nulls[k][i];
        }
        pass[i] =
            !null && computed_number(p->computed, value, &number) && in_reals(&p->values, number);
    }
}

static void test_column(const struct predicate *p, const struct predicate_block *b, uint8_t *pass) {
    const uint8_t *nulls;
    if (p->op == PREDICATE_COMPUTED) {
        test_computed(p, b, pass);
        return;
    }
    const int64_t *v = b->values(b->arg, p->column, &nulls);
    if (p->op == PREDICATE_NULL || p->op == PREDICATE_NOTNULL) {
        bool when = p->op == PREDICATE_NULL;
        for (uint32_t i = 0; i < b->n; i++)
            pass[i] = (nulls[i] != 0) == when;
        return;
    }
    test_values(p, v, b->n, pass);
    for (uint32_t i = 0; i < b->n; i++)
        pass[i] &= !nulls[i];
}

void predicate_test(const struct predicate *p, const struct predicate_block *b, uint8_t *pass) {
    uint8_t one[PREDICATE_BLOCK];
    switch (p->op) {
    case PREDICATE_AND:
    case PREDICATE_OR:
        memset(pass, p->op == PREDICATE_AND, b->n);
        for (uint32_t i = 0; i < p->n; i++) {
            predicate_test(p->child[i], b, one);
            for (uint32_t k = 0; k < b->n; k++)
                pass[k] = p->op == PREDICATE_AND ? pass[k] & one[k] : pass[k] | one[k];
        }
        break;
    case PREDICATE_NOT:
        predicate_test(p->child[0], b, pass);
        for (uint32_t i = 0; i < b->n; i++)
            pass[i] = !pass[i];
        break;
    default:
        test_column(p, b, pass);
        break;
    }
}
