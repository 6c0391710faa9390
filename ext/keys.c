/* SPDX-License-Identifier: MIT */
/*
** Widths come from the catalogue, so that the layout is known before a file is open. A file with
** values beyond them makes the dimension wide, and the work begins anew.
*/
#include "keys.h"
#include "../schema/portion.h"
#include "predicate.h"

/* Labels are few, and wide where they are not. */
enum { CODE_BITS = 32, LABEL_BITS = 16, OTHER_BITS = 33 };

static unsigned bits_for(uint64_t largest) {
    return largest ? 64 - (unsigned)__builtin_clzll(largest) : 1;
}

static unsigned width(const struct dimension *d, bool wide) {
    unsigned octets = flow_fields[scan_field(d->side[0])].octets;
    if (dimension_is_told(d) && !wide)
        return LABEL_BITS;
    if (d->class == FLOW_IP || d->class == FLOW_TEXT)
        return CODE_BITS;
    if (wide || octets >= 8)
        return 64;
    return octets ? octets * 8 + 1 : OTHER_BITS;
}

/* Into the first word with room; words never share a value. */
static void place(struct key_layout *k, struct key_slot *s, unsigned bits,
                  uint8_t used[MAX_KEY_WORDS]) {
    int w = 0;
    while (used[w] + bits > 64)
        w++;
    *s = (struct key_slot){(uint8_t)w, used[w], (uint8_t)bits};
    used[w] = (uint8_t)(used[w] + bits);
    k->words = w + 1 > k->words ? w + 1 : k->words;
}

/* Those with most values first, and so the wide ones, which leave the others the room between. */
static void sort_places(struct key_layout *k, const struct dimension *dims, int ndims) {
    unsigned rank[MAX_DIMENSIONS];
    for (int d = 0; d < ndims; d++) {
        int i = d;
        rank[d] = dims[d].class == FLOW_IP      ? 65
                  : dimension_is_told(&dims[d]) ? 1
                                                : width(&dims[d], k->wide[d]);
        for (; i > 0 && rank[k->place[i - 1]] < rank[d]; i--)
            k->place[i] = k->place[i - 1];
        k->place[i] = d;
    }
}

static void place_bucket(struct key_layout *k, int64_t bucket, const struct window *window,
                         uint8_t used[MAX_KEY_WORDS]) {
    int64_t first = window->since > FLOW_MS_MIN ? window->since : FLOW_MS_MIN;
    int64_t last = window->until <= FLOW_MS_MAX ? window->until : FLOW_MS_MAX;
    k->base = flow_bucket_of(first < FLOW_MS_MAX ? first : FLOW_MS_MAX, bucket);
    k->per_step = 1.0 / (double)bucket;
    place(k, &k->slot[k->ndims], last > k->base ? bits_for(key_bucket(k, last)) : 1, used);
}

void key_layout_make(struct key_layout *k, const struct dimension *dims, int ndims, bool counts,
                     int64_t bucket, const struct window *window) {
    uint8_t used[MAX_KEY_WORDS] = {0};
    k->ndims = ndims;
    k->words = 1;
    k->step = bucket;
    sort_places(k, dims, ndims);
    for (int i = 0; i < ndims; i++) {
        int d = k->place[i];
        place(k, &k->slot[d], width(&dims[d], k->wide[d]), used);
    }
    if (bucket)
        place_bucket(k, bucket, window, used);
    int words = k->words;
    if (counts)
        place(k, &k->counted, width(&dims[ndims], k->wide[ndims]), used);
    k->counted_words = k->words;
    k->words = words;
}
