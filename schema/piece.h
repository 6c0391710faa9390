/* SPDX-License-Identifier: MIT */
/*
** One chunk or dictionary, encoded, before it has a place in a row group; and the forms that a column may
** have (FORMAT.md). Private to schema/.
*/
#ifndef FLOWVT_PIECE_H
#define FLOWVT_PIECE_H

#include "format.h"
#include "group.h"
#include "stream.h"

enum {
    PIECE_TRIAL = 64
}; /* octets of a chunk that make looking for a smaller one worth the time */

struct piece {
    struct fvt_buffer bytes;
    uint32_t raw;   /* octets before LZ4 */
    uint32_t count; /* values in the stream, entries of a dictionary */
    uint8_t flags, encoding;
    uint32_t parent;
    size_t guess; /* octets after LZ4, about, of all the group's rows */
    bool trial;   /* the bytes are those of a sample */
    bool dense;   /* by a guess LZ4 makes them no smaller */
};

/* All zero is an empty one. */
void piece_free(struct piece *p);

/* Set guess: about how many octets piece_compress() leaves, from slices all over it. */
void piece_guess(struct piece *p, enum group_effort effort, struct fvt_buffer *scratch);
/* Replace the bytes by their LZ4 block when that saves a sixteenth, unless it is to be quick. */
void piece_compress(struct piece *p, struct group *g);

/* Without memory bytes.failed is set in what these return; it is freed all the same. */

/* A bitmap and a stream. present: NULL when every one of rows has a value. */
struct piece piece_make(const int64_t *v, uint32_t count, const uint64_t *present, uint32_t rows,
                        uint8_t flags, enum group_effort effort);
struct piece piece_make_from(const struct fvt_values *from, const uint64_t *present, uint32_t rows,
                             uint8_t flags, enum group_effort effort);
void piece_bitmap(struct fvt_buffer *out, const uint64_t *present, uint32_t n);

/* A column of a group as it is. */
struct piece piece_plain(struct group *g, int field);

/* Coded against other columns; false: it is not to be had, or there is no memory, and *out is as it was. */

/* As differences to the parent's values. */
bool piece_relative(struct group *g, int field, uint32_t parent, struct piece *out);
/* As a function of the parent: a value for each entry of its dictionary. */
bool piece_derived(struct group *g, int field, int parent, struct piece *out);
/* As mostly a function of the parent, whose dictionary has n entries: the usual value of each entry, and what rows are
** more. sample: s is one and not the group; only the latter. */
bool piece_excepted(struct group *s, int field, int parent, uint32_t n, bool sample,
                    struct piece *out);
/* Answers coded against what they answer: against the column itself, whose values may be relative
** to a parent's (FVT_NO_COLUMN: to none), or against its twin at the other end of the flow. */
bool piece_mirror(struct group *g, int field, int twin, uint32_t parent, struct piece *out);

#endif
