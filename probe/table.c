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
#include "reverse.h"
#include "tcp.h"

enum {
    SLOTS = 1024,         /* of the wheel: 18 minutes, longer than any usual timeout */
    TICK_BITS = 20,       /* a slot is 2^20 microseconds */
    NONE = 0xffffffff,    /* no flow */
    LOOKS_PER_PACKET = 8, /* a packet may make at most one flow, so this catches up */
    LOOKS_FORCED = 64,    /* for one that is due, when the table is full */
    RST = 0x04,
    SYN = 0x02,
    FIN = 0x01,
    ACK = 0x10,
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

const char *const flow_end_names[END_NREASONS] = {
    [END_IDLE] = "idle",     [END_ACTIVE] = "active",        [END_DETECTED] = "end of flow",
    [END_FORCED] = "forced", [END_RESOURCES] = "table full",
};

_Static_assert(sizeof(struct flow_key) == 48, "hash_key() and same_key() read six words");
_Static_assert(sizeof(struct flow) == 128, "two cache lines");
_Static_assert(sizeof(struct flow_origin) == 64, "one cache line");
_Static_assert(sizeof(struct tcp_detail) == 64, "one cache line");
_Static_assert(sizeof(struct flow_tunnel) == 44, "compared as it lies in memory");

struct entry {
    uint32_t hash;
    uint32_t index; /* of the flow + 1, 0: empty */
};

struct table {
    struct flow *flows;
    struct flow_origin *origins;     /* of the flow with the same index */
    struct tcp_detail *tcp;          /* likewise */
    uint8_t (*links)[FLOW_LINK_KEY]; /* likewise, where they tell flows apart */
    struct flow_shell *shells;       /* likewise, where it has one */
    uint32_t *flowlabels;            /* likewise, of IPv6 */
    struct entry *entries;
    uint32_t mask;              /* of entries */
    uint32_t size, used, fresh; /* fresh: flows from here on were never used */
    uint32_t free_list;
    uint32_t wheel[SLOTS]; /* first flow of each slot */
    int64_t cursor;        /* tick up to which slots were looked at */
    int64_t now;
    bool started, by_link, by_tunnel, biflows;
    uint64_t seed[2];
    int64_t idle[NENDINGS];
    int64_t maxlife;
    table_ended *ended;
    table_began *began; /* NULL: nobody asks */
    void *arg;
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

__attribute__((noinline)) static uint32_t hash_tunnel(const struct table *t,
                                                      const struct flow_tunnel *tunnel) {
    uint64_t k[6] = {0}, h = t->seed[0];
    memcpy(k, tunnel, sizeof *tunnel);
    for (unsigned i = 0; i < 6; i += 2)
        h = mix(h ^ k[i], k[i + 1] ^ t->seed[1]);
    return (uint32_t)(h >> 16);
}

/* The tunnel that tells add from others, or NULL. */
static inline const struct flow_tunnel *tunnel_of(const struct table *t,
                                                  const struct flow_add *add) {
    return t->by_tunnel && add->has & FLOW_SHELL && add->shell.tunnel.family ? &add->shell.tunnel
                                                                             : NULL;
}

/* Of what tells a flow from others. tunnel: NULL for none. */
static inline uint32_t hash_of(const struct table *t, const struct flow_key *key,
                               const uint8_t *link, const struct flow_tunnel *tunnel) {
    uint32_t h = hash_key(t, key);
    if (t->by_link) {
        uint64_t k[2];
        memcpy(k, link, sizeof k);
        h ^= (uint32_t)(mix(k[0] ^ t->seed[0], k[1] ^ t->seed[1]) >> 16);
    }
    return tunnel ? h ^ hash_tunnel(t, tunnel) : h;
}

/* Whether the flow at index came by that tunnel, or by none when that is NULL. */
__attribute__((noinline)) static bool same_tunnel(const struct table *t, uint32_t index,
                                                  const struct flow_tunnel *tunnel) {
    static const struct flow_tunnel none;
    const struct flow_tunnel *its =
        t->flows[index].has & FLOW_SHELL ? &t->shells[index].tunnel : &none;
    return memcmp(its, tunnel ? tunnel : &none, sizeof *its) == 0;
}

static bool same_key(const struct flow_key *a, const struct flow_key *b) {
    uint64_t x[6], y[6];
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]) |
            (x[5] ^ y[5])) == 0;
}

