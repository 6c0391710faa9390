/* SPDX-License-Identifier: MIT */
/*
** Where reports are found: folders, of which an earlier one's report hides a later one's of the same
** name. In order: --queries, FLOWVT_QUERIES (with colons between), the tree that the program was built
** in, PREFIX/share/flowvt/queries of the PREFIX that the program lies in.
*/
#ifndef FLOWREPORT_CATALOG_H
#define FLOWREPORT_CATALOG_H

#include <stddef.h>

#include "report_file.h"

struct catalog {
    char **folders;
    size_t folder_count;
    struct report *reports; /* by name; those in folders below, as alerts/, after the others */
    size_t report_count;
    const char *const *
        commands; /* other names that may have been meant by that of a report, NULL behind them; or NULL */
};

/* The folders: those given first. */
void catalog_open(struct catalog *catalog, char *const *given, size_t count);
void catalog_close(struct catalog *catalog);

/* Read all reports of the folders and of `below` in them (NULL: of none); those that cannot be read
** are named on stderr. */
void catalog_read(struct catalog *catalog, const char *below);

/* Read all reports of one folder, which may be none of those; their names have "below/" before. */
void catalog_read_folder(struct catalog *catalog, const char *folder, const char *below);

/* The path of a file in the folders, or in "../schema" beside them; NULL: none. To free. */
char *catalog_file(const struct catalog *catalog, const char *name);

/* Reads one report, by its name or by the path of a file that ends in .sql. 0, or -1 and the reason
** was printed. */
int catalog_find(struct catalog *catalog, const char *name, struct report *report);

#endif
