/* SPDX-License-Identifier: MIT */
/*
** A row group on its way into a file: columns in memory, encoded into one block. Used for the
** small groups of a live file and for the large ones of a closed file. Private to schema/.
*/
#ifndef FLOWVT_GROUP_H
#define FLOWVT_GROUP_H

#include "dict.h"
#include "format.h"
#include "pool.h"

/* One column: the values that are not NULL, one behind the other, and which rows they are of. */
struct group_column {
    uint32_t count, cap;
    uint32_t filled;   /* rows whose bit in present is settled */
    int64_t *v;        /* IP and TEXT: entry numbers of their dictionary's builder */
    uint64_t *present; /* one bit a row */
    size_t words;
};

static inline bool column_has(const struct group_column *c, uint32_t row) {
    return row / 64 < c->words && (c->present[row / 64] >> (row & 63) & 1);
}

/* Columns that share one dictionary; the first is what it is called after. */
enum { GROUP_DICTS = 16 };

/* How much time to spend on the size of a group. */
enum group_effort {
    GROUP_QUICK, /* little: a live file's, which is written again when the file is closed */
    GROUP_SMALL, /* each column in the smallest of its forms, which LZ4 makes smaller */
    GROUP_SMALLEST /* the same with LZ4's slower compressor: files that are kept, merged or rolled up */
};

struct group {
    enum group_effort effort; /* of group_encode() */
    uint32_t rows;
    uint32_t expected; /* rows that it will have, about; 0: not known */
    uint32_t mirrored; /* rows [mirrored, 2 * mirrored) answer rows [0, mirrored), see arrange.h */
    struct fvt_totals totals;
    struct group_column column[FLOW_NFIELDS];
    struct dict_builder dict[GROUP_DICTS];
    /* Which of dict a field uses, -1 for none. srcip and dstip share one: the two directions of a
    ** connection name the same addresses, and one code space serves both ends. */
    int8_t dict_of[FLOW_NFIELDS];
    struct fvt_pool *pool; /* for what encoding needs; NULL: none */
};

struct group *group_new(void);
void group_free(struct group *g);
void group_clear(struct group *g);

/* May it take no more rows? */
bool group_full(const struct group *g);
/* Append a value to a column: row ascends. For IP and TEXT v is the entry number. Returns false
** without memory. */
bool group_put(struct group *g, int field, uint32_t row, int64_t v);
/* The same for n rows from row on, all with a value. */
bool group_put_rows(struct group *g, int field, uint32_t row, const int64_t *v, uint32_t n);
/* Take back the values of rows from g->rows on. */
void group_cut(struct group *g);
/* Make the bitmaps of all columns with values as long as the group: a column whose values ended
** early has a shorter one. Returns false without memory. */
bool group_cover(struct group *g);
/* Append a whole row and add it to the totals; FVT_OK or FVT_NOMEM (the row is not in then). */
int group_add(struct group *g, const struct flow_row *row);

/* Make the totals anew, from the columns. Returns false without memory. */
bool group_count(struct group *g);

/* Append the group as one block, aligned, from out->n on. The directory lies at out->n +
** FVT_BLOCK_HEADER, its length is returned (0 without memory). */
size_t group_encode(struct fvt_buffer *out, struct group *g, enum group_effort effort);

/* Write a block header into the FVT_BLOCK_HEADER octets at out->p + at; the payload behind it is
** complete, dirlen octets of it covered by the block's own checksum. */
void block_seal(struct fvt_buffer *out, size_t at, enum fvt_block_type type, size_t dirlen,
                uint32_t rows);

#endif
