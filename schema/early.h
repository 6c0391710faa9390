/* SPDX-License-Identifier: MIT */
/*
** Long flows in a row group of their own. A flow is exported when it is over, so a closed file has some that
** began long before its interval; left among the others they make the times of their whole group reach back as far
** as the longest of them, and who asks for an earlier interval would have to read all of it. Private to schema/.
*/
#ifndef FLOWVT_EARLY_H
#define FLOWVT_EARLY_H

#include "group.h"

/* Rows of a group of early flows, about: its times reach as far as those of all groups that they are from. */
enum { EARLY_GROUP_ROWS = 1 << 16 };

/* Move the flows of g that began before anything of it was received to the end of early, with those that they answer
** or that answer them; when they are a large part of it, those that began well before. Nothing is moved of a group
** that is small, or of which too much would go. from and g->mirrored are as of group_arrange(): what stays is put into
** that order. What only early flows had of a dictionary is still in that of g. false without memory: both can only be
** cleared then. */
bool group_part_early(struct group *g, struct group *early, const uint32_t *from);

#endif
