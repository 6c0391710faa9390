/* SPDX-License-Identifier: MIT */
/*
** Compiles templates into plans and runs them. A plan is a short list of steps, one per field that
** is wanted; running it over a record is a switch per step and no search. Length rules are
** those of RFC 7011: reduced-size integers (6.2), variable-length fields (7), time forms (6.1.7 to
** 6.1.10).
*/
#include "plan.h"

#include <endian.h>
#include <stdlib.h>

#include "lists.h"
#include "record.h"
#include "template.h"
#include "totals.h"

/* What an element holds, whatever its length. */
enum kind {
    KIND_UINT,
    KIND_FLAGS,     /* TCP: the 4 bits where the data offset is are to be ignored, RFC 7125 */
    KIND_DIRECTION, /* 255 is no value */
    KIND_SECONDS,
    KIND_MS,
    KIND_NTP,   /* dateTimeMicroseconds and dateTimeNanoseconds */
    KIND_DELTA, /* microseconds before the export time */
    KIND_IP,
    KIND_IP_SECOND, /* used when the address of the other family is all zero */
    KIND_MAC,
    KIND_TEXT,
    KIND_APPID,
    KIND_FLOAT,
    KIND_SECTION, /* the first octets of a packet */
    KIND_SEGMENT, /* layer2SegmentId: what kind of network it is, and 24 bits */
};

enum convert {
    CONVERT_NONE, /* octets of that length mean nothing for that kind */
    CONVERT_U8,
    CONVERT_U16,
    CONVERT_U32,
    CONVERT_U64,
    CONVERT_UINT,
    CONVERT_FLAGS,
    CONVERT_SEGMENT,
    CONVERT_DIRECTION,
    CONVERT_SECONDS,
    CONVERT_MS,
    CONVERT_NTP,
    CONVERT_DELTA,
    CONVERT_IP4,
    CONVERT_IP6,
    CONVERT_SECOND,
    CONVERT_MAC,
    CONVERT_TEXT,
    CONVERT_APPID,
    CONVERT_FLOAT,
    CONVERT_SECTION,
    CONVERT_VARIABLE, /* decided by the length in the record */
};

