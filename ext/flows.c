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
** `SELECT *`: the parameters since, until, filter, store; the integers tstart_ms, tend_ms, trecv_ms
** and raw_packets, raw_bytes, raw_outpackets, raw_outbytes; the computed pps, bps, bpp, dscp,
** srcnet, dstnet.
**
** packets and bytes are scaled by the sampling rate in force for the record; raw_packets and
** raw_bytes are as exported. flows is 1 where the exporter did not say. NULL is what was not
** exported. A row belongs to the window when the flow overlaps it.
**
** rowid is a mix of the file's path and the row's place in the file: the same for as long as the
** file is there.
*/
#include <stdlib.h>

#include "flow_table.h"
#include "scan.h"

SQLITE_EXTENSION_INIT3

struct cursor {
    sqlite3_vtab_cursor base;
    struct snapshot *snapshot;
    struct query query;
    int64_t now; /* of the statement, ms; 0: not asked for yet */
    struct scan_source *source;
    struct scan *scan;
    uint32_t at, n; /* in rows */
    const uint16_t *rows;
    int64_t left; /* of LIMIT; -1: none */
    bool eof;
};

static struct flow_table *table_of(const struct cursor *c) {
    return (struct flow_table *)c->base.pVtab;
}

static int open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    (void)vtab;
    struct cursor *c = calloc(1, sizeof *c);
    if (!c)
        return SQLITE_NOMEM;
    *out = &c->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    scan_free(c->scan);
    scan_source_free(c->source);
    query_free(&c->query);
    snapshot_free(c->snapshot);
    free(c);
    return SQLITE_OK;
}

static int next_block(struct cursor *c) {
    int rc = scan_next(c->scan);
    c->eof = rc != 1;
    c->at = 0;
    if (rc == 1)
        c->rows = scan_rows(c->scan, &c->n);
    return rc < 0 ? vtab_error(&table_of(c)->vtab, rc, scan_message(c->scan)) : SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int idxnum, const char *idxstr, int argc,
                  sqlite3_value **argv) {
    (void)idxnum;
    struct cursor *c = (struct cursor *)base;
    struct flow_table *t = table_of(c);
    scan_free(c->scan);
    scan_source_free(c->source);
    c->scan = NULL;
    c->source = NULL;
    int rc = flow_table_filter(t, idxstr, argc, argv, &c->query, &c->snapshot, &c->now);
    if (rc != SQLITE_OK)
        return rc;
    bool used[SCAN_NCOLUMNS] = {false};
    for (int i = 0; i < t->columns.n; i++)
        if (c->query.used >> (i < 63 ? i : 63) & 1)
            sql_column_needs(&t->columns.column[i], used);
    c->source = scan_source_new(c->snapshot);
    if (c->source)
        c->scan = scan_new(c->source, c->query.predicate, &c->query.window, used);
    if (!c->scan)
        return SQLITE_NOMEM;
    c->left = c->query.limit;
    c->eof = c->left == 0;
    if (c->eof)
        return SQLITE_OK;
    return next_block(c);
}

static int next(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    if (c->left > 0 && --c->left == 0) {
        c->eof = true;
        return SQLITE_OK;
    }
    return ++c->at < c->n ? SQLITE_OK : next_block(c);
}

static int eof(sqlite3_vtab_cursor *base) {
    return ((struct cursor *)base)->eof;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    struct cursor *c = (struct cursor *)base;
    *out = scan_rowid(c->scan, c->rows[c->at]);
    return SQLITE_OK;
}

/* The value of a scan column in the current row; false when it is NULL. */
static bool value(struct cursor *c, int column, int64_t *v) {
    const uint8_t *nulls;
    uint32_t row = c->rows[c->at];
    *v = scan_values(c->scan, column, &nulls)[row];
    return !nulls[row];
}

static void show_value(struct cursor *c, sqlite3_context *ctx, int column) {
    int64_t v;
    if (!value(c, column, &v))
        return;
    const struct fvt_dict *d;
    char text[FLOW_MAC_TEXT];
    switch (flow_fields[scan_field(column)].class) {
    case FLOW_UINT:
        sqlite3_result_int64(ctx, v);
        break;
    case FLOW_TIME:
        result_time(ctx, v);
        break;
    case FLOW_MAC:
        result_text(ctx, text, flow_mac_text((uint64_t)v, text));
        break;
    case FLOW_IP:
        if ((d = scan_dict(c->scan, column)) != NULL)
            result_ip(ctx, &d->ip[v]);
        break;
    case FLOW_TEXT:
        if ((d = scan_dict(c->scan, column)) != NULL)
            result_text(ctx, d->text[v], d->len[v]);
        break;
    }
}

static void show_net(struct cursor *c, sqlite3_context *ctx, int address, int mask) {
    int64_t code, len;
    const struct fvt_dict *d = scan_dict(c->scan, address);
    if (!d || !value(c, address, &code) || !value(c, mask, &len))
        return;
    const struct flow_ip *ip = &d->ip[code];
    if (len >= 0 && len <= (ip->family == 4 ? 32 : 128))
        result_net(ctx, ip, (int)len);
}

static void show_computed(struct cursor *c, sqlite3_context *ctx, enum computed id) {
    int column[COMPUTED_COLUMNS];
    int64_t values[COMPUTED_COLUMNS];
    double number;
    if (id == COMPUTED_srcnet || id == COMPUTED_dstnet) {
        show_net(c, ctx, id == COMPUTED_srcnet ? FLOW_srcip : FLOW_dstip,
                 id == COMPUTED_srcnet ? FLOW_srcmask : FLOW_dstmask);
        return;
    }
    int n = computed_columns(id, column);
    for (int i = 0; i < n; i++)
        if (!value(c, column[i], &values[i]))
            return;
    if (!computed_number(id, values, &number))
        return;
    if (id == COMPUTED_dscp)
        sqlite3_result_int64(ctx, (int64_t)number);
    else
        sqlite3_result_double(ctx, number);
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i) {
    struct cursor *c = (struct cursor *)base;
    const struct sql_column *col = &table_of(c)->columns.column[i];
    int64_t v;
    switch (col->kind) {
    case COLUMN_VALUE:
        show_value(c, ctx, col->id);
        break;
    case COLUMN_MS:
        if (value(c, col->id, &v))
            sqlite3_result_int64(ctx, v);
        break;
    case COLUMN_COMPUTED:
        show_computed(c, ctx, (enum computed)col->id);
        break;
    default:
        break; /* parameters are what the statement says they are, and are not shown */
    }
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
