/* SPDX-License-Identifier: MIT */
/*
** Numbers of the flow file format, as FORMAT.md gives them, and how integers get in and out of
** bytes. Private to schema/.
*/
#ifndef FLOWVT_FORMAT_H
#define FLOWVT_FORMAT_H

#include <stdbool.h>
#include <stdlib.h>

#include "fvt.h"

#define FVT_FILE_MAGIC "FLOWVT1\n"
#define FVT_TRAILER_MAGIC "FLOWVT1E"

enum {
    FVT_VERSION = 1,
    FVT_FILE_HEADER = 64,
    FVT_BLOCK_HEADER = 40,
    FVT_TRAILER = 32,
    FVT_GROUP_HEADER = 120, /* of a group's directory */
    FVT_ENTRY = 56,         /* of a directory entry, without its zone */
    FVT_IP_ZONE = 40,       /* two addresses of 17 octets, padded */
    FVT_ALIGN = 8,

    /* A group never has more rows, so that no damaged count can make a reader allocate more
    ** than 32 MiB for a column. */
    FVT_MAX_ROWS = 1 << 22,
    FVT_MAX_ENTRIES = 2 * FVT_MAX_ROWS, /* of a dictionary */
    /* Octets of a chunk or dictionary when it is decompressed, of which LZ4 can make 255 from one. */
    FVT_MAX_RAW = 1 << 28,
    /* Rows of a group in a closed file: dictionaries are shared by so many rows that their size
    ** hardly counts, and a column of it still fits a processor's cache when packed. */
    FVT_GROUP_ROWS = 1 << 20,
    /* Rows of a group that is being received, at most: while they are encoded its columns are still in the
    ** processor's cache. */
    FVT_LIVE_ROWS = 1 << 16,
    /* Octets of a group's columns in memory: a collector keeps the rows of an interval in one, and begins another
    ** when it is larger. */
    FVT_GROUP_OCTETS = 128 << 20,
    /* Octets of text in the dictionaries of a group, where one row more or less does not matter:
    ** far from what the format can hold. */
    FVT_GROUP_TEXT = 64 << 20,
};

#define FVT_BLOCK_MAGIC UINT32_C(0x42545646) /* "FVTB" */

enum fvt_block_type {
    FVT_COLUMNS = 1,
    FVT_GROUP = 2,
    FVT_META = 3,
    FVT_FOOTER = 4,
    FVT_ROLLUP = 5,
    FVT_COUNTERS = 6,
};

enum fvt_chunk_flag {
    FVT_LZ4 = 1,      /* payload is one LZ4 block */
    FVT_NULLS = 2,    /* a presence bitmap comes before the stream */
    FVT_RELATIVE = 4, /* values are differences to the parent column of the same row */
    FVT_DERIVED = 8,  /* one value for each dictionary entry of the parent column */
    FVT_MIRROR = 16,  /* answers are differences to the flows they answer */
    FVT_EXCEPT = 32,  /* with DERIVED: values are differences to that of the entry */
};

enum fvt_encoding {
    FVT_CONST = 0,
    FVT_PACKED = 1,
    FVT_RUNS = 2,
    FVT_PLANES = 3,
    FVT_VALUES = 4,
};

enum fvt_meta_kind {
    FVT_META_EXPORTER = 1,
    FVT_META_INTERFACE = 2,
    FVT_META_DAMAGE = 3,
    FVT_META_REPLACED = 4,
    FVT_META_ROLLUP = 5,
    FVT_META_COUNTERS = 6,
    FVT_META_COUNTED = 7, /* of an exporter, to be added */
    FVT_META_SOCKET = 8,
    FVT_META_OPTION = 9,
};

#define FVT_NO_COLUMN UINT32_MAX
/* In memory only: a parent that this library does not know. */
#define FVT_UNKNOWN_COLUMN (UINT32_MAX - 1)
#define FVT_NO_DICT UINT16_MAX

/* XXH3, 64 bit, seed 0. */
uint64_t fvt_checksum(const void *p, size_t n);
/* For hash tables: XXH3 with a seed that is drawn once a process, so that nobody outside can choose
** addresses or texts that fall into one slot. */
uint64_t fvt_hash(const void *p, size_t n);

/* A growing byte buffer. After a failed allocation failed is set and puts do nothing. */
struct fvt_buffer {
    uint8_t *p;
    size_t n, cap;
    bool failed;
};
bool fvt_buffer_reserve(struct fvt_buffer *b, size_t more);
void fvt_put(struct fvt_buffer *b, const void *p, size_t n);
void fvt_put_zeros(struct fvt_buffer *b, size_t n);
void fvt_put_int(struct fvt_buffer *b, uint64_t v, unsigned octets); /* little-endian */
void fvt_put_ip(struct fvt_buffer *b, const struct flow_ip *ip);     /* 17 octets */
void fvt_put_varint(struct fvt_buffer *b, uint64_t v);               /* LEB128 */
void fvt_align(struct fvt_buffer *b);
void fvt_set_int(struct fvt_buffer *b, size_t at, uint64_t v, unsigned octets);

/* All of n octets at offset of a file, or false. */
bool fvt_read_at(int fd, uint64_t offset, void *out, size_t n);

/* A cursor over bytes that may lie. Reading past the end gives zeros and sets bad. */
struct fvt_cursor {
    const uint8_t *p, *end;
    bool bad;
};
const uint8_t *fvt_get(struct fvt_cursor *c, size_t n); /* NULL past the end */
uint64_t fvt_get_int(struct fvt_cursor *c, unsigned octets);
struct flow_ip fvt_get_ip(struct fvt_cursor *c);
uint64_t fvt_get_varint(struct fvt_cursor *c);
static inline size_t fvt_left(const struct fvt_cursor *c) {
    return (size_t)(c->end - c->p);
}

static inline uint64_t fvt_load64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static inline unsigned fvt_bits(uint64_t v) {
    return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

void fvt_fail(struct fvt_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
