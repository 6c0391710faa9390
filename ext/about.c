/* SPDX-License-Identifier: MIT */
/*
** Virtual tables about the store: flow_files, flow_exporters, flow_sockets, flow_interfaces, flow_options. All are read
** from the files' footers and never touch a chunk, but for flow_files.damaged_blocks: naming it
** (or *) reads and checks the whole file.
**
**   SELECT path, state, flows, packets, bytes, size FROM flow_files ORDER BY path;
**   SELECT sum(damaged_blocks) FROM flow_files WHERE since = '-1 day';
**   SELECT exporter, sum(flows), sum(lost), sum(no_template) FROM flow_exporters GROUP BY exporter;
**   SELECT address, port, sum(datagrams), sum(drops + ring_drops) FROM flow_sockets GROUP BY 1, 2;
**   SELECT * FROM flow_interfaces;
**   SELECT exporter, time, data FROM flow_options WHERE data LIKE '%notSentFlowTotalCount%';
**
** Parameters since, until and store as in flows; a file belongs to the window when its interval
** (begin, and length in seconds) overlaps it.
*/
#include <stdlib.h>
#include <time.h>

#include "../schema/sysid.h"
#include "interrupt.h"
#include "query.h"
#include "vtab.h"

SQLITE_EXTENSION_INIT3

enum { PARAM_SINCE, PARAM_UNTIL, PARAM_STORE, FIRST_COLUMN };

static const char *const params[FIRST_COLUMN] = {"since", "until", "store"};

static const char *const declarations[] = {
    [ABOUT_FILES] =
        "CREATE TABLE x(since HIDDEN, until HIDDEN, store TEXT HIDDEN, path TEXT, state TEXT,"
        " \"begin\" TEXT, length INTEGER, first TEXT, last TEXT, rows INTEGER,"
        " flows INTEGER, packets INTEGER, bytes INTEGER,"
        " flows_tcp INTEGER, packets_tcp INTEGER, bytes_tcp INTEGER,"
        " flows_udp INTEGER, packets_udp INTEGER, bytes_udp INTEGER,"
        " flows_icmp INTEGER, packets_icmp INTEGER, bytes_icmp INTEGER,"
        " flows_other INTEGER, packets_other INTEGER, bytes_other INTEGER,"
        " size INTEGER, groups INTEGER, blocks INTEGER, damaged_blocks INTEGER,"
        " rollups TEXT, recv_first TEXT, recv_last TEXT)",
    [ABOUT_EXPORTERS] =
        "CREATE TABLE x(since HIDDEN, until HIDDEN, store TEXT HIDDEN, path TEXT, \"begin\" TEXT,"
        " exporter TEXT, odid INTEGER, version TEXT, datagrams INTEGER, flows INTEGER,"
        " packets INTEGER, bytes INTEGER, options INTEGER, lost INTEGER, no_template INTEGER,"
        " malformed INTEGER, malformed_short INTEGER, malformed_version INTEGER,"
        " malformed_set INTEGER, malformed_template INTEGER, malformed_record INTEGER,"
        " no_template_octets INTEGER, malformed_octets INTEGER, malformed_short_octets INTEGER,"
        " malformed_version_octets INTEGER, malformed_set_octets INTEGER,"
        " malformed_template_octets INTEGER, malformed_record_octets INTEGER,"
        " sampling INTEGER, sampling_origin TEXT, sampling_rounded INTEGER, sysid INTEGER)",
    [ABOUT_SOCKETS] =
        "CREATE TABLE x(since HIDDEN, until HIDDEN, store TEXT HIDDEN, path TEXT, \"begin\" TEXT,"
        " address TEXT, port INTEGER, protocol TEXT, datagrams INTEGER, octets INTEGER,"
        " drops INTEGER, ring_drops INTEGER, buffer INTEGER)",
    [ABOUT_INTERFACES] =
        ("CREATE TABLE x(since HIDDEN, until HIDDEN, store TEXT HIDDEN, path TEXT, \"begin\" TEXT,"
         " exporter TEXT, ifindex INTEGER, name TEXT, description TEXT)"),
    [ABOUT_OPTIONS] =
        ("CREATE TABLE x(since HIDDEN, until HIDDEN, store TEXT HIDDEN, path TEXT, \"begin\" TEXT,"
         " exporter TEXT, odid INTEGER, version TEXT, time TEXT, template INTEGER, scope TEXT,"
         " data TEXT)"),
};

