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

/* Rows of a live file that are in memory, too, so that they need not be read to close it. */
struct kept {
    struct group *group; /* NULL: none */
    uint64_t from, to;   /* the octets of the live file in which they are */
};

/* Of fvt_writer_open() and fvt_writer_finish(), with memory for rows that is used again. group: NULL, or an empty one,
** which becomes the writer's, also when this fails. */
int writer_open(const char *path, int64_t start, int64_t length, struct group *group,
                struct fvt_writer **out, struct fvt_error *err);
/* kept becomes the writer's group, and what of the file is in it. */
int writer_finish(struct fvt_writer *w, struct kept *kept);
/* Is there enough in memory for a row group of a closed file? Then writer_swap() may give it to the caller, once it
** is in the live file as well: false when that fails. Else the writer forgets it, and it is read from the file. */
bool writer_full(const struct fvt_writer *w);
bool writer_swap(struct fvt_writer *w, struct group *group, struct kept *kept);

/* Keep no rows in memory but as blocks that wait for the disk. */
void writer_forget(struct fvt_writer *w);

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

/* A live file becoming a closed one, while it is being written, too: rows that are in memory are encoded as soon
** as there are enough of them. */
struct closing {
    struct rewrite *r; /* NULL: nothing is encoded yet */
};
/* pool: for what is needed meanwhile; or NULL. */
int closing_add(struct closing *c, const char *path, const struct kept *kept, struct fvt_pool *pool,
                struct fvt_error *err);
/* Close the file, whose last rows are in kept (may be NULL). */
int closing_finish(struct closing *c, const char *path, const struct kept *kept,
                   struct fvt_pool *pool, struct fvt_error *err);
void closing_free(struct closing *c);

#endif
