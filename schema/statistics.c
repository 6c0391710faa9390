/* SPDX-License-Identifier: MIT */
/*
** Counters of exporters and sockets to bytes and back, and their sums. One table for each says which
** counter is where; a counter that only a later version knows is behind the ones known here.
*/
#include "statistics.h"
#include "meta.h"

#include <stddef.h>

#define NONE SIZE_MAX /* a place that is not used any more: 0 */

#define IN_EXPORTER(member) offsetof(struct fvt_exporter, member)
#define IN_SOCKET(member) offsetof(struct fvt_socket, member)

/* In the order of the file; new ones go to the end. All are 64 bits. */
static const size_t exporter_counters[] = {
    IN_EXPORTER(datagrams),
    IN_EXPORTER(flows),
    IN_EXPORTER(packets),
    IN_EXPORTER(bytes),
    IN_EXPORTER(options),
    IN_EXPORTER(lost),
    IN_EXPORTER(no_template),
    NONE,
    IN_EXPORTER(sampling),
    IN_EXPORTER(malformed[FVT_BAD_SHORT]),
    IN_EXPORTER(malformed[FVT_BAD_VERSION]),
    IN_EXPORTER(malformed[FVT_BAD_SET]),
    IN_EXPORTER(malformed[FVT_BAD_TEMPLATE]),
    IN_EXPORTER(malformed[FVT_BAD_RECORD]),
    IN_EXPORTER(sampling_origin),
    IN_EXPORTER(sampling_rounded),
    IN_EXPORTER(no_template_octets),
    IN_EXPORTER(malformed_octets[FVT_BAD_SHORT]),
    IN_EXPORTER(malformed_octets[FVT_BAD_VERSION]),
    IN_EXPORTER(malformed_octets[FVT_BAD_SET]),
    IN_EXPORTER(malformed_octets[FVT_BAD_TEMPLATE]),
    IN_EXPORTER(malformed_octets[FVT_BAD_RECORD]),
};
static const size_t socket_counters[] = {
    IN_SOCKET(datagrams),  IN_SOCKET(octets), IN_SOCKET(drops),
    IN_SOCKET(ring_drops), IN_SOCKET(buffer),
};
enum {
    EXPORTER_COUNTERS = sizeof exporter_counters / sizeof *exporter_counters,
    SOCKET_COUNTERS = sizeof socket_counters / sizeof *socket_counters,
};

static uint64_t value_at(const void *of, size_t at) {
    uint64_t v = 0;
    if (at != NONE)
        memcpy(&v, (const char *)of + at, sizeof v);
    return v;
}

/* Zeros in the end need not be written. */
static void put_counters(struct fvt_buffer *out, const void *of, const size_t *at, unsigned n) {
    while (n && value_at(of, at[n - 1]) == 0)
        n--;
    for (unsigned i = 0; i < n; i++)
        fvt_put_int(out, value_at(of, at[i]), 8);
}

static void get_counters(struct fvt_cursor *c, void *of, const size_t *at, unsigned n) {
    for (unsigned i = 0; i < n && fvt_left(c) >= 8; i++) {
        uint64_t v = fvt_get_int(c, 8);
        if (at[i] != NONE)
            memcpy((char *)of + at[i], &v, sizeof v);
    }
}

static void add_counters(void *sum, const void *more, const size_t *at, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        uint64_t v = value_at(sum, at[i]) + value_at(more, at[i]);
        if (at[i] != NONE)
            memcpy((char *)sum + at[i], &v, sizeof v);
    }
}

/* ---- exporters -------------------------------------------------------------------------- */

void statistics_put_exporter(struct fvt_buffer *out, enum fvt_meta_kind kind,
                             const struct fvt_exporter *e) {
    size_t at = meta_begin(out, kind);
    fvt_put_ip(out, &e->exporter);
    fvt_put_zeros(out, 3);
    fvt_put_int(out, e->odid, 4);
    fvt_put(out, e->version, sizeof e->version);
    put_counters(out, e, exporter_counters, EXPORTER_COUNTERS);
    meta_end(out, at);
}

struct fvt_exporter statistics_get_exporter(struct fvt_cursor *c) {
    struct fvt_exporter e;
    memset(&e, 0, sizeof e);
    e.exporter = fvt_get_ip(c);
    fvt_get(c, 3);
    e.odid = (uint32_t)fvt_get_int(c, 4);
    const uint8_t *version = fvt_get(c, sizeof e.version);
    if (version)
        memcpy(e.version, version, sizeof e.version - 1);
    get_counters(c, &e, exporter_counters, EXPORTER_COUNTERS);
    return e;
}

int statistics_by_exporter(const void *a, const void *b) {
    const struct fvt_exporter *x = a, *y = b;
    int order = flow_ip_cmp(&x->exporter, &y->exporter);
    if (order == 0)
        order = (x->odid > y->odid) - (x->odid < y->odid);
    return order ? order : strcmp(x->version, y->version);
}

void statistics_add_exporter(void *sum, const void *more) {
    struct fvt_exporter *s = sum;
    const struct fvt_exporter *m = more;
    uint64_t sampling = m->sampling ? m->sampling : s->sampling;
    uint64_t origin = m->sampling ? m->sampling_origin : s->sampling_origin;
    add_counters(s, m, exporter_counters, EXPORTER_COUNTERS);
    s->sampling = sampling;
    s->sampling_origin = origin;
}

/* ---- sockets ---------------------------------------------------------------------------- */

void statistics_put_socket(struct fvt_buffer *out, const struct fvt_socket *s) {
    size_t at = meta_begin(out, FVT_META_SOCKET);
    fvt_put_ip(out, &s->address);
    fvt_put_int(out, s->protocol, 1);
    fvt_put_int(out, s->port, 2);
    put_counters(out, s, socket_counters, SOCKET_COUNTERS);
    meta_end(out, at);
}

struct fvt_socket statistics_get_socket(struct fvt_cursor *c) {
    struct fvt_socket s;
    memset(&s, 0, sizeof s);
    s.address = fvt_get_ip(c);
    s.protocol = (uint8_t)fvt_get_int(c, 1);
    s.port = (uint16_t)fvt_get_int(c, 2);
    get_counters(c, &s, socket_counters, SOCKET_COUNTERS);
    return s;
}

int statistics_by_socket(const void *a, const void *b) {
    const struct fvt_socket *x = a, *y = b;
    int order = (x->protocol > y->protocol) - (x->protocol < y->protocol);
    if (order == 0)
        order = flow_ip_cmp(&x->address, &y->address);
    return order ? order : (x->port > y->port) - (x->port < y->port);
}

void statistics_add_socket(void *sum, const void *more) {
    struct fvt_socket *s = sum;
    const struct fvt_socket *m = more;
    uint64_t buffer = m->buffer ? m->buffer : s->buffer;
    add_counters(s, m, socket_counters, SOCKET_COUNTERS);
    s->buffer = buffer;
}

void fvt_exporter_add(struct fvt_exporter *sum, const struct fvt_exporter *more) {
    statistics_add_exporter(sum, more);
}
