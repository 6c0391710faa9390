/* SPDX-License-Identifier: MIT */
/*
** Virtual table flows: one row is one flow record, exactly as received.
**
**   .load flowvt
**   SELECT tstart, srcip, dstip, bytes FROM flows WHERE dstport = 443 LIMIT 5;
**   SELECT count(*) FROM flows WHERE since = '-1 hour' AND filter = 'src net 192.168.1.0/24';
**   SELECT count(*) FROM flows('2026-11-23 10:00', '2026-11-23 11:00', 'proto tcp');
**   CREATE VIRTUAL TABLE campus USING flows(store = '/data/campus');
**
** Columns are those of schema/fields.def, with `duration` in seconds; hidden, and so not in
** `SELECT *`: the parameters since, until, filter, store; app, which is appname; the integers tstart_ms, tend_ms, trecv_ms
** and raw_packets, raw_bytes, raw_outpackets, raw_outbytes, raw_sampling; the computed pps, bps, bpp, dscp,
** srcnet, dstnet.
**
** packets and bytes are scaled by the sampling rate in force for the record, or by that of a table
** sampling_overrides (overrides.h); raw_packets and
** raw_bytes are as exported. flows is 1 where the exporter did not say. NULL is what was not
** exported. A row belongs to the window when the flow overlaps it.
**
** Flows are added up here, by GROUP BY, when the statement's text says for certain that SQLite would do
** nothing else with the rows: see statement.h.
**
** Rows come in the order of the files, or as ORDER BY, GROUP BY or DISTINCT want them: see
** ordered.h.
**
** rowid is a mix of the file's path and the row's place in the file: the same for as long as the
** file is there.
*/
#include <stdlib.h>

#include "asked.h"
#include "interrupt.h"
#include "ordered.h"
#include "scan.h"
#include "shown.h"

SQLITE_EXTENSION_INIT3

/* The values of a column in the rows that the cursor is at. */
struct cells {
    const int64_t *v;
    const uint8_t *null;
    struct cell_buffer *buffer; /* of a computed column */
    struct shown shown;
    bool entered; /* shown is of the row group */
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct snapshot *snapshot;
    struct query query;
    int64_t now;            /* of the statement, ms; 0: not asked for yet */
    struct row_spec spec;   /* the columns that are used */
    int place[MAX_COLUMNS]; /* of a column of the table in spec, -1: not used */
    int extra;              /* the place of the column extra, -1: not used */
    uint32_t at, n;         /* in rows */
    int64_t left;           /* of LIMIT; -1: none */
    bool eof;
    struct cells cells[MAX_COLUMNS]; /* by place; v is NULL until asked for */
    /* as the files have them: */
    struct scan_source *source;
    struct scan *scan;
    bool in_group;
    struct interrupt interrupt;
    const uint16_t *rows;
    /* or in order: */
    struct ordered *ordered;
    const struct row_batch *batch;
    /* or, where SQLite but adds up, groups: as one row each, its counters their sums; or, if it counts them,
    ** as many rows as there are flows */
    struct asked asked;
    struct totals *totals;
    uint64_t row_of_total, rows_of_total;
};

static struct flow_table *table_of(const struct cursor *c) {
    return (struct flow_table *)c->base.pVtab;
}

static int open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    (void)vtab;
    return vtab_open(sizeof(struct cursor), out);
}

/* Forget the rows, keep the snapshot. */
static void clear(struct cursor *c) {
    interrupt_end(&c->interrupt);
    ordered_free(c->ordered);
    scan_free(c->scan);
    scan_source_free(c->source);
    totals_free(c->totals);
    c->totals = NULL;
    c->ordered = NULL;
    c->scan = NULL;
    c->in_group = false;
    c->source = NULL;
    for (int i = 0; i < c->spec.n; i++) {
        free(c->cells[i].buffer);
        shown_clear(&c->cells[i].shown);
    }
    memset(c->cells, 0, sizeof c->cells);
    c->spec.n = 0;
}

