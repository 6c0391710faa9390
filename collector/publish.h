/* SPDX-License-Identifier: MIT */
/*
** Metrics for who asks: over HTTP (GET /metrics), and in a file that is replaced every 15 seconds, for the textfile
** collector of Prometheus' node exporter. Both have threads of their own; the thread that keeps the books hands
** over a copy of them when one is wanted.
*/
#ifndef FLOWVT_PUBLISH_H
#define FLOWVT_PUBLISH_H

#include <stdbool.h>

#include "books.h"

struct publisher;

/* Is text a place to listen at: [ADDRESS:]PORT, an IPv6 address in brackets, a port not 0? If not, one
** sentence in message. Without an address it is that of the machine itself, 127.0.0.1. */
bool publish_check(const char *text, char *message, size_t size);

/* listen: such a place, or NULL; file: path, or NULL; store: directory whose size is told, or NULL. The texts must
** stay. Listens at once, as its threads begin. NULL with one sentence in message. */
struct publisher *publisher_start(const char *listen, const char *file, const char *store,
                                  char *message, size_t size);
/* The file stays as it is. May be called with NULL. */
void publisher_stop(struct publisher *p);

/* Are the books wanted? */
bool publisher_wants(struct publisher *p);
/* Here they are; *b is cleared, what it points to is the publisher's. */
void publisher_give(struct publisher *p, struct books *b);

#endif
