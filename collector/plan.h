/* SPDX-License-Identifier: MIT */
/*
** A template compiled: which octets of its records go into which field, and how.
**
** Which element fills which field comes from the field catalogue alone, through an element map
** built once. Where several elements of a template mean the same field, the one listed first in
** the catalogue wins, and of one element announced twice the last. Of addresses of both families
** the later one is taken, or the other one where it is all zero. Elements without a field, and counters
** and vendors' elements that another element of their field has won over, become the text of `extra`; templates without any
** do not pay for it.
**
** A subTemplateMultiList (RFC 6313) is how YAF attaches what a flow has besides, such as its TCP flags and MAC addresses:
** of a template that it has one record of, elements fill the fields that the record around it has not. Other lists are in
** `extra` alone, for their records are not what the flow is.
*/
#ifndef FLOWVT_PLAN_H
#define FLOWVT_PLAN_H

#include "cursor.h"
#include "extra.h"
#include "schema/field.h"
#include "schema/mpls.h"

enum { TEMPLATE_VARIABLE = 65535 }; /* length of a variable-length field, RFC 7011 section 7 */

struct template_field {
    uint32_t pen; /* 0: IANA, or a NetFlow v9 type */
    uint16_t id;  /* v9 types reach over 32767 */
    uint16_t length;
};

/* Values that are no field of their own but help to find one. They are numbered behind the
** fields of the catalogue. */
enum helper {
    HELPER_ICMP = FLOW_NFIELDS, /* 32, 139: type * 256 + code */
    HELPER_START_UPTIME,        /* 22 */
    HELPER_END_UPTIME,          /* 21 */
    HELPER_BOOT,                /* 160, ms */
    HELPER_DURATION_MS,         /* 161 */
    HELPER_DURATION_US,         /* 162 */
    HELPER_TTL,                 /* 192 */
    HELPER_PACKET_INTERVAL,     /* 305 */
    HELPER_SPACE,               /* 306, beside 305 */
    HELPER_SIZE,                /* 309 */
    HELPER_POPULATION,          /* 310 */
    HELPER_PROBABILITY,         /* 311, the octets of a double */
    HELPER_FRAME_SIZE,          /* 312 */
    HELPER_FRAME_TYPE,          /* 408 */
    HELPER_IP_SECTION,          /* 313, octets; they are at record.section */
    HELPER_FRAME_SECTION,       /* 315, likewise */
    HELPER_FIRST_FLAGS,         /* PEN 6871, 14: of the first packet of TCP */
    HELPER_OTHER_FLAGS,         /* 15: of all others */
    HELPER_REV_FIRST_FLAGS,     /* the same of the reverse direction */
    HELPER_REV_OTHER_FLAGS,
    HELPER_LABEL, /* 70 to 79: MPLS_LABELS of them */
    HELPER_LABEL_LAST = HELPER_LABEL + MPLS_LABELS - 1,
    HELPER_END
};
enum { NHELPERS = HELPER_END - FLOW_NFIELDS, PLAN_STEPS = HELPER_END + 16 };

/* What a decoder knows before the records: see record.h. */
struct record;

struct element {
    uint64_t key; /* FLOW_ELEMENT() */
    uint8_t field;
    uint8_t rank; /* place in the catalogue's list, 0 is the first choice */
};
struct element_map {
    struct element entry[512]; /* sorted by key */
    uint32_t count;
};
void element_map_build(struct element_map *map);
const struct element *element_find(const struct element_map *map, uint32_t pen, uint16_t id);

struct plan_step {
    uint16_t offset; /* in a record, when all lengths are fixed */
    uint16_t length; /* TEMPLATE_VARIABLE: see the record */
    uint8_t field;   /* enum flow_field or enum helper */
    uint8_t kind;    /* enum kind in plan.c: what the element is */
    uint8_t convert; /* enum convert in plan.c: how octets of that kind and length are read */
};

/* One field of a template with variable-length fields. */
struct plan_walk {
    uint16_t length;
    uint8_t step; /* that wants it, or PLAN_NO_STEP */
};
enum { PLAN_NO_STEP = 255, PLAN_NOWHERE = 65535 };

struct plan {
    bool columns;              /* plan_columns() can run it */
    bool uptimes;              /* then: it reads one at least */
    uint16_t proto, direction; /* then: where these octets are in a record, PLAN_NOWHERE: nowhere */
    uint32_t minimum; /* octets of the shortest record: of every record when walk is NULL */
    uint16_t nfields;
    uint8_t nsteps;
    uint8_t
        totals; /* 1 << enum total of each counter that counts since the flow began (totals.h) */
    struct plan_walk *walk;    /* nfields of them, or NULL: all lengths are fixed */
    struct extra_field *extra; /* nfields of them, or NULL: no element is for `extra` */
    bool lists;                /* one of them at least is a subTemplateMultiList */
    struct plan_step step[];
};

/* NULL when out of memory. The fields are not kept. *octets gets the memory taken. */
struct plan *plan_compile(const struct element_map *map, const struct template_field *fields,
                          uint16_t nfields, size_t *octets);
void plan_free(struct plan *plan);

enum plan_result {
    PLAN_RECORD,  /* one record was consumed and is in *r */
    PLAN_END,     /* what is left is padding */
    PLAN_OVERRUN, /* a record begins but runs over the end; nothing consumed */
};
/* Decode the next record of a data set into r, which record_begin() has prepared. */
enum plan_result plan_next(const struct plan *plan, struct cursor *set, struct record *r);

/* Octets of the values in columns of rows (struct flow_rows) of the field that a step fills; 0 of addresses, of which
** columns of one family become such of both. */
unsigned plan_column_octets(const struct plan_step *step);
/* The same for n records that lie at p: their fields into the columns of rows, behind the rows->n rows that are there
** and have the same fields, in the same numbers of octets. start and end get the uptimes 22 and 21 if it has them. Only
** when plan->columns. */
void plan_columns(const struct plan *plan, const uint8_t *p, uint32_t n, const struct record *r,
                  struct flow_rows *rows, uint32_t *start, uint32_t *end);

/* Step over one variable-length or fixed field: its octets are at *p, *n long. False when it
** runs over the end. */
static inline bool plan_field(struct cursor *c, uint16_t length, const uint8_t **p, size_t *n) {
    *n = length;
    if (length == TEMPLATE_VARIABLE) {
        const uint8_t *one = cursor_take(c, 1);
        if (!one)
            return false;
        *n = *one;
        if (*n == 255) {
            const uint8_t *two = cursor_take(c, 2);
            if (!two)
                return false;
            *n = be16(two);
        }
    }
    return (*p = cursor_take(c, *n)) != NULL;
}

#endif