static int close_cursor(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    clear(c);
    query_free(&c->query);
    snapshot_free(c->snapshot);
    free(c);
    return SQLITE_OK;
}

static int next_batch(struct cursor *c) {
    int rc = ordered_next(c->ordered, &c->batch);
    c->eof = rc != 1;
    c->at = 0;
    if (rc < 0)
        return vtab_error(&table_of(c)->vtab, rc, ordered_message(c->ordered));
    if (rc == 1) {
        c->n = c->batch->n;
        for (int i = 0; i < c->spec.n; i++) {
            c->cells[i].v = c->batch->v[i];
            c->cells[i].null = c->batch->null[i];
        }
    }
    return SQLITE_OK;
}

/* The next block of the scan. Results as of scan_next_group(). */
static int go_on(struct cursor *c) {
    while (!c->in_group || !scan_next_block(c->scan)) {
        int rc = scan_next_group(c->scan);
        if (rc != 1)
            return rc;
        c->in_group = true;
        for (int i = 0; i < c->spec.n; i++)
            c->cells[i].entered = false;
    }
    return 1;
}

static int next_block(struct cursor *c) {
    int rc = go_on(c);
    c->eof = rc != 1;
    c->at = 0;
    if (rc < 0)
        return vtab_error(&table_of(c)->vtab, rc, scan_message(c->scan));
    if (rc == 1)
        c->rows = scan_rows(c->scan, &c->n);
    for (int i = 0; i < c->spec.n; i++)
        c->cells[i].v = NULL;
    return SQLITE_OK;
}

static void use_columns(struct cursor *c) {
    const struct sql_table *t = &table_of(c)->columns;
    c->extra = -1;
    for (int i = 0; i < t->n; i++) {
        enum cell_kind kind = cell_kind(&t->column[i]);
        bool used = kind != CELL_NONE && c->query.used >> (i < 63 ? i : 63) & 1;
        c->place[i] = used ? c->spec.n : -1;
        if (!used)
            continue;
        if (t->column[i].kind == COLUMN_VALUE && t->column[i].id == FLOW_extra)
            c->extra = c->spec.n;
        shown_init(&c->cells[c->spec.n].shown);
        c->spec.column[c->spec.n] = &t->column[i];
        c->spec.kind[c->spec.n++] = kind;
    }
}

/* The terms of the statement's order. */
static void order_terms(const struct cursor *c, struct row_terms *terms) {
    bool in[MAX_COLUMNS] = {false};
    terms->n = 0;
    for (int i = 0; i < c->query.norder; i++) {
        int place = c->place[c->query.order[i].column];
        if (place < 0 || in[place])
            continue;
        in[place] = true;
        terms->term[terms->n++] = (struct row_term){place, c->query.order[i].desc};
    }
}

static int start_scan(struct cursor *c) {
    bool used[SCAN_NCOLUMNS] = {false};
    for (int i = 0; i < c->spec.n; i++)
        sql_column_needs(c->spec.column[i], used);
    c->source = scan_source_new(c->snapshot);
    if (c->source)
        c->scan = scan_new(c->source, c->query.predicate, &c->query.window, used);
    if (!c->scan)
        return SQLITE_NOMEM;
    interrupt_begin(&c->interrupt, table_of(c)->vtab.db);
    interrupt_watch(&c->interrupt, c->source);
    scan_set_poll(c->scan, interrupt_asked, &c->interrupt);
    return next_block(c);
}

static int start_ordered(struct cursor *c) {
    struct row_terms terms;
    order_terms(c, &terms);
    interrupt_begin(&c->interrupt, table_of(c)->vtab.db);
    c->ordered = ordered_new(&c->query, c->snapshot, &c->spec, &terms, &c->interrupt);
    return c->ordered ? next_batch(c) : SQLITE_NOMEM;
}

/* rc: of totals_next(). */
static int take_total(struct cursor *c, int rc) {
    c->eof = rc != 1;
    c->row_of_total = 0;
    c->rows_of_total =
        rc == 1 && c->asked.request.rows ? totals_measure(c->totals, MEASURE_flows) : 1;
    if (rc == TOTALS_INTERRUPTED)
        return SQLITE_INTERRUPT;
    return rc < 0 ? vtab_error(&table_of(c)->vtab, rc, totals_message(c->totals)) : SQLITE_OK;
}

