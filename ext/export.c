/* SPDX-License-Identifier: MIT */
/*
** Table-valued functions flows_csv and flows_ndjson: flows as text, straight from the columns.
**
**   SELECT text FROM flows_csv;
**   SELECT text FROM flows_csv('-1 hour', NULL, 'dst port 443');
**   SELECT text FROM flows_ndjson WHERE columns = 'tstart, srcip, dstip, bytes' AND since = '-1 day';
**
** A row is a block of some thousand finished lines with newlines between and none at the end, so a
** client that ends rows with a newline, as sqlite3 does, writes a file as it should be:
**
**   sqlite3 -cmd '.load flowvt' :memory: 'SELECT text FROM flows_csv' > flows.csv
**
** Parameters: since, until, filter, store as of flows; columns, a list of columns of flows in the
** order wanted ('*': all that SELECT * has); header: 0 leaves out the first row of flows_csv, the
** names of the columns. Rows are those of flows in the order of the files.
*/
#include <stdlib.h>

#include "../schema/clock.h"
#include "export_pipe.h"
#include "registry.h"

SQLITE_EXTENSION_INIT3

enum { EXPORT_PARAMS = 6, PARAM_COLUMNS = 4, PARAM_HEADER = 5, COLUMN_TEXT = 6 };

static const char *const params[EXPORT_PARAMS] = {"since", "until",   "filter",
                                                  "store", "columns", "header"};

static const char declaration[] =
    "CREATE TABLE x(since HIDDEN, until HIDDEN, filter TEXT HIDDEN, store TEXT HIDDEN,"
    " columns TEXT HIDDEN, header INTEGER HIDDEN, text TEXT)";

/* What is written when columns is not given. */
static const char usual[] =
    "tstart,tend,duration,proto,srcip,srcport,dstip,dstport,icmptype,icmpcode,tcpflags,tos,"
    "packets,bytes,flows,inif,outif,srcas,dstas,exporter";

struct export_table {
    struct vtab vtab; /* base class */
    enum export_format format;
    struct sql_table flows;
    struct registry *registry;
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct snapshot *snapshot;
    struct query query;
    int n;
    struct render_column column[MAX_COLUMNS];
    struct export_pipe *pipe;
    struct interrupt interrupt;
    struct text_block *block; /* of the row */
    sqlite3_int64 row;
    bool eof;
};

static struct export_table *table_of(const struct cursor *c) {
    return (struct export_table *)c->base.pVtab;
}

/* aux: struct vtab_module with an enum export_format */
static int connect_export(sqlite3 *db, void *aux, int argc, const char *const *argv,
                          sqlite3_vtab **out, char **message) {
    const struct vtab_module *module = aux;
    struct vtab *v;
    int rc =
        vtab_connect(sizeof(struct export_table), declaration, db, module, argc, argv, &v, message);
    if (rc != SQLITE_OK)
        return rc;
    struct export_table *t = (struct export_table *)v;
    t->format = (enum export_format)module->kind;
    sql_table_init(&t->flows, TABLE_FLOWS);
    t->flows.store = t->vtab.store;
    t->flows.db = db;
    t->flows.database = v->database;
    rc = registry_open(v->store, &t->flows, &t->registry, message);
    if (rc == SQLITE_OK)
        *out = &v->base;
    else
        vtab_disconnect(&v->base);
    return rc;
}

static int disconnect_export(sqlite3_vtab *vtab) {
    registry_free(((struct export_table *)vtab)->registry);
    return vtab_disconnect(vtab);
}

static int best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
    info->estimatedCost = 1e7;
    info->estimatedRows = 10000;
    return vtab_take_params(vtab, info, params, EXPORT_PARAMS);
}

static int open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    (void)vtab;
    return vtab_open(sizeof(struct cursor), out);
}

static void clear(struct cursor *c) {
    export_pipe_free(c->pipe);
    interrupt_end(&c->interrupt);
    text_block_drop(c->block);
    query_free(&c->query);
    c->pipe = NULL;
    c->block = NULL;
    c->n = 0;
}

static int close_cursor(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    clear(c);
    snapshot_free(c->snapshot);
    free(c);
    return SQLITE_OK;
}

/* ---- columns ---------------------------------------------------------------------------- */

static bool add_column(struct cursor *c, const struct sql_column *column) {
    const struct sql_table *flows = &table_of(c)->flows;
    enum cell_kind kind = cell_kind(column);
    const struct own_column *own = NULL;
    if (column->kind == COLUMN_EXTRA) {
        own = registry_column(flows->own, column->id);
        column = &flows->column[sql_table_find(flows, "extra", 5)];
        kind = CELL_TEXT;
    }
    if (kind == CELL_NONE || c->n == MAX_COLUMNS)
        return false;
    c->column[c->n++] = (struct render_column){column, kind, own};
    return true;
}

static int unknown_column(struct cursor *c, const char *p, size_t n) {
    vtab_say(c->base.pVtab,
             sqlite3_mprintf("columns: '%.*s' is no column of flows: write a list like"
                             " 'tstart, srcip, dstip, bytes', or '*'",
                             (int)n, p));
    return SQLITE_ERROR;
}

