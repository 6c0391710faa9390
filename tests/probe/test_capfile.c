/* SPDX-License-Identifier: MIT */
/*
** The capture reader: files put together here in both byte orders, and what must be read from them.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe/capfile.h"

/* A file being put together. */
struct file {
    uint8_t data[4096];
    size_t n;
    bool big;
};

static void w16(struct file *f, unsigned v) {
    f->data[f->n++] = (uint8_t)(f->big ? v >> 8 : v);
    f->data[f->n++] = (uint8_t)(f->big ? v : v >> 8);
}
static void w32(struct file *f, uint32_t v) {
    w16(f, f->big ? v >> 16 : v & 0xffff);
    w16(f, f->big ? v & 0xffff : v >> 16);
}

static void pcap_header(struct file *f, uint32_t magic, unsigned minor, uint32_t linktype) {
    w32(f, magic);
    w16(f, 2);
    w16(f, minor);
    w32(f, 0);
    w32(f, 0);
    w32(f, 65535);
    w32(f, linktype);
}

static void pcap_packet(struct file *f, uint32_t s, uint32_t fraction, uint32_t captured,
                        uint32_t wire) {
    w32(f, s);
    w32(f, fraction);
    w32(f, captured);
    w32(f, wire);
    for (uint32_t i = 0; i < captured && i < 64; i++)
        f->data[f->n++] = (uint8_t)i;
}

static void section(struct file *f) {
    w32(f, 0x0a0d0d0a);
    w32(f, 28);
    w32(f, 0x1a2b3c4d);
    w16(f, 1);
    w16(f, 0);
    w32(f, 0xffffffff);
    w32(f, 0xffffffff);
    w32(f, 28);
}

/* With if_tsresol and if_tsoffset. */
static void interface(struct file *f, unsigned linktype, uint8_t resolution, uint32_t offset) {
    w32(f, 1);
    w32(f, 44);
    w16(f, linktype);
    w16(f, 0);
    w32(f, 0);
    w16(f, 9);
    w16(f, 1);
    f->data[f->n++] = resolution;
    for (int i = 0; i < 3; i++)
        f->data[f->n++] = 0;
    w16(f, 14);
    w16(f, 8);
    w32(f, f->big ? 0 : offset);
    w32(f, f->big ? offset : 0);
    w32(f, 0);
    w32(f, 44);
}

/* An enhanced (6) or obsolete (2) packet block of four octets. */
static void packet_block(struct file *f, uint32_t type, uint32_t interface_number, uint64_t ticks) {
    w32(f, type);
    w32(f, 36);
    if (type == 2) {
        w16(f, interface_number);
        w16(f, 7); /* drops */
    } else {
        w32(f, interface_number);
    }
    w32(f, (uint32_t)(ticks >> 32));
    w32(f, (uint32_t)ticks);
    w32(f, 4);
    w32(f, 60);
    w32(f, 0x01020304);
    w32(f, 36);
}

static struct capfile *open_file(const struct file *f, int expected) {
    char message[256] = "";
    struct capfile *c = NULL;
    assert_int_equal(capfile_open_memory(f->data, f->n, &c, message, sizeof message), expected);
    assert_true((expected == CAPFILE_PACKET) == (message[0] == '\0'));
    return c;
}

