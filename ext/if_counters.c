/* SPDX-License-Identifier: MIT */
/*
** The virtual table if_counters: what interfaces counted, as exporters told (sFlow counter samples).
** One row is one interface at one time. Counters only grow, so that traffic is the difference of
** two rows; a counter that the exporter does not have is NULL.
**
**   SELECT time, exporter, ifIndex, ifInOctets, ifOutOctets FROM if_counters WHERE since = '-1 hour';
**   SELECT exporter, ifIndex, max(ifInOctets) - min(ifInOctets) FROM if_counters GROUP BY 1, 2;
**
** Parameters since, until and store as in flows; rows are in the window by their time. Comparisons
** of time leave out files and blocks that have none in the range, and comparisons of time and
** exporter rows; SQLite checks them again. Only what is asked of is read: no flows.
**
** idxStr names the parameters among the arguments of xFilter, which come first; idxNum has a bit for each
** use below, whose arguments follow in their order.
*/
#include <stdlib.h>
#include <time.h>

#include "interrupt.h"
#include "query.h"
#include "vtab.h"
#include "window.h"

SQLITE_EXTENSION_INIT3

enum {
    COLUMN_SINCE,
    COLUMN_UNTIL,
    COLUMN_STORE,
    COLUMN_PATH,
    COLUMN_TIME,
    COLUMN_EXPORTER,
    COLUMN_ODID,
    COLUMN_COUNTERS, /* fvt_counter_names, in their order */
};

/* What is taken of a statement beside the parameters. */
static const struct {
    int column;
    unsigned char op;
    enum window_op time_op;
} uses[] = {
    {COLUMN_TIME, SQLITE_INDEX_CONSTRAINT_EQ, WINDOW_EQ},
    {COLUMN_TIME, SQLITE_INDEX_CONSTRAINT_GE, WINDOW_GE},
    {COLUMN_TIME, SQLITE_INDEX_CONSTRAINT_GT, WINDOW_GT},
    {COLUMN_TIME, SQLITE_INDEX_CONSTRAINT_LE, WINDOW_LE},
    {COLUMN_TIME, SQLITE_INDEX_CONSTRAINT_LT, WINDOW_LT},
    {COLUMN_EXPORTER, SQLITE_INDEX_CONSTRAINT_EQ, WINDOW_EQ},
};
enum { SLACK = 86400001 }; /* ms */
enum { NPARAMS = 3, NUSES = sizeof uses / sizeof *uses };

static const char *const params[NPARAMS] = {"since", "until", "store"};

struct cursor {
    sqlite3_vtab_cursor base;
    struct snapshot *snapshot;
    int64_t lo, hi;          /* ms: rows outside are not wanted */
    struct flow_ip exporter; /* family 0: any */
    size_t file;
    struct fvt_file *open;
    uint32_t block;
    struct fvt_if_counters *rows; /* of that block */
    uint32_t nrows, row;
    bool eof;
};

static int connect_counters(sqlite3 *db, void *aux, int argc, const char *const *argv,
                            sqlite3_vtab **out, char **message) {
    struct vtab *v;
    sqlite3_str *sql = sqlite3_str_new(db);
    sqlite3_str_appendall(sql, "CREATE TABLE x(since HIDDEN, until HIDDEN, store TEXT HIDDEN,"
                               " path TEXT, time TEXT, exporter TEXT, odid INTEGER");
    for (int i = 0; i < FVT_NCOUNTERS; i++)
        sqlite3_str_appendf(sql, ", %s INTEGER", fvt_counter_names[i]);
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    int rc = text ? vtab_connect(sizeof *v, text, db, aux, argc, argv, &v, message) : SQLITE_NOMEM;
    sqlite3_free(text);
    if (rc == SQLITE_OK)
        *out = &v->base;
    return rc;
}

