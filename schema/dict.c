/* SPDX-License-Identifier: MIT */
/*
** Dictionaries: built with a hash table, stored sorted. Addresses as differences (IPv4) or with
** the octets they share with their predecessor left out (IPv6); texts likewise.
*/
#include "dict.h"

enum { FIRST_SLOTS = 256 };

void dict_builder_init(struct dict_builder *d, enum flow_class class) {
    memset(d, 0, sizeof *d);
    d->class = class;
    for (unsigned i = 0; i < 2; i++)
        d->seed[i] = fvt_hash(&i, sizeof i);
}

/* The product of both halves, each mixed with a secret, folded: what comes out cannot be foreseen by who
** sends addresses, and takes a tenth of the time of fvt_hash(). */
static inline uint32_t hash_halves(const struct dict_builder *d, uint64_t first, uint64_t second) {
    unsigned __int128 product = (unsigned __int128)(first ^ d->seed[0]) * (second ^ d->seed[1]);
    uint64_t folded = (uint64_t)product ^ (uint64_t)(product >> 64);
    return (uint32_t)(folded ^ folded >> 32);
}

static inline uint32_t hash_ip(const struct dict_builder *d, const struct flow_ip *ip) {
    uint64_t half[2];
    memcpy(half, ip->addr, sizeof half);
    return hash_halves(d, half[0], half[1]);
}

void dict_builder_free(struct dict_builder *d) {
    free(d->slots);
    free(d->ip);
    free(d->end);
    free(d->text.p);
    free(d->place);
    dict_builder_init(d, d->class);
}

void dict_builder_clear(struct dict_builder *d) {
    d->n = 0;
    d->text.n = 0;
    if (d->slots)
        memset(d->slots, 0, d->nslots * sizeof *d->slots);
}

static size_t text_start(const struct dict_builder *d, uint32_t i) {
    return i ? d->end[i - 1] : 0;
}

/* What a slot of this address has beside the number of its entry. */
static inline struct dict_slot ip_slot(const struct flow_ip *ip, uint32_t hash) {
    struct dict_slot slot = {0, hash};
    if (ip->family == 4) {
        memcpy(&slot.mark, ip->addr, sizeof slot.mark);
        slot.entry = DICT_IPV4;
    }
    return slot;
}

/* Put entry i into a free slot. */
static void put_slot(const struct dict_builder *d, struct dict_slot *slots, uint32_t nslots,
                     uint32_t i) {
    struct dict_slot slot = {0};
    uint32_t hash;
    if (d->class == FLOW_IP) {
        hash = hash_ip(d, &d->ip[i]);
        slot = ip_slot(&d->ip[i], hash);
    } else {
        size_t start = text_start(d, i);
        slot.mark = hash = (uint32_t)fvt_hash(d->text.p + start, d->end[i] - start);
    }
    slot.entry |= i + 1;
    uint32_t h = hash & (nslots - 1);
    while (slots[h].entry)
        h = (h + 1) & (nslots - 1);
    slots[h] = slot;
}

static bool grow_entries(struct dict_builder *d, uint32_t cap) {
    size_t size = d->class == FLOW_IP ? sizeof *d->ip : sizeof *d->end;
    void *p = realloc(d->class == FLOW_IP ? (void *)d->ip : (void *)d->end, cap * size);
    if (!p)
        return false;
    if (d->class == FLOW_IP)
        d->ip = p;
    else
        d->end = p;
    d->cap = cap;
    return true;
}

static bool grow_slots(struct dict_builder *d, uint32_t nslots) {
    struct dict_slot *slots = calloc(nslots, sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < d->n; i++)
        put_slot(d, slots, nslots, i);
    free(d->slots);
    d->slots = slots;
    d->nslots = nslots;
    return true;
}