enum file_column {
    FILE_PATH = FIRST_COLUMN,
    FILE_STATE,
    FILE_BEGIN,
    FILE_LENGTH,
    FILE_FIRST,
    FILE_LAST,
    FILE_ROWS,
    FILE_FLOWS,
    FILE_PACKETS,
    FILE_BYTES,
    FILE_BY_PROTO, /* flows, packets, bytes of each protocol class */
    FILE_SIZE = FILE_BY_PROTO + 3 * FVT_NPROTO,
    FILE_GROUPS,
    FILE_BLOCKS,
    FILE_DAMAGED,
    FILE_ROLLUPS,
    FILE_RECV_FIRST,
    FILE_RECV_LAST,
};

enum exporter_column {
    EXPORTER_EXPORTER = FIRST_COLUMN + 2,
    EXPORTER_ODID,
    EXPORTER_VERSION,
    EXPORTER_DATAGRAMS,
    EXPORTER_FLOWS,
    EXPORTER_PACKETS,
    EXPORTER_BYTES,
    EXPORTER_OPTIONS,
    EXPORTER_LOST,
    EXPORTER_NO_TEMPLATE,
    EXPORTER_MALFORMED,
    EXPORTER_MALFORMED_BY,
    EXPORTER_NO_TEMPLATE_OCTETS = EXPORTER_MALFORMED_BY + FVT_NBAD,
    EXPORTER_MALFORMED_OCTETS,
    EXPORTER_MALFORMED_OCTETS_BY,
    EXPORTER_SAMPLING = EXPORTER_MALFORMED_OCTETS_BY + FVT_NBAD,
    EXPORTER_SAMPLING_ORIGIN,
    EXPORTER_SAMPLING_ROUNDED,
    EXPORTER_SYSID,
};

enum socket_column {
    SOCKET_ADDRESS = FIRST_COLUMN + 2,
    SOCKET_PORT,
    SOCKET_PROTOCOL,
    SOCKET_DATAGRAMS,
    SOCKET_OCTETS,
    SOCKET_DROPS,
    SOCKET_RING_DROPS,
    SOCKET_BUFFER,
};

enum interface_column {
    INTERFACE_EXPORTER = FIRST_COLUMN + 2,
    INTERFACE_IFINDEX,
    INTERFACE_NAME,
    INTERFACE_DESCRIPTION,
};

enum option_column {
    OPTION_EXPORTER = FIRST_COLUMN + 2,
    OPTION_ODID,
    OPTION_VERSION,
    OPTION_TIME,
    OPTION_TEMPLATE,
    OPTION_SCOPE,
    OPTION_DATA,
};

struct about {
    struct vtab vtab; /* base class */
    enum about_kind kind;
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct snapshot *snapshot;
    struct window window;
    size_t file;
    struct fvt_file *open; /* NULL: the path is no flow file; flow_files shows it all the same */
    struct sysids sysids;  /* of the snapshot's store, for flow_exporters */
    uint32_t item;         /* exporter, socket, interface or option of the file */
    bool eof;
};

/* aux: struct vtab_module with an enum about_kind */
static int connect_about(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **message) {
    const struct vtab_module *module = aux;
    struct vtab *v;
    int rc = vtab_connect(sizeof(struct about), declarations[module->kind], db, module, argc, argv,
                          &v, message);
    if (rc != SQLITE_OK)
        return rc;
    ((struct about *)v)->kind = (enum about_kind)module->kind;
    *out = &v->base;
    return SQLITE_OK;
}

static int best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
    info->estimatedCost = 1e4;
    info->estimatedRows = 1000;
    return vtab_take_params(vtab, info, params, FIRST_COLUMN);
}

static int open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    (void)vtab;
    return vtab_open(sizeof(struct cursor), out);
}

static int close_cursor(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    snapshot_free(c->snapshot);
    sysids_free(&c->sysids);
    free(c);
    return SQLITE_OK;
}

static enum about_kind kind_of(const struct cursor *c) {
    return ((const struct about *)c->base.pVtab)->kind;
}

static uint32_t items(const struct cursor *c) {
    switch (kind_of(c)) {
    case ABOUT_EXPORTERS:
        return c->open ? c->open->nexporters : 0;
    case ABOUT_SOCKETS:
        return c->open ? c->open->nsockets : 0;
    case ABOUT_INTERFACES:
        return c->open ? c->open->ninterfaces : 0;
    case ABOUT_OPTIONS:
        return c->open ? c->open->noptions : 0;
    default:
        return 1;
    }
}

