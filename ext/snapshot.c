/* SPDX-License-Identifier: MIT */
/*
** Listing a store and opening its files, a bounded number of them at a time.
*/
#include "snapshot.h"

#include "../schema/hold.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Files kept open by one cursor. A statement may have many cursors and a process 1024 descriptors,
** or 256; opening a file again costs the reading of its footer. */
enum { MAX_OPEN = 16 };

const char *snapshot_store(const char *store) {
    if (!store || !*store)
        store = getenv("FLOWVT_STORE");
    return store && *store ? store : "/var/lib/flowvt";
}

/* Is it the name of a file of nfcapd, as nfcapd.202311142225? */
static bool is_nfcapd(const char *name) {
    return strncmp(name, "nfcapd.", 7) == 0 && name[7] >= '0' && name[7] <= '9';
}

/* Look for files of nfcapd in a directory without flow files, and in the first of its directories, down
** to the days and hours that nfcapd makes of them. path: of the directory, becomes that of a file. */
static bool find_nfcapd(char path[PATH_MAX], int depth) {
    char below[NAME_MAX + 1] = "";
    size_t n = strlen(path);
    bool found = false, ours = false;
    struct dirent *e;
    DIR *dir = depth > 0 ? opendir(path) : NULL;
    while (dir && !ours && (e = readdir(dir)) != NULL) {
        size_t length = strlen(e->d_name);
        ours = length > 4 && strcmp(e->d_name + length - 4, ".fvt") == 0;
        if (is_nfcapd(e->d_name) && !found && n + length + 2 < PATH_MAX) {
            found = true;
            snprintf(path + n, PATH_MAX - n, "/%s", e->d_name);
        } else if (e->d_type == DT_DIR && e->d_name[0] != '.') {
            snprintf(below, sizeof below, "%s", e->d_name);
        }
    }
    if (dir)
        closedir(dir);
    if (found || ours || !*below || n + strlen(below) + 2 >= PATH_MAX)
        return found && !ours;
    snprintf(path + n, PATH_MAX - n, "/%s", below);
    return find_nfcapd(path, depth - 1);
}

/* Nothing is found where nfcapd writes; it would be wrong to call that an answer. */
static int check_foreign(const char *store, struct fvt_error *err) {
    enum { DEPTH = 6 };
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s", store) >= sizeof path ||
        !find_nfcapd(path, DEPTH))
        return FVT_OK;
    snprintf(err->text, sizeof err->text,
             "%s: it has files of nfdump (%s) and no flow files: send them to a flowcollect, "
             "nfreplay -v 9 -H 127.0.0.1 -p 9995 -r FILE",
             store, path + strlen(store) + 1);
    return FVT_FOREIGN;
}

int snapshot_take(const char *store, const struct fvt_choice *choice, struct footers *footers,
                  struct snapshot **out, struct fvt_error *err) {
    store = snapshot_store(store);
    struct snapshot *s = calloc(1, sizeof *s);
    int rc = FVT_NOMEM;
    if (s) {
        pthread_mutex_init(&s->lock, NULL);
        s->choice = *choice;
        s->footers = footers;
        s->hold = hold_shared(store);
    }
    if (s && (s->store = strdup(store)) != NULL)
        rc = fvt_store_choose(store, choice, &s->paths, &s->n, err);
    if (rc == FVT_OK && s->n == 0)
        rc = check_foreign(store, err);
    if (rc == FVT_OK) {
        s->files = calloc(s->n + 1, sizeof(struct fvt_file *));
        s->users = calloc(s->n + 1, sizeof *s->users);
        rc = s->files && s->users ? FVT_OK : FVT_NOMEM;
    }
    if (rc != FVT_OK) {
        if (rc == FVT_NOMEM)
            strcpy(err->text, "out of memory");
        snapshot_free(s);
        return rc;
    }
    *out = s;
    return FVT_OK;
}

void snapshot_free(struct snapshot *s) {
    if (!s)
        return;
    for (size_t i = 0; s->files && i < s->n; i++)
        footers_keep(s->footers, s->files[i]);
    if (s->hold >= 0)
        close(s->hold);
    pthread_mutex_destroy(&s->lock);
    overrides_free(s->overrides);
    free(s->files);
    free(s->users);
    free(s->before);
    free(s->paths);
    free(s->store);
    free(s);
}

