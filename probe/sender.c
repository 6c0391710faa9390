/* SPDX-License-Identifier: MIT */
/*
** Sockets of the exporter: of UDP connected ones, so that the kernel tells the path MTU and a
** collector that is not there; of TCP such that never block.
*/
#include "sender.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "queue.h"

static const char DEFAULT_PORT[] = "9995";

enum connection { DOWN, CONNECTING, UP };

struct target {
    int fd; /* of TCP: -1 when DOWN */
    int family;
    enum connection connection; /* of TCP, and what follows */
    struct sockaddr_storage address;
    socklen_t address_length;
    int64_t tried; /* monotonic microseconds */
    size_t nrest;
    uint8_t rest[SENDER_MAX_PAYLOAD]; /* of a message that the socket took a part of */
    bool complained;
    bool local; /* its queue can be asked for */
    struct queue_probe probe;
    char name[128];
};

struct sender {
    struct target targets[SENDER_TARGETS];
    size_t n;
    bool paced, stream;
    int hops;
    const char *source;
    int diag; /* netlink socket for queues, -1: none */
    double tokens;
    int64_t filled;   /* monotonic microseconds of the last refill */
    unsigned unasked; /* datagrams since the queues were asked for */
    struct sender_stats stats;
};

static int64_t monotonic(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void rest(int64_t microseconds) {
    struct timespec t = {microseconds / 1000000, microseconds % 1000000 * 1000};
    nanosleep(&t, NULL);
}

struct sender *sender_new(const struct sender_options *o) {
    struct sender *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->paced = o->paced;
    s->stream = o->stream;
    s->hops = (int)o->hops;
    s->source = o->source;
    s->diag = -1;
    s->tokens = SENDER_BURST;
    s->filled = monotonic();
    return s;
}

/* 1 to 65535, or a name for getaddrinfo(), which would take larger numbers modulo 65536. */
static bool is_port(const char *text) {
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    return *text != '\0' && strlen(text) < 32 && (*end != '\0' || (n >= 1 && n <= 65535));
}

/* "[v6]:port", "host:port", "v6" or "host". Returns false when brackets or lengths are wrong. */
static bool split(const char *target, char host[256], char port[32]) {
    const char *colon = strrchr(target, ':'), *end = target + strlen(target);
    const char *begin = target;
    if (*target == '[') {
        const char *bracket = strchr(target, ']');
        if (!bracket || (bracket[1] != '\0' && bracket[1] != ':'))
            return false;
        begin = target + 1;
        colon = bracket[1] ? bracket + 1 : NULL;
        end = bracket;
    } else if (colon && strchr(target, ':') != colon) {
        colon = NULL; /* an IPv6 address without a port */
    } else if (colon) {
        end = colon;
    }
    const char *number = colon ? colon + 1 : DEFAULT_PORT;
    if (end == begin || end - begin > 255 || !is_port(number))
        return false;
    snprintf(host, 256, "%.*s", (int)(end - begin), begin);
    snprintf(port, 32, "%s", number);
    return true;
}

/* Where to send from, and how far; -1 and errno. */
static int prepare(const struct sender *s, int fd, int family) {
    bool v6 = family == AF_INET6;
    if (s->hops > 0 &&
        (setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_UNICAST_HOPS : IP_TTL, &s->hops,
                    sizeof s->hops) != 0 ||
         setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL,
                    &s->hops, sizeof s->hops) != 0))
        return -1;
    if (!s->source)
        return 0;
    if (if_nametoindex(s->source) != 0)
        return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, s->source,
                          (socklen_t)strlen(s->source) + 1);
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *a = NULL;
    if (getaddrinfo(s->source, NULL, &hints, &a) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    int result = bind(fd, a->ai_addr, a->ai_addrlen);
    freeaddrinfo(a);
    return result;
}

/* ---- TCP --------------------------------------------------------------------------------- */

static void hang_up(struct target *t) {
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
    t->connection = DOWN;
    t->nrest = 0;
}

/* Wait until fd can be written, or wait (microseconds) is over. */
static bool await_room(int fd, int64_t wait) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, (int)(wait / 1000)) > 0;
}

