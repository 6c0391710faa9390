/* SPDX-License-Identifier: MIT */
/*
** Walks the sets of a NetFlow v9 or IPFIX message: templates are learned, data sets decoded by
** their template's plan, or held when there is none yet.
*/
#include "sets.h"

#include <stdlib.h>

#include "options.h"

enum { SET_HEADER = 4, SET_FIRST_DATA = 256, MAX_FIELDS = 65535 / 4 };

static void fault(struct set_message *m, enum fvt_malformed cause) {
    collector_fault(m->c, m->e, m->d, cause);
}

/* ---- data ------------------------------------------------------------------------------- */

static void decode_flows(struct set_message *m, const struct template *t, struct cursor set) {
    struct record *r = &m->c->record;
    enum plan_result result;
    for (;;) {
        record_begin(r);
        result = plan_next(t->plan, &set, r);
        if (result != PLAN_RECORD)
            break;
        m->flows++;
        collector_emit(m->c, m->e);
    }
    bool padding = cursor_left(&set) < SET_HEADER || cursor_zeros(&set);
    if (result == PLAN_OVERRUN || !padding)
        fault(m, FVT_BAD_RECORD);
}

static void decode_options(struct set_message *m, const struct template *t, struct cursor set) {
    bool overrun;
    uint32_t n = options_set(m->c, m->e, t, set, &overrun);
    if (!m->header.has_uptime) /* what was learned holds for the records behind it */
        m->header.boot = m->c->record.h.boot = m->e->boot;
    m->options += n;
    m->e->stat.options += n;
    if (overrun)
        fault(m, FVT_BAD_RECORD);
}

static void decode_with(struct set_message *m, const struct template *t, struct cursor set) {
    (t->options ? decode_options : decode_flows)(m, t, set);
}

static void data_set(struct set_message *m, uint16_t id, struct cursor set) {
    const struct template *t = template_find(&m->e->templates, id);
    if (t) {
        decode_with(m, t, set);
        return;
    }
    m->unknown = true;
    pending_hold(m->c, m->e, &m->header, id, set);
}

/* Decode what was held for a template that has come now, each set with its own message header. */
static void release_pending(struct set_message *m, uint16_t id) {
    struct pending_set *s;
    const struct template *t = template_find(&m->e->templates, id);
    struct set_message held = *m;
    while (t && (s = pending_take(m->c, m->e, id)) != NULL) {
        held.header = s->header;
        held.header.boot = m->e->boot;
        record_header(&m->c->record, &held.header);
        decode_with(&held, t, cursor_of(s->data, s->size));
        free(s);
    }
    record_header(&m->c->record, &m->header);
}

/* ---- templates -------------------------------------------------------------------------- */

/* The elements that the scope types of NetFlow v9 stand for, RFC 3954 6.1. */
static uint16_t scope_element(uint16_t type) {
    static const uint16_t element[] = {
        [1] = 144, /* system: exportingProcessId */
        [2] = 10,  /* interface: ingressInterface */
        [3] = 141, /* line card: lineCardId */
        [4] = 0,   /* cache */
        [5] = 145, /* template: templateId */
    };
    return type < sizeof element / sizeof *element ? element[type] : type;
}

static bool read_fields(struct set_message *m, struct cursor *c, uint16_t scopes, uint16_t n,
                        struct template_field *fields) {
    for (unsigned i = 0; i < n; i++) {
        struct template_field *f = &fields[i];
        f->pen = 0;
        if (!cursor_u16(c, &f->id) || !cursor_u16(c, &f->length))
            return false;
        if (m->protocol->enterprise && f->id & 0x8000) {
            f->id &= 0x7fff;
            if (!cursor_u32(c, &f->pen))
                return false;
        } else if (m->protocol->scope_types && i < scopes) {
            f->id = scope_element(f->id);
        }
    }
    return true;
}

/* Keep to the bound of all exporters' templates: who has most gives way, and gives up enough that
** the next template does not have to look for room again. */
static void bound_templates(struct collector *c) {
    struct exporter_table *t = &c->exporters;
    if (t->template_octets <= c->limits.templates)
        return;
    size_t enough = c->limits.templates - c->limits.templates / 8;
    while (t->template_octets > enough) {
        struct exporter *most = t->newest;
        for (struct exporter *e = t->newest; e; e = e->older)
            if (e->templates.octets > most->templates.octets)
                most = e;
        size_t before = most->templates.octets;
        if (before == 0)
            return;
        while (most->templates.octets > before / 2 &&
               t->template_octets - (before - most->templates.octets) > enough)
            template_drop_oldest(&most->templates);
        t->template_octets -= before - most->templates.octets;
    }
}

static void learn(struct set_message *m, uint16_t id, bool options, uint16_t scopes,
                  const struct template_field *fields, uint16_t n) {
    struct template_table *t = &m->e->templates;
    size_t before = t->octets;
    enum template_change change = template_learn(t, &m->c->elements, id, options, scopes, fields, n,
                                                 m->c->limits.exporter_template);
    m->c->exporters.template_octets += t->octets - before;
    if (change == TEMPLATE_USELESS)
        fault(m, FVT_BAD_TEMPLATE);
    if (change != TEMPLATE_NEW)
        return;
    bound_templates(m->c);
    release_pending(m, id);
}

static void withdraw(struct set_message *m, uint16_t id, bool options) {
    struct template_table *t = &m->e->templates;
    size_t before = t->octets;
    template_withdraw(t, id < SET_FIRST_DATA ? 0 : id, options);
    m->c->exporters.template_octets -= before - t->octets;
}

static bool template_head(struct cursor *c, uint16_t *id, uint16_t *scopes, uint16_t *fields) {
    *scopes = 0;
    return cursor_u16(c, id) && cursor_u16(c, fields);
}

static void template_set(struct set_message *m, bool options, struct cursor set) {
    struct template_field fields[MAX_FIELDS];
    while (cursor_left(&set) >= 4 && !cursor_zeros(&set)) {
        uint16_t id, scopes, n;
        bool head = options ? m->protocol->options_head(&set, &id, &scopes, &n)
                            : template_head(&set, &id, &scopes, &n);
        if (head && n == 0 && m->protocol->withdrawal) {
            withdraw(m, id, options);
            continue;
        }
        if (!head || id < SET_FIRST_DATA || n == 0 || n > MAX_FIELDS || scopes > n ||
            !read_fields(m, &set, scopes, n, fields)) {
            fault(m, FVT_BAD_TEMPLATE);
            return;
        }
        learn(m, id, options, scopes, fields, n);
    }
}

/* ---- sets ------------------------------------------------------------------------------- */

void sets_decode(struct set_message *m, struct cursor body) {
    m->header.samplers = &m->e->samplers;
    record_header(&m->c->record, &m->header);
    while (cursor_left(&body) >= SET_HEADER) {
        if (cursor_zeros(&body))
            return; /* filled up, as some exporters do */
        uint16_t id = 0, length = 0;
        cursor_u16(&body, &id);
        cursor_u16(&body, &length);
        if (length < SET_HEADER || (size_t)(length - SET_HEADER) > cursor_left(&body))
            fault(m, FVT_BAD_SET);
        if (length < SET_HEADER)
            return;
        struct cursor set = cursor_cut(&body, length - SET_HEADER);
        if (id == m->protocol->template_id || id == m->protocol->options_id)
            template_set(m, id == m->protocol->options_id, set);
        else if (id >= SET_FIRST_DATA)
            data_set(m, id, set);
        else
            fault(m, FVT_BAD_SET);
    }
    if (cursor_left(&body) && !cursor_zeros(&body))
        fault(m, FVT_BAD_SET);
}
