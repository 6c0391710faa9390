/* SPDX-License-Identifier: MIT */
/*
** Values to text. Each column of a block is had as an array; then line by line what they say is
** written where room for the longest was made, but for texts, whose room is made one by one.
*/
#include "render.h"
#include "shown.h"

#include <sqlite3ext.h>
#include <stdlib.h>
SQLITE_EXTENSION_INIT3

enum { MAX_PLAIN = 64 }; /* octets of a value that is no TEXT, with quotes */

struct column_state {
    char *name; /* "name": of JSON, with the comma or brace before */
    size_t name_n;
    const int64_t *v;
    const uint8_t *null;
    const int64_t *start, *end; /* of duration, ms */
    struct cell_buffer *buffer;
    struct shown shown;
};

struct render {
    bool json;
    int n;
    const struct render_column *column;
    struct column_state *state;
};

static const char *name_of(const struct render_column *c) {
    return c->own ? c->own->name : c->column->name;
}

/* ---- room ------------------------------------------------------------------------------- */

static bool reserve(struct render_text *t, size_t n) {
    if (t->cap - t->n >= n)
        return true;
    size_t cap = (t->cap + n) * 2;
    char *p = realloc(t->p, cap);
    if (!p)
        return false;
    t->p = p;
    t->cap = cap;
    return true;
}

static void put(struct render_text *t, const char *p, size_t n) {
    memcpy(t->p + t->n, p, n);
    t->n += n;
}

/* ---- numbers and times ------------------------------------------------------------------ */

static char *put_unsigned(char *p, uint64_t v) {
    char digits[20];
    size_t n = sizeof digits;
    for (; v >= 100; v /= 100)
        (void)shown_put_pair(digits + (n -= 2), (unsigned)(v % 100));
    if (v >= 10)
        (void)shown_put_pair(digits + (n -= 2), (unsigned)v);
    else
        digits[--n] = (char)('0' + v);
    memcpy(p, digits + n, sizeof digits - n);
    return p + sizeof digits - n;
}

static char *put_integer(char *p, int64_t v) {
    if (v < 0)
        *p++ = '-';
    return put_unsigned(p, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* As SQLite writes numbers: 15 digits, and always a point. */
static char *put_real(char *p, double v) {
    sqlite3_snprintf(MAX_PLAIN / 2, p, "%!.15g", v);
    return p + strlen(p);
}

/* The same of milliseconds, as seconds, where all digits count. */
static char *put_seconds(char *p, int64_t ms) {
    const int64_t exact = INT64_C(1000000000000000);
    if (ms <= -exact || ms >= exact)
        return put_real(p, (double)ms / 1000);
    if (ms < 0)
        *p++ = '-';
    uint64_t v = (uint64_t)(ms < 0 ? -ms : ms);
    unsigned rest = (unsigned)(v % 1000);
    p = put_unsigned(p, v / 1000);
    *p++ = '.';
    *p++ = (char)('0' + rest / 100);
    if (rest % 100)
        *p++ = (char)('0' + rest / 10 % 10);
    if (rest % 10)
        *p++ = (char)('0' + rest % 10);
    return p;
}

/* ---- texts ------------------------------------------------------------------------------ */

static bool put_csv_text(struct render_text *t, const char *p, size_t n) {
    n = strnlen(p, n);
    if (!reserve(t, 2 * n + MAX_PLAIN))
        return false;
    bool quote = n == 0 || memchr(p, ',', n) || memchr(p, '"', n) || memchr(p, '\n', n) ||
                 memchr(p, '\r', n);
    if (!quote) {
        put(t, p, n);
        return true;
    }
    t->p[t->n++] = '"';
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '"')
            t->p[t->n++] = '"';
        t->p[t->n++] = p[i];
    }
    t->p[t->n++] = '"';
    return true;
}

