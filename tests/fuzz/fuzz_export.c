/* SPDX-License-Identifier: MIT */
/*
** Fuzz target: a sequence of export datagrams, each preceded by its length in two octets (network
** order), given to one collector. The highest bit of the length chooses between two exporters. The
** bounds of memory are set low, so that making room is exercised too.
*/
#include <stdlib.h>

#include "collector/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Looks at every octet that the row refers to. */
static bool touch_row(void *arg, const struct flow_row *row) {
    uint64_t *sum = arg;
    for (int f = 0; f < FLOW_NFIELDS; f++) {
        if (!flow_row_has(row, f))
            continue;
        const union flow_value *v = &row->value[f];
        const unsigned char *p = (const unsigned char *)v;
        size_t n = flow_fields[f].class == FLOW_IP ? sizeof v->ip : sizeof v->i;
        if (flow_fields[f].class == FLOW_TEXT) {
            p = (const unsigned char *)v->text.p;
            n = v->text.n;
        }
        for (size_t i = 0; i < n; i++)
            *sum += p[i];
        if (flow_fields[f].class == FLOW_UINT && v->i < 0)
            abort();
    }
    return *sum != 1;
}

static const struct collector_limits limits = {
    .exporters = 6,
    .interfaces = 8,
    .announced = 64 << 10,
    .exporter_template = 32 << 10,
    .pending = 16 << 10,
    .exporter_pending = 8 << 10,
    .pending_ms = 100,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint64_t sum = 0;
    struct collector *c = collector_new((struct flow_sink){touch_row, &sum},
                                        (struct fault_sink){NULL, NULL}, &limits);
    if (!c)
        return 0;
    struct cursor in = cursor_of(data, size);
    int64_t now = INT64_C(1700000000000);
    uint16_t head;
    while (cursor_u16(&in, &head)) {
        struct cursor payload = cursor_cut(&in, head & 0x7fff);
        /* A copy of its own, so that AddressSanitizer sees a read behind its end. */
        size_t n = cursor_left(&payload);
        uint8_t *copy = malloc(n ? n : 1);
        if (!copy)
            break;
        if (n)
            memcpy(copy, payload.p, n);
        const uint8_t address[4] = {192, 0, 2, head >> 15};
        const struct datagram d = {
            .data = copy,
            .size = n,
            .from = flow_ip_make(4, address),
            .received = now += 7,
        };
        collector_datagram(c, &d);
        free(copy);
        collector_tick(c, now);
        if (c->exporters.announced_octets > limits.announced ||
            c->pending.octets > limits.pending || c->exporters.count > limits.exporters)
            abort();
    }
    collector_free(c);
    return 0;
}
