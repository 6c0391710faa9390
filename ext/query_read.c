/* SPDX-License-Identifier: MIT */
/*
** xFilter's end of the plan: words and arguments to a window and a predicate.
*/
#include "../schema/portion.h"
#include "billing.h"
#include "constraint.h"
#include "exporters.h"
#include "pattern.h"
#include "query.h"
#include "site_table.h"
#include "snapshot.h"
#include "vtab.h"

#include <stdlib.h>

SQLITE_EXTENSION_INIT3

struct reading {
    const struct sql_table *t;
    struct query *query;
    sqlite3_value *param[PARAM_COUNT];
    int64_t now_ms;
    struct window starts; /* of buckets: from since to until, both included */
    char **message;
};

static int fail(struct reading *r, char *message) {
    if (!message)
        return SQLITE_NOMEM;
    sqlite3_free(*r->message);
    *r->message = message;
    return SQLITE_ERROR;
}

/* Only buckets that start within the bounds are asked for. */
static void narrow_window(struct reading *r) {
    struct window *w = &r->query->window;
    int64_t bucket = r->query->bucket * 1000, since = r->starts.since, until = r->starts.until;
    if (since > until) { /* two that exclude each other */
        w->since = w->until = 0;
        return;
    }
    if (since > WINDOW_MS_MIN && since <= WINDOW_MS_MAX) {
        since = flow_bucket_of(since + bucket - 1, bucket);
        w->since = since > w->since ? since : w->since;
    }
    if (until >= WINDOW_MS_MIN && until < WINDOW_MS_MAX) {
        until = flow_bucket_of(until, bucket) + bucket;
        w->until = until < w->until ? until : w->until;
    }
}

/* Of a test of the address's text one of its zone's. */
static void ask_zone(struct predicate *p) {
    if (p && p->op == PREDICATE_TEXT)
        p->op = PREDICATE_ZONE;
    for (uint32_t i = 0; p && i < p->n; i++)
        ask_zone(p->child[i]);
}

/* Of labels this one is none of a single column, and so it is no test of the scan's. */
static int read_application(struct reading *r, const struct sql_column *c, const char *op, size_t n,
                            sqlite3_value *value) {
    struct query *q = r->query;
    struct predicate *p = constraint_test(c, c->side[0], op, n, value, r->message);
    if (p && !q->applications)
        q->applications = predicate_new(PREDICATE_AND, 0);
    if (p && q->applications)
        return predicate_adopt(q->applications, p) ? SQLITE_OK : SQLITE_NOMEM;
    predicate_free(p);
    return *r->message ? SQLITE_ERROR : SQLITE_NOMEM;
}

/* measure >= value or measure > value */
static int read_least(struct reading *r, const struct sql_column *c, const char *op, size_t n,
                      sqlite3_value *value) {
    struct predicate *p = constraint_test(c, 0, op, n, value, r->message);
    if (!p)
        return *r->message ? SQLITE_ERROR : SQLITE_NOMEM;
    uint64_t least = UINT64_MAX, *before = &r->query->least[c->id];
    if (p->values.nrange > 0)
        least = p->values.range[0].lo < 0 ? 0 : (uint64_t)p->values.range[0].lo;
    *before = *before > least ? *before : least;
    r->query->any_least = true;
    predicate_free(p);
    return SQLITE_OK;
}

