/* SPDX-License-Identifier: MIT */
/*
** Receiving: the queue between the two threads, and sockets that are emptied though nobody takes what came.
*/
#include "collector/receive.h"
#include "collector/ring.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SMALL = 1 << 20 };

/* Datagram number i: its number, in a length that depends on it. */
static size_t length_of(uint32_t i) {
    return sizeof i + i * 7919 % 1400;
}
static struct datagram numbered(uint32_t i, uint8_t *octets) {
    memset(octets, (int)(i & 255), length_of(i));
    memcpy(octets, &i, sizeof i);
    return (struct datagram){
        .data = octets, .size = length_of(i), .port = (uint16_t)i, .received = i};
}
static bool is_numbered(const struct datagram *d, uint32_t i) {
    uint8_t octets[2048];
    const struct datagram want = numbered(i, octets);
    return d->size == want.size && memcmp(d->data, octets, want.size) == 0;
}

/* ---- the queue -------------------------------------------------------------------------- */

static void full_queue_takes_no_more(void **state) {
    (void)state;
    struct ring *r = ring_new(SMALL);
    uint8_t octets[2048];
    uint32_t put = 0, got = 0;
    assert_non_null(r);
    for (bool room = true; room; put += room) {
        const struct datagram d = numbered(put, octets);
        room = ring_put(r, &d, 1) == 1;
    }
    /* What is given for is used, but for the heads and what is left of each block. */
    assert_in_range(put, SMALL / 2 / 800, SMALL / 700);
    /* One block taken and given back makes room for as much again. */
    struct ring_block *b = ring_take(r, 0, -1);
    struct datagram d;
    assert_non_null(b);
    while (ring_next(b, &d))
        assert_true(is_numbered(&d, got++));
    const struct datagram more = numbered(put, octets);
    assert_int_equal(ring_put(r, &more, 1), 0);
    ring_give_back(r, b);
    assert_int_equal(ring_put(r, &more, 1), 1);
    put++;
    ring_end(r);
    while ((b = ring_take(r, 1000, -1))) {
        while (ring_next(b, &d))
            assert_true(is_numbered(&d, got++));
        ring_give_back(r, b);
    }
    assert_int_equal(got, put);
    assert_true(ring_is_over(r));
    ring_free(r);
}

static void largest_datagram_fits(void **state) {
    (void)state;
    static uint8_t octets[65535];
    struct ring *r = ring_new(0);
    const struct datagram d = {.data = octets, .size = sizeof octets};
    struct datagram got;
    assert_int_equal(ring_put(r, &d, 1), 1);
    struct ring_block *b = ring_take(r, 0, -1);
    assert_true(ring_next(b, &got));
    assert_int_equal(got.size, sizeof octets);
    assert_false(ring_next(b, &got));
    ring_give_back(r, b);
    assert_null(ring_take(r, 0, -1));
    ring_free(r);
}

enum { MANY = 200000, TOGETHER = 32 };

static void *put_many(void *arg) {
    static uint8_t octets[TOGETHER][2048];
    for (uint32_t i = 0; i < MANY;) {
        struct datagram d[TOGETHER];
        size_t n = 0, done = 0;
        for (; n < 1 + i % TOGETHER && i + n < MANY; n++)
            d[n] = numbered(i + (uint32_t)n, octets[n]);
        while ((done += ring_put(arg, d + done, n - done)) < n)
            usleep(100);
        i += (uint32_t)n;
    }
    ring_end(arg);
    return NULL;
}

static void all_come_through_in_order(void **state) {
    (void)state;
    struct ring *r = ring_new(SMALL);
    pthread_t thread;
    uint32_t got = 0, wrong = 0;
    assert_int_equal(pthread_create(&thread, NULL, put_many, r), 0);
    while (!ring_is_over(r)) {
        struct ring_block *b = ring_take(r, 100, -1);
        struct datagram d;
        while (b && ring_next(b, &d))
            wrong += !is_numbered(&d, got++);
        if (b)
            ring_give_back(r, b);
    }
    pthread_join(thread, NULL);
    assert_int_equal(got, MANY);
    assert_int_equal(wrong, 0);
    ring_free(r);
}

/* ---- sockets ---------------------------------------------------------------------------- */

struct taken {
    uint32_t n, last;
    bool disordered;
    int64_t clock;
};

static void arrived(void *arg, int64_t now) {
    struct taken *t = arg;
    t->disordered |= now < t->clock;
    t->clock = now;
}

static void take(void *arg, const struct datagram *d) {
    struct taken *t = arg;
    uint32_t i;
    memcpy(&i, d->data, sizeof i);
    t->disordered |= (t->n && i <= t->last) || !is_numbered(d, i) || d->received != t->clock;
    t->last = i;
    t->n++;
}

