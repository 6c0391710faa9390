/* SPDX-License-Identifier: MIT */
/*
** A row group on its way into a file: columns in memory, encoded into one block. Used for the
** small groups of a live file and for the large ones of a closed file. Private to schema/.
*/
#ifndef FLOWVT_GROUP_H
#define FLOWVT_GROUP_H

#include "dict.h"
#include "format.h"

/* One column: the values that are not NULL, one behind the other, and which rows they are of. */
struct group_column {
    uint32_t count, cap;
    uint32_t filled;   /* rows whose bit in present is settled */
    int64_t *v;        /* IP and TEXT: entry numbers of their dictionary's builder */
    uint64_t *present; /* one bit a row */
    size_t words;
};

/* Columns that share one dictionary; the first is what it is called after. */
enum { GROUP_DICTS = 16 };

struct group {
    uint32_t rows;
    uint32_t mirrored; /* rows [mirrored, 2 * mirrored) answer rows [0, mirrored), see arrange.h */
    struct fvt_totals totals;
    struct group_column column[FLOW_NFIELDS];
    struct dict_builder dict[GROUP_DICTS];
    /* Which of dict a field uses, -1 for none. srcip and dstip share one: the two directions of a
    ** connection name the same addresses, and one code space serves both ends. */
    int8_t dict_of[FLOW_NFIELDS];
};

struct group *group_new(void);
void group_free(struct group *g);
void group_clear(struct group *g);

/* May it take no more rows? */
bool group_full(const struct group *g);
/* Append a value to a column: row ascends. For IP and TEXT v is the entry number. Returns false
** without memory. */
bool group_put(struct group *g, int field, uint32_t row, int64_t v);
/* Make the bitmaps of all columns with values as long as the group: a column whose values ended
** early has a shorter one. Returns false without memory. */
bool group_cover(struct group *g);
/* Append a whole row and add it to the totals; FVT_OK or FVT_NOMEM (the row is not in then). */
int group_add(struct group *g, const struct flow_row *row);

/* Make the totals anew, from the columns. Returns false without memory. */
bool group_count(struct group *g);

/* Append the group as one block. column_of maps fields to the file's column table. small: spend
** time for size, as in a closed file. The block is aligned and starts at out->n. The directory
** lies at out->n + FVT_BLOCK_HEADER, its length is returned (0 without memory). */
size_t group_encode(struct fvt_buffer *out, struct group *g, bool small);

/* Write a block header into the FVT_BLOCK_HEADER octets at out->p + at; the payload behind it is
** complete, dirlen octets of it covered by the block's own checksum. */
void block_seal(struct fvt_buffer *out, size_t at, enum fvt_block_type type, size_t dirlen,
                uint32_t rows);

#endif
