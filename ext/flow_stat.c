/* SPDX-License-Identifier: MIT */
/*
** The virtual table flow_stat: which values of an element have most, as nfdump -s ELEMENT/ORDER -n N has it.
**
**   SELECT element, flows, bytes FROM flow_stat('srcip', 'bytes', 10);
**   SELECT * FROM flow_stat WHERE "by" = 'dstport' AND "order" = 'flows' AND since = '-1 hour';
**
** An element is a statement over traffic or endpoints (columns.h), which does the work. One with two ends (ip,
** port, as, if ...) counts each flow once for either of them, also when both are the same, and all its elements together
** have twice the traffic. total_flows, total_packets and total_bytes are what all elements have, with those that are not
** listed. Rows come in their order, the largest first.
*/
#include <stdlib.h>
#include <string.h>

#include "vtab.h"

SQLITE_EXTENSION_INIT3

enum {
    PARAM_BY,
    PARAM_ORDER,
    PARAM_N,
    PARAM_SINCE,
    PARAM_UNTIL,
    PARAM_FILTER,
    PARAM_STORE,
    NPARAMS,
    COLUMN_ELEMENT = NPARAMS,
    COLUMN_FLOWS,
    COLUMN_PACKETS,
    COLUMN_BYTES,
    COLUMN_PPS,
    COLUMN_BPS,
    COLUMN_BPP,
    COLUMN_FIRST,
    COLUMN_LAST,
    COLUMN_TOTAL_FLOWS,
    COLUMN_TOTAL_PACKETS,
    COLUMN_TOTAL_BYTES,
};

static const char declaration[] = "CREATE TABLE x(\"by\" HIDDEN, \"order\" HIDDEN, n HIDDEN, since "
                                  "HIDDEN, until HIDDEN, filter HIDDEN,"
                                  " store HIDDEN, element, flows INTEGER, packets INTEGER, bytes "
                                  "INTEGER, pps INTEGER, bps INTEGER,"
                                  " bpp INTEGER, first TEXT, last TEXT, total_flows INTEGER,"
                                  " total_packets INTEGER, total_bytes INTEGER)";
static const char *const params[NPARAMS] = {"by",    "order",  "n",    "since",
                                            "until", "filter", "store"};

/* ---- elements --------------------------------------------------------------------------- */

/* What is read. */
enum source { TRAFFIC, ENDPOINTS, EXPORTERS, NSOURCES };

#define ARGUMENTS "(?1, ?2, ?3, ?4)" /* since, until, filter, store */

static const char *const sources[NSOURCES] = {
    [TRAFFIC] = "traffic" ARGUMENTS,
    [ENDPOINTS] = "endpoints" ARGUMENTS,
    [EXPORTERS] = "(SELECT e.sysid, flows, packets, bytes, total_flows, total_packets, "
                  "total_bytes, first_ms, last_ms FROM traffic" ARGUMENTS
                  " AS t LEFT JOIN (SELECT DISTINCT exporter, odid, version, sysid FROM"
                  " flow_exporters(NULL, NULL, ?4)) AS e ON e.exporter IS t.exporter"
                  " AND e.odid IS t.odid AND e.version IS t.version)",
};

/* How the two parts of an element are shown. */
enum shape { ONE, PROTO_PORT, PAIR };

static const char *const shown[] = {
    [ONE] = "a",
    [PROTO_PORT] = "proto_name(a) || coalesce('/' || b, '')",
    [PAIR] = "coalesce(a, '-') || ' ' || coalesce(b, '-')",
};

/* Column: dimensions, whose rows are groups already. An expression of several values that are one adds their rows up. */
enum kind { COLUMN, EXPRESSION };

