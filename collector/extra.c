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

#include "elements.h"
#include "lists.h"
#include "record.h"
#include "template.h"

/* ---- names ------------------------------------------------------------------------------ */

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
    f.type = list_of_enterprise(pen, id);
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
    struct extra_lists *lists;
    unsigned deep; /* lists around */
};

static void put(struct text *t, const char *p, size_t n) {
    if (t->full || n > t->room - t->n) {
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

static void put_list(struct text *t, enum extra_type type, const uint8_t *p, size_t n);

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
    else if (list_is(type))
        put_list(t, type, p, n);
    else if (type == EXTRA_TEXT || (type == EXTRA_UNKNOWN && is_text(p, n)))
        put_text(t, p, n);
    else
        put_hex(t, p, n);
}

/* ---- objects ---------------------------------------------------------------------------- */

/* Keys of an object so far. Of more than there is room for, none is told from the others. */
struct keys {
    unsigned n;
    struct {
        uint32_t pen;
        uint16_t id, times;
    } key[64];
};

static unsigned count_key(struct keys *keys, const struct extra_field *f) {
    for (unsigned i = 0; i < keys->n; i++)
        if (keys->key[i].id == f->id && keys->key[i].pen == f->pen)
            return ++keys->key[i].times;
    if (keys->n < sizeof keys->key / sizeof *keys->key) {
        keys->key[keys->n].pen = f->pen;
        keys->key[keys->n].id = f->id;
        keys->key[keys->n++].times = 1;
    }
    return 1;
}

static void put_key(struct text *t, const struct extra_field *f, unsigned times) {
    if (t->n && t->at[t->n - 1] != '{')
        put(t, ",", 1);
    if (!f->name)
        print(t, "\"%" PRIu32 ".%u", f->pen, f->id);
    else if (f->pen == REVERSE_PEN)
        print(t, "\"reverse%c%s", f->name[0] - 'a' + 'A', f->name + 1);
    else
        print(t, "\"%s", f->name);
    if (times > 1)
        print(t, "#%u", times);
    put(t, "\":", 2);
}

/* Room for what ends an object or a list, of which any part may be omitted: ,{"omitted":4294967295}]} */
enum { END = 32 };

static bool begin(struct text *t, const char *opening) {
    put(t, opening, strlen(opening));
    if (t->full || t->room - t->n < END)
        t->full = true;
    else
        t->room -= END;
    return !t->full;
}

static void end(struct text *t, unsigned omitted, const char *form, const char *closing) {
    t->room += END;
    if (omitted) {
        if (t->at[t->n - 1] != '{' && t->at[t->n - 1] != '[')
            put(t, ",", 1);
        print(t, form, omitted);
    }
    put(t, closing, strlen(closing));
}

/* The element that a basicList of the generic element has, as which it is shown. */
static struct extra_field shown_as(const struct extra_field *f, const uint8_t *p, size_t n) {
    enum { BASIC_LIST = 291 };
    struct list l;
    struct list_part part;
    if (f->pen || f->id != BASIC_LIST || !list_open(&l, EXTRA_LIST, cursor_of(p, n)) ||
        list_next(&l, &part) != LIST_PART)
        return *f;
    return extra_field_of(part.value.pen, part.value.id, part.value.length, true);
}

static bool is_empty(const struct extra_field *f, const uint8_t *p, size_t n) {
    struct list l;
    struct list_part part;
    if (n == 0 || !list_is((enum extra_type)f->type))
        return n == 0;
    if (!list_open(&l, (enum extra_type)f->type, cursor_of(p, n)))
        return false;
    enum list_next next = list_next(&l, &part);
    return next == LIST_END ||
           (next == LIST_PART && cursor_left(&part.octets) == 0 && cursor_left(&l.left) == 0);
}

/* One member of an object; false when it does not fit. */
static bool put_member(struct text *t, struct keys *keys, const struct extra_field *f,
                       const uint8_t *p, size_t n) {
    const struct extra_field key = shown_as(f, p, n);
    size_t before = t->n;
    put_key(t, &key, count_key(keys, &key));
    put_value(t, f, p, n);
    if (!t->full)
        return true;
    t->n = before;
    t->full = false;
    return false;
}

/* ---- lists ------------------------------------------------------------------------------ */

/* What a list has of its items; when one did not fit, or not whole, no more are tried. */
struct items {
    bool stop;
    unsigned omitted;
    size_t before; /* where the item at hand began */
};

static void item_begin(struct text *t, struct items *items) {
    items->before = t->n;
    if (t->at[t->n - 1] != '[')
        put(t, ",", 1);
}

static void item_end(struct text *t, struct items *items) {
    if (!t->full)
        return;
    t->n = items->before;
    t->full = false;
    items->stop = true;
    items->omitted++;
}

static bool put_values(struct text *t, struct list_part *part, struct items *items) {
    const struct template_field *v = &part->value;
    const struct extra_field f = extra_field_of(v->pen, v->id, v->length, true);
    const uint8_t *p;
    size_t n;
    while (cursor_left(&part->octets)) {
        if (!plan_field(&part->octets, f.length, &p, &n))
            return false;
        if (items->stop) {
            items->omitted++;
            continue;
        }
        item_begin(t, items);
        if (n)
            put_value(t, &f, p, n);
        else
            put(t, "null", 4);
        item_end(t, items);
    }
    return true;
}

/* One record as an object. False when it is cut off. *part: some of it did not fit. */
static bool put_record(struct text *t, const struct template *x, struct cursor *octets,
                       bool *part) {
    struct keys keys;
    unsigned omitted = 0;
    keys.n = 0;
    if (!begin(t, "{"))
        return list_skip_record(x, octets);
    for (unsigned i = 0; i < x->nfields; i++) {
        const struct template_field *tf = &x->fields[i];
        const uint8_t *p;
        size_t n;
        if (!plan_field(octets, tf->length, &p, &n))
            return false;
        bool padding = tf->pen == 0 && tf->id == EXTRA_PADDING;
        const struct extra_field f = extra_field_of(tf->pen, tf->id, tf->length, true);
        if (!padding && !is_empty(&f, p, n))
            omitted += !put_member(t, &keys, &f, p, n);
    }
    const bool nothing = omitted && t->at[t->n - 1] == '{';
    *part |= omitted != 0;
    end(t, omitted, "\"omitted\":%u", "}");
    t->full |= nothing;
    return true;
}

static bool put_records(struct text *t, struct list_part *part, struct items *items) {
    const struct extra_lists *lists = t->lists;
    const struct template *x = lists->find ? lists->find(lists->arg, part->template) : NULL;
    if (!x) {
        if (items->stop) {
            items->omitted++;
            return true;
        }
        item_begin(t, items);
        print(t, "{\"template\":%u,\"octets\":", part->template);
        put_hex(t, part->octets.p, cursor_left(&part->octets));
        put(t, "}", 1);
        item_end(t, items);
        return true;
    }
    while (cursor_left(&part->octets) >= x->plan->minimum) {
        if (items->stop) {
            items->omitted++;
            if (!list_skip_record(x, &part->octets))
                return false;
            continue;
        }
        item_begin(t, items);
        if (!put_record(t, x, &part->octets, &items->stop))
            return false;
        item_end(t, items);
    }
    return cursor_zeros(&part->octets);
}

static bool put_items(struct text *t, struct list *l, struct items *items) {
    struct list_part part;
    enum list_next next;
    while ((next = list_next(l, &part)) == LIST_PART)
        if (!(part.template ? put_records : put_values)(t, &part, items))
            return false;
    return next == LIST_END;
}

static void put_list(struct text *t, enum extra_type type, const uint8_t *p, size_t n) {
    static const char *const openings[] = {"{\"noneOf\":[", "{\"exactlyOneOf\":[",
                                           "{\"oneOrMoreOf\":["};
    const size_t before = t->n, room = t->room;
    struct items items = {0};
    struct list l;
    if (t->full)
        return;
    bool good = list_open(&l, type, cursor_of(p, n));
    if (good && t->deep < EXTRA_DEEP) {
        const bool some = l.semantic < LIST_ALL_OF;
        if (!begin(t, some ? openings[l.semantic] : "["))
            return;
        t->deep++;
        good = put_items(t, &l, &items);
        t->deep--;
        if (good)
            end(t, items.omitted, "{\"omitted\":%u}", some ? "]}" : "]");
    }
    if (good && t->deep < EXTRA_DEEP)
        return;
    t->lists->malformed += good ? 0 : n;
    t->n = before;
    t->room = room;
    t->full = false;
    put_hex(t, p, n);
}

/* ---- records ---------------------------------------------------------------------------- */

size_t extra_write(const struct extra_field *fields, unsigned n, struct cursor record,
                   struct extra_lists *lists, char out[EXTRA_MAX]) {
    struct text t = {.at = out, .room = EXTRA_MAX, .lists = lists};
    struct keys keys;
    unsigned omitted = 0;
    keys.n = 0;
    begin(&t, "{");
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *p;
        size_t length;
        if (!plan_field(&record, fields[i].length, &p, &length))
            break;
        if (fields[i].type != EXTRA_UNWANTED && !is_empty(&fields[i], p, length))
            omitted += !put_member(&t, &keys, &fields[i], p, length);
    }
    if (t.n == 1 && !omitted)
        return 0;
    end(&t, omitted, "\"omitted\":%u", "}");
    return t.n;
}