/* Room for one more entry, in the arrays and at most half full in the hash table. */
static bool grow_full(struct dict_builder *d) {
    if (d->n == d->cap && !grow_entries(d, d->cap ? d->cap * 2 : FIRST_SLOTS / 2))
        return false;
    return d->n < d->nslots / 2 || grow_slots(d, d->nslots ? d->nslots * 2 : FIRST_SLOTS);
}

bool dict_builder_reserve(struct dict_builder *d, uint32_t n) {
    uint32_t nslots = FIRST_SLOTS;
    while (nslots / 2 < n && nslots < UINT32_C(1) << 31)
        nslots *= 2;
    return (n <= d->cap || grow_entries(d, n)) && (nslots <= d->nslots || grow_slots(d, nslots));
}

static inline bool grow(struct dict_builder *d) {
    return (d->n < d->cap && d->n < d->nslots / 2) || grow_full(d);
}

static int64_t add_ip(struct dict_builder *d, const struct flow_ip *ip) {
    if (!grow(d))
        return -1;
    d->ip[d->n] = *ip;
    put_slot(d, d->slots, d->nslots, d->n);
    return d->n++;
}

/* The entry of an address with this slot, -1: there is none. */
static inline int64_t find_ip(const struct dict_builder *d, const struct flow_ip *ip,
                              struct dict_slot as, uint32_t hash) {
    const uint32_t mask = d->nslots - 1;
    for (uint32_t h = hash & mask; d->nslots && d->slots[h].entry; h = (h + 1) & mask) {
        const struct dict_slot slot = d->slots[h];
        const uint32_t i = (slot.entry & ~DICT_IPV4) - 1;
        if (slot.mark == as.mark && (slot.entry & DICT_IPV4) == as.entry &&
            (as.entry || dict_same_ip(&d->ip[i], ip)))
            return i;
    }
    return -1;
}

int64_t dict_builder_ip(struct dict_builder *d, const struct flow_ip *ip) {
    const uint32_t hash = hash_ip(d, ip);
    const int64_t i = find_ip(d, ip, ip_slot(ip, hash), hash);
    return i < 0 ? add_ip(d, ip) : i;
}

/* Slots, and what they lead to, are all over the memory: they are asked for before they are looked at. */
enum { AHEAD = 64 };

bool dict_builder_ips(struct dict_builder *d, const struct flow_ip *ip, uint32_t n,
                      uint32_t *number) {
    for (uint32_t at = 0; at < n; at += AHEAD) {
        uint32_t hash[AHEAD], some = n - at < AHEAD ? n - at : AHEAD;
        for (uint32_t i = 0; i < some; i++) {
            hash[i] = hash_ip(d, &ip[at + i]);
            if (d->nslots)
                __builtin_prefetch(&d->slots[hash[i] & (d->nslots - 1)]);
        }
        for (uint32_t i = 0; i < some && d->nslots; i++) {
            const struct dict_slot slot = d->slots[hash[i] & (d->nslots - 1)];
            if (slot.entry && !(slot.entry & DICT_IPV4))
                __builtin_prefetch(&d->ip[slot.entry - 1]);
        }
        for (uint32_t i = 0; i < some; i++) {
            int64_t entry = find_ip(d, &ip[at + i], ip_slot(&ip[at + i], hash[i]), hash[i]);
            if (entry < 0 && (entry = add_ip(d, &ip[at + i])) < 0)
                return false;
            number[at + i] = (uint32_t)entry;
        }
    }
    return true;
}

static inline int64_t find_ipv4(const struct dict_slot *slots, uint32_t mask, const uint8_t *ip,
                                uint32_t hash) {
    uint32_t mark;
    memcpy(&mark, ip, sizeof mark);
    for (uint32_t h = hash & mask; slots[h].entry; h = (h + 1) & mask)
        if (slots[h].mark == mark && slots[h].entry & DICT_IPV4)
            return (slots[h].entry & ~DICT_IPV4) - 1;
    return -1;
}

