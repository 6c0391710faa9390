/* SPDX-License-Identifier: MIT */
/*
** A queue of files to sync or close and of indexes to bring up to date, and the thread that works
** it off. The memory in which rows came goes back to the store, since new pages would cost it as much as
** encoding them.
*/
#include "closer.h"

#include "format.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* Groups that may wait to be encoded, and those that are kept for the next rows. */
enum { MAX_WAITING = 2, MAX_SPARE = 2 };
/* Added to the nice value that the program was started with. */
enum { CLOSING_NICE = 5 };

struct job {
    struct job *next;
    enum { SYNC, ENCODE, CLOSE, INDEX } what;
    struct kept kept; /* ENCODE, CLOSE */
    char path[];
};

/* A file that is still being written, of which some is encoded. */
struct open_file {
    struct open_file *next;
    struct closing closing;
    char path[];
};

/* Everything but the thread's id, and whom it calls, is behind the lock. */
struct closer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_cond_t done;
    struct job *first, **last;
    const struct job *current;
    struct job *failed; /* files that could not be closed, to be tried again */
    struct group *spare[MAX_SPARE];
    unsigned nspare, waiting;
    bool stop, running;
    char *messages;                              /* one a line, for warn() */
    void (*closed)(void *arg, const char *path); /* or NULL */
    void *arg;
    struct open_file *files; /* the thread's own; so is what encoding needs */
    struct fvt_pool *pool;
};

static void post_message(struct closer *c, const char *text) {
    pthread_mutex_lock(&c->lock);
    size_t n = c->messages ? strlen(c->messages) : 0;
    char *grown = realloc(c->messages, n + strlen(text) + 2);
    if (grown) {
        c->messages = grown;
        sprintf(grown + n, "%s\n", text);
    }
    pthread_mutex_unlock(&c->lock);
}

static bool has_rows(const struct kept *kept) {
    return kept && kept->group;
}

