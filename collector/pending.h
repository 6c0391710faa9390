/* SPDX-License-Identifier: MIT */
/*
** Data sets that came before their template. They are held, within bounds of memory and time, and
** decoded when the template comes; those that are given up are counted as no_template.
*/
#ifndef FLOWVT_PENDING_H
#define FLOWVT_PENDING_H

#include "record.h"

struct exporter;
struct collector;
struct pending_set;

/* Every held set is in three lists, each in the order of arrival. */
enum pending_order {
    PENDING_ALL,      /* of the collector, by proven */
    PENDING_EXPORTER, /* of its exporter */
    PENDING_KEY,      /* of a bucket, by exporter and template id */
    PENDING_ORDERS
};
struct pending_list {
    struct pending_set *first, *last;
};

struct pending_set {
    struct {
        struct pending_set *next, *prev;
    } in[PENDING_ORDERS];
    struct exporter *exporter;
    struct record_header header; /* of the message it was in */
    int64_t held;                /* since, ms of the collector's clock */
    uint16_t template;
    uint16_t size;
    bool proven; /* its exporter had sent what could be decoded */
    uint8_t data[];
};

struct pending {
    struct pending_list all[2]; /* those that are not proven, and those that are */
    struct pending_list *bucket;
    uint32_t nbuckets; /* a power of two */
    size_t octets;
};

/* limit: octets that may be held. 0, or -1 when out of memory. */
int pending_init(struct pending *p, size_t limit);
/* All sets must have been dropped. */
void pending_free(struct pending *p);

/* Hold a copy of a set's content (without the set header). */
void pending_hold(struct collector *c, struct exporter *e, const struct record_header *h,
                  uint16_t template, struct cursor set);
/* Count a set of so many octets that is not held. */
void pending_give_up(struct exporter *e, size_t octets);
/* Take out the oldest held set of that template, or NULL. The caller frees it. */
struct pending_set *pending_take(struct collector *c, struct exporter *e, uint16_t template);
/* Drop what has been held since before that time of the collector's clock (ms). INT64_MAX drops all. */
void pending_expire(struct collector *c, int64_t before);
/* Drop what is held of an exporter that is forgotten. */
void pending_forget(struct collector *c, struct exporter *e);

#endif
