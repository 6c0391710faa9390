/* SPDX-License-Identifier: MIT */
/*
** The flow table. Three structures over one array of flows: an open-addressed hash of (hash, index)
** pairs with linear probing and deletion by shifting back; a timer wheel of doubly linked flows;
** a free list.
**
** The wheel is lazy. A flow is put into the slot of the time it would end at if no packet came, and
** stays there while packets come; when the slot's time has come the flow is looked at, and
** put where it belongs now if it is not due. That is one look per timeout, not one move per packet.
** Deadlines beyond the wheel's span go to its last slot and are looked at again there.
*/
#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "mix.h"

enum {
    SLOTS = 1024,         /* of the wheel: 18 minutes, longer than any usual timeout */
    TICK_BITS = 20,       /* a slot is 2^20 microseconds */
    NONE = 0xffffffff,    /* no flow */
    LOOKS_PER_PACKET = 8, /* a packet may make at most one flow, so this catches up */
    LOOKS_FORCED = 64,    /* for one that is due, when the table is full */
    RST = 0x04,
    SYN = 0x02,
    FIN = 0x01,
};

enum ending {
    ENDING_GENERAL,
    ENDING_TCP,
    ENDING_RST,
    ENDING_FIN,
    ENDING_UDP,
    ENDING_ICMP,
    NENDINGS
};

/* Time going back further than this sets the table's clock back: the capture jumped. Less is
** packets out of order. */
static const int64_t MAX_DISORDER = 60 * INT64_C(1000000);

/* 73000 years either way. With timeouts of the same limit no sum of them overflows. */
static const int64_t TIME_LIMIT = INT64_MAX / 4;

const char *const flow_end_names[END_NREASONS] = {
    [END_IDLE] = "idle",     [END_ACTIVE] = "active",        [END_DETECTED] = "end of flow",
    [END_FORCED] = "forced", [END_RESOURCES] = "table full",
};

_Static_assert(sizeof(struct flow_key) == 48, "hash_key() and same_key() read six words");
_Static_assert(sizeof(struct flow) == 128, "two cache lines");
_Static_assert(sizeof(struct flow_origin) == 64, "one cache line");

struct entry {
    uint32_t hash;
    uint32_t index; /* of the flow + 1, 0: empty */
};

struct table {
    struct flow *flows;
    struct flow_origin *origins; /* of the flow with the same index */
    struct entry *entries;
    uint32_t mask;              /* of entries */
    uint32_t size, used, fresh; /* fresh: flows from here on were never used */
    uint32_t free_list;
    uint32_t wheel[SLOTS]; /* first flow of each slot */
    int64_t cursor;        /* tick up to which slots were looked at */
    int64_t now;
    bool started, by_link;
    uint64_t seed[2];
    int64_t idle[NENDINGS];
    int64_t maxlife;
    table_ended *ended;
    void *arg;
    size_t flow_bytes, origin_bytes, entry_bytes;
};

/* ---- hash -------------------------------------------------------------------------------- */

/* Two 64 x 64 multiplications over a key of 48 octets for IPv4, three for IPv6; keyed. */
static uint32_t hash_key(const struct table *t, const struct flow_key *key) {
    uint64_t k[6];
    memcpy(k, key, sizeof k);
    uint64_t h = mix(k[0] ^ t->seed[0], k[2] ^ k[5] ^ t->seed[1]);
    h = mix(h ^ k[4], (k[5] << 32 | k[5] >> 32) ^ t->seed[0]);
    if (key->family == 6)
        h = mix(h ^ k[1] ^ t->seed[1], k[3] ^ t->seed[0]);
    return (uint32_t)(h ^ h >> 32);
}

/* Of what tells a flow from others. */
static uint32_t hash_add(const struct table *t, const struct flow_add *add) {
    uint32_t h = hash_key(t, &add->key);
    if (!t->by_link)
        return h;
    uint64_t k[2];
    memcpy(k, add->link, sizeof k);
    return h ^ (uint32_t)(mix(k[0] ^ t->seed[0], k[1] ^ t->seed[1]) >> 16);
}

static bool same_key(const struct flow_key *a, const struct flow_key *b) {
    uint64_t x[6], y[6];
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]) |
            (x[5] ^ y[5])) == 0;
}