static bool put_json_text(struct render_text *t, const char *p, size_t n) {
    static const char hex[] = "0123456789abcdef", escapes[] = "btn\0fr"; /* of 8 to 13 */
    if (!reserve(t, 6 * n + MAX_PLAIN))
        return false;
    t->p[t->n++] = '"';
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == '"' || c == '\\') {
            t->p[t->n++] = '\\';
            t->p[t->n++] = (char)c;
        } else if (c >= 32) {
            t->p[t->n++] = (char)c;
        } else if (c >= 8 && c <= 13 && escapes[c - 8]) {
            t->p[t->n++] = '\\';
            t->p[t->n++] = escapes[c - 8];
        } else {
            put(t, "\\u00", 4);
            t->p[t->n++] = hex[c >> 4];
            t->p[t->n++] = hex[c & 15];
        }
    }
    t->p[t->n++] = '"';
    return true;
}

/* ---- values ----------------------------------------------------------------------------- */

static char *put_address(struct shown *s, char *p, uint32_t code) {
    if (!s->ip)
        return p + flow_ip_text(&s->dict->ip[code], p);
    const struct shown_ip *k = shown_ip(s, code);
    memcpy(p, k->text, 16);
    if (k->n > 16)
        memcpy(p + 16, k->text + 16, FLOW_IP_TEXT - 16);
    return p + k->n;
}

static bool is_quoted(enum cell_kind kind) {
    return kind == CELL_TIME || kind == CELL_MAC || kind == CELL_IP || kind == CELL_NET;
}

/* A value that is short; room for MAX_PLAIN octets is there. */
static char *put_plain(struct column_state *s, enum cell_kind kind, char *p, uint32_t row) {
    int64_t v = s->v[row];
    switch (kind) {
    case CELL_INT:
        return put_integer(p, v);
    case CELL_REAL:
        return s->start ? put_seconds(p, s->end[row] - s->start[row]) : put_real(p, cell_real(v));
    case CELL_TIME:
        return shown_put_time(&s->shown, v, p);
    case CELL_MAC:
        return p + flow_mac_text((uint64_t)v, p);
    case CELL_IP:
        return put_address(&s->shown, p, (uint32_t)v);
    case CELL_NET:
        return p + flow_net_text(&s->shown.dict->ip[v >> 8], (unsigned)(v & 255), p);
    default:
        return p;
    }
}

/* A column of the site's, out of the text of extra. */
static bool put_own(const struct render *r, const struct own_column *own, const char *extra,
                    size_t n, struct render_text *out) {
    struct own_value v;
    if (!own_read(own, extra, n, &v) || !reserve(out, MAX_PLAIN))
        return false;
    bool ok = true;
    char *p = out->p + out->n, *from = p;
    bool quoted = r->json && (v.kind == OWN_TIME || v.kind == OWN_MAC || v.kind == OWN_IP);
    if (quoted)
        *p++ = '"';
    switch (v.kind) {
    case OWN_NONE:
        if (r->json)
            p = memcpy(p, "null", 4), p += 4;
        break;
    case OWN_INTEGER:
        p = put_integer(p, v.i);
        break;
    case OWN_REAL:
        p = put_real(p, v.real);
        break;
    case OWN_TIME:
        p += flow_time_text(v.i, p);
        break;
    case OWN_MAC:
        p += flow_mac_text((uint64_t)v.i, p);
        break;
    case OWN_IP:
        p += flow_ip_text(&v.ip, p);
        break;
    case OWN_TEXT:
        ok = r->json ? put_json_text(out, v.text, v.n) : put_csv_text(out, v.text, v.n);
        break;
    }
    if (quoted)
        *p++ = '"';
    out->n += v.kind == OWN_TEXT ? 0 : (size_t)(p - from);
    own_clear(&v);
    return ok;
}

