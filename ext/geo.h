/* SPDX-License-Identifier: MIT */
/*
** Countries of addresses, from a database in MaxMind's format (MMDB) that FLOWVT_GEODB in the environment
** names: GeoLite2-Country or -City, DB-IP, IPinfo and others come in it.
*/
#ifndef FLOWVT_GEO_H
#define FLOWVT_GEO_H

#include "filter_tree.h"

/* Put the networks of all countries that values.text has, two letters each in any case, into values.net.
** Returns NULL, or one sentence in err that says why that cannot be; one of them is that the database does
** not have one of the countries. */
const char *geo_networks(struct filter_values *values, char *err, size_t errn);

#endif
