/* SPDX-License-Identifier: MIT */
/*
** Stretches of addresses by their network, and the search among them.
*/
#include "prefixes.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
    TOPS = 1 << 16, /* values of the first 16 bits */
    SEEN = 1 << 18, /* addresses that are remembered: 2 MB, for the 60 000 hosts of a large site */
    LARGE = 4096,   /* stretches of IPv4 from which on they are */
    FEW = 64,       /* stretches that are found without knowing where those of a top begin */
};

/* An address as a number; one of IPv4 in the highest bits. */
struct key {
    uint64_t high, low;
};

/* A stretch of addresses goes from its start to the next one's. */
struct stretch4 {
    uint32_t start, prefix;
};
struct stretch6 {
    struct key start;
    uint32_t prefix;
};

/* Those of one family, and by the first 16 bits, and one behind, how many have starts with smaller ones, or NULL. */
struct prefixes {
    uint32_t n4, n6;
    struct stretch4 *four;
    struct stretch6 *six;
    uint32_t *below4, *below6;
    struct stretch4
        *seen; /* SEEN addresses and what they were found in; NULL where few are to search */
};

static uint64_t read_bits(const uint8_t *octet, int octets) {
    uint64_t v = 0;
    for (int i = 0; i < octets; i++)
        v = v << 8 | octet[i];
    return v;
}

static struct key key_of(const struct flow_ip *ip) {
    if (ip->family == 4)
        return (struct key){read_bits(ip->addr, 4) << 32, 0};
    return (struct key){read_bits(ip->addr, 8), read_bits(ip->addr + 8, 8)};
}

static bool is_after(struct key a, struct key b) {
    return a.high != b.high ? a.high > b.high : a.low > b.low;
}

/* Behind the last address of a network. False: there is none, it ends where the addresses end. */
static bool end_of(const struct prefix *p, struct key *end) {
    *end = key_of(&p->first);
    if (p->length == 0)
        return false;
    if (p->length > 64) {
        uint64_t step = UINT64_C(1) << (128 - p->length);
        end->low += step;
        end->high += end->low < step;
        return end->high != 0 || end->low != 0;
    }
    end->high += UINT64_C(1) << (64 - p->length);
    return end->high != 0;
}

bool prefix_list_add(struct prefix_list *list, const struct flow_ip *ip, unsigned length) {
    if (list->n == PREFIX_NONE)
        return false;
    if ((list->n & (list->n - 1)) == 0) { /* a power of two: full, or empty */
        size_t room = list->n ? (size_t)list->n * 2 : 1;
        struct prefix *more = realloc(list->prefix, room * sizeof *more);
        if (!more)
            return false;
        list->prefix = more;
    }
    list->prefix[list->n] =
        (struct prefix){flow_ip_mask(ip, length), (uint8_t)length, list->n, PREFIX_NONE};
    list->n++;
    return true;
}

void prefix_list_clear(struct prefix_list *list) {
    free(list->prefix);
    *list = (struct prefix_list){NULL, 0};
}

