/* SPDX-License-Identifier: MIT */
/*
** Building blocks of a filter's tree, for the parser (filter.c). Each function returns NULL when
** memory is out; nodes and arrays handed in belong to the new node, or are freed with that.
*/
#ifndef FLOWVT_FILTER_TREE_H
#define FLOWVT_FILTER_TREE_H

#include "filter.h"

/* Does a stack of MPLS labels, the text[0..n) of the column, have what in one of the ranges of v, which is normalized? */
bool filter_mpls_match(enum filter_label what, const struct filter_values *v, const char *text,
                       size_t n);

/* The double that is nearest to v among those not below it (up), or not above it. */
double filter_real_from(int64_t v, bool up);

struct filter_node *filter_node_true(void);
struct filter_node *filter_node_not(struct filter_node *child);
struct filter_node *filter_node_mask(int field, int64_t mask, int64_t value);

/* The field, or the number, is one of v, of the kind that the field's class has. v must be normalized, and is copied. */
struct filter_node *filter_node_values(int field, const struct filter_values *v);
struct filter_node *filter_node_computed(enum computed id, const struct filter_values *v);
struct filter_node *filter_node_mpls(enum filter_label what, const struct filter_values *v);
struct filter_node *filter_node_own(const struct own_column *own, const struct filter_values *v);

/* Is what extra[0..n) has for the column one of v, which is normalized? Without memory it is none. */
bool filter_own_passes(const struct own_column *own, const struct filter_values *v,
                       const char *extra, size_t n);

/* Tests of one field that are joined by OR become one test of that field, and so do negated ones
** that are joined by AND: what a list says, said with operators, costs no more than the list.
** node is an AND or OR, or NULL. Returns the node to use from now on, NULL without memory. */
struct filter_node *filter_node_merge(struct filter_node *node);

/* a op b, op AND or OR. Operands of the same operator become its operands, so that a chain of
** any length is one node. */
struct filter_node *filter_node_join(enum filter_op op, struct filter_node *a,
                                     struct filter_node *b);

#endif
