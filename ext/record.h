/* SPDX-License-Identifier: MIT */
/*
** A group as octets that compare, with memcmp(), in the order of an order.h: what is spilled. The
** values are in them, not numbers of an interner, so they mean the same at any time.
*/
#ifndef FLOWVT_RECORD_H
#define FLOWVT_RECORD_H

#include "order.h"

/* The name of a dimension's value in row; it is not NULL. */
typedef const struct name *record_name(const void *arg, int dim, const uint64_t *row);

/* Append the key of a group's row. */
void record_encode(const struct order *o, const uint64_t *row, record_name *name, const void *arg,
                   struct fvt_buffer *out);

/* The other way: set the words of the row's key; an address or text gets the number 1, and its name
** in names[dim]. Far texts lie in texts, which is emptied first; measures in the order are passed
** over. False without memory. */
bool record_decode(const struct order *o, const uint8_t *key, size_t n, uint64_t *row,
                   struct name names[MAX_DIMENSIONS], struct fvt_buffer *texts);

#endif