/* The first file from c->file on that has an item. */
static int find_file(struct cursor *c, struct interrupt *interrupt) {
    struct about *a = (struct about *)c->base.pVtab;
    for (c->item = 0; c->file < c->snapshot->n; c->file++) {
        struct fvt_error err = {{0}};
        if (interrupt_poll(interrupt))
            return SQLITE_INTERRUPT;
        int rc = snapshot_open(c->snapshot, c->file, &c->open, &err);
        /* what is no flow file, or one of a later version, is shown as unreadable */
        if (rc != FVT_OK && rc != FVT_UNKNOWN && rc != FVT_FOREIGN)
            return vtab_error(&a->vtab, rc, err.text);
        if (!c->open && !snapshot_exists(c->snapshot, c->file))
            continue;
        bool inside = !c->open || (c->open->start < c->window.until &&
                                   c->open->start + c->open->length > c->window.since);
        if (inside && items(c) > 0)
            return SQLITE_OK;
        snapshot_release(c->snapshot, c->file);
    }
    c->eof = true;
    return SQLITE_OK;
}

static int settle(struct cursor *c) {
    struct interrupt interrupt;
    interrupt_begin(&interrupt, ((struct about *)c->base.pVtab)->vtab.db);
    int rc = find_file(c, &interrupt);
    interrupt_end(&interrupt);
    return rc;
}

static int read_sysids(struct cursor *c) {
    sysids_free(&c->sysids);
    bool wanted = kind_of(c) == ABOUT_EXPORTERS;
    return !wanted || sysids_read(c->snapshot->store, &c->sysids) == FVT_OK ? SQLITE_OK
                                                                            : SQLITE_NOMEM;
}

static int filter(sqlite3_vtab_cursor *base, int idxnum, const char *idxstr, int argc,
                  sqlite3_value **argv) {
    (void)idxnum;
    (void)argc;
    struct cursor *c = (struct cursor *)base;
    struct about *a = (struct about *)base->pVtab;
    sqlite3_value *param[FIRST_COLUMN] = {NULL};
    int args = vtab_read_params(base->pVtab, idxstr, params, FIRST_COLUMN, argv, param);
    if (args < 0)
        return -args;
    char *message = NULL;
    int rc = query_read_window(param[PARAM_SINCE], param[PARAM_UNTIL], (int64_t)time(NULL) * 1000,
                               &c->window, &message);
    vtab_say(base->pVtab, message);
    if (rc != SQLITE_OK)
        return rc;
    const char *store =
        param[PARAM_STORE] ? (const char *)sqlite3_value_text(param[PARAM_STORE]) : NULL;
    const struct fvt_choice choice = {
        .by = FVT_BY_INTERVAL, .since = c->window.since, .until = c->window.until};
    rc = vtab_snapshot(&a->vtab, store, &choice, &c->snapshot);
    c->file = 0;
    c->eof = false;
    if (rc == SQLITE_OK)
        rc = read_sysids(c);
    return rc == SQLITE_OK ? settle(c) : rc;
}

static int next(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    if (++c->item < items(c))
        return SQLITE_OK;
    snapshot_release(c->snapshot, c->file++);
    return settle(c);
}

static int eof(sqlite3_vtab_cursor *base) {
    return ((struct cursor *)base)->eof;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    struct cursor *c = (struct cursor *)base;
    *out = (sqlite3_int64)((uint64_t)c->file << 32 | c->item);
    return SQLITE_OK;
}

static void show_text(sqlite3_context *ctx, const char *text) {
    if (*text)
        result_text(ctx, text, strlen(text));
}

/* A probe's own files have no exporter. */
static void show_ip(sqlite3_context *ctx, const struct flow_ip *ip) {
    if (ip->family)
        result_ip(ctx, ip);
}

static void show_total(sqlite3_context *ctx, const uint64_t of[FVT_NPROTO]) {
    uint64_t sum = 0;
    for (int p = 0; p < FVT_NPROTO; p++)
        sum = sum > UINT64_MAX - of[p] ? UINT64_MAX : sum + of[p];
    result_count(ctx, sum);
}

/* "hour:proto,exporter hour:srcip,exporter day:srcip,exporter"; NULL when there are none. */
static void show_rollups(sqlite3_context *ctx, const struct fvt_file *f) {
    sqlite3_str *out = sqlite3_str_new(NULL);
    for (uint32_t i = 0; i < f->nrollups; i++) {
        const struct fvt_rollup *r = &f->rollups[i];
        sqlite3_str_appendf(out, "%s%s:", i ? " " : "", r->seconds == 3600 ? "hour" : "day");
        for (uint32_t c = 0; c < r->ncolumns; c++)
            sqlite3_str_appendf(out, "%s%s", c ? "," : "", flow_fields[r->column[c]].name);
    }
    int rc = sqlite3_str_errcode(out);
    char *text = sqlite3_str_finish(out);
    if (rc != SQLITE_OK)
        sqlite3_result_error_nomem(ctx);
    else if (text)
        sqlite3_result_text(ctx, text, -1, sqlite3_free);
}

