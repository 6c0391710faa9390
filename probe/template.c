/* SPDX-License-Identifier: MIT */
/*
** NetFlow v9 (RFC 3954) and IPFIX (RFC 7011). Templates are not written down anywhere: a row's
** template is the fields it has, in the order of schema/fields.def and with the element and length
** given there, so adding a field there adds it here. Rows with the same fields and the same
** address family share a template; there are about a dozen in practice.
**
** Where the two differ is in struct dialect and in the functions whose names begin with it.
*/
#include <stdlib.h>

#include "message.h"
#include "schema/mpls.h"

enum {
    FIRST_TEMPLATE = 256, /* ids below are sets of their own kind */
    MAX_TEMPLATES = 64,
    MAX_FIELDS = 80,
    OPTIONS_ID = 512,
    SET_HEADER = 4,
    NAME_OCTETS = 32, /* of interface names in v9, which has fixed lengths */
    ALIAS_OCTETS = 64,
    APPLICATION_OPTIONS_ID = 511,
    APPLICATION_OCTETS = 5, /* of an id: the engine and the number */
    ELEMENT_APPLICATION = 95,
    ELEMENT_APPLICATION_NAME = 96,
    ELEMENT_APPLICATION_DESCRIPTION = 94,
    ELEMENT_APPLICATION_CATEGORY = 372,
    ELEMENT_INTERFACE = 10,
    ELEMENT_NAME = 82,
    ELEMENT_DESCRIPTION = 83,
    ELEMENT_ICMP = 32, /* type * 256 + code; the only one NetFlow v9 collectors know */
    ELEMENT_ICMP6 = 139,
    ELEMENT_SAMPLER = 48, /* in v9 */
    V9_SCOPE_SYSTEM = 1,
    V9_SCOPE_INTERFACE = 2,
    VARIABLE = 65535,
    ENTERPRISE = 0x8000, /* an element has a PEN behind it (RFC 7011 3.2) */
    REVERSE_PEN = 29305, /* of elements of the reverse direction (RFC 5103 6.1) */
    ELEMENT_LABEL = 70,  /* to 79 */
    SEGMENT_VXLAN = 1,   /* of layer2SegmentId: its most significant octet */
    SEGMENT_NVGRE = 2,
    PROTO_GRE = 47,
    ICMP_PACKED = FLOW_NFIELDS, /* pseudo field for the two */
    LABEL_FIRST,                /* and for each entry of mpls */
    NO_LENGTH = 0,
};
static const uint32_t NTP_1970 = UINT32_C(2208988800);
static const unsigned time_elements[TIME_NFORMATS] = {
    [TIME_MILLI] = 152, [TIME_SEC] = 150, [TIME_MICRO] = 154, [TIME_NANO] = 156};

struct dialect {
    unsigned version;
    size_t header;
    unsigned template_set, options_set;
    bool uptime; /* times are 32-bit milliseconds since boot, elements 22 and 21 */
    bool pads;   /* sets end on a multiple of four octets */
};
static const struct dialect v9 = {9, 20, 0, 1, true, true};
static const struct dialect ipfix = {10, 16, 2, 3, false, false};

struct template_field {
    uint16_t field; /* enum flow_field, ICMP_PACKED, or LABEL_FIRST and on */
    uint16_t element;
    uint32_t pen; /* 0: IANA */
    uint8_t octets;
    uint8_t put; /* enum put */
};

/* How a field is written. */
enum put { PUT_UINT, PUT_IP, PUT_TIME, PUT_ICMP, PUT_LABEL, PUT_SEGMENT, PUT_APPLICATION };

/* What rows that share a template have alike, besides their fields. */
struct template_shape {
    uint8_t six;    /* bit 0: srcip is an IPv6 address, bit i + 1: shaped[i] is */
    uint8_t labels; /* in mpls */
};
static const uint8_t shaped[] = {FLOW_tunsrcip, FLOW_innersrcip};

struct template {
    uint64_t present[(FLOW_NFIELDS + 63) / 64]; /* of the rows it is for */
    struct template_shape shape;
    bool due; /* to be sent before the next data */
    uint16_t nfields;
    uint16_t octets;       /* of a record */
    uint16_t announcement; /* octets of its fields in the template */
    struct template_field fields[MAX_FIELDS];
};

