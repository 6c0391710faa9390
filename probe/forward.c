/* SPDX-License-Identifier: MIT */
/*
** Sights of packets put together. Two hashes by signature, of packets that wait for their other
** sight and of those that were delivered and may be seen again below a bridge or VLAN; in each of
** them a list by age. A chain is searched for at most LOOKS packets, newest first, so that a flood
** of packets that are all the same costs no more than others.
**
** A TCP packet may leave in pieces. It is then filed under the signature that its next piece will
** have, and stands for that interface alone (follower) until the last one was seen.
*/
#include "forward.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "mix.h"
#include "walk.h"

enum {
    NONE = 0xffffffff,
    LOOKS = 64,
    SIGHTS = 6,   /* of one packet, on different interfaces */
    CONTENT = 32, /* octets of payload in a signature */
    PROTO_ICMP = 1,
    PROTO_TCP = 6,
    PROTO_ICMP6 = 58,
    TCP_WINDOW_END = 16, /* octets of a TCP header up to its window's end */
};

/* Time going back further than this: the capture jumped, nothing is waited for any more. */
static const int64_t MAX_DISORDER = 60 * INT64_C(1000000);

enum state { WAITING, DELIVERED, NSTATES };

struct ends {
    uint8_t src[16], dst[16];
    uint16_t srcport, dstport;
};

/* What is compared. */
struct sight {
    enum forward_side side;
    uint32_t ifindex;
    uint8_t ttl;
    struct ends ends;
};

/* What a signature is made of, and how far it reaches. */
struct content {
    uint64_t base;     /* hash of all but the position */
    uint32_t position; /* TCP: sequence number */
    uint32_t octets;   /* of payload from there on */
    uint32_t id;       /* tells packets with one signature apart, as a rule */
    bool strong;       /* nobody else's packet has the same */
    bool tcp, fragment;
};

struct entry {
    struct flow_add add; /* what is or was delivered */
    struct content content;
    struct sight in, out; /* side SIDE_UNKNOWN: not seen. Of one whose side is not told, in */
    bool untold;
    uint64_t seen[SIGHTS]; /* places */
    unsigned nseen;
    uint64_t follower; /* the place where pieces are seen, 0: none */
    uint32_t at, left; /* where the next piece begins, octets that have not been seen */
    enum state state;
    uint64_t signature;
    uint32_t next, prev;   /* in the chain, or the free list */
    uint32_t older, newer; /* in the list by age */
};

struct list {
    uint32_t oldest, newest;
};

struct forward {
    struct entry *entries;
    uint32_t *chains[NSTATES];
    uint32_t size, fresh, free_list, mask;
    struct list ages[NSTATES];
    uint64_t seed;
    void (*deliver)(void *arg, const struct flow_add *add);
    void *arg;
    struct forward_stats stats;
};

/* ---- signatures -------------------------------------------------------------------------- */

static uint64_t hash_octets(uint64_t h, const uint8_t *p, size_t n) {
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        h = mix(h ^ v, UINT64_C(0x9e3779b97f4a7c15));
    }
    for (; n > 0; n--)
        h = mix(h ^ *p++, UINT64_C(0xd1b54a32d192ed03));
    return h;
}

static uint64_t signature_of(const struct content *c, uint32_t position) {
    return mix(c->base ^ position, UINT64_C(0x9e3779b97f4a7c15));
}

/* The first octets of payload, or none of them where a snap length cut them: it may cut elsewhere
** on the other interface. */
static size_t content_octets(const struct packet *pkt, size_t skip) {
    if (pkt->payload_captured < pkt->payload_length && pkt->payload_captured < skip + CONTENT)
        return 0;
    size_t n = pkt->payload_captured > skip ? pkt->payload_captured - skip : 0;
    return n < CONTENT ? n : CONTENT;
}

/* Of a packet that is not taken apart: NAT changes ports, ids of ICMP, checksums, and the packets
** inside ICMP errors. */
static void whole_content(const struct forward *f, const struct packet *pkt, const uint8_t *frame,
                          struct content *c) {
    uint64_t h = mix(f->seed ^ ((uint64_t)pkt->family << 40 | (uint64_t)pkt->proto << 32),
                     (pkt->family == 4 ? pkt->fragid : 0) + UINT64_C(0x9e3779b97f4a7c15));
    size_t skip = 0;
    if (pkt->proto == PROTO_ICMP || pkt->proto == PROTO_ICMP6) {
        bool echo = pkt->proto == PROTO_ICMP ? pkt->icmptype == 0 || pkt->icmptype == 8
                                             : pkt->icmptype == 128 || pkt->icmptype == 129;
        h = mix(h ^ ((uint64_t)pkt->icmptype << 8 | pkt->icmpcode), f->seed);
        skip = echo ? 2 : SIZE_MAX / 2;
    }
    size_t n = content_octets(pkt, skip);
    if (n > 0)
        h = hash_octets(h, frame + pkt->payload_at + skip, n);
    c->base = h;
    c->strong = n >= CONTENT / 2;
    c->octets = pkt->payload_length;
}

