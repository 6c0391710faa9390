/* SPDX-License-Identifier: MIT */
/*
** Templates of one exporter and observation domain (RFC 7011 section 3.4 and 8, RFC 3954
** section 5.2 and 6.1), each compiled into a plan, within a bound of memory.
*/
#ifndef FLOWVT_TEMPLATE_H
#define FLOWVT_TEMPLATE_H

#include "plan.h"

struct template {
    uint16_t id; /* 256 to 65535 */
    bool options;
    uint16_t scopes; /* of the fields, the first so many are scope (options templates) */
    uint16_t nfields;
    struct template_field *fields; /* owned; behind the struct */
    struct plan *plan;             /* owned */
    size_t octets;                 /* memory it takes */
    struct template *next_in_bucket;
    struct template *newer, *older; /* by last announcement or use */
};

struct template_table {
    struct template **bucket; /* NULL while empty */
    uint32_t nbuckets, count;
    size_t octets;
    struct template *newest, *oldest;
    struct template *last; /* found last: consecutive sets often share a template */
};

enum template_change {
    TEMPLATE_SAME,    /* announced again */
    TEMPLATE_NEW,     /* or redefined */
    TEMPLATE_USELESS, /* its records would have no octets, or too many: not kept */
    TEMPLATE_NOMEM,
};

/* Learn a template. fields are copied. max: octets this table may take; the oldest templates
** make room, never the new one. */
enum template_change template_learn(struct template_table *t, const struct element_map *map,
                                    uint16_t id, bool options, uint16_t scopes,
                                    const struct template_field *fields, uint16_t nfields,
                                    size_t max);

/* The template or NULL. It becomes the newest. */
struct template *template_find(struct template_table *t, uint16_t id);

/* Withdraw one, or with id 0 all of that kind (RFC 7011 8.1). */
void template_withdraw(struct template_table *t, uint16_t id, bool options);

/* Forget the least recently used one; false when there is none. */
bool template_drop_oldest(struct template_table *t);

void template_free_all(struct template_table *t);

#endif