struct template_table {
    unsigned n, last; /* last: the one used last */
    bool options_due;
    bool applications;  /* their options template was sent */
    uint32_t announced; /* bit i: the options template ANNOUNCE_FIRST + i */
    struct template t[MAX_TEMPLATES];
};

struct template_table *templates_new(void) {
    struct template_table *t = calloc(1, sizeof *t);
    if (t)
        t->options_due = true;
    return t;
}

void templates_free(struct template_table *t) {
    free(t);
}

static void refresh(struct format_state *s) {
    for (unsigned i = 0; i < s->templates->n; i++)
        s->templates->t[i].due = true;
    s->templates->options_due = true;
    s->templates->applications = false;
    s->templates->announced = 0;
}

/* ---- building templates ------------------------------------------------------------------ */

static struct template_shape shape_of(const struct flow_row *row) {
    struct template_shape shape = {row->value[FLOW_srcip].ip.family == 6, 0};
    for (unsigned i = 0; i < sizeof shaped; i++)
        if (flow_row_has(row, shaped[i]) && row->value[shaped[i]].ip.family == 6)
            shape.six |= (uint8_t)(2u << i);
    if (flow_row_has(row, FLOW_mpls)) {
        uint32_t entry[MPLS_LABELS];
        shape.labels =
            (uint8_t)mpls_read(row->value[FLOW_mpls].text.p, row->value[FLOW_mpls].text.n, entry);
    }
    return shape;
}

/* Of an enterprise, where the catalogue has it so. */
static uint64_t reverse_element(int field) {
    const uint64_t *e = flow_fields[field].elements;
    while (*e >> 16 != REVERSE_PEN)
        e++;
    return *e;
}

/* In IPFIX times of the forward and the reverse direction have the same numbers. */
static uint64_t time_element(int field, enum time_format format) {
    bool reverse = field == FLOW_revtstart || field == FLOW_revtend;
    bool end = field == FLOW_tend || field == FLOW_revtend;
    return FLOW_ELEMENT(reverse ? REVERSE_PEN : 0, time_elements[format] + end);
}

/* Which of a field's elements: the IPv6 one for addresses and ICMP of IPv6, the one of the reverse direction for its
** counters, else the first. v9, which has no enterprises, has times since boot and types of its own. 0: it has none. */
static uint64_t element_of(const struct dialect *d, int field, int family,
                           enum time_format format) {
    const struct flow_field_def *def = &flow_fields[field];
    if (def->class == FLOW_TIME && !d->uptime)
        return time_element(field, format);
    if (field == FLOW_tstart || field == FLOW_tend)
        return field == FLOW_tstart ? 22 : 21;
    if (field == FLOW_samplerid && d->uptime)
        return ELEMENT_SAMPLER;
    if (field == FLOW_outpackets || field == FLOW_outbytes)
        return reverse_element(field);
    bool by_family = def->class == FLOW_IP || field == FLOW_icmptype || field == FLOW_icmpcode;
    const uint64_t *elements = d->uptime && def->elements[0] >> 16 ? def->v9 : def->elements;
    return elements[by_family && family == 6 && elements[0] ? 1 : 0];
}

static uint8_t put_of(unsigned field) {
    if (field >= FLOW_NFIELDS)
        return field == ICMP_PACKED ? PUT_ICMP : PUT_LABEL;
    if (field == FLOW_vni)
        return PUT_SEGMENT;
    if (field == FLOW_appid)
        return PUT_APPLICATION;
    return flow_fields[field].class == FLOW_IP     ? PUT_IP
           : flow_fields[field].class == FLOW_TIME ? PUT_TIME
                                                   : PUT_UINT;
}

static void add_field(struct template *t, unsigned field, uint64_t element, unsigned octets) {
    if (t->nfields == MAX_FIELDS || element == 0)
        return;
    uint32_t pen = (uint32_t)(element >> 16);
    t->fields[t->nfields++] = (struct template_field){(uint16_t)field, (uint16_t)(element & 0xffff),
                                                      pen, (uint8_t)octets, put_of(field)};
    t->octets = (uint16_t)(t->octets + octets);
    t->announcement = (uint16_t)(t->announcement + (pen ? 8 : 4));
}

