/* SPDX-License-Identifier: MIT */
/*
** A thread that does nothing but empty the sockets (recvmmsg), which have as large a buffer as the system grants, into
** the queue of ring.h: decoding, flushes and rotation never keep it waiting.
*/
#include "receive.h"

#include "address.h"
#include "multicast.h"
#include "ring.h"
#include "schema/clock.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 32,
    BATCHES = 32, /* of one socket before the others get their turn */
    DATAGRAM_MAX = 65536,
    /* Buffers that were 64 KiB apart would share the same few lines of the processor's caches. */
    APART = DATAGRAM_MAX + 2048,
    /* A socket whose buffer has room for what comes meanwhile is left alone for a while after it was emptied, so that
    ** a call takes more than one datagram. */
    ROOMY = 4 << 20,
    PAUSE_NS = 1000000,
    LAST_MS = 1000, /* at the end, under a flood: for how long to take what arrives */
};

struct control {
    _Alignas(struct cmsghdr) char octets[CMSG_SPACE(sizeof(uint32_t))];
};

/* Behind the lock is socket; the rest is the thread's own while it runs. */
struct receiver {
    size_t nsockets;
    struct pollfd *poll; /* of the sockets, and of an eventfd that ends the thread */
    uint32_t *overflow;  /* last SO_RXQ_OVFL of each */
    bool roomy;          /* their buffers */
    struct mmsghdr message[BATCH];
    struct iovec part[BATCH];
    struct sockaddr_storage from[BATCH];
    struct control control[BATCH];
    uint8_t (*data)[APART];

    pthread_t thread;
    bool running;
    struct ring *ring;
    pthread_mutex_t lock;
    struct fvt_socket *socket; /* the books of each */
    struct fvt_socket *shown;  /* the same, as of the last receiver_wait() */
};

/* ---- opening ---------------------------------------------------------------------------- */

/* Returns what the system granted, octets; 0 when it does not say. */
static uint64_t enlarge_buffer(int fd, size_t octets) {
    int want = octets > INT32_MAX ? INT32_MAX : (int)octets, got = 0;
    socklen_t n = sizeof got;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof want) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof want);
    return getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &n) == 0 ? (uint64_t)got : 0;
}

static int open_port(struct receiver *r, const char *addr, uint16_t port, size_t buffer,
                     char *message, size_t size) {
    int fd = address_bind(addr, port, SOCK_DGRAM, message, size), on = 1;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    r->socket[r->nsockets] = (struct fvt_socket){.address = address_listening(fd),
                                                 .port = port,
                                                 .protocol = IPPROTO_UDP,
                                                 .buffer = enlarge_buffer(fd, buffer)};
    r->poll[r->nsockets++] = (struct pollfd){.fd = fd, .events = POLLIN};
    return 0;
}

int receiver_open(struct receiver **out, const char *addr, uint16_t *ports, size_t *nports,
                  size_t buffer, size_t queue, void (*refused)(const char *message), char *message,
                  size_t size) {
    struct receiver *r = calloc(1, sizeof *r);
    size_t wanted = *nports;
    *out = NULL;
    if (!r) {
        snprintf(message, size, "out of memory");
        return -1;
    }
    pthread_mutex_init(&r->lock, NULL);
    r->poll = calloc(wanted + 1, sizeof *r->poll);
    r->overflow = calloc(wanted, sizeof *r->overflow);
    r->socket = calloc(wanted, sizeof *r->socket);
    r->shown = calloc(wanted, sizeof *r->shown);
    r->data = malloc(BATCH * sizeof *r->data);
    r->ring = ring_new(queue);
    bool ok = r->poll && r->overflow && r->socket && r->shown && r->data && r->ring;
    if (!ok)
        snprintf(message, size, "out of memory");
    for (size_t i = 0; ok && i < wanted; i++) {
        bool good = open_port(r, addr, ports[i], buffer, message, size) == 0;
        if (good)
            ports[r->nsockets - 1] = ports[i];
        else if (refused)
            refused(message);
        ok = good || refused;
    }
    *nports = r->nsockets;
    if (ok && r->nsockets == 0)
        snprintf(message, size, "none of these ports can be had: give another one");
    if (!ok || r->nsockets == 0) {
        receiver_close(r);
        return -1;
    }
    r->roomy = true;
    for (size_t i = 0; i < r->nsockets; i++)
        r->roomy &= r->socket[i].buffer >= ROOMY;
    memcpy(r->shown, r->socket, r->nsockets * sizeof *r->shown);
    *out = r;
    return 0;
}