/* What else tells segments with the same numbers apart, which acknowledgements have: IPv4's identification, and
** options, where they acknowledge selectively or have a time. */
static uint32_t segment_id(const struct packet *pkt, const uint8_t *transport, size_t captured) {
    enum { HEADER = 20, LENGTH = 12 };
    size_t header = (size_t)(transport[LENGTH] >> 4) * 4;
    size_t n = header > HEADER && header <= captured ? header - HEADER : 0;
    return (uint32_t)hash_octets(pkt->family == 4 ? pkt->fragid : 0, transport + HEADER, n);
}

/* A first fragment is looked for as the whole packet that it was, too. */
static struct content content_of(const struct forward *f, const struct packet *pkt,
                                 const uint8_t *frame, size_t captured, bool fragment) {
    struct content c = {.id = pkt->family == 4 ? pkt->fragid : 0, .fragment = fragment};
    const uint8_t *transport = frame + pkt->transport_at;
    if (fragment) {
        c.base = mix(f->seed + pkt->family,
                     (uint64_t)pkt->fragid << 8 | (pkt->family == 4 ? pkt->proto : 0));
    } else if (pkt->proto == PROTO_TCP && captured >= pkt->transport_at + (size_t)TCP_WINDOW_END) {
        c.tcp = c.strong = true;
        c.base =
            mix(f->seed ^ get32(transport + 8), (uint64_t)get16(transport + 14) << 8 | pkt->family);
        c.position = get32(transport + 4);
        c.octets = pkt->payload_length;
        c.id = segment_id(pkt, transport, captured - pkt->transport_at);
    } else {
        whole_content(f, pkt, frame, &c);
    }
    return c;
}

/* ---- chains and ages --------------------------------------------------------------------- */

static void link_entry(struct forward *f, uint32_t index) {
    struct entry *e = &f->entries[index];
    uint32_t *head = &f->chains[e->state][e->signature & f->mask];
    e->prev = NONE;
    e->next = *head;
    if (*head != NONE)
        f->entries[*head].prev = index;
    *head = index;
}

static void unlink_entry(struct forward *f, uint32_t index) {
    const struct entry *e = &f->entries[index];
    if (e->prev == NONE)
        f->chains[e->state][e->signature & f->mask] = e->next;
    else
        f->entries[e->prev].next = e->next;
    if (e->next != NONE)
        f->entries[e->next].prev = e->prev;
}

static void age_insert(struct forward *f, uint32_t index) {
    struct entry *e = &f->entries[index];
    struct list *l = &f->ages[e->state];
    e->newer = NONE;
    e->older = l->newest;
    *(l->newest == NONE ? &l->oldest : &f->entries[l->newest].newer) = index;
    l->newest = index;
}

static void age_remove(struct forward *f, uint32_t index) {
    const struct entry *e = &f->entries[index];
    struct list *l = &f->ages[e->state];
    *(e->older == NONE ? &l->oldest : &f->entries[e->older].newer) = e->newer;
    *(e->newer == NONE ? &l->newest : &f->entries[e->newer].older) = e->older;
}

/* File an entry anew, under another signature or in another state. */
static void refile(struct forward *f, struct entry *e, uint64_t signature, enum state state) {
    uint32_t index = (uint32_t)(e - f->entries);
    unlink_entry(f, index);
    if (state != e->state) {
        age_remove(f, index);
        e->state = state;
        age_insert(f, index);
    }
    e->signature = signature;
    link_entry(f, index);
}

static void release(struct forward *f, struct entry *e) {
    uint32_t index = (uint32_t)(e - f->entries);
    unlink_entry(f, index);
    age_remove(f, index);
    e->next = f->free_list;
    f->free_list = index;
}

/* ---- are they one packet? ---------------------------------------------------------------- */

static uint64_t place_of(const struct sight *s) {
    return (uint64_t)s->ifindex << 3 | (uint64_t)s->side << 1 | 1;
}

