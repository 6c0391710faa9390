/* SPDX-License-Identifier: MIT */
/*
** The exporter's datagrams, as a collector's socket gets them: headers, sequence numbers,
** templates,
** counters over 32 bits, times in v5 and v9. tests/probe/captures.py decodes whole exports; here
** are
** the cases that no capture has.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/export.h"
#include "probe/options.h"
#include "probe/walk.h"

enum { MAX = 256 };

struct collector {
    int fd;
    char target[32];
    size_t n;
    struct {
        uint8_t data[2048];
        size_t length;
    } d[MAX];
};

static void listen_on(struct collector *c) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    c->fd = socket(AF_INET, SOCK_DGRAM, 0);
    c->n = 0;
    assert_int_equal(bind(c->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(c->fd, (struct sockaddr *)&a, &size), 0);
    snprintf(c->target, sizeof c->target, "127.0.0.1:%u", ntohs(a.sin_port));
}

/* Take what has come. */
static void take(struct collector *c) {
    ssize_t n;
    while (c->n < MAX && (n = recv(c->fd, c->d[c->n].data, 2048, MSG_DONTWAIT)) >= 0)
        c->d[c->n++].length = (size_t)n;
}

static void quiet(const char *text) {
    (void)text;
}

static struct exporter *export_to(struct collector *c, unsigned version) {
    char message[256];
    struct sender *s = sender_new(&(struct sender_options){.paced = true});
    listen_on(c);
    assert_int_equal(sender_target(s, c->target, message, sizeof message), 0);
    struct exporter *e = exporter_new(version, 7, s, quiet);
    assert_non_null(e);
    return e;
}

static struct flow_row row_of(int family, int64_t tstart, int64_t tend, uint64_t packets,
                              uint64_t bytes) {
    static const uint8_t address[16] = {192, 0, 2, 1};
    struct flow_row row;
    flow_row_clear(&row);
    flow_row_set_time(&row, FLOW_tstart, tstart);
    flow_row_set_time(&row, FLOW_tend, tend);
    flow_row_set(&row, FLOW_proto, 17);
    flow_row_set_ip(&row, FLOW_srcip, family, address);
    flow_row_set_ip(&row, FLOW_dstip, family, address);
    flow_row_set(&row, FLOW_srcport, 1234);
    flow_row_set(&row, FLOW_dstport, 53);
    flow_row_set(&row, FLOW_packets, packets);
    flow_row_set(&row, FLOW_bytes, bytes);
    return row;
}

/* 2023-11-14 22:13:20.123 */
static const int64_t T = 1700000000123;

static void v5_splits_counters(void **state) {
    (void)state;
    static struct collector c;
    struct exporter *e = export_to(&c, 5);
    const uint64_t bytes = UINT64_C(3) * UINT32_MAX + 12345, packets = 7;
    struct flow_row row = row_of(4, T, T + 1000, packets, bytes);
    exporter_add(e, &row, T + 2000);
    row = row_of(6, T, T, 1, 1);
    exporter_add(e, &row, T + 2000);
    exporter_flush(e);
    take(&c);
    assert_int_equal(c.n, 1);
    const uint8_t *d = c.d[0].data;
    assert_int_equal(c.d[0].length, 24 + 4 * 48);
    assert_int_equal(get16(d), 5);
    assert_int_equal(get16(d + 2), 4);
    uint64_t p = 0, b = 0;
    int64_t boot = (int64_t)get32(d + 8) * 1000 + get32(d + 12) / 1000000 - get32(d + 4);
    for (int i = 0; i < 4; i++) {
        const uint8_t *r = d + 24 + 48 * i;
        p += get32(r + 16);
        b += get32(r + 20);
        assert_true(boot + get32(r + 24) == T);
        assert_true(boot + get32(r + 28) == T + 1000);
    }
    assert_true(p == packets && b == bytes);
    assert_int_equal(exporter_stats(e)->not_carried.flows, 1);
    assert_int_equal(exporter_stats(e)->records, 4);
    exporter_free(e);
    close(c.fd);
}