static void build(const struct dialect *d, struct template *t, const struct flow_row *row,
                  enum time_format format) {
    memset(t, 0, sizeof *t);
    memcpy(t->present, row->present, sizeof t->present);
    const int family = row->value[FLOW_srcip].ip.family;
    t->shape = shape_of(row);
    t->due = true;
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        unsigned octets = flow_fields[f].octets;
        if (octets == NO_LENGTH || !flow_row_has(row, f))
            continue;
        const int own = flow_fields[f].class == FLOW_IP ? row->value[f].ip.family : family;
        if (flow_fields[f].class == FLOW_IP && own == 6)
            octets = 16;
        if (f == FLOW_mpls) {
            for (unsigned i = 0; i < t->shape.labels; i++)
                add_field(t, LABEL_FIRST + i, ELEMENT_LABEL + i, octets);
            continue;
        }
        if (flow_fields[f].class == FLOW_TIME && (d->uptime || format == TIME_SEC))
            octets = 4;
        add_field(t, (unsigned)f, element_of(d, f, own, format), octets);
    }
    if (flow_row_has(row, FLOW_icmptype))
        add_field(t, ICMP_PACKED, d->uptime || family == 4 ? ELEMENT_ICMP : ELEMENT_ICMP6, 2);
}

/* The template for row's fields; made if there is none. When there are too many, which no
** mix of link layers comes near, they begin anew. */
static unsigned template_for(const struct dialect *d, struct format_state *s,
                             const struct flow_row *row) {
    struct template_table *table = s->templates;
    const struct template_shape shape = shape_of(row);
    for (unsigned k = 0; k < table->n; k++) {
        unsigned i = (table->last + k) % table->n;
        if (table->t[i].shape.six == shape.six && table->t[i].shape.labels == shape.labels &&
            memcmp(table->t[i].present, row->present, sizeof row->present) == 0)
            return table->last = i;
    }
    if (table->n == MAX_TEMPLATES)
        table->n = 0;
    build(d, &table->t[table->n], row, s->time_format);
    return table->last = table->n++;
}

/* ---- sets -------------------------------------------------------------------------------- */

/* Write the length of the open set. */
static void close_set(const struct dialect *d, struct message *m) {
    if (m->set == 0)
        return;
    if (d->pads)
        while ((m->length - m->set) % 4 != 0)
            put8(m, 0);
    set16(m, m->set + 2, m->length - m->set);
    m->set = 0;
}

/* Room for n more octets, besides a set header and padding. */
static bool has_room(const struct message *m, size_t n) {
    return m->length + SET_HEADER + n + 2 * 3 <= m->limit;
}

static void open_set(const struct dialect *d, struct message *m, unsigned id) {
    if (m->set != 0 && m->set_id == id)
        return;
    close_set(d, m);
    m->set = m->length;
    m->set_id = id;
    put16(m, id);
    put16(m, 0);
}

/* A message that n octets can be added to. tstart, tend: of what is to be added. */
static void need(const struct dialect *d, struct format_state *s, size_t n, int64_t now,
                 int64_t tstart, int64_t tend) {
    struct message *m = &s->message;
    if (m->length > 0 && (!has_room(m, n) || !message_add(s, now, tstart, tend)))
        s->send(s->arg);
    if (m->length == 0) {
        message_begin(s, now, tstart, tend);
        if (!d->uptime) /* no boot to be reached */
            m->clock = message_second(now > tend ? now : tend);
        m->length = d->header;
        m->set = 0;
    }
}

static void put_template(const struct dialect *d, struct message *m, unsigned id,
                         const struct template *t) {
    open_set(d, m, d->template_set);
    put16(m, id);
    put16(m, t->nfields);
    for (unsigned i = 0; i < t->nfields; i++) {
        put16(m, t->fields[i].element | (t->fields[i].pen ? ENTERPRISE : 0));
        put16(m, t->fields[i].octets);
        if (t->fields[i].pen)
            put32(m, t->fields[i].pen);
    }
    m->count++;
}

/* ---- records ----------------------------------------------------------------------------- */

/* Seconds since 1900 and a fraction of 32 bits, of which microseconds have 21 (RFC 7011 6.1.9, 6.1.10). */
static void put_ntp(struct message *m, int64_t microseconds, bool nano) {
    uint64_t us = microseconds > 0 ? (uint64_t)microseconds : 0;
    uint64_t fraction =
        (((us % 1000000) << 32) + 999999) / 1000000; /* up: no microsecond less is read */
    put32(m, us / 1000000 + NTP_1970);
    put32(m, nano ? fraction : (fraction + 0x7ff) & ~UINT64_C(0x7ff));
}

