/* SPDX-License-Identifier: MIT */
/*
** Files of which the footer has been read, kept for the next cursor or statement of a connection so
** that it need not be read again. Kept are closed files, without their descriptors, as long as the
** name leads to the same unchanged inode.
*/
#ifndef FLOWVT_FOOTERS_H
#define FLOWVT_FOOTERS_H

#include "../schema/fvt.h"

struct footers;

/* One for all tables of a connection: each takes a reference. NULL without memory, which all the
** functions below take for a cache that keeps nothing. */
struct footers *footers_new(void);
struct footers *footers_share(struct footers *c);
void footers_drop(struct footers *c);

/* fvt_open(), out of the cache where it is there; the caller's alone. From any thread. */
int footers_open(struct footers *c, const char *path, struct fvt_file **out, struct fvt_error *err);
/* Instead of fvt_file_free(). */
void footers_keep(struct footers *c, struct fvt_file *file);

#endif
