/* SPDX-License-Identifier: MIT */
/*
** Connections in one epoll set. What was read is cut into messages where it lies; only the beginning of a
** message whose end has not come yet is kept with its connection.
*/
#include "tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "schema/clock.h"

enum {
    HEADER = 16, /* of a message, RFC 7011 3.1 */
    VERSION = 10,
    MESSAGE_MAX = 65535,
    READ = 4 * 65536, /* of one connection before the others get their turn */
    EVENTS = 64,
    ACCEPTS = 16, /* of one port likewise */
    LOOK_MS = 1000,
};

const struct tcp_limits tcp_defaults = {
    .sessions = 512,
    .of_one_address = 64,
    .stalled_ms = 60 * 1000,
    .idle_ms = 30 * 60 * 1000,
};

const char *const tcp_end_names[TCP_ENDS] = {
    [TCP_CLOSED] = "closed",   [TCP_BROKEN] = "broken", [TCP_GARBAGE] = "garbage",
    [TCP_STALLED] = "stalled", [TCP_IDLE] = "idle",     [TCP_REFUSED] = "refused",
};

struct connection {
    bool listening;
    int fd;
    struct connection *next, *prev; /* connections alone */
    struct fvt_socket *books;       /* of the port */
    struct flow_ip from;
    uint16_t port;
    uint32_t stream;
    int64_t
        since; /* when its last message was complete, or the next one began: ms of the monotonic clock */
    uint8_t *part; /* of a message: what came of it */
    size_t have;
};

struct tcp {
    int epoll;
    struct tcp_limits limits;
    struct connection *ports;
    struct fvt_socket *books; /* of each */
    size_t nports;
    struct connection *first; /* of the connections, the newest */
    size_t sessions;
    uint32_t streams; /* so many there have been */
    int64_t looked;   /* ms, monotonic: for silent ones */
    bool full;        /* no more file descriptors: ports are not looked at until the next look */
    uint64_t ended[TCP_ENDS];
    uint8_t data[MESSAGE_MAX + READ];
};

/* ---- ports ------------------------------------------------------------------------------ */

static int watch(struct tcp *t, struct connection *s) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
    return epoll_ctl(t->epoll, EPOLL_CTL_ADD, s->fd, &event);
}

static int listen_on(struct tcp *t, const char *addr, uint16_t port, char *message, size_t size) {
    struct connection *s = &t->ports[t->nports];
    int fd = address_bind(addr, port, SOCK_STREAM, message, size);
    if (fd < 0)
        return -1;
    struct fvt_socket *books = &t->books[t->nports];
    *books = (struct fvt_socket){
        .address = address_listening(fd), .port = port, .protocol = IPPROTO_TCP};
    *s = (struct connection){.listening = true, .fd = fd, .books = books};
    t->nports++;
    if (listen(fd, SOMAXCONN) == 0 && watch(t, s) == 0)
        return 0;
    snprintf(message, size, "TCP port %u: %s", port, strerror(errno));
    return -1;
}

int tcp_open(struct tcp **out, const char *addr, const uint16_t *ports, size_t nports,
             const struct tcp_limits *limits, char *message, size_t size) {
    struct tcp *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t) {
        snprintf(message, size, "out of memory");
        return -1;
    }
    t->limits = limits ? *limits : tcp_defaults;
    t->looked = monotonic_ms();
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->ports = calloc(nports, sizeof *t->ports);
    t->books = calloc(nports, sizeof *t->books);
    bool good = t->epoll >= 0 && t->ports && t->books;
    if (!good)
        snprintf(message, size, "TCP: %s", strerror(errno));
    for (size_t i = 0; good && i < nports; i++)
        good = listen_on(t, addr, ports[i], message, size) == 0;
    if (!good) {
        tcp_close(t);
        return -1;
    }
    *out = t;
    return 0;
}

/* ---- connections ------------------------------------------------------------------------ */