/* Begin to connect. */
static void dial(const struct sender *s, struct target *t) {
    t->tried = monotonic();
    t->fd = socket(t->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int size = 1 << 22;
    if (t->fd >= 0)
        setsockopt(t->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (t->fd < 0 || prepare(s, t->fd, t->family) != 0 ||
        (connect(t->fd, (const struct sockaddr *)&t->address, t->address_length) != 0 &&
         errno != EINPROGRESS)) {
        hang_up(t);
        return;
    }
    t->connection = CONNECTING;
}

/* Has connecting come to its end within wait microseconds? */
static void answer(struct target *t, int64_t wait) {
    int error = 0;
    socklen_t n = sizeof error;
    if (t->connection != CONNECTING || !await_room(t->fd, wait))
        return;
    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0)
        hang_up(t);
    else
        t->connection = UP;
}

/* A collector never says anything, so what can be read is the end. */
static void notice_end(struct target *t) {
    char octet;
    ssize_t n = t->connection == UP ? recv(t->fd, &octet, 1, MSG_DONTWAIT) : 1;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        hang_up(t);
}

bool sender_renewed(struct sender *s) {
    struct target *t = &s->targets[0];
    if (!s->stream || s->n == 0)
        return false;
    notice_end(t);
    if (t->connection == UP)
        return false;
    if (t->connection == DOWN && monotonic() - t->tried >= SENDER_RETRY)
        dial(s, t);
    answer(t, 0);
    return t->connection == UP;
}

/* As many octets as the socket takes, which paced sending waits for; -1: the connection is down. */
static ssize_t push(const struct sender *s, struct target *t, const uint8_t *data, size_t n) {
    int64_t until = monotonic() + (s->paced ? SENDER_PATIENCE : 0);
    size_t sent = 0;
    while (sent < n) {
        ssize_t now = send(t->fd, data + sent, n - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (now > 0)
            sent += (size_t)now;
        else if (errno == EAGAIN && monotonic() < until)
            await_room(t->fd, until - monotonic());
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            return -1;
    }
    return (ssize_t)sent;
}

/* A message, whole or not at all. errno says why not. */
static bool send_stream(const struct sender *s, struct target *t, const void *data, size_t n) {
    notice_end(t);
    if (t->connection != UP) {
        errno = ENOTCONN;
        return false;
    }
    ssize_t sent = push(s, t, t->rest, t->nrest);
    if (sent >= 0 && (size_t)sent < t->nrest) {
        memmove(t->rest, t->rest + sent, t->nrest -= (size_t)sent);
        errno = ENOBUFS;
        return false;
    }
    t->nrest = 0;
    sent = sent < 0 ? -1 : push(s, t, data, n);
    if (sent < 0) {
        int e = errno;
        hang_up(t);
        errno = e;
        return false;
    }
    if (sent == 0) {
        errno = ENOBUFS;
        return false;
    }
    t->nrest = n - (size_t)sent;
    memcpy(t->rest, (const uint8_t *)data + sent, t->nrest);
    return true;
}

/* The last of it; the kernel goes on with what it took. */
static void finish_stream(struct target *t) {
    struct sender patient = {.paced = true};
    if (t->connection == UP && t->nrest > 0)
        push(&patient, t, t->rest, t->nrest);
    hang_up(t);
}

/* ---- interface --------------------------------------------------------------------------- */

static void add_stream(struct sender *s, const char *target, const struct addrinfo *a) {
    struct target *t = &s->targets[s->n++];
    t->fd = -1;
    t->family = a->ai_family;
    memcpy(&t->address, a->ai_addr, a->ai_addrlen);
    t->address_length = a->ai_addrlen;
    snprintf(t->name, sizeof t->name, "%s", target);
    dial(s, t);
    answer(t, SENDER_PATIENCE); /* one that is there gets everything */
}

/* A socket connected to the first of the addresses that there is a way to, its family in the target; -1 and errno. */
static int open_datagram(const struct sender *s, struct target *t, const struct addrinfo *list) {
    int fd = -1, octets = 1 << 20;
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 &&
            (prepare(s, fd, a->ai_family) != 0 || connect(fd, a->ai_addr, a->ai_addrlen) != 0)) {
            int e = errno;
            close(fd);
            fd = -1;
            errno = e;
        }
        t->family = a->ai_family;
    }
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &octets, sizeof octets);
    return fd;
}

bool sender_is_stream(const struct sender *s) {
    return s->stream;
}