static int read_test(struct reading *r, const char *word, size_t n, sqlite3_value *value) {
    size_t name = strcspn(word, "=<>![~");
    int i = name < n ? sql_table_find(r->t, word, name) : -1;
    if (i < 0)
        return SQLITE_ERROR;
    const struct sql_column *c = &r->t->column[i];
    if (c->kind == COLUMN_PARAM)
        return vtab_read_param(c->name, value, &r->param[c->id], r->message);
    if (c->kind == COLUMN_BUCKET || c->kind == COLUMN_BUCKET_MS)
        return constraint_starts(c, word + name, n - name, value, &r->starts.since,
                                 &r->starts.until, &r->query->times)
                   ? SQLITE_OK
                   : SQLITE_NOMEM;
    if (c->kind == COLUMN_MEASURE)
        return read_least(r, c, word + name, n - name, value);
    if (c->kind == COLUMN_LABEL && c->id == LABEL_APPLICATION)
        return read_application(r, c, word + name, n - name, value);
    for (int side = 0; side < 2 && r->query->side[side]; side++) {
        struct predicate *p =
            constraint_test(c, c->side[side], word + name, n - name, value, r->message);
        if (c->kind == COLUMN_LABEL)
            ask_zone(p);
        if (!p)
            return *r->message ? SQLITE_ERROR : SQLITE_NOMEM;
        if (!predicate_adopt(r->query->side[side], p))
            return SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

/* ---- parameters ------------------------------------------------------------------------- */

static struct window_value window_value_of(sqlite3_value *value) {
    struct window_value v = {.type = WINDOW_NULL};
    switch (value ? sqlite3_value_type(value) : SQLITE_NULL) {
    case SQLITE_INTEGER:
        v.type = WINDOW_INTEGER;
        v.integer = sqlite3_value_int64(value);
        break;
    case SQLITE_FLOAT:
        v.type = WINDOW_REAL;
        v.real = sqlite3_value_double(value);
        break;
    case SQLITE_NULL:
        break;
    default:
        v.type = WINDOW_TEXT;
        v.text = (const char *)sqlite3_value_text(value);
        v.n = (size_t)sqlite3_value_bytes(value);
        if (!v.text)
            v.type = WINDOW_NULL;
        break;
    }
    return v;
}

static bool given(const struct reading *r, enum param p) {
    return r->param[p] != NULL;
}

int query_read_window(sqlite3_value *since, sqlite3_value *until, int64_t now_ms,
                      struct window *out, char **message) {
    struct window_value from = window_value_of(since), to = window_value_of(until);
    char err[512];
    if (window_parse(&from, &to, now_ms, out, err, sizeof err) == 0)
        return SQLITE_OK;
    *message = sqlite3_mprintf("%s", err);
    return *message ? SQLITE_ERROR : SQLITE_NOMEM;
}

/* A text of n octets in the language of filters. NULL with a sentence in *message, or out of memory. */
static struct filter_node *parse(struct reading *r, const char *text, size_t n) {
    char err[512], *geodb = NULL, *site = NULL;
    int rc =
        r->t->db ? site_table_find(r->t->db, "settings", r->t->database, &site, NULL) : SQLITE_OK;
    if (rc == SQLITE_OK && site)
        rc = site_setting(r->t->db, site, "geodb", &geodb);
    sqlite3_free(site);
    if (rc != SQLITE_OK)
        return NULL;
    struct filter_node *node = filter_parse(text, n, r->now_ms, r->t->own, geodb, err, sizeof err);
    sqlite3_free(geodb);
    if (!node && r->t->own_mistake)
        fail(r, sqlite3_mprintf("%s; %s", err, r->t->own_mistake));
    else if (!node)
        fail(r, sqlite3_mprintf("%s", err));
    return node ? exporters_resolve(node,
                                    snapshot_store(r->query->store ? r->query->store : r->t->store))
                : NULL;
}

static int read_filter(struct reading *r) {
    if (!given(r, PARAM_filter))
        return SQLITE_OK;
    const char *text = (const char *)sqlite3_value_text(r->param[PARAM_filter]);
    struct filter_node *node =
        text ? parse(r, text, (size_t)sqlite3_value_bytes(r->param[PARAM_filter])) : NULL;
    if (!node)
        return *r->message ? SQLITE_ERROR : SQLITE_NOMEM;
    bool ok = true;
    for (int side = 0; side < 2 && r->query->side[side]; side++)
        ok = ok && predicate_adopt(r->query->side[side], predicate_from_filter(node));
    filter_free(node);
    return ok ? SQLITE_OK : SQLITE_NOMEM;
}

/* An integer parameter within bounds. */
static int read_integer(struct reading *r, enum param p, const char *name, int64_t lo, int64_t hi,
                        const char *meaning, int64_t *out) {
    if (!given(r, p))
        return SQLITE_OK;
    sqlite3_value *v = r->param[p];
    int64_t x = sqlite3_value_int64(v);
    if (sqlite3_value_numeric_type(v) != SQLITE_INTEGER || x < lo || x > hi)
        return fail(
            r, hi == 1
                   ? sqlite3_mprintf("%s = '%s': give %s", name, sqlite3_value_text(v), meaning)
                   : sqlite3_mprintf("%s = '%s': give %s, %lld to %lld", name,
                                     sqlite3_value_text(v), meaning, (long long)lo, (long long)hi));
    *out = x;
    return SQLITE_OK;
}

static uint64_t hash_params(const struct reading *r) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (int p = 0; p < PARAM_COUNT; p++) {
        const unsigned char *text =
            given(r, (enum param)p) ? sqlite3_value_text(r->param[p]) : NULL;
        for (; text && *text; text++)
            h = (h ^ *text) * UINT64_C(0x100000001b3);
        h = (h ^ 256) * UINT64_C(0x100000001b3);
    }
    return h;
}

/* endnet or peernet: the ends that lie in one of the networks. */
static int read_nets(struct reading *r, enum param param, const char *name) {
    if (!given(r, param))
        return SQLITE_OK;
    const struct sql_column *c = &r->t->column[sql_table_find(r->t, name, strlen(name))];
    for (int side = 0; side < 2 && r->query->side[side]; side++) {
        struct predicate *p =
            constraint_test(c, c->side[side], "~,", 2, r->param[param], r->message);
        if (!p && *r->message)
            return fail(r, sqlite3_mprintf("%s = '%s': " PATTERN_NETS, r->t->column[param].name,
                                           sqlite3_value_text(r->param[param])));
        if (!p || !predicate_adopt(r->query->side[side], p))
            return SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

/* billing: the ends that are billed by what the flow's exporter saw. */
static int read_billing(struct reading *r) {
    for (int side = 0; side < 2 && r->query->side[side]; side++) {
        char *text;
        int rc = billing_filter(r->t->db, r->t->database, side, &text, r->message);
        if (rc != SQLITE_OK || !text)
            return rc;
        struct filter_node *node = parse(r, text, strlen(text));
        bool ok = node && predicate_adopt(r->query->side[side], predicate_from_filter(node));
        sqlite3_free(text);
        filter_free(node);
        if (!ok)
            return *r->message ? SQLITE_ERROR : SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

/* The dimension whose values are counted: without it there is nothing to say in the column counted. */
static int read_count_of(struct reading *r) {
    struct query *q = r->query;
    int counted = sql_table_find(r->t, "counted", strlen("counted"));
    bool given_one = given(r, PARAM_count_of);
    if (counted < 0 || (!given_one && !(q->used >> counted & 1)))
        return SQLITE_OK;
    const char *name = given_one ? (const char *)sqlite3_value_text(r->param[PARAM_count_of]) : "";
    int i = name ? sql_table_find(r->t, name, strlen(name)) : -1;
    if (i < 0 || (r->t->column[i].kind != COLUMN_VALUE && r->t->column[i].kind != COLUMN_LABEL))
        return fail(r, sqlite3_mprintf("count_of = '%s': give the name of the column whose values "
                                       "counted is to count, as '%s'",
                                       name, r->t->kind == TABLE_ENDPOINTS ? "peerip" : "dstip"));
    q->count_of = i;
    return SQLITE_OK;
}

static int read_params(struct reading *r) {
    struct query *p = r->query;
    int64_t mask4 = 32, mask6 = 128, billing = 0;
    p->bucket = 300;
    int rc = query_read_window(r->param[PARAM_since], r->param[PARAM_until], r->now_ms, &p->window,
                               r->message);
    if (rc == SQLITE_OK && given(r, PARAM_store)) {
        p->store = sqlite3_mprintf("%s", sqlite3_value_text(r->param[PARAM_store]));
        rc = p->store ? SQLITE_OK : SQLITE_NOMEM;
    }
    if (rc == SQLITE_OK)
        rc = read_filter(r);
    if (rc == SQLITE_OK)
        rc = read_integer(r, PARAM_bucket, "bucket", 1, 366 * 86400, "seconds", &p->bucket);
    if (rc == SQLITE_OK)
        rc = read_integer(r, PARAM_mask4, "mask4", 0, 32, "a prefix length", &mask4);
    if (rc == SQLITE_OK)
        rc = read_integer(r, PARAM_mask6, "mask6", 0, 128, "a prefix length", &mask6);
    if (rc == SQLITE_OK)
        rc = read_nets(r, PARAM_endnet, "ip");
    if (rc == SQLITE_OK)
        rc = read_nets(r, PARAM_peernet, "peerip");
    if (rc == SQLITE_OK)
        rc = read_integer(r, PARAM_billing, "billing", 0, 1, "0 or 1", &billing);
    if (rc == SQLITE_OK && billing)
        rc = read_billing(r);
    if (rc == SQLITE_OK)
        rc = read_count_of(r);
    narrow_window(r);
    p->mask4 = (int)mask4;
    p->mask6 = (int)mask6;
    p->params = hash_params(r);
    return rc;
}

static bool make_roots(const struct sql_table *t, struct query *p) {
    p->side[0] = p->predicate = predicate_new(PREDICATE_AND, 0);
    if (t->kind != TABLE_ENDPOINTS || !p->predicate)
        return p->predicate != NULL;
    p->predicate = predicate_new(PREDICATE_OR, 0);
    if (!p->predicate) {
        predicate_free(p->side[0]);
        return false;
    }
    if (!predicate_adopt(p->predicate, p->side[0]))
        return false;
    p->side[1] = predicate_new(PREDICATE_AND, 0);
    return predicate_adopt(p->predicate, p->side[1]);
}

/* COL,-COL,... of n octets. */
static void read_order(const struct sql_table *t, const char *p, size_t n, struct query *out) {
    for (const char *end = p + n; p < end && out->norder < MAX_COLUMNS; p++) {
        bool desc = *p == '-';
        p += desc;
        size_t name = strcspn(p, ", ");
        out->order[out->norder].column = sql_table_find(t, p, name);
        out->order[out->norder].desc = desc;
        out->norder += out->order[out->norder].column >= 0;
        p += name;
    }
}

int query_read(const struct sql_table *t, const char *idxstr, int argc, sqlite3_value **argv,
               int64_t now_ms, struct query *out, char **message) {
    memset(out, 0, sizeof *out);
    out->limit = -1;
    out->count_of = -1;
    struct reading r = {.t = t,
                        .query = out,
                        .now_ms = now_ms,
                        .starts = {INT64_MIN, INT64_MAX},
                        .message = message};
    int rc = make_roots(t, out) ? SQLITE_OK : SQLITE_NOMEM, arg = 0;
    for (const char *word = idxstr; rc == SQLITE_OK && *word;) {
        size_t n = strcspn(word, " ");
        if (vtab_is_unknown(word))
            return fail(&r, vtab_unknown(word));
        if (*word == '@')
            out->used = strtoull(word + 1, NULL, 16);
        else if (n > 6 && memcmp(word, "order:", 6) == 0)
            read_order(t, word + 6, n - 6, out);
        else if (n == 5 && memcmp(word, "exact", 5) == 0)
            out->exact = true;
        else if (arg >= argc)
            ; /* a word without an argument */
        else if (n == 5 && memcmp(word, "limit", 5) == 0)
            out->limit = sqlite3_value_int64(argv[arg++]);
        else
            rc = read_test(&r, word, n, argv[arg++]);
        word += n;
        word += *word == ' ';
    }
    out->ntests = arg;
    return rc == SQLITE_OK ? read_params(&r) : rc;
}

void query_show_store(const struct query *q, const struct sql_column *c, sqlite3_context *ctx) {
    if (c->kind == COLUMN_PARAM && c->id == PARAM_store && q->store)
        sqlite3_result_text(ctx, q->store, -1, SQLITE_TRANSIENT);
}

void query_free(struct query *p) {
    sqlite3_free(p->store);
    predicate_free(p->predicate);
    predicate_free(p->times);
    predicate_free(p->applications);
    memset(p, 0, sizeof *p);
}
