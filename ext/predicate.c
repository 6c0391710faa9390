/* SPDX-License-Identifier: MIT */
/*
** The tree of tests: made, asked of zone maps, bound to dictionaries, and run over blocks.
*/
#include "predicate.h"

#include "../schema/kernel.h"

#include <sqlite3ext.h>
#include <stdlib.h>

SQLITE_EXTENSION_INIT3

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

/* n of each kind that there is. */
static bool copy_own(struct predicate *p, const struct filter_node *node) {
    bool ok = true;
    for (uint32_t i = 0; ok && i < node->n; i++) {
        if (node->range)
            ok = filter_values_range(&p->values, node->range[i].lo, node->range[i].hi) == 0;
        if (node->net)
            ok = filter_values_net(&p->values, &node->net[i].lo, &node->net[i].hi) == 0;
        if (node->real)
            ok = filter_values_real(&p->values, node->real[i].lo, node->real[i].hi) == 0;
        if (node->text)
            ok = filter_values_text(&p->values, node->text[i].p, node->text[i].n) == 0;
    }
    return ok;
}

static bool copy_values(struct predicate *p, const struct filter_node *node) {
    if (node->op == FILTER_OWN)
        return copy_own(p, node);
    bool ok = true;
    for (uint32_t i = 0; ok && i < node->n; i++)
        switch (node->op) {
        case FILTER_RANGES:
        case FILTER_MPLS:
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
        [FILTER_REALS] = PREDICATE_COMPUTED, [FILTER_OWN] = PREDICATE_OWN,
        [FILTER_MPLS] = PREDICATE_MPLS,
    };
    struct predicate *p = predicate_new(ops[node->op], node->field);
    bool ok = p != NULL;
    if (ok && !node->child && node->op != FILTER_TRUE && node->op != FILTER_MASK) {
        p->text_op = TEXT_IN;
        p->computed = node->computed;
        p->own = node->own;
        p->value = node->value;
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
        copy->own = p->own;
        copy->labels = p->labels;
    }
    for (uint32_t i = 0; ok && i < p->values.nrange; i++)
        ok = filter_values_range(&copy->values, p->values.range[i].lo, p->values.range[i].hi) == 0;
    for (uint32_t i = 0; ok && i < p->values.nnet; i++)
        ok = filter_values_net(&copy->values, &p->values.net[i].lo, &p->values.net[i].hi) == 0;
    for (uint32_t i = 0; ok && i < p->values.nreal; i++)
        ok = filter_values_real(&copy->values, p->values.real[i].lo, p->values.real[i].hi) == 0;
    for (uint32_t i = 0; ok && i < p->values.ntext; i++)
        ok = filter_values_text(&copy->values, p->values.text[i].p, p->values.text[i].n) == 0;
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

bool predicate_set_labels(struct predicate *p, struct labels *labels) {
    bool any = p->op == PREDICATE_ZONE;
    p->labels = labels;
    for (uint32_t i = 0; i < p->n; i++)
        any |= predicate_set_labels(p->child[i], labels);
    return any;
}

void predicate_bounds(const struct predicate *p, int column, int64_t *lo, int64_t *hi) {
    const struct filter_values *v = &p->values;
    for (uint32_t i = 0; p->op == PREDICATE_AND && i < p->n; i++)
        predicate_bounds(p->child[i], column, lo, hi);
    if (p->op != PREDICATE_RANGES || p->column != column || v->nrange == 0)
        return;
    *lo = v->range[0].lo > *lo ? v->range[0].lo : *lo;
    *hi = v->range[v->nrange - 1].hi < *hi ? v->range[v->nrange - 1].hi : *hi;
}

bool predicate_counts(const struct predicate *p) {
    bool counts = p->op == PREDICATE_COMPUTED && p->computed == COMPUTED_count;
    for (uint32_t i = 0; !counts && i < p->n; i++)
        counts = predicate_counts(p->child[i]);
    return counts;
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

/* Of the numbers first to last. */
static enum predicate_zone zone_of_numbers(const struct predicate *p, double first, double last) {
    bool some = false, all = false;
    for (uint32_t i = 0; i < p->values.nreal; i++) {
        const struct filter_real *r = &p->values.real[i];
        some |= r->lo <= last && r->hi >= first;
        all |= r->lo <= first && r->hi >= last;
    }
    return !some ? ZONE_NONE : all ? ZONE_ALL : ZONE_SOME;
}

/* Nothing is computed where a column is missing altogether. */
static enum predicate_zone zone_of_computed(const struct predicate *p,
                                            const struct predicate_group *of) {
    const struct fvt_group *g = of->group;
    int column[COMPUTED_COLUMNS];
    if (p->computed == COMPUTED_count)
        return zone_of_numbers(p, (double)of->before + 1, (double)of->before + g->rows);
    int n = computed_columns(p->computed, column);
    for (int i = 0; i < n; i++)
        if (g->chunk_of[column[i]] < 0)
            return ZONE_NONE;
    return ZONE_SOME;
}

static enum predicate_zone zone_of_test(const struct predicate *p,
                                        const struct predicate_group *of) {
    const struct fvt_group *g = of->group;
    if (p->op == PREDICATE_COMPUTED)
        return zone_of_computed(p, of);
    if (p->column == FLOW_flows) /* NULL in the file is 1 in SQL */
        return p->op == PREDICATE_NULL      ? ZONE_NONE
               : p->op == PREDICATE_NOTNULL ? ZONE_ALL
                                            : ZONE_SOME;
    if (p->column == FLOW_sampling && of->resampled)
        return ZONE_SOME;
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
        if (scan_scaled(p->column) && (of->resampled || g->chunk_of[FLOW_sampling] >= 0))
            return ZONE_SOME;
        return zone_of_values(p, e);
    case PREDICATE_NETS:
        return zone_of_values(p, e);
    case PREDICATE_TEXT: /* in the network of a pattern, a look is still needed */
        return p->values.nnet && zone_of_values(p, e) == ZONE_NONE ? ZONE_NONE : ZONE_SOME;
    default:
        return ZONE_SOME;
    }
}

/* What the group's zone maps say. */
static enum predicate_zone zone_of(const struct predicate *p, const struct predicate_group *g) {
    enum predicate_zone z;
    switch (p->op) {
    case PREDICATE_AND:
        z = ZONE_ALL;
        for (uint32_t i = 0; i < p->n && z != ZONE_NONE; i++) {
            enum predicate_zone c = zone_of(p->child[i], g);
            z = c < z ? c : z;
        }
        return z;
    case PREDICATE_OR:
        z = ZONE_NONE;
        for (uint32_t i = 0; i < p->n && z != ZONE_ALL; i++) {
            enum predicate_zone c = zone_of(p->child[i], g);
            z = c > z ? c : z;
        }
        return z;
    case PREDICATE_NOT:
        z = zone_of(p->child[0], g);
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

/* The first code from `from` on whose address is not below key. What is looked for next is mostly
** near: steps double from there. */
static uint32_t seek_ip(const struct fvt_dict *d, uint32_t from, const struct flow_ip *key) {
    uint32_t step = 1, hi = from;
    while (hi < d->n && flow_ip_cmp(&d->ip[hi], key) < 0) {
        from = hi + 1;
        hi = d->n - hi > step ? hi + step : d->n;
        step *= 2;
    }
    while (from < hi) {
        uint32_t mid = from + (hi - from) / 2;
        if (flow_ip_cmp(&d->ip[mid], key) < 0)
            from = mid + 1;
        else
            hi = mid;
    }
    return from;
}

/* Codes [lo, hi) pass too. False without memory. */
static bool add_codes(struct predicate *p, const struct fvt_dict *d, uint32_t lo, uint32_t hi) {
    if (lo >= hi)
        return true;
    bool first = p->code_lo == p->code_hi && !p->codes;
    if (first || (!p->codes && lo == p->code_hi)) {
        p->code_lo = first ? lo : p->code_lo;
        p->code_hi = hi;
        return true;
    }
    if (!p->codes) {
        p->codes = calloc((size_t)d->n + 1, 1);
        if (!p->codes)
            return false;
        memset(p->codes + p->code_lo, 1, p->code_hi - p->code_lo);
    }
    memset(p->codes + lo, 1, hi - lo);
    return true;
}

/* Two ascending lists, dictionary and networks, walked side by side. */
static bool mark_nets(struct predicate *p, const struct fvt_dict *d) {
    uint32_t code = 0;
    bool ok = true;
    for (uint32_t i = 0; ok && i < p->values.nnet && code < d->n; i++) {
        const struct filter_net *net = &p->values.net[i];
        uint32_t lo = seek_ip(d, code, &net->lo), hi = lo;
        while (hi < d->n && hi < lo + 4 && flow_ip_cmp(&d->ip[hi], &net->hi) <= 0)
            hi++;
        if (hi == lo + 4)
            hi = seek_ip(d, hi, &net->hi);
        if (hi < d->n && hi >= lo + 4 && flow_ip_cmp(&d->ip[hi], &net->hi) == 0)
            hi++;
        ok = add_codes(p, d, lo, hi);
        code = hi;
    }
    return ok;
}

/* A dictionary of texts is in their order. */
static bool mark_sorted_texts(struct predicate *p, const struct fvt_dict *d) {
    bool ok = true;
    for (uint32_t i = 0; ok && i < p->ntext; i++) {
        uint32_t lo = fvt_dict_lower_text(d, p->text[i].p, p->text[i].n);
        uint32_t hi = lo < d->n && compare(d->text[lo], d->len[lo], p->text[i].p, p->text[i].n) == 0
                          ? lo + 1
                          : lo;
        switch (p->text_op) {
        case TEXT_NE:
            ok = add_codes(p, d, 0, lo) && add_codes(p, d, hi, d->n);
            break;
        case TEXT_LT:
            ok = add_codes(p, d, 0, lo);
            break;
        case TEXT_LE:
            ok = add_codes(p, d, 0, hi);
            break;
        case TEXT_GT:
            ok = add_codes(p, d, hi, d->n);
            break;
        case TEXT_GE:
            ok = add_codes(p, d, lo, d->n);
            break;
        default:
            ok = add_codes(p, d, lo, hi);
            break;
        }
    }
    return ok;
}

/* One of addresses is not: each must be spelled. */
static bool mark_spelled(struct predicate *p, const struct fvt_dict *d) {
    bool ok = true;
    for (uint32_t code = 0; ok && code < d->n; code++) {
        char buffer[FLOW_IP_TEXT];
        size_t n;
        const char *text = dict_text(d, code, buffer, &n);
        if (text_passes(p, text, n))
            ok = add_codes(p, d, code, code + 1);
    }
    return ok;
}

static bool is_pattern(const struct predicate *p) {
    return p->op == PREDICATE_TEXT && (p->text_op == TEXT_LIKE || p->text_op == TEXT_GLOB);
}

static bool is_like(const struct predicate *p, const char *text) {
    const char *pattern = p->text[0].p;
    return (p->text_op == TEXT_GLOB ? sqlite3_strglob(pattern, text)
                                    : sqlite3_strlike(pattern, text, 0)) == 0;
}

/* Entries that are LIKE the pattern: as strings, which is how SQLite compares them. */
static bool mark_pattern(struct predicate *p, const struct fvt_dict *d) {
    const struct filter_net *net = p->values.nnet ? &p->values.net[0] : NULL;
    size_t room = FLOW_IP_TEXT;
    for (uint32_t code = 0; d->class == FLOW_TEXT && code < d->n; code++)
        room = d->len[code] >= room ? d->len[code] + (size_t)1 : room;
    char *string = malloc(room);
    bool ok = string != NULL;
    for (uint32_t code = net ? seek_ip(d, 0, &net->lo) : 0; ok && code < d->n; code++) {
        size_t n;
        if (net && flow_ip_cmp(&d->ip[code], &net->hi) > 0)
            break;
        const char *text = dict_text(d, code, string, &n);
        if (text != string && n)
            memcpy(string, text, n);
        string[n] = '\0';
        if (is_like(p, string))
            ok = add_codes(p, d, code, code + 1);
    }
    free(string);
    return ok;
}

static bool mark_mpls(struct predicate *p, const struct fvt_dict *d) {
    bool ok = true;
    for (uint32_t code = 0; ok && code < d->n; code++)
        if (filter_mpls_match((enum filter_label)p->value, p->values.range, p->values.nrange,
                              d->text[code], d->len[code]))
            ok = add_codes(p, d, code, code + 1);
    return ok;
}

static bool mark_own(struct predicate *p, const struct fvt_dict *d) {
    bool ok = true;
    for (uint32_t code = 0; ok && code < d->n; code++)
        if (filter_own_passes(p->own, &p->values, d->text[code], d->len[code]))
            ok = add_codes(p, d, code, code + 1);
    return ok;
}

static bool mark_zones(struct predicate *p, const struct fvt_dict *d) {
    bool ok = true;
    for (uint32_t code = 0; ok && code < d->n; code++) {
        const char *zone = labels_zone(p->labels, &d->ip[code]);
        if (text_passes(p, zone, strlen(zone)))
            ok = add_codes(p, d, code, code + 1);
    }
    return ok;
}

static double share_of_codes(const struct predicate *p, const struct fvt_dict *d) {
    double pass = p->code_hi - p->code_lo;
    if (p->codes) {
        uint32_t n = 0;
        for (uint32_t code = 0; code < d->n; code++)
            n += p->codes[code];
        pass = n;
    }
    return d->n ? pass / d->n : 0;
}

static int bind_codes(struct predicate *p, const struct predicate_group *g) {
    const struct fvt_dict *d = NULL;
    int rc = g->dict(g->arg, p->column, &d);
    if (rc != FVT_OK)
        return rc;
    bool ok = true;
    if (d && p->op == PREDICATE_NETS)
        ok = mark_nets(p, d);
    else if (d && p->op == PREDICATE_ZONE)
        ok = mark_zones(p, d);
    else if (d && p->op == PREDICATE_OWN)
        ok = mark_own(p, d);
    else if (d && p->op == PREDICATE_MPLS)
        ok = mark_mpls(p, d);
    else if (d && is_pattern(p))
        ok = mark_pattern(p, d);
    else if (d && d->class == FLOW_TEXT)
        ok = mark_sorted_texts(p, d);
    else if (d)
        ok = mark_spelled(p, d);
    p->share = d ? share_of_codes(p, d) : 0;
    if (p->share == 0)
        p->zone = ZONE_NONE;
    return ok ? FVT_OK : FVT_NOMEM;
}

/* How much of the span from smallest to largest value the ranges cover. */
static double share_of_ranges(const struct predicate *p, const struct fvt_group *g) {
    int at = g->chunk_of[scan_field(p->column)];
    if (at < 0)
        return 1;
    const struct fvt_chunk_info *e = &g->chunks[at];
    double share = 0, span = (double)e->max - (double)e->min + 1;
    for (uint32_t i = 0; i < p->values.nrange; i++) {
        const struct filter_range *r = &p->values.range[i];
        int64_t lo = r->lo > e->min ? r->lo : e->min, hi = r->hi < e->max ? r->hi : e->max;
        if (lo <= hi && span > 0)
            share += ((double)hi - (double)lo + 1) / span;
    }
    return share < 1 ? share : 1;
}

static int by_share(const void *a, const void *b) {
    const struct predicate *x = *(struct predicate *const *)a, *y = *(struct predicate *const *)b;
    return (x->share > y->share) - (x->share < y->share);
}

/* Zones and shares of the children, up to the first that decides. */
static int bind_children(struct predicate *p, const struct predicate_group *g) {
    bool all = p->op == PREDICATE_AND;
    p->zone = all ? ZONE_ALL : ZONE_NONE;
    p->share = all ? 1 : 0;
    for (uint32_t i = 0; i < p->n && p->zone != (all ? ZONE_NONE : ZONE_ALL); i++) {
        enum predicate_zone z;
        int rc = predicate_bind(p->child[i], g, &z);
        if (rc != FVT_OK)
            return rc;
        if (all ? z < p->zone : z > p->zone)
            p->zone = z;
        p->share = all ? p->share * p->child[i]->share : p->share + p->child[i]->share;
    }
    if (all && p->zone == ZONE_SOME)
        qsort(p->child, p->n, sizeof(struct predicate *), by_share);
    return FVT_OK;
}

static int bind_node(struct predicate *p, const struct predicate_group *g) {
    p->zone = zone_of(p, g); /* of the whole subtree: it costs no reading */
    p->share = p->zone == ZONE_ALL ? 1 : p->zone == ZONE_NONE ? 0 : 0.5;
    if (p->zone != ZONE_SOME)
        return FVT_OK;
    enum predicate_zone z;
    int rc;
    switch (p->op) {
    case PREDICATE_AND:
    case PREDICATE_OR:
        return bind_children(p, g);
    case PREDICATE_NOT:
        rc = predicate_bind(p->child[0], g, &z);
        p->zone = z == ZONE_NONE ? ZONE_ALL : z == ZONE_ALL ? ZONE_NONE : ZONE_SOME;
        p->share = 1 - p->child[0]->share;
        return rc;
    case PREDICATE_NETS:
    case PREDICATE_TEXT:
    case PREDICATE_ZONE:
    case PREDICATE_OWN:
    case PREDICATE_MPLS:
        return bind_codes(p, g);
    case PREDICATE_RANGES:
        p->share = share_of_ranges(p, g->group);
        return FVT_OK;
    default:
        return FVT_OK;
    }
}

int predicate_bind(struct predicate *p, const struct predicate_group *g,
                   enum predicate_zone *zone) {
    int rc = p->bound ? FVT_OK : bind_node(p, g);
    p->bound = rc == FVT_OK;
    *zone = p->zone;
    return rc;
}

void predicate_unbind(struct predicate *p) {
    for (uint32_t i = 0; i < p->n; i++)
        predicate_unbind(p->child[i]);
    free(p->codes);
    p->codes = NULL;
    p->code_lo = p->code_hi = 0;
    p->bound = false;
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

enum { FEW = 8 }; /* ranges that are faster compared with each than searched */

static void test_ranges(const struct filter_values *r, const int64_t *v, uint32_t n,
                        uint8_t *pass) {
    uint8_t one[PREDICATE_BLOCK];
    if (r->nrange == 0)
        memset(pass, 0, n);
    for (uint32_t k = 0; r->nrange <= FEW && k < r->nrange; k++) {
        kernels()->in_range(k ? one : pass, v, n, r->range[k].lo,
                            (uint64_t)r->range[k].hi - (uint64_t)r->range[k].lo);
        if (k)
            kernels()->either(pass, one, n);
    }
    for (uint32_t i = 0; r->nrange > FEW && i < n; i++)
        pass[i] = in_ranges(r, v[i]);
}

static void test_values(const struct predicate *p, const int64_t *v, uint32_t n, uint8_t *pass) {
    if (p->codes)
        kernels()->coded(pass, v, n, p->codes);
    else if (p->op == PREDICATE_NETS || p->op == PREDICATE_TEXT || p->op == PREDICATE_ZONE ||
             p->op == PREDICATE_OWN || p->op == PREDICATE_MPLS)
        /* Of no code there would be no test. */
        kernels()->in_range(pass, v, n, p->code_lo, (uint64_t)p->code_hi - 1 - p->code_lo);
    else if (p->op == PREDICATE_MASK)
        kernels()->masked(pass, v, n, p->mask, p->value);
    else
        test_ranges(&p->values, v, n, pass);
}

static bool test_count(const struct predicate *p, const struct predicate_block *b, uint8_t *pass) {
    for (uint32_t i = 0; i < b->n; i++)
        pass[i] = filter_in_reals(p->values.real, p->values.nreal, (double)(b->before + i + 1));
    return true;
}

static bool test_computed(const struct predicate *p, const struct predicate_block *b,
                          uint8_t *pass) {
    const uint8_t *nulls[COMPUTED_COLUMNS];
    const int64_t *v[COMPUTED_COLUMNS];
    int column[COMPUTED_COLUMNS];
    int n = computed_columns(p->computed, column);
    for (int k = 0; k < n; k++)
        if (!(v[k] = b->values(b->arg, column[k], &nulls[k])))
            return false;
    for (uint32_t i = 0; i < b->n; i++) {
        int64_t value[COMPUTED_COLUMNS] = {0};
        uint8_t null = 0;
        double number;
        for (int k = 0; k < n; k++) {
            value[k] = v[k][i];
            null |= nulls[k][i];
        }
        pass[i] = !null && computed_number(p->computed, value, &number) &&
                  filter_in_reals(p->values.real, p->values.nreal, number);
    }
    return true;
}

static bool test_column(const struct predicate *p, const struct predicate_block *b, uint8_t *pass) {
    const uint8_t *nulls;
    if (p->op == PREDICATE_COMPUTED)
        return p->computed == COMPUTED_count ? test_count(p, b, pass) : test_computed(p, b, pass);
    const int64_t *v = b->values(b->arg, p->column, &nulls);
    if (!v)
        return false;
    if (p->op == PREDICATE_NULL || p->op == PREDICATE_NOTNULL) {
        bool when = p->op == PREDICATE_NULL;
        for (uint32_t i = 0; i < b->n; i++)
            pass[i] = (nulls[i] != 0) == when;
        return true;
    }
    test_values(p, v, b->n, pass);
    kernels()->but_not(pass, nulls, b->n);
    return true;
}

static bool any(const uint8_t *pass, uint32_t n) {
    return memchr(pass, 1, n) != NULL;
}

/* AND until no row is left, OR until no row is missing. */
static bool test_children(const struct predicate *p, const struct predicate_block *b,
                          uint8_t *pass) {
    uint8_t one[PREDICATE_BLOCK];
    bool all = p->op == PREDICATE_AND;
    memset(pass, all, b->n);
    for (uint32_t i = 0; i < p->n; i++) {
        const struct predicate *c = p->child[i];
        if (c->bound && c->zone == (all ? ZONE_ALL : ZONE_NONE))
            continue;
        if (!predicate_test(c, b, one))
            return false;
        (all ? kernels()->both : kernels()->either)(pass, one, b->n);
        if (all ? !any(pass, b->n) : !memchr(pass, 0, b->n))
            break;
    }
    return true;
}

bool predicate_test(const struct predicate *p, const struct predicate_block *b, uint8_t *pass) {
    if (p->zone != ZONE_SOME) {
        memset(pass, p->zone == ZONE_ALL, b->n);
        return true;
    }
    switch (p->op) {
    case PREDICATE_AND:
    case PREDICATE_OR:
        return test_children(p, b, pass);
    case PREDICATE_NOT:
        if (!predicate_test(p->child[0], b, pass))
            return false;
        for (uint32_t i = 0; i < b->n; i++)
            pass[i] = !pass[i];
        return true;
    default:
        return test_column(p, b, pass);
    }
}
