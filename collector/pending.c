/* SPDX-License-Identifier: MIT */
/*
** Held data sets. Finding those of a template, and the oldest of all or of an exporter, takes no
** walk over what others have held: a flood of one exporter does not slow down the rest. When all of
** them are too many, those of exporters of which nothing could be decoded yet go first: anybody can
** make up exporters.
*/
#include "pending.h"

#include <assert.h>
#include <stdlib.h>

#include "decode.h"

int pending_init(struct pending *p, size_t limit) {
    enum { OCTETS_A_BUCKET = 8192, MOST_BUCKETS = 16384 };
    uint32_t n = 16;
    while (n < limit / OCTETS_A_BUCKET && n < MOST_BUCKETS)
        n *= 2;
    p->bucket = calloc(n, sizeof *p->bucket);
    p->nbuckets = n;
    return p->bucket ? 0 : -1;
}

void pending_free(struct pending *p) {
    free(p->bucket);
    *p = (struct pending){0};
}

static struct pending_list *bucket_of(const struct pending *p, const struct exporter *e,
                                      uint16_t template) {
    uint64_t h = ((uintptr_t)e + template) * UINT64_C(0x9e3779b97f4a7c15);
    return &p->bucket[(h >> 32) & (p->nbuckets - 1)];
}

static struct pending_list *list_of(struct collector *c, struct pending_set *s,
                                    enum pending_order order) {
    if (order == PENDING_ALL)
        return &c->pending.all[s->proven];
    if (order == PENDING_EXPORTER)
        return &s->exporter->pending;
    return bucket_of(&c->pending, s->exporter, s->template);
}

static size_t octets_of(const struct pending_set *s) {
    return sizeof *s + s->size;
}

static void put_in(struct collector *c, struct pending_set *s) {
    for (int o = 0; o < PENDING_ORDERS; o++) {
        struct pending_list *l = list_of(c, s, (enum pending_order)o);
        s->in[o].prev = l->last;
        s->in[o].next = NULL;
        if (l->last)
            l->last->in[o].next = s;
        else
            l->first = s;
        l->last = s;
    }
    c->pending.octets += octets_of(s);
    s->exporter->pending_octets += octets_of(s);
}

static void take_out(struct collector *c, struct pending_set *s) {
    for (int o = 0; o < PENDING_ORDERS; o++) {
        struct pending_list *l = list_of(c, s, (enum pending_order)o);
        struct pending_set *next = s->in[o].next, *prev = s->in[o].prev;
        if (l->first == s)
            l->first = next;
        else
            prev->in[o].next = next;
        if (l->last == s)
            l->last = prev;
        else
            next->in[o].prev = prev;
    }
    c->pending.octets -= octets_of(s);
    s->exporter->pending_octets -= octets_of(s);
}

void pending_give_up(struct exporter *e, size_t octets) {
    e->stat.no_template++;
    e->stat.no_template_octets += octets;
    e->changed = true;
}

/* The first of a list, which is one of those that it is in. */
static void drop_first(struct collector *c, struct pending_list *l) {
    struct pending_set *s = l->first;
    take_out(c, s);
    assert(l->first != s);
    pending_give_up(s->exporter, s->size);
    free(s);
}

void pending_hold(struct collector *c, struct exporter *e, const struct record_header *h,
                  uint16_t template, struct cursor set) {
    size_t n = cursor_left(&set);
    struct pending_set *s = malloc(sizeof *s + n);
    if (!s) {
        pending_give_up(e, n);
        return;
    }
    s->exporter = e;
    s->header = *h;
    s->held = c->clock;
    s->template = template;
    s->size = (uint16_t)n;
    s->proven = e->decoded > 0;
    if (n)
        memcpy(s->data, set.p, n);
    put_in(c, s);
    while (e->pending_octets > c->limits.exporter_pending)
        drop_first(c, &e->pending);
    while (c->pending.octets > c->limits.pending)
        drop_first(c, &c->pending.all[c->pending.all[0].first == NULL]);
}

struct pending_set *pending_take(struct collector *c, struct exporter *e, uint16_t template) {
    if (!e->pending.first)
        return NULL;
    struct pending_set *s = bucket_of(&c->pending, e, template)->first;
    while (s && (s->exporter != e || s->template != template))
        s = s->in[PENDING_KEY].next;
    if (s)
        take_out(c, s);
    return s;
}

void pending_expire(struct collector *c, int64_t before) {
    for (int proven = 0; proven < 2; proven++) {
        struct pending_list *l = &c->pending.all[proven];
        while (l->first && l->first->held < before)
            drop_first(c, l);
    }
}

void pending_forget(struct collector *c, struct exporter *e) {
    while (e->pending.first)
        drop_first(c, &e->pending);
}
