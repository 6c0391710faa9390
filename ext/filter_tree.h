/* SPDX-License-Identifier: MIT */
/*
** Building blocks of a filter's tree, for the parser (filter.c). Each function returns NULL when
** memory is out; nodes and arrays handed in belong to the new node, or are freed with that.
*/
#ifndef FLOWVT_FILTER_TREE_H
#define FLOWVT_FILTER_TREE_H

#include "filter.h"

/* Values that a test compares with, of one kind; grows by the add functions. */
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

/* Return 0, or -1 when memory is out. */
int filter_values_range(struct filter_values *v, int64_t lo, int64_t hi);
int filter_values_net(struct filter_values *v, const struct flow_ip *lo, const struct flow_ip *hi);
int filter_values_real(struct filter_values *v, double lo, double hi);
int filter_values_text(struct filter_values *v, const char *p, size_t n); /* copied */
void filter_values_free(struct filter_values *v);

/* Does a stack of MPLS labels, the text[0..n) of the column, have what in one of range[0..nrange), ascending and disjoint? */
bool filter_mpls_match(enum filter_label what, const struct filter_range *range, uint32_t nrange,
                       const char *text, size_t n);

/* Sort, and join what overlaps or touches; of texts, leave out what repeats. */
void filter_values_normalize(struct filter_values *v);

/* The double that is nearest to v among those not below it (up), or not above it. */
double filter_real_from(int64_t v, bool up);

/* Does v lie in one of real[0..n), ascending and disjoint? */
bool filter_in_reals(const struct filter_real *real, uint32_t n, double v);

struct filter_node *filter_node_true(void);
struct filter_node *filter_node_not(struct filter_node *child);
struct filter_node *filter_node_mask(int field, int64_t mask, int64_t value);

/* field in v, by copy. v must be normalized. */
struct filter_node *filter_node_ranges(int field, const struct filter_values *v);
struct filter_node *filter_node_nets(int field, const struct filter_values *v);
struct filter_node *filter_node_texts(int field, const struct filter_values *v);
struct filter_node *filter_node_reals(enum computed id, const struct filter_values *v);
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