static enum forward_side side_of(uint64_t place) {
    return (enum forward_side)(place >> 1 & 3);
}

static bool was_seen(const struct entry *e, uint64_t place) {
    for (unsigned i = 0; i < e->nseen; i++)
        if (e->seen[i] == place)
            return true;
    return e->nseen == SIGHTS;
}

static bool same_src(const struct ends *a, const struct ends *b) {
    return a->srcport == b->srcport && memcmp(a->src, b->src, sizeof a->src) == 0;
}

static bool same_dst(const struct ends *a, const struct ends *b) {
    return a->dstport == b->dstport && memcmp(a->dst, b->dst, sizeof a->dst) == 0;
}

static bool same_ends(const struct ends *a, const struct ends *b) {
    return same_src(a, b) && same_dst(a, b);
}

/* Later fragments have no ports. */
static bool same_addresses(const struct ends *a, const struct ends *b) {
    return memcmp(a->src, b->src, sizeof a->src) == 0 && memcmp(a->dst, b->dst, sizeof a->dst) == 0;
}

/* Back to whom it came from: an answer with the same content. */
static bool is_answer(const struct ends *in, const struct ends *out) {
    return memcmp(in->src, out->dst, sizeof in->src) == 0;
}

/* Whether a packet that came in as in may have left as out. */
static bool is_forwarded(const struct sight *in, const struct sight *out, bool strong) {
    if (in->side == SIDE_OUT || out->side == SIDE_IN)
        return false;
    if (in->ttl == out->ttl) /* bridged, which needs to be told */
        return in->side == SIDE_IN && out->side == SIDE_OUT && same_ends(&in->ends, &out->ends);
    return in->ttl == out->ttl + 1 &&
           (same_src(&in->ends, &out->ends) || same_dst(&in->ends, &out->ends) ||
            (strong && !is_answer(&in->ends, &out->ends)));
}

static bool is_again(const struct sight *a, const struct sight *b) {
    return a->ttl == b->ttl && same_ends(&a->ends, &b->ends);
}

enum relation { UNRELATED, AGAIN, LEFT, CAME };

/* What s is to the packet of e: seen again as it was, its leaving, its coming. */
static enum relation relate(const struct entry *e, const struct sight *s) {
    bool has_in = e->in.side != SIDE_UNKNOWN || e->untold, has_out = e->out.side != SIDE_UNKNOWN;
    if (e->follower)
        return e->follower == place_of(s) && is_again(&e->out, s) ? AGAIN : UNRELATED;
    if (was_seen(e, place_of(s)))
        return UNRELATED;
    if (s->side != SIDE_OUT && has_in && is_again(&e->in, s))
        return AGAIN;
    if (s->side != SIDE_IN && has_out && is_again(&e->out, s))
        return AGAIN;
    if (has_in && !has_out && is_forwarded(&e->in, s, e->content.strong))
        return LEFT;
    if (e->untold ? is_forwarded(s, &e->in, e->content.strong)
                  : has_out && !has_in && is_forwarded(s, &e->out, e->content.strong))
        return CAME;
    return UNRELATED;
}

/* Whether octets of payload fit: all of them, or a piece of what leaves or has left. */
static bool octets_fit(const struct entry *e, enum relation relation, const struct content *c) {
    uint32_t whole = e->follower ? e->left : e->content.octets;
    if (c->fragment || c->octets == whole)
        return true;
    if (!c->tcp)
        return false;
    return relation == CAME ? whole > 0 && c->octets > whole : c->octets > 0 && c->octets < whole;
}

/* How unlike two sights of a packet are: with NAT, in pieces, with another identification. */
static unsigned unlikeness(const struct entry *e, const struct content *c, const struct sight *s) {
    const struct sight *other = e->in.side != SIDE_UNKNOWN || e->untold ? &e->in : &e->out;
    return !same_ends(&other->ends, &s->ends) * 4u + (e->content.octets != c->octets) * 2u +
           (e->content.id != c->id);
}

/* A packet that s is a sight of, as what, and how unlike it is. */
struct match {
    struct entry *entry; /* NULL: none */
    enum relation relation;
    unsigned unlike;
};

static const struct match no_match = {NULL, UNRELATED, UINT_MAX};