int receiver_join(struct receiver *r, const char *group, char *message, size_t size) {
    for (size_t i = 0; i < r->nsockets; i++)
        if (multicast_join(r->poll[i].fd, group, message, size) != 0)
            return -1;
    return 0;
}

void receiver_close(struct receiver *r) {
    if (!r)
        return;
    if (r->running)
        receiver_finish(r, NULL);
    for (size_t i = 0; i < r->nsockets; i++)
        close(r->poll[i].fd);
    ring_free(r->ring);
    pthread_mutex_destroy(&r->lock);
    free(r->poll);
    free(r->overflow);
    free(r->socket);
    free(r->shown);
    free(r->data);
    free(r);
}

size_t receiver_sockets(const struct receiver *r, const struct fvt_socket **out) {
    *out = r->shown;
    return r->nsockets;
}

/* ---- the thread --------------------------------------------------------------------------- */

/* The kernel's count of drops, modulo 2^32. A datagram has that of the moment when it was queued, which may be
** before the socket was asked. */
static void take_drops(struct receiver *r, size_t socket, uint32_t now) {
    uint32_t more = now - r->overflow[socket];
    if (more == 0 || more > INT32_MAX)
        return;
    r->socket[socket].drops += more;
    r->overflow[socket] = now;
}

/* It comes with each datagram, */
static void count_drops(struct receiver *r, size_t socket, struct msghdr *m) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        uint32_t now;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
            continue;
        memcpy(&now, CMSG_DATA(c), sizeof now);
        take_drops(r, socket, now);
    }
}

/* and can be asked for when none comes any more. */
static void ask_drops(struct receiver *r) {
    uint32_t info[SK_MEMINFO_VARS];
    for (size_t s = 0; s < r->nsockets; s++) {
        socklen_t n = sizeof info;
        if (getsockopt(r->poll[s].fd, SOL_SOCKET, SO_MEMINFO, info, &n) == 0 && n == sizeof info)
            take_drops(r, s, info[SK_MEMINFO_DROPS]);
    }
}

static void prepare(struct receiver *r) {
    for (size_t i = 0; i < BATCH; i++) {
        r->part[i] = (struct iovec){r->data[i], DATAGRAM_MAX};
        r->message[i].msg_hdr = (struct msghdr){
            .msg_name = &r->from[i],
            .msg_namelen = sizeof r->from[i],
            .msg_iov = &r->part[i],
            .msg_iovlen = 1,
            .msg_control = &r->control[i],
            .msg_controllen = sizeof r->control[i],
        };
    }
}

/* Put into the queue what came. At the end of all there is time to wait for room; else what finds none is
** dropped. */
static void queue(struct receiver *r, const struct datagram *d, size_t n, bool ending,
                  struct fvt_socket *books) {
    size_t done = ring_put(r->ring, d, n);
    while (done < n && ending) {
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
        done += ring_put(r->ring, d + done, n - done);
    }
    books->ring_drops += n - done;
}

