/* SPDX-License-Identifier: MIT */
/*
** Rows of flows in the order a statement asks for, so that SQLite sorts nothing.
**
** Several threads scan the store and keep the columns that are used (rowset.h), which are then put
** in order (row_order.h) while SQLite takes the first. Where the order begins with a time, it is
** done span by span of time, reading only the row groups whose zone maps touch the span, the first
** one small: the first row does not wait for the whole store. When rows outgrow the memory budget
** (FLOWVT_MEMORY) a pass keeps the first of the order and the next one goes on behind them.
*/
#ifndef FLOWVT_ORDERED_H
#define FLOWVT_ORDERED_H

#include "interrupt.h"
#include "query.h"
#include "row_order.h"
#include "snapshot.h"

struct ordered;

/* query, snapshot and interrupt are borrowed; spec and terms are copied. interrupt has begun: it is
** asked, and told how far each pass is, while the store is read. NULL without memory. */
struct ordered *ordered_new(const struct query *query, struct snapshot *snapshot,
                            const struct row_spec *spec, const struct row_terms *terms,
                            struct interrupt *interrupt);
void ordered_free(struct ordered *o);

/* The next rows, at least one, good until the next call: 1, 0 at the end, or negative FVT_* with
** ordered_message(). */
int ordered_next(struct ordered *o, const struct row_batch **out);
const char *ordered_message(const struct ordered *o);
/* A text of the rows that ordered_next() gave last. */
const char *ordered_text(const struct ordered *o, enum cell_kind kind, int64_t v, size_t *n);

#endif
