/* SPDX-License-Identifier: MIT */
/*
** Which flow files a store has. A file keeps its name from its first row until it is merged or
** expires, so one walk finds each exactly once, whatever is written or closed meanwhile; what was
** merged is left out even where it is still there. Directories that the index knows are not read,
** and of their files only those are listed that can matter.
*/
#include "list.h"
#include "index.h"
#include "layout.h"
#include "replaced.h"
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void listing_add(struct listing *l, const char *name) {
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        char **grown = realloc(l->names, cap * sizeof *grown);
        if (!grown) {
            l->failed = true;
            return;
        }
        l->names = grown;
        l->cap = cap;
    }
    l->names[l->n] = strdup(name);
    if (l->names[l->n])
        l->n++;
    else
        l->failed = true;
}

void listing_free(struct listing *l) {
    for (size_t i = 0; i < l->n; i++)
        free(l->names[i]);
    free(l->names);
    *l = (struct listing){0};
}

bool path_join(char *out, size_t size, const char *dir, const char *name) {
    int n = snprintf(out, size, "%s%s%s", dir, *dir ? "/" : "", name);
    return n >= 0 && (size_t)n < size;
}

/* ---- one directory ---------------------------------------------------------------------- */

static bool has_suffix(const char *name, const char *suffix) {
    size_t n = strlen(name), k = strlen(suffix);
    return n > k && strcmp(name + n - k, suffix) == 0;
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

static int read_directory(const char *dir, const char *suffix, struct listing *files,
                          struct listing *dirs) {
    DIR *d = opendir(dir);
    if (!d)
        return errno;
    for (;;) {
        char path[4096];
        errno = 0;
        struct dirent *e = files->failed || dirs->failed ? NULL : readdir(d);
        if (!e)
            break;
        if (e->d_name[0] == '.' || strcmp(e->d_name, "lost+found") == 0 ||
            !path_join(path, sizeof path, dir, e->d_name))
            continue;
        int type = type_of(e, path);
        if (type == DT_REG && has_suffix(e->d_name, suffix))
            listing_add(files, e->d_name);
        else if (type == DT_DIR)
            listing_add(dirs, e->d_name);
    }
    int failed = files->failed || dirs->failed ? ENOMEM : errno;
    closedir(d);
    return failed;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum { DAY_PREFIX = sizeof "flows.YYYYMMDD" - 1 };

/* From the name at *at on, those of the day: what its file does not stand for moves to *kept. */
static void keep_others(const char *dir, struct listing *l, const struct fvt_file *day, size_t *at,
                        size_t *kept) {
    const char *prefix = base_name(day->path);
    char path[4096];
    for (; *at < l->n && strncmp(l->names[*at], prefix, DAY_PREFIX) == 0; ++*at)
        if (path_join(path, sizeof path, dir, l->names[*at]) && replaced_is(day, path))
            free(l->names[*at]);
        else
            l->names[(*kept)++] = l->names[*at];
}

/* Take the files out of a directory's list that a day's file stands for: they follow it. */
static void leave_replaced(const char *dir, struct listing *l) {
    size_t kept = 0;
    for (size_t i = 0; i < l->n;) {
        struct fvt_file *day = NULL;
        char path[4096], *name = l->names[kept++] = l->names[i++];
        bool more = i < l->n && is_day_name(name) && strncmp(l->names[i], name, DAY_PREFIX) == 0;
        if (!more || !path_join(path, sizeof path, dir, name) ||
            fvt_open(path, &day, NULL) != FVT_OK)
            continue;
        keep_others(dir, l, day, &i, &kept);
        fvt_file_free(day);
    }
    l->n = kept;
}

/* The directory of an hour has its day's file above it. */
static void leave_replaced_above(const char *dir, struct listing *l) {
    struct fvt_file *day = NULL;
    char path[4096];
    size_t at = 0, kept = 0;
    if (l->n == 0 || !layout_is_hour(dir, l->names[0]) ||
        snprintf(path, sizeof path, "%.*s%.*s.fvt", (int)(base_name(dir) - dir), dir, DAY_PREFIX,
                 l->names[0]) >= (int)sizeof path ||
        access(path, F_OK) != 0 || fvt_open(path, &day, NULL) != FVT_OK)
        return;
    keep_others(dir, l, day, &at, &kept);
    while (at < l->n)
        l->names[kept++] = l->names[at++];
    l->n = kept;
    fvt_file_free(day);
}

int list_entries(const char *dir, const char *suffix, struct listing *files, struct listing *dirs) {
    int failed = read_directory(dir, suffix, files, dirs);
    if (files->n > 1)
        qsort(files->names, files->n, sizeof *files->names, by_text);
    if (dirs->n > 1)
        qsort(dirs->names, dirs->n, sizeof *dirs->names, by_text);
    return failed;
}

int list_directory(const char *dir, const char *suffix, struct listing *files,
                   struct listing *dirs) {
    int failed = list_entries(dir, suffix, files, dirs);
    if (!failed && strcmp(suffix, ".fvt") == 0) {
        leave_replaced(dir, files);
        leave_replaced_above(dir, files);
    }
    return failed;
}

/* ---- a store ---------------------------------------------------------------------------- */

struct walk {
    const char *suffix;
    const struct index *index; /* or NULL */
    const struct fvt_choice *choice;
    struct listing paths;
};

static bool overlaps(const struct extent *e, const struct fvt_choice *c) {
    return e->first < c->until && e->last >= c->since;
}

/* May there be something of what is looked for? */
static bool chosen(const struct index_times *t, const struct fvt_choice *c) {
    if (t->open || (c->since == INT64_MIN && c->until == INT64_MAX))
        return true;
    return overlaps(c->by == FVT_BY_FLOWS ? &t->flows : &t->interval, c);
}

static void add_file(struct walk *w, const char *dir, const char *name) {
    char path[4096];
    if (path_join(path, sizeof path, dir, name))
        listing_add(&w->paths, path);
}

static int walk(struct walk *w, const char *dir, const char *inside, unsigned depth, bool fits);

/* path: below the store; dir: the directory it is in. */
static int walk_below(struct walk *w, const char *dir, const char *inside, const char *name,
                      unsigned depth, bool fits) {
    char path[4096], below[4096];
    if (depth >= LIST_DEPTH || !path_join(path, sizeof path, dir, name) ||
        !path_join(below, sizeof below, inside, name))
        return 0;
    return walk(w, path, below, depth + 1, fits);
}

/* By the index. False when it does not know the directory as it is. fits: it knows the one above. */
static bool walk_index(struct walk *w, const char *dir, const char *inside, unsigned depth,
                       bool fits, int *failed) {
    struct stat st;
    const struct index_dir *d =
        w->index && stat(dir, &st) == 0 ? index_find(w->index, inside, &st) : NULL;
    if (!d)
        return false;
    if (d->nfiles && chosen(&d->times, w->choice)) {
        struct index_file *files = index_files(w->index, d);
        if (!files || !index_holds(dir, files, d->nfiles, fits)) {
            free(files);
            return false;
        }
        for (uint32_t i = 0; i < d->nfiles; i++)
            if (chosen(&files[i].times, w->choice))
                add_file(w, dir, files[i].name);
        free(files);
    }
    for (const struct index_dir *i = NULL; (i = index_next_below(w->index, d, i)) && !*failed;)
        *failed = walk_below(w, dir, inside, base_name(i->path), depth, true);
    return true;
}

/* Returns 0 or an errno. Directories that go away while they are walked held nothing any more. */
static int walk(struct walk *w, const char *dir, const char *inside, unsigned depth, bool fits) {
    struct listing files = {0}, dirs = {0};
    int failed = 0;
    if (w->choice->stop && w->choice->stop(w->choice->stop_arg))
        return ECANCELED;
    if (walk_index(w, dir, inside, depth, fits, &failed))
        return failed;
    failed = list_directory(dir, w->suffix, &files, &dirs);
    if (failed == ENOENT && depth)
        failed = 0;
    for (size_t i = 0; !failed && i < files.n; i++)
        add_file(w, dir, files.names[i]);
    for (size_t i = 0; !failed && i < dirs.n; i++)
        failed = walk_below(w, dir, inside, dirs.names[i], depth, false);
    listing_free(&files);
    listing_free(&dirs);
    return failed;
}

/* File names sort by time; the directories above only where two names are the same. */
static int by_name(const void *a, const void *b) {
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    int order = strcmp(base_name(x), base_name(y));
    return order ? order : strcmp(x, y);
}

/* As a store has them, they are in order already. */
static void sort_by_name(struct listing *l) {
    size_t i = 1;
    while (i < l->n && by_name(&l->names[i - 1], &l->names[i]) <= 0)
        i++;
    if (i < l->n)
        qsort(l->names, l->n, sizeof *l->names, by_name);
}

/* One allocation: the pointers, a NULL, then the text. */
static char **pack(const struct listing *l) {
    size_t size = (l->n + 1) * sizeof(char *);
    for (size_t i = 0; i < l->n; i++)
        size += strlen(l->names[i]) + 1;
    char **out = malloc(size);
    if (!out)
        return NULL;
    char *text = (char *)(out + l->n + 1);
    for (size_t i = 0; i < l->n; i++) {
        out[i] = text;
        text = stpcpy(text, l->names[i]) + 1;
    }
    out[l->n] = NULL;
    return out;
}

static int list_walk(const char *dir, struct walk *w, char ***paths, size_t *n,
                     struct fvt_error *err) {
    struct stat st;
    struct listing *l = &w->paths;
    int failed = stat(dir, &st) == 0 ? 0 : errno;
    if (!failed && S_ISDIR(st.st_mode))
        failed = walk(w, dir, "", 0, true);
    else if (!failed)
        listing_add(l, dir);
    if (!failed)
        sort_by_name(l);
    *paths = failed || l->failed ? NULL : pack(l);
    *n = l->n;
    listing_free(l);
    if (*paths)
        return FVT_OK;
    if (failed && failed != ENOMEM)
        fvt_fail(err, "%s: %s: give the directory of a store, or a flow file", dir,
                 strerror(failed));
    else
        fvt_fail(err, "%s: out of memory", dir);
    return failed && failed != ENOMEM ? FVT_IO : FVT_NOMEM;
}

static const struct fvt_choice everything = {
    .by = FVT_BY_FLOWS, .since = INT64_MIN, .until = INT64_MAX};

int list_files(const char *dir, const char *suffix, char ***paths, size_t *n,
               struct fvt_error *err) {
    struct walk w = {.suffix = suffix, .choice = &everything};
    return list_walk(dir, &w, paths, n, err);
}

int fvt_store_list(const char *dir, char ***paths, size_t *n, struct fvt_error *err) {
    return list_files(dir, ".fvt", paths, n, err);
}

int fvt_store_choose(const char *dir, const struct fvt_choice *choice, char ***paths, size_t *n,
                     struct fvt_error *err) {
    struct index *index = index_open(dir);
    struct walk w = {.suffix = ".fvt", .index = index, .choice = choice};
    int rc = list_walk(dir, &w, paths, n, err);
    index_free(index);
    return rc;
}
