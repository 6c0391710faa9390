/* SPDX-License-Identifier: MIT */
/*
** Reading registry files, and showing values to SQLite.
*/
#include "registry.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "snapshot.h"
#include "vtab.h"

SQLITE_EXTENSION_INIT3

/* ---- elements --------------------------------------------------------------------------- */

enum { REVERSE_PEN = 29305 };

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
static bool find_key(const char *text, char key[OWN_KEY], char *message, size_t n) {
    unsigned long pen = 0, id = 0;
    int end = 0;
    bool by_id = (sscanf(text, "%10lu.%5lu%n", &pen, &id, &end) == 2 && !text[end]) ||
                 (pen = 0, sscanf(text, "%5lu%n", &id, &end) == 1 && !text[end]);
    if (!by_id) {
        for (size_t i = 0; i < NKNOWN; i++)
            if (strcmp(known[i].name, text) == 0 && !known[i].column)
                return snprintf(key, OWN_KEY, "%s", text) > 0;
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
        snprintf(key, OWN_KEY, "%lu.%lu", pen, id);
        return true;
    } else {
        if (pen)
            snprintf(key, OWN_KEY, "reverse%c%s", name[0] - 'a' + 'A', name + 1);
        else
            snprintf(key, OWN_KEY, "%s", name);
        return true;
    }
    return false;
}

/* ---- files ------------------------------------------------------------------------------ */

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
    if (!is_name(word[1]) || strlen(word[1]) >= OWN_NAME) {
        snprintf(message, n, "'%.80s' is no name: up to %d letters, digits and _", word[1],
                 OWN_NAME - 1);
        return false;
    }
    if (is_taken(t, word[1])) {
        snprintf(message, n, "there is a column %s already", word[1]);
        return false;
    }
    c->type = own_type_find(word[2]);
    if (!c->type) {
        char names[160];
        own_type_names(names, sizeof names);
        snprintf(message, n, "'%.40s' is no type: %s", word[2], names);
        return false;
    }
    snprintf(c->name, sizeof c->name, "%s", word[1]);
    t->column[t->n++] = (struct sql_column){
        c->name, own_type_declared(c->type), false, COLUMN_EXTRA, r->n++, {0, 0}};
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
            t->own = *out = r;
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

const struct own_column *registry_column(const struct registry *r, int i) {
    return &r->column[i];
}

const struct own_column *registry_find(const struct registry *r, const char *name, size_t n) {
    for (int i = 0; r && i < r->n; i++)
        if (strlen(r->column[i].name) == n &&
            sqlite3_strnicmp(r->column[i].name, name, (int)n) == 0)
            return &r->column[i];
    return NULL;
}

/* ---- values ----------------------------------------------------------------------------- */

void registry_result(const struct registry *r, int i, sqlite3_context *ctx, const char *extra,
                     size_t n) {
    struct own_value v;
    char mac[FLOW_MAC_TEXT];
    if (!own_read(&r->column[i], extra, n, &v)) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    switch (v.kind) {
    case OWN_NONE:
        break;
    case OWN_INTEGER:
        sqlite3_result_int64(ctx, v.i);
        break;
    case OWN_REAL:
        sqlite3_result_double(ctx, v.real);
        break;
    case OWN_TIME:
        result_time(ctx, v.i);
        break;
    case OWN_MAC:
        result_text(ctx, mac, flow_mac_text((uint64_t)v.i, mac));
        break;
    case OWN_IP:
        result_ip(ctx, &v.ip);
        break;
    case OWN_TEXT:
        result_text(ctx, v.text, v.n);
        break;
    }
    own_clear(&v);
}
