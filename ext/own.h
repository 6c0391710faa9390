/* SPDX-License-Identifier: MIT */
/*
** A column of the site's own (registry.h): what the text of `extra` has for it. SQL shows such values, filters
** compare them, exports write them.
*/
#ifndef FLOWVT_OWN_H
#define FLOWVT_OWN_H

#include "../schema/field.h"

enum own_kind {
    OWN_NONE, /* NULL */
    OWN_INTEGER,
    OWN_REAL,
    OWN_TIME, /* milliseconds since 1970 UTC */
    OWN_MAC,
    OWN_IP,
    OWN_TEXT
};

struct own_value {
    enum own_kind kind;
    int64_t i; /* of INTEGER, TIME, MAC */
    double real;
    struct flow_ip ip;
    char *text; /* of TEXT, n octets with a NUL behind */
    size_t n;
};

struct own_type;
/* NULL: no such type. */
const struct own_type *own_type_find(const char *name);
/* All names, with blanks between, cut off where out ends. */
void own_type_names(char *out, size_t n);
const char *own_type_declared(const struct own_type *t);
/* What its values are; one that cannot be is a TEXT, as it is in extra. */
enum own_kind own_type_kind(const struct own_type *t);

enum { OWN_NAME = 64, OWN_KEY = 80 };

struct own_column {
    char name[OWN_NAME];
    char key[OWN_KEY]; /* in extra */
    const struct own_type *type;
};

/* The column's value in extra[0..n), a JSON object as collector/extra.c writes it; any other text is safe, and
** has no values. Arrays and objects in it are texts, whatever the type. False without memory. */
bool own_read(const struct own_column *c, const char *extra, size_t n, struct own_value *out);
void own_clear(struct own_value *v);

#endif
