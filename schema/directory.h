/* SPDX-License-Identifier: MIT */
/*
** Block headers and the directories of row groups, as FORMAT.md lays them out. Private to schema/.
*/
#ifndef FLOWVT_DIRECTORY_H
#define FLOWVT_DIRECTORY_H

#include "format.h"

/* A chunk or dictionary in a directory. */
struct directory_entry {
    uint16_t column; /* of a dictionary its class */
    uint16_t dict;   /* FVT_NO_DICT: none */
    uint8_t encoding, flags;
    uint32_t offset; /* from the begin of the block's payload */
    uint32_t raw;    /* octets before LZ4 */
    uint32_t parent; /* FVT_NO_COLUMN: none */
    uint32_t nulls, count;
    int64_t min, max;
    bool zone; /* of addresses */
    struct flow_ip first, last;
};

/* The head of a directory; the numbers of chunks and dictionaries are for directory_counts(). */
void directory_begin(struct fvt_buffer *dir, uint32_t rows, const struct fvt_totals *totals);
void directory_counts(struct fvt_buffer *dir, uint16_t chunks, uint16_t dicts);
/* p, n: what is on disk of it. */
void directory_put(struct fvt_buffer *dir, const struct directory_entry *e, const uint8_t *p,
                   size_t n);

/* Write a block header into the FVT_BLOCK_HEADER octets at out->p + at; the payload behind it is
** complete, dirlen octets of it covered by the block's own checksum. */
void block_seal(struct fvt_buffer *out, size_t at, enum fvt_block_type type, size_t dirlen,
                uint32_t rows);

#endif
