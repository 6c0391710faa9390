/* SPDX-License-Identifier: MIT */
/*
** Each field by itself: numbers with the most significant octet first; a text as 1, its octets with
** 0 written as 0 255, and 0 0 behind; NULL as 0. Of a descending field every octet is inverted.
*/
#include "record.h"

static bool is_text(const struct order *o, const struct order_field *f) {
    if (f->term.kind != ORDER_DIMENSION)
        return false;
    enum flow_class class = o->spec->dim[f->term.id].class;
    return class == FLOW_IP || class == FLOW_TEXT;
}

static void put_octet(struct fvt_buffer *out, uint8_t v) {
    fvt_put(out, &v, 1);
}

static void put_text(struct fvt_buffer *out, const struct name *name) {
    const char *p = name_text(name);
    put_octet(out, 1);
    for (uint32_t i = 0; i < name->n; i++) {
        put_octet(out, (uint8_t)p[i]);
        if (p[i] == 0)
            put_octet(out, 255);
    }
    put_octet(out, 0);
    put_octet(out, 0);
}

static unsigned octets_of(const struct order_field *f) {
    return (f->bits + 7u) / 8;
}

void record_encode(const struct order *o, const uint64_t *row, record_name *name, const void *arg,
                   struct fvt_buffer *out) {
    for (int i = 0; i < o->nfields; i++) {
        const struct order_field *f = &o->field[i];
        size_t start = out->n;
        uint64_t v = order_value(o, f, row);
        if (!is_text(o, f)) {
            for (unsigned k = octets_of(f); k-- > 0;)
                put_octet(out, (uint8_t)(v >> 8 * k));
        } else if (v == 0) {
            put_octet(out, 0);
        } else {
            put_text(out, name(arg, f->term.id, row));
        }
        for (; f->term.desc && !out->failed && start < out->n; start++)
            out->p[start] = (uint8_t)~out->p[start];
    }
}

/* A text up to its end mark, from *at on; where in texts it begins. */
static size_t get_text(const uint8_t *key, size_t n, size_t *at, uint8_t invert,
                       struct fvt_buffer *texts) {
    size_t start = texts->n;
    while (*at < n) {
        uint8_t c = key[(*at)++] ^ invert;
        if (c == 0 && *at < n && (key[(*at)++] ^ invert) == 0)
            break;
        put_octet(texts, c);
    }
    return start;
}

static void put_key(const struct key_slot *s, uint64_t v, uint64_t *row) {
    row[s->word] |= v << s->shift;
}

bool record_decode(const struct order *o, const uint8_t *key, size_t n, uint64_t *row,
                   struct name names[MAX_DIMENSIONS], struct fvt_buffer *texts) {
    size_t at = 0, start[MAX_DIMENSIONS];
    texts->n = 0;
    memset(row, 0, (size_t)o->keys->words * sizeof *row);
    for (int i = 0; i < o->nfields && at < n; i++) {
        const struct order_field *f = &o->field[i];
        uint8_t invert = f->term.desc ? 255 : 0;
        int d = f->term.kind == ORDER_BUCKET ? o->spec->ndims : f->term.id;
        uint64_t v = 0;
        if (is_text(o, f)) {
            v = key[at++] ^ invert;
            start[d] = texts->n;
            if (v)
                start[d] = get_text(key, n, &at, invert, texts);
            names[d].n = (uint32_t)(texts->n - start[d]);
        } else {
            for (unsigned k = octets_of(f); k > 0 && at < n; k--)
                v = v << 8 | (key[at++] ^ invert);
        }
        if (f->term.kind != ORDER_MEASURE)
            put_key(&o->keys->slot[d], v, row);
    }
    if (texts->failed)
        return false;
    for (int i = 0; i < o->nfields; i++) { /* now that texts stays where it is */
        const struct order_field *f = &o->field[i];
        struct name *name = &names[f->term.id < MAX_DIMENSIONS ? f->term.id : 0];
        if (!is_text(o, f) || name->n == 0)
            continue;
        const char *p = (const char *)texts->p + start[f->term.id];
        if (name->n <= sizeof name->text.own)
            memcpy(name->text.own, p, name->n);
        else
            name->text.far = p;
    }
    return true;
}
