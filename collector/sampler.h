/* SPDX-License-Identifier: MIT */
/*
** Sampling rates: what the elements of a record say of one, and those that an exporter announced
** in options data for a sampler or selector by its id, for an interface, or for all that it exports.
*/
#ifndef FLOWVT_SAMPLER_H
#define FLOWVT_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sampling_rate {
    uint64_t n;   /* one packet in this many; 0: none is known */
    bool rounded; /* the rate was no whole number: n is the nearest one, 1 at least */
};

/* What elements say of sampling (RFC 5477, RFC 3954 section 8). What is not there is 0. */
struct sampling_elements {
    uint64_t interval;         /* 34 or 50: one in that many */
    uint64_t packet_interval;  /* 305 */
    uint64_t space;            /* 306 */
    uint64_t size, population; /* 309, 310 */
    double probability;        /* 311 */
};

/* The rate that they say together. 310 / 309 (random n out of N) is used first, then 311, then 34 or
** 50, then 305 with 306 (systematic: 306 are skipped after 305); 305 alone above 1 is one in that many,
** as routers use it. Any values are safe; nonsense is no rate. */
struct sampling_rate sampling_rate_of(const struct sampling_elements *s);

enum sampler_kind {
    SAMPLER_ALL,       /* whole exporter or domain; id is 0 */
    SAMPLER_ID,        /* IE 48 or 302 */
    SAMPLER_INTERFACE, /* ifIndex of the scope */
    SAMPLER_KINDS
};

struct sampler {
    enum sampler_kind kind;
    uint64_t id;
    struct sampling_rate rate;
    uint16_t next;         /* in its bucket */
    uint16_t newer, older; /* by last announcement */
};

/* At most this many of one domain; one more takes the place of the one not announced for longest. */
enum { SAMPLER_MAX = 4096 };

/* All zero is an empty table. Entries are referred to by index + 1, 0 is none. */
struct sampler_table {
    struct sampler *entry;
    uint16_t *bucket; /* capacity of them, a power of two */
    uint32_t count, capacity;
    uint16_t newest, oldest;
};

/* A rate of 0 is no announcement and changes nothing. Returns whether it is news. */
bool sampler_set(struct sampler_table *t, enum sampler_kind kind, uint64_t id,
                 struct sampling_rate rate);

/* The rate in force for a record, 0 when none is known. id: its sampler id or NULL; ifindex: the
** interface it was metered on, or NULL. The id decides where the record has one that was
** announced, then the interface, then what holds for all. A record without an id is of the only
** sampler, when one was announced and nothing else. */
struct sampling_rate sampler_rate(const struct sampler_table *t, const uint64_t *id,
                                  const uint64_t *ifindex);

/* Memory it takes. */
size_t sampler_octets(const struct sampler_table *t);

void sampler_free(struct sampler_table *t);

#endif