static uint32_t find(const struct table *t, const struct flow_add *add, uint32_t hash) {
    for (uint32_t i = hash & t->mask; t->entries[i].index != 0; i = (i + 1) & t->mask) {
        const struct flow *f = &t->flows[t->entries[i].index - 1];
        if (t->entries[i].hash == hash && same_key(&f->key, &add->key) &&
            (!t->by_link || memcmp(f->link, add->link, sizeof f->link) == 0))
            return t->entries[i].index - 1;
    }
    return NONE;
}

static void hash_insert(struct table *t, uint32_t hash, uint32_t index) {
    uint32_t i = hash & t->mask;
    while (t->entries[i].index != 0)
        i = (i + 1) & t->mask;
    t->entries[i] = (struct entry){hash, index + 1};
}

/* Take the entry out and close the gap: entries behind it that would no longer be found from
** their own place are moved into it. */
static void hash_remove(struct table *t, uint32_t hash, uint32_t index) {
    uint32_t gap = hash & t->mask;
    while (t->entries[gap].index != index + 1)
        gap = (gap + 1) & t->mask;
    for (uint32_t i = (gap + 1) & t->mask; t->entries[i].index != 0; i = (i + 1) & t->mask) {
        uint32_t home = t->entries[i].hash & t->mask;
        if (((i - home) & t->mask) >= ((i - gap) & t->mask)) {
            t->entries[gap] = t->entries[i];
            gap = i;
        }
    }
    t->entries[gap] = (struct entry){0, 0};
}

/* ---- wheel ------------------------------------------------------------------------------- */

static int64_t deadline(const struct table *t, const struct flow *f) {
    int64_t idle = f->last + t->idle[f->ending], active = f->first + t->maxlife;
    return idle < active ? idle : active;
}

/* Lists are first in, first out; prev of the first flow is the last one. */
static void wheel_insert(struct table *t, uint32_t index) {
    struct flow *f = &t->flows[index];
    int64_t tick = (deadline(t, f) >> TICK_BITS) + 1; /* when it is over for certain */
    if (tick > t->cursor + SLOTS - 1)
        tick = t->cursor + SLOTS - 1;
    if (tick <= t->cursor)
        tick = t->cursor + 1;
    f->slot = (uint16_t)((uint64_t)tick % SLOTS);
    f->touched = 0;
    f->next = NONE;
    uint32_t head = t->wheel[f->slot];
    if (head == NONE) {
        f->prev = index;
        t->wheel[f->slot] = index;
        return;
    }
    f->prev = t->flows[head].prev;
    t->flows[f->prev].next = index;
    t->flows[head].prev = index;
}

static void wheel_remove(struct table *t, uint32_t index) {
    const struct flow *f = &t->flows[index];
    uint32_t head = t->wheel[f->slot];
    if (index == head)
        t->wheel[f->slot] = f->next;
    else
        t->flows[f->prev].next = f->next;
    if (f->next != NONE)
        t->flows[f->next].prev = f->prev;
    else if (index != head)
        t->flows[head].prev = f->prev;
}

/* ---- flows ------------------------------------------------------------------------------- */

static void end_flow(struct table *t, uint32_t index, enum flow_end reason) {
    struct flow *f = &t->flows[index];
    t->ended(t->arg, f, &t->origins[index], reason, t->now);
    hash_remove(t, f->hash, index);
    wheel_remove(t, index);
    f->next = t->free_list;
    t->free_list = index;
    t->used--;
}

static enum ending ending_of(uint8_t proto, unsigned flags) {
    switch (proto) {
    case 6:
        return flags & RST ? ENDING_RST : flags & FIN ? ENDING_FIN : ENDING_TCP;
    case 17:
        return ENDING_UDP;
    case 1:
    case 58:
        return ENDING_ICMP;
    default:
        return ENDING_GENERAL;
    }
}

/* Why a flow that has had its time ended. */
static enum flow_end reason_of(const struct table *t, const struct flow *f) {
    if (f->last + t->idle[f->ending] > f->first + t->maxlife)
        return END_ACTIVE;
    return f->ending == ENDING_RST || f->ending == ENDING_FIN ? END_DETECTED : END_IDLE;
}

