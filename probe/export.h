/* SPDX-License-Identifier: MIT */
/*
** The exporter: rows to collectors in one of the formats of message.h. It decides when a message is
** sent (full, or expint after its first record) and when templates and interface names are
** repeated (every EXPORT_REFRESH_SECONDS and every EXPORT_REFRESH_MESSAGES).
*/
#ifndef FLOWVT_EXPORT_H
#define FLOWVT_EXPORT_H

#include "message.h"
#include "sender.h"

enum {
    EXPORT_REFRESH_SECONDS = 60, /* wall time; a collector that starts late waits no longer */
    EXPORT_REFRESH_MESSAGES = 128,
    EXPORT_INTERFACES = 1024, /* names that are remembered */
    EXPORT_APPLICATIONS = APPLICATIONS_KNOWN,
};

struct exporter_rows {
    uint64_t flows, packets, bytes;
};

struct exporter_stats {
    uint64_t rows;                    /* given to it */
    uint64_t records;                 /* sent; more than rows where v5 had to split counters */
    uint64_t options;                 /* options data records */
    struct exporter_rows not_carried; /* rows that the format has no means for: IPv6 in v5 */
    struct exporter_rows unsent;      /* in datagrams that no target was sent */
};

struct exporter;

/* version: 5, 9 or 10. The exporter owns sender from here on. warn is called with one sentence
** when a collector cannot be reached. NULL: no memory, or no such version. */
struct exporter *exporter_new(unsigned version, uint32_t odid, struct sender *sender,
                              void (*warn)(const char *text));

/* Packets are sampled like this: collectors are told, before the first flow. */
void exporter_sampling(struct exporter *e, struct sampling_method method);

/* How IPFIX has times; TIME_MILLI unless told. For the finer ones, exporter_times() goes before each exporter_add(). */
void exporter_time_format(struct exporter *e, enum time_format format);

/* Of the next row. */
void exporter_times(struct exporter *e, const struct flow_times *times);

/* Export one flow. now: its clock, ms since 1970 (packet time). */
void exporter_add(struct exporter *e, const struct flow_row *row, int64_t now);

/* Tell the collectors the name of an interface, now and with every refresh. */
void exporter_interface(struct exporter *e, uint32_t ifindex, const char *name,
                        const char *description);

/* The next row is of this application; collectors are told its name before, and with every refresh. a stays
** valid as long as the exporter is given rows. */
void exporter_application(struct exporter *e, const struct application *a);

/* What the collectors are told about losses, besides the exporter's own: totals so far. */
struct exporter_losses {
    uint64_t ignored_packets;   /* not metered, or lost by the capture */
    struct exporter_rows flows; /* metered, but given to no exporter */
};

/* Tell them from now on with every refresh, and at once when last is set (RFC 7011 section 4; nothing in v5). */
void exporter_losses(struct exporter *e, const struct exporter_losses *losses, bool last);

/* Templates and all options data go out again with the next flow. */
void exporter_refresh(struct exporter *e);

/* Send what is in the message, however little. */
void exporter_flush(struct exporter *e);

const char *exporter_format(const struct exporter *e);
const struct exporter_stats *exporter_stats(const struct exporter *e);
const struct sender_stats *exporter_sender_stats(const struct exporter *e);

/* Flush and free. */
void exporter_free(struct exporter *e);

#endif
