/* SPDX-License-Identifier: MIT */
/*
** The order of rows in a closed file's group: the two directions of each connection so that one
** can be coded against the other (FORMAT.md, MIRROR). Private to schema/.
*/
#ifndef FLOWVT_ARRANGE_H
#define FLOWVT_ARRANGE_H

#include "group.h"

/* Find the flows that answer another one, and put the rows of g, whose columns are codes of sorted
** dictionaries by now, into the order: rows [0, h) that are answered, rows [h, 2h) their answers in
** the same order, the rest; rows keep their order within each part. g->mirrored becomes h; when
** too few rows have an answer for it to pay it becomes 0 and nothing moves. Returns false without
** memory; g can only be freed then. */
bool group_arrange(struct group *g);

/* The values of a column by row, 0 where it is NULL; of a group after group_cover(). NULL without
** memory. *memory is to be given back to g->pool. */
const int64_t *column_rows(const struct group *g, int field, int64_t **memory);

#endif
