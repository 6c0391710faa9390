/* SPDX-License-Identifier: MIT */
/*
** Which groups cannot be among the first ones by a total, found in little memory: a count-min sketch of one row.
**
** Every group falls into one of many cells by the hash of its key, and a cell has the total of all that falls into it, which
** no group of it exceeds. So what is read a second time need be only what falls into the cells with the largest totals.
** Of totals that are sums a cell is a sum; of first and last times it is the earliest, or latest, of all.
*/
#ifndef FLOWVT_SKETCH_H
#define FLOWVT_SKETCH_H

#include "groups.h"
#include "measures.h"

struct sketch;

/* Can the first groups by m, the greatest or the least, be found so? */
bool sketch_able(enum measure m, bool greatest);

/* For the n first groups. alone: no other total of them is asked for. shares: of threads; all of it takes about so many octets,
** or less. NULL without memory. */
struct sketch *sketch_new(enum measure m, size_t n, bool alone, int shares, size_t octets);
void sketch_free(struct sketch *s);
size_t sketch_octets(const struct sketch *s);
size_t sketch_cells(const struct sketch *s);

/* The greater, the earlier a group comes: of its row's sums. Not more than its cell's. */
uint64_t sketch_value(const struct sketch *s, const struct aggregate_spec *spec,
                      const uint64_t *sums);

/* Add the rows of a batch for a side to the cells of a share, which no other thread uses at the time. */
void sketch_add(struct sketch *s, int share, const struct aggregate_spec *spec, int side, int words,
                const struct group_batch *b);

/* The same for a group, of whose key and sums row is made. */
void sketch_add_group(struct sketch *s, const struct aggregate_spec *spec, int words,
                      const uint64_t *row);

/* By a time: which of n rows may still be of any use to a share, or, while cells are looked for, to the groups in them; ascending,
** into place. How many these are; all of them by other measures. */
uint32_t sketch_useful(const struct sketch *s, int share, bool found, const int64_t *first,
                       const int64_t *last, uint32_t n, uint16_t *place);

/* After the last sketch_add(): a value that the n-th group has likely. 0 when there are not so many, or others are as
** large. */
uint64_t sketch_guess(struct sketch *s);
/* Cells from least to most. */
size_t sketch_count(const struct sketch *s, uint64_t least, uint64_t most);
/* From now on these are looked for. */
void sketch_look_for(struct sketch *s, uint64_t least, uint64_t most);
/* The rows of the batch that fall into them: ascending, into place; how many these are. */
uint32_t sketch_find(const struct sketch *s, int words, const struct group_batch *b,
                     uint16_t *place);

#endif
