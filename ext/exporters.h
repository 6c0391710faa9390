/* SPDX-License-Identifier: MIT */
/*
** Numbers of exporters in filters: the store says which exporter, domain and version a number stands for
** (schema/sysid.h), and these the flows have.
*/
#ifndef FLOWVT_EXPORTERS_H
#define FLOWVT_EXPORTERS_H

#include "filter_tree.h"

/* The tree with each test of COMPUTED_sysid replaced by what it means in the store. NULL when memory is out, and node
** is freed then. */
struct filter_node *exporters_resolve(struct filter_node *node, const char *store);

#endif
