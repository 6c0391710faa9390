/* SPDX-License-Identifier: MIT */
/*
** Which directory of a store the file of an interval lies in: the hierarchies of nfcapd's -S, by the
** begin of the interval in UTC. A store may have files in several of them; a reader finds all. The
** file of a day lies in the day's directory, above those of its hours where there are such.
*/
#ifndef FLOWVT_LAYOUT_H
#define FLOWVT_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* nfcapd's numbers; 1 is STORE/YYYY/MM/DD. */
enum { LAYOUTS = 9, LAYOUT_USUAL = 1, LAYOUT_DEPTH = 4 };

/* DIR and the directory of that layout for a time (ms since 1970 UTC); false when it is too long. */
bool layout_directory(unsigned layout, const char *dir, int64_t start, char *out, size_t size);

/* For the file of an interval or of a day at path, in the store at dir: the path of its day's file, if it
** lies where one of the layouts puts it; false for every other file. */
bool layout_day(const char *dir, const char *path, char *out, size_t size);

/* May a directory of that name be one of a layout? */
bool layout_is_name(const char *name);

/* Is dir (its last part) the directory of the hour that the file is of? */
bool layout_is_hour(const char *dir, const char *file);

#endif