/* A list of names with commas and blanks between, each at most as often as there are columns. */
static int read_columns(struct cursor *c, const char *list) {
    const struct sql_table *flows = &table_of(c)->flows;
    const char blanks[] = " \t\r\n";
    for (const char *p = list;; p++) {
        p += strspn(p, blanks);
        size_t whole = strcspn(p, ","), n = whole;
        while (n && strchr(blanks, p[n - 1]))
            n--;
        int i = sql_table_find(flows, p, n);
        if (n == 1 && *p == '*') {
            for (i = 0; i < flows->n; i++)
                if (!flows->column[i].hidden && !add_column(c, &flows->column[i]))
                    return unknown_column(c, p, n);
        } else if (n == 0 || i < 0 || !add_column(c, &flows->column[i])) {
            return unknown_column(c, p, n);
        }
        p += whole;
        if (!*p)
            return SQLITE_OK;
    }
}

/* ---- running ---------------------------------------------------------------------------- */

static int next(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    text_block_drop(c->block);
    c->block = NULL;
    c->row++;
    int rc = export_pipe_next(c->pipe, &c->block);
    c->eof = rc != 1;
    return rc < 0 ? vtab_error(&table_of(c)->vtab, rc, export_pipe_message(c->pipe)) : SQLITE_OK;
}

static bool make_header(struct cursor *c) {
    struct render *r = render_new(EXPORT_CSV, c->column, c->n);
    c->block = calloc(1, sizeof *c->block);
    bool ok = r && c->block && render_header(r, &c->block->text);
    render_free(r);
    return ok;
}

/* The parameters that flows has, too, as its own plan would say it. */
static int read_query(struct cursor *c, sqlite3_value *const param[EXPORT_PARAMS]) {
    sqlite3_value *given[PARAM_COLUMNS];
    char words[64] = "";
    int n = 0;
    for (int p = 0; p < PARAM_COLUMNS; p++) {
        if (!param[p])
            continue;
        given[n++] = param[p];
        strcat(strcat(words, params[p]), "= ");
    }
    char *message = NULL;
    int rc = query_read(&table_of(c)->flows, words, n, given, now_ms(), &c->query, &message);
    vtab_say(c->base.pVtab, message);
    return rc;
}

static int filter(sqlite3_vtab_cursor *base, int idxnum, const char *idxstr, int argc,
                  sqlite3_value **argv) {
    (void)idxnum;
    (void)argc;
    struct cursor *c = (struct cursor *)base;
    struct export_table *t = table_of(c);
    sqlite3_value *param[EXPORT_PARAMS] = {NULL};
    int args = vtab_read_params(base->pVtab, idxstr, params, EXPORT_PARAMS, argv, param);
    if (args < 0)
        return -args;
    clear(c);
    c->row = 0;
    c->eof = false;
    const char *list =
        param[PARAM_COLUMNS] ? (const char *)sqlite3_value_text(param[PARAM_COLUMNS]) : NULL;
    bool header = t->format == EXPORT_CSV &&
                  (!param[PARAM_HEADER] || sqlite3_value_int(param[PARAM_HEADER]) != 0);
    int rc = read_query(c, param);
    if (rc == SQLITE_OK)
        rc = read_columns(c, list ? list : usual);
    const struct fvt_choice choice = {
        .by = FVT_BY_FLOWS, .since = c->query.window.since, .until = c->query.window.until};
    if (rc == SQLITE_OK)
        rc = vtab_snapshot(&t->vtab, c->query.store, &choice, &c->snapshot);
    if (rc == SQLITE_OK)
        rc = vtab_overrides(&t->vtab, c->snapshot, now_ms());
    if (rc != SQLITE_OK)
        return rc;
    interrupt_begin(&c->interrupt, t->vtab.db);
    c->pipe = export_pipe_new(&c->query, c->snapshot, t->format, c->column, c->n, &c->interrupt);
    if (!c->pipe)
        return SQLITE_NOMEM;
    if (header)
        return make_header(c) ? SQLITE_OK : SQLITE_NOMEM;
    return next(base);
}

static int eof(sqlite3_vtab_cursor *base) {
    return ((struct cursor *)base)->eof;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    *out = ((struct cursor *)base)->row;
    return SQLITE_OK;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i) {
    struct cursor *c = (struct cursor *)base;
    if (i == COLUMN_TEXT)
        sqlite3_result_text64(ctx, c->block->text.p, c->block->text.n, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
    return SQLITE_OK;
}

const sqlite3_module export_module = {
    .iVersion = 0,
    .xCreate = connect_export, /* the same function: eponymous, and for CREATE */
    .xConnect = connect_export,
    .xBestIndex = best_index,
    .xDisconnect = disconnect_export,
    .xDestroy = disconnect_export,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = eof,
    .xColumn = column,
    .xRowid = rowid,
    .xUpdate = NULL, /* read only */
};
