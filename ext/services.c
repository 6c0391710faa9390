/* SPDX-License-Identifier: MIT */
/*
** Reading services into one array of ports for each protocol.
*/
#include "services.h"

#include <stdbool.h>
#include <stdlib.h>

#include "protocols.h"
#include "site_table.h"
#include "texts.h"

SQLITE_EXTENSION_INIT3

enum { PROTO, PORT_FROM, PORT_TO, APPLICATION, CATEGORY };
enum { PROTOCOLS = 256, PORTS = 65536 };

static const struct site_table table = {
    .name = "services", .columns = {"proto", "port_from", "port_to", "application", "category"}};

struct service {
    const char *value[SERVICE_COLUMNS];
    int proto, from, to; /* from -1: without ports */
};

struct services {
    struct site_table table;
    struct texts texts;
    uint32_t n;
    struct service *service; /* the widest first */
    /* Numbers in service[] and 1, 0 for none: */
    uint32_t *port[PROTOCOLS]; /* by port, NULL when no row has any */
    uint32_t whole[PROTOCOLS];
};

/* ---- reading ---------------------------------------------------------------------------- */

static bool is_given(sqlite3_stmt *stmt, int column) {
    return sqlite3_column_bytes(stmt, column) > 0;
}

/* A whole number in a column, or -1. */
static int number_in(sqlite3_stmt *stmt, int column, int limit) {
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    char *end;
    long v = text && *text ? strtol(text, &end, 10) : -1;
    return v >= 0 && v < limit && !*end ? (int)v : -1;
}

static int proto_in(sqlite3_stmt *stmt) {
    const char *text = (const char *)sqlite3_column_text(stmt, PROTO);
    int v = number_in(stmt, PROTO, PROTOCOLS);
    return v >= 0 || !text ? v : protocols_number(text, (size_t)sqlite3_column_bytes(stmt, PROTO));
}

static int read_row(struct services *s, sqlite3_stmt *stmt, char **message) {
    struct service row = {{NULL}, proto_in(stmt), -1, -1};
    bool ok = row.proto >= 0;
    if (is_given(stmt, PORT_FROM)) {
        row.from = number_in(stmt, PORT_FROM, PORTS);
        row.to = is_given(stmt, PORT_TO) ? number_in(stmt, PORT_TO, PORTS) : row.from;
        ok &= row.from >= 0 && row.to >= row.from;
    }
    if (!ok) {
        *message = sqlite3_mprintf(
            "services: proto '%s', port_from '%s', port_to '%s': write a protocol (6 or tcp), and "
            "ports of 0 to 65535 or NULL, the lower one first",
            sqlite3_column_text(stmt, PROTO), sqlite3_column_text(stmt, PORT_FROM),
            sqlite3_column_text(stmt, PORT_TO));
        return *message ? SQLITE_ERROR : SQLITE_NOMEM;
    }
    if ((s->n & (s->n - 1)) == 0) { /* a power of two: full, or empty */
        size_t room = s->n ? (size_t)s->n * 2 : 1;
        struct service *more = realloc(s->service, room * sizeof *more);
        if (!more)
            return SQLITE_NOMEM;
        s->service = more;
    }
    for (int c = 0; c < SERVICE_COLUMNS; c++)
        if (!texts_column(&s->texts, stmt, APPLICATION + c, &row.value[c]))
            return SQLITE_NOMEM;
    s->service[s->n++] = row;
    return SQLITE_OK;
}

/* The one that goes before another comes behind it: the narrower, and of two the one of lower ports. */
static int by_width(const void *a, const void *b) {
    const struct service *x = a, *y = b;
    int wide = (y->to - y->from) - (x->to - x->from);
    return wide ? wide : y->from - x->from;
}

static bool paint(struct services *s) {
    for (uint32_t i = 0; i < s->n; i++) {
        const struct service *row = &s->service[i];
        uint32_t **port = &s->port[row->proto];
        if (row->from < 0) {
            s->whole[row->proto] = i + 1;
            continue;
        }
        if (!*port && !(*port = calloc(PORTS, sizeof **port)))
            return false;
        for (int p = row->from; p <= row->to; p++)
            (*port)[p] = i + 1;
    }
    return true;
}

static int build(sqlite3 *db, struct services *s, char **message) {
    sqlite3_stmt *stmt;
    int rc = site_table_rows(db, &s->table, &stmt, message);
    while (rc == SQLITE_OK && stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        rc = read_row(s, stmt, message);
    sqlite3_finalize(stmt);
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        return rc;
    if (s->n)
        qsort(s->service, s->n, sizeof *s->service, by_width);
    return paint(s) ? SQLITE_OK : SQLITE_NOMEM;
}

static void clear_rows(struct services *s) {
    texts_free(&s->texts);
    for (int p = 0; p < PROTOCOLS; p++) {
        free(s->port[p]);
        s->port[p] = NULL;
        s->whole[p] = 0;
    }
    free(s->service);
    s->service = NULL;
    s->n = 0;
}

struct services *services_new(void) {
    struct services *s = calloc(1, sizeof *s);
    if (s)
        s->table = table;
    return s;
}

int services_refresh(sqlite3 *db, const char *near, struct services *s, char **message) {
    bool fresh;
    s->table.near = near;
    int rc = site_table_look(db, &s->table, &fresh, message);
    if (rc == SQLITE_OK && !fresh) {
        clear_rows(s);
        rc = build(db, s, message);
    }
    if (rc != SQLITE_OK)
        site_table_clear(&s->table);
    return rc;
}

void services_free(struct services *s) {
    if (!s)
        return;
    site_table_clear(&s->table);
    clear_rows(s);
    free(s);
}

/* ---- answers ---------------------------------------------------------------------------- */

static uint32_t of_port(const struct services *s, int64_t proto, int64_t port) {
    return port >= 0 && port < PORTS && s->port[proto] ? s->port[proto][port] : 0;
}

uint32_t services_number(const struct services *s, int64_t proto, int64_t srcport,
                         int64_t dstport) {
    if (proto < 0 || proto >= PROTOCOLS)
        return 0;
    uint32_t src = of_port(s, proto, srcport), dst = of_port(s, proto, dstport);
    uint32_t number = src > dst ? src : dst; /* as by_width() has them */
    return number ? number : s->whole[proto];
}

const char *services_value(const struct services *s, uint32_t number, enum service_column column) {
    return number ? s->service[number - 1].value[column] : NULL;
}

uint32_t services_count(const struct services *s) {
    return s->n;
}

const char *services_find(const struct services *s, enum service_column column, int64_t proto,
                          int64_t srcport, int64_t dstport) {
    return services_value(s, services_number(s, proto, srcport, dstport), column);
}
