/* SPDX-License-Identifier: MIT */
/*
** Captures cut off: every capture of ../shared/data/traffic, and one of our own, cut at every length
** up to 4 KiB and at many lengths beyond. Whatever comes out, the books balance, the packets are the
** first ones of the whole capture, and a cut inside of a packet is reported.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/capfile.h"
#include "probe/meter.h"
enum { EVERY = 4096, STEPS = 300, LARGEST = 4 << 20 };
static const char OWN[] = "tests/data/lab.pcap";
static const char SHARED[] = "../shared/data/traffic";

static const struct table_timeouts timeouts = {15000000, 15000000, 5000000,  5000000,
                                               15000000, 15000000, 300000000};

static void on_flow(void *arg, struct flow_row *row, int64_t now) {
    (void)arg;
    (void)row;
    (void)now;
}

/* Read data[0..n), and meter the packets behind the first `known`, which were metered when fewer octets were read.
** Returns the packets, and in *result why it ended. */
static unsigned long meter(struct meter *m, const uint8_t *data, size_t n, unsigned long known,
                           int *result) {
    char message[256] = "";
    struct capfile *c;
    struct capfile_packet p;
    unsigned long packets = 0;
    *result = capfile_open_memory(data, n, &c, message, sizeof message);
    if (*result != CAPFILE_PACKET) {
        assert_string_not_equal(message, "");
        return 0;
    }
    while ((*result = capfile_next(c, &p)) == CAPFILE_PACKET) {
        const struct meter_source source = {
            .linktype = p.linktype, .ifindex = p.place, .several = true, .direction = p.direction};
        if (++packets > known)
            meter_packet(m, &source, p.time, p.data, p.captured, p.wire);
    }
    if (*result == CAPFILE_BROKEN)
        assert_string_not_equal(capfile_message(c), "");
    capfile_close(c);
    return packets;
}

static void cut(const char *path) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *data = malloc(LARGEST);
    size_t n = fread(data, 1, LARGEST, f);
    fclose(f);
    struct meter *m = meter_new(64, &timeouts, on_flow, NULL);
    assert_non_null(m);
    unsigned long before = 0;
    size_t step = n / STEPS + 1;
    for (size_t length = 0; length <= n; length += length < EVERY ? 1 : step) {
        uint8_t *copy = malloc(length ? length : 1); /* exactly as long, for AddressSanitizer */
        int result;
        memcpy(copy, data, length);
        unsigned long packets = meter(m, copy, length, before, &result);
        free(copy);
        if (packets < before)
            fail_msg("%s: %lu packets in %zu octets, %lu in fewer", path, packets, length, before);
        /* pcapng may well end between two blocks */
        if (packets == before && packets > 0 && length < EVERY && result == CAPFILE_END &&
            data[0] != 0x0a)
            fail_msg("%s: the cut at %zu was not reported", path, length);
        before = packets;
    }
    meter_flush(m);
    assert_true(meter_balances(meter_stats(m)));
    meter_free(m);
    free(data);
}

static void own_capture(void **state) {
    (void)state;
    FILE *f = fopen(OWN, "rb");
    if (!f)
        skip();
    fclose(f);
    cut(OWN);
}

static void shared_captures(void **state) {
    (void)state;
    DIR *dir = opendir(SHARED);
    if (!dir)
        skip();
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        char path[512];
        if (!strstr(e->d_name, ".pcap"))
            continue;
        snprintf(path, sizeof path, "%s/%s", SHARED, e->d_name);
        cut(path);
    }
    closedir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_capture),
        cmocka_unit_test(shared_captures),
    };
    return cmocka_run_group_tests_name("cuts", tests, NULL, NULL);
}
