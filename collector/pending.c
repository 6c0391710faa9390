/* SPDX-License-Identifier: MIT */
/*
** Held data sets: one list by age over all exporters. It is walked only when a template is new,
** which is rare.
*/
#include "pending.h"

#include <stdlib.h>

#include "decode.h"

static size_t octets_of(const struct pending_set *s) {
    return sizeof *s + s->size;
}

static void take_out(struct collector *c, struct pending_set *s) {
    struct pending *p = &c->pending;
    *(s->prev ? &s->prev->next : &p->first) = s->next;
    *(s->next ? &s->next->prev : &p->last) = s->prev;
    p->octets -= octets_of(s);
    s->exporter->pending_octets -= octets_of(s);
}

static void drop(struct collector *c, struct pending_set *s) {
    take_out(c, s);
    s->exporter->stat.no_template++;
    s->exporter->changed = true;
    free(s);
}

static struct pending_set *oldest_of(const struct collector *c, const struct exporter *e) {
    struct pending_set *s = c->pending.first;
    while (s && s->exporter != e)
        s = s->next;
    return s;
}

void pending_hold(struct collector *c, struct exporter *e, const struct record_header *h,
                  uint16_t template, struct cursor set) {
    size_t n = cursor_left(&set);
    struct pending_set *s = malloc(sizeof *s + n);
    if (!s) {
        e->stat.no_template++;
        return;
    }
    *s = (struct pending_set){
        .prev = c->pending.last,
        .exporter = e,
        .header = *h,
        .template = template,
        .size = (uint16_t)n,
    };
    if (n)
        memcpy(s->data, set.p, n);
    *(c->pending.last ? &c->pending.last->next : &c->pending.first) = s;
    c->pending.last = s;
    c->pending.octets += octets_of(s);
    e->pending_octets += octets_of(s);
    while (e->pending_octets > c->limits.exporter_pending)
        drop(c, oldest_of(c, e));
    while (c->pending.octets > c->limits.pending)
        drop(c, c->pending.first);
}

struct pending_set *pending_take(struct collector *c, struct exporter *e, uint16_t template) {
    if (!e->pending_octets)
        return NULL;
    struct pending_set *s = c->pending.first;
    while (s && (s->exporter != e || s->template != template))
        s = s->next;
    if (s)
        take_out(c, s);
    return s;
}

void pending_expire(struct collector *c, int64_t before) {
    while (c->pending.first && c->pending.first->header.received < before)
        drop(c, c->pending.first);
}

void pending_forget(struct collector *c, const struct exporter *e) {
    struct pending_set *s;
    while (e->pending_octets && (s = oldest_of(c, e)) != NULL)
        drop(c, s);
}
