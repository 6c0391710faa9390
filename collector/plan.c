/* SPDX-License-Identifier: MIT */
/*
** Compiles templates into plans: which of a template's fields fill the fields of the catalogue, and in which steps.
*/
#include "plan.h"

#include <stdlib.h>

#include "totals.h"

/* The template's fields that were chosen for each field of the catalogue. */
struct choice {
    int32_t index; /* -1: none */
    uint8_t rank;
};
struct choices {
    struct choice first[HELPER_END];
    struct choice second[FLOW_NFIELDS]; /* the address of the other family */
};

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
        if (e && element_convert(element_kind(e->key, e->field), fields[i].length) != CONVERT_NONE)
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
    enum element_kind kind = second ? KIND_IP_SECOND : element_kind(element, field);
    const enum total total = total_of(tf->pen, tf->id);
    if (total < TOTALS)
        plan->totals |= (uint8_t)(1u << total);
    if (plan->walk)
        plan->walk[index].step = plan->nsteps;
    plan->step[plan->nsteps++] = (struct plan_step){
        .offset = (uint16_t)offsets[index],
        .length = tf->length,
        .field = (uint8_t)element_field(element, field),
        .kind = kind,
        .convert = element_convert(kind, tf->length),
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
        return element_is_kept(e->key);
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