/* Flows of years apart, and long ones: every datagram alone tells the right times. */
static void uptimes(void **state) {
    (void)state;
    static const int64_t day = 86400000;
    const struct {
        int64_t start, end, now;
    } flows[] = {{T, T + 1, T + 15000},
                 {T + 60 * day, T + 60 * day + 300000, T + 60 * day + 300000},
                 {T + 30 * day, T + 30 * day + 5, T + 60 * day}, /* old, found late */
                 {T - 400 * day, T - 400 * day + 9, T + 60 * day},
                 {T + 61 * day, T + 61 * day, T + 61 * day},
                 {0, 1, 1},
                 {T + 62 * day, T + 62 * day + 1, T + 62 * day + 1}};
    enum { N = sizeof flows / sizeof *flows };
    for (unsigned version = 5; version <= 9; version += 4) {
        static struct collector c;
        struct exporter *e = export_to(&c, version);
        for (size_t i = 0; i < N; i++) {
            struct flow_row row = row_of(4, flows[i].start, flows[i].end, 1, 100);
            exporter_add(e, &row, flows[i].now);
            exporter_flush(e);
        }
        take(&c);
        assert_int_equal(c.n, N);
        for (size_t i = 0; i < N; i++) {
            const uint8_t *d = c.d[i].data;
            int64_t boot = (int64_t)get32(d + 8) * 1000 - get32(d + 4);
            if (version == 5) {
                /* the record's offset: 24 */
                boot += get32(d + 12) / 1000000;
                assert_true(boot + get32(d + 48) == flows[i].start);
                assert_true(boot + get32(d + 52) == flows[i].end);
            } else {
                /* times come first in the catalogue, hence in the last set */
                const uint8_t *set = d + 20;
                while (get16(set) < 256)
                    set += get16(set + 2);
                assert_true(boot + get32(set + 4) == flows[i].start);
                assert_true(boot + get32(set + 8) == flows[i].end);
            }
        }
        exporter_free(e);
        close(c.fd);
    }
}

/* Sequence numbers, the bound of datagrams, templates again after so many of them. */
static void sequences(void **state) {
    (void)state;
    for (unsigned version = 9; version <= 10; version++) {
        static struct collector c;
        struct exporter *e = export_to(&c, version);
        uint32_t sequence = 0;
        unsigned with_template = 0, datagrams = 0;
        for (int i = 0; i < 8000; i++) {
            struct flow_row row = row_of(i % 3 ? 4 : 6, T + i, T + i, 1, 100);
            exporter_add(e, &row, T + i);
            if (i % 100 == 99 || i == 7999) {
                if (i == 7999)
                    exporter_flush(e);
                c.n = 0;
                take(&c);
            } else {
                continue;
            }
            for (size_t k = 0; k < c.n; k++, datagrams++) {
                const uint8_t *d = c.d[k].data;
                assert_true(c.d[k].length <= SENDER_MAX_PAYLOAD);
                assert_int_equal(get16(d), version);
                assert_int_equal(get32(d + (version == 9 ? 16 : 12)), 7);
                assert_int_equal(get32(d + (version == 9 ? 12 : 8)), sequence);
                size_t at = version == 9 ? 20 : 16;
                with_template += get16(d + at) < 256;
                if (version == 9)
                    sequence++;
                for (; version == 10 && at < c.d[k].length; at += get16(d + at + 2))
                    if (get16(d + at) >= 256) /* all fields of IPv6 are 12 + 12 octets longer */
                        sequence += (get16(d + at + 2) - 4u) / (get16(d + at) == 256 ? 69 : 45);
            }
        }
        assert_true(datagrams > 2 * EXPORT_REFRESH_MESSAGES);
        assert_true(with_template >= 3 && with_template < datagrams / 10);
        assert_int_equal(exporter_stats(e)->records, 8000);
        exporter_free(e);
        close(c.fd);
    }
}

