/* SPDX-License-Identifier: MIT */
/*
** Fuzz target: a sequence of export datagrams, each preceded by its length in two octets (network
** order), given to two collectors, one of which takes many rows at once where it can: what comes out
** must be the same. The highest bit of the length chooses between two exporters. The bounds of memory
** are set low, so that making room is exercised too.
*/
#include <stdlib.h>

#include "tests/fuzz/limits.h"

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
        *sum = *sum * 31 + (unsigned)f;
        for (size_t i = 0; i < n; i++)
            *sum = *sum * 31 + p[i];
        if (flow_fields[f].class == FLOW_UINT && v->i < 0)
            abort();
    }
    return true;
}

static uint32_t touch_rows(void *arg, const struct flow_rows *rows) {
    struct flow_row row;
    for (uint32_t i = 0; i < rows->n; i++) {
        flow_rows_row(rows, i, &row);
        touch_row(arg, &row);
    }
    return rows->n;
}

/* Those of one collector and of the other count the same. */
static void compare(const struct collector *a, const struct collector *b) {
    const struct exporter *x = a->exporters.newest, *y = b->exporters.newest;
    for (; x && y; x = x->older, y = y->older)
        if (memcmp(&x->stat, &y->stat, sizeof x->stat) != 0 || x->decoded != y->decoded)
            abort();
    if (x || y)
        abort();
}

static void give(struct collector *c, const struct datagram *d) {
    enum { EVERY = 3 }; /* rows of datagrams before wait for those of others */
    collector_datagram(c, d);
    if (d->received % EVERY == 0)
        collector_tick(c, d->received);
    if (c->exporters.announced_octets > limits.announced || c->pending.octets > limits.pending ||
        c->exporters.count > limits.exporters)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint64_t one = 0, many = 0;
    const struct fault_sink faults = {NULL, NULL};
    struct collector *a = collector_new((struct flow_sink){touch_row, &one, NULL}, faults, &limits);
    struct collector *b =
        collector_new((struct flow_sink){touch_row, &many, touch_rows}, faults, &limits);
    struct cursor in = cursor_of(data, size);
    int64_t now = INT64_C(1700000000000);
    uint16_t head;
    while (a && b && cursor_u16(&in, &head)) {
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
        give(a, &d);
        give(b, &d);
        free(copy);
    }
    if (a && b) {
        collector_flush(b);
        if (one != many)
            abort();
        compare(a, b);
    }
    collector_free(a);
    collector_free(b);
    return 0;
}
