/* SPDX-License-Identifier: MIT */
/*
** The connections: one array, a chained hash over it, and two lists through it, each from the oldest to the newest: of
** those that are looked at, and of those that no flow holds.
*/
#include "applications.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "mix.h"

enum { NONE = UINT32_MAX };

/* Ends in an order that does not depend on the direction. */
struct key {
    uint8_t low[16], high[16];
    uint16_t lowport, highport;
    uint8_t family, proto;
    uint16_t zero;
};
_Static_assert(sizeof(struct key) == 40, "hashed as five words");

struct links {
    uint32_t next, prev;
};

struct connection {
    struct key key;
    uint32_t ifindex;
    uint32_t chain; /* of the hash, or of the free ones */
    struct links looked_at, loose;
    uint32_t holds;                /* flows */
    uint32_t number;               /* what it is, as far as is known */
    struct ndpi_flow_struct *flow; /* NULL: decided */
    uint16_t packets;
    bool is_loose;
    bool ended; /* and so is loose */
    bool again; /* to be looked at when there are more packets */
};

struct list {
    uint32_t first, last, n;
    size_t links; /* in struct connection */
};

struct applications {
    struct engine *engine;
    struct connection *c;
    uint32_t size, fresh, free; /* fresh: those from here on were never used */
    uint32_t *heads;
    uint32_t mask; /* of heads */
    uint64_t seed[2];
    struct list looked_at, loose;
    struct applications_stats stats;
    unsigned nknown;
    struct application *known; /* by their numbers, open addressing */
};

/* ---- lists ------------------------------------------------------------------------------- */

static struct links *links_of(struct applications *a, const struct list *l, uint32_t i) {
    return (struct links *)((char *)&a->c[i] + l->links);
}

static void append(struct applications *a, struct list *l, uint32_t i) {
    *links_of(a, l, i) = (struct links){NONE, l->last};
    if (l->last == NONE)
        l->first = i;
    else
        links_of(a, l, l->last)->next = i;
    l->last = i;
    l->n++;
}

static void take_out(struct applications *a, struct list *l, uint32_t i) {
    struct links x = *links_of(a, l, i);
    if (x.prev == NONE)
        l->first = x.next;
    else
        links_of(a, l, x.prev)->next = x.next;
    if (x.next == NONE)
        l->last = x.prev;
    else
        links_of(a, l, x.next)->prev = x.prev;
    l->n--;
}

/* ---- connections ------------------------------------------------------------------------- */

/* ICMP has types and codes in place of ports, of which the directions have different ones. */
static struct key key_of(const struct flow_key *k) {
    struct key key;
    bool ports = k->kind == HAS_PORTS;
    int order = memcmp(k->src, k->dst, sizeof k->src);
    bool swap = order > 0 || (order == 0 && ports && k->srcport > k->dstport);
    memcpy(key.low, swap ? k->dst : k->src, sizeof key.low);
    memcpy(key.high, swap ? k->src : k->dst, sizeof key.high);
    key.lowport = !ports ? 0 : swap ? k->dstport : k->srcport;
    key.highport = !ports ? 0 : swap ? k->srcport : k->dstport;
    key.family = k->family;
    key.proto = k->proto;
    key.zero = 0;
    return key;
}

static uint32_t *head_of(const struct applications *a, const struct key *key) {
    uint64_t k[5];
    memcpy(k, key, sizeof k);
    uint64_t h = mix(k[0] ^ a->seed[0], k[2] ^ a->seed[1]);
    h = mix(h ^ k[1], k[3] ^ a->seed[0]);
    h = mix(h ^ k[4], a->seed[1]);
    return &a->heads[(h ^ h >> 32) & a->mask];
}

static uint32_t find(const struct applications *a, const struct key *key) {
    uint32_t i = *head_of(a, key);
    while (i != NONE && memcmp(&a->c[i].key, key, sizeof *key) != 0)
        i = a->c[i].chain;
    return i;
}

/* What it is, is decided now. */
static enum engine_how decide(struct applications *a, uint32_t i, bool decided) {
    struct connection *c = &a->c[i];
    enum engine_how how = engine_end(a->engine, c->flow, decided, &c->number);
    a->stats.connections[how]++;
    c->flow = NULL;
    take_out(a, &a->looked_at, i);
    return how;
}

static void set_loose(struct applications *a, uint32_t i, bool loose) {
    if (a->c[i].is_loose == loose)
        return;
    a->c[i].is_loose = loose;
    if (loose)
        append(a, &a->loose, i);
    else
        take_out(a, &a->loose, i);
}

static void forget(struct applications *a, uint32_t i) {
    struct connection *c = &a->c[i];
    if (c->flow)
        decide(a, i, false);
    set_loose(a, i, false);
    uint32_t *at = head_of(a, &c->key);
    while (*at != i)
        at = &a->c[*at].chain;
    *at = c->chain;
    c->chain = a->free;
    a->free = i;
}

/* There always is one: no more are held than there are flows, and as many as may be loose are besides. */
static uint32_t allocate(struct applications *a) {
    if (a->loose.n == APPLICATIONS_LOOSE || (a->free == NONE && a->fresh == a->size))
        forget(a, a->loose.first);
    uint32_t i = a->free;
    if (i == NONE)
        return a->fresh++;
    a->free = a->c[i].chain;
    return i;
}

static uint32_t begin(struct applications *a, const struct key *key, uint32_t ifindex) {
    uint32_t i = allocate(a), *head = head_of(a, key);
    a->c[i] = (struct connection){.key = *key, .ifindex = ifindex, .chain = *head, .again = true};
    *head = i;
    set_loose(a, i, true);
    return i;
}

