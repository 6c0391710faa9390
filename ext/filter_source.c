/* SPDX-License-Identifier: MIT */
/*
** Opens the files that a filter includes.
*/
#include "filter_source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void filter_sources_open(struct filter_sources *s, const char *text, size_t n) {
    *s = (struct filter_sources){.own = {.text = text, .n = n}, .total = n};
    s->now = &s->own;
}

static void source_free(struct filter_source *source) {
    free(source->name);
    free(source->path);
    free(source->owned);
    free(source);
}

void filter_sources_close(struct filter_sources *s) {
    while (s->newest) {
        struct filter_source *older = s->newest->older;
        source_free(s->newest);
        s->newest = older;
    }
}

/* What a relative name is relative to, into out. */
static void directory_of(const struct filter_sources *s, const char *jail, char out[PATH_MAX]) {
    const char *path = s->now->path;
    const char *slash = path ? strrchr(path, '/') : NULL;
    if (slash)
        snprintf(out, PATH_MAX, "%.*s", (int)(slash - path), path);
    else
        snprintf(out, PATH_MAX, "%s", jail ? jail : ".");
}

/* Is path below directory, both resolved? */
static int is_below(const char *path, const char *directory) {
    size_t n = strlen(directory);
    while (n && directory[n - 1] == '/')
        n--;
    return strncmp(path, directory, n) == 0 && path[n] == '/';
}

/* The file's path without links, malloc()ed, or NULL and *why. */
static char *resolve(const struct filter_sources *s, const char *name, const char **why) {
    const char *jail = getenv("FLOWVT_FILTERS");
    char directory[PATH_MAX], joined[2 * PATH_MAX];
    if (jail && !*jail) {
        *why = "files are not included here: FLOWVT_FILTERS is empty";
        return NULL;
    }
    directory_of(s, jail, directory);
    snprintf(joined, sizeof joined, "%s/%s", directory, name);
    char *path = realpath(*name == '/' ? name : joined, NULL);
    if (!path) {
        *why = strerror(errno);
        return NULL;
    }
    char *inside = jail ? realpath(jail, NULL) : NULL;
    if (jail && (!inside || !is_below(path, inside))) {
        *why = "it is not below the directory that FLOWVT_FILTERS names";
        free(path);
        path = NULL;
    }
    free(inside);
    return path;
}

/* All of the file into source->owned; NULL, or why not. */
static const char *read_file(struct filter_source *source, int fd, size_t room) {
    struct stat st;
    if (fstat(fd, &st) != 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "it is no regular file";
    if (st.st_size < 0 || (size_t)st.st_size > room)
        return "the filter gets too long";
    source->dev = st.st_dev;
    source->ino = st.st_ino;
    source->owned = malloc((size_t)st.st_size + 1);
    if (!source->owned)
        return "out of memory";
    size_t size = (size_t)st.st_size;
    while (source->n < size) {
        ssize_t n = read(fd, source->owned + source->n, size - source->n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return strerror(errno);
        if (n == 0)
            break; /* it was cut meanwhile */
        source->n += (size_t)n;
    }
    source->text = source->owned;
    return NULL;
}

static const char *include(struct filter_sources *s, struct filter_source *source) {
    const char *why = NULL;
    source->path = resolve(s, source->name, &why);
    if (!source->path)
        return why;
    /* Not to wait for somebody to write into a FIFO. */
    int fd = open(source->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return strerror(errno);
    why = read_file(source, fd, FILTER_MAX_TEXT - s->total);
    close(fd);
    for (const struct filter_source *o = s->now; !why && o; o = o->outer)
        if (o->path && o->dev == source->dev && o->ino == source->ino)
            why = "it includes itself";
    return why;
}

static struct filter_source *source_new(const char *name, size_t n) {
    struct filter_source *source = calloc(1, sizeof *source);
    if (source)
        source->name = strndup(name, n);
    if (source && source->name)
        return source;
    free(source);
    return NULL;
}

/* A source for the file of that name, read; NULL, or why not in *why. */
static struct filter_source *open_source(struct filter_sources *s, const char *name, size_t n,
                                         const char **why) {
    if (n == 0 || n >= PATH_MAX || memchr(name, '\0', n)) {
        *why = "expected the name of a file";
        return NULL;
    }
    if (s->files >= FILTER_MAX_INCLUDES || s->now->depth >= FILTER_MAX_OPEN) {
        *why = "too many files include each other";
        return NULL;
    }
    struct filter_source *source = source_new(name, n);
    if (!source) {
        *why = "out of memory";
        return NULL;
    }
    *why = include(s, source);
    if (!*why)
        return source;
    source_free(source);
    return NULL;
}

const char *filter_sources_include(struct filter_sources *s, const char *name, size_t n, char *err,
                                   size_t errn) {
    const char *why = NULL;
    struct filter_source *source = open_source(s, name, n, &why);
    if (!source) {
        snprintf(err, errn, "@include %.*s: %s", n < 200 ? (int)n : 200, name, why);
        return err;
    }
    source->outer = s->now;
    source->older = s->newest;
    source->depth = s->now->depth + 1;
    s->newest = s->now = source;
    s->total += source->n;
    s->files++;
    return NULL;
}
