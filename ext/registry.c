/* SPDX-License-Identifier: MIT */
/*
** Reading registry files, and values out of `extra`: a flat JSON object as collector/extra.c writes it. Any other
** text is safe, and has no values.
*/
#include "registry.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "snapshot.h"
#include "vtab.h"

SQLITE_EXTENSION_INIT3

/* ---- types ------------------------------------------------------------------------------ */

/* A value of extra: a number, true and false as 1 and 0, or a text. octets: those it stands for, of a number
** without the zeros in front, whose number is not known. */
struct value {
    bool number, boolean;
    int64_t i;
    char *text; /* as it is in extra, NUL behind */
    size_t n;
    uint8_t octets[4096];
    size_t noctets;
};

/* Each makes a result of the value, or returns false. */
static bool show_unsigned(sqlite3_context *ctx, const struct value *v, int bits) {
    (void)bits;
    uint64_t x = 0;
    if ((!v->number && !v->noctets) || v->noctets > 8)
        return false;
    for (size_t i = 0; i < v->noctets; i++)
        x = x << 8 | v->octets[i];
    result_count(ctx, x);
    return true;
}

static bool show_signed(sqlite3_context *ctx, const struct value *v, int bits) {
    uint64_t x = 0;
    if ((!v->number && !v->noctets) || v->noctets > (size_t)bits / 8)
        return false;
    for (size_t i = 0; i < v->noctets; i++)
        x = x << 8 | v->octets[i];
    uint64_t sign = UINT64_C(1) << (bits - 1);
    sqlite3_result_int64(ctx, (int64_t)((x ^ sign) - sign));
    return true;
}

static bool show_float(sqlite3_context *ctx, const struct value *v, int bits) {
    uint64_t x = 0;
    if ((!v->number && !v->noctets) || v->noctets > (size_t)bits / 8)
        return false;
    for (size_t i = 0; i < v->noctets; i++)
        x = x << 8 | v->octets[i];
    double d;
    float f;
    uint32_t half = (uint32_t)x;
    if (bits == 32) {
        memcpy(&f, &half, sizeof f);
        d = f;
    } else {
        memcpy(&d, &x, sizeof d);
    }
    sqlite3_result_double(ctx, d); /* what is no number is NULL */
    return true;
}

/* IPFIX has 1 for true and 2 for false. */
static bool show_boolean(sqlite3_context *ctx, const struct value *v, int bits) {
    (void)bits;
    if (!v->number || (!v->boolean && v->i != 1 && v->i != 2))
        return false;
    sqlite3_result_int(ctx, v->i == 1);
    return true;
}

static bool show_ip(sqlite3_context *ctx, const struct value *v, int bits) {
    (void)bits;
    uint8_t four[4] = {0};
    struct flow_ip ip;
    if (v->noctets == 16) {
        ip = flow_ip_make(6, v->octets);
    } else if ((v->number && v->noctets < 4) || v->noctets == 4) {
        memcpy(four + 4 - v->noctets, v->octets, v->noctets);
        ip = flow_ip_make(4, four);
    } else {
        return false;
    }
    result_ip(ctx, &ip);
    return true;
}

static bool show_mac(sqlite3_context *ctx, const struct value *v, int bits) {
    (void)bits;
    char text[FLOW_MAC_TEXT];
    uint64_t mac = 0;
    if (v->noctets > 6 || (!v->number && v->noctets != 6))
        return false;
    for (size_t i = 0; i < v->noctets; i++)
        mac = mac << 8 | v->octets[i];
    result_text(ctx, text, flow_mac_text(mac, text));
    return true;
}

/* Up to 8 octets of fixed length are a number in extra. */
static bool show_string(sqlite3_context *ctx, const struct value *v, int bits) {
    (void)bits;
    size_t n = v->noctets;
    char *out = sqlite3_malloc64(n + 1);
    while (n && v->octets[n - 1] == 0)
        n--;
    if (!out)
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] = v->octets[i] >= 0x20 && v->octets[i] < 0x7f ? (char)v->octets[i] : '?';
    if (v->number || v->noctets)
        sqlite3_result_text64(ctx, out, n, SQLITE_TRANSIENT, SQLITE_UTF8);
    sqlite3_free(out);
    return v->number || v->noctets;
}

static bool show_octets(sqlite3_context *ctx, const struct value *v, int bits) {
    (void)bits;
    char text[19] = "0x";
    if (!v->number || v->noctets > 8)
        return false;
    for (size_t i = 0; i < v->noctets; i++)
        snprintf(text + 2 + 2 * i, 3, "%02x", v->octets[i]);
    result_text(ctx, v->noctets ? text : "0x00", v->noctets ? 2 + 2 * v->noctets : 4);
    return true;
}

