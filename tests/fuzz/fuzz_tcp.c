/* SPDX-License-Identifier: MIT */
/*
** Fuzz target: what exporters send over TCP, in pieces. A piece is preceded by two octets (network order): the
** highest two bits say over which of four connections it comes, the third that it is the last one there, the others
** its length. Each connection is read by a collector of small bounds; whatever the pieces are, its messages are what
** was sent, in order and without a gap, until something comes that is none.
*/
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/tcp.h"
#include "tests/fuzz/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONNECTIONS = 4 };

/* One end is ours, the other is the collector's. What was sent, and how much of it was handed over. */
struct peer {
    int fd; /* -1: not open */
    uint8_t *sent;
    size_t n, taken;
};

struct session_rig {
    struct tcp *tcp;
    struct collector *collector;
    struct peer peer[CONNECTIONS];
};

static void require(bool good) {
    if (!good)
        abort();
}

static bool admit(void *arg, const struct flow_ip *from) {
    (void)arg;
    (void)from;
    return true;
}

static void arrived(void *arg, int64_t now) {
    struct session_rig *r = arg;
    collector_tick(r->collector, now);
}

/* These octets are the next ones of what came over its connection. */
static struct peer *check(struct session_rig *r, const struct datagram *d) {
    struct peer *p = &r->peer[d->port];
    require(d->port < CONNECTIONS && d->size <= p->n - p->taken);
    require(d->size == 0 || memcmp(p->sent + p->taken, d->data, d->size) == 0);
    p->taken += d->size;
    return p;
}

static void message(void *arg, const struct datagram *d) {
    struct session_rig *r = arg;
    check(r, d);
    require(d->size >= 16 && be16(d->data) == 10 && be16(d->data + 2) == d->size);
    collector_datagram(r->collector, d);
    const struct collector *c = r->collector;
    require(c->exporters.announced_octets <= limits.announced &&
            c->pending.octets <= limits.pending && c->exporters.count <= limits.exporters);
}

static void close_peer(struct peer *p) {
    if (p->fd >= 0)
        close(p->fd);
    free(p->sent);
    *p = (struct peer){.fd = -1};
}

static void ended(void *arg, const struct datagram *d, enum tcp_end how) {
    struct session_rig *r = arg;
    struct peer *p = check(r, d);
    bool message_next = d->size >= 4 && be16(d->data) == 10 && be16(d->data + 2) >= 16;
    require(how == TCP_CLOSED    ? d->size == 0
            : how == TCP_GARBAGE ? d->size >= 2 && !message_next
                                 : how == TCP_BROKEN);
    require(how == TCP_GARBAGE || p->taken == p->n);
    if (d->size)
        collector_garbage(r->collector, d, how == TCP_GARBAGE ? FVT_BAD_VERSION : FVT_BAD_SHORT);
    collector_end_stream(r->collector, d->stream);
    close_peer(p);
}

static void drain(struct session_rig *r) {
    const struct tcp_calls calls = {admit, arrived, message, ended, r};
    int n = 0; /* what is read without making a message whole is no event */
    while (tcp_wait(r->tcp, 0, &calls) > 0 || n++ < 1)
        ;
}

static bool open_peer(struct session_rig *r, unsigned i) {
    int fds[2];
    const uint8_t address[4] = {192, 0, 2, (uint8_t)(i / 2)};
    const struct flow_ip from = flow_ip_make(4, address);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
        return false;
    if (!tcp_adopt(r->tcp, fds[1], &from, (uint16_t)i)) {
        close(fds[0]);
        close(fds[1]);
        return false;
    }
    r->peer[i].fd = fds[0];
    return true;
}

/* Send a piece. */
static bool give(struct session_rig *r, unsigned i, const uint8_t *data, size_t n) {
    struct peer *p = &r->peer[i];
    uint8_t *grown = realloc(p->sent, p->n + n + 1);
    if (!grown)
        return false;
    p->sent = grown;
    memcpy(p->sent + p->n, data, n);
    ssize_t sent = n ? send(p->fd, data, n, MSG_NOSIGNAL) : 0;
    if (sent != (ssize_t)n)
        return false;
    p->n += n;
    return true;
}

static bool count_row(void *arg, const struct flow_row *row) {
    (void)row;
    ++*(uint64_t *)arg;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint16_t any_port;
    static struct session_rig r;
    uint64_t rows = 0;
    char text[256];
    struct cursor in = cursor_of(data, size);
    uint16_t head;
    for (int i = 0; i < CONNECTIONS; i++)
        r.peer[i].fd = -1;
    r.collector = collector_new((struct flow_sink){count_row, &rows, NULL},
                                (struct fault_sink){NULL, NULL}, &limits);
    if (!r.collector || tcp_open(&r.tcp, "127.0.0.1", &any_port, 1, NULL, text, sizeof text) != 0)
        abort();
    while (cursor_u16(&in, &head)) {
        struct cursor piece = cursor_cut(&in, head & 0x1fff);
        unsigned i = head >> 14;
        if (r.peer[i].fd < 0 && !open_peer(&r, i))
            break;
        if (!give(&r, i, piece.p, cursor_left(&piece)))
            break;
        if (head & 0x2000)
            shutdown(r.peer[i].fd, SHUT_WR);
        drain(&r);
    }
    for (int i = 0; i < CONNECTIONS; i++)
        if (r.peer[i].fd >= 0)
            shutdown(r.peer[i].fd, SHUT_WR);
    drain(&r);
    for (int i = 0; i < CONNECTIONS; i++)
        require(r.peer[i].fd < 0);
    require(tcp_sessions(r.tcp) == 0);
    tcp_close(r.tcp);
    collector_free(r.collector);
    return 0;
}
