/* SPDX-License-Identifier: MIT */
/*
** A place in the order of rows, between which passes over the store divide them: the values of a
** row's terms and, where rows agree in all of them, its position.
*/
#ifndef FLOWVT_ROW_BOUND_H
#define FLOWVT_ROW_BOUND_H

#include "row_order.h"

struct bound_value {
    bool null;
    int64_t v;
    char *text; /* of IP, TEXT and NET */
    size_t n;
};

struct row_bound {
    bool set;
    int nterms;
    struct bound_value value[MAX_COLUMNS];
    int64_t position;
};

void row_bound_clear(struct row_bound *b);
bool row_bound_copy(struct row_bound *to, const struct row_bound *from);
/* -1, 0 or 1 as the row comes before a, at or behind b. */
int row_bound_compare(const struct row_bound *a, const struct row_bound *b,
                      const struct row_spec *spec, const struct row_terms *terms);

/* Of the n rows of a scan's block those that are not before low and are before high, where these
** are set: out gets their places (room for n), the result is how many, UINT32_MAX
** without memory. */
uint32_t row_bound_select(struct scan *scan, const struct row_spec *spec,
                          const struct row_terms *terms, const struct row_bound *low,
                          const struct row_bound *high, const uint16_t *rows, uint32_t n,
                          uint16_t *out);

/* The bound before which about half of the set's rows are, or, when limit is not negative, exactly
** limit of them. False without memory, or when stop, which may be NULL, says so. */
bool row_bound_split(const struct rowset *s, const struct row_terms *terms, int64_t limit,
                     const struct sort_stop *stop, struct row_bound *out);
/* keep[i] = row i of the set (by runs) is before the bound. stop may be NULL; when it is to stop, keep is of no
** use. */
void row_bound_mark(const struct rowset *s, const struct row_terms *terms,
                    const struct row_bound *bound, const struct sort_stop *stop, uint8_t *keep);

#endif