/* Is the statement a top list whose flows can be counted here? *rc: of going to the first group. */
static bool start_totals(struct cursor *c, int *rc) {
    uint64_t used = c->query.used;
    *rc = SQLITE_OK;
    if (c->query.limit >= 0)
        return false;
    asked_read(table_of(c), &c->query, &c->asked);
    if (!c->asked.top_list)
        return false;
    c->totals = totals_new(&c->asked.request, &c->query, c->snapshot);
    if (!c->totals) {
        *rc = SQLITE_NOMEM;
        return true;
    }
    int next = totals_next(c->totals);
    if (next == TOTALS_UNFIT) {
        totals_free(c->totals);
        c->totals = NULL;
        c->query.used = used;
        return false;
    }
    *rc = take_total(c, next);
    return true;
}

/* More than LIMIT was asked for, so SQLite had a test of its own: all rows, from behind those that
** were the first ones. Rows that are equal come by their place, so the order is the same again. */
static int beyond_limit(struct cursor *c) {
    int64_t known = c->query.limit;
    clear(c);
    c->query.limit = -1;
    use_columns(c);
    int rc = start_ordered(c);
    while (rc == SQLITE_OK && !c->eof && known-- > 0)
        rc = ++c->at < c->n ? SQLITE_OK : next_batch(c);
    return rc;
}

static int filter(sqlite3_vtab_cursor *base, int idxnum, const char *idxstr, int argc,
                  sqlite3_value **argv) {
    (void)idxnum;
    struct cursor *c = (struct cursor *)base;
    clear(c);
    int rc = flow_table_filter(table_of(c), idxstr, argc, argv, &c->query, &c->snapshot, &c->now);
    if (rc != SQLITE_OK)
        return rc;
    if (start_totals(c, &rc))
        return rc;
    use_columns(c);
    c->left = c->query.limit;
    c->eof = c->left == 0;
    if (c->eof)
        return SQLITE_OK;
    return c->query.norder ? start_ordered(c) : start_scan(c);
}

static int next(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    if (c->totals)
        return ++c->row_of_total < c->rows_of_total ? SQLITE_OK
                                                    : take_total(c, totals_next(c->totals));
    if (c->left > 0 && --c->left == 0 && c->ordered)
        return beyond_limit(c);
    if (++c->at < c->n)
        return SQLITE_OK;
    return c->ordered ? next_batch(c) : next_block(c);
}

static int eof(sqlite3_vtab_cursor *base) {
    return ((struct cursor *)base)->eof;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    struct cursor *c = (struct cursor *)base;
    if (c->totals)
        *out = totals_rowid(c->totals);
    else
        *out = c->ordered ? scan_rowid_at(c->snapshot, c->batch->position[c->at])
                          : scan_rowid(c->scan, c->rows[c->at]);
    return SQLITE_OK;
}

/* ---- values ----------------------------------------------------------------------------- */