static const struct element {
    const char *name;
    enum source source;
    enum kind kind;
    enum shape shape;
    const char *a, *b;
} elements[] = {
    {"srcip", TRAFFIC, COLUMN, ONE, "srcip", NULL},
    {"dstip", TRAFFIC, COLUMN, ONE, "dstip", NULL},
    {"srcport", TRAFFIC, COLUMN, ONE, "srcport", NULL},
    {"dstport", TRAFFIC, COLUMN, ONE, "dstport", NULL},
    {"srcport:p", TRAFFIC, COLUMN, PROTO_PORT, "proto", "srcport"},
    {"dstport:p", TRAFFIC, COLUMN, PROTO_PORT, "proto", "dstport"},
    {"proto", TRAFFIC, EXPRESSION, ONE, "proto_name(proto)", NULL},
    {"flags", TRAFFIC, EXPRESSION, ONE, "tcp_flags(tcpflags)", NULL},
    {"tos", TRAFFIC, COLUMN, ONE, "tos", NULL},
    {"dsttos", TRAFFIC, COLUMN, ONE, "dsttos", NULL},
    {"dscp", TRAFFIC, EXPRESSION, ONE, "tos >> 2", NULL},
    {"dir", TRAFFIC, COLUMN, ONE, "direction", NULL},
    {"srcas", TRAFFIC, COLUMN, ONE, "srcas", NULL},
    {"dstas", TRAFFIC, COLUMN, ONE, "dstas", NULL},
    {"prevas", TRAFFIC, COLUMN, ONE, "prevas", NULL},
    {"nextas", TRAFFIC, COLUMN, ONE, "nextas", NULL},
    {"inif", TRAFFIC, COLUMN, ONE, "inif", NULL},
    {"outif", TRAFFIC, COLUMN, ONE, "outif", NULL},
    {"srcmask", TRAFFIC, COLUMN, ONE, "srcmask", NULL},
    {"dstmask", TRAFFIC, COLUMN, ONE, "dstmask", NULL},
    {"srcnet", TRAFFIC, COLUMN, ONE, "srcnet", NULL},
    {"dstnet", TRAFFIC, COLUMN, ONE, "dstnet", NULL},
    {"srcvlan", TRAFFIC, COLUMN, ONE, "srcvlan", NULL},
    {"dstvlan", TRAFFIC, COLUMN, ONE, "dstvlan", NULL},
    {"cvlan", TRAFFIC, COLUMN, ONE, "cvlan", NULL},
    {"insrcmac", TRAFFIC, COLUMN, ONE, "insrcmac", NULL},
    {"outdstmac", TRAFFIC, COLUMN, ONE, "outdstmac", NULL},
    {"indstmac", TRAFFIC, COLUMN, ONE, "indstmac", NULL},
    {"outsrcmac", TRAFFIC, COLUMN, ONE, "outsrcmac", NULL},
    {"nhip", TRAFFIC, COLUMN, ONE, "next", NULL},
    {"nhbip", TRAFFIC, COLUMN, ONE, "bgpnext", NULL},
    {"router", TRAFFIC, COLUMN, ONE, "exporter", NULL},
    {"sysid", EXPORTERS, EXPRESSION, ONE, "sysid", NULL},
    {"odid", TRAFFIC, COLUMN, ONE, "odid", NULL},
    {"opid", TRAFFIC, EXPRESSION, ONE, "opid", NULL},
    {"enginetype", TRAFFIC, EXPRESSION, ONE, "enginetype", NULL},
    {"engineid", TRAFFIC, EXPRESSION, ONE, "engineid", NULL},
    {"ident", TRAFFIC, EXPRESSION, ONE, "ident", NULL},
    {"ethertype", TRAFFIC, EXPRESSION, ONE,
     "iif(ethertype IS NULL, NULL, printf('0x%04x', ethertype))", NULL},
    {"ipversion", TRAFFIC, COLUMN, ONE, "ipversion", NULL},
    {"minttl", TRAFFIC, COLUMN, ONE, "minttl", NULL},
    {"maxttl", TRAFFIC, COLUMN, ONE, "maxttl", NULL},
    {"icmp", TRAFFIC, EXPRESSION, ONE, "icmptype || '.' || icmpcode", NULL},
    {"ivrf", TRAFFIC, EXPRESSION, ONE, "ivrf", NULL},
    {"evrf", TRAFFIC, EXPRESSION, ONE, "evrf", NULL},
    {"event", TRAFFIC, EXPRESSION, ONE, "fwevent", NULL},
    {"xevent", TRAFFIC, EXPRESSION, ONE, "fwxevent", NULL},
    {"nat", TRAFFIC, EXPRESSION, ONE, "natevent", NULL},
    {"natsrcip", TRAFFIC, EXPRESSION, ONE, "natsrcip", NULL},
    {"natdstip", TRAFFIC, EXPRESSION, ONE, "natdstip", NULL},
    {"natsrcport", TRAFFIC, EXPRESSION, ONE, "natsrcport", NULL},
    {"natdstport", TRAFFIC, EXPRESSION, ONE, "natdstport", NULL},
    {"user", TRAFFIC, EXPRESSION, ONE, "username", NULL},
    {"app", TRAFFIC, COLUMN, ONE, "app", NULL},
    {"nbar", TRAFFIC, COLUMN, ONE, "app", NULL},
    {"endreason", TRAFFIC, EXPRESSION, ONE, "endreason", NULL},
    {"sampling", TRAFFIC, EXPRESSION, ONE, "sampling", NULL},
    {"version", TRAFFIC, EXPRESSION, ONE, "version", NULL},
    {"srcip+dstip", TRAFFIC, COLUMN, PAIR, "srcip", "dstip"},
    {"srcas+dstas", TRAFFIC, COLUMN, PAIR, "srcas", "dstas"},
    {"inif+outif", TRAFFIC, COLUMN, PAIR, "inif", "outif"},
    {"srcnet+dstnet", TRAFFIC, COLUMN, PAIR, "srcnet", "dstnet"},
    {"srcgeo", TRAFFIC, EXPRESSION, ONE, "country(srcip)", NULL},
    {"dstgeo", TRAFFIC, EXPRESSION, ONE, "country(dstip)", NULL},
    {"srcasn", TRAFFIC, EXPRESSION, ONE, "asn(srcip)", NULL},
    {"dstasn", TRAFFIC, EXPRESSION, ONE, "asn(dstip)", NULL},
    {"srctag", TRAFFIC, EXPRESSION, ONE, "network(srcip)", NULL},
    {"dsttag", TRAFFIC, EXPRESSION, ONE, "network(dstip)", NULL},
    {"srctag+dsttag", TRAFFIC, EXPRESSION, PAIR, "network(srcip)", "network(dstip)"},
    {"srczone", TRAFFIC, COLUMN, ONE, "srczone", NULL},
    {"dstzone", TRAFFIC, COLUMN, ONE, "dstzone", NULL},
    {"application", TRAFFIC, COLUMN, ONE, "application", NULL},
    {"ip", ENDPOINTS, COLUMN, ONE, "ip", NULL},
    {"port", ENDPOINTS, COLUMN, ONE, "port", NULL},
    {"port:p", ENDPOINTS, COLUMN, PROTO_PORT, "proto", "port"},
    {"as", ENDPOINTS, COLUMN, ONE, "asn", NULL},
    {"mask", ENDPOINTS, COLUMN, ONE, "mask", NULL},
    {"vlan", ENDPOINTS, COLUMN, ONE, "vlan", NULL},
    {"mac", ENDPOINTS, COLUMN, ONE, "mac", NULL},
    {"natip", ENDPOINTS, COLUMN, ONE, "natip", NULL},
    {"natport", ENDPOINTS, COLUMN, ONE, "natport", NULL},
    {"geo", ENDPOINTS, EXPRESSION, ONE, "country(ip)", NULL},
    {"asn", ENDPOINTS, EXPRESSION, ONE, "asn(ip)", NULL},
    {"tag", ENDPOINTS, EXPRESSION, ONE, "network(ip)", NULL},
    {"zone", ENDPOINTS, COLUMN, ONE, "zone", NULL},
    {"if", ENDPOINTS, COLUMN, ONE, "ifindex", NULL},
};
enum { NELEMENTS = sizeof elements / sizeof elements[0] };

