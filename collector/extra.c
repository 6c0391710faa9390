/* SPDX-License-Identifier: MIT */
/*
** Elements to JSON (RFC 8259). Numbers above 2^63-1 and octets that are no number are texts: SQL has no
** such integers.
*/
#include "extra.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"
#include "record.h"

/* ---- names ------------------------------------------------------------------------------ */

enum { REVERSE_PEN = 29305 };

static const struct known {
    uint16_t id;
    uint8_t type;
    const char *name;
} known[] = {
#define ELEMENT(id, name, type) {id, EXTRA_##type, #name},
#define COLUMN_ELEMENT ELEMENT
#include "schema/elements.def"
#undef COLUMN_ELEMENT
#undef ELEMENT
};

static int by_id(const void *key, const void *entry) {
    return *(const uint16_t *)key - ((const struct known *)entry)->id;
}

struct extra_field extra_field_of(uint32_t pen, uint16_t id, uint16_t length, bool wanted) {
    struct extra_field f = {.pen = pen, .id = id, .length = length};
    if (!wanted)
        return f;
    f.type = EXTRA_UNKNOWN;
    if (pen && pen != REVERSE_PEN)
        return f;
    const struct known *k = bsearch(&id, known, sizeof known / sizeof *known, sizeof *known, by_id);
    if (k) {
        f.name = k->name;
        f.type = k->type;
    }
    return f;
}

/* ---- writing ---------------------------------------------------------------------------- */

struct text {
    char *at;
    size_t n, room;
    bool full;
};

static void put(struct text *t, const char *p, size_t n) {
    if (n > t->room - t->n) {
        t->full = true;
        return;
    }
    memcpy(t->at + t->n, p, n);
    t->n += n;
}

__attribute__((format(printf, 2, 3))) static void print(struct text *t, const char *format, ...) {
    char s[128];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(s, sizeof s, format, args);
    va_end(args);
    put(t, s, (size_t)n);
}

static void put_hex(struct text *t, const uint8_t *p, size_t n) {
    put(t, "\"0x", 3);
    for (size_t i = 0; i < n && !t->full; i++)
        print(t, "%02x", p[i]);
    put(t, "\"", 1);
}

static size_t without_nuls(const uint8_t *p, size_t n) {
    while (n && p[n - 1] == 0)
        n--;
    return n;
}

static void put_text(struct text *t, const uint8_t *p, size_t n) {
    n = without_nuls(p, n);
    put(t, "\"", 1);
    for (size_t i = 0, step; i < n && !t->full; i += step) {
        step = record_utf8_length(p + i, n - i);
        if (!step) {
            put(t, "?", 1);
            step = 1;
        } else if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\') {
            print(t, "\\u%04x", p[i]);
        } else {
            put(t, (const char *)p + i, step);
        }
    }
    put(t, "\"", 1);
}

static bool is_text(const uint8_t *p, size_t n) {
    n = without_nuls(p, n);
    for (size_t i = 0, step; i < n; i += step) {
        step = record_utf8_length(p + i, n - i);
        if (!step || p[i] < 0x20)
            return false;
    }
    return n > 0;
}

static void put_uint(struct text *t, const uint8_t *p, size_t n) {
    uint64_t v = ben(p, n);
    print(t, v > INT64_MAX ? "\"%" PRIu64 "\"" : "%" PRIu64, v);
}

/* Reduced-size signed integers are sign extended, RFC 7011 6.2. */
static void put_int(struct text *t, const uint8_t *p, size_t n) {
    uint64_t v = ben(p, n), sign = UINT64_C(1) << (8 * n - 1);
    print(t, "%" PRId64, (int64_t)((v ^ sign) - sign));
}

static void put_float(struct text *t, const uint8_t *p, size_t n) {
    double v = be_float(p, n);
    if (isfinite(v))
        print(t, "%.*g", n == 4 ? 9 : 17, v);
    else
        print(t, "null");
}

static void put_ip(struct text *t, const uint8_t *p, size_t n) {
    struct flow_ip ip = flow_ip_make(n == 4 ? 4 : 6, p);
    char s[FLOW_IP_TEXT];
    flow_ip_text(&ip, s);
    print(t, "\"%s\"", s);
}

/* Octets of another length than their type has are shown as octets. Unknown ones of a length that
** varies from record to record are no number. */
static void put_value(struct text *t, const struct extra_field *f, const uint8_t *p, size_t n) {
    enum extra_type type = (enum extra_type)f->type;
    bool integer = n >= 1 && n <= 8;
    bool fixed = f->length != TEMPLATE_VARIABLE;
    if ((type == EXTRA_UINT || (type == EXTRA_UNKNOWN && fixed)) && integer)
        put_uint(t, p, n);
    else if (type == EXTRA_INT && integer)
        put_int(t, p, n);
    else if (type == EXTRA_FLOAT && (n == 4 || n == 8))
        put_float(t, p, n);
    else if (type == EXTRA_BOOLEAN && n == 1 && (*p == 1 || *p == 2))
        print(t, *p == 1 ? "true" : "false");
    else if (type == EXTRA_IP && (n == 4 || n == 16))
        put_ip(t, p, n);
    else if (type == EXTRA_MAC && n == 6)
        print(t, "\"%02x:%02x:%02x:%02x:%02x:%02x\"", p[0], p[1], p[2], p[3], p[4], p[5]);
    else if (type == EXTRA_TEXT || (type == EXTRA_UNKNOWN && is_text(p, n)))
        put_text(t, p, n);
    else
        put_hex(t, p, n);
}

static void put_key(struct text *t, const struct extra_field *f) {
    print(t, "%s\"", t->n > 1 ? "," : "");
    if (!f->name)
        print(t, "%" PRIu32 ".%u", f->pen, f->id);
    else if (f->pen == REVERSE_PEN)
        print(t, "reverse%c%s", f->name[0] - 'a' + 'A', f->name + 1);
    else
        print(t, "%s", f->name);
    put(t, "\":", 2);
}

size_t extra_write(const struct extra_field *fields, unsigned n, struct cursor record,
                   char out[EXTRA_MAX]) {
    enum { END = 24 }; /* for ,"omitted":65535} */
    struct text t = {.at = out, .room = EXTRA_MAX - END};
    unsigned omitted = 0;
    put(&t, "{", 1);
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *p;
        size_t length;
        if (!plan_field(&record, fields[i].length, &p, &length))
            break;
        if (fields[i].type == EXTRA_UNWANTED || length == 0)
            continue;
        size_t before = t.n;
        put_key(&t, &fields[i]);
        put_value(&t, &fields[i], p, length);
        if (t.full) {
            t.n = before;
            t.full = false;
            omitted++;
        }
    }
    t.room = EXTRA_MAX;
    if (omitted)
        print(&t, "%s\"omitted\":%u", t.n > 1 ? "," : "", omitted);
    if (t.n == 1)
        return 0;
    put(&t, "}", 1);
    return t.n;
}
