/* SPDX-License-Identifier: MIT */
/*
** The virtual table flow_delays: how long after a flow's last packet its record arrived, by exporter.
**
**   SELECT exporter, odid, version, flows, least_ms, greatest_ms FROM flow_delays('-10 minutes');
**   SELECT exporter, sum(early) FROM flow_delays WHERE since = '-1 day' GROUP BY exporter;
**
** A row is what arrived of one exporter, observation domain and version; flows are records, timed those that have
** both times. The delay is that by the exporter's clock and ours: early are those that ended later than they
** arrived. Parameters since, until, filter and store as in flows, whose rows these are.
*/
#include <stdio.h>
#include <stdlib.h>

#include "../schema/format.h"
#include "flow_table.h"
#include "scan.h"
#include "workers.h"

SQLITE_EXTENSION_INIT3

enum { NPARAMS = PARAM_store + 1 };
enum {
    COLUMN_EXPORTER = NPARAMS,
    COLUMN_ODID,
    COLUMN_VERSION,
    COLUMN_FLOWS,
    COLUMN_TIMED,
    COLUMN_LEAST,
    COLUMN_AVERAGE,
    COLUMN_GREATEST,
    COLUMN_EARLY,
};

static const char *const params[NPARAMS] = {"since", "until", "filter", "store"};
static const char declaration[] = "CREATE TABLE x(since HIDDEN, until HIDDEN, filter TEXT HIDDEN, "
                                  "store TEXT HIDDEN, exporter TEXT, odid INTEGER,"
                                  " version TEXT, flows INTEGER, timed INTEGER, least_ms INTEGER, "
                                  "average_ms REAL, greatest_ms INTEGER,"
                                  " early INTEGER)";

/* Of one exporter, domain and version. */
struct delay {
    struct flow_ip exporter; /* family 0: NULL */
    int64_t odid;            /* -1: NULL */
    char *version;           /* owned; NULL: NULL */
    uint32_t version_octets;
    uint64_t flows, timed, early;
    int64_t least, greatest;
    double sum;
};

struct delays {
    struct delay *p;
    uint32_t n, cap;
    uint32_t *slot; /* number + 1 by hash; twice cap */
};

/* What the rows of a row group are of: codes, and the number in delays + 1. */
struct seen {
    int64_t exporter, odid, version;
    uint32_t number;
};
enum { SEEN = 1024, FIRST_CAP = 64 };

struct reading {
    const struct query *query;
    struct scan_source *source;
    struct interrupt *interrupt;
    int n;
    atomic_int next;
    struct delays part[MAX_THREADS];
    int rc[MAX_THREADS];
    struct fvt_error error[MAX_THREADS];
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct snapshot *snapshot;
    struct query query;
    int64_t now;
    struct delays delays;
    uint32_t row;
};

/* ---- delays ------------------------------------------------------------------------------ */

static void delays_free(struct delays *d) {
    for (uint32_t i = 0; i < d->n; i++)
        free(d->p[i].version);
    free(d->p);
    free(d->slot);
    *d = (struct delays){0};
}

static int compare(const void *a, const void *b) {
    const struct delay *x = a, *y = b;
    int c = flow_ip_cmp(&x->exporter, &y->exporter);
    if (c == 0)
        c = (x->odid > y->odid) - (x->odid < y->odid);
    if (c == 0 && (!x->version || !y->version))
        return !!x->version - !!y->version;
    uint32_t n = x->version_octets < y->version_octets ? x->version_octets : y->version_octets;
    if (c == 0)
        c = memcmp(x->version, y->version, n);
    return c ? c
             : (x->version_octets > y->version_octets) - (x->version_octets < y->version_octets);
}

