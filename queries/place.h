/* SPDX-License-Identifier: MIT */
/*
** Where things of flowvt are that belong to this program: the tree it was built in, or where it was
** installed, also when that was moved as a whole.
*/
#ifndef FLOWREPORT_PLACE_H
#define FLOWREPORT_PLACE_H

#include <stddef.h>

enum { PLACES = 3 };

/* The paths of a folder ("queries", "schema") that there are, in order; each to free. */
size_t places(const char *folder, char *paths[PLACES]);

/* The paths that flowvt.so may be found at, in order, the last one by the loader; each to free. */
size_t extension_places(char *paths[PLACES]);

#endif
