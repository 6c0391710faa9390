/* SPDX-License-Identifier: MIT */
/*
** Countries and autonomous systems of single addresses, from databases in MaxMind's format. Answers are remembered by
** address, so that the many flows of a few hosts ask a database once for each. geo.h has all networks of a country.
*/
#ifndef FLOWVT_GEO_LOOKUP_H
#define FLOWVT_GEO_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "../schema/value.h"

struct geo_lookup;

enum { GEO_ERROR = 512 };

/* Open the two files, each NULL or empty for none; without asn, geo is asked for both. *out is NULL when there is none.
** False with a sentence in err when one cannot be opened, or memory is out. */
bool geo_lookup_open(const char *geo, const char *asn, struct geo_lookup **out,
                     char err[GEO_ERROR]);
void geo_lookup_close(struct geo_lookup *g);
/* Has it these files, as they are now? g may be NULL: it has none. */
bool geo_lookup_is(const struct geo_lookup *g, const char *geo, const char *asn);

/* The country's two letters in capitals, good until the next call, or NULL. g may be NULL. False with a sentence in
** err when the file is damaged where the address leads. */
bool geo_lookup_country(struct geo_lookup *g, const struct flow_ip *ip, const char **country,
                        char err[GEO_ERROR]);
/* The number of the autonomous system, or 0. */
bool geo_lookup_asn(struct geo_lookup *g, const struct flow_ip *ip, uint32_t *asn,
                    char err[GEO_ERROR]);

#endif
