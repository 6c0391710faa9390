/* SPDX-License-Identifier: MIT */
/*
** Integer streams: n 64-bit integers in the encoding that takes the least space, with random
** access. FORMAT.md, "Streams". Private to schema/.
*/
#ifndef FLOWVT_STREAM_H
#define FLOWVT_STREAM_H

#include "format.h"
#include "pool.h"

/* Of all values of a stream. */
struct fvt_look {
    int64_t min, max;
    uint32_t runs;
};

/* Where the values of a stream come from. They are asked for some at a time, more than once, so that they need not
** lie in memory as 64-bit numbers. */
struct fvt_values {
    uint32_t n;
    bool same; /* they are known to be all the same */
    /* Values [at, at + some) where the stream begins at 0, some <= FVT_VALUES_STEP: in memory of the source's own, or in
    ** room, which has room for them. */
    const int64_t *(*get)(const struct fvt_values *from, uint32_t at, uint32_t some, int64_t *room);
    const void *of; /* the source's own */
    /* Where the source knows more cheaply what is to be found out of all values; else NULL. */
    struct fvt_look (*look)(const struct fvt_values *from);
};
enum { FVT_VALUES_STEP = 2048 }; /* that stay in the nearest cache; a multiple of 64 */

/* Those of an array. */
struct fvt_values fvt_values_array(const int64_t *v, uint32_t n);

/* Append these values to out. small: also try the encodings that cost time to choose (for closed
** files); otherwise the ones whose size follows from one look at the values. */
void fvt_stream_encode_from(struct fvt_buffer *out, const struct fvt_values *from, bool small);
/* The same of v[0..n). */
void fvt_stream_encode(struct fvt_buffer *out, const int64_t *v, uint32_t n, bool small);

struct fvt_stream {
    enum fvt_encoding encoding;
    unsigned width; /* bits; octets for PLANES */
    uint32_t n;
    uint64_t base;
    const uint8_t *data;      /* PACKED, PLANES */
    uint32_t count;           /* of ends and values */
    int64_t *ends;            /* RUNS: row behind each run, ascending */
    int64_t *values;          /* RUNS: of each run; VALUES: the dictionary */
    struct fvt_stream *codes; /* VALUES */
    struct fvt_pool *pool;    /* what ends and values are from */
};

/* Parse one stream at the cursor, which moves behind it. The stream points into the cursor's
** bytes, which must be followed by KERNEL_SLACK readable octets. Returns FVT_OK, FVT_DAMAGED when the bytes
** contradict themselves, FVT_UNKNOWN for an encoding of a later version, FVT_NOMEM. pool may be NULL
** and must outlive the stream. */
int fvt_stream_open(struct fvt_cursor *c, struct fvt_pool *pool, struct fvt_stream **out);
void fvt_stream_free(struct fvt_stream *s);

/* Are all places of VALUES inside of them? fvt_stream_read() takes the last value for those behind. */
bool fvt_stream_fits(const struct fvt_stream *s);

/* Values [first, first + n), which must lie inside the stream. */
void fvt_stream_read(const struct fvt_stream *s, uint32_t first, uint32_t n, int64_t *out);

#endif
