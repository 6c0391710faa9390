/* SPDX-License-Identifier: MIT */
/*
** What the virtual tables of the extension share: arguments, the store they look at, messages.
*/
#ifndef FLOWVT_VTAB_H
#define FLOWVT_VTAB_H

#include <sqlite3ext.h>

#include "snapshot.h"

/* Base class of every table; the SQLite base class comes first. */
struct vtab {
    sqlite3_vtab base;
    sqlite3 *db;
    char *name;              /* when it was made */
    char *database;          /* of the connection, that has it: temp, main, or as attached */
    char *store;             /* argument of CREATE VIRTUAL TABLE, or of settings, or NULL */
    struct footers *footers; /* the connection's */
};

/* What a module is registered with, as its client data. */
struct vtab_module {
    int kind; /* of table: see below */
    struct footers *footers;
};

/* xConnect of a table of size octets, a struct vtab first and the rest zeroed, whose columns are known
** beforehand (declaration NULL: the caller declares them); an SQLite result code. vtab_disconnect() is its xDisconnect, and that of any table that has
** nothing else to free. */
int vtab_connect(size_t size, const char *declaration, sqlite3 *db,
                 const struct vtab_module *module, int argc, const char *const *argv,
                 struct vtab **out, char **message);
int vtab_disconnect(sqlite3_vtab *v);
/* xOpen of a cursor of size octets, a sqlite3_vtab_cursor first and all zeroed; xClose ends it with free(). */
int vtab_open(size_t size, sqlite3_vtab_cursor **out);

/* Take over what the module is registered with, and "store = 'DIR'" from the arguments after the table's name; anything else is an error
** in *message. Without that argument, the store is the one that a table settings(name, value) of the same database has,
** if any. v is zeroed memory of the caller's, but for its db. */
int vtab_init(struct vtab *v, const struct vtab_module *module, int argc, const char *const *argv,
              char **message);
void vtab_clear(struct vtab *v);

/* The snapshot for a cursor: kept when it is of that store and stretch of time already. store: the
** parameter, or NULL for the table's own. An SQLite result code, with a message in v. */
int vtab_snapshot(struct vtab *v, const char *store, const struct fvt_choice *choice,
                  struct snapshot **snapshot);

/* Read sampling_overrides for the snapshot, once. Codes and messages as above. */
int vtab_overrides(struct vtab *v, struct snapshot *snapshot, int64_t now);

/* xBestIndex of a table whose first n columns are parameters: takes these and looks at nothing else.
** idxStr is set to a word for each argument of xFilter, as in EXPLAIN QUERY PLAN of flows: "since= store=". A
** code as xBestIndex returns it. */
int vtab_take_params(sqlite3_vtab *v, sqlite3_index_info *info, const char *const *names, int n);
/* xFilter's end of it: sets those of param[n] that are given; the others the caller has set to NULL. The
** number of arguments that are parameters, or less than 0: an SQLite result code, negative, with a message
** in v. */
int vtab_read_params(sqlite3_vtab *v, const char *idxstr, const char *const *names, int n,
                     sqlite3_value **argv, sqlite3_value **param);
/* A plan in which a parameter that the statement names has no value: in one arm of an OR, under NOT, or before
** the table that it is to come from. It is worse than all others, so that SQLite takes it when it finds no
** other, and xFilter says what is missing with vtab_unknown(), in memory of sqlite3_malloc. SQLite's own message
** would be "no query solution". Parameters are compared with = alone: vtab_not_compared() is the error. */
int vtab_put_unknown(sqlite3_index_info *info, const char *name);
bool vtab_is_unknown(const char *idxstr);
char *vtab_unknown(const char *idxstr);
int vtab_not_compared(sqlite3_vtab *v, const char *name);
/* One parameter: *param is set unless value is NULL, which is a parameter that is not given. Arguments of a
** table-valued function and WHERE may give one twice; two values are an error, in *message. */
int vtab_read_param(const char *name, sqlite3_value *value, sqlite3_value **param, char **message);

/* Tell SQLite what went wrong. message is taken over, in memory of sqlite3_malloc; NULL is nothing. */
void vtab_say(sqlite3_vtab *v, char *message);
/* The same for an FVT_* code, of which the SQLite code is returned; text is copied. */
int vtab_error(struct vtab *v, int rc, const char *text);

bool value_is_null(sqlite3_value *value);

/* Text of n octets that SQLite is to copy. */
void result_text(sqlite3_context *ctx, const char *text, size_t n);
void result_ip(sqlite3_context *ctx, const struct flow_ip *ip);
/* The network of that length in which ip lies: 192.0.2.0/24. */
void result_net(sqlite3_context *ctx, const struct flow_ip *ip, int len);
void result_time(sqlite3_context *ctx, int64_t ms);
/* SQLite has no unsigned integers. */
void result_count(sqlite3_context *ctx, uint64_t n);
/* An error of a function, with a message made as sqlite3_mprintf() does. */
void result_failure(sqlite3_context *ctx, const char *format, ...);

/* What ext/flowvt.c registers. The kind of the first two is an enum table_kind of columns.h. */
extern const sqlite3_module flows_module, totals_module, about_module, export_module, delays_module,
    counters_module, stat_module;

enum export_format { EXPORT_CSV, EXPORT_NDJSON };
enum about_kind { ABOUT_FILES, ABOUT_EXPORTERS, ABOUT_SOCKETS, ABOUT_INTERFACES, ABOUT_OPTIONS };

#endif
