/* SPDX-License-Identifier: MIT */
/*
** Sampling rates that one exporter announced in options data or headers: for a sampler or
** selector by its id, for an interface, or for all that it exports.
*/
#ifndef FLOWVT_SAMPLER_H
#define FLOWVT_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

enum sampler_kind {
    SAMPLER_ALL,       /* whole exporter or domain; id is 0 */
    SAMPLER_ID,        /* IE 48 or 302 */
    SAMPLER_INTERFACE, /* ifIndex of the scope */
    SAMPLER_KINDS
};

struct sampler {
    enum sampler_kind kind;
    uint64_t id;
    uint64_t rate; /* one packet in this many; 0: a free entry */
};

/* At most this many of one domain; one more starts the table anew. Exporters repeat them. */
enum { SAMPLER_MAX = 4096 };

struct sampler_table {
    struct sampler *entry;
    uint32_t count, capacity;
};

/* Rate 0 is no announcement and changes nothing. */
void sampler_set(struct sampler_table *t, enum sampler_kind kind, uint64_t id, uint64_t rate);

/* The rate in force for a record, 0 when none is known. id: its sampler id or NULL; ifindex: the
** interface it was metered on, or NULL. The id decides where the record has one that was
** announced, then the interface, then what holds for all; a lone announcement holds for all. */
uint64_t sampler_rate(const struct sampler_table *t, const uint64_t *id, const uint64_t *ifindex);

void sampler_free(struct sampler_table *t);

#endif