/* Elements that are not read as the class of their field says, or that help to find a field.
** field 0: the one of the catalogue. */
static const struct special {
    uint64_t element;
    uint8_t kind;
    uint8_t field;
    bool kept; /* in `extra`, too */
} specials[] = {
    {6, KIND_FLAGS, 0, false},
    {21, KIND_UINT, HELPER_END_UPTIME, false},
    {22, KIND_UINT, HELPER_START_UPTIME, false},
    {32, KIND_UINT, HELPER_ICMP, false},
    {61, KIND_DIRECTION, 0, false},
    {70, KIND_UINT, HELPER_LABEL, false},
    {71, KIND_UINT, HELPER_LABEL + 1, false},
    {72, KIND_UINT, HELPER_LABEL + 2, false},
    {73, KIND_UINT, HELPER_LABEL + 3, false},
    {74, KIND_UINT, HELPER_LABEL + 4, false},
    {75, KIND_UINT, HELPER_LABEL + 5, false},
    {76, KIND_UINT, HELPER_LABEL + 6, false},
    {77, KIND_UINT, HELPER_LABEL + 7, false},
    {78, KIND_UINT, HELPER_LABEL + 8, false},
    {79, KIND_UINT, HELPER_LABEL + 9, false},
    {95, KIND_APPID, 0, false},
    {104, KIND_SECTION, HELPER_FRAME_SECTION, true},
    {139, KIND_UINT, HELPER_ICMP, false},
    {150, KIND_SECONDS, 0, false},
    {151, KIND_SECONDS, 0, false},
    {154, KIND_NTP, 0, false},
    {155, KIND_NTP, 0, false},
    {156, KIND_NTP, 0, false},
    {157, KIND_NTP, 0, false},
    {158, KIND_DELTA, 0, false},
    {159, KIND_DELTA, 0, false},
    {160, KIND_UINT, HELPER_BOOT, false},
    {161, KIND_UINT, HELPER_DURATION_MS, false},
    {162, KIND_UINT, HELPER_DURATION_US, false},
    {192, KIND_UINT, HELPER_TTL, false},
    {305, KIND_UINT, HELPER_PACKET_INTERVAL, false},
    {306, KIND_UINT, HELPER_SPACE, false},
    {309, KIND_UINT, HELPER_SIZE, false},
    {310, KIND_UINT, HELPER_POPULATION, false},
    {311, KIND_FLOAT, HELPER_PROBABILITY, false},
    {312, KIND_UINT, HELPER_FRAME_SIZE, true},
    {313, KIND_SECTION, HELPER_IP_SECTION, true},
    {315, KIND_SECTION, HELPER_FRAME_SECTION, true},
    {322, KIND_SECONDS, 0, false},
    {324, KIND_NTP, 0, false},
    {325, KIND_NTP, 0, false},
    {351, KIND_SEGMENT, 0, false},
    {408, KIND_UINT, HELPER_FRAME_TYPE, true},
    {FLOW_ELEMENT(6871, 14), KIND_UINT, HELPER_FIRST_FLAGS, true}, /* YAF */
    {FLOW_ELEMENT(6871, 15), KIND_UINT, HELPER_OTHER_FLAGS, true},
    {FLOW_ELEMENT(6871, 16398), KIND_UINT, HELPER_REV_FIRST_FLAGS, true},
    {FLOW_ELEMENT(6871, 16399), KIND_UINT, HELPER_REV_OTHER_FLAGS, true},
    {FLOW_ELEMENT(29305, 6), KIND_FLAGS, 0, false},
    {FLOW_ELEMENT(29305, 150), KIND_SECONDS, 0, false},
    {FLOW_ELEMENT(29305, 151), KIND_SECONDS, 0, false},
    {FLOW_ELEMENT(29305, 154), KIND_NTP, 0, false},
    {FLOW_ELEMENT(29305, 155), KIND_NTP, 0, false},
    {FLOW_ELEMENT(29305, 156), KIND_NTP, 0, false},
    {FLOW_ELEMENT(29305, 157), KIND_NTP, 0, false},
};
enum { NSPECIALS = sizeof specials / sizeof *specials };

enum { REVERSE_PEN = 29305 };

static const struct special *special_find(uint64_t element) {
    for (size_t i = 0; i < NSPECIALS; i++)
        if (specials[i].element == element)
            return &specials[i];
    return NULL;
}

static const uint8_t class_kind[] = {
    [FLOW_UINT] = KIND_UINT, [FLOW_TIME] = KIND_MS,   [FLOW_IP] = KIND_IP,
    [FLOW_MAC] = KIND_MAC,   [FLOW_TEXT] = KIND_TEXT,
};

/* ---- elements --------------------------------------------------------------------------- */