static bool put_value(struct render *r, int c, uint32_t row, struct render_text *out) {
    struct column_state *s = &r->state[c];
    enum cell_kind kind = r->column[c].kind;
    if (s->null[row]) {
        if (r->json)
            put(out, "null", 4);
        return true;
    }
    if (kind == CELL_TEXT) {
        const char *text = s->shown.dict->text[s->v[row]];
        size_t n = s->shown.dict->len[s->v[row]];
        if (r->column[c].own)
            return put_own(r, r->column[c].own, text, n, out);
        return r->json ? put_json_text(out, text, n) : put_csv_text(out, text, n);
    }
    char *p = out->p + out->n;
    bool quoted = r->json && is_quoted(kind);
    if (quoted)
        *p++ = '"';
    p = put_plain(s, kind, p, row);
    if (quoted)
        *p++ = '"';
    out->n = (size_t)(p - out->p);
    return true;
}

static bool read_block(struct render *r, struct scan *scan) {
    for (int c = 0; c < r->n; c++) {
        struct column_state *s = &r->state[c];
        const struct sql_column *column = r->column[c].column;
        if (column->kind == COLUMN_COMPUTED && !s->buffer &&
            !(s->buffer = malloc(sizeof *s->buffer)))
            return false;
        s->v = cells_of_block(scan, column, s->buffer, &s->null);
        const uint8_t *nulls;
        s->start = s->end = NULL;
        if (column->kind == COLUMN_COMPUTED && column->id == COMPUTED_duration) {
            s->start = scan_values(scan, FLOW_tstart, &nulls);
            s->end = scan_values(scan, FLOW_tend, &nulls);
        }
    }
    return true;
}

bool render_block(struct render *r, struct scan *scan, struct render_text *out) {
    uint32_t n;
    const uint16_t *rows = scan_rows(scan, &n);
    if (!read_block(r, scan))
        return false;
    size_t names = 0;
    for (int c = 0; c < r->n; c++)
        names += r->state[c].name_n;
    for (uint32_t i = 0; i < n; i++) {
        size_t room = names + (size_t)r->n * MAX_PLAIN;
        if (!reserve(out, room))
            return false;
        for (int c = 0; c < r->n; c++) {
            put(out, r->state[c].name, r->state[c].name_n);
            if (!put_value(r, c, rows[i], out))
                return false;
            if (r->column[c].kind == CELL_TEXT && !reserve(out, room))
                return false;
        }
        if (r->json)
            out->p[out->n++] = '}';
        out->p[out->n++] = '\n';
    }
    return true;
}

bool render_enter_group(struct render *r, struct scan *scan) {
    for (int c = 0; c < r->n; c++)
        if (!shown_enter_group(&r->state[c].shown, scan, r->column[c].column, r->column[c].kind))
            return false;
    return true;
}

bool render_header(struct render *r, struct render_text *out) {
    for (int c = 0; c < r->n; c++) {
        const char *name = name_of(&r->column[c]);
        if (!reserve(out, strlen(name) + 1))
            return false;
        if (c)
            put(out, ",", 1);
        put(out, name, strlen(name));
    }
    return true;
}

struct render *render_new(enum export_format format, const struct render_column *columns, int n) {
    struct render *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->json = format == EXPORT_NDJSON;
    r->n = n;
    r->column = columns;
    r->state = calloc((size_t)n, sizeof *r->state);
    bool ok = r->state != NULL;
    for (int c = 0; ok && c < n; c++) {
        struct column_state *s = &r->state[c];
        shown_init(&s->shown);
        s->name = r->json ? sqlite3_mprintf("%c\"%s\":", c ? ',' : '{', name_of(&columns[c]))
                          : sqlite3_mprintf("%s", c ? "," : "");
        ok = s->name != NULL;
        s->name_n = ok ? strlen(s->name) : 0;
    }
    if (ok)
        return r;
    render_free(r);
    return NULL;
}

void render_free(struct render *r) {
    if (!r)
        return;
    for (int c = 0; r->state && c < r->n; c++) {
        sqlite3_free(r->state[c].name);
        free(r->state[c].buffer);
        shown_clear(&r->state[c].shown);
    }
    free(r->state);
    free(r);
}
