/* SPDX-License-Identifier: MIT */
/*
** Sets of rows in the order of SQL: NULL before numbers and texts, texts by their octets (BINARY),
** DESC the other way round. Rows are divided by the first bits of their keys in as many threads as
** there are sets, and each part is sorted when its turn comes, so the first rows are there early.
*/
#ifndef FLOWVT_ROW_ORDER_H
#define FLOWVT_ROW_ORDER_H

#include "rowset.h"
#include "workers.h"

struct row_term {
    int column; /* of the row_spec */
    bool desc;
};

struct row_terms {
    int n;
    struct row_term term[MAX_COLUMNS];
};

enum { BATCH_ROWS = 4096 };

/* Some rows, in order. v and null by column of the row_spec; IP, TEXT and NET are numbers for
** row_order_text(). A column that was never seen has NULLs, too. */
struct row_batch {
    uint32_t n;
    int64_t *v[MAX_COLUMNS];
    uint8_t *null[MAX_COLUMNS];
    int64_t position[BATCH_ROWS];
    void *memory;
};
/* Room for a batch of spec's columns. False without memory; row_batch_free() in any case. */
bool row_batch_init(struct row_batch *b, const struct row_spec *spec);
void row_batch_free(struct row_batch *b);

struct row_order;
/* Borrows the n sets, of one spec, which must stay. By the thread that may ask the interrupt. NULL without
** memory, or when it is to stop. */
struct row_order *row_order_new(struct rowset *const *sets, int n, const struct row_terms *terms,
                                struct interrupt *interrupt);
void row_order_free(struct row_order *o);
/* The next rows, none at the end. False without memory, or when it is to stop. One thread at a time; stop is its
** own. */
bool row_order_next(struct row_order *o, const struct sort_stop *stop, struct row_batch *b);
/* An address or a text of a batch; good until row_order_free(). From any thread. */
const char *row_order_text(const struct row_order *o, enum cell_kind kind, int64_t v, size_t *n);

/* Bytes of memory that ordering takes for each row beside the sets: an entry, and another one where rows
** are sorted. */
enum { ROW_ORDER_BYTES = 16 };
/* And for each address or text: its entry among those of all sets, its octets, where they are. */
enum { ROW_ORDER_NAME_BYTES = 64 };

#endif
