/* SPDX-License-Identifier: MIT */
/*
** NetFlow version 5: a header of 24 octets and up to 30 records of 48, all at fixed places.
**
**   header  0 version  2 count  4 SysUptime ms  8 unix_secs  12 unix_nsecs  16 flow_sequence
**           20 engine_type  21 engine_id  22 sampling: 2 bits mode, 14 bits interval
**   record  0 srcaddr  4 dstaddr  8 nexthop  12 input  14 output  16 dPkts  20 dOctets  24 First
**           28 Last  32 srcport  34 dstport  36 pad  37 tcp_flags  38 prot  39 tos  40 src_as
**           42 dst_as  44 src_mask  45 dst_mask  46 pad
**
** The records are decoded by a plan like any template's: the table below is that template.
*/
#include "decode.h"

enum { HEADER = 24, RECORD = 48, MAX_GAP = 1 << 24 };

const struct template_field netflow5_fields[] = {
    {0, 8, 4},  {0, 12, 4}, {0, 15, 4}, {0, 10, 2}, {0, 14, 2},  {0, 2, 4},   {0, 1, 4},
    {0, 22, 4}, {0, 21, 4}, {0, 7, 2},  {0, 11, 2}, {0, 210, 1}, {0, 6, 1},   {0, 4, 1},
    {0, 5, 1},  {0, 16, 2}, {0, 17, 2}, {0, 9, 1},  {0, 13, 1},  {0, 210, 2},
};
const uint16_t netflow5_nfields = sizeof netflow5_fields / sizeof *netflow5_fields;

void collector_netflow5(struct collector *c, const struct datagram *d) {
    struct cursor in = cursor_of(d->data, d->size);
    const uint8_t *h = cursor_take(&in, HEADER);
    uint32_t odid = h ? (uint32_t)be16(h + 20) : 0;
    struct exporter *e = collector_exporter(c, d, "v5", odid);
    if (!e)
        return;
    if (!h) {
        collector_fault(c, e, d, FVT_BAD_SHORT);
        return;
    }
    uint32_t count = be16(h + 2), whole = (uint32_t)(cursor_left(&in) / RECORD);
    if (count > whole)
        collector_fault(c, e, d, FVT_BAD_SHORT);
    else
        whole = count;

    uint64_t sampling = be16(h + 22) & 0x3fff;
    struct record_header header = {
        .version = "v5",
        .exporter = d->from,
        .odid = odid,
        .sequence = be32(h + 16),
        .received = d->received,
        .exported = (int64_t)be32(h + 8) * 1000 + be32(h + 12) / 1000000,
        .boot = INT64_MIN,
        .uptime = be32(h + 4),
        .has_uptime = true,
        .has_engine = true,
        .engine_type = h[20],
        .engine_id = h[21],
        .sampling = sampling,
    };
    if (sampling)
        e->stat.sampling = sampling;
    /* A count that is not true says nothing of the next number either. */
    const struct sequence_mark mark = {header.sequence, whole, whole, header.uptime, MAX_GAP};
    e->stat.lost += (uint64_t)sequence_check(&e->sequence, &mark);
    if (count != whole)
        sequence_forget(&e->sequence);

    record_header(&c->record, &header);
    struct cursor records = cursor_cut(&in, (size_t)whole * RECORD);
    while (record_begin(&c->record), plan_next(c->netflow5, &records, &c->record) == PLAN_RECORD)
        collector_emit(c, e);
}
