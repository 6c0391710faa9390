/* SPDX-License-Identifier: MIT */
/*
** Threads are started for each piece of work: it takes microseconds, and none are left behind in a
** process that is not ours.
*/
#include "workers.h"

#include <pthread.h>

struct crew {
    void (*work)(void *arg, int i);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t done;
    int busy;
};

struct member {
    struct crew *crew;
    int i;
    pthread_t id;
};

static void *begin(void *arg) {
    struct member *w = arg;
    struct crew *crew = w->crew;
    crew->work(crew->arg, w->i);
    pthread_mutex_lock(&crew->lock);
    if (--crew->busy == 0)
        pthread_cond_signal(&crew->done);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* Until the others have ended, looking up now and then. */
static void wait_for(struct crew *crew, struct interrupt *interrupt) {
    pthread_mutex_lock(&crew->lock);
    while (crew->busy > 0)
        interrupt_wait(interrupt, &crew->done, &crew->lock);
    pthread_mutex_unlock(&crew->lock);
}

void workers_run(int n, void (*work)(void *arg, int i), void *arg, struct interrupt *interrupt) {
    struct crew crew = {work, arg, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    struct member member[MAX_THREADS];
    int started = 1;
    for (; started < n; started++) {
        member[started] = (struct member){.crew = &crew, .i = started};
        pthread_mutex_lock(&crew.lock);
        crew.busy++;
        pthread_mutex_unlock(&crew.lock);
        if (pthread_create(&member[started].id, NULL, begin, &member[started]) != 0) {
            pthread_mutex_lock(&crew.lock);
            crew.busy--;
            pthread_mutex_unlock(&crew.lock);
            break;
        }
    }
    work(arg, 0);
    wait_for(&crew, interrupt);
    for (int i = 1; i < started; i++)
        pthread_join(member[i].id, NULL);
    pthread_mutex_destroy(&crew.lock);
    pthread_cond_destroy(&crew.done);
}
