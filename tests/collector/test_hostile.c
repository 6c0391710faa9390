/* SPDX-License-Identifier: MIT */
/*
** Real export datagrams, damaged: every datagram of the captures in ../shared/data/export (of every
** protocol, known or not) cut at every length and with bits flipped at random, and the smaller
** captures themselves cut at every length. Nothing may crash (the sanitizers look on in `make
** asan`),
** go over the bounds of memory, or spoil what comes behind.
*/
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "build.h"
#include "collector/pcapin.h"

#define CAPTURES "../shared/data/export"

enum {
    PER_CAPTURE = 60,  /* datagrams of one capture that are damaged */
    FLIPS = 200,       /* damaged copies of each */
    SMALL_FILE = 6000, /* captures up to this size are cut themselves */
    SEED = 20231114,
};

static const struct collector_limits limits = {
    .exporters = 8,
    .interfaces = 16,
    .announced = 256 << 10,
    .exporter_template = 64 << 10,
    .pending = 128 << 10,
    .exporter_pending = 64 << 10,
    .pending_ms = 10000,
};

static const volatile sig_atomic_t never;

struct damage {
    struct collector *c;
    size_t files, datagrams, seen;
    uint64_t random;
};

static bool drop_row(void *arg, const struct flow_row *row) {
    (void)arg;
    (void)row;
    return true;
}

static uint32_t next_random(struct damage *x) {
    x->random = x->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(x->random >> 33);
}

/* A copy of its own of the first n octets, with so many bits flipped. */
static void give(struct damage *x, const struct datagram *d, size_t n, unsigned flips) {
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, d->data, n);
    for (unsigned i = 0; n && i < flips; i++)
        copy[next_random(x) % n] ^= (uint8_t)(1u << next_random(x) % 8);
    struct datagram damaged = *d;
    damaged.data = copy;
    damaged.size = n;
    collector_datagram(x->c, &damaged);
    free(copy);
    assert_true(x->c->exporters.announced_octets <= limits.announced);
    assert_true(x->c->pending.octets <= limits.pending);
    assert_true(x->c->exporters.count <= limits.exporters);
}

static void damage_datagram(void *arg, const struct datagram *d) {
    struct damage *x = arg;
    collector_datagram(x->c, d);
    if (++x->seen > PER_CAPTURE)
        return;
    x->datagrams++;
    for (size_t n = 0; n < d->size; n++)
        give(x, d, n, 0);
    for (int i = 0; i < FLIPS; i++)
        give(x, d, d->size, 1 + next_random(x) % 6);
}

static void only_decode(void *arg, const struct datagram *d) {
    collector_datagram(((struct damage *)arg)->c, d);
}

/* The file cut at every length, from its end to its beginning. */
static void cut_file(struct damage *x, const char *path) {
    char message[256], name[64];
    struct pcapin_counts counts;
    struct stat st;
    if (stat(path, &st) != 0 || st.st_size > SMALL_FILE)
        return;
    int from = open(path, O_RDONLY), to = memfd_create("cut", 0);
    uint8_t content[SMALL_FILE];
    ssize_t n = read(from, content, sizeof content);
    assert_int_equal(n, st.st_size);
    assert_int_equal(write(to, content, (size_t)n), n);
    snprintf(name, sizeof name, "/proc/self/fd/%d", to);
    for (; n >= 0; n--) {
        assert_int_equal(ftruncate(to, n), 0);
        pcapin_run(name, only_decode, x, &never, &counts, message, sizeof message);
    }
    close(from);
    close(to);
}

static int visible(const struct dirent *e) {
    return strstr(e->d_name, ".pcap") != NULL;
}

static void damaged_captures(void **state) {
    (void)state;
    struct dirent **entry;
    int n = scandir(CAPTURES, &entry, visible, alphasort);
    if (n < 0) {
        print_message("skipped: %s is not there: no captures to damage\n", CAPTURES);
        skip();
    }
    struct damage x = {.random = SEED};
    for (int i = 0; i < n; i++) {
        char path[512], message[256];
        struct pcapin_counts counts;
        snprintf(path, sizeof path, CAPTURES "/%s", entry[i]->d_name);
        x.c = collector_new((struct flow_sink){drop_row, NULL, NULL},
                            (struct fault_sink){NULL, NULL}, &limits);
        assert_non_null(x.c);
        x.seen = 0;
        assert_int_equal(
            pcapin_run(path, damage_datagram, &x, &never, &counts, message, sizeof message), 0);
        cut_file(&x, path);
        collector_free(x.c);
        x.files++;
        free(entry[i]);
    }
    free(entry);
    print_message("%zu datagrams of %zu captures damaged, seed %d\n", x.datagrams, x.files, SEED);
    assert_true(x.datagrams > x.files);
}

/* Random octets behind every protocol's version number. */
static void noise(void **state) {
    (void)state;
    struct damage x = {.random = SEED};
    static const uint16_t versions[] = {0, 1, 5, 7, 8, 9, 9, 9, 10, 10, 10, 65535};
    uint8_t octets[512];
    x.c = collector_new((struct flow_sink){drop_row, NULL, NULL}, (struct fault_sink){NULL, NULL},
                        &limits);
    assert_non_null(x.c);
    for (int i = 0; i < 20000; i++) {
        size_t n = 2 + next_random(&x) % (sizeof octets - 2);
        uint16_t version = versions[next_random(&x) % (sizeof versions / sizeof *versions)];
        octets[0] = (uint8_t)(version >> 8);
        octets[1] = (uint8_t)version;
        for (size_t k = 2; k < n; k++) /* small numbers, so that lengths are believable at times */
            octets[k] = (uint8_t)(k % 2 || next_random(&x) % 8 == 0 ? next_random(&x) % 64 : 0);
        struct datagram d = {.data = octets, .size = n, .received = i};
        const uint8_t address[4] = {192, 0, 2, (uint8_t)(next_random(&x) % 32)};
        d.from = flow_ip_make(4, address);
        give(&x, &d, n, 0);
    }
    collector_free(x.c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_captures),
        cmocka_unit_test(noise),
    };
    return cmocka_run_group_tests_name("collector: hostile input", tests, NULL, NULL);
}
