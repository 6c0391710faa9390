/* SPDX-License-Identifier: MIT */
/*
** Datagrams on their way from the thread that receives to the one that decodes: a queue in blocks of memory, at most so
** many. Blocks that were emptied are filled again, the last one first, so that a queue that is short stays
** in the processor's cache and memory is taken only for what has ever waited.
*/
#ifndef FLOWVT_RING_H
#define FLOWVT_RING_H

#include "decode.h"

struct ring;

/* For up to so many octets, two blocks at least. NULL when there is no memory, or no eventfd (errno). */
struct ring *ring_new(size_t octets);
/* NULL is fine. Nobody may wait any more. */
void ring_free(struct ring *r);

/* By the one thread that receives: copy n datagrams, in order, as far as there is room. Returns how many. */
size_t ring_put(struct ring *r, const struct datagram *d, size_t n);
/* No more will come. */
void ring_end(struct ring *r);

/* By the one thread that decodes: the oldest block that waits, for up to timeout ms. NULL when there is none, a
** signal came, or the file descriptor also (-1: none) became readable. What is not a whole block yet is given some ms later, to wake up seldom. */
struct ring_block *ring_take(struct ring *r, int timeout, int also);
/* The datagrams of a block, one by one; false behind the last. They point into it. */
bool ring_next(struct ring_block *b, struct datagram *d);
void ring_give_back(struct ring *r, struct ring_block *b);
/* Nothing waits and nothing will come. */
bool ring_is_over(struct ring *r);

#endif
