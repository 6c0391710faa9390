/* SPDX-License-Identifier: MIT */
/*
** Records sorted on disk: what does not fit into memory is written to a temporary file in sorted
** runs, which are read back side by side. A record is a key, compared octet by octet, and the
** counters and times of a group as groups.h has them; records with equal keys become one.
**
** The file has no name and is gone with the process. It lies in SQLITE_TMPDIR or TMPDIR, or else
** /var/tmp or /tmp.
*/
#ifndef FLOWVT_SPILL_H
#define FLOWVT_SPILL_H

#include "../schema/fvt.h"
#include "groups.h"
#include "sorter.h"

struct spill;

/* shape says what is behind the key; its words are not looked at. memory: octets to work in, about. stop is
** borrowed: when it is to stop, records are lost. NULL without memory. */
struct spill *spill_new(const struct group_shape *shape, size_t memory,
                        const struct sort_stop *stop);
void spill_free(struct spill *s);

/* All return FVT_OK, FVT_NOMEM, or FVT_IO with a sentence in spill_message(). */
int spill_add(struct spill *s, const void *key, size_t n, const uint64_t *sums);
/* After the last record. */
int spill_sort(struct spill *s);
/* The next record in order: 1, 0 at the end, or negative. What it points to holds until the next
** call. */
struct spill_record {
    const uint8_t *key;
    size_t n;
    const uint64_t *sums;
};
int spill_next(struct spill *s, struct spill_record *out);
const char *spill_message(const struct spill *s);

#endif