/* Interface names as options data, before the first flow. */
static void interfaces(void **state) {
    (void)state;
    for (unsigned version = 9; version <= 10; version++) {
        static struct collector c;
        struct exporter *e = export_to(&c, version);
        exporter_interface(e, 3, "eth7", "uplink");
        struct flow_row row = row_of(4, T, T, 1, 100);
        exporter_add(e, &row, T);
        exporter_flush(e);
        take(&c);
        assert_int_equal(c.n, 1);
        const uint8_t *d = c.d[0].data;
        const uint8_t *set = d + (version == 9 ? 20 : 16);
        assert_int_equal(get16(set), version == 9 ? 1 : 3);
        uint16_t id = get16(set + 4);
        set += get16(set + 2);
        assert_int_equal(get16(set), id);
        assert_int_equal(get32(set + 4), 3);
        assert_memory_equal(set + 8, version == 9 ? "eth7\0" : "\4eth7\6uplink", 5);
        assert_int_equal(exporter_stats(e)->options, 1);
        exporter_free(e);
        close(c.fd);
    }
}

static void targets(void **state) {
    (void)state;
    static const struct {
        const char *target;
        int result;
    } cases[] = {{"127.0.0.1:21999", 0},
                 {"[::1]:21999", 0},
                 {"127.0.0.1", 0},
                 {"::1", 0},
                 {"localhost:21999", 0},
                 {"[::1", -1},
                 {"[::1]x", -1},
                 {":9995", -1},
                 {"127.0.0.1:", -1},
                 {"127.0.0.1:port", -1},
                 {"127.0.0.1:65536", -1},
                 {"127.0.0.1:0", -1},
                 {"", -1}};
    struct sender *s = sender_new(&(struct sender_options){0});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[256] = "";
        int result = sender_target(s, cases[i].target, message, sizeof message);
        if (result != 0 && cases[i].result == 0 &&
            (strstr(cases[i].target, "::1") || strstr(cases[i].target, "localhost")))
            continue; /* no IPv6 here, or no /etc/hosts, as in a fresh chroot */
        assert_int_equal(result, cases[i].result);
        assert_int_equal(message[0] != '\0', result != 0);
    }
    sender_free(s);
}

static void durations(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {{"60", 60},       {"60s", 60}, {"1h30m", 5400},    {"1d", 86400}, {"2w", 1209600},
                 {"1m1s1h", 3661}, {"0", 0},    {"", -1},           {"s", -1},     {"1x", -1},
                 {"-1", -1},       {"1 s", -1}, {"999999999w", -1}, {"1.5s", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t expected = cases[i].seconds < 0 ? -1 : cases[i].seconds * 1000000;
        assert_true(options_duration(cases[i].text) == expected);
    }
}

/* The hop limit and the address that datagrams come with. */
static void source_and_hops(void **state) {
    struct collector c;
    char message[256];
    (void)state;
    listen_on(&c);
    const int on = 1;
    assert_int_equal(setsockopt(c.fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof on), 0);
    struct sender *s = sender_new(&(struct sender_options){.hops = 7, .source = "127.0.0.9"});
    assert_int_equal(sender_target(s, c.target, message, sizeof message), 0);
    assert_true(sender_send(s, "x", 1, message, sizeof message));
    char control[64], text[8];
    struct sockaddr_in from = {0};
    struct iovec part = {text, sizeof text};
    struct msghdr m = {.msg_name = &from,
                       .msg_namelen = sizeof from,
                       .msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    assert_int_equal(recvmsg(c.fd, &m, 0), 1);
    assert_int_equal(ntohl(from.sin_addr.s_addr), 0x7f000009);
    int ttl = 0;
    memcpy(&ttl, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof ttl);
    assert_int_equal(ttl, 7);
    sender_free(s);
    s = sender_new(&(struct sender_options){.source = "no-such-interface"});
    assert_int_equal(sender_target(s, c.target, message, sizeof message), -1);
    sender_free(s);
    close(c.fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v5_splits_counters),
        cmocka_unit_test(uptimes),
        cmocka_unit_test(sequences),
        cmocka_unit_test(interfaces),
        cmocka_unit_test(targets),
        cmocka_unit_test(source_and_hops),
        cmocka_unit_test(durations),
    };
    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
