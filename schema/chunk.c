/* SPDX-License-Identifier: MIT */
/*
** Chunks and dictionaries in memory: read, checked, decompressed, and their values by row.
*/
#include "dict.h"
#include "stream.h"

#include <errno.h>
#include <lz4.h>
#include <unistd.h>

/* A chunk coded against a chunk coded against a chunk: tstart, tend, trecv. A longer chain is not
** written by flowvt and would let a forged file recurse without end. */
enum { MAX_PARENTS = 4, SLACK = 8 };

struct fvt_chunk {
    uint8_t *bytes; /* decompressed, with SLACK zero octets behind */
    struct fvt_stream *stream;
    uint32_t rows;
    uint32_t last_code;     /* of the dictionary, for IP and TEXT */
    bool coded;             /* IP or TEXT */
    const uint8_t *present; /* bitmap, NULL when every entry has a value */
    uint32_t entries;       /* bits of present */
    uint32_t *rank;         /* values before bit 512 * i of present */
    struct fvt_chunk *parent;
    uint8_t flags;
    int64_t *entry; /* DERIVED: of each entry of the parent's dictionary */
    uint8_t *entry_null;
    int64_t *scratch; /* the parent's values of STEP rows */
    uint8_t *scratch_null;
};

enum { RANK_STEP = 512, STEP = 1024 };