/* Returns how many there were. */
static size_t take_batch(struct receiver *r, size_t socket, bool ending) {
    struct datagram d[BATCH];
    size_t good = 0;
    prepare(r);
    int n = recvmmsg(r->poll[socket].fd, r->message, BATCH, MSG_DONTWAIT, NULL);
    if (n <= 0)
        return 0;
    int64_t now = now_ms();
    struct fvt_socket more = {.datagrams = (uint64_t)n};
    for (int i = 0; i < n; i++) {
        d[good] = (struct datagram){
            .data = r->data[i],
            .size = r->message[i].msg_len,
            .received = now,
        };
        more.octets += d[good].size;
        good += address_of(&r->from[i], &d[good].from, &d[good].port);
    }
    queue(r, d, good, ending, &more);
    pthread_mutex_lock(&r->lock);
    struct fvt_socket *books = &r->socket[socket];
    books->datagrams += more.datagrams;
    books->octets += more.octets;
    books->ring_drops += more.ring_drops;
    for (int i = 0; i < n; i++)
        count_drops(r, socket, &r->message[i].msg_hdr);
    pthread_mutex_unlock(&r->lock);
    return (size_t)n;
}

/* Empty all sockets, but let none keep the others waiting. */
static size_t take_all(struct receiver *r, bool ending) {
    size_t total = 0;
    for (size_t s = 0; s < r->nsockets; s++) {
        size_t n = ending || r->poll[s].revents ? BATCH : 0;
        for (int b = 0; b < BATCHES && n == BATCH; b++)
            total += n = take_batch(r, s, ending);
    }
    return total;
}

static void *receive(void *arg) {
    struct receiver *r = arg;
    const struct pollfd *end = &r->poll[r->nsockets];
    while (!end->revents) {
        if (poll(r->poll, (nfds_t)r->nsockets + 1, -1) <= 0 || end->revents)
            continue;
        if (take_all(r, false) < BATCH && r->roomy)
            nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    int64_t until = monotonic_ms() + LAST_MS;
    while (take_all(r, true) > 0 && monotonic_ms() < until)
        ;
    ring_end(r->ring);
    return NULL;
}

int receiver_start(struct receiver *r) {
    sigset_t all, before;
    int end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (end < 0)
        return -1;
    r->poll[r->nsockets] = (struct pollfd){.fd = end, .events = POLLIN};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the other thread's */
    int failed = pthread_create(&r->thread, NULL, receive, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        close(end);
        errno = failed;
        return -1;
    }
    pthread_setname_np(r->thread, "receive");
    r->running = true;
    return 0;
}

/* ---- handing over ----------------------------------------------------------------------- */

static size_t hand_over(struct receiver *r, struct ring_block *b,
                        const struct receiver_calls *calls) {
    struct datagram d;
    size_t n = 0;
    int64_t arrived = INT64_MIN;
    while (ring_next(b, &d)) {
        if (d.received != arrived)
            calls->arrived(calls->arg, d.received);
        arrived = d.received;
        calls->handle(calls->arg, &d);
        n++;
    }
    ring_give_back(r->ring, b);
    return n;
}

/* When none comes any more nothing else tells of drops. */
static void show_books(struct receiver *r, bool idle) {
    pthread_mutex_lock(&r->lock);
    if (idle)
        ask_drops(r);
    memcpy(r->shown, r->socket, r->nsockets * sizeof *r->shown);
    pthread_mutex_unlock(&r->lock);
}

size_t receiver_wait(struct receiver *r, int timeout, int also,
                     const struct receiver_calls *calls) {
    struct ring_block *b = ring_take(r->ring, timeout, also);
    show_books(r, !b);
    return b ? hand_over(r, b, calls) : 0;
}

void receiver_finish(struct receiver *r, const struct receiver_calls *calls) {
    const uint64_t one = 1;
    if (!r->running)
        return;
    ssize_t n = write(r->poll[r->nsockets].fd, &one, sizeof one);
    (void)n; /* the first one fits */
    while (!ring_is_over(r->ring)) {
        struct ring_block *b = ring_take(r->ring, 250, -1);
        show_books(r, !b);
        if (b && calls)
            hand_over(r, b, calls);
        else if (b)
            ring_give_back(r->ring, b);
    }
    pthread_join(r->thread, NULL);
    close(r->poll[r->nsockets].fd);
    r->running = false;
    show_books(r, true);
}