/* When its flows were received, by the directories of its groups. */
static void show_received(sqlite3_context *ctx, const struct fvt_file *f, bool last) {
    int64_t bound = last ? INT64_MIN : INT64_MAX;
    bool any = false;
    for (uint32_t i = 0; i < f->ngroups; i++) {
        const struct fvt_group *g = &f->groups[i];
        int at = g->damaged ? -1 : g->chunk_of[FLOW_trecv];
        if (at < 0 || g->chunks[at].nulls >= g->rows)
            continue;
        int64_t t = last ? g->chunks[at].max : g->chunks[at].min;
        bound = any && (last ? t < bound : t > bound) ? bound : t;
        any = true;
    }
    if (any)
        result_time(ctx, bound);
}

static void show_file(sqlite3_context *ctx, struct fvt_file *f, int i) {
    static const char *const states[] = {[FVT_LIVE] = "live", [FVT_CLOSED] = "closed"};
    const struct fvt_totals *t = &f->totals;
    switch (i) {
    case FILE_STATE:
        show_text(ctx, f->nreplaced ? "day" : states[f->state]);
        break;
    case FILE_BEGIN:
        result_time(ctx, f->start);
        break;
    case FILE_LENGTH:
        sqlite3_result_int64(ctx, f->length / 1000);
        break;
    case FILE_FIRST:
        if (t->first != INT64_MAX)
            result_time(ctx, t->first);
        break;
    case FILE_LAST:
        if (t->last != INT64_MIN)
            result_time(ctx, t->last);
        break;
    case FILE_ROWS:
        result_count(ctx, f->rows);
        break;
    case FILE_FLOWS:
        show_total(ctx, t->flows);
        break;
    case FILE_PACKETS:
        show_total(ctx, t->packets);
        break;
    case FILE_BYTES:
        show_total(ctx, t->bytes);
        break;
    case FILE_SIZE:
        result_count(ctx, f->size);
        break;
    case FILE_GROUPS:
        result_count(ctx, f->ngroups);
        break;
    case FILE_BLOCKS:
        result_count(ctx, f->blocks);
        break;
    case FILE_DAMAGED:
        result_count(ctx, fvt_verify(f));
        break;
    case FILE_ROLLUPS:
        show_rollups(ctx, f);
        break;
    case FILE_RECV_FIRST:
    case FILE_RECV_LAST:
        show_received(ctx, f, i == FILE_RECV_LAST);
        break;
    default:
        if (i >= FILE_BY_PROTO && i < FILE_SIZE) {
            const uint64_t *const of[] = {t->flows, t->packets, t->bytes};
            result_count(ctx, of[(i - FILE_BY_PROTO) % 3][(i - FILE_BY_PROTO) / 3]);
        }
        break;
    }
}

static uint64_t sum_of(const uint64_t by_cause[FVT_NBAD]) {
    uint64_t sum = 0;
    for (int k = 0; k < FVT_NBAD; k++)
        sum += by_cause[k];
    return sum;
}

static void show_exporter(sqlite3_context *ctx, const struct fvt_exporter *e,
                          const struct sysids *sysids, int i) {
    const uint64_t counters[] = {e->datagrams, e->flows, e->packets, e->bytes, e->options};
    if (i == EXPORTER_EXPORTER)
        show_ip(ctx, &e->exporter);
    else if (i == EXPORTER_ODID)
        sqlite3_result_int64(ctx, e->odid);
    else if (i == EXPORTER_VERSION)
        show_text(ctx, e->version);
    else if (i >= EXPORTER_DATAGRAMS && i <= EXPORTER_OPTIONS)
        result_count(ctx, counters[i - EXPORTER_DATAGRAMS]);
    else if (i == EXPORTER_LOST)
        sqlite3_result_int64(ctx, e->lost);
    else if (i == EXPORTER_NO_TEMPLATE)
        result_count(ctx, e->no_template);
    else if (i == EXPORTER_MALFORMED)
        result_count(ctx, sum_of(e->malformed));
    else if (i >= EXPORTER_MALFORMED_BY && i < EXPORTER_NO_TEMPLATE_OCTETS)
        result_count(ctx, e->malformed[i - EXPORTER_MALFORMED_BY]);
    else if (i == EXPORTER_NO_TEMPLATE_OCTETS)
        result_count(ctx, e->no_template_octets);
    else if (i == EXPORTER_MALFORMED_OCTETS)
        result_count(ctx, sum_of(e->malformed_octets));
    else if (i >= EXPORTER_MALFORMED_OCTETS_BY && i < EXPORTER_SAMPLING)
        result_count(ctx, e->malformed_octets[i - EXPORTER_MALFORMED_OCTETS_BY]);
    else if (i == EXPORTER_SAMPLING && e->sampling)
        result_count(ctx, e->sampling);
    else if (i == EXPORTER_SAMPLING_ORIGIN && e->sampling_origin &&
             e->sampling_origin < FVT_NSAMPLING)
        show_text(ctx, fvt_sampling_names[e->sampling_origin]);
    else if (i == EXPORTER_SAMPLING_ROUNDED)
        result_count(ctx, e->sampling_rounded);
    else if (i == EXPORTER_SYSID && sysids_find(sysids, e))
        sqlite3_result_int64(ctx, sysids_find(sysids, e));
}

