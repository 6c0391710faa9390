/* SPDX-License-Identifier: MIT */
/*
** Block headers and directories into bytes.
*/
#include "directory.h"

void directory_begin(struct fvt_buffer *dir, uint32_t rows, const struct fvt_totals *totals) {
    fvt_put_int(dir, rows, 4);
    fvt_put_int(dir, 0, 4);
    for (int p = 0; p < FVT_NPROTO; p++) {
        fvt_put_int(dir, totals->flows[p], 8);
        fvt_put_int(dir, totals->packets[p], 8);
        fvt_put_int(dir, totals->bytes[p], 8);
    }
    fvt_put_int(dir, (uint64_t)totals->first, 8);
    fvt_put_int(dir, (uint64_t)totals->last, 8);
}

void directory_counts(struct fvt_buffer *dir, uint16_t chunks, uint16_t dicts) {
    fvt_set_int(dir, 4, chunks, 2);
    fvt_set_int(dir, 6, dicts, 2);
}

void directory_put(struct fvt_buffer *dir, const struct directory_entry *e, const uint8_t *p,
                   size_t n) {
    fvt_put_int(dir, FVT_ENTRY + (e->zone ? FVT_IP_ZONE : 0), 2);
    fvt_put_int(dir, e->column, 2);
    fvt_put_int(dir, e->encoding, 1);
    fvt_put_int(dir, e->flags, 1);
    fvt_put_int(dir, e->dict, 2);
    fvt_put_int(dir, e->offset, 4);
    fvt_put_int(dir, n, 4);
    fvt_put_int(dir, e->raw, 4);
    fvt_put_int(dir, e->parent, 4);
    fvt_put_int(dir, e->nulls, 4);
    fvt_put_int(dir, e->count, 4);
    fvt_put_int(dir, n ? fvt_checksum(p, n) : fvt_checksum("", 0), 8);
    fvt_put_int(dir, (uint64_t)e->min, 8);
    fvt_put_int(dir, (uint64_t)e->max, 8);
    if (!e->zone)
        return;
    fvt_put_ip(dir, &e->first);
    fvt_put_ip(dir, &e->last);
    fvt_put_zeros(dir, FVT_IP_ZONE - 34);
}

void block_seal(struct fvt_buffer *out, size_t at, enum fvt_block_type type, size_t dirlen,
                uint32_t rows) {
    fvt_align(out);
    size_t payload = at + FVT_BLOCK_HEADER;
    fvt_set_int(out, at, FVT_BLOCK_MAGIC, 4);
    fvt_set_int(out, at + 4, type, 2);
    fvt_set_int(out, at + 6, 0, 2);
    fvt_set_int(out, at + 8, out->n - payload, 8);
    fvt_set_int(out, at + 16, dirlen, 4);
    fvt_set_int(out, at + 20, rows, 4);
    if (out->failed)
        return;
    fvt_set_int(out, at + 24, fvt_checksum(out->p + payload, dirlen), 8);
    fvt_set_int(out, at + 32, fvt_checksum(out->p + at, 32), 8);
}
