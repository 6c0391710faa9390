/* SPDX-License-Identifier: MIT */
/*
** Interface counters as columns: one stream for each, in the order of the table below.
*/
#include "counters.h"
#include "group.h"
#include "meta.h"
#include "stream.h"

const char *const fvt_counter_names[FVT_NCOUNTERS] = {
    [FVT_SOURCE_TYPE] = "sourceType",
    [FVT_SOURCE_INDEX] = "sourceIndex",
    [FVT_IFINDEX] = "ifIndex",
    [FVT_IFTYPE] = "ifType",
    [FVT_IFSPEED] = "ifSpeed",
    [FVT_IFDIRECTION] = "ifDirection",
    [FVT_IFADMINSTATUS] = "ifAdminStatus",
    [FVT_IFOPERSTATUS] = "ifOperStatus",
    [FVT_IFINOCTETS] = "ifInOctets",
    [FVT_IFINUCASTPKTS] = "ifInUcastPkts",
    [FVT_IFINMULTICASTPKTS] = "ifInMulticastPkts",
    [FVT_IFINBROADCASTPKTS] = "ifInBroadcastPkts",
    [FVT_IFINDISCARDS] = "ifInDiscards",
    [FVT_IFINERRORS] = "ifInErrors",
    [FVT_IFINUNKNOWNPROTOS] = "ifInUnknownProtos",
    [FVT_IFOUTOCTETS] = "ifOutOctets",
    [FVT_IFOUTUCASTPKTS] = "ifOutUcastPkts",
    [FVT_IFOUTMULTICASTPKTS] = "ifOutMulticastPkts",
    [FVT_IFOUTBROADCASTPKTS] = "ifOutBroadcastPkts",
    [FVT_IFOUTDISCARDS] = "ifOutDiscards",
    [FVT_IFOUTERRORS] = "ifOutErrors",
    [FVT_IFPROMISCUOUSMODE] = "ifPromiscuousMode",
};

enum { COLUMNS = FVT_NCOUNTERS + 5 }; /* time and exporter before the counters */

static int64_t column_of(const struct fvt_if_counters *r, uint32_t column) {
    switch (column) {
    case 0:
        return r->time;
    case 1:
        return r->exporter.family;
    case 2:
        return (int64_t)fvt_load64(r->exporter.addr);
    case 3:
        return (int64_t)fvt_load64(r->exporter.addr + 8);
    case 4:
        return r->odid;
    default:
        return (int64_t)r->value[column - 5];
    }
}

static void set_octets(uint8_t *p, uint64_t v) {
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void from_column(struct fvt_if_counters *r, uint32_t column, int64_t v) {
    switch (column) {
    case 0:
        r->time = v;
        break;
    case 1:
        r->exporter.family = v == 4 || v == 6 ? (uint8_t)v : 0;
        break;
    case 2:
        set_octets(r->exporter.addr, (uint64_t)v);
        break;
    case 3:
        set_octets(r->exporter.addr + 8, (uint64_t)v);
        break;
    case 4:
        r->odid = (uint32_t)v;
        break;
    default:
        r->value[column - 5] = (uint64_t)v;
    }
}

/* An interface's rows follow each other, so that its counters are close to each other. */
static int by_interface(const void *a, const void *b) {
    const struct fvt_if_counters *x = a, *y = b;
    int order = flow_ip_cmp(&x->exporter, &y->exporter);
    if (order == 0)
        order = (x->odid > y->odid) - (x->odid < y->odid);
    uint64_t i = x->value[FVT_IFINDEX], k = y->value[FVT_IFINDEX];
    if (order == 0)
        order = (i > k) - (i < k);
    return order ? order : (x->time > y->time) - (x->time < y->time);
}

void counters_put(struct fvt_buffer *out, struct fvt_buffer *meta, uint64_t at,
                  struct fvt_if_counters *rows, uint32_t n, bool small) {
    int64_t *v = malloc(((size_t)n + 1) * sizeof *v);
    size_t begun = out->n;
    struct fvt_counter_block block = {.at = at, .rows = n, .first = INT64_MAX, .last = INT64_MIN};
    out->failed |= !v;
    if (small)
        qsort(rows, n, sizeof *rows, by_interface);
    for (uint32_t i = 0; i < n; i++) {
        block.first = rows[i].time < block.first ? rows[i].time : block.first;
        block.last = rows[i].time > block.last ? rows[i].time : block.last;
    }
    fvt_put_zeros(out, FVT_BLOCK_HEADER);
    fvt_put_int(out, n, 4);
    fvt_put_int(out, COLUMNS, 4);
    for (uint32_t k = 0; v && k < COLUMNS; k++) {
        for (uint32_t i = 0; i < n; i++)
            v[i] = column_of(&rows[i], k);
        fvt_stream_encode(out, v, n, small);
    }
    if (!out->failed)
        block_seal(out, begun, FVT_COUNTERS, out->n - begun - FVT_BLOCK_HEADER, 0);
    meta_put_counters(meta, &block);
    free(v);
}

int counters_get(struct fvt_cursor *c, struct fvt_if_counters **rows, uint32_t *n) {
    uint32_t count = (uint32_t)fvt_get_int(c, 4), columns = (uint32_t)fvt_get_int(c, 4);
    if (c->bad || count > FVT_COUNTER_ROWS || columns == 0)
        return FVT_DAMAGED;
    int64_t *v = malloc(((size_t)count + 1) * sizeof *v);
    struct fvt_if_counters *out = calloc((size_t)count + 1, sizeof *out);
    int rc = v && out ? FVT_OK : FVT_NOMEM;
    for (uint32_t k = 0; rc == FVT_OK && k < columns && k < COLUMNS; k++) {
        struct fvt_stream *s = NULL;
        rc = fvt_stream_open(c, NULL, &s);
        if (rc == FVT_OK && (s->n != count || !fvt_stream_fits(s)))
            rc = FVT_DAMAGED;
        if (rc == FVT_OK) {
            fvt_stream_read(s, 0, count, v);
            for (uint32_t i = 0; i < count; i++)
                from_column(&out[i], k, v[i]);
        }
        fvt_stream_free(s);
    }
    free(v);
    if (rc == FVT_OK) {
        *rows = out;
        *n = count;
        return FVT_OK;
    }
    free(out);
    return rc;
}
