/* SPDX-License-Identifier: MIT */
/*
** Reading sampling_overrides, and finding what of it concerns a flow.
*/
#include "overrides.h"
#include "site_table.h"
#include "window.h"

#include <stdlib.h>

SQLITE_EXTENSION_INIT3

static const char name[] = "sampling_overrides";

/* ---- reading ---------------------------------------------------------------------------- */

enum column { EXPORTER, SINCE, UNTIL, RATE, COLUMNS };

/* Where the columns are in the statement, -1: missing. */
static void find_columns(sqlite3_stmt *stmt, int at[COLUMNS]) {
    static const struct {
        const char *name;
        enum column column;
    } names[] = {
        {"exporter", EXPORTER}, {"since", SINCE}, {"from", SINCE}, {"until", UNTIL}, {"rate", RATE},
    };
    for (int c = 0; c < COLUMNS; c++)
        at[c] = -1;
    for (int i = 0; i < sqlite3_column_count(stmt); i++)
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            if (sqlite3_stricmp(sqlite3_column_name(stmt, i), names[k].name) == 0)
                at[names[k].column] = i;
}

static struct window_value value_of(sqlite3_stmt *stmt, int column) {
    struct window_value v = {.type = WINDOW_NULL};
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        v.type = WINDOW_INTEGER;
        v.integer = sqlite3_column_int64(stmt, column);
        break;
    case SQLITE_FLOAT:
        v.type = WINDOW_REAL;
        v.real = sqlite3_column_double(stmt, column);
        break;
    case SQLITE_NULL:
        break;
    default:
        v.type = WINDOW_TEXT;
        v.text = (const char *)sqlite3_column_text(stmt, column);
        v.n = (size_t)sqlite3_column_bytes(stmt, column);
    }
    return v;
}

/* How many bits the first and the last address have in common. */
static int prefix_length(const struct override *o) {
    int bits = 0;
    while (bits < 128 &&
           !((o->first.addr[bits / 8] ^ o->last.addr[bits / 8]) >> (7 - bits % 8) & 1))
        bits++;
    return bits;
}

/* One row into *o. False with what is wrong in err. */
static bool read_row(sqlite3_stmt *stmt, const int at[COLUMNS], int64_t now, struct override *o,
                     char *err, int n) {
    memset(o, 0, sizeof *o);
    o->length = -1;
    const char *exporter = (const char *)sqlite3_column_text(stmt, at[EXPORTER]);
    size_t length = (size_t)sqlite3_column_bytes(stmt, at[EXPORTER]);
    if (exporter && flow_net_parse(exporter, length, &o->first, &o->last) != 0) {
        sqlite3_snprintf(n, err, "exporter '%s' is no address or network: write as 192.0.2.0/24",
                         exporter);
        return false;
    }
    if (exporter)
        o->length = prefix_length(o);
    o->rate = sqlite3_column_int64(stmt, at[RATE]);
    if (sqlite3_column_type(stmt, at[RATE]) != SQLITE_INTEGER || o->rate < 1) {
        const char *rate = (const char *)sqlite3_column_text(stmt, at[RATE]);
        sqlite3_snprintf(n, err, "rate %s is no whole number from 1 on", rate ? rate : "NULL");
        return false;
    }
    const struct window_value since = value_of(stmt, at[SINCE]), until = value_of(stmt, at[UNTIL]);
    struct window w;
    if (window_parse(&since, &until, now, &w, err, (size_t)n) != 0)
        return false;
    o->since = w.since;
    o->until = w.until;
    return true;
}

static bool add(struct overrides *o, const struct override *row) {
    if ((o->n & (o->n - 1)) == 0) { /* a power of two: full, or empty */
        struct override *more = realloc(o->row, (o->n ? o->n * 2 : 1) * sizeof *more);
        if (!more)
            return false;
        o->row = more;
    }
    o->smallest = o->n && o->smallest < row->rate ? o->smallest : row->rate;
    o->largest = o->largest > row->rate ? o->largest : row->rate;
    o->row[o->n++] = *row;
    return true;
}

/* Longer prefixes first, of equal ones the last. Those of the two families never meet. */
static int by_precedence(const void *a, const void *b) {
    const struct override *x = a, *y = b;
    if (x->length != y->length)
        return x->length > y->length ? -1 : 1;
    return x->place > y->place ? -1 : x->place < y->place;
}