static void discard(struct tcp *t, struct connection *s) {
    if (t->first == s)
        t->first = s->next;
    else
        s->prev->next = s->next;
    if (s->next)
        s->next->prev = s->prev;
    t->sessions--;
    close(s->fd);
    free(s->part);
    free(s);
}

void tcp_close(struct tcp *t) {
    if (!t)
        return;
    while (t->first)
        discard(t, t->first);
    for (size_t i = 0; i < t->nports; i++)
        close(t->ports[i].fd);
    if (t->epoll >= 0)
        close(t->epoll);
    free(t->ports);
    free(t->books);
    free(t);
}

static struct datagram datagram_of(const struct connection *s, const uint8_t *p, size_t n) {
    return (struct datagram){
        .data = p,
        .size = n,
        .from = s->from,
        .port = s->port,
        .stream = s->stream,
        .received = now_ms(),
    };
}

/* Its last octets, which were no message, are at p. */
static void end(struct tcp *t, struct connection *s, const uint8_t *p, size_t n, enum tcp_end how,
                const struct tcp_calls *calls) {
    const struct datagram d = datagram_of(s, p, n);
    t->ended[how]++;
    calls->ended(calls->arg, &d, how);
    discard(t, s);
}

static bool has_room(const struct tcp *t, const struct flow_ip *from) {
    size_t same = 0;
    for (const struct connection *s = t->first; s; s = s->next)
        same += flow_ip_cmp(&s->from, from) == 0;
    return t->sessions < t->limits.sessions && same < t->limits.of_one_address;
}

static void refuse(struct tcp *t, const struct connection *s, const struct tcp_calls *calls) {
    const struct datagram d = datagram_of(s, NULL, 0);
    t->ended[TCP_REFUSED]++;
    calls->ended(calls->arg, &d, TCP_REFUSED);
    close(s->fd);
}

/* False: there are too many, or no memory. */
static bool adopt(struct tcp *t, const struct connection *new) {
    struct connection *s = has_room(t, &new->from) ? malloc(sizeof *s) : NULL;
    if (s)
        *s = *new;
    if (!s || watch(t, s) != 0) {
        free(s);
        return false;
    }
    t->streams++;
    s->next = t->first;
    if (t->first)
        t->first->prev = s;
    t->first = s;
    t->sessions++;
    return true;
}

static struct connection new_connection(const struct tcp *t, int fd, struct fvt_socket *books) {
    struct connection new = {.fd = fd, .books = books, .since = monotonic_ms()};
    new.stream = EXPORTER_FIRST_STREAM + t->streams % (UINT32_MAX - EXPORTER_FIRST_STREAM);
    return new;
}

bool tcp_adopt(struct tcp *t, int fd, const struct flow_ip *from, uint16_t port) {
    struct connection new = new_connection(t, fd, &t->books[0]);
    new.from = *from;
    new.port = port;
    return adopt(t, &new);
}

/* Returns whether there may be more. */
static bool take_one(struct tcp *t, const struct connection *port, const struct tcp_calls *calls,
                     size_t *ends) {
    struct sockaddr_storage from;
    socklen_t n = sizeof from;
    int fd = accept4(port->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0) {
        t->full = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        return errno == ECONNABORTED || errno == EINTR;
    }
    struct connection new = new_connection(t, fd, port->books);
    if (!address_of(&from, &new.from, &new.port) || !calls->admit(calls->arg, &new.from)) {
        close(fd);
        return true;
    }
    if (!adopt(t, &new)) {
        refuse(t, &new, calls);
        ++*ends;
        return true;
    }
    /* A dead peer is found out in the end. */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    return true;
}

/* While file descriptors have run out, waiting connections would wake us for ever. */
static void look_at_ports(struct tcp *t, bool look) {
    for (size_t i = 0; i < t->nports; i++) {
        struct epoll_event event = {.events = look ? EPOLLIN : 0, .data.ptr = &t->ports[i]};
        epoll_ctl(t->epoll, EPOLL_CTL_MOD, t->ports[i].fd, &event);
    }
}

