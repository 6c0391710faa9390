/* SPDX-License-Identifier: MIT */
/*
** The tree of tests, run over blocks of rows.
*/
#include "../schema/kernel.h"
#include "predicate_codes.h"

static void test_ranges(const struct predicate *p, const int64_t *v, uint32_t n, uint8_t *pass) {
    const struct filter_values *r = &p->values;
    uint8_t one[PREDICATE_BLOCK];
    if (r->nrange == 0)
        memset(pass, 0, n);
    for (uint32_t k = 0; r->nrange <= PREDICATE_FEW && k < r->nrange; k++) {
        kernels()->in_range(k ? one : pass, v, n, r->range[k].lo,
                            (uint64_t)r->range[k].hi - (uint64_t)r->range[k].lo);
        if (k)
            kernels()->either(pass, one, n);
    }
    for (uint32_t i = 0; r->nrange > PREDICATE_FEW && i < n; i++) {
        uint64_t x = (uint64_t)v[i];
        pass[i] =
            p->low && x < PREDICATE_LOW ? p->low[x / 64] >> x % 64 & 1 : filter_in_ranges(r, v[i]);
    }
}

static void test_values(const struct predicate *p, const int64_t *v, uint32_t n, uint8_t *pass) {
    if (p->codes)
        kernels()->coded(pass, v, n, p->codes);
    else if (predicate_is_coded(p)) /* by one code at least, or it would be ZONE_NONE */
        kernels()->in_range(pass, v, n, p->code_lo, (uint64_t)p->code_hi - 1 - p->code_lo);
    else if (p->op == PREDICATE_MASK)
        kernels()->masked(pass, v, n, p->mask, p->value);
    else
        test_ranges(p, v, n, pass);
}

static void test_count(const struct predicate *p, const struct predicate_block *b, uint8_t *pass) {
    for (uint32_t i = 0; i < b->n; i++)
        pass[i] = filter_in_reals(&p->values, (double)(b->before + i + 1));
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
                  filter_in_reals(&p->values, number);
    }
    return true;
}

static bool test_column(const struct predicate *p, const struct predicate_block *b, uint8_t *pass) {
    const uint8_t *nulls;
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
    case PREDICATE_COMPUTED:
        return test_computed(p, b, pass);
    case PREDICATE_COUNT:
        test_count(p, b, pass);
        return true;
    default:
        return test_column(p, b, pass);
    }
}
