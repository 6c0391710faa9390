/* SPDX-License-Identifier: MIT */
/*
** Columns of a site's own: elements that the catalogue has no column for are kept in `extra`, and a registry file gives
** some of them a name and a type. The file is STORE/registry, or FLOWVT_REGISTRY in the environment, and read when a
** connection first uses flows (or a table made of it). A line of it is an element, a name and a type:
**
**   # element      column         type
**   3054.121       dstcountry     string
**   9.8250         nexthop        ip
**   octetTotalCount  totalbytes   unsigned
**
** Elements are PEN.id, or of IANA's an id or a name; 29305.id is the reverse direction (RFC 5103). Types are unsigned,
** signed8, signed16, signed32, signed64, float32, float64, boolean, ip, mac, string, octets, seconds, milliseconds. A
** value that cannot be of its type is shown as it is in extra. Blank lines and what follows a # are left out.
**
** The columns are in flows and its exports, behind the others; filters name them in traffic and endpoints, too. Tests
** in WHERE are SQLite's, those of filters are made of each text of extra once a row group.
*/
#ifndef FLOWVT_REGISTRY_H
#define FLOWVT_REGISTRY_H

#include <sqlite3ext.h>

#include "columns.h"
#include "own.h"

struct registry;

/* Read the file for that store and add its columns to t, one of flows, which borrows from *out; NULL when there is no
** file. An SQLite result code; a mistake in the file is SQLITE_ERROR and a sentence with its line in *message. */
int registry_open(const char *store, struct sql_table *t, struct registry **out, char **message);
void registry_free(struct registry *r);

const struct own_column *registry_column(const struct registry *r, int i);
/* By its name of n octets, in any case; NULL: no such column, or no registry. */
const struct own_column *registry_find(const struct registry *r, const char *name, size_t n);

/* Make the value of column number i (sql_column.id) out of the text of extra the result. */
void registry_result(const struct registry *r, int i, sqlite3_context *ctx, const char *extra,
                     size_t n);

#endif
