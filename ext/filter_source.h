/* SPDX-License-Identifier: MIT */
/*
** The texts that a filter is read from: the statement's own, and the files that it includes.
**
** A file is read when the filter is compiled. Only regular files are; each message about one names
** it, and none quotes what is in it. FLOWVT_FILTERS in the environment says which files:
**
**   not set          any that the process may read. A relative name is relative to the file that has
**                    the @include, or to the working directory
**   a directory      those below it alone, links followed; relative names begin there
**   empty            none
*/
#ifndef FLOWVT_FILTER_SOURCE_H
#define FLOWVT_FILTER_SOURCE_H

#include <stddef.h>
#include <sys/types.h>

enum {
    FILTER_MAX_TEXT = 64 << 20, /* octets of a filter with all that it includes */
    FILTER_MAX_INCLUDES = 1000, /* files in one filter */
    FILTER_MAX_OPEN = 16        /* files that include each other */
};

struct filter_source {
    const char *text;
    size_t n, at;                /* length, and where the rest begins */
    struct filter_source *outer; /* the one that includes it */
    struct filter_source *older; /* read before it */
    int depth;
    char *name; /* as the user wrote it; NULL: the statement's own text */
    char *path; /* resolved */
    dev_t dev;
    ino_t ino;
    char *owned; /* text, when it is to be freed */
};

struct filter_sources {
    struct filter_source own;
    struct filter_source *now;    /* being read */
    struct filter_source *newest; /* of all files */
    size_t total;
    unsigned files;
};

void filter_sources_open(struct filter_sources *s, const char *text, size_t n);
void filter_sources_close(struct filter_sources *s);

/* Continue with the file of that name, n octets. Returns NULL, or one sentence in err that says why
** that cannot be. */
const char *filter_sources_include(struct filter_sources *s, const char *name, size_t n, char *err,
                                   size_t errn);

#endif