/* A socket without an address listens on all; what a probe captured came through none. */
static void show_socket(sqlite3_context *ctx, const struct fvt_socket *s, int i) {
    enum { TCP = 6, UDP = 17 };
    const uint64_t counters[] = {s->datagrams, s->octets, s->drops, s->ring_drops, s->buffer};
    if (i == SOCKET_ADDRESS)
        show_ip(ctx, &s->address);
    else if (i == SOCKET_PORT && s->port)
        sqlite3_result_int64(ctx, s->port);
    else if (i == SOCKET_PROTOCOL)
        show_text(ctx, s->protocol == UDP ? "udp" : s->protocol == TCP ? "tcp" : "capture");
    else if (i == SOCKET_BUFFER && s->buffer == 0)
        return; /* not known */
    else if (i >= SOCKET_DATAGRAMS && i <= SOCKET_BUFFER)
        result_count(ctx, counters[i - SOCKET_DATAGRAMS]);
}

static void show_interface(sqlite3_context *ctx, const struct fvt_interface *n, int i) {
    if (i == INTERFACE_EXPORTER)
        show_ip(ctx, &n->exporter);
    else if (i == INTERFACE_IFINDEX)
        sqlite3_result_int64(ctx, n->ifindex);
    else if (i == INTERFACE_NAME)
        show_text(ctx, n->name);
    else if (i == INTERFACE_DESCRIPTION)
        show_text(ctx, n->description);
}

static void show_option(sqlite3_context *ctx, const struct fvt_option *o, int i) {
    if (i == OPTION_EXPORTER)
        show_ip(ctx, &o->exporter);
    else if (i == OPTION_ODID)
        sqlite3_result_int64(ctx, o->odid);
    else if (i == OPTION_VERSION)
        show_text(ctx, o->version);
    else if (i == OPTION_TIME)
        result_time(ctx, o->time);
    else if (i == OPTION_TEMPLATE)
        sqlite3_result_int64(ctx, o->template);
    else if (i == OPTION_SCOPE && o->nscope)
        result_text(ctx, o->scope, o->nscope);
    else if (i == OPTION_DATA)
        result_text(ctx, o->data, o->ndata);
}

/* A path under the store that cannot be read as a flow file at all. */
static void show_unreadable(sqlite3_context *ctx, int i) {
    if (i == FILE_STATE)
        result_text(ctx, "unreadable", strlen("unreadable"));
    else if (i == FILE_DAMAGED)
        sqlite3_result_int64(ctx, 1);
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i) {
    struct cursor *c = (struct cursor *)base;
    enum about_kind kind = kind_of(c);
    if (i == FILE_PATH)
        show_text(ctx, c->snapshot->paths[c->file]);
    else if (i < FILE_PATH)
        return SQLITE_OK; /* parameters */
    else if (!c->open)
        show_unreadable(ctx, i);
    else if (kind == ABOUT_FILES)
        show_file(ctx, c->open, i);
    else if (i == FIRST_COLUMN + 1)
        result_time(ctx, c->open->start);
    else if (kind == ABOUT_EXPORTERS)
        show_exporter(ctx, &c->open->exporters[c->item], &c->sysids, i);
    else if (kind == ABOUT_SOCKETS)
        show_socket(ctx, &c->open->sockets[c->item], i);
    else if (kind == ABOUT_OPTIONS)
        show_option(ctx, &c->open->options[c->item], i);
    else
        show_interface(ctx, &c->open->interfaces[c->item], i);
    return SQLITE_OK;
}

const sqlite3_module about_module = {
    .iVersion = 0,
    .xCreate = connect_about, /* the same function: eponymous, and for CREATE */
    .xConnect = connect_about,
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
