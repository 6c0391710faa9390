/* SPDX-License-Identifier: MIT */
/*
** Templates of one exporter and observation domain (RFC 7011 section 3.4 and 8, RFC 3954
** section 5.2 and 6.1), each compiled into a plan, within a bound of memory.
**
** A template that says something else than the one before takes its place at once. Datagrams that
** were under way then may arrive behind it: for some seconds the one before is kept for messages that
** were sent earlier.
*/
#ifndef FLOWVT_TEMPLATE_H
#define FLOWVT_TEMPLATE_H

#include "plan.h"

/* When a message was sent, as its header says. */
struct template_moment {
    int64_t exported; /* ms */
    uint32_t sequence;
};

struct template {
    uint16_t id; /* 256 to 65535 */
    bool options;
    uint16_t scopes; /* of the fields, the first so many are scope (options templates) */
    uint16_t nfields;
    struct template_field *fields; /* owned; behind the struct */
    struct plan *plan;             /* owned */
    size_t octets;                 /* memory it takes, with the one before */
    int64_t announced;             /* last time, ms of the collector's clock */
    struct template *before;       /* what the id meant before, or NULL; owned, in no list */
    struct template_moment since;  /* sent before: by the one before */
    int64_t learned;               /* ms of the collector's clock */
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
    TEMPLATE_SAME, /* announced again */
    TEMPLATE_NEW,  /* or redefined */
    TEMPLATE_USELESS, /* its records would have no octets, or too many, or hundreds of empty elements: not kept */
    TEMPLATE_NOMEM,
};

/* A template as it was sent. */
struct template_definition {
    uint16_t id;
    bool options;
    uint16_t scopes, nfields;
    const struct template_field *fields;
};

enum { TEMPLATE_FIRST_ID = 256, TEMPLATE_FIELDS = 65535 / 4 /* that fit in a message */ };

/* Whether its numbers are those of a template. */
static inline bool template_possible(const struct template_definition *d) {
    return d->id >= TEMPLATE_FIRST_ID && d->nfields > 0 && d->nfields <= TEMPLATE_FIELDS &&
           d->scopes <= d->nfields;
}

/* Learn a template; it is copied. when: of the message; now: of the collector's clock, ms. max: octets
** this table may take; the oldest templates make room, never the new one. *dropped grows by those that
** had to. */
enum template_change template_learn(struct template_table *t, const struct element_map *map,
                                    const struct template_definition *d,
                                    const struct template_moment *when, int64_t now, size_t max,
                                    uint64_t *dropped);

/* The template or NULL. It becomes the newest. */
struct template *template_find(struct template_table *t, uint16_t id);

/* t, or the one before it for a message that was sent before it was. */
const struct template *template_as_of(struct template_table *table, struct template *t,
                                      const struct template_moment *when, int64_t now);

/* Is it that definition? */
bool template_is(const struct template *t, const struct template_definition *d);

/* Withdraw one, or with id 0 all of that kind (RFC 7011 8.1). */
void template_withdraw(struct template_table *t, uint16_t id, bool options);

/* Forget one that is in the table. */
void template_drop(struct template_table *t, struct template *x);

/* Forget the least recently used one; false when there is none. */
bool template_drop_oldest(struct template_table *t);

void template_free_all(struct template_table *t);

#endif
