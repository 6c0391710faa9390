/* SPDX-License-Identifier: MIT */
/*
** Chunks and dictionaries in memory: read, checked, decompressed, with what they are coded against.
*/
#include "chunk.h"
#include "dict.h"
#include "kernel.h"

#include <lz4.h>

/* A chunk coded against a chunk coded against a chunk: tstart, tend, trecv. A longer chain is not
** written by flowvt and would let a forged file recurse without end. */
enum { MAX_PARENTS = 4, SLACK = KERNEL_SLACK, MANY_ROWS = 1 << 16 };

struct fvt_cache {
    struct chunk_source from;
    struct fvt_chunk *chunk[FLOW_NFIELDS];
    uint32_t ndicts;
    struct fvt_dict **dict;
};

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

int chunk_stored(const struct fvt_file *file, const struct fvt_chunk_info *e, uint8_t *to) {
    bool ok = fvt_read_at(file->fd, e->offset, to, e->length) &&
              fvt_checksum(to, e->length) == e->checksum;
    return ok ? FVT_OK : FVT_DAMAGED;
}

int chunk_octets(const struct fvt_file *file, const struct fvt_chunk_info *e, struct fvt_pool *pool,
                 uint8_t **out) {
    if (e->raw > FVT_MAX_RAW)
        return FVT_DAMAGED;
    bool packed = e->flags & FVT_LZ4, lent = packed && pool;
    size_t room = (size_t)e->length + SLACK;
    uint8_t *p = lent ? pool_lend(pool, room) : pool_get(pool, room);
    int rc = p ? chunk_stored(file, e, p) : FVT_NOMEM;
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

static int load_dict(const struct chunk_source *from, int dict, struct fvt_dict **out) {
    const struct fvt_group *g = from->group;
    if (dict < 0 || dict >= (int)g->ndicts)
        return FVT_DAMAGED;
    const struct fvt_chunk_info *e = &g->dicts[dict];
    uint8_t *p = NULL;
    /* An entry takes an octet at least: no memory for more of them than that. */
    int rc = e->count <= FVT_MAX_ENTRIES && e->count <= e->raw
                 ? chunk_octets(from->file, e, from->pool, &p)
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
    return load_dict(&(struct chunk_source){.file = file, .group = g}, dict, out);
}

/* The bitmap, and how many bits are set before every CHUNK_RANK of them. */
static int open_bitmap(struct fvt_chunk *c, struct fvt_cursor *bytes, uint32_t expected) {
    c->present = fvt_get(bytes, ((size_t)c->entries + 63) / 64 * 8);
    if (!c->present)
        return FVT_DAMAGED;
    c->rank = malloc(((size_t)c->entries / CHUNK_RANK + 1) * sizeof *c->rank);
    if (!c->rank)
        return FVT_NOMEM;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < c->entries; i += 64) {
        if (i % CHUNK_RANK == 0)
            c->rank[i / CHUNK_RANK] = sum;
        sum += (uint32_t)__builtin_popcountll(chunk_present_word(c, i));
    }
    return sum == expected ? FVT_OK : FVT_DAMAGED;
}

static int find_twin(struct fvt_chunk *c, const struct chunk_source *from,
                     const struct fvt_chunk_info *e);

/* A chunk of the cache, loaded if it has not been yet; own: it may lack its twin. */
static int cached_chunk(struct fvt_cache *cache, int field, bool own, unsigned depth,
                        struct fvt_chunk **out) {
    struct fvt_chunk **c = &cache->chunk[field];
    const struct fvt_group *g = cache->from.group;
    int rc = *c ? FVT_OK : chunk_load_own(&cache->from, field, depth, c);
    if (rc == FVT_OK && !own && !(*c)->complete)
        rc = find_twin(*c, &cache->from, &g->chunks[g->chunk_of[field]]);
    *out = *c;
    return rc;
}

/* May there be a chunk of the column that another one is coded against? */
static int check_parent(const struct fvt_group *g, uint32_t parent) {
    if (parent == FVT_UNKNOWN_COLUMN)
        return FVT_UNKNOWN;
    return parent < FLOW_NFIELDS && g->chunk_of[parent] >= 0 ? FVT_OK : FVT_DAMAGED;
}

static int keep_values(struct fvt_chunk *c) {
    if (!c->kept)
        c->kept = pool_get(c->pool, CHUNK_STEP * sizeof *c->kept);
    if (!c->kept_null)
        c->kept_null = pool_get(c->pool, CHUNK_STEP);
    return c->kept && c->kept_null ? FVT_OK : FVT_NOMEM;
}

static int load_parent(struct fvt_chunk *c, const struct chunk_source *from,
                       const struct fvt_chunk_info *e, unsigned depth) {
    int rc = check_parent(from->group, e->parent);
    if (rc != FVT_OK)
        return rc;
    c->owns_parent = !from->cache;
    rc = from->cache ? cached_chunk(from->cache, (int)e->parent, false, depth + 1, &c->parent)
                     : chunk_load(from, (int)e->parent, depth + 1, &c->parent);
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
static int find_twin(struct fvt_chunk *c, const struct chunk_source *from,
                     const struct fvt_chunk_info *e) {
    const struct fvt_group *g = from->group;
    int rc = chunk_has_twin(e) ? check_parent(g, e->parent) : FVT_OK;
    if (rc == FVT_OK && chunk_has_twin(e)) {
        const struct fvt_chunk_info *twin = &g->chunks[g->chunk_of[e->parent]];
        if (chunk_has_parent(twin) || twin->dict != e->dict ||
            flow_fields[twin->field].class != flow_fields[e->field].class)
            return FVT_DAMAGED;
        c->owns_twin = !from->cache;
        rc = from->cache ? cached_chunk(from->cache, (int)e->parent, true, 0, &c->twin)
                         : chunk_load_own(from, (int)e->parent, 0, &c->twin);
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

/* Memory for reading against another chunk; a derived column's entries are few and read whole. */
static int prepare_child(struct fvt_chunk *c) {
    c->scratch = pool_get(c->pool, CHUNK_STEP * sizeof *c->scratch);
    c->scratch_null = pool_get(c->pool, CHUNK_STEP);
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
    chunk_entries(c, 0, c->entries, c->entry, c->entry_null);
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

static int open_chunk(struct fvt_chunk *c, const struct chunk_source *from,
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
    if (chunk_has_parent(e))
        rc = load_parent(c, from, e, depth);
    if (rc == FVT_OK)
        rc = chunk_octets(from->file, e, c->pool, &c->bytes);
    if (rc == FVT_OK)
        rc = open_bytes(c, e);
    return rc == FVT_OK && (c->parent || c->mirrored) ? prepare_child(c) : rc;
}

int chunk_load_own(const struct chunk_source *from, int field, unsigned depth,
                   struct fvt_chunk **out) {
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

int chunk_load(const struct chunk_source *from, int field, unsigned depth, struct fvt_chunk **out) {
    const struct fvt_group *g = from->group;
    struct fvt_chunk *c = NULL;
    int rc = chunk_load_own(from, field, depth, &c);
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
    return chunk_load(&(struct chunk_source){.file = file, .group = g}, field, 0, out);
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