/* Whether what is added may still belong to f, or the reason why f has ended. END_NOT: it may. */
static enum flow_end ended_before(const struct table *t, const struct flow *f,
                                  const struct flow_add *add) {
    int64_t idle = t->idle[f->ending];
    if (f->ending >= ENDING_RST && f->ending <= ENDING_FIN && add->tcpflags & SYN)
        return END_DETECTED;
    if (add->first - f->last > idle)
        return reason_of(t, f);
    if (f->first - add->last > idle)
        return END_IDLE;
    int64_t first = add->first < f->first ? add->first : f->first;
    int64_t last = add->last > f->last ? add->last : f->last;
    return last - first >= t->maxlife && last != first ? END_ACTIVE : END_NOT;
}

static void begin_flow(struct table *t, uint32_t hash, const struct flow_add *add) {
    uint32_t index = t->free_list;
    if (index != NONE)
        t->free_list = t->flows[index].next;
    else
        index = t->fresh++;
    struct flow *f = &t->flows[index];
    f->key = add->key;
    f->first = add->first;
    f->last = add->last;
    f->packets = add->packets;
    f->bytes = add->bytes;
    f->hash = hash;
    f->has = add->has;
    f->minlen = (uint16_t)(add->minlen > UINT16_MAX ? UINT16_MAX : add->minlen);
    f->maxlen = (uint16_t)(add->maxlen > UINT16_MAX ? UINT16_MAX : add->maxlen);
    f->minttl = add->minttl;
    f->maxttl = add->maxttl;
    f->tcpflags = add->tcpflags;
    f->tos = add->tos;
    f->ending = (uint8_t)ending_of(add->key.proto, add->tcpflags);
    t->origins[index] = add->origin;
    if (t->by_link)
        memcpy(f->link, add->link, sizeof f->link);
    hash_insert(t, hash, index);
    wheel_insert(t, index);
    t->used++;
}

static void update_flow(struct table *t, uint32_t index, const struct flow_add *add) {
    struct flow *f = &t->flows[index];
    f->touched = 1;
    f->packets += add->packets;
    f->bytes += add->bytes;
    if (add->first < f->first)
        f->first = add->first;
    if (add->last > f->last)
        f->last = add->last;
    if (add->minlen < f->minlen)
        f->minlen = (uint16_t)add->minlen;
    if (add->maxlen > f->maxlen)
        f->maxlen = (uint16_t)(add->maxlen > UINT16_MAX ? UINT16_MAX : add->maxlen);
    if (add->minttl < f->minttl)
        f->minttl = add->minttl;
    if (add->maxttl > f->maxttl)
        f->maxttl = add->maxttl;
    f->has |= add->has & HAS_TCPFLAGS;
    if ((f->tcpflags | add->tcpflags) != f->tcpflags) {
        f->tcpflags |= add->tcpflags;
        uint8_t ending = (uint8_t)ending_of(f->key.proto, f->tcpflags);
        if (ending != f->ending) { /* the only way for a deadline to come nearer */
            f->ending = ending;
            wheel_remove(t, index);
            wheel_insert(t, index);
        }
    }
}

/* ---- time -------------------------------------------------------------------------------- */

static void prefetch_flow(const struct table *t, uint32_t index) {
    __builtin_prefetch(&t->flows[index], 1);
    __builtin_prefetch((const char *)&t->flows[index] + 64, 1);
}

/* Look at up to budget flows whose slot's time has come. */
static void sweep(struct table *t, size_t budget) {
    int64_t tick = t->now >> TICK_BITS;
    if (t->cursor < tick - SLOTS) /* one full turn looks at every flow */
        t->cursor = tick - SLOTS;
    while (t->cursor < tick) {
        uint32_t index = t->wheel[(uint64_t)(t->cursor + 1) % SLOTS];
        if (index == NONE) {
            t->cursor++;
            continue;
        }
        if (t->flows[index].next != NONE) {
            prefetch_flow(t, t->flows[index].next);
            __builtin_prefetch(&t->origins[t->flows[index].next]);
        }
        if (budget-- == 0)
            return;
        if (deadline(t, &t->flows[index]) < t->now) {
            end_flow(t, index, reason_of(t, &t->flows[index]));
        } else { /* it is due after now, hence in a later slot */
            wheel_remove(t, index);
            wheel_insert(t, index);
        }
    }
}

