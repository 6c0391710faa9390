/* SPDX-License-Identifier: MIT */
/*
** Slabs that blocks are cut from, one behind the other, and a list of the blocks that were given back,
** searched for the one that fits best. When the last block is back, all begins anew.
*/
#include "pool.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A sanitizer sees who writes beyond a block only where each is malloc()'s. */
#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#define HAVE_SLABS 0
#else
#define HAVE_SLABS 1
#endif

#define SLAB ((size_t)16 << 20) /* address space, of which only what is used takes memory */
#define PAGE ((size_t)2 << 20)  /* a large one */

enum {
    LARGE = 4096,  /* smaller blocks are malloc()'s business */
    WASTE = 4,     /* a block is not given for less than this part of it */
    SPARE_PART = 8 /* new blocks are larger by this part: the next chunk may need a little more */
};

union header {
    struct {
        size_t room; /* octets behind the header; 0: malloc()'s */
        union header *next;
    } is;
    alignas(max_align_t) char align;
};

struct slab {
    struct slab *next;
    void *mapped; /* the slab begins behind, at a page */
    size_t length, size, used, most;
};

/* Where the first block of a slab begins. */
#define FIRST ((sizeof(struct slab) + 63) & ~(size_t)63)

struct fvt_pool {
    bool large;
    size_t given;        /* blocks of slabs */
    union header *free;  /* those that are back */
    struct slab *slabs;  /* in the order they were made */
    struct slab *filled; /* the one that blocks are cut from */
    void *lent;          /* by pool_lend() */
    size_t room;
};

struct fvt_pool *pool_new(void) {
    return calloc(1, sizeof(struct fvt_pool));
}

struct fvt_pool *pool_new_large(void) {
    struct fvt_pool *pool = pool_new();
    if (pool)
        pool_use_large(pool);
    return pool;
}

/* Of the usual size. */
static size_t whole_pages(size_t n) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (n + page - 1) / page * page;
}

static void want_large_pages(void *p, size_t n) {
#ifdef MADV_HUGEPAGE
    madvise(p, n & ~(PAGE - 1), MADV_HUGEPAGE); /* if not, it is slower and no more */
#else
    (void)p, (void)n;
#endif
}

/* The heap is not for them: between blocks of large pages it leaves gaps that become large pages, too. */
void *large_alloc(size_t n) {
    if (n < PAGE || !HAVE_SLABS)
        return malloc(n ? n : 1);
    const size_t room = whole_pages(n), length = room + PAGE;
    char *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    const size_t before = -(uintptr_t)p & (PAGE - 1), behind = length - before - room;
    if (before)
        munmap(p, before);
    if (behind)
        munmap(p + before + room, behind);
    want_large_pages(p + before, room);
    return p + before;
}

void large_free(void *p, size_t n) {
    if (n < PAGE || !HAVE_SLABS)
        free(p);
    else if (p)
        munmap(p, whole_pages(n));
}

void pool_use_large(struct fvt_pool *pool) {
    if (!pool || pool->large)
        return;
    pool->large = true;
    for (struct slab *s = pool->slabs; s; s = s->next)
        want_large_pages(s, s->size);
}

void pool_free(struct fvt_pool *pool) {
    if (!pool)
        return;
    if (!HAVE_SLABS && pool->lent)
        free((union header *)pool->lent - 1);
    for (struct slab *next, *s = pool->slabs; s; s = next) {
        next = s->next;
        munmap(s->mapped, s->length);
    }
    free(pool);
}

static union header *take(struct fvt_pool *pool, size_t n) {
    union header **best = NULL;
    for (union header **at = &pool->free; *at; at = &(*at)->is.next) {
        size_t room = (*at)->is.room;
        if (room >= n && room / WASTE <= n && (!best || room < (*best)->is.room))
            best = at;
    }
    if (!best)
        return NULL;
    union header *h = *best;
    *best = h->is.next;
    return h;
}

/* With room for n octets in one block at least. */
static struct slab *new_slab(const struct fvt_pool *pool, size_t n) {
    size_t size = n > SLAB - FIRST ? (FIRST + n + PAGE) & ~(PAGE - 1) : SLAB;
    char *p = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    struct slab *s = (struct slab *)(p + (-(uintptr_t)p & (PAGE - 1)));
    if (pool->large)
        want_large_pages(s, size);
    *s = (struct slab){.mapped = p, .length = size + PAGE, .size = size, .used = FIRST};
    return s;
}

/* Cut a block of a slab; n is a multiple of the alignment. */
static union header *cut(struct fvt_pool *pool, size_t n) {
    struct slab **at = pool->filled ? &pool->filled : &pool->slabs;
    for (; *at && (*at)->size - (*at)->used < n; at = &(*at)->next)
        ;
    if (!*at)
        *at = new_slab(pool, n);
    struct slab *s = *at;
    if (!s)
        return NULL;
    union header *h = (union header *)((char *)s + s->used);
    s->used += n;
    s->most = s->used > s->most ? s->used : s->most;
    pool->filled = s;
    return h;
}

/* Of a slab, at least n octets; NULL when memory is out. */
static union header *get_block(struct fvt_pool *pool, size_t n) {
    union header *h = take(pool, n);
    size_t room = n + n / SPARE_PART;
    room += -room & (sizeof *h - 1);
    if (!h && (h = cut(pool, sizeof *h + room)))
        h->is.room = room;
    return h;
}

static void put_block(struct fvt_pool *pool, union header *h) {
    h->is.next = pool->free;
    pool->free = h;
}

void *pool_get(struct fvt_pool *pool, size_t n) {
    if (n >= SIZE_MAX / 2)
        return NULL;
    bool of_slab = HAVE_SLABS && pool && n >= LARGE;
    union header *h = of_slab ? get_block(pool, n) : malloc(sizeof *h + n);
    if (!h)
        return NULL;
    if (of_slab)
        pool->given++;
    else
        h->is.room = 0;
    return h + 1;
}

void *pool_lend(struct fvt_pool *pool, size_t n) {
    if (n <= pool->room)
        return pool->lent;
    union header *before = pool->lent ? (union header *)pool->lent - 1 : NULL, *h;
    n = n < LARGE ? LARGE : n;
    if (HAVE_SLABS) {
        h = get_block(pool, n);
        if (before)
            put_block(pool, before);
    } else {
        free(before);
        h = malloc(sizeof *h + n);
    }
    pool->lent = h ? h + 1 : NULL;
    pool->room = h ? n : 0;
    return pool->lent;
}

size_t pool_octets(const struct fvt_pool *pool) {
    size_t octets = 0;
    for (const struct slab *s = pool->slabs; s; s = s->next)
        octets += s->most;
    return octets;
}

/* All blocks are back. */
static void begin_anew(struct fvt_pool *pool) {
    for (struct slab *s = pool->slabs; s; s = s->next)
        s->used = FIRST;
    pool->free = NULL;
    pool->filled = NULL;
    pool->lent = NULL;
    pool->room = 0;
}

void pool_put(struct fvt_pool *pool, void *p) {
    if (!p)
        return;
    union header *h = (union header *)p - 1;
    if (!pool || h->is.room == 0) {
        free(h);
        return;
    }
    put_block(pool, h);
    if (--pool->given == 0)
        begin_anew(pool);
}
