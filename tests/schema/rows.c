/* SPDX-License-Identifier: MIT */
/*
** Test rows from a counter: splitmix64 of seed and row number.
*/
#include "rows.h"

#include <stdio.h>

static uint64_t mix(uint64_t x) {
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void set_address(struct flow_row *row, int f, uint64_t r) {
    uint64_t host = mix(r % 4 ? r % 16 : r % 997);
    uint8_t octets[16];
    memcpy(octets, &host, 8);
    host = mix(host);
    memcpy(octets + 8, &host, 8);
    flow_row_set_ip(row, f, r % 7 == 0 ? 6 : 4, octets);
}

static void set_text(struct test_row *out, int f, uint64_t r) {
    int n = snprintf(out->text[f], sizeof out->text[f], "name %d", (int)(r % 20));
    flow_row_set_text(&out->row, f, out->text[f], r % 20 ? (size_t)n : 0);
}

void test_row_make(struct test_row *out, uint64_t seed, uint64_t i) {
    struct flow_row *row = &out->row;
    flow_row_clear(row);
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        uint64_t r = mix(mix(seed + i) + (uint64_t)f);
        /* A third of the columns always, a third sometimes, some never. */
        if (f >= FLOW_odid ? f % 3 == 0 : f % 5 == 4 && r % 3)
            continue;
        switch (flow_fields[f].class) {
        case FLOW_UINT:
            flow_row_set(row, f, r % 1000 == 0 ? UINT64_MAX : f % 4 ? r % 300 : 17);
            break;
        case FLOW_TIME:
            flow_row_set_time(row, f,
                              r % 1000 == 0 ? -5000 : 1700000000000 + (int64_t)(i * 7 + r % 50));
            break;
        case FLOW_MAC:
            flow_row_set(row, f, mix(r % 5) >> 16);
            break;
        case FLOW_IP:
            set_address(row, f, r);
            break;
        case FLOW_TEXT:
            set_text(out, f, r);
            break;
        }
    }
    /* A property of the source, as exporters send it. */
    if (flow_row_has(row, FLOW_srcip))
        flow_row_set(row, FLOW_srcas, row->value[FLOW_srcip].ip.addr[1]);
}

void test_odd_row_make(struct flow_row *row, int64_t begin, uint64_t i) {
    const int64_t HOUR = 3600000;
    uint64_t r = mix(i);
    flow_row_clear(row);
    int64_t start = begin + (int64_t)(r % 30) * HOUR / 4, length = (int64_t)(r >> 8) % 100000;
    if (r % 50 == 0)
        length = 5 * HOUR + (int64_t)(r >> 16) % HOUR;
    if (r % 2000 == 1)
        length = 40 * 24 * HOUR; /* a clock error */
    bool swapped = r % 70 == 2;
    if (r % 60 != 3)
        flow_row_set_time(row, FLOW_tstart, swapped ? start + length : start);
    if (r % 60 != 4 && r % 60 != 3)
        flow_row_set_time(row, FLOW_tend, swapped ? start : start + length);
    if (r % 600 != 3)
        flow_row_set_time(row, FLOW_trecv, start + length + 1000);
    uint8_t octets[16] = {10, 0, 0, (uint8_t)(mix(r) % 5)};
    if (r % 9)
        flow_row_set_ip(row, FLOW_srcip, r % 5 ? 4 : 6, octets);
    octets[3] = (uint8_t)(mix(r + 1) % 5);
    flow_row_set_ip(row, FLOW_dstip, 4, octets);
    octets[3] = (uint8_t)(r % 2);
    flow_row_set_ip(row, FLOW_exporter, 4, octets);
    flow_row_set(row, FLOW_proto, r % 3 ? 6 : 17);
    if (r % 11)
        flow_row_set(row, FLOW_dstport, r % 13 == 0 ? 0 : 443);
    flow_row_set(row, FLOW_srcport, mix(r) % 65536);
    flow_row_set(row, FLOW_packets, r % 100);
    if (r % 17)
        flow_row_set(row, FLOW_bytes, mix(r) % 1000000);
    if (r % 4 == 0)
        flow_row_set(row, FLOW_flows, r % 3);
    if (r % 6 == 0)
        flow_row_set(row, FLOW_sampling, r % 7 * 100);
}