/* Of a field, finer than milliseconds. */
static int64_t microseconds_of(const struct flow_times *t, unsigned field) {
    return field == FLOW_tstart      ? t->first
           : field == FLOW_tend      ? t->last
           : field == FLOW_revtstart ? t->reverse_first
                                     : t->reverse_last;
}

static void put_time(const struct dialect *d, struct format_state *s, int64_t ms, unsigned field) {
    struct message *m = &s->message;
    if (d->uptime)
        put_uint(m, (uint64_t)(message_time(ms) - m->boot), 4);
    else if (s->time_format == TIME_SEC)
        put_uint(m, ms > 0 ? (uint64_t)ms / 1000 : 0, 4);
    else if (s->time_format == TIME_MILLI)
        put_uint(m, ms > 0 ? (uint64_t)ms : 0, 8);
    else
        put_ntp(m, microseconds_of(&s->times, field), s->time_format == TIME_NANO);
}

static void put_label(struct message *m, const struct flow_row *row, unsigned i) {
    uint32_t entry[MPLS_LABELS];
    unsigned n = mpls_read(row->value[FLOW_mpls].text.p, row->value[FLOW_mpls].text.n, entry);
    put_uint(m, i < n ? entry[i] : 0, 3);
}

static void put_segment(struct message *m, const struct flow_row *row) {
    bool gre = flow_row_has(row, FLOW_tunproto) ? row->value[FLOW_tunproto].i == PROTO_GRE
                                                : row->value[FLOW_proto].i == PROTO_GRE;
    put8(m, gre ? SEGMENT_NVGRE : SEGMENT_VXLAN);
    put_uint(m, (uint64_t)row->value[FLOW_vni].i, 7);
}

static void put_application_id(struct message *m, uint32_t number) {
    put8(m, ENGINE_ID);
    put32(m, number);
}

/* "22:5", as the probe itself writes them. */
static void put_application(struct message *m, const struct flow_row *row) {
    const char *text = row->value[FLOW_appid].text.p;
    const size_t n = row->value[FLOW_appid].text.n;
    uint32_t number = 0;
    for (size_t i = 0; i < n; i++)
        number = text[i] == ':' ? 0 : number * 10 + (uint32_t)(text[i] - '0');
    put_application_id(m, number);
}

static void put_field(const struct dialect *d, struct format_state *s, const struct flow_row *row,
                      const struct template_field *f) {
    struct message *m = &s->message;
    switch ((enum put)f->put) {
    case PUT_UINT:
        put_uint(m, (uint64_t)row->value[f->field].i, f->octets);
        break;
    case PUT_IP:
        put_bytes(m, row->value[f->field].ip.addr, f->octets);
        break;
    case PUT_TIME:
        put_time(d, s, row->value[f->field].i, f->field);
        break;
    case PUT_ICMP:
        put8(m, (uint64_t)row->value[FLOW_icmptype].i);
        put8(m, (uint64_t)row->value[FLOW_icmpcode].i);
        break;
    case PUT_LABEL:
        put_label(m, row, f->field - LABEL_FIRST);
        break;
    case PUT_SEGMENT:
        put_segment(m, row);
        break;
    case PUT_APPLICATION:
        put_application(m, row);
        break;
    }
}

static unsigned add(const struct dialect *d, struct format_state *s, const struct flow_row *row,
                    int64_t now) {
    struct message *m = &s->message;
    unsigned id = template_for(d, s, row);
    struct template *t = &s->templates->t[id];
    int64_t tstart = message_time(row->value[FLOW_tstart].i);
    int64_t tend = message_time(row->value[FLOW_tend].i);
    size_t n = t->octets;
    if (t->due)
        n += SET_HEADER + 4u + t->announcement;
    need(d, s, n, now, tstart, tend);
    if (t->due) {
        put_template(d, m, FIRST_TEMPLATE + id, t);
        t->due = false;
    }
    open_set(d, m, FIRST_TEMPLATE + id);
    for (unsigned i = 0; i < t->nfields; i++)
        put_field(d, s, row, &t->fields[i]);
    m->records++;
    m->count++;
    return 1;
}

/* ---- options: names of interfaces -------------------------------------------------------- */

static void v9_options_template(struct message *m) {
    put16(m, OPTIONS_ID);
    put16(m, 4); /* octets of the scope fields */
    put16(m, 8); /* octets of the option fields */
    put16(m, V9_SCOPE_INTERFACE);
    put16(m, 4);
    put16(m, ELEMENT_NAME);
    put16(m, NAME_OCTETS);
    put16(m, ELEMENT_DESCRIPTION);
    put16(m, ALIAS_OCTETS);
}

