/* SPDX-License-Identifier: MIT */
/*
** The table of exporters: a hash table of fixed size, and a list by age for each worth. Senders choose what the
** hash is of, so it has a secret.
*/
#include "exporter.h"

#include <stdlib.h>

#include "schema/format.h"

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
    struct {
        uint8_t addr[16];
        uint32_t odid, session;
        uint64_t version;
    } key = {.odid = odid, .session = session, .version = (uint8_t)version[1]};
    memcpy(key.addr, from->addr, sizeof key.addr);
    return &t->bucket[fvt_hash(&key, sizeof key) & (t->nbuckets - 1)];
}

static struct exporter **bucket_for(const struct exporter_table *t, const struct exporter *e) {
    return bucket_of(t, &e->stat.exporter, e->stat.version, e->stat.odid, e->session);
}

/* ---- worth ------------------------------------------------------------------------------ */

static uint8_t worth_of(const struct exporter *e) {
    enum { SOME = 64, MANY = 4096 };
    if (e->session >= EXPORTER_FIRST_STREAM)
        return EXPORTER_STREAM;
    return e->decoded == 0     ? EXPORTER_NOTHING
           : e->decoded < SOME ? EXPORTER_FEW
           : e->decoded < MANY ? EXPORTER_SOME
                               : EXPORTER_MANY;
}

static void unlink_worth(struct exporter_table *t, struct exporter *e) {
    struct exporter_list *l = &t->by_worth[e->worth];
    if (l->freshest == e)
        l->freshest = e->staler;
    else
        e->fresher->staler = e->staler;
    if (l->stalest == e)
        l->stalest = e->fresher;
    else
        e->staler->fresher = e->fresher;
}

static void link_freshest(struct exporter_table *t, struct exporter *e) {
    e->worth = worth_of(e);
    struct exporter_list *l = &t->by_worth[e->worth];
    e->fresher = NULL;
    e->staler = l->freshest;
    if (l->freshest)
        l->freshest->fresher = e;
    else
        l->stalest = e;
    l->freshest = e;
}

static struct exporter *worth_least(struct exporter_table *t) {
    struct exporter *e;
    for (int w = 0; w < EXPORTER_STREAM; w++) {
        e = t->by_worth[w].stalest;
        if (e && t->now - e->heard > EXPORTER_SILENT_MS)
            return e;
    }
    for (int w = 0; w < EXPORTER_WORTHS; w++)
        while ((e = t->by_worth[w].stalest) != NULL) {
            if (worth_of(e) == w)
                return e;
            unlink_worth(t, e); /* it has become worth more since it was last linked */
            link_freshest(t, e);
        }
    return NULL;
}

/* ---- the table -------------------------------------------------------------------------- */

static void link_newest(struct exporter_table *t, struct exporter *e) {
    e->newer = NULL;
    e->older = t->newest;
    if (t->newest)
        t->newest->newer = e;
    else
        t->oldest = e;
    t->newest = e;
}

static void unlink_age(struct exporter_table *t, struct exporter *e) {
    if (t->newest == e)
        t->newest = e->older;
    else
        e->newer->older = e->older;
    if (t->oldest == e)
        t->oldest = e->newer;
    else
        e->older->newer = e->newer;
}

static void drop(struct exporter_table *t, struct exporter *e) {
    struct exporter **at = bucket_for(t, e);
    while (*at != e)
        at = &(*at)->next_in_bucket;
    *at = e->next_in_bucket;
    unlink_age(t, e);
    unlink_worth(t, e);
    if (t->last == e)
        t->last = NULL;
    t->count--;
    t->announced_octets -= e->announced;
    template_free_all(&e->templates);
    sampler_free(&e->samplers);
    interface_free(&e->interfaces);
    free(e);
}

static void forget(struct exporter_table *t, struct exporter *e) {
    if (t->evict)
        t->evict(t->evict_arg, e);
    drop(t, e);
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

static struct exporter *use(struct exporter_table *t, struct exporter *e) {
    e->heard = t->now;
    return t->last = e;
}

struct exporter *exporters_get(struct exporter_table *t, uint32_t max, const struct flow_ip *from,
                               const char *version, uint32_t odid, uint32_t session) {
    struct exporter *e = t->last;
    if (e && is(e, from, version, odid, session))
        return use(t, e);
    e = exporters_find(t, from, version, odid, session);
    if (e) {
        unlink_worth(t, e);
        link_freshest(t, e);
        return use(t, e);
    }
    if (t->count >= max && (e = worth_least(t)) != NULL) {
        forget(t, e);
        t->dropped++;
    }
    e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->stat.exporter = *from;
    e->stat.odid = odid;
    e->session = session;
    strncpy(e->stat.version, version, sizeof e->stat.version - 1);
    e->told = e->stat;
    e->boot = INT64_MIN;
    e->next_in_bucket = *bucket_for(t, e);
    *bucket_for(t, e) = e;
    link_newest(t, e);
    link_freshest(t, e);
    t->count++;
    return use(t, e);
}

void exporters_end_session(struct exporter_table *t, uint32_t session) {
    struct exporter *fresher;
    for (struct exporter *e = t->by_worth[EXPORTER_STREAM].stalest; e; e = fresher) {
        fresher = e->fresher;
        if (e->session == session)
            forget(t, e);
    }
}

/* ---- what they announced ---------------------------------------------------------------- */

size_t exporter_announced(const struct exporter *e) {
    return e->templates.octets + sampler_octets(&e->samplers) + interface_octets(&e->interfaces);
}

void exporters_changed(struct exporter_table *t, struct exporter *e) {
    const size_t now = exporter_announced(e);
    t->announced_octets += now - e->announced;
    e->announced = now;
}

/* What exporters of one worth would take if none had more than a share. */
static size_t taken(const struct exporter_list *l, size_t share) {
    size_t sum = 0;
    for (const struct exporter *e = l->freshest; e; e = e->staler) {
        size_t octets = exporter_announced(e);
        sum += octets < share ? octets : share;
    }
    return sum;
}

static void cut(struct exporter_table *t, struct exporter *e, size_t share) {
    if (exporter_announced(e) > share)
        interface_free(&e->interfaces); /* nobody's bill depends on names */
    while (exporter_announced(e) > share && template_drop_oldest(&e->templates))
        t->dropped_templates++;
    if (exporter_announced(e) > share)
        sampler_free(&e->samplers);
    exporters_changed(t, e);
}

void exporters_make_room(struct exporter_table *t, size_t max) {
    size_t enough = max - max / 8;
    if (t->announced_octets <= max)
        return;
    for (int w = 0; w < EXPORTER_WORTHS && t->announced_octets > enough; w++) {
        const struct exporter_list *l = &t->by_worth[w];
        size_t others = t->announced_octets - taken(l, SIZE_MAX), share = max;
        while (share && others + taken(l, share) > enough)
            share /= 2;
        for (struct exporter *e = l->freshest; e; e = e->staler)
            if (exporter_announced(e) > share)
                cut(t, e, share);
    }
}

void exporter_handed_over(struct exporter *e) {
    struct fvt_exporter *s = &e->stat, fresh = {
                                           .exporter = s->exporter,
                                           .odid = s->odid,
                                           .sampling = s->sampling,
                                           .sampling_origin = s->sampling_origin,
                                       };
    fvt_exporter_add(&e->told, s);
    e->told_recovered = e->recovered;
    memcpy(fresh.version, s->version, sizeof fresh.version);
    *s = fresh;
    e->changed = false;
}