/* The packet with this signature that s is a sight of: of several, the one it is most like, the
** newest of these. It is the one before if none in this state is more like it. */
static struct match find(struct forward *f, enum state state, const struct content *c,
                         uint64_t signature, const struct sight *s, struct match best) {
    uint32_t i = f->chains[state][signature & f->mask];
    for (unsigned looks = 0; i != NONE && looks < LOOKS && best.unlike > 0; looks++) {
        struct entry *e = &f->entries[i];
        enum relation r = e->signature == signature ? relate(e, s) : UNRELATED;
        if (r != UNRELATED && octets_fit(e, r, c) && unlikeness(e, c, s) < best.unlike)
            best = (struct match){e, r, unlikeness(e, c, s)};
        i = e->next;
    }
    return best;
}

/* ---- putting them together --------------------------------------------------------------- */

static void not_counted(struct forward *f, const struct flow_add *add) {
    f->stats.packets += add->packets;
    f->stats.bytes += add->bytes;
}

/* The link layer that one sight is of is where the packet leaves. */
static void leaves_by(struct flow_origin *to, const struct flow_origin *from) {
    bool out = from->direction == DIRECTION_EGRESS;
    to->out = out ? from->out : from->in;
    to->out_has = out ? from->out_has : from->in_has;
    to->direction = DIRECTION_INGRESS;
}

/* Source and interface of its coming, destination and interface of its leaving. */
static void complete(struct entry *e, const struct flow_add *left) {
    struct flow_add *add = &e->add;
    bool ports = add->key.kind == HAS_PORTS;
    leaves_by(&add->origin, &left->origin);
    add->key.inif = e->in.ifindex;
    add->key.outif = e->out.ifindex;
    memcpy(add->key.dst, e->out.ends.dst, sizeof add->key.dst);
    if (ports)
        add->key.dstport = e->out.ends.dstport;
    if (!same_src(&e->in.ends, &e->out.ends)) {
        memcpy(add->origin.natsrc, e->out.ends.src, sizeof add->origin.natsrc);
        add->origin.natsrcport = ports ? e->out.ends.srcport : 0;
    }
}

static void note(struct entry *e, const struct sight *s) {
    if (e->nseen < SIGHTS)
        e->seen[e->nseen++] = place_of(s);
}

static struct entry *new_entry(struct forward *f);

/* c is a piece of whole that was seen at s, and may be seen again below the device that took it apart: on a port of the
** bridge, on the interface of the VLAN. It came in where the whole did, so that one that comes there is another one. */
static void remember_piece(struct forward *f, struct entry whole, const struct content *c,
                           struct sight s) {
    struct entry *e = new_entry(f);
    *e = whole;
    e->content = *c;
    e->out = s;
    e->follower = 0;
    e->nseen = 0;
    for (unsigned i = 0; i < whole.nseen; i++)
        if (side_of(whole.seen[i]) == SIDE_IN)
            e->seen[e->nseen++] = whole.seen[i];
    note(e, &s);
    e->state = DELIVERED;
    e->signature = signature_of(c, c->position);
    link_entry(f, (uint32_t)(e - f->entries));
    age_insert(f, (uint32_t)(e - f->entries));
}

/* c was seen of it at s: what is left of it, and the signature to wait for. e may be gone then. */
static void advance(struct forward *f, struct entry *e, const struct content *c,
                    const struct sight *s, enum state state) {
    bool piece =
        c->tcp && c->octets < e->content.octets && e->in.side == SIDE_IN && s->side == SIDE_OUT;
    if (!e->follower) {
        e->at = e->content.position;
        e->left = e->content.octets;
        note(e, s);
    }
    e->at += c->octets;
    e->left -= c->octets < e->left ? c->octets : e->left;
    e->follower = c->tcp && e->left > 0 ? place_of(s) : 0;
    refile(f, e, signature_of(&e->content, e->follower ? e->at : e->content.position), state);
    if (piece)
        remember_piece(f, *e, c, *s);
}

static void has_left(struct forward *f, struct entry *e, const struct content *c,
                     const struct sight *s, const struct flow_add *add) {
    e->in.side = SIDE_IN;
    e->untold = false;
    e->out = *s;
    e->out.side = SIDE_OUT;
    complete(e, add);
    not_counted(f, add);
    f->deliver(f->arg, &e->add);
    if (c->fragment && !e->content.fragment) /* taken apart: its fragments come under their id */
        e->content = *c;
    if (c->tcp) {
        advance(f, e, c, s, DELIVERED);
        return;
    }
    note(e, s);
    refile(f, e, signature_of(&e->content, e->content.position), DELIVERED);
}