static const struct {
    const char *name, *rank;
} orders[] = {
    {"bytes", "bytes"},
    {"packets", "packets"},
    {"flows", "flows"},
    {"pps", "1000.0 * packets / nullif(last_ms - first_ms, 0)"},
    {"bps", "1000.0 * bytes / nullif(last_ms - first_ms, 0)"},
    {"bpp", "1.0 * bytes / packets"},
};
enum { NORDERS = sizeof orders / sizeof orders[0] };

/* The statement of an element: what is shown of it, and its totals. NULL without memory; to be freed by
** sqlite3_free(). */
static char *statement_of(const struct element *e, const char *rank) {
    const char *b = e->b ? e->b : "NULL";
    const char *then =
        e->b ? ", a, b" : ", a"; /* a constant would keep the order from being pushed down */
    char *groups =
        e->kind == COLUMN
            ? sqlite3_mprintf("SELECT %s AS a, %s AS b, flows, packets, bytes, first_ms, last_ms,"
                              " total_flows, total_packets, total_bytes FROM %s",
                              e->a, b, sources[e->source])
            : sqlite3_mprintf(
                  "SELECT %s AS a, %s AS b, sum(flows) AS flows, sum(packets) AS packets,"
                  " sum(bytes) AS bytes, min(first_ms) AS first_ms, max(last_ms) AS last_ms,"
                  " total_flows, total_packets, total_bytes FROM %s GROUP BY 1, 2",
                  e->a, b, sources[e->source]);
    char *text = groups ? sqlite3_mprintf("SELECT %s, flows, packets, bytes, first_ms, last_ms,"
                                          " total_flows, total_packets, total_bytes FROM (%s)"
                                          " ORDER BY %s DESC%s LIMIT ?5",
                                          shown[e->shape], groups, rank, then)
                        : NULL;
    sqlite3_free(groups);
    return text;
}

