/* SPDX-License-Identifier: MIT */
/*
** Threads that render, and the one that takes their blocks in order: the next block is the one of
** the smallest position of those that the threads have ready, once each has one or is done.
*/
#include "export_pipe.h"
#include "limits.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BLOCK_BYTES = 1 << 18,   /* text of a block, about */
    WAITING_BYTES = 1 << 23, /* of a thread's blocks */
};

struct worker {
    struct export_pipe *pipe;
    int i;
    pthread_t id;
    struct text_block *first, *last; /* waiting */
    size_t bytes;
    bool done;
    int rc;
    struct fvt_error error;
};

struct export_pipe {
    const struct query *query;
    struct snapshot *snapshot;
    enum export_format format;
    const struct render_column *column;
    int ncolumns;
    bool used[SCAN_NCOLUMNS];
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    atomic_bool stop; /* set under the lock, so that nobody who waits misses it */
    struct interrupt *interrupt;
    int n;
    struct worker worker[MAX_THREADS];
    struct fvt_error error;
};

void text_block_drop(struct text_block *b) {
    if (!b)
        return;
    free(b->text.p);
    free(b);
}

static bool stopped(void *arg) {
    struct export_pipe *p = arg;
    return atomic_load_explicit(&p->stop, memory_order_relaxed);
}

/* ---- rendering --------------------------------------------------------------------------- */

/* Hand a block over, and wait while too much is waiting. False: stop. */
static bool deliver(struct worker *w, struct text_block *b) {
    struct export_pipe *p = w->pipe;
    b->text.n--; /* the end of the last line */
    pthread_mutex_lock(&p->lock);
    if (w->first)
        w->last->next = b;
    else
        w->first = b;
    w->last = b;
    w->bytes += b->text.cap;
    pthread_cond_signal(&p->filled);
    while (!stopped(p) && w->bytes > WAITING_BYTES)
        pthread_cond_wait(&p->emptied, &p->lock);
    pthread_mutex_unlock(&p->lock);
    return !stopped(p);
}

static struct text_block *new_block(int64_t position) {
    struct text_block *b = calloc(1, sizeof *b);
    if (b)
        b->position = position;
    return b;
}

/* Render the blocks of the group from *b on: lines stay in it while no other thread's come between.
** 1: go on, 0: stop, -1: no memory. */
static int render_group(struct worker *w, struct scan *scan, struct render *render,
                        struct text_block **b) {
    bool alone = w->pipe->n == 1;
    uint32_t share = UINT32_MAX;
    if (!render_enter_group(render, scan))
        return -1;
    while (scan_next_block(scan)) {
        uint32_t n, of = scan_block_row(scan) / SCAN_SHARE_ROWS;
        const uint16_t *rows = scan_rows(scan, &n);
        if (*b && ((!alone && of != share) || (*b)->text.n >= BLOCK_BYTES)) {
            struct text_block *full = *b;
            *b = NULL;
            if (!deliver(w, full))
                return 0;
        }
        share = of;
        if (!*b && !(*b = new_block(scan_position(scan, rows[0]))))
            return -1;
        if (!render_block(render, scan, &(*b)->text))
            return -1;
    }
    return 1;
}

static int render_all(struct worker *w, struct scan *scan, struct render *render) {
    struct text_block *b = NULL;
    int rc, state = 1;
    while (state == 1 && (rc = scan_next_group(scan)) == 1)
        state = render_group(w, scan, render, &b);
    if (state == 1 && rc == 0 && b) {
        (void)deliver(w, b);
        return FVT_OK;
    }
    text_block_drop(b);
    if (state == 1 && rc < 0)
        snprintf(w->error.text, sizeof w->error.text, "%s", scan_message(scan));
    return state < 0 ? FVT_NOMEM : state == 1 ? rc : FVT_OK;
}

