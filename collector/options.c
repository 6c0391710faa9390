/* SPDX-License-Identifier: MIT */
/*
** Reads options data records field by field; they are rare. What is learned of the sampling is
** bound to the narrowest thing that the record names: a sampler or selector id, else the interface
** of its scope, else the whole domain. The scope types of NetFlow v9 (RFC 3954 6.1) have become
** the elements of the same meaning when the template was read.
*/
#include "options.h"

#include <stdlib.h>

struct values {
    uint64_t ifindex, sampler, boot;
    struct sampling_elements sampling;
    const uint8_t *name, *description, *appid, *appname;
    size_t nname, ndescription, nappid, nappname;
    bool has_sampler, has_ifindex;
};

/* Integer elements of interest; has: offset of a flag to set, 0 for none. */
static const struct option_element {
    uint16_t id;
    size_t value, has;
} integers[] = {
    {10, offsetof(struct values, ifindex), offsetof(struct values, has_ifindex)},
    {14, offsetof(struct values, ifindex), offsetof(struct values, has_ifindex)},
    {34, offsetof(struct values, sampling.interval), 0},
    {48, offsetof(struct values, sampler), offsetof(struct values, has_sampler)},
    {50, offsetof(struct values, sampling.interval), 0},
    {160, offsetof(struct values, boot), 0},
    {302, offsetof(struct values, sampler), offsetof(struct values, has_sampler)},
    {305, offsetof(struct values, sampling.packet_interval), 0},
    {306, offsetof(struct values, sampling.space), 0},
    {309, offsetof(struct values, sampling.size), 0},
    {310, offsetof(struct values, sampling.population), 0},
};

static void take_value(struct values *v, const struct template_field *f, const uint8_t *p,
                       size_t n) {
    if (f->pen)
        return;
    if (f->id == 82)
        v->name = p, v->nname = n;
    if (f->id == 83)
        v->description = p, v->ndescription = n;
    if (f->id == 95)
        v->appid = p, v->nappid = n;
    if (f->id == 96)
        v->appname = p, v->nappname = n;
    if (f->id == 311)
        v->sampling.probability = be_float(p, n);
    for (size_t i = 0; n && n <= 8 && i < sizeof integers / sizeof *integers; i++) {
        if (integers[i].id != f->id)
            continue;
        uint64_t x = ben(p, n);
        memcpy((char *)v + integers[i].value, &x, sizeof x);
        if (integers[i].has)
            *((bool *)v + integers[i].has) = true;
    }
}

/* A text of the record as a field of the row would be, without making a row of it. */
static const char *clean(struct record *r, const uint8_t *p, size_t *n) {
    if (!p)
        return NULL;
    record_set_text(r, FLOW_username, p, *n);
    *n = r->row.value[FLOW_username].text.n;
    return r->row.value[FLOW_username].text.p;
}

/* What flows say only the id of, RFC 6759 section 4. */
static void learn_application(struct collector *c, const struct exporter *e, struct values *v) {
    struct record *r = &c->record;
    record_begin(r);
    record_set_appid(r, FLOW_appid, v->appid, v->nappid);
    const char *name = clean(r, v->appname, &v->nappname);
    if (name && flow_row_has(&r->row, FLOW_appid))
        c->changes += names_learn(&c->names, c->limits.names, &e->stat.exporter,
                                  r->row.value[FLOW_appid].text.p, r->row.value[FLOW_appid].text.n,
                                  name, v->nappname);
}

static void learn(struct collector *c, struct exporter *e, struct values *v) {
    struct sampling_rate rate = sampling_rate_of(&v->sampling);
    enum sampler_kind kind = v->has_sampler                      ? SAMPLER_ID
                             : v->has_ifindex && v->ifindex != 0 ? SAMPLER_INTERFACE
                                                                 : SAMPLER_ALL;
    if (rate.n) {
        c->changes += sampler_set(&e->samplers, kind,
                                  kind == SAMPLER_ID          ? v->sampler
                                  : kind == SAMPLER_INTERFACE ? v->ifindex
                                                              : 0,
                                  rate);
        exporter_sampling(e, rate.n, FVT_SAMPLING_OPTIONS);
    }
    if (v->boot && v->boot < INT64_MAX / 2 && e->boot != (int64_t)v->boot) {
        e->boot = (int64_t)v->boot;
        c->changes++;
    }
    if (v->appid && v->appname)
        learn_application(c, e, v);
    if (!v->has_ifindex || v->ifindex > UINT32_MAX || (!v->name && !v->description))
        return;
    record_begin(&c->record);
    const char *name = clean(&c->record, v->name, &v->nname);
    const char *description = clean(&c->record, v->description, &v->ndescription);
    c->changes +=
        interface_learn(&e->interfaces, c->limits.interfaces, &e->stat.exporter,
                        (uint32_t)v->ifindex, name, v->nname, description, v->ndescription);
}

/* ---- what is kept as it is --------------------------------------------------------------- */

/* Names of interfaces and applications are in places of their own. */
static bool is_name(const struct template_field *f) {
    static const uint16_t names[] = {82, 83, 94, 95, 96, 210};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (f->pen == 0 && f->id == names[i])
            return true;
    return false;
}

/* The template's fields as those of scope and data, an array of twice as many, to be freed; NULL when its records
** are not kept. */
static struct extra_field *kept_fields(const struct template *t) {
    bool any = false;
    for (unsigned i = t->scopes; i < t->nfields; i++)
        any |= !is_name(&t->fields[i]);
    struct extra_field *f = any ? malloc(2u * t->nfields * sizeof *f) : NULL;
    for (unsigned i = 0; f && i < t->nfields; i++) {
        const struct template_field *x = &t->fields[i];
        bool padding = x->pen == 0 && x->id == EXTRA_PADDING;
        f[i] = extra_field_of(x->pen, x->id, x->length, i < t->scopes);
        f[t->nfields + i] = extra_field_of(x->pen, x->id, x->length, i >= t->scopes && !padding);
    }
    return f;
}

static void keep(struct collector *c, const struct exporter *e, const struct template *t,
                 const struct extra_field *fields, struct cursor record) {
    char scope[EXTRA_MAX], data[EXTRA_MAX];
    struct fvt_option o = {.exporter = e->stat.exporter,
                           .odid = e->stat.odid,
                           .template = t->id,
                           .time = c->record.h.received};
    memcpy(o.version, e->stat.version, sizeof o.version);
    o.nscope = (uint16_t)extra_write(fields, t->nfields, record, &c->record.lists, scope);
    o.ndata =
        (uint16_t)extra_write(fields + t->nfields, t->nfields, record, &c->record.lists, data);
    o.scope = scope;
    o.data = data;
    if (o.ndata)
        told_keep(&c->told, c->limits.told, &o);
}

uint32_t options_set(struct collector *c, struct exporter *e, const struct template *t,
                     struct cursor set, size_t *overrun) {
    uint32_t records = 0;
    struct extra_field *kept = kept_fields(t);
    *overrun = 0;
    while (cursor_left(&set) >= t->plan->minimum) {
        struct values v = {0};
        struct cursor record = set;
        for (unsigned i = 0; i < t->nfields; i++) {
            const uint8_t *p;
            size_t n;
            if (!plan_field(&record, t->fields[i].length, &p, &n)) {
                *overrun = cursor_zeros(&set) ? 0 : cursor_left(&set);
                free(kept);
                return records;
            }
            take_value(&v, &t->fields[i], p, n);
        }
        if (kept)
            keep(c, e, t, kept, set);
        set = record;
        records++;
        learn(c, e, &v);
    }
    free(kept);
    return records;
}