int sender_target(struct sender *s, const char *target, char *message, size_t size) {
    char host[256], port[32];
    if (s->n == SENDER_TARGETS) {
        snprintf(message, size, "%s: too many targets: at most %d", target, SENDER_TARGETS);
        return -1;
    }
    if (!split(target, host, port)) {
        snprintf(message, size, "%s: not a target: HOST:PORT or [IPv6]:PORT", target);
        return -1;
    }
    struct addrinfo hints = {.ai_socktype = s->stream ? SOCK_STREAM : SOCK_DGRAM}, *list = NULL;
    int error = getaddrinfo(host, port, &hints, &list);
    if (error) {
        snprintf(message, size, "%s: %s", target, gai_strerror(error));
        return -1;
    }
    if (s->stream) {
        add_stream(s, target, list);
        freeaddrinfo(list);
        return 0;
    }
    struct target *t = &s->targets[s->n];
    t->fd = open_datagram(s, t, list);
    if (t->fd < 0)
        snprintf(message, size, "%s: %s", target, strerror(errno));
    freeaddrinfo(list);
    if (t->fd < 0)
        return -1;
    snprintf(t->name, sizeof t->name, "%s", target);
    t->local = s->paced && queue_probe_init(&t->probe, t->fd);
    if (t->local && s->diag < 0)
        s->diag = queue_open();
    s->n++;
    return 0;
}

size_t sender_payload(const struct sender *s) {
    size_t payload = SENDER_MAX_PAYLOAD;
    for (size_t i = 0; i < s->n && !s->stream; i++) {
        const struct target *t = &s->targets[i];
        bool v4 = t->family == AF_INET;
        int mtu = 0;
        socklen_t n = sizeof mtu;
        if (getsockopt(t->fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu, &n) !=
            0)
            continue;
        size_t headers = v4 ? 28 : 48;
        size_t fits = (size_t)mtu > headers ? (size_t)mtu - headers : 0;
        if (fits < payload)
            payload = fits;
    }
    return payload < SENDER_MIN_PAYLOAD ? SENDER_MIN_PAYLOAD : payload;
}

/* Wait until the queue of each local target is less than a quarter full. */
static void await_queues(struct sender *s) {
    int64_t until = monotonic() + SENDER_PATIENCE;
    for (size_t i = 0; i < s->n; i++) {
        struct target *t = &s->targets[i];
        while (t->local && s->diag >= 0 && queue_octets(s->diag, &t->probe) > QUEUE_HIGH) {
            if (monotonic() > until) {
                t->local = false; /* it does not read: waiting again would not help */
                break;
            }
            rest(200);
        }
    }
}

static void pace(struct sender *s) {
    if (!s->paced || s->stream)
        return;
    if (++s->unasked >= SENDER_BURST / 2) {
        s->unasked = 0;
        await_queues(s);
    }
    if (s->tokens < 1) {
        int64_t now = monotonic();
        s->tokens += (double)(now - s->filled) * SENDER_RATE / 1e6;
        s->filled = now;
        if (s->tokens < 1) {
            rest((SENDER_BURST / 2) * INT64_C(1000000) / SENDER_RATE);
            now = monotonic();
            s->tokens += (double)(now - s->filled) * SENDER_RATE / 1e6;
            s->filled = now;
        }
        if (s->tokens > SENDER_BURST)
            s->tokens = SENDER_BURST;
    }
    s->tokens -= 1;
}

static bool send_datagram(const struct target *t, const void *data, size_t n) {
    ssize_t sent = send(t->fd, data, n, MSG_NOSIGNAL);
    if (sent < 0 && (errno == ECONNREFUSED || errno == EINTR)) /* the error is of an earlier one */
        sent = send(t->fd, data, n, MSG_NOSIGNAL);
    return sent >= 0;
}

bool sender_send(struct sender *s, const void *data, size_t n, char *message, size_t size) {
    bool any = false;
    pace(s);
    message[0] = '\0';
    s->stats.datagrams++;
    s->stats.octets += n;
    for (size_t i = 0; i < s->n; i++) {
        struct target *t = &s->targets[i];
        if (s->stream ? send_stream(s, t, data, n) : send_datagram(t, data, n)) {
            any = true;
            continue;
        }
        s->stats.failed++;
        if (!t->complained)
            snprintf(message, size, "%s: cannot send: %s", t->name, strerror(errno));
        t->complained = true;
    }
    return any;
}

const struct sender_stats *sender_stats(const struct sender *s) {
    return &s->stats;
}

void sender_free(struct sender *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        if (s->stream)
            finish_stream(&s->targets[i]);
        else
            close(s->targets[i].fd);
    if (s->diag >= 0)
        close(s->diag);
    free(s);
}
