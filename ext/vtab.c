/* SPDX-License-Identifier: MIT */
/*
** Shared parts of the virtual tables.
*/
#include "vtab.h"
#include "interrupt.h"
#include "limits.h"
#include "scan.h"
#include "site_table.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

SQLITE_EXTENSION_INIT3

/* The value of "key = value" or "key='value'" as a new string, when arg is for that key. */
static char *argument(const char *arg, const char *key) {
    while (isspace((unsigned char)*arg))
        arg++;
    size_t n = strlen(key);
    if (sqlite3_strnicmp(arg, key, (int)n) != 0)
        return NULL;
    arg += n;
    while (isspace((unsigned char)*arg))
        arg++;
    if (*arg++ != '=')
        return NULL;
    while (isspace((unsigned char)*arg))
        arg++;
    char *value = sqlite3_mprintf("%s", arg);
    size_t len = value ? strlen(value) : 0;
    while (len && isspace((unsigned char)value[len - 1]))
        value[--len] = '\0';
    if (len < 2 || (*value != '\'' && *value != '"') || value[len - 1] != *value)
        return value;
    /* Quoted as in SQL: a quote inside is doubled. */
    char quote = *value, *to = value;
    for (const char *from = value + 1; from < value + len - 1; from++) {
        *to++ = *from;
        from += *from == quote && from[1] == quote;
    }
    *to = '\0';
    return value;
}

int vtab_init(struct vtab *v, const struct vtab_module *module, int argc, const char *const *argv,
              char **message) {
    v->footers = footers_share(module->footers);
    v->name = sqlite3_mprintf("%s", argv[2]);
    v->database = sqlite3_mprintf("%s", argv[1]);
    for (int i = 3; i < argc; i++) {
        char *store = argument(argv[i], "store");
        if (!store) {
            *message = sqlite3_mprintf("%s: unknown argument '%s': write store='DIRECTORY'",
                                       argv[2], argv[i]);
            vtab_clear(v);
            return SQLITE_ERROR;
        }
        sqlite3_free(v->store);
        v->store = store;
    }
    int rc = v->store ? SQLITE_OK : site_setting(v->db, argv[1], "store", &v->store);
    if (rc != SQLITE_OK)
        vtab_clear(v);
    return rc;
}

void vtab_clear(struct vtab *v) {
    sqlite3_free(v->name);
    sqlite3_free(v->store);
    sqlite3_free(v->database);
    v->name = v->store = v->database = NULL;
    footers_drop(v->footers);
    v->footers = NULL;
}

int vtab_connect(size_t size, const char *declaration, sqlite3 *db,
                 const struct vtab_module *module, int argc, const char *const *argv,
                 struct vtab **out, char **message) {
    struct vtab *v = calloc(1, size);
    if (!v)
        return SQLITE_NOMEM;
    v->db = db;
    int rc = vtab_init(v, module, argc, argv, message);
    if (rc == SQLITE_OK && declaration)
        rc = sqlite3_declare_vtab(db, declaration);
    if (rc != SQLITE_OK)
        vtab_disconnect(&v->base);
    else
        *out = v;
    return rc;
}

int vtab_disconnect(sqlite3_vtab *v) {
    vtab_clear((struct vtab *)v);
    free(v);
    return SQLITE_OK;
}

int vtab_open(size_t size, sqlite3_vtab_cursor **out) {
    *out = calloc(1, size);
    return *out ? SQLITE_OK : SQLITE_NOMEM;
}

void vtab_say(sqlite3_vtab *v, char *message) {
    if (!message)
        return;
    sqlite3_free(v->zErrMsg);
    v->zErrMsg = message;
}

int vtab_error(struct vtab *v, int rc, const char *text) {
    if (rc == FVT_NOMEM)
        return SQLITE_NOMEM;
    if (rc == SCAN_STOPPED)
        return SQLITE_INTERRUPT;
    vtab_say(&v->base, sqlite3_mprintf("%s", text));
    return rc == FVT_IO ? SQLITE_IOERR_READ : SQLITE_ERROR;
}

