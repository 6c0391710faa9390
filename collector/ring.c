/* SPDX-License-Identifier: MIT */
/*
** One lock, taken once for each batch that is put and each block that is taken. An eventfd wakes the thread that
** decodes, and not a condition: signals are to wake it too.
*/
#include "ring.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    BLOCK = 256 << 10, /* octets: any datagram fits, and some hundred usual ones */
    GATHER_MS = 5,     /* how long a block may wait until it is full */
};

struct ring_block {
    struct ring_block *next;
    size_t used, read;
    _Alignas(struct datagram) uint8_t octets[BLOCK];
};

/* What the thread that decodes wants to be woken for. */
enum wanted { NOTHING, ANY, WHOLE };

/* Everything is behind the lock, but what is in a block that was taken. */
struct ring {
    pthread_mutex_t lock;
    int wake;
    enum wanted wanted;
    bool ended;
    size_t blocks, most; /* that there are, and may be */
    struct ring_block *filling;
    struct ring_block *first, **last; /* full ones */
    struct ring_block *empty;
};

struct ring *ring_new(size_t octets) {
    struct ring *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->most = octets / sizeof(struct ring_block) < 2 ? 2 : octets / sizeof(struct ring_block);
    r->last = &r->first;
    if (r->wake >= 0 && pthread_mutex_init(&r->lock, NULL) == 0)
        return r;
    if (r->wake >= 0)
        close(r->wake);
    free(r);
    return NULL;
}

static void free_list(struct ring_block *b) {
    for (struct ring_block *after; b; b = after) {
        after = b->next;
        free(b);
    }
}

void ring_free(struct ring *r) {
    if (!r)
        return;
    free_list(r->first);
    free_list(r->empty);
    free(r->filling);
    close(r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- putting ---------------------------------------------------------------------------- */

static void wake(struct ring *r, enum wanted what) {
    const uint64_t one = 1;
    if (r->wanted != what && !r->ended)
        return;
    r->wanted = NOTHING;
    ssize_t n = write(r->wake, &one, sizeof one);
    (void)n; /* it fails only where the count is at its top, and then nobody sleeps */
}

static size_t room_for(const struct datagram *d) {
    const size_t align = _Alignof(struct datagram);
    return (sizeof *d + d->size + align - 1) / align * align;
}

/* A block that is not full, in r->filling. */
static bool begin_block(struct ring *r) {
    struct ring_block *b = r->empty;
    if (b) {
        r->empty = b->next;
    } else {
        b = r->blocks < r->most ? malloc(sizeof *b) : NULL;
        if (!b)
            return false;
        r->blocks++;
    }
    b->next = NULL;
    b->used = b->read = 0;
    r->filling = b;
    return true;
}

static void end_block(struct ring *r) {
    *r->last = r->filling;
    r->last = &r->filling->next;
    r->filling = NULL;
    wake(r, WHOLE);
}

static bool put(struct ring *r, const struct datagram *d) {
    const size_t n = room_for(d);
    if (r->filling && r->filling->used + n > BLOCK)
        end_block(r);
    if (!r->filling && !begin_block(r))
        return false;
    uint8_t *at = r->filling->octets + r->filling->used;
    struct datagram copy = *d;
    copy.data = at + sizeof copy;
    memcpy(at, &copy, sizeof copy);
    memcpy(at + sizeof copy, d->data, d->size);
    r->filling->used += n;
    return true;
}

size_t ring_put(struct ring *r, const struct datagram *d, size_t n) {
    size_t done = 0;
    pthread_mutex_lock(&r->lock);
    while (done < n && put(r, &d[done]))
        done++;
    if (done)
        wake(r, ANY);
    pthread_mutex_unlock(&r->lock);
    return done;
}

void ring_end(struct ring *r) {
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    wake(r, NOTHING);
    pthread_mutex_unlock(&r->lock);
}

/* ---- taking ----------------------------------------------------------------------------- */

/* Wait without the lock. */
static void wait_for(struct ring *r, enum wanted what, int timeout, int also) {
    struct pollfd p[] = {{.fd = r->wake, .events = POLLIN}, {.fd = also, .events = POLLIN}};
    uint64_t times;
    r->wanted = what;
    pthread_mutex_unlock(&r->lock);
    ssize_t n = poll(p, 2, timeout) > 0 ? read(r->wake, &times, sizeof times) : 0;
    (void)n; /* it had been written to, or not */
    pthread_mutex_lock(&r->lock);
    r->wanted = NOTHING;
}

struct ring_block *ring_take(struct ring *r, int timeout, int also) {
    pthread_mutex_lock(&r->lock);
    if (!r->first && !r->filling && !r->ended && timeout)
        wait_for(r, ANY, timeout, also);
    if (!r->first && r->filling && !r->ended && timeout)
        wait_for(r, WHOLE, GATHER_MS, -1);
    struct ring_block *b = r->first;
    if (b) {
        r->first = b->next;
        if (!r->first)
            r->last = &r->first;
    } else {
        b = r->filling;
        r->filling = NULL;
    }
    pthread_mutex_unlock(&r->lock);
    return b;
}

bool ring_next(struct ring_block *b, struct datagram *d) {
    if (b->read == b->used)
        return false;
    memcpy(d, b->octets + b->read, sizeof *d);
    b->read += room_for(d);
    return true;
}

void ring_give_back(struct ring *r, struct ring_block *b) {
    pthread_mutex_lock(&r->lock);
    b->next = r->empty;
    r->empty = b;
    pthread_mutex_unlock(&r->lock);
}

bool ring_is_over(struct ring *r) {
    pthread_mutex_lock(&r->lock);
    bool over = r->ended && !r->first && !r->filling;
    pthread_mutex_unlock(&r->lock);
    return over;
}