static int sender(uint16_t port) {
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static struct receiver *listen_on(uint16_t *port, size_t buffer, size_t queue) {
    struct receiver *r = NULL;
    char message[256] = "";
    for (*port = 20000; !r && *port < 60000; *port += 1 + (uint16_t)(getpid() % 97)) {
        uint16_t ports[] = {*port};
        size_t n = 1;
        if (receiver_open(&r, "127.0.0.1", ports, &n, buffer, queue, NULL, message,
                          sizeof message) == 0)
            break;
    }
    if (!r)
        print_message("%s\n", message);
    assert_non_null(r);
    return r;
}

static void send_numbered(int fd, uint32_t i) {
    uint8_t octets[2048];
    const struct datagram d = numbered(i, octets);
    assert_int_equal(send(fd, d.data, d.size, 0), d.size);
}

/* Octets that wait in the buffer of the socket, -1 when there is none. */
static long in_socket(uint16_t port) {
    char line[512];
    long waiting = -1;
    FILE *f = fopen("/proc/net/udp", "r");
    while (f && fgets(line, sizeof line, f)) {
        unsigned local;
        unsigned long octets;
        if (sscanf(line, " %*u: %*x:%x %*x:%*x %*x %*x:%lx", &local, &octets) == 2 && local == port)
            waiting = (long)octets;
    }
    if (f)
        fclose(f);
    return waiting;
}

/* The socket is empty again though nobody takes anything; afterwards all is there, in order. */
static void sockets_are_emptied_meanwhile(void **state) {
    (void)state;
    enum { SOME = 40 }; /* that any socket has room for */
    uint16_t port;
    struct receiver *r = listen_on(&port, 1 << 16, SMALL);
    struct taken t = {0};
    const struct receiver_calls calls = {arrived, take, &t};
    int fd = sender(port);
    for (uint32_t i = 0; i < SOME; i++)
        send_numbered(fd, i);
    assert_true(in_socket(port) > 0);
    assert_int_equal(receiver_start(r), 0);
    for (int i = 0; in_socket(port) > 0 && i < 10000; i++)
        usleep(1000);
    assert_int_equal(in_socket(port), 0);
    assert_int_equal(t.n, 0);
    receiver_finish(r, &calls);
    const struct fvt_socket *books;
    assert_int_equal(receiver_sockets(r, &books), 1);
    assert_int_equal(t.n, SOME);
    assert_false(t.disordered);
    assert_int_equal(books->datagrams, SOME);
    assert_int_equal(books->drops + books->ring_drops, 0);
    close(fd);
    receiver_close(r);
}

/* A receiver at work, and who sends to it. */
struct rig {
    uint16_t port;
    struct receiver *receiver;
    struct taken taken;
    struct receiver_calls calls;
    int sender;
};

static void rig_start(struct rig *g) {
    *g = (struct rig){.calls = {arrived, take, &g->taken}};
    g->receiver = listen_on(&g->port, 1 << 20, SMALL);
    g->sender = sender(g->port);
    assert_int_equal(receiver_start(g->receiver), 0);
}

static void rig_end(struct rig *g) {
    close(g->sender);
    receiver_close(g->receiver);
}

/* What finds the queue full is counted, and so is what the kernel drops: nothing is missing in the books. */
static void drops_are_counted(void **state) {
    (void)state;
    enum { FLOOD = 20000 };
    struct rig g;
    rig_start(&g);
    for (uint32_t i = 0; i < FLOOD; i++)
        send_numbered(g.sender, i);
    for (int i = 0; in_socket(g.port) > 0 && i < 10000; i++)
        usleep(1000);
    receiver_finish(g.receiver, &g.calls);
    const struct fvt_socket *books;
    receiver_sockets(g.receiver, &books);
    assert_true(books->ring_drops > 0);
    assert_int_equal(books->datagrams + books->drops, FLOOD);
    assert_int_equal(g.taken.n + books->ring_drops, books->datagrams);
    assert_false(g.taken.disordered);
    rig_end(&g);
}

/* A single datagram is handed over by a wait that would last much longer. */
static void single_datagram_wakes(void **state) {
    (void)state;
    struct rig g;
    rig_start(&g);
    for (uint32_t i = 0; i < 20; i++) {
        send_numbered(g.sender, i);
        assert_int_equal(receiver_wait(g.receiver, 100000, -1, &g.calls), 1);
    }
    assert_int_equal(receiver_wait(g.receiver, 0, -1, &g.calls), 0);
    rig_end(&g);
}

/* So does what comes over another descriptor; then nothing is handed over. */
static void other_descriptor_wakes(void **state) {
    (void)state;
    struct rig g;
    int other[2];
    assert_int_equal(pipe(other), 0);
    assert_int_equal(write(other[1], "x", 1), 1);
    rig_start(&g);
    assert_int_equal(receiver_wait(g.receiver, 100000, other[0], &g.calls), 0);
    assert_int_equal(g.taken.n, 0);
    close(other[0]);
    close(other[1]);
    rig_end(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_queue_takes_no_more),
        cmocka_unit_test(largest_datagram_fits),
        cmocka_unit_test(all_come_through_in_order),
        cmocka_unit_test(sockets_are_emptied_meanwhile),
        cmocka_unit_test(drops_are_counted),
        cmocka_unit_test(single_datagram_wakes),
        cmocka_unit_test(other_descriptor_wakes),
    };
    return cmocka_run_group_tests_name("receive", tests, NULL, NULL);
}
