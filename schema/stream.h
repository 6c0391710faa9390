/* SPDX-License-Identifier: MIT */
/*
** Integer streams: n 64-bit integers in the encoding that takes the least space, with random
** access. FORMAT.md, "Streams". Private to schema/.
*/
#ifndef FLOWVT_STREAM_H
#define FLOWVT_STREAM_H

#include "format.h"
#include "pool.h"

/* Append v[0..n) to out. small: also try the encodings that cost time to choose (for closed
** files); otherwise the ones whose size follows from one look at the values. */
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
