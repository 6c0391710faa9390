/* SPDX-License-Identifier: MIT */
/*
** Is a file whole? Damaged parts are counted, each once: what is coded against one is not damaged itself.
*/
#include "chunk.h"

#include <stdlib.h>

/* Is this chunk itself damaged, and not one that it is coded against? */
static bool chunk_damaged(const struct fvt_file *file, const struct fvt_group *g,
                          const struct fvt_chunk_info *e) {
    uint8_t *bytes = NULL;
    int rc = chunk_octets(file, e, NULL, &bytes);
    pool_put(NULL, bytes);
    if (rc != FVT_OK || e->field < 0)
        return rc == FVT_DAMAGED;
    struct fvt_chunk *c = NULL;
    if (e->parent < FLOW_NFIELDS && g->chunk_of[e->parent] >= 0) {
        const struct chunk_source from = {.file = file, .group = g};
        rc = chunk_has_twin(e) ? chunk_load_own(&from, (int)e->parent, 0, &c)
                               : chunk_load(&from, (int)e->parent, 0, &c);
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
    return p && chunk_stored(file, e, p) != FVT_OK;
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