/* Take back the memory of rows. */
static void give_back(struct closer *c, struct group *g) {
    group_clear(g);
    pthread_mutex_lock(&c->lock);
    if (c->nspare < MAX_SPARE) {
        c->spare[c->nspare++] = g;
        g = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    group_free(g);
}

/* Does as much memory as may be wait to be encoded? The lock is held. */
static bool is_behind(const struct closer *c) {
    return c->waiting >= MAX_WAITING;
}

struct group *closer_group(struct closer *c, bool must) {
    struct group *g = NULL;
    pthread_mutex_lock(&c->lock);
    bool may = must || !is_behind(c);
    if (may && c->nspare)
        g = c->spare[--c->nspare];
    pthread_mutex_unlock(&c->lock);
    return g || !may ? g : group_new();
}

static void post_job(struct closer *c, const char *path, int what, const struct kept *kept) {
    struct job *job = malloc(sizeof *job + strlen(path) + 1);
    if (!job) { /* a file left live is closed at the next start */
        if (has_rows(kept))
            give_back(c, kept->group);
        return;
    }
    job->next = NULL;
    job->what = what;
    job->kept = kept ? *kept : (struct kept){0};
    strcpy(job->path, path);
    pthread_mutex_lock(&c->lock);
    c->waiting += has_rows(kept);
    bool waiting = (what == SYNC || what == INDEX) && c->first && (int)c->first->what == what &&
                   !c->first->next && strcmp(c->first->path, path) == 0;
    if (waiting) {
        free(job);
    } else {
        *c->last = job;
        c->last = &job->next;
        pthread_cond_signal(&c->wake);
    }
    pthread_mutex_unlock(&c->lock);
}

/* Where what is encoded of a file is, NULL when there is nothing yet and add does not ask for a place. */
static struct open_file **find_file(struct closer *c, const char *path, bool add) {
    struct open_file **at = &c->files;
    while (*at && strcmp((*at)->path, path) != 0)
        at = &(*at)->next;
    if (!*at && add && (*at = calloc(1, sizeof **at + strlen(path) + 1)))
        strcpy((*at)->path, path);
    return at;
}

static void drop_file(struct open_file **at) {
    struct open_file *f = *at;
    if (!f)
        return;
    *at = f->next;
    closing_free(&f->closing);
    free(f);
}

/* What cannot be encoded now is read from the file when it is closed. */
static void encode(struct closer *c, const struct job *job) {
    struct fvt_error err = {{0}};
    struct open_file **f = find_file(c, job->path, true);
    if (*f && closing_add(&(*f)->closing, job->path, &job->kept, c->pool, &err) != FVT_OK)
        post_message(c, err.text);
}

static int close_file(struct closer *c, const struct job *job, struct fvt_error *err) {
    struct open_file **f = find_file(c, job->path, false);
    struct closing none = {NULL};
    int rc = closing_finish(*f ? &(*f)->closing : &none, job->path, &job->kept, c->pool, err);
    drop_file(f);
    return rc;
}

/* Returns whether the job is done for good. */
static bool do_job(struct closer *c, const struct job *job) {
    struct fvt_error err = {{0}};
    bool fresh;
    if (job->what == INDEX) {
        if (fvt_index_update(job->path, &fresh, &err) != FVT_OK)
            post_message(c, err.text);
        return true;
    }
    if (job->what == CLOSE) {
        int rc = close_file(c, job, &err);
        bool gone = rc == FVT_IO && access(job->path, F_OK) != 0;
        if (rc != FVT_OK && !gone)
            post_message(c, err.text);
        if (rc == FVT_OK && c->closed)
            c->closed(c->arg, job->path);
        return rc == FVT_OK || gone || rc == FVT_FOREIGN || rc == FVT_UNKNOWN;
    }
    if (job->what == ENCODE) {
        encode(c, job);
        return true;
    }
    int fd = open(job->path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 ? fdatasync(fd) != 0 : errno != ENOENT) {
        fvt_fail(&err, "%s: sync: %s", job->path, strerror(errno));
        post_message(c, err.text);
    }
    if (fd >= 0)
        close(fd);
    return true;
}

static void *work(void *arg) {
    struct closer *c = arg;
    /* Receiving goes first when both want the processor: on Linux a thread has a nice value of its own, setpriority(2). */
    pid_t self = gettid();
    setpriority(PRIO_PROCESS, (id_t)self, getpriority(PRIO_PROCESS, (id_t)self) + CLOSING_NICE);
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!c->first && !c->stop)
            pthread_cond_wait(&c->wake, &c->lock);
        struct job *job = c->first;
        if (!job)
            break;
        c->first = job->next;
        if (!c->first)
            c->last = &c->first;
        c->current = job;
        pthread_mutex_unlock(&c->lock);
        bool done = do_job(c, job);
        bool had_rows = has_rows(&job->kept);
        if (had_rows)
            give_back(c, job->kept.group);
        job->kept.group = NULL;
        pthread_mutex_lock(&c->lock);
        c->waiting -= had_rows;
        c->current = NULL;
        pthread_cond_broadcast(&c->done);
        if (done) {
            free(job);
        } else {
            job->next = c->failed;
            c->failed = job;
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

struct closer *closer_new(void) {
    struct closer *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->last = &c->first;
    c->pool = pool_new_large(); /* without one it is slower and no more */
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    pthread_cond_init(&c->done, NULL);
    c->running = true;
    int failed = pthread_create(&c->thread, NULL, work, c);
    if (!failed) {
        pthread_setname_np(c->thread, "close");
        return c;
    }
    c->running = false;
    closer_free(c);
    errno = failed;
    return NULL;
}

void closer_on_closed(struct closer *c, void (*closed)(void *arg, const char *path), void *arg) {
    c->closed = closed;
    c->arg = arg;
}

void closer_finish(struct closer *c) {
    if (!c->running)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    c->running = false;
}

void closer_free(struct closer *c) {
    if (!c)
        return;
    closer_finish(c);
    for (struct job *job = c->failed, *after; job; job = after) {
        after = job->next;
        free(job);
    }
    while (c->files)
        drop_file(&c->files);
    for (unsigned i = 0; i < c->nspare; i++)
        group_free(c->spare[i]);
    pool_free(c->pool);
    free(c->messages);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wake);
    pthread_cond_destroy(&c->done);
    free(c);
}

void closer_sync(struct closer *c, const char *path) {
    post_job(c, path, SYNC, NULL);
}

/* While closing is behind, each file would add the memory of its rows: they are read from the file instead. */
void closer_close(struct closer *c, const char *path, const struct kept *kept) {
    pthread_mutex_lock(&c->lock);
    bool behind = is_behind(c);
    pthread_mutex_unlock(&c->lock);
    if (behind && has_rows(kept)) {
        give_back(c, kept->group);
        kept = NULL;
    }
    post_job(c, path, CLOSE, kept);
}

void closer_encode(struct closer *c, const char *path, const struct kept *kept) {
    post_job(c, path, ENCODE, kept);
}

void closer_index(struct closer *c, const char *dir) {
    post_job(c, dir, INDEX, NULL);
}

static bool has_job(const struct closer *c, const char *path) {
    if (c->current && strcmp(c->current->path, path) == 0)
        return true;
    for (const struct job *job = c->first; job; job = job->next)
        if (strcmp(job->path, path) == 0)
            return true;
    return false;
}

void closer_let_go(struct closer *c, const char *path) {
    pthread_mutex_lock(&c->lock);
    while (has_job(c, path))
        pthread_cond_wait(&c->done, &c->lock);
    for (struct job **at = &c->failed; *at;) {
        struct job *job = *at;
        if (strcmp(job->path, path) != 0) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        free(job);
    }
    pthread_mutex_unlock(&c->lock);
}

void closer_retry(struct closer *c) {
    pthread_mutex_lock(&c->lock);
    struct job *failed = c->failed;
    c->failed = NULL;
    pthread_mutex_unlock(&c->lock);
    while (failed) {
        struct job *after = failed->next;
        post_job(c, failed->path, CLOSE, NULL);
        free(failed);
        failed = after;
    }
}

unsigned closer_waiting(struct closer *c) {
    pthread_mutex_lock(&c->lock);
    unsigned n = c->current != NULL;
    for (const struct job *job = c->first; job; job = job->next)
        n++;
    pthread_mutex_unlock(&c->lock);
    return n;
}

char *closer_messages(struct closer *c) {
    pthread_mutex_lock(&c->lock);
    char *all = c->messages;
    c->messages = NULL;
    pthread_mutex_unlock(&c->lock);
    return all;
}
