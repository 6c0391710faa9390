/* SPDX-License-Identifier: MIT */
/*
** What a site's table networks says of addresses, with the defaults and what databases in MaxMind's format add:
**
**   zone      of the longest prefix that has one. Private, link-local and other addresses that never leave a site are
**             local (networks.c lists them) as if the table had their networks; of the others those of the site's own
**             country (setting country) are domestic, all else is international
**   name      of the longest prefix that has one
**   country   of the longest prefix that has one, else of the database
**   asn       likewise
*/
#ifndef FLOWVT_NETWORKS_H
#define FLOWVT_NETWORKS_H

#include <sqlite3ext.h>
#include <stdbool.h>

#include "../schema/value.h"

struct networks;

/* Nothing read yet. NULL when memory is out. */
struct networks *networks_new(void);
void networks_free(struct networks *n);
/* Read what has changed in the connection's tables, those of the database near first (site_table.h), before a statement asks for addresses. An SQLite result code, with
** a sentence in *message; answers need SQLITE_OK. */
int networks_refresh(sqlite3 *db, const char *near, struct networks *n, char **message);

/* The zone; with last not NULL it is that of all addresses from ip to *last, which are of its family. It is good until the next refresh. False with a sentence in err (GEO_ERROR octets, geo_lookup.h, or NULL) when a
** database is damaged where the address leads. */
bool networks_zone_of(struct networks *n, const struct flow_ip *ip, struct flow_ip *last,
                      const char **zone, char *err);

/* Results of SQL functions. */
void networks_zone(sqlite3_context *ctx, struct networks *n, const struct flow_ip *ip);
void networks_name(sqlite3_context *ctx, struct networks *n, const struct flow_ip *ip);
void networks_country(sqlite3_context *ctx, struct networks *n, const struct flow_ip *ip);
void networks_asn(sqlite3_context *ctx, struct networks *n, const struct flow_ip *ip);

#endif