static void *work(void *arg) {
    struct worker *w = arg;
    struct export_pipe *p = w->pipe;
    struct scan_source *source = scan_source_new(p->snapshot);
    struct predicate *predicate = predicate_clone(p->query->predicate);
    struct render *render = render_new(p->format, p->column, p->ncolumns);
    struct scan *scan = source && predicate && render
                            ? scan_new(source, predicate, &p->query->window, p->used)
                            : NULL;
    int rc = FVT_NOMEM;
    pthread_mutex_lock(&p->lock); /* how many there are is known when all are started */
    int shares = p->n;
    pthread_mutex_unlock(&p->lock);
    if (scan) {
        scan_share(scan, (uint32_t)w->i, (uint32_t)shares);
        scan_set_poll(scan, stopped, p);
        rc = render_all(w, scan, render);
    }
    scan_free(scan);
    render_free(render);
    predicate_free(predicate);
    scan_source_free(source);
    pthread_mutex_lock(&p->lock);
    w->rc = rc;
    w->done = true;
    pthread_cond_signal(&p->filled);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- taking ------------------------------------------------------------------------------ */

/* The worker whose block is next. NULL: wait, or with *end set, that was all. */
static struct worker *whose_turn(struct export_pipe *p, bool *end) {
    struct worker *next = NULL;
    *end = true;
    for (int i = 0; i < p->n; i++) {
        struct worker *w = &p->worker[i];
        if (!w->first && !w->done) {
            *end = false;
            return NULL;
        }
        if (w->first && (!next || w->first->position < next->first->position))
            next = w;
    }
    return next;
}

static int failure(struct export_pipe *p) {
    for (int i = 0; i < p->n; i++) {
        if (p->worker[i].rc >= 0)
            continue;
        p->error = p->worker[i].error;
        return p->worker[i].rc;
    }
    return 0;
}

static void stop(struct export_pipe *p) {
    atomic_store(&p->stop, true);
    pthread_cond_broadcast(&p->emptied);
}

int export_pipe_next(struct export_pipe *p, struct text_block **out) {
    bool end;
    struct worker *w;
    pthread_mutex_lock(&p->lock);
    while (!(w = whose_turn(p, &end)) && !end && !stopped(p))
        if (interrupt_wait(p->interrupt, &p->filled, &p->lock))
            stop(p);
    int rc = stopped(p) ? SCAN_STOPPED : failure(p);
    if (rc == 0 && w) {
        *out = w->first;
        w->first = w->first->next;
        w->bytes -= (*out)->text.cap;
        pthread_cond_broadcast(&p->emptied);
        rc = 1;
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

const char *export_pipe_message(const struct export_pipe *p) {
    return p->error.text;
}

struct export_pipe *export_pipe_new(const struct query *query, struct snapshot *snapshot,
                                    enum export_format format, const struct render_column *columns,
                                    int n, struct interrupt *interrupt) {
    struct export_pipe *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->query = query;
    p->snapshot = snapshot;
    p->format = format;
    p->column = columns;
    p->ncolumns = n;
    p->interrupt = interrupt;
    for (int c = 0; c < n; c++)
        sql_column_needs(columns[c].column, p->used);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->filled, NULL);
    pthread_cond_init(&p->emptied, NULL);
    /* A thread that cannot be had is found out before its share is left to it. */
    pthread_mutex_lock(&p->lock);
    p->n = limits_threads();
    for (int i = 0; i < p->n; i++)
        p->worker[i] = (struct worker){.pipe = p, .i = i};
    int started = 0;
    while (started < p->n &&
           pthread_create(&p->worker[started].id, NULL, work, &p->worker[started]) == 0)
        started++;
    bool ok = started == p->n;
    p->n = started;
    atomic_store(&p->stop, !ok);
    pthread_mutex_unlock(&p->lock);
    if (ok)
        return p;
    export_pipe_free(p);
    return NULL;
}

void export_pipe_free(struct export_pipe *p) {
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    stop(p);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->n; i++) {
        struct worker *w = &p->worker[i];
        pthread_join(w->id, NULL);
        for (struct text_block *b = w->first, *next; b; b = next) {
            next = b->next;
            text_block_drop(b);
        }
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->filled);
    pthread_cond_destroy(&p->emptied);
    free(p);
}
