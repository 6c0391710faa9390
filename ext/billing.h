/* SPDX-License-Identifier: MIT */
/*
** Which of several exporters counts for an address: the site's table billing_exporters.
*/
#ifndef FLOWVT_BILLING_H
#define FLOWVT_BILLING_H

#include <sqlite3ext.h>

/* What flows pass whose sender, or with receiver their receiver, is billed by what their exporter saw: the one of the longest
** prefix that has the address, or any where none has it. The table is that of the database near, if it has one (site_table.h). In *filter a text in the language of filters from sqlite3_malloc(),
** or NULL when all flows pass. An SQLite result code; with a sentence in *message when the table is not as it should be. */
int billing_filter(sqlite3 *db, const char *near, int receiver, char **filter, char **message);

#endif
