/* SPDX-License-Identifier: MIT */
/*
** Two slabs of datagrams: the receiver fills one while the thread sends the other.
**
** With the source kept, the UDP header is ours and the IP header the kernel's, which fragments and
** routes as usual: a raw socket that may send from foreign addresses (IP_TRANSPARENT), with the
** address beside each message. Such a socket would also get a copy of all UDP that comes in; it is
** bound to an address that nothing is sent to, so it does not.
*/
#include "repeat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    SLAB = 8 << 20, /* octets, of each of the two: some 5000 full datagrams */
    SEND_BUFFER = 4 << 20,
    BATCH = 64, /* messages of one system call */
    UDP_HEADER = 8,
    SEND_PATIENCE_MS = 200, /* for room in the socket's buffer */
    CLOSE_PATIENCE_S = 1,
};

/* In a slab; data follows, and then what it takes to align the next. */
struct kept {
    struct flow_ip from;
    uint16_t port;
    uint16_t size;
};

struct slab {
    uint8_t *octets;
    size_t used;
};

struct target {
    struct sockaddr_storage to;
    socklen_t length;
    struct repeater_count count;
};

enum family { V4, V6, FAMILIES };

/* One system call's worth of messages. */
struct batch {
    struct mmsghdr message[BATCH];
    struct iovec part[BATCH][2];
    uint8_t header[BATCH][UDP_HEADER];
    union {
        struct cmsghdr align;
        char octets[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control[BATCH];
    unsigned n;
};

struct repeater {
    bool keep_source, running;
    struct repeat_ports own;
    int fd[FAMILIES]; /* -1: there is no such family */
    pthread_t thread;
    struct batch batch;   /* the thread's */
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t wake;
    bool stop, waiting;
    struct slab filling, sending; /* the thread's own while it sends: .sending */
    uint64_t left_out;
    size_t ntargets;
    struct target target[REPEAT_MAX];
    unsigned generation; /* of the targets */
};

/* The port is at the same place in both families. */
static uint16_t port_of(const struct sockaddr_storage *to) {
    struct sockaddr_in four;
    memcpy(&four, to, sizeof four);
    return ntohs(four.sin_port);
}

static void set_port(struct sockaddr_storage *to, uint16_t port) {
    struct sockaddr_in four;
    memcpy(&four, to, sizeof four);
    four.sin_port = htons(port);
    memcpy(to, &four, sizeof four);
}

/* ---- targets ---------------------------------------------------------------------------- */

/* Cut HOST/PORT apart. */
static bool split(const char *text, char *host, size_t size, const char **port) {
    const char *slash = strrchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    *port = slash ? slash + 1 : "9995";
    if (n == 0 || n >= size)
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    char *end;
    unsigned long v = strtoul(*port, &end, 10);
    return **port >= '0' && **port <= '9' && *end == '\0' && v >= 1 && v <= 65535;
}

bool repeat_check(const char *text, char *message, size_t size) {
    char host[256];
    const char *port;
    if (split(text, host, sizeof host, &port))
        return true;
    snprintf(message, size, "write HOST or HOST/PORT, an address of IPv6 without brackets");
    return false;
}

/* Would it come back to this program? */
static bool is_own(const struct repeater *r, const struct target *t) {
    struct sockaddr_storage here = t->to;
    bool own = false;
    for (size_t i = 0; i < r->own.n; i++)
        own |= r->own.port[i] == port_of(&t->to);
    int fd = own ? socket(here.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    set_port(&here, 0);
    own = fd >= 0 && bind(fd, (struct sockaddr *)&here, t->length) == 0;
    if (fd >= 0)
        close(fd);
    return own;
}

static bool find_target(const struct repeater *r, const char *text, struct target *out,
                        char *message, size_t size) {
    char host[256];
    const char *port;
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV}, *list, *a;
    if (!repeat_check(text, message, size))
        return false;
    split(text, host, sizeof host, &port);
    int failed = getaddrinfo(host, port, &hints, &list);
    if (failed) {
        snprintf(message, size, "%s: %s", host, gai_strerror(failed));
        return false;
    }
    for (a = list; a && r->fd[a->ai_family == AF_INET6 ? V6 : V4] < 0;)
        a = a->ai_next;
    *out = (struct target){.length = a ? a->ai_addrlen : 0};
    if (a)
        memcpy(&out->to, a->ai_addr, a->ai_addrlen);
    else
        snprintf(message, size, "%s: there is no socket of that family here", host);
    freeaddrinfo(list);
    snprintf(out->count.name, sizeof out->count.name, "%s", text);
    bool own = a && is_own(r, out);
    if (own)
        snprintf(message, size, "%s is this collector itself: give another port", text);
    return a && !own;
}

int repeater_targets(struct repeater *r, const char *const *targets, size_t n, char *message,
                     size_t size) {
    struct target found[REPEAT_MAX];
    for (size_t i = 0; i < n; i++)
        if (i == REPEAT_MAX || !find_target(r, targets[i], &found[i], message, size))
            return -1;
    pthread_mutex_lock(&r->lock);
    if (n)
        memcpy(r->target, found, n * sizeof *found);
    r->ntargets = n;
    r->generation++;
    pthread_mutex_unlock(&r->lock);
    return 0;
}

/* ---- sockets ---------------------------------------------------------------------------- */

/* Where nobody sends to: RFC 7600, and the discard prefix of RFC 6666. */
static int bind_nowhere(int fd, enum family family) {
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    inet_pton(AF_INET, "192.0.0.8", &four.sin_addr);
    inet_pton(AF_INET6, "100::1", &six.sin6_addr);
    return family == V4 ? bind(fd, (struct sockaddr *)&four, sizeof four)
                        : bind(fd, (struct sockaddr *)&six, sizeof six);
}

static int open_raw(enum family family) {
    static const int level[] = {IPPROTO_IP, IPPROTO_IPV6};
    static const int transparent[] = {IP_TRANSPARENT, IPV6_TRANSPARENT};
    int on = 1;
    int fd = socket(family == V4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, level[family], transparent[family], &on, sizeof on) == 0 &&
        bind_nowhere(fd, family) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* False with errno, but for a family that the system does not have. */
static bool open_socket(struct repeater *r, enum family family) {
    int buffer = SEND_BUFFER;
    const struct timeval patience = {.tv_usec = SEND_PATIENCE_MS * 1000};
    int fd = r->keep_source
                 ? open_raw(family)
                 : socket(family == V4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    r->fd[family] = fd;
    if (fd < 0)
        return errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    return true;
}

struct repeater *repeater_open(const char *const *targets, size_t n, bool keep_source,
                               struct repeat_ports own, char *message, size_t size) {
    struct repeater *r = calloc(1, sizeof *r);
    if (!r) {
        snprintf(message, size, "out of memory");
        return NULL;
    }
    r->keep_source = keep_source;
    r->own = own;
    r->fd[V4] = r->fd[V6] = -1;
    r->filling.octets = malloc(SLAB);
    r->sending.octets = malloc(SLAB);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, NULL);
    bool good = r->filling.octets && r->sending.octets;
    if (!good)
        snprintf(message, size, "out of memory");
    for (int f = 0; good && f < FAMILIES; f++)
        if (!(good = open_socket(r, (enum family)f)))
            snprintf(message, size, "%s%s", strerror(errno),
                     errno == EPERM && keep_source
                         ? ": to keep source addresses, be started by root or have CAP_NET_RAW"
                         : "");
    if (good && repeater_targets(r, targets, n, message, size) == 0)
        return r;
    repeater_close(r);
    return NULL;
}

/* ---- sending ---------------------------------------------------------------------------- */

static uint32_t sum16(uint32_t sum, const uint8_t *p, size_t n) {
    for (; n > 1; p += 2, n -= 2) {
        sum += (uint32_t)(p[0] << 8 | p[1]);
        if (sum >> 31)
            sum = (sum & 0xffff) + (sum >> 16);
    }
    return n ? sum + (uint32_t)(p[0] << 8) : sum;
}

/* RFC 768, and RFC 8200 section 8.1: of a pseudo header, ours and the data. */
static uint16_t checksum(const struct kept *k, const struct sockaddr_storage *to,
                         const uint8_t *header, const uint8_t *data) {
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    uint32_t sum = IPPROTO_UDP + (uint32_t)k->size + UDP_HEADER;
    memcpy(&four, to, sizeof four);
    memcpy(&six, to, sizeof six);
    sum = sum16(sum, k->from.addr, k->from.family == 4 ? 4 : 16);
    if (to->ss_family == AF_INET)
        sum = sum16(sum, (const uint8_t *)&four.sin_addr, 4);
    else
        sum = sum16(sum, six.sin6_addr.s6_addr, 16);
    sum = sum16(sum, header, UDP_HEADER);
    sum = sum16(sum, data, k->size);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff ? 0xffff : (uint16_t)~sum; /* a zero would be none */
}

static void put16(uint8_t *p, unsigned v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* The address to send from, beside the message. */
static void set_source(struct msghdr *m, const struct flow_ip *from) {
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    if (from->family == 4) {
        struct in_pktinfo info = {0};
        memcpy(&info.ipi_spec_dst, from->addr, 4);
        *c = (struct cmsghdr){CMSG_LEN(sizeof info), IPPROTO_IP, IP_PKTINFO};
        memcpy(CMSG_DATA(c), &info, sizeof info);
        m->msg_controllen = CMSG_SPACE(sizeof info);
    } else {
        struct in6_pktinfo info = {0};
        memcpy(&info.ipi6_addr, from->addr, 16);
        *c = (struct cmsghdr){CMSG_LEN(sizeof info), IPPROTO_IPV6, IPV6_PKTINFO};
        memcpy(CMSG_DATA(c), &info, sizeof info);
        m->msg_controllen = CMSG_SPACE(sizeof info);
    }
}

static void put_source(struct batch *b, const struct kept *k, uint8_t *data, struct target *t) {
    struct msghdr *m = &b->message[b->n].msg_hdr;
    uint8_t *h = b->header[b->n];
    put16(h, k->port);
    put16(h + 2, port_of(&t->to));
    put16(h + 4, k->size + UDP_HEADER);
    put16(h + 6, 0);
    put16(h + 6, checksum(k, &t->to, h, data));
    memset(&b->control[b->n], 0, sizeof b->control[b->n]);
    m->msg_control = &b->control[b->n];
    m->msg_controllen = sizeof b->control[b->n];
    set_source(m, &k->from);
}

static void send_batch(struct repeater *r, struct target *t) {
    struct batch *b = &r->batch;
    int fd = r->fd[t->to.ss_family == AF_INET ? V4 : V6];
    for (unsigned done = 0; done < b->n;) {
        int n = sendmmsg(fd, b->message + done, b->n - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n > 0) {
            t->count.sent += (unsigned)n;
            done += (unsigned)n;
        } else {
            t->count.failed++;
            t->count.error = errno;
            done++;
        }
    }
    b->n = 0;
}

static size_t room_of(size_t size) {
    size_t align = _Alignof(struct kept);
    return (sizeof(struct kept) + size + align - 1) / align * align;
}

/* All of a slab to one target. */
static void send_slab(struct repeater *r, const struct slab *s, struct target *t) {
    struct batch *b = &r->batch;
    struct sockaddr_storage to = t->to;
    int family = to.ss_family == AF_INET ? 4 : 6;
    if (r->keep_source) /* the port is in our header; a raw socket of IPv6 takes none here */
        set_port(&to, 0);
    for (size_t at = 0; at < s->used;) {
        struct kept k;
        memcpy(&k, s->octets + at, sizeof k);
        uint8_t *data = s->octets + at + sizeof k;
        at += room_of(k.size);
        if (r->keep_source && k.from.family != family) {
            t->count.failed++;
            t->count.error = EAFNOSUPPORT;
            continue;
        }
        b->part[b->n][0] = (struct iovec){b->header[b->n], UDP_HEADER};
        b->part[b->n][1] = (struct iovec){data, k.size};
        b->message[b->n].msg_hdr = (struct msghdr){
            .msg_name = &to,
            .msg_namelen = t->length,
            .msg_iov = b->part[b->n] + !r->keep_source,
            .msg_iovlen = r->keep_source ? 2 : 1,
        };
        if (r->keep_source)
            put_source(b, &k, data, t);
        if (++b->n == BATCH)
            send_batch(r, t);
    }
    send_batch(r, t);
}

/* What was counted belongs to the targets that it was sent to. */
static void add_counts(struct repeater *r, const struct target *t, size_t n, unsigned generation) {
    for (size_t i = 0; i < n && generation == r->generation; i++) {
        struct repeater_count *c = &r->target[i].count;
        c->sent += t[i].count.sent;
        c->failed += t[i].count.failed;
        c->error = t[i].count.failed ? t[i].count.error : c->error;
    }
}

static void *work(void *arg) {
    struct repeater *r = arg;
    struct target target[REPEAT_MAX];
    pthread_mutex_lock(&r->lock);
    for (;;) {
        r->waiting = true;
        while (!r->filling.used && !r->stop)
            pthread_cond_wait(&r->wake, &r->lock);
        r->waiting = false;
        if (!r->filling.used)
            break;
        struct slab full = r->filling;
        r->filling = r->sending;
        r->sending = full;
        size_t n = r->ntargets;
        unsigned generation = r->generation;
        memcpy(target, r->target, sizeof target);
        pthread_mutex_unlock(&r->lock);
        for (size_t i = 0; i < n; i++) {
            target[i].count.sent = target[i].count.failed = 0;
            send_slab(r, &full, &target[i]);
        }
        pthread_mutex_lock(&r->lock);
        add_counts(r, target, n, generation);
        r->sending.used = 0;
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

int repeater_start(struct repeater *r) {
    int failed = pthread_create(&r->thread, NULL, work, r);
    r->running = !failed;
    return failed;
}

void repeater_take(struct repeater *r, const struct datagram *d) {
    if (!r || d->stream || d->size > UINT16_MAX)
        return;
    const struct kept k = {d->from, d->port, (uint16_t)d->size};
    size_t room = room_of(d->size);
    pthread_mutex_lock(&r->lock);
    struct slab *s = &r->filling;
    if (r->ntargets && room <= SLAB - s->used) {
        memcpy(s->octets + s->used, &k, sizeof k);
        memcpy(s->octets + s->used + sizeof k, d->data, d->size);
        s->used += room;
    } else {
        r->left_out += r->ntargets > 0;
    }
    bool wake = r->waiting && s->used;
    r->waiting = false; /* it is woken once */
    pthread_mutex_unlock(&r->lock);
    if (wake)
        pthread_cond_signal(&r->wake);
}

void repeater_counts(struct repeater *r, struct repeater_counts *out) {
    pthread_mutex_lock(&r->lock);
    *out = (struct repeater_counts){.n = r->ntargets, .left_out = r->left_out};
    for (size_t i = 0; i < r->ntargets; i++)
        out->target[i] = r->target[i].count;
    pthread_mutex_unlock(&r->lock);
}

void repeater_close(struct repeater *r) {
    struct timespec until;
    if (!r)
        return;
    if (r->running) {
        pthread_mutex_lock(&r->lock);
        r->stop = true;
        pthread_cond_signal(&r->wake);
        pthread_mutex_unlock(&r->lock);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += CLOSE_PATIENCE_S;
        if (pthread_clockjoin_np(r->thread, NULL, CLOCK_MONOTONIC, &until) != 0)
            return; /* it goes with the process */
    }
    for (int f = 0; f < FAMILIES; f++)
        if (r->fd[f] >= 0)
            close(r->fd[f]);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->wake);
    free(r->filling.octets);
    free(r->sending.octets);
    free(r);
}
