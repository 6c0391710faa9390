/* SPDX-License-Identifier: MIT */
/*
** Walks the sets of a NetFlow v9 or IPFIX message: templates are learned, data sets decoded by
** their template's plan, or held when there is none yet.
*/
#include "sets.h"

#include <stdlib.h>

#include "options.h"

enum { SET_HEADER = 4, SET_FIRST_DATA = TEMPLATE_FIRST_ID };

static void fault(struct set_message *m, enum fvt_malformed cause, size_t octets) {
    collector_fault(m->c, m->e, m->d, cause, octets);
}

/* What else was announced: of a session that announced none itself, what its kin did. */
static void use_announced(struct set_message *m, struct record_header *h) {
    const struct exporter *e = m->e, *kin = session_kin_of(m->c, e);
    h->samplers = kin && e->samplers.count == 0 ? &kin->samplers : &e->samplers;
    if (!h->has_uptime)
        h->boot = kin && e->boot == INT64_MIN ? kin->boot : e->boot;
}

/* ---- data ------------------------------------------------------------------------------- */

static void decode_flows(struct set_message *m, const struct template *t, struct cursor set) {
    enum plan_result result = collector_records(m->c, m->e, t->plan, &set, &m->flows);
    bool padding = cursor_left(&set) < SET_HEADER || cursor_zeros(&set);
    if (result == PLAN_OVERRUN || !padding)
        fault(m, FVT_BAD_RECORD, cursor_left(&set));
}

static void decode_options(struct set_message *m, const struct template *t, struct cursor set) {
    size_t overrun;
    uint32_t n = options_set(m->c, m->e, t, set, &overrun);
    use_announced(m, &m->header); /* what was learned holds for the records behind it */
    m->c->record.h.boot = m->header.boot;
    m->c->record.h.samplers = m->header.samplers;
    m->options += n;
    m->e->stat.options += n;
    m->e->decoded += n;
    if (overrun)
        fault(m, FVT_BAD_RECORD, overrun);
    m->c->touched = true;
    exporters_changed(&m->c->exporters, m->e);
    exporters_make_room(&m->c->exporters, m->c->limits.announced);
}

static const struct template *list_template(void *arg, uint16_t id);

static void decode_with(struct set_message *m, const struct template *t, struct cursor set) {
    struct extra_lists *lists = &m->c->record.lists;
    *lists = (struct extra_lists){list_template, m, 0};
    (t->options ? decode_options : decode_flows)(m, t, set);
    if (lists->malformed)
        fault(m, FVT_BAD_RECORD, lists->malformed);
    *lists = (struct extra_lists){0};
}

/* The template of that id, unless it has not been announced for too long (RFC 7011 8.4; over TCP it holds until the
** end of the session). */
static struct template *known_to(struct set_message *m, struct exporter *e, uint16_t id) {
    struct collector *c = m->c;
    struct template_table *table = &e->templates;
    struct template *t = template_find(table, id);
    if (!t || m->d->stream || !c->limits.template_ms ||
        c->clock - t->announced <= c->limits.template_ms)
        return t;
    template_drop(table, t);
    exporters_changed(&c->exporters, e);
    c->expired++;
    return NULL;
}

/* It may be that of another session; whose it is, is in *owner. */
static struct template *known(struct set_message *m, uint16_t id, struct exporter **owner) {
    *owner = m->e;
    struct template *t = known_to(m, m->e, id);
    struct exporter *kin = t ? NULL : session_kin_of(m->c, m->e);
    if (kin) {
        *owner = kin;
        t = known_to(m, kin, id);
    }
    return t;
}

static struct template_moment moment(const struct set_message *m) {
    return (struct template_moment){m->header.exported, m->header.sequence};
}

/* That template as it was when the message was sent, or NULL. */
static const struct template *template_for(struct set_message *m, uint16_t id) {
    struct exporter *owner;
    struct template *t = known(m, id, &owner);
    if (!t)
        return NULL;
    const struct template_moment sent = moment(m);
    const struct template *then = template_as_of(&owner->templates, t, &sent, m->c->clock);
    exporters_changed(&m->c->exporters, owner);
    return then;
}

static const struct template *list_template(void *arg, uint16_t id) {
    return template_for(arg, id);
}

static void data_set(struct set_message *m, uint16_t id, struct cursor set) {
    const struct template *t = template_for(m, id);
    if (t) {
        decode_with(m, t, set);
        return;
    }
    m->unknown = true;
    /* Over TCP templates go before their data (RFC 7011 8): what comes later is another one, of the same id. */
    if (m->d->stream)
        pending_give_up(m->e, cursor_left(&set));
    else
        pending_hold(m->c, m->e, &m->header, id, set);
}