static void pcap_formats(void **state) {
    (void)state;
    static const struct {
        uint32_t magic;
        uint32_t fraction;
        bool modified;
    } formats[] = {
        {0xa1b2c3d4, 123456, false}, {0xa1b23c4d, 123456789, false}, {0xa1b2cd34, 123456, true}};
    for (int i = 0; i < 6; i++) {
        struct file f = {.big = i & 1};
        struct capfile_packet p;
        pcap_header(&f, formats[i / 2].magic, 4, 0x10000001); /* with a length of the FCS */
        size_t at = f.n;
        pcap_packet(&f, 1000, formats[i / 2].fraction, 10, 1500);
        if (formats[i / 2].modified) { /* 8 more octets of header before the packet */
            memmove(f.data + at + 24, f.data + at + 16, 10);
            memset(f.data + at + 16, 0xee, 8);
            f.n += 8;
        }
        struct capfile *c = open_file(&f, CAPFILE_PACKET);
        assert_int_equal(capfile_next(c, &p), CAPFILE_PACKET);
        assert_int_equal(p.time, 1000123456);
        assert_int_equal(p.linktype, 1);
        assert_int_equal(p.captured, 10);
        assert_int_equal(p.wire, 1500);
        assert_int_equal(p.data[9], 9);
        assert_int_equal(capfile_next(c, &p), CAPFILE_END);
        assert_int_equal(capfile_next(c, &p), CAPFILE_END);
        capfile_close(c);
    }
}

/* Before version 2.3 the two lengths were the other way round, in 2.3 in some files. */
static void pcap_old(void **state) {
    (void)state;
    for (unsigned minor = 2; minor <= 3; minor++) {
        struct file f = {0};
        struct capfile_packet p;
        pcap_header(&f, 0xa1b2c3d4, minor, 1);
        pcap_packet(&f, 1, 0, 10, 60);
        for (int i = 0; i < 4; i++) { /* swap */
            uint8_t t = f.data[32 + i];
            f.data[32 + i] = f.data[36 + i];
            f.data[36 + i] = t;
        }
        struct capfile *c = open_file(&f, CAPFILE_PACKET);
        assert_int_equal(capfile_next(c, &p), CAPFILE_PACKET);
        assert_int_equal(p.captured, 10);
        assert_int_equal(p.wire, 60);
        capfile_close(c);
    }
}

static void pcap_faults(void **state) {
    (void)state;
    struct file f = {0};
    struct capfile_packet p;
    pcap_header(&f, 0xa1b2c3d4, 4, 1);
    pcap_packet(&f, 1, 0, 10, 10);
    pcap_packet(&f, 1, 0, 0x7fffffff, 10);
    struct capfile *c = open_file(&f, CAPFILE_PACKET);
    assert_int_equal(capfile_next(c, &p), CAPFILE_PACKET);
    assert_int_equal(capfile_next(c, &p), CAPFILE_BROKEN);
    assert_non_null(strstr(capfile_message(c), "2147483647"));
    assert_int_equal(capfile_next(c, &p), CAPFILE_BROKEN);
    capfile_close(c);

    f.n = 24 + 16 + 9;
    c = open_file(&f, CAPFILE_PACKET);
    assert_int_equal(capfile_next(c, &p), CAPFILE_BROKEN);
    assert_non_null(strstr(capfile_message(c), "9 octets of a packet of 10"));
    capfile_close(c);

    f.n = 20;
    open_file(&f, CAPFILE_BROKEN);
    f.n = 0;
    open_file(&f, CAPFILE_FOREIGN);
    memcpy(f.data, "snoop\0\0\0", f.n = 8);
    open_file(&f, CAPFILE_FOREIGN);
    char message[256];
    assert_int_equal(capfile_open("/nonexistent", &c, message, sizeof message), CAPFILE_IO);
}

