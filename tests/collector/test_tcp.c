/* SPDX-License-Identifier: MIT */
/*
** Connections of IPFIX over TCP: messages whole in whatever pieces they come, how a connection can end, and how many
** there may be. tests/e2e/tcp.sh has the exporters.
*/
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "build.h"
#include "collector/tcp.h"

enum { PEERS = 8, TRIES = 1000, WAIT_MS = 20 };

static struct {
    struct tcp *tcp;
    struct sockaddr_in at;
    unsigned messages, ends[TCP_ENDS];
    size_t octets, rest; /* of all messages; of what was none, of the last end */
    uint32_t stream;     /* of the last message */
    bool refuse;
} x;

static bool admit(void *arg, const struct flow_ip *from) {
    (void)arg;
    (void)from;
    return !x.refuse;
}
static void arrived(void *arg, int64_t now) {
    (void)arg;
    assert_true(now > 0);
}
static void message(void *arg, const struct datagram *d) {
    (void)arg;
    uint8_t *copy = malloc(d->size); /* AddressSanitizer knows its end */
    assert_non_null(copy);
    memcpy(copy, d->data, d->size);
    assert_int_equal(be16(copy), 10);
    assert_int_equal(be16(copy + 2), d->size);
    for (size_t i = 16; i < d->size; i++)
        assert_int_equal(copy[i], (uint8_t)i);
    free(copy);
    assert_true(d->stream >= EXPORTER_FIRST_STREAM);
    x.messages++;
    x.octets += d->size;
    x.stream = d->stream;
}
static void ended(void *arg, const struct datagram *d, enum tcp_end how) {
    (void)arg;
    x.ends[how]++;
    x.rest = d->size;
}

static const struct tcp_calls calls = {admit, arrived, message, ended, NULL};

static void begin(const struct tcp_limits *limits) {
    char text[256];
    socklen_t n = sizeof x.at;
    memset(&x, 0, sizeof x);
    x.at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* a port that is free */
    assert_int_equal(bind(fd, (struct sockaddr *)&x.at, sizeof x.at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&x.at, &n), 0);
    close(fd);
    const uint16_t port = ntohs(x.at.sin_port);
    assert_int_equal(tcp_open(&x.tcp, "127.0.0.1", &port, 1, limits, text, sizeof text), 0);
}

static int peer(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&x.at, sizeof x.at), 0);
    return fd;
}

static void put_message(int fd, size_t size, size_t from, size_t to) {
    static uint8_t octets[65536];
    for (size_t i = 0; i < size; i++)
        octets[i] = (uint8_t)i;
    memcpy(octets, (const uint8_t[]){0, 10, (uint8_t)(size >> 8), (uint8_t)size}, 4);
    assert_int_equal(write(fd, octets + from, to - from), to - from);
}

/* Until the counter says so. */
static void until(const unsigned *counter, unsigned n) {
    for (int i = 0; *counter < n && i < TRIES; i++)
        tcp_wait(x.tcp, WAIT_MS, &calls);
    assert_int_equal(*counter, n);
}

static void pieces(void **state) {
    (void)state;
    begin(NULL);
    int fd[PEERS];
    for (int i = 0; i < PEERS; i++)
        fd[i] = peer();
    /* Octet by octet, in turn. */
    for (size_t at = 0; at < 40; at++) {
        for (int i = 0; i < PEERS; i++)
            put_message(fd[i], 40, at, at + 1);
        tcp_wait(x.tcp, WAIT_MS, &calls);
    }
    until(&x.messages, PEERS);
    assert_int_equal(tcp_sessions(x.tcp), PEERS);
    /* Many in one piece, and the largest in two. */
    for (int i = 0; i < 100; i++)
        put_message(fd[0], 16 + (size_t)i, 0, 16 + (size_t)i);
    put_message(fd[0], 65535, 0, 30000);
    until(&x.messages, PEERS + 100);
    put_message(fd[0], 65535, 30000, 65535);
    until(&x.messages, PEERS + 101);
    assert_int_equal(x.octets, PEERS * 40 + 100 * 16 + 99 * 50 + 65535);
    uint32_t first = x.stream;
    put_message(fd[1], 16, 0, 16);
    until(&x.messages, PEERS + 102);
    assert_int_not_equal(x.stream, first);
    for (int i = 0; i < PEERS; i++)
        close(fd[i]);
    until(&x.ends[TCP_CLOSED], PEERS);
    assert_int_equal(tcp_sessions(x.tcp), 0);
    tcp_close(x.tcp);
}

