/* SPDX-License-Identifier: MIT */
/*
** The order of rows in a closed file's group: the two directions of each connection so that one
** can be coded against the other (FORMAT.md, MIRROR). Private to schema/.
*/
#ifndef FLOWVT_ARRANGE_H
#define FLOWVT_ARRANGE_H

#include "group.h"

/* Find the flows that answer another one, and an order of the rows of g, which is settled and covered: rows [0, h) that
** are answered, rows [h, 2h) their answers in the same order, the rest; rows keep their order within each part.
** *from, of the group's pool, says which row comes to which place, and g->mirrored becomes h; when too few rows have an
** answer for it to pay they become NULL and 0. No row has moved yet. Returns false without memory. */
bool group_arrange(struct group *g, uint32_t **from);

/* Put the rows into an order: row i of n becomes what row from[i] was, the others are gone. false without memory; g
** can only be freed then. */
bool group_reorder(struct group *g, const uint32_t *from, uint32_t n);

#endif
