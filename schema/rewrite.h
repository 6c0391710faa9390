/* SPDX-License-Identifier: MIT */
/*
** Rewriting a flow file whole, and the parts of a file that both ways of writing share. Private
** to schema/.
*/
#ifndef FLOWVT_REWRITE_H
#define FLOWVT_REWRITE_H

#include "group.h"

/* The file header and the column table. */
void file_begin(struct fvt_buffer *out, enum fvt_state state, int64_t start, int64_t length);

/* Make b the file at path, through newfile.h; b is emptied. */
int file_replace(const char *path, struct fvt_buffer *b, bool (*check)(const char *path, void *arg),
                 void *arg, struct fvt_error *err);

/* Make path a file in that state, through a new file and rename(). CLOSED: large groups and a
** footer. LIVE: ready for appending; nothing is done when it is already. Damaged groups are left
** out and counted in the new file's damage record. */
int fvt_rewrite(const char *path, enum fvt_state state, struct fvt_error *err);

/* A file being made of the rows of others, in the order they are added: one group is in memory at a
** time, and one of the files open. */
struct rewrite;
/* path: what the new file will be called. effort: how its groups are encoded. start, length: its
** interval, ms. */
struct rewrite *rewrite_new(const char *path, enum fvt_state state, enum group_effort effort,
                            int64_t start, int64_t length, struct fvt_error *err);
/* Add all rows of a file but those of damaged groups, which are counted, and what it says of
** exporters and interfaces. FVT_UNKNOWN: it has what this version cannot copy; nothing of it was
** added. After any other error the rewrite can only be freed. */
int rewrite_add(struct rewrite *r, struct fvt_file *file, struct fvt_error *err);
/* Before the first rewrite_add(): the new file is to have roll-ups. rows: how many it will get, as far as
** is known. */
struct rollup_plan;
int rewrite_rollups(struct rewrite *r, const struct rollup_plan *plan, uint64_t rows,
                    struct fvt_error *err);
/* Note that the file added last, or another one, need not be read any more. */
bool rewrite_replaces(struct rewrite *r, const struct fvt_replaced *replaced);
/* Write the end, sync the file and read it back. */
int rewrite_settle(struct rewrite *r, struct fvt_error *err);
/* Give the file its name. */
int rewrite_publish(struct rewrite *r, struct fvt_error *err);
void rewrite_free(struct rewrite *r);

#endif
