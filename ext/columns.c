/* SPDX-License-Identifier: MIT */
/*
** Column lists. Nothing here names a field that the catalogue could say something about, except
** where a column is computed from certain fields.
*/
#include "columns.h"

#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT3

static void add(struct sql_table *t, const char *name, const char *type, bool hidden,
                enum column_kind kind, int id) {
    t->column[t->n++] = (struct sql_column){name, type, hidden, kind, id, {id, id}};
}

static void add_params(struct sql_table *t, int n) {
    static const struct {
        const char *name, *type;
    } params[PARAM_COUNT] = {{"since", ""},          {"until", ""},         {"filter", "TEXT"},
                             {"store", "TEXT"},      {"bucket", "INTEGER"}, {"mask4", "INTEGER"},
                             {"mask6", "INTEGER"},   {"endnet", "TEXT"},    {"peernet", "TEXT"},
                             {"billing", "INTEGER"}, {"count_of", "TEXT"}};
    for (int i = 0; i < PARAM_COUNT; i++)
        if (i < n || (i == PARAM_count_of && t->kind != TABLE_FLOWS))
            add(t, params[i].name, params[i].type, true, COLUMN_PARAM, i);
}

static const char *field_type(int f) {
    return flow_fields[f].class == FLOW_UINT ? "INTEGER" : "TEXT";
}

/* The application's name once more, where SQLite tells whether it is named (columns.h). */
static void add_app(struct sql_table *t) {
    add(t, "app", "TEXT", true, COLUMN_VALUE, FLOW_appname);
}

static void init_flows(struct sql_table *t) {
    add_params(t, PARAM_store + 1);
    add_app(t);
    /* Here for the same reason. */
    add(t, "tstart_ms", "INTEGER", true, COLUMN_MS, FLOW_tstart);
    add(t, "tend_ms", "INTEGER", true, COLUMN_MS, FLOW_tend);
    add(t, "trecv_ms", "INTEGER", true, COLUMN_MS, FLOW_trecv);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        add(t, flow_fields[f].name, field_type(f), false, COLUMN_VALUE, f);
        if (f == FLOW_tend)
            add(t, "duration", "REAL", false, COLUMN_COMPUTED, COMPUTED_duration);
    }
    add(t, "raw_packets", "INTEGER", true, COLUMN_VALUE, SCAN_raw_packets);
    add(t, "raw_bytes", "INTEGER", true, COLUMN_VALUE, SCAN_raw_bytes);
    add(t, "raw_outpackets", "INTEGER", true, COLUMN_VALUE, SCAN_raw_outpackets);
    add(t, "raw_outbytes", "INTEGER", true, COLUMN_VALUE, SCAN_raw_outbytes);
    add(t, "raw_sampling", "INTEGER", true, COLUMN_VALUE, SCAN_raw_sampling);
    add(t, "pps", "REAL", true, COLUMN_COMPUTED, COMPUTED_pps);
    add(t, "bps", "REAL", true, COLUMN_COMPUTED, COMPUTED_bps);
    add(t, "bpp", "REAL", true, COLUMN_COMPUTED, COMPUTED_bpp);
    add(t, "dscp", "INTEGER", true, COLUMN_COMPUTED, COMPUTED_dscp);
    add(t, "srcnet", "TEXT", true, COLUMN_COMPUTED, COMPUTED_srcnet);
    add(t, "dstnet", "TEXT", true, COLUMN_COMPUTED, COMPUTED_dstnet);
}

/* Times, counters and numbers that differ from flow to flow are no dimensions of totals. */
static bool is_dimension(int f) {
    enum flow_role role = flow_fields[f].role;
    return (role == FLOW_DIM || role == FLOW_META) && flow_fields[f].class != FLOW_TIME &&
           f != FLOW_exportseq && f != FLOW_flowid;
}

static const struct {
    const char *name;
    enum measure measure;
} totals[] = {{"total_flows", MEASURE_flows},
              {"total_packets", MEASURE_packets},
              {"total_bytes", MEASURE_bytes}};
enum { TOTALS = sizeof totals / sizeof totals[0] };

