/* SPDX-License-Identifier: MIT */
/*
** Stretches of addresses by their network, and the search among them.
*/
#include "prefixes.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
    TOPS = 1 << 16, /* values of the first 16 bits */
    FEW = 64,       /* stretches that are found without knowing where those of a top begin */
};

/* An address as a number; one of IPv4 in the highest bits. */
struct key {
    uint64_t high, low;
};

/* Those of one family: stretch i goes from its start to the next one's, and is in network prefix[i]. */
struct stretches {
    uint32_t n;
    struct key *start;
    uint32_t *prefix;
    uint32_t *
        below; /* by the first 16 bits, and one behind: how many starts have smaller ones; or NULL */
};

struct prefixes {
    struct stretches family[2]; /* IPv4, IPv6 */
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

static int by_place(const void *a, const void *b) {
    const struct prefix *x = a, *y = b;
    int order = flow_ip_cmp(&x->first, &y->first);
    if (order)
        return order;
    if (x->length != y->length)
        return x->length < y->length ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* From start on it is that network. */
static void begin(struct stretches *s, struct key start, uint32_t prefix) {
    const struct key *last = s->n ? &s->start[s->n - 1] : NULL;
    if (last && last->high == start.high && last->low == start.low)
        s->n--;
    s->start[s->n] = start;
    s->prefix[s->n++] = prefix;
}

/* End networks from the innermost on that end before the address, or all of them; returns the one that is left. */
static uint32_t leave(struct stretches *s, const struct prefix *list, uint32_t inner,
                      const struct flow_ip *before) {
    while (inner != PREFIX_NONE) {
        struct key end;
        bool ends = end_of(&list[inner], &end);
        if (before && (!ends || is_after(end, key_of(before))))
            break;
        inner = list[inner].parent;
        if (ends)
            begin(s, end, inner);
    }
    return inner;
}

static bool is_same(const struct prefix *a, const struct prefix *b) {
    return a->length == b->length && flow_ip_cmp(&a->first, &b->first) == 0;
}

/* The n networks from place on, all of one family. */
static bool fill(struct stretches *s, struct prefix *list, uint32_t place, uint32_t n) {
    s->start = malloc((2 * (size_t)n + 1) * sizeof *s->start);
    s->prefix = malloc((2 * (size_t)n + 1) * sizeof *s->prefix);
    if (!s->start || !s->prefix)
        return false;
    uint32_t inner = PREFIX_NONE;
    begin(s, (struct key){0, 0}, PREFIX_NONE);
    for (uint32_t i = place; i < place + n; i++) {
        if (i > place && is_same(&list[i], &list[i - 1])) {
            list[i].parent = list[i - 1].parent;
            continue;
        }
        inner = leave(s, list, inner, &list[i].first);
        list[i].parent = inner;
        begin(s, key_of(&list[i].first), i);
        inner = i;
    }
    leave(s, list, inner, NULL);
    if (s->n < FEW)
        return true;
    s->below = malloc((TOPS + 1) * sizeof *s->below);
    for (uint32_t top = 0, i = 0; s->below && top <= TOPS; top++) {
        while (i < s->n && s->start[i].high >> 48 < top)
            i++;
        s->below[top] = i;
    }
    return s->below != NULL;
}

struct prefixes *prefixes_new(struct prefix *list, uint32_t n) {
    struct prefixes *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    if (n)
        qsort(list, n, sizeof *list, by_place);
    uint32_t four = 0;
    while (four < n && list[four].first.family == 4)
        four++;
    if (fill(&p->family[0], list, 0, four) && fill(&p->family[1], list, four, n - four))
        return p;
    prefixes_free(p);
    return NULL;
}

void prefixes_free(struct prefixes *p) {
    for (int i = 0; p && i < 2; i++) {
        free(p->family[i].start);
        free(p->family[i].prefix);
        free(p->family[i].below);
    }
    free(p);
}

uint32_t prefixes_find(const struct prefixes *p, const struct flow_ip *ip) {
    const struct stretches *s = &p->family[ip->family == 6];
    struct key key = key_of(ip);
    uint32_t lo = 0, hi = s->n;
    if (s->below) {
        lo = s->below[key.high >> 48];
        hi = s->below[(key.high >> 48) + 1];
    }
    while (lo < hi) { /* the first start behind the address */
        uint32_t middle = lo + (hi - lo) / 2;
        if (is_after(s->start[middle], key))
            hi = middle;
        else
            lo = middle + 1;
    }
    return s->prefix[lo - 1];
}