static void ipfix_options_template(struct message *m) {
    put16(m, OPTIONS_ID);
    put16(m, 3); /* fields, of which */
    put16(m, 1); /* is scope */
    put16(m, ELEMENT_INTERFACE);
    put16(m, 4);
    put16(m, ELEMENT_NAME);
    put16(m, VARIABLE);
    put16(m, ELEMENT_DESCRIPTION);
    put16(m, VARIABLE);
}

/* Text in a field of fixed length (v9: filled up with zeros), or with its length before it. */
static void put_text(const struct dialect *d, struct message *m, const char *text, size_t fixed) {
    size_t n = strlen(text);
    n = n < fixed ? n : fixed;
    if (!d->uptime)
        put8(m, n);
    put_bytes(m, text, n);
    if (d->uptime)
        for (; n < fixed; n++)
            put8(m, 0);
}

static void interface(const struct dialect *d, struct format_state *s, uint32_t ifindex,
                      const char *name, const char *description, int64_t now) {
    struct message *m = &s->message;
    need(d, s, 64 + 4 + NAME_OCTETS + ALIAS_OCTETS, now, now, now);
    if (s->templates->options_due) {
        open_set(d, m, d->options_set);
        if (d->uptime)
            v9_options_template(m);
        else
            ipfix_options_template(m);
        close_set(d, m);
        m->count++;
        s->templates->options_due = false;
    }
    open_set(d, m, OPTIONS_ID);
    put32(m, ifindex);
    put_text(d, m, name, NAME_OCTETS);
    put_text(d, m, description, ALIAS_OCTETS);
    m->records++;
    m->count++;
}

/* ---- options: names of applications ------------------------------------------------------ */

static const struct {
    uint16_t element, octets;
} application_fields[] = {{ELEMENT_APPLICATION, APPLICATION_OCTETS},
                          {ELEMENT_APPLICATION_NAME, ENGINE_NAME},
                          {ELEMENT_APPLICATION_DESCRIPTION, ENGINE_MEANING},
                          {ELEMENT_APPLICATION_CATEGORY, ENGINE_CATEGORY}};
enum {
    APPLICATION_FIELDS = sizeof application_fields / sizeof *application_fields,
    APPLICATION_RECORD = 4 + APPLICATION_OCTETS + ENGINE_NAME + ENGINE_MEANING + ENGINE_CATEGORY,
};

/* The scope is the id (RFC 6759 4.1.2); in v9, where scopes are of few types, the system. Lengths are fixed in both: nfcapd
** takes no others. */
static void application_template(const struct dialect *d, struct message *m) {
    open_set(d, m, d->options_set);
    put16(m, APPLICATION_OPTIONS_ID);
    put16(m, d->uptime ? 4 : APPLICATION_FIELDS); /* v9: octets of the scope fields and */
    put16(m,
          d->uptime ? 4 * APPLICATION_FIELDS : 1); /* of the others; IPFIX: fields, of them scope */
    if (d->uptime) {
        put16(m, V9_SCOPE_SYSTEM);
        put16(m, 4);
    }
    for (unsigned i = 0; i < APPLICATION_FIELDS; i++) {
        put16(m, application_fields[i].element);
        put16(m, application_fields[i].octets);
    }
    close_set(d, m);
    m->count++;
}

static void put_padded(struct message *m, const char *text, size_t octets) {
    size_t n = strnlen(text, octets);
    put_bytes(m, text, n);
    memset(m->data + m->length, 0, octets - n);
    m->length += octets - n;
}

static void application(const struct dialect *d, struct format_state *s,
                        const struct application *a, int64_t now) {
    struct message *m = &s->message;
    need(d, s, 2 * SET_HEADER + 10 + 4 * APPLICATION_FIELDS + APPLICATION_RECORD, now, now, now);
    if (!s->templates->applications)
        application_template(d, m);
    s->templates->applications = true;
    open_set(d, m, APPLICATION_OPTIONS_ID);
    if (d->uptime)
        put32(m, s->odid);
    put_application_id(m, a->number);
    put_padded(m, a->name, ENGINE_NAME);
    put_padded(m, a->meaning, ENGINE_MEANING);
    put_padded(m, a->category, ENGINE_CATEGORY);
    m->records++;
    m->count++;
}

