/* SPDX-License-Identifier: MIT */
/*
** Numbers of the index file, as FORMAT.md gives them. For index.c and index_write.c.
*/
#ifndef FLOWVT_INDEX_FORMAT_H
#define FLOWVT_INDEX_FORMAT_H

#include <sys/stat.h>

#include "format.h"

#define INDEX_MAGIC "FLOWIDX1"
#define INDEX_DIRECTORY ".index"
#define INDEX_PATH INDEX_DIRECTORY "/files"

enum {
    INDEX_HEADER = 64,
    INDEX_TIMES = 2 + 4 * 8,
    INDEX_FILE = 2 + INDEX_TIMES,                        /* with an empty name */
    INDEX_DIR = 2 + 8 + 8 + INDEX_TIMES + 8 + 4 + 4 + 8, /* with an empty path */
};

/* When a directory was last changed, ns; unlike its mtime nobody can set it. */
static inline int64_t index_changed(const struct stat *st) {
    return (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

#endif
