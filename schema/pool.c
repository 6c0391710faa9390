/* SPDX-License-Identifier: MIT */
/*
** A short list of blocks that are free, searched for the one that fits best.
*/
#include "pool.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    KEPT = 96,     /* a group of all columns has about as many blocks */
    LARGE = 4096,  /* smaller ones are malloc()'s business */
    WASTE = 4,     /* a block is not given for less than this part of it */
    SPARE_PART = 8 /* new blocks are larger by this part: the next chunk may need a little more */
};

union header {
    size_t room; /* octets behind the header; 0: not for the list */
    alignas(max_align_t) char align;
};

struct fvt_pool {
    unsigned n;
    bool large;
    size_t octets; /* of these, and of those that are in use */
    union header *block[KEPT];
    void *lent; /* by pool_lend() */
    size_t room;
};

struct fvt_pool *pool_new(void) {
    return calloc(1, sizeof(struct fvt_pool));
}

struct fvt_pool *pool_new_large(void) {
    struct fvt_pool *pool = pool_new();
    if (pool)
        pool->large = true;
    return pool;
}

void *malloc_large(size_t n) {
    enum { PAGE = 2 << 20 };
    if (n < 2 * PAGE)
        return malloc(n);
    void *p = NULL;
    if (posix_memalign(&p, PAGE, n) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    madvise(p, n & ~((size_t)PAGE - 1), MADV_HUGEPAGE); /* if not, it is slower and no more */
#endif
    return p;
}

void pool_free(struct fvt_pool *pool) {
    if (!pool)
        return;
    for (unsigned i = 0; i < pool->n; i++)
        free(pool->block[i]);
    free(pool->lent);
    free(pool);
}

static union header *take(struct fvt_pool *pool, size_t n) {
    unsigned best = pool->n;
    for (unsigned i = 0; i < pool->n; i++) {
        size_t room = pool->block[i]->room;
        if (room >= n && room / WASTE <= n && (best == pool->n || room < pool->block[best]->room))
            best = i;
    }
    if (best == pool->n)
        return NULL;
    union header *h = pool->block[best];
    pool->block[best] = pool->block[--pool->n];
    return h;
}

void *pool_get(struct fvt_pool *pool, size_t n) {
    bool keep = pool && n >= LARGE && n < SIZE_MAX / 2;
    union header *h = keep ? take(pool, n) : NULL;
    if (h)
        return h + 1;
    size_t room = keep ? n + n / SPARE_PART : n;
    if (room > SIZE_MAX - sizeof *h)
        return NULL;
    h = keep && pool->large ? malloc_large(sizeof *h + room) : malloc(sizeof *h + room);
    if (!h)
        return NULL;
    h->room = keep ? room : 0;
    if (keep)
        pool->octets += room;
    return h + 1;
}

void *pool_lend(struct fvt_pool *pool, size_t n) {
    if (n <= pool->room)
        return pool->lent;
    free(pool->lent);
    pool->octets -= pool->room;
    pool->lent = malloc(n);
    pool->room = pool->lent ? n : 0;
    pool->octets += pool->room;
    return pool->lent;
}

size_t pool_octets(const struct fvt_pool *pool) {
    return pool->octets;
}

void pool_put(struct fvt_pool *pool, void *p) {
    if (!p)
        return;
    union header *h = (union header *)p - 1;
    if (!pool || h->room == 0) {
        free(h);
        return;
    }
    if (pool->n == KEPT) {
        /* The smallest is the cheapest to get again. */
        unsigned least = 0;
        for (unsigned i = 1; i < KEPT; i++)
            if (pool->block[i]->room < pool->block[least]->room)
                least = i;
        union header *out = h->room > pool->block[least]->room ? pool->block[least] : h;
        if (out != h)
            pool->block[least] = h;
        pool->octets -= out->room;
        free(out);
        return;
    }
    pool->block[pool->n++] = h;
}
