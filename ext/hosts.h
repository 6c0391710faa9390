/* SPDX-License-Identifier: MIT */
/*
** What a site's table hosts says of an address at a time: of each column, the longest prefix whose row is valid then and
** has a value. Rows without cidr, of hosts that are known by their MAC address alone, have the addresses that the table
** host_addresses says they had then.
*/
#ifndef FLOWVT_HOSTS_H
#define FLOWVT_HOSTS_H

#include <sqlite3ext.h>

#include "../schema/value.h"

struct hosts;

enum host_column { HOST_NAME, HOST_USER, HOST_GROUP, HOST_COLUMNS };

/* As in networks.h. */
struct hosts *hosts_new(void);
void hosts_free(struct hosts *h);
int hosts_refresh(sqlite3 *db, struct hosts *h, char **message);

/* The value, or NULL; ms since 1970. */
const char *hosts_find(const struct hosts *h, enum host_column column, const struct flow_ip *ip,
                       int64_t ms);

#endif