static uint32_t hash_of(const struct delay *d, uint32_t slots) {
    uint64_t h = fvt_hash(d->exporter.addr, sizeof d->exporter.addr) ^
                 (uint64_t)d->odid * UINT64_C(0x9e3779b97f4a7c15);
    if (d->version)
        h ^= fvt_hash(d->version, d->version_octets);
    return (uint32_t)(h * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (slots - 1);
}

/* The slot of what is equal to d, or where it would go. */
static uint32_t *find_slot(const struct delays *all, const struct delay *d) {
    uint32_t slots = 2 * all->cap, h = hash_of(d, slots);
    while (all->slot[h] && compare(&all->p[all->slot[h] - 1], d) != 0)
        h = (h + 1) & (slots - 1);
    return &all->slot[h];
}

static bool grow(struct delays *all) {
    struct delays more = {.n = all->n, .cap = all->cap ? all->cap * 2 : FIRST_CAP};
    more.slot = calloc((size_t)2 * more.cap, sizeof *more.slot);
    more.p = more.slot ? realloc(all->p, more.cap * sizeof *more.p) : NULL;
    if (!more.p) {
        free(more.slot);
        return false;
    }
    for (uint32_t i = 0; i < more.n; i++)
        *find_slot(&more, &more.p[i]) = i + 1;
    free(all->slot);
    *all = more;
    return true;
}

/* The number + 1 of what is equal to key, made if it is not there; 0 without memory. */
static uint32_t number_of(struct delays *all, const struct delay *key) {
    if (all->n == all->cap && !grow(all))
        return 0;
    uint32_t *slot = find_slot(all, key);
    if (*slot > 0)
        return *slot;
    struct delay *d = &all->p[all->n];
    *d = (struct delay){.exporter = key->exporter,
                        .odid = key->odid,
                        .version_octets = key->version_octets,
                        .least = INT64_MAX,
                        .greatest = INT64_MIN};
    if (key->version) {
        if (!(d->version = malloc((size_t)key->version_octets + 1)))
            return 0;
        memcpy(d->version, key->version, key->version_octets);
    }
    return *slot = ++all->n;
}

static bool add_all(struct delays *to, const struct delays *from) {
    for (uint32_t i = 0; i < from->n; i++) {
        const struct delay *x = &from->p[i];
        uint32_t number = number_of(to, x);
        if (!number)
            return false;
        struct delay *d = &to->p[number - 1];
        d->flows += x->flows;
        d->timed += x->timed;
        d->early += x->early;
        d->sum += x->sum;
        d->least = x->least < d->least ? x->least : d->least;
        d->greatest = x->greatest > d->greatest ? x->greatest : d->greatest;
    }
    return true;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* A column of the block. */
struct values {
    const int64_t *v;
    const uint8_t *null;
};

enum { EXPORTER, ODID, VERSION, TEND, TRECV, COLUMNS };
static const int columns[COLUMNS] = {FLOW_exporter, FLOW_odid, FLOW_version, FLOW_tend, FLOW_trecv};

static int64_t value_of(const struct values *c, uint32_t row) {
    return c->null[row] ? -1 : c->v[row];
}

/* Codes are of the row group's dictionaries. */
static uint32_t number_of_codes(struct delays *all, struct scan *scan, const struct seen *s) {
    const struct fvt_dict *ips = scan_dict(scan, FLOW_exporter),
                          *texts = scan_dict(scan, FLOW_version);
    struct delay key = {.odid = s->odid};
    if (s->exporter >= 0 && ips)
        key.exporter = ips->ip[s->exporter];
    if (s->version >= 0 && texts) {
        union { /* which is only read */
            const char *from;
            char *to;
        } text = {texts->text[s->version]};
        key.version = text.to;
        key.version_octets = texts->len[s->version];
    }
    return number_of(all, &key);
}

static void add_delay(struct delay *d, const struct values *c, uint32_t row) {
    int64_t late;
    d->flows++;
    if (c[TEND].null[row] || c[TRECV].null[row] ||
        __builtin_sub_overflow(c[TRECV].v[row], c[TEND].v[row], &late))
        return;
    d->timed++;
    d->early += late < 0;
    d->sum += (double)late;
    d->least = late < d->least ? late : d->least;
    d->greatest = late > d->greatest ? late : d->greatest;
}

static bool add_block(struct delays *all, struct scan *scan, struct seen seen[SEEN]) {
    struct values c[COLUMNS];
    uint32_t n;
    const uint16_t *rows = scan_rows(scan, &n);
    for (int k = 0; k < COLUMNS; k++)
        if (!(c[k].v = scan_values(scan, columns[k], &c[k].null)))
            return false;
    for (uint32_t i = 0; i < n; i++) {
        struct seen s = {value_of(&c[EXPORTER], rows[i]), value_of(&c[ODID], rows[i]),
                         value_of(&c[VERSION], rows[i]), 0};
        struct seen *known = &seen[(uint64_t)(s.exporter * 31 + s.odid * 7 + s.version) % SEEN];
        if (!known->number || known->exporter != s.exporter || known->odid != s.odid ||
            known->version != s.version) {
            if (!(s.number = number_of_codes(all, scan, &s)))
                return false;
            *known = s;
        }
        add_delay(&all->p[known->number - 1], c, rows[i]);
    }
    return true;
}

static int read_scan(struct delays *all, struct scan *scan) {
    int rc;
    while ((rc = scan_next_group(scan)) == 1) {
        struct seen seen[SEEN] = {{0}};
        while (scan_next_block(scan))
            if (!add_block(all, scan, seen))
                return FVT_NOMEM;
    }
    return rc;
}

static void read_part(struct reading *r, int i, int worker) {
    struct worker self = {r->interrupt, worker};
    bool used[SCAN_NCOLUMNS] = {false};
    for (int k = 0; k < COLUMNS; k++)
        used[columns[k]] = true;
    struct predicate *p = predicate_clone(r->query->predicate);
    struct scan *scan = p ? scan_new(r->source, p, &r->query->window, used) : NULL;
    r->rc[i] = FVT_NOMEM;
    if (scan) {
        scan_set_poll(scan, worker_must_stop, &self);
        r->rc[i] = read_scan(&r->part[i], scan);
        snprintf(r->error[i].text, sizeof r->error[i].text, "%s", scan_message(scan));
    }
    if (r->rc[i] != FVT_OK)
        interrupt_stop(r->interrupt); /* what the others do is of no use */
    scan_free(scan);
    predicate_free(p);
}

static void read_some(void *arg, int worker) {
    struct reading *r = arg;
    for (int i; (i = atomic_fetch_add(&r->next, 1)) < r->n;)
        read_part(r, i, worker);
}

/* An SQLite result code, with a message in the table. */
static int settle(struct cursor *c, struct reading *r) {
    struct vtab *v = (struct vtab *)c->base.pVtab;
    for (int i = 0; i < r->n; i++)
        if (r->rc[i] != FVT_OK && r->rc[i] != SCAN_STOPPED)
            return vtab_error(v, r->rc[i], r->error[i].text);
    if (interrupt_stopped(r->interrupt))
        return SQLITE_INTERRUPT;
    for (int i = 0; i < r->n; i++)
        if (!add_all(&c->delays, &r->part[i]))
            return SQLITE_NOMEM;
    if (c->delays.n)
        qsort(c->delays.p, c->delays.n, sizeof *c->delays.p, compare);
    return SQLITE_OK;
}

static int read_all(struct cursor *c) {
    struct vtab *v = (struct vtab *)c->base.pVtab;
    struct interrupt interrupt;
    struct reading *r = calloc(1, sizeof *r);
    if (!r)
        return SQLITE_NOMEM;
    interrupt_begin(&interrupt, v->db);
    r->query = &c->query;
    r->interrupt = &interrupt;
    r->n = limits_threads();
    r->source = scan_source_new(c->snapshot);
    interrupt_watch(&interrupt, r->source);
    int rc = SQLITE_NOMEM;
    if (r->source) {
        workers_run(r->n, read_some, r, &interrupt);
        rc = settle(c, r);
    }
    interrupt_end(&interrupt);
    for (int i = 0; i < r->n; i++)
        delays_free(&r->part[i]);
    scan_source_free(r->source);
    free(r);
    return rc;
}

/* ---- the table --------------------------------------------------------------------------- */

static int connect_delays(sqlite3 *db, void *aux, int argc, const char *const *argv,
                          sqlite3_vtab **out, char **message) {
    return flow_table_connect_as(TABLE_FLOWS, declaration, db, aux, argc, argv, out, message);
}

static int best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
    info->estimatedCost = 1e7;
    info->estimatedRows = 100;
    return vtab_take_params(vtab, info, params, NPARAMS);
}

static int open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    (void)vtab;
    return vtab_open(sizeof(struct cursor), out);
}

