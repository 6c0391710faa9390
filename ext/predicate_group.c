/* SPDX-License-Identifier: MIT */
/*
** What is known of a group before its rows are looked at: from its zone maps, then from its
** dictionaries; and in which order the rest is best asked of rows.
*/
#include "predicate.h"
#include "predicate_codes.h"

#include <stdlib.h>

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
static enum predicate_zone zone_of_computed(const struct predicate *p, const struct fvt_group *g) {
    int column[COMPUTED_COLUMNS];
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
        return zone_of_computed(p, g);
    if (p->op == PREDICATE_COUNT)
        return zone_of_numbers(p, (double)of->before + 1, (double)of->before + g->rows);
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

/* ---- the tree --------------------------------------------------------------------------- */

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

static bool is_coded_test(const struct predicate *p) {
    return p->zone == ZONE_SOME && predicate_is_coded(p);
}

/* Do all codes of one pass, which are a range, pass the other, too, which is of the same column? */
static bool is_within(const struct predicate *one, const struct predicate *other) {
    if (one->codes || other->column != one->column)
        return false;
    if (other->codes)
        return !memchr(other->codes + one->code_lo, 0, one->code_hi - one->code_lo);
    return other->code_lo <= one->code_lo && one->code_hi <= other->code_hi;
}

/* Of tests that are all to pass, those that say no more than one that is made before them: that a host, which is asked for,
** lies in a network or zone. */
static void leave_out_repeated(struct predicate *p) {
    for (uint32_t i = 0; i < p->n; i++)
        for (uint32_t k = i + 1; is_coded_test(p->child[i]) && k < p->n; k++)
            if (is_coded_test(p->child[k]) && is_within(p->child[i], p->child[k]))
                p->child[k]->zone = ZONE_ALL;
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
    if (all && p->zone == ZONE_SOME) {
        qsort(p->child, p->n, sizeof(struct predicate *), by_share);
        leave_out_repeated(p);
    }
    return FVT_OK;
}

/* False without memory. */
static bool set_low(struct predicate *p) {
    const struct filter_values *r = &p->values;
    p->low = calloc(PREDICATE_LOW / 64, sizeof *p->low);
    for (uint32_t k = 0; p->low && k < r->nrange; k++) {
        int64_t from = r->range[k].lo > 0 ? r->range[k].lo : 0;
        for (int64_t v = from; v <= r->range[k].hi && v < PREDICATE_LOW; v++)
            p->low[v / 64] |= UINT64_C(1) << v % 64;
    }
    return p->low != NULL;
}

static int bind_codes(struct predicate *p, const struct predicate_group *g) {
    const struct fvt_dict *d = NULL;
    int rc = g->dict(g->arg, p->column, &d);
    if (rc != FVT_OK)
        return rc;
    bool ok = !d || predicate_look_up(p, d);
    p->share = d ? predicate_share(p, d) : 0;
    if (p->share == 0)
        p->zone = ZONE_NONE;
    return ok ? FVT_OK : FVT_NOMEM;
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
    case PREDICATE_RANGES:
        p->share = share_of_ranges(p, g->group);
        return p->low || p->values.nrange <= PREDICATE_FEW || set_low(p) ? FVT_OK : FVT_NOMEM;
    default:
        return predicate_is_coded(p) ? bind_codes(p, g) : FVT_OK;
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