static bool show_time(sqlite3_context *ctx, const struct value *v, int ms) {
    if (!v->number || v->i > INT64_MAX / 1000)
        return false;
    int64_t t = v->i * ms;
    result_time(ctx, t < FLOW_MS_MIN ? FLOW_MS_MIN : t > FLOW_MS_MAX ? FLOW_MS_MAX : t);
    return true;
}

static const struct type {
    const char *name, *declared;
    bool (*show)(sqlite3_context *ctx, const struct value *v, int parameter);
    int parameter;
} types[] = {
    {"unsigned", "INTEGER", show_unsigned, 0},
    {"signed8", "INTEGER", show_signed, 8},
    {"signed16", "INTEGER", show_signed, 16},
    {"signed32", "INTEGER", show_signed, 32},
    {"signed64", "INTEGER", show_signed, 64},
    {"float32", "REAL", show_float, 32},
    {"float64", "REAL", show_float, 64},
    {"boolean", "INTEGER", show_boolean, 0},
    {"ip", "TEXT", show_ip, 0},
    {"mac", "TEXT", show_mac, 0},
    {"string", "TEXT", show_string, 0},
    {"octets", "TEXT", show_octets, 0},
    {"seconds", "TEXT", show_time, 1000},
    {"milliseconds", "TEXT", show_time, 1},
};
enum { NTYPES = sizeof types / sizeof types[0] };

/* ---- elements --------------------------------------------------------------------------- */

enum { REVERSE_PEN = 29305, KEY = 80 };

static const struct known {
    uint16_t id;
    bool column; /* of a flow; only that of the reverse direction is in extra */
    const char *name;
} known[] = {
#define ELEMENT(id, name, type) {id, false, #name},
#define COLUMN_ELEMENT(id, name, type) {id, true, #name},
#include "../schema/elements.def"
#undef COLUMN_ELEMENT
#undef ELEMENT
};
enum { NKNOWN = sizeof known / sizeof known[0] };

static const char *name_of(uint64_t id, bool reverse) {
    for (size_t i = 0; i < NKNOWN; i++)
        if (known[i].id == id && (reverse || !known[i].column))
            return known[i].name;
    return NULL;
}

/* The column that the catalogue has for an element, NULL: none. */
static const char *column_of(uint64_t element) {
    for (int f = 0; f < FLOW_NFIELDS; f++)
        for (const uint64_t *e = flow_fields[f].elements; *e; e++)
            if (*e == element)
                return flow_fields[f].name;
    return NULL;
}

/* The key in extra of what a line calls the element. False with what is wrong in message. */
static bool find_key(const char *text, char key[KEY], char *message, size_t n) {
    unsigned long pen = 0, id = 0;
    int end = 0;
    bool by_id = (sscanf(text, "%10lu.%5lu%n", &pen, &id, &end) == 2 && !text[end]) ||
                 (pen = 0, sscanf(text, "%5lu%n", &id, &end) == 1 && !text[end]);
    if (!by_id) {
        for (size_t i = 0; i < NKNOWN; i++)
            if (strcmp(known[i].name, text) == 0 && !known[i].column)
                return snprintf(key, KEY, "%s", text) > 0;
        snprintf(message, n, "'%.60s' is no element: write PEN.id, or IANA's id or name", text);
        return false;
    }
    const char *name = pen == 0 || pen == REVERSE_PEN ? name_of(id, pen) : NULL;
    const char *column = column_of(FLOW_ELEMENT(pen, id));
    bool counter = pen == REVERSE_PEN && (id <= 2 || id == 85 || id == 86);
    if (id == 0 || id > 65535 || pen > UINT32_MAX) {
        snprintf(message, n, "'%.60s' is no element: ids are 1 to 65535", text);
    } else if (column && (pen ? !counter : !name)) {
        snprintf(message, n, "element %.60s is the column %s already", text, column);
    } else if (!name) {
        snprintf(key, KEY, "%lu.%lu", pen, id);
        return true;
    } else {
        if (pen)
            snprintf(key, KEY, "reverse%c%s", name[0] - 'a' + 'A', name + 1);
        else
            snprintf(key, KEY, "%s", name);
        return true;
    }
    return false;
}

/* ---- files ------------------------------------------------------------------------------ */

enum { NAME = 64 };

struct own_column {
    char name[NAME];
    char key[KEY];
    const struct type *type;
};

struct registry {
    int n;
    struct own_column column[MAX_COLUMNS];
};

static bool is_name(const char *s) {
    if (!isalpha((unsigned char)*s) && *s != '_')
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '_')
            return false;
    return true;
}

