/* SPDX-License-Identifier: MIT */
/*
** A chunk in memory, for the files that load it (chunk.c), read it (chunk_read.c) and look whether it is whole
** (verify.c). For all others there is fvt.h.
*/
#ifndef FLOWVT_CHUNK_H
#define FLOWVT_CHUNK_H

#include "pool.h"
#include "stream.h"

enum {
    CHUNK_STEP = 2048, /* rows read at a time */
    CHUNK_RANK = 512   /* bits of a bitmap between two counts of those before */
};

/* What is loaded from where, and into whose memory. */
struct chunk_source {
    const struct fvt_file *file;
    const struct fvt_group *group;
    struct fvt_cache *cache; /* NULL: each chunk has its parents for itself */
    struct fvt_pool *pool;
};

struct fvt_chunk {
    struct fvt_pool *pool;
    uint8_t *bytes; /* decompressed, with KERNEL_SLACK zero octets behind */
    struct fvt_stream *stream;
    uint32_t rows;
    uint32_t last_code;     /* of the dictionary, for IP and TEXT */
    bool coded;             /* IP or TEXT */
    const uint8_t *present; /* bitmap, NULL when every entry has a value */
    uint32_t entries;       /* bits of present */
    uint32_t *rank;         /* values before bit CHUNK_RANK * i of present */
    struct fvt_chunk *parent;
    bool owns_parent;
    unsigned chain;            /* of columns, this one and those it is coded against */
    uint32_t mirrored;         /* MIRROR: rows [mirrored, 2 * mirrored) answer the first ones */
    struct fvt_stream *answer; /* what these are more than the twin's values of the first ones */
    struct fvt_chunk *twin;    /* of the other end of the flow; NULL: this chunk itself */
    bool owns_twin;
    bool complete; /* has its twin, if it needs one */
    uint8_t flags;
    int64_t *entry; /* DERIVED: of each entry of the parent's dictionary */
    uint8_t *entry_null;
    struct fvt_stream *usual; /* EXCEPT: what entry is from; the stream is what rows are more */
    /* Of CHUNK_STEP rows: what answers are more; NULLs of what the chunk stores. */
    int64_t *scratch;
    uint8_t *scratch_null;
    /* Values of the CHUNK_STEP rows at most that were read last, kept_n of them from kept_first on: several
    ** chunks may be coded against this one, and it may be wanted for itself. NULL when no other is. */
    int64_t *kept;
    uint8_t *kept_null;
    uint32_t kept_first, kept_n;
};

static inline bool chunk_present(const uint8_t *present, uint32_t i) {
    return present[i / 8] >> (i & 7) & 1;
}

/* The bits of the 64 places from i on, which is a multiple of 64. */
static inline uint64_t chunk_present_word(const struct fvt_chunk *c, uint32_t i) {
    uint64_t word = fvt_load64(c->present + i / 8);
    return c->entries - i < 64 ? word & ((UINT64_C(1) << (c->entries - i)) - 1) : word;
}

static inline bool chunk_has_parent(const struct fvt_chunk_info *e) {
    return e->flags & (FVT_RELATIVE | FVT_DERIVED);
}

static inline bool chunk_has_twin(const struct fvt_chunk_info *e) {
    return e->flags & FVT_MIRROR && !chunk_has_parent(e) && e->parent != FVT_NO_COLUMN;
}

/* All of these return FVT_OK or what is wrong. */

/* The octets of a chunk or dictionary as they are stored, e->length of them, into to; their checksum is right. */
int chunk_stored(const struct fvt_file *file, const struct fvt_chunk_info *e, uint8_t *to);

/* The same, decompressed, with KERNEL_SLACK zero octets behind. To be given back to the pool, which may be NULL. */
int chunk_octets(const struct fvt_file *file, const struct fvt_chunk_info *e, struct fvt_pool *pool,
                 uint8_t **out);

/* The chunk of a column that the group has, which depth others are coded against; the second without its twin: the
** values that it stores itself can be read. */
int chunk_load(const struct chunk_source *from, int field, unsigned depth, struct fvt_chunk **out);
int chunk_load_own(const struct chunk_source *from, int field, unsigned depth,
                   struct fvt_chunk **out);

/* Entries [first, first + n) of the chunk's own stream, spread over its bitmap. nulls may be NULL. */
void chunk_entries(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out, uint8_t *nulls);

#endif
