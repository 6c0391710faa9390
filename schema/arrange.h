/* SPDX-License-Identifier: MIT */
/*
** The order of rows in a closed file's group: the two directions of each connection so that one
** can be coded against the other (FORMAT.md, MIRROR). Private to schema/.
*/
#ifndef FLOWVT_ARRANGE_H
#define FLOWVT_ARRANGE_H

#include "group.h"

/* Find the flows that answer another one, and put the rows of g, which is settled and covered, into the order: rows [0, h) that are answered, rows [h, 2h) their answers in
** the same order, the rest; rows keep their order within each part. g->mirrored becomes h; when
** too few rows have an answer for it to pay it becomes 0 and nothing moves. Returns false without
** memory; g can only be freed then. */
bool group_arrange(struct group *g);

#endif
