/* SPDX-License-Identifier: MIT */
/*
** Values that a test compares with: collected, sorted, searched.
*/
#include "filter_values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

int filter_values_compared(struct filter_values *v, bool below, bool equal, bool above,
                           double first, double last) {
    double lo = below ? -INFINITY : equal ? first : nextafter(last, INFINITY);
    double hi = above ? INFINITY : equal ? last : nextafter(first, -INFINITY);
    return filter_values_real(v, lo, hi);
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

int filter_values_add(struct filter_values *to, const struct filter_values *from) {
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < from->nrange; i++)
        rc = filter_values_range(to, from->range[i].lo, from->range[i].hi);
    for (uint32_t i = 0; rc == 0 && i < from->nnet; i++)
        rc = filter_values_net(to, &from->net[i].lo, &from->net[i].hi);
    for (uint32_t i = 0; rc == 0 && i < from->nreal; i++)
        rc = filter_values_real(to, from->real[i].lo, from->real[i].hi);
    for (uint32_t i = 0; rc == 0 && i < from->ntext; i++)
        rc = filter_values_text(to, from->text[i].p, from->text[i].n);
    return rc;
}

void filter_values_free(struct filter_values *v) {
    for (uint32_t i = 0; i < v->ntext; i++)
        free(v->text[i].p);
    free(v->range);
    free(v->net);
    free(v->real);
    free(v->text);
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

int filter_text_cmp(const char *a, size_t na, const char *b, size_t nb) {
    size_t n = na < nb ? na : nb;
    int order = n ? memcmp(a, b, n) : 0;
    return order ? order : (na > nb) - (na < nb);
}

static int compare_texts(const void *a, const void *b) {
    const struct filter_text *x = a, *y = b;
    return filter_text_cmp(x->p, x->n, y->p, y->n);
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

bool filter_in_nets(const struct filter_values *v, const struct flow_ip *ip) {
    uint32_t lo = 0, hi = v->nnet;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (flow_ip_cmp(ip, &v->net[mid].hi) > 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < v->nnet && flow_ip_cmp(ip, &v->net[lo].lo) >= 0;
}

bool filter_in_reals(const struct filter_values *v, double x) {
    uint32_t lo = 0, hi = v->nreal;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (x > v->real[mid].hi)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < v->nreal && x >= v->real[lo].lo;
}

bool filter_in_texts(const struct filter_values *v, const char *p, size_t n) {
    const struct filter_text key = {(char *)(uintptr_t)p, n}; /* only read */
    return v->ntext && bsearch(&key, v->text, v->ntext, sizeof key, compare_texts);
}
