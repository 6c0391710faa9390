/* SPDX-License-Identifier: MIT */
/*
** Rewriting a flow file whole, and the parts of a file that both ways of writing share. Private
** to schema/.
*/
#ifndef FLOWVT_REWRITE_H
#define FLOWVT_REWRITE_H

#include "format.h"

/* A file under this name is being made; it is nobody's data until it is renamed. */
#define FVT_TMP_SUFFIX ".tmp"

/* fvt_store_list() for files of another suffix. */
int list_files(const char *dir, const char *suffix, char ***paths, size_t *n,
               struct fvt_error *err);

/* The file header and the column table. */
void file_begin(struct fvt_buffer *out, enum fvt_state state, int64_t start, int64_t length);

/* Write b to path.tmp, fsync it, ask check about it (unless NULL), and rename it to path. */
int file_replace(const char *path, const struct fvt_buffer *b,
                 bool (*check)(const char *path, void *arg), void *arg, struct fvt_error *err);

/* Make path a file in that state, through a new file and rename(). CLOSED: large groups and a
** footer. LIVE: ready for appending; nothing is done when it is already. Damaged groups are left
** out and counted in the new file's damage record. */
int fvt_rewrite(const char *path, enum fvt_state state, struct fvt_error *err);

#endif
