/* SPDX-License-Identifier: MIT */
/*
** Merging the files of a day that is over into one, STORE/YYYY/MM/DD/flows.YYYYMMDD.fvt, with large
** row groups in order of the files; what came late is merged into that one later. Works while the
** store is written to and read. A reader sees each row once, before, during and after, and after a
** crash at any moment: the new file says which files it stands for.
*/
#ifndef FLOWVT_MERGE_H
#define FLOWVT_MERGE_H

#include "fvt.h"

/* In the store's directory; locked by the program that is merging. */
#define MERGE_LOCK ".merge"

struct merge_calls {
    /* One sentence for each thing that was left undone, and why; may be NULL. */
    void (*warn)(void *arg, const char *text);
    bool (*stop)(void *arg); /* asked between files; may be NULL */
    void *arg;
};

struct merge_options {
    int64_t before;      /* merge days that ended at or before this time, ms since 1970 UTC */
    const char *rollups; /* as for rollup_parse(): NULL the default, "" none */
};

struct merge_counts {
    uint64_t days, files; /* merged */
    uint64_t undone;      /* days with files that had to be left for another time */
};

/* Merge the days of the store at dir. Files that are still written to are left alone. FVT_IO: the
** directory cannot be read, or another program is merging; FVT_UNKNOWN: a roll-up of columns that
** cannot be; a day that fails is only counted and warned of. */
int fvt_merge(const char *dir, const struct merge_options *options, const struct merge_calls *calls,
              struct merge_counts *counts, struct fvt_error *err);

/* Keep others from merging the store. A descriptor to be closed, or -1 with a message. */
int merge_lock(const char *dir, struct fvt_error *err);

#endif