bool dict_builder_ipv4s(struct dict_builder *d, const uint8_t (*ip)[4], uint32_t n,
                        uint32_t *number) {
    if (!grow(d))
        return false;
    for (uint32_t at = 0, done; at < n; at += done) {
        uint32_t hash[AHEAD], some = n - at < AHEAD ? n - at : AHEAD;
        const struct dict_builder now = *d;
        const uint32_t mask = now.nslots - 1;
        for (uint32_t i = 0; i < some; i++) {
            uint64_t half = 0;
            memcpy(&half, ip[at + i], sizeof *ip);
            hash[i] = hash_halves(&now, half, 0);
            __builtin_prefetch(&now.slots[hash[i] & mask]);
        }
        for (done = 0; done < some && d->slots == now.slots; done++) {
            const int64_t entry = find_ipv4(now.slots, mask, ip[at + done], hash[done]);
            if (entry >= 0) {
                number[at + done] = (uint32_t)entry;
                continue;
            }
            const struct flow_ip new = flow_ip_make(4, ip[at + done]);
            if (add_ip(d, &new) < 0)
                return false;
            number[at + done] = d->n - 1;
        }
    }
    return true;
}

bool dict_builder_is(const struct dict_builder *d, uint32_t entry, const char *p, size_t n) {
    size_t start = text_start(d, entry);
    return d->end[entry] - start == n && (n == 0 || memcmp(d->text.p + start, p, n) == 0);
}

int64_t dict_builder_text(struct dict_builder *d, const char *p, size_t n) {
    if (!grow(d))
        return -1;
    const uint32_t hash = (uint32_t)fvt_hash(p, n);
    uint32_t h = hash & (d->nslots - 1);
    for (; d->slots[h].entry; h = (h + 1) & (d->nslots - 1)) {
        uint32_t i = d->slots[h].entry - 1;
        if (d->slots[h].mark == hash && dict_builder_is(d, i, p, n))
            return i;
    }
    fvt_put(&d->text, p, n);
    if (d->text.failed)
        return -1;
    d->end[d->n] = d->text.n;
    d->slots[h] = (struct dict_slot){++d->n, hash};
    return d->n - 1;
}

int64_t dict_builder_copy(struct dict_builder *d, const struct dict_builder *from, uint32_t entry) {
    if (d->class == FLOW_IP)
        return dict_builder_ip(d, &from->ip[entry]);
    size_t start = text_start(from, entry), n = from->end[entry] - start;
    return dict_builder_text(d, n ? (const char *)from->text.p + start : "", n);
}

void dict_builder_drop(struct dict_builder *d, const uint8_t *used, uint32_t *number) {
    uint32_t n = 0;
    size_t text = 0, start = 0;
    for (uint32_t i = 0; i < d->n; i++) {
        size_t end = d->class == FLOW_IP ? 0 : d->end[i];
        if (used[i] && d->class == FLOW_IP) {
            d->ip[n] = d->ip[i];
        } else if (used[i]) {
            if (end > start)
                memmove(d->text.p + text, d->text.p + start, end - start);
            d->end[n] = text += end - start;
        }
        start = end;
        number[i] = n;
        n += used[i];
    }
    d->n = n;
    d->text.n = text;
}

bool dict_builder_places(struct dict_builder *d) {
    if (d->n <= d->nplaces)
        return true;
    uint32_t *place = realloc(d->place, (size_t)d->cap * sizeof *place);
    if (!place)
        return false;
    memset(place + d->nplaces, 0, (size_t)(d->cap - d->nplaces) * sizeof *place);
    d->place = place;
    d->nplaces = d->cap;
    return true;
}

static int compare_text(const void *a, size_t na, const void *b, size_t nb) {
    int order = memcmp(a, b, na < nb ? na : nb);
    return order ? order : (na > nb) - (na < nb);
}

