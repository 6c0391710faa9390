/* SPDX-License-Identifier: MIT */
/*
** The exporters that may send here, and what the operator calls them: "ident,NETWORK[,NETWORK...]",
** as in "edge,192.0.2.0/24,2001:db8::/32". Where networks lie in one another, the smallest decides.
** Datagrams of others are counted, by sender as long as there is room, and dropped. When no source
** was named, everybody may send and nobody has a name.
*/
#ifndef FLOWVT_SOURCES_H
#define FLOWVT_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/value.h"

enum {
    SOURCES_MAX = 4096,         /* that can be named */
    SOURCES_IDENT = 64,         /* octets of a name, its NUL among them */
    SOURCES_STRANGERS_MAX = 64, /* senders that are counted one by one */
};

struct sources;

/* Is text a source? If not, one sentence in message. */
bool sources_check(const char *text, char *message, size_t size);

/* NULL when one is none, when two have the same network, or out of memory: one sentence in message. */
struct sources *sources_new(const char *const *text, size_t n, char *message, size_t size);
void sources_free(struct sources *s);

/* Take the sources of another in the place of those of s; counters stay, and names that were handed
** out stay valid. *other is freed. */
void sources_replace(struct sources *s, struct sources *other);

/* May ip send? If it may, *ident is its name, NULL when there are none; if not, it was counted. */
bool sources_admit(struct sources *s, const struct flow_ip *ip, const char **ident);

/* What was dropped, since the start: by sender, first seen first; the rest together. */
struct sources_stranger {
    struct flow_ip ip;
    uint64_t datagrams;
};
struct sources_counts {
    uint64_t dropped; /* all */
    size_t n;
    const struct sources_stranger *stranger;
    uint64_t others; /* of senders that are not among these */
};
struct sources_counts sources_dropped(const struct sources *s);

#endif
