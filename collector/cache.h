/* SPDX-License-Identifier: MIT */
/*
** What exporters announced, kept over a restart of the collector: templates, sampling rates, interface names and
** uptimes, in STORE/.templates/cache (schema/FORMAT.md). Without it data sets would have to wait for templates, which
** some routers send every half hour. It is a cache: whoever deletes it loses that time and nothing else.
**
** It is written some seconds after something new was announced, once a minute while the same is announced again,
** and at the end, in a thread of its own; and when somebody removed it. What is read obeys all the limits of what comes from the network, and
** templates that have not been announced for too long are not used.
*/
#ifndef FLOWVT_CACHE_H
#define FLOWVT_CACHE_H

#include "decode.h"

struct cache;
struct fvt_buffer;

/* Read the store's cache into c, which is new, and keep it up to date from now on; to be called by the one that has
** the store's lock. A file that is damaged, foreign or of another version is left alone until it is written anew.
** warn is called with one sentence for each thing that went wrong, from the thread that calls these functions. NULL
** when out of memory. */
struct cache *cache_open(const char *store, struct collector *c,
                         void (*warn)(void *arg, const char *text), void *arg);
/* Call it about once a second. ours: the store is there, can be written to, and is this program's; else nothing is
** written, until it is again. */
void cache_tick(struct cache *k, bool ours);
/* Write what is not written yet, and end. NULL is nothing. */
void cache_close(struct cache *k);

/* The file's octets as of now (ms since 1970). out->failed is set when out of memory. */
void cache_encode(const struct collector *c, int64_t now, struct fvt_buffer *out);
/* Learn what the octets of a file say. False and nothing learned when they are damaged or no such file. */
bool cache_decode(struct collector *c, int64_t now, const uint8_t *p, size_t n);

#endif
