/* SPDX-License-Identifier: MIT */
/*
** Countries of addresses, from a database in MaxMind's format (MMDB): GeoLite2-Country or -City, DB-IP, IPinfo and
** others come in it. Which one, geodb in the site's table settings says, or FLOWVT_GEODB in the environment.
*/
#ifndef FLOWVT_GEO_H
#define FLOWVT_GEO_H

#include "filter_tree.h"

/* Put the networks of all countries that values.text has, two letters each in any case, into values.net, out of the file
** geodb, or where that is NULL, the one that FLOWVT_GEODB names.
** Returns NULL, or one sentence in err that says why that cannot be; one of them is that the database does
** not have one of the countries. */
const char *geo_networks(const char *geodb, struct filter_values *values, char *err, size_t errn);

#endif
