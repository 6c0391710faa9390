/* SPDX-License-Identifier: MIT */
/*
** Structured data (RFC 6313): what the octets of a basicList, a subTemplateList or a subTemplateMultiList hold. Each is
** a semantic and parts; the values of a part are all of one element, or its records all of one template, which the
** exporter announced in the same session as that of the record around it.
*/
#ifndef FLOWVT_LISTS_H
#define FLOWVT_LISTS_H

#include "plan.h"

struct template;

enum {
    LIST_ALL_OF =
        3, /* semantics, RFC 6313 section 4.4: 0 none of, 1 exactly one of, 2 one or more of */
    LIST_ORDERED = 4,
    LIST_UNDEFINED = 255
};

struct list {
    enum extra_type type;
    uint8_t semantic;
    struct cursor left;
};

struct list_part {
    struct template_field value; /* of a basicList: each of its values */
    uint16_t template;           /* of the others: that of its records; 0: they are values */
    struct cursor octets;
};

static inline bool list_is(enum extra_type type) {
    return type == EXTRA_LIST || type == EXTRA_RECORDS || type == EXTRA_MULTI_RECORDS;
}

/* What the enterprise's element is, when it is one of these lists: of IANA's, schema/elements.def says it. */
enum extra_type list_of_enterprise(uint32_t pen, uint16_t id);

/* Begin to read the octets of an element of that type. False: they are too few. */
bool list_open(struct list *l, enum extra_type type, struct cursor octets);

enum list_next { LIST_PART, LIST_END, LIST_BAD /* a length goes over the end */ };
enum list_next list_next(struct list *l, struct list_part *part);

/* Step over one record. False, when it goes over the end. */
bool list_skip_record(const struct template *t, struct cursor *octets);

#endif