static void add_measures(struct sql_table *t, const int *measures, const char *const *names,
                         int n) {
    for (int i = 0; i < n; i++)
        add(t, names[i], "INTEGER", false, COLUMN_MEASURE, measures[i]);
    for (int i = 0; i < TOTALS; i++)
        add(t, totals[i].name, "INTEGER", true, COLUMN_TOTAL, totals[i].measure);
    add(t, "first", "TEXT", false, COLUMN_MEASURE, MEASURE_first);
    add(t, "last", "TEXT", false, COLUMN_MEASURE, MEASURE_last);
    add(t, "first_ms", "INTEGER", true, COLUMN_MEASURE, MEASURE_first_ms);
    add(t, "last_ms", "INTEGER", true, COLUMN_MEASURE, MEASURE_last_ms);
    add(t, "counted", "INTEGER", true, COLUMN_MEASURE, MEASURE_counted);
}

static void add_time(struct sql_table *t) {
    add(t, "time", "TEXT", false, COLUMN_BUCKET, 0);
    add(t, "time_ms", "INTEGER", true, COLUMN_BUCKET_MS, 0);
}

/* Before the dimensions, so that they are among the columns of which SQLite tells whether they are named. */
static void add_label(struct sql_table *t, const char *name, enum label label, int sender,
                      int receiver) {
    add(t, name, label == LABEL_LOWPORT ? "INTEGER" : "TEXT", true, COLUMN_LABEL, label);
    t->column[t->n - 1].side[0] = sender;
    t->column[t->n - 1].side[1] = receiver;
}

static void init_traffic(struct sql_table *t) {
    static const int measures[] = {MEASURE_flows, MEASURE_packets, MEASURE_bytes,
                                   MEASURE_outpackets, MEASURE_outbytes};
    static const char *const names[] = {"flows", "packets", "bytes", "outpackets", "outbytes"};
    add_params(t, PARAM_mask6 + 1);
    add_time(t);
    add_measures(t, measures, names, 5);
    add_label(t, "srczone", LABEL_ZONE, FLOW_srcip, FLOW_srcip);
    add_label(t, "dstzone", LABEL_ZONE, FLOW_dstip, FLOW_dstip);
    add_label(t, "application", LABEL_APPLICATION, FLOW_proto, FLOW_proto);
    add_label(t, "lowport", LABEL_LOWPORT, FLOW_srcport, FLOW_srcport);
    add_label(t, "srcnet", LABEL_NET, FLOW_srcip, FLOW_srcip);
    add_label(t, "dstnet", LABEL_NET, FLOW_dstip, FLOW_dstip);
    add_app(t);
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (is_dimension(f))
            add(t, flow_fields[f].name, field_type(f), false, COLUMN_VALUE, f);
}

/* Fields that belong to one end of the flow, and what the end sees them as. */
static const struct {
    const char *own, *peer;
    int src, dst;
} ends[] = {
    {"ip", "peerip", FLOW_srcip, FLOW_dstip},
    {"port", "peerport", FLOW_srcport, FLOW_dstport},
    {"asn", "peerasn", FLOW_srcas, FLOW_dstas},
    {"mask", "peermask", FLOW_srcmask, FLOW_dstmask},
    {"vlan", "peervlan", FLOW_srcvlan, FLOW_dstvlan},
    {"natip", "peernatip", FLOW_natsrcip, FLOW_natdstip},
    {"natport", "peernatport", FLOW_natsrcport, FLOW_natdstport},
    {"mac", "peermac", FLOW_insrcmac, FLOW_indstmac},
};
enum { ENDS = sizeof ends / sizeof ends[0] };

static bool is_end(int f) {
    for (int i = 0; i < ENDS; i++)
        if (ends[i].src == f || ends[i].dst == f)
            return true;
    return false;
}

static void add_end(struct sql_table *t, const char *name, int sender, int receiver) {
    add(t, name, field_type(sender), false, COLUMN_VALUE, sender);
    t->column[t->n - 1].side[1] = receiver;
}