static inline uint32_t find(const struct table *t, const struct flow_key *key, const uint8_t *link,
                            const struct flow_tunnel *tunnel, uint32_t hash) {
    for (uint32_t i = hash & t->mask; t->entries[i].index != 0; i = (i + 1) & t->mask) {
        uint32_t index = t->entries[i].index - 1;
        if (t->entries[i].hash == hash && same_key(&t->flows[index].key, key) &&
            (!t->by_link || memcmp(t->links[index], link, FLOW_LINK_KEY) == 0) &&
            (!t->by_tunnel || same_tunnel(t, index, tunnel)))
            return index;
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

/* What decides when a flow ends; of a biflow, both directions. */
struct span {
    int64_t first, last;
    enum ending ending;
};

/* With the other direction, p. */
static void widen(struct span *s, const struct flow *f, const struct flow *p) {
    s->first = p->first < s->first ? p->first : s->first;
    s->last = p->last > s->last ? p->last : s->last;
    s->ending = ending_of(f->key.proto, f->tcpflags | p->tcpflags);
}

static inline struct span span_of(const struct table *t, const struct flow *f) {
    struct span s = {f->first, f->last, f->ending};
    if (t->biflows && f->peer != NONE)
        widen(&s, f, &t->flows[f->peer]);
    return s;
}

static inline bool is_closed(const struct span *s) {
    return s->ending == ENDING_RST || s->ending == ENDING_FIN;
}

static int64_t deadline(const struct table *t, const struct flow *f) {
    struct span s = span_of(t, f);
    int64_t idle = s.last + t->idle[s.ending], active = s.first + t->maxlife;
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
    f->has &= (uint8_t)~FLOW_TOUCHED;
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

/* Take a flow out of the table. */
static void remove_flow(struct table *t, uint32_t index) {
    struct flow *f = &t->flows[index];
    hash_remove(t, f->hash, index);
    wheel_remove(t, index);
    if (f->peer != NONE)
        t->flows[f->peer].peer = NONE;
    f->next = t->free_list;
    t->free_list = index;
    t->used--;
}

/* With the other direction of a biflow. */
static void end_flow(struct table *t, uint32_t index, enum flow_end reason) {
    uint32_t other = t->biflows ? t->flows[index].peer : NONE;
    if (other != NONE && t->flows[index].has & FLOW_SECOND) {
        uint32_t second = index;
        index = other;
        other = second;
    }
    const struct flow *f = &t->flows[index];
    const struct flow_ended ended = {f,
                                     &t->origins[index],
                                     tcp_detail_of(f, &t->tcp[index]),
                                     f->has & FLOW_SHELL ? &t->shells[index] : NULL,
                                     f->key.family == 6 ? t->flowlabels[index] : 0,
                                     other != NONE ? &t->flows[other] : NULL,
                                     reason,
                                     t->now};
    t->ended(t->arg, &ended);
    remove_flow(t, index);
    if (other != NONE)
        remove_flow(t, other);
}

/* Why a flow that has had its time ended. */
static enum flow_end reason_of(const struct table *t, const struct flow *f) {
    struct span s = span_of(t, f);
    if (s.last + t->idle[s.ending] > s.first + t->maxlife)
        return END_ACTIVE;
    return is_closed(&s) ? END_DETECTED : END_IDLE;
}

/* Whether what is added may still belong to f, which is s, or the reason why f has ended. END_NOT: it may. */
static inline enum flow_end ended_before_span(const struct table *t, const struct flow *f,
                                              struct span s, const struct flow_add *add) {
    int64_t idle = t->idle[s.ending];
    if (is_closed(&s) && add->tcpflags & SYN && !(t->biflows && add->tcpflags & ACK))
        return END_DETECTED; /* of a biflow it is the SYN without ACK that comes first */
    if (add->first - s.last > idle)
        return reason_of(t, f);
    if (s.first - add->last > idle)
        return END_IDLE;
    int64_t first = add->first < s.first ? add->first : s.first;
    int64_t last = add->last > s.last ? add->last : s.last;
    return last - first >= t->maxlife && last != first ? END_ACTIVE : END_NOT;
}

static enum flow_end ended_before_pair(const struct table *t, const struct flow *f,
                                       const struct flow_add *add) {
    return ended_before_span(t, f, span_of(t, f), add);
}

static inline enum flow_end ended_before(const struct table *t, const struct flow *f,
                                         const struct flow_add *add) {
    if (t->biflows)
        return ended_before_pair(t, f, add);
    return ended_before_span(t, f, (struct span){f->first, f->last, f->ending}, add);
}

/* ---- the other direction ----------------------------------------------------------------- */

static struct tcp_side side_of(struct table *t, uint32_t index) {
    return index == NONE ? (struct tcp_side){NULL, NULL}
                         : (struct tcp_side){&t->flows[index], &t->tcp[index]};
}

/* Where one interface alone is captured on, what comes back leaves by it, or, on a line that is mirrored to it, comes in by
** it as well. */
static uint32_t find_either(const struct table *t, struct flow_key *key, const uint8_t *link,
                            const struct flow_tunnel *tunnel) {
    uint32_t peer = find(t, key, link, tunnel, hash_of(t, key, link, tunnel));
    if (peer != NONE || (key->inif != 0) == (key->outif != 0))
        return peer;
    uint32_t inif = key->inif;
    key->inif = key->outif;
    key->outif = inif;
    return find(t, key, link, tunnel, hash_of(t, key, link, tunnel));
}

/* The flow in the other direction than a new one, or NONE. A new connection has none. */
__attribute__((noinline)) static uint32_t find_peer(struct table *t, const struct flow_add *add) {
    unsigned flags = add->tcpflags & (SYN | ACK);
    struct flow_key key;
    uint8_t link[FLOW_LINK_KEY] = {0};
    if (flags == SYN || (!t->biflows && (flags != (SYN | ACK) || !(add->has & FLOW_SEQUENCE))) ||
        !reverse_key(&key, &add->key))
        return NONE;
    if (t->by_link)
        reverse_link(link, add->link);
    struct flow_tunnel back;
    const struct flow_tunnel *tunnel = tunnel_of(t, add);
    if (tunnel && !reverse_tunnel(&back, tunnel))
        return NONE;
    tunnel = tunnel ? &back : NULL;
    uint32_t peer = find_either(t, &key, link, tunnel);
    if (peer == NONE || t->flows[peer].peer != NONE)
        return NONE;
    enum flow_end reason = t->biflows ? ended_before_pair(t, &t->flows[peer], add) : END_NOT;
    if (reason == END_NOT)
        return peer;
    end_flow(t, peer, reason);
    return NONE;
}

static void link_peers(struct table *t, uint32_t index, uint32_t peer, const struct flow_add *add) {
    struct flow *f = &t->flows[index], *p = &t->flows[peer];
    bool answers = (p->tcpflags & (SYN | ACK)) == (SYN | ACK) && !(add->tcpflags & SYN) &&
                   p->packets == 1; /* p does: only its SYN with ACK was seen so far */
    f->peer = peer;
    p->peer = index;
    *(answers ? &p->has : &f->has) |= FLOW_SECOND;
    if (add->has & FLOW_SEQUENCE && (add->tcpflags & (SYN | ACK | RST)) == (SYN | ACK))
        tcp_answered(side_of(t, index), side_of(t, peer), add);
}

__attribute__((noinline)) static void begin_flow(struct table *t, uint32_t hash,
                                                 const struct flow_add *add) {
    uint32_t peer = add->key.proto == 6 || t->biflows ? find_peer(t, add) : NONE;
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
    f->mark = add->mark;
    f->minlen = (uint16_t)(add->minlen > UINT16_MAX ? UINT16_MAX : add->minlen);
    f->maxlen = (uint16_t)(add->maxlen > UINT16_MAX ? UINT16_MAX : add->maxlen);
    f->minttl = add->minttl;
    f->maxttl = add->maxttl;
    f->tcpflags = add->tcpflags;
    f->tos = add->tos;
    f->ending = (uint8_t)ending_of(add->key.proto, add->tcpflags);
    f->peer = NONE;
    t->origins[index] = add->origin;
    if (add->has & FLOW_SHELL)
        t->shells[index] = add->shell;
    if (add->key.family == 6)
        t->flowlabels[index] = add->flowlabel;
    if (t->by_link)
        memcpy(t->links[index], add->link, FLOW_LINK_KEY);
    f->watch = TCP_UNKNOWN;
    f->tcp = 0;
    if (add->has & FLOW_SEQUENCE) {
        f->watch = 0;
        f->expected = add->seq + add->seq_length;
    }
    f->retransmitted = f->out_of_order = 0;
    if (peer != NONE)
        link_peers(t, index, peer, add);
    hash_insert(t, hash, index);
    wheel_insert(t, index);
    t->used++;
    if (t->began)
        t->began(t->arg, &f->key);
}

static void update_flow(struct table *t, uint32_t index, const struct flow_add *add) {
    struct flow *f = &t->flows[index];
    if (add->has & FLOW_SEQUENCE) {
        if (add->seq == f->expected && !(f->watch & (add->seq_length ? TCP_ALL : TCP_HANDSHAKE)))
            f->expected += add->seq_length;
        else
            tcp_segment_watched(side_of(t, index), side_of(t, f->peer), add);
    }
    f->has |= (add->has & (uint8_t)~FLOW_SHELL) | FLOW_TOUCHED;
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
        if (!(t->flows[index].has & FLOW_TOUCHED) || looks == LOOKS_FORCED)
            break;
        wheel_remove(t, index);
        wheel_insert(t, index);
    }
    const struct flow *f = &t->flows[index];
    end_flow(t, index, deadline(t, f) < t->now ? reason_of(t, f) : END_RESOURCES);
}

/* ---- interface --------------------------------------------------------------------------- */

void table_on_begin(struct table *t, table_began *began) {
    t->began = began;
}

void table_track_link(struct table *t) {
    t->by_link = true;
}

void table_track_biflows(struct table *t) {
    t->biflows = true;
}

void table_track_tunnel(struct table *t) {
    t->by_tunnel = true;
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
    uint32_t hash = hash_of(t, &add->key, add->link, tunnel_of(t, add));
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
    if (t->cursor < t->now >> TICK_BITS)
        sweep(t, LOOKS_PER_PACKET);
    uint32_t index = find(t, &add->key, add->link, tunnel_of(t, add), expected);
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
    table_add_expected(t, add, hash_of(t, &add->key, add->link, tunnel_of(t, add)));
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

static void release(void *p, size_t bytes) {
    if (p)
        munmap(p, bytes);
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
    t->entries = reserve(entries * sizeof *t->entries);
    t->flows = reserve(size * sizeof *t->flows);
    t->origins = reserve(size * sizeof *t->origins);
    t->tcp = reserve(size * sizeof *t->tcp);
    t->links = reserve(size * sizeof *t->links);
    t->shells = reserve(size * sizeof *t->shells);
    t->flowlabels = reserve(size * sizeof *t->flowlabels);
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
    if (!t->entries || !t->flows || !t->origins || !t->tcp || !t->links || !t->shells ||
        !t->flowlabels) {
        table_free(t);
        return NULL;
    }
    return t;
}

void table_free(struct table *t) {
    if (!t)
        return;
    release(t->entries, (t->mask + UINT64_C(1)) * sizeof *t->entries);
    release(t->flows, t->size * sizeof *t->flows);
    release(t->origins, t->size * sizeof *t->origins);
    release(t->tcp, t->size * sizeof *t->tcp);
    release(t->links, t->size * sizeof *t->links);
    release(t->shells, t->size * sizeof *t->shells);
    release(t->flowlabels, t->size * sizeof *t->flowlabels);
    free(t);
}
