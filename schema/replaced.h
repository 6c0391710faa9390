/* SPDX-License-Identifier: MIT */
/*
** Files of intervals that were merged into the file of their day, STORE/YYYY/MM/DD/flows.YYYYMMDD.fvt,
** which lists them. One that is still there, because it could not be removed yet, has nothing that
** the day's file has not. What has the name of a listed file and is another one has rows of its
** own. Private to schema/.
*/
#ifndef FLOWVT_REPLACED_H
#define FLOWVT_REPLACED_H

#include "format.h"

/* Name (without directory) of a day's file? Of the file of an interval? */
bool is_day_name(const char *name);
bool is_interval_name(const char *name);

/* What tells this file from others of its name. False when it cannot be read. */
bool replaced_identify(const struct fvt_file *file, struct fvt_replaced *out);

/* Is a file of that name listed? */
bool replaced_name(const struct fvt_file *day, const char *name);
/* Is it the one at path? */
bool replaced_is(const struct fvt_file *day, const char *path);
/* Is the file at path the one that was identified? */
bool replaced_still(const struct fvt_replaced *r, const char *path);

/* The part of a path behind the last slash. */
const char *base_name(const char *path);

#endif
