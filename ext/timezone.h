/* SPDX-License-Identifier: MIT */
/*
** Time zones of IANA's database, as the system has it (TZif files, RFC 8536, in /usr/share/zoneinfo or where TZDIR
** says), beside the process's own: a client of SQLite may run anywhere, with any TZ.
*/
#ifndef FLOWVT_TIMEZONE_H
#define FLOWVT_TIMEZONE_H

#include <stddef.h>
#include <stdint.h>

struct timezone_info;

/* The zone of a name like "Pacific/Auckland"; "UTC" is there without files as well. NULL, with a sentence in err:
** there is none of the name (it is text[0..n)), its file is damaged, or no memory. timezone_free() it. */
struct timezone_info *timezone_open(const char *name, size_t n, char *err, size_t errn);
void timezone_free(struct timezone_info *z);

/* Seconds that clocks there are ahead of UTC, at a time in seconds since 1970 UTC. */
int32_t timezone_offset(const struct timezone_info *z, int64_t utc);

/* The first moment, seconds since 1970 UTC, at which clocks there show at least that time, given as if they showed
** UTC: where it comes twice the first one, where it is left out the end of the gap. So the begin of a day is where
** the day begins, also where midnight is left out. */
int64_t timezone_utc(const struct timezone_info *z, int64_t local);

#endif
