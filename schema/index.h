/* SPDX-License-Identifier: MIT */
/*
** STORE/.index/files: what times the files of each directory of a store are about, so that a
** question about an hour opens the files of that hour alone, of however many. It is a cache: what it
** says of a directory counts as long as inode and ctime of the directory are those it was made of,
** and every other directory is read as if there were none. FORMAT.md, "Index". Private to schema/.
*/
#ifndef FLOWVT_INDEX_H
#define FLOWVT_INDEX_H

#include <sys/stat.h>

#include "format.h"

/* A stretch of time, ms, both ends included; first > last: empty. */
struct extent {
    int64_t first, last;
};
static inline struct extent extent_none(void) {
    return (struct extent){INT64_MAX, INT64_MIN};
}
static inline void extent_add(struct extent *e, struct extent more) {
    e->first = more.first < e->first ? more.first : e->first;
    e->last = more.last > e->last ? more.last : e->last;
}

/* What is known of a file, or of all files of a directory: where the flows' times lie (all of
** tstart, tend and trecv), and the interval. open: this is not known, the file must be opened. */
struct index_times {
    bool open;
    struct extent flows, interval;
};

/* The times of a closed and whole file; of any other: open. */
struct index_times index_times_of(const char *path);

/* One directory, path relative to the store, "" for the store's own. */
struct index_dir {
    const char *path;
    uint64_t inode;
    int64_t changed; /* ctime, ns; 0: it was changing, and is to be read */
    struct index_times times;
    uint64_t offset, checksum; /* of the table of its files */
    uint32_t length, nfiles;
};

struct index_file {
    const char *name;
    struct index_times times;
};

struct index {
    int fd;
    uint64_t size;
    char *text;             /* of the paths */
    struct index_dir *dirs; /* ascending by path */
    size_t ndirs;
};

/* The index of the store at dir; NULL when there is none that can be read. */
struct index *index_open(const char *dir);
void index_free(struct index *x);

/* What it says of a directory; NULL when that does not fit any more. */
const struct index_dir *index_find(const struct index *x, const char *path, const struct stat *st);
/* The entry of the first directory right below d behind after (NULL: the first); NULL: no more. */
const struct index_dir *index_next_below(const struct index *x, const struct index_dir *d,
                                         const struct index_dir *after);
/* Does what it says of dir still hold, of n files? That of an hour is without the files that the day's file
** stands for, which is in the directory above; fits: of that the index knows all as well. */
bool index_holds(const char *dir, const struct index_file *files, uint32_t n, bool fits);
/* The files right in d, one allocation with their names; NULL: cannot be read. */
struct index_file *index_files(const struct index *x, const struct index_dir *d);

#endif
