/* SPDX-License-Identifier: MIT */
/*
** A file on its way into the store: written to NAME.tmp piece by piece, synced, looked at again and
** renamed, so that under NAME there is one whole file or the other whatever happens. Private to
** schema/ and to what else is kept in a store.
*/
#ifndef FLOWVT_NEWFILE_H
#define FLOWVT_NEWFILE_H

#include "format.h"

/* A file under this name is being made; it is nobody's data until it is renamed. */
#define FVT_TMP_SUFFIX ".tmp"

struct newfile {
    char *path, *tmp;
    int fd;
    uint64_t end; /* octets written */
};

/* Begin NAME.tmp anew. All return FVT_OK, FVT_IO or FVT_NOMEM with a sentence in err. */
int newfile_open(struct newfile *f, const char *path, struct fvt_error *err);
/* Append what is in b and empty it. */
int newfile_put(struct newfile *f, struct fvt_buffer *b, struct fvt_error *err);
/* Wait for the disk, and ask check (unless NULL) about what can be read back. */
int newfile_settle(struct newfile *f, bool (*check)(const char *path, void *arg), void *arg,
                   struct fvt_error *err);
/* Give it its name; with directory_sync() it keeps that through a power loss. */
int newfile_publish(struct newfile *f, struct fvt_error *err);
/* Close, and remove what has not been published. */
void newfile_free(struct newfile *f);

/* pwrite() all of it, or a negative errno. */
int write_at(int fd, const uint8_t *p, size_t n, uint64_t offset);
/* The directory that path is in: a descriptor to be closed, or -1 and errno. */
int parent_open(const char *path);
/* Make renames in path's directory last through a power loss: 0, or a negative errno. */
int directory_sync(const char *path);

#endif