static int read_rows(sqlite3_stmt *stmt, int64_t now, struct overrides *o, char **message) {
    int at[COLUMNS], rc;
    find_columns(stmt, at);
    for (int c = 0; c < COLUMNS; c++)
        if (at[c] < 0) {
            *message = sqlite3_mprintf(
                "%s: a column is missing: it has exporter, since, until, rate", name);
            return SQLITE_ERROR;
        }
    for (uint32_t i = 1; (rc = sqlite3_step(stmt)) == SQLITE_ROW; i++) {
        char err[512];
        struct override row;
        if (!read_row(stmt, at, now, &row, err, sizeof err)) {
            *message = sqlite3_mprintf("%s: row %u: %s", name, i, err);
            return SQLITE_ERROR;
        }
        row.place = i;
        if (row.since < row.until && !add(o, &row))
            return SQLITE_NOMEM;
    }
    if (o->n)
        qsort(o->row, o->n, sizeof *o->row, by_precedence);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int overrides_read(sqlite3 *db, const char *near, int64_t now, struct overrides **out,
                   char **message) {
    char *database;
    *out = NULL;
    int rc = site_table_find(db, name, near, &database, message);
    if (rc != SQLITE_OK || !database)
        return rc;
    char *query = sqlite3_mprintf("SELECT * FROM \"%w\".%s", database, name);
    sqlite3_free(database);
    sqlite3_stmt *stmt = NULL;
    struct overrides *o = calloc(1, sizeof *o);
    rc = o && query ? sqlite3_prepare_v2(db, query, -1, &stmt, NULL) : SQLITE_NOMEM;
    sqlite3_free(query);
    if (rc == SQLITE_OK)
        rc = read_rows(stmt, now, o, message);
    if (rc != SQLITE_OK && rc != SQLITE_NOMEM && !*message)
        *message = sqlite3_mprintf("%s: %s", name, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    if (rc == SQLITE_OK && o->n)
        *out = o;
    else
        overrides_free(o);
    return rc;
}

void overrides_free(struct overrides *o) {
    if (o)
        free(o->row);
    free(o);
}

/* ---- what is concerned ------------------------------------------------------------------ */

/* Between which times the flows of the group begin, as far as its zone maps say. */
static void begin_times(const struct fvt_group *g, int64_t *first, int64_t *last) {
    int a = g->chunk_of[FLOW_tstart], b = g->chunk_of[FLOW_tend];
    *first = INT64_MIN;
    *last = INT64_MAX;
    if (a < 0 || b < 0 || g->chunks[a].nulls || g->chunks[b].nulls)
        return;
    const struct fvt_chunk_info *start = &g->chunks[a], *end = &g->chunks[b];
    *first = start->min < end->min ? start->min : end->min;
    *last = start->max > end->max ? start->max : end->max;
}

static bool fits_exporter(const struct override *o, const struct flow_ip *first,
                          const struct flow_ip *last) {
    return o->first.family == 0 ||
           (flow_ip_cmp(&o->first, last) <= 0 && flow_ip_cmp(first, &o->last) <= 0);
}

bool overrides_touch_group(const struct overrides *o, const struct fvt_group *g) {
    int64_t first, last;
    int at = g->chunk_of[FLOW_exporter];
    if (!o || g->damaged)
        return false;
    begin_times(g, &first, &last);
    for (uint32_t i = 0; i < o->n; i++) {
        const struct override *row = &o->row[i];
        bool whose = at < 0 ? row->first.family == 0
                            : fits_exporter(row, &g->chunks[at].ipmin, &g->chunks[at].ipmax);
        if (whose && row->since <= last && first < row->until)
            return true;
    }
    return false;
}

bool overrides_touch_file(const struct overrides *o, const struct fvt_file *file) {
    for (uint32_t i = 0; o && i < file->ngroups; i++)
        if (overrides_touch_group(o, &file->groups[i]))
            return true;
    return false;
}

/* ---- of a group ------------------------------------------------------------------------- */

struct group_overrides {
    uint32_t n;                  /* exporters, and 1 for none */
    uint32_t *begin;             /* of each, and the end of the last */
    const struct override **row; /* those of one after the other's, by precedence */
};

/* Those for one exporter, NULL for none: how many, and when to is not NULL, which. */
static uint32_t select_rows(const struct overrides *o, const struct flow_ip *exporter,
                            const struct override **to) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < o->n; i++) {
        const struct override *row = &o->row[i];
        if (exporter ? !fits_exporter(row, exporter, exporter) : row->first.family != 0)
            continue;
        if (to)
            to[n] = row;
        n++;
    }
    return n;
}

struct group_overrides *group_overrides_new(const struct overrides *o,
                                            const struct fvt_dict *exporters) {
    struct group_overrides *g = calloc(1, sizeof *g);
    uint32_t n = (exporters ? exporters->n : 0) + 1, total = 0;
    if (!g || !(g->begin = malloc((n + 1) * sizeof *g->begin))) {
        group_overrides_free(g);
        return NULL;
    }
    g->n = n;
    for (uint32_t e = 0; e < n; e++) {
        g->begin[e] = total;
        total += select_rows(o, e + 1 < n ? &exporters->ip[e] : NULL, NULL);
    }
    g->begin[n] = total;
    g->row = malloc((total + 1) * sizeof *g->row);
    for (uint32_t e = 0; g->row && e < n; e++)
        select_rows(o, e + 1 < n ? &exporters->ip[e] : NULL, g->row + g->begin[e]);
    if (!g->row) {
        group_overrides_free(g);
        return NULL;
    }
    return g;
}

void group_overrides_free(struct group_overrides *g) {
    if (g) {
        free(g->begin);
        free(g->row);
    }
    free(g);
}

int64_t group_overrides_rate(const struct group_overrides *g, int64_t code, bool dated,
                             int64_t start) {
    uint32_t e = code >= 0 && code < g->n - 1 ? (uint32_t)code : g->n - 1;
    for (uint32_t i = g->begin[e]; i < g->begin[e + 1]; i++) {
        const struct override *row = g->row[i];
        bool open = row->since == INT64_MIN && row->until == INT64_MAX;
        if (open || (dated && row->since <= start && start < row->until))
            return row->rate;
    }
    return 0;
}
