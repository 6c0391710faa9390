/* SPDX-License-Identifier: MIT */
/*
** Runs plans: over a record, a switch per step and no search; over many records of fixed length, step by step into
** columns. Length rules are those of RFC 7011: reduced-size integers (6.2), variable-length fields (7), time forms
** (6.1.7 to 6.1.10).
*/
#include "plan.h"

#include <endian.h>

#include "lists.h"
#include "record.h"
#include "template.h"

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
            convert = element_convert(s->kind, at[i].n);
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
