/* SPDX-License-Identifier: MIT */
/*
** Virtual tables traffic and endpoints: totals, as coarse as the statement that asks.
**
**   SELECT srcip, sum(bytes) AS bytes FROM traffic WHERE since = '-1 day' AND dstport = 443
**   GROUP BY srcip ORDER BY bytes DESC LIMIT 10;
**   SELECT time, sum(bytes) FROM traffic WHERE bucket = 3600 GROUP BY time;
**   SELECT ip, sum(bytes_out), sum(bytes_in) FROM endpoints GROUP BY ip;
**   SELECT srcip, sum(bytes) FROM traffic WHERE mask4 = 24 GROUP BY srcip;
**
** One row is the total of all flows that agree in the dimension columns the statement names. So
** sum() of the counters, min(first) and max(last) are what they are over the flows; count(*),
** avg(bytes) and max(bytes) speak of totals: sum(flows) is the number of flows.
**
** traffic: dimensions are the fields of the catalogue that are no times and no counters; totals
** are flows, packets, bytes, outpackets, outbytes, first, last. endpoints sees each flow from both
** ends, once for its sender and once for its receiver: ip, port, asn, ... are this end's, peerip,
** peerport, ... the other's; totals are flows_out, packets_out, bytes_out as sender, flows_in,
** packets_in, bytes_in as receiver, and flows, packets, bytes for both.
**
** Hidden dimensions are what the site's tables make of a flow (labels.h): srczone, dstzone, application; of endpoints
** zone, peerzone, application. Their groups are as few as the texts are. lowport is the lower of both ports, which mostly
** is the service's; app is appname.
**
** total_flows, total_packets and total_bytes, hidden, are those of all rows together that the table has for the statement's
** constraints, so that a share is 100.0 * bytes / total_bytes, with LIMIT as well.
**
** endnet and peernet, of endpoints, leave only the ends that lie in one of the networks listed, or whose other end does: without
** making a dimension of the address, as ip_in(ip, ...) would. With billing = 1 an end that is in the site's table
** billing_exporters is there as the exporter saw it that the table has for it.
**
** time is the start of a bucket of `bucket` seconds (300): counters of a flow that spans several
** are spread over them in proportion, as they are cut at since and until. mask4 and mask6 turn
** addresses into networks of that length, shown as 192.0.2.0/24, and it is these that a constraint
** like srcip = '192.0.2.0/24' compares; ip_in() and filter speak of the flow's own address.
*/
#include <stdlib.h>

#include "asked.h"

SQLITE_EXTENSION_INIT3

struct cursor {
    sqlite3_vtab_cursor base;
    struct snapshot *snapshot;
    struct query query;
    int64_t now; /* of the statement, ms; 0: not asked for yet */
    struct totals *totals;
    struct asked asked;
    bool eof;
};

static struct flow_table *table_of(const struct cursor *c) {
    return (struct flow_table *)c->base.pVtab;
}

static int open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    (void)vtab;
    return vtab_open(sizeof(struct cursor), out);
}

static int close_cursor(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    totals_free(c->totals);
    query_free(&c->query);
    snapshot_free(c->snapshot);
    free(c);
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    int rc = totals_next(c->totals);
    c->eof = rc != 1;
    if (rc == TOTALS_INTERRUPTED)
        return SQLITE_INTERRUPT;
    return rc < 0 ? vtab_error(&table_of(c)->vtab, rc, totals_message(c->totals)) : SQLITE_OK;
}

/* What the site's tables make of addresses and ports, where that is asked for. All is counted before SQLite does
** anything else, so that nobody else refreshes it meanwhile. */
static int take_labels(struct flow_table *t, const struct query *q, bool zones,
                       struct totals_request *r) {
    struct predicate *p = q->predicate;
    char *message = NULL;
    bool any = predicate_set_labels(p, NULL) || q->applications || zones;
    for (int d = 0; d < r->ndims + r->counts; d++)
        any |= dimension_is_told(&r->dim[d]);
    if (!any)
        return SQLITE_OK;
    int rc = labels_refresh(t->vtab.db, t->vtab.database, &t->labels, &message);
    vtab_say(&t->vtab.base, message);
    r->labels = t->labels;
    predicate_set_labels(p, t->labels);
    return rc;
}

static int filter(sqlite3_vtab_cursor *base, int idxnum, const char *idxstr, int argc,
                  sqlite3_value **argv) {
    (void)idxnum;
    struct cursor *c = (struct cursor *)base;
    struct flow_table *t = table_of(c);
    totals_free(c->totals);
    c->totals = NULL;
    int rc = flow_table_filter(t, idxstr, argc, argv, &c->query, &c->snapshot, &c->now);
    if (rc != SQLITE_OK)
        return rc;
    asked_read(t, &c->query, &c->asked);
    if ((rc = take_labels(t, &c->query, c->asked.zones, &c->asked.request)) != SQLITE_OK)
        return rc;
    c->totals = totals_new(&c->asked.request, &c->query, c->snapshot);
    return c->totals ? next(base) : SQLITE_NOMEM;
}

static int eof(sqlite3_vtab_cursor *base) {
    return ((struct cursor *)base)->eof;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    *out = totals_rowid(((struct cursor *)base)->totals);
    return SQLITE_OK;
}

static void show_measure(struct cursor *c, sqlite3_context *ctx, enum measure m) {
    if (m < MEASURE_first) {
        result_count(ctx, totals_measure(c->totals, m));
        return;
    }
    int64_t first, last;
    if (!totals_span(c->totals, &first, &last))
        return;
    int64_t ms = m == MEASURE_first || m == MEASURE_first_ms ? first : last;
    if (m == MEASURE_first || m == MEASURE_last)
        result_time(ctx, ms);
    else
        sqlite3_result_int64(ctx, ms);
}

static void show_zone(struct cursor *c, sqlite3_context *ctx, int dimension) {
    uint32_t n;
    struct flow_ip ip, last;
    if (totals_null(c->totals, dimension))
        return;
    const char *text = totals_text(c->totals, dimension, &n);
    if (flow_ip_parse(text, n, &ip) != 0)
        return;
    const char *zone = labels_zone(table_of(c)->labels, &ip, &last);
    result_text(ctx, zone, (uint32_t)strlen(zone));
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i) {
    struct cursor *c = (struct cursor *)base;
    const struct sql_column *col = &table_of(c)->columns.column[i];
    int64_t ms;
    switch (col->kind) {
    case COLUMN_VALUE:
    case COLUMN_LABEL:
        if (c->asked.address[i] >= 0)
            show_zone(c, ctx, c->asked.address[i]);
        else
            asked_show_dimension(c->totals, ctx, col, c->asked.dimension[i]);
        break;
    case COLUMN_MEASURE:
        show_measure(c, ctx, (enum measure)col->id);
        break;
    case COLUMN_TOTAL:
        result_count(ctx, totals_total(c->totals, (enum measure)col->id));
        break;
    case COLUMN_BUCKET:
        if (totals_bucket(c->totals, &ms))
            result_time(ctx, ms);
        break;
    case COLUMN_BUCKET_MS:
        if (totals_bucket(c->totals, &ms))
            sqlite3_result_int64(ctx, ms);
        break;
    default:
        query_show_store(&c->query, col, ctx);
    }
    return SQLITE_OK;
}

const sqlite3_module totals_module = {
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
