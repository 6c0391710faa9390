/* SPDX-License-Identifier: MIT */
/*
** The column `extra`: elements that are no column of their own, as a JSON object. Keys are IANA names,
** "reverse" and the name for the reverse direction of a biflow (RFC 5103), PEN.id for elements of an enterprise,
** and 0.id for others without a known name; of one that is there again with #2, #3, ... behind.
**
** Structured data (RFC 6313) is an array: of values, or of records, which are such objects, whatever columns there are.
** The element basicList goes by the key of the element inside. Lists that say that not all of it is so are objects, with
** the array by the key noneOf, exactlyOneOf or oneOrMoreOf. Records of a template that is not known, and lists deeper than
** EXTRA_DEEP, are octets.
*/
#ifndef FLOWVT_EXTRA_H
#define FLOWVT_EXTRA_H

#include <stdbool.h>

#include "cursor.h"

/* Octets of one record's text; what does not fit is left out and counted in it as "omitted", in lists in an object at
** their end. */
enum { EXTRA_MAX = 4096, EXTRA_DEEP = 8 };

enum { EXTRA_PADDING = 210 }; /* an element that is never wanted */

enum extra_type {
    EXTRA_UNWANTED, /* stepped over */
    EXTRA_UNKNOWN,  /* up to 8 octets of fixed length are a number, others a text or hexadecimal */
    EXTRA_UINT,
    EXTRA_INT,
    EXTRA_FLOAT,
    EXTRA_BOOLEAN,
    EXTRA_TEXT,
    EXTRA_OCTETS,
    EXTRA_IP,
    EXTRA_MAC,
    EXTRA_LIST,          /* basicList */
    EXTRA_RECORDS,       /* subTemplateList */
    EXTRA_MULTI_RECORDS, /* subTemplateMultiList */
};

/* One field of a template that has such elements. */
struct extra_field {
    const char *name; /* IANA, NULL: none known */
    uint32_t pen;
    uint16_t id, length;
    uint8_t type; /* enum extra_type */
};

struct template;

/* What lists need, and what is wrong with them. All zero: no templates are known. */
struct extra_lists {
    const struct template *(*find)(void *arg, uint16_t id); /* NULL: none of that id */
    void *arg;
    size_t
        malformed; /* octets of lists that go over their ends; they are shown as octets. It adds up. */
};

/* The field of an element that is wanted, or not wanted. */
struct extra_field extra_field_of(uint32_t pen, uint16_t id, uint16_t length, bool wanted);

/* Write the wanted ones of the n fields of the record that starts at the cursor; they have been found to be
** inside it. Returns the length of the text in out, 0 when there is nothing to say. */
size_t extra_write(const struct extra_field *fields, unsigned n, struct cursor record,
                   struct extra_lists *lists, char out[EXTRA_MAX]);

#endif
