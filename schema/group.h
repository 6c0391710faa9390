/* SPDX-License-Identifier: MIT */
/*
** A row group on its way into a file: columns in memory, encoded into one block. Used for the
** small groups of a live file and for the large ones of a closed file. Private to schema/.
*/
#ifndef FLOWVT_GROUP_H
#define FLOWVT_GROUP_H

#include "column.h"
#include "dict.h"
#include "directory.h"

/* Dictionaries: one for each column of addresses or texts, of which srcip and dstip share one. */
enum {
    GROUP_DICTS = -1
#define FIELD(name, class, role, octets, elements, v9, filter, meaning) \
    +(FLOW_##class == FLOW_IP || FLOW_##class == FLOW_TEXT)
#include "fields.def"
#undef FIELD
};

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
    bool owns_pool;
    struct column_spare spare;
    struct group *sample;     /* of an earlier group_encode() */
    struct fvt_buffer packed; /* what LZ4 makes of a chunk */
    /* What group_add() has taken since group_seal(). */
    struct stage *stage; /* rows that are not in the columns yet */
    uint32_t sealed;     /* rows before these */
    size_t sealed_text;  /* octets of text in the dictionaries before them */
    struct fvt_totals fresh;
    uint32_t last[FLOW_NFIELDS]; /* of columns of addresses and texts the last entry + 1 */
    uint32_t looked;             /* rows by which the next was found out */
    bool due, full;              /* see group_due(), group_full() */
};

struct group *group_new(void);
void group_free(struct group *g);
/* Forget the rows, keep the memory. */
void group_clear(struct group *g);

/* ---- row by row ------------------------------------------------------------------------- */

/* Append a whole row and add it to the totals; FVT_OK or FVT_NOMEM (the row is not in then). */
int group_add(struct group *g, const struct flow_row *row);
/* Append rows from the first on in the same way, n of them at most; returns how many. Fewer: FVT_NOMEM. */
uint32_t group_add_rows(struct group *g, const struct flow_rows *rows, uint32_t first, uint32_t n);
/* Rows that were added, those that are not in the columns yet included. */
uint32_t group_rows(const struct group *g);
/* Octets of text in its dictionaries. */
size_t group_text(const struct group *g);
/* Is it large enough for a group of a closed file; are the rows since group_seal() enough for one of a live file?
** Either is found out some rows later. */
static inline bool group_full(const struct group *g) {
    return g->full;
}
static inline bool group_due(const struct group *g) {
    return g->due;
}
/* How many more until group_due(), about, if they have no texts; 0 when it is. */
uint32_t group_room(const struct group *g);
/* Bring all that was added into columns, their bounds and totals. false without memory: to be tried again. */
bool group_settle(struct group *g);
/* Rows from here on are those that the next group_encode_live() is to write. */
void group_seal(struct group *g);

/* ---- column by column ------------------------------------------------------------------- */

/* Append a value to a column: row ascends. For IP and TEXT v is the entry number. Returns false
** without memory. */
bool group_put(struct group *g, int field, uint32_t row, int64_t v);
/* The same for n rows from row on; nulls: 1 where there is no value, NULL when all have one. */
bool group_put_rows(struct group *g, int field, uint32_t row, const int64_t *v,
                    const uint8_t *nulls, uint32_t n);
/* Take back the values of rows from g->rows on. */
void group_cut(struct group *g);
/* Make the bitmaps of all columns with values as long as the group: a column whose values ended
** early has a shorter one. Returns false without memory. */
bool group_cover(struct group *g);

/* Make the totals anew, from the columns. */
void group_count(struct group *g);
/* Add to totals what the rows from first on are. */
void group_count_from(const struct group *g, uint32_t first, struct fvt_totals *t);

/* The values of a column that are not NULL; of each row, 0 where it is NULL (after group_cover(), *memory is to be
** given back to g->pool). Good until group_forget(). NULL without memory. */
const int64_t *group_values(struct group *g, int field);
const int64_t *group_by_row(struct group *g, int field, int64_t **memory);
void group_forget(struct group *g, int field);

/* ---- into bytes ------------------------------------------------------------------------- */

/* Append the group as one block, aligned, from out->n on. The directory lies at out->n +
** FVT_BLOCK_HEADER, its length is returned (0 without memory). Afterwards the group can only be cleared: its
** rows are in another order, and coded by the sorted dictionaries. early: another group, to whose end flows go that are
** not to be in this one, see early.h; NULL: all are. */
size_t group_encode(struct fvt_buffer *out, struct group *g, enum group_effort effort,
                    struct group *early);

/* Append the rows since group_seal() as a block of a live file: each column as it lies in memory. The group stays
** as it is. false without memory. */
bool group_encode_live(struct fvt_buffer *out, struct group *g);

#endif