static void look_at(struct applications *a, uint32_t i) {
    if (a->looked_at.n == APPLICATIONS_LOOKED_AT) {
        a->stats.early++;
        decide(a, a->looked_at.first, false);
    }
    a->c[i].again = false;
    if ((a->c[i].flow = engine_begin(a->engine)))
        append(a, &a->looked_at, i);
}

/* The connection of a packet. What ended is not gone on with by a SYN. */
static uint32_t connection_of(struct applications *a, const struct flow_add *add,
                              uint32_t ifindex) {
    enum { SYN = 0x02, ACK = 0x10 };
    const struct key key = key_of(&add->key);
    uint32_t i = find(a, &key);
    if (i != NONE && a->c[i].ended && (add->tcpflags & (SYN | ACK)) == SYN) {
        forget(a, i);
        i = NONE;
    }
    return i == NONE ? begin(a, &key, ifindex) : i;
}

void applications_packet(struct applications *a, const struct flow_add *add, uint32_t ifindex,
                         const uint8_t *ip, size_t n) {
    uint32_t i = connection_of(a, add, ifindex);
    struct connection *c = &a->c[i];
    if (c->ifindex != ifindex)
        return;
    if (c->again)
        look_at(a, i);
    if (!c->flow)
        return;
    unsigned most = c->key.proto == 6 ? APPLICATIONS_TCP_PACKETS : APPLICATIONS_UDP_PACKETS;
    a->stats.packets++;
    bool decided = engine_packet(a->engine, c->flow, ip, n, add->last / 1000, &c->number);
    if (decided || ++c->packets > most)
        decide(a, i, c->number != ENGINE_UNKNOWN);
}

void applications_hold(struct applications *a, const struct flow_key *key) {
    const struct key k = key_of(key);
    uint32_t i = find(a, &k);
    if (i == NONE)
        return;
    a->c[i].holds++;
    a->c[i].ended = false;
    set_loose(a, i, false);
}

/* ---- applications ------------------------------------------------------------------------ */

/* When there are too many, the same as unknown ones. */
static struct application *application_of(struct applications *a, uint32_t number) {
    enum { MASK = APPLICATIONS_KNOWN - 1 };
    uint32_t i = number * UINT32_C(2654435761) >> 20 & MASK;
    while (a->known[i].named && a->known[i].number != number)
        i = (i + 1) & MASK;
    struct application *p = &a->known[i];
    if (p->named)
        return p;
    if (a->nknown == MASK) /* one more would fill it, and unknown is there */
        return application_of(a, ENGINE_UNKNOWN);
    p->rank = (uint16_t)a->nknown++;
    p->named = true;
    p->number = number;
    p->id_length =
        (uint8_t)snprintf(p->id, sizeof p->id, "%d:%lu", ENGINE_ID, (unsigned long)number);
    engine_name(a->engine, number, p->name, p->meaning, p->category);
    return p;
}

struct application *applications_end(struct applications *a, const struct flow_key *key) {
    const struct key k = key_of(key);
    uint32_t i = find(a, &k);
    if (i == NONE) {
        a->stats.forgotten++;
        return NULL;
    }
    struct connection *c = &a->c[i];
    if (c->flow)
        c->again = decide(a, i, false) != ENGINE_SEEN;
    if (c->holds > 0 && --c->holds == 0) {
        c->ended = true;
        set_loose(a, i, true);
    }
    return application_of(a, c->number);
}

const char *applications_find(const struct applications *a, const struct flow_key *key,
                              char name[ENGINE_NAME]) {
    char meaning[ENGINE_MEANING], category[ENGINE_CATEGORY];
    const struct key k = key_of(key);
    uint32_t i = find(a, &k);
    if (i == NONE || (a->c[i].flow && a->c[i].number == ENGINE_UNKNOWN))
        return NULL;
    engine_name(a->engine, a->c[i].number, name, meaning, category);
    return name;
}

const struct application *applications_at(const struct applications *a, unsigned i) {
    return a->known[i].named ? &a->known[i] : NULL;
}

const struct applications_stats *applications_stats(struct applications *a) {
    a->stats.looked_at = a->looked_at.n;
    return &a->stats;
}

/* ---- all of it --------------------------------------------------------------------------- */

struct applications *applications_new(uint32_t flows) {
    struct applications *a = calloc(1, sizeof *a);
    if (!a || !(a->engine = engine_new())) {
        free(a);
        return NULL;
    }
    uint32_t heads = 64;
    while (heads < flows)
        heads *= 2;
    a->mask = heads - 1;
    a->size = flows + APPLICATIONS_LOOSE;
    a->free = NONE;
    a->looked_at = (struct list){NONE, NONE, 0, offsetof(struct connection, looked_at)};
    a->loose = (struct list){NONE, NONE, 0, offsetof(struct connection, loose)};
    a->c = calloc(a->size, sizeof *a->c); /* memory as it is touched */
    a->heads = malloc(heads * sizeof *a->heads);
    a->known = calloc(APPLICATIONS_KNOWN, sizeof *a->known);
    if (!a->c || !a->heads || !a->known) {
        applications_free(a);
        return NULL;
    }
    memset(a->heads, 0xff, heads * sizeof *a->heads);
    if (getrandom(a->seed, sizeof a->seed, 0) != (ssize_t)sizeof a->seed)
        a->seed[0] = (uint64_t)(uintptr_t)a; /* where the kernel put it is random too */
    application_of(a, ENGINE_UNKNOWN);
    return a;
}

void applications_free(struct applications *a) {
    if (!a)
        return;
    while (a->c && a->looked_at.first != NONE)
        decide(a, a->looked_at.first, false);
    engine_free(a->engine);
    free(a->c);
    free(a->heads);
    free(a->known);
    free(a);
}
