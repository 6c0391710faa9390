/* SPDX-License-Identifier: MIT */
/*
** Threads that are started, do one thing and are waited for.
*/
#include "parallel.h"
#include "limits.h"

#include <pthread.h>
#include <stdbool.h>

struct share {
    void (*work)(void *arg, int i);
    void *arg;
    int i;
    pthread_t id;
    bool started;
};

static void *run_share(void *arg) {
    struct share *s = arg;
    s->work(s->arg, s->i);
    return NULL;
}

void parallel_run(int n, void (*work)(void *arg, int i), void *arg) {
    struct share share[MAX_THREADS];
    for (int i = 1; i < n; i++) {
        share[i] = (struct share){.work = work, .arg = arg, .i = i};
        share[i].started = pthread_create(&share[i].id, NULL, run_share, &share[i]) == 0;
    }
    work(arg, 0);
    for (int i = 1; i < n; i++) {
        if (share[i].started)
            pthread_join(share[i].id, NULL);
        else
            work(arg, i);
    }
}