/* The bytes of a chunk or dictionary: checked and decompressed. */
static int load_bytes(const struct fvt_file *file, const struct fvt_chunk_info *e, uint8_t **out) {
    uint8_t *p = calloc((size_t)e->length + SLACK, 1);
    if (!p)
        return FVT_NOMEM;
    size_t got = 0;
    while (got < e->length) {
        ssize_t n = pread(file->fd, p + got, e->length - got, (off_t)(e->offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    int rc = got == e->length && fvt_checksum(p, e->length) == e->checksum ? FVT_OK : FVT_DAMAGED;
    if (rc == FVT_OK && e->flags & FVT_LZ4) {
        /* LZ4 makes at most 255 octets of one. */
        uint8_t *raw = e->raw / 255 <= e->length ? calloc((size_t)e->raw + SLACK, 1) : NULL;
        rc = e->raw / 255 > e->length ? FVT_DAMAGED : raw ? FVT_OK : FVT_NOMEM;
        if (raw && (e->length > INT32_MAX || e->raw > INT32_MAX ||
                    LZ4_decompress_safe((const char *)p, (char *)raw, (int)e->length,
                                        (int)e->raw) != (int)e->raw))
            rc = FVT_DAMAGED;
        free(p);
        p = raw;
    } else if (rc == FVT_OK && e->raw != e->length) {
        rc = FVT_DAMAGED;
    }
    if (rc != FVT_OK) {
        free(p);
        return rc;
    }
    *out = p;
    return FVT_OK;
}

int fvt_dict_load(const struct fvt_file *file, const struct fvt_group *g, int dict,
                  struct fvt_dict **out) {
    if (dict < 0 || dict >= (int)g->ndicts)
        return FVT_DAMAGED;
    const struct fvt_chunk_info *e = &g->dicts[dict];
    uint8_t *p = NULL;
    int rc = e->count <= FVT_MAX_ROWS * 2 ? load_bytes(file, e, &p) : FVT_DAMAGED;
    if (rc != FVT_OK)
        return rc;
    struct fvt_cursor c = {p, p + e->raw, false};
    rc = dict_decode(&c, (enum flow_class)e->column, e->count, out);
    free(p);
    return rc;
}

static bool present_bit(const uint8_t *present, uint32_t i) {
    return present[i / 8] >> (i & 7) & 1;
}

/* The bitmap, and how many bits are set before every RANK_STEP of them. */
static int open_bitmap(struct fvt_chunk *c, struct fvt_cursor *bytes, uint32_t expected) {
    c->present = fvt_get(bytes, ((size_t)c->entries + 63) / 64 * 8);
    if (!c->present)
        return FVT_DAMAGED;
    c->rank = malloc(((size_t)c->entries / RANK_STEP + 1) * sizeof *c->rank);
    if (!c->rank)
        return FVT_NOMEM;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < c->entries; i++) {
        if (i % RANK_STEP == 0)
            c->rank[i / RANK_STEP] = sum;
        sum += present_bit(c->present, i);
    }
    return sum == expected ? FVT_OK : FVT_DAMAGED;
}

static int load_chunk(const struct fvt_file *file, const struct fvt_group *g, int field,
                      unsigned depth, struct fvt_chunk **out);

static int load_parent(struct fvt_chunk *c, const struct fvt_file *file, const struct fvt_group *g,
                       const struct fvt_chunk_info *e, unsigned depth) {
    if (e->parent == FVT_UNKNOWN_COLUMN)
        return FVT_UNKNOWN;
    if (e->parent >= FLOW_NFIELDS || g->chunk_of[e->parent] < 0)
        return FVT_DAMAGED;
    int rc = load_chunk(file, g, (int)e->parent, depth + 1, &c->parent);
    if (rc == FVT_OK && e->flags & FVT_DERIVED) {
        if (!c->parent->coded)
            return FVT_DAMAGED;
        c->entries = c->parent->last_code + 1;
    }
    return rc;
}

/* Values before entry i. */
static uint32_t rank_of(const struct fvt_chunk *c, uint32_t i) {
    uint32_t from = i / RANK_STEP * RANK_STEP;
    uint32_t sum = i / RANK_STEP * RANK_STEP < c->entries ? c->rank[i / RANK_STEP] : c->stream->n;
    for (; from < i && from < c->entries; from++)
        sum += present_bit(c->present, from);
    return sum;
}

/* Entries [first, first + n) of the chunk's own stream, spread over its bitmap. */
static void read_entries(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                         uint8_t *nulls) {
    if (!c->present) {
        fvt_stream_read(c->stream, first, n, out);
        if (nulls)
            memset(nulls, 0, n);
        return;
    }
    uint32_t from = rank_of(c, first), count = rank_of(c, first + n) - from;
    /* Read the dense values to the end of out and spread them from the front: the place written
    ** never overtakes the place read. */
    int64_t *dense = out + (n - count);
    fvt_stream_read(c->stream, from, count, dense);
    for (uint32_t i = 0, k = 0; i < n; i++) {
        bool has = present_bit(c->present, first + i);
        out[i] = has ? dense[k++] : 0;
        if (nulls)
            nulls[i] = !has;
    }
}

/* Memory for reading against a parent; a derived column's entries are few and read whole. */
static int prepare_child(struct fvt_chunk *c) {
    c->scratch = malloc(STEP * sizeof *c->scratch);
    c->scratch_null = malloc(STEP);
    if (!c->scratch || !c->scratch_null)
        return FVT_NOMEM;
    if (!(c->flags & FVT_DERIVED))
        return FVT_OK;
    c->entry = malloc((size_t)c->entries * sizeof *c->entry);
    c->entry_null = malloc(c->entries);
    if (!c->entry || !c->entry_null)
        return FVT_NOMEM;
    read_entries(c, 0, c->entries, c->entry, c->entry_null);
    return FVT_OK;
}

static int open_chunk(struct fvt_chunk *c, const struct fvt_file *file, const struct fvt_group *g,
                      const struct fvt_chunk_info *e, unsigned depth) {
    enum flow_class class = flow_fields[e->field].class;
    c->rows = c->entries = g->rows;
    c->flags = e->flags;
    c->coded = class == FLOW_IP || class == FLOW_TEXT;
    if (c->coded && (e->dict < 0 || g->dicts[e->dict].count == 0 ||
                     (enum flow_class)g->dicts[e->dict].column != class))
        return FVT_DAMAGED;
    c->last_code = c->coded ? g->dicts[e->dict].count - 1 : 0;
    if (c->coded && e->nulls < g->rows && (e->min < 0 || e->max > (int64_t)c->last_code))
        return FVT_DAMAGED;
    if (e->flags & ~(FVT_LZ4 | FVT_NULLS | FVT_RELATIVE | FVT_DERIVED))
        return FVT_UNKNOWN;
    int rc = FVT_OK;
    if (e->flags & (FVT_RELATIVE | FVT_DERIVED))
        rc = load_parent(c, file, g, e, depth);
    if (rc == FVT_OK)
        rc = load_bytes(file, e, &c->bytes);
    if (rc != FVT_OK)
        return rc;
    struct fvt_cursor bytes = {c->bytes, c->bytes + e->raw, false};
    if (e->flags & FVT_NULLS)
        rc = open_bitmap(c, &bytes, e->count);
    if (rc == FVT_OK)
        rc = fvt_stream_open(&bytes, &c->stream);
    if (rc != FVT_OK)
        return rc;
    bool whole = e->flags & FVT_NULLS || c->stream->n == c->entries;
    if (!whole || c->stream->n != e->count)
        return FVT_DAMAGED;
    return c->parent ? prepare_child(c) : FVT_OK;
}

static int load_chunk(const struct fvt_file *file, const struct fvt_group *g, int field,
                      unsigned depth, struct fvt_chunk **out) {
    if (depth >= MAX_PARENTS || g->damaged)
        return FVT_DAMAGED;
    struct fvt_chunk *c = calloc(1, sizeof *c);
    if (!c)
        return FVT_NOMEM;
    int rc = open_chunk(c, file, g, &g->chunks[g->chunk_of[field]], depth);
    if (rc != FVT_OK) {
        fvt_chunk_free(c);
        return rc;
    }
    *out = c;
    return FVT_OK;
}

int fvt_chunk_load(const struct fvt_file *file, const struct fvt_group *g, int field,
                   struct fvt_chunk **out) {
    return load_chunk(file, g, field, 0, out);
}

void fvt_chunk_free(struct fvt_chunk *c) {
    if (!c)
        return;
    fvt_chunk_free(c->parent);
    fvt_stream_free(c->stream);
    free(c->rank);
    free(c->entry);
    free(c->entry_null);
    free(c->scratch);
    free(c->scratch_null);
    free(c->bytes);
    free(c);
}

static void read_relative(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                          uint8_t *nulls) {
    read_entries(c, first, n, out, nulls);
    fvt_chunk_read(c->parent, first, n, c->scratch, NULL);
    for (uint32_t i = 0; i < n; i++)
        if (!c->present || present_bit(c->present, first + i))
            out[i] = (int64_t)((uint64_t)out[i] + (uint64_t)c->scratch[i]);
}

static void read_derived(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                         uint8_t *nulls) {
    fvt_chunk_read(c->parent, first, n, c->scratch, c->scratch_null);
    for (uint32_t i = 0; i < n; i++) {
        bool null = c->scratch_null[i] || c->entry_null[c->scratch[i]];
        out[i] = null ? 0 : c->entry[c->scratch[i]];
        if (nulls)
            nulls[i] = null;
    }
}

static void read_step(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                      uint8_t *nulls) {
    if (c->flags & FVT_DERIVED)
        read_derived(c, first, n, out, nulls);
    else
        read_relative(c, first, n, out, nulls);
}

void fvt_chunk_read(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out, uint8_t *nulls) {
    if (!c->parent)
        read_entries(c, first, n, out, nulls);
    for (uint32_t at = 0; c->parent && at < n; at += STEP)
        read_step(c, first + at, n - at < STEP ? n - at : STEP, out + at,
                  nulls ? nulls + at : NULL);
    /* A forged file may hold codes behind its dictionary; they become the last entry. */
    for (uint32_t i = 0; c->coded && i < n; i++)
        out[i] = (uint64_t)out[i] > c->last_code ? (int64_t)c->last_code : out[i];
}

/* Is this chunk itself damaged, and not one that it is coded against? */
static bool chunk_damaged(const struct fvt_file *file, const struct fvt_group *g,
                          const struct fvt_chunk_info *e) {
    uint8_t *bytes = NULL;
    int rc = load_bytes(file, e, &bytes);
    free(bytes);
    if (rc != FVT_OK || e->field < 0)
        return rc == FVT_DAMAGED;
    struct fvt_chunk *c = NULL;
    if (e->parent < FLOW_NFIELDS && g->chunk_of[e->parent] >= 0) {
        rc = fvt_chunk_load(file, g, (int)e->parent, &c);
        fvt_chunk_free(c);
        if (rc != FVT_OK)
            return false;
    }
    c = NULL;
    rc = fvt_chunk_load(file, g, e->field, &c);
    fvt_chunk_free(c);
    return rc == FVT_DAMAGED;
}

static uint64_t verify_group(const struct fvt_file *file, const struct fvt_group *g) {
    uint64_t damaged = 0;
    for (uint32_t d = 0; d < g->ndicts; d++) {
        struct fvt_dict *dict = NULL;
        damaged += fvt_dict_load(file, g, (int)d, &dict) == FVT_DAMAGED;
        fvt_dict_free(dict);
    }
    for (uint32_t k = 0; k < g->nchunks; k++)
        damaged += chunk_damaged(file, g, &g->chunks[k]);
    return damaged;
}

/* A roll-up is used whole or not at all, so its blocks are counted, not what is in them. */
static uint64_t verify_rollup(const struct fvt_file *file, const struct fvt_rollup *r) {
    uint64_t damaged = 0;
    for (uint32_t i = 0; i < r->nblocks; i++) {
        struct fvt_rollup one = *r;
        struct fvt_group *g = NULL;
        one.nblocks = 1;
        one.block = &r->block[i];
        int rc = fvt_rollup_open(file, &one, &g);
        damaged += rc == FVT_DAMAGED || (rc == FVT_OK && verify_group(file, g) > 0);
        fvt_rollup_close(g, 1);
    }
    return damaged;
}

uint64_t fvt_verify(struct fvt_file *file) {
    uint64_t damaged = file->damaged;
    for (uint32_t i = 0; i < file->ngroups; i++)
        damaged += verify_group(file, &file->groups[i]);
    for (uint32_t i = 0; i < file->nrollups; i++)
        damaged += verify_rollup(file, &file->rollups[i]);
    return damaged;
}