/* ---- the table -------------------------------------------------------------------------- */

struct cursor {
    sqlite3_vtab_cursor base;
    sqlite3_stmt *statement;
    sqlite3_int64 row;
    bool eof;
};

/* Of the statement: what statement_of() selects. */
enum {
    RESULT_ELEMENT,
    RESULT_FLOWS,
    RESULT_PACKETS,
    RESULT_BYTES,
    RESULT_FIRST,
    RESULT_LAST,
    RESULT_TOTALS
};

static int connect_stat(sqlite3 *db, void *aux, int argc, const char *const *argv,
                        sqlite3_vtab **out, char **message) {
    struct vtab *v;
    int rc = vtab_connect(sizeof *v, declaration, db, aux, argc, argv, &v, message);
    if (rc == SQLITE_OK)
        *out = &v->base;
    return rc;
}

static int best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
    int rc = vtab_take_params(vtab, info, params, NPARAMS);
    info->estimatedRows = 10;
    return rc;
}

static int open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    (void)vtab;
    return vtab_open(sizeof(struct cursor), out);
}

static int close_cursor(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    sqlite3_finalize(c->statement);
    free(c);
    return SQLITE_OK;
}

static int refuse(sqlite3_vtab *v, char *message) {
    vtab_say(v, message);
    return message ? SQLITE_ERROR : SQLITE_NOMEM;
}

static const char *text_of(sqlite3_value *param) {
    return param ? (const char *)sqlite3_value_text(param) : NULL;
}

/* The message that name is none of those that name_of() gives. */
static int refuse_name(sqlite3_vtab *v, const char *param, const char *what, const char *name,
                       const char *(*name_of)(int i), int n) {
    sqlite3_str *s = sqlite3_str_new(NULL);
    sqlite3_str_appendf(s, "%s: %s: no such %s: there are ", param, name, what);
    for (int i = 0; i < n; i++)
        sqlite3_str_appendf(s, "%s%s", i ? ", " : "", name_of(i));
    return refuse(v, sqlite3_str_finish(s));
}

static const char *element_name(int i) {
    return elements[i].name;
}

static const char *order_name(int i) {
    return orders[i].name;
}

/* The place of a name, or n; the first one for NULL. */
static int find(const char *name, const char *(*name_of)(int i), int n) {
    int i = 0;
    while (name && i < n && strcmp(name, name_of(i)) != 0)
        i++;
    return i;
}