/* The table is full: end the flow that is due first. Flows met on the way that had packets since
** they were put there are put where they belong now, which those packets have paid for; the search
** is bounded all the same, and then ends the one it has come to. */
static void make_room(struct table *t) {
    int64_t tick = t->cursor + 1;
    uint32_t index;
    for (unsigned looks = 0;; looks++) {
        while ((index = t->wheel[(uint64_t)tick % SLOTS]) == NONE)
            tick++; /* ends: there are flows, and each is in a slot */
        if (!t->flows[index].touched || looks == LOOKS_FORCED)
            break;
        wheel_remove(t, index);
        wheel_insert(t, index);
    }
    const struct flow *f = &t->flows[index];
    end_flow(t, index, deadline(t, f) < t->now ? reason_of(t, f) : END_RESOURCES);
}

/* ---- interface --------------------------------------------------------------------------- */

static void set_origin(struct flow_origin *o, const struct packet *pkt) {
    enum { LINK = HAS_MAC | HAS_DSTMAC | HAS_VLAN | HAS_CVLAN };
    bool out = pkt->has & HAS_DIRECTION && pkt->direction == DIRECTION_EGRESS;
    struct flow_link *link = out ? &o->out : &o->in;
    memset(out ? &o->in : &o->out, 0, sizeof *link);
    memcpy(link->srcmac, pkt->srcmac, sizeof link->srcmac);
    memcpy(link->dstmac, pkt->dstmac, sizeof link->dstmac);
    link->vlan = pkt->vlan;
    link->cvlan = pkt->cvlan;
    o->in_has = out ? 0 : pkt->has & LINK;
    o->out_has = out ? pkt->has & LINK : 0;
    o->inphysif = pkt->inphysif;
    o->outphysif = pkt->outphysif;
    memcpy(o->natsrc, pkt->natsrc, sizeof o->natsrc);
    o->natsrcport = pkt->natsrcport;
    o->ethertype = pkt->ethertype;
    o->direction = pkt->has & HAS_DIRECTION ? pkt->direction : FLOW_DIRECTION_UNTOLD;
}

void table_track_link(struct table *t) {
    t->by_link = true;
}

void table_packet(struct flow_add *add, const struct packet *pkt, int64_t time) {
    time = time > TIME_LIMIT ? TIME_LIMIT : time < -TIME_LIMIT ? -TIME_LIMIT : time;
    memset(&add->key, 0, sizeof add->key);
    memcpy(add->key.src, pkt->src, sizeof add->key.src);
    memcpy(add->key.dst, pkt->dst, sizeof add->key.dst);
    add->key.inif = pkt->inif;
    add->key.outif = pkt->outif;
    add->key.family = pkt->family;
    add->key.proto = pkt->proto;
    add->key.kind = pkt->has & (HAS_PORTS | HAS_ICMP);
    if (pkt->has & HAS_PORTS) {
        add->key.srcport = pkt->srcport;
        add->key.dstport = pkt->dstport;
    } else if (pkt->has & HAS_ICMP) {
        add->key.srcport = pkt->icmptype;
        add->key.dstport = pkt->icmpcode;
    }
    add->first = add->last = time;
    add->packets = 1;
    add->bytes = pkt->length;
    add->minlen = add->maxlen = pkt->length;
    add->minttl = add->maxttl = pkt->ttl;
    add->tcpflags = pkt->tcpflags;
    add->tos = pkt->tos;
    add->has = pkt->has & HAS_TCPFLAGS;
    add->fragoffset = pkt->fragoffset;
    add->fragid = pkt->fragid;
    add->fragment = pkt->fragment;
    set_origin(&add->origin, pkt);
}

void table_clock(struct table *t, int64_t time) {
    if (t->started && time <= t->now && time >= t->now - MAX_DISORDER)
        return;
    if (!t->started || time < t->now)
        t->cursor = (time >> TICK_BITS) - 1;
    t->now = time;
    t->started = true;
}

