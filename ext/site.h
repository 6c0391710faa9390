/* SPDX-License-Identifier: MIT */
/*
** SQL functions that look a site's tables up (schema/site.sql): networks.h, hosts.h and services.h say how.
**
**   zone(ip)                     local, domestic, international or the site's own
**   network(ip)                  the name of the network
**   country(ip)                  two letters
**   asn(ip)                      number of the autonomous system
**   host_name(ip [, time])       at a time as since and until take it; now when it is NULL or left out
**   host_user(ip [, time])
**   host_group(ip [, time])
**   application(proto, srcport, dstport)   'other' when it is not known
**   category(proto, srcport, dstport)      likewise
**
** Those of an address are NULL when it is none, or when nothing is known but for zone(). A statement has one state of the
** tables, that of the first call in it; the next statement sees all changes, of its own and of other connections.
** They are innocuous, but not deterministic, and so cannot stand in an index.
*/
#ifndef FLOWVT_SITE_H
#define FLOWVT_SITE_H

#include <sqlite3ext.h>

/* Returns SQLITE_OK or an SQLite error code. */
int site_register(sqlite3 *db);

#endif
