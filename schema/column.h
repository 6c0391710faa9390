/* SPDX-License-Identifier: MIT */
/*
** A column of a row group in memory: the values that are not NULL, one behind the other, in as few
** octets as the largest of them takes, and which rows they are of. A collector keeps the rows of its
** interval in this form, so their size is what it needs of memory. Private to schema/.
*/
#ifndef FLOWVT_COLUMN_H
#define FLOWVT_COLUMN_H

#include "format.h"
#include "pool.h"

struct group_column {
    uint32_t count;
    unsigned octets; /* of a value, 1, 2, 4 or 8; 0: all of them are base, and none is stored */
    uint64_t base;   /* what each is stored less */
    uint8_t *v;  /* lowest octet first; IP and TEXT: entry numbers of their dictionary's builder */
    size_t room; /* octets of v, KERNEL_SLACK of which are no value's */
    uint32_t dense;    /* rows before this one all have a value, and no bit yet */
    uint64_t *present; /* one bit a row, from the first NULL on: column_cover() */
    size_t words;
    uint32_t sealed;  /* values before those that column_seal() has not seen */
    uint32_t bounded; /* values that column_bounds() has seen, as all of the bounds that follow */
    int64_t min, max; /* of all values, when there are any */
    int64_t least, most; /* of those that are not sealed */
    int64_t *wide;       /* what column_values() has made */
};

static inline bool column_has(const struct group_column *c, uint32_t row) {
    return row < c->dense || (row / 64 < c->words && (c->present[row / 64] >> (row & 63) & 1));
}

void column_free(struct group_column *c);
/* Forget the values, keep the memory. */
void column_clear(struct group_column *c);
/* Make the bitmap long enough for that row, with a bit for each row that has a value. false without memory; likewise
** below. */
bool column_cover(struct group_column *c, uint32_t row);
/* Append values, n > 0 of them, and mark no rows. base: of a column that has no value yet, what to store
** them less. expected: values that the column will have, about. */
bool column_append(struct group_column *c, const int64_t *v, uint32_t n, uint64_t base,
                   uint32_t expected);
/* The same of numbers without sign, of so many octets (1, 2, 4) each, as they lie in memory; the column's base is 0 when
** its values are not all the same. */
bool column_append_narrow(struct group_column *c, const uint8_t *v, uint32_t n, unsigned octets,
                          uint32_t expected);
/* The same of n times one value. */
bool column_append_same(struct group_column *c, int64_t v, uint32_t n, uint64_t base,
                        uint32_t expected);
/* Mark n rows from row on as those that have values. */
bool column_mark(struct group_column *c, uint32_t row, uint32_t n);
/* Take back the values of rows from row on. min and max stay. */
void column_cut(struct group_column *c, uint32_t row);

/* Bring the bounds up to date. */
void column_bounds(struct group_column *c);
/* What is there by now is done with: values from here on have bounds of their own, too. */
void column_seal(struct group_column *c);

/* Octets of the largest number: 1, 2, 4 or 8. */
unsigned column_octets(uint64_t largest);

/* Values [first, first + n). */
void column_read(const struct group_column *c, uint32_t first, uint32_t n, int64_t *out);
/* The values at these places among them. */
void column_pick(const struct group_column *c, const uint32_t *place, uint32_t n, int64_t *out);
/* Values [first, first + n) modulo 2^32. */
void column_read_32(const struct group_column *c, uint32_t first, uint32_t n, uint32_t *out);
/* pass[i], 0 or 1, of each value: is it below limit? */
void column_below(const struct group_column *c, int64_t limit, uint8_t *pass);
/* Of n values from first on, which may be none: the least and the greatest, and how many runs of equal ones they are. */
void column_extent(const struct group_column *c, uint32_t first, uint32_t n, int64_t *least,
                   int64_t *most);
uint32_t column_runs(const struct group_column *c, uint32_t first, uint32_t n);
/* Of the rows [first, first + n) of a group of rows the values, 0 where there is none and nulls[i] is 1. before: what
** column_before() says of first. Returns how many values they are. */
uint32_t column_read_rows(const struct group_column *c, uint32_t rows, uint32_t first,
                          uint32_t before, uint32_t n, int64_t *v, uint8_t *nulls);
/* How many values are before a row. */
uint32_t column_before(const struct group_column *c, uint32_t row);
/* All values, in memory of the pool until column_forget(); NULL without memory. */
const int64_t *column_values(struct group_column *c, struct fvt_pool *pool);
void column_forget(struct group_column *c, struct fvt_pool *pool);

/* Of a column of entry numbers each one v becomes map[v], largest at most. */
bool column_map(struct group_column *c, const uint32_t *map, uint32_t largest);

/* Memory of columns that changes places with theirs: for each number of octets of a value some of its own, or else
** columns would hand on what is too small for the next one. */
struct column_spare {
    struct {
        uint8_t *p;
        size_t room;
    } of[4];
};
void column_spare_free(struct column_spare *spare);
/* Row i of n becomes what row from[i] of rows was. */
bool column_permute(struct group_column *c, const uint32_t *from, uint32_t n, uint32_t rows,
                    struct column_spare *spare);

#endif