static int by_entry(const void *a, const void *b, void *arg) {
    const struct dict_builder *d = arg;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    if (d->class == FLOW_IP)
        return flow_ip_cmp(&d->ip[i], &d->ip[j]);
    size_t si = text_start(d, i), sj = text_start(d, j);
    if (d->text.p == NULL)
        return 0;
    return compare_text(d->text.p + si, d->end[i] - si, d->text.p + sj, d->end[j] - sj);
}

/* An address by eight octets of it. */
struct sort_key {
    uint64_t key;
    uint32_t entry;
};

static uint64_t eight_octets(const uint8_t *p) {
    uint64_t key = 0;
    for (int i = 0; i < 8; i++)
        key = key << 8 | p[i];
    return key;
}

/* Sort n keys, octet by octet from the lowest on, leaving out those that are the same in all; equal ones stay in their
** order. Returns where they are then, in k or in spare. */
static struct sort_key *radix_sort(struct sort_key *k, struct sort_key *spare, uint32_t n) {
    uint32_t count[8][256];
    memset(count, 0, sizeof count);
    for (uint32_t i = 0; i < n; i++)
        for (int o = 0; o < 8; o++)
            count[o][k[i].key >> 8 * o & 255]++;
    for (int o = 0; o < 8; o++) {
        if (count[o][k[0].key >> 8 * o & 255] == n)
            continue;
        uint32_t at[256], sum = 0;
        for (int x = 0; x < 256; x++) {
            at[x] = sum;
            sum += count[o][x];
        }
        for (uint32_t i = 0; i < n; i++)
            spare[at[k[i].key >> 8 * o & 255]++] = k[i];
        struct sort_key *swap = k;
        k = spare;
        spare = swap;
    }
    return k;
}

/* By the eight octets from o on; k has room for 2 * n. */
static void sort_by(const struct dict_builder *d, uint32_t *entry, uint32_t n, int o,
                    struct sort_key *k) {
    for (uint32_t i = 0; i < n; i++)
        k[i] = (struct sort_key){eight_octets(d->ip[entry[i]].addr + o), entry[i]};
    const struct sort_key *sorted = n ? radix_sort(k, k + n, n) : k;
    for (uint32_t i = 0; i < n; i++)
        entry[i] = sorted[i].entry;
}

static bool sort_ips(const struct dict_builder *d, uint32_t *entry, uint32_t n) {
    struct sort_key *k = malloc((size_t)n * 2 * sizeof *k);
    uint32_t *v6 = malloc((size_t)n * sizeof *v6), n4 = 0, n6 = 0;
    bool ok = k && v6;
    for (uint32_t i = 0; ok && i < n; i++)
        if (d->ip[entry[i]].family == 6)
            v6[n6++] = entry[i];
        else
            entry[n4++] = entry[i];
    if (ok) {
        sort_by(d, entry, n4, 0, k);
        sort_by(d, v6, n6, 8, k);
        sort_by(d, v6, n6, 0, k);
        memcpy(entry + n4, v6, n6 * sizeof *v6);
    }
    free(k);
    free(v6);
    return ok;
}

bool dict_builder_order(const struct dict_builder *d, uint32_t *entry, uint32_t n) {
    enum { FEW = 64 };             /* not worth counting octets */
    struct dict_builder copy = *d; /* qsort_r takes no const argument */
    if (d->class == FLOW_IP && n > FEW)
        return sort_ips(d, entry, n);
    if (n > 1)
        qsort_r(entry, n, sizeof *entry, by_entry, &copy);
    return true;
}

bool dict_builder_sort(const struct dict_builder *d, uint32_t *code) {
    uint32_t *order = malloc(((size_t)d->n + 1) * sizeof *order);
    for (uint32_t i = 0; order && i < d->n; i++)
        order[i] = i;
    bool ok = order && dict_builder_order(d, order, d->n);
    for (uint32_t i = 0; ok && i < d->n; i++)
        code[order[i]] = i;
    free(order);
    return ok;
}