/* Its leaving was seen before its coming: two interfaces are read one after the other. What left
** in pieces is one packet from now on. */
static void has_come(struct forward *f, struct entry *e, const struct content *c,
                     const struct sight *s, const struct flow_add *add) {
    struct flow_add left = e->add;
    struct content piece = e->content;
    not_counted(f, &left);
    if (e->untold) {
        e->out = e->in;
        e->untold = false;
    }
    e->out.side = SIDE_OUT;
    e->in = *s;
    e->in.side = SIDE_IN;
    e->add = *add;
    complete(e, &left);
    f->deliver(f->arg, &e->add);
    note(e, s);
    if (!c->tcp) {
        refile(f, e, signature_of(&e->content, e->content.position), DELIVERED);
        return;
    }
    uint64_t place = e->seen[0];
    uint32_t at = c->position + piece.octets, rest = c->octets - piece.octets;
    while (rest > 0) {
        struct content next = {.base = c->base, .octets = rest, .tcp = true, .strong = true};
        const struct match m = find(f, WAITING, &next, signature_of(c, at), s, no_match);
        struct entry *more = m.entry;
        if (!more || m.relation != CAME || more->content.octets == 0)
            break;
        at += more->content.octets;
        rest -= more->content.octets;
        not_counted(f, &more->add);
        more->in = e->in;
        note(more, s);
        refile(f, more, more->signature, DELIVERED);
    }
    e->content = *c;
    e->at = at;
    e->left = rest;
    e->follower = rest > 0 ? place : 0;
    refile(f, e, signature_of(c, rest > 0 ? at : c->position), DELIVERED);
    if (piece.octets < c->octets)
        remember_piece(f, *e, &piece, e->out);
}

static void is_seen_again(struct forward *f, struct entry *e, const struct content *c,
                          const struct sight *s, const struct flow_add *add) {
    not_counted(f, add);
    if (e->state == WAITING && s->side == SIDE_IN &&
        !e->untold) { /* the interface above: a bridge, a VLAN */
        if (!e->add.origin.inphysif)
            e->add.origin.inphysif = e->in.ifindex;
        e->in.ifindex = e->add.key.inif = s->ifindex;
    }
    advance(f, e, c, s, e->state);
}

/* ---- waiting ----------------------------------------------------------------------------- */

/* One of the datagram's fragments that went their way, or NULL. */
static const struct entry *sibling(const struct forward *f, uint64_t signature,
                                   const struct sight *s) {
    uint32_t i = f->chains[DELIVERED][signature & f->mask];
    for (unsigned looks = 0; i != NONE && looks < LOOKS; i = f->entries[i].next, looks++) {
        const struct entry *e = &f->entries[i];
        const struct sight *same = s->side == SIDE_IN ? &e->in : &e->out;
        if (e->signature == signature && e->content.fragment && same->ttl == s->ttl &&
            same_addresses(&same->ends, &s->ends))
            return e;
    }
    return NULL;
}

/* A fragment that came in goes the way of the others; of one that left more came out than went in,
** so it is a part of what is counted. True: not to be counted. */
static bool join_datagram(const struct forward *f, struct entry *e) {
    const struct entry *d = sibling(f, e->signature, e->out.side == SIDE_OUT ? &e->out : &e->in);
    if (!d || e->untold || e->out.side == SIDE_OUT)
        return d && !e->untold;
    e->out = d->out;
    e->out.ends.srcport = e->in.ends.srcport;
    e->out.ends.dstport = e->in.ends.dstport;
    complete(e, &d->add);
    e->add.origin.out = d->add.origin.out;
    e->add.origin.out_has = d->add.origin.out_has;
    return false;
}

/* It has waited long enough. */
static void give_up(struct forward *f, struct entry *e) {
    if (e->content.fragment && join_datagram(f, e))
        not_counted(f, &e->add);
    else
        f->deliver(f->arg, &e->add);
    release(f, e);
}

static struct entry *new_entry(struct forward *f) {
    if (f->free_list == NONE && f->fresh == f->size) {
        uint32_t oldest = f->ages[DELIVERED].oldest;
        if (oldest != NONE) {
            release(f, &f->entries[oldest]);
        } else {
            f->stats.early++;
            give_up(f, &f->entries[f->ages[WAITING].oldest]);
        }
    }
    uint32_t index = f->free_list;
    if (index != NONE)
        f->free_list = f->entries[index].next;
    else
        index = f->fresh++;
    memset(&f->entries[index], 0, sizeof *f->entries);
    return &f->entries[index];
}