/* Close the files that nobody uses; false when there were none. */
static bool close_idle(struct snapshot *s) {
    bool any = false;
    for (size_t i = 0; i < s->n; i++) {
        if (!s->files[i] || s->users[i])
            continue;
        footers_keep(s->footers, s->files[i]);
        s->files[i] = NULL;
        s->open--;
        any = true;
    }
    return any;
}

/* The lock is not held: a store may have very many small files, for which threads would wait. */
static int open_file(struct snapshot *s, size_t i, struct fvt_file **out, struct fvt_error *err) {
    errno = 0;
    int rc = footers_open(s->footers, s->paths[i], out, err);
    if (rc == FVT_IO && (errno == EMFILE || errno == ENFILE)) {
        pthread_mutex_lock(&s->lock);
        bool any = close_idle(s);
        pthread_mutex_unlock(&s->lock);
        errno = any ? 0 : errno;
        rc = any ? footers_open(s->footers, s->paths[i], out, err) : rc;
    }
    if (rc != FVT_OK)
        *out = NULL;
    /* A directory may have other things in it; a file that was named is meant to be one. */
    bool passed_over = rc == FVT_FOREIGN && strcmp(s->paths[i], s->store) != 0;
    return passed_over || (rc == FVT_IO && errno == ENOENT) ? FVT_OK : rc;
}

int snapshot_open(struct snapshot *s, size_t i, struct fvt_file **out, struct fvt_error *err) {
    struct fvt_file *file = NULL;
    int rc = FVT_OK;
    pthread_mutex_lock(&s->lock);
    if (!s->files[i]) {
        pthread_mutex_unlock(&s->lock);
        rc = open_file(s, i, &file, err);
        pthread_mutex_lock(&s->lock);
    }
    if (!s->files[i] && file) { /* or another thread was first */
        s->files[i] = file;
        s->open++;
        file = NULL;
    }
    *out = s->files[i];
    s->users[i] += *out != NULL;
    pthread_mutex_unlock(&s->lock);
    fvt_file_free(file);
    return *out ? FVT_OK : rc;
}

static int count_rows(struct snapshot *s, uint64_t *before, struct fvt_error *err) {
    int rc = FVT_OK;
    for (size_t i = 0; rc == FVT_OK && i < s->n; i++) {
        struct fvt_file *f;
        rc = snapshot_open(s, i, &f, err);
        before[i + 1] = before[i];
        if (rc != FVT_OK || !f)
            continue;
        before[i + 1] += f->rows;
        snapshot_release(s, i);
    }
    return rc;
}

int snapshot_rows_before(struct snapshot *s, size_t i, uint64_t *rows, struct fvt_error *err) {
    pthread_mutex_lock(&s->lock);
    uint64_t *before = s->before;
    pthread_mutex_unlock(&s->lock);
    if (!before) {
        before = calloc(s->n + 1, sizeof *before);
        int rc = before ? count_rows(s, before, err) : FVT_NOMEM;
        if (!before)
            strcpy(err->text, "out of memory");
        if (rc != FVT_OK) {
            free(before);
            return rc;
        }
        pthread_mutex_lock(&s->lock);
        uint64_t *lost = s->before ? before : NULL; /* another thread was first */
        before = s->before = lost ? s->before : before;
        pthread_mutex_unlock(&s->lock);
        free(lost);
    }
    *rows = before[i];
    return FVT_OK;
}

bool snapshot_exists(const struct snapshot *s, size_t i) {
    return access(s->paths[i], F_OK) == 0;
}

void snapshot_release(struct snapshot *s, size_t i) {
    struct fvt_file *file = NULL;
    pthread_mutex_lock(&s->lock);
    if (s->users[i] > 0 && --s->users[i] == 0 && s->open > MAX_OPEN) {
        file = s->files[i];
        s->files[i] = NULL;
        s->open--;
    }
    pthread_mutex_unlock(&s->lock);
    footers_keep(s->footers, file);
}