/* ---- messages --------------------------------------------------------------------------- */

/* Octets of the message that begins at p: 0 while too few are there to tell, SIZE_MAX for none. */
static size_t message_length(const uint8_t *p, size_t n) {
    if (n >= 2 && be16(p) != VERSION)
        return SIZE_MAX;
    if (n < 4)
        return 0;
    return be16(p + 2) < HEADER ? SIZE_MAX : be16(p + 2);
}

/* Keep the beginning of a message. False when out of memory. */
static bool keep(struct connection *s, const uint8_t *p, size_t n) {
    if (!n) {
        free(s->part);
        s->part = NULL;
    } else {
        uint8_t *part = realloc(s->part, n);
        if (!part)
            return false;
        memcpy(part, p, n);
        s->part = part;
    }
    s->have = n;
    return true;
}

/* Take what came of a connection. Returns what was handed over. */
static size_t take(struct tcp *t, struct connection *s, const struct tcp_calls *calls) {
    if (s->have)
        memcpy(t->data, s->part, s->have);
    ssize_t got = read(s->fd, t->data + s->have, READ);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    const uint8_t *p = t->data;
    size_t left = s->have + (got > 0 ? (size_t)got : 0), handed = 0, length;
    if (got <= 0) {
        end(t, s, p, left, got == 0 && !left ? TCP_CLOSED : TCP_BROKEN, calls);
        return 1;
    }
    if (!s->have)
        s->since = monotonic_ms();
    calls->arrived(calls->arg, now_ms());
    while ((length = message_length(p, left)) != 0 && length <= left) {
        const struct datagram d = datagram_of(s, p, length);
        s->books->datagrams++;
        s->books->octets += length;
        calls->message(calls->arg, &d);
        p += length;
        left -= length;
        handed++;
    }
    if (handed)
        s->since = monotonic_ms();
    if (length == SIZE_MAX || !keep(s, p, left)) {
        end(t, s, p, left, length == SIZE_MAX ? TCP_GARBAGE : TCP_BROKEN, calls);
        handed++;
    }
    return handed;
}

static size_t end_silent(struct tcp *t, const struct tcp_calls *calls) {
    size_t ends = 0;
    struct connection *next;
    for (struct connection *s = t->first; s; s = next) {
        next = s->next;
        int64_t silent = monotonic_ms() - s->since;
        if (silent <= (s->have ? t->limits.stalled_ms : t->limits.idle_ms))
            continue;
        if (s->have)
            memcpy(t->data, s->part, s->have);
        end(t, s, t->data, s->have, s->have ? TCP_STALLED : TCP_IDLE, calls);
        ends++;
    }
    return ends;
}

size_t tcp_wait(struct tcp *t, int timeout, const struct tcp_calls *calls) {
    struct epoll_event event[EVENTS];
    size_t handed = 0;
    bool was_full = t->full;
    int n = epoll_wait(t->epoll, event, EVENTS, timeout);
    for (int i = 0; i < n; i++) {
        struct connection *s = event[i].data.ptr;
        if (!s->listening) {
            handed += take(t, s, calls); /* which may be the end of it */
            continue;
        }
        for (int k = 0; k < ACCEPTS && take_one(t, s, calls, &handed); k++)
            ;
    }
    if (t->full && !was_full)
        look_at_ports(t, false);
    if (monotonic_ms() - t->looked >= LOOK_MS) {
        t->looked = monotonic_ms();
        if (t->full)
            look_at_ports(t, true);
        t->full = false;
        handed += end_silent(t, calls);
    }
    return handed;
}

size_t tcp_sockets(const struct tcp *t, const struct fvt_socket **out) {
    *out = t->books;
    return t->nports;
}

int tcp_fd(const struct tcp *t) {
    return t->epoll;
}

uint64_t tcp_ended(const struct tcp *t, enum tcp_end how) {
    return t->ended[how];
}

size_t tcp_sessions(const struct tcp *t) {
    return t->sessions;
}
