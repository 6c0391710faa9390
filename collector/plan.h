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
#include "elements.h"
#include "extra.h"

struct template_field {
    uint32_t pen; /* 0: IANA, or a NetFlow v9 type */
    uint16_t id;  /* v9 types reach over 32767 */
    uint16_t length;
};

enum { PLAN_STEPS = HELPER_END + 16 };

/* What a decoder knows before the records: see record.h. */
struct record;

struct plan_step {
    uint16_t offset; /* in a record, when all lengths are fixed */
    uint16_t length; /* TEMPLATE_VARIABLE: see the record */
    uint8_t field;   /* enum flow_field or enum helper */
    uint8_t kind;    /* enum element_kind: what the element holds */
    uint8_t convert; /* enum convert: how octets of that kind and length are read */
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
