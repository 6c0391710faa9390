/* SPDX-License-Identifier: MIT */
/*
** Which flow files a store has. A file keeps its name from its first row until it is merged or
** expires, so one walk finds each exactly once, whatever is written or closed meanwhile; what was
** merged is left out even where it is still there.
*/
#include "format.h"
#include "replaced.h"
#include "rewrite.h"
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 8 };

struct listing {
    char **paths;
    size_t n, cap;
    bool failed;
};

static bool has_suffix(const char *name, const char *suffix) {
    size_t n = strlen(name), k = strlen(suffix);
    return n > k && strcmp(name + n - k, suffix) == 0;
}

static void add_path(struct listing *l, const char *path) {
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        char **grown = realloc(l->paths, cap * sizeof *grown);
        if (!grown) {
            l->failed = true;
            return;
        }
        l->paths = grown;
        l->cap = cap;
    }
    l->paths[l->n] = strdup(path);
    if (l->paths[l->n])
        l->n++;
    else
        l->failed = true;
}

/* What an entry is: DT_REG, DT_DIR, or something that a store has no use for. Links are not
** followed: a file must not be met twice. */
static int type_of(const struct dirent *e, const char *path) {
    struct stat st;
    if (e->d_type != DT_UNKNOWN)
        return e->d_type;
    if (lstat(path, &st) != 0)
        return DT_UNKNOWN;
    return S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_UNKNOWN;
}

/* Returns 0 or an errno. Directories that go away while they are walked held nothing any more. */
static int walk(struct listing *l, const char *dir, const char *suffix, unsigned depth) {
    DIR *d = opendir(dir);
    int failed = 0;
    if (!d)
        return errno == ENOENT && depth ? 0 : errno;
    for (;;) {
        char path[4096];
        errno = 0;
        struct dirent *e = failed || l->failed ? NULL : readdir(d);
        if (!e)
            break;
        if (e->d_name[0] == '.' ||
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= (int)sizeof path)
            continue;
        int type = type_of(e, path);
        if (type == DT_REG && has_suffix(e->d_name, suffix))
            add_path(l, path);
        else if (type == DT_DIR && depth < MAX_DEPTH)
            failed = walk(l, path, suffix, depth + 1);
    }
    if (!failed && !l->failed)
        failed = errno;
    closedir(d);
    return failed;
}

/* File names sort by time; the directories above only where two names are the same. */
static int by_name(const void *a, const void *b) {
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    int order = strcmp(base_name(x), base_name(y));
    return order ? order : strcmp(x, y);
}

/* One allocation: the pointers, a NULL, then the text. */
static char **pack(const struct listing *l) {
    size_t size = (l->n + 1) * sizeof(char *);
    for (size_t i = 0; i < l->n; i++)
        size += strlen(l->paths[i]) + 1;
    char **out = malloc(size);
    if (!out)
        return NULL;
    char *text = (char *)(out + l->n + 1);
    for (size_t i = 0; i < l->n; i++) {
        out[i] = text;
        text = stpcpy(text, l->paths[i]) + 1;
    }
    out[l->n] = NULL;
    return out;
}

int list_files(const char *dir, const char *suffix, char ***paths, size_t *n,
               struct fvt_error *err) {
    struct stat st;
    struct listing l = {0};
    int failed = stat(dir, &st) == 0 ? 0 : errno;
    if (!failed && S_ISDIR(st.st_mode))
        failed = walk(&l, dir, suffix, 0);
    else if (!failed)
        add_path(&l, dir);
    if (l.n > 1)
        qsort(l.paths, l.n, sizeof *l.paths, by_name);
    *paths = failed || l.failed ? NULL : pack(&l);
    *n = l.n;
    for (size_t i = 0; i < l.n; i++)
        free(l.paths[i]);
    free(l.paths);
    if (*paths)
        return FVT_OK;
    if (failed)
        fvt_fail(err, "%s: %s: give the directory of a store, or a flow file", dir,
                 strerror(failed));
    else
        fvt_fail(err, "%s: out of memory", dir);
    return failed ? FVT_IO : FVT_NOMEM;
}

/* Do both lie in one directory? */
static bool together(const char *a, const char *b) {
    size_t n = (size_t)(base_name(a) - a);
    return n == (size_t)(base_name(b) - b) && strncmp(a, b, n) == 0;
}

/* Take the files out of the list that a day's file stands for: they follow it, as sorted. */
static size_t leave_replaced(char **paths, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n;) {
        struct fvt_file *day = NULL;
        const char *path = paths[i], *name = base_name(path);
        paths[kept++] = paths[i++];
        bool more = i < n && is_day_name(name) &&
                    strncmp(base_name(paths[i]), name, strlen("flows.YYYYMMDD")) == 0;
        if (!more || fvt_open(path, &day, NULL) != FVT_OK)
            continue;
        for (; i < n && strncmp(base_name(paths[i]), name, strlen("flows.YYYYMMDD")) == 0; i++)
            if (!together(path, paths[i]) || !replaced_is(day, paths[i]))
                paths[kept++] = paths[i];
        fvt_file_free(day);
    }
    paths[kept] = NULL;
    return kept;
}

int fvt_store_list(const char *dir, char ***paths, size_t *n, struct fvt_error *err) {
    int rc = list_files(dir, ".fvt", paths, n, err);
    if (rc == FVT_OK)
        *n = leave_replaced(*paths, *n);
    return rc;
}