/* Two sections of different byte order, interfaces of different link types and clocks. */
static void pcapng_interfaces(void **state) {
    (void)state;
    struct file f = {0};
    for (int s = 0; s < 2; s++) {
        f.big = s == 1;
        section(&f);
        interface(&f, 1, 6, 0);
        interface(&f, 113, 9, 0);      /* nanoseconds */
        interface(&f, 101, 0x8a, 100); /* 1/1024 s, from 100 s on */
        interface(&f, 228, 0, 0);      /* seconds */
        w32(&f, 0x0badcafe);           /* a block nobody knows */
        w32(&f, 16);
        w32(&f, 0);
        w32(&f, 16);
        packet_block(&f, 6, 0, 5000001);
        packet_block(&f, 6, 1, UINT64_C(1600000000123456789));
        packet_block(&f, 2, 2, 1536);
        packet_block(&f, 6, 3, 7);
        w32(&f, 3); /* simple packet block: time of the packet before */
        w32(&f, 20);
        w32(&f, 1000);
        w32(&f, 0xaabbccdd);
        w32(&f, 20);
    }
    static const struct {
        unsigned linktype;
        int64_t time;
        uint32_t wire;
    } expected[] = {{1, 5000001, 60},
                    {113, 1600000000123456, 60},
                    {101, 101500000, 60},
                    {228, 7000000, 60},
                    {1, 7000000, 1000}};
    struct capfile *c = open_file(&f, CAPFILE_PACKET);
    struct capfile_packet p;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(capfile_next(c, &p), CAPFILE_PACKET);
        assert_int_equal(p.linktype, expected[i % 5].linktype);
        assert_int_equal(p.time, expected[i % 5].time);
        assert_int_equal(p.wire, expected[i % 5].wire);
        assert_int_equal(p.captured, 4);
    }
    assert_int_equal(capfile_next(c, &p), CAPFILE_END);
    capfile_close(c);
}

/* One octet of a good file changed, and what the reader says of it. */
static void pcapng_faults(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
        const char *message;
    } faults[] = {
        {"byte order", 8, 0, "byte order"},
        {"version", 12, 2, "version"},
        {"length of a block", 28 + 4, 45, "cannot be"},
        {"length below the least", 28 + 4, 8, "cannot be"},
        {"length at the end", 28 + 40, 48, "ends with"},
        {"resolution", 28 + 20, 0xff, "resolution"},
        {"interface", 72 + 8, 1, "interface"},
        {"captured length", 72 + 20, 8, "packet of 8"},
        {"block over the end", 72 + 4, 40, "cut off"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct file f = {0};
        char message[256] = "";
        struct capfile *c;
        struct capfile_packet p;
        section(&f);
        interface(&f, 1, 6, 0);
        packet_block(&f, 6, 0, 1);
        f.data[faults[i].at] = faults[i].value;
        print_message("  %s\n", faults[i].name);
        int result = capfile_open_memory(f.data, f.n, &c, message, sizeof message);
        if (result == CAPFILE_PACKET) {
            result = capfile_next(c, &p);
            snprintf(message, sizeof message, "%s", capfile_message(c));
            capfile_close(c);
        }
        assert_int_equal(result, CAPFILE_BROKEN);
        assert_non_null(strstr(message, faults[i].message));
    }
}

/* Through a pipe, in small pieces, with a packet larger than what comes at once. */
static void pipes(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDIN_FILENO);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    struct file f = {.big = true};
    pcap_header(&f, 0xa1b2c3d4, 4, 1);
    for (int i = 0; i < 20; i++)
        pcap_packet(&f, (uint32_t)i, 0, 60, 60);
    if (fork() == 0) {
        for (size_t at = 0; at < f.n; at += 7)
            if (write(ends[1], f.data + at, f.n - at < 7 ? f.n - at : 7) < 0)
                _exit(1);
        _exit(0);
    }
    close(ends[1]);
    char message[256];
    struct capfile *c;
    struct capfile_packet p;
    assert_int_equal(capfile_open("-", &c, message, sizeof message), CAPFILE_PACKET);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(capfile_next(c, &p), CAPFILE_PACKET);
        assert_int_equal(p.time, i * 1000000);
        assert_int_equal(p.data[59], 59);
    }
    assert_int_equal(capfile_next(c, &p), CAPFILE_END);
    capfile_close(c);
    dup2(saved, STDIN_FILENO);
    close(saved);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pcap_formats),  cmocka_unit_test(pcap_old),
        cmocka_unit_test(pcap_faults),   cmocka_unit_test(pcapng_interfaces),
        cmocka_unit_test(pcapng_faults), cmocka_unit_test(pipes),
    };
    return cmocka_run_group_tests_name("capfile", tests, NULL, NULL);
}