static int by_place(const void *a, const void *b) {
    const struct prefix *x = a, *y = b;
    int order = flow_ip_cmp(&x->first, &y->first);
    if (order)
        return order;
    if (x->length != y->length)
        return x->length < y->length ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* The stretches of a family while they are made. */
struct making {
    struct stretch6 *stretch;
    uint32_t n;
};

/* From start on it is that network. */
static void begin(struct making *m, struct key start, uint32_t prefix) {
    const struct stretch6 *last = m->n ? &m->stretch[m->n - 1] : NULL;
    if (last && last->start.high == start.high && last->start.low == start.low)
        m->n--;
    m->stretch[m->n++] = (struct stretch6){start, prefix};
}

/* End networks from the innermost on that end before the address, or all of them; returns the one that is left. */
static uint32_t leave(struct making *m, const struct prefix *list, uint32_t inner,
                      const struct flow_ip *before) {
    while (inner != PREFIX_NONE) {
        struct key end;
        bool ends = end_of(&list[inner], &end);
        if (before && (!ends || is_after(end, key_of(before))))
            break;
        inner = list[inner].parent;
        if (ends)
            begin(m, end, inner);
    }
    return inner;
}

bool prefix_is_same(const struct prefix *a, const struct prefix *b) {
    return a->length == b->length && flow_ip_cmp(&a->first, &b->first) == 0;
}

/* The networks from list[i] to before list[end], all of one family. */
static bool make(struct making *m, struct prefix *list, uint32_t i, uint32_t end) {
    uint32_t inner = PREFIX_NONE;
    m->stretch = malloc((2 * (size_t)(end - i) + 1) * sizeof *m->stretch);
    m->n = 0;
    if (!m->stretch)
        return false;
    begin(m, (struct key){0, 0}, PREFIX_NONE);
    for (uint32_t place = i; place < end; place++) {
        if (place > i && prefix_is_same(&list[place], &list[place - 1])) {
            list[place].parent = list[place - 1].parent;
            continue;
        }
        inner = leave(m, list, inner, &list[place].first);
        list[place].parent = inner;
        begin(m, key_of(&list[place].first), place);
        inner = place;
    }
    leave(m, list, inner, NULL);
    return true;
}

static bool take4(struct prefixes *p, const struct making *m) {
    p->n4 = m->n;
    p->four = malloc(m->n * sizeof *p->four);
    for (uint32_t i = 0; p->four && i < m->n; i++)
        p->four[i] =
            (struct stretch4){(uint32_t)(m->stretch[i].start.high >> 32), m->stretch[i].prefix};
    return p->four != NULL;
}

static uint32_t top4(const struct prefixes *p, uint32_t i) {
    return p->four[i].start >> 16;
}

static uint32_t top6(const struct prefixes *p, uint32_t i) {
    return (uint32_t)(p->six[i].start.high >> 48);
}

/* *below for n stretches, whose first 16 bits top() tells; few need none. */
static bool count_below(const struct prefixes *p, uint32_t n, uint32_t **below,
                        uint32_t (*top)(const struct prefixes *, uint32_t)) {
    if (n < FEW)
        return true;
    *below = malloc((TOPS + 1) * sizeof **below);
    for (uint32_t t = 0, i = 0; *below && t <= TOPS; t++) {
        while (i < n && top(p, i) < t)
            i++;
        (*below)[t] = i;
    }
    return *below != NULL;
}

/* The stretch that it is in. */
static uint32_t place4(const struct prefixes *p, uint32_t key) {
    uint32_t lo = 0, hi = p->n4;
    if (p->below4) {
        lo = p->below4[key >> 16];
        hi = p->below4[(key >> 16) + 1];
    }
    while (lo < hi) { /* the first start behind the address */
        uint32_t middle = lo + (hi - lo) / 2;
        if (p->four[middle].start > key)
            hi = middle;
        else
            lo = middle + 1;
    }
    return lo - 1;
}

static uint32_t search4(const struct prefixes *p, uint32_t key) {
    return p->four[place4(p, key)].prefix;
}

static void drop_index(struct prefixes *p) {
    free(p->below4);
    free(p->below6);
    free(p->seen);
    p->below4 = p->below6 = NULL;
    p->seen = NULL;
}

/* What makes searching fast, for the stretches as they are. */
static bool index_all(struct prefixes *p) {
    drop_index(p);
    if (!count_below(p, p->n4, &p->below4, top4) || !count_below(p, p->n6, &p->below6, top6))
        return false;
    if (p->n4 < LARGE)
        return true;
    p->seen = calloc(SEEN, sizeof *p->seen);
    if (p->seen)
        p->seen[0].prefix =
            search4(p, 0); /* of all zeroed entries, the one where an address 0 belongs */
    return p->seen != NULL;
}

struct prefixes *prefixes_new(struct prefix *list, uint32_t n) {
    struct prefixes *p = calloc(1, sizeof *p);
    struct making m = {NULL, 0};
    uint32_t four = 0;
    if (n)
        qsort(list, n, sizeof *list, by_place);
    while (four < n && list[four].first.family == 4)
        four++;
    bool ok = p && make(&m, list, 0, four) && take4(p, &m);
    free(m.stretch);
    m.stretch = NULL;
    if (ok && (ok = make(&m, list, four, n))) {
        p->six = m.stretch;
        p->n6 = m.n;
    }
    if (ok && index_all(p))
        return p;
    prefixes_free(p);
    return NULL;
}

void prefixes_free(struct prefixes *p) {
    if (p) {
        free(p->four);
        free(p->six);
        drop_index(p);
    }
    free(p);
}

static uint32_t find4(const struct prefixes *p, uint32_t key) {
    if (!p->seen)
        return search4(p, key);
    struct stretch4 *seen = &p->seen[key * 2654435761U >> 14];
    if (seen->start != key)
        *seen = (struct stretch4){key, search4(p, key)};
    return seen->prefix;
}

static uint32_t place6(const struct prefixes *p, struct key key) {
    uint32_t lo = 0, hi = p->n6;
    if (p->below6) {
        lo = p->below6[key.high >> 48];
        hi = p->below6[(key.high >> 48) + 1];
    }
    while (lo < hi) {
        uint32_t middle = lo + (hi - lo) / 2;
        if (is_after(p->six[middle].start, key))
            hi = middle;
        else
            lo = middle + 1;
    }
    return lo - 1;
}

uint32_t prefixes_find(const struct prefixes *p, const struct flow_ip *ip) {
    return ip->family == 4 ? find4(p, (uint32_t)read_bits(ip->addr, 4))
                           : p->six[place6(p, key_of(ip))].prefix;
}

static void write_bits(uint8_t *octet, int octets, uint64_t v) {
    for (int i = octets; i-- > 0; v >>= 8)
        octet[i] = (uint8_t)v;
}

uint32_t prefixes_stretch(const struct prefixes *p, const struct flow_ip *ip,
                          struct flow_ip *last) {
    *last = (struct flow_ip){.family = ip->family};
    if (ip->family == 4) {
        uint32_t at = place4(p, (uint32_t)read_bits(ip->addr, 4));
        write_bits(last->addr, 4, at + 1 < p->n4 ? p->four[at + 1].start - 1 : UINT32_MAX);
        return p->four[at].prefix;
    }
    uint32_t at = place6(p, key_of(ip));
    struct key end = at + 1 < p->n6 ? p->six[at + 1].start : (struct key){0, 0};
    write_bits(last->addr, 8, end.high - (end.low == 0));
    write_bits(last->addr + 8, 8, end.low - 1);
    return p->six[at].prefix;
}

static uint32_t mapped(const uint32_t *to, uint32_t prefix) {
    return prefix == PREFIX_NONE ? PREFIX_NONE : to[prefix];
}

bool prefixes_map(struct prefixes *p, const uint32_t *to) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n4; i++) {
        p->four[i].prefix = mapped(to, p->four[i].prefix);
        if (!n || p->four[n - 1].prefix != p->four[i].prefix)
            p->four[n++] = p->four[i];
    }
    p->n4 = n;
    n = 0;
    for (uint32_t i = 0; i < p->n6; i++) {
        p->six[i].prefix = mapped(to, p->six[i].prefix);
        if (!n || p->six[n - 1].prefix != p->six[i].prefix)
            p->six[n++] = p->six[i];
    }
    p->n6 = n;
    return index_all(p);
}
