/* SPDX-License-Identifier: MIT */
/*
** Values out of `extra`: found by their key, read as the number, the text or the octets that stand there, and made
** what their type says.
*/
#include "own.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- types ------------------------------------------------------------------------------ */

/* A value of extra: a number, true and false as 1 and 0, or a text. octets: those it stands for, of a number
** without the zeros in front, whose number is not known. */
struct value {
    bool number, boolean;
    int64_t i;
    char *text; /* as it is in extra, NUL behind; there is room for MIN_TEXT octets at least */
    size_t n;
    uint8_t octets[4096];
    size_t noctets;
};

enum { MIN_TEXT = 19 };

/* The octets as an integer. False: they are none of so many bits. */
static bool number_of(const struct value *v, int bits, uint64_t *x) {
    *x = 0;
    if ((!v->number && !v->noctets) || v->noctets > (size_t)bits / 8)
        return false;
    for (size_t i = 0; i < v->noctets; i++)
        *x = *x << 8 | v->octets[i];
    return true;
}

/* Each makes *out of the value, or returns false. SQLite has no unsigned integers. */
static bool make_unsigned(struct own_value *out, struct value *v, int bits) {
    uint64_t x;
    if (!number_of(v, bits, &x))
        return false;
    out->i = x > INT64_MAX ? INT64_MAX : (int64_t)x;
    return true;
}

static bool make_signed(struct own_value *out, struct value *v, int bits) {
    uint64_t x, sign = UINT64_C(1) << (bits - 1);
    if (!number_of(v, bits, &x))
        return false;
    out->i = (int64_t)((x ^ sign) - sign);
    return true;
}

/* What is no number is NULL. */
static bool make_float(struct own_value *out, struct value *v, int bits) {
    uint64_t x;
    if (!number_of(v, bits, &x))
        return false;
    float f;
    uint32_t half = (uint32_t)x;
    if (bits == 32) {
        memcpy(&f, &half, sizeof f);
        out->real = (double)f;
    } else {
        memcpy(&out->real, &x, sizeof out->real);
    }
    if (isnan(out->real))
        out->kind = OWN_NONE;
    return true;
}

/* IPFIX has 1 for true and 2 for false. */
static bool make_boolean(struct own_value *out, struct value *v, int bits) {
    (void)bits;
    if (!v->number || (!v->boolean && v->i != 1 && v->i != 2))
        return false;
    out->i = v->i == 1;
    return true;
}

static bool make_ip(struct own_value *out, struct value *v, int bits) {
    (void)bits;
    uint8_t four[4] = {0};
    if (v->noctets == 16) {
        out->ip = flow_ip_make(6, v->octets);
    } else if ((v->number && v->noctets < 4) || v->noctets == 4) {
        memcpy(four + 4 - v->noctets, v->octets, v->noctets);
        out->ip = flow_ip_make(4, four);
    } else {
        return flow_ip_parse(v->text, v->n, &out->ip) == 0;
    }
    return true;
}

static bool make_mac(struct own_value *out, struct value *v, int bits) {
    uint64_t x;
    if ((!v->number && v->noctets != 6) || !number_of(v, bits, &x))
        return false;
    out->i = (int64_t)x;
    return true;
}

/* Up to 8 octets of fixed length are a number in extra. A text has fewer octets than digits. */
static bool make_string(struct own_value *out, struct value *v, int bits) {
    (void)bits;
    size_t n = v->noctets;
    if (!v->number && !n)
        return false;
    while (n && v->octets[n - 1] == 0)
        n--;
    for (size_t i = 0; i < n; i++)
        v->text[i] = v->octets[i] >= 0x20 && v->octets[i] < 0x7f ? (char)v->octets[i] : '?';
    v->text[n] = '\0';
    out->n = n;
    return true;
}

static bool make_octets(struct own_value *out, struct value *v, int bits) {
    (void)bits;
    if (!v->number || v->noctets > 8)
        return false;
    out->n = (size_t)snprintf(v->text, MIN_TEXT, "0x%s", v->noctets ? "" : "00");
    for (size_t i = 0; i < v->noctets; i++)
        out->n += (size_t)snprintf(v->text + out->n, MIN_TEXT - out->n, "%02x", v->octets[i]);
    return true;
}

static bool make_time(struct own_value *out, struct value *v, int ms) {
    if (!v->number || v->i > INT64_MAX / 1000)
        return false;
    int64_t t = v->i * ms;
    out->i = t < FLOW_MS_MIN ? FLOW_MS_MIN : t > FLOW_MS_MAX ? FLOW_MS_MAX : t;
    return true;
}

struct own_type {
    const char *name, *declared;
    enum own_kind kind;
    bool (*make)(struct own_value *out, struct value *v, int parameter);
    int parameter;
};

static const struct own_type types[] = {
    {"unsigned", "INTEGER", OWN_INTEGER, make_unsigned, 64},
    {"signed8", "INTEGER", OWN_INTEGER, make_signed, 8},
    {"signed16", "INTEGER", OWN_INTEGER, make_signed, 16},
    {"signed32", "INTEGER", OWN_INTEGER, make_signed, 32},
    {"signed64", "INTEGER", OWN_INTEGER, make_signed, 64},
    {"float32", "REAL", OWN_REAL, make_float, 32},
    {"float64", "REAL", OWN_REAL, make_float, 64},
    {"boolean", "INTEGER", OWN_INTEGER, make_boolean, 0},
    {"ip", "TEXT", OWN_IP, make_ip, 0},
    {"mac", "TEXT", OWN_MAC, make_mac, 48},
    {"string", "TEXT", OWN_TEXT, make_string, 0},
    {"octets", "TEXT", OWN_TEXT, make_octets, 0},
    {"seconds", "TEXT", OWN_TIME, make_time, 1000},
    {"milliseconds", "TEXT", OWN_TIME, make_time, 1},
};
enum { NTYPES = sizeof types / sizeof types[0] };