/* Decode what was held for a template that has come now, each set with its own message header. */
static void release_pending(struct set_message *m, uint16_t id) {
    struct pending_set *s;
    struct exporter *owner;
    const struct template *t;
    struct set_message held = *m;
    /* Each set may be options data, for which templates make room. */
    while ((t = known(m, id, &owner)) != NULL && (s = pending_take(m->c, m->e, id)) != NULL) {
        held.header = s->header;
        use_announced(m, &held.header);
        record_header(&m->c->record, &held.header);
        decode_with(&held, t, cursor_of(s->data, s->size));
        free(s);
    }
    record_header(&m->c->record, &m->header);
}

/* The same for templates of another session, which may be used from now on. */
static void release_all(struct set_message *m) {
    struct exporter *owner;
    struct pending_set *s = m->e->pending.first;
    while (s) {
        bool can = known(m, s->template, &owner) != NULL;
        if (can)
            release_pending(m, s->template); /* s among them */
        s = can ? m->e->pending.first : s->in[PENDING_EXPORTER].next;
    }
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

/* octets: that the definition took. */
static void learn(struct set_message *m, const struct template_definition *d, size_t octets) {
    struct collector *c = m->c;
    const struct template_moment sent = moment(m);
    enum template_change change =
        template_learn(&m->e->templates, &c->elements, d, &sent, c->clock,
                       c->limits.exporter_template, &c->exporters.dropped_templates);
    exporters_changed(&c->exporters, m->e);
    c->touched = true;
    if (change == TEMPLATE_USELESS)
        fault(m, FVT_BAD_TEMPLATE, octets);
    if (session_announced(c, m->e, d))
        release_all(m);
    if (change != TEMPLATE_NEW)
        return;
    c->changes++;
    exporters_make_room(&c->exporters, c->limits.announced);
    if (m->nlearned < sizeof m->learned / sizeof *m->learned)
        m->learned[m->nlearned++] = d->id;
    else
        release_pending(m, d->id);
}

/* Over UDP a withdrawal would be ambiguous, and is to be ignored (RFC 7011 8.4). */
static void withdraw(struct set_message *m, uint16_t id, bool options) {
    if (!m->d->stream)
        return;
    template_withdraw(&m->e->templates, id < SET_FIRST_DATA ? 0 : id, options);
    exporters_changed(&m->c->exporters, m->e);
}

static bool template_head(struct cursor *c, uint16_t *id, uint16_t *scopes, uint16_t *fields) {
    *scopes = 0;
    return cursor_u16(c, id) && cursor_u16(c, fields);
}

static void template_set(struct set_message *m, bool options, struct cursor set) {
    struct template_field fields[TEMPLATE_FIELDS];
    while (cursor_left(&set) >= 4 && !cursor_zeros(&set)) {
        uint16_t id = 0, scopes = 0, n = 0;
        size_t left = cursor_left(&set);
        bool head = options ? m->protocol->options_head(&set, &id, &scopes, &n)
                            : template_head(&set, &id, &scopes, &n);
        if (head && n == 0 && m->protocol->withdrawal) {
            withdraw(m, id, options);
            continue;
        }
        const struct template_definition d = {id, options, scopes, n, fields};
        if (!head || !template_possible(&d) || !read_fields(m, &set, scopes, n, fields)) {
            fault(m, FVT_BAD_TEMPLATE, left);
            return;
        }
        learn(m, &d, left - cursor_left(&set));
    }
}

/* ---- sets ------------------------------------------------------------------------------- */

static void decode_sets(struct set_message *m, struct cursor body) {
    while (cursor_left(&body) >= SET_HEADER) {
        if (cursor_zeros(&body))
            return; /* filled up, as some exporters do */
        uint16_t id = 0, length = 0;
        size_t left = cursor_left(&body);
        cursor_u16(&body, &id);
        cursor_u16(&body, &length);
        /* Of a set that is cut off, what is there is tried. */
        if (length < SET_HEADER || length > left)
            fault(m, FVT_BAD_SET, length < SET_HEADER ? left : 0);
        if (length < SET_HEADER)
            return;
        struct cursor set = cursor_cut(&body, length - SET_HEADER);
        if (id == m->protocol->template_id || id == m->protocol->options_id)
            template_set(m, id == m->protocol->options_id, set);
        else if (id >= SET_FIRST_DATA)
            data_set(m, id, set);
        else
            fault(m, FVT_BAD_SET, SET_HEADER + cursor_left(&set));
    }
    if (cursor_left(&body) && !cursor_zeros(&body))
        fault(m, FVT_BAD_SET, cursor_left(&body));
}

void sets_decode(struct set_message *m, struct cursor body) {
    use_announced(m, &m->header);
    record_header(&m->c->record, &m->header);
    decode_sets(m, body);
    for (unsigned i = 0; i < m->nlearned; i++)
        release_pending(m, m->learned[i]);
}