/* ---- options: announcements -------------------------------------------------------------- */

static void options_template(const struct dialect *d, struct message *m,
                             const struct announcement *a) {
    open_set(d, m, d->options_set);
    put16(m, a->id);
    put16(m, d->uptime ? 4 : a->nfields + 1u); /* v9: octets of the scope fields and */
    put16(m, d->uptime ? 4u * a->nfields : 1); /* of the others; IPFIX: fields, of them scope */
    put16(m, d->uptime ? V9_SCOPE_SYSTEM : a->scope);
    put16(m, 4);
    for (unsigned i = 0; i < a->nfields; i++) {
        put16(m, a->fields[i].element);
        put16(m, a->fields[i].octets);
    }
    close_set(d, m);
    m->count++;
}

static void announce(const struct dialect *d, struct format_state *s, const struct announcement *a,
                     uint64_t scope, const uint64_t *values, int64_t now) {
    struct message *m = &s->message;
    uint32_t bit = 1u << (a->id - ANNOUNCE_FIRST);
    need(d, s, 2 * SET_HEADER + 10 + ANNOUNCE_FIELDS * (4 + 8), now, now, now);
    if (!(s->templates->announced & bit))
        options_template(d, m, a);
    s->templates->announced |= bit;
    open_set(d, m, a->id);
    put32(m, scope);
    for (unsigned i = 0; i < a->nfields; i++)
        put_uint(m, values[i], a->fields[i].octets);
    m->records++;
    m->count++;
}

/* ---- the two formats --------------------------------------------------------------------- */

static unsigned v9_add(struct format_state *s, const struct flow_row *row, int64_t now) {
    return add(&v9, s, row, now);
}

static void v9_interface(struct format_state *s, uint32_t ifindex, const char *name,
                         const char *description, int64_t now) {
    interface(&v9, s, ifindex, name, description, now);
}

static void v9_application(struct format_state *s, const struct application *a, int64_t now) {
    application(&v9, s, a, now);
}

static void v9_announce(struct format_state *s, const struct announcement *a, uint64_t scope,
                        const uint64_t *values, int64_t now) {
    announce(&v9, s, a, scope, values, now);
}

static void v9_finish(struct format_state *s) {
    struct message *m = &s->message;
    close_set(&v9, m);
    size_t end = m->length;
    m->length = 0;
    put16(m, v9.version);
    put16(m, m->count);
    put32(m, (uint64_t)(m->clock - m->boot));
    put32(m, (uint64_t)(m->clock / 1000));
    put32(m, s->messages); /* sequence: of the datagrams sent before */
    put32(m, s->odid);
    m->length = end;
}

static unsigned ipfix_add(struct format_state *s, const struct flow_row *row, int64_t now) {
    return add(&ipfix, s, row, now);
}

static void ipfix_interface(struct format_state *s, uint32_t ifindex, const char *name,
                            const char *description, int64_t now) {
    interface(&ipfix, s, ifindex, name, description, now);
}

static void ipfix_application(struct format_state *s, const struct application *a, int64_t now) {
    application(&ipfix, s, a, now);
}

static void ipfix_announce(struct format_state *s, const struct announcement *a, uint64_t scope,
                           const uint64_t *values, int64_t now) {
    announce(&ipfix, s, a, scope, values, now);
}

static void ipfix_finish(struct format_state *s) {
    struct message *m = &s->message;
    close_set(&ipfix, m);
    size_t end = m->length;
    m->length = 0;
    put16(m, ipfix.version);
    put16(m, end);
    put32(m, (uint64_t)(m->clock / 1000));
    put32(m, s->records); /* sequence: of the data records sent before, RFC 7011 3.1 */
    put32(m, s->odid);
    m->length = end;
}

const struct format format_v9 = {
    .name = "v9",
    .add = v9_add,
    .finish = v9_finish,
    .interface = v9_interface,
    .application = v9_application,
    .sampler = announce_sampler_v9,
    .announce = v9_announce,
    .refresh = refresh,
};

const struct format format_ipfix = {
    .name = "ipfix",
    .add = ipfix_add,
    .finish = ipfix_finish,
    .interface = ipfix_interface,
    .application = ipfix_application,
    .sampler = announce_sampler,
    .announce = ipfix_announce,
    .refresh = refresh,
};
