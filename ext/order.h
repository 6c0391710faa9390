/* SPDX-License-Identifier: MIT */
/*
** Groups in the order that a statement asks for: addresses and texts as SQL compares them (BINARY),
** NULL before everything else. Where the terms do not decide, the other dimensions do, ascending: so
** the order is always the same.
*/
#ifndef FLOWVT_ORDER_H
#define FLOWVT_ORDER_H

#include "measures.h"
#include "sorter.h"
#include "workers.h"

enum order_kind { ORDER_DIMENSION, ORDER_BUCKET, ORDER_MEASURE };

struct order_term {
    enum order_kind kind;
    int id; /* of a dimension, its index; of a measure, enum measure */
    bool desc;
};
enum {
    MAX_ORDER = MAX_DIMENSIONS + 16,
    ORDER_FEW = 10000, /* so many first ones are found without sorting */
};

/* Where a term lies in the words that are compared. */
struct order_field {
    struct order_term term;
    uint8_t word, shift, bits;
    const uint32_t *rank; /* of the numbers in the key, or NULL */
};

struct order {
    const struct aggregate_spec *spec;
    const struct key_layout *keys;
    int nfields;
    unsigned words;
    struct order_field field[MAX_ORDER];
};

/* Complete the terms, and rank what they need in interner; NULL where order_groups() is not to be
** called. False without memory. stop may be NULL; when it is to stop, ranks are of no use. */
bool order_make(struct order *o, const struct aggregate_spec *spec, const struct key_layout *keys,
                struct interner *interner, const struct sort_stop *stop,
                const struct order_term *terms, int nterms);

/* The value of a field in a group's row, not inverted; the rank of an address or text if it has one. */
uint64_t order_value(const struct order *o, const struct order_field *f, const uint64_t *row);

/* All groups in order, copied one behind the other: *rows is from malloc(), *n rows of group_width()
** words. groups are empty afterwards. With first >= 0 and few, only so many first ones, *n is less than
** the number of groups then, and groups stay as they are. budget counts *rows until the caller takes it
** off. FVT_OK, FVT_NOMEM; after an interrupt *rows is of no use. */
int order_groups(const struct order *o, struct groups *groups, int64_t first, int threads,
                 struct interrupt *interrupt, struct budget *budget, uint64_t **rows, size_t *n);

#endif
