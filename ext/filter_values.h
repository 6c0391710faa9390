/* SPDX-License-Identifier: MIT */
/*
** Values that a test compares with, of one kind mostly: ranges of integers, networks, ranges of
** doubles, texts. They are added in any order, normalized once, and looked up then.
*/
#ifndef FLOWVT_FILTER_VALUES_H
#define FLOWVT_FILTER_VALUES_H

#include "../schema/field.h"

/* Both ends belong to it. */
struct filter_range {
    int64_t lo, hi;
};
struct filter_net {
    struct flow_ip lo, hi;
};
struct filter_real {
    double lo, hi;
};
struct filter_text {
    char *p;
    size_t n;
};

/* All zero: none. */
struct filter_values {
    struct filter_range *range;
    uint32_t nrange, range_room;
    struct filter_net *net;
    uint32_t nnet, net_room;
    struct filter_real *real;
    uint32_t nreal, real_room;
    struct filter_text *text;
    uint32_t ntext, text_room;
};

/* Return 0, or -1 when memory is out. A range whose lo is above its hi adds nothing. */
int filter_values_range(struct filter_values *v, int64_t lo, int64_t hi);
int filter_values_net(struct filter_values *v, const struct flow_ip *lo, const struct flow_ip *hi);
int filter_values_real(struct filter_values *v, double lo, double hi);
/* The numbers below first, or above last, or neither, and with equal those from first to last, too. Where a number has
** no double of its own, first is the next one above it and last the next one below (filter_real_from()). */
int filter_values_compared(struct filter_values *v, bool below, bool equal, bool above,
                           double first, double last);
int filter_values_text(struct filter_values *v, const char *p, size_t n); /* copied */
int filter_values_add(struct filter_values *to, const struct filter_values *from);
void filter_values_free(struct filter_values *v);

/* Sort, and join what overlaps or touches; of texts, leave out what repeats. */
void filter_values_normalize(struct filter_values *v);

/* The order of texts: by octets, and what another one begins with is before that. */
int filter_text_cmp(const char *a, size_t na, const char *b, size_t nb);

/* Is it one of v, which is normalized? */
bool filter_in_nets(const struct filter_values *v, const struct flow_ip *ip);
bool filter_in_reals(const struct filter_values *v, double x);
bool filter_in_texts(const struct filter_values *v, const char *p, size_t n);

/* Here, since a scan asks it of each row. */
static inline bool filter_in_ranges(const struct filter_values *v, int64_t x) {
    uint32_t lo = 0, hi = v->nrange;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (x > v->range[mid].hi)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < v->nrange && x >= v->range[lo].lo;
}

#endif
