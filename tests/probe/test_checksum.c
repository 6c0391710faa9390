/* SPDX-License-Identifier: MIT */
/* Checksums left to the network card, told from complete and from wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/checksum.h"

enum { RAW = 101, TCP = 6, UDP = 17, PAYLOAD = 101, MOST = 40 + 20 + PAYLOAD };

/* The sum of 16-bit words in network order, an odd octet padded. */
static uint32_t sum_of(const uint8_t *p, size_t n) {
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    return sum;
}

static uint16_t folded(uint32_t sum) {
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

enum kind { PARTIAL, COMPLETE, WRONG };

/* An IP packet without link layer; octets. salt: makes payloads differ. */
static size_t make(uint8_t out[MOST], int family, uint8_t proto, enum kind kind, uint32_t salt) {
    size_t header = family == 4 ? 20 : 40, transport = proto == TCP ? 20 : 8;
    size_t segment = transport + PAYLOAD, n = header + segment;
    uint8_t *p = out + header, *checksum = p + (proto == TCP ? 16 : 6);
    memset(out, 0, MOST);
    for (size_t i = family == 4 ? 12 : 8; i < header; i++)
        out[i] = (uint8_t)(17 * i + 3);
    if (family == 4) {
        out[0] = 0x45;
        out[2] = (uint8_t)(n >> 8);
        out[3] = (uint8_t)n;
        out[9] = proto;
    } else {
        out[0] = 0x60;
        out[4] = (uint8_t)(segment >> 8);
        out[5] = (uint8_t)segment;
        out[6] = proto;
    }
    memcpy(p, "\x9c\x40\x01\xbb", 4);
    if (proto == TCP)
        p[12] = 0x50;
    for (size_t i = 0; i < PAYLOAD; i++)
        p[transport + i] = (uint8_t)(i * 7 + (i < 4 ? salt >> 8 * i : 0));
    uint32_t pseudo =
        proto + (uint32_t)segment + sum_of(out + (family == 4 ? 12 : 8), family == 4 ? 8 : 32);
    uint16_t value =
        kind == COMPLETE ? (uint16_t)~folded(pseudo + sum_of(p, segment)) : folded(pseudo);
    value ^= kind == WRONG;
    checksum[0] = (uint8_t)(value >> 8);
    checksum[1] = (uint8_t)value;
    return n;
}

static bool is_partial(const uint8_t *octets, size_t captured, size_t wire) {
    struct packet p;
    assert_int_equal(dissect(RAW, octets, captured, wire, &p), PACKET_IP);
    return checksum_is_partial(&p, octets, captured);
}

static void each(void **state) {
    (void)state;
    static const int families[] = {4, 6};
    static const uint8_t protocols[] = {TCP, UDP};
    uint8_t octets[MOST];
    for (unsigned i = 0; i < 4; i++) {
        int family = families[i / 2];
        uint8_t proto = protocols[i % 2];
        size_t header = family == 4 ? 20 : 40, checksum = header + (proto == TCP ? 18 : 8);
        size_t n = make(octets, family, proto, PARTIAL, 0);
        assert_true(is_partial(octets, n, n));
        assert_true(is_partial(octets, checksum, n)); /* cut off behind it, and within it */
        assert_false(is_partial(octets, checksum - 1, n));
        make(octets, family, proto, WRONG, 0);
        assert_false(is_partial(octets, n, n));
        make(octets, family, proto, COMPLETE, 0);
        assert_false(is_partial(octets, n, n));
    }
}

/* A complete one that is the sum of the pseudo header as well. */
static void by_chance(void **state) {
    (void)state;
    uint8_t partial[MOST], complete[MOST];
    size_t n = make(partial, 4, TCP, PARTIAL, 0);
    uint32_t salt = 0;
    do
        make(complete, 4, TCP, COMPLETE, salt++);
    while (memcmp(partial + 36, complete + 36, 2) != 0);
    assert_false(is_partial(complete, n, n));
    assert_true(is_partial(complete, n - 1, n)); /* nobody can know */
}

/* Fragments have a part of what is summed up; other protocols have no such sum. */
static void others(void **state) {
    (void)state;
    uint8_t octets[MOST];
    size_t n = make(octets, 4, UDP, PARTIAL, 0);
    octets[6] = 0x20;
    assert_false(is_partial(octets, n, n));
    make(octets, 4, UDP, PARTIAL, 0);
    octets[9] = 132;
    assert_false(is_partial(octets, n, n));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each),
        cmocka_unit_test(by_chance),
        cmocka_unit_test(others),
    };
    return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
