/* SPDX-License-Identifier: MIT */
/*
** Keys (keys.h) of the rows of a block, for one thread. Addresses and texts are codes of the dictionaries that rows come
** with; what number the interner has for a code is asked once for each dictionary.
*/
#ifndef FLOWVT_ROW_KEYS_H
#define FLOWVT_ROW_KEYS_H

#include "aggregate.h"

struct row_keys;

/* All is borrowed; layout is of spec. NULL without memory. */
struct row_keys *row_keys_new(const struct aggregate_spec *spec, const struct key_layout *layout,
                              struct interner *interner);
void row_keys_free(struct row_keys *k);

enum row_keys_result { ROW_KEYS_OK, ROW_KEYS_WIDE, ROW_KEYS_NO_MEMORY };

/* The keys of rows: word w of row i is key[w][i], until the next call. marked: with marks of addresses (interner.h) in the place of
** their numbers. ROW_KEYS_WIDE: there are more texts of a dimension than
** its slot has numbers for, and wide[] says of which. */
enum row_keys_result row_keys_pack(struct row_keys *k, const struct aggregate_rows *rows,
                                   bool marked, bool wide[MAX_DIMENSIONS]);
/* After that, put behind the keys the values of the dimension that is counted, as keys.h has them. */
enum row_keys_result row_keys_pack_counted(struct row_keys *k, const struct aggregate_rows *rows,
                                           bool wide[MAX_DIMENSIONS]);
uint64_t *const *row_keys_words(struct row_keys *k);

/* Dictionaries are told apart by their address: forget those that were. */
void row_keys_new_dicts(struct row_keys *k);
/* The interner was cleared: forget its numbers. */
void row_keys_forget(struct row_keys *k);

#endif
