/* SPDX-License-Identifier: MIT */
/*
** The table of exporters: a hash table of fixed size with a list by age.
*/
#include "exporter.h"

#include <stdlib.h>

int exporters_init(struct exporter_table *t, uint32_t max) {
    uint32_t n = 64;
    while (n < max && n < 1u << 20)
        n *= 2;
    t->bucket = calloc(n, sizeof *t->bucket);
    t->nbuckets = n;
    return t->bucket ? 0 : -1;
}

static struct exporter **bucket_of(const struct exporter_table *t, const struct flow_ip *from,
                                   const char *version, uint32_t odid, uint32_t session) {
    uint64_t a, b;
    memcpy(&a, from->addr, 8);
    memcpy(&b, from->addr + 8, 8);
    uint64_t h = (a ^ odid ^ (uint64_t)session << 32) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 32 ^ b ^ (uint8_t)version[1]) * UINT64_C(0x9e3779b97f4a7c15);
    return &t->bucket[(h >> 32) & (t->nbuckets - 1)];
}

static struct exporter **bucket_for(const struct exporter_table *t, const struct exporter *e) {
    return bucket_of(t, &e->stat.exporter, e->stat.version, e->stat.odid, e->session);
}

static void unlink_age(struct exporter_table *t, struct exporter *e) {
    *(e->newer ? &e->newer->older : &t->newest) = e->older;
    *(e->older ? &e->older->newer : &t->oldest) = e->newer;
}

static void link_newest(struct exporter_table *t, struct exporter *e) {
    e->newer = NULL;
    e->older = t->newest;
    *(t->newest ? &t->newest->newer : &t->oldest) = e;
    t->newest = e;
}

static void drop(struct exporter_table *t, struct exporter *e) {
    struct exporter **at = bucket_for(t, e);
    while (*at != e)
        at = &(*at)->next_in_bucket;
    *at = e->next_in_bucket;
    unlink_age(t, e);
    t->count--;
    t->template_octets -= e->templates.octets;
    template_free_all(&e->templates);
    sampler_free(&e->samplers);
    free(e);
}

void exporters_free(struct exporter_table *t) {
    while (t->oldest)
        drop(t, t->oldest);
    free(t->bucket);
    *t = (struct exporter_table){0};
}

static bool is(const struct exporter *e, const struct flow_ip *from, const char *version,
               uint32_t odid, uint32_t session) {
    return e->stat.odid == odid && e->session == session &&
           flow_ip_cmp(&e->stat.exporter, from) == 0 && strcmp(e->stat.version, version) == 0;
}

struct exporter *exporters_find(const struct exporter_table *t, const struct flow_ip *from,
                                const char *version, uint32_t odid, uint32_t session) {
    struct exporter *e = *bucket_of(t, from, version, odid, session);
    while (e && !is(e, from, version, odid, session))
        e = e->next_in_bucket;
    return e;
}

struct exporter *exporters_get(struct exporter_table *t, uint32_t max, const struct flow_ip *from,
                               const char *version, uint32_t odid, uint32_t session) {
    struct exporter *e = t->newest;
    if (e && is(e, from, version, odid, session))
        return e;
    e = exporters_find(t, from, version, odid, session);
    if (e) {
        unlink_age(t, e);
        link_newest(t, e);
        return e;
    }
    if (t->count >= max && t->oldest) {
        if (t->evict)
            t->evict(t->evict_arg, t->oldest);
        drop(t, t->oldest);
    }
    e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->stat.exporter = *from;
    e->stat.odid = odid;
    e->session = session;
    strncpy(e->stat.version, version, sizeof e->stat.version - 1);
    e->boot = INT64_MIN;
    e->next_in_bucket = *bucket_for(t, e);
    *bucket_for(t, e) = e;
    link_newest(t, e);
    t->count++;
    return e;
}

void exporter_restart_counters(struct exporter *e) {
    struct fvt_exporter *s = &e->stat, fresh = {
                                           .exporter = s->exporter,
                                           .odid = s->odid,
                                           .sampling = s->sampling,
                                           .sampling_origin = s->sampling_origin,
                                       };
    memcpy(fresh.version, s->version, sizeof fresh.version);
    *s = fresh;
    e->changed = false;
}
