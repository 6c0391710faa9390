/* SPDX-License-Identifier: MIT */
/*
** What a site's table services says of a protocol and its ports.
**
** The narrowest range that a port lies in counts. Of the two ports of a flow one belongs to a service: the one that has a
** row; of two, that with the narrower range; of two alike, the lower number. So both directions of a connection are the same
** application. Ports that are NULL or not known fall back on the row of their protocol that has no ports.
*/
#ifndef FLOWVT_SERVICES_H
#define FLOWVT_SERVICES_H

#include <sqlite3ext.h>
#include <stdint.h>

struct services;

enum service_column { SERVICE_APPLICATION, SERVICE_CATEGORY, SERVICE_COLUMNS };

/* As in networks.h. */
struct services *services_new(void);
void services_free(struct services *s);
int services_refresh(sqlite3 *db, const char *near, struct services *s, char **message);

/* The number of the row that counts, from 1 on, or 0; and what it has in a column, NULL for number 0 as well. */
uint32_t services_number(const struct services *s, int64_t proto, int64_t srcport, int64_t dstport);
const char *services_value(const struct services *s, uint32_t number, enum service_column column);
uint32_t services_count(const struct services *s); /* the largest number */

/* The value, or NULL. What is no protocol or port (-1, say) is not known. */
const char *services_find(const struct services *s, enum service_column column, int64_t proto,
                          int64_t srcport, int64_t dstport);

#endif