static uint32_t ipv4(const struct flow_ip *ip) {
    return (uint32_t)ip->addr[0] << 24 | (uint32_t)ip->addr[1] << 16 | (uint32_t)ip->addr[2] << 8 |
           ip->addr[3];
}

/* Leading octets of p that prev has too, then the rest of p. */
static void put_front_coded(struct fvt_buffer *out, const uint8_t *p, size_t n, const uint8_t *prev,
                            size_t nprev) {
    size_t shared = 0;
    while (shared < n && shared < nprev && p[shared] == prev[shared])
        shared++;
    fvt_put_varint(out, shared);
    fvt_put_varint(out, n - shared);
    fvt_put(out, p + shared, n - shared);
}

/* A varint behind octets that are there. */
static inline uint8_t *write_varint(uint8_t *p, uint32_t v) {
    for (; v >= 128; v >>= 7)
        *p++ = (uint8_t)(v | 128);
    *p++ = (uint8_t)v;
    return p;
}

static void put_ipv4(struct fvt_buffer *out, const struct dict_builder *d, const uint32_t *entry,
                     uint32_t n) {
    enum { MOST = 5 }; /* octets of a 32-bit number */
    if (!fvt_buffer_reserve(out, (size_t)n * MOST))
        return;
    uint8_t *p = out->p + out->n;
    uint32_t last = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t v = ipv4(&d->ip[entry[i]]);
        p = write_varint(p, v - last);
        last = v;
    }
    out->n = (size_t)(p - out->p);
}

void dict_encode_some(struct fvt_buffer *out, const struct dict_builder *d, const uint32_t *entry,
                      uint32_t n) {
    if (d->class == FLOW_IP) {
        uint32_t n4 = 0;
        while (n4 < n && d->ip[entry[n4]].family != 6)
            n4++;
        fvt_put_varint(out, n4);
        put_ipv4(out, d, entry, n4);
        for (uint32_t i = n4; i < n; i++)
            put_front_coded(out, d->ip[entry[i]].addr, 16, i > n4 ? d->ip[entry[i - 1]].addr : NULL,
                            i > n4 ? 16 : 0);
        return;
    }
    const uint8_t *prev = NULL;
    size_t nprev = 0;
    for (uint32_t i = 0; i < n; i++) {
        size_t start = text_start(d, entry[i]);
        const uint8_t *p = d->text.p ? d->text.p + start : NULL;
        size_t octets = d->end[entry[i]] - start;
        put_front_coded(out, p, octets, prev, nprev);
        prev = p;
        nprev = octets;
    }
}

void dict_encode(struct fvt_buffer *out, const struct dict_builder *d, const uint32_t *code) {
    uint32_t *order = malloc(((size_t)d->n + 1) * sizeof *order);
    if (!order) {
        out->failed = true;
        return;
    }
    for (uint32_t i = 0; i < d->n; i++)
        order[code[i]] = i;
    dict_encode_some(out, d, order, d->n);
    free(order);
}

/* The next varint, which is mostly one octet or two. */
static inline uint64_t next_varint(struct fvt_cursor *c) {
    if (c->end - c->p >= 2) {
        uint64_t low = c->p[0], high = c->p[1];
        if (low < 0x80) {
            c->p++;
            return low;
        }
        if (high < 0x80) {
            c->p += 2;
            return (low & 0x7f) | high << 7;
        }
    }
    return fvt_get_varint(c);
}

