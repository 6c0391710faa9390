/* SPDX-License-Identifier: MIT */
/*
** Memory for what is read of a file, kept for the next chunk. A scan goes through buffers of some
** megabytes at the pace of the disk cache; given back to the system and asked for again, each of
** their pages would cost more than the decoding of what is in it. Private to schema/.
*/
#ifndef FLOWVT_POOL_H
#define FLOWVT_POOL_H

#include <stddef.h>

/* Of one thread at a time. All functions take NULL for the pool: malloc() and free(). */
struct fvt_pool;
struct fvt_pool *pool_new(void);
/* n octets of which all will be written: in few large pages where the system has such, since each new page costs
** a fault, and not in more of them than they fill; they go back to the system, where malloc() would keep them for its
** thread. NULL when memory is out. */
void *large_alloc(size_t n);
/* n: of the large_alloc() that gave p; NULL is fine. */
void large_free(void *p, size_t n);
/* A pool of large pages, and that it is to be one from now on, since much will be asked of it. */
struct fvt_pool *pool_new_large(void);
void pool_use_large(struct fvt_pool *pool);
/* Frees the memory that was given back; what was not must not be used any more. */
void pool_free(struct fvt_pool *pool);

/* n octets, not cleared, aligned for anything; NULL when memory is out. */
void *pool_get(struct fvt_pool *pool, size_t n);
/* n octets that are good until the next call, or until all that pool_get() has given is back; not to be given
** back. NULL when memory is out. pool must be one. */
void *pool_lend(struct fvt_pool *pool, size_t n);
/* The most octets that were in use, as far as the pool deals with them: of large blocks. They stay. */
size_t pool_octets(const struct fvt_pool *pool);
/* Give back what pool_get() of the same pool has given; NULL is fine. */
void pool_put(struct fvt_pool *pool, void *p);

#endif
