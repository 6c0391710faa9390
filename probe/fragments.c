/* SPDX-License-Identifier: MIT */
/*
** The fragment cache: a set-associative array, as in a processor's cache, searched by a key of
** what all fragments of a datagram have in common (RFC 791 3.2, RFC 8200 4.5).
*/
#include "fragments.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct fragment_key {
    uint8_t src[16], dst[16];
    uint32_t id;
    uint32_t interface; /* the one they came by; of what the host sends, the one they left by */
    uint8_t family;
    uint8_t proto; /* IPv4 alone: of IPv6 fragments the first may have more extension headers */
    uint8_t zero[6];
};

enum { NONE = 0xffffffff };
enum place_state { PLACE_FREE, PLACE_FIRST, PLACE_HELD };

struct place {
    enum place_state state;
    struct fragment_key key;
    int64_t time;         /* FIRST: of the last fragment, HELD: of the first one that came */
    struct flow_key flow; /* FIRST: the flow of the datagram */
    struct flow_add held; /* HELD: the later fragments so far */
    uint32_t next, prev;  /* HELD: by when they came, earliest first */
};

struct fragments {
    void (*deliver)(void *arg, const struct flow_add *add);
    void *arg;
    uint64_t seed;
    uint32_t first, last; /* held places, NONE: none */
    struct place places[FRAGMENTS_SIZE];
};

struct fragments *fragments_new(void (*deliver)(void *arg, const struct flow_add *add), void *arg) {
    struct fragments *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->deliver = deliver;
    f->arg = arg;
    f->first = f->last = NONE;
    if (getrandom(&f->seed, sizeof f->seed, 0) != (ssize_t)sizeof f->seed)
        f->seed = (uint64_t)(uintptr_t)f;
    return f;
}

static struct fragment_key key_of(const struct flow_add *add) {
    struct fragment_key key;
    memset(&key, 0, sizeof key);
    memcpy(key.src, add->key.src, sizeof key.src);
    memcpy(key.dst, add->key.dst, sizeof key.dst);
    key.id = add->fragid;
    key.interface = add->key.inif ? add->key.inif : add->key.outif;
    key.family = add->key.family;
    key.proto = key.family == 4 ? add->key.proto : 0;
    return key;
}

/* The first of the places that a key may be in. */
static struct place *set_of(struct fragments *f, const struct fragment_key *key) {
    uint64_t k[6], h = f->seed;
    memcpy(k, key, sizeof k);
    for (unsigned i = 0; i < sizeof k / sizeof *k; i++) {
        h = (h ^ k[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return &f->places[h % (FRAGMENTS_SIZE / FRAGMENTS_WAYS) * FRAGMENTS_WAYS];
}

/* Put p behind the held places, and take it out from among them. */
static void hold(struct fragments *f, struct place *p) {
    uint32_t i = (uint32_t)(p - f->places);
    p->state = PLACE_HELD;
    p->next = NONE;
    p->prev = f->last;
    *(f->last == NONE ? &f->first : &f->places[f->last].next) = i;
    f->last = i;
}

static void unhold(struct fragments *f, struct place *p) {
    *(p->prev == NONE ? &f->first : &f->places[p->prev].next) = p->next;
    *(p->next == NONE ? &f->last : &f->places[p->next].prev) = p->prev;
}

/* Free a place; what it holds is counted without its first fragment. */
static void vacate(struct fragments *f, struct place *p) {
    bool held = p->state == PLACE_HELD;
    p->state = PLACE_FREE;
    if (held) {
        unhold(f, p);
        f->deliver(f->arg, &p->held);
    }
}

static bool is_stale(const struct place *p, int64_t now) {
    return now - p->time > FRAGMENTS_TIMEOUT || p->time - now > FRAGMENTS_TIMEOUT;
}

/* The place of this key, or one made free for it. */
static struct place *place_of(struct fragments *f, const struct fragment_key *key, int64_t now) {
    struct place *set = set_of(f, key), *oldest = set;
    for (struct place *p = set; p < set + FRAGMENTS_WAYS; p++) {
        if (p->state != PLACE_FREE && is_stale(p, now))
            vacate(f, p);
        if (p->state != PLACE_FREE && memcmp(&p->key, key, sizeof *key) == 0)
            return p;
        if (p->state == PLACE_FREE || (oldest->state != PLACE_FREE && p->time < oldest->time))
            oldest = p;
    }
    if (oldest->state != PLACE_FREE)
        vacate(f, oldest);
    oldest->key = *key;
    return oldest;
}

/* Count b together with a. */
static void merge(struct flow_add *a, const struct flow_add *b) {
    a->packets += b->packets;
    a->bytes += b->bytes;
    a->first = b->first < a->first ? b->first : a->first;
    a->last = b->last > a->last ? b->last : a->last;
    a->minlen = b->minlen < a->minlen ? b->minlen : a->minlen;
    a->maxlen = b->maxlen > a->maxlen ? b->maxlen : a->maxlen;
    a->minttl = b->minttl < a->minttl ? b->minttl : a->minttl;
    a->maxttl = b->maxttl > a->maxttl ? b->maxttl : a->maxttl;
    a->has |= b->has & (FLOW_MF | FLOW_DF);
}

/* A first fragment: its datagram's flow is known from now on, for what is held as well. */
static void add_first(struct fragments *f, struct place *p, const struct flow_add *add) {
    struct flow_add all = *add;
    if (p->state == PLACE_HELD) {
        merge(&all, &p->held);
        unhold(f, p);
    }
    p->state = PLACE_FIRST;
    p->flow = add->key;
    p->time = add->last;
    f->deliver(f->arg, &all);
}

static void add_later(struct fragments *f, struct place *p, const struct flow_add *add) {
    if (p->state == PLACE_FIRST) {
        p->time = add->last;
        struct flow_add one = *add;
        one.key = p->flow;
        f->deliver(f->arg, &one);
    } else if (p->state == PLACE_HELD) {
        merge(&p->held, add);
    } else {
        p->held = *add;
        p->time = add->last;
        hold(f, p);
    }
}

void fragments_add(struct fragments *f, const struct flow_add *add) {
    struct fragment_key key = key_of(add);
    struct place *p = place_of(f, &key, add->last);
    if (add->fragoffset == 0)
        add_first(f, p, add);
    else
        add_later(f, p, add);
}

void fragments_expire(struct fragments *f, int64_t now) {
    while (f->first != NONE && is_stale(&f->places[f->first], now))
        vacate(f, &f->places[f->first]);
}

void fragments_flush(struct fragments *f) {
    while (f->first != NONE)
        vacate(f, &f->places[f->first]);
}

void fragments_free(struct fragments *f) {
    free(f);
}
