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
** time is the start of a bucket of `bucket` seconds (300): counters of a flow that spans several
** are spread over them in proportion, as they are cut at since and until. mask4 and mask6 turn
** addresses into networks of that length, shown as 192.0.2.0/24, and it is these that a constraint
** like srcip = '192.0.2.0/24' compares; ip_in() and filter speak of the flow's own address.
*/
#include <stdlib.h>

#include "flow_table.h"
#include "top_list.h"
#include "totals.h"

SQLITE_EXTENSION_INIT3

struct cursor {
    sqlite3_vtab_cursor base;
    struct snapshot *snapshot;
    struct query query;
    int64_t now; /* of the statement, ms; 0: not asked for yet */
    struct totals *totals;
    int dimension[MAX_COLUMNS]; /* of an SQL column, -1: not part of the key */
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

/* Is it certain that SQLite only adds up what it is given, by the columns of GROUP BY? */
static bool only_adds_up(const struct cursor *c, const struct top_list *list) {
    const struct sql_table *t = &table_of(c)->columns;
    bool masked = c->query.mask4 < 32 || c->query.mask6 < 128;
    if (!c->query.exact || c->query.ntests != list->tests || c->query.used >> 63)
        return false;
    for (int i = 0; i < t->n && i < 63; i++)
        if ((c->query.used >> i & 1) != (list->group[i] || list->measure[i] || list->tested[i] ||
                                         list->counted == i || list->net == i))
            return false;
    /* What makes networks of one column would make them of all. */
    for (int i = 0; i < t->n && list->net >= 0; i++)
        if (masked || (list->group[i] && sql_column_class(&t->column[i]) == FLOW_IP))
            return false;
    return true;
}

/* The dimension of the only column of GROUP BY; false when there are more. */
static bool only_group(const struct cursor *c, const struct top_list *list, int *dimension) {
    int n = 0;
    for (int i = 0; i < table_of(c)->columns.n; i++)
        if (list->group[i]) {
            *dimension = c->dimension[i];
            n++;
        }
    return n == 1 && *dimension >= 0;
}

/* Dimensions and measures that the statement names, and the order it asks for. */
static void make_request(struct cursor *c, struct totals_request *r) {
    const struct sql_table *t = &table_of(c)->columns;
    *r =
        (struct totals_request){.table = t, .db = table_of(c)->vtab.db, .first = -1, .counted = -1};
    for (int i = 0; i < t->n; i++) {
        const struct sql_column *col = &t->column[i];
        c->dimension[i] = -1;
        if (!(c->query.used >> (i < 63 ? i : 63) & 1))
            continue;
        if (col->kind == COLUMN_MEASURE)
            r->measures |= UINT32_C(1) << col->id;
        r->buckets |= col->kind == COLUMN_BUCKET || col->kind == COLUMN_BUCKET_MS;
        if (col->kind != COLUMN_VALUE)
            continue;
        c->dimension[i] = r->ndims;
        r->dim[r->ndims++] =
            (struct dimension){{col->side[0], col->side[1]}, sql_column_class(col)};
    }
    for (int i = 0; i < c->query.norder; i++) {
        int at = c->query.order[i].column;
        const struct sql_column *col = &t->column[at];
        struct order_term *term = &r->order[r->norder++];
        term->desc = c->query.order[i].desc;
        term->kind = col->kind == COLUMN_VALUE     ? ORDER_DIMENSION
                     : col->kind == COLUMN_MEASURE ? ORDER_MEASURE
                                                   : ORDER_BUCKET;
        term->id = col->kind == COLUMN_VALUE ? c->dimension[at] : col->id;
    }
}

/* Of a top list only its rows need be delivered. */
static void ask_first(const struct cursor *c, const struct top_list *list,
                      struct totals_request *r) {
    if (list->counted >= 0) {
        if (!only_group(c, list, &r->counted_by))
            return;
        r->counted = c->dimension[list->counted];
    } else {
        r->first_by = (enum measure)table_of(c)->columns.column[list->rank].id;
    }
    r->first = list->first;
    r->greatest = list->desc;
}

/* What is asked of totals, also as the text of the statement has it. */
static void read_statement(struct cursor *c, struct totals_request *r) {
    const struct flow_table *t = table_of(c);
    struct top_list *list = limits_top_lists() ? malloc(sizeof *list) : NULL;
    bool is = list && top_list_running(t->vtab.db, &t->columns, t->vtab.name, list) &&
              only_adds_up(c, list);
    /* What WHERE alone names is no part of the key. */
    for (int i = 0; is && i < t->columns.n && i < 63; i++)
        if (!list->group[i] && !list->measure[i] && list->counted != i && list->net != i)
            c->query.used &= ~(UINT64_C(1) << i);
    make_request(c, r);
    if (is)
        ask_first(c, list, r);
    if (is && list->net >= 0) {
        c->query.mask4 = list->mask4;
        c->query.mask6 = list->mask6;
        r->bare = true;
    }
    free(list);
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
    struct totals_request *r = malloc(sizeof *r);
    if (!r)
        return SQLITE_NOMEM;
    read_statement(c, r);
    c->totals = totals_new(r, &c->query, c->snapshot);
    free(r);
    return c->totals ? next(base) : SQLITE_NOMEM;
}

static int eof(sqlite3_vtab_cursor *base) {
    return ((struct cursor *)base)->eof;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    *out = totals_rowid(((struct cursor *)base)->totals);
    return SQLITE_OK;
}

static void show_dimension(struct cursor *c, sqlite3_context *ctx, enum flow_class class, int d) {
    if (d < 0 || totals_null(c->totals, d))
        return;
    uint32_t n;
    const char *text;
    char mac[FLOW_MAC_TEXT];
    switch (class) {
    case FLOW_IP:
    case FLOW_TEXT:
        text = totals_text(c->totals, d, &n);
        result_text(ctx, text, n);
        break;
    case FLOW_MAC:
        n = (uint32_t)flow_mac_text((uint64_t)totals_integer(c->totals, d), mac);
        result_text(ctx, mac, n);
        break;
    default:
        sqlite3_result_int64(ctx, totals_integer(c->totals, d));
        break;
    }
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

static int column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i) {
    struct cursor *c = (struct cursor *)base;
    const struct sql_column *col = &table_of(c)->columns.column[i];
    int64_t ms;
    switch (col->kind) {
    case COLUMN_VALUE:
        show_dimension(c, ctx, sql_column_class(col), c->dimension[i]);
        break;
    case COLUMN_MEASURE:
        show_measure(c, ctx, (enum measure)col->id);
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
        break; /* parameters */
    }
    return SQLITE_OK;
}

const sqlite3_module totals_module = {
    .iVersion = 0,
    .xCreate = flow_table_connect, /* the same function: eponymous, and for CREATE */
    .xConnect = flow_table_connect,
    .xBestIndex = flow_table_best_index,
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
    .xFindFunction = flow_table_find_function,
};