/* Text that ends with a NUL. SQLite copies it with its end: a length instead would have it copied
** once more when it is read as a C string. */
static void show_plain(sqlite3_context *ctx, const char *text) {
    sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

static void show_time(struct shown *s, sqlite3_context *ctx, int64_t ms) {
    char text[FLOW_TIME_TEXT];
    *shown_put_time(s, ms, text) = '\0';
    show_plain(ctx, text);
}

static void show_coded(struct cursor *c, sqlite3_context *ctx, int place, int64_t v) {
    enum cell_kind kind = c->spec.kind[place];
    if (c->ordered) {
        size_t n;
        const char *text = ordered_text(c->ordered, kind, v, &n);
        result_text(ctx, text, n);
        return;
    }
    struct shown *s = &c->cells[place].shown;
    if (s->ip)
        show_plain(ctx, shown_ip(s, (uint32_t)v)->text);
    else if (kind == CELL_IP)
        result_ip(ctx, &s->dict->ip[v]);
    else if (kind == CELL_TEXT)
        result_text(ctx, s->dict->text[v], s->dict->len[v]);
    else
        result_net(ctx, &s->dict->ip[v >> 8], (int)(v & 255));
}

static void show(struct cursor *c, sqlite3_context *ctx, int place, int64_t v) {
    char text[FLOW_MAC_TEXT];
    switch (c->spec.kind[place]) {
    case CELL_NONE:
        break;
    case CELL_INT:
        sqlite3_result_int64(ctx, v);
        break;
    case CELL_REAL:
        sqlite3_result_double(ctx, cell_real(v));
        break;
    case CELL_TIME:
        show_time(&c->cells[place].shown, ctx, v);
        break;
    case CELL_MAC:
        result_text(ctx, text, flow_mac_text((uint64_t)v, text));
        break;
    case CELL_IP:
    case CELL_TEXT:
    case CELL_NET:
        show_coded(c, ctx, place, v);
        break;
    }
}

/* A column of the site's, v being the text of extra. */
static void show_own(struct cursor *c, sqlite3_context *ctx, int id, int64_t v) {
    const char *text;
    size_t n;
    if (c->ordered) {
        text = ordered_text(c->ordered, CELL_TEXT, v, &n);
    } else {
        const struct fvt_dict *dict = c->cells[c->extra].shown.dict;
        text = dict->text[v];
        n = dict->len[v];
    }
    registry_result(table_of(c)->registry, id, ctx, text, n);
}

/* Of a group. Its totals are those of its first row, the others have NULL, which sum() does not see. */
static void show_total(const struct cursor *c, sqlite3_context *ctx, int i) {
    const struct sql_table *t = &table_of(c)->columns;
    int measure = sql_column_measure(t, &t->column[i]);
    if (measure >= 0 && c->row_of_total > 0)
        return;
    if (measure >= 0)
        result_count(ctx, totals_measure(c->totals, (enum measure)measure));
    else
        asked_show_dimension(c->totals, ctx, &t->column[i], c->asked.dimension[i]);
}

/* Have the values of a column of the block. */
static bool read_cells(struct cursor *c, int place) {
    struct cells *k = &c->cells[place];
    const struct sql_column *column = c->spec.column[place];
    if (column->kind == COLUMN_COMPUTED && !k->buffer && !(k->buffer = malloc(sizeof *k->buffer)))
        return false;
    if (!k->entered && !shown_enter_group(&k->shown, c->scan, column, c->spec.kind[place]))
        return false;
    k->entered = true;
    k->v = cells_of_block(c->scan, column, k->buffer, &k->null);
    return true;
}

/* Parameters are what the statement says they are, and are not shown but for the store: there may be several. */
static int column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i) {
    struct cursor *c = (struct cursor *)base;
    const struct sql_column *col = &table_of(c)->columns.column[i];
    if (col->kind == COLUMN_PARAM) {
        query_show_store(&c->query, col, ctx);
        return SQLITE_OK;
    }
    if (c->totals) {
        show_total(c, ctx, i);
        return SQLITE_OK;
    }
    /* It is there: SQLite tells of all columns from the 63rd on by one bit. */
    int place = col->kind == COLUMN_EXTRA ? c->extra : c->place[i];
    if (place < 0)
        return SQLITE_OK;
    const struct cells *k = &c->cells[place];
    if (!k->v && !read_cells(c, place))
        return SQLITE_NOMEM;
    uint32_t row = c->ordered ? c->at : c->rows[c->at];
    if (!k->null[row] && col->kind == COLUMN_EXTRA)
        show_own(c, ctx, col->id, k->v[row]);
    else if (!k->null[row])
        show(c, ctx, place, k->v[row]);
    return SQLITE_OK;
}

const sqlite3_module flows_module = {
    .iVersion = 0,
    .xCreate = flow_table_connect, /* the same function: eponymous, and for CREATE */
    .xConnect = flow_table_connect,
    .xBestIndex = flow_table_best_index,
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
    .xFindFunction = flow_table_find_function,
};
