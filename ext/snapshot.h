/* SPDX-License-Identifier: MIT */
/*
** The flow files of a store at one moment. A cursor takes a snapshot when it first runs and keeps
** it until it is closed, so that all scans of one statement (the arms of an OR, the passes of a
** large grouping, the inner side of a join) see the same files in the same order.
*/
#ifndef FLOWVT_SNAPSHOT_H
#define FLOWVT_SNAPSHOT_H

#include <pthread.h>

#include "../schema/store.h"
#include "footers.h"
#include "overrides.h"

struct snapshot {
    char *store;
    struct footers *footers;  /* borrowed */
    struct fvt_choice choice; /* files that cannot matter for it may be missing */
    int hold;                 /* keeps the files where they are: schema/hold.h */
    char **paths;             /* oldest first */
    size_t n;
    struct fvt_file **files; /* open ones; NULL: not opened, or closed again */
    uint32_t *users;         /* of each open file */
    size_t open;
    uint64_t *before;            /* rows of the files before each; NULL: not counted yet */
    struct overrides *overrides; /* owned; NULL: none */
    bool overrides_read;
    pthread_mutex_t lock; /* of files, users, open and before */
};

/* store, or what is meant when it is NULL or "": FLOWVT_STORE, or /var/lib/flowvt. */
const char *snapshot_store(const char *store);

/* store: directory or one file, or NULL or "" as above. choice: the stretch of time that the files are
** wanted for. footers: outlives the snapshot; may be NULL. Returns FVT_OK, or an FVT_* code and a sentence in err. */
int snapshot_take(const char *store, const struct fvt_choice *choice, struct footers *footers,
                  struct snapshot **out, struct fvt_error *err);
void snapshot_free(struct snapshot *s);

/* Open file i, once more if it is open already; for each FVT_OK with a file there must be one
** snapshot_release(). Safe from several threads. FVT_OK and *out NULL when it has gone since the
** snapshot was taken, or is no flow file: both have no rows. *out belongs to the snapshot. */
int snapshot_open(struct snapshot *s, size_t i, struct fvt_file **out, struct fvt_error *err);
/* The rows of all files before file i, in *rows. Opens each of them, at the first call. FVT_OK, or an FVT_* code
** and a sentence in err. Safe from several threads. */
int snapshot_rows_before(struct snapshot *s, size_t i, uint64_t *rows, struct fvt_error *err);
/* Is there something under the path of file i still? */
bool snapshot_exists(const struct snapshot *s, size_t i);
/* Done with file i for now: it stays open while few are. */
void snapshot_release(struct snapshot *s, size_t i);

#endif