const struct own_type *own_type_find(const char *name) {
    for (int i = 0; i < NTYPES; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

void own_type_names(char *out, size_t n) {
    size_t used = 0;
    for (int i = 0; i < NTYPES && used < n; i++)
        used += (size_t)snprintf(out + used, n - used, "%s%s", i ? " " : "", types[i].name);
}

const char *own_type_declared(const struct own_type *t) {
    return t->declared;
}

enum own_kind own_type_kind(const struct own_type *t) {
    return t->kind;
}

/* ---- values ----------------------------------------------------------------------------- */

/* Behind the string that begins at p, NULL when it does not end. */
static const char *string_end(const char *p, const char *end) {
    for (p++; p < end && *p != '"'; p++)
        p += *p == '\\' && p + 1 < end;
    return p < end ? p + 1 : NULL;
}

/* Behind the array or object that begins at p, NULL when it does not end. */
static const char *nested_end(const char *p, const char *end) {
    size_t deep = 0;
    while (p && p < end) {
        if (*p == '"') {
            p = string_end(p, end);
            continue;
        }
        deep += *p == '[' || *p == '{';
        deep -= *p == ']' || *p == '}';
        p++;
        if (deep == 0)
            return p;
    }
    return NULL;
}

/* The value of the key: its first octet, and its end. */
static const char *find_value(const char *p, const char *end, const char *key, const char **to) {
    size_t n = strlen(key);
    if (p == end || *p++ != '{')
        return NULL;
    while (p && p < end && *p == '"') {
        const char *name = p + 1;
        p = string_end(p, end);
        if (!p || p == end || *p != ':')
            return NULL;
        bool is = (size_t)(p - 1 - name) == n && memcmp(name, key, n) == 0;
        const char *value = ++p;
        if (p < end && *p == '"')
            p = string_end(p, end);
        else if (p < end && (*p == '[' || *p == '{'))
            p = nested_end(p, end);
        else
            while (p < end && *p != ',' && *p != '}')
                p++;
        if (is && p) {
            *to = p;
            return value;
        }
        if (p && p < end && *p == ',')
            p++;
    }
    return NULL;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "0x..." */
static void take_octets(struct value *v) {
    if (v->n < 2 || v->n % 2 || memcmp(v->text, "0x", 2) != 0 || v->n / 2 > sizeof v->octets)
        return;
    for (size_t i = 2; i < v->n; i += 2) {
        int high = hex_digit(v->text[i]), low = hex_digit(v->text[i + 1]);
        if (high < 0 || low < 0)
            break;
        v->octets[v->noctets++] = (uint8_t)(high << 4 | low);
    }
    v->noctets = v->noctets == v->n / 2 - 1 ? v->noctets : 0;
}

static void take_number(struct value *v, uint64_t x) {
    v->number = true;
    v->i = x > INT64_MAX ? INT64_MAX : (int64_t)x;
    for (int shift = 56; shift >= 0; shift -= 8)
        if (x >> shift)
            v->octets[v->noctets++] = (uint8_t)(x >> shift);
}

/* JSON as it is written there: escapes are four hexadecimal digits of one octet. */
static void take_text(struct value *v, const char *p, const char *end) {
    for (p++; p + 1 < end; p++) {
        unsigned code;
        if (*p == '\\' && end - p > 6 && sscanf(p + 1, "u%4x", &code) == 1 && code < 0x80) {
            v->text[v->n++] = (char)code;
            p += 5;
        } else {
            v->text[v->n++] = *p;
        }
    }
    v->text[v->n] = '\0';
}

/* Digits alone are a number, whether in quotes or not. */
static bool is_number(const struct value *v, uint64_t *out) {
    char *end;
    errno = 0;
    if (v->n == 0 || v->n > 20 || strspn(v->text, "0123456789") != v->n)
        return false;
    *out = strtoull(v->text, &end, 10);
    return errno == 0;
}

void own_clear(struct own_value *v) {
    free(v->text);
    *v = (struct own_value){.kind = OWN_NONE};
}

bool own_read(const struct own_column *c, const char *extra, size_t n, struct own_value *out) {
    const char *end, *p = find_value(extra, extra + n, c->key, &end);
    *out = (struct own_value){.kind = OWN_NONE};
    if (!p || p == end || *p == 'n')
        return true;
    size_t room = (size_t)(end - p) + 1;
    struct value v = {.text = malloc(room > MIN_TEXT ? room : MIN_TEXT)};
    uint64_t x;
    if (!v.text)
        return false;
    bool quoted = *p == '"';
    if (quoted) {
        take_text(&v, p, end);
    } else {
        v.n = (size_t)(end - p);
        memcpy(v.text, p, v.n);
        v.text[v.n] = '\0';
    }
    v.boolean = !quoted && (*p == 't' || *p == 'f');
    if (v.boolean)
        take_number(&v, *p == 't');
    else if (is_number(&v, &x) && (!quoted || x > INT64_MAX))
        take_number(&v, x);
    else
        take_octets(&v);
    out->kind = c->type->kind;
    if (!c->type->make(out, &v, c->type->parameter)) {
        out->kind = OWN_TEXT;
        out->n = v.n;
    }
    out->text = v.text;
    return true;
}