static int element_order(const void *a, const void *b) {
    const struct element *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static void element_add(struct element_map *map, uint64_t key, unsigned field, unsigned rank) {
    if (map->count < sizeof map->entry / sizeof *map->entry)
        map->entry[map->count++] = (struct element){key, (uint8_t)field, (uint8_t)rank};
}

static bool is_added(const struct element_map *map, uint64_t key) {
    for (uint32_t i = 0; i < map->count; i++)
        if (map->entry[i].key == key)
            return true;
    return false;
}

void element_map_build(struct element_map *map) {
    map->count = 0;
    for (unsigned f = 0; f < FLOW_NFIELDS; f++) {
        unsigned rank = 0;
        if (f == FLOW_mpls) /* each of its elements is a part of it */
            continue;
        for (const uint64_t *e = flow_fields[f].elements; *e; e++)
            element_add(map, *e, f, rank++);
        for (const uint64_t *e = flow_fields[f].v9; *e; e++)
            element_add(map, *e, f, rank++);
    }
    for (size_t i = 0; i < NSPECIALS; i++)
        if (specials[i].field && !is_added(map, specials[i].element))
            element_add(map, specials[i].element, specials[i].field, 0);
    qsort(map->entry, map->count, sizeof *map->entry, element_order);
}

const struct element *element_find(const struct element_map *map, uint32_t pen, uint16_t id) {
    struct element key = {.key = FLOW_ELEMENT(pen, id)};
    return bsearch(&key, map->entry, map->count, sizeof *map->entry, element_order);
}

/* ---- compiling -------------------------------------------------------------------------- */

static const uint8_t uint_convert[9] = {
    CONVERT_NONE, CONVERT_U8,   CONVERT_U16,  CONVERT_UINT, CONVERT_U32,
    CONVERT_UINT, CONVERT_UINT, CONVERT_UINT, CONVERT_U64,
};

static enum convert convert_for(enum kind kind, size_t length) {
    if (length == 0)
        return kind == KIND_TEXT ? CONVERT_TEXT : CONVERT_NONE;
    if (length == TEMPLATE_VARIABLE)
        return CONVERT_VARIABLE;
    bool integer = length <= 8;
    switch (kind) {
    case KIND_UINT:
        return integer ? uint_convert[length] : CONVERT_NONE;
    case KIND_FLAGS:
        return length == 1 ? CONVERT_U8 : integer ? CONVERT_FLAGS : CONVERT_NONE;
    case KIND_SEGMENT:
        return integer ? CONVERT_SEGMENT : CONVERT_NONE;
    case KIND_DIRECTION:
        return integer ? CONVERT_DIRECTION : CONVERT_NONE;
    case KIND_SECONDS:
        return integer ? CONVERT_SECONDS : CONVERT_NONE;
    case KIND_MS:
        return integer ? CONVERT_MS : CONVERT_NONE;
    case KIND_NTP:
        return length == 8 ? CONVERT_NTP : CONVERT_NONE;
    case KIND_DELTA:
        return integer ? CONVERT_DELTA : CONVERT_NONE;
    case KIND_IP:
        return length == 4 ? CONVERT_IP4 : length == 16 ? CONVERT_IP6 : CONVERT_NONE;
    case KIND_IP_SECOND:
        return length == 4 || length == 16 ? CONVERT_SECOND : CONVERT_NONE;
    case KIND_MAC:
        return length == 6 ? CONVERT_MAC : CONVERT_NONE;
    case KIND_TEXT:
        return CONVERT_TEXT;
    case KIND_APPID:
        return CONVERT_APPID;
    case KIND_FLOAT:
        return length == 4 || length == 8 ? CONVERT_FLOAT : CONVERT_NONE;
    case KIND_SECTION:
        return CONVERT_SECTION;
    }
    return CONVERT_NONE;
}

/* The template's fields that were chosen for each field of the catalogue. */
struct choice {
    int32_t index; /* -1: none */
    uint8_t rank;
};
struct choices {
    struct choice first[HELPER_END];
    struct choice second[FLOW_NFIELDS]; /* the address of the other family */
};

static enum kind kind_of(uint64_t element, unsigned field) {
    const struct special *s = special_find(element);
    if (s)
        return s->kind;
    return field < FLOW_NFIELDS ? (enum kind)class_kind[flow_fields[field].class] : KIND_UINT;
}

/* Of several elements for one field the first in the catalogue's list wins. Of one element
** announced twice the last wins: routers that send two headers of a tunnel send the inner one,
** which tells who talks to whom, behind the outer one (RFC 7011 section 8: in the order of
** treatment). For the same reason the later one of the two families of addresses comes first. */
static void choose(struct choices *ch, const struct template_field *fields, unsigned field,
                   unsigned rank, int32_t index) {
    struct choice *first = &ch->first[field], this = {index, (uint8_t)rank};
    bool is_ip = field < FLOW_NFIELDS && flow_fields[field].class == FLOW_IP;
    if (is_ip && first->index >= 0 && fields[index].length != fields[first->index].length) {
        ch->second[field] = *first;
        *first = this;
    } else if (first->index < 0 || rank <= first->rank) {
        *first = this;
    }
}

static void choose_all(struct choices *ch, const struct element_map *map,
                       const struct template_field *fields, uint16_t nfields) {
    memset(ch, 0xff, sizeof *ch);
    for (int32_t i = 0; i < nfields; i++) {
        const struct element *e = element_find(map, fields[i].pen, fields[i].id);
        if (e && convert_for(kind_of(e->key, e->field), fields[i].length) != CONVERT_NONE)
            choose(ch, fields, e->field, e->rank, i);
    }
}

static unsigned count_steps(const struct choices *ch) {
    unsigned n = 0;
    for (unsigned f = 0; f < HELPER_END; f++)
        n += ch->first[f].index >= 0;
    for (unsigned f = 0; f < FLOW_NFIELDS; f++)
        n += ch->second[f].index >= 0;
    return n;
}

/* Add the step that reads the template's field at index into field. */
static void add_step(struct plan *plan, const struct template_field *fields,
                     const uint32_t *offsets, int32_t index, unsigned field, bool second) {
    const struct template_field *tf = &fields[index];
    uint64_t element = FLOW_ELEMENT(tf->pen, tf->id);
    const struct special *s = special_find(element);
    enum kind kind = second ? KIND_IP_SECOND : kind_of(element, field);
    const enum total total = total_of(tf->pen, tf->id);
    if (total < TOTALS)
        plan->totals |= (uint8_t)(1u << total);
    if (plan->walk)
        plan->walk[index].step = plan->nsteps;
    plan->step[plan->nsteps++] = (struct plan_step){
        .offset = (uint16_t)offsets[index],
        .length = tf->length,
        .field = s && s->field ? s->field : (uint8_t)field,
        .kind = kind,
        .convert = convert_for(kind, tf->length),
    };
}

/* Offsets of the fields where all are fixed; the minimum length of a record either way. */
static uint32_t measure(const struct template_field *fields, uint16_t nfields, uint32_t *offsets,
                        bool *variable) {
    uint32_t at = 0;
    *variable = false;
    for (unsigned i = 0; i < nfields; i++) {
        offsets[i] = at;
        bool v = fields[i].length == TEMPLATE_VARIABLE;
        *variable |= v;
        at += v ? 1 : fields[i].length;
    }
    return at;
}

/* Whether the field at index is for `extra`. */
static bool is_extra(const struct choices *ch, const struct element_map *map,
                     const struct template_field *fields, unsigned index) {
    const struct template_field *f = &fields[index];
    const struct element *e = element_find(map, f->pen, f->id);
    if (!e)
        return f->length != 0 && !(f->pen == 0 && f->id == EXTRA_PADDING);
    if (e->field >= FLOW_NFIELDS)
        return special_find(e->key) && special_find(e->key)->kept;
    bool of_vendor =
        f->pen != 0 && f->pen != REVERSE_PEN; /* client and server beside source and destination */
    if (flow_fields[e->field].role != FLOW_COUNTER && !of_vendor)
        return false;
    int32_t won = ch->first[e->field].index;
    return won >= 0 && (fields[won].pen != f->pen || fields[won].id != f->id);
}

/* Of all fields, or NULL when none is for `extra`. False when out of memory. */
static bool compile_extra(const struct choices *ch, const struct element_map *map,
                          const struct template_field *fields, uint16_t nfields,
                          struct extra_field **out) {
    unsigned wanted = 0;
    *out = NULL;
    for (unsigned i = 0; i < nfields; i++)
        wanted += is_extra(ch, map, fields, i);
    if (!wanted)
        return true;
    *out = malloc(nfields * sizeof **out);
    for (unsigned i = 0; *out && i < nfields; i++)
        (*out)[i] = extra_field_of(fields[i].pen, fields[i].id, fields[i].length,
                                   is_extra(ch, map, fields, i));
    return *out != NULL;
}

static bool convert_in_columns(enum convert convert) {
    switch (convert) {
    case CONVERT_U8:
    case CONVERT_U16:
    case CONVERT_U32:
    case CONVERT_U64:
    case CONVERT_UINT:
    case CONVERT_FLAGS:
    case CONVERT_SEGMENT:
    case CONVERT_DIRECTION:
    case CONVERT_SECONDS:
    case CONVERT_MS:
    case CONVERT_NTP:
    case CONVERT_DELTA:
    case CONVERT_IP4:
    case CONVERT_IP6:
    case CONVERT_MAC:
        return true;
    case CONVERT_NONE:
    case CONVERT_SECOND:
    case CONVERT_TEXT:
    case CONVERT_APPID:
    case CONVERT_FLOAT:
    case CONVERT_SECTION:
    case CONVERT_VARIABLE:
        break;
    }
    return false;
}

/* What plan_columns() can read, and the fields of which record.h's rules need no look at single records but for
** those whose place is noted. */
static bool step_in_columns(const struct plan_step *s) {
    switch (s->field) {
    case HELPER_START_UPTIME:
    case HELPER_END_UPTIME:
        return s->length <= 4 && convert_in_columns(s->convert);
    case FLOW_proto:
        return s->length == 1;
    case FLOW_direction:
        return s->convert == CONVERT_DIRECTION && s->length == 1;
    case FLOW_sampling:
        return false;
    default:
        return s->field < FLOW_NFIELDS && s->convert != CONVERT_DIRECTION &&
               convert_in_columns(s->convert);
    }
}

static void compile_columns(struct plan *plan) {
    unsigned start = 0, end = 0;
    plan->proto = plan->direction = PLAN_NOWHERE;
    plan->columns = !plan->walk && !plan->extra && !plan->totals;
    for (unsigned i = 0; i < plan->nsteps; i++) {
        const struct plan_step *s = &plan->step[i];
        plan->columns &= step_in_columns(s);
        start += s->field == HELPER_START_UPTIME || s->field == FLOW_tstart;
        end += s->field == HELPER_END_UPTIME || s->field == FLOW_tend;
        plan->uptimes |= s->field >= FLOW_NFIELDS;
        if (s->field == FLOW_proto)
            plan->proto = s->offset;
        if (s->field == FLOW_direction)
            plan->direction = s->offset;
    }
    plan->columns &= start == 1 && end == 1;
}

struct plan *plan_compile(const struct element_map *map, const struct template_field *fields,
                          uint16_t nfields, size_t *octets) {
    uint32_t *offsets = malloc((nfields + 1u) * sizeof *offsets);
    if (!offsets)
        return NULL;
    struct choices ch;
    bool variable;
    uint32_t minimum = measure(fields, nfields, offsets, &variable);
    choose_all(&ch, map, fields, nfields);

    size_t head = sizeof(struct plan) + count_steps(&ch) * sizeof(struct plan_step);
    size_t walk = variable ? nfields * sizeof(struct plan_walk) : 0;
    struct plan *plan = malloc(head);
    struct plan_walk *w = walk ? malloc(walk) : NULL;
    struct extra_field *extra = NULL;
    bool extra_done = compile_extra(&ch, map, fields, nfields, &extra);
    if (!plan || (walk && !w) || !extra_done) {
        free(plan);
        free(w);
        free(extra);
        free(offsets);
        return NULL;
    }
    for (unsigned i = 0; w && i < nfields; i++)
        w[i] = (struct plan_walk){fields[i].length, PLAN_NO_STEP};
    *plan = (struct plan){.minimum = minimum, .nfields = nfields, .walk = w, .extra = extra};
    for (unsigned f = 0; f < HELPER_END; f++)
        if (ch.first[f].index >= 0)
            add_step(plan, fields, offsets, ch.first[f].index, f, false);
    for (unsigned f = 0; f < FLOW_NFIELDS; f++)
        if (ch.second[f].index >= 0)
            add_step(plan, fields, offsets, ch.second[f].index, f, true);
    for (unsigned i = 0; extra && i < nfields; i++)
        plan->lists |= extra[i].type == EXTRA_MULTI_RECORDS;
    compile_columns(plan);
    free(offsets);
    *octets = head + walk + (extra ? nfields * sizeof *extra : 0);
    return plan;
}

void plan_free(struct plan *plan) {
    if (plan) {
        free(plan->walk);
        free(plan->extra);
    }
    free(plan);
}

/* ---- running ---------------------------------------------------------------------------- */

/* Milliseconds of an NTP time stamp (RFC 5905 section 6): seconds since 1900 and a fraction; with
** the highest bit clear the seconds are those of the era that begins in 2036. */
static int64_t ntp_ms(uint64_t ntp) {
    int64_t seconds = (int64_t)(ntp >> 32) - INT64_C(2208988800);
    if (!(ntp >> 63))
        seconds += INT64_C(1) << 32;
    return seconds * 1000 + (int64_t)(((ntp & UINT32_MAX) * 1000) >> 32);
}

static int64_t clamp_ms(uint64_t v, uint64_t scale) {
    return v > INT64_MAX / scale ? INT64_MAX : (int64_t)(v * scale);
}

static inline void set_uint(struct record *r, unsigned field, uint64_t v) {
    if (field < FLOW_NFIELDS)
        flow_row_set(&r->row, (int)field, v);
    else
        record_set_helper(r, field, v);
}

static void set_second(struct record *r, unsigned field, const uint8_t *p, size_t n) {
    static const struct flow_ip none;
    const struct flow_ip *have = &r->row.value[field].ip;
    struct flow_ip ip = flow_ip_make(n == 4 ? 4 : 6, p);
    if (flow_row_has(&r->row, (int)field) && memcmp(have->addr, none.addr, sizeof none.addr) != 0)
        return;
    if (memcmp(ip.addr, none.addr, sizeof none.addr) == 0)
        return;
    r->row.value[field].ip = ip;
    flow_row_mark(&r->row, (int)field);
}

static void set_float(struct record *r, unsigned helper, double v) {
    uint64_t octets;
    memcpy(&octets, &v, sizeof octets);
    record_set_helper(r, helper, octets);
}

static inline void run_step(const struct plan_step *s, enum convert convert, const uint8_t *p,
                            size_t n, struct record *r) {
    unsigned f = s->field;
    switch (convert) {
    case CONVERT_U8:
        set_uint(r, f, *p);
        break;
    case CONVERT_U16:
        set_uint(r, f, be16(p));
        break;
    case CONVERT_U32:
        set_uint(r, f, be32(p));
        break;
    case CONVERT_U64:
        set_uint(r, f, be64(p));
        break;
    case CONVERT_UINT:
        set_uint(r, f, ben(p, n));
        break;
    case CONVERT_FLAGS:
        set_uint(r, f, ben(p, n) & 0x0fff);
        break;
    case CONVERT_SEGMENT:
        set_uint(r, f, ben(p, n) & 0xffffff);
        break;
    case CONVERT_DIRECTION:
        if (ben(p, n) != 255)
            set_uint(r, f, ben(p, n));
        break;
    case CONVERT_SECONDS:
        flow_row_set_time(&r->row, (int)f, clamp_ms(ben(p, n), 1000));
        break;
    case CONVERT_MS:
        flow_row_set_time(&r->row, (int)f, clamp_ms(ben(p, n), 1));
        break;
    case CONVERT_NTP:
        flow_row_set_time(&r->row, (int)f, ntp_ms(be64(p)));
        break;
    case CONVERT_DELTA:
        flow_row_set_time(&r->row, (int)f, r->h.exported - clamp_ms(ben(p, n), 1) / 1000);
        break;
    case CONVERT_IP4:
        flow_row_set_ip(&r->row, (int)f, 4, p);
        break;
    case CONVERT_IP6:
        flow_row_set_ip(&r->row, (int)f, 6, p);
        break;
    case CONVERT_SECOND:
        set_second(r, f, p, n);
        break;
    case CONVERT_MAC:
        flow_row_set(&r->row, (int)f, ben(p, 6));
        break;
    case CONVERT_TEXT:
        record_set_text(r, (int)f, p, n);
        break;
    case CONVERT_APPID:
        record_set_appid(r, (int)f, p, n);
        break;
    case CONVERT_FLOAT:
        set_float(r, f, be_float(p, n));
        break;
    case CONVERT_SECTION:
        record_set_helper(r, f, n);
        r->section = p;
        break;
    case CONVERT_NONE:
    case CONVERT_VARIABLE:
        break;
    }
}

static void set_extra(const struct plan *plan, struct cursor record, struct record *r) {
    size_t n = extra_write(plan->extra, plan->nfields, record, &r->lists, r->extra);
    if (n)
        flow_row_set_text(&r->row, FLOW_extra, r->extra, n);
}

static enum plan_result next_variable(const struct plan *plan, struct cursor *set,
                                      struct record *r) {
    struct {
        const uint8_t *p;
        size_t n;
    } at[PLAN_STEPS];
    struct cursor c = *set;
    for (unsigned i = 0; i < plan->nfields; i++) {
        const uint8_t *p;
        size_t n;
        if (!plan_field(&c, plan->walk[i].length, &p, &n))
            return cursor_zeros(set) ? PLAN_END : PLAN_OVERRUN;
        unsigned step = plan->walk[i].step;
        if (step != PLAN_NO_STEP) {
            at[step].p = p;
            at[step].n = n;
        }
    }
    for (unsigned i = 0; i < plan->nsteps; i++) {
        const struct plan_step *s = &plan->step[i];
        enum convert convert = s->convert;
        if (convert == CONVERT_VARIABLE)
            convert = convert_for(s->kind, at[i].n);
        run_step(s, convert, at[i].p, at[i].n, r);
    }
    *set = c;
    return PLAN_RECORD;
}

static enum plan_result next_fixed(const struct plan *plan, struct cursor *set, struct record *r) {
    const uint8_t *record = cursor_take(set, plan->minimum);
    for (unsigned i = 0; i < plan->nsteps; i++) {
        const struct plan_step *s = &plan->step[i];
        run_step(s, s->convert, record + s->offset, s->length, r);
    }
    return PLAN_RECORD;
}

/* Of a list's part, when it is one record. */
static void run_part(const struct list_part *part, struct record *r) {
    const struct template *t = r->lists.find(r->lists.arg, part->template);
    struct cursor octets = part->octets, behind = octets;
    if (!t || !list_skip_record(t, &behind) || cursor_left(&behind) >= t->plan->minimum)
        return;
    (t->plan->walk ? next_variable : next_fixed)(t->plan, &octets, r);
}

/* Before the record itself, whose elements come first. */
static void run_lists(const struct plan *plan, struct cursor record, struct record *r) {
    const uint8_t *p;
    size_t n;
    struct list list;
    struct list_part part;
    if (!r->lists.find)
        return;
    for (unsigned i = 0; i < plan->nfields && plan_field(&record, plan->extra[i].length, &p, &n);
         i++)
        if (plan->extra[i].type == EXTRA_MULTI_RECORDS &&
            list_open(&list, EXTRA_MULTI_RECORDS, cursor_of(p, n)) && list.semantic >= LIST_ALL_OF)
            while (list_next(&list, &part) == LIST_PART)
                run_part(&part, r);
}

enum plan_result plan_next(const struct plan *plan, struct cursor *set, struct record *r) {
    const struct cursor record = *set;
    if (cursor_left(set) < plan->minimum)
        return PLAN_END;
    if (plan->lists)
        run_lists(plan, record, r);
    enum plan_result result = (plan->walk ? next_variable : next_fixed)(plan, set, r);
    if (plan->extra && result == PLAN_RECORD)
        set_extra(plan, record, r);
    return result;
}

/* ---- many records ----------------------------------------------------------------------- */

unsigned plan_column_octets(const struct plan_step *step) {
    switch ((enum convert)step->convert) {
    case CONVERT_U8:
    case CONVERT_DIRECTION:
        return 1;
    case CONVERT_U16:
        return 2;
    case CONVERT_U32:
        return 4;
    case CONVERT_IP4:
    case CONVERT_IP6:
        return 0;
    default:
        return 8;
    }
}

/* The numbers, or addresses, that are at s->offset of n records into a column from its place at on. */
static void run_column(const struct plan_step *s, const uint8_t *p, size_t apart, uint32_t n,
                       const struct record *r, union flow_column *out, uint32_t at) {
    p += s->offset;
#define EACH(to, value)                          \
    for (uint32_t i = 0; i < n; i++, p += apart) \
        out->to[at + i] = (value);               \
    break
    switch ((enum convert)s->convert) {
    case CONVERT_U8:
    case CONVERT_DIRECTION:
        EACH(u8, *p);
    case CONVERT_U16:
        EACH(u16, htole16(be16(p)));
    case CONVERT_U32:
        EACH(u32, htole32(be32(p)));
    case CONVERT_U64:
        EACH(i, clamp_ms(be64(p), 1));
    case CONVERT_UINT:
        EACH(i, clamp_ms(ben(p, s->length), 1));
    case CONVERT_FLAGS:
        EACH(i, (int64_t)(ben(p, s->length) & 0x0fff));
    case CONVERT_SEGMENT:
        EACH(i, (int64_t)(ben(p, s->length) & 0xffffff));
    case CONVERT_SECONDS:
        EACH(i, clamp_ms(ben(p, s->length), 1000));
    case CONVERT_MS:
        EACH(i, clamp_ms(ben(p, s->length), 1));
    case CONVERT_NTP:
        EACH(i, ntp_ms(be64(p)));
    case CONVERT_DELTA:
        EACH(i, r->h.exported - clamp_ms(ben(p, s->length), 1) / 1000);
    case CONVERT_MAC:
        EACH(i, (int64_t)ben(p, 6));
    case CONVERT_IP4:
    case CONVERT_IP6: /* run_addresses() */
    case CONVERT_NONE:
    case CONVERT_SECOND:
    case CONVERT_TEXT:
    case CONVERT_APPID:
    case CONVERT_FLOAT:
    case CONVERT_SECTION:
    case CONVERT_VARIABLE: /* convert_in_columns() says no */
        break;
    }
#undef EACH
}

/* The same of addresses. Where those of both families come together, all of them are in the wider form. */
static void run_addresses(const struct plan_step *s, const uint8_t *p, size_t apart, uint32_t n,
                          struct flow_rows *rows) {
    union flow_column *out = &rows->column[s->field];
    uint8_t *octets = &rows->octets[s->field];
    const uint32_t at = rows->n;
    const bool six = s->convert == CONVERT_IP6;
    for (uint32_t i = at; i > 0 && six && *octets == 4; i--)
        out->ip[i - 1] = flow_ip_make(4, out->ip4[i - 1]);
    *octets = six || (at && *octets != 4) ? FLOW_ROWS_IP : 4;
    p += s->offset;
    for (uint32_t i = 0; i < n; i++, p += apart)
        if (*octets == 4)
            memcpy(out->ip4[at + i], p, 4);
        else
            out->ip[at + i] = flow_ip_make(six ? 6 : 4, p);
}

void plan_columns(const struct plan *plan, const uint8_t *p, uint32_t n, const struct record *r,
                  struct flow_rows *rows, uint32_t *start, uint32_t *end) {
    for (unsigned i = 0; i < plan->nsteps; i++) {
        const struct plan_step *s = &plan->step[i];
        if (s->field >= FLOW_NFIELDS) {
            uint32_t *up = s->field == HELPER_START_UPTIME ? start : end;
            const uint8_t *at = p + s->offset;
            for (uint32_t k = 0; k < n; k++, at += plan->minimum)
                up[k] = s->length == 4 ? be32(at) : (uint32_t)ben(at, s->length);
            continue;
        }
        if (s->convert == CONVERT_IP4 || s->convert == CONVERT_IP6) {
            run_addresses(s, p, plan->minimum, n, rows);
        } else {
            run_column(s, p, plan->minimum, n, r, &rows->column[s->field], rows->n);
            rows->octets[s->field] = (uint8_t)plan_column_octets(s);
        }
        rows->present[s->field >> 6] |= UINT64_C(1) << (s->field & 63);
        rows->vary[s->field >> 6] |= UINT64_C(1) << (s->field & 63);
    }
}