/* Is the constraint that use? Times compare as octets do. */
static bool fits(int use, sqlite3_index_info *info, int i) {
    const struct sqlite3_index_constraint *c = &info->aConstraint[i];
    return c->iColumn == uses[use].column && c->op == uses[use].op &&
           (c->iColumn != COLUMN_TIME ||
            sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") == 0);
}

static int best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
    int rc = vtab_take_params(vtab, info, params, NPARAMS), args = 0;
    if (rc != SQLITE_OK || vtab_is_unknown(info->idxStr))
        return rc;
    for (int i = 0; i < info->nConstraint; i++)
        args += info->aConstraintUsage[i].argvIndex > 0;
    info->estimatedCost = 1e6;
    info->estimatedRows = 100000;
    for (int u = 0; u < NUSES; u++)
        for (int i = 0; i < info->nConstraint; i++) {
            if (!fits(u, info, i) || !info->aConstraint[i].usable)
                continue;
            info->aConstraintUsage[i].argvIndex = ++args;
            info->idxNum |= 1 << u;
            info->estimatedCost /= 10;
            break;
        }
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    (void)vtab;
    return vtab_open(sizeof(struct cursor), out);
}

static int close_cursor(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    free(c->rows);
    snapshot_free(c->snapshot);
    free(c);
    return SQLITE_OK;
}

static bool wanted(const struct cursor *c, const struct fvt_if_counters *r) {
    return r->time >= c->lo && r->time <= c->hi &&
           (!c->exporter.family || flow_ip_cmp(&r->exporter, &c->exporter) == 0);
}

/* To the next wanted row of the block, c->row on. */
static bool in_block(struct cursor *c) {
    while (c->row < c->nrows && !wanted(c, &c->rows[c->row]))
        c->row++;
    return c->row < c->nrows;
}

/* To the next block with a wanted row, c->block on. A damaged one is an error, as a damaged row group
** is. */
static int in_file(struct cursor *c, bool *found) {
    struct vtab *v = (struct vtab *)c->base.pVtab;
    for (*found = false; c->block < c->open->ncounters; c->block++) {
        const struct fvt_counter_block *b = &c->open->counters[c->block];
        if (b->first > c->hi || b->last < c->lo)
            continue;
        free(c->rows);
        c->rows = NULL;
        c->nrows = c->row = 0;
        int rc = fvt_counters_read(c->open, b, &c->rows, &c->nrows);
        if (rc != FVT_OK)
            return vtab_error(v, rc,
                              rc == FVT_DAMAGED ? "interface counters are damaged"
                                                : "interface counters cannot be read");
        *found = in_block(c);
        if (*found)
            break;
    }
    return SQLITE_OK;
}

/* To the next wanted row, from where the cursor is. */
static int find_row(struct cursor *c, struct vtab *v, struct interrupt *interrupt) {
    for (; c->file < c->snapshot->n; c->file++, c->block = 0) {
        struct fvt_error err = {{0}};
        if (interrupt_poll(interrupt))
            return SQLITE_INTERRUPT;
        int rc = c->open ? FVT_OK : snapshot_open(c->snapshot, c->file, &c->open, &err);
        if (rc != FVT_OK)
            return vtab_error(v, rc, err.text);
        bool found = false;
        rc = c->open ? in_file(c, &found) : SQLITE_OK;
        if (rc != SQLITE_OK || found)
            return rc;
        snapshot_release(c->snapshot, c->file);
        c->open = NULL;
    }
    c->eof = true;
    return SQLITE_OK;
}

static int settle(struct cursor *c) {
    struct vtab *v = (struct vtab *)c->base.pVtab;
    struct interrupt interrupt;
    interrupt_begin(&interrupt, v->db);
    int rc = find_row(c, v, &interrupt);
    interrupt_end(&interrupt);
    return rc;
}

/* Narrow the range of times by a comparison; anything but text leaves it as it is. */
static void narrow(struct cursor *c, enum window_op op, sqlite3_value *value) {
    int64_t lo, hi;
    if (sqlite3_value_type(value) != SQLITE_TEXT)
        return;
    const char *text = (const char *)sqlite3_value_text(value);
    window_text_bound(op, text, (size_t)sqlite3_value_bytes(value), &lo, &hi);
    c->lo = lo > c->lo ? lo : c->lo;
    c->hi = hi < c->hi ? hi : c->hi;
}

