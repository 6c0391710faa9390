/* SPDX-License-Identifier: MIT */
/*
** What is in the directories of a store. store.h has the list of flow files that readers want.
** Private to schema/.
*/
#ifndef FLOWVT_LIST_H
#define FLOWVT_LIST_H

#include "format.h"

enum { LIST_DEPTH = 8 }; /* directories below a store's, one in another, that are looked into */

struct listing {
    char **names;
    size_t n, cap;
    bool failed; /* no memory: something is missing */
};
void listing_add(struct listing *l, const char *name);
void listing_free(struct listing *l);

/* Files right in dir that end in suffix, and directories, by name; links and names that begin with
** a dot are neither. Of flow files (suffix .fvt) those that a day's file has replaced are left out.
** Returns 0 or an errno. The caller frees both listings. */
int list_directory(const char *dir, const char *suffix, struct listing *files,
                   struct listing *dirs);

/* The same, with those that a day's file has replaced. */
int list_entries(const char *dir, const char *suffix, struct listing *files, struct listing *dirs);

/* All files of that suffix below dir, as fvt_store_list() returns them. */
int list_files(const char *dir, const char *suffix, char ***paths, size_t *n,
               struct fvt_error *err);

/* DIR/NAME, or NAME in "". false when it is too long for size octets. */
bool path_join(char *out, size_t size, const char *dir, const char *name);

#endif
