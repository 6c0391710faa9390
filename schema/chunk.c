/* SPDX-License-Identifier: MIT */
/*
** Chunks and dictionaries in memory: read, checked, decompressed, and their values by row.
*/
#include "dict.h"
#include "kernel.h"
#include "pool.h"
#include "stream.h"

#include <errno.h>
#include <lz4.h>
#include <unistd.h>

/* A chunk coded against a chunk coded against a chunk: tstart, tend, trecv. A longer chain is not
** written by flowvt and would let a forged file recurse without end. */
enum { MAX_PARENTS = 4, SLACK = KERNEL_SLACK };

/* What is loaded from where, and into whose memory. */
struct source {
    const struct fvt_file *file;
    const struct fvt_group *group;
    struct fvt_cache *cache; /* NULL: each chunk has its parents for itself */
    struct fvt_pool *pool;
};

struct fvt_cache {
    struct source from;
    struct fvt_chunk *chunk[FLOW_NFIELDS];
    uint32_t ndicts;
    struct fvt_dict **dict;
};

struct fvt_chunk {
    struct fvt_pool *pool;
    uint8_t *bytes; /* decompressed, with SLACK zero octets behind */
    struct fvt_stream *stream;
    uint32_t rows;
    uint32_t last_code;     /* of the dictionary, for IP and TEXT */
    bool coded;             /* IP or TEXT */
    const uint8_t *present; /* bitmap, NULL when every entry has a value */
    uint32_t entries;       /* bits of present */
    uint32_t *rank;         /* values before bit 512 * i of present */
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
    int64_t *scratch; /* of STEP rows: what answers are more; NULLs of what the chunk stores */
    uint8_t *scratch_null;
    /* Values of the STEP rows at most that were read last, kept_n of them from kept_first on: several
    ** chunks may be coded against this one, and it may be wanted for itself. NULL when no other is. */
    int64_t *kept;
    uint8_t *kept_null;
    uint32_t kept_first, kept_n;
};

enum { RANK_STEP = 512, STEP = 2048, MANY_ROWS = 1 << 16 };