static int decode_ips(struct fvt_cursor *c, struct fvt_dict *d) {
    uint64_t n4 = fvt_get_varint(c);
    if (n4 > d->n)
        return FVT_DAMAGED;
    uint64_t value = 0;
    struct flow_ip ip = {4, {0}};
    for (uint32_t i = 0; i < n4; i++) {
        value += next_varint(c);
        if (value > UINT32_MAX)
            return FVT_DAMAGED;
        ip.addr[0] = (uint8_t)(value >> 24);
        ip.addr[1] = (uint8_t)(value >> 16);
        ip.addr[2] = (uint8_t)(value >> 8);
        ip.addr[3] = (uint8_t)value;
        d->ip[i] = ip;
    }
    ip = (struct flow_ip){6, {0}};
    for (uint32_t i = (uint32_t)n4; i < d->n; i++) {
        uint64_t shared = next_varint(c), rest = next_varint(c);
        const uint8_t *p = shared <= 16 && shared + rest == 16 ? fvt_get(c, rest) : NULL;
        if (!p)
            return FVT_DAMAGED;
        for (uint64_t k = 0; k < rest; k++)
            ip.addr[shared + k] = p[k];
        d->ip[i] = ip;
    }
    return c->bad ? FVT_DAMAGED : FVT_OK;
}

static int decode_texts(struct fvt_cursor *c, struct fvt_dict *d) {
    /* Offsets first, since the buffer moves while it grows. */
    struct fvt_buffer b = {0};
    size_t *start = malloc(((size_t)d->n + 1) * sizeof *start);
    int rc = start ? FVT_OK : FVT_NOMEM;
    size_t prev = 0, nprev = 0;
    for (uint32_t i = 0; rc == FVT_OK && i < d->n; i++) {
        uint64_t shared = fvt_get_varint(c), rest = fvt_get_varint(c);
        const uint8_t *p = shared <= nprev && rest <= fvt_left(c) ? fvt_get(c, rest) : NULL;
        if (!p || shared + rest > UINT32_MAX || b.n > (size_t)1 << 30) {
            rc = FVT_DAMAGED;
            break;
        }
        start[i] = b.n;
        if (fvt_buffer_reserve(&b, shared + rest + 1)) {
            memcpy(b.p + b.n, b.p + prev, shared);
            memcpy(b.p + b.n + shared, p, rest);
            b.p[b.n + shared + rest] = '\0';
            prev = b.n;
            nprev = shared + rest;
            b.n += nprev + 1;
            d->len[i] = (uint32_t)nprev;
        }
        rc = b.failed ? FVT_NOMEM : FVT_OK;
    }
    d->memory = b.p;
    for (uint32_t i = 0; rc == FVT_OK && i < d->n; i++)
        d->text[i] = (const char *)b.p + start[i];
    free(start);
    return rc;
}

int dict_decode(struct fvt_cursor *c, enum flow_class class, uint32_t n, struct fvt_pool *pool,
                struct fvt_dict **out) {
    struct fvt_dict *d = calloc(1, sizeof *d);
    if (!d)
        return FVT_NOMEM;
    d->class = class;
    d->n = n;
    d->pool = pool;
    int rc = FVT_NOMEM;
    if (class == FLOW_IP) {
        d->ip = pool_get(pool, ((size_t)n + 1) * sizeof *d->ip);
        rc = d->ip ? decode_ips(c, d) : FVT_NOMEM;
    } else if (class == FLOW_TEXT) {
        d->text = calloc((size_t)n + 1, sizeof *d->text);
        d->len = calloc((size_t)n + 1, sizeof *d->len);
        rc = d->text && d->len ? decode_texts(c, d) : FVT_NOMEM;
    } else {
        rc = FVT_DAMAGED;
    }
    if (rc != FVT_OK) {
        fvt_dict_free(d);
        return rc;
    }
    *out = d;
    return FVT_OK;
}

void fvt_dict_free(struct fvt_dict *d) {
    if (!d)
        return;
    pool_put(d->pool, d->ip);
    free(d->text);
    free(d->len);
    free(d->memory);
    free(d);
}

uint32_t fvt_dict_lower_text(const struct fvt_dict *d, const char *key, size_t n) {
    uint32_t lo = 0, hi = d->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (compare_text(d->text[mid], d->len[mid], key, n) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}
