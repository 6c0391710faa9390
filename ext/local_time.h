/* SPDX-License-Identifier: MIT */
/*
** SQL functions of local time, in any zone and whatever the process's own is:
**
**   local_time(time, zone)   what clocks in the zone show at a time of UTC: local_time(tstart, 'Asia/Kolkata')
**   utc_time(local, zone)    the first moment, in UTC, at which clocks there show that time or a later one; the begin
**                            of a day or month: utc_time('2026-10-25', 'Europe/Berlin'), utc_time('2026-11', ...)
**
** Times are '2026-11-23', '2026-11', or with ' 10:00', ' 10:00:00' and a fraction behind; T for the blank, and Z at
** the end. The answer is as times are shown everywhere. Zones have the names of IANA's database; NULL and '' are
** UTC. NULL for a NULL time; what cannot be understood is an error.
*/
#ifndef FLOWVT_LOCAL_TIME_H
#define FLOWVT_LOCAL_TIME_H

#include <sqlite3ext.h>

int local_time_register(sqlite3 *db);

#endif
