/* SPDX-License-Identifier: MIT */
/*
** Removing the oldest files of a store, so that it keeps to limits of size, age and free room on the
** disk. Works while the store is written to, read and merged. Only closed flow files go that lie
** where one of the store's layouts puts them (layout.h), and then directories of theirs that are
** empty; everything else is left alone.
*/
#ifndef FLOWVT_EXPIRE_H
#define FLOWVT_EXPIRE_H

#include "fvt.h"

/* 0: no limit. */
struct expire_limits {
    uint64_t size;         /* octets, of the flow files */
    int64_t age;           /* ms since the end of a file's interval or day */
    uint64_t free;         /* octets on the file system, for unprivileged users */
    unsigned free_percent; /* of the file system's size */
    unsigned share; /* percent: nothing goes for free where the files take less of what is in use */
    int64_t keep;   /* ms: what is younger does not go for size or free */
};

struct expire_calls {
    /* Told of each file that is removed, or would be; may be NULL. */
    void (*removed)(void *arg, const char *path, uint64_t octets);
    /* One sentence for each thing that was left undone, and why; may be NULL. */
    void (*warn)(void *arg, const char *text);
    void *arg;
};

struct expire_counts {
    uint64_t files, octets;           /* removed */
    uint64_t left_files, left_octets; /* that the store has now */
    uint64_t excess;                  /* octets too much there still are, by size or free */
    uint64_t others;                  /* octets of free that others would have to make room for */
};

/* Keep the store at dir to the limits, now being ms since 1970 UTC. With dry_run nothing is
** removed, the counts say what would be. FVT_IO: the directory cannot be read, or another program
** is merging or expiring, which is over some time; FVT_NOMEM. */
int fvt_expire(const char *dir, const struct expire_limits *limits, int64_t now, bool dry_run,
               const struct expire_calls *calls, struct expire_counts *counts,
               struct fvt_error *err);

#endif
