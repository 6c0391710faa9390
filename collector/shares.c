/* SPDX-License-Identifier: MIT */
/*
** The places of each exporter are a queue, from the oldest on. Which exporter has most is not known for certain, since
** that would cost time with each entry: some are looked at, in turn, and compared with the one that had most before.
*/
#include "shares.h"

#include <stdlib.h>

enum { LOOKS = 64 }; /* for each entry that comes */

struct share {
    struct flow_ip exporter;
    uint32_t count;
    uint32_t oldest, newest; /* places; of an unused one, newest is the next unused one */
};

struct share_link {
    uint32_t next; /* the next newer place of the same exporter */
};

static uint32_t hash_of(const struct flow_ip *exporter) {
    return hashed_cut(hashed_mix(exporter->family, exporter->addr, sizeof exporter->addr));
}

/* Index + 1; 0: there is none. */
static uint32_t find(const struct shares *s, const struct flow_ip *exporter) {
    uint32_t at = hashed_first(&s->index, hash_of(exporter));
    while (at &&
           (s->share[at - 1].count == 0 || flow_ip_cmp(&s->share[at - 1].exporter, exporter) != 0))
        at = hashed_next(&s->index, at);
    return at;
}

/* The same, made when there is none; 0 without memory. */
static uint32_t get(struct shares *s, const struct flow_ip *exporter) {
    uint32_t at = find(s, exporter);
    if (at)
        return at;
    if (s->unused) {
        at = s->unused;
        s->unused = s->share[at - 1].newest;
        hashed_move(&s->index, at, hash_of(exporter));
    } else {
        void *share = hashed_room(&s->index, s->share, sizeof *s->share, UINT32_MAX);
        if (!share)
            return 0;
        s->share = share;
        at = hashed_take(&s->index, UINT32_MAX, hash_of(exporter));
    }
    s->share[at - 1] = (struct share){.exporter = *exporter};
    return at;
}

static bool links_for(struct shares *s, uint32_t places) {
    if (places <= s->nlinks)
        return true;
    struct share_link *link = realloc(s->link, places * sizeof *link);
    if (!link)
        return false;
    s->link = link;
    s->nlinks = places;
    return true;
}

/* The index of an exporter that has most, or nearly so. */
static uint32_t find_largest(struct shares *s) {
    for (int i = 0; i < LOOKS && (uint32_t)i < s->index.count; i++) {
        s->looked = (s->looked + 1) % s->index.count;
        if (s->share[s->looked].count > s->share[s->largest].count)
            s->largest = s->looked;
    }
    return s->largest;
}

/* Take the oldest place of a share away. */
static uint32_t pop(struct shares *s, uint32_t i) {
    struct share *from = &s->share[i];
    uint32_t place = from->oldest;
    from->oldest = s->link[place - 1].next;
    from->count--;
    return place;
}

static void push(struct shares *s, uint32_t i, uint32_t place) {
    struct share *to = &s->share[i];
    s->link[place - 1].next = 0;
    if (to->count++)
        s->link[to->newest - 1].next = place;
    else
        to->oldest = place;
    to->newest = place;
}

uint32_t shares_take(struct shares *s, struct hashed *table, uint32_t max,
                     const struct flow_ip *exporter, uint32_t hash) {
    uint32_t own = get(s, exporter), place;
    if (!own || !links_for(s, table->capacity))
        return 0;
    if (table->count < max) {
        place = hashed_take(table, max, hash);
    } else {
        uint32_t most = find_largest(s);
        if (s->share[own - 1].count >= s->share[most].count)
            most = own - 1;
        place = pop(s, most);
        hashed_move(table, place, hash);
        if (s->share[most].count == 0 && most != own - 1) {
            s->share[most].newest = s->unused;
            s->unused = most + 1;
        }
    }
    push(s, own - 1, place);
    return place;
}

void shares_free(struct shares *s) {
    free(s->share);
    free(s->link);
    hashed_free(&s->index);
    *s = (struct shares){0};
}