static bool is_taken(const struct sql_table *t, const char *name) {
    for (int i = 0; i < t->n; i++)
        if (sqlite3_stricmp(t->column[i].name, name) == 0)
            return true;
    return false;
}

/* A line without its comment. False with what is wrong in message. */
static bool take_line(struct registry *r, struct sql_table *t, char *line, char *message,
                      size_t n) {
    static const char blanks[] = " \t\r\n";
    char *rest = line, *word[4];
    int words = 0;
    while (words < 4 && (word[words] = strtok_r(words ? NULL : line, blanks, &rest)))
        words++;
    if (words == 0)
        return true;
    if (words != 3) {
        snprintf(message, n, "write an element, a column's name and a type");
        return false;
    }
    struct own_column *c = &r->column[r->n];
    if (t->n == MAX_COLUMNS) {
        snprintf(message, n, "there is room for %d columns", r->n);
        return false;
    }
    if (!find_key(word[0], c->key, message, n))
        return false;
    if (!is_name(word[1]) || strlen(word[1]) >= NAME) {
        snprintf(message, n, "'%.80s' is no name: up to %d letters, digits and _", word[1],
                 NAME - 1);
        return false;
    }
    if (is_taken(t, word[1])) {
        snprintf(message, n, "there is a column %s already", word[1]);
        return false;
    }
    c->type = NULL;
    for (int i = 0; i < NTYPES; i++)
        if (strcmp(types[i].name, word[2]) == 0)
            c->type = &types[i];
    if (!c->type) {
        size_t used = (size_t)snprintf(message, n, "'%.40s' is no type:", word[2]);
        for (int i = 0; i < NTYPES && used < n; i++)
            used += (size_t)snprintf(message + used, n - used, " %s", types[i].name);
        return false;
    }
    snprintf(c->name, sizeof c->name, "%s", word[1]);
    t->column[t->n++] =
        (struct sql_column){c->name, c->type->declared, false, COLUMN_EXTRA, r->n++, {0, 0}};
    return true;
}

static int read_file(FILE *in, const char *path, struct registry *r, struct sql_table *t,
                     char **message) {
    char *line = NULL, wrong[512];
    size_t room = 0;
    int rc = SQLITE_OK;
    for (unsigned number = 1; rc == SQLITE_OK && getline(&line, &room, in) >= 0; number++) {
        line[strcspn(line, "#")] = '\0';
        if (take_line(r, t, line, wrong, sizeof wrong))
            continue;
        *message = sqlite3_mprintf("%s:%u: %s", path, number, wrong);
        rc = SQLITE_ERROR;
    }
    if (rc == SQLITE_OK && ferror(in)) {
        *message = sqlite3_mprintf("%s: %s", path, strerror(errno));
        rc = SQLITE_ERROR;
    }
    free(line);
    return rc;
}

int registry_open(const char *store, struct sql_table *t, struct registry **out, char **message) {
    const char *given = getenv("FLOWVT_REGISTRY");
    bool own = given && *given;
    char *path =
        own ? sqlite3_mprintf("%s", given) : sqlite3_mprintf("%s/registry", snapshot_store(store));
    *out = NULL;
    if (!path)
        return SQLITE_NOMEM;
    int rc = SQLITE_OK;
    FILE *in = fopen(path, "re");
    if (in) {
        struct registry *r = calloc(1, sizeof *r);
        rc = r ? read_file(in, path, r, t, message) : SQLITE_NOMEM;
        fclose(in);
        if (rc == SQLITE_OK)
            *out = r;
        else
            registry_free(r);
    } else if (own || (errno != ENOENT && errno != ENOTDIR)) {
        *message = sqlite3_mprintf("%s: %s", path, strerror(errno));
        rc = SQLITE_ERROR;
    }
    sqlite3_free(path);
    return rc;
}

void registry_free(struct registry *r) {
    free(r);
}

/* ---- values ----------------------------------------------------------------------------- */

/* Behind the string that begins at p, NULL when it does not end. */
static const char *string_end(const char *p, const char *end) {
    for (p++; p < end && *p != '"'; p++)
        p += *p == '\\' && p + 1 < end;
    return p < end ? p + 1 : NULL;
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

void registry_result(const struct registry *r, int i, sqlite3_context *ctx, const char *extra,
                     size_t n) {
    const char *end, *p = find_value(extra, extra + n, r->column[i].key, &end);
    struct value v;
    uint64_t x;
    if (!p || p == end || *p == 'n')
        return;
    v = (struct value){.text = malloc((size_t)(end - p) + 1)};
    if (!v.text) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
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
    const struct type *type = r->column[i].type;
    if (!type->show(ctx, &v, type->parameter))
        result_text(ctx, v.text, v.n);
    free(v.text);
}
