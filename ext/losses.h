/* SPDX-License-Identifier: MIT */
/*
** SQL functions that tell how far what is stored can be trusted, and what reports need to say so:
**
**   losses(since, until, store)  what was lost and sampled in the files of a window, as a sentence: 'nothing lost,
**                        not sampled: 1143 flows of 1 exporter'; and what rates sampling_overrides has instead. Parameters as those of flow_exporters, whose
**                        counters, and flow_sockets', it adds up; so it is of whole files, and of all flows in
**                        them whatever the report's filter. Each report ends with it
**   flow_time(text [, name])
**                        the point in time that `since` would take text for (window.h), as times are shown. NULL
**                        for NULL; an error for what cannot be understood, which begins with the name of the parameter
**   disk_free(path)      octets that are left to users on the disk where path is; NULL when there is no such path
*/
#ifndef FLOWVT_LOSSES_H
#define FLOWVT_LOSSES_H

#include <sqlite3ext.h>

/* Returns SQLITE_OK or an SQLite error code. sqlite3_api must have been set. */
int losses_register(sqlite3 *db);

#endif