static void bad_ends(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        enum tcp_end how;
        size_t messages, rest;
    } cases[] = {
        {"", TCP_CLOSED, 0, 0},
        {"00", TCP_BROKEN, 0, 1},
        {"000a 0020 0000", TCP_BROKEN, 0, 6},
        {"000a 0010 04050607 08090a0b 0c0d0e0f 000a", TCP_BROKEN, 0, 2},
        {"0009 0010", TCP_GARBAGE, 0, 4},
        {"000a 000f", TCP_GARBAGE, 0, 4},
        {"474554", TCP_GARBAGE, 0, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes b = {.n = 0};
        begin(NULL);
        int fd = peer();
        put_hex(&b, cases[i].hex);
        assert_int_equal(write(fd, b.at, b.n), b.n);
        if (cases[i].how != TCP_GARBAGE)
            shutdown(fd, SHUT_WR);
        until(&x.ends[cases[i].how], 1);
        assert_int_equal(x.rest, cases[i].rest);
        assert_int_equal(tcp_sessions(x.tcp), 0);
        assert_int_equal(tcp_ended(x.tcp, cases[i].how), 1);
        tcp_close(x.tcp);
        close(fd);
    }
}

static void silence(void **state) {
    (void)state;
    static const struct tcp_limits stalled = {10, 10, 0, 1 << 30}, idle = {10, 10, 1 << 30, 0};
    begin(&stalled);
    int quiet = peer(), half = peer();
    put_message(half, 100, 0, 50);
    until(&x.ends[TCP_STALLED], 1);
    assert_int_equal(x.rest, 50);
    assert_int_equal(tcp_sessions(x.tcp), 1);
    tcp_close(x.tcp);
    close(half);
    close(quiet);
    begin(&idle);
    quiet = peer();
    half = peer();
    put_message(half, 100, 0, 50);
    until(&x.ends[TCP_IDLE], 1);
    assert_int_equal(tcp_sessions(x.tcp), 1);
    tcp_close(x.tcp);
    close(half);
    close(quiet);
}

static void too_many(void **state) {
    (void)state;
    static const struct tcp_limits limits = {3, 3, 1 << 30, 1 << 30};
    int fd[PEERS];
    begin(&limits);
    for (int i = 0; i < PEERS; i++)
        fd[i] = peer();
    until(&x.ends[TCP_REFUSED], PEERS - 3);
    assert_int_equal(tcp_sessions(x.tcp), 3);
    put_message(fd[0], 20, 0, 20);
    until(&x.messages, 1);
    close(fd[0]);
    until(&x.ends[TCP_CLOSED], 1);
    int more = peer();
    put_message(more, 20, 0, 20);
    until(&x.messages, 2);
    x.refuse = true; /* by the operator: nobody is told */
    int stranger = peer();
    char octet;
    ssize_t got = -1;
    for (int i = 0; got < 0 && i < TRIES; i++) {
        tcp_wait(x.tcp, WAIT_MS, &calls);
        got = recv(stranger, &octet, 1, MSG_DONTWAIT);
    }
    assert_int_equal(got, 0);
    assert_int_equal(x.ends[TCP_REFUSED], PEERS - 3);
    tcp_close(x.tcp);
    close(stranger);
    close(more);
    for (int i = 1; i < PEERS; i++)
        close(fd[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces),
        cmocka_unit_test(bad_ends),
        cmocka_unit_test(silence),
        cmocka_unit_test(too_many),
    };
    return cmocka_run_group_tests_name("collector: tcp", tests, NULL, NULL);
}