int vtab_not_compared(sqlite3_vtab *v, const char *name) {
    vtab_say(v, sqlite3_mprintf("%s is a parameter of the table, and no column to compare: write "
                                "%s = value, or leave it out",
                                name, name));
    return SQLITE_ERROR;
}

int vtab_put_unknown(sqlite3_index_info *info, const char *name) {
    for (int i = 0; i < info->nConstraint; i++)
        info->aConstraintUsage[i].argvIndex = info->aConstraintUsage[i].omit = 0;
    info->estimatedCost = 1e99;
    info->estimatedRows = 1 << 30;
    info->idxStr = sqlite3_mprintf("!%s", name);
    info->needToFreeIdxStr = 1;
    return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

bool vtab_is_unknown(const char *idxstr) {
    return idxstr && *idxstr == '!';
}

char *vtab_unknown(const char *idxstr) {
    const char *name = idxstr + 1;
    return sqlite3_mprintf(
        "%s is a parameter of the table, and has no value here: write WHERE %s = %s "
        "AND ..., for the whole statement or in each side of an OR",
        name, name, strcmp(name, "filter") == 0 ? "'not ...'" : "value");
}

/* The first parameter that is named and not among those given, or NULL. */
static const char *find_unknown(const sqlite3_index_info *info, const char *const *names, int n) {
    for (int p = 0; p < n; p++) {
        bool known = !(info->colUsed >> p & 1);
        for (int i = 0; i < info->nConstraint; i++)
            known |= info->aConstraint[i].iColumn == p && info->aConstraintUsage[i].argvIndex > 0;
        if (!known)
            return names[p];
    }
    return NULL;
}

int vtab_take_params(sqlite3_vtab *v, sqlite3_index_info *info, const char *const *names, int n) {
    sqlite3_str *words = sqlite3_str_new(NULL);
    const char *unknown = NULL;
    int args = 0, rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *k = &info->aConstraint[i];
#ifdef SQLITE_INDEX_CONSTRAINT_LIMIT
        if (k->op == SQLITE_INDEX_CONSTRAINT_LIMIT || k->op == SQLITE_INDEX_CONSTRAINT_OFFSET)
            continue;
#endif
        if (k->iColumn < 0 || k->iColumn >= n)
            continue;
        if (k->op != SQLITE_INDEX_CONSTRAINT_EQ && k->op != SQLITE_INDEX_CONSTRAINT_IS &&
            k->op != SQLITE_INDEX_CONSTRAINT_ISNULL) {
            rc = vtab_not_compared(v, names[k->iColumn]);
        } else if (!k->usable) {
            unknown = names[k->iColumn];
        } else {
            info->aConstraintUsage[i].argvIndex = ++args;
            info->aConstraintUsage[i].omit = 1;
            sqlite3_str_appendf(words, "%s%s=", args > 1 ? " " : "", names[k->iColumn]);
        }
    }
    unknown = unknown ? unknown : find_unknown(info, names, n);
    if (rc == SQLITE_OK && unknown) {
        sqlite3_free(sqlite3_str_finish(words));
        return vtab_put_unknown(info, unknown);
    }
    info->idxStr = sqlite3_str_finish(words);
    info->needToFreeIdxStr = 1;
    return rc == SQLITE_OK && args > 0 && !info->idxStr ? SQLITE_NOMEM : rc;
}

int vtab_read_param(const char *name, sqlite3_value *value, sqlite3_value **param, char **message) {
    if (value_is_null(value))
        return SQLITE_OK;
    if (*param) {
        const char *one = (const char *)sqlite3_value_text(*param),
                   *other = (const char *)sqlite3_value_text(value);
        if (!one || !other)
            return SQLITE_NOMEM;
        if (strcmp(one, other) != 0) {
            sqlite3_free(*message);
            *message =
                sqlite3_mprintf("%s is given twice, as '%s' and as '%s': give one%s", name, one,
                                other, strcmp(name, "filter") == 0 ? ", with and between" : "");
            return *message ? SQLITE_ERROR : SQLITE_NOMEM;
        }
    }
    *param = value;
    return SQLITE_OK;
}