uint32_t table_expect(const struct table *t, const struct flow_add *add) {
    uint32_t hash = hash_add(t, add);
    __builtin_prefetch(&t->entries[hash & t->mask]);
    return hash;
}

void table_approach(const struct table *t, uint32_t expected) {
    struct entry e = t->entries[expected & t->mask];
    uint32_t index = e.index != 0 ? e.index - 1 : t->free_list;
    if (index == NONE)
        return;
    prefetch_flow(t, index);
    if (e.index == 0)
        __builtin_prefetch(&t->origins[index], 1);
}

void table_add_expected(struct table *t, const struct flow_add *add, uint32_t expected) {
    sweep(t, LOOKS_PER_PACKET);
    uint32_t index = find(t, add, expected);
    if (index != NONE) {
        enum flow_end reason = ended_before(t, &t->flows[index], add);
        if (reason == END_NOT) {
            update_flow(t, index, add);
            return;
        }
        end_flow(t, index, reason);
    } else if (t->used == t->size) {
        make_room(t);
    }
    begin_flow(t, expected, add);
}

void table_add(struct table *t, const struct flow_add *add) {
    table_add_expected(t, add, hash_add(t, add));
}

void table_idle(struct table *t, int64_t now) {
    if (t->started && now > t->now) {
        t->now = now;
        sweep(t, SIZE_MAX);
    }
}

void table_flush(struct table *t, enum flow_end reason) {
    for (unsigned s = 0; s < SLOTS; s++)
        while (t->wheel[s] != NONE)
            end_flow(t, t->wheel[s], reason);
}

void table_each(const struct table *t, void (*each)(void *arg, const struct flow *flow),
                void *arg) {
    for (unsigned s = 0; s < SLOTS; s++)
        for (uint32_t i = t->wheel[s]; i != NONE; i = t->flows[i].next)
            each(arg, &t->flows[i]);
}

uint32_t table_flows(const struct table *t) {
    return t->used;
}

int64_t table_now(const struct table *t) {
    return t->now;
}

/* Address space that becomes memory when it is touched. */
static void *reserve(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    madvise(p, bytes,
            MADV_HUGEPAGE); /* any flow may be next: small pages would miss the TLB, too */
    return p;
}

struct table *table_new(uint32_t size, const struct table_timeouts *timeouts, table_ended *ended,
                        void *arg) {
    struct table *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    uint32_t entries = 64;
    while (entries < 2 * size) /* at most half full */
        entries *= 2;
    t->mask = entries - 1;
    t->size = size;
    t->free_list = NONE;
    t->entry_bytes = entries * sizeof *t->entries;
    t->flow_bytes = size * sizeof *t->flows;
    t->origin_bytes = size * sizeof *t->origins;
    t->entries = reserve(t->entry_bytes);
    t->flows = reserve(t->flow_bytes);
    t->origins = reserve(t->origin_bytes);
    for (unsigned s = 0; s < SLOTS; s++)
        t->wheel[s] = NONE;
    const int64_t idle[NENDINGS] = {
        [ENDING_GENERAL] = timeouts->general, [ENDING_TCP] = timeouts->tcp,
        [ENDING_RST] = timeouts->tcp_rst,     [ENDING_FIN] = timeouts->tcp_fin,
        [ENDING_UDP] = timeouts->udp,         [ENDING_ICMP] = timeouts->icmp,
    };
    memcpy(t->idle, idle, sizeof idle);
    t->maxlife = timeouts->maxlife;
    t->ended = ended;
    t->arg = arg;
    if (getrandom(t->seed, sizeof t->seed, 0) != (ssize_t)sizeof t->seed)
        t->seed[0] = (uint64_t)(uintptr_t)t; /* where the kernel put it is random too */
    if (!t->entries || !t->flows || !t->origins) {
        table_free(t);
        return NULL;
    }
    return t;
}

void table_free(struct table *t) {
    if (!t)
        return;
    if (t->entries)
        munmap(t->entries, t->entry_bytes);
    if (t->flows)
        munmap(t->flows, t->flow_bytes);
    if (t->origins)
        munmap(t->origins, t->origin_bytes);
    free(t);
}