static int prepare(struct cursor *c, sqlite3_value *const *param) {
    struct vtab *v = (struct vtab *)c->base.pVtab;
    const char *by = text_of(param[PARAM_BY]), *order = text_of(param[PARAM_ORDER]);
    int e = find(by, element_name, NELEMENTS), o = find(order, order_name, NORDERS);
    if (e == NELEMENTS)
        return refuse_name(&v->base, "by", "element", by, element_name, NELEMENTS);
    if (o == NORDERS)
        return refuse_name(&v->base, "order", "order", order, order_name, NORDERS);
    if (param[PARAM_N] && sqlite3_value_numeric_type(param[PARAM_N]) != SQLITE_INTEGER)
        return refuse(&v->base, sqlite3_mprintf("n: %s: give a number of rows, -1 for all",
                                                text_of(param[PARAM_N])));
    char *text = statement_of(&elements[e], orders[o].rank);
    int rc = text ? sqlite3_prepare_v2(v->db, text, -1, &c->statement, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    for (int i = PARAM_SINCE; rc == SQLITE_OK && i < NPARAMS; i++)
        if (param[i])
            rc = sqlite3_bind_value(c->statement, 1 + i - PARAM_SINCE, param[i]);
    if (rc == SQLITE_OK && !param[PARAM_STORE] && v->store)
        rc = sqlite3_bind_text(c->statement, 4, v->store, -1, SQLITE_TRANSIENT);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(c->statement, 5,
                                param[PARAM_N] ? sqlite3_value_int64(param[PARAM_N]) : 10);
    return rc;
}

/* Take over a code of the statement, and its message. */
static int said(struct cursor *c, int rc) {
    struct vtab *v = (struct vtab *)c->base.pVtab;
    if (rc != SQLITE_INTERRUPT && rc != SQLITE_NOMEM && !v->base.zErrMsg)
        v->base.zErrMsg = sqlite3_mprintf("%s", sqlite3_errmsg(v->db));
    return rc;
}

static int next(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    int rc = sqlite3_step(c->statement);
    c->row++;
    c->eof = rc != SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : said(c, rc);
}

static int filter(sqlite3_vtab_cursor *base, int idxnum, const char *idxstr, int argc,
                  sqlite3_value **argv) {
    (void)idxnum;
    (void)argc;
    struct cursor *c = (struct cursor *)base;
    sqlite3_value *param[NPARAMS] = {NULL};
    int arg = vtab_read_params(base->pVtab, idxstr, params, NPARAMS, argv, param);
    if (arg < 0)
        return -arg;
    sqlite3_finalize(c->statement);
    c->statement = NULL;
    c->row = 0;
    int rc = prepare(c, param);
    return rc == SQLITE_OK ? next(base) : said(c, rc);
}

static int eof(sqlite3_vtab_cursor *base) {
    return ((struct cursor *)base)->eof;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    *out = ((struct cursor *)base)->row;
    return SQLITE_OK;
}

/* Per second of the stretch from the first to the last; NULL when that is a moment. */
static void result_rate(sqlite3_context *ctx, sqlite3_stmt *s, int result, double times) {
    sqlite3_int64 ms = sqlite3_column_int64(s, RESULT_LAST) - sqlite3_column_int64(s, RESULT_FIRST);
    if (ms > 0)
        sqlite3_result_int64(
            ctx, (sqlite3_int64)(times * 1000 * sqlite3_column_double(s, result) / (double)ms));
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i) {
    struct cursor *c = (struct cursor *)base;
    sqlite3_stmt *s = c->statement;
    int time = i == COLUMN_FIRST ? RESULT_FIRST : RESULT_LAST;
    switch (i) {
    case COLUMN_ELEMENT:
    case COLUMN_FLOWS:
    case COLUMN_PACKETS:
    case COLUMN_BYTES:
        sqlite3_result_value(ctx, sqlite3_column_value(s, i - COLUMN_ELEMENT));
        break;
    case COLUMN_PPS:
        result_rate(ctx, s, RESULT_PACKETS, 1);
        break;
    case COLUMN_BPS:
        result_rate(ctx, s, RESULT_BYTES, 8);
        break;
    case COLUMN_BPP:
        if (sqlite3_column_int64(s, RESULT_PACKETS) > 0)
            sqlite3_result_int64(ctx, sqlite3_column_int64(s, RESULT_BYTES) /
                                          sqlite3_column_int64(s, RESULT_PACKETS));
        break;
    case COLUMN_FIRST:
    case COLUMN_LAST:
        if (sqlite3_column_type(s, time) != SQLITE_NULL)
            result_time(ctx, sqlite3_column_int64(s, time));
        break;
    case COLUMN_TOTAL_FLOWS:
    case COLUMN_TOTAL_PACKETS:
    case COLUMN_TOTAL_BYTES:
        sqlite3_result_value(ctx, sqlite3_column_value(s, i - COLUMN_TOTAL_FLOWS + RESULT_TOTALS));
        break;
    default: /* a parameter */
        break;
    }
    return SQLITE_OK;
}

const sqlite3_module stat_module = {
    .iVersion = 0,
    .xCreate = connect_stat, /* the same function: eponymous, and for CREATE */
    .xConnect = connect_stat,
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