static void narrow_exporter(struct cursor *c, sqlite3_value *value) {
    struct flow_ip ip;
    const char *text = (const char *)sqlite3_value_text(value);
    if (sqlite3_value_type(value) == SQLITE_TEXT &&
        flow_ip_parse(text, (size_t)sqlite3_value_bytes(value), &ip) == 0)
        c->exporter = ip;
}

static int filter(sqlite3_vtab_cursor *base, int idxnum, const char *idxstr, int argc,
                  sqlite3_value **argv) {
    (void)argc;
    struct cursor *c = (struct cursor *)base;
    struct vtab *v = (struct vtab *)base->pVtab;
    sqlite3_value *param[NPARAMS] = {NULL}, *value[NUSES] = {NULL};
    int arg = vtab_read_params(base->pVtab, idxstr, params, NPARAMS, argv, param);
    if (arg < 0)
        return -arg;
    for (int u = 0; u < NUSES; u++)
        if (idxnum >> u & 1)
            value[u] = argv[arg++];
    struct window window;
    char *message = NULL;
    int rc = query_read_window(param[COLUMN_SINCE], param[COLUMN_UNTIL], (int64_t)time(NULL) * 1000,
                               &window, &message);
    vtab_say(&v->base, message);
    if (rc != SQLITE_OK)
        return rc;
    c->lo = window.since;
    c->hi = window.until == INT64_MAX ? INT64_MAX : window.until - 1;
    c->exporter = (struct flow_ip){0};
    for (int u = 0; u < NUSES; u++)
        if (value[u] && uses[u].column == COLUMN_TIME)
            narrow(c, uses[u].time_op, value[u]);
        else if (value[u])
            narrow_exporter(c, value[u]);
    const char *store =
        param[COLUMN_STORE] ? (const char *)sqlite3_value_text(param[COLUMN_STORE]) : NULL;
    /* A clock that falls back by less than an interval, a day at most, goes on in the same file. */
    const int64_t until = c->hi > INT64_MAX - SLACK ? INT64_MAX : c->hi + SLACK;
    const struct fvt_choice choice = {.by = FVT_BY_INTERVAL, .since = c->lo, .until = until};
    rc = vtab_snapshot(v, store, &choice, &c->snapshot);
    c->file = 0;
    c->block = 0;
    c->open = NULL;
    c->nrows = c->row = 0;
    c->eof = false;
    return rc == SQLITE_OK ? settle(c) : rc;
}

static int next(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    c->row++;
    if (in_block(c))
        return SQLITE_OK;
    c->block++;
    return settle(c);
}

static int eof(sqlite3_vtab_cursor *base) {
    return ((struct cursor *)base)->eof;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    struct cursor *c = (struct cursor *)base;
    *out = (sqlite3_int64)((uint64_t)c->file << 40 | (uint64_t)(c->block & 0xffffff) << 16 |
                           (c->row & 0xffff));
    return SQLITE_OK;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i) {
    struct cursor *c = (struct cursor *)base;
    const struct fvt_if_counters *r = &c->rows[c->row];
    if (i == COLUMN_PATH)
        result_text(ctx, c->open->path, strlen(c->open->path));
    else if (i == COLUMN_TIME)
        result_time(ctx, r->time);
    else if (i == COLUMN_EXPORTER && r->exporter.family)
        result_ip(ctx, &r->exporter);
    else if (i == COLUMN_ODID)
        sqlite3_result_int64(ctx, r->odid);
    else if (i >= COLUMN_COUNTERS && r->value[i - COLUMN_COUNTERS] != FVT_NO_COUNTER)
        result_count(ctx, r->value[i - COLUMN_COUNTERS]);
    return SQLITE_OK;
}

const sqlite3_module counters_module = {
    .iVersion = 0,
    .xCreate = connect_counters, /* the same function: eponymous, and for CREATE */
    .xConnect = connect_counters,
    .xBestIndex = best_index,
    .xDisconnect = vtab_disconnect,
    .xDestroy = vtab_disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = eof,
    .xColumn = column,
    .xRowid = rowid,
    .xUpdate = NULL, /* read only */
};