static void init_endpoints(struct sql_table *t) {
    static const int measures[] = {MEASURE_flows,     MEASURE_packets,     MEASURE_bytes,
                                   MEASURE_flows_out, MEASURE_packets_out, MEASURE_bytes_out,
                                   MEASURE_flows_in,  MEASURE_packets_in,  MEASURE_bytes_in};
    static const char *const names[] = {"flows",     "packets",     "bytes",
                                        "flows_out", "packets_out", "bytes_out",
                                        "flows_in",  "packets_in",  "bytes_in"};
    add_params(t, PARAM_billing + 1);
    add_time(t);
    add_measures(t, measures, names, 9);
    add_label(t, "zone", LABEL_ZONE, FLOW_srcip, FLOW_dstip);
    add_label(t, "peerzone", LABEL_ZONE, FLOW_dstip, FLOW_srcip);
    add_label(t, "application", LABEL_APPLICATION, FLOW_proto, FLOW_proto);
    add_label(t, "lowport", LABEL_LOWPORT, FLOW_srcport, FLOW_srcport);
    add_app(t);
    for (int i = 0; i < ENDS; i++) {
        add_end(t, ends[i].own, ends[i].src, ends[i].dst);
        add_end(t, ends[i].peer, ends[i].dst, ends[i].src);
    }
    add_end(t, "ifindex", FLOW_inif, FLOW_outif);
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (is_dimension(f) && !is_end(f))
            add(t, flow_fields[f].name, field_type(f), false, COLUMN_VALUE, f);
}

void sql_table_init(struct sql_table *t, enum table_kind kind) {
    memset(t, 0, sizeof *t);
    t->kind = kind;
    switch (kind) {
    case TABLE_FLOWS:
        init_flows(t);
        break;
    case TABLE_TRAFFIC:
        init_traffic(t);
        break;
    case TABLE_ENDPOINTS:
        init_endpoints(t);
        break;
    }
}

char *sql_table_declaration(const struct sql_table *t) {
    sqlite3_str *s = sqlite3_str_new(NULL);
    sqlite3_str_appendall(s, "CREATE TABLE x(");
    for (int i = 0; i < t->n; i++)
        sqlite3_str_appendf(s, "%s\"%w\" %s%s", i ? ", " : "", t->column[i].name, t->column[i].type,
                            t->column[i].hidden ? " HIDDEN" : "");
    sqlite3_str_appendall(s, ")");
    return sqlite3_str_finish(s);
}

int sql_table_find(const struct sql_table *t, const char *name, size_t n) {
    for (int i = 0; i < t->n; i++)
        if (strncmp(t->column[i].name, name, n) == 0 && t->column[i].name[n] == '\0')
            return i;
    return -1;
}

enum flow_class sql_column_class(const struct sql_column *c) {
    return c->kind == COLUMN_VALUE ? flow_fields[scan_field(c->id)].class
           : c->kind == COLUMN_LABEL && c->id != LABEL_LOWPORT ? FLOW_TEXT
                                                               : FLOW_UINT;
}

bool sql_column_is_net(const struct sql_column *c) {
    return c->kind == COLUMN_COMPUTED && !computed_is_number((enum computed)c->id);
}

bool sql_column_is_text(const struct sql_column *c) {
    return sql_column_class(c) != FLOW_UINT || sql_column_is_net(c);
}

int sql_column_measure(const struct sql_table *t, const struct sql_column *c) {
    static const int counters[] = {[MEASURE_flows] = FLOW_flows,
                                   [MEASURE_packets] = FLOW_packets,
                                   [MEASURE_bytes] = FLOW_bytes,
                                   [MEASURE_outpackets] = FLOW_outpackets,
                                   [MEASURE_outbytes] = FLOW_outbytes};
    if (t->kind != TABLE_FLOWS)
        return c->kind == COLUMN_MEASURE ? c->id : -1;
    for (int m = 0; c->kind == COLUMN_VALUE && m < (int)(sizeof counters / sizeof *counters); m++)
        if (counters[m] == c->id)
            return m;
    return -1;
}

bool sql_column_is_key(const struct sql_table *t, const struct sql_column *c) {
    if (t->kind == TABLE_FLOWS)
        return c->kind == COLUMN_VALUE && c->id < FLOW_NFIELDS && is_dimension(c->id);
    return c->kind == COLUMN_VALUE || c->kind == COLUMN_LABEL || c->kind == COLUMN_BUCKET ||
           c->kind == COLUMN_BUCKET_MS;
}

void sql_column_needs(const struct sql_column *c, bool used[SCAN_NCOLUMNS]) {
    if (c->kind == COLUMN_VALUE || c->kind == COLUMN_MS)
        used[c->id] = true;
    int column[COMPUTED_COLUMNS];
    int n = c->kind == COLUMN_COMPUTED ? computed_columns((enum computed)c->id, column) : 0;
    for (int i = 0; i < n; i++)
        used[column[i]] = true;
}