static int close_cursor(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    delays_free(&c->delays);
    query_free(&c->query);
    snapshot_free(c->snapshot);
    free(c);
    return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int idxnum, const char *idxstr, int argc,
                  sqlite3_value **argv) {
    (void)idxnum;
    struct cursor *c = (struct cursor *)base;
    delays_free(&c->delays);
    c->row = 0;
    int rc = flow_table_filter((struct flow_table *)base->pVtab, idxstr ? idxstr : "", argc, argv,
                               &c->query, &c->snapshot, &c->now);
    return rc == SQLITE_OK ? read_all(c) : rc;
}

static int next(sqlite3_vtab_cursor *base) {
    ((struct cursor *)base)->row++;
    return SQLITE_OK;
}

static int eof(sqlite3_vtab_cursor *base) {
    const struct cursor *c = (struct cursor *)base;
    return c->row >= c->delays.n;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    *out = ((struct cursor *)base)->row;
    return SQLITE_OK;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i) {
    const struct cursor *c = (struct cursor *)base;
    const struct delay *d = &c->delays.p[c->row];
    if (i == COLUMN_EXPORTER && d->exporter.family)
        result_ip(ctx, &d->exporter);
    else if (i == COLUMN_ODID && d->odid >= 0)
        sqlite3_result_int64(ctx, d->odid);
    else if (i == COLUMN_VERSION && d->version)
        result_text(ctx, d->version, d->version_octets);
    else if (i == COLUMN_FLOWS)
        result_count(ctx, d->flows);
    else if (i == COLUMN_TIMED)
        result_count(ctx, d->timed);
    else if (i == COLUMN_EARLY)
        result_count(ctx, d->early);
    else if (i == COLUMN_LEAST && d->timed)
        sqlite3_result_int64(ctx, d->least);
    else if (i == COLUMN_AVERAGE && d->timed)
        sqlite3_result_double(ctx, d->sum / (double)d->timed);
    else if (i == COLUMN_GREATEST && d->timed)
        sqlite3_result_int64(ctx, d->greatest);
    return SQLITE_OK;
}

const sqlite3_module delays_module = {
    .iVersion = 0,
    .xCreate = connect_delays, /* the same function: eponymous, and for CREATE */
    .xConnect = connect_delays,
    .xBestIndex = best_index,
    .xDisconnect = flow_table_disconnect,
    .xDestroy = flow_table_disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = eof,
    .xColumn = column,
    .xRowid = rowid,
    .xUpdate = NULL, /* read only */
};