int vtab_read_params(sqlite3_vtab *v, const char *idxstr, const char *const *names, int n,
                     sqlite3_value **argv, sqlite3_value **param) {
    int args = 0;
    if (vtab_is_unknown(idxstr)) {
        vtab_say(v, vtab_unknown(idxstr));
        return -SQLITE_ERROR;
    }
    for (const char *word = idxstr; word && *word; args++) {
        size_t length = strcspn(word, "=");
        for (int p = 0; p < n; p++) {
            if (strlen(names[p]) != length || memcmp(names[p], word, length) != 0)
                continue;
            int rc = vtab_read_param(names[p], argv[args], &param[p], &v->zErrMsg);
            if (rc != SQLITE_OK)
                return -rc;
        }
        word += length + strspn(word + length, "= ");
    }
    return args;
}

static bool same_choice(const struct fvt_choice *a, const struct fvt_choice *b) {
    return a->by == b->by && a->since == b->since && a->until == b->until;
}

int vtab_snapshot(struct vtab *v, const char *store, const struct fvt_choice *choice,
                  struct snapshot **snapshot) {
    char wrong[160];
    if (!limits_check(wrong, sizeof wrong)) {
        vtab_say(&v->base, sqlite3_mprintf("%s", wrong));
        return SQLITE_ERROR;
    }
    if (!store)
        store = v->store;
    if (*snapshot && strcmp((*snapshot)->store, snapshot_store(store)) == 0 &&
        same_choice(&(*snapshot)->choice, choice))
        return SQLITE_OK;
    snapshot_free(*snapshot);
    *snapshot = NULL;
    struct fvt_error err = {{0}};
    struct interrupt interrupt;
    struct fvt_choice asked = *choice;
    asked.stop = interrupt_asked;
    asked.stop_arg = &interrupt;
    interrupt_begin(&interrupt, v->db);
    int rc = snapshot_take(store, &asked, v->footers, snapshot, &err);
    interrupt_end(&interrupt);
    if (interrupt_stopped(&interrupt)) {
        snapshot_free(*snapshot);
        *snapshot = NULL;
        return SQLITE_INTERRUPT;
    }
    return rc == FVT_OK ? SQLITE_OK : vtab_error(v, rc == FVT_IO ? FVT_FOREIGN : rc, err.text);
}

int vtab_overrides(struct vtab *v, struct snapshot *snapshot, int64_t now) {
    char *message = NULL;
    if (snapshot->overrides_read)
        return SQLITE_OK;
    int rc = overrides_read(v->db, v->database, now, &snapshot->overrides, &message);
    snapshot->overrides_read = rc == SQLITE_OK;
    vtab_say(&v->base, message);
    return rc;
}

bool value_is_null(sqlite3_value *value) {
    return sqlite3_value_type(value) == SQLITE_NULL;
}

void result_text(sqlite3_context *ctx, const char *text, size_t n) {
    sqlite3_result_text64(ctx, text, n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

void result_failure(sqlite3_context *ctx, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = sqlite3_vmprintf(format, args);
    va_end(args);
    if (text)
        sqlite3_result_error(ctx, text, -1);
    else
        sqlite3_result_error_nomem(ctx);
    sqlite3_free(text);
}

void result_ip(sqlite3_context *ctx, const struct flow_ip *ip) {
    char text[FLOW_IP_TEXT];
    result_text(ctx, text, flow_ip_text(ip, text));
}

void result_net(sqlite3_context *ctx, const struct flow_ip *ip, int len) {
    char text[FLOW_NET_TEXT];
    result_text(ctx, text, flow_net_text(ip, (unsigned)len, text));
}

void result_time(sqlite3_context *ctx, int64_t ms) {
    char text[FLOW_TIME_TEXT];
    result_text(ctx, text, flow_time_text(ms, text));
}

void result_count(sqlite3_context *ctx, uint64_t n) {
    sqlite3_result_int64(ctx, n > INT64_MAX ? INT64_MAX : (sqlite3_int64)n);
}
