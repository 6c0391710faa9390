/* SPDX-License-Identifier: MIT */
/*
** Which of many networks, the longest first, an address lies in. Networks either lie in one another or have
** nothing in common, so together they cut the addresses into stretches, each of one network: a look-up is a
** search among the beginnings of those. It takes some 10 ns among a few thousand networks, 100 among a million.
*/
#ifndef FLOWVT_PREFIXES_H
#define FLOWVT_PREFIXES_H

#include <stdbool.h>

#include "../schema/value.h"

#define PREFIX_NONE UINT32_MAX

struct prefix {
    struct flow_ip first; /* no bits behind the length */
    uint8_t length;
    uint32_t row;    /* the caller's own */
    uint32_t parent; /* prefixes_new() sets it: the next larger one in the list, or PREFIX_NONE */
};

/* A list that grows; zeroed: empty. */
struct prefix_list {
    struct prefix *prefix;
    uint32_t n;
};

/* Add the network in which the address lies, its row being its number. False when memory is out, or the list is full. */
bool prefix_list_add(struct prefix_list *list, const struct flow_ip *ip, unsigned length);
void prefix_list_clear(struct prefix_list *list);

struct prefixes;

/* Puts the list in order, those that lie in another behind it, equal ones in that of their row; a larger one is
** before all that have it as parent. Of equal ones the first is found. The list may be gone afterwards. NULL when memory
** is out. */
struct prefixes *prefixes_new(struct prefix *list, uint32_t n);
void prefixes_free(struct prefixes *p);
/* Are they the same network? */
bool prefix_is_same(const struct prefix *a, const struct prefix *b);
/* From now on what is found is to[place] instead of the place; neighbours that are alike then become one. False when
** memory is out. */
bool prefixes_map(struct prefixes *p, const uint32_t *to);
/* The place in the list as it was put in order, or PREFIX_NONE. ip must be of family 4 or 6. */
uint32_t prefixes_find(const struct prefixes *p, const struct flow_ip *ip);
/* The same; and *last is the last address of those from ip on, of its family, of which all are found there. */
uint32_t prefixes_stretch(const struct prefixes *p, const struct flow_ip *ip, struct flow_ip *last);

#endif