/* length octets at offset, or false. */
static bool read_octets(const struct fvt_file *file, uint64_t offset, uint8_t *p, size_t length) {
    size_t got = 0;
    while (got < length) {
        ssize_t n = pread(file->fd, p + got, length - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

/* p, of e's length, decompressed; NULL with *rc set. */
static uint8_t *decompress(const uint8_t *p, const struct fvt_chunk_info *e, struct fvt_pool *pool,
                           int *rc) {
    /* LZ4 makes at most 255 octets of one. */
    if (e->raw / 255 > e->length || e->length > INT32_MAX) {
        *rc = FVT_DAMAGED;
        return NULL;
    }
    uint8_t *raw = pool_get(pool, (size_t)e->raw + SLACK);
    if (raw && LZ4_decompress_safe((const char *)p, (char *)raw, (int)e->length, (int)e->raw) ==
                   (int)e->raw)
        return raw;
    *rc = raw ? FVT_DAMAGED : FVT_NOMEM;
    pool_put(pool, raw);
    return NULL;
}

static int read_checked(const struct fvt_file *file, const struct fvt_chunk_info *e, uint8_t *to) {
    bool ok =
        read_octets(file, e->offset, to, e->length) && fvt_checksum(to, e->length) == e->checksum;
    return ok ? FVT_OK : FVT_DAMAGED;
}

/* The bytes of a chunk or dictionary: checked and decompressed. */
static int load_bytes(const struct fvt_file *file, const struct fvt_chunk_info *e,
                      struct fvt_pool *pool, uint8_t **out) {
    if (e->raw > FVT_MAX_RAW)
        return FVT_DAMAGED;
    bool packed = e->flags & FVT_LZ4, lent = packed && pool;
    size_t room = (size_t)e->length + SLACK;
    uint8_t *p = lent ? pool_lend(pool, room) : pool_get(pool, room);
    int rc = p ? read_checked(file, e, p) : FVT_NOMEM;
    if (rc == FVT_OK && !packed && e->raw != e->length)
        rc = FVT_DAMAGED;
    uint8_t *raw = rc == FVT_OK && packed ? decompress(p, e, pool, &rc) : p;
    if (!lent && (packed || rc != FVT_OK))
        pool_put(pool, p);
    if (rc != FVT_OK)
        return rc;
    memset(raw + e->raw, 0, SLACK);
    *out = raw;
    return FVT_OK;
}

static int load_dict(const struct source *from, int dict, struct fvt_dict **out) {
    const struct fvt_group *g = from->group;
    if (dict < 0 || dict >= (int)g->ndicts)
        return FVT_DAMAGED;
    const struct fvt_chunk_info *e = &g->dicts[dict];
    uint8_t *p = NULL;
    /* An entry takes an octet at least: no memory for more of them than that. */
    int rc = e->count <= FVT_MAX_ENTRIES && e->count <= e->raw
                 ? load_bytes(from->file, e, from->pool, &p)
                 : FVT_DAMAGED;
    if (rc != FVT_OK)
        return rc;
    struct fvt_cursor c = {p, p + e->raw, false};
    rc = dict_decode(&c, (enum flow_class)e->column, e->count, from->pool, out);
    pool_put(from->pool, p);
    return rc;
}

int fvt_dict_load(const struct fvt_file *file, const struct fvt_group *g, int dict,
                  struct fvt_dict **out) {
    return load_dict(&(struct source){.file = file, .group = g}, dict, out);
}

static bool present_bit(const uint8_t *present, uint32_t i) {
    return present[i / 8] >> (i & 7) & 1;
}

/* The bits of the 64 places from i on, which is a multiple of 64. */
static uint64_t present_word(const struct fvt_chunk *c, uint32_t i) {
    uint64_t word = fvt_load64(c->present + i / 8);
    return c->entries - i < 64 ? word & ((UINT64_C(1) << (c->entries - i)) - 1) : word;
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
    for (uint32_t i = 0; i < c->entries; i += 64) {
        if (i % RANK_STEP == 0)
            c->rank[i / RANK_STEP] = sum;
        sum += (uint32_t)__builtin_popcountll(present_word(c, i));
    }
    return sum == expected ? FVT_OK : FVT_DAMAGED;
}

/* A chunk with what it is coded against, but for its twin: its stored values can be read. */
static int load_own(const struct source *from, int field, unsigned depth, struct fvt_chunk **out);
static int load_chunk(const struct source *from, int field, unsigned depth, struct fvt_chunk **out);
static int find_twin(struct fvt_chunk *c, const struct source *from,
                     const struct fvt_chunk_info *e);

/* A chunk of the cache, loaded if it has not been yet; own: it may lack its twin. */
static int cached_chunk(struct fvt_cache *cache, int field, bool own, unsigned depth,
                        struct fvt_chunk **out) {
    struct fvt_chunk **c = &cache->chunk[field];
    const struct fvt_group *g = cache->from.group;
    int rc = *c ? FVT_OK : load_own(&cache->from, field, depth, c);
    if (rc == FVT_OK && !own && !(*c)->complete)
        rc = find_twin(*c, &cache->from, &g->chunks[g->chunk_of[field]]);
    *out = *c;
    return rc;
}

static bool has_parent(const struct fvt_chunk_info *e) {
    return e->flags & (FVT_RELATIVE | FVT_DERIVED);
}

static bool has_twin(const struct fvt_chunk_info *e) {
    return e->flags & FVT_MIRROR && !has_parent(e) && e->parent != FVT_NO_COLUMN;
}

/* May there be a chunk of the column that another one is coded against? */
static int check_parent(const struct fvt_group *g, uint32_t parent) {
    if (parent == FVT_UNKNOWN_COLUMN)
        return FVT_UNKNOWN;
    return parent < FLOW_NFIELDS && g->chunk_of[parent] >= 0 ? FVT_OK : FVT_DAMAGED;
}

static int keep_values(struct fvt_chunk *c) {
    if (!c->kept)
        c->kept = pool_get(c->pool, STEP * sizeof *c->kept);
    if (!c->kept_null)
        c->kept_null = pool_get(c->pool, STEP);
    return c->kept && c->kept_null ? FVT_OK : FVT_NOMEM;
}

static int load_parent(struct fvt_chunk *c, const struct source *from,
                       const struct fvt_chunk_info *e, unsigned depth) {
    int rc = check_parent(from->group, e->parent);
    if (rc != FVT_OK)
        return rc;
    c->owns_parent = !from->cache;
    rc = from->cache ? cached_chunk(from->cache, (int)e->parent, false, depth + 1, &c->parent)
                     : load_chunk(from, (int)e->parent, depth + 1, &c->parent);
    c->chain += rc == FVT_OK ? c->parent->chain : 0;
    if (c->chain > MAX_PARENTS)
        return FVT_DAMAGED;
    if (rc == FVT_OK)
        rc = keep_values(c->parent);
    if (rc == FVT_OK && e->flags & FVT_DERIVED) {
        if (!c->parent->coded)
            return FVT_DAMAGED;
        if (!(e->flags & FVT_EXCEPT))
            c->entries = c->parent->last_code + 1;
    }
    return rc;
}

/* The twin stores its values as they are, of the rows that are answered at least. */
static int find_twin(struct fvt_chunk *c, const struct source *from,
                     const struct fvt_chunk_info *e) {
    const struct fvt_group *g = from->group;
    int rc = has_twin(e) ? check_parent(g, e->parent) : FVT_OK;
    if (rc == FVT_OK && has_twin(e)) {
        const struct fvt_chunk_info *twin = &g->chunks[g->chunk_of[e->parent]];
        if (has_parent(twin) || twin->dict != e->dict ||
            flow_fields[twin->field].class != flow_fields[e->field].class)
            return FVT_DAMAGED;
        c->owns_twin = !from->cache;
        rc = from->cache ? cached_chunk(from->cache, (int)e->parent, true, 0, &c->twin)
                         : load_own(from, (int)e->parent, 0, &c->twin);
        if (rc == FVT_OK && c->twin->mirrored && c->twin->mirrored < c->mirrored)
            rc = FVT_DAMAGED;
    }
    c->complete = rc == FVT_OK;
    return rc;
}

/* How many rows are answers, before everything else of the chunk. */
static int open_mirror(struct fvt_chunk *c, struct fvt_cursor *bytes,
                       const struct fvt_chunk_info *e) {
    uint64_t h = fvt_get_int(bytes, 4);
    fvt_get_int(bytes, 4);
    if (bytes->bad || h > c->rows / 2 || e->flags & FVT_DERIVED)
        return FVT_DAMAGED;
    c->mirrored = (uint32_t)h;
    c->entries = c->rows - c->mirrored;
    return FVT_OK;
}

/* Values before entry i. */
static uint32_t rank_of(const struct fvt_chunk *c, uint32_t i) {
    if (i >= c->entries)
        return c->stream->n;
    uint32_t sum = c->rank[i / RANK_STEP], from = i / RANK_STEP * RANK_STEP;
    for (; from + 64 <= i; from += 64)
        sum += (uint32_t)__builtin_popcountll(present_word(c, from));
    uint64_t below = (UINT64_C(1) << (i & 63)) - 1;
    return sum + (uint32_t)__builtin_popcountll(present_word(c, from) & below);
}

/* Values to n places, 64 at most: those whose bit is set take one each, which may be behind the places in the same
** memory. Returns how many that are. */
static uint32_t spread(uint64_t bits, uint32_t n, const int64_t *dense, int64_t *out,
                       uint8_t *nulls) {
    uint64_t all = n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
    uint32_t count = (uint32_t)__builtin_popcountll(bits &= all), k = 0;
    int64_t value[64];
    bool few = count < n / 2; /* then most are NULL */
    if (nulls)
        memset(nulls, few, n);
    if (bits == all) {
        memmove(out, dense, n * sizeof *out);
        return n;
    }
    memcpy(value, dense, count * sizeof *value);
    memset(out, 0, n * sizeof *out);
    for (uint64_t b = bits; b; b &= b - 1)
        out[__builtin_ctzll(b)] = value[k++];
    for (uint64_t b = few ? bits : all & ~bits; nulls && b; b &= b - 1)
        nulls[__builtin_ctzll(b)] = !few;
    return count;
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
    for (uint32_t i = 0, some; i < n; i += some) {
        uint32_t at = first + i, shift = at & 63;
        some = 64 - shift < n - i ? 64 - shift : n - i;
        dense += spread(present_word(c, at - shift) >> shift, some, dense, out + i,
                        nulls ? nulls + i : NULL);
    }
}

/* Memory for reading against another chunk; a derived column's entries are few and read whole. */
static int prepare_child(struct fvt_chunk *c) {
    c->scratch = pool_get(c->pool, STEP * sizeof *c->scratch);
    c->scratch_null = pool_get(c->pool, STEP);
    if (!c->scratch || !c->scratch_null)
        return FVT_NOMEM;
    if (!(c->flags & FVT_DERIVED))
        return FVT_OK;
    uint32_t n = c->parent->last_code + 1;
    c->entry = pool_get(c->pool, (size_t)n * sizeof *c->entry);
    if (c->entry && c->usual) {
        fvt_stream_read(c->usual, 0, n, c->entry);
        return FVT_OK;
    }
    c->entry_null = pool_get(c->pool, n);
    if (!c->entry || !c->entry_null)
        return FVT_NOMEM;
    read_entries(c, 0, c->entries, c->entry, c->entry_null);
    return FVT_OK;
}

/* What a chunk is made of, in the order it lies there. */
static int open_bytes(struct fvt_chunk *c, const struct fvt_chunk_info *e) {
    struct fvt_cursor bytes = {c->bytes, c->bytes + e->raw, false};
    int rc = e->flags & FVT_MIRROR ? open_mirror(c, &bytes, e) : FVT_OK;
    if (rc == FVT_OK && e->flags & FVT_NULLS)
        rc = open_bitmap(c, &bytes, e->count);
    if (rc == FVT_OK)
        rc = fvt_stream_open(&bytes, c->pool, &c->stream);
    if (rc == FVT_OK && e->flags & FVT_MIRROR)
        rc = fvt_stream_open(&bytes, c->pool, &c->answer);
    if (rc == FVT_OK && e->flags & FVT_EXCEPT)
        rc = fvt_stream_open(&bytes, c->pool, &c->usual);
    if (rc != FVT_OK)
        return rc;
    bool whole = e->flags & FVT_NULLS || c->stream->n == c->entries;
    return whole && c->stream->n == e->count && (!c->answer || c->answer->n == c->mirrored) &&
                   (!c->usual || c->usual->n == c->parent->last_code + 1)
               ? FVT_OK
               : FVT_DAMAGED;
}

static int open_chunk(struct fvt_chunk *c, const struct source *from,
                      const struct fvt_chunk_info *e, unsigned depth) {
    const struct fvt_group *g = from->group;
    enum flow_class class = flow_fields[e->field].class;
    c->rows = c->entries = g->rows;
    c->flags = e->flags;
    c->coded = class == FLOW_IP || class == FLOW_TEXT;
    if (c->coded &&
        (e->dict < 0 || g->dicts[e->dict].count == 0 || g->dicts[e->dict].count > FVT_MAX_ENTRIES ||
         (enum flow_class)g->dicts[e->dict].column != class))
        return FVT_DAMAGED;
    c->last_code = c->coded ? g->dicts[e->dict].count - 1 : 0;
    if (c->coded && e->nulls < g->rows && (e->min < 0 || e->max > (int64_t)c->last_code))
        return FVT_DAMAGED;
    if (e->flags & ~(FVT_LZ4 | FVT_NULLS | FVT_RELATIVE | FVT_DERIVED | FVT_MIRROR | FVT_EXCEPT))
        return FVT_UNKNOWN;
    if (e->flags & FVT_EXCEPT &&
        (e->flags & (FVT_RELATIVE | FVT_DERIVED | FVT_MIRROR)) != FVT_DERIVED)
        return FVT_DAMAGED;
    int rc = FVT_OK;
    if (has_parent(e))
        rc = load_parent(c, from, e, depth);
    if (rc == FVT_OK)
        rc = load_bytes(from->file, e, c->pool, &c->bytes);
    if (rc == FVT_OK)
        rc = open_bytes(c, e);
    return rc == FVT_OK && (c->parent || c->mirrored) ? prepare_child(c) : rc;
}

static int load_own(const struct source *from, int field, unsigned depth, struct fvt_chunk **out) {
    const struct fvt_group *g = from->group;
    if (depth >= MAX_PARENTS || g->damaged)
        return FVT_DAMAGED;
    struct fvt_chunk *c = calloc(1, sizeof *c);
    if (!c)
        return FVT_NOMEM;
    c->pool = from->pool;
    c->chain = 1;
    int rc = open_chunk(c, from, &g->chunks[g->chunk_of[field]], depth);
    if (rc != FVT_OK) {
        fvt_chunk_free(c);
        return rc;
    }
    *out = c;
    return FVT_OK;
}

static int load_chunk(const struct source *from, int field, unsigned depth,
                      struct fvt_chunk **out) {
    const struct fvt_group *g = from->group;
    struct fvt_chunk *c = NULL;
    int rc = load_own(from, field, depth, &c);
    if (rc == FVT_OK)
        rc = find_twin(c, from, &g->chunks[g->chunk_of[field]]);
    if (rc == FVT_OK)
        *out = c;
    else
        fvt_chunk_free(c);
    return rc;
}

int fvt_chunk_load(const struct fvt_file *file, const struct fvt_group *g, int field,
                   struct fvt_chunk **out) {
    return load_chunk(&(struct source){.file = file, .group = g}, field, 0, out);
}

void fvt_chunk_free(struct fvt_chunk *c) {
    if (!c)
        return;
    if (c->owns_parent)
        fvt_chunk_free(c->parent);
    if (c->owns_twin)
        fvt_chunk_free(c->twin);
    fvt_stream_free(c->stream);
    fvt_stream_free(c->answer);
    fvt_stream_free(c->usual);
    free(c->rank);
    pool_put(c->pool, c->entry);
    pool_put(c->pool, c->entry_null);
    pool_put(c->pool, c->scratch);
    pool_put(c->pool, c->scratch_null);
    pool_put(c->pool, c->kept);
    pool_put(c->pool, c->kept_null);
    pool_put(c->pool, c->bytes);
    free(c);
}

struct fvt_cache *fvt_cache_new(void) {
    struct fvt_cache *cache = calloc(1, sizeof *cache);
    struct fvt_pool *pool = cache ? pool_new() : NULL;
    if (!pool) {
        free(cache);
        return NULL;
    }
    cache->from.cache = cache;
    cache->from.pool = pool;
    return cache;
}

void fvt_cache_enter(struct fvt_cache *cache, const struct fvt_file *file,
                     const struct fvt_group *g) {
    fvt_cache_leave(cache);
    cache->from.file = file;
    cache->from.group = g;
    if (g->rows >= MANY_ROWS)
        pool_use_large(cache->from.pool);
}

void fvt_cache_leave(struct fvt_cache *cache) {
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        fvt_chunk_free(cache->chunk[f]);
        cache->chunk[f] = NULL;
    }
    for (uint32_t d = 0; d < cache->ndicts; d++)
        fvt_dict_free(cache->dict[d]);
    free(cache->dict);
    cache->dict = NULL;
    cache->ndicts = 0;
}

void fvt_cache_free(struct fvt_cache *cache) {
    if (!cache)
        return;
    fvt_cache_leave(cache);
    pool_free(cache->from.pool);
    free(cache);
}

size_t fvt_cache_octets(const struct fvt_cache *cache) {
    return pool_octets(cache->from.pool);
}

int fvt_cache_chunk(struct fvt_cache *cache, int field, struct fvt_chunk **out) {
    return cached_chunk(cache, field, false, 0, out);
}

int fvt_cache_dict(struct fvt_cache *cache, int dict, const struct fvt_dict **out) {
    const struct fvt_group *g = cache->from.group;
    if (!cache->dict) {
        cache->dict = calloc((size_t)g->ndicts + 1, sizeof(struct fvt_dict *));
        cache->ndicts = cache->dict ? g->ndicts : 0;
    }
    if (!cache->dict)
        return FVT_NOMEM;
    if (dict < 0 || dict >= (int)cache->ndicts)
        return FVT_DAMAGED;
    int rc = cache->dict[dict] ? FVT_OK : load_dict(&cache->from, dict, &cache->dict[dict]);
    *out = cache->dict[dict];
    return rc;
}

/* Values of rows [h + first, h + first + n), which answer the first h. */
static void read_answers(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                         uint8_t *nulls) {
    struct fvt_chunk *twin = c->twin ? c->twin : c;
    read_entries(twin, first, n, out, nulls);
    if (c->answer->encoding == FVT_CONST && c->answer->base == 0)
        return;
    for (uint32_t at = 0; at < n; at += STEP) {
        uint32_t some = n - at < STEP ? n - at : STEP;
        fvt_stream_read(c->answer, first + at, some, c->scratch);
        for (uint32_t i = 0; twin->present && i < some; i++)
            if (!present_bit(twin->present, first + at + i))
                c->scratch[i] = 0;
        kernels()->add(out + at, c->scratch, some);
    }
}

/* What the chunk stores of rows [first, first + n), before a parent's values are added. */
static void read_stored(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                        uint8_t *nulls) {
    const uint32_t h = c->mirrored, end[] = {h, 2 * h, c->rows};
    for (int part = 0; part < 3; part++) {
        uint32_t some = first < end[part] ? end[part] - first : 0;
        some = some < n ? some : n;
        if (some == 0)
            continue;
        if (part == 1)
            read_answers(c, first - h, some, out, nulls);
        else
            read_entries(c, part == 0 ? first : first - h, some, out, nulls);
        first += some;
        n -= some;
        out += some;
        nulls = nulls ? nulls + some : NULL;
    }
}

static void read_limited(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                         uint8_t *nulls);

/* Values of n rows, STEP at most. */
static const int64_t *read_kept(struct fvt_chunk *c, uint32_t first, uint32_t n,
                                const uint8_t **nulls) {
    if (c->kept_first != first || c->kept_n != n) {
        read_limited(c, first, n, c->kept, c->kept_null);
        c->kept_first = first;
        c->kept_n = n;
    }
    *nulls = c->kept_null;
    return c->kept;
}

/* The stream's values and the parent's, or with EXCEPT those of the parent's entries. What is stored is 0 where it
** is NULL, and stays so. */
static void read_relative(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                          uint8_t *nulls) {
    const uint8_t *ignored;
    nulls = nulls ? nulls : c->scratch_null;
    read_stored(c, first, n, out, nulls);
    const int64_t *parent = read_kept(c->parent, first, n, &ignored);
    if (c->usual) {
        for (uint32_t i = 0; i < n; i++)
            c->scratch[i] = c->entry[parent[i]];
        parent = c->scratch;
    }
    if (!memchr(nulls, 1, n)) {
        kernels()->add(out, parent, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        if (!nulls[i])
            out[i] = (int64_t)((uint64_t)out[i] + (uint64_t)parent[i]);
}

static void read_derived(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                         uint8_t *nulls) {
    const uint8_t *none;
    const int64_t *code = read_kept(c->parent, first, n, &none);
    for (uint32_t i = 0; i < n; i++) {
        bool null = none[i] || c->entry_null[code[i]];
        out[i] = null ? 0 : c->entry[code[i]];
        if (nulls)
            nulls[i] = null;
    }
}

static void read_step(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                      uint8_t *nulls) {
    if (c->flags & FVT_DERIVED && !c->usual)
        read_derived(c, first, n, out, nulls);
    else
        read_relative(c, first, n, out, nulls);
}

/* As fvt_chunk_read(), but codes may be behind the dictionary. */
static void read_rows(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                      uint8_t *nulls) {
    if (!c->parent)
        read_stored(c, first, n, out, nulls);
    for (uint32_t at = 0; c->parent && at < n; at += STEP)
        read_step(c, first + at, n - at < STEP ? n - at : STEP, out + at,
                  nulls ? nulls + at : NULL);
}

static void read_limited(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out,
                         uint8_t *nulls) {
    read_rows(c, first, n, out, nulls);
    /* A forged file may hold codes behind its dictionary; they become the last entry. */
    if (c->coded)
        kernels()->limit(out, n, c->last_code);
}

void fvt_chunk_read(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out, uint8_t *nulls) {
    const uint8_t *null;
    if (!c->kept || n > STEP) {
        read_limited(c, first, n, out, nulls);
        return;
    }
    memcpy(out, read_kept(c, first, n, &null), n * sizeof *out);
    if (nulls)
        memcpy(nulls, null, n);
}

bool fvt_chunk_fits(struct fvt_chunk *c) {
    bool fits = fvt_stream_fits(c->stream) && (!c->answer || fvt_stream_fits(c->answer)) &&
                (!c->usual || fvt_stream_fits(c->usual));
    for (uint32_t at = 0; c->coded && fits && at < c->rows; at += STEP) {
        int64_t v[STEP], min = 0, max = 0;
        uint8_t nulls[STEP];
        uint32_t n = c->rows - at < STEP ? c->rows - at : STEP;
        read_rows(c, at, n, v, nulls);
        for (uint32_t i = 0; i < n; i++)
            v[i] = nulls[i] ? 0 : v[i];
        kernels()->bounds(v, n, &min, &max);
        fits = min >= 0 && max <= (int64_t)c->last_code;
    }
    return fits;
}

/* Is this chunk itself damaged, and not one that it is coded against? */
static bool chunk_damaged(const struct fvt_file *file, const struct fvt_group *g,
                          const struct fvt_chunk_info *e) {
    uint8_t *bytes = NULL;
    int rc = load_bytes(file, e, NULL, &bytes);
    pool_put(NULL, bytes);
    if (rc != FVT_OK || e->field < 0)
        return rc == FVT_DAMAGED;
    struct fvt_chunk *c = NULL;
    if (e->parent < FLOW_NFIELDS && g->chunk_of[e->parent] >= 0) {
        const struct source from = {.file = file, .group = g};
        rc = has_twin(e) ? load_own(&from, (int)e->parent, 0, &c)
                         : load_chunk(&from, (int)e->parent, 0, &c);
        fvt_chunk_free(c);
        if (rc != FVT_OK)
            return false;
    }
    c = NULL;
    rc = fvt_chunk_load(file, g, e->field, &c);
    if (rc == FVT_OK && !fvt_chunk_fits(c))
        rc = FVT_DAMAGED;
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

static bool sum_wrong(const struct fvt_file *file, const struct fvt_chunk_info *e,
                      struct fvt_pool *pool) {
    uint8_t *p = pool_lend(pool, (size_t)e->length + 1);
    return p && read_checked(file, e, p) != FVT_OK;
}

uint64_t fvt_verify_sums(const struct fvt_file *file) {
    uint64_t damaged = file->damaged;
    struct fvt_pool *pool = pool_new();
    for (uint32_t i = 0; pool && i < file->ngroups; i++) {
        const struct fvt_group *g = &file->groups[i];
        for (uint32_t d = 0; d < g->ndicts; d++)
            damaged += sum_wrong(file, &g->dicts[d], pool);
        for (uint32_t k = 0; k < g->nchunks; k++)
            damaged += sum_wrong(file, &g->chunks[k], pool);
    }
    pool_free(pool);
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

static bool counters_damaged(const struct fvt_file *file, const struct fvt_counter_block *block) {
    struct fvt_if_counters *rows = NULL;
    uint32_t n;
    int rc = fvt_counters_read(file, block, &rows, &n);
    free(rows);
    return rc == FVT_DAMAGED;
}

uint64_t fvt_verify(struct fvt_file *file) {
    uint64_t damaged = file->damaged;
    for (uint32_t i = 0; i < file->ngroups; i++)
        damaged += verify_group(file, &file->groups[i]);
    for (uint32_t i = 0; i < file->nrollups; i++)
        damaged += verify_rollup(file, &file->rollups[i]);
    for (uint32_t i = 0; i < file->ncounters; i++)
        damaged += counters_damaged(file, &file->counters[i]);
    return damaged;
}