static void wait_for_it(struct forward *f, const struct content *c, const struct sight *s,
                        const struct flow_add *add) {
    struct entry *e = new_entry(f);
    e->add = *add;
    e->content = *c;
    e->untold = s->side == SIDE_UNKNOWN;
    *(s->side == SIDE_OUT ? &e->out : &e->in) = *s;
    note(e, s);
    e->state = WAITING;
    e->signature = signature_of(c, c->position);
    link_entry(f, (uint32_t)(e - f->entries));
    age_insert(f, (uint32_t)(e - f->entries));
}

void forward_add(struct forward *f, const struct packet *pkt, const uint8_t *frame, size_t captured,
                 const struct flow_add *add, enum forward_side side, uint32_t ifindex) {
    struct content c = content_of(f, pkt, frame, captured, pkt->fragment);
    struct sight s = {.side = side, .ifindex = ifindex, .ttl = pkt->ttl};
    bool ports = add->key.kind == HAS_PORTS;
    memcpy(s.ends.src, add->key.src, sizeof s.ends.src);
    memcpy(s.ends.dst, add->key.dst, sizeof s.ends.dst);
    s.ends.srcport = ports ? add->key.srcport : 0;
    s.ends.dstport = ports ? add->key.dstport : 0;

    uint64_t signature = signature_of(&c, c.position);
    struct match m = find(f, WAITING, &c, signature, &s, no_match);
    m = find(f, DELIVERED, &c, signature, &s, m);
    if (!m.entry && c.fragment && pkt->fragoffset == 0 && side == SIDE_OUT) {
        struct content whole = content_of(f, pkt, frame, captured, false);
        m = find(f, WAITING, &c, signature_of(&whole, whole.position), &s, no_match);
    }
    if (m.relation == LEFT)
        has_left(f, m.entry, &c, &s, add);
    else if (m.relation == CAME)
        has_come(f, m.entry, &c, &s, add);
    else if (m.relation == AGAIN)
        is_seen_again(f, m.entry, &c, &s, add);
    else if (c.fragment && side == SIDE_OUT && sibling(f, signature, &s))
        not_counted(f, add); /* taken apart further on its way */
    else
        wait_for_it(f, &c, &s, add);
}

static bool is_over(const struct entry *e, int64_t now) {
    return now - e->add.first > FORWARD_WINDOW || e->add.first - now > MAX_DISORDER;
}

void forward_expire(struct forward *f, int64_t now) {
    uint32_t i;
    while ((i = f->ages[WAITING].oldest) != NONE && is_over(&f->entries[i], now))
        give_up(f, &f->entries[i]);
    while ((i = f->ages[DELIVERED].oldest) != NONE && is_over(&f->entries[i], now))
        release(f, &f->entries[i]);
}

int64_t forward_oldest(const struct forward *f, int64_t now) {
    uint32_t i = f->ages[WAITING].oldest;
    return i != NONE && f->entries[i].add.first < now ? f->entries[i].add.first : now;
}

void forward_flush(struct forward *f) {
    while (f->ages[WAITING].oldest != NONE)
        give_up(f, &f->entries[f->ages[WAITING].oldest]);
}

const struct forward_stats *forward_stats(const struct forward *f) {
    return &f->stats;
}

/* Address space that becomes memory when it is touched. */
static void *reserve(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

struct forward *forward_new(uint32_t size, void (*deliver)(void *arg, const struct flow_add *add),
                            void *arg) {
    struct forward *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->size = size;
    f->free_list = NONE;
    f->deliver = deliver;
    f->arg = arg;
    for (f->mask = 1; f->mask < size; f->mask *= 2) {
    }
    size_t octets = f->mask * sizeof **f->chains;
    f->mask--;
    f->entries = reserve(size * sizeof *f->entries);
    for (int s = 0; s < NSTATES; s++) {
        f->ages[s] = (struct list){NONE, NONE};
        f->chains[s] = malloc(octets);
        if (f->chains[s])
            memset(f->chains[s], 0xff, octets);
    }
    if (getrandom(&f->seed, sizeof f->seed, 0) != (ssize_t)sizeof f->seed)
        f->seed = (uint64_t)(uintptr_t)f; /* where the kernel put it is random too */
    if (!f->entries || !f->chains[WAITING] || !f->chains[DELIVERED]) {
        forward_free(f);
        return NULL;
    }
    return f;
}

void forward_free(struct forward *f) {
    if (!f)
        return;
    if (f->entries)
        munmap(f->entries, f->size * sizeof *f->entries);
    free(f->chains[WAITING]);
    free(f->chains[DELIVERED]);
    free(f);
}
